"""GeoJSON text sequences, written: the separator of RFC 8142 or plain lines, and what comes back."""

from __future__ import annotations

import json
from pathlib import Path

import geopandas
import pyarrow as pa
import pyogrio
import pytest
import shapely

import cimkit
import cimkit.formats as formats
from cimkit.errors import SourceError
from cimkit.formats.profile import Order
from cimkit.formats.writing import write


def test_a_stream_that_breaks_leaves_nothing(tmp_path: Path) -> None:
    schema = pa.schema([("a", pa.string())])

    def batches():  # type: ignore[no-untyped-def]
        yield pa.record_batch([["x"]], schema=schema)
        raise OSError(28, "No space left on device")

    with pytest.raises((SourceError, OSError)):
        write(pa.RecordBatchReader.from_batches(schema, batches()), tmp_path / "x.geojsonl", Order(None, "x"))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("suffix", "mark"), [(".geojsonl", b""), (".geojsons", b"\x1e")])
def test_one_feature_a_line(tmp_path: Path, suffix: str, mark: bytes) -> None:
    shapes = shapely.to_wkb(shapely.from_wkt(["POINT (1 2)", "POLYGON ((0 0, 0 1, 1 1, 0 0))"]))
    table = pa.table({"编号": ["010", None, "a\nb"], "n": [2**53 + 1, None, 1], "geometry": pa.array([*shapes, None])})
    path = tmp_path / f"x{suffix}"
    assert write(table.to_reader(), path, Order("EPSG:4326", "x")) == 3
    lines = path.read_bytes().splitlines()
    assert len(lines) == 3 and all(line.startswith(mark + b'{"type":"Feature"') for line in lines)
    features = [json.loads(line.lstrip(b"\x1e")) for line in lines]
    assert [f["properties"]["编号"] for f in features] == ["010", None, "a\nb"]
    assert shapely.LinearRing(features[1]["geometry"]["coordinates"][0]).is_ccw
    dataset = formats.open(path)
    assert dataset.delivery.format == "GeoJSONSeq"
    assert dataset.layer().arrow()["n"].to_pylist() == [2**53 + 1, None, 1]
    assert pyogrio.read_dataframe(path)["编号"].tolist()[2] == "a\nb"


@pytest.mark.parametrize("suffix", [".geojsonl", ".geojsons"])
def test_times_with_all_their_digits_come_back(tmp_path: Path, suffix: str) -> None:
    """GDAL's driver of sequences makes dates of such text, and cuts them to the millisecond."""
    frame = geopandas.GeoDataFrame({"t": ["2020-01-01T10:00:00.123456", "2020-01-01"]}, geometry=[None, None], crs=4490)
    frame.to_parquet(tmp_path / "s.parquet")
    report = cimkit.convert(tmp_path / "s.parquet", tmp_path / f"x{suffix}", verify=True)
    assert report.verified
    assert formats.open(tmp_path / f"x{suffix}").layer().arrow()["t"].to_pylist() == frame["t"].tolist()


def test_another_crs_is_told(tmp_path: Path) -> None:
    frame = geopandas.GeoDataFrame({"a": [1]}, geometry=[shapely.Point(500000, 2500000)], crs=4547)
    frame.to_parquet(tmp_path / "s.parquet")
    report = cimkit.convert(tmp_path / "s.parquet", tmp_path / "x.geojsonl", verify=True)
    assert "crs.reprojected" in {loss.code for loss in report.losses} and report.verified
    assert formats.open(tmp_path / "x.geojsonl").layer().crs.value == "EPSG:4326"
