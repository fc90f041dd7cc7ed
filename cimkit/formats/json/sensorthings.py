"""Answers of an OGC SensorThings API (18-088, version 1.1): things as devices, observations with what they belong to.

Entities are found at any depth of ``$expand``, and in the form of data arrays. Nothing is
fetched: an answer that goes on behind a link says so loudly.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from cimkit.errors import SourceError
from cimkit.formats.dataset import Dataset, Delivery
from cimkit.formats.gdal.layer import refuse_encoding
from cimkit.formats.json import stream as json_stream
from cimkit.formats.json.entities import Row, geometry_in, layers_of, number_in, text_in
from cimkit.formats.probe import Probe
from cimkit.formats.registry import Wishes
from cimkit.model import Hint

DEVICE, OBSERVATION = "device", "observation"
_LINK = re.compile(r"/(\w+)\([^()]*\)/?$")
_KINDS = {
    "Things": "Thing", "Locations": "Location", "HistoricalLocations": "HistoricalLocation", "Sensors": "Sensor",
    "Datastreams": "Datastream", "MultiDatastreams": "MultiDatastream", "ObservedProperties": "ObservedProperty",
    "Observations": "Observation", "FeaturesOfInterest": "FeatureOfInterest",
}  # fmt: skip
_SINGLE = set(_KINDS.values())


def layers(probe: Probe, format: str, wishes: Wishes) -> Dataset:
    """Devices, observations, and the other entities of an answer."""
    refuse_encoding(probe, format, wishes)
    delivery = Delivery(probe.path, format, (probe.path,))
    found = layers_of(
        delivery, lambda: _rows(probe.path), wishes, "GeoJSON in a SensorThings answer", (DEVICE, OBSERVATION)
    )
    hints = []
    links = _count(probe.path, b'@iot.nextLink"')
    if links:
        message = (
            f"The answer is incomplete: {links} of its lists go on behind an @iot.nextLink, which is not followed. "
            "Fetch all pages, or ask for more with $top."
        )
        hints.append(Hint("sensorthings.incomplete", message))
    if any(layer.name == OBSERVATION for layer in found) and _unknown_devices(probe.path):
        message = "Observations do not say whose they are: ask with $expand=Datastream($expand=Thing,ObservedProperty)."
        hints.append(Hint("sensorthings.not_expanded", message))
    return Dataset(delivery, found, tuple(hints))


def _count(path: Path, what: bytes) -> int:
    count, tail = 0, b""
    with path.open("rb") as handle:
        while chunk := handle.read(1 << 20):
            count += (tail + chunk).count(what)
            tail = chunk[-len(what) + 1 :]
    return count


def _unknown_devices(path: Path) -> bool:
    return any(row.layer == OBSERVATION and row.values["device_id"] is None for row in _rows(path))


# ---- the walk -----------------------------------------------------------------------------


@dataclass(frozen=True)
class _Context:
    """What an entity knows of those it is inside of."""

    thing: Any = None
    datastream: Mapping[str, Any] | None = None
    place: Mapping[str, Any] | None = None


def _rows(path: Path) -> Iterator[Row]:
    seen: set[tuple[str, str]] = set()
    for entity in _entities(path):
        if isinstance(entity, dict):
            for row in _walk(entity, None, _Context()):
                key = (row.layer, str(row.values.get("source_id")))
                # An expanded entity stands in every one that refers to it.
                if row.layer != OBSERVATION and key in seen:
                    continue
                if row.layer != OBSERVATION:
                    seen.add(key)
                yield row


def _entities(path: Path) -> Iterator[Any]:
    """The entities of an answer's ``value``, of an array, or the one that the document is."""
    with path.open("rb") as handle:
        opening = handle.read(64).lstrip(b"\xef\xbb\xbf \t\r\n")
    if opening.startswith(b"["):
        for each in json_stream.items(path):
            yield from each["value"] if isinstance(each, dict) and isinstance(each.get("value"), list) else [each]
        return
    try:
        yield from json_stream.items(path, "value")
    except SourceError as error:
        if "no member 'value'" not in str(error):
            raise
        yield json_stream.document(path)


def _kind(entity: Mapping[str, Any], told: str | None) -> str | None:
    if told:
        return told
    link = _LINK.search(str(entity.get("@iot.selfLink", "")))
    if link and link.group(1) in _KINDS:
        return _KINDS[link.group(1)]
    marks = (
        ("dataArray", "DataArray"), ("result", "Observation"), ("multiObservationDataTypes", "MultiDatastream"),
        ("unitOfMeasurement", "Datastream"), ("feature", "FeatureOfInterest"), ("location", "Location"),
        ("definition", "ObservedProperty"), ("metadata", "Sensor"),
    )  # fmt: skip
    for mark, kind in marks:
        if mark in entity:
            return kind
    names = {name.partition("@")[0] for name in entity}
    if "Thing" in names and "Locations" in names:
        return "HistoricalLocation"
    return "Thing" if {"Datastreams", "Locations", "HistoricalLocations"} & names or "name" in entity else None


def _walk(entity: Mapping[str, Any], told: str | None, context: _Context) -> Iterator[Row]:
    kind = _kind(entity, told)
    if kind is None:
        return
    if kind == "DataArray" or "dataArray" in entity:
        yield from _data_array(entity, context)
        return
    if kind == "Observation":
        yield _observation(entity, context)
    elif kind == "Thing":
        yield _device(entity)
        context = replace(context, thing=entity)
    else:
        yield _other(entity, kind)
    if kind in ("Datastream", "MultiDatastream"):
        context = replace(context, datastream=entity)
    for name, value in entity.items():
        inner = _KINDS.get(name) or (name if name in _SINGLE else None)
        if inner is None:
            continue
        for each in value if isinstance(value, list) else [value]:
            if isinstance(each, dict):
                yield from _walk(each, inner, context)


