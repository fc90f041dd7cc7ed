"""The records to be written, in one Parquet file: as delivered or mapped and typed, and of them the wanted ones."""

from __future__ import annotations

from collections.abc import Callable, Sequence, Set
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from cimkit import duck, guard, wkb
from cimkit.crosswalk import typed
from cimkit.errors import UsageError, nearest
from cimkit.formats import stored
from cimkit.formats.columns import JSON_MARK, NAME_MARK
from cimkit.formats.profile import Column
from cimkit.messages import say
from cimkit.model import BBox, Lang, Loss, Mapped, Staged

if TYPE_CHECKING:
    import duckdb

    from cimkit.standard import LayerSchema

GEOMETRY, ROW, FID = "geometry", "_row", "_fid"
_OWN = (GEOMETRY, ROW, FID)
#: Geometries of so many records are taken apart at once.
BATCH_ROWS = 16_384


@dataclass(frozen=True)
class Records:
    """Records on their way: ``path`` has ``columns``, ``geometry`` (WKB) where there is one, and ``_row``.

    ``renamed`` leads from a column to the name it has in the source, where that differs;
    ``layer`` is the standard's, where the columns are its fields.
    """

    path: Path
    columns: tuple[Column, ...]
    has_geometry: bool
    rows: int
    losses: tuple[Loss, ...] = ()
    renamed: dict[str, str] = field(default_factory=dict)
    layer: LayerSchema | None = None


# ---- what is delivered ----------------------------------------------------------------


def from_staged(con: duckdb.DuckDBPyConnection, staged: Staged) -> Records:
    """A staged layer as it is, its columns under their own names."""
    schema = pq.read_schema(staged.path)
    marks = {name: schema.field(name).metadata or {} for name in schema.names}
    columns = _columns(con, staged.path, {name for name, mark in marks.items() if JSON_MARK in mark})
    renamed = {name: mark[NAME_MARK].decode() for name, mark in marks.items() if NAME_MARK in mark}
    return Records(staged.path, columns, GEOMETRY in schema.names, staged.facts.features, renamed=renamed)


def from_mapped(
    con: duckdb.DuckDBPyConnection, mapped: Mapped, layer: LayerSchema, folder: Path, lang: Lang
) -> Records:
    """A mapped layer in the standard's types. A text cell that cannot be read becomes null, and is counted."""
    path = folder / "typed.parquet"
    delivered = stored.schema(mapped).names
    names = [name for name in delivered if name not in _OWN]
    chosen, failed, json = [], {}, set()
    for name in names:
        column = duck.identifier(name)
        spec = layer.fields.get(name)
        if spec is None:
            chosen.append(column)
            continue
        reading = typed(spec, column, name in mapped.text_fields)
        chosen.append(f"{reading.sql} AS {column}")
        failed[name] = reading.failed_sql
        if set(spec.types) - {"null"} <= {"array", "object"} and spec.types:
            json.add(name)
    source = stored.table(mapped)
    has_geometry = GEOMETRY in delivered
    kept = [*chosen, *([GEOMETRY] if has_geometry else []), ROW, FID]
    con.execute(f"COPY (SELECT {', '.join(kept)} FROM {source}) TO {duck.literal(str(path))} {_PARQUET}")
    losses = _unread(con, source, failed, lang)
    columns = tuple(replace(c, json=c.name in json and c.kind == "VARCHAR") for c in _columns(con, path))
    rows = pq.read_metadata(path).num_rows
    return Records(path, columns, has_geometry, rows, (*mapped.losses, *losses), layer=layer)


def _unread(con: duckdb.DuckDBPyConnection, source: str, failed: dict[str, str], lang: Lang) -> list[Loss]:
    asked = {name: condition for name, condition in failed.items() if condition != "FALSE"}
    if not asked:
        return []
    counts = ", ".join(f"count(*) FILTER ({c}), min({ROW}) FILTER ({c})" for c in asked.values())
    found = con.execute(f"SELECT {counts} FROM {source}").fetchone() or ()
    losses = []
    for name, count, row in zip(asked, found[0::2], found[1::2], strict=True):
        if count:
            (before,) = con.execute(f"SELECT {duck.identifier(name)} FROM {source} WHERE {ROW} = {row}").fetchone() or (
                None,
            )
            message = say("loss.unread_type", lang, field=name)
            losses.append(Loss("value.unreadable", name, count, message, {"row": row, "before": before, "after": None}))
    return losses


