"""ESRI File Geodatabase: a folder of tables. GDAL reads the layers; what the tables are for is read here.

GDAL's OpenFileGDB lists layers and tables alone. Aliases, domains and what else lies in a
geodatabase (rasters, topologies) stand in its catalogue, the table GDB_Items, as XML.
"""

from __future__ import annotations

import struct
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa

from cimkit.errors import SourceError
from cimkit.formats.dataset import Dataset, Delivery, Stream
from cimkit.formats.gdal.kinds import taught
from cimkit.formats.gdal.layer import GdalLayer, gdal_layers, gdal_path, refuse_encoding, told
from cimkit.formats.probe import Probe
from cimkit.formats.registry import Wishes
from cimkit.model import Hint

#: Kinds of items that are no tables, by the ids of GDB_ItemTypes.
_UNREAD = {
    "5ED667A3-9CA9-44A2-8029-D95BF23704B9": "raster dataset",
    "35B601F7-45CE-4AFF-ADB7-7702D3839B12": "raster catalog",
    "F8413DCB-2248-4935-BFE9-315F397E5110": "mosaic dataset",
    "767152D3-ED66-4325-8774-420D46674E07": "topology",
    "73718A66-AFB9-4B88-A551-CFFA0AE12620": "geometric network",
    "7771FC7D-A38B-4FD3-8225-639D17E9A131": "network dataset",
    "76357537-3364-48AF-A4BE-783C7C28B5CB": "terrain",
    "A3803369-5FC2-4963-BAE0-13EFFC09DD73": "parcel fabric",
}
_RELATIONSHIP = "B606A7E1-FA5B-439C-849C-6E9C2481537B"
_TABLES = {"70737809-852C-4A03-9E22-2CECEA5B9BFA", "CD06BC3B-789D-4C51-AAFA-A467912B8965"}
_MOST_LISTED = 12


@dataclass
class _Table:
    """What the catalogue says of one table: alias, width and domain of its columns."""

    aliases: dict[str, str] = field(default_factory=dict)
    widths: dict[str, int] = field(default_factory=dict)
    domains: dict[str, str] = field(default_factory=dict)


def layers(probe: Probe, format: str, wishes: Wishes) -> Dataset:
    """The feature classes and tables of a geodatabase."""
    refuse_encoding(probe, format, wishes)
    taught()
    files = tuple(sorted(p for p in probe.path.iterdir() if p.is_file() and p.suffix != ".lock"))
    for file in files:
        if file.suffix == ".gdbtable":
            _refuse_cut(file)
    delivery = Delivery(probe.path, format, files)
    names = gdal_layers(delivery)
    tables, domains, hints = _catalogue(delivery)
    missing = sorted(set(tables) - set(names))
    if missing:
        raise SourceError(
            f"{probe.path} is damaged: its catalogue names {', '.join(missing)}, which cannot be opened.",
            hint="A geodatabase is a folder of many files; copy all of them again.",
        )
    found = [FileGdbLayer(delivery, name, wishes, tables.get(name, _Table()), domains) for name in names]
    return Dataset(delivery, tuple(found), tuple(hints))


def _refuse_cut(path: Path) -> None:
    """Raise SourceError where a table is shorter than its header says, which GDAL may read as an empty one.

    Bytes 24..31 are the size of the file (E. Rouault, "FGDB spec", .gdbtable header).
    """
    with path.open("rb") as handle:
        head = handle.read(40)
    size = path.stat().st_size
    promised = struct.unpack_from("<Q", head, 24)[0] if len(head) == 40 else 40
    if size < promised:
        raise SourceError(
            f"{path} is cut off: its header promises {promised} bytes, but only {size} are there.",
            hint="A geodatabase is a folder of many files; copy all of them again.",
        )


