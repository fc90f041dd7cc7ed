"""GeoPackage (OGC 12-128r18): GDAL reads the layers, SQLite says which there are.

A database in WAL mode gets -wal and -shm files beside it from any plain reader, so it is
opened as immutable, unless changes still wait in a -wal file of its own.

SQLite keeps whatever is put into a column, and GDAL reads what does not fit the declared type
as 0, 1970-01-01 or cut to a whole number. A column that holds such values is taken from SQLite
instead, as JSON text.
"""

from __future__ import annotations

import json
import math
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from functools import cached_property
from typing import Any

import pyarrow as pa

from cimkit.duck import identifier
from cimkit.errors import SourceError
from cimkit.formats.columns import FID, JSON_MARK, NAME_MARK, Arrangement
from cimkit.formats.dataset import Dataset, Delivery, Stream
from cimkit.formats.gdal.layer import GdalLayer, refuse_encoding
from cimkit.formats.probe import Probe
from cimkit.formats.registry import Wishes
from cimkit.model import Hint

#: Tables that QGIS keeps in a GeoPackage for itself.
_BOOKKEEPING = {"layer_styles", "qgis_projects"}

_INTEGER = "typeof({0}) = 'integer'"
_REAL = "typeof({0}) IN ('real', 'integer')"
#: What a value must be in a column of each type (OGC 12-128r18, table 1), as SQL.
_FITS = {
    "BOOLEAN": "typeof({0}) = 'integer' AND {0} IN (0, 1)",
    **dict.fromkeys(("TINYINT", "SMALLINT", "MEDIUMINT", "INT", "INTEGER"), _INTEGER),
    **dict.fromkeys(("FLOAT", "DOUBLE", "REAL"), _REAL),
    "DATE": "typeof({0}) = 'text' AND date({0}) = {0}",
    # SQLite also takes '12:00' and days counted from 4714 BC for a time.
    "DATETIME": "typeof({0}) = 'text' AND {0} GLOB '[0-9][0-9][0-9][0-9]-*' AND datetime({0}) IS NOT NULL",
}


def layers(probe: Probe, format: str, wishes: Wishes) -> Dataset:
    """The feature layers and attribute tables of a GeoPackage."""
    refuse_encoding(probe, format, wishes)
    wal = probe.path.with_name(probe.path.name + "-wal")
    pending = wal.exists() and wal.stat().st_size > 0
    delivery = Delivery(probe.path, format, (probe.path, wal) if pending else (probe.path,))
    options = {} if pending else {"IMMUTABLE": "YES"}
    listed = "SELECT table_name FROM gpkg_contents WHERE data_type IN ('features', 'attributes') ORDER BY rowid"
    names = [str(name) for (name,) in _rows(delivery, listed) if name not in _BOOKKEEPING]
    return Dataset(delivery, tuple(GpkgLayer(delivery, name, wishes, options=options) for name in names))


def _rows(delivery: Delivery, question: str) -> list[tuple[Any, ...]]:
    address = delivery.path.absolute().as_uri() + "?mode=ro" + ("&immutable=1" if len(delivery.files) == 1 else "")
    try:
        with closing(sqlite3.connect(address, uri=True)) as database:
            database.text_factory = lambda raw: raw.decode("utf-8", "replace")
            return database.execute(question).fetchall()
    except (sqlite3.DatabaseError, UnicodeDecodeError) as error:  # the message may quote damaged bytes
        raise SourceError(
            f"{delivery.path} cannot be read as GPKG: {error}.", hint="Was it copied or exported to the end?"
        ) from error


class GpkgLayer(GdalLayer):
    """One table of a GeoPackage."""

    @cached_property
    def _kinds(self) -> dict[str, str]:
        """The columns that hold values of another type than declared, with that type."""
        columns = _rows(self.delivery, f"PRAGMA table_info({identifier(self.name)})")
        declared = {name: kind.split("(")[0].strip().upper() for _, name, kind, *_ in columns}
        known = [name for name, kind in declared.items() if kind in _FITS]
        # Without a key that is the row's number (a view has none) the records cannot be found again.
        if not known or [kind.upper() for _, _, kind, _, _, key in columns if key] != ["INTEGER"]:
            return {}
        misfits = [_misfit(name, declared[name]) for name in known]
        # Most have none, and to find that out is cheaper than to find which.
        if not _rows(self.delivery, f"SELECT 1 FROM {identifier(self.name)} WHERE ({') OR ('.join(misfits)}) LIMIT 1"):
            return {}
        asked = ", ".join(f"max({misfit})" for misfit in misfits)
        (found,) = _rows(self.delivery, f"SELECT {asked} FROM {identifier(self.name)}")
        return {name: declared[name] for name, holds in zip(known, found, strict=True) if holds}

    def _stream(self, meta: dict[str, Any], reader: pa.RecordBatchReader, hints: list[Hint]) -> Stream:
        for name, kind in self._kinds.items():
            question = f"SELECT count(*), {identifier(name)} FROM {identifier(self.name)} WHERE {_misfit(name, kind)}"
            ((count, example),) = _rows(self.delivery, question)
            message = f"'{name}' is declared {kind}, but holds something else in {count} records, such as {example!r}."
            hints.append(Hint("values.other_type", message))
        return super()._stream(meta, reader, hints)

    def _arrange(self, meta: dict[str, Any], schema: pa.Schema) -> Arrangement:
        fields = [
            pa.field(f.name, pa.string(), metadata={JSON_MARK: b"true"}) if f.name in self._kinds else f for f in schema
        ]
        return super()._arrange(meta, pa.schema(fields))

    def _batches(
        self, reader: pa.RecordBatchReader, arrangement: Arrangement, hints: list[Hint]
    ) -> Iterator[pa.RecordBatch]:
        for batch in super()._batches(reader, arrangement, hints):
            yield self._as_stored(batch) if self._kinds and batch.num_rows else batch

    def _as_stored(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        fids = [int(fid) for fid in batch.column(batch.schema.get_field_index(FID)).to_pylist()]
        names = ", ".join(identifier(name) for name in self._kinds)
        table = identifier(self.name)
        question = f"SELECT rowid, {names} FROM {table} WHERE rowid BETWEEN {min(fids)} AND {max(fids)}"
        stored = {fid: row for fid, *row in _rows(self.delivery, question)}
        own = [(field.metadata or {}).get(NAME_MARK, field.name.encode()).decode() for field in batch.schema]
        for number, (name, kind) in enumerate(self._kinds.items()):
            texts = [_json_text(stored[fid][number], kind) for fid in fids]
            index = own.index(name)
            batch = batch.set_column(index, batch.schema.field(index), pa.array(texts, pa.string()))
        return batch


def _misfit(name: str, kind: str) -> str:
    column = identifier(name)
    return f"{column} IS NOT NULL AND NOT coalesce({_FITS[kind].format(column)}, FALSE)"


def _json_text(value: Any, kind: str) -> str | None:
    if value is None:
        return None
    if kind == "BOOLEAN" and value in (0, 1):
        value = bool(value)
    if isinstance(value, bytes) or value in (math.inf, -math.inf):
        value = value.hex() if isinstance(value, bytes) else str(value)
    return json.dumps(value, ensure_ascii=False)
