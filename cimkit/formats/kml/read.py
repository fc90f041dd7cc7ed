"""KML and KMZ: every Document or Folder that holds placemarks is a layer, always in WGS 84.

Not by GDAL: its LIBKML driver reads an ``int`` beyond 32 bits as 2147483647, adds twelve columns,
makes records of overlays and links, and holds the whole file in memory. Columns have GDAL's names
where they are KML's own (Name, description, timestamp …) and are there where any placemark of
the layer says more than the default; data have their own names. Declared number types are kept
where every value is written as such a number is, so that codes keep their zeros.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

import pyarrow as pa

from cimkit import text
from cimkit.errors import SourceError
from cimkit.formats.columns import JSON_MARK, arrange
from cimkit.formats.dataset import Dataset, Delivery, Layer, Stream
from cimkit.formats.kml.archive import KmlDocument, contents
from cimkit.formats.kml.placemarks import DEFAULTS, OWN, Placemark, Reading, geometry
from cimkit.formats.probe import Probe
from cimkit.formats.registry import Wishes
from cimkit.model import Evidence, Hint, Reject

#: More folders than this are read as one layer, with their names in a column.
MOST_LAYERS = 200
_MOST_COLUMNS = 5_000
_MOST_VALUES = 20_000
_BATCH_BYTES = 32 << 20
_FOLDER = "folder"
_GEOMETRY = "geometry"
_WGS84 = Evidence("EPSG:4326", "KML is always WGS 84", 1.0)
_HTML = re.compile(r"<table", re.IGNORECASE)

_WHOLE = re.compile(r"-?(?:0|[1-9]\d{0,17})")
_NUMBER = re.compile(r"-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?")
_FLAGS = {"true": True, "false": False, "1": True, "0": False}
_Values = Callable[[str], Any]
#: The types a Schema declares: as Arrow has them, whether a text is written so, and its value.
_TYPES: dict[str, tuple[pa.DataType, _Values, _Values]] = {
    **dict.fromkeys(("int", "uint", "short", "ushort"), (pa.int64(), _WHOLE.fullmatch, int)),
    **dict.fromkeys(("float", "double"), (pa.float64(), _NUMBER.fullmatch, float)),
    "bool": (pa.bool_(), _FLAGS.get, _FLAGS.get),
}
Key = tuple[str, str]
#: What some programs say twice: as the label of a placemark and among its data.
_LABELS = {("own", "Name"), ("own", "description")}


@dataclass
class _Columns:
    """What one layer's placemarks say: each key, and whether its values are all of the declared type."""

    rows: int = 0
    fits: dict[Key, bool] = field(default_factory=dict)
    telling: set[Key] = field(default_factory=set)  # of KML's own: those that say more than the default
    labels: dict[Key, bool] = field(default_factory=dict)  # Name, description: whether data say the same everywhere
    tables: int = 0  # descriptions with a table of HTML in them

    def add(self, values: dict[Key, str | None]) -> None:
        self.rows += 1
        for key in _LABELS & values.keys():
            data = next((k for k in values if k[0] != "own" and k[1].lower() == key[1].lower()), None)
            self.labels[key] = self.labels.get(key, True) and data is not None and values[data] == values[key]
        for key, value in values.items():
            kind, name = key
            if kind == "own":
                if value is not None and value != DEFAULTS.get(name, "") and (value or name in ("Name", "description")):
                    self.telling.add(key)
                self.fits.setdefault(key, False)
                if name == "description" and value and _HTML.search(value):
                    self.tables += 1
            elif kind in _TYPES:
                declared = _TYPES[kind][1]
                good = not value or declared(value.strip()) is not None
                self.fits[key] = self.fits.get(key, True) and good
            else:
                self.fits.setdefault(key, False)

    def keys(self) -> list[Key]:
        """KML's own columns in their order, then the data in order of appearance."""
        said = [key for key in self.fits if key[0] == "own" and key in self.telling and not self.labels.get(key)]
        own = [("own", name) for name in OWN if ("own", name) in said]
        return own + [key for key in self.fits if key not in own and (key[0] != "own" or key in said)]


@dataclass
class _Survey:
    """One document, read once: its containers with their columns, and what is not read of it."""

    document: KmlDocument
    encoding: Evidence
    reading: Reading
    columns: dict[int, _Columns]


def layers(probe: Probe, format: str, wishes: Wishes) -> Dataset:
    """The layers of a KML or KMZ file."""
    found = contents(probe)
    delivery = Delivery(probe.path, format, (probe.path,))
    surveys = [_survey(document, wishes) for document in found.documents]
    made: list[Layer] = []
    several = sum(bool(survey.columns) for survey in surveys) > 1
    for survey in surveys:
        prefix = f"{survey.document.stem}/" if several else ""
        # A document without a name is called like its file; doc.kml like the KMZ.
        fallback = survey.document.stem if several or not probe.members else probe.path.stem
        if len(survey.columns) > MOST_LAYERS:
            together = _Columns()
            for columns in survey.columns.values():
                _merge(together, columns)
            made.append(KmlLayer(delivery, prefix + fallback, wishes, survey, None, together))
            continue
        names = _names(survey, fallback)
        made += [
            KmlLayer(delivery, prefix + names[number], wishes, survey, number, columns)
            for number, columns in survey.columns.items()
        ]
    return Dataset(delivery, tuple(made), tuple(_hints(surveys, found.pictures, found.models)))


