"""An attribute against the geometry: area, length, perimeter, longitude and latitude, in the attribute's unit."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyproj
import pytest
import shapely
from check_deliveries import counts, deliver, failures, held, standard_layer

from cimkit.standard import Rule

GEOD = pyproj.Geod(ellps="WGS84")
SQUARE = shapely.segmentize(shapely.box(120.0, 30.0, 120.01, 30.01), 0.001)
AREA, PERIMETER = abs(GEOD.geometry_area_perimeter(SQUARE)[0]), GEOD.geometry_area_perimeter(SQUARE)[1]
LINE = shapely.LineString([(120.0, 30.0), (120.02, 30.0)])
LENGTH = GEOD.geometry_length(LINE)


def measured(
    folder: Path, values: list[Any], shapes: list[Any], measure: str, *, unit: str | None = None, **parameters: Any
) -> Any:
    crs = parameters.pop("crs", "EPSG:4326")
    lang = parameters.pop("lang", "en")
    field: dict[str, Any] = {"type": "number", **({"cim:unit": unit} if unit else {})}
    spec = {"types": ["Polygon", "MultiPolygon", "LineString", "Point"], "required": False}
    layer = standard_layer(folder, "parcel", {"size": field}, **{"cim:geometry": spec})
    cells = [None if shape is None else shapely.to_wkb(shape) for shape in shapes]
    array = pa.array(values) if isinstance(values[0], str) else pa.array(values, pa.float64())
    mapped = deliver(folder, {"size": array, "geometry": pa.array(cells, pa.binary())}, layer, crs=crs)
    asked = {"field": "size", "measure": measure, **parameters}
    rule = Rule(id="parcel.size", check="measure", layer="parcel", severity="error", message={}, parameters=asked)
    return held([(mapped, layer)], rules=[rule], lang=lang)


@pytest.mark.parametrize(
    ("unit", "factor"), [(None, 1), ("m2", 1), ("ha", 1e4), ("har", 1e4), ("km2", 1e6), ("mu", 1e4 / 15)]
)
def test_areas_in_any_unit(tmp_path: Path, unit: str | None, factor: float) -> None:
    values = [AREA / factor, 1.03 * AREA / factor, 0.97 * AREA / factor, None, AREA / factor * 1.005]
    report = measured(tmp_path, values, [SQUARE] * 5, "area", unit=unit, tolerance=0.01)
    assert failures(report) == {"parcel.size": [1, 2]}
    assert counts(report)["parcel.size"] == (4, 2)
    assert f" {unit or 'm2'}." in report.findings[0].message


def test_lengths_and_perimeters(tmp_path: Path) -> None:
    report = measured(tmp_path, [LENGTH, LENGTH + 3, LENGTH], [LINE, LINE, SQUARE], "length", tolerance_abs=2)
    assert failures(report) == {"parcel.size": [1]}
    assert counts(report)["parcel.size"] == (2, 1)
    kilometres = measured(tmp_path, [LENGTH / 1000, LENGTH], [LINE, LINE], "length", unit="km", tolerance=0.01)
    assert failures(kilometres) == {"parcel.size": [1]}
    around = measured(tmp_path, [PERIMETER, PERIMETER / 2], [SQUARE, SQUARE], "perimeter", tolerance=0.001)
    assert failures(around) == {"parcel.size": [1]}


def test_places(tmp_path: Path) -> None:
    points = [shapely.Point(120.5, 30.5), shapely.Point(120.5, 30.5), SQUARE, SQUARE]
    report = measured(tmp_path, [120.5, 121.5, 120.005, 120.2], points, "longitude", tolerance_abs=0.001)
    assert failures(report) == {"parcel.size": [1, 3]}
    assert "121.5, but the longitude of the geometry is 120.5°." in report.findings[0].message
    project = pyproj.Transformer.from_crs(4326, 4549, always_xy=True).transform
    metric = shapely.Point(*project(120.5, 30.5))
    report = measured(tmp_path, [30.5, 30.51], [metric, metric], "latitude", crs="EPSG:4549")
    assert failures(report) == {"parcel.size": [1]}


def test_the_greater_tolerance_counts_and_stands_in_the_report(tmp_path: Path) -> None:
    report = measured(tmp_path, [LENGTH + 5], [LINE], "length", tolerance=0.0001, tolerance_abs=10)
    assert failures(report) == {}
    rule = next(r for r in report.rules if r.rule == "parcel.size")
    assert (rule.parameters["tolerance"], rule.parameters["tolerance_abs"]) == (0.0001, 10)
    assumed = measured(tmp_path, [AREA], [SQUARE], "area")
    rule = next(r for r in assumed.rules if r.rule == "parcel.size")
    assert (rule.parameters["tolerance"], rule.parameters["tolerance_abs"], rule.code) == (0.01, 0, "geometry.measure")


def test_great_numbers_are_written_as_people_write_them(tmp_path: Path) -> None:
    report = measured(tmp_path, [1.0], [SQUARE], "area")
    assert f"is {AREA:.0f} m2." in report.findings[0].message


def test_a_condition_and_broken_geometry(tmp_path: Path) -> None:
    bowtie = shapely.Polygon([(0, 0), (1, 1), (1, 0), (0, 1)])
    report = measured(tmp_path, [1.0, 1.0, 5.0, 1.0], [SQUARE, bowtie, SQUARE, None], "area", when="size < 3")
    assert failures(report)["parcel.size"] == [0]
    assert counts(report)["parcel.size"] == (1, 1)


def test_what_cannot_be_compared_is_said(tmp_path: Path) -> None:
    def why(**more: Any) -> str:
        report = measured(tmp_path, more.pop("values", [1.0]), [SQUARE], "area", **more)
        (skipped,) = [s for s in report.coverage.rules.skipped if s.rule == "parcel.size"]
        return skipped.why

    assert why(unit="km/h") == "the unit 'km/h' of 'size' is no unit of area"
    assert why(values=["a"]) == "'size' was not delivered as numbers"
    assert why(crs=None) == "the coordinates have no known place on the earth"
    assert why(unit="m", lang="zh") == "“size”的单位“m”不是面积的单位"
