"""Rasters: what is cut off, hostile or without a place; what a whole one says, with rasterio as the judge."""

from __future__ import annotations

import struct
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from hypothesis import given, settings
from hypothesis import strategies as st
from rasterio.control import GroundControlPoint
from rasterio.transform import Affine, from_origin

import cimkit.formats as formats
from cimkit.errors import SourceError
from cimkit.model import Asset

pytestmark = pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")

HERE = from_origin(500_000, 2_500_000, 2, 2)


def asset_of(path: Path, **wishes: Any) -> Asset:
    (asset,) = formats.open(path, **wishes).assets
    return asset


def codes(asset: Asset) -> set[str]:
    return {hint.code for hint in asset.hints}


@pytest.fixture()
def tif(tmp_path: Path) -> Callable[..., Path]:
    """Writes a small GeoTIFF; keywords are rasterio's creation options."""

    def make(name: str = "dem.tif", size: tuple[int, int] = (30, 20), bands: int = 1, **options: Any) -> Path:
        path = tmp_path / name
        width, height = size
        profile = {"driver": "GTiff", "dtype": "float32", "crs": "EPSG:4547", "transform": HERE, **options}
        with rasterio.open(path, "w", width=width, height=height, count=bands, **profile) as target:
            for band in range(1, bands + 1):
                target.write(np.arange(width * height).reshape(height, width).astype(profile["dtype"]), band)
        return path

    return make


# ---- what must fail ---------------------------------------------------------------------


def test_a_cut_file_is_refused_though_gdal_opens_it(tif: Callable[..., Path]) -> None:
    path = tif(size=(300, 200))
    data = path.read_bytes()
    for length in (len(data) - 1, len(data) // 2, 4096):
        path.write_bytes(data[:length])
        with pytest.raises(SourceError, match="cut off or damaged"):
            formats.open(path)
    path.write_bytes(data[: len(data) - 1])
    with rasterio.open(path) as judge:  # silent about it
        assert judge.shape == (200, 300)


def test_a_cut_header_and_a_header_alone(tmp_path: Path) -> None:
    path = tmp_path / "x.tif"
    for data, why in (
        (b"II*\0", "header is cut off"),
        (b"II*\0\x08\0\0\0", "beyond its end"),
        (b"II*\0\0\0\0\0", "no image"),
        (b"MM\0+\0\x08\0\0" + b"\xff" * 8, "beyond its end"),
    ):
        path.write_bytes(data)
        with pytest.raises(SourceError, match=why):
            formats.open(path)


def _tiff(entries: list[tuple[int, int, int, int]], next_at: int = 0) -> bytes:
    body = b"".join(struct.pack("<HHII", *entry) for entry in entries)
    return b"II*\0" + struct.pack("<IH", 8, len(entries)) + body + struct.pack("<I", next_at)


def _image(width: int, height: int, *others: tuple[int, int, int, int]) -> list[tuple[int, int, int, int]]:
    return [(256, 4, 1, width), (257, 4, 1, height), (258, 3, 1, 8), (277, 3, 1, 1), (262, 3, 1, 1), *others]


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (_tiff(_image(10**6, 10**6, (273, 4, 1, 8), (278, 4, 1, 1), (279, 4, 1, 1))), "1 of 1,000,000 blocks"),
        (_tiff(_image(10**6, 10**6, (273, 4, 10**6, 8), (278, 4, 1, 1))), "claims 1,000,000 values"),
        (_tiff(_image(10**6, 10**6, (324, 4, 2**32 - 1, 8), (322, 4, 1, 16), (323, 4, 1, 16))), "claims"),
        (_tiff(_image(4, 4, (273, 4, 1, 10**6), (279, 4, 1, 16))), "beyond its end"),
        (_tiff(_image(4, 4)), "no size or no pixels"),
        (_tiff(_image(4, 4, (273, 4, 1, 8), (279, 4, 1, 4)), next_at=8), "circle"),
        (b"II*\0\x08\0\0\0\xff\xff" + b"\0" * 99, "claims 65535 tags"),
    ],
    ids=["bomb", "bomb of strips", "bomb of tiles", "far strip", "no pixels", "circle", "tags"],
)
def test_a_tiff_that_claims_what_it_has_not(tmp_path: Path, data: bytes, why: str) -> None:
    path = tmp_path / "bomb.tif"
    path.write_bytes(data)
    start = time.process_time()
    with pytest.raises(SourceError, match=why):
        formats.open(path)
    assert time.process_time() - start < 5


