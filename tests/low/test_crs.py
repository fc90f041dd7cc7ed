"""CRS names, transformations and suspicions; the numbers are PROJ's own and the domain notes' vectors."""

from __future__ import annotations

import struct

import numpy as np
import pyarrow as pa
import pyproj
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from cimkit import crs
from cimkit.errors import SourceError, UsageError

POSITION = (120.15, 30.28)


# ---- names


@pytest.mark.parametrize("text", ["EPSG:999999", "no such crs", "", "EPSG:", "PROJCS[broken"])
def test_an_unknown_crs_is_refused_with_a_hint(text: str) -> None:
    with pytest.raises(UsageError) as error:
        crs.canonical(text)
    assert error.value.hint


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("epsg:4547", "EPSG:4547"),
        ("4326", "EPSG:4326"),
        ("OGC:CRS84", "EPSG:4326"),
        ("gcj02", "GCJ-02"),
        ("GCJ-02", "GCJ-02"),
        ("bd-09", "BD-09"),
        ("EPSG:4547+5737", "EPSG:4547+5737"),
        ("EPSG:28992+5709", "EPSG:7415"),  # a compound with a code of its own
    ],
)
def test_names(text: str, name: str) -> None:
    assert crs.canonical(text) == name
    assert crs.canonical(name) == name


@pytest.mark.parametrize("code", [*range(4490, 4555, 7), 4214, 4610, 31370, 32650, 3857, 2249])
def test_the_wkt_of_a_prj_becomes_its_code(code: int) -> None:
    assert crs.canonical(pyproj.CRS(code).to_wkt("WKT1_ESRI")) == f"EPSG:{code}"


def test_a_crs_without_a_code_stays_wkt_and_keeps_its_shift() -> None:
    local = crs.canonical("+proj=tmerc +lat_0=0 +lon_0=114.5 +k=1 +x_0=500000 +ellps=krass +towgs84=15,-154,-82")
    assert "BOUNDCRS" in local
    assert crs.canonical(local) == local
    assert crs.pyproj_crs(local).is_bound


@pytest.mark.parametrize("name", ["GCJ-02", "BD-09"])
@pytest.mark.parametrize("form", ["to_wkt", "to_json"])
def test_an_offset_datum_is_known_again_from_a_file(name: str, form: str) -> None:
    assert crs.canonical(getattr(crs.written(name), form)()) == name
    assert crs.written(name).to_epsg() is None


def test_units() -> None:
    assert crs.is_geographic("EPSG:4490") and crs.is_geographic("GCJ-02") and not crs.is_geographic("EPSG:4547")
    assert crs.metres_per_unit("EPSG:4547") == 1.0
    assert crs.metres_per_unit("EPSG:2249") == pytest.approx(0.3048006)
    assert crs.metres_per_unit("EPSG:4326") == pytest.approx(111_195, abs=1)
    assert pyproj.CRS.from_json_dict(crs.projjson("EPSG:4547")).to_epsg() == 4547


# ---- transformations


@pytest.mark.parametrize(
    ("target", "easting", "northing"),
    [
        ("EPSG:4549", 514432.148, 3351162.269),
        ("EPSG:4528", 40514432.148, 3351162.269),
        ("EPSG:4547", 1092280.077, 3367219.443),
    ],
)
def test_cgcs2000_vectors(target: str, easting: float, northing: float) -> None:
    way = crs.plan("EPSG:4490", target)
    x, y = way.points(*POSITION)
    assert (float(x), float(y)) == pytest.approx((easting, northing), abs=0.001)
    assert way.note is None


@pytest.mark.parametrize("target", ["EPSG:4326", "EPSG:32650", "EPSG:4979"])
def test_cgcs2000_and_wgs84_are_one_datum_with_a_note(target: str) -> None:
    assert "about a metre" in (crs.plan("EPSG:4547", target).note or "")
    assert "about a metre" in (crs.plan(target, "EPSG:4490").note or "")


