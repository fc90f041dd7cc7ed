"""SensorThings answers: things as devices and observations at any depth, and what is not in the answer."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import shapely

import cimkit
import cimkit.formats as formats
from cimkit.errors import SourceError

ROOT = "https://sta.example.org/v1.1"
UNIT = {"name": "degree Celsius", "symbol": "°C", "definition": "ucum:Cel"}
PROPERTY = {"@iot.id": 3, "name": "airTemperature", "definition": "http://vocab/temp"}
POINT = {"type": "Point", "coordinates": [114.1, 22.5]}
OBSERVATION = {
    "@iot.id": 9,
    "@iot.selfLink": f"{ROOT}/Observations(9)",
    "phenomenonTime": "2024-05-01T10:00:00Z",
    "resultTime": None,
    "result": 21.5,
}
THING = {
    "@iot.id": 1,
    "@iot.selfLink": f"{ROOT}/Things(1)",
    "name": "Station",
    "properties": {"type": "sensor", "n": [1]},
    "Locations": [{"@iot.id": 2, "encodingType": "application/vnd.geo+json", "name": "here", "location": POINT}],
    "Datastreams": [
        {
            "@iot.id": "5f3a-x",
            "name": "temp",
            "unitOfMeasurement": UNIT,
            "ObservedProperty": PROPERTY,
            "Sensor": {"@iot.id": 4, "name": "DHT22", "metadata": "x", "encodingType": "text"},
            "Observations": [OBSERVATION, {**OBSERVATION, "@iot.id": 10, "result": "rain"}],
        }
    ],
}


def save(tmp_path: Path, document: Any, name: str = "x.json") -> Path:
    path = tmp_path / name
    path.write_text(json.dumps(document, ensure_ascii=False), encoding="utf-8")
    return path


def rows(path: Path, layer: str) -> list[dict[str, Any]]:
    return formats.open(path).layer(layer).arrow().drop_columns("_fid").to_pylist()


def test_an_answer_that_goes_on_is_told_loudly(tmp_path: Path) -> None:
    path = save(tmp_path, {"@iot.nextLink": f"{ROOT}/Things?$skip=1", "value": [THING]})
    (hint,) = formats.open(path).hints
    assert hint.code == "sensorthings.incomplete"
    inner = {**THING, "Datastreams@iot.nextLink": f"{ROOT}/x"}
    assert "2 of its lists" in formats.open(save(tmp_path, {"@iot.nextLink": "x", "value": [inner]})).hints[0].message


def test_observations_that_do_not_say_whose_they_are(tmp_path: Path) -> None:
    lone = {**OBSERVATION, "Datastream@iot.navigationLink": f"{ROOT}/Datastreams(7)"}
    path = save(tmp_path, {"value": [lone]})
    assert [hint.code for hint in formats.open(path).hints] == ["sensorthings.not_expanded"]
    assert rows(path, "observation")[0]["datastream_id"] == "Datastream:7"


def test_an_answer_that_stops_in_the_middle(tmp_path: Path) -> None:
    path = save(tmp_path, {"value": [THING] * 3})
    path.write_bytes(path.read_bytes()[:-300])
    with pytest.raises(SourceError, match="is not JSON"):
        formats.open(path)


@pytest.mark.parametrize("form", ["value", "array", "single"])
def test_things_with_all_that_is_theirs(tmp_path: Path, form: str) -> None:
    document = {"value": {"value": [THING]}, "array": [THING], "single": THING}[form]
    path = save(tmp_path, document)
    dataset = formats.open(path)
    assert dataset.delivery.format == "SensorThings"
    assert [layer.name for layer in dataset.layers][:2] == ["device", "observation"]
    (device,) = rows(path, "device")
    assert shapely.from_wkb(device.pop("geometry")).wkt == "POINT (114.1 22.5)"
    assert device == {
        "id": "Thing:1", "name": "Station", "description": None, "device_type": "sensor",
        "controlled_property": "airTemperature", "source": ROOT, "source_id": "1",
        "properties": '{"type":"sensor","n":[1]}',
    }  # fmt: skip
    first, second = rows(path, "observation")
    assert first["device_id"] == "Thing:1" and first["property"] == "airTemperature"
    assert (first["value"], first["value_text"], first["unit"]) == (21.5, None, "Cel")
    assert (second["value"], second["value_text"]) == (None, "rain")
    assert first["datastream_id"] == "5f3a-x"
    assert formats.open(path).layer("device").crs.value == "EPSG:4326"
    assert {layer.name for layer in dataset.layers} >= {"Datastream", "Sensor", "ObservedProperty", "Location"}


def test_observations_with_their_datastream_inside(tmp_path: Path) -> None:
    stream = {"@iot.id": 7, "unitOfMeasurement": {"symbol": "%"}, "ObservedProperty": PROPERTY, "Thing": {"@iot.id": 1}}
    period = {**OBSERVATION, "phenomenonTime": "2024-05-01T10:00:00Z/2024-05-01T11:00:00Z", "Datastream": stream}
    (row,) = rows(save(tmp_path, {"value": [period]}), "observation")
    assert (row["device_id"], row["unit"]) == ("Thing:1", "%")
    assert (row["phenomenon_time"], row["phenomenon_end"]) == ("2024-05-01T10:00:00Z", "2024-05-01T11:00:00Z")


def test_data_arrays(tmp_path: Path) -> None:
    stream = {"@iot.id": 7, "unitOfMeasurement": UNIT, "ObservedProperty": PROPERTY, "Thing": {"@iot.id": 1}}
    block = {
        "Datastream": stream,
        "components": ["id", "phenomenonTime", "result"],
        "dataArray@iot.count": 2,
        "dataArray": [[1, "2024-05-01T10:00:00Z", 1.5], [2, "2024-05-01T11:00:00Z", 2]],
    }
    path = save(tmp_path, {"value": [block]})
    found = rows(path, "observation")
    assert [(row["id"], row["value"], row["device_id"]) for row in found] == [
        ("Observation:1", 1.5, "Thing:1"), ("Observation:2", 2.0, "Thing:1"),
    ]  # fmt: skip


def test_an_entity_that_many_refer_to_is_there_once(tmp_path: Path) -> None:
    path = save(tmp_path, {"value": [THING, {**THING, "@iot.id": 2}, THING]})
    assert [row["id"] for row in rows(path, "device")] == ["Thing:1", "Thing:2"]
    assert len(rows(path, "Sensor")) == 1


def test_a_place_that_is_no_geometry(tmp_path: Path) -> None:
    thing = {**THING, "Locations": [{"@iot.id": 2, "location": {"type": "Point", "coordinates": ["a"]}}]}
    layers = {layer["name"]: layer for layer in formats.inspect(save(tmp_path, {"value": [thing]}))["layers"]}
    assert "geometry.unbuilt" in [hint["code"] for hint in layers["device"]["hints"]]


def test_devices_are_near_to_the_standard(tmp_path: Path) -> None:
    path = save(tmp_path, {"value": [THING]})
    report = cimkit.check(path, standard="cim-core/observation", layer="observation")
    missing = {finding.field for finding in report.findings if finding.code == "required"}
    assert missing == {"updated_at"} | ({"value"} & missing)
    report = cimkit.check(path, standard="cim-core/device", layer="device")
    assert {finding.field for finding in report.findings if finding.code == "required"} == {"updated_at"}
