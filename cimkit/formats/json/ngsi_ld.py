"""NGSI-LD (ETSI GS CIM 009) and NGSI v2 entities: each type a layer; devices and observations in the words of cim-core.

Read are the normalized, concise and simplified (keyValues) forms, and the temporal one. An
attribute is a column of its name; what it says besides its value stands beside it
(``no2_unitCode``, ``no2_observedAt``). ``@context`` is never fetched: names stay as written.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cimkit.formats.dataset import Dataset, Delivery
from cimkit.formats.gdal.layer import refuse_encoding
from cimkit.formats.json import stream as json_stream
from cimkit.formats.json.entities import Row, geometry_in, layers_of, number_in, text_in
from cimkit.formats.json.shape import shape
from cimkit.formats.probe import Probe
from cimkit.formats.registry import Wishes
from cimkit.model import Hint

DEVICE, OBSERVATION = "device", "observation"
_NOT_ATTRIBUTES = {"id", "type", "@context", "@id", "@type"}
#: Where each kind of attribute keeps its value.
_VALUES = ("value", "object", "languageMap", "vocab", "json", "valueList", "objectList", "values", "objects")
_TYPES = {
    "Property", "Relationship", "GeoProperty", "LanguageProperty", "VocabProperty", "JsonProperty", "ListProperty",
    "ListRelationship",
}  # fmt: skip
_TIMES = ("dateObserved", "dateObservedFrom", "observationDateTime", "dateObservedTo", "observedAt", "dateIssued")
_NO_MEASURES = re.compile(r"(?i)(^|[a-z_])(id|number|count|code|index|lane|lat|lon|latitude|longitude|reliability)$")
#: Members of a device in the words of cim-core, and of Smart Data Models, best first.
_DEVICE = {
    "name": ("name",),
    "device_type": ("deviceCategory", "category", "deviceType"),
    "controlled_property": ("controlledProperty",),
    "status": ("deviceState", "status"),
    "installed_on": ("dateInstalled",),
    "asset_ref": ("controlledAsset", "refControlledAsset"),
    "source": ("source", "dataProvider"),
    "updated_at": ("dateModified", "modifiedAt", "dateLastValueReported", "dateObserved"),
}


def layers(probe: Probe, format: str, wishes: Wishes) -> Dataset:
    """Devices, observations, and a layer for each other type of entity."""
    refuse_encoding(probe, format, wishes)
    delivery = Delivery(probe.path, format, (probe.path,))
    form = shape(probe)
    found = layers_of(
        delivery, lambda: _rows(probe.path, form), wishes, "GeoJSON in an NGSI entity", (DEVICE, OBSERVATION)
    )
    hints = []
    if any(layer.name == OBSERVATION for layer in found):
        message = "Numbers of entities that say when they were observed are also read as observations."
        hints.append(Hint("ngsi.observations", message))
    return Dataset(delivery, found, tuple(hints))


def _rows(path: Path, form: str) -> Iterator[Row]:
    for entity in _entities(path, form):
        if isinstance(entity, dict) and "type" in entity:
            yield from _walk(entity)


def _entities(path: Path, form: str) -> Iterator[Any]:
    if form == "lines":
        yield from json_stream.lines(path)
    elif form == "array":
        yield from json_stream.items(path)
    else:
        document = json_stream.document(path)
        # A notification carries entities in its data.
        inner = document.get("data") if isinstance(document, dict) and "subscriptionId" in document else None
        yield from inner if isinstance(inner, list) else [document]


# ---- attributes -----------------------------------------------------------------------------


@dataclass(frozen=True)
class _Attribute:
    """An attribute's value, what it says beside it, and its geometry where it has one."""

    value: Any
    beside: Mapping[str, Any] = field(default_factory=dict)
    geometry: Mapping[str, Any] | None = None


def _attribute(given: Any) -> _Attribute:
    if not isinstance(given, dict):
        return _Attribute(given)
    geometry = geometry_in(given)
    if geometry is not None:
        return _Attribute(given, geometry=geometry)
    where = next((name for name in _VALUES if name in given), None)
    kind = given.get("type")
    if where is None or not (kind in _TYPES or kind is None or "metadata" in given or len(given) <= 3):
        return _Attribute(_plain(given))
    value = _plain(given[where])
    beside = {}
    for name, sub in {**given, **_metadata(given)}.items():
        if name not in (where, "type", "metadata"):
            inner = _attribute(sub)
            beside[name] = inner.value
    geometry = geometry_in(value)
    if kind == "geo:point" and isinstance(value, str):  # NGSI v2: "latitude, longitude"
        geometry = _point(value)
    return _Attribute(value, beside, geometry)