@pytest.mark.parametrize("source", ["EPSG:4214", "EPSG:4610", "EPSG:2434", "EPSG:2383"])
@pytest.mark.parametrize("target", ["EPSG:4490", "EPSG:4326", "EPSG:4547"])
def test_unpublished_shifts_are_refused(source: str, target: str) -> None:
    with pytest.raises(SourceError) as error:
        crs.plan(source, target)
    assert source in str(error.value) and "towgs84" in (error.value.hint or "")
    assert "unshifted" in (crs.plan(source, target, allow_ballpark=True).note or "")


def test_projections_within_an_unpublished_datum_are_exact() -> None:
    assert crs.plan("EPSG:4214", "EPSG:2434").note is None


def test_the_authoritys_own_parameters_open_the_way() -> None:
    source = "+proj=tmerc +lat_0=0 +lon_0=114 +k=1 +x_0=500000 +ellps=krass +towgs84=15.8,-154.4,-82.3 +units=m"
    x, y = crs.plan(source, "EPSG:4326").points(500000, 3000000)
    assert (float(x), float(y)) == pytest.approx((114.0005, 27.1111), abs=1e-3)


def test_a_known_shift_tells_its_accuracy() -> None:
    assert crs.plan("EPSG:31370", "EPSG:4326").note == "The datum shift is good to 1-5 m."
    assert "about a metre" in (crs.plan("EPSG:31370", "EPSG:4490").note or "")


def test_offset_datums_both_ways() -> None:
    lon, lat = crs.plan("EPSG:4326", "GCJ-02").points([116.404], [39.915])
    assert (lon[0], lat[0]) == pytest.approx((116.41024449916938, 39.91640428150164), abs=1e-12)
    for name in ("GCJ-02", "BD-09"):
        there = crs.plan("EPSG:4547", name).points([500000.0], [3000000.0])
        back = crs.plan(name, "EPSG:4547").points(*there)
        assert (back[0][0], back[1][0]) == pytest.approx((500000, 3000000), abs=0.001)
    both = crs.plan("GCJ-02", "BD-09").points([116.404], [39.915])
    assert (both[0][0], both[1][0]) == pytest.approx((116.41036949371029, 39.92133699351021), abs=1e-8)


def test_the_plan_is_cached_and_the_same_crs_is_no_work() -> None:
    assert crs.plan("EPSG:4490", "EPSG:4547") is crs.plan("EPSG:4490", "EPSG:4547")
    array = pa.array([b"no wkb at all", None])
    assert crs.plan("EPSG:4490", "epsg:4490").wkb(array) is array


@given(st.floats(112.5, 115.5), st.floats(18, 50))
def test_there_and_back_is_under_a_millimetre(lon: float, lat: float) -> None:
    there = crs.plan("EPSG:4490", "EPSG:4547").points(lon, lat)
    back = crs.plan("EPSG:4547", "EPSG:4490").points(*there)
    assert np.hypot(float(back[0]) - lon, float(back[1]) - lat) * 111_320 < 0.001


# ---- WKB


def wkb_of(wkt: str, **kwargs: object) -> bytes:
    return shapely.to_wkb(shapely.from_wkt(wkt), **{"flavor": "iso", **kwargs})  # type: ignore[no-any-return]


def through(values: list[bytes | None], source: str = "EPSG:4490", target: str = "EPSG:4547") -> pa.Array:
    return crs.plan(source, target).wkb(pa.array(values, pa.binary()))


def test_broken_wkb_becomes_null_and_is_countable() -> None:
    cut = wkb_of("LINESTRING (114 30, 114.1 30)")[:-3]
    after = through([None, b"", b"\x01\x02", cut, b"not wkb at all", wkb_of("POINT (114 30)")])
    assert [value is None for value in after.to_pylist()] == [True] * 5 + [False]
    assert after.null_count - 1 == 4


def test_a_place_that_the_target_does_not_have_is_lost_and_countable() -> None:
    after = through([wkb_of("POINT (1e9 30)"), wkb_of("LINESTRING (114 30, inf 30)"), wkb_of("POINT (114 30)")])
    assert [value is None for value in after.to_pylist()][0::2] == [True, False]


