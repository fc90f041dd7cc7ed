"""What cannot be read says so: what, where, why, and what to try; and nothing is written beside it."""

from __future__ import annotations

import json
import os
import random
import zipfile
from pathlib import Path

import geopandas
import pytest
from formats_sources import feature
from shapely.geometry import Point

import cimkit.formats as formats
from cimkit.errors import SourceError, UsageError


def refused(path: Path | str, **wishes: str) -> SourceError:
    """The error of reading all of a source."""
    with pytest.raises(SourceError) as caught:
        for layer in formats.open(path, **wishes).layers:
            layer.arrow()
    assert caught.value.exit_code == 3
    assert Path(path).name in str(caught.value)
    return caught.value


def grid(count: int = 1000) -> geopandas.GeoDataFrame:
    places = [Point(100 + i / 1000, 20 + i / 1000) for i in range(count)]
    return geopandas.GeoDataFrame({"a": range(count)}, geometry=places, crs=4326)


def write_kml(path: Path, count: int = 1000) -> None:
    marks = "".join(
        f"<Placemark><name>{i}</name><Point><coordinates>{100 + i / 1000},20</coordinates></Point></Placemark>"
        for i in range(count)
    )
    head = '<?xml version="1.0" encoding="UTF-8"?><kml xmlns="http://www.opengis.net/kml/2.2"><Document><Folder>'
    path.write_text(f"{head}<name>marks</name>{marks}</Folder></Document></kml>")


def cut(path: Path, share: float) -> None:
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * share)])


def test_a_missing_file_names_a_neighbour(tmp_path: Path) -> None:
    (tmp_path / "buildings.gpkg").write_bytes(b"x")
    error = refused(tmp_path / "building.gpkg")
    assert "does not exist" in str(error)
    assert "buildings.gpkg" in (error.hint or "")


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    assert str(tmp_path / "no") in (refused(tmp_path / "no" / "x.shp").hint or "")


@pytest.mark.parametrize("name", ["x.shp", "x.geojson", "x.csv", "x.gpkg", "x.parquet", "x.xlsx", "x.jsonl"])
def test_an_empty_file(tmp_path: Path, name: str) -> None:
    (tmp_path / name).touch()
    assert "empty" in str(refused(tmp_path / name))


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("x.foo", random.Random(7).randbytes(64).replace(b"PK", b"xx") + b"\0", "binary"),
        ("x.csv", b"\x00\x01\x02\x03" * 50, "binary"),
        ("readme.md", b"# A title\n", "text file of unknown shape (.md)"),
        ("x", b"hello\n", "no suffix"),
        ("x.pdf", b"%PDF-1.7\n", "PDF"),
        ("x.xls", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "Office"),
        ("x.ifc", b"ISO-10303-21;\n", "IFC"),
        ("x.gml", b'<?xml version="1.0"?><gml:FeatureCollection xmlns:gml="g"/>', "<FeatureCollection>"),
        ("x.sqlite", b"SQLite format 3\0" + b"\0" * 100, "SQLite database"),
        ("x.json", b'{"type": "CityJSON", "CityObjects": {}}', "CityJSON"),
        ("x.dbf", b"\x03" + b"\0" * 40, "dBase"),
        ("x.shx", b"\0\0\x27\x0a" + b"\0" * 96, "index of a shapefile"),
    ],
)
def test_a_stranger_is_called_what_it_is(tmp_path: Path, name: str, content: bytes, said: str) -> None:
    (tmp_path / name).write_bytes(content)
    error = refused(tmp_path / name)
    assert said in str(error)


def test_an_unknown_file_hears_where_the_formats_are_listed(tmp_path: Path) -> None:
    (tmp_path / "x.foo").write_text("hello")
    assert "cimkit formats" in (refused(tmp_path / "x.foo").hint or "")


def test_a_zip_lists_its_members(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        archive.writestr("roads.shp", "x")
    assert "roads.shp" in str(refused(tmp_path / "x.zip"))


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "x.csv")
    assert "pipe" in str(refused(tmp_path / "x.csv"))


