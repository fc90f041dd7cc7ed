"""cim-core: what it ships fits together, and its examples are as good and as bad as they claim.

The examples are judged here without cimkit's own checker: by the jsonschema library, by
shapely, and by DuckDB for the rules; the checker is held to the same lists elsewhere.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest
import shapely
from jsonschema import Draft202012Validator, FormatChecker
from standard_kinds import kind_findings

from cimkit import documents, guard
from cimkit.duck import identifier, literal
from cimkit.standard import LayerSchema, Standard
from cimkit.standard.codelist import COLUMNS

PACKAGE = Path(__file__).resolve().parents[2] / "standards/cim-core/0.1.0"
CORE = Standard.load(PACKAGE)
LAYERS = sorted(CORE.layers)
VALID = sorted((PACKAGE / "examples/valid").iterdir())
INVALID = sorted(p for p in (PACKAGE / "examples/invalid").iterdir() if not p.name.endswith(".expected.json"))
COMMON = ["id", "class_code", "name", "name_en", "cim_level", "source", "source_id", "confidence"]
COMMON += ["valid_from", "valid_to", "updated_at"]

Feature = tuple[dict[str, Any], dict[str, Any] | None]


# ---- what it ships --------------------------------------------------------------------


def test_it_has_the_layers_of_the_first_round() -> None:
    assert CORE.status == "draft"
    needed = {"building", "admin_division", "address", "facility_poi", "road_centerline", "device", "observation"}
    assert needed <= set(LAYERS)


@pytest.mark.parametrize("name", LAYERS)
def test_a_layer_is_a_plain_json_schema_with_the_common_attributes(name: str) -> None:
    layer = CORE.layers[name]
    Draft202012Validator.check_schema(layer.schema)
    assert layer.schema["$id"] == f"urn:cim:cim-core:0.1.0:{name}"
    assert layer.key == "id"
    assert list(layer.fields)[: len(COMMON)] == COMMON
    mandatory = [field for field, spec in layer.fields.items() if spec.obligation == "M"]
    assert {"id", "source", "updated_at"} <= set(mandatory)
    assert all(layer.fields[field].obligation == "M" for field, spec in layer.fields.items() if spec.key)
    assert layer.names["en"]
    assert layer.names["zh"]
    assert layer.cim_class


@pytest.mark.parametrize("name", LAYERS)
def test_every_field_has_three_names_and_its_unit(name: str) -> None:
    for field, spec in CORE.layers[name].fields.items():
        assert set(spec.names) == {"en", "zh", "short"}, field
        assert re.search(r"[\u4e00-\u9fff]", spec.names["zh"]), field
        suffix = {"_m": "m", "_m2": "m2", "_kmh": "km/h", "_cny": "CNY"}
        for ending, unit in suffix.items():
            assert not field.endswith(ending) or spec.unit == unit, field


def test_fields_of_one_name_say_the_same_in_every_layer() -> None:
    """Layers are self-contained, so what they share is written several times and must not drift."""
    first: dict[str, Any] = {}
    for layer in CORE.layers.values():
        for field in COMMON:
            assert first.setdefault(field, layer.schema["properties"][field]) == layer.schema["properties"][field]


def test_only_observations_have_no_geometry() -> None:
    assert [name for name in LAYERS if CORE.layers[name].geometry is None] == ["observation"]
    for name in LAYERS:
        geometry = CORE.layers[name].geometry
        if geometry is not None:
            assert ("Polygon" in geometry.types) == ("MultiPolygon" in geometry.types)
            assert ("LineString" in geometry.types) == ("MultiLineString" in geometry.types)


@pytest.mark.parametrize("path", sorted(PACKAGE.glob("codelists/*.csv")), ids=lambda path: path.stem)
def test_a_code_list_is_whole(path: Path) -> None:
    import csv

    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert tuple(rows[0]) == COLUMNS
    codes = [row["code"] for row in rows]
    assert not [code for code, count in Counter(codes).items() if count > 1]
    for row in rows:
        documents.validate({key: value for key, value in row.items() if value}, "codelist", path)
        assert row["label_en"], row
        assert re.search(r"[\u4e00-\u9fff]|^pH$", row["label_zh"]), row
        assert not row["parent"] or row["parent"] in codes
        assert row["source"]


def test_every_code_list_is_used_and_says_where_it_comes_from() -> None:
    used = {spec.codelist for layer in CORE.layers.values() for spec in layer.fields.values() if spec.codelist}
    lists = {CORE.codelists[name].id for name in used}
    assert lists == {codelist.id for codelist in CORE.codelists.values()}
    for codelist in CORE.codelists.values():
        assert codelist.status == "draft"
        assert codelist.source
        assert set(codelist.title) == {"en", "zh"}
        labels = [code.labels["zh"] for code in codelist.codes.values()]
        assert len(set(labels)) == len(labels), codelist.id


@pytest.mark.shared
def test_the_land_use_codes_are_those_of_the_source(shared: Path) -> None:
    source = (shared / "domain/cn-landuse-sea-2023.csv").read_text("utf-8").splitlines()[1:]
    codes = CORE.codelists["cn-landuse-sea@2023"].codes
    assert [f"{code.code},{code.labels['zh']}" for code in codes.values()] == source


def test_rules_are_guarded_expressions_with_messages_in_both_languages() -> None:
    for rule in CORE.rules:
        if rule.check != "expression":  # what it finds is told in the checker's own words
            assert rule.message == {}
            continue
        assert set(rule.message) == {"en", "zh"}, rule.id
        for key in ("when", "assert"):
            if key in rule.parameters:
                guard.expression(rule.parameters[key], CORE.layers[rule.layer].fields)


@pytest.mark.parametrize("name", sorted(CORE.crosswalks))
def test_a_crosswalk_leads_into_the_standard(name: str) -> None:
    crosswalk = documents.load_yaml(CORE.crosswalks[name])
    documents.validate(crosswalk, "crosswalk", CORE.crosswalks[name])
    assert crosswalk["crosswalk"] == name
    layer = CORE.layers[crosswalk["to"].removeprefix("cim-core@^0.1/")]
    assert set(crosswalk["fields"]) <= set(layer.fields)
    assert {field for field, spec in layer.fields.items() if spec.obligation == "M"} <= set(crosswalk["fields"])
    for field, how in crosswalk["fields"].items():
        codelist = layer.fields[field].codelist
        known = CORE.codelists[codelist].codes if codelist else layer.schema["properties"][field].get("enum")
        targets = [*how.get("codes", {}).values(), *([how["else"]] if "else" in how else [])]
        for target in targets:
            assert target is None or known is None or target in known, (field, target)


# ---- its examples ---------------------------------------------------------------------


def records(path: Path) -> list[Feature]:
    if path.suffix == ".jsonl":
        return [(json.loads(line), None) for line in path.read_text("utf-8").splitlines()]
    features = json.loads(path.read_text("utf-8"))["features"]
    return [(feature["properties"], feature["geometry"]) for feature in features]


def expected(path: Path) -> list[str]:
    beside = path.with_suffix(".expected.json") if path.suffix == ".jsonl" else path
    rules: list[str] = json.loads(beside.read_text("utf-8"))["cim:expected"]
    return rules


def rfc3339(value: object) -> bool:
    if not isinstance(value, str):
        return True
    shape = r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)"
    return bool(re.fullmatch(shape, value)) and datetime.fromisoformat(value.upper()) is not None


FORMATS = FormatChecker(["date"])
FORMATS.checks("date-time", raises=ValueError)(rfc3339)


def along(path: Path) -> dict[str, list[Feature]]:
    """The records that an example is given along with, by layer."""
    named = json.loads(path.read_text("utf-8")).get("cim:with", []) if path.suffix == ".geojson" else []
    return {Path(name).name.split(".")[0]: records(path.parent / name) for name in named}


def findings(layer: LayerSchema, features: list[Feature], known: dict[str, list[Feature]]) -> set[str]:
    """Every rule that the records break, by an independent judge."""
    rows = [properties for properties, _ in features]
    found = set(_schema_findings(layer, rows)) | set(_code_findings(layer, rows))
    found |= set(_geometry_findings(layer, [geometry for _, geometry in features]))
    found |= {rule.id for rule in CORE.rules if rule.layer == layer.name and _lie_wrong(rule, features, known)}
    others = {name: [properties for properties, _ in given] for name, given in known.items()}
    found |= set(kind_findings(CORE.rules, layer.name, rows, others))
    return found | set(_rule_findings(layer, rows))


def _schema_findings(layer: LayerSchema, rows: list[dict[str, Any]]) -> Iterator[str]:
    validator = Draft202012Validator(layer.schema, format_checker=FORMATS)
    for row in rows:
        for error in validator.iter_errors(row):
            path = [str(step) for step in error.absolute_schema_path]
            if error.validator == "required":
                field = next(f for f in error.validator_value if f not in row and f"'{f}'" in error.message)
                branch = "".join(f"/{step}" for step in path[:-1])
                branch = branch.replace("/if", "")
                yield f"{layer.name}.{field}#required{f'({branch})' if branch else ''}"
            else:
                yield f"{layer.name}.{error.absolute_path[0]}#{error.validator}"


def _code_findings(layer: LayerSchema, rows: list[dict[str, Any]]) -> Iterator[str]:
    for field, spec in layer.fields.items():
        values = [row[field] for row in rows if field in row]
        address = f"{layer.name}.{field}"
        if spec.codelist and not CORE.codelists[spec.codelist].codes.keys() >= set(values):
            yield f"{address}#codelist"
        if spec.key and len(set(values)) < len(values):
            yield f"{address}#unique"
        if spec.ref and spec.ref.split(".")[0] == layer.name:
            there = {row.get(spec.ref.split(".")[1]) for row in rows}
            if not there >= set(values):
                yield f"{address}#ref"


def _geometry_findings(layer: LayerSchema, geometries: list[dict[str, Any] | None]) -> Iterator[str]:
    if layer.geometry is None:
        return
    for geometry in geometries:
        if geometry is None:
            yield f"{layer.name}.geometry#missing"
            continue
        shape = shapely.from_geojson(json.dumps(geometry))
        if shape.geom_type not in layer.geometry.types:
            yield f"{layer.name}.geometry#kind"
        elif shape.is_empty:
            yield f"{layer.name}.geometry#empty"
        elif not shape.is_valid:
            yield f"{layer.name}.geometry#valid"
        elif layer.geometry.min_area_m2 and shape.area * 111_000**2 * 0.76 < layer.geometry.min_area_m2:
            yield f"{layer.name}.geometry#min_area"


def _rule_findings(layer: LayerSchema, rows: list[dict[str, Any]]) -> Iterator[str]:
    kinds = {"number": "DOUBLE", "integer": "BIGINT"}
    times = {"date": "DATE", "date-time": "TIMESTAMPTZ"}
    with duckdb.connect() as con:
        con.execute("CREATE TABLE raw (record JSON)")
        con.executemany("INSERT INTO raw VALUES (?)", [[json.dumps(row)] for row in rows])
        columns = []
        for field, spec in layer.fields.items():
            kind = kinds.get(spec.types[0]) or times.get(spec.format or "", "VARCHAR")
            columns.append(f"TRY_CAST(record->>{literal(field)} AS {kind}) AS {identifier(field)}")
        con.execute(f"CREATE VIEW records AS SELECT {', '.join(columns)} FROM raw")
        for rule in CORE.rules:
            if rule.layer == layer.name and rule.check == "expression":
                when = rule.parameters.get("when", "TRUE")
                broken = f"SELECT count(*) FROM records WHERE ({when}) AND NOT ({rule.parameters['assert']})"
                count = con.execute(broken).fetchone()
                if count and count[0]:
                    yield rule.id


def _metres(feature: Feature) -> Any:
    """A sound geometry in metres of the ground around 40.81 degrees north, None where there is none."""
    shape = shapely.from_geojson(json.dumps(feature[1])) if feature[1] else None
    if shape is None or shape.is_empty or not shape.is_valid:
        return None
    return shapely.transform(shape, lambda xy: (xy - [111.62, 40.81]) * [84_380, 111_050])


def _lie_wrong(rule: Any, features: list[Feature], known: dict[str, list[Feature]]) -> bool:
    """Whether any record breaks a rule on how records lie to each other: every pair is looked at."""
    said = rule.parameters
    kept = [f for f in features if "when" not in said or "valid_to" not in f[0]]
    shapes = [(f[0], shape) for f in kept if (shape := _metres(f)) is not None]
    pairs = [(a, b) for i, a in enumerate(shapes) for b in shapes[i + 1 :]]
    alike = [(a, b) for a, b in pairs if all(a[0].get(by) == b[0].get(by) for by in said.get("by", []))]
    if rule.check == "no_overlap":
        return any(a[1].intersection(b[1]).area > said["tolerance_m2"] for a, b in alike)
    if rule.check == "no_gap":
        groups: dict[tuple[Any, ...], list[Any]] = {}
        for properties, shape in shapes:
            groups.setdefault(tuple(properties.get(by) for by in said["by"]), []).append(shape)
        rings = [
            r
            for group in groups.values()
            for part in shapely.get_parts([shapely.union_all(group)])
            for r in part.interiors
        ]
        holes = [shapely.Polygon(ring) for ring in rings]
        return any(h.area > said["tolerance_m2"] and h.buffer(-said["max_width_m"] / 2).is_empty for h in holes)
    if rule.check == "within":
        others = [(f[0], _metres(f)) for f in known.get(said["of"], [])]
        fields = list(zip(said.get("fields", []), said.get("to", []), strict=True))
        for properties, shape in shapes if others else ():
            meant = [s for p, s in others if all(properties.get(a) == p.get(b) for a, b in fields)]
            if max((shape.intersection(s).area for s in meant), default=0.0) < said["share"] * shape.area:
                return True
    if rule.check == "no_dangles":
        for a, b in [*pairs, *((b, a) for a, b in pairs)]:
            ends = shapely.points([part.coords[at] for part in shapely.get_parts([a[1]]) for at in (0, -1)])
            if any(0.05 < end.distance(b[1]) <= said["tolerance_m"] for end in ends):
                return True
    return False


def test_every_layer_has_examples() -> None:
    assert {path.name.split(".")[0] for path in VALID} == set(LAYERS)
    assert {path.name.split(".")[0] for path in INVALID} == set(LAYERS)


@pytest.mark.parametrize("path", VALID, ids=lambda path: path.stem)
def test_a_valid_example_breaks_no_rule(path: Path) -> None:
    assert findings(CORE.layers[path.name.split(".")[0]], records(path), along(path)) == set()


@pytest.mark.parametrize("path", INVALID, ids=lambda path: path.name.rpartition(".")[0])
def test_an_invalid_example_breaks_exactly_the_rules_it_names(path: Path) -> None:
    rules = expected(path)
    assert len(set(rules)) == len(rules)
    assert findings(CORE.layers[path.name.split(".")[0]], records(path), along(path)) == set(rules)


def test_the_invalid_examples_try_most_of_what_the_standard_demands() -> None:
    tried = {rule.split("(")[0] for path in INVALID for rule in expected(path)}
    own = {rule.id for rule in CORE.rules}
    assert own <= tried
    keywords = {rule.partition("#")[2] for rule in tried}
    assert keywords >= {
        "type", "required", "enum", "codelist", "minimum", "maximum", "exclusiveMinimum", "minLength", "maxLength",
        "pattern", "format", "unique", "ref", "kind", "valid", "missing", "empty", "min_area",
    }  # fmt: skip
