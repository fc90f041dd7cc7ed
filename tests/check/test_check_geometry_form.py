"""What a standard may ask of one record's geometry beyond validity: size, direction, spikes, points, precision."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyproj
import pytest
import shapely
from check_deliveries import counts, deliver, failures, held, plain
from geometry_deliveries import delivered, layer_of
from hypothesis import given, settings
from hypothesis import strategies as st
from test_check_geometry import BOWTIE, polygon

import cimkit
from cimkit.check.geometry import form, reasons, size
from cimkit.check.geometry.ground import Ground

METRIC = "EPSG:4549"  # metres, central meridian 120 east
X, Y = 514_000.0, 3_351_000.0
GEOD = pyproj.Geod(ellps="WGS84")


def box(width: float, height: float, x: float = X, y: float = Y) -> Any:
    return shapely.box(x, y, x + width, y + height)


def held_against(folder: Path, shapes: list[Any], *, crs: str | None = METRIC, lang: str = "en", **spec: Any) -> Any:
    layer = layer_of(folder, types=["Polygon", "MultiPolygon", "LineString", "MultiLineString", "Point"], **spec)
    return held(delivered(folder, layer, shapes, crs=crs), layer, lang=lang)


def found(report: Any, name: str) -> Any:
    return [f for f in report.findings if f.rule == f"building.geometry#{name}"]


def rule(report: Any, name: str) -> Any:
    return next(r for r in report.rules if r.rule == f"building.geometry#{name}")


# ---- on the ground ------------------------------------------------------------------------------


@pytest.mark.parametrize("crs", ["EPSG:4326", "EPSG:3857", "EPSG:4549", "EPSG:3035", "EPSG:2283"])
@pytest.mark.parametrize("size_in_degrees", [0.001, 0.2, 2])
def test_areas_and_lengths_are_those_of_the_ellipsoid(crs: str, size_in_degrees: float) -> None:
    west, south = {"EPSG:3035": (10, 50), "EPSG:2283": (-77.3, 38.7)}.get(crs, (120, 30))
    there = shapely.segmentize(shapely.box(west, south, west + size_in_degrees, south + size_in_degrees), 0.01)
    area, perimeter = GEOD.geometry_area_perimeter(there)
    project = pyproj.Transformer.from_crs(4326, crs, always_xy=True).transform
    shape = np.array([shapely.transform(there, lambda xy: np.column_stack(project(xy[:, 0], xy[:, 1])))])
    assert Ground(crs).areas(shape)[0] == pytest.approx(abs(area), rel=2e-4)
    assert Ground(crs).lengths(shape)[0] == pytest.approx(perimeter, rel=1e-4)


@pytest.mark.parametrize("metres", [3.0, 900.0, 40_000.0, 400_000.0])
@pytest.mark.parametrize(
    ("crs", "lon", "lat"),
    [("EPSG:32660", 179.9999, 60), ("EPSG:32760", 180, -17), ("EPSG:3413", 0, 90), ("EPSG:3031", 90, -89.9999)],
)
def test_the_date_line_and_the_poles_are_places_like_others(crs: str, lon: float, lat: float, metres: float) -> None:
    there = pyproj.Transformer.from_crs(crs, 4326, always_xy=True).transform
    back = pyproj.Transformer.from_crs(4326, crs, always_xy=True).transform
    x, y = back(lon, lat)
    square = shapely.segmentize(shapely.box(x - metres, y - metres, x + metres, y + metres), metres / 200)
    lon, lat = there(*shapely.get_coordinates(square).T)
    area, perimeter = GEOD.polygon_area_perimeter(lon[:-1], lat[:-1])
    ground = Ground(crs)
    assert ground.areas(np.array([square]))[0] == pytest.approx(abs(area), rel=2e-4, abs=0.05)
    assert ground.lengths(np.array([square]))[0] == pytest.approx(perimeter, rel=2e-4)
    holed = shapely.Polygon(square.exterior, [shapely.affinity.scale(square, 0.5, 0.5).exterior])
    assert ground.areas(np.array([holed]))[0] == pytest.approx(abs(area) * 0.75, rel=2e-2)


def test_a_local_grid_is_measured_in_its_own_unit() -> None:
    local = 'LOCAL_CS["site",UNIT["metre",1]]'
    try:
        ground = Ground(local)
    except cimkit.CimkitError:
        pytest.skip("PROJ knows no local grids")
    assert ground.areas(np.array([shapely.box(0, 0, 10, 10)]))[0] == pytest.approx(100)


def test_enormous_coordinates_end(tmp_path: Path) -> None:
    shapes = [
        shapely.box(0, 0, 1e300, 1e300),
        shapely.box(-1e9, -1e9, 1e9, 1e9),
        shapely.LineString([(0, 0), (1e200, 1)]),
    ]
    spec = {"min_area_m2": 1, "min_length_m": 1, "min_width_m": 1, "max_spike_degrees": 1, "min_segment_m": 1}
    for crs in ("EPSG:4326", METRIC, "EPSG:3857"):
        report = held_against(tmp_path, shapes, crs=crs, precision_m=0.01, **spec)
        assert rule(report, "valid").checked == 3


@settings(max_examples=40)
@given(lat=st.floats(-70, 70), width=st.floats(1e-5, 1e-2), height=st.floats(1e-5, 1e-2), times=st.floats(0.5, 0.9))
def test_areas_grow_with_the_square(lat: float, width: float, height: float, times: float) -> None:
    ground = Ground("EPSG:4490")
    shape = shapely.box(100 - width, lat - height, 100 + width, lat + height)
    smaller = shapely.affinity.scale(shape, times, times, origin=(100, lat))
    whole, part = ground.areas(np.array([shape, smaller]))
    assert part == pytest.approx(whole * times**2, rel=1e-6)


# ---- size ---------------------------------------------------------------------------------------


def test_small_and_short(tmp_path: Path) -> None:
    line = shapely.LineString([(X, Y), (X + 3, Y)])
    longer = shapely.LineString([(X, Y), (X + 30, Y)])
    report = held_against(tmp_path, [box(1, 1), box(5, 5), line, longer], min_area_m2=4, min_length_m=10)
    assert failures(report) == {"building.geometry#min_area": [0], "building.geometry#min_length": [2]}
    assert found(report, "min_area")[0].value == pytest.approx(1, rel=1e-2)
    assert found(report, "min_length")[0].message == "The geometry is 3 m long, shorter than 10 m."
    assert rule(report, "min_length").parameters == {"min_length_m": 10}
    assert rule(report, "min_length").checked == 2


def test_sizes_are_metres_in_degrees_too(tmp_path: Path) -> None:
    line = shapely.LineString([(120.0, 60.0), (120.001, 60.0)])  # 55.8 m at 60 degrees north
    assert failures(held_against(tmp_path, [line], crs="EPSG:4326", min_length_m=55)) == {}
    assert failures(held_against(tmp_path, [line], crs="EPSG:4326", min_length_m=57)) != {}
    mercator = shapely.LineString([(0, 8_400_000), (100, 8_400_000)])  # 50 m at 60 degrees north
    assert failures(held_against(tmp_path, [mercator], crs="EPSG:3857", min_length_m=60)) != {}


def test_slivers(tmp_path: Path) -> None:
    comb = shapely.union_all([box(20, 1), *(box(0.4, 20, X + i) for i in range(0, 20, 2))])
    ring = box(10, 10).difference(box(9.6, 9.6, X + 0.2, Y + 0.2))
    parts = shapely.MultiPolygon([box(5, 5), box(50, 0.2, X + 20)])
    shapes = [box(50, 0.3), box(0.6, 0.6), comb, ring, parts, box(50, 0.6)]
    report = held_against(tmp_path, shapes, min_width_m=0.5, min_area_m2=0.1)
    assert failures(report) == {"building.geometry#min_width": [0, 3, 4]}
    first, _, last = found(report, "min_width")
    assert first.value == pytest.approx(0.3, rel=0.01)
    assert last.value == pytest.approx(0.2, rel=0.01)
    degrees = pyproj.Transformer.from_crs(METRIC, 4326, always_xy=True).transform(X + 45, Y + 0.1)
    assert last.point == pytest.approx(degrees, abs=1e-5)


def test_what_is_too_small_is_no_sliver_and_has_no_spike(tmp_path: Path) -> None:
    report = held_against(tmp_path, [box(3, 0.1)], min_area_m2=1, min_width_m=0.5, max_spike_degrees=89)
    assert failures(report) == {"building.geometry#min_area": [0]}
    assert (rule(report, "min_width").checked, rule(report, "spike").checked) == (0, 0)


@settings(max_examples=60)
@given(data=st.data())
def test_the_quick_test_for_slivers_overlooks_none(data: Any) -> None:
    """The bound that spares the buffer is never wrong: shapely's largest circle is the judge."""
    width, height = data.draw(st.floats(0.5, 30)), data.draw(st.floats(0.5, 30))
    shape = box(width, height)
    for _ in range(data.draw(st.integers(0, 4))):
        x, y = data.draw(st.floats(0, width)), data.draw(st.floats(0, height))
        shape = shape.difference(box(data.draw(st.floats(0.1, 5)), data.draw(st.floats(0.1, 5)), X + x, Y + y))
    polygons = [part for part in shapely.get_parts(shape) if part.geom_type == "Polygon" and part.area > 0.01]
    if not polygons:
        return
    least = data.draw(st.floats(0.2, 10))
    narrowest = min(2 * shapely.maximum_inscribed_circle(part, tolerance=0.001).length for part in polygons)
    if abs(narrowest / least - 1) < 0.01:
        return  # the two are not exact
    whole = np.array([shapely.MultiPolygon(polygons) if len(polygons) > 1 else polygons[0]])
    assert size.too_narrow(whole, Ground(METRIC), least)[0] == (narrowest < least)


