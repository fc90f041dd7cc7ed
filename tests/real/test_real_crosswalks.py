"""The crosswalks of the two real pipelines, judged by jsonschema: what does not pass is genuinely bad."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator, FormatChecker

from cimkit import documents, duck, formats
from cimkit.crosswalk import Crosswalk, apply, typed
from cimkit.model import Mapped
from cimkit.standard import LayerSchema, Standard

HERE = Path(__file__).parent
#: Source -> records that break their layer's schema, and why they do.
BAD = {
    "charter_schools": {"phone#pattern": 1},  # '202-459-4710 ext. 600'
    "parks": {"green_type#enum": 5},  # three medians, two without a type
    "msft": {"height_m#exclusiveMinimum": 7},  # 0 m high
}
SOURCES = [
    (pipeline, name)
    for pipeline in ("washington", "eubucco")
    for name in documents.load_yaml(HERE / f"{pipeline}.yaml")["sources"]
]


@pytest.fixture(scope="module")
def standard() -> Standard:
    return Standard.load("cim-core@^0.1")


def mapped(pipeline: str, name: str, shared: Path, standard: Standard, folder: Path) -> Mapped:
    spec = documents.load_yaml(HERE / f"{pipeline}.yaml")["sources"][name]
    source = formats.open(spec["path"].replace("${shared}", str(shared)))
    staged = formats.stage(source.layer(spec.get("source_layer")), folder)
    return apply(Crosswalk.load(HERE / spec["crosswalk"]), staged, standard.layers[spec["layer"]], folder)


def records(result: Mapped, layer: LayerSchema) -> list[dict[str, Any]]:
    """The records as JSON sees them; a text that its field cannot be is left as the text."""
    parts = []
    for name, field in layer.fields.items():
        if name in result.origins:
            column = duck.identifier(name)
            cast = typed(field, column, name in result.text_fields)
            kept = f"CASE WHEN {cast.failed_sql} THEN to_json(CAST({column} AS VARCHAR)) ELSE to_json({cast.sql}) END"
            parts.append(f"{duck.literal(name)}: {kept}")
    query = f"SELECT CAST(to_json({{{', '.join(parts)}}}) AS VARCHAR) FROM {duck.parquet(result.path)}"
    with duck.connect() as con:
        rows = [json.loads(row[0]) for row in con.execute(query).fetchall()]
    return [{name: value for name, value in row.items() if value is not None} for row in rows]


@pytest.mark.shared
@pytest.mark.parametrize(("pipeline", "name"), SOURCES)
def test_a_source_arrives_in_the_standard(
    pipeline: str, name: str, shared: Path, standard: Standard, tmp_path: Path
) -> None:
    result = mapped(pipeline, name, shared, standard, tmp_path)
    layer = standard.layers[result.layer]
    properties = {
        field: {key: rule for key, rule in schema.items() if key != "format"}  # dates come typed, so they are dates
        if layer.fields[field].format in ("date", "date-time")
        else schema
        for field, schema in layer.schema["properties"].items()
    }
    for field, spec in layer.fields.items():
        if spec.codelist is not None:
            properties[field] = {**properties[field], "enum": sorted(standard.codelists[spec.codelist].codes)}
    judge = Draft202012Validator({**layer.schema, "properties": properties}, format_checker=FormatChecker())
    rows = records(result, layer)
    assert len(rows) == result.staged.facts.features
    found = Counter(
        f"{error.absolute_path[0] if error.absolute_path else error.message}#{error.validator}"
        for row in rows
        for error in judge.iter_errors(row)
    )
    assert found == BAD.get(name, {})
    assert result.crs == ("EPSG:3035" if pipeline == "eubucco" else "EPSG:4326")
    said = {loss.code for loss in result.losses}
    assert said <= {"column.unmapped", "code.unmapped", "code.dropped"}
