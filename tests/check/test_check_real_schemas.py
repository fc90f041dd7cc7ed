"""Published schemas and their own examples: compiled, and judged as plain ``jsonschema`` judges them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from documents_whole import judged_both, whole
from jsonschema.validators import validator_for

from cimkit.check.json_schema.plain_schema import load_schema
from cimkit.errors import StandardError

SMART = "https://smart-data-models.github.io/data-models/"
STAC = "https://schemas.stacspec.org/v1.1.0-beta.1/"
CITYJSON = "https://www.cityjson.org/schemas/2.0.2/"
#: Models that refer to files of other repositories, which are not at hand.
REFER_ELSEWHERE = {
    "Device", "DeviceModel", "PrivacyObject", "AirQualityForecast", "AirQualityMonitoring", "AirQualityObserved",
    "MosquitoDensity", "RainFallRadarObserved",
}  # fmt: skip


def judge(schema: Path, documents: list[Any], registry: Mapping[str, Path], folder: Path) -> tuple[list[bool], int]:
    """Which documents both engines call valid, as jsonschema does; and how many rules the record engine decided."""
    loaded = load_schema(schema, registry)
    failing, in_records = judged_both(whole(folder, documents, loaded.layer), loaded.layer, loaded.registry)
    contents = json.loads(schema.read_text("utf-8"))
    judge = validator_for(contents)(contents, registry=loaded.registry)
    verdicts = [judge.is_valid(document) for document in documents]
    assert [row not in failing for row in range(len(documents))] == verdicts
    return verdicts, in_records


def smart_models(shared: Path) -> Iterator[Path]:
    return iter(sorted((shared / "suites/smart-data-models").glob("*/*/schema.json")))


@pytest.mark.shared
def test_smart_data_models(shared: Path, tmp_path: Path) -> None:
    registry = {SMART: shared / "suites/smart-data-models/common"}
    judged, elsewhere, wrong = 0, set(), set()
    for schema in smart_models(shared):
        example = json.loads((schema.parent / "examples/example.json").read_text("utf-8"))
        try:
            verdicts, in_records = judge(schema, [example], registry, tmp_path)
        except StandardError:
            elsewhere.add(schema.parent.name)
            continue
        judged += 1
        wrong |= set() if verdicts[0] else {schema.parent.name}
        assert in_records == 0, f"{schema.parent.name} is not decided in SQL alone"
    assert elsewhere == REFER_ELSEWHERE
    assert judged > 60
    # Their examples do break them: an enum with another model's name, an empty text for a number.
    assert wrong == {"TrafficEnvironmentImpactForecast", "ElectricVehicleMobility"}


@pytest.mark.shared
def test_stac(shared: Path, tmp_path: Path) -> None:
    stac = shared / "suites/stac"
    geojson = tmp_path / "geojson"
    geojson.mkdir()
    feature = {
        "type": "object",
        "required": ["type", "geometry", "properties"],
        "properties": {"type": {"const": "Feature"}},
    }
    (geojson / "Feature.json").write_text(json.dumps(feature), encoding="utf-8")
    (geojson / "Geometry.json").write_text(json.dumps({"type": "object", "required": ["type"]}), encoding="utf-8")
    registry = {STAC: stac, "https://geojson.org/schema/": geojson}
    kinds = {"Feature": "item", "Catalog": "catalog", "Collection": "collection"}
    judged = 0
    for kind, name in kinds.items():
        found = [json.loads(path.read_text("utf-8")) for path in sorted((stac / "examples").rglob("*.json"))]
        documents = [document for document in found if document.get("type") == kind]
        broken = [{**document, "id": 5} for document in documents] + [{}]
        schema = stac / f"{name}-spec/json-schema/{name}.json"
        verdicts, _ = judge(schema, documents + broken, registry, tmp_path)
        assert not any(verdicts[len(documents) :])
        judged += len(documents)
    assert judged >= 8


@pytest.mark.shared
@pytest.mark.parametrize("name", ["cityjson.schema.json", "cityjson.min.schema.json"])
def test_cityjson(shared: Path, tmp_path: Path, name: str) -> None:
    folder = shared / "suites/cityjson-specs/schemas"
    city = {
        "type": "CityJSON",
        "version": "2.0",
        "transform": {"scale": [1.0, 1.0, 1.0], "translate": [0.0, 0.0, 0.0]},
        "CityObjects": {
            "b": {
                "type": "Building",
                "geometry": [{"type": "MultiSurface", "lod": "1", "boundaries": [[[0, 1, 2]]]}],
            }
        },
        "vertices": [[0, 0, 0], [1, 0, 0], [1, 1, 0]],
    }
    documents = [
        city,
        {**city, "vertices": [[0, 0, "0"]]},
        {**city, "CityObjects": {"b": {"type": "Tower"}}},
        {key: value for key, value in city.items() if key != "transform"},
    ]
    verdicts, _ = judge(folder / name, documents, {CITYJSON: folder}, tmp_path)
    assert verdicts == [True, False, False, False]


@pytest.mark.shared
def test_cityjson_extensions_and_their_own_schema(shared: Path, tmp_path: Path) -> None:
    for version, sound in (("11", {"generic", "manycases", "noise"}), ("20", {"noise", "potato"})):
        folder = shared / "suites/cityjson-specs/extensions" / version
        paths = sorted(folder.glob("*.ext.json"))
        documents = [json.loads(path.read_text("utf-8")) for path in paths]
        verdicts, in_records = judge(folder / "extension.schema.json", documents, {}, tmp_path)
        names = {path.name.partition(".")[0] for path, valid in zip(paths, verdicts, strict=True) if valid}
        assert names == sound
        assert in_records == 0


@pytest.mark.shared
def test_fiboa_and_geoparquet(shared: Path, tmp_path: Path) -> None:
    projjson = tmp_path / "projjson"
    (projjson / "v0.7").mkdir(parents=True)
    (projjson / "v0.7/projjson.schema.json").write_text('{"type": "object"}', encoding="utf-8")
    for schema in (
        shared / "suites/fiboa-schema/schema/schema.json",
        shared / "suites/geoparquet/format-specs/schema.json",
    ):
        documents: list[Any] = [
            {},
            {
                "version": "1.1.0",
                "primary_column": "geometry",
                "columns": {"geometry": {"encoding": "WKB", "geometry_types": []}},
            },
            {"version": "1.1.0", "primary_column": "", "columns": {}},
            {"required": ["id"], "properties": {"id": {"type": "string", "minLength": 1}}},
            {"properties": {"id": {"type": "text"}}},
            5,
        ]
        judge(schema, documents, {"https://proj.org/schemas/": projjson}, tmp_path)