# ---- ring direction -----------------------------------------------------------------------------


def test_ring_direction(tmp_path: Path) -> None:
    hole = [(X + 1, Y + 1), (X + 2, Y + 1), (X + 2, Y + 2), (X + 1, Y + 2)]  # counter-clockwise
    outer = shapely.box(X, Y, X + 5, Y + 5, ccw=True).exterior.coords
    shapes = [
        shapely.box(X, Y, X + 1, Y + 1, ccw=True),
        shapely.box(X, Y, X + 1, Y + 1, ccw=False),
        shapely.Polygon(outer, [hole]),
        shapely.Polygon(outer, [hole[::-1]]),
        shapely.MultiPolygon([shapely.box(X, Y, X + 1, Y + 1), shapely.box(X + 3, Y, X + 4, Y + 1, ccw=False)]),
    ]
    report = held_against(tmp_path, shapes, ring_direction="ccw")
    assert failures(report) == {"building.geometry#ring_direction": [1, 2, 4]}
    outer_ring, inner, _ = found(report, "ring_direction")
    assert outer_ring.message == "The outer ring runs clockwise; it must run the other way."
    assert inner.message == "The ring of a hole runs counter-clockwise; it must run the other way."
    other = held_against(tmp_path, shapes, ring_direction="cw")
    assert failures(other) == {"building.geometry#ring_direction": [0, 2, 3, 4]}


