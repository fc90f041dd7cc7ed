"""Networks of lines: ends, dangles, pseudo-nodes, pieces, flow and separation; judged by all pairs."""

from __future__ import annotations

from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
import shapely
from check_topology import CITY, DEGREES, FEET, MERCATOR, PREFIXED, Place, asked, checked, rows, rule, topology
from check_topology import given as deliver_shapes
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely import LineString, MultiLineString, Point

PLACES = [CITY, PREFIXED, DEGREES, FEET, MERCATOR]
places = st.sampled_from(PLACES)
points = st.tuples(st.integers(0, 6), st.integers(0, 6))
lines = st.lists(st.tuples(points, points).filter(lambda pair: pair[0] != pair[1]), min_size=1, max_size=14)
ROADS = [
    LineString([(0, 0), (100, 0)]),
    LineString([(50, 50), (50, 0.5)]),  # 0.5 m short of the first
    LineString([(60, 50), (60, -2)]),  # 2 m beyond it
    LineString([(100, 0), (200, 0)]),
    LineString([(200, 0), (200, 100)]),
    LineString([(200, 100), (100, 100), (100, 0)]),
    LineString([(500, 500), (600, 500)]),  # alone
    LineString([(30, 0), (30, 40)]),  # a dead end
]
NAMES = ["a", "b", "c", "a", "a", "a", "z", "q"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("network")


def drawn(pairs: Any) -> list[LineString]:
    """Lines on a grid of 10 m, so that distances are nothing, or far more than the tolerance."""
    return [LineString([(10 * x, 10 * y) for x, y in pair]) for pair in pairs]


def by_union(count: int, joined: list[tuple[int, int]]) -> list[int]:
    """The piece of each, by uniting over and over."""
    piece = list(range(count))
    for _ in range(count):
        for a, b in joined:
            piece[a] = piece[b] = min(piece[a], piece[b])
    return piece


def joined(shapes: list[LineString], reach: float = 0.01) -> list[tuple[int, int]]:
    ends = [[Point(shape.coords[0]), Point(shape.coords[-1])] for shape in shapes]
    return [
        (a, b)
        for a, b in combinations(range(len(shapes)), 2)
        if any(end.distance(shapes[b]) <= reach for end in ends[a])
        or any(end.distance(shapes[a]) <= reach for end in ends[b])
    ]


@given(lines, places)
@settings(max_examples=12)
def test_pieces_are_those_of_all_pairs(folder: Path, pairs: Any, place: Place) -> None:
    shapes = drawn(pairs)
    piece = by_union(len(shapes), joined(shapes))
    sizes = {number: piece.count(number) for number in piece}
    main = max(sizes, key=lambda number: (sizes[number], -number))
    report = asked([deliver_shapes(folder, "road", shapes, place)], rule("connected", "road", tolerance_m=0.05))
    assert {f.row: f.value for f in topology(report)} == {n: sizes[p] for n, p in enumerate(piece) if p != main}


@given(lines, places)
@settings(max_examples=12)
def test_free_ends_are_those_of_all_pairs(folder: Path, pairs: Any, place: Place) -> None:
    shapes = drawn(pairs)
    free = {
        number
        for number, shape in enumerate(shapes)
        for end in (Point(shape.coords[0]), Point(shape.coords[-1]))
        if all(end.distance(other) > 0.1 for n, other in enumerate(shapes) if n != number)
    }
    report = asked([deliver_shapes(folder, "road", shapes, place)], rule("no_dangles", "road", tolerance_m=0.05))
    assert rows(report, "topology.dangle") == free
    assert rows(report, "topology.undershoot") == set()


@given(lines, places)
@settings(max_examples=12)
def test_pseudo_nodes_are_those_of_all_pairs(folder: Path, pairs: Any, place: Place) -> None:
    shapes = list({frozenset(pair): pair for pair in pairs}.values())
    shapes = drawn(shapes)
    wanted = set()
    for a, b in combinations(range(len(shapes)), 2):
        common = {shapes[a].coords[0], shapes[a].coords[-1]} & {shapes[b].coords[0], shapes[b].coords[-1]}
        for at in common:
            if len(common) == 1 and not any(
                Point(at).distance(s) < 0.1 for n, s in enumerate(shapes) if n not in (a, b)
            ):
                wanted |= {a, b}
    report = asked([deliver_shapes(folder, "road", shapes, place)], rule("no_pseudo_nodes", "road", tolerance_m=0.05))
    assert rows(report) == wanted


@given(lines, st.lists(points, min_size=1, max_size=8), places)
@settings(max_examples=12)
def test_line_ends_are_those_of_all_pairs(folder: Path, pairs: Any, wells: Any, place: Place) -> None:
    shapes, nodes = drawn(pairs), [Point(10 * x, 10 * y + 0.2) for x, y in wells]
    apart = {
        number: [min(Point(shape.coords[at]).distance(node) for node in nodes) for at in (0, -1)]
        for number, shape in enumerate(shapes)
    }
    layers = [deliver_shapes(folder, "pipe", shapes, place), deliver_shapes(folder, "well", nodes, place)]
    report = asked(layers, rule("line_ends", "pipe", of="well", tolerance_m=0.3))
    wanted = {number: min(d for d in ends if d > 0.3) for number, ends in apart.items() if max(ends) > 0.3}
    assert {f.row: f.value for f in topology(report)} == pytest.approx(wanted, rel=5e-3)


@pytest.mark.parametrize("place", PLACES, ids=lambda place: place.crs)
def test_dangles_are_told_apart(folder: Path, place: Place) -> None:
    roads = deliver_shapes(folder, "road", ROADS, place)
    report = asked([roads], rule("no_dangles", "road", tolerance_m=1, min_length_m=3))
    found = [(f.code, f.row, f.value) for f in topology(report)]
    assert [each[:2] for each in found] == [("topology.undershoot", 1), ("topology.overshoot", 2)]
    assert [each[2] for each in found] == pytest.approx([0.5, 2], rel=5e-3)
    assert topology(report)[0].message.endswith("m before 'r0', without touching it.")
    codes = {each.code: (each.checked, each.failed) for each in report.rules if each.rule == "road.no_dangles"}
    assert codes == {"topology.undershoot": (8, 1), "topology.overshoot": (8, 1), "topology.dangle": (8, 0)}
    strict = asked([roads], rule("no_dangles", "road", tolerance_m=1))
    assert rows(strict, "topology.dangle") == {0, 1, 2, 6, 7}


def test_an_end_at_another_layer_is_no_dangle(folder: Path) -> None:
    houses = deliver_shapes(folder, "house", [shapely.box(25, 40, 35, 50), shapely.box(-9, -5, 0, 5)])
    report = asked(
        [deliver_shapes(folder, "road", ROADS), houses], rule("no_dangles", "road", of="house", tolerance_m=1)
    )
    assert rows(report, "topology.dangle") == {1, 2, 6}


def test_pseudo_nodes_need_the_same_values(folder: Path) -> None:
    roads = deliver_shapes(folder, "road", ROADS, fields={"name": NAMES})
    assert rows(asked([roads], rule("no_pseudo_nodes", "road", by=["name"]))) == {3, 4, 5}
    named = deliver_shapes(folder, "road", ROADS, fields={"name": list("abcdefgh")})
    assert rows(asked([named], rule("no_pseudo_nodes", "road", by=["name"]))) == set()


def test_parts_of_one_line_form_no_ends_where_they_meet(folder: Path) -> None:
    parts = MultiLineString([[(0, 0), (10, 0)], [(10, 0), (20, 0)]])
    ring = LineString([(0, 50), (10, 50), (10, 60), (0, 50)])
    report = asked([deliver_shapes(folder, "road", [parts, ring])], rule("no_dangles", "road", tolerance_m=1))
    assert [(f.row, f.value) for f in topology(report)] == [(0, 20)]


def test_each_group_is_a_network_of_its_own(folder: Path) -> None:
    shapes = [LineString([(0, 0), (10, 0)]), LineString([(10, 0), (20, 0)]), LineString([(10, 0), (10, 9)])]
    pipes = deliver_shapes(folder, "pipe", shapes, fields={"net": ["rain", "rain", "waste"]})
    assert rows(asked([pipes], rule("connected", "pipe", by=["net"]))) == set()
    apart = deliver_shapes(folder, "pipe", shapes, fields={"net": ["rain", "waste", "waste"]})
    assert rows(asked([apart], rule("connected", "pipe", by=["net"]))) == set()
    assert rows(asked([apart], rule("connected", "pipe", when="net = 'rain'"))) == set()


def test_water_runs_downhill(folder: Path) -> None:
    shapes = [
        LineString([(0, 0), (10, 0)]), LineString([(10, 0), (20, 0)]), LineString([(20, 0), (30, 0)]),
        LineString([(10, 5), (10, 0)]), LineString([(30, 0), (40, 0)]), LineString([(40, 0), (50, 0)]),
    ]  # fmt: skip
    heights = {"s": [10.0, 9.0, 9.5, 8.0, None, 7.0], "e": [9.0, 8.0, 9.6, 7.0, 7.0, 6.0]}
    pipes = deliver_shapes(folder, "pipe", shapes, fields=heights)
    report = asked([pipes], rule("flow", "pipe", start="s", end="e"))
    assert {f.row: f.value for f in topology(report)} == pytest.approx({1: 2, 2: 0.1})
    one, two = topology(report)
    assert one.message == "The water would have to rise by 2 m: it starts above the end of 'p3'."
    assert two.message == "The water would have to rise by 0.1 m: the line ends higher than it starts."
    loose = asked([pipes], rule("flow", "pipe", start="s", end="e", vertical_tolerance_m=0.2))
    # The third pipe may rise, but it starts above the end of the second.
    assert {f.row: f.value for f in topology(loose)} == pytest.approx({1: 2, 2: 1.5})
    grouped = deliver_shapes(folder, "pipe", shapes, fields={**heights, "net": ["a", "a", "a", "b", "a", "a"]})
    assert rows(asked([grouped], rule("flow", "pipe", start="s", end="e", by=["net"]))) == {2}


@pytest.mark.parametrize("place", PLACES, ids=lambda place: place.crs)
def test_pipes_keep_their_distance(folder: Path, place: Place) -> None:
    gas = [LineString([(0, 0, 5), (100, 0, 5)]), LineString([(0, 10, 5), (100, 10, 5)])]
    power = [LineString([(50, -10, 3), (50, 20, 3)]), LineString([(0, 0.4, 5), (20, 0.4, 5)])]
    put = [[shapely.transform(each, _raised(place), include_z=True) for each in some] for some in (gas, power)]
    here = Place(place.crs, 0, 0)
    layers = [
        deliver_shapes(folder, "gas", [shapely.to_wkb(s) for s in put[0]], here),
        deliver_shapes(folder, "power", [shapely.to_wkb(s) for s in put[1]], here),
    ]
    flat = asked(layers, rule("separation", "gas", of="power", distance_m=1.0))
    assert {f.row: f.value for f in topology(flat)} == {0: 0, 1: 0}
    deep = asked(layers, rule("separation", "gas", of="power", distance_m=1.0, vertical_m=0.5))
    assert {f.row: f.value for f in topology(deep)} == pytest.approx({0: 0.4}, rel=5e-3)
    assert checked(deep, "gas.separation") == 2


def _raised(place: Place) -> Any:
    return lambda xyz: xyz * [1 / place.x_unit, 1 / place.y_unit, 1] + [place.x, place.y, 0]


def test_pipes_of_one_layer_may_be_joined(folder: Path) -> None:
    shapes = [
        LineString([(0, 0), (100, 0)]),
        LineString([(100, 0), (100, 50)]),
        LineString([(50, 0), (50, 9)]),
        LineString([(0, 0.2), (40, 0.2)]),
    ]
    report = asked([deliver_shapes(folder, "gas", shapes)], rule("separation", "gas", of="gas", distance_m=1))
    assert {f.row: f.value for f in topology(report)} == pytest.approx({0: 0.2, 3: 0.2})


@pytest.mark.shared
def test_real_roads_are_judged_as_by_all_pairs(folder: Path, shared: Path) -> None:
    import geopandas
    import numpy as np

    frame = geopandas.read_file(shared / "data/washington_dc/interstate-highways.geojson").to_crs(32618)
    shapes = [shape for shape in frame.geometry if shape is not None][:150]
    layer = deliver_shapes(folder, "road", shapes, Place("EPSG:32618", 0, 0))
    report = asked([layer], rule("no_dangles", "road", tolerance_m=2, min_length_m=2))
    tree = shapely.STRtree(shapes)
    wanted = set()
    for number, shape in enumerate(shapes):
        parts = shapely.get_parts([shape])
        ends = [p for part in parts for p in (part.coords[0], part.coords[-1])]
        for end in {e for e in ends if ends.count(e) == 1}:
            near = [n for n in tree.query(Point(end).buffer(3)) if n != number]
            apart = np.min([Point(end).distance(shapes[n]) for n in near], initial=np.inf)
            if 0.01 < apart <= 2:
                wanted.add(number)
    assert rows(report, "topology.undershoot") == wanted