def test_an_address_is_no_file() -> None:
    with pytest.raises(SourceError, match="not a file"):
        formats.open("https://example.org/x.geojson")


@pytest.mark.parametrize(
    ("suffix", "said"),
    [(".shp", "promises 28100 bytes"), (".shx", "promises 8100 bytes"), (".dbf", "promises 1000 records")],
)
def test_a_truncated_shapefile(tmp_path: Path, suffix: str, said: str) -> None:
    grid().to_file(tmp_path / "s.shp")
    cut(tmp_path / f"s{suffix}", 0.5)
    error = refused(tmp_path / "s.shp") if suffix == ".shp" else None
    if error is None:
        with pytest.raises(SourceError) as caught:
            formats.open(tmp_path / "s.shp")
        error = caught.value
    assert f"s{suffix} is cut off" in str(error)
    assert said in str(error)


@pytest.mark.parametrize("suffix", [".shx", ".dbf"])
def test_a_shapefile_without_a_part(tmp_path: Path, suffix: str) -> None:
    grid(3).to_file(tmp_path / "s.shp")
    (tmp_path / f"s{suffix}").unlink()
    assert suffix in str(refused(tmp_path / "s.shp"))
    assert not (tmp_path / f"s{suffix}").exists()


@pytest.mark.parametrize("size", [1, 20, 99])
def test_a_shapefile_shorter_than_its_header(tmp_path: Path, size: int) -> None:
    grid(3).to_file(tmp_path / "s.shp")
    (tmp_path / "s.shp").write_bytes((tmp_path / "s.shp").read_bytes()[: max(size, 4)])
    refused(tmp_path / "s.shp")
    (tmp_path / "s.dbf").write_bytes(b"\x03" * size)
    with pytest.raises(SourceError):
        formats.open(tmp_path / "s.shp")


def test_a_prj_that_is_none(tmp_path: Path) -> None:
    grid(3).to_file(tmp_path / "s.shp")
    cut(tmp_path / "s.prj", 0.5)
    assert "CRS" in str(refused(tmp_path / "s.shp"))


@pytest.mark.parametrize("share", [0.3, 0.7, 0.99])
@pytest.mark.parametrize("name", ["x.geojson", "x.fgb", "x.gpkg", "x.parquet", "x.kml"])
def test_a_file_that_stops_in_the_middle(tmp_path: Path, name: str, share: float) -> None:
    path = tmp_path / name
    if name.endswith("parquet"):
        grid().to_parquet(path)
    elif name.endswith("kml"):
        write_kml(path)
    else:
        grid().to_file(path)
    cut(path, share)
    refused(path)


@pytest.mark.parametrize("start", [b"PAR1", b"fgb\x03fgb\x01", b"SQLite format 3\0", b"PK\x03\x04", b"\0\0\x27\x0a"])
def test_garbage_behind_a_right_beginning(tmp_path: Path, start: bytes) -> None:
    name = {b"SQLi": "x.gpkg", b"\0\0\x27\x0a": "x.shp", b"PK\x03\x04": "x.xlsx"}.get(start[:4], "x.bin")
    (tmp_path / name).write_bytes(start + bytes(range(256)) * 20)
    refused(tmp_path / name)


@pytest.mark.parametrize(
    "text", ["{", '{"type": "FeatureCollection", "features": [', "[1, 2", '{"a": tru}', "[1] 2", "[NaN]"]
)
@pytest.mark.parametrize("suffix", [".geojson", ".json"])
def test_broken_json(tmp_path: Path, text: str, suffix: str) -> None:
    path = tmp_path / f"x{suffix}"
    path.write_text(text)
    refused(path)