def _data_array(entity: Mapping[str, Any], context: _Context) -> Iterator[Row]:
    """The form of 18-088, clause 12: names once, then a list of values for each observation."""
    names = entity.get("components")
    if not isinstance(names, list):
        return
    datastream = entity.get("Datastream")
    inner = replace(context, datastream=datastream if isinstance(datastream, dict) else context.datastream)
    if isinstance(datastream, dict) and len(datastream) > 1:
        yield from _walk(datastream, "Datastream", context)
    for values in entity.get("dataArray") or []:
        observation = dict(zip((_component(name) for name in names), values, strict=False))
        yield _observation(observation, inner, entity)


def _component(name: str) -> str:
    return "@iot.id" if name in ("id", "@iot.id") else name


# ---- the rows -----------------------------------------------------------------------------


def _id(entity: Any, kind: str) -> str | None:
    """An id as text; a bare number gets the kind before it, since every kind counts from 1."""
    raw = entity.get("@iot.id", entity.get("id")) if isinstance(entity, dict) else None
    if raw is None or isinstance(raw, (dict, list)):
        return None
    return f"{kind}:{raw}" if str(raw).isdigit() else str(raw)


def _device(thing: Mapping[str, Any]) -> Row:
    streams = [s for name in ("Datastreams", "MultiDatastreams") for s in _listed(thing.get(name))]
    properties = [_property(stream) for stream in streams]
    place = next((geometry_in(each.get("location")) for each in _listed(thing.get("Locations"))), None)
    about = thing.get("properties") if isinstance(thing.get("properties"), dict) else {}
    values = {
        "id": _id(thing, "Thing"),
        "name": thing.get("name"),
        "description": thing.get("description"),
        "device_type": (about or {}).get("device_type") or (about or {}).get("type"),
        "controlled_property": ";".join(dict.fromkeys(p for p in properties if p)) or None,
        "source": _service(thing),
        "source_id": _raw(thing),
        "properties": thing.get("properties"),
    }
    return Row(DEVICE, values, place)


def _observation(entity: Mapping[str, Any], context: _Context, array: Mapping[str, Any] | None = None) -> Row:
    stream = entity.get("Datastream") or entity.get("MultiDatastream") or context.datastream or {}
    stream = stream if isinstance(stream, dict) else {}
    thing = stream.get("Thing") or context.thing
    when, _, until = str(entity.get("phenomenonTime") or "").partition("/")
    result = entity.get("result")
    place = entity.get("FeatureOfInterest")
    values = {
        "id": _id(entity, "Observation"),
        "device_id": _id(thing, "Thing"),
        "property": _property(stream),
        "value": number_in(result),
        "value_text": text_in(result),
        "unit": _unit(stream.get("unitOfMeasurement")),
        "phenomenon_time": when or None,
        "phenomenon_end": until or None,
        "result_time": entity.get("resultTime"),
        "quality": text_in(entity.get("resultQuality")),
        "datastream_id": _id(stream, "Datastream") or _linked(array or entity),
        "parameters": entity.get("parameters"),
        "source": _service(entity) or _service(array or {}) or _service(stream),
        "source_id": _raw(entity),
    }
    return Row(OBSERVATION, values, geometry_in(place.get("feature")) if isinstance(place, dict) else None)


def _other(entity: Mapping[str, Any], kind: str) -> Row:
    """Any other entity: its own members; of an entity inside it, the id."""
    values: dict[str, Any] = {"id": _id(entity, kind)}
    place = None
    for name, value in entity.items():
        if "@iot." in name or name == "id":
            continue
        if name in _SINGLE and isinstance(value, dict):
            values[f"{name}_id"] = _id(value, name)
        elif name in _KINDS and isinstance(value, list):
            continue
        elif name in ("location", "feature", "observedArea") and geometry_in(value) is not None:
            place = geometry_in(value)
        else:
            values[name] = value
    values["source"] = _service(entity)
    values["source_id"] = _raw(entity)
    return Row(kind, values, place)


def _listed(value: Any) -> list[Mapping[str, Any]]:
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []


def _property(stream: Mapping[str, Any]) -> str | None:
    about = stream.get("ObservedProperty")
    if isinstance(about, dict):
        return about.get("name") or about.get("definition")
    several = _listed(stream.get("ObservedProperties"))
    return ";".join(str(each.get("name")) for each in several) or None


def _unit(unit: Any) -> str | None:
    """The UCUM code where the definition is one, else the symbol, else the name."""
    if not isinstance(unit, dict):
        return None
    definition = str(unit.get("definition") or "")
    if definition.startswith("ucum:"):
        return definition.removeprefix("ucum:")
    return unit.get("symbol") or unit.get("name") or None


def _service(entity: Mapping[str, Any]) -> str | None:
    """The address of the service, from an entity's link to itself."""
    link = str(entity.get("@iot.selfLink") or "")
    return link[: link.rindex("/")] if _LINK.search(link) else None


def _raw(entity: Mapping[str, Any]) -> str | None:
    raw = entity.get("@iot.id", entity.get("id"))
    return None if raw is None else str(raw)


def _linked(entity: Mapping[str, Any]) -> str | None:
    """The id of the datastream in a link: …/Datastreams(7)."""
    link = re.search(r"Datastreams\(([^()]+)\)", str(entity.get("Datastream@iot.navigationLink") or ""))
    if link is None:
        return None
    raw = link.group(1).strip("'")
    return f"Datastream:{raw}" if raw.isdigit() else raw
