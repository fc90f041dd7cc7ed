"""Files that mean harm, or are badly broken: bounded time and memory, and a clear error; never a crash.

The bombs run in processes of their own under limits. Damage of every kind is done to a
sample of every format: what is cut off says so, and flipped bytes give an error or a value.
"""

from __future__ import annotations

import json
import random
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyogrio
import pytest
import shapely
from formats_archives import TABLE, plain_zip
from formats_limits import Limited
from formats_samples import CITYGML, KML, OSM, SAMPLES, make, square
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import cimkit.formats as formats
from cimkit.errors import CimkitError, SourceError

#: Formats of one record a line, of which nobody can know whether a line is missing.
LINES = {"s.csv", "gbk.csv", "records.jsonl", "s.geojsonl", "city.city.jsonl"}
ONE_FILE = [name for name in SAMPLES if not name.endswith((".gdb", "tiles"))]


def reading(path: Path) -> tuple[str, dict[str, int], set[str]]:
    """What a full read gives: the error, or the layers with their rows, and the codes of the hints."""
    try:
        about = formats.inspect(path)
    except CimkitError as error:
        assert error.exit_code == 3
        assert str(path.parent) not in (error.hint or "")
        return str(error), {}, set()
    hints = [*about["hints"], *(hint for part in (*about["layers"], *about["assets"]) for hint in part["hints"])]
    return "", {layer["name"]: layer["features"] for layer in about["layers"]}, {hint["code"] for hint in hints}


# ---- damage ---------------------------------------------------------------------------