def test_deeply_nested_json(tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    path.write_text("[" * 100_000 + "]" * 100_000)
    assert "nested too deeply" in str(refused(path))


def test_a_broken_line_has_a_number(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    path.write_text('{"a": 1}\n\n{"a": \n')
    assert "line 3" in str(refused(path))


def test_a_broken_line_between_features_is_not_skipped(tmp_path: Path) -> None:
    path = tmp_path / "x.geojsonl"
    good = json.dumps(feature({"a": 1}))
    path.write_text(f'{good}\n{{"type":"Feature", broken\n{good}\n')
    assert "line 2" in str(refused(path))


def test_a_line_that_is_no_feature_is_not_skipped(tmp_path: Path) -> None:
    path = tmp_path / "x.geojsonl"
    good = json.dumps(feature({"a": 1}))
    path.write_text(f'{good}\n{{"a": 1}}\n{good}\n')
    assert "only 2 of them are features" in str(refused(path))


def test_geojson_that_is_not_utf8(tmp_path: Path) -> None:
    path = tmp_path / "x.geojson"
    text = json.dumps(
        {"type": "FeatureCollection", "features": [feature({"名称": "中国建筑大厦"})]}, ensure_ascii=False
    )
    path.write_bytes(text.encode("gbk"))
    error = refused(path)
    assert "not UTF-8" in str(error) and "GB18030" in str(error)


def test_an_unknown_encoding(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text("a\n1\n")
    with pytest.raises(UsageError, match="klingon"):
        formats.open(tmp_path / "x.csv", encoding="klingon")


def test_an_encoding_for_a_format_that_has_its_own(tmp_path: Path) -> None:
    grid(1).to_file(tmp_path / "x.gpkg")
    with pytest.raises(UsageError, match="always UTF-8"):
        formats.open(tmp_path / "x.gpkg", encoding="gbk")


def test_an_unknown_crs(tmp_path: Path) -> None:
    grid(1).to_file(tmp_path / "x.gpkg")
    with pytest.raises(UsageError, match="999999"):
        formats.open(tmp_path / "x.gpkg", crs="EPSG:999999")


def test_a_wrong_layer_name_gets_the_nearest(tmp_path: Path) -> None:
    for name in ("buildings", "roads"):
        grid(1).to_file(tmp_path / "x.gpkg", layer=name)
    dataset = formats.open(tmp_path / "x.gpkg")
    with pytest.raises(UsageError) as caught:
        dataset.layer("building")
    assert "buildings" in (caught.value.hint or "")
    with pytest.raises(UsageError, match="holds 2 layers: buildings, roads"):
        dataset.layer()


def test_a_geopackage_without_layers(tmp_path: Path) -> None:
    import sqlite3

    grid(1).to_file(tmp_path / "x.gpkg")
    with sqlite3.connect(tmp_path / "x.gpkg") as database:
        database.execute("DELETE FROM gpkg_contents")
    dataset = formats.open(tmp_path / "x.gpkg")
    assert dataset.layers == ()
    with pytest.raises(SourceError, match="no layers"):
        dataset.layer()


def test_a_file_that_may_not_be_read(tmp_path: Path) -> None:
    if os.geteuid() == 0:
        pytest.skip("root may read everything")
    (tmp_path / "x.csv").write_text("a\n")
    (tmp_path / "x.csv").chmod(0)
    assert "cannot be read" in str(refused(tmp_path / "x.csv"))


def test_nothing_is_written_beside_the_input(tmp_path: Path) -> None:
    import sqlite3

    frame = grid(10)
    for name in ("a.shp", "a.gpkg", "a.geojson", "a.fgb"):
        frame.to_file(tmp_path / name)
    write_kml(tmp_path / "a.kml", 10)
    (tmp_path / "a.shp").with_suffix(".cpg").unlink()
    with sqlite3.connect(tmp_path / "a.gpkg") as database:
        database.execute("PRAGMA journal_mode=wal")
    database.close()
    frame.to_parquet(tmp_path / "a.parquet")
    (tmp_path / "a.csv").write_text("a,b\n1,2\n")
    before = {path: path.stat().st_mtime_ns for path in tmp_path.iterdir()}
    for name in ("a.shp", "a.gpkg", "a.geojson", "a.fgb", "a.kml", "a.parquet", "a.csv"):
        for layer in formats.open(tmp_path / name).layers:
            for _ in layer.batches(3):
                assert set(tmp_path.iterdir()) == set(before)
        formats.inspect(tmp_path / name)
    assert {path: path.stat().st_mtime_ns for path in tmp_path.iterdir()} == before
