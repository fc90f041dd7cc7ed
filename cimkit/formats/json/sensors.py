"""Whether a JSON file is an answer of a SensorThings API, or holds entities of NGSI-LD or NGSI v2."""

from __future__ import annotations

import json
import re
from typing import Any

from cimkit.formats.json.shape import shape
from cimkit.formats.probe import Probe

_GEOMETRIES = {"Point", "LineString", "Polygon", "MultiPoint", "MultiLineString", "MultiPolygon"}
_ATTRIBUTES = {"Property", "Relationship", "GeoProperty", "LanguageProperty", "VocabProperty", "JsonProperty",
               "ListProperty", "ListRelationship"}  # fmt: skip
#: Members by which Smart Data Models are known in the simplified form, where nothing else says so.
_MODEL_MEMBERS = {
    "address", "alternateName", "areaServed", "controlledProperty", "dataProvider", "dateCreated", "dateModified",
    "dateObserved", "location", "refDevice", "seeAlso", "deviceCategory", "dateObservedFrom",
}  # fmt: skip


def is_sensorthings(probe: Probe) -> bool:
    """Whether control information of the API stands in the opening."""
    if shape(probe) not in ("value", "array"):
        return False
    opening = probe.text
    if re.search(r'"@iot\.(?:id|selfLink|nextLink|count)"\s*:', opening):
        return True
    return '"dataArray"' in opening and '"components"' in opening


def is_ngsi(probe: Probe) -> bool:
    """Whether the first record is an entity: an id, a type, and attributes or a context that say so."""
    if shape(probe) not in ("value", "array", "lines"):
        return False
    opening = probe.text.lstrip("\x1e[ \r\n\t")
    try:
        first, _ = json.JSONDecoder().raw_decode(opening)
    except (ValueError, RecursionError):
        # Longer than the opening.
        named = re.search(r'"id"\s*:\s*"urn:ngsi-ld:', opening[:2000])
        return named is not None and '"type"' in opening
    if isinstance(first, dict) and "subscriptionId" in first and isinstance(first.get("data"), list) and first["data"]:
        first = first["data"][0]
    return isinstance(first, dict) and _is_entity(first)


def _is_entity(entity: dict[str, Any]) -> bool:
    kind, name = entity.get("type"), entity.get("id")
    if not isinstance(name, str) or not isinstance(kind, (str, list)) or not kind or kind in _GEOMETRIES:
        return False
    if "@context" in entity or name.startswith("urn:ngsi-ld:"):
        return True
    inner = [value for value in entity.values() if isinstance(value, dict)]
    if any(value.get("type") in _ATTRIBUTES and len(value) > 1 for value in inner):
        return True
    if any({"type", "value"} <= value.keys() <= {"type", "value", "metadata"} for value in inner):
        return True
    return isinstance(kind, str) and kind[:1].isupper() and bool(_MODEL_MEMBERS & entity.keys())
