"""Which pairs of records are worth a look: one spatial join for each pair of sources.

The join's condition is a bare ``ST_DWithin``. DuckDB answers that with its R-tree
(SPATIAL_JOIN); an equality beside it, or ``ST_Distance(a, b) < d`` in its stead, makes a plan
that looks at every pair.
"""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING

from cimkit.fuse import shift
from cimkit.fuse.profiles import Profile
from cimkit.fuse.records import Roster
from cimkit.model import BBox, Progress

if TYPE_CHECKING:
    import duckdb

#: The R-tree of a spatial join is in memory and does not spill: larger sources are joined piece by piece.
TILE_ROWS = 1_000_000
#: So near to each other, two places are compared even if their names have nothing in common.
_NEAR_M = 50.0


def find(
    con: duckdb.DuckDBPyConnection,
    roster: Roster,
    profile: Profile,
    misplaced: frozenset[int],
    progress: Progress,
) -> int:
    """Make ``candidate(a, b, dx, dy)`` and return its size.

    ``a`` and ``b`` are record numbers, ``a`` of the source that was given earlier; ``dx, dy``
    is the local shift in metres that brings ``b`` onto ``a``. Sources in ``misplaced`` have no
    candidates.
    """
    con.execute("CREATE TABLE candidate (a INTEGER, b INTEGER, dx DOUBLE, dy DOUBLE)")
    usable = [item.number for item in roster.inputs if item.number not in misplaced]
    pairs = list(combinations(usable, 2))
    for done, (left, right) in enumerate(pairs):
        progress("candidates", done, len(pairs))
        stage_sides(con, profile, left, right)
        for tile in range(_tiles(con)):
            con.execute(f"INSERT INTO candidate {join(profile, tile, _extent(con, tile, profile.reach_m))}")
    progress("candidates", len(pairs), len(pairs))
    con.execute("DROP TABLE IF EXISTS left_side; DROP TABLE IF EXISTS right_side; DROP TABLE IF EXISTS shift")
    row = con.execute("SELECT count(*) FROM candidate").fetchone()
    return int(row[0]) if row else 0


def stage_sides(con: duckdb.DuckDBPyConnection, profile: Profile, left: int, right: int) -> None:
    """Make the two sides of the join, ``right_side`` moved by the local shift where the profile has one."""
    marks = ", marks" if profile.compares == "text" else ""
    text = "JOIN text USING (rid)" if profile.compares == "text" else ""
    con.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE left_side AS
        SELECT rid, x, y, geom{marks}, ((row_number() OVER (ORDER BY place.rowid)) - 1) // {TILE_ROWS} AS tile
        FROM place {text} WHERE source = {left} ORDER BY place.rowid
        """
    )
    if profile.local_shift:
        shift.estimate(con, left, right)
    else:
        con.execute("CREATE OR REPLACE TEMP TABLE shift (cell_x INTEGER, cell_y INTEGER, dx DOUBLE, dy DOUBLE)")
    con.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE right_side AS
        SELECT rid, x + coalesce(dx, 0) AS x, y + coalesce(dy, 0) AS y{marks},
            coalesce(dx, 0) AS dx, coalesce(dy, 0) AS dy,
            CASE WHEN dx IS NULL THEN geom ELSE ST_Translate(geom, dx, dy) END AS geom
        FROM place {text} LEFT JOIN shift
            ON cell_x = floor(x / {shift.CELL_M})::INTEGER AND cell_y = floor(y / {shift.CELL_M})::INTEGER
        WHERE source = {right} ORDER BY place.rowid
        """
    )


def join(profile: Profile, tile: int = 0, extent: BBox | None = None) -> str:
    """The query that finds the candidates of one tile of ``left_side`` within ``right_side``."""
    within = (
        f"WHERE ST_XMax(geom) >= {extent[0]!r} AND ST_YMax(geom) >= {extent[1]!r} "
        f"AND ST_XMin(geom) <= {extent[2]!r} AND ST_YMin(geom) <= {extent[3]!r}"
        if extent
        else ""
    )
    query = (
        f"SELECT a.rid, b.rid, b.dx, b.dy FROM (FROM left_side WHERE tile = {tile}) a "
        f"JOIN (FROM right_side {within}) b ON ST_DWithin(a.geom, b.geom, {profile.reach_m})"
    )
    if profile.compares == "text":
        # Names are compared in Python: spare it pairs that are neither near nor alike in any rare word.
        query += f" WHERE (a.x - b.x)^2 + (a.y - b.y)^2 < {_NEAR_M**2} OR list_has_any(a.marks, b.marks)"
    return query


def _tiles(con: duckdb.DuckDBPyConnection) -> int:
    row = con.execute("SELECT coalesce(max(tile) + 1, 0) FROM left_side").fetchone()
    return int(row[0]) if row else 0


def _extent(con: duckdb.DuckDBPyConnection, tile: int, margin: float) -> BBox:
    """The box around a tile, wider by ``margin`` metres."""
    low_x, low_y, high_x, high_y = con.execute(
        "SELECT min(ST_XMin(geom)), min(ST_YMin(geom)), max(ST_XMax(geom)), max(ST_YMax(geom)) "
        "FROM left_side WHERE tile = ?",
        [tile],
    ).fetchone() or (0.0, 0.0, 0.0, 0.0)
    return (low_x - margin, low_y - margin, high_x + margin, high_y + margin)
