"""Geometry rules: one cause for each record, whatever bytes are delivered."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import geopandas
import numpy as np
import pytest
import shapely
from check_deliveries import counts, deliver, failures, held
from geometry_deliveries import delivered, layer_of
from hypothesis import given, settings
from hypothesis import strategies as st

from cimkit.check.geometry import validity as geometry
from cimkit.check.geometry.ground import Ground
from cimkit.model import SEVERITIES
from cimkit.standard import CrsPolicy

SQUARE = shapely.box(111.6, 40.8, 111.601, 40.801)
BOWTIE = shapely.Polygon([(0, 0), (1, 1), (1, 0), (0, 1)])
CURVE = bytes.fromhex("010A00000001000000" + "0108000000" + "03000000" + "00" * 48)
WHOLE = shapely.to_wkb(shapely.MultiPolygon([shapely.box(0, 0, 1, 1), shapely.box(2, 2, 3, 3)]))


def polygon(*points: tuple[float, float]) -> bytes:
    """A polygon's bytes, ring closed or not."""
    return (
        struct.pack("<BII", 1, 3, 1) + struct.pack("<I", len(points)) + b"".join(struct.pack("<dd", *p) for p in points)
    )


def test_each_geometry_has_one_cause(tmp_path: Path) -> None:
    layer = layer_of(tmp_path, min_area_m2=1)
    inf = float("inf")
    shapes = [
        SQUARE,
        None,
        shapely.Polygon(),
        shapely.Point(1, 2),
        BOWTIE,
        polygon((0, 0), (1, 0), (1, 1)),  # not closed
        b"",
        b"\x01\x03",
        WHOLE[:40],
        CURVE,
        polygon((0, 0), (inf, 0), (1, 1), (0, 0)),
        shapely.box(111.6, 40.8, 111.6 + 1e-6, 40.8 + 1e-6),
        shapely.GeometryCollection(),
    ]
    report = held(delivered(tmp_path, layer, shapes), layer)
    assert failures(report) == {
        "building.geometry#missing": [1],
        "building.geometry#kind": [3, 9],
        "building.geometry#empty": [2, 12],
        "building.geometry#finite": [10],
        "building.geometry#valid": [4, 5, 6, 7, 8],
        "building.geometry#min_area": [11],
    }
    assert counts(report) == {
        "building.id#type": (13, 0),
        "building.id#unique": (13, 0),
        "building.geometry#missing": (13, 1),
        "building.geometry#kind": (6, 2),
        "building.geometry#empty": (8, 2),
        "building.geometry#finite": (4, 1),
        "building.geometry#valid": (7, 5),
        "building.geometry#min_area": (2, 1),
        "building#crs": (1, 0),
    }


def test_a_finding_tells_the_reason_and_the_place(tmp_path: Path) -> None:
    layer = layer_of(tmp_path)
    report = held(delivered(tmp_path, layer, [BOWTIE, shapely.Point(3, 4)]), layer)
    kind, invalid = report.findings
    assert invalid.message == "The geometry is not valid: Self-intersection."
    assert invalid.point == (0.5, 0.5)
    assert (kind.value, kind.point, kind.row, kind.id) == ("Point", (3.0, 4.0), 1, "b1")


def test_places_are_in_degrees_whatever_the_crs(tmp_path: Path) -> None:
    layer = layer_of(tmp_path)
    point = shapely.Point(514432.148, 3351162.269)
    report = held(delivered(tmp_path, layer, [point], crs="EPSG:4549"), layer)
    assert report.findings[0].point == pytest.approx((120.15, 30.28), abs=1e-6)


def test_kinds_that_geos_does_not_read_are_not_called_invalid(tmp_path: Path) -> None:
    layer = layer_of(tmp_path, types=["PolyhedralSurface", "Polygon"])
    collections = layer_of(tmp_path, types=["GeometryCollection"])
    surface = struct.pack("<BII", 1, 15, 1) + polygon((0, 0), (1, 0), (1, 1), (0, 0))
    inside = struct.pack("<BII", 1, 7, 1) + CURVE
    report = held(delivered(tmp_path, layer, [surface, inside, SQUARE]), layer)
    assert failures(report) == {"building.geometry#kind": [1]}
    assert counts(report)["building.geometry#valid"] == (1, 0)
    report = held(delivered(tmp_path, collections, [inside, shapely.GeometryCollection([BOWTIE])]), collections)
    assert failures(report) == {"building.geometry#valid": [1]}
    assert counts(report)["building.geometry#valid"] == (1, 1)


