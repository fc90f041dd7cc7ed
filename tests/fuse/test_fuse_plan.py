"""The candidates come from DuckDB's spatial join, not from looking at every pair."""

from __future__ import annotations

from pathlib import Path

import pytest
from made_up import CRS, house, source

from cimkit import duck
from cimkit.fuse import align, candidates, overlap, records, texts
from cimkit.fuse.findings import Findings
from cimkit.fuse.profiles import PROFILES
from cimkit.fuse.strategies import Strategy
from cimkit.model import silent


@pytest.mark.parametrize("profile", PROFILES.values(), ids=PROFILES.keys())
def test_the_plan_is_a_spatial_join(tmp_path: Path, profile: object, monkeypatch: pytest.MonkeyPatch) -> None:
    town = [{"id": f"{c}-{r}", "name": f"楼{c}{r}", "geometry": house(c, r)} for c in range(20) for r in range(20)]
    given = [source(tmp_path, name, town) for name in ("a", "b")]
    findings = Findings()
    with duck.connect() as con:
        roster = records.load(con, given, {}, Strategy(), findings)
        texts.prepare(con, roster, silent)
        align.align(con, roster, profile, CRS, findings, silent)  # type: ignore[arg-type]
        candidates.stage_sides(con, profile, 0, 1)  # type: ignore[arg-type]
        plan = str(con.execute(f"EXPLAIN {candidates.join(profile, 0, (0, 0, 1e7, 1e7))}").fetchall())  # type: ignore[arg-type]
        assert "SPATIAL_JOIN" in plan
        assert "NL_JOIN" not in plan
        whole = candidates.find(con, roster, profile, frozenset(), silent)  # type: ignore[arg-type]
        pairs = con.execute("SELECT a, b FROM candidate ORDER BY ALL").fetchall()
        assert whole >= 400

        con.execute("DROP TABLE candidate")
        monkeypatch.setattr(candidates, "TILE_ROWS", 37)
        candidates.find(con, roster, profile, frozenset(), silent)  # type: ignore[arg-type]
        assert con.execute("SELECT a, b FROM candidate ORDER BY ALL").fetchall() == pairs, "tiles lose nothing"


def test_places_lie_along_a_hilbert_curve(tmp_path: Path) -> None:
    town = [{"id": f"{c}-{r}", "geometry": house(c, r)} for c in range(32) for r in range(32)]
    given = [source(tmp_path, name, town) for name in ("a", "b")]
    with duck.connect() as con:
        roster = records.load(con, given, {}, Strategy(), Findings())
        align.align(con, roster, PROFILES["building"], CRS, Findings(), silent)
        steps = con.execute(
            "SELECT median(abs(x - px) + abs(y - py)) FROM (SELECT x, y, lag(x) OVER (ORDER BY rowid) AS px, "
            "lag(y) OVER (ORDER BY rowid) AS py FROM place WHERE source = 0)"
        ).fetchone()
        assert steps is not None
        assert steps[0] < 60, "the next record is a neighbour, 40 m on"


def test_the_overlap_of_blocks_is_that_of_their_union(tmp_path: Path) -> None:
    """The sum over members against shapely's union of the blocks."""
    import shapely

    left = [shapely.box(500_000 + 10 * i, 0, 500_010 + 10 * i, 12) for i in range(4)]
    right = [shapely.box(500_003 + 20 * i, 1, 500_023 + 20 * i, 14) for i in range(2)]
    given = [
        source(tmp_path, name, [{"id": str(i), "geometry": g} for i, g in enumerate(shapes)])
        for name, shapes in (("a", left), ("b", right))
    ]
    profile = PROFILES["building"]
    with duck.connect() as con:
        roster = records.load(con, given, {}, Strategy(), Findings())
        align.align(con, roster, profile, CRS, Findings(), silent)
        overlap.blocks(con, roster)
        candidates.find(con, roster, profile, frozenset(), silent)
        overlap.measure(con)
        found = con.execute(f"SELECT a, b, {', '.join(overlap.FEATURES)} FROM overlap WHERE iou > 0").fetchall()
        block = dict(con.execute("SELECT rid, block FROM block").fetchall())
    assert len(set(block.values())) == 2
    common = shapely.intersection(shapely.union_all(left), shapely.union_all(right)).area
    share = common / min(shapely.union_all(left).area, shapely.union_all(right).area)
    assert share > 0.15
    for a, b, iou, part, blocks, _, gap in found:
        p, q = left[a], right[b - 4]
        assert iou == pytest.approx(p.intersection(q).area / p.union(q).area, abs=1e-6)
        assert part == pytest.approx(p.intersection(q).area / min(p.area, q.area), abs=1e-6)
        assert blocks == 1
        assert gap == 0