def _merge(together: _Columns, columns: _Columns) -> None:
    together.rows += columns.rows
    together.tables += columns.tables
    together.telling |= columns.telling
    for key, same in columns.labels.items():
        together.labels[key] = together.labels.get(key, True) and same
    for key, fits in columns.fits.items():
        together.fits[key] = together.fits.get(key, True) and fits


def _names(survey: _Survey, fallback: str) -> dict[int, str]:
    """The name of each container with placemarks: its own, the way to it where that is not enough, or with a number."""
    containers = survey.reading.containers
    own = {number: containers[number].name or fallback for number in survey.columns}
    twice = {name for name in own.values() if list(own.values()).count(name) > 1}
    names: dict[int, str] = {}
    for number, name in own.items():
        wanted = "/".join(containers[number].path) or fallback if name in twice else name
        new, count = wanted, 2
        while new in names.values():
            new, count = f"{wanted} ({count})", count + 1
        names[number] = new
    return names


def _survey(document: KmlDocument, wishes: Wishes) -> _Survey:
    encoding = _encoding(document, wishes)
    survey = _surveyed(document, encoding, {}, wishes)
    late = survey.reading.unknown & survey.reading.schemas.keys()
    # Where schemas stand behind the data, the data are understood on a second look.
    return _surveyed(document, encoding, survey.reading.schemas, wishes) if late else survey


def _surveyed(document: KmlDocument, encoding: Evidence, schemas: dict[str, dict[str, str]], wishes: Wishes) -> _Survey:
    reading = Reading(document.shown, schemas=schemas)
    columns: dict[int, _Columns] = {}
    with document.opened() as raw:
        try:
            for placemark in reading.placemarks(raw, _forced(encoding)):
                known = columns.setdefault(placemark.container.number, _Columns())
                known.add(placemark.values)
                if len(known.fits) > _MOST_COLUMNS:
                    raise SourceError(f"{document.shown} has more than {_MOST_COLUMNS} different data names.")
        except SourceError:
            if not wishes.salvage:
                raise
    if not columns and reading.schemas:  # a layer without records, as its writer described it
        fields = next(iter(reading.schemas.values()))
        named = next((c for c in reversed(reading.containers) if c.name), reading.containers[-1])
        columns[named.number] = _Columns(fits={(kind, name): True for name, kind in fields.items()})
    return _Survey(document, encoding, reading, columns)


def _encoding(document: KmlDocument, wishes: Wishes) -> Evidence:
    """The declared encoding, which the bytes have to bear out; UTF-8 where none is declared (XML 1.0, 4.3.3)."""
    with document.opened() as raw:
        head = raw.read(1024)
    if head[:2] in (b"\xff\xfe", b"\xfe\xff") or head[:4] in (b"<\0?\0", b"\0<\0?"):
        return Evidence("UTF-16", "byte order mark" if head[0] > 0x7F else "first bytes", 1.0)
    said = re.match(rb"(?:\xef\xbb\xbf)?\s*<\?xml[^>]*\bencoding\s*=\s*[\"']([\w.-]+)", head)
    declared = wishes.encoding or (said.group(1).decode("ascii") if said else "UTF-8")
    with document.opened() as raw:
        found = text.probe(islice((line for line in raw if not line.isascii()), _MOST_VALUES), declared)
    return Evidence(wishes.encoding, "given", 1.0) if wishes.encoding else found


def _forced(encoding: Evidence) -> str | None:
    """The encoding as libxml2 is told it; UTF-16 and its byte order it finds by itself."""
    return None if encoding.value in (None, "UTF-16") else encoding.value


def _hints(surveys: list[_Survey], pictures: int, models: int) -> Iterator[Hint]:
    for survey in surveys:
        links = survey.reading.links
        if links:
            listed = ", ".join(f"'{link[:80]}'" for link in links[:5]) + (", …" if len(links) > 5 else "")
            yield Hint("kml.links", f"Links to other files are not followed ({len(links)}): {listed}.")
        overlays = {name: count for name, count in survey.reading.left_out.items() if name != "NetworkLink"}
        if overlays:
            listed = ", ".join(f"{count} {name}" for name, count in overlays.items())
            yield Hint("kml.left_out", f"What is no placemark is not read: {listed}.")
        if len(survey.columns) > MOST_LAYERS:
            message = (
                f"Placemarks stand in {len(survey.columns)} folders, so they are one layer with the column '{_FOLDER}'."
            )
            yield Hint("kml.folders", message)
    if pictures or models:
        yield Hint("kml.pictures", f"In the archive are {pictures} pictures and {models} 3D models that are not read.")


