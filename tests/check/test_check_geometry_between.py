"""No geometry twice in a layer, and every record in the declared territory."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import geopandas
import numpy as np
import pyproj
import pytest
import shapely
from check_deliveries import counts, failures, held
from geometry_deliveries import delivered, layer_of
from hypothesis import given, settings
from hypothesis import strategies as st

from cimkit.check.geometry.duplicates import normal_forms

METRIC = "EPSG:4549"
ANY = ["Polygon", "MultiPolygon", "LineString", "Point", "MultiPoint", "GeometryCollection"]
BOWTIE = shapely.Polygon([(0, 0), (1, 1), (1, 0), (0, 1)])
UNIQUE, TERRITORY = "building.geometry#unique", "building.geometry#territory"


def turned(shape: Any, steps: int) -> Any:
    """The same polygon beginning at another vertex."""
    corners = list(shape.exterior.coords)[:-1]
    steps %= len(corners)
    return shapely.Polygon(corners[steps:] + corners[:steps], shape.interiors)


# ---- the same geometry twice --------------------------------------------------------------------


def test_every_record_with_the_geometry_of_another_fails(tmp_path: Path) -> None:
    layer = layer_of(tmp_path, types=ANY, unique=True, required=False)
    one, two = shapely.box(0, 0, 1, 1), shapely.box(5, 5, 6, 7)
    holed = one.difference(shapely.box(0.2, 0.2, 0.4, 0.4))
    line = shapely.LineString([(0, 0), (3, 1), (2, 2)])
    shapes = [
        one, two, turned(one, 2), one.reverse(), holed, shapely.MultiPolygon([one]), line, line.reverse(),
        None, None, BOWTIE, BOWTIE, shapely.box(0, 0, 1, 1).envelope.boundary, shapely.Polygon(), shapely.Polygon(),
        shapely.force_3d(two, 4), shapely.force_3d(two, 8),
    ]  # fmt: skip
    report = held(delivered(tmp_path, layer, shapes), layer)
    assert failures(report)[UNIQUE] == [0, 2, 3, 5, 6, 7]
    hints = [f.hint for f in report.findings if f.rule == UNIQUE]
    assert hints[:3] == ["Row 2 has it too.", "Row 0 has it too.", "Row 0 has it too."]
    assert counts(report)[UNIQUE] == (11, 6)
    assert next(r for r in report.rules if r.rule == UNIQUE).iso19157 == 4


def test_the_other_record_may_be_in_another_file(tmp_path: Path) -> None:
    layer = layer_of(tmp_path, unique=True)
    one, two, three = shapely.box(0, 0, 1, 1), shapely.box(5, 5, 6, 6), shapely.box(8, 8, 9, 9)
    first = delivered(tmp_path, layer, [one, two], source="first.gpkg")
    second = delivered(tmp_path, layer, [three, turned(one, 1)], source="second.gpkg")
    report = held([(first, layer), (second, layer)])
    found = [(f.source, f.row, f.hint) for f in report.findings if f.rule == UNIQUE]
    assert found == [
        ("first.gpkg", 0, "Row 1 of second.gpkg has it too."),
        ("second.gpkg", 1, "Row 0 of first.gpkg has it too."),
    ]
    assert counts(report)[UNIQUE] == (4, 2)


def test_the_same_numbers_in_another_reference_system_are_another_place(tmp_path: Path) -> None:
    layer = layer_of(tmp_path, types=ANY, unique=True)
    one, two = shapely.box(0, 0, 1, 1), shapely.box(5, 5, 6, 6)
    degrees = delivered(tmp_path, layer, [one, two, two])
    metres = delivered(tmp_path, layer, [one], crs=METRIC, source="metres.gpkg")
    report = held([(degrees, layer), (metres, layer)])
    assert failures(report)[UNIQUE] == [1, 2]
    assert counts(report)[UNIQUE] == (4, 2)
    assert any(s.rule == UNIQUE and "2 coordinate reference systems" in s.why for s in report.coverage.rules.skipped)


def test_minus_zero_is_zero(tmp_path: Path) -> None:
    layer = layer_of(tmp_path, types=ANY, unique=True)
    shapes = [shapely.Point(0.0, 7), shapely.Point(-0.0, 7), shapely.Point(1, 1, 0.0), shapely.Point(1, 1, -0.0)]
    assert failures(held(delivered(tmp_path, layer, shapes), layer))[UNIQUE] == [0, 1, 2, 3]


def test_curves_that_may_be_the_same_are_said_to_be_unjudged(tmp_path: Path) -> None:
    layer = layer_of(tmp_path, types=["GeometryCollection"], unique=True)
    arc = bytes.fromhex("0107000000" + "01000000" + "0108000000" + "03000000" + "00" * 48)
    report = held(delivered(tmp_path, layer, [arc, arc]), layer)
    assert any(s.rule == UNIQUE and s.why.startswith("2 ") for s in report.coverage.rules.skipped)


@settings(max_examples=60)
@given(
    points=st.lists(st.tuples(st.integers(-9, 9), st.integers(-9, 9)), min_size=3, max_size=7, unique=True),
    steps=st.integers(0, 6),
    back=st.booleans(),
)
def test_where_a_ring_begins_makes_no_difference(points: list[tuple[int, int]], steps: int, back: bool) -> None:
    shape = shapely.Polygon(points)
    same = turned(shape, steps)
    same = same.reverse() if back else same
    one, other = normal_forms(np.array([shape, same]))
    assert one == other
    moved = normal_forms(np.array([shapely.affinity.translate(shape, 1, 0)]))[0]
    assert moved != one


def test_duplicates_are_those_of_geopandas(tmp_path: Path) -> None:
    random = np.random.default_rng(2)
    corners = random.integers(0, 4, (300, 2))
    shapes = [shapely.box(x, y, x + 1, y + random.integers(1, 3)) for x, y in corners]
    series = geopandas.GeoSeries(
        [turned(shape, int(k)) for shape, k in zip(shapes, random.integers(0, 4, 300), strict=True)]
    )
    layer = layer_of(tmp_path, unique=True)
    report = held(delivered(tmp_path, layer, list(series)), layer, samples=None)
    expected = np.flatnonzero(series.normalize().duplicated(keep=False)).tolist()
    assert failures(report)[UNIQUE] == expected


# ---- territory ----------------------------------------------------------------------------------


def to_metric(shape: Any) -> Any:
    project = pyproj.Transformer.from_crs(4326, METRIC, always_xy=True).transform
    return shapely.transform(shape, lambda xy: np.column_stack(project(xy[:, 0], xy[:, 1])))


@pytest.mark.parametrize("crs", ["EPSG:4326", METRIC])
def test_a_box_of_degrees(tmp_path: Path, crs: str) -> None:
    layer = layer_of(tmp_path, types=ANY, territory=[120.0, 30.0, 120.5, 30.5], required=False)
    shapes = [
        shapely.box(120.1, 30.1, 120.2, 30.2),
        shapely.box(120.45, 30.1, 120.52, 30.2),
        shapely.Point(119.9, 30.2),
        None,
        shapely.Point(120.0, 30.0),
    ]
    shapes = [shape if shape is None or crs == "EPSG:4326" else to_metric(shape) for shape in shapes]
    report = held(delivered(tmp_path, layer, shapes, crs=crs), layer)
    assert failures(report)[TERRITORY] == [1, 2]
    assert counts(report)[TERRITORY] == (4, 2)
    over, point = (f.point for f in report.findings if f.rule == TERRITORY)
    assert over is not None
    assert over[0] == pytest.approx(120.52, abs=1e-6)
    assert point == pytest.approx((119.9, 30.2), abs=1e-6)


def test_the_tolerance_of_a_box(tmp_path: Path) -> None:
    near = shapely.Point(120.5 + 8 / 96_000, 30.2)  # some 8 m to the east
    for tolerance, failed in ((5, True), (12, False)):
        layer = layer_of(tmp_path, types=ANY, territory=[120.0, 30.0, 120.5, 30.5], territory_tolerance_m=tolerance)
        report = held(delivered(tmp_path, layer, [near]), layer)
        assert (TERRITORY in failures(report)) == failed
        rule = next(r for r in report.rules if r.rule == TERRITORY)
        assert rule.parameters == {"territory": [120.0, 30.0, 120.5, 30.5], "territory_tolerance_m": tolerance}


def test_a_box_across_the_date_line(tmp_path: Path) -> None:
    layer = layer_of(tmp_path, types=ANY, territory=[170, -20, -170, 0])
    shapes = [shapely.Point(175, -10), shapely.Point(-175, -10), shapely.Point(0, -10)]
    assert failures(held(delivered(tmp_path, layer, shapes), layer))[TERRITORY] == [2]


def test_every_vertex_counts_where_parallels_are_bent(tmp_path: Path) -> None:
    layer = layer_of(tmp_path, types=ANY, territory=[100, 29, 120, 30])
    project = pyproj.Transformer.from_crs(4326, 32649, always_xy=True).transform
    (west, middle, east), (side, _, _) = project([108.0, 111.0, 114.0], [29.995] * 3)
    far_up = shapely.Polygon([(west, side - 1e4), (east, side - 1e4), (east, side), (middle, side), (west, side)])
    report = held(delivered(tmp_path, layer, [far_up], crs="EPSG:32649"), layer)
    assert failures(report)[TERRITORY] == [0]  # its bounds' corners are inside


def divisions(folder: Path, shapes: list[Any], crs: str = "EPSG:4326") -> Any:
    layer = layer_of(folder)
    named = type(layer)(**{**{f: getattr(layer, f) for f in layer.__dataclass_fields__}, "name": "admin_division"})
    mapped = delivered(folder, named, shapes, crs=crs, source="districts.gpkg")
    return mapped, named


@pytest.mark.parametrize("crs", ["EPSG:4326", METRIC])
@pytest.mark.parametrize("known", [True, False])
def test_the_polygons_of_a_layer(tmp_path: Path, crs: str, known: bool) -> None:
    # What is straight in one CRS is not in another: some millimetres in ten kilometres.
    layer = layer_of(tmp_path, types=ANY, territory="admin_division", territory_tolerance_m=0.1)
    two = [shapely.box(120.0, 30.0, 120.2, 30.3), shapely.box(120.2, 30.0, 120.4, 30.3), BOWTIE]
    shapes = [
        shapely.box(120.1, 30.1, 120.3, 30.2),  # in both together
        shapely.box(120.3, 30.1, 120.41, 30.2),
        shapely.box(120.3, 30.1, 120.4, 30.2),  # up to the border
        shapely.Point(120.5, 30.1),
    ]
    mapped = delivered(tmp_path, layer, [s if crs == "EPSG:4326" else to_metric(s) for s in shapes], crs=crs)
    pair = divisions(tmp_path, two)
    report = held([(mapped, layer)], known=[pair]) if known else held([(mapped, layer), pair])
    assert failures(report)[TERRITORY] == [1, 3]
    over = next(f for f in report.findings if f.rule == TERRITORY)
    assert over.point is not None
    assert 120.4 < over.point[0] < 120.41
    assert over.message == "The geometry reaches beyond the territory."


def test_a_territory_on_both_sides_of_the_date_line(tmp_path: Path) -> None:
    layer = layer_of(tmp_path, territory="admin_division", territory_tolerance_m=10)
    shapes = [
        shapely.box(179.5, 0, 180, 0.5),
        shapely.box(-179.9, 0, -178.99995, 0.5),  # some 6 m beyond
        shapely.box(-179.9, 0, -178.9998, 0.5),
        shapely.box(10, 0, 11, 1),
    ]
    halves = divisions(tmp_path, [shapely.box(179, -1, 180, 1), shapely.box(-180, -1, -179, 1)])
    report = held([(delivered(tmp_path, layer, shapes), layer)], known=[halves])
    assert failures(report)[TERRITORY] == [2, 3]
    world = divisions(tmp_path, [shapely.box(-180, -90, 180, 90)])
    assert TERRITORY not in failures(held([(delivered(tmp_path, layer, shapes), layer)], known=[world]))


def test_a_territory_of_unknown_place_is_not_judged_by_the_rest(tmp_path: Path) -> None:
    layer = layer_of(tmp_path, territory="admin_division")
    nowhere, elsewhere = (
        divisions(tmp_path, [BOWTIE.envelope], crs=None),
        divisions(tmp_path, [shapely.box(5, 5, 6, 6)]),
    )
    report = held([(delivered(tmp_path, layer, [BOWTIE.envelope]), layer)], known=[nowhere, elsewhere])
    assert TERRITORY not in failures(report)
    assert any(s.rule == TERRITORY for s in report.coverage.rules.skipped)


def test_the_tolerance_of_a_layer(tmp_path: Path) -> None:
    district = divisions(tmp_path, [shapely.box(120.0, 30.0, 120.2, 30.3)])
    shape = shapely.box(120.1, 30.1, 120.2 + 8 / 96_400, 30.2)
    for tolerance, failed in ((5, True), (12, False)):
        layer = layer_of(tmp_path, territory="admin_division", territory_tolerance_m=tolerance)
        report = held([(delivered(tmp_path, layer, [shape]), layer)], known=[district])
        assert (TERRITORY in failures(report)) == failed


def test_a_territory_that_is_not_given_is_said(tmp_path: Path) -> None:
    layer = layer_of(tmp_path, territory="admin_division")
    mapped = delivered(tmp_path, layer, [shapely.box(0, 0, 1, 1)])
    report = held(mapped, layer)
    (skipped,) = [s for s in report.coverage.rules.skipped if s.rule == TERRITORY]
    assert skipped.why == "the layer 'admin_division' was not given"
    empty = held([(mapped, layer)], known=[divisions(tmp_path, [BOWTIE])])
    assert any(s.rule == TERRITORY and "no polygons" in s.why for s in empty.coverage.rules.skipped)
    nowhere = held([(delivered(tmp_path, layer, [shapely.box(0, 0, 1, 1)], crs=None), layer)], known=[])
    assert any(s.rule == TERRITORY for s in nowhere.coverage.rules.skipped)


def test_samples_are_bounded_and_totals_exact(tmp_path: Path) -> None:
    layer = layer_of(tmp_path, types=ANY, territory=[0, 0, 1, 1], unique=True)
    report = held(delivered(tmp_path, layer, [shapely.Point(5, 5)] * 40), layer, samples=3)
    assert counts(report)[TERRITORY] == (40, 40)
    assert counts(report)[UNIQUE] == (40, 40)
    assert {rule: len(rows) for rule, rows in failures(report).items()} == {TERRITORY: 3, UNIQUE: 3}


@pytest.mark.shared
def test_parks_of_ghent_lie_in_ghent(tmp_path: Path, shared: Path) -> None:
    folder = shared / "data" / "ghent" / "vector"
    parks = geopandas.read_file(folder / "parken-gent.geojson").geometry
    city = geopandas.read_file(folder / "gent.geojson").geometry
    layer = layer_of(tmp_path, types=ANY, territory="admin_division", territory_tolerance_m=1)
    report = held(
        [(delivered(tmp_path, layer, list(parks)), layer)], known=[divisions(tmp_path, list(city))], samples=None
    )
    allowed = city.to_crs(31370).buffer(1).union_all()
    there = parks.to_crs(31370)
    expected = np.flatnonzero(parks.is_valid & ~there.within(allowed)).tolist()
    assert failures(report).get(TERRITORY, []) == expected