@pytest.mark.parametrize("name", ONE_FILE)
def test_a_file_that_is_cut_off_never_reads_as_whole(tmp_path: Path, name: str) -> None:
    path = make(tmp_path, name)
    _, whole, known = reading(path)
    data = path.read_bytes()
    for tenth in range(10):
        path.write_bytes(data[: len(data) * tenth // 10])
        said, rows, hints = reading(path)
        if said or hints - known:
            continue
        assert name in LINES, f"cut at {tenth}/10: {rows} of {whole}, and nothing is said"
        assert sum(rows.values()) <= sum(whole.values())


@pytest.mark.parametrize("part", [".shx", ".dbf", ".dat", ".map", ".id", ".mid"])
def test_a_part_that_is_cut_off_never_reads_as_whole(tmp_path: Path, part: str) -> None:
    name = {".shx": "s.shp", ".dbf": "s.shp", ".mid": "m.mif"}.get(part, "t.tab")
    path = make(tmp_path, name)
    _, _, known = reading(path)
    beside = path.with_suffix(part)
    data = beside.read_bytes()
    for tenth in range(10):
        beside.write_bytes(data[: len(data) * tenth // 10])
        said, rows, hints = reading(path)
        assert said or hints - known, f"cut at {tenth}/10: {rows}, and nothing is said"


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # rasterio logs bytes as text
@pytest.mark.parametrize("name", ONE_FILE)
@settings(deadline=None, max_examples=10, suppress_health_check=[HealthCheck.function_scoped_fixture], database=None)
@given(seed=st.integers(0, 2**32), count=st.integers(1, 6), near=st.booleans())
def test_flipped_bytes_give_an_error_or_a_value(tmp_path: Path, name: str, seed: int, count: int, near: bool) -> None:
    made = tmp_path / "whole" / name
    if not made.exists():
        made.parent.mkdir()
        make(made.parent, name)
        for beside in made.parent.iterdir():
            (tmp_path / beside.name).write_bytes(beside.read_bytes())
    data = bytearray(made.read_bytes())
    chance = random.Random(seed)
    for _ in range(count):
        data[chance.randrange(min(len(data), 400) if near else len(data))] = chance.randrange(256)
    (tmp_path / name).write_bytes(data)
    reading(tmp_path / name)


@pytest.mark.parametrize("suffix", sorted({Path(name).suffix for name in ONE_FILE}))
@pytest.mark.parametrize(
    "content", [b"", b"\0" * 4096, b"%PDF-1.7\n" * 50, b"\xff" * 500, b"{" * 500, b"<" * 500, b"\n" * 500]
)
def test_a_suffix_that_lies(tmp_path: Path, suffix: str, content: bytes) -> None:
    (tmp_path / f"x{suffix}").write_bytes(content)
    said, rows, _ = reading(tmp_path / f"x{suffix}")
    if suffix not in (".csv", ".tab", ".jsonl", ".geojsonl") or content.startswith((b"%PDF", b"\0")):
        assert said, rows


@pytest.mark.parametrize("name", ONE_FILE)
@pytest.mark.parametrize("suffix", [".csv", ".shp", ".json", ".bin"])
def test_another_suffix_is_read_as_what_it_is_or_refused(tmp_path: Path, name: str, suffix: str) -> None:
    path = make(tmp_path, name)
    reading(path.rename(tmp_path / f"other{suffix}"))


# ---- bombs, under limits --------------------------------------------------------------


@pytest.fixture(scope="module")
def limited() -> Iterator[Limited]:
    """The command line under limits of memory, disk and time."""
    made = Limited()
    yield made
    made.close()


LAUGHS = (
    "<!DOCTYPE x [<!ENTITY a0 'ha'>" + "".join(f"<!ENTITY a{n} '{f'&a{n - 1};' * 10}'>" for n in range(1, 12)) + "]>"
)
EXTERNAL = "<!DOCTYPE x [<!ENTITY a11 SYSTEM 'file:///etc/hostname'>]>"
PARAMETER = "<!DOCTYPE x [<!ENTITY % p SYSTEM 'file:///etc/hostname'> %p;]>"
XML = {"x.kml": (KML, "点0"), "x.gml": (CITYGML, "楼0"), "x.osm": (OSM, "点1")}
_GML = (
    '<?xml version="1.0" encoding="UTF-8"?><ogr:FeatureCollection xmlns:ogr="http://ogr.maptools.org/" '
    'xmlns:gml="http://www.opengis.net/gml/3.2"><ogr:featureMember><ogr:a gml:id="a.0"><ogr:name>名字</ogr:name>'
    "<ogr:geometryProperty><gml:Point><gml:pos>1 2</gml:pos></gml:Point></ogr:geometryProperty></ogr:a>"
    "</ogr:featureMember></ogr:FeatureCollection>"
)


@pytest.mark.parametrize("kind", ["laughs", "external", "parameter"])
@pytest.mark.parametrize("name", [*XML, "plain.gml"])
def test_entities_are_not_expanded(limited: Limited, tmp_path: Path, name: str, kind: str) -> None:
    document, value = XML.get(name, (_GML, "名字"))
    doctype = {"laughs": LAUGHS, "external": EXTERNAL, "parameter": PARAMETER}[kind]
    head, tail = document.split("?>", 1)
    text = f"{head}?>{doctype}{tail}"
    (tmp_path / name).write_text(text.replace(value, value if kind == "parameter" else "&a11;"), encoding="utf-8")
    code, said = limited.run("inspect", str(tmp_path / name))
    assert code == 3, said[-500:]
    assert "entit" in said.lower() or "doctype" in said.lower(), said[-500:]


def test_entities_in_a_workbook(tmp_path: Path) -> None:
    path = make(tmp_path, "s.xlsx")
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    for name in [n for n in parts if n.endswith((".xml", ".rels"))]:
        head, mark, tail = parts[name].partition(b"?>")
        bad = {**parts, name: head + mark + LAUGHS.encode() + tail if mark else LAUGHS.encode() + head}
        assert reading(plain_zip(tmp_path / "x.xlsx", bad))[0], name


@pytest.mark.parametrize("name", ["x.geojson", "x.json", "x.jsonl", "x.geojsonl"])
@pytest.mark.parametrize("bracket", ["[", '{"a":'])
def test_json_nested_a_million_deep(limited: Limited, tmp_path: Path, name: str, bracket: str) -> None:
    deep = bracket * 1_000_000
    feature = '{"type":"Feature","geometry":null,"properties":{"a":'
    text = {"x.geojson": '{"type":"FeatureCollection","features":[' + feature, "x.geojsonl": feature}.get(name, "")
    (tmp_path / name).write_text(text + deep)
    code, said = limited.run("inspect", str(tmp_path / name))
    assert code == 3, said[-500:]


def sparse(path: Path, head: bytes, size: int) -> Path:
    """A file of that many bytes, of which the disk holds only the first."""
    with path.open("wb") as handle:
        handle.write(head)
        handle.truncate(size)
    return path


@pytest.mark.parametrize(
    ("name", "head"),
    [
        ("x.json", b'[{"a":1},'),
        ("x.json", b'{"a":['),
        ("x.geojson", b'{"type":"FeatureCollection","features":['),
        ("x.jsonl", b'{"a":1}\n{"a":'),
        ("x.geojsonl", b'{"type":"Feature","geometry":null,"properties":{}}\n'),
        ("x.json", b'{"type":"Topology","objects":{"a":'),
        ("x.json", b'{"type":"CityJSON","version":"2.0","CityObjects":{'),
        ("x.city.jsonl", b'{"type":"CityJSON","version":"2.0","CityObjects":{},"vertices":[]}\n'),
        ("x.csv", b"a,b\n1,2\n"),
        ("x.kml", b'<?xml version="1.0"?><kml xmlns="http://www.opengis.net/kml/2.2"><Document>'),
        ("x.gml", b'<?xml version="1.0"?><CityModel xmlns="http://www.opengis.net/citygml/2.0">'),
        ("x.osm", b'<?xml version="1.0"?><osm version="0.6">'),
        ("x.ifc", b"ISO-10303-21;\nHEADER;\nFILE_SCHEMA(('IFC4'));\nENDSEC;\nDATA;\n"),
        ("x.dxf", b"  0\nSECTION\n  2\nENTITIES\n"),
        ("x.mif", b'Version 300\nCharset "Neutral"\nColumns 1\n  a Char(10)\nData\n\n'),
        ("x.asc", b"ncols 4\nnrows 4\nxllcorner 0\nyllcorner 0\ncellsize 1\n1 2 3 4\n"),
    ],
)
def test_files_that_never_end(limited: Limited, tmp_path: Path, name: str, head: bytes) -> None:
    # Gigabytes of zeros, which no text holds: found at the first of them, or in constant memory.
    size = (1 if name == "x.dxf" else 10) << 30  # a drawing is read to its end
    code, said = limited.run("inspect", str(sparse(tmp_path / name, head, size)))
    assert code == 3, said[-500:]


@pytest.mark.parametrize("name", ["x.json", "x.geojson", "x.jsonl", "x.csv"])
def test_one_value_that_never_ends(limited: Limited, tmp_path: Path, name: str) -> None:
    start = {"x.geojson": b'{"type":"FeatureCollection","features":[{"type":"Feature","properties":{"a":"'}
    with (tmp_path / name).open("wb") as handle:
        handle.write(start.get(name, b'"' if name == "x.csv" else b'[{"a":"'))
        for _ in range(300):
            handle.write(b"x" * (1 << 20))
    code, said = limited.run("inspect", str(tmp_path / name))
    assert code == 3, said[-500:]


def test_a_zip_bomb_at_the_command_line(limited: Limited, tmp_path: Path) -> None:
    archive = zipfile.ZipFile(tmp_path / "x.zip", "w", zipfile.ZIP_DEFLATED)
    with archive, archive.open("x.csv", "w", force_zip64=True) as member:
        for _ in range(300):
            member.write(b"\0" * (1 << 20))
    code, said = limited.run("inspect", str(tmp_path / "x.zip"))
    assert (code, "no honest archive" in said) == (3, True)


@pytest.mark.parametrize("name", ["s.xlsx", "s.ods", "s.kmz", "gtfs.zip"])
def test_bombs_in_documents_that_are_zips(limited: Limited, tmp_path: Path, name: str) -> None:
    path = make(tmp_path, name)
    with zipfile.ZipFile(path) as archive:
        parts = {each: archive.read(each) for each in archive.namelist()}
    biggest = max(parts, key=lambda each: len(parts[each]))
    filler = b" " if name != "gtfs.zip" else b"x"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for each, content in parts.items():
            with archive.open(each, "w", force_zip64=True) as member:
                member.write(content)
                for _ in range(700 if each == biggest else 0):
                    member.write(filler * (1 << 20))
    code, said = limited.run("inspect", str(path), seconds=60)
    assert code == 3, said[-500:]


# ---- values ---------------------------------------------------------------------------

NAMES = [
    '"; DROP TABLE x; --',
    "a'b",
    'quo"te',
    "select",
    "a b",
    "建筑 物",
    "a;b",
    "%s",
    "{0}",
    "\\",
    "geometry",
    "_fid",
]


@pytest.mark.parametrize("target", ["out.parquet", "out.gpkg", "out.geojson", "out.csv"])
def test_field_names_that_are_sql(tmp_path: Path, target: str) -> None:
    import cimkit

    rows = [{name: f"{name}{i}" for name in NAMES} for i in range(3)]
    path = tmp_path / "x.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert cimkit.convert(path, tmp_path / target).rows_written == 3
    table = formats.open(tmp_path / target).layer().arrow()
    assert set(table[table.schema.names[0]].to_pylist()) <= {f"{name}{i}" for name in NAMES for i in range(3)}
    report = cimkit.check(path, schema={"properties": {name: {"type": "string"} for name in NAMES}})
    assert report.verdict == "pass"


def test_a_layer_name_that_is_sql(tmp_path: Path) -> None:
    name = 'x"; DROP TABLE "gpkg_contents'
    place = np.array([shapely.to_wkb(shapely.Point(114, 22))], dtype=object)
    pyogrio.raw.write(
        tmp_path / "x.gpkg", place, field_data=[np.array(["a"])], fields=["a"], layer=name, geometry_type="Point",
        crs="EPSG:4326", driver="GPKG",
    )  # fmt: skip
    assert [layer.name for layer in formats.open(tmp_path / "x.gpkg").layers] == [name]
    assert formats.inspect(tmp_path / "x.gpkg")["layers"][0]["features"] == 1


@pytest.mark.parametrize("text", ["a,a,A\n1,2,3\n", "a;a;a\n1;2;3\n"])
def test_duplicate_field_names(tmp_path: Path, text: str) -> None:
    (tmp_path / "x.csv").write_text(text)
    about = formats.inspect(tmp_path / "x.csv")["layers"][0]
    found = [field["name"] for field in about["fields"]]
    assert len({name.casefold() for name in found}) == 3
    assert about["hints"]


def test_nul_bytes_in_names_and_values(tmp_path: Path) -> None:
    (tmp_path / "x.json").write_text('[{"a\\u0000b": "c\\u0000d", "n": 1}]')
    import cimkit

    table = formats.open(tmp_path / "x.json").layer().arrow()
    assert table[0].to_pylist() == ["c\0d"]
    for target in ("out.parquet", "out.gpkg", "out.geojson", "out.csv"):
        try:
            cimkit.convert(tmp_path / "x.json", tmp_path / target)
        except CimkitError:
            continue
        if not target.endswith(".csv"):  # which has no way to write such a character
            assert formats.open(tmp_path / target).layer().arrow().num_rows == 1


def test_a_hundred_thousand_columns(limited: Limited, tmp_path: Path) -> None:
    names = ",".join(f"column{n}" for n in range(100_000))
    (tmp_path / "x.csv").write_text(f"{names}\n{','.join('1' * 100_000)}\n")
    code, said = limited.run("inspect", str(tmp_path / "x.csv"), "--format", "json")
    assert code in (0, 3), said[-500:]
    (tmp_path / "x.jsonl").write_text(json.dumps({f"column{n}": n for n in range(100_000)}) + "\n")
    code, said = limited.run("inspect", str(tmp_path / "x.jsonl"), "--format", "json")
    assert code in (0, 3), said[-500:]


def geometries(path: Path, values: list[bytes | None]) -> Path:
    """A GeoParquet file of these bytes."""
    import pyarrow.parquet as pq

    geo = {
        "version": "1.1.0",
        "primary_column": "geometry",
        "columns": {"geometry": {"encoding": "WKB", "geometry_types": []}},
    }
    schema = pa.schema([pa.field("geometry", pa.binary())], metadata={b"geo": json.dumps(geo).encode()})
    pq.write_table(pa.table([pa.array(values, pa.binary())], schema=schema), path)
    return path


def test_coordinates_that_are_no_numbers(tmp_path: Path) -> None:
    import cimkit

    head = b"\x01\x02\0\0\0\x02\0\0\0"
    odd = [head + np.array([114, 22, value, 22]).tobytes() for value in (np.nan, np.inf, -np.inf, 1e308)]
    path = geometries(tmp_path / "x.parquet", list(odd))
    about = formats.inspect(path)["layers"][0]
    assert about["features"] == 4
    assert np.isfinite(about["bbox"]).all()
    (hint,) = [hint for hint in about["hints"] if hint["code"] == "geometry.coordinates"]
    assert hint["message"].startswith("2 of 4")
    for target in ("out.gpkg", "out.geojson", "out.fgb", "out.shp", "out.kml"):
        losses = cimkit.convert(path, tmp_path / target, from_crs="EPSG:4326").losses
        dropped = {loss.code: loss.count for loss in losses}.get("geometry.dropped", 0)
        assert dropped == (0 if target in ("out.gpkg", "out.fgb") else 3), target
    assert "null,22" not in (tmp_path / "out.geojson").read_text()


@pytest.mark.parametrize("text", ["NaN", "Infinity", "-Infinity", "1e999"])
def test_numbers_that_are_none_in_json(tmp_path: Path, text: str) -> None:
    point = '{"type":"Feature","properties":{"a":1},"geometry":{"type":"Point","coordinates":[%s,22]}}'
    (tmp_path / "x.geojson").write_text('{"type":"FeatureCollection","features":[' + point % text + "]}")
    (tmp_path / "y.json").write_text('[{"a": ' + text + "}]")
    assert reading(tmp_path / "y.json")[0]
    said, rows, hints = reading(tmp_path / "x.geojson")
    assert said or hints or rows


def test_a_polygon_of_ten_million_vertices(tmp_path: Path) -> None:
    limited = Limited(6)
    angle = np.linspace(0, 2 * np.pi, 10_000_000)
    ring = np.column_stack([114 + np.cos(angle), 22 + np.sin(angle)])
    ring[-1] = ring[0]
    path = geometries(tmp_path / "x.parquet", [shapely.to_wkb(shapely.Polygon(ring)), shapely.to_wkb(square())])
    code, said = limited.run("convert", str(path), str(tmp_path / "out.gpkg"), "--from-crs", "EPSG:4326")
    limited.close()
    assert code == 0 or (code, "not enough memory" in said) == (3, True), said[-500:]


@pytest.mark.parametrize("kind", range(1, 18))
def test_geometry_that_claims_to_be_endless(tmp_path: Path, kind: int) -> None:
    claims = b"\x01" + kind.to_bytes(4, "little") + b"\xff\xff\xff\x7f" * 3
    path = geometries(tmp_path / "x.parquet", [claims, claims * 100, shapely.to_wkb(square())])
    about = formats.inspect(path)["layers"][0]
    assert "geometry.unreadable" in {hint["code"] for hint in about["hints"]} or kind == 1


def test_geometry_in_geometry_in_geometry(limited: Limited, tmp_path: Path) -> None:
    deep = (b"\x01\x07\0\0\0\x01\0\0\0") * 200_000 + shapely.to_wkb(shapely.Point(1, 2))
    path = geometries(tmp_path / "x.parquet", [deep])
    code, said = limited.run("inspect", str(path))
    assert code in (0, 3), said[-500:]


def test_many_layers_of_one_bad_folder(limited: Limited, tmp_path: Path) -> None:
    for name in ONE_FILE:
        own = tmp_path / name.replace(".", "_")
        own.mkdir()
        path = make(own, name)
        path.write_bytes(path.read_bytes()[: path.stat().st_size * 6 // 10])
    (tmp_path / "good.csv").write_bytes(TABLE)
    code, said = limited.run("inspect", str(tmp_path), "--format", "json")
    assert code == 0, said[-500:]
    about: dict[str, Any] = json.loads(said[said.index("{") : said.rindex("}") + 1])
    assert "good" in {layer["name"] for layer in about["layers"]}
    assert len(about["unread"]) >= len(ONE_FILE) - len(LINES) - 8
    with pytest.raises(SourceError):
        formats.open(tmp_path / "s_shp")
