"""Areas beside each other: overlaps, gaps, what lies within what; judged by shapely over all pairs."""

from __future__ import annotations

import time
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import shapely
from check_topology import (
    CITY,
    DEGREES,
    FEET,
    MERCATOR,
    NEAR_ZERO,
    PREFIXED,
    Place,
    asked,
    checked,
    polygons,
    rows,
    rule,
    topology,
)
from check_topology import (
    given as deliver_shapes,
)
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from shapely import LineString, MultiPolygon, Point, Polygon, box

from cimkit.check.topology import features, free_space, overlay, pairs, sweep

PLACES = [NEAR_ZERO, CITY, PREFIXED, DEGREES, FEET, MERCATOR]
CURVE = bytes.fromhex("010A00000001000000" + "0108000000" + "03000000" + "00" * 48)
hulls = st.lists(st.lists(st.tuples(st.integers(0, 20), st.integers(0, 20)), min_size=3, max_size=6), max_size=20)
places = st.sampled_from(PLACES)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("topology")


def overlapping(shapes: list[Any], tolerance: float) -> set[int]:
    areas = {(a, b): shapes[a].intersection(shapes[b]).area for a, b in combinations(range(len(shapes)), 2)}
    assume(all(abs(area - tolerance) > 0.02 * tolerance for area in areas.values()))
    return {number for pair, area in areas.items() if area > tolerance for number in pair}


# ---- overlaps -----------------------------------------------------------------------------------


@given(hulls, places, st.sampled_from([0.01, 1.37]))
@settings(max_examples=12)
def test_overlaps_are_those_of_all_pairs(folder: Path, drawn: Any, place: Place, tolerance: float) -> None:
    shapes = polygons(drawn)
    report = asked(
        [deliver_shapes(folder, "parcel", shapes, place)], rule("no_overlap", "parcel", tolerance_m2=tolerance)
    )
    assert rows(report) == overlapping(shapes, tolerance)


@pytest.mark.parametrize("place", PLACES, ids=lambda place: place.crs)
def test_an_overlap_is_told_in_square_metres_with_the_other_and_the_place(folder: Path, place: Place) -> None:
    shapes = [box(0, 0, 10, 10), box(9, 0, 20, 10), box(20, 0, 30, 10)]
    report = asked([deliver_shapes(folder, "parcel", shapes, place)], rule("no_overlap", "parcel", tolerance_m2=1))
    one, two = topology(report)
    assert (one.id, two.id, one.severity, one.code) == ("p0", "p1", "error", "topology.overlap")
    assert one.value == pytest.approx(10, rel=5e-3)
    assert one.message.startswith("It overlaps 'p1' by ")
    middle = Place("EPSG:4326", 0, 0) if place is NEAR_ZERO else place
    assert one.point == two.point
    if place in (DEGREES,):
        assert one.point == pytest.approx((113 + 9.5 / middle.x_unit, 29 + 5 / middle.y_unit), abs=1e-6)
    found = next(each for each in report.rules if each.rule == "parcel.no_overlap")
    assert found.parameters == {"tolerance_m2": 1.0, "of": "parcel"}
    assert (found.checked, found.failed, found.iso19157) == (3, 2, 11)


def test_touching_neighbours_do_not_overlap_even_where_coordinates_are_coarse(folder: Path) -> None:
    """A street corner at 4e7 metres, turned so that no coordinate is whole: shared edges are rounded."""
    turn = 0.7312
    cells = [box(x, y, x + 10, y + 10) for x in range(0, 60, 10) for y in range(0, 60, 10)]
    turned = [
        shapely.transform(c, lambda p: p @ [[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]]) for c in cells
    ]
    # T-junctions: the neighbour's corner lies in the middle of an edge.
    halves = [
        shapely.transform(
            box(60, y, 70, y + 15), lambda p: p @ [[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]]
        )
        for y in (0, 15, 30)
    ]
    report = asked(
        [deliver_shapes(folder, "parcel", turned + halves, PREFIXED)], rule("no_overlap", "parcel", tolerance_m2=0)
    )
    assert rows(report) == set()


def test_parts_that_touch_and_holes_that_are_filled_do_not_overlap(folder: Path) -> None:
    ring = Polygon(box(0, 0, 30, 30).exterior, [box(10, 10, 20, 20).exterior])
    shapes = [ring, box(10, 10, 20, 20), MultiPolygon([box(30, 0, 40, 10), box(40, 10, 50, 20)]), box(40, 0, 50, 10)]
    report = asked([deliver_shapes(folder, "parcel", shapes)], rule("no_overlap", "parcel"))
    assert rows(report) == set()
    twins = asked([deliver_shapes(folder, "parcel", [*shapes, ring])], rule("no_overlap", "parcel"))
    assert rows(twins) == {0, 4}


