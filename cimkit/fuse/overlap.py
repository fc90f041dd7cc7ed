"""How much the buildings of candidate pairs overlap: alone, and as parts of blocks.

A block is a run of buildings of one source that touch each other. Where one source draws a
terrace as ten houses and another as one, single houses overlap little, but their blocks
overlap nearly whole. Since buildings of one source hardly overlap each other, the overlap of
two blocks is the sum of the overlaps of their members, so no geometry is ever united.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from cimkit.fuse import batches
from cimkit.fuse.records import Roster

if TYPE_CHECKING:
    import duckdb

#: Footprints of one block may leave a gap of this much where two surveys meet.
_TOUCHING_M = 0.25
#: Areas are summed as whole square centimetres: sums of integers do not depend on which thread came first.
_PER_M2 = 10_000
#: From this IoU on a building is a partner of one's own.
_PARTNER_IOU = 0.4
#: Up to this share of the smaller building, common ground is careless drawing.
_TRIFLE = 0.1
#: An annex is smaller than this share of its building.
_ANNEX = 0.8
#: Blocks that share this much are one block, a building with this much in a block is part of it: more says no more.
_ENOUGH_BLOCK, _ENOUGH_SHARE = 0.15, 0.3

FEATURES = ("iou", "overlap", "block_overlap", "share_in_block", "gap_m")


def blocks(con: duckdb.DuckDBPyConnection, roster: Roster) -> None:
    """Make ``block(rid, source, block, block_area, area)`` and ``twin(rid, other)``.

    Areas are whole cm². Twins are records of one source that claim the same ground: more
    than half of the smaller lies within the other.
    """
    from scipy import sparse

    total = sum(roster.records.values())
    lefts, rights = [], []
    con.execute("CREATE TABLE twin (rid INTEGER, other INTEGER)")
    for item in roster.inputs:
        con.execute(
            f"""
            CREATE OR REPLACE TEMP TABLE side AS SELECT rid, area, geom FROM place WHERE source = {item.number};
            CREATE OR REPLACE TEMP TABLE touching AS
                SELECT a.rid AS a, b.rid AS b, {_intersection("a.geom", "b.geom")} / {_PER_M2} AS common,
                    least(a.area, b.area) AS smaller
                FROM side a JOIN side b ON ST_DWithin(a.geom, b.geom, {_TOUCHING_M}) AND a.rid < b.rid;
            INSERT INTO twin
                SELECT a, b FROM touching WHERE common > 0.5 * smaller
                UNION ALL SELECT b, a FROM touching WHERE common > 0.5 * smaller
            """
        )
        found = con.execute("SELECT a, b FROM touching").fetchnumpy()
        lefts.append(found["a"])
        rights.append(found["b"])
    con.execute("DROP TABLE touching; DROP TABLE side")
    a, b = np.concatenate(lefts), np.concatenate(rights)
    graph = sparse.coo_matrix((np.ones(len(a), dtype=np.int8), (a, b)), shape=(total, total))
    _, block = sparse.csgraph.connected_components(graph, directed=False)
    con.execute("CREATE TEMP TABLE grouped (rid INTEGER, block INTEGER)")
    batches.append(con, "grouped", pa.table({"rid": np.arange(total, dtype=np.int32), "block": block}))
    con.execute(
        f"""
        CREATE TABLE block AS
        SELECT rid, source, block, sum(cm2) OVER (PARTITION BY block) AS block_area, cm2 AS area
        FROM (
            SELECT rid, source, block, CAST(round(area * {_PER_M2}) AS HUGEINT) AS cm2
            FROM place JOIN grouped USING (rid)
        );
        DROP TABLE grouped
        """
    )


def measure(con: duckdb.DuckDBPyConnection) -> None:
    """Make ``overlap(a, b, …)`` with :data:`FEATURES` for the candidates; shares are 0..1, the gap metres.

    ``overlap`` is the common area over that of the smaller building. The two that concern
    blocks are shares too, full from where more would say no more.
    Left out are pairs that only their blocks bring together, of buildings that both have a
    partner of their own: where two sources have drawn the same ten houses of a terrace,
    neighbours are just neighbours. The same goes for a building without a partner beside one
    that has one, unless it is so much smaller that it may be an annex.
    """
    con.execute(
        f"""
        CREATE TEMP TABLE common AS
            SELECT c.a, c.b, {_intersection("p.geom", "moved")} AS cm2,
                CASE WHEN ST_Intersects(p.geom, moved) THEN 0 ELSE ST_Distance(p.geom, moved) END AS gap_m
            FROM (
                SELECT a, b, CASE WHEN dx = 0 AND dy = 0 THEN q.geom ELSE ST_Translate(q.geom, dx, dy) END AS moved
                FROM candidate JOIN place q ON q.rid = b
            ) c JOIN place p ON p.rid = c.a;
        CREATE TABLE overlap AS
        WITH sized AS (
            SELECT common.*, p.area AS a_area, q.area AS b_area, p.block AS a_block, q.block AS b_block,
                p.block_area AS a_block_area, q.block_area AS b_block_area, p.source AS a_source, q.source AS b_source,
                {_share("cm2", "p.area + q.area - cm2")} AS iou
            FROM common JOIN block p ON p.rid = a JOIN block q ON q.rid = b
        ), summed AS (
            SELECT *,
                sum(cm2) OVER (PARTITION BY a_block, b_block) AS blocks,
                sum(cm2) OVER (PARTITION BY a, b_block) AS a_in_block,
                sum(cm2) OVER (PARTITION BY b, a_block) AS b_in_block,
                {_PARTNER_IOU} < max(iou) OVER (PARTITION BY a, b_source) AS a_settled,
                {_PARTNER_IOU} < max(iou) OVER (PARTITION BY b, a_source) AS b_settled
            FROM sized
        )
        SELECT a, b, iou,
            {_share("cm2", "least(a_area, b_area)")} AS overlap,
            least(1, {_share("blocks", "least(a_block_area, b_block_area)")} / {_ENOUGH_BLOCK}) AS block_overlap,
            least(1, greatest({_share("a_in_block", "a_area")}, {_share("b_in_block", "b_area")})
                / {_ENOUGH_SHARE}) AS share_in_block,
            gap_m
        FROM summed
        WHERE iou > {_PARTNER_IOU} OR NOT (
            a_settled AND b_settled
            OR cm2 <= {_TRIFLE} * least(a_area, b_area) AND (
                a_settled AND b_area > {_ANNEX} * a_area OR b_settled AND a_area > {_ANNEX} * b_area
            )
        )
        ORDER BY a, b;
        DROP TABLE common
        """
    )


def _intersection(left: str, right: str) -> str:
    """SQL for a common area in whole cm². GEOS gives up on a few pairs of sound polygons: these have none."""
    return f"CAST(round({_PER_M2} * coalesce(ST_Area(TRY(ST_Intersection({left}, {right}))), 0)) AS HUGEINT)"


def _share(part: str, whole: str) -> str:
    """SQL for a share between 0 and 1; where overlapping buildings of one source count twice, 1 is the limit."""
    return f"CASE WHEN {whole} > 0 THEN least(1, ({part}) / ({whole})) ELSE 0 END"