@settings(max_examples=50)
@given(points=st.lists(st.tuples(st.integers(-50, 50), st.integers(-50, 50)), min_size=3, max_size=8))
def test_a_polygon_turned_round_fails_the_other_way(points: list[tuple[int, int]]) -> None:
    shape = shapely.convex_hull(shapely.MultiPoint(points))
    if shape.geom_type != "Polygon":
        return
    right, left = (
        shapely.orient_polygons(np.array([shape])),
        shapely.orient_polygons(np.array([shape]), exterior_cw=True),
    )
    for asked, good, bad in (("ccw", right, left), ("cw", left, right)):
        assert not form.wrong_direction(good, asked)[0]
        assert form.wrong_direction(bad, asked)[0]
        assert form.wrong_direction(np.array([good[0].reverse()]), asked)[0]


# ---- spikes and repeated points -----------------------------------------------------------------


def test_spikes(tmp_path: Path) -> None:
    spiked = shapely.Polygon([(X, Y), (X + 10, Y), (X + 10, Y + 5), (X + 40, Y + 5.05), (X + 10, Y + 5.1), (X, Y + 10)])
    kick = shapely.LineString([(X, Y), (X + 10, Y), (X + 2, Y)])
    fine = shapely.LineString([(X, Y), (X + 10, Y), (X + 20, Y), (X + 10, Y + 1)])
    repeated = shapely.LineString([(X, Y), (X + 10, Y), (X + 10, Y), (X + 2, Y + 0.01)])
    report = held_against(tmp_path, [spiked, box(10, 10), kick, fine, repeated], max_spike_degrees=1)
    assert failures(report) == {"building.geometry#spike": [0, 2, 4]}
    first = found(report, "spike")[0]
    assert first.value == pytest.approx(0.191, rel=0.02)
    assert "30 m long" in first.message
    degrees = pyproj.Transformer.from_crs(METRIC, 4326, always_xy=True).transform(X + 40, Y + 5.05)
    assert first.point == pytest.approx(degrees, abs=1e-6)
    assert rule(report, "spike").parameters == {"max_spike_degrees": 1, "min_spike_m": 0}
    longer = held_against(tmp_path, [spiked, kick], max_spike_degrees=1, min_spike_m=20)
    assert failures(longer) == {"building.geometry#spike": [0]}


