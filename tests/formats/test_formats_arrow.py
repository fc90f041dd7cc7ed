"""Arrow IPC: files and streams, whole or not; geometry in every encoding of GeoArrow, with geopandas as the judge."""

from __future__ import annotations

import datetime
import json
from pathlib import Path
from typing import Any

import geopandas
import numpy as np
import pyarrow as pa
import pyarrow.feather
import pytest
import shapely

import cimkit
import cimkit.formats as formats
from cimkit.errors import SourceError
from cimkit.formats.profile import Order

SHAPES = {
    "Point": ["POINT (1 2)", None, "POINT (3 4)"],
    "LineString": ["LINESTRING (0 0, 1 1, 2 0)", None, "LINESTRING (5 5, 6 6)"],
    "Polygon": [
        "POLYGON ((0 0, 4 0, 4 4, 0 0), (1 0.5, 2 0.5, 2 1, 1 0.5))",
        None,
        "POLYGON ((9 9, 10 9, 10 10, 9 9))",
    ],
    "MultiPoint": ["MULTIPOINT ((1 2), (3 4))", None, "MULTIPOINT ((5 6))"],
    "MultiLineString": ["MULTILINESTRING ((0 0, 1 1), (2 2, 3 3))", None, "MULTILINESTRING ((5 5, 6 6))"],
    "MultiPolygon": ["MULTIPOLYGON (((0 0, 4 0, 4 4, 0 0)), ((9 9, 10 9, 10 10, 9 9)))", None, "MULTIPOLYGON EMPTY"],
    "Point Z": ["POINT Z (1 2 3)", None, "POINT Z (3 4 5)"],
}


def save(path: Path, table: pa.Table, rows: int | None = None) -> Path:
    make = pa.ipc.new_stream if path.suffix == ".arrows" else pa.ipc.new_file
    with make(str(path), table.schema) as writer:
        writer.write_table(table, max_chunksize=rows)
    return path


def refusal(path: Path, **wishes: Any) -> SourceError:
    with pytest.raises(SourceError) as caught:
        formats.open(path, **wishes).layer().arrow()
    return caught.value


# ---- what is refused or told --------------------------------------------------------------


def test_a_file_that_stops_in_the_middle(tmp_path: Path) -> None:
    table = pa.table({"a": [f"row {i}" for i in range(1000)]})
    path = save(tmp_path / "x.arrow", table, rows=100)
    path.write_bytes(path.read_bytes()[:-1500])
    assert "cannot be read as Arrow" in str(refusal(path))
    with formats.open(path, salvage=True).layer().stream() as stream:
        read = pa.Table.from_batches(stream.batches, schema=stream.schema)
        assert 500 <= read.num_rows < 1000
        assert read.column("a").to_pylist() == table.column("a").to_pylist()[: read.num_rows]
        assert stream.rejected[0].row == read.num_rows


@pytest.mark.parametrize("cut", [1, 9, 400])
def test_a_stream_that_stops(tmp_path: Path, cut: int) -> None:
    path = save(tmp_path / "x.arrows", pa.table({"a": list(range(1000))}), rows=100)
    path.write_bytes(path.read_bytes()[:-cut])
    try:
        hints = [h["code"] for h in formats.inspect(path)["layers"][0]["hints"]]
    except SourceError:
        return
    assert "stream.no_end" in hints


def test_a_stream_cut_between_two_batches_is_told(tmp_path: Path) -> None:
    path = save(tmp_path / "x.arrows", pa.table({"a": list(range(1000))}), rows=100)
    assert [h["code"] for h in formats.inspect(path)["layers"][0]["hints"]] == []
    path.write_bytes(path.read_bytes()[:-8])
    assert [h["code"] for h in formats.inspect(path)["layers"][0]["hints"]] == ["stream.no_end"]