def _catalogue(delivery: Delivery) -> tuple[dict[str, _Table], dict[str, str], list[Hint]]:
    """Tables by name, domains by name as people read them, and hints on what is not read."""
    tables, domains = {}, {}
    hints = []
    for item in _items(delivery):
        kind = str(item.get("Type") or "").strip("{}").upper()
        name = str(item.get("Name") or "")
        definition = _xml(item.get("Definition"))
        if kind in _UNREAD:
            hints.append(Hint("source.unread", f"The {_UNREAD[kind]} '{name}' is not read."))
        elif kind == _RELATIONSHIP:
            hints.append(Hint("source.relationship", _relationship(name, definition)))
        elif kind in _TABLES:
            tables[name] = _table(definition)
        elif definition is not None and definition.tag.rpartition("}")[2].startswith(("GPCodedValue", "GPRange")):
            domains[name] = _domain(definition)
    return tables, domains, hints


def _items(delivery: Delivery) -> list[dict[str, Any]]:
    from pyogrio.raw import open_arrow

    wanted: dict[str, Any] = {"columns": ["Type", "Name", "Definition"], "read_geometry": False, "use_pyarrow": True}
    with told(delivery, []), gdal_path(delivery) as path:
        try:
            with open_arrow(path, layer="GDB_Items", **wanted) as (_, table):
                items: list[dict[str, Any]] = table.read_all().to_pylist()
                return items
        except ValueError:  # geodatabases of ArcGIS 9 keep no such table
            return []


def _xml(text: Any) -> ET.Element | None:
    """A definition; None where there is none, or one that is no plain XML."""
    if not text or "<!DOCTYPE" in text:
        return None
    try:
        return ET.fromstring(text)
    except ET.ParseError:
        return None


def _said(element: ET.Element, name: str) -> str:
    return (element.findtext(name) or "").strip()


def _table(definition: ET.Element | None) -> _Table:
    table = _Table()
    for column in definition.iter("GPFieldInfoEx") if definition is not None else ():
        name, alias, length = (_said(column, tag) for tag in ("Name", "AliasName", "Length"))
        if alias and alias != name:
            table.aliases[name] = alias
        if length.isdigit() and _said(column, "FieldType") == "esriFieldTypeString":
            table.widths[name] = int(length)
        if _said(column, "DomainName"):
            table.domains[name] = _said(column, "DomainName")
    return table


def _domain(definition: ET.Element) -> str:
    codes = [f"{_said(code, 'Code')} = {_said(code, 'Name')}" for code in definition.iter("CodedValue")]
    if codes:
        more = f", … ({len(codes)} in all)" if len(codes) > _MOST_LISTED else ""
        return ", ".join(codes[:_MOST_LISTED]) + more
    return f"{_said(definition, 'MinValue')} to {_said(definition, 'MaxValue')}"


def _relationship(name: str, definition: ET.Element | None) -> str:
    if definition is None:
        return f"The relationship '{name}' is not read."
    ends = [
        ", ".join(each.text or "" for each in definition.iter(end) for each in each.iter("Name"))
        for end in ("OriginClassNames", "DestinationClassNames")
    ]
    return f"The relationship '{name}' leads from {ends[0] or '?'} to {ends[1] or '?'}; it is not read."


class FileGdbLayer(GdalLayer):
    """One feature class or table."""

    def __init__(self, delivery: Delivery, name: str, wishes: Wishes, table: _Table, domains: dict[str, str]) -> None:
        super().__init__(delivery, name, wishes)
        self._table = table
        self._domains = domains

    def _stream(self, meta: dict[str, Any], reader: pa.RecordBatchReader, hints: list[Hint]) -> Stream:
        hints.extend(self._told(set(reader.schema.names)))
        return super()._stream(meta, reader, hints)

    def _told(self, names: set[str]) -> Iterator[Hint]:
        aliases = [f"{name} = {alias}" for name, alias in self._table.aliases.items() if name in names]
        if aliases:
            yield Hint("names.alias", f"Columns have aliases: {', '.join(aliases)}.")
        for name, domain in self._table.domains.items():
            values = self._domains.get(domain)
            listed = f": {values}" if values else ", which is missing"
            yield Hint("values.domain", f"'{name}' holds values of the domain '{domain}'{listed}.")

    def _widths(self, schema: pa.Schema) -> dict[str, int]:
        return {**self._table.widths, **super()._widths(schema)}
