"""SQLite databases with or without geometry: SpatiaLite, GDAL's own (FDO), and plain ones.

GDAL reads the geometry. SQLite keeps whatever is put into a column, and GDAL cuts what does not
fit the type it took the column for: 2^40 becomes 2147483647, 'x' becomes 0. So every column is
looked at first, and one that GDAL would change is taken from SQLite, in the type it has.

A plain reader of a database in WAL mode leaves -wal and -shm files beside it, and one with a
journal left behind is repaired by its reader. Such a database is read from a copy.
"""

from __future__ import annotations

import re
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from cimkit import wkb
from cimkit.duck import identifier
from cimkit.errors import SourceError
from cimkit.formats.columns import FID, JSON_MARK, NAME_MARK, Arrangement, arrange
from cimkit.formats.dataset import Dataset, Delivery, Stream
from cimkit.formats.gdal.layer import GdalLayer, gdal_path, refuse_encoding
from cimkit.formats.gdal.sqlite_values import fits, held_as, stored
from cimkit.formats.probe import Probe
from cimkit.formats.registry import Wishes
from cimkit.model import Evidence, Hint

#: Tables of SpatiaLite, GDAL and QGIS that are no data.
_BOOKKEEPING = frozenset(
    {
        "geometry_columns", "spatial_ref_sys", "spatialite_history", "spatial_ref_sys_aux", "views_geometry_columns",
        "virts_geometry_columns", "geometry_columns_statistics", "views_geometry_columns_statistics",
        "virts_geometry_columns_statistics", "geometry_columns_field_infos", "views_geometry_columns_field_infos",
        "virts_geometry_columns_field_infos", "geometry_columns_time", "geometry_columns_auth",
        "views_geometry_columns_auth", "virts_geometry_columns_auth", "data_licenses", "sql_statements_log",
        "spatialindex", "elementarygeometries", "knn", "knn2", "layer_styles", "qgis_projects", "layer_statistics",
        "views_layer_statistics", "virts_layer_statistics", "iso_metadata", "iso_metadata_reference",
        "rl2map_configurations", "se_vector_styles", "se_raster_styles", "raster_coverages", "vector_layers",
    }
)  # fmt: skip
#: What the names of SpatiaLite's own views begin with.
_OWN_VIEWS = ("vector_layers", "geom_cols", "spatial_ref_sys_", "raster_coverages_", "vector_coverages_")
_SHADOWS = ("_node", "_parent", "_rowid")
_GEOMETRY_NAMES = {"geometry", "geom", "wkb", "the_geom", "shape", "wkb_geometry"}
_LOOKED_AT = 1000
#: Names of keys that tools made up.
_PLAIN_KEY = re.compile(r"(ogc_)*fid|rowid|pk_?uid")


def layers(probe: Probe, format: str, wishes: Wishes) -> Dataset:
    """The tables of a database."""
    refuse_encoding(probe, format, wishes)
    beside = [probe.path.with_name(probe.path.name + suffix) for suffix in ("-journal", "-wal")]
    files = (probe.path, *(file for file in beside if file.is_file() and file.stat().st_size))
    delivery = Delivery(probe.path, format, files)
    still = len(files) == 1 and probe.head[18:20] != b"\2\2"  # file format versions: 2 is WAL
    names, hints = _tables(delivery, still)
    return Dataset(delivery, tuple(SqliteLayer(delivery, *name, wishes, still) for name in names), tuple(hints))


def _tables(delivery: Delivery, still: bool) -> tuple[list[tuple[str, str]], list[Hint]]:
    """Layers as (GDAL's name, table), and hints on what is not read."""
    with _opened(delivery, still) as database:
        listed = _ask(delivery, database, "SELECT name, type, coalesce(sql, '') FROM sqlite_master ORDER BY rowid")
        known = {str(name).lower() for name, kind, _ in listed if kind == "table"}
        places: dict[str, list[str]] = {}
        if "geometry_columns" in known:
            asked = "SELECT lower(f_table_name), f_geometry_column FROM geometry_columns ORDER BY rowid"
            for table, column in _ask(delivery, database, asked):
                places.setdefault(table, []).append(str(column))
    found, hints = [], []
    virtual = {str(name) for name, _, sql in listed if sql.lstrip().upper().startswith("CREATE VIRTUAL")}
    for name, kind, _ in listed:
        plain = str(name).lower()
        if kind == "view" and plain not in _BOOKKEEPING and not plain.startswith(_OWN_VIEWS):
            hints.append(Hint("source.unread", f"The view '{name}' is not read."))
        if kind != "table" or plain in _BOOKKEEPING or plain.startswith("sqlite_") or name in virtual:
            continue
        if any(plain == f"{each.lower()}{end}" for each in virtual for end in _SHADOWS):
            continue
        columns = places.get(plain, [])
        named = [f"{name}({column})" for column in columns] if len(columns) > 1 else [str(name)]
        found += [(each, str(name)) for each in named]
    return found, hints