@pytest.mark.parametrize("start", range(4))
def test_a_spike_is_found_wherever_the_ring_begins(start: int) -> None:
    corners = [(X, Y), (X + 10, Y), (X + 50, Y + 0.05), (X + 9, Y + 0.2)]
    shape = shapely.Polygon(corners[start:] + corners[:start])
    assert shape.is_valid
    assert form.spiked(np.array([shape]), Ground(METRIC), 2, 0)[0]
    assert form.spiked_at(shape, Ground(METRIC), 2, 0)[0] == (X + 50, Y + 0.05)


def test_repeated_points(tmp_path: Path) -> None:
    same = shapely.Polygon([(X, Y), (X, Y), (X + 1, Y), (X + 1, Y + 1)])
    near = shapely.LineString([(X, Y), (X + 1, Y), (X + 1.0004, Y)])
    report = held_against(tmp_path, [same, near, box(1, 1)], min_segment_m=0.001)
    assert failures(report) == {"building.geometry#min_segment": [0, 1]}
    assert found(report, "min_segment")[1].value == pytest.approx(0.0004, rel=0.02)
    assert failures(held_against(tmp_path, [same, near], min_segment_m=0)) == {"building.geometry#min_segment": [0]}


# ---- precision ----------------------------------------------------------------------------------


def test_coordinates_finer_than_declared(tmp_path: Path) -> None:
    shapes = [shapely.Point(X + 0.01, Y), shapely.Point(X + 0.013, Y), shapely.Point(-X + 0.27, Y)]
    report = held_against(tmp_path, shapes, precision_m=0.01)
    assert failures(report) == {"building.geometry#precision": [1]}
    degrees = [shapely.Point(120.1234567, 30.7654321), shapely.Point(120.12345678, 30)]
    assert failures(held_against(tmp_path, degrees, crs="EPSG:4490", decimals=7)) == {
        "building.geometry#precision": [1]
    }
    assert failures(held_against(tmp_path, degrees, crs="EPSG:4490", precision_m=0.01)) == {}
    assert failures(held_against(tmp_path, degrees, crs="EPSG:4490", precision_m=1)) == {
        "building.geometry#precision": [0, 1]
    }


def test_a_layer_rounded_far_more_coarsely_than_declared(tmp_path: Path) -> None:
    coarse = [shapely.Point(X + i, Y + 2 * i) for i in range(30)]
    report = held_against(tmp_path, coarse, precision_m=0.01)
    (finding,) = found(report, "coarse")
    assert (finding.code, finding.severity, finding.row) == ("geometry.precision", "warning", None)
    assert "multiples of 1, far coarser than the declared precision of 0.01" in finding.message
    fine = [*coarse, shapely.Point(X + 0.05, Y)]
    assert found(held_against(tmp_path, fine, precision_m=0.01), "coarse") == []
    assert found(held_against(tmp_path, coarse[:3], precision_m=0.01), "coarse") == []  # too few to tell


# ---- what is not judged is said -------------------------------------------------------------------


def test_without_a_crs_rules_in_metres_are_skipped(tmp_path: Path) -> None:
    spec = {"min_length_m": 1, "min_width_m": 1, "max_spike_degrees": 1, "min_segment_m": 1, "precision_m": 1}
    report = held_against(tmp_path, [box(0.1, 0.1)], crs=None, ring_direction="ccw", **spec)
    skipped = {each.rule.partition("#")[2] for each in report.coverage.rules.skipped}
    assert skipped == {"min_length", "min_width", "spike", "min_segment", "precision"}
    assert rule(report, "ring_direction").checked == 1


def test_curves_are_said_to_be_unjudged(tmp_path: Path) -> None:
    arc = bytes.fromhex("0108000000" + "03000000" + "00" * 48)
    layer = layer_of(tmp_path, types=["Polygon", "GeometryCollection"], ring_direction="ccw")
    inside = bytes.fromhex("0107000000" + "01000000") + arc
    collection = shapely.GeometryCollection([box(1, 1)])
    report = held(delivered(tmp_path, layer, [inside, collection, box(1, 1)], crs=METRIC), layer)
    skipped = {each.rule.partition("#")[2]: each.why for each in report.coverage.rules.skipped}
    assert skipped["valid"].startswith("1 geometries")
    assert skipped["ring_direction"].startswith("2 geometries")
    assert counts(report)["building.geometry#ring_direction"] == (1, 0)


# ---- reasons ------------------------------------------------------------------------------------