def test_only_sound_areas_are_compared_and_counted(folder: Path) -> None:
    bowtie = Polygon([(0, 0), (5, 5), (5, 0), (0, 5)])
    shapes = [box(0, 0, 10, 10), None, Polygon(), bowtie, CURVE, b"\x01\x03", Point(1, 1), LineString([(0, 0), (9, 9)])]
    for spec in (True, False):
        report = asked([deliver_shapes(folder, "parcel", shapes, spec=spec)], rule("no_overlap", "parcel"))
        assert rows(report) == set()
    assert (
        checked(asked([deliver_shapes(folder, "parcel", shapes)], rule("no_overlap", "parcel")), "parcel.no_overlap")
        == 1
    )


def test_deliveries_in_several_files_and_reference_systems_are_one_layer(folder: Path) -> None:
    one = deliver_shapes(
        folder, "parcel", [box(0, 0, 10, 10)], Place("EPSG:4490", 114.0, 29.0, 97_451.0, 110_853.0), source="east.gpkg"
    )
    import pyproj

    x, y = pyproj.Transformer.from_crs(4490, 4547, always_xy=True).transform(114.0, 29.0)
    two = deliver_shapes(folder, "parcel", [box(5, 0, 15, 10)], Place("EPSG:4547", x, y), source="west.gpkg")
    report = asked([one, two], rule("no_overlap", "parcel"))
    assert [f.value for f in topology(report)] == pytest.approx([50, 50], rel=5e-3)
    assert [f.source for f in topology(report)] == ["east.gpkg", "west.gpkg"]
    assert topology(report)[0].message.startswith("It overlaps 'p0' in west.gpkg by")
    assert topology(report)[0].point == pytest.approx(topology(report)[1].point, abs=1e-6)


def test_what_is_only_referred_to_is_compared_with_and_not_told(folder: Path) -> None:
    own, known = (
        deliver_shapes(folder, "parcel", [box(0, 0, 10, 10)]),
        deliver_shapes(folder, "parcel", [box(5, 0, 15, 10), box(12, 0, 20, 5)]),
    )
    report = asked([own], rule("no_overlap", "parcel"), known=[known])
    assert [(f.row, f.value) for f in topology(report)] == [(0, 50)]


def test_groups_and_conditions(folder: Path) -> None:
    shapes = [box(0, 0, 10, 10)] * 4
    fields = {"level": ["county", "county", "town", "town"], "until": ["", "", "", "2001"]}
    layer = deliver_shapes(folder, "parcel", shapes, fields=fields)
    assert rows(asked([layer], rule("no_overlap", "parcel", by=["level"], when="until = ''"))) == {0, 1}
    # Before a fusion, what several sources say of one thing lies on each other.
    two = [deliver_shapes(folder, "parcel", [box(0, 0, 10, 10)], source=f"{n}.gpkg") for n in range(2)]
    assert rows(asked(two, rule("no_overlap", "parcel"), own_keys=["parcel"])) == set()
    assert len(topology(asked(two, rule("no_overlap", "parcel")))) == 2


def test_another_layer_may_not_be_overlapped(folder: Path) -> None:
    buildings = deliver_shapes(folder, "building", [box(0, 0, 10, 10), box(20, 0, 30, 10), box(0, 0, 5, 5)])
    water = deliver_shapes(folder, "water", [box(8, 0, 22, 10)])
    report = asked([buildings, water], rule("no_overlap", "building", of="water", tolerance_m2=1))
    assert {f.row: f.value for f in topology(report)} == {0: 20, 1: 20}
    assert topology(report)[0].message == "It overlaps Water 'w0' in water.gpkg by 20 m²."


def test_a_layer_without_a_reference_system_is_skipped(folder: Path) -> None:
    layer = deliver_shapes(folder, "parcel", [box(0, 0, 1, 1)], Place(None, 0, 0))  # type: ignore[arg-type]
    skipped = asked([layer], rule("no_overlap", "parcel")).coverage.rules.skipped
    assert [item.rule for item in skipped] == ["parcel.no_overlap"]