def test_offsets_that_point_nowhere(tmp_path: Path) -> None:
    path = save(tmp_path / "x.arrow", pa.table({"a": ["one", "two", "three"]}))
    data = path.read_bytes()
    good = np.array([0, 3, 6, 11], np.int32).tobytes()
    assert data.count(good) == 1
    path.write_bytes(data.replace(good, np.array([0, 3, 1 << 30, 11], np.int32).tobytes()))
    assert "cannot be read as Arrow" in str(refusal(path))


def test_feather_of_before(tmp_path: Path) -> None:
    (tmp_path / "x.feather").write_bytes(b"FEA1" + b"\0" * 60)
    assert "version 1" in str(refusal(tmp_path / "x.feather"))


def test_geometry_that_is_not_read(tmp_path: Path) -> None:
    box = pa.array([{"xmin": 0.0, "ymin": 0.0, "xmax": 1.0, "ymax": 1.0}])
    field = pa.field("g", box.type, metadata={"ARROW:extension:name": "geoarrow.box"})
    path = save(tmp_path / "x.arrow", pa.table([box], schema=pa.schema([field])))
    assert "geoarrow.box" in str(refusal(path))


def test_a_native_geometry_of_the_wrong_build(tmp_path: Path) -> None:
    field = pa.field("g", pa.list_(pa.float64()), metadata={"ARROW:extension:name": "geoarrow.polygon"})
    path = save(tmp_path / "x.arrow", pa.table([pa.array([[1.0]], field.type)], schema=pa.schema([field])))
    assert "where a list should be" in str(refusal(path))


# ---- what is read -------------------------------------------------------------------------


@pytest.mark.parametrize("kind", SHAPES)
@pytest.mark.parametrize("encoding", ["WKB", "geoarrow"])
@pytest.mark.parametrize("interleaved", [True, False])
def test_every_encoding_of_geometry(tmp_path: Path, kind: str, encoding: str, interleaved: bool) -> None:
    shapes = shapely.from_wkt(SHAPES[kind])
    frame = geopandas.GeoDataFrame({"n": [1, 2, 3]}, geometry=shapes, crs=4547)
    path = save(
        tmp_path / "x.arrow", pa.table(frame.to_arrow(index=False, geometry_encoding=encoding, interleaved=interleaved))
    )
    layer = formats.open(path).layer()
    assert layer.crs.value == "EPSG:4547"
    read = layer.arrow()
    assert read.schema.names == ["n", "geometry", "_fid"]
    found = shapely.from_wkb(read.column("geometry").to_pylist())
    assert shapely.to_wkt(found).tolist() == shapely.to_wkt(shapes).tolist()


def test_a_slice_of_native_geometry(tmp_path: Path) -> None:
    shapes = shapely.from_wkt(["LINESTRING (0 0, 1 1)", "LINESTRING (2 2, 3 3, 4 4)", "LINESTRING (5 5, 6 6)"])
    table = pa.table(geopandas.GeoDataFrame(geometry=shapes).to_arrow(index=False, geometry_encoding="geoarrow"))
    from cimkit.formats.tables.geoarrow import to_wkb

    array = table.column(0).chunk(0).slice(1)
    read = shapely.from_wkb(to_wkb(array, "geoarrow.linestring").to_pylist())
    assert [s.wkt for s in read] == ["LINESTRING (2 2, 3 3, 4 4)", "LINESTRING (5 5, 6 6)"]


def test_feather_of_geopandas(tmp_path: Path) -> None:
    frame = geopandas.GeoDataFrame({"名称": ["甲"]}, geometry=[shapely.Point(114, 22)], crs=4326)
    frame.to_feather(tmp_path / "x.feather")
    layer = formats.open(tmp_path / "x.feather").layer()
    assert layer.crs.value == "EPSG:4326"
    assert layer.arrow().column("名称").to_pylist() == ["甲"]