@settings(max_examples=150, deadline=None)
@given(place=st.integers(0, 700), byte=st.integers(0, 255))
def test_a_damaged_byte_ends_in_an_asset_or_an_error(
    tmp_path_factory: pytest.TempPathFactory, place: int, byte: int
) -> None:
    path = tmp_path_factory.getbasetemp() / "fuzzed.tif"
    if not path.exists() or not (path.parent / "sound.bin").exists():
        with rasterio.open(
            path, "w", driver="GTiff", width=9, height=9, count=1, dtype="uint8", crs="EPSG:4547", transform=HERE
        ) as target:
            target.write(np.ones((1, 9, 9), dtype="uint8"))
        (path.parent / "sound.bin").write_bytes(path.read_bytes())
    data = bytearray((path.parent / "sound.bin").read_bytes())
    data[place % len(data)] = byte
    path.write_bytes(data)
    try:
        formats.open(path)
    except SourceError as error:
        assert error.hint or "no reader" in str(error) or "binary" in str(error)


def test_a_vrt_is_refused_since_it_points_elsewhere(tmp_path: Path) -> None:
    path = tmp_path / "x.vrt"
    path.write_text(
        '<VRTDataset rasterXSize="1" rasterYSize="1"><SourceFilename>/etc/passwd</SourceFilename></VRTDataset>'
    )
    with pytest.raises(SourceError, match="virtual raster, which only points at other files"):
        formats.open(path)