@pytest.mark.parametrize(
    "wkt",
    [
        "POINT (114 30)",
        "POINT Z (114 30 12.5)",
        "POINT M (114 30 7)",
        "POINT ZM (114 30 12.5 7)",
        "LINESTRING (114 30, 114.1 30.1)",
        "POLYGON ((114 30, 114.1 30, 114.1 30.1, 114 30), (114.01 30, 114.02 30, 114.02 30.002, 114.01 30))",
        "MULTIPOLYGON Z (((114 30 1, 114.1 30 2, 114.1 30.1 3, 114 30 1)))",
        "GEOMETRYCOLLECTION (POINT (114 30), LINESTRING (114 30, 114.1 30.1))",
        "POINT EMPTY",
        "POLYGON EMPTY",
    ],
)
@pytest.mark.parametrize("encoding", [{"flavor": "iso"}, {"flavor": "extended"}, {"byte_order": 0}])
def test_every_kind_keeps_its_shape_height_and_measure(wkt: str, encoding: dict[str, object]) -> None:
    shape = shapely.from_wkt(wkt)
    after = shapely.from_wkb(through([wkb_of(wkt, **encoding)])[0].as_py())
    to_local = pyproj.Transformer.from_crs(4490, 4547, always_xy=True)
    before = shapely.get_coordinates(shape, include_z=True, include_m=True)
    expected = before.copy()
    if len(before):
        expected[:, 0], expected[:, 1] = to_local.transform(before[:, 0], before[:, 1])
    assert shapely.get_type_id(after) == shapely.get_type_id(shape)
    assert (after.has_z, shapely.has_m(after)) == (shape.has_z, shapely.has_m(shape))
    np.testing.assert_allclose(shapely.get_coordinates(after, include_z=True, include_m=True), expected)


def test_what_geos_does_not_read_is_reprojected_all_the_same() -> None:
    curve = struct.pack("<BII6d", 1, 8, 3, 114, 30, 114.1, 30.1, 114.2, 30)
    ring = struct.pack("<BIII8d", 1, 3, 1, 4, 114, 30, 114.1, 30, 114.1, 30.1, 114, 30.05)  # not closed
    surface = struct.pack("<BII", 1, 15, 1) + ring
    for value in (curve, ring, surface, struct.pack("<BII", 1, 9, 1) + curve):
        after = through([value])[0].as_py()
        assert len(after) == len(value)
        first = len(value) - (48 if value is curve or value[1] == 9 else 64)
        assert struct.unpack_from("<2d", after, first) == pytest.approx((500000, 3320113.398), abs=0.001)


def test_mixed_columns_slices_and_large_binary() -> None:
    values = [wkb_of("POINT (114 30)"), None, wkb_of("POINT Z (114 30 5)"), wkb_of("POINT M (114 30 5)")]
    array = pa.array(values, pa.large_binary())
    after = crs.plan("EPSG:4490", "EPSG:4547").wkb(array)
    assert after.type == pa.large_binary() and after.null_count == 1
    assert crs.plan("EPSG:4490", "EPSG:4547").wkb(array.slice(2, 2)).equals(after.slice(2, 2))
    assert [shapely.from_wkb(v).has_z for v in after.to_pylist() if v] == [False, True, False]


def test_a_height_that_is_missing_does_not_take_the_place_with_it() -> None:
    after = shapely.from_wkb(through([wkb_of("POINT Z (114 30 NaN)")])[0].as_py())
    assert (after.x, after.y) == pytest.approx((500000, 3320113.398), abs=0.001)


@given(st.lists(st.binary(max_size=60), max_size=8))
def test_any_bytes_are_survived(values: list[bytes]) -> None:
    assert len(through(list(values))) == len(values)


# ---- extents