@pytest.mark.parametrize("name", ["x.arrow", "x.arrows", "x.feather", "x.bin"])
def test_files_are_known_by_their_content(tmp_path: Path, name: str) -> None:
    table = pa.table({"code": ["010001", None], "n": [1, 2]})
    path = tmp_path / name
    if name == "x.feather":
        pyarrow.feather.write_feather(table, path, compression="zstd")
    else:
        save(path, table)
    assert formats.open(path).delivery.format == "Arrow"
    assert formats.open(path).layer().arrow().drop_columns("_fid") == table


def test_batches_are_no_bigger_than_asked(tmp_path: Path) -> None:
    path = save(tmp_path / "x.arrow", pa.table({"n": list(range(1000))}))
    assert [batch.num_rows for batch in formats.open(path).layer().batches(300)] == [300, 300, 300, 100]


def test_types_that_sql_has_not(tmp_path: Path) -> None:
    table = pa.table(
        {
            "runs": pa.array(["a", "a", "b"], pa.run_end_encoded(pa.int32(), pa.string())),
            "lasts": pa.array([datetime.timedelta(seconds=90), None, datetime.timedelta(days=1)]),
            "code": pa.array(["x", "y", "x"]).dictionary_encode(),
            "small": pa.array([1, 2, None], pa.decimal32(5, 2)),
        }
    )
    path = save(tmp_path / "x.arrow", table)
    staged = formats.stage(formats.open(path).layer(), tmp_path)
    assert staged.facts.features == 3
    read = formats.open(path).layer().arrow()
    assert read.column("runs").to_pylist() == ["a", "a", "b"]
    assert read.column("lasts").to_pylist() == ['"0:01:30"', None, '"1 day, 0:00:00"']


def test_an_empty_table(tmp_path: Path) -> None:
    path = save(tmp_path / "x.arrow", pa.table({"a": pa.array([], pa.int64())}))
    assert formats.inspect(path)["layers"][0]["features"] == 0


# ---- what is written ------------------------------------------------------------------------


@pytest.mark.parametrize("suffix", [".arrow", ".feather", ".arrows"])
def test_written_and_read_again(tmp_path: Path, suffix: str) -> None:
    source = tmp_path / "s.gpkg"
    frame = geopandas.GeoDataFrame(
        {"名称": ["甲", None], "n": [2**53 + 1, None], "t": [datetime.datetime(2024, 5, 1, 10), None]},
        geometry=[shapely.Point(500_000, 2_500_000), None],
        crs=4547,
    )
    frame["n"] = frame["n"].astype("Int64")
    frame.to_file(source)
    report = cimkit.convert(source, tmp_path / f"t{suffix}", verify=True)
    assert report.verified
    assert report.losses == ()
    layer = formats.open(tmp_path / f"t{suffix}").layer()
    assert layer.crs.value == "EPSG:4547"
    if suffix == ".arrow":
        with pa.ipc.open_file(str(tmp_path / "t.arrow")) as file:
            field = file.schema.field("geometry")
        about = json.loads(field.metadata[b"ARROW:extension:metadata"])
        assert field.metadata[b"ARROW:extension:name"] == b"geoarrow.wkb"
        assert about["crs"]["id"] == {"authority": "EPSG", "code": 4547}


def test_geopandas_reads_what_is_written(tmp_path: Path) -> None:
    point = shapely.Point(114, 22)
    table = pa.table({"a": [1], "geometry": pa.array([point.wkb], pa.binary())})
    formats.write(table.to_reader(), tmp_path / "x.arrow", Order("EPSG:4326", "x"))
    with pa.ipc.open_file(str(tmp_path / "x.arrow")) as file:
        frame = geopandas.GeoDataFrame.from_arrow(file.read_all())
    assert frame.crs.to_epsg() == 4326
    assert frame.geometry[0] == point
    formats.write(table.to_reader(), tmp_path / "y.arrow", Order("EPSG:4326", "x"))
    assert (tmp_path / "x.arrow").read_bytes() == (tmp_path / "y.arrow").read_bytes()