def test_what_all_lies_on_all_ends_soon_and_is_counted_exactly(folder: Path) -> None:
    layer = deliver_shapes(folder, "parcel", [box(0, 0, 10, 10)] * 3_000, spec=False)
    start = time.process_time()
    report = asked([layer], rule("no_overlap", "parcel"), samples=5)
    assert time.process_time() - start < 10
    found = next(each for each in report.rules if each.rule == "parcel.no_overlap")
    assert (found.checked, found.failed, len(topology(report))) == (3_000, 3_000, 5)


def test_one_giant_over_many_is_cut_into_pieces(folder: Path) -> None:
    angle = np.linspace(0, 2 * np.pi, 4001)[:-1]
    radius = 100 + 2 * np.sin(50 * angle)
    giant = Polygon(np.stack([100 + radius * np.cos(angle), 100 + radius * np.sin(angle)], axis=1))
    small = [box(x, y, x + 3, y + 3) for x in range(0, 200, 5) for y in range(0, 200, 5)]
    report = asked([deliver_shapes(folder, "parcel", [giant, *small])], rule("no_overlap", "parcel", tolerance_m2=0.1))
    areas = [giant.intersection(each).area for each in small]
    assert rows(report) == {0, *(n + 1 for n, area in enumerate(areas) if area > 0.1)}
    told = {f.row: f.value for f in topology(report) if f.row}
    assert told == pytest.approx({n + 1: area for n, area in enumerate(areas) if area > 0.1}, rel=1e-4)


