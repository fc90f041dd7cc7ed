"""One delivered layer mended: what would change, and the same layer with the changes in a file."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from cimkit import crs as reference_systems
from cimkit import duck
from cimkit.atomic import replacing
from cimkit.check.repairs import shapes
from cimkit.check.repairs.texts import TextRepairs
from cimkit.crosswalk import Crosswalk, FieldRule
from cimkit.duck import identifier, literal
from cimkit.formats import stored
from cimkit.formats.columns import FID, GEOMETRY, JSON_MARK, ROW
from cimkit.model import Mapped, Repair, Staged
from cimkit.standard import Codelist, LayerSchema

if TYPE_CHECKING:
    import duckdb

_BATCH = 65_536
_ROW_GROUP = 65_536


@dataclass(frozen=True, slots=True)
class Repaired:
    """A mended layer: its records in a new staged file, what was mended, and in how many records."""

    staged: Staged
    repairs: tuple[Repair, ...]
    rows_changed: int


def repair(
    mapped: Mapped,
    rules: Crosswalk,
    layer: LayerSchema,
    codelists: Mapping[str, Codelist],
    folder: Path,
    *,
    record: Path | None = None,
) -> Repaired:
    """Mends a delivered layer, under its own column names.

    ``record`` gets a Parquet file of every change: _row, field, repairs, before, after.
    ``rules`` are those by which the layer was mapped: columns that they read or translate, and
    that several fields or none alone are made of, are only read in the right encoding and freed
    of blanks; cells that they have a code for are left alone.

    Raises:
        SourceError: a file cannot be written.
    """
    staged = mapped.staged
    target = folder / f"{staged.path.stem}.repaired.parquet"
    with duck.connect() as con:
        columns = f"{ROW} BIGINT, field VARCHAR, repairs VARCHAR[], before VARCHAR, after VARCHAR"
        con.execute(f"CREATE TABLE changes ({columns})")
        source = stored.table(staged)
        fields = _fields(rules, layer)
        replaced, joined = [], []
        for number, column in enumerate(_texts(staged)):
            spec = layer.fields.get(fields.get(column, ""))
            formed = spec is not None and "pattern" in layer.schema["properties"].get(spec.name, {})
            repairs = TextRepairs(spec, codelists.get(spec.codelist) if spec and spec.codelist else None, formed)
            unique = spec is not None and spec.name == layer.key
            if _mend_texts(con, source, column, repairs, f"mended_{number}", _translated(rules, column), unique):
                value = identifier(column)
                joined.append(f"LEFT JOIN mended_{number} ON source.{value} = mended_{number}.before")
                replaced.append(f"coalesce(mended_{number}.after, source.{value}) AS {value}")
        if stored.has_geometry(staged):
            kinds = layer.geometry.types if layer.geometry else ()
            staged = _mend_shapes(con, staged, kinds)
            joined.append(f"LEFT JOIN shapes ON source.{ROW} = shapes.{ROW}")
            replaced.append(f"coalesce(shapes.{GEOMETRY}, source.{GEOMETRY}) AS {GEOMETRY}")
        chosen = f"SELECT source.* REPLACE ({', '.join(replaced)})" if replaced else "SELECT source.*"
        query = f"{chosen} FROM {source} AS source {' '.join(joined)} ORDER BY source.{ROW}"
        _write(con, query, target, stored.schema(staged), staged)
        changed = con.execute(f"SELECT count(DISTINCT {ROW}) FROM changes").fetchone()
        if record is not None:
            with replacing(record) as aside:
                con.execute(f"COPY (FROM changes ORDER BY {ROW}, field) TO {literal(str(aside))} (FORMAT parquet)")
        mended = replace(staged, path=target, columns=None, numbered=True)
        return Repaired(mended, tuple(_told(con)), int(changed[0]) if changed else 0)


def _fields(rules: Crosswalk, layer: LayerSchema) -> dict[str, str]:
    """Source column -> the one field that it becomes as it is."""
    used = [column for rule in rules.fields.values() for column in rule.columns]
    return {
        rule.columns[0]: name
        for name, rule in rules.fields.items()
        if name in layer.fields
        and rule == FieldRule(columns=rule.columns, optional=rule.optional, strip=rule.strip)
        and len(rule.columns) == 1
        and used.count(rule.columns[0]) == 1
    }


def _translated(rules: Crosswalk, column: str) -> frozenset[str]:
    """The cells of a column that the rules have a code for."""
    return frozenset(code for rule in rules.fields.values() if column in rule.columns for code in rule.codes or ())


def _texts(staged: Staged) -> Iterator[str]:
    for field in stored.schema(staged):
        text = pa.types.is_string(field.type) or pa.types.is_large_string(field.type)
        if text and field.name != FID and JSON_MARK not in (field.metadata or {}):
            yield field.name


def _mend_texts(
    con: duckdb.DuckDBPyConnection,
    source: str,
    column: str,
    repairs: TextRepairs,
    table: str,
    kept: frozenset[str],
    unique: bool,
) -> bool:
    """Notes the changes of a column's cells, each different value looked at once; False where there are none.

    Values that are ``kept`` stay; of a ``unique`` column also those that would be the same as others.
    """
    con.execute(f"CREATE TABLE {table} (before VARCHAR PRIMARY KEY, after VARCHAR, repairs VARCHAR[])")
    name = identifier(column)
    reading = con.cursor()
    try:
        values = reading.execute(f"SELECT DISTINCT {name} FROM {source} WHERE {name} IS NOT NULL")
        for batch in values.to_arrow_reader(_BATCH):
            found: list[tuple[str, str, list[str]]] = []
            for value in batch.column(0).to_pylist():
                steps = [] if value in kept else list(repairs.of(value))
                if steps:
                    found.append((value, steps[-1][1], [code for code, _ in steps]))
            if found:
                before, after, codes = zip(*found, strict=True)
                con.register("found", pa.table({"before": before, "after": after, "repairs": codes}))
                con.execute(f"INSERT INTO {table} FROM found")
                con.unregister("found")
    finally:
        reading.close()
    if unique:
        con.execute(
            f"DELETE FROM {table} WHERE after IN (SELECT {name} FROM {source}) "
            f"OR after IN (SELECT after FROM {table} GROUP BY after HAVING count(*) > 1)"
        )
    con.execute(
        f"INSERT INTO changes SELECT source.{ROW}, {literal(column)}, {table}.repairs, {table}.before, {table}.after "
        f"FROM {source} AS source JOIN {table} ON source.{name} = {table}.before"
    )
    return bool((con.execute(f"SELECT count(*) FROM {table}").fetchone() or (0,))[0])


def _mend_shapes(con: duckdb.DuckDBPyConnection, staged: Staged, kinds: tuple[str, ...]) -> Staged:
    """Notes the changes of the geometries; the layer without the facts that they change."""
    facts = staged.facts
    suspicions = {hint.code for hint in facts.hints}
    if facts.crs.value is not None:
        suspicions |= {hint.code for hint in reference_systems.suspicions(facts.bbox, facts.crs.value)}
    con.execute(f"CREATE TABLE shapes ({ROW} BIGINT PRIMARY KEY, {GEOMETRY} BLOB)")
    for found in shapes.mended(staged, kinds, suspicions):
        con.register("found", found)
        con.execute(f"INSERT INTO shapes SELECT {ROW}, {GEOMETRY} FROM found")
        con.execute(f"INSERT INTO changes SELECT {ROW}, {literal(GEOMETRY)}, codes, before, after FROM found")
        con.unregister("found")
    if not con.execute(f"SELECT count(*) FROM changes WHERE list_contains(repairs, {literal(shapes.AXES)})").fetchall()[
        0
    ][0]:
        return staged
    hints = tuple(hint for hint in facts.hints if hint.code != shapes.SWAPPED)
    return replace(staged, facts=replace(facts, bbox=None, bbox_crs84=None, hints=hints))


def _write(con: duckdb.DuckDBPyConnection, query: str, target: Path, schema: pa.Schema, staged: Staged) -> None:
    """The mended records, with the marks and metadata of the staged file."""
    import pyarrow.parquet as pq

    with replacing(target) as path, pq.ParquetWriter(path, schema, compression="lz4") as writer:
        for batch in con.execute(query).to_arrow_reader(_ROW_GROUP):
            writer.write_table(pa.Table.from_batches([batch]).select(schema.names).cast(schema))


def write_plain(staged: Staged, target: Path) -> None:
    """A staged layer's own columns as GeoParquet that any reader takes, in source order."""
    import pyarrow.parquet as pq

    own = [name for name in stored.schema(staged).names if name not in (ROW, FID)]
    schema = pa.schema([stored.schema(staged).field(name) for name in own])
    if stored.has_geometry(staged):
        crs = staged.facts.crs.value
        offset = crs in (None, reference_systems.GCJ02, reference_systems.BD09)  # which PROJJSON cannot name
        named = None if crs is None or offset else reference_systems.projjson(crs)
        column: dict[str, Any] = {"encoding": "WKB", "geometry_types": [], "crs": named}
        geo = {"version": "1.1.0", "primary_column": GEOMETRY, "columns": {GEOMETRY: column}}
        schema = schema.with_metadata({"geo": json.dumps(geo)})
    with replacing(target) as path, pq.ParquetWriter(path, schema) as writer:
        for batch in stored.batches(staged, own):
            writer.write_table(pa.Table.from_batches([batch]).cast(schema))


def _told(con: duckdb.DuckDBPyConnection) -> Iterator[Repair]:
    """One line for each kind of repair and column, the most frequent first."""
    found: list[tuple[Any, ...]] = con.execute(
        f"SELECT repair, field, count(*), min({ROW}), arg_min(before, {ROW}), arg_min(after, {ROW}) "
        "FROM (SELECT *, unnest(repairs) AS repair FROM changes) GROUP BY repair, field "
        "ORDER BY count(*) DESC, field, repair"
    ).fetchall()
    for code, field, count, row, before, after in found:
        yield Repair(code, field, int(count), int(row), before, after)