def test_bbox_crs84() -> None:
    box = crs.bbox_crs84((500000, 3320000, 510000, 3330000), "EPSG:4547")
    assert box == pytest.approx((114, 29.999, 114.1047, 30.0892), abs=1e-3)
    assert crs.bbox_crs84((30, 120, 31, 121), "EPSG:4326") is None
    assert crs.bbox_crs84((float("nan"),) * 4, "EPSG:4326") is None
    assert crs.bbox_crs84(None, "EPSG:4326") is None
    assert crs.bbox_crs84((114, 30, 115, 31), "EPSG:4610") == (114, 30, 115, 31)


def test_local_metric_is_true_to_length() -> None:
    local = crs.local_metric((116.2, 39.8, 116.6, 40.1))
    assert local == crs.local_metric((116.21, 39.81, 116.61, 40.09))
    x, y = crs.plan("EPSG:4490", local).points([116.3, 116.3], [39.9, 40.0])
    geodesic = pyproj.Geod(ellps="WGS84").inv(116.3, 39.9, 116.3, 40.0)[2]
    assert np.hypot(x[1] - x[0], y[1] - y[0]) == pytest.approx(geodesic, rel=1e-4)
    assert crs.metres_per_unit(local) == 1.0


# ---- suspicions


@pytest.mark.parametrize(
    ("bbox", "declared", "code"),
    [
        ((30, 120, 31, 121), "EPSG:4326", "crs.swapped_axes"),
        ((39, 116, 40, 117), "EPSG:4490", "crs.swapped_axes"),
        ((48, 2, 49, 3), "EPSG:4258", "crs.swapped_axes"),
        ((3351162, 514432, 3351172, 514442), "EPSG:4549", "crs.swapped_axes"),
        ((38510000, 3.0e6, 38511000, 3.1e6), "EPSG:4547", "crs.zone_prefix"),
        ((510000, 3.0e6, 511000, 3.1e6), "EPSG:4526", "crs.zone_prefix"),
        ((20510000, 3.0e6, 20511000, 3.1e6), "EPSG:4509", "crs.zone_prefix"),
        ((1092280, 3351162, 1092290, 3351170), "EPSG:4547", "crs.outside_area"),
        ((114, 30, 115, 31), "EPSG:4547", "crs.degrees"),
        ((500000, 3.0e6, 500001, 3.0e6), "EPSG:4326", "crs.not_degrees"),
        ((114, 30, 115, 31), None, "crs.missing"),
    ],
)
def test_what_looks_wrong(bbox: tuple[float, float, float, float], declared: str | None, code: str) -> None:
    assert [hint.code for hint in crs.suspicions(bbox, declared)] == [code]


@pytest.mark.parametrize(
    ("bbox", "declared"),
    [
        ((114, 30, 115, 31), "EPSG:4490"),
        ((510000, 3.0e6, 511000, 3.1e6), "EPSG:4547"),
        ((38510000, 3.0e6, 38511000, 3.1e6), "EPSG:4526"),
        ((104000, 193000, 105000, 194000), "EPSG:31370"),
        ((116, 39, 117, 40), "GCJ-02"),
        (None, "EPSG:4326"),
        (None, None),
    ],
)
def test_what_looks_right(bbox: tuple[float, float, float, float] | None, declared: str | None) -> None:
    assert crs.suspicions(bbox, declared) == []


def test_hints_name_what_would_fit() -> None:
    assert "EPSG:4526" in crs.suspicions((38510000, 3.0e6, 38511000, 3.1e6), "EPSG:4547")[0].message
    assert "EPSG:4526" in crs.suspicions((38510000, 3.0e6, 38511000, 3.1e6), None)[0].message
    assert "EPSG:4547" in crs.suspicions((510000, 3.0e6, 511000, 3.1e6), "EPSG:4526")[0].message


@pytest.mark.parametrize(
    ("name", "flat"), [("EPSG:7415", "EPSG:28992"), ("EPSG:4547+5737", "EPSG:4547"), ("EPSG:4490", "EPSG:4490")]
)
def test_the_horizontal_part_of_a_crs(name: str, flat: str) -> None:
    assert crs.horizontal(name) == flat