def test_an_overlay_that_fails_is_done_again_on_rounded_coordinates(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = shapely.intersection

    def failing(one: Any, two: Any, grid_size: float | None = None) -> Any:
        if grid_size is None:
            raise shapely.errors.GEOSException("TopologyException: side location conflict")
        return real(one, two, grid_size=grid_size)

    monkeypatch.setattr(overlay.shapely, "intersection", failing)
    layer = deliver_shapes(folder, "parcel", [box(0, 0, 10, 10), box(9, 0, 20, 10), box(18, 0, 30, 10)])
    report = asked([layer], rule("no_overlap", "parcel"))
    assert {f.row: f.value for f in topology(report)} == pytest.approx({0: 10, 1: 20, 2: 20}, rel=1e-6)

    def hopeless(*_: Any, **__: Any) -> Any:
        raise shapely.errors.GEOSException("TopologyException")

    monkeypatch.setattr(overlay.shapely, "intersection", hopeless)
    report = asked([layer], rule("no_overlap", "parcel"))
    assert [item.why for item in report.coverage.rules.skipped] == ["2 pairs of records could not be compared"]


@given(hulls)
@settings(max_examples=12)
def test_small_portions_find_the_same(folder: Path, drawn: Any) -> None:
    shapes = polygons(drawn)
    layer = deliver_shapes(folder, "parcel", shapes)
    rules = [rule("no_overlap", "parcel", tolerance_m2=0.5), rule("no_gap", "parcel", tolerance_m2=0.5)]
    whole = asked([layer], *rules)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(features, "_KEPT", 0)
        patch.setattr(pairs, "PAIRS", 2)
        patch.setattr(pairs, "BYTES", 200)
        patch.setattr(sweep, "_AT_ONCE", 3)
        patch.setattr(sweep, "_FIRST", 1)
        patch.setattr(free_space, "BYTES", 4)
        patch.setattr(free_space, "_FEW", 1)
        patch.setattr(free_space, "_DEEPEST", 5)
        tiled = asked([layer], *rules)
    told = [[(f.code, round(f.value, 3)) for f in topology(report)] for report in (whole, tiled)]
    assert sorted(told[0]) == sorted(told[1])
    assert rows(whole, "topology.overlap") == rows(tiled, "topology.overlap")


# ---- boxes --------------------------------------------------------------------------------------

numbers = st.lists(st.tuples(*[st.integers(0, 60)] * 2, *[st.integers(0, 25)] * 2), min_size=1, max_size=30)


@given(numbers, st.none() | numbers, st.sampled_from([0.0, 4e7]))
@settings(max_examples=150)
def test_boxes_meet_as_all_pairs_say(one: Any, two: Any, shift: float) -> None:
    left = np.array([(x, y, x + w, y + h) for x, y, w, h in one], dtype=float) + shift
    right = left if two is None else np.array([(x, y, x + w, y + h) for x, y, w, h in two], dtype=float) + shift
    meet = (left[:, None, :2] <= right[None, :, 2:]).all(axis=2) & (right[None, :, :2] <= left[:, None, 2:]).all(axis=2)
    wanted = {(a, b) for a, b in np.argwhere(meet).tolist() if two is not None or a < b}
    others = () if two is None else (np.zeros(len(right), dtype=bool),)
    found = [
        (int(min(a, b)), int(max(a, b))) if two is None else (int(a), int(b))
        for some in sweep.meeting(left, None if two is None else right, np.ones(len(left), dtype=bool), *others)
        for a, b in zip(*some, strict=True)
    ]
    assert len(found) == len(wanted)
    assert set(found) == wanted


# ---- gaps ---------------------------------------------------------------------------------------

GRID = [box(x, y, x + 10, y + 10) for x in range(0, 50, 10) for y in range(0, 50, 10)]


@given(st.sets(st.integers(0, 24), max_size=6), places)
@settings(max_examples=12)
def test_gaps_are_the_holes_of_the_union(folder: Path, missing: set[int], place: Place) -> None:
    shapes = [shape for number, shape in enumerate(GRID) if number not in missing]
    union = shapely.union_all(shapes)
    holes = [Polygon(ring).area for part in shapely.get_parts([union]) for ring in part.interiors]
    report = asked([deliver_shapes(folder, "zone", shapes, place)], rule("no_gap", "zone", tolerance_m2=1))
    assert sorted(f.value for f in topology(report)) == pytest.approx(sorted(holes), rel=5e-3)


@pytest.mark.parametrize("place", PLACES, ids=lambda place: place.crs)
def test_a_sliver_between_areas_is_a_gap_and_a_rounding_is_none(folder: Path, place: Place) -> None:
    shapes = [*GRID[:12], box(20.2, 20, 30, 30), *GRID[13:]]
    layer = deliver_shapes(folder, "zone", shapes, place)
    (gap,) = topology(asked([layer], rule("no_gap", "zone", tolerance_m2=0.5, max_width_m=1)))
    assert gap.value == pytest.approx(2, rel=5e-3)
    assert topology(asked([layer], rule("no_gap", "zone", tolerance_m2=0.5, max_width_m=0.1))) == []
    closed = deliver_shapes(folder, "zone", [*GRID[:12], box(20.0002, 20, 30, 30), *GRID[13:]], place)
    assert topology(asked([closed], rule("no_gap", "zone", tolerance_m2=0.0))) == []


def test_what_is_not_covered_of_another_layer(folder: Path) -> None:
    zones = deliver_shapes(folder, "zone", [box(0, 0, 10, 10), box(10, 0, 20, 10)])
    counties = deliver_shapes(folder, "county", [box(0, 0, 20, 12), box(15, -5, 20, 0)])
    report = asked([zones, counties], rule("no_gap", "zone", of="county", tolerance_m2=1))
    assert sorted(f.value for f in topology(report)) == [25, 40]
    assert "County 'c0'" in " ".join(f.message for f in topology(report))


def test_gaps_are_looked_for_in_each_group(folder: Path) -> None:
    ring = [Polygon(box(0, 0, 30, 30).exterior, [box(10, 10, 20, 20).exterior])]
    layer = deliver_shapes(folder, "zone", [*ring, box(10, 10, 20, 20)], fields={"level": ["a", "b"]})
    assert topology(asked([layer], rule("no_gap", "zone"))) == []
    assert [f.value for f in topology(asked([layer], rule("no_gap", "zone", by=["level"])))] == [100]


# ---- within, contains, touches --------------------------------------------------------------------


@given(hulls, hulls, places, st.booleans())
@settings(max_examples=12)
def test_the_share_within_is_that_of_all_pairs(folder: Path, a: Any, b: Any, place: Place, together: bool) -> None:
    own, others = polygons(a), polygons(b)
    assume(others)
    if together:
        others = [shapely.union_all(others)]
    share = [max(shape.intersection(other).area for other in others) / shape.area for shape in own]
    assume(all(abs(each - 0.7) > 0.01 for each in share))
    layers = [deliver_shapes(folder, "house", own, place), deliver_shapes(folder, "parcel", others, place)]
    report = asked(layers, rule("within", "house", of="parcel", share=0.7))
    assert rows(report) == {number for number, each in enumerate(share) if each < 0.7}
    assert [f.value for f in topology(report)] == pytest.approx([each for each in share if each < 0.7], abs=1e-3)


@pytest.mark.parametrize("place", PLACES, ids=lambda place: place.crs)
def test_points_lines_and_areas_lie_within(folder: Path, place: Place) -> None:
    parcels = deliver_shapes(folder, "parcel", [box(0, 0, 100, 100), box(100, 0, 200, 100)], place)
    own = [
        box(10, 10, 20, 20), box(95, 10, 105, 20), box(300, 0, 310, 10), box(0, 0, 100, 50),
        Point(1, 1), Point(-5, 5), LineString([(10, 10), (10, -10)]), LineString([(0, 0), (0, 100)]),
    ]  # fmt: skip
    houses = deliver_shapes(folder, "house", own, place)
    report = asked([houses, parcels], rule("within", "house", of="parcel"))
    assert {f.row: f.value for f in topology(report)} == pytest.approx({1: 0.5, 2: 0, 5: 0, 6: 0.5}, abs=1e-3)
    assert rows(asked([houses, parcels], rule("within", "house", of="parcel", together=True))) == {2, 5, 6}
    assert rows(asked([houses, parcels], rule("within", "house", of="parcel", tolerance_m=6))) == {2, 6}


def test_only_the_record_that_is_referred_to_counts(folder: Path) -> None:
    houses = deliver_shapes(folder, "house", [box(0, 0, 10, 10), box(20, 0, 30, 10)])
    storeys = deliver_shapes(
        folder, "storey", [box(0, 0, 10, 10), box(0, 0, 10, 10), box(20, 0, 32, 10), box(0, 0, 1, 1)],
        fields={"house": ["h0", "h1", "h1", "h9"]},
    )  # fmt: skip
    report = asked([storeys, houses], rule("within", "storey", of="house", fields=["house"], to=["id"], share=0.9))
    assert {f.row: f.value for f in topology(report)} == pytest.approx({1: 0, 2: 10 / 12}, rel=1e-4)
    assert checked(report, "storey.within") == 3
    outside = topology(report)[1]
    assert outside.message == "Only 83.33 % of it lies inside House 'h1' in house.gpkg; it must be at least 90 %."


@given(hulls, st.lists(st.tuples(st.integers(0, 20), st.integers(0, 20)), max_size=15), places)
@settings(max_examples=12)
def test_how_many_lie_inside_is_that_of_all_pairs(folder: Path, a: Any, b: Any, place: Place) -> None:
    areas, points = polygons(a), [Point(x + 0.31, y + 0.47) for x, y in b]
    assume(areas and points)
    count = [sum(area.covers(point) for point in points) for area in areas]
    layers = [deliver_shapes(folder, "zone", areas, place), deliver_shapes(folder, "stop", points, place)]
    report = asked(layers, rule("contains", "zone", of="stop", min=1, max=2))
    assert {f.row: f.value for f in topology(report)} == {n: c for n, c in enumerate(count) if not 1 <= c <= 2}


@given(hulls, hulls, places)
@settings(max_examples=12)
def test_what_touches_nothing_is_told_with_the_nearest(folder: Path, a: Any, b: Any, place: Place) -> None:
    own, others = polygons(a), [shapely.transform(each, lambda xy: xy + np.array([15, 0])) for each in polygons(b)]
    assume(own and others)
    apart = [min(shape.distance(other) for other in others) for shape in own]
    assume(all(abs(each - 1.5) > 0.02 for each in apart))
    layers = [deliver_shapes(folder, "house", own, place), deliver_shapes(folder, "parcel", others, place)]
    report = asked(layers, rule("touches", "house", of="parcel", tolerance_m=1.5))
    assert {f.row: f.value for f in topology(report)} == pytest.approx(
        {number: each for number, each in enumerate(apart) if each > 1.5}, rel=5e-3
    )


@pytest.mark.shared
def test_the_districts_of_shanghai_tessellate(folder: Path, shared: Path) -> None:
    import geopandas

    frame = geopandas.read_file(shared / "data/shanghai/区县界_area.shp")
    place = Place("EPSG:4326", 0, 0)
    shapes = list(frame.geometry)
    valid = [shape.is_valid for shape in shapes]
    layer = deliver_shapes(folder, "district", shapes, place)
    report = asked([layer], rule("no_overlap", "district", tolerance_m2=1))
    metric = frame.to_crs(32651).geometry
    wanted = {
        number
        for a, b in combinations([n for n, good in enumerate(valid) if good], 2)
        if metric[a].buffer(0).intersection(metric[b].buffer(0)).area > 1
        for number in (a, b)
    }
    assert rows(report) == wanted