def test_without_the_extra_the_error_names_the_command(
    tif: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tif()
    monkeypatch.setitem(sys.modules, "rasterio", None)
    with pytest.raises(SourceError) as caught:
        formats.open(path)
    assert caught.value.hint == "pip install 'cimkit[raster]'"


@pytest.mark.parametrize("driver", ["PNG", "JPEG", "JP2OpenJPEG"])
def test_a_cut_image_is_refused(tmp_path: Path, driver: str) -> None:
    path = tmp_path / "image.bin"
    with rasterio.open(path, "w", driver=driver, width=64, height=64, count=1, dtype="uint8") as target:
        target.write(np.random.default_rng(0).integers(0, 255, (1, 64, 64)).astype("uint8"))
    data = path.read_bytes()
    assert asset_of(path).about["width"] == 64
    path.write_bytes(data[: len(data) // 2])
    with pytest.raises(SourceError, match="cut off or damaged"):
        formats.open(path)


def test_a_cut_grid_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "dem.asc"
    head = "ncols 3\nnrows 2\nxllcorner 10\nyllcorner 20\ncellsize 5\nNODATA_value -9\n"
    path.write_text(head + "1 2 3\n4 5 6\n")
    asset = asset_of(path)
    assert (asset.bbox, asset.about["nodata"]) == ((10.0, 20.0, 25.0, 30.0), -9.0)
    path.write_text(head + "1 2 3\n4 5")
    with pytest.raises(SourceError, match="5 of 6 values"):
        formats.open(path)
    path.write_text("ncols x\nnrows 2\n1 2 3\n")
    with pytest.raises(SourceError, match="lacks ncols or nrows"):
        formats.open(path)


def test_names_that_gdal_would_take_for_addresses(tmp_path: Path, tif: Callable[..., Path]) -> None:
    path = tif("a!b,vsizip;名.tif")
    assert asset_of(path).crs.value == "EPSG:4547"


# ---- nothing is written beside it -------------------------------------------------------


@pytest.mark.parametrize("driver", ["GTiff", "PNG", "JPEG", "JP2OpenJPEG", "AAIGrid", "HFA"])
def test_the_folder_of_a_raster_stays_as_it_is(tmp_path: Path, driver: str) -> None:
    from rasterio.shutil import copy

    folder = tmp_path / "delivery"
    folder.mkdir()
    suffix = {"GTiff": ".tif", "PNG": ".png", "JPEG": ".jpg", "JP2OpenJPEG": ".jp2", "AAIGrid": ".asc", "HFA": ".img"}
    base = tmp_path / "base.tif"
    with rasterio.open(
        base, "w", driver="GTiff", width=40, height=40, count=1, dtype="uint8", crs="EPSG:4547", transform=HERE
    ) as target:
        target.write(np.arange(1600).reshape(1, 40, 40).astype("uint8"))
    copy(base, folder / f"x{suffix[driver]}", driver=driver, worldfile="YES" if driver in ("PNG", "JPEG") else "NO")
    before = {path.name: (path.read_bytes(), path.stat().st_mtime_ns) for path in folder.iterdir()}
    found = formats.inspect(folder / f"x{suffix[driver]}")
    assert {path.name: (path.read_bytes(), path.stat().st_mtime_ns) for path in folder.iterdir()} == before
    (asset,) = found["assets"]
    assert asset["kind"] == "raster"
    np.testing.assert_allclose(asset["bbox"], (500_000, 2_500_000 - 80, 500_000 + 80, 2_500_000), atol=1)


# ---- what a whole one says --------------------------------------------------------------


def test_as_rasterio_reads_it(tif: Callable[..., Path]) -> None:
    path = tif(size=(700, 600), bands=3, nodata=-1.0, tiled=True, blockxsize=256, blockysize=256, compress="deflate")
    asset, about = asset_of(path), asset_of(path).about
    with rasterio.open(path) as judge:
        assert (about["width"], about["height"], about["bands"]) == (judge.width, judge.height, judge.count)
        assert about["type"] == judge.dtypes[0] and about["nodata"] == judge.nodata
        assert asset.bbox == tuple(judge.bounds)
        assert (about["resolution_x"], about["resolution_y"]) == judge.res
        assert about["block"] == list(judge.block_shapes[0][::-1])
    assert (asset.crs.value, asset.crs.how, about["unit"]) == ("EPSG:4547", "GeoKeys", "metre")
    assert about["placed_by"] == "tags of the TIFF" and about["area_or_point"] == "Area"
    assert "statistics" not in about["band_list"][0]
    assert (about["cog"], about["cog_reasons"]) == (False, ["no overviews"])


def test_the_outline_is_a_layer(tif: Callable[..., Path]) -> None:
    path = tif()
    layer = formats.open(path).layer("raster")
    frame = layer.to_geopandas()
    assert frame.geometry[0].bounds == asset_of(path).bbox == (500_000, 2_499_960, 500_060, 2_500_000)
    row = frame.iloc[0]
    assert (row["name"], row["width"], row["crs"]) == ("dem.tif", 30, "EPSG:4547") and np.isnan(row["nodata"])
    assert layer.crs.value == "EPSG:4547"


@pytest.mark.parametrize("big", ["YES", "NO"])
def test_a_cog_is_known(tmp_path: Path, tif: Callable[..., Path], big: str) -> None:
    from rasterio.shutil import copy

    path = tmp_path / "cog.tif"
    copy(tif(size=(1300, 1100)), path, driver="COG", bigtiff=big, blocksize=256)
    about = asset_of(path).about
    assert about["cog"] is True and about["cog_reasons"] == ["tiled", "overviews", "directories before the pixels"]
    assert about["overviews"] == [2, 4, 8] and about["bigtiff"] is (big == "YES")


def test_overviews_added_later_make_no_cog(tif: Callable[..., Path]) -> None:
    path = tif(size=(1300, 1100), tiled=True, blockxsize=256, blockysize=256)
    with rasterio.open(path, "r+") as target:
        target.build_overviews([2, 4])
    about = asset_of(path).about
    assert (about["cog"], about["cog_reasons"]) == (False, ["directories behind pixels"])


def test_a_sparse_file_is_whole(tif: Callable[..., Path], tmp_path: Path) -> None:
    path = tmp_path / "sparse.tif"
    with rasterio.open(
        path, "w", driver="GTiff", width=5000, height=5000, count=1, dtype="uint8", sparse_ok=True, tiled=True,
        crs="EPSG:4547", transform=HERE,
    ):  # fmt: skip
        pass
    assert path.stat().st_size < 20_000
    assert asset_of(path).about["width"] == 5000


def test_no_place_at_all(tif: Callable[..., Path]) -> None:
    path = tif(crs=None, transform=None)
    asset = asset_of(path)
    assert (asset.kind, asset.bbox, asset.crs.value, asset.crs.how) == ("raster", None, None, "not declared")
    assert codes(asset) == {"raster.no_place"}
    assert formats.open(path).layer("raster").to_geopandas().geometry.isna().all()


def test_a_world_file_places_without_a_crs(tif: Callable[..., Path]) -> None:
    path = tif(crs=None, transform=None)
    path.with_suffix(".tfw").write_text("2\n0\n0\n-2\n500001\n2499999\n")
    asset = asset_of(path)
    assert asset.bbox == (500_000, 2_499_960, 500_060, 2_500_000)
    assert (asset.crs.value, asset.crs.how) == (None, "only a world file, which names no CRS")
    assert asset.about["placed_by"] == "world file dem.tfw" and codes(asset) == {"crs.missing"}
    assert path.with_suffix(".tfw") in formats.open(path).delivery.files
    given_ = asset_of(path, crs="EPSG:4547")
    assert (given_.crs.value, given_.crs.how) == ("EPSG:4547", "given") and given_.bbox_crs84 is not None


def test_a_prj_beside_it_is_evidence(tif: Callable[..., Path]) -> None:
    from pyproj import CRS

    path = tif(crs=None)
    path.with_suffix(".prj").write_text(CRS(4547).to_wkt("WKT1_ESRI"))
    assert (asset_of(path).crs.value, asset_of(path).crs.how) == ("EPSG:4547", ".prj")


def test_an_aux_xml_that_is_there_is_read(tif: Callable[..., Path]) -> None:
    path = tif(crs=None)
    wkt = rasterio.crs.CRS.from_epsg(4547).to_wkt()
    srs = f'<SRS dataAxisToSRSAxisMapping="2,1">{wkt}</SRS>'
    path.with_name("dem.tif.aux.xml").write_text(f"<PAMDataset>{srs}</PAMDataset>")
    before = path.with_name("dem.tif.aux.xml").read_bytes()
    assert asset_of(path).crs.value == "EPSG:4547"
    assert path.with_name("dem.tif.aux.xml").read_bytes() == before


def test_a_turned_raster_keeps_its_outline(tif: Callable[..., Path]) -> None:
    turned = Affine.translation(500_000, 2_500_000) * Affine.rotation(30) * Affine.scale(2, -2)
    path = tif(transform=turned)
    asset = asset_of(path)
    frame = formats.open(path).layer("raster").to_geopandas()
    assert frame.geometry[0].area == pytest.approx(30 * 20 * 4)
    assert frame.geometry[0].bounds == pytest.approx(asset.bbox)
    assert asset.about["resolution_x"] == pytest.approx(2)


def test_control_points_are_no_place_yet(tif: Callable[..., Path], tmp_path: Path) -> None:
    path = tmp_path / "scan.tif"
    points = [GroundControlPoint(row, col, col + 100.0, row + 50.0) for row in (0, 9) for col in (0, 9)]
    with rasterio.open(
        path, "w", driver="GTiff", width=10, height=10, count=1, dtype="uint8", gcps=points, crs="EPSG:4547"
    ) as target:
        target.write(np.ones((1, 10, 10), dtype="uint8"))
    asset = asset_of(path)
    assert asset.bbox is None and codes(asset) == {"raster.control_points"}


def test_several_images_in_one_file(tmp_path: Path) -> None:
    path = tmp_path / "scan.tif"
    for append in ("NO", "YES"):
        with rasterio.open(
            path, "w", driver="GTiff", width=8, height=8, count=1, dtype="uint8", append_subdataset=append
        ) as target:
            target.write(np.ones((1, 8, 8), dtype="uint8"))
    asset = asset_of(path)
    assert asset.about["pages"] == 2 and "raster.pages" in codes(asset)


def test_a_nan_for_no_data_is_json(tif: Callable[..., Path]) -> None:
    import json

    path = tif(nodata=float("nan"))
    found = formats.inspect(path)
    assert json.loads(json.dumps(found, allow_nan=False))["assets"][0]["about"]["nodata"] == "nan"
    assert np.isnan(formats.open(path).layer("raster").to_geopandas()["nodata"][0])


def test_stored_statistics_are_told_and_none_are_made(tif: Callable[..., Path]) -> None:
    path = tif()
    with rasterio.open(path, "r+") as target:
        target.update_tags(1, STATISTICS_MINIMUM="1.5", STATISTICS_MAXIMUM="9")
    (band,) = asset_of(path).about["band_list"]
    assert band["statistics"] == {"minimum": 1.5, "maximum": 9.0}


def test_heights_of_a_compound_crs(tif: Callable[..., Path]) -> None:
    asset = asset_of(tif(crs="EPSG:7415"))
    assert asset.crs.value == "EPSG:7415" and asset.about["vertical_unit"] == "metre"


def test_a_photograph_is_an_image_and_a_map_a_raster(tmp_path: Path) -> None:
    path = tmp_path / "照片.png"
    with rasterio.open(path, "w", driver="PNG", width=8, height=4, count=3, dtype="uint8") as target:
        target.write(np.ones((3, 4, 8), dtype="uint8"))
    dataset = formats.open(path)
    assert [asset.kind for asset in dataset.assets] == ["image"] and dataset.layers == ()
    path.with_suffix(".pgw").write_text("2\n0\n0\n-2\n500001\n2499999\n")
    assert asset_of(path).kind == "raster" and asset_of(path).about["placed_by"] == "world file 照片.pgw"


def test_a_folder_of_tiles_is_one_index(tif: Callable[..., Path], tmp_path: Path) -> None:
    for number in range(3):
        tif(f"{number}.tif", transform=from_origin(500_000 + 60 * number, 2_500_000, 2, 2))
    dataset = formats.open(tmp_path)
    assert [layer.name for layer in dataset.layers] == ["raster"] and len(dataset.assets) == 3
    frame = dataset.layer("raster").to_geopandas()
    assert list(frame["name"]) == ["0.tif", "1.tif", "2.tif"] and frame.crs == "EPSG:4547"
    assert frame.geometry.union_all().bounds == (500_000, 2_499_960, 500_180, 2_500_000)
    tif("other.tif", crs="EPSG:32650")
    mixed = formats.open(tmp_path).layer("raster")
    assert mixed.crs.value == "EPSG:4326" and mixed.to_geopandas().geometry.notna().all()


# ---- real files -------------------------------------------------------------------------


@pytest.mark.shared
@pytest.mark.parametrize(
    ("path", "crs", "size", "cog"),
    [
        ("alexandria_va/dsm.tif", "EPSG:26918", (283, 259, 1), True),
        ("alexandria_va/hag.tif", "EPSG:26918", (283, 259, 1), True),
        ("ghent/raster/2020-09-17_Sentinel_2_L1C_True_color.tiff", "EPSG:3857", (625, 317, 3), False),
        ("gtfs_osm_porto_alegre/poa_elevation.tif", "EPSG:4326", (413, 403, 1), False),
        ("ghent/gent/DHMVIIDTMRAS25m.zip", "EPSG:31370", (1520, 1480, 1), False),
    ],
)
def test_real_rasters(shared: Path, path: str, crs: str, size: tuple[int, int, int], cog: bool) -> None:
    asset = asset_of(shared / "data" / path)
    about = asset.about
    assert asset.crs.value == crs and about["cog"] is cog
    assert (about["width"], about["height"], about["bands"]) == size
    address = f"zip://{shared / 'data' / path}!DHMVIIDTMRAS25m.tif" if path.endswith(".zip") else shared / "data" / path
    with rasterio.open(address) as judge:
        assert asset.bbox == pytest.approx(tuple(judge.bounds))
        assert judge.crs.to_epsg() == int(crs.removeprefix("EPSG:"))
