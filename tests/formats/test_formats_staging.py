"""Staging: one pass, the columns of the contract, valid GeoParquet, the same bytes twice, nothing half-written."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import geopandas
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import shapely
from shapely.geometry import Point, Polygon

import cimkit.formats as formats
from cimkit import duck, wkb
from cimkit.errors import SourceError
from cimkit.formats.dataset import Stream


def grid(count: int, crs: str | None = "EPSG:4547") -> geopandas.GeoDataFrame:
    boxes = [Polygon([(i, 0), (i + 1, 0), (i + 1, 1), (i, 1)]) for i in range(count)]
    frame = geopandas.GeoDataFrame({"n": range(count), "code": [f"{i:05d}" for i in range(count)]}, geometry=boxes)
    return frame.translate(500000, 2500000).to_frame("geometry").join(frame[["n", "code"]]).set_crs(crs)


@pytest.fixture()
def source(tmp_path: Path) -> Path:
    (tmp_path / "in").mkdir()
    grid(1000).to_file(tmp_path / "in" / "x.gpkg", layer="建筑/a")
    return tmp_path / "in" / "x.gpkg"


def test_a_staged_layer(source: Path, tmp_path: Path) -> None:
    staged = formats.stage(formats.open(source).layer(), tmp_path / "out")
    table = pq.read_table(staged.path)
    assert table.column_names == ["n", "code", "geometry", "_fid", "_row"]
    assert table["_row"].to_pylist() == list(range(1000))
    assert table["_fid"].to_pylist() == [str(i) for i in range(1, 1001)]
    assert table.schema.field("_row").type == pa.int64()
    assert staged.layer == "建筑/a" and staged.text_cells is False and staged.has_geometry
    assert staged.source.format == "GPKG" and staged.source.path == str(source)
    assert staged.facts.features == 1000
    assert staged.facts.bbox == (500000.0, 2500000.0, 501000.0, 2500001.0)
    assert staged.facts.geometry_kinds == {"Polygon": 1000}
    assert [field.name for field in staged.facts.fields] == ["n", "code"]
    assert staged.facts.bbox_crs84 is not None and 113 < staged.facts.bbox_crs84[0] < 115
    with duck.connect() as con:
        area = con.execute(
            f"SELECT sum(ST_Area(TRY(ST_GeomFromWKB(geometry)))) FROM {duck.parquet(staged.path)}"
        ).fetchone()
    assert area == (1000.0,)


def test_it_is_geoparquet(source: Path, tmp_path: Path) -> None:
    staged = formats.stage(formats.open(source).layer(), tmp_path / "out")
    frame = geopandas.read_parquet(staged.path)
    assert frame.crs.to_epsg() == 4547
    geo = json.loads(pq.read_metadata(staged.path).metadata[b"geo"])
    assert geo["columns"]["geometry"]["geometry_types"] == ["Polygon"]
    assert geo["columns"]["geometry"]["bbox"] == [500000.0, 2500000.0, 501000.0, 2500001.0]


@pytest.mark.parametrize("crs", ["GCJ-02", "BD-09"])
def test_an_offset_datum_is_not_called_wgs84(tmp_path: Path, crs: str) -> None:
    geopandas.GeoDataFrame(geometry=[Point(114, 22)]).to_parquet(tmp_path / "x.parquet")
    staged = formats.stage(formats.open(tmp_path / "x.parquet", crs=crs).layer(), tmp_path)
    assert staged.facts.crs.value == crs
    assert json.loads(pq.read_metadata(staged.path).metadata[b"geo"])["columns"]["geometry"]["crs"] is None


def test_the_same_bytes_twice(source: Path, tmp_path: Path) -> None:
    one = formats.stage(formats.open(source).layer(), tmp_path / "a").path
    two = formats.stage(formats.open(source).layer(), tmp_path / "b").path
    assert one.name == two.name and one.read_bytes() == two.read_bytes()


def test_layers_of_many_sources_share_a_folder(tmp_path: Path) -> None:
    paths = set()
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "x.csv").write_text(f"v\n{name}\n")
        paths.add(formats.stage(formats.open(tmp_path / name / "x.csv").layer(), tmp_path / "out").path)
    assert len(paths) == 2


def test_row_groups_are_bounded_whatever_the_batches(tmp_path: Path) -> None:
    text = "\n".join(str(i) for i in range(200_000))
    (tmp_path / "x.csv").write_text(f"n\n{text}\n")
    staged = formats.stage(formats.open(tmp_path / "x.csv").layer(), tmp_path / "out")
    file = pq.ParquetFile(staged.path)
    groups = [file.metadata.row_group(i).num_rows for i in range(file.num_row_groups)]
    assert sum(groups) == 200_000
    assert max(groups) <= 65_536 and len(groups) <= 5


def test_small_row_groups_are_put_together(tmp_path: Path) -> None:
    pq.write_table(pa.table({"n": np.arange(5000)}), tmp_path / "x.parquet", row_group_size=10)
    staged = formats.stage(formats.open(tmp_path / "x.parquet").layer(), tmp_path / "out")
    assert pq.ParquetFile(staged.path).num_row_groups == 1


def test_no_records(tmp_path: Path) -> None:
    grid(1).iloc[:0].to_file(tmp_path / "x.gpkg", geometry_type="Polygon")
    staged = formats.stage(formats.open(tmp_path / "x.gpkg").layer(), tmp_path / "out")
    assert pq.read_table(staged.path).column_names == ["n", "code", "geometry", "_fid", "_row"]
    assert staged.facts.geometry_kinds == {"Polygon": 0} and staged.has_geometry
    assert (staged.facts.features, staged.facts.bbox, staged.facts.bbox_crs84) == (0, None, None)


def test_a_table_has_no_geometry(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text("a\n1\n")
    staged = formats.stage(formats.open(tmp_path / "x.csv").layer(), tmp_path / "out")
    assert not staged.has_geometry and staged.text_cells
    assert b"geo" not in (pq.read_metadata(staged.path).metadata or {})


def test_damaged_geometry_is_told_and_keeps_its_row(tmp_path: Path) -> None:
    good = shapely.to_wkb(Point(1, 2))
    table = pa.table({"geometry": pa.array([good, good[:10], b"", None, b"\x01\x63\0\0\0"], pa.binary())})
    pq.write_table(table, tmp_path / "x.parquet")
    staged = formats.stage(formats.open(tmp_path / "x.parquet").layer(), tmp_path / "out")
    assert pq.read_table(staged.path)["geometry"].to_pylist() == [good, wkb.DAMAGED, wkb.DAMAGED, None, wkb.DAMAGED]
    hints = {hint.code: hint.message for hint in staged.facts.hints}
    assert hints["geometry.missing"].startswith("1 of 5")
    assert hints["geometry.unreadable"].startswith("3 of 5")
    assert staged.facts.bbox == (1.0, 2.0, 1.0, 2.0)


def test_coordinates_that_are_no_numbers_do_not_spoil_the_extent(tmp_path: Path) -> None:
    points = [Point(1, 2), Point(float("inf"), 5), Point(3, 4)]
    geopandas.GeoDataFrame(geometry=points, crs=4326).to_parquet(tmp_path / "x.parquet")
    facts = formats.stage(formats.open(tmp_path / "x.parquet").layer(), tmp_path / "out").facts
    assert facts.bbox is not None and facts.bbox[0] == 1.0 and facts.bbox[2] == 3.0


def test_a_source_that_breaks_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text("a,b\n1,2\n1,2,3\n")
    with pytest.raises(SourceError, match="another number of cells"):
        formats.stage(formats.open(tmp_path / "x.csv").layer(), tmp_path / "out")
    assert list((tmp_path / "out").iterdir()) == []


def test_a_full_disk_is_said_and_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "x.csv").write_text("a\n1\n")

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(pq.ParquetWriter, "write_table", full)
    with pytest.raises(SourceError, match="No space left"):
        formats.stage(formats.open(tmp_path / "x.csv").layer(), tmp_path / "out")
    assert list((tmp_path / "out").iterdir()) == []


def test_a_target_that_is_no_folder(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text("a\n1\n")
    with pytest.raises(SourceError, match="cannot be written"):
        formats.stage(formats.open(tmp_path / "x.csv").layer(), tmp_path / "x.csv" / "out")


def test_an_interruption_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text("a\n1\n")

    def interrupt(stage: str, done: int, total: int | None) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        formats.stage(formats.open(tmp_path / "x.csv").layer(), tmp_path / "out", progress=interrupt)
    assert list((tmp_path / "out").iterdir()) == []


def test_the_source_is_read_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "x.csv").write_text("a\n1\n2\n")
    layer = formats.open(tmp_path / "x.csv").layer()
    opened = []
    original = layer._open

    @contextmanager
    def counting(batch_size: int) -> Iterator[Stream]:
        opened.append(batch_size)
        with original(batch_size) as stream:
            yield stream

    monkeypatch.setattr(layer, "_open", counting)
    told: list[tuple[str, int, int | None]] = []
    formats.stage(layer, tmp_path / "out", progress=lambda *news: told.append(news))
    assert len(opened) == 1
    assert told == [("read x", 2, None)]


def test_memory_does_not_grow_with_the_input(tmp_path: Path) -> None:
    peaks = []
    for count in (50_000, 200_000):
        table = pa.table({"n": np.arange(count), "text": pa.array(["x" * 50] * count)})
        pq.write_table(table, tmp_path / f"{count}.parquet", row_group_size=20_000)
        del table
        before = pa.total_allocated_bytes()
        peak = 0
        for _ in formats.open(tmp_path / f"{count}.parquet").layer().batches(10_000):
            peak = max(peak, pa.total_allocated_bytes() - before)
        peaks.append(peak)
    assert peaks[1] < 1.5 * peaks[0] + 1_000_000


def test_duckdb_and_arrow_see_the_same(source: Path) -> None:
    layer = formats.open(source).layer()
    with duck.connect() as con:
        relation = layer.to_duckdb(con)
        assert relation.columns == ["n", "code", "geometry", "_fid"]
        assert relation.aggregate("count(*), max(n)").fetchone() == (1000, 999)
    assert layer.arrow().num_rows == 1000


def test_inspect_has_the_shape_of_the_surface(source: Path) -> None:
    about = formats.inspect(source)
    assert list(about) == ["path", "format", "sha256", "bytes", "hints", "files", "layers", "assets", "unread"]
    assert about["bytes"] == source.stat().st_size
    layer = about["layers"][0]
    assert {"name", "features", "fields", "geometry_kinds", "bbox", "bbox_crs84", "crs", "encoding", "hints"} == set(
        layer
    )
    assert layer["crs"] == {"value": "EPSG:4547", "how": "gpkg_spatial_ref_sys", "confidence": 1.0}
    assert layer["fields"][0] == {"name": "n", "type": "int64", "width": None}
    json.dumps(about, allow_nan=False)
    assert formats.inspect(source) == about
