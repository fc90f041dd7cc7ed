"""GTFS timetables (gtfs.org, Schedule Reference), zipped or as a folder: each file is a layer of text cells.

Stops are points; of shapes.txt each shape is one line, its points in order of their sequence.
Coordinates are WGS 84, as the reference says.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from cimkit import duck
from cimkit.errors import SourceError
from cimkit.formats.columns import FID, GEOMETRY
from cimkit.formats.dataset import Dataset, Delivery, Layer, Stream
from cimkit.formats.probe import Probe, look
from cimkit.formats.registry import Wishes
from cimkit.formats.tables import gtfs_reference as reference
from cimkit.formats.tables.content import Content
from cimkit.formats.tables.csv import CsvLayer
from cimkit.formats.tables.csv_dialect import MOST_COLUMNS, Dialect, encoding_of, records_of
from cimkit.formats.tables.headers import Header
from cimkit.model import Evidence, Hint, Reject

_WGS84 = Evidence("EPSG:4326", "GTFS is always WGS 84", 1.0)
#: What a member may unpack to: more than any feed's stop_times has.
_MOST_BYTES = 16 << 30
_MOST_RATIO = 400
_UNSUSPECTED_BYTES = 64 << 20


def layers(probe: Probe, format: str, wishes: Wishes) -> Dataset:
    """The files of a feed, in the order of the reference, then those that it does not know."""
    prefix = reference.feed_folder(probe)
    assert prefix is not None, "the sniffer found a feed"
    members = _members(probe, prefix)
    files = tuple(sorted(content.path for content in members.values())) if probe.is_folder else (probe.path,)
    delivery = Delivery(probe.path, format, files)
    known = {name for name in members if name.endswith(".txt") or name == reference.LOCATIONS}
    hints = reference.missing_files(known)
    made: list[Layer] = []
    rejected: list[Reject] = []
    order = [*(name for name in reference.FIELDS if name in known), *sorted(known - set(reference.FIELDS))]
    for name in order:
        content = members[name]
        try:
            if name == reference.LOCATIONS:
                made += _locations(content, wishes)
                continue
            made.append(_layer(delivery, name, content, wishes))
        except SourceError as error:
            if name in reference.FIELDS and not wishes.salvage and "no header line" not in str(error):
                raise
            rejected.append(Reject(None, name, str(error)))
    return Dataset(delivery, tuple(made), tuple(hints), unread=tuple(rejected))


def _members(probe: Probe, prefix: str) -> dict[str, Content]:
    if probe.is_folder:
        names = [name for name in probe.entries if "/" not in name]
        return {name: Content(probe.path / name) for name in names}
    import zipfile

    found = {}
    with zipfile.ZipFile(probe.path) as archive:
        for entry in archive.infolist():
            path = PurePosixPath(entry.filename)
            if entry.is_dir() or str(path.parent).removeprefix(".") != prefix:
                continue
            swollen = entry.file_size > max(_UNSUSPECTED_BYTES, _MOST_RATIO * max(entry.compress_size, 1))
            if entry.file_size > _MOST_BYTES or swollen:
                raise SourceError(f"{probe.path}: {entry.filename} unpacks to {entry.file_size:,} bytes.")
            found[path.name] = Content(probe.path, entry.filename)
    return found


def _layer(delivery: Delivery, file: str, content: Content, wishes: Wishes) -> Layer:
    encoding = encoding_of(content, wishes.encoding)
    dialect = _dialect(content, encoding.value or "UTF-8")
    hints = reference.missing_fields(file, dialect.header.names)
    if encoding.value != "UTF-8":
        hints.append(Hint("gtfs.encoding", f"{file} is {encoding.value}; the reference asks for UTF-8."))
    table = GtfsTable(delivery, file.removesuffix(".txt"), wishes, content, encoding, dialect, hints)
    if file == "stops.txt" and {"stop_lat", "stop_lon"} <= set(dialect.header.names):
        return StopLayer(table, wishes)
    if file == "shapes.txt" and set(reference.FIELDS[file]) <= set(dialect.header.names):
        return ShapeLayer(table, wishes)
    return table


def _dialect(content: Content, encoding: str) -> Dialect:
    """Commas and a first line of names, as the reference says; nothing is guessed."""
    opening = content.head(1 << 18).decode(encoding, errors="replace").lstrip("\ufeff")
    records = (record for record in records_of(opening, ",") if any(cell.strip() for cell in record.cells))
    first = next(records, None)
    if first is None:
        raise SourceError(f"{content.shown} holds no header line.", hint="The first line must name the columns.")
    names = tuple(name.strip() for name in first.cells)
    if len(names) > MOST_COLUMNS:
        raise SourceError(f"{content.shown} has {len(names):,} columns, more than {MOST_COLUMNS:,}.")
    rows = next(records, None) is not None or len(opening.encode()) >= 1 << 18 or content.size() > 1 << 18
    return Dialect(",", Header(0, 1, 1, names), first.end, any_rows=rows)


class GtfsTable(CsvLayer):
    """A file of a feed: text cells without spaces around them."""

    def __init__(
        self,
        delivery: Delivery,
        name: str,
        wishes: Wishes,
        content: Content,
        encoding: Evidence,
        dialect: Dialect,
        hints: list[Hint],
    ) -> None:
        super().__init__(delivery, name, wishes, content, encoding, dialect)
        self._missing = hints

    @contextmanager
    def _open(self, batch_size: int) -> Iterator[Stream]:
        with super()._open(batch_size) as stream:
            hints = stream.hints
            hints[:] = [*self._missing, *(hint for hint in hints if hint.code != "table.geometry")]
            yield replace(stream, batches=(_trimmed(batch) for batch in stream.batches))


def _trimmed(batch: pa.RecordBatch) -> pa.RecordBatch:
    arrays = []
    for array in batch.columns:
        text = pc.utf8_trim_whitespace(array)
        arrays.append(pc.if_else(pc.equal(text, ""), pa.scalar(None, pa.string()), text))
    return pa.RecordBatch.from_arrays(arrays, schema=batch.schema)


class StopLayer(Layer):
    """The stops of a feed as points; one without coordinates, as a node of a station may be, has none."""

    text_cells = True

    def __init__(self, table: GtfsTable, wishes: Wishes) -> None:
        super().__init__(table.delivery, table.name, crs=wishes.crs)
        self._table = table

    @contextmanager
    def _open(self, batch_size: int) -> Iterator[Stream]:
        with self._table.stream(batch_size) as stream:
            place = len(stream.schema) - 1
            schema = stream.schema.insert(place, pa.field(GEOMETRY, pa.binary()))

            def batches() -> Iterator[pa.RecordBatch]:
                for batch in stream.batches:
                    points = _points(batch.column("stop_lon"), batch.column("stop_lat"))
                    arrays = [*batch.columns[:place], points, batch.columns[place]]
                    yield pa.RecordBatch.from_arrays(arrays, schema=schema)

            yield replace(stream, schema=schema, batches=batches(), crs=_WGS84, declared_kind="Point")


def _numbers(array: pa.Array) -> NDArray[np.float64]:
    """Text as numbers, NaN where it is none."""
    good = pc.match_substring_regex(pc.fill_null(array, ""), r"^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$")
    numbers = pc.if_else(good, array, pa.scalar(None, pa.string())).cast(pa.float64())
    return numbers.to_numpy(zero_copy_only=False)


def _points(lon: pa.Array, lat: pa.Array) -> pa.Array:
    import shapely

    x, y = _numbers(lon), _numbers(lat)
    points = np.full(len(x), None, dtype=object)
    there = np.isfinite(x) & np.isfinite(y)
    points[there] = shapely.to_wkb(shapely.points(x[there], y[there]))
    return pa.array(points, pa.binary(), from_pandas=True)


@dataclass
class _Line:
    """What of a shape has been read so far."""

    shape: str | None
    points: list[NDArray[np.float64]]


class ShapeLayer(Layer):
    """The shapes of a feed as lines: ``shape_id`` and how many points there are, in order of first appearance."""

    text_cells = True

    def __init__(self, table: GtfsTable, wishes: Wishes) -> None:
        super().__init__(table.delivery, table.name, crs=wishes.crs)
        self._table = table

    @contextmanager
    def _open(self, batch_size: int) -> Iterator[Stream]:
        schema = pa.schema(
            [
                pa.field("shape_id", pa.string()),
                pa.field("points", pa.int64()),
                pa.field(GEOMETRY, pa.binary()),
                pa.field(FID, pa.string()),
            ]
        )
        with self._table.stream() as stream:
            hints = stream.hints
            told = set(reference.FIELDS["shapes.txt"])
            others = [name for name in stream.schema.names if name not in told and name != FID]
            if others:
                message = f"Of the points of a shape, {', '.join(others)} is left out: a line has it for none of them."
                hints.append(Hint("gtfs.shape_columns", message))

            def batches() -> Iterator[pa.RecordBatch]:
                short = 0
                rows: list[tuple[str | None, int, bytes | None]] = []
                for row in self._lines(stream, hints):
                    short += row[2] is None
                    rows.append(row)
                    if len(rows) == batch_size:
                        yield _lines_batch(rows, schema)
                        rows = []
                if rows:
                    yield _lines_batch(rows, schema)
                if short:
                    hints.append(Hint("gtfs.short_shapes", f"{short} shapes have less than two points and no line."))

            yield replace(stream, schema=schema, batches=batches(), crs=_WGS84, declared_kind="LineString")

    def _lines(self, stream: Stream, hints: list[Hint]) -> Iterator[tuple[str | None, int, bytes | None]]:
        """(shape, points, line) of each shape; DuckDB sorts, since a feed need not."""
        with duck.connect() as con:
            points = pa.RecordBatchReader.from_batches(stream.schema, stream.batches)
            con.register("points", points)
            con.execute(
                """
                CREATE TEMP TABLE kept AS SELECT
                    shape_id, TRY_CAST(shape_pt_sequence AS BIGINT) AS place, row_number() OVER () AS number,
                    TRY_CAST(shape_pt_lon AS DOUBLE) AS x, TRY_CAST(shape_pt_lat AS DOUBLE) AS y
                FROM points
                """
            )
            unplaced = con.execute(
                "SELECT count(*) FROM kept WHERE NOT (isfinite(x) AND isfinite(y)) IS TRUE"
            ).fetchone()
            if unplaced and unplaced[0]:
                message = f"{unplaced[0]} points of shapes have no coordinates and are left out."
                hints.append(Hint("gtfs.points_without_place", message))
            reader = con.execute(
                """
                SELECT shape_id, x, y FROM kept
                JOIN (SELECT shape_id, min(number) AS first FROM kept GROUP BY shape_id) USING (shape_id)
                WHERE isfinite(x) AND isfinite(y) ORDER BY first, place NULLS LAST, number
                """
            ).to_arrow_reader(1 << 17)
            line = _Line(None, [])
            for batch in reader:
                for shape, coordinates in _runs(batch):
                    if line.points and shape != line.shape:
                        yield _line(line)
                        line = _Line(shape, [])
                    line.shape = shape
                    line.points.append(coordinates)
            if line.points:
                yield _line(line)


def _runs(batch: pa.RecordBatch) -> Iterator[tuple[str | None, NDArray[np.float64]]]:
    """The points of each shape that stand together in a batch."""
    shapes = pc.fill_null(batch.column(0), "").dictionary_encode().indices.to_numpy()
    coordinates = np.stack([batch.column(1).to_numpy(), batch.column(2).to_numpy()], axis=1)
    starts = np.flatnonzero(np.diff(shapes, prepend=-1))
    for start, stop in zip(starts, [*starts[1:], len(shapes)], strict=True):
        yield batch.column(0)[int(start)].as_py(), coordinates[start:stop]


def _line(line: _Line) -> tuple[str | None, int, bytes | None]:
    import shapely

    points = np.concatenate(line.points)
    made: Any = shapely.to_wkb(shapely.linestrings(points)) if len(points) > 1 else None
    return line.shape, len(points), made


def _lines_batch(rows: list[tuple[str | None, int, bytes | None]], schema: pa.Schema) -> pa.RecordBatch:
    arrays = [pa.array(column, f.type) for column, f in zip(zip(*rows, strict=True), list(schema)[:3], strict=True)]
    return pa.RecordBatch.from_arrays([*arrays, pa.nulls(len(rows), pa.string())], schema=schema)


# ---- areas of demand-responsive services ------------------------------------------------


def _locations(content: Content, wishes: Wishes) -> list[Layer]:
    """The layer of locations.geojson; out of a zip it is read from a private copy."""
    from cimkit.formats.archives import PrivateFolder
    from cimkit.formats.json import geojson

    path, folder = content.path, None
    if content.member is not None:
        folder = PrivateFolder()
        path = Path(folder.path, reference.LOCATIONS)
        with content.open() as source, path.open("wb") as target:
            shutil.copyfileobj(source, target)
    found = geojson.layers(look(path), "GeoJSON", replace(wishes, encoding=None)).layers
    for layer in found:
        layer.name = "locations"
        layer.delivery = replace(layer.delivery, keeps=folder)
    return list(found)
