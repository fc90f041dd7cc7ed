"""``cimkit.check`` on files: which layer a file is, plain schemas, and what goes wrong."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import geopandas
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import shapely
from check_deliveries import counts, failures

import cimkit
from cimkit import report as reports
from cimkit.errors import SourceError, StandardError, UsageError
from cimkit.standard import Standard


@pytest.fixture
def table(tmp_path: Path) -> Path:
    path = tmp_path / "people.csv"
    path.write_text('id,age,born\n1,30,2000-01-01\n2,,1990-13-01\n3,old,""\n', encoding="utf-8")
    return path


SCHEMA = {
    "type": "object",
    "required": ["id", "age"],
    "properties": {
        "id": {"type": "integer"},
        "age": {"type": "integer", "minimum": 0},
        "born": {"type": "string", "format": "date"},
    },
}


@pytest.fixture
def schema(tmp_path: Path) -> Path:
    path = tmp_path / "person.schema.json"
    path.write_text(json.dumps(SCHEMA), encoding="utf-8")
    return path


# ---- a plain schema -----------------------------------------------------------------------


def test_a_plain_schema_names_its_rules_by_its_file(table: Path, schema: Path) -> None:
    report = cimkit.check(table, schema=schema)
    assert failures(report) == {"person.age#required": [1], "person.age#type": [2]}
    assert report.against["schema"]["id"] == "person"
    formats = cimkit.check(table, schema=schema, formats=True)
    assert failures(formats)["person.born#format"] == [1, 2]


def test_a_schema_as_a_mapping_and_by_id(table: Path, schema: Path) -> None:
    named = {**SCHEMA, "$id": "https://example.org/schemas/person.schema.json"}
    assert set(failures(cimkit.check(table, schema=named))) == {"person.age#required", "person.age#type"}
    registry = {"https://example.org/schemas/": schema.parent}
    by_id = cimkit.check(table, schema="https://example.org/schemas/person.schema.json", registry=registry)
    assert set(failures(by_id)) == {"person.age#required", "person.age#type"}


def test_references_lead_to_registries_and_beside_the_schema(table: Path, tmp_path: Path) -> None:
    folder = tmp_path / "registry"
    folder.mkdir()
    (folder / "age.json").write_text('{"type": "integer", "maximum": 20}', encoding="utf-8")
    (tmp_path / "beside.json").write_text('{"type": "integer", "minimum": 2}', encoding="utf-8")
    path = tmp_path / "s.schema.json"
    members = {"age": {"$ref": "https://example.org/age.json"}, "id": {"$ref": "beside.json"}}
    path.write_text(json.dumps({"properties": members}), encoding="utf-8")
    report = cimkit.check(table, schema=path, registry={"https://example.org/": folder})
    assert failures(report) == {"s.age#maximum": [0], "s.age#type": [2], "s.id#minimum": [0]}
    with pytest.raises(StandardError, match="leads nowhere") as error:
        cimkit.check(table, schema=path)
    assert "--registry" in (error.value.hint or "")


@pytest.mark.parametrize("reference", ["../outside.json", "/etc/passwd", "file:///etc/passwd", "https://example.org/x"])
def test_references_reach_nothing_else(table: Path, tmp_path: Path, reference: str) -> None:
    (tmp_path / "outside.json").write_text("{}", encoding="utf-8")
    folder = tmp_path / "inside"
    folder.mkdir()
    path = folder / "s.schema.json"
    path.write_text(json.dumps({"properties": {"age": {"$ref": reference}}}), encoding="utf-8")
    with pytest.raises(StandardError, match="leads nowhere"):
        cimkit.check(table, schema=path)


@pytest.mark.parametrize(
    ("text", "said"), [("{", "not JSON"), ('{"type": "int"}', "no JSON Schema"), ('{"pattern": "("}', "cannot be read")]
)
def test_a_broken_schema(table: Path, tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "broken.schema.json"
    path.write_text(text if "pattern" not in text else '{"properties": {"born": {"pattern": "("}}}', encoding="utf-8")
    with pytest.raises(StandardError, match=said):
        cimkit.check(table, schema=path)


def test_records_that_are_no_objects(tmp_path: Path) -> None:
    path = tmp_path / "values.jsonl"
    path.write_text('1\n"a"\n[1,2]\n{"a": 1}\n', encoding="utf-8")
    report = cimkit.check(path, schema={"$id": "urn:v", "type": ["integer", "array"], "items": {"maximum": 1}})
    assert failures(report) == {"v#type": [1, 3], "v[]#maximum": [2]}


def test_nested_json_records(tmp_path: Path) -> None:
    path = tmp_path / "records.json"
    path.write_text('[{"a": {"b": "x"}, "t": ["1", 2]}, {"a": {"b": null}}, {"a": 7}]', encoding="utf-8")
    member = {"type": "object", "required": ["b"], "properties": {"b": {"type": "string", "minLength": 2}}}
    report = cimkit.check(path, schema={"$id": "r", "properties": {"a": member, "t": {"items": {"type": "string"}}}})
    assert failures(report) == {"r.a.b#minLength": [0], "r.a.b#type": [1], "r.a#type": [2], "r.t[]#type": [0]}


def test_hygiene_is_a_warning_with_a_plain_schema(tmp_path: Path) -> None:
    path = tmp_path / "places.csv"
    path.write_text("WKT,n\nPOINT(1 2),1\n", encoding="utf-8")
    report = cimkit.check(path, schema={"properties": {"n": {"minimum": 0}}})
    assert report.totals["error"] == 0


# ---- a standard ---------------------------------------------------------------------------


def buildings(path: Path, **columns: list[Any]) -> Path:
    shapes = [shapely.box(111.6 + i / 1000, 40.8, 111.6005 + i / 1000, 40.8005) for i in range(2)]
    known = {
        "id": ["b:0001", "b:0002"],
        "function": ["residential", "commercial"],
        "source": ["survey", "survey"],
        "updated_at": ["2024-03-05T10:00:00Z"] * 2,
    }
    geopandas.GeoDataFrame(known | columns, geometry=shapes, crs="EPSG:4490").to_file(path)
    return path


def test_a_file_is_known_by_its_columns_its_name_or_what_is_said(tmp_path: Path) -> None:
    for name, standard in (
        ("delivery.gpkg", "cim-core"),
        ("building.gpkg", "cim-core"),
        ("建筑.gpkg", "cim-core@^0.1"),
        ("x.gpkg", "cim-core/building"),
    ):
        report = cimkit.check(buildings(tmp_path / name), standard=standard)
        assert [layer.standard_layer for source in report.sources for layer in source.layers] == ["building"]
        assert report.verdict == "pass"
        assert report.against["standard"]["id"] == "cim-core"


def test_columns_by_short_and_chinese_names(tmp_path: Path) -> None:
    path = buildings(tmp_path / "building.gpkg", JZGD=[-3.0, 5.0], 地上层数=[1, 2])
    report = cimkit.check(path, standard="cim-core")
    assert [(f.rule, f.field) for f in report.findings if f.severity == "error"] == [
        ("building.height_m#exclusiveMinimum", "JZGD")
    ]
    assert counts(report)["building.floors_above#minimum"] == (2, 0)


def test_a_standard_that_is_loaded_already_and_several_files(tmp_path: Path) -> None:
    files = [buildings(tmp_path / "building.gpkg"), buildings(tmp_path / "east.gpkg")]
    report = cimkit.check(files, standard=Standard.load("cim-core"))
    assert counts(report)["building.id#unique"] == (4, 4)


def test_what_is_no_layer_of_the_standard(tmp_path: Path) -> None:
    path = tmp_path / "buildng.csv"
    path.write_text("a,b\n1,2\n", encoding="utf-8")
    with pytest.raises(UsageError, match="not clear which layer") as error:
        cimkit.check(path, standard="cim-core")
    assert error.value.hint == "Did you mean 'building'?"
    with pytest.raises(UsageError, match="no layer 'bilding'") as error:
        cimkit.check(path, standard="cim-core/bilding")
    assert error.value.hint == "Did you mean 'building'?"


def test_a_layer_that_the_standard_does_not_have_is_said(tmp_path: Path) -> None:
    path = buildings(tmp_path / "city.gpkg")
    shapes = geopandas.GeoDataFrame({"a": [1]}, geometry=[shapely.Point(1, 1)], crs="EPSG:4490")
    shapes.to_file(path, layer="scribbles")
    report = cimkit.check(path, standard="cim-core")
    assert f"{path}:scribbles" in [skipped.rule for skipped in report.coverage.rules.skipped]
    assert report.coverage.features_checked == 2


def test_with_a_crosswalk(tmp_path: Path) -> None:
    path = tmp_path / "haus.csv"
    path.write_text("nr,hoehe,x,y\nb:0001,12 m,111.6,40.8\nb:0002,tall,111.7,40.8\n", encoding="utf-8")
    walk = tmp_path / "haus.yaml"
    walk.write_text(
        "crosswalk: haus\nto: cim-core@^0.1/facility_poi\ngeometry: {x: x, y: y, crs: 'EPSG:4490'}\n"
        "fields:\n  id: {from: nr}\n  name: {from: hoehe}\n  source: {value: haus}\n",
        encoding="utf-8",
    )
    report = cimkit.check(path, standard="cim-core", crosswalk=walk)
    assert {f.field for f in report.findings} == {"category", "updated_at"}
    assert report.findings[0].point == (111.6, 40.8)


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({}, "either a standard or a schema"),
        ({"standard": "cim-core", "schema": {}}, "either a standard or a schema"),
        ({"schema": {}, "crosswalk": "x.yaml"}, "crosswalk"),
        ({"schema": {}, "layer": "nothing"}, "nothing"),
    ],
)
def test_arguments_that_make_no_sense(table: Path, asked: dict[str, Any], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        cimkit.check(table, **asked)
    with pytest.raises(UsageError, match="nothing to check"):
        cimkit.check([], schema={})


def test_a_source_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"nothing\.csv"):
        cimkit.check(tmp_path / "nothing.csv", schema={})


def test_nothing_is_left_beside_the_source(table: Path, schema: Path) -> None:
    before = sorted(table.parent.iterdir())
    cimkit.check(table, schema=schema)
    assert sorted(table.parent.iterdir()) == before


# ---- the standard's own examples, and real files ----------------------------------------------


def examples(root: Path) -> list[Path]:
    folder = root / "standards/cim-core/0.1.0/examples"
    return sorted(path for path in folder.glob("*/*.*json*") if not path.name.endswith(".expected.json"))


@pytest.mark.parametrize(("engine", "layers"), [("auto", ""), ("record", "building")])
def test_examples_cause_exactly_the_findings_they_name(root: Path, engine: str, layers: str) -> None:
    files = [path for path in examples(root) if path.name.startswith(layers)]
    assert len(files) > (5 if layers else 30)
    for path in files:
        expected = path.with_suffix(".expected.json")
        told = expected if expected.is_file() else path if path.suffix == ".geojson" else None
        named = json.loads(told.read_text("utf-8")) if told else {}
        beside = [path.parent / other for other in named.get("cim:with", [])]
        report = cimkit.check(path, standard=f"cim-core/{path.name.split('.')[0]}", engine=engine, known=beside)
        assert {finding.rule for finding in report.findings} == set(named.get("cim:expected", [])), path.name


@pytest.mark.shared
def test_administrative_divisions_of_china(shared: Path) -> None:
    code = {"type": "string", "pattern": "^[0-9]{6}$"}
    schema = {
        "$id": "area",
        "required": ["code", "name", "cityCode"],
        "additionalProperties": False,
        "properties": {
            "code": code,
            "name": {"type": "string", "pattern": r"^\p{Script=Han}{2,}$"},
            "cityCode": {"type": "string", "pattern": "^[0-9]{4}$"},
            "provinceCode": {"type": "string", "not": {"enum": ["71", "81", "82"]}},
        },
    }
    report = cimkit.check(shared / "data/china_admin/areas.csv", schema=schema)
    assert (report.verdict, report.coverage.features_checked) == ("pass", 2978)
    assert {rule.checked for rule in report.rules} == {2978}
    strict = {**schema, "properties": {**schema["properties"], "name": {"type": "string", "pattern": "[区县市旗]$"}}}
    failed = counts(cimkit.check(shared / "data/china_admin/areas.csv", schema=strict))["area.name#pattern"][1]
    lines = (shared / "data/china_admin/areas.csv").read_text("utf-8").splitlines()[1:]
    assert failed == sum(line.split(",")[1].strip('"')[-1] not in "区县市旗" for line in lines) > 0


@pytest.mark.shared
def test_districts_of_shanghai(shared: Path) -> None:
    path = shared / "data/shanghai/区县界_area.shp"
    report = cimkit.check(path, standard="cim-core/admin_division", lang="zh")
    assert report.coverage.features_checked == len(geopandas.read_file(path)) == 17
    assert counts(report)["admin_division.geometry#valid"] == (17, int((~geopandas.read_file(path).is_valid).sum()))
    assert counts(report)["admin_division.division_name#required"] == (17, 17)


@pytest.mark.shared
def test_fire_stations_of_washington(shared: Path) -> None:
    path = shared / "data/washington_dc/fire-stations.geojson"
    frame = geopandas.read_file(path)
    schema = {"$id": "station", "properties": {"OBJECTID_1": {"maximum": 10}, "NAME": {"pattern": "^Engine"}}}
    report = cimkit.check(path, schema=schema, samples=None)
    expected = {
        "station.OBJECTID_1#maximum": frame.index[frame["OBJECTID_1"] > 10].tolist(),
        "station.NAME#pattern": frame.index[~frame["NAME"].str.startswith("Engine")].tolist(),
        "station.SSL#text.blanks": frame.index[frame["SSL"].str.strip() != frame["SSL"]].tolist(),
    }
    assert failures(report) == {rule: rows for rule, rows in expected.items() if rows}
    at = next(f for f in report.findings if f.row == 12)
    assert at.point == pytest.approx((frame.geometry[12].x, frame.geometry[12].y), abs=1e-6)


@pytest.mark.parametrize("engine", ["auto", "record"])
def test_what_is_no_number_inside_a_value_can_be_reported(tmp_path: Path, engine: str) -> None:
    lists = pa.array([[float("nan"), 1.0], [float("inf")]])
    objects = pa.array([{"x": float("-inf")}, {"x": 2.5}])
    pq.write_table(pa.table({"a": lists, "b": objects}), tmp_path / "odd.parquet")
    schema = {"properties": {"a": {"maxItems": 0}, "b": {"maxProperties": 0}}}
    report = cimkit.check(tmp_path / "odd.parquet", schema=schema, engine=engine)
    assert [f.value for f in report.findings] == [["nan", 1], ["inf"], {"x": "-inf"}, {"x": 2.5}]
    for suffix in reports.SUFFIXES:
        reports.write(report, tmp_path / f"r{suffix}")
    assert json.loads((tmp_path / "r.json").read_text())["findings"][0]["value"] == ["nan", 1]
