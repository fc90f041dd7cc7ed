"""Point clouds: cut, lying and hostile files; what a whole one says, with laspy as the judge."""

from __future__ import annotations

import json
import struct
import sys
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import laspy
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from pyproj import CRS

import cimkit.formats as formats
from cimkit.errors import SourceError
from cimkit.formats.models import pointcloud
from cimkit.model import Asset


def asset_of(path: Path, **wishes: Any) -> Asset:
    (asset,) = formats.open(path, **wishes).assets
    return asset


def codes(asset: Asset) -> set[str]:
    return {hint.code for hint in asset.hints}


def write(path: Path, count: int = 1000, *, version: str = "1.2", point_format: int = 3, crs: Any = None) -> Path:
    """A cloud of points on a slope of 100 x 100 m, classes 1, 2 and 6 in turn."""
    header = laspy.LasHeader(version=version, point_format=point_format)
    header.scales, header.offsets = np.full(3, 0.01), np.array([500_000.0, 2_500_000.0, 0.0])
    header.creation_date = date(2024, 5, 1)
    if crs is not None:
        header.add_crs(CRS.from_user_input(crs))
    cloud = laspy.LasData(header)
    place = np.linspace(0, 1, count) if count else np.zeros(0)
    cloud.x, cloud.y, cloud.z = 500_000 + 100 * place, 2_500_000 + 100 * place[::-1], 10 * place
    cloud.classification = np.resize(np.array([1, 2, 6], dtype="u1"), count)
    cloud.return_number = np.ones(count, dtype="u1")
    cloud.write(path)
    return path


@pytest.fixture()
def las(tmp_path: Path) -> Callable[..., Path]:
    def make(name: str = "cloud.las", count: int = 1000, **options: Any) -> Path:
        return write(tmp_path / name, count, **options)

    return make


# ---- what must fail ---------------------------------------------------------------------


