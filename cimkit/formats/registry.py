"""Which formats there are, and how a file shows that it is one: one line per family."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Protocol

from cimkit import crs as crs_names
from cimkit import text
from cimkit.errors import UsageError
from cimkit.formats import json_shape
from cimkit.formats.dataset import Dataset
from cimkit.formats.probe import Probe, look
from cimkit.formats.strangers import stranger


@dataclass(frozen=True)
class Wishes:
    """What the user said about a source, against what the file says: canonical names, or None."""

    encoding: str | None = None
    crs: str | None = None


class Family(Protocol):
    """What the module of a format family offers."""

    def layers(self, probe: Probe, format: str, wishes: Wishes) -> Dataset: ...


@dataclass(frozen=True)
class Format:
    """One readable format: how it is recognised, and the module that reads it (imported when needed)."""

    suffixes: tuple[str, ...]
    module: str
    sniff: Callable[[Probe], bool]

    def read(self, probe: Probe, name: str, wishes: Wishes) -> Dataset:
        family: Family = import_module(f"cimkit.formats.{self.module}")
        return family.layers(probe, name, wishes)


def _is_geopackage(probe: Probe) -> bool:
    # The application id stands at byte 68 (GeoPackage 1.3, requirement 2); not all writers set it.
    named = probe.head[68:72] in (b"GPKG", b"GP10", b"GP11") or probe.suffix == ".gpkg"
    return probe.head.startswith(b"SQLite format 3\0") and named


def _json_shape(*shapes: str) -> Callable[[Probe], bool]:
    def sniff(probe: Probe) -> bool:
        return json_shape.shape(probe) in shapes

    return sniff


#: Every readable format by name. Order matters only where two could take the same bytes.
FORMATS: dict[str, Format] = {
    "ESRI Shapefile": Format((".shp",), "shapefile", lambda p: p.head[:4] == b"\0\0\x27\x0a" and p.suffix != ".shx"),
    "GPKG": Format((".gpkg",), "geopackage", _is_geopackage),
    "FlatGeobuf": Format((".fgb",), "flatgeobuf", lambda p: p.head.startswith(b"fgb")),
    "KML": Format((".kml",), "kml", lambda p: p.xml_root == "kml"),
    "OSM": Format((".osm", ".pbf"), "osm", lambda p: p.xml_root == "osm" or b"OSMHeader" in p.head[:64]),
    "Parquet": Format((".parquet", ".geoparquet"), "geoparquet", lambda p: p.head.startswith(b"PAR1")),
    "XLSX": Format((".xlsx", ".xlsm"), "xlsx", lambda p: "xl/workbook.xml" in p.members),
    "GeoJSON": Format((".geojson",), "geojson", _json_shape("geojson")),
    "GeoJSONSeq": Format((".geojsonl", ".geojsons"), "geojson", _json_shape("geojson lines")),
    "JSON": Format((".json",), "json_records", _json_shape("array", "value")),
    "JSONL": Format((".jsonl", ".ndjson"), "json_records", _json_shape("lines")),
    "CSV": Format(
        (".csv", ".tsv", ".tab", ".psv", ".txt"),
        "csv",
        lambda p: p.is_text and p.suffix in (".csv", ".tsv", ".tab", ".psv", ".txt"),
    ),
}


def open(source: str | Path, *, encoding: str | None = None, crs: str | None = None) -> Dataset:
    """Open a file, finding its format by its content.

    Args:
        source: the path of a file. It is only read, and nothing is written beside it.
        encoding: the character encoding, against what the file says (Shapefile, CSV).
        crs: the CRS, against what the file says ("EPSG:4547", WKT, "GCJ-02").

    Raises:
        SourceError: the file cannot be read; the message says why and the hint what to try.
        UsageError: the encoding or the CRS is unknown.
    """
    wishes = Wishes(_known_encoding(encoding), crs_names.canonical(crs) if crs else None)
    suffixes = tuple(suffix for format in FORMATS.values() for suffix in format.suffixes)
    probe = look(Path(source), suffixes)
    for name, format in FORMATS.items():
        if format.sniff(probe):
            return format.read(probe, name, wishes)
    raise stranger(probe, tuple(FORMATS))


def _known_encoding(encoding: str | None) -> str | None:
    if encoding is None:
        return None
    known = text.named(encoding.removesuffix("-sig"))  # Python's name for UTF-8 with a byte order mark
    if known is None:
        raise UsageError(
            f"There is no character encoding '{encoding}'.", hint="For example UTF-8, GB18030, Big5, windows-1252."
        )
    return known