@contextmanager
def _opened(delivery: Delivery, still: bool) -> Iterator[sqlite3.Connection]:
    """The database as SQLite reads it, from where it lies if nothing can change it."""
    with _where(delivery, still) as path:
        address = path.absolute().as_uri() + ("?mode=ro&immutable=1" if still else "")
        with closing(sqlite3.connect(address, uri=True)) as database:
            database.text_factory = lambda raw: raw.decode("utf-8", "replace")
            yield database


@contextmanager
def _where(delivery: Delivery, still: bool) -> Iterator[Path]:
    if still:
        with gdal_path(delivery) as path:
            yield path
        return
    with tempfile.TemporaryDirectory(prefix="cimkit-sqlite-") as folder:
        for file in delivery.files:
            shutil.copyfile(file, Path(folder, "source.sqlite" + file.name[len(delivery.path.name) :]))
        yield Path(folder, "source.sqlite")


def _ask(delivery: Delivery, database: sqlite3.Connection, question: str) -> list[tuple[Any, ...]]:
    try:
        return database.execute(question).fetchall()
    except (sqlite3.DatabaseError, UnicodeDecodeError) as error:
        raise SourceError(
            f"{delivery.path} cannot be read as an SQLite database: {error}.",
            hint="Was it copied or exported to the end?",
        ) from error