@pytest.mark.parametrize("name", ["cloud.las", "cloud.laz"])
@pytest.mark.parametrize("version", ["1.2", "1.4"])
def test_a_cut_cloud_is_refused(las: Callable[..., Path], name: str, version: str) -> None:
    path = las(name, 20_000, version=version, point_format=3 if version == "1.2" else 6)
    data = path.read_bytes()
    assert asset_of(path).about["points"] == 20_000
    for length in (len(data) - 20, len(data) // 2, 400, 100):
        path.write_bytes(data[:length])
        with pytest.raises(SourceError, match=r"cut off or damaged|cannot be read as a point cloud"):
            formats.open(path)


def test_a_promise_of_more_points(las: Callable[..., Path]) -> None:
    path = las()
    data = bytearray(path.read_bytes())
    struct.pack_into("<I", data, 107, 4_000_000_000)
    path.write_bytes(data)
    with pytest.raises(SourceError, match="promises 4,000,000,000 points, but only 1,000 are there"):
        formats.open(path)


@pytest.mark.parametrize(
    ("place", "form", "value", "why"),
    [
        (24, "<B", 9, "LAS 9.2"),
        (100, "<I", 4_000_000_000, "leads out of the file"),
        (96, "<I", 2**31, "leads out of the file"),
        (94, "<H", 20, "leads out of the file"),
        (104, "<B", 60, "no point format 60"),
        (105, "<H", 3, "too few for a point"),
    ],
)
def test_a_header_that_lies(las: Callable[..., Path], place: int, form: str, value: int, why: str) -> None:
    path = las()
    data = bytearray(path.read_bytes())
    struct.pack_into(form, data, place, value)
    path.write_bytes(data)
    start = time.process_time()
    with pytest.raises(SourceError, match=why):
        formats.open(path)
    assert time.process_time() - start < 2


def test_a_billion_records_behind_the_points(las: Callable[..., Path]) -> None:
    path = las(version="1.4", point_format=6)
    data = bytearray(path.read_bytes())
    struct.pack_into("<QI", data, 235, len(data), 2**31)
    path.write_bytes(data)
    with pytest.raises(SourceError, match="records behind the points"):
        formats.open(path)


@settings(max_examples=120, deadline=None)
@example(place=138, byte=125)  # a scale near 1e300
@example(place=138, byte=127)
@example(place=254, byte=128)  # 2**63 points
@example(place=243, byte=1)  # a record behind the points, at 0
@given(place=st.integers(0, 900), byte=st.integers(0, 255))
def test_a_damaged_byte_ends_in_an_asset_or_an_error(
    tmp_path_factory: pytest.TempPathFactory, place: int, byte: int
) -> None:
    folder = tmp_path_factory.getbasetemp()
    sound = folder / "sound.laz"
    if not sound.exists():
        write(sound, 200, version="1.4", point_format=6, crs="EPSG:4547")
    data = bytearray(sound.read_bytes())
    data[place % len(data)] = byte
    path = folder / "fuzzed.laz"
    path.write_bytes(data)
    try:
        json.dumps(formats.inspect(path), allow_nan=False)
    except SourceError as error:
        assert str(error)


def test_without_the_extra_the_error_names_the_command(
    las: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = las()
    monkeypatch.setitem(sys.modules, "laspy", None)
    with pytest.raises(SourceError) as caught:
        formats.open(path)
    assert caught.value.hint == "pip install 'cimkit[pointcloud]'"


def test_without_lazrs_a_packed_cloud_names_the_command(
    las: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = las("cloud.laz")
    monkeypatch.setitem(sys.modules, "lazrs", None)
    with pytest.raises(SourceError, match="lazrs") as caught:
        formats.open(path)
    assert caught.value.hint == "pip install 'cimkit[pointcloud]'"


# ---- what a whole one says --------------------------------------------------------------


@pytest.mark.parametrize("name", ["cloud.las", "cloud.laz"])
@pytest.mark.parametrize(("version", "point_format"), [("1.2", 0), ("1.2", 1), ("1.3", 4), ("1.4", 6), ("1.4", 7)])
def test_as_laspy_reads_it(las: Callable[..., Path], name: str, version: str, point_format: int) -> None:
    path = las(name, 5000, version=version, point_format=point_format)
    asset, about = asset_of(path), asset_of(path).about
    judge = laspy.read(path)
    assert (about["points"], about["version"], about["point_format"]) == (5000, version, point_format)
    assert asset.bbox == pytest.approx((judge.x.min(), judge.y.min(), judge.x.max(), judge.y.max()))
    assert (about["z_min"], about["z_max"]) == pytest.approx((judge.z.min(), judge.z.max()))
    counts = {int(code): int(n) for code, n in zip(*np.unique(judge.classification, return_counts=True), strict=True)}
    assert {int(name.split()[0]): count for name, count in about["classes"].items()} == counts
    assert set(about["classes"]) == {"1 unclassified", "2 ground", "6 building"}
    assert about["dimensions"] == list(judge.point_format.dimension_names)
    assert (about["compressed"], about["format"]) == (name.endswith("z"), "LAZ" if name.endswith("z") else "LAS")
    assert about["returns"] == [5000] and about["created"] == "2024-05-01" and about["copc"] is False
    assert ("gps_time" in about) is (point_format not in (0,))


def test_density_is_of_the_extent_in_metres(las: Callable[..., Path]) -> None:
    assert asset_of(las(crs="EPSG:4547")).about["density_m2"] == pytest.approx(1000 / 100**2)
    in_feet = asset_of(las("feet.las", crs="EPSG:2263"))
    assert in_feet.about["density_m2"] == pytest.approx(1000 / (100 * 0.3048006) ** 2, rel=1e-3)
    assert "density_m2" not in asset_of(las("unknown.las")).about


def test_the_extent_in_the_header_is_held_against_the_points(las: Callable[..., Path]) -> None:
    path = las()
    data = bytearray(path.read_bytes())
    struct.pack_into("<2d", data, 179, 9_999_999.0, -5.0)  # max x, min x
    path.write_bytes(data)
    asset = asset_of(path)
    assert "pointcloud.header_extent" in codes(asset)
    assert asset.bbox == pytest.approx((500_000, 2_500_000, 500_100, 2_500_100))


def test_a_huge_cloud_is_told_by_its_header(las: Callable[..., Path], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pointcloud, "MOST_POINTS", 999)
    asset = asset_of(las())
    assert "pointcloud.header_only" in codes(asset) and "classes" not in asset.about
    assert asset.bbox == pytest.approx((500_000, 2_500_000, 500_100, 2_500_100))


def test_a_cloud_without_points(las: Callable[..., Path]) -> None:
    asset = asset_of(las(count=0))
    assert (asset.bbox, asset.about["points"]) == (None, 0) and "pointcloud.empty" in codes(asset)
    assert formats.open(las(count=0)).layer("pointcloud").to_geopandas().geometry.isna().all()


@pytest.mark.parametrize("version", ["1.2", "1.4"])
@pytest.mark.parametrize("crs", ["EPSG:4547", "EPSG:32650"])
def test_the_crs_of_either_record(las: Callable[..., Path], version: str, crs: str) -> None:
    path = las(version=version, point_format=3 if version == "1.2" else 6, crs=crs)
    assert asset_of(path).crs.value == crs
    assert asset_of(path).crs.how == ("GeoKeys" if version == "1.2" else "WKT record")
    assert formats.open(path).layer("pointcloud").crs.value == crs


def test_heights_of_a_compound_crs(las: Callable[..., Path]) -> None:
    assert asset_of(las(version="1.4", point_format=6, crs="EPSG:7415")).crs.value == "EPSG:7415"


def _with_keys(path: Path, keys: list[tuple[int, int]]) -> Path:
    header = laspy.LasHeader(version="1.2", point_format=0)
    values = [1, 1, 0, len(keys), *(part for key, value in keys for part in (key, 0, 1, value))]
    header.vlrs.append(laspy.VLR("LASF_Projection", 34735, record_data=struct.pack(f"<{len(values)}H", *values)))
    cloud = laspy.LasData(header)
    cloud.x, cloud.y, cloud.z = [1.0, 2.0], [1.0, 2.0], [0.0, 1.0]
    cloud.write(path)
    return path


@pytest.mark.parametrize(
    ("keys", "value", "how"),
    [
        ([(1024, 1), (3072, 28992), (4096, 5709)], "EPSG:7415", "GeoKeys"),
        ([(1024, 1), (3072, 28992), (4096, 32767)], "EPSG:28992", "GeoKeys"),
        ([(1024, 2), (2048, 4490)], "EPSG:4490", "GeoKeys"),
        ([(1024, 1), (3072, 32767)], None, "GeoKeys of a CRS of its own, without a code"),
        ([(1024, 1)], None, "GeoKeys without a code"),
        ([(3072, 9)], None, "GeoKeys, but unknown: EPSG:9"),
    ],
)
def test_geo_keys(tmp_path: Path, keys: list[tuple[int, int]], value: str | None, how: str) -> None:
    crs = asset_of(_with_keys(tmp_path / "k.las", keys)).crs
    assert (crs.value, crs.how) == (value, how)


def test_a_given_crs_is_taken(las: Callable[..., Path]) -> None:
    crs = asset_of(las(crs="EPSG:4547"), crs="EPSG:32650").crs
    assert (crs.value, crs.how) == ("EPSG:32650", "given")


def _copc(path: Path, source: Path) -> Path:
    """A file with the info record and the hierarchy of COPC 1.0, over one chunk of points."""
    cloud = laspy.read(source)
    info = struct.pack("<5d2Q2d11Q", 0, 0, 0, 50, 0.5, 0, 0, 0, 0, *[0] * 11)
    cloud.header.vlrs.insert(0, laspy.VLR("copc", 1, record_data=info))
    cloud.write(path)
    data = bytearray(path.read_bytes())
    page = struct.pack("<4iQ2i", 0, 0, 0, 0, 0, 0, 700) + struct.pack("<4iQ2i", 1, 0, 0, 0, len(data) + 64, 32, -1)
    leaf = struct.pack("<4iQ2i", 1, 0, 0, 0, 0, 0, 300)
    struct.pack_into("<2Q", data, data.index(info) + 40, len(data), len(page))
    path.write_bytes(data + page + leaf)
    return path


def test_a_copc_tells_its_hierarchy(las: Callable[..., Path], tmp_path: Path) -> None:
    path = _copc(tmp_path / "c.copc.laz", las("c.laz", 1000, version="1.4", point_format=6))
    about = asset_of(path).about
    assert (about["copc"], about["format"]) == (True, "COPC")
    assert about["hierarchy"] == {"nodes": 2, "depth": 1, "points": 1000, "spacing": 0.5}
    data = path.read_bytes()
    path.write_bytes(data[:-32])
    with pytest.raises(SourceError, match="hierarchy leads out of the file"):
        formats.open(path)


def test_two_looks_are_the_same(las: Callable[..., Path]) -> None:
    path = las("c.laz")
    assert formats.inspect(path) == formats.inspect(path)


def test_tiles_of_a_folder_are_one_index(las: Callable[..., Path], tmp_path: Path) -> None:
    for number in range(3):
        las(f"瓦片{number}.laz", crs="EPSG:4547")
    dataset = formats.open(tmp_path)
    assert [layer.name for layer in dataset.layers] == ["pointcloud"]
    frame = dataset.layer("pointcloud").to_geopandas()
    assert list(frame["name"]) == ["瓦片0.laz", "瓦片1.laz", "瓦片2.laz"] and set(frame["points"]) == {1000}


# ---- real files -------------------------------------------------------------------------


@pytest.mark.shared
@pytest.mark.parametrize(("name", "points"), [("ahn3_cropped_1.laz", 640_510), ("ahn3_cropped_2.laz", 208_432)])
def test_real_clouds(shared: Path, name: str, points: int) -> None:
    path = shared / "data/delft/ahn3" / name
    asset = asset_of(path)
    judge = laspy.read(path)
    assert asset.about["points"] == len(judge) == points
    assert asset.bbox == pytest.approx((judge.x.min(), judge.y.min(), judge.x.max(), judge.y.max()))
    counts = np.bincount(judge.classification)
    assert asset.about["classes"]["2 ground"] == counts[2] and asset.about["classes"]["6 building"] == counts[6]
    assert (asset.crs.value, asset.crs.how) == (None, "not declared")
    assert codes(asset) == {"crs.missing"}