class KmlLayer(Layer):
    """The placemarks of one Document or Folder (those in folders inside it are layers of their own), or of all."""

    def __init__(
        self,
        delivery: Delivery,
        name: str,
        wishes: Wishes,
        survey: _Survey,
        container: int | None,
        columns: _Columns,
    ) -> None:
        super().__init__(delivery, name, crs=wishes.crs)
        self.text_cells = True
        self._survey = survey
        self._container = container
        self._columns = columns
        self._salvage = wishes.salvage

    @contextmanager
    def _open(self, batch_size: int) -> Iterator[Stream]:
        keys = self._columns.keys()
        fields = [_field(key, self._columns.fits[key]) for key in keys]
        if self._container is None:
            fields.append(pa.field(_FOLDER, pa.string()))
        fields += [pa.field("fid", pa.string()), pa.field(_GEOMETRY, pa.binary())]
        source = pa.schema(fields)
        last = len(source) - 1
        arrangement = arrange(source, geometry=last, fid=last - 1, drop=[last - 1])
        hints = list(arrangement.hints)
        if self._columns.tables:
            message = f"{self._columns.tables} descriptions hold a table of HTML: its values are no columns."
            hints.append(Hint("kml.html_tables", message))
        rejected: list[Reject] = []
        yield Stream(
            schema=arrangement.schema,
            batches=map(arrangement.apply, self._batches(keys, source, batch_size, hints, rejected)),
            crs=_WGS84,
            encoding=self._survey.encoding,
            hints=hints,
            total=self._columns.rows,
            rejected=rejected,
        )

    def _batches(
        self, keys: list[Key], schema: pa.Schema, batch_size: int, hints: list[Hint], rejected: list[Reject]
    ) -> Iterator[pa.RecordBatch]:
        import shapely

        rows: list[dict[Key, Any]] = []
        shapes: list[bytes | None] = []
        size = 0
        unbuilt: list[str] = []
        for number, placemark in enumerate(self._placemarks(rejected)):
            try:
                shape = geometry(placemark.element)
            except (ValueError, shapely.errors.GEOSException) as error:
                place = f"line {placemark.line}"
                unbuilt.append(f"{place}: {str(error).rstrip('.')}")
                if self._salvage:
                    rejected.append(Reject(number, place, f"Its geometry cannot be built: {error}."))
                shape = None
            path = "/".join(placemark.container.path)
            rows.append({**placemark.values, ("", "\0folder"): path})
            shapes.append(None if shape is None else shapely.to_wkb(shape, flavor="iso"))
            size += len(shapes[-1] or b"")
            if len(rows) >= batch_size or size > _BATCH_BYTES:
                yield _batch(keys, rows, shapes, schema)
                rows, shapes, size = [], [], 0
        if rows:
            yield _batch(keys, rows, shapes, schema)
        if unbuilt:
            message = f"{len(unbuilt)} placemarks have a geometry that cannot be built, the first in {unbuilt[0]}."
            hints.append(Hint("geometry.unbuilt", message))

    def _placemarks(self, rejected: list[Reject]) -> Iterator[Placemark]:
        document = self._survey.document
        reading = Reading(document.shown, schemas=self._survey.reading.schemas)
        left = self._columns.rows
        with document.opened() as raw:
            try:
                for placemark in reading.placemarks(raw, _forced(self._survey.encoding)):
                    if self._container not in (None, placemark.container.number):
                        continue
                    yield placemark
                    left -= 1
                    if not left and not self._salvage:
                        return  # the survey has seen the rest
            except SourceError as error:
                if not self._salvage:
                    raise
                rejected.append(Reject(None, "the rest of the file", str(error)))


def _field(key: Key, fits: bool) -> pa.Field:
    kind, name = key
    if kind == "json":
        return pa.field(name, pa.string(), metadata={JSON_MARK: b"true"})
    return pa.field(name, _TYPES[kind][0] if fits and kind in _TYPES else pa.string())


def _batch(
    keys: list[Key], rows: list[dict[Key, Any]], shapes: list[bytes | None], schema: pa.Schema
) -> pa.RecordBatch:
    arrays = []
    for key, given in zip(keys, schema, strict=False):
        values = [row.get(key) for row in rows]
        if not pa.types.is_string(given.type):
            made = _TYPES[key[0]][2]
            values = [made(value.strip()) if value else None for value in values]
        arrays.append(pa.array(values, given.type))
    if len(schema) > len(keys) + 2:
        arrays.append(pa.array([row["", "\0folder"] for row in rows], pa.string()))
    arrays.append(pa.array([row.get(("own", "id")) for row in rows], pa.string()))
    arrays.append(pa.array(shapes, pa.binary()))
    return pa.RecordBatch.from_arrays(arrays, schema=schema)
