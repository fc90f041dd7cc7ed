"""What a JSON file is, seen from its beginning: GeoJSON, an array of records, one value per line …"""

from __future__ import annotations

import json
import re
from functools import lru_cache
from typing import Any, Literal

from cimkit.formats.probe import Probe

Shape = Literal[
    "geojson", "geojson lines", "array", "lines", "value", "CityJSON", "CityJSON lines", "TopoJSON", "ESRI JSON", ""
]

_LINES = (".jsonl", ".ndjson", ".geojsonl", ".geojsons")
_NOT_JSON = (".csv", ".tsv", ".tab", ".psv", ".txt")
_GEOMETRIES = {
    "Point", "LineString", "Polygon", "MultiPoint", "MultiLineString", "MultiPolygon", "GeometryCollection",
}  # fmt: skip
#: What only a feature set of an ArcGIS service says of itself (ArcGIS REST API, "featureSet object").
_ESRI = {"geometryType", "spatialReference", "fieldAliases", "objectIdFieldName", "displayFieldName", "fields"}
_RECORD_SEPARATOR = "\x1e"  # RFC 8142


@lru_cache(maxsize=8)
def shape(probe: Probe) -> Shape:
    """The shape of a JSON file; "" where it is none."""
    text = probe.text.lstrip(_RECORD_SEPARATOR + " \r\n\t")
    if probe.suffix in _NOT_JSON or not probe.is_text:
        return ""
    if not text:
        return "lines" if probe.suffix in _LINES else ""
    if text[0] not in "{[" and probe.suffix not in (".json", *_LINES):
        return ""
    try:
        first, end = json.JSONDecoder().raw_decode(text)
    except (ValueError, RecursionError):
        return _shape_of_beginning(probe, text)
    rest = text[end:]
    follows = re.match(r"[ \t]*\r?\n\s*[{\[\x1e]", rest)
    if probe.suffix in _LINES or probe.text.startswith(_RECORD_SEPARATOR) or follows:
        kind = _kind(first)
        if kind in ("CityJSON", "CityJSONFeature"):
            return "CityJSON lines"
        if kind == "FeatureCollection" and not rest.strip():
            return "geojson"
        return "geojson lines" if kind == "Feature" else "lines"
    if isinstance(first, list):
        return "array"
    return _document(_kind(first)) or ("ESRI JSON" if _is_esri(first) else "value")


def _is_esri(value: Any) -> bool:
    """Whether a value is a feature set of an ArcGIS service: records with attributes, or described as such."""
    if not isinstance(value, dict) or "type" in value or not isinstance(value.get("features"), list):
        return False
    records = [record for record in value["features"][:10] if isinstance(record, dict)]
    return any("attributes" in record for record in records) if value["features"] else not _ESRI.isdisjoint(value)


def _shape_of_beginning(probe: Probe, text: str) -> Shape:
    """The shape where the first value is longer than the opening, or broken."""
    if text.startswith("["):
        return "array"
    if re.search(r'"CityObjects"\s*:', text):  # its type may stand behind them
        return "CityJSON lines" if probe.suffix in _LINES else "CityJSON"
    kinds = re.findall(r'"type"\s*:\s*"(\w+)"', text)
    for kind in ("FeatureCollection", "CityJSON", "Topology"):
        if kind in kinds:
            return _document(kind) or "value"
    if probe.suffix in _LINES:
        return "geojson lines" if kinds[:1] == ["Feature"] else "lines"
    if re.search(r'"attributes"\s*:\s*\{', text) and (
        re.match(r'\{\s*"features"', text) or any(f'"{name}"' in text for name in _ESRI)
    ):
        return "ESRI JSON"
    begins = re.match(r'\{\s*"type"\s*:\s*"(\w+)"', text)
    if probe.suffix == ".geojson":
        return "geojson"
    return (_document(begins.group(1)) if begins else "") or "value"


def _kind(value: Any) -> str:
    """The GeoJSON (or CityJSON, TopoJSON) type of a value; "" for anything else."""
    if not isinstance(value, dict) or not isinstance(value.get("type"), str):
        return ""
    kind: str = value["type"]
    members = {"FeatureCollection": "features", "Feature": "geometry", "Topology": "objects"}
    members |= {"CityJSON": "CityObjects", "CityJSONFeature": "CityObjects"}
    if kind in _GEOMETRIES:
        return kind if "coordinates" in value or "geometries" in value else ""
    return kind if members.get(kind) in value else ""


def _document(kind: str) -> Shape:
    if kind in ("CityJSON", "CityJSONFeature"):
        return "CityJSON" if kind == "CityJSON" else "CityJSON lines"
    if kind == "Topology":
        return "TopoJSON"
    return "geojson" if kind in {"FeatureCollection", "Feature", *_GEOMETRIES} else ""