_PARQUET = "(FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE 65536)"


def _columns(con: duckdb.DuckDBPyConnection, path: Path, json: Set[str] = frozenset()) -> tuple[Column, ...]:
    rows = con.execute(f"DESCRIBE SELECT * FROM {duck.parquet(path)}").fetchall()
    return tuple(Column(row[0], row[1], row[0] in json) for row in rows if row[0] not in _OWN)


# ---- which of them --------------------------------------------------------------------


def wanted(
    con: duckdb.DuckDBPyConnection, staged: Staged, where: str | None, bbox: BBox | None, folder: Path
) -> Staged:
    """The staged layer with the records that are asked for, in source order and under their old numbers.

    Both conditions speak of the source: its own columns, its own CRS.

    Raises:
        UsageError: the box is no box, or the condition cannot be decided for some value.
        StandardError: the condition is not an expression that may be used.
    """
    question = _question(staged, where, bbox)
    if question is None:
        return staged
    import duckdb

    try:
        rows = con.execute(question).fetchnumpy()[ROW]
    except (duckdb.ConversionException, duckdb.BinderException, duckdb.InvalidInputException) as error:
        reason = str(error).splitlines()[0]
        raise UsageError(
            f"The condition cannot be decided for every record: {reason}",
            hint='Cells of CSV and shapefiles are text: write TRY_CAST("height" AS DOUBLE) > 10.',
        ) from error
    path = filtered(staged.path, folder / "wanted.parquet", lambda batch: np.isin(batch.column(ROW), rows))
    return replace(staged, path=path, facts=replace(staged.facts, features=len(rows)))


def _question(staged: Staged, where: str | None, bbox: BBox | None) -> str | None:
    """A query for the ``_row`` of the records that are wanted, or None for all."""
    conditions = []
    schema = pq.read_schema(staged.path)
    has_geometry = GEOMETRY in schema.names
    if where is not None:
        names = [name for name in schema.names if name not in (ROW, FID)]
        conditions.append(f"({guard.expression(where, names)})")
    if bbox is not None:
        if not has_geometry:
            raise UsageError(f"{staged.source.path} has no geometry, so a box cannot be applied.")
        if not (np.isfinite(bbox).all() and bbox[0] <= bbox[2] and bbox[1] <= bbox[3]):
            raise UsageError(f"{bbox} is no box.", hint="Give min x, min y, max x, max y.")
        box = ", ".join(duck.literal(float(value)) for value in bbox)
        conditions.append(f"ST_Intersects({GEOMETRY}, ST_MakeEnvelope({box}))")
    if not conditions:
        return None
    columns = "*"
    if has_geometry:
        columns = f"* EXCLUDE ({GEOMETRY}), {wkb.geometry_sql(GEOMETRY)} AS {GEOMETRY}"
    return f"SELECT {ROW} FROM (SELECT {columns} FROM {duck.parquet(staged.path)}) WHERE {' AND '.join(conditions)}"


def filtered(source: Path, target: Path, keeps: Callable[[pa.RecordBatch], Any]) -> Path:
    """The records of a Parquet file for which ``keeps`` is true, in a new one of the same columns."""
    with pq.ParquetFile(source, pre_buffer=False) as file:
        schema = file.schema_arrow
        plain = [name for name in schema.names if name != GEOMETRY]
        with pq.ParquetWriter(target, schema, compression="zstd", use_dictionary=plain, write_statistics=plain) as out:
            for batch in file.iter_batches(BATCH_ROWS):
                out.write_batch(batch.filter(pa.array(keeps(batch))))
    return target


def selected(records: Records, select: Sequence[str] | None) -> Records:
    """The records with the wanted columns, and the losses of no others.

    Raises:
        UsageError: there is no column of some name.
    """
    if select is None:
        return records
    known = {column.name: column for column in records.columns}
    for name in select:
        if name not in known:
            raise UsageError(f"There is no column '{name}' to select.", hint=nearest(name, known))
    left_out = set(known) - set(select)
    losses = tuple(loss for loss in records.losses if loss.field not in left_out)
    return replace(records, columns=tuple(known[name] for name in dict.fromkeys(select)), losses=losses)