class SqliteLayer(GdalLayer):
    """One table of a database."""

    def __init__(self, delivery: Delivery, name: str, table: str, wishes: Wishes, still: bool) -> None:
        super().__init__(delivery, name, wishes)
        self._table = table
        self._still = still
        self._taken: dict[str, pa.DataType] = {}

    @contextmanager
    def _path(self) -> Iterator[Path]:
        with _where(self.delivery, self._still) as path:
            yield path

    @cached_property
    def _has_rowid(self) -> bool:
        with _opened(self.delivery, self._still) as database:
            try:
                database.execute(f"SELECT rowid FROM {identifier(self._table)} LIMIT 0")
            except sqlite3.OperationalError:
                return False
        return True

    def _stream(self, meta: dict[str, Any], reader: pa.RecordBatchReader, hints: list[Hint]) -> Stream:
        spatial = meta.get("geometry_type") is not None
        own = list(reader.schema)[1 : len(reader.schema) - spatial]
        with _opened(self.delivery, self._still) as database:
            self._taken = self._misread(database, own, hints)
            if not spatial:
                meta = self._with_wkb(database, meta, own, hints)
        return super()._stream(meta, reader, hints)

    def _misread(self, database: sqlite3.Connection, own: list[pa.Field], hints: list[Hint]) -> dict[str, pa.DataType]:
        """The columns that GDAL would change, with the type their values have; one of several types is JSON text."""
        if not own or not self._has_rowid:
            return {}
        table = identifier(self._table)
        wrong = [f"sum({identifier(f.name)} IS NOT NULL AND NOT {fits(f)})" for f in own]
        ((*counts,),) = _ask(self.delivery, database, f"SELECT {', '.join(wrong)} FROM {table}")
        taken = {}
        for field, count in zip(own, counts, strict=True):
            if not count:
                continue
            column = identifier(field.name)
            asked = f"SELECT DISTINCT typeof({column}) FROM {table} WHERE {column} IS NOT NULL"
            kinds = {str(kind) for (kind,) in _ask(self.delivery, database, asked)}
            taken[field.name] = held_as(kinds)
            if len(kinds) > 1 and kinds != {"integer", "real"}:
                listed = ", ".join(sorted(kinds))
                message = f"'{field.name}' holds values of several types ({listed}), and is read as JSON."
                hints.append(Hint("values.other_type", message))
        return taken

    def _with_wkb(
        self, database: sqlite3.Connection, meta: dict[str, Any], own: list[pa.Field], hints: list[Hint]
    ) -> dict[str, Any]:
        """A column of WKB for the geometry, where a plain table has one; a hint for one of WKT."""
        for field in own:
            column, table = identifier(field.name), identifier(self._table)
            named = field.name.lower() in _GEOMETRY_NAMES | {"wkt"}
            if not named or not (pa.types.is_binary(field.type) or pa.types.is_string(field.type)):
                continue
            asked = f"SELECT {column} FROM {table} WHERE {column} IS NOT NULL LIMIT {_LOOKED_AT}"
            values = [value for (value,) in _ask(self.delivery, database, asked)]
            if values and all(isinstance(value, bytes) for value in values) and field.name not in self._taken:
                kinds, _, _ = wkb.heads(pa.array(values, pa.binary()))
                if bool(np.isin(kinds, range(1, 18)).all()) and bool(wkb.sound(pa.array(values, pa.binary())).all()):
                    message = f"'{field.name}' is WKB and is read as the geometry; nothing says its CRS."
                    hints.append(Hint("geometry.wkb_column", message))
                    return {**meta, "geometry_type": "Unknown", "geometry_name": field.name, "crs": None}
            elif values and all(_like_wkt(value) for value in values):
                hints.append(Hint("geometry.wkt_column", f"'{field.name}' looks like WKT; it is read as text."))
        return meta

    def _arrange(self, meta: dict[str, Any], schema: pa.Schema) -> Arrangement:
        fields = [_field(f, self._taken[f.name]) if f.name in self._taken else f for f in schema]
        geometry = schema.get_field_index(meta["geometry_name"]) if meta.get("geometry_type") is not None else -1
        # A key with a name of its own is data; one that GDAL calls rowid is not.
        drop = [0] if _PLAIN_KEY.fullmatch(schema.field(0).name.lower()) else []
        return arrange(pa.schema(fields), geometry=geometry if geometry >= 0 else None, fid=0, drop=drop)

    def _batches(
        self, reader: pa.RecordBatchReader, arrangement: Arrangement, hints: list[Hint]
    ) -> Iterator[pa.RecordBatch]:
        if not self._taken:
            yield from super()._batches(reader, arrangement, hints)
            return
        with _opened(self.delivery, self._still) as database:
            # GDAL's own reading of these columns is put aside before it can fail on them.
            for batch in super()._batches(_blanked(reader, set(self._taken)), arrangement, hints):
                yield self._as_stored(database, batch) if batch.num_rows else batch

    def _as_stored(self, database: sqlite3.Connection, batch: pa.RecordBatch) -> pa.RecordBatch:
        fids = [int(fid) for fid in batch.column(batch.schema.get_field_index(FID)).to_pylist()]
        names = ", ".join(identifier(name) for name in self._taken)
        asked = f"SELECT rowid, {names} FROM {identifier(self._table)} WHERE rowid BETWEEN {min(fids)} AND {max(fids)}"
        rows = {fid: row for fid, *row in _ask(self.delivery, database, asked)}
        own = [(field.metadata or {}).get(NAME_MARK, field.name.encode()).decode() for field in batch.schema]
        for number, (name, kind) in enumerate(self._taken.items()):
            place = own.index(name)
            column = stored([rows[fid][number] for fid in fids], kind)
            batch = batch.set_column(place, batch.schema.field(place), column)
        return batch

    def _crs(self, found: str | None) -> Evidence:
        return super()._crs(found) if found else Evidence(None, "not declared", 1.0)


def _blanked(reader: pa.RecordBatchReader, names: set[str]) -> pa.RecordBatchReader:
    """The stream with nulls in these columns, as text."""
    schema = pa.schema([pa.field(f.name, pa.null()) if f.name in names else f for f in reader.schema])

    def batches() -> Iterator[pa.RecordBatch]:
        for batch in reader:
            columns = [pa.nulls(batch.num_rows) if f.name in names else column
                       for f, column in zip(reader.schema, batch.columns, strict=True)]  # fmt: skip
            yield pa.RecordBatch.from_arrays(columns, schema=schema)

    return pa.RecordBatchReader.from_batches(schema, batches())


def _field(field: pa.Field, kind: pa.DataType) -> pa.Field:
    """A column with the type of its stored values; the null type stands for JSON text."""
    if pa.types.is_null(kind):
        return pa.field(field.name, pa.string(), metadata={JSON_MARK: b"true"})
    return pa.field(field.name, kind)


def _like_wkt(value: Any) -> bool:
    kinds = ("POINT", "LINESTRING", "POLYGON", "MULTI", "GEOMETRYCOLLECTION")
    return isinstance(value, str) and value.lstrip().upper().startswith(kinds)
