"""Buildings: what is one building, when sources agree, are shifted, or cut the world differently."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
import shapely
from made_up import CRS, ORIGIN, group, groups, house, rows, source

from cimkit.fuse import fuse
from cimkit.model import FusionReport, FusionSource


def run(sources: list[FusionSource], out: Path, **more: object) -> FusionReport:
    settings: dict[str, object] = {"layer": "building", "profile": "building", "crs": CRS, "out": out, **more}
    return fuse(sources, **settings)  # type: ignore[arg-type]


def town(prefix: str, size: int = 5, **shift: float) -> list[dict[str, object]]:
    return [
        {"id": f"{prefix}{column}-{row}", "geometry": house(column, row, **shift)}
        for column in range(size)
        for row in range(size)
    ]


def pairs_of_town(size: int = 5) -> set[frozenset[tuple[str, str]]]:
    return {group(f"a/a{c}-{r}", f"b/b{c}-{r}") for c in range(size) for r in range(size)}


def test_the_same_town_twice_is_one_town(tmp_path: Path) -> None:
    report = run([source(tmp_path, "a", town("a")), source(tmp_path, "b", town("b"))], tmp_path / "out")
    assert groups(tmp_path / "out") == pairs_of_town()
    assert report.entities == 25
    assert report.relations == {"1:1": 25, "1:n": 0, "n:1": 0, "m:n": 0, "single": 0}
    assert report.match_rates == {"a": 1.0, "b": 1.0}
    assert report.bands["auto"] == 25


@pytest.mark.parametrize("shift", [(3.0, -2.0), (9.0, 6.0), (-14.0, 11.0)])
def test_a_shifted_copy_is_shifted_back(tmp_path: Path, shift: tuple[float, float]) -> None:
    moved = town("b", dx=shift[0], dy=shift[1])
    run([source(tmp_path, "a", town("a")), source(tmp_path, "b", moved)], tmp_path / "out")
    assert groups(tmp_path / "out") == pairs_of_town()


def test_what_is_delivered_is_never_moved(tmp_path: Path) -> None:
    run(
        [source(tmp_path, "a", town("a"), trust=0.1), source(tmp_path, "b", town("b", dx=9.0), trust=0.9)],
        tmp_path / "out",
    )
    bridge = {row["source_id"]: row for row in rows(tmp_path / "out" / "bridge.parquet")}
    shapes = {row["entity_id"]: row["geometry"] for row in rows(tmp_path / "out" / "entities.parquet")}
    assert bridge["b2-2"]["gives_geometry"]
    assert not bridge["a2-2"]["gives_geometry"]
    assert shapely.from_wkb(shapes[bridge["b2-2"]["entity_id"]]).equals(house(2, 2, dx=9.0))


def test_sources_in_different_crs_meet(tmp_path: Path) -> None:
    import geopandas

    moved = geopandas.GeoSeries([row["geometry"] for row in town("b")], crs=CRS).to_crs("EPSG:4326")
    degrees = [{"id": row["id"], "geometry": shape} for row, shape in zip(town("b"), moved, strict=True)]
    given = [source(tmp_path, "a", town("a")), source(tmp_path, "b", degrees, crs="EPSG:4326")]
    run(given, tmp_path / "out", crs="EPSG:4490")
    assert groups(tmp_path / "out") == pairs_of_town()
    result = geopandas.read_parquet(tmp_path / "out" / "entities.parquet")
    assert result.crs.to_epsg() == 4490
    assert result.total_bounds[0] == pytest.approx(moved.total_bounds[0], abs=1e-7)


def terrace(prefix: str, count: int, *, parts: int = 1) -> list[dict[str, object]]:
    """A row of touching houses; ``parts`` houses drawn as one."""
    width = 8 * parts
    return [
        {
            "id": f"{prefix}{i}",
            "geometry": shapely.box(ORIGIN[0] + width * i, ORIGIN[1], ORIGIN[0] + width * (i + 1), ORIGIN[1] + 12),
        }
        for i in range(count // parts)
    ]


def test_neighbours_in_a_terrace_are_not_one_house(tmp_path: Path) -> None:
    report = run([source(tmp_path, "a", terrace("a", 10)), source(tmp_path, "b", terrace("b", 10))], tmp_path / "out")
    assert groups(tmp_path / "out") == {group(f"a/a{i}", f"b/b{i}") for i in range(10)}
    assert report.relations["1:1"] == 10


def test_a_house_that_one_source_lacks_is_not_its_neighbour(tmp_path: Path) -> None:
    lacking = [record for record in terrace("b", 10) if record["id"] not in ("b4", "b9")]
    run([source(tmp_path, "a", terrace("a", 10)), source(tmp_path, "b", lacking)], tmp_path / "out")
    found = groups(tmp_path / "out")
    assert {group("a/a4"), group("a/a9")} <= found
    assert len(found) == 10


def test_houses_that_another_source_draws_as_one_stay_houses(tmp_path: Path) -> None:
    """n:1 seen from the better source: each house is an entity, the terrace belongs to all of them."""
    report = run(
        [
            source(tmp_path, "survey", terrace("s", 6), trust=0.9),
            source(tmp_path, "roofs", terrace("r", 6, parts=6), trust=0.2),
        ],
        tmp_path / "out",
    )
    assert groups(tmp_path / "out") == {group(f"survey/s{i}", "roofs/r0") for i in range(6)}
    assert report.entities == 6
    assert report.relations["n:1"] == 6


def test_parts_of_a_house_of_the_better_source_are_one_entity(tmp_path: Path) -> None:
    report = run(
        [
            source(tmp_path, "survey", terrace("s", 6), trust=0.2),
            source(tmp_path, "roofs", terrace("r", 6, parts=6), trust=0.9),
        ],
        tmp_path / "out",
    )
    assert groups(tmp_path / "out") == {group(*(f"survey/s{i}" for i in range(6)), "roofs/r0")}
    assert report.relations["1:n"] == 1
    [entity] = rows(tmp_path / "out" / "entities.parquet")
    assert shapely.from_wkb(entity["geometry"]).equals(terrace("r", 6, parts=6)[0]["geometry"])


def test_two_cuts_of_one_block_are_m_to_n(tmp_path: Path) -> None:
    report = run(
        [
            source(tmp_path, "a", terrace("a", 6, parts=3), trust=0.9),
            source(tmp_path, "b", terrace("b", 6, parts=2), trust=0.2),
        ],
        tmp_path / "out",
    )
    assert groups(tmp_path / "out") == {group("a/a0", "b/b0", "b/b1"), group("a/a1", "b/b1", "b/b2")}
    assert report.relations["m:n"] == 2


def test_three_sources(tmp_path: Path) -> None:
    given = [
        source(tmp_path, "a", town("a", 4), trust=0.9),
        source(tmp_path, "b", town("b", 4, dx=2.0)[:12], trust=0.5),
        source(tmp_path, "c", town("c", 4, dy=-3.0)[4:], trust=0.3),
    ]
    report = run(given, tmp_path / "out")
    found = groups(tmp_path / "out")
    assert report.entities == 16
    assert group("a/a0-0", "b/b0-0") in found
    assert group("a/a2-1", "b/b2-1", "c/c2-1") in found
    assert group("a/a3-3", "c/c3-3") in found


def test_a_terrace_drawn_three_ways_does_not_grow_together(tmp_path: Path) -> None:
    given = [
        source(tmp_path, "survey", terrace("s", 6), trust=0.9),
        source(tmp_path, "osm", terrace("o", 6, parts=6), trust=0.5),
        source(tmp_path, "ml", terrace("m", 6), trust=0.2),
    ]
    run(given, tmp_path / "out")
    assert groups(tmp_path / "out") == {group(f"survey/s{i}", "osm/o0", f"ml/m{i}") for i in range(6)}


def test_identical_duplicates_are_never_automatic(tmp_path: Path) -> None:
    twice = [{"id": "b1", "geometry": house(0, 0)}, {"id": "b2", "geometry": house(0, 0)}]
    given = [source(tmp_path, "a", [{"id": "a1", "geometry": house(0, 0)}]), source(tmp_path, "b", twice)]
    report = run(given, tmp_path / "out")
    matches = rows(tmp_path / "out" / "matches.parquet")
    assert [row["band"] for row in matches] == ["review", "review"]
    assert report.bands["auto"] == 0
    assert [finding["code"] for finding in report.findings] == ["fuse.ambiguous"]


def test_one_record_each(tmp_path: Path) -> None:
    given = [source(tmp_path, n, [{"id": f"{n}1", "geometry": house(0, 0)}]) for n in ("a", "b")]
    assert run(given, tmp_path / "out").entities == 1
    apart = [source(tmp_path, n, [{"id": f"{n}1", "geometry": house(9 * i, 0)}]) for i, n in enumerate(("c", "d"))]
    assert run(apart, tmp_path / "apart").relations["single"] == 2


def test_a_bow_tie_is_mended_for_matching_and_kept_as_delivered(tmp_path: Path) -> None:
    x, y = ORIGIN
    tie = shapely.Polygon([(x, y), (x + 10, y + 10), (x + 10, y), (x, y + 10)])
    square = shapely.box(x, y, x + 10, y + 10)
    given = [
        source(tmp_path, "a", [{"id": "a1", "geometry": tie}], trust=0.9),
        source(tmp_path, "b", [{"id": "b1", "geometry": square}]),
    ]
    run(given, tmp_path / "out")
    [entity] = rows(tmp_path / "out" / "entities.parquet")
    assert groups(tmp_path / "out") == {group("a/a1", "b/b1")}
    assert shapely.to_wkt(shapely.from_wkb(entity["geometry"])) == shapely.to_wkt(tie)


def test_heights_of_vertices_are_kept(tmp_path: Path) -> None:
    solid = shapely.force_3d(house(1, 1), z=31.5)
    given = [
        source(tmp_path, "a", [{"id": "a1", "geometry": solid}], trust=0.9),
        source(tmp_path, "b", [{"id": "b1", "geometry": house(1, 1)}]),
    ]
    run(given, tmp_path / "out", crs="EPSG:4490")
    [entity] = rows(tmp_path / "out" / "entities.parquet")
    coordinates = shapely.get_coordinates(shapely.from_wkb(entity["geometry"]), include_z=True)
    assert {round(float(z), 6) for z in coordinates[:, 2]} == {31.5}
    assert all(math.isfinite(value) for value in coordinates.ravel())