WRONG = {
    "Self-intersection": shapely.Polygon([(0, 0), (1, 1), (1, 0), (0, 1)]),
    "Ring Self-intersection": shapely.from_wkt("POLYGON ((0 0, 2 0, 1 1, 2 2, 0 2, 1 1, 0 0))"),
    "Hole lies outside shell": shapely.Polygon([(0, 0), (1, 0), (1, 1)], [[(5, 5), (6, 5), (6, 6)]]),
    "Holes are nested": shapely.from_wkt(
        "POLYGON ((0 0, 9 0, 9 9, 0 9, 0 0), (1 1, 1 8, 8 8, 8 1, 1 1), (2 2, 2 4, 4 4, 4 2, 2 2))"
    ),
    "Nested shells": shapely.MultiPolygon([shapely.box(0, 0, 9, 9), shapely.box(1, 1, 2, 2)]),
    "Interior is disconnected": shapely.from_wkt("POLYGON ((0 0, 4 0, 4 4, 0 4, 0 0), (2 0, 3 2, 2 4, 1 2, 2 0))"),
    "Too few points in geometry component": shapely.LineString([(0, 0), (0, 0)]),
}


@pytest.mark.parametrize("reason", WRONG)
def test_every_reason_of_geos_is_known_in_both_languages(reason: str) -> None:
    shape = WRONG[reason]
    assert shapely.is_valid_reason(shape).startswith(reason)
    said, place = reasons.why_invalid(shape)
    assert said == reason
    assert place is not None
    assert reasons.spoken(reason, "en") == reason
    assert any("一" <= letter <= "鿿" for letter in reasons.spoken(reason, "zh"))


def test_the_place_is_in_the_part_that_is_broken(tmp_path: Path) -> None:
    bowtie = shapely.affinity.translate(WRONG["Self-intersection"], 110, 30)
    shape = shapely.MultiPolygon([shapely.box(100, 20, 101, 21), bowtie])
    report = held_against(tmp_path, [shape], crs="EPSG:4326", lang="zh")
    (finding,) = report.findings
    assert finding.point == (110.5, 30.5)
    assert finding.message == "几何图形无效：边界自相交。"
    assert finding.value == "Self-intersection"


def test_an_open_ring_is_told_as_one(tmp_path: Path) -> None:
    report = held_against(tmp_path, [polygon((1, 2), (3, 2), (3, 4), (1, 4)), b"\x01\x02"], crs="EPSG:4326")
    open_ring, junk = report.findings
    assert open_ring.message == "The geometry is not valid: Ring is not closed."
    assert open_ring.point == (1.0, 2.0)
    assert junk.message == "The geometry is not valid: the bytes are no geometry."


# ---- a plain JSON Schema --------------------------------------------------------------------------


def test_a_plain_schema_warns_of_what_no_standard_would_take(tmp_path: Path) -> None:
    nan = float("nan")
    cells = [
        polygon((0, 0), (nan, 0), (1, 1), (0, 0)),
        shapely.to_wkb(BOWTIE),
        None,
        shapely.to_wkb(box(1, 1)),
        b"\x01",
    ]
    layer = plain({"type": "object", "properties": {"id": {"type": "string"}}})
    table = pa.table({"id": list("abcde"), "geometry": pa.array(cells, pa.binary())})
    report = held(deliver(tmp_path, table, layer), layer)
    found = {rule: rows for rule, rows in failures(report).items() if "geometry" in rule}
    assert found == {"t.geometry#finite": [0], "t.geometry#valid": [1, 4]}
    assert {f.severity for f in report.findings} == {"warning"}
    assert report.verdict == "pass"
    without = held(deliver(tmp_path, pa.table({"id": ["a"]}), layer), layer)
    assert not any("geometry" in each.rule for each in without.rules)


# ---- who may go on ------------------------------------------------------------------------------


def test_only_unsound_geometry_is_kept_from_topology(tmp_path: Path) -> None:
    from cimkit import duck
    from cimkit.check.geometry.records import geometry_outcomes

    layer = layer_of(tmp_path, min_area_m2=100, ring_direction="ccw", min_width_m=50)
    shapes = [BOWTIE, None, shapely.Polygon(), shapely.Point(0, 0), box(1, 1), box(20, 20).reverse(), box(90, 90)]
    mapped = delivered(tmp_path, layer, shapes, crs=METRIC)
    with duck.connect() as con:
        outcomes, _, _ = geometry_outcomes(con, mapped, layer, 0, "broken", 100, "en")
        assert con.execute("SELECT _row FROM broken ORDER BY 1").fetchall() == [(0,), (1,), (2,), (3,)]
    failed = {o.rule.rule.partition("#")[2]: o.rows for o in outcomes if o.failed}
    assert failed["min_area"] == (4,)
    assert failed["ring_direction"] == (5,)
