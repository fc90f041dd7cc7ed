"""NGSI entities in every form: types as layers, devices and observations; all Smart Data Models examples."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import shapely

import cimkit
import cimkit.formats as formats
from cimkit.errors import SourceError

PLACE = {"type": "Point", "coordinates": [-3.71, 40.42]}
NORMALIZED = {
    "id": "urn:ngsi-ld:AirQualityObserved:1",
    "type": "AirQualityObserved",
    "no2": {"type": "Property", "value": 69, "unitCode": "GQ", "observedAt": "2024-05-01T10:00:00Z"},
    "level": {"type": "Property", "value": "moderate"},
    "refDevice": {"type": "Relationship", "object": "urn:ngsi-ld:Device:7"},
    "name": {"type": "LanguageProperty", "languageMap": {"zh": "站"}},
    "location": {"type": "GeoProperty", "value": PLACE},
    "@context": ["https://nowhere.invalid/context.jsonld"],
}
CONCISE = {
    **NORMALIZED,
    "no2": {"value": 69, "unitCode": "GQ", "observedAt": "2024-05-01T10:00:00Z"},
    "level": "moderate",
    "refDevice": {"object": "urn:ngsi-ld:Device:7"},
    "name": {"languageMap": {"zh": "站"}},
    "location": PLACE,
}
VERSION_2 = {
    "id": "urn:ngsi-ld:AirQualityObserved:1",
    "type": "AirQualityObserved",
    "no2": {
        "type": "Number",
        "value": 69,
        "metadata": {
            "unitCode": {"type": "Text", "value": "GQ"},
            "observedAt": {"type": "DateTime", "value": "2024-05-01T10:00:00Z"},
        },
    },
    "level": {"type": "Text", "value": "moderate", "metadata": {}},
    "refDevice": {"type": "Text", "value": "urn:ngsi-ld:Device:7", "metadata": {}},
    "name": {"type": "StructuredValue", "value": {"zh": "站"}, "metadata": {}},
    "location": {"type": "geo:json", "value": PLACE, "metadata": {}},
}


def save(tmp_path: Path, document: Any, name: str = "x.jsonld") -> Path:
    path = tmp_path / name
    path.write_text(json.dumps(document, ensure_ascii=False), encoding="utf-8")
    return path


def rows(path: Path, layer: str) -> list[dict[str, Any]]:
    return formats.open(path).layer(layer).arrow().drop_columns("_fid").to_pylist()


def test_a_document_that_stops_in_the_middle(tmp_path: Path) -> None:
    path = save(tmp_path, [NORMALIZED] * 500)
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(SourceError, match="is not JSON"):
        formats.open(path)


@pytest.mark.parametrize(
    "document",
    [
        {"id": "1", "type": "a", "x": 1},
        [{"id": 1, "type": "Big", "location": "here"}],
        {"type": "Feature", "id": "1", "geometry": None, "properties": {}},
        {"id": "x", "type": "Thing", "value": 3},
    ],
)
def test_other_json_stays_what_it_is(tmp_path: Path, document: Any) -> None:
    assert formats.open(save(tmp_path, document, "x.json")).delivery.format != "NGSI"


@pytest.mark.parametrize("entity", [NORMALIZED, CONCISE, VERSION_2], ids=["normalized", "concise", "version 2"])
@pytest.mark.parametrize("many", [False, True])
def test_every_form_gives_the_same_records(tmp_path: Path, entity: dict[str, Any], many: bool) -> None:
    path = save(tmp_path, [entity, entity] if many else entity)
    dataset = formats.open(path)
    assert [layer.name for layer in dataset.layers] == ["observation", "AirQualityObserved"]
    row = rows(path, "AirQualityObserved")[0]
    assert shapely.from_wkb(row.pop("geometry")).wkt == "POINT (-3.71 40.42)"
    assert row == {
        "id": "urn:ngsi-ld:AirQualityObserved:1", "type": "AirQualityObserved", "no2": 69, "no2_unitCode": "GQ",
        "no2_observedAt": "2024-05-01T10:00:00Z", "level": "moderate", "refDevice": "urn:ngsi-ld:Device:7",
        "name": '{"zh":"站"}',
    }  # fmt: skip
    seen = rows(path, "observation")[0]
    assert (seen["device_id"], seen["property"], seen["value"], seen["unit"], seen["phenomenon_time"]) == (
        "urn:ngsi-ld:Device:7", "no2", 69.0, "GQ", "2024-05-01T10:00:00Z",
    )  # fmt: skip


def test_lines_and_notifications(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    path.write_text("".join(json.dumps(NORMALIZED) + "\n" for _ in range(3)))
    assert len(rows(path, "AirQualityObserved")) == 3
    told = save(tmp_path, {"id": "n", "type": "Notification", "subscriptionId": "s", "data": [CONCISE]})
    assert len(rows(told, "AirQualityObserved")) == 1


def test_the_course_of_an_attribute(tmp_path: Path) -> None:
    values = [{"type": "Property", "value": i, "observedAt": f"2024-05-01T1{i}:00:00Z"} for i in range(3)]
    path = save(tmp_path, {"id": "urn:ngsi-ld:T:1", "type": "T", "speed": values})
    assert [(row["id"], row["value"]) for row in rows(path, "observation")] == [
        (f"urn:ngsi-ld:T:1:speed:{i}", float(i)) for i in range(3)
    ]
    assert rows(path, "T")[0]["speed"] == 2


def test_a_device_in_the_words_of_the_standard(tmp_path: Path) -> None:
    device = {
        "id": "urn:ngsi-ld:Device:7",
        "type": "Device",
        "deviceCategory": {"type": "Property", "value": ["weather_station"]},
        "controlledProperty": {"type": "Property", "value": ["pm25", "no2"]},
        "source": {"type": "Property", "value": "city"},
        "dateModified": {"type": "Property", "value": {"@type": "DateTime", "@value": "2024-05-01T10:00:00Z"}},
        "location": {"type": "GeoProperty", "value": PLACE},
        "rssi": {"type": "Property", "value": 0.5},
    }
    path = save(tmp_path, device)
    (row,) = rows(path, "device")
    assert (row["device_type"], row["controlled_property"], row["rssi"]) == ("weather_station", "pm25;no2", 0.5)
    report = cimkit.check(path, standard="cim-core/device")
    assert [finding for finding in report.findings if finding.severity == "error"] == []


def test_a_schema_of_the_records_sees_the_records(tmp_path: Path) -> None:
    path = save(tmp_path, {"id": "urn:ngsi-ld:T:1", "type": "T", "location": PLACE, "dateObserved": "x"}, "x.json")
    schema = {"type": "object", "required": ["dateObserved"], "properties": {"location": {"type": "object"}}}
    assert cimkit.check(path, schema=schema).verdict == "pass"
    assert cimkit.check(path, schema={**schema, "required": ["missing"]}).verdict == "fail"


@pytest.mark.shared
def test_every_example_of_smart_data_models_is_read(shared: Path) -> None:
    examples = sorted((shared / "suites" / "smart-data-models").glob("*/*/examples/*.json*"))
    assert len(examples) == 213
    plain = []
    for path in examples:
        dataset = formats.open(path)
        read = {layer.name: layer.arrow().num_rows for layer in dataset.layers}
        document = json.loads(path.read_text(encoding="utf-8"))
        if dataset.delivery.format != "NGSI":
            # Nothing in these says that they are NGSI; their records are read as they are.
            plain.append(path.parent.parent.name)
            assert not path.name.endswith("ld")
            continue
        kind = document["type"]
        assert read["device" if kind == "Device" else kind] == 1
        place = document.get("location")
        if isinstance(place, dict) and (place.get("value") or place).get("coordinates"):
            layer = dataset.layer("device" if kind == "Device" else kind)
            assert layer.arrow().column("geometry").null_count == 0, path
    assert plain == ["StreetlightFeeder", "StreetlightModel", "APDSObservation", "TrafficViolation", "VehicleModel"]