def test_a_layer_without_the_geometry_it_must_have(tmp_path: Path) -> None:
    layer = layer_of(tmp_path)
    report = held(deliver(tmp_path, {"id": ["a", "b"]}, layer), layer)
    assert failures(report) == {"building.geometry#missing": [0, 1]}
    optional = layer_of(tmp_path, required=False)
    assert failures(held(deliver(tmp_path, {"id": ["a", "b"]}, optional), optional)) == {}


def test_no_records(tmp_path: Path) -> None:
    layer = layer_of(tmp_path)
    report = held(delivered(tmp_path, layer, []), layer)
    assert (report.verdict, report.findings) == ("pass", ())
    assert all(rule.failed == 0 for rule in report.rules)


@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_no_bytes_stop_a_check(data: Any, tmp_path_factory: Any) -> None:
    folder = tmp_path_factory.mktemp("bytes")
    layer = layer_of(folder)
    cut = st.integers(0, len(WHOLE)).map(lambda n: WHOLE[:n])
    broken = st.tuples(st.integers(0, len(WHOLE) - 1), st.integers(0, 255)).map(
        lambda change: WHOLE[: change[0]] + bytes([change[1]]) + WHOLE[change[0] + 1 :]
    )
    cells = data.draw(st.lists(st.one_of(cut, broken, st.binary(max_size=40), st.none()), min_size=20, max_size=20))
    mapped = delivered(folder, layer, cells)
    assert layer.geometry is not None
    (batch,) = geometry.judged(mapped, layer.geometry.types)
    for row, verdict in zip(batch.rows, batch.verdicts, strict=True):
        cell = cells[row]
        shape = None if cell is None else shapely.from_wkb(cell, on_invalid="ignore")
        good = shape is not None and shape.is_valid and not shape.is_empty and "Polygon" in shape.geom_type
        assert (verdict == 0) == good


def test_validity_is_that_of_geopandas(tmp_path: Path) -> None:
    random = np.random.default_rng(3)
    layer = layer_of(tmp_path)
    shapes = [shapely.Polygon(random.random((6, 2))) for _ in range(200)]
    report = held(delivered(tmp_path, layer, shapes), layer, samples=None)
    expected = np.flatnonzero(~geopandas.GeoSeries(shapes).is_valid).tolist()
    assert failures(report) == {"building.geometry#valid": expected}


@pytest.mark.parametrize("latitude", [0, 30, 45, 60, 75])
def test_areas_of_degrees_are_those_on_the_ground(latitude: int) -> None:
    shape = shapely.box(100, latitude, 100.001, latitude + 0.001)
    measured = Ground("EPSG:4490").areas(np.array([shape]))[0]
    metric = geopandas.GeoSeries([shape], crs=4326)
    equal_area = metric.to_crs(f"+proj=laea +lat_0={latitude} +lon_0=100 +ellps=WGS84").area[0]
    assert measured == pytest.approx(equal_area, rel=1e-3)


# ---- coordinate reference systems -----------------------------------------------------------


def crs_codes(report: Any) -> dict[str, str]:
    return {finding.code: finding.severity for finding in report.findings if finding.code.startswith("crs.")}


def test_crs_policy(tmp_path: Path) -> None:
    layer = layer_of(tmp_path)
    policy = CrsPolicy(("EPSG:4490", "EPSG:4513..4554"))

    def codes(crs: str | None, shape: Any = SQUARE) -> dict[str, str]:
        return crs_codes(held(delivered(tmp_path, layer, [shape], crs=crs), layer, crs_policy=policy))

    assert codes("EPSG:4490") == {}
    assert codes(None) == {"crs.missing": "error"}
    assert set(codes("EPSG:4326")) == {"crs.not_allowed"}
    assert set(codes("GCJ-02")) == {"crs.not_allowed"}
    assert codes("EPSG:4547", shapely.box(500000, 3350000, 500100, 3350100)) == {}
    assert codes("EPSG:4490+5737") == {}


def test_swapped_axes_are_suspected(tmp_path: Path) -> None:
    layer = layer_of(tmp_path)
    swapped = shapely.box(40.8, 111.6, 40.801, 111.601)
    report = held(delivered(tmp_path, layer, [swapped], crs="EPSG:4490"), layer)
    assert crs_codes(report) == {"crs.swapped_axes": "warning"}
    finding = next(f for f in report.findings if f.code == "crs.swapped_axes")
    assert (finding.rule, finding.row, finding.severity in SEVERITIES) == ("building#crs", None, True)


def test_without_a_crs_an_area_rule_is_skipped_and_said_so(tmp_path: Path) -> None:
    layer = layer_of(tmp_path, min_area_m2=1)
    report = held(delivered(tmp_path, layer, [SQUARE], crs=None), layer)
    assert [skipped.rule for skipped in report.coverage.rules.skipped] == ["building.geometry#min_area"]
