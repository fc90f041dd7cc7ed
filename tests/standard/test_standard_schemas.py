"""cimkit's own schemas: they are valid, they say what they are about, and what cimkit writes fits them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from cimkit import documents, model
from cimkit.errors import StandardError

SCHEMAS = Path(__file__).resolve().parents[2] / "schemas"
NAMES = sorted(path.name.removesuffix(".schema.json") for path in SCHEMAS.glob("*.schema.json"))


def loaded(name: str) -> dict[str, Any]:
    result: dict[str, Any] = json.loads((SCHEMAS / f"{name}.schema.json").read_text("utf-8"))
    return result


@pytest.mark.parametrize("name", NAMES)
def test_a_schema_is_valid_and_says_what_it_is(name: str) -> None:
    schema = loaded(name)
    Draft202012Validator.check_schema(schema)
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert schema["$id"] == f"urn:cimkit:schemas:{name}"
    assert schema["title"]
    assert schema["description"]


@pytest.mark.parametrize("name", NAMES)
def test_a_schema_refers_only_to_its_neighbours(name: str) -> None:
    for reference in _references(loaded(name)):
        if not reference.startswith(("#", "https://json-schema.org/draft/2020-12/")):
            assert reference.split("#")[0].removeprefix("urn:cimkit:schemas:") in NAMES


def _references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        if isinstance(value.get("$ref"), str):
            yield value["$ref"]
        value = list(value.values())
    if isinstance(value, list):
        for item in value:
            yield from _references(item)


@pytest.mark.parametrize(
    "name", ["pipeline", "standard", "crosswalk", "rules", "codelists", "fusion", "report", "loss-report"]
)
def test_documents_have_no_unknown_keys(name: str) -> None:
    """Every object that a document is made of is closed; free are only those whose keys are names."""
    for place, schema in _objects(loaded(name), name):
        open_by_intent = place.endswith(("/expect", "/example", "/codes", "/geometry_kinds", "/parameters"))
        named = isinstance(schema.get("additionalProperties"), dict)
        assert schema.get("additionalProperties") is False or named or open_by_intent, place


def _objects(value: Any, place: str) -> Iterator[tuple[str, dict[str, Any]]]:
    if isinstance(value, dict):
        if value.get("type") in ("object", ["object", "null"]):
            yield place, value
        for key, inner in value.items():
            yield from _objects(inner, f"{place}/{key}")
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _objects(inner, f"{place}/{index}")


def report() -> model.Report:
    unknown = model.Evidence(None, "nothing says it", 0.0)
    facts = model.LayerFacts(
        2, (model.Field("a", "string", 80),), {"Point": 2}, (0.0, 1.0, 2.0, 3.0), None, unknown, unknown,
        (model.Hint("crs.missing", "The CRS is unknown."),),
    )  # fmt: skip
    finding = model.Finding(
        "building.id#required", "required", "error", "a.csv", "building", "id is missing", row=0, point=(1.0, 2.0)
    )
    return model.Report(
        cimkit="0.1.0",
        against={"standard": {"id": "cim-core", "version": "0.1.0", "digest": "sha256:0"}},
        sources=(model.CheckedSource("a.csv", "00", "csv", (model.CheckedLayer("a", "building", 2, facts),)),),
        coverage=model.Coverage(
            2, 2, model.RuleCoverage(1, 0, (model.Skipped("building.parcel_code#ref", "no parcel"),))
        ),
        rules=(model.RuleResult("building.id#required", "required", "error", "L1", "building", "id", 2, 1),),
        findings=(finding,),
    )


def test_a_report_fits_its_schema() -> None:
    document = json.loads(json.dumps(report().to_dict()))
    documents.validate(document, "report", "report.json")
    for key in document:
        broken = {k: v for k, v in document.items() if k != key}
        with pytest.raises(StandardError):
            documents.validate(broken, "report", "report.json")


def test_a_loss_report_fits_its_schema() -> None:
    losses = (
        model.Loss("name.shortened", "a_long_name", 3, "The name has more than 10 characters."),
        model.Loss("text.cut", "b", 1, "cut", {"row": 4, "before": "long", "after": "lo"}),
    )
    document = model.LossReport("a.gpkg", "b.shp", "shp", 5, 5, losses, True).to_dict()
    documents.validate(json.loads(json.dumps(document)), "loss-report", "losses.json")
    with pytest.raises(StandardError, match="unknown key 'extra'"):
        documents.validate({**document, "extra": 1}, "loss-report", "losses.json")


LAYER: dict[str, Any] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "$id": "urn:cim:test:0.1.0:thing",
    "title": "Thing",
    "type": "object",
    "properties": {"id": {"type": "string", "cim:key": True}},
}


@pytest.mark.parametrize(
    ("change", "says", "hint"),
    [
        ({"requierd": ["id"]}, "unknown key 'requierd'", "'required'"),
        ({"cim:geometri": {}}, "unknown key 'cim:geometri'", "'cim:geometry'"),
        ({"if": {"propertis": {}}}, "unknown key 'propertis' in thing at /if", "'properties'"),
        ({"properties": {"a": {"type": "string", "maxlength": 3}}}, "'maxlength' in thing at", "'maxLength'"),
        ({"properties": {"a": {"type": "strin"}}}, "at /properties/a/type", None),
        ({"properties": {"a": {"maxLength": 3}}}, "missing key 'type' in thing at /properties/a", None),
        ({"properties": {"a": {"type": "string", "cim:role": "hight"}}}, '"hight" is not one of', "'height'"),
        ({"properties": {"a": {"type": "string", "cim:names": {"short": "TOOLONGNAME"}}}}, "TOOLONGNAME", "At most 10"),
        ({"properties": {"a": {"type": "string", "cim:names": {"short": "zh名"}}}}, "zh名", "10 characters"),
        ({"properties": {"a": {"type": "string", "cim:ref": "building"}}}, '"building" does not look', "building.id"),
        ({"properties": {"a b": {"type": "string"}}}, '"a b" does not look', "letters, digits"),
        ({"properties": {}}, "at /properties", None),
        ({"cim:geometry": {"types": ["Polygone"]}}, '"Polygone" is not one of', "'Polygon'"),
        ({"cim:geometry": {"types": ["Point"], "min_area": 1}}, "unknown key 'min_area'", "'min_area_m2'"),
        ({"$schema": "http://json-schema.org/draft-07/schema#"}, "at /$schema", None),
        ({"type": "array"}, "at /type", None),
    ],
)  # fmt: skip
def test_the_layer_dialect_refuses_what_would_check_nothing(
    change: dict[str, Any], says: str, hint: str | None
) -> None:
    with pytest.raises(StandardError) as caught:
        documents.validate({**LAYER, **change}, "layer", "thing")
    assert says in str(caught.value)
    assert (hint or "") in (caught.value.hint or "")


def test_the_layer_dialect_leaves_room_for_notes_of_ones_own() -> None:
    documents.validate({**LAYER, "x-note": 1, "$comment": "…", "allOf": [{"x-why": "…"}, True]}, "layer", "thing")