def _metadata(given: Mapping[str, Any]) -> Mapping[str, Any]:
    """What NGSI v2 says beside a value."""
    metadata = given.get("metadata")
    if not isinstance(metadata, dict):
        return {}
    return {name: each.get("value") if isinstance(each, dict) else each for name, each in metadata.items()}


def _plain(value: Any) -> Any:
    """A value without the type that JSON-LD gives it."""
    if isinstance(value, dict) and "@value" in value:
        return value["@value"]
    return value


def _point(text: str) -> Mapping[str, Any] | None:
    try:
        lat, lon = (float(part) for part in text.split(","))
    except ValueError:
        return None
    return {"type": "Point", "coordinates": [lon, lat]}


# ---- rows -------------------------------------------------------------------------------------


def _walk(entity: Mapping[str, Any]) -> Iterator[Row]:
    kind = entity["type"][0] if isinstance(entity["type"], list) and entity["type"] else str(entity["type"])
    kind = re.split(r"[/#]", kind)[-1] or kind
    # In the temporal form an attribute is a list of its instances.
    instances = {name: _instances(value) for name, value in entity.items() if name not in _NOT_ATTRIBUTES}
    attributes = {name: each[-1] for name, each in instances.items() if each}
    place = next((name for name in ("location", *attributes) if name in attributes and attributes[name].geometry), None)
    geometry = attributes[place].geometry if place else None
    values: dict[str, Any] = {"id": entity.get("id"), "type": entity["type"]}
    for name, each in attributes.items():
        if name != place:
            values[name] = each.value
            for sub, said in each.beside.items():
                values[f"{name}_{sub}"] = said
    if kind.lower() == DEVICE:
        yield Row(DEVICE, _device(values), geometry)
    else:
        yield Row(kind, values, geometry)
    yield from _observations(entity.get("id"), instances, values)


def _instances(value: Any) -> list[_Attribute]:
    several = isinstance(value, list) and value and all(isinstance(v, dict) and v.get("type") in _TYPES for v in value)
    return [_attribute(each) for each in value] if several else [_attribute(value)]


def _device(values: Mapping[str, Any]) -> Mapping[str, Any]:
    """The device in the words of cim-core, then all its own attributes."""
    made: dict[str, Any] = {"id": values.get("id")}
    taken = {"id"}
    for name, candidates in _DEVICE.items():
        source = next((candidate for candidate in candidates if values.get(candidate) is not None), None)
        taken |= {source} if source else set()
        value = values.get(source) if source else None
        made[name] = ";".join(map(str, value)) if isinstance(value, list) else value
    made["source_id"] = values.get("id")
    return {**made, **{name: value for name, value in values.items() if name not in taken and name not in made}}


def _observations(id: Any, instances: Mapping[str, list[_Attribute]], values: Mapping[str, Any]) -> Iterator[Row]:
    when = next((values[name] for name in _TIMES if isinstance(values.get(name), str)), None)
    device = values.get("refDevice") or values.get("device") or id
    device = device[0] if isinstance(device, list) and device else device
    common = {"device_id": device, "source": values.get("source"), "result_time": values.get("dateModified")}
    if "controlledProperty" in values and {"numValue", "textValue"} & set(values):
        outlier = values.get("outlier")
        number = number_in(values.get("numValue"))
        yield _observation(
            id, text_in(values["controlledProperty"]), number if number is not None else values.get("textValue"), when,
            {**common, "unit": values.get("unit") or values.get("numValue_unitCode"),
             "quality": None if outlier is None else "suspect" if outlier else "good"},
        )  # fmt: skip
        return
    for name, each in instances.items():
        for number_of, instance in enumerate(each):
            seen_at = instance.beside.get("observedAt") or instance.beside.get("TimeInstant") or when
            if number_in(instance.value) is None or seen_at is None or _NO_MEASURES.search(name):
                continue
            mark = f":{number_of}" if len(each) > 1 else ""
            beside = {"unit": instance.beside.get("unitCode"), "quality": text_in(instance.beside.get("quality"))}
            yield _observation(f"{id}:{name}{mark}", name, instance.value, seen_at, {**common, **beside})


def _observation(id: Any, name: str | None, value: Any, when: Any, more: Mapping[str, Any]) -> Row:
    start, _, end = str(when or "").partition("/")
    values = {
        "id": id,
        "device_id": more["device_id"],
        "property": name,
        "value": number_in(value),
        "value_text": text_in(value),
        "unit": more.get("unit"),
        "phenomenon_time": start or None,
        "phenomenon_end": end or None,
        "result_time": more.get("result_time"),
        "quality": more.get("quality"),
        "source": more.get("source"),
        "source_id": id,
    }
    return Row(OBSERVATION, values)
