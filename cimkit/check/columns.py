"""A delivered layer as a JSON Schema sees it: one typed column for each field, in SQL.

A column's *value* is what its cells are in JSON: a string, an integer, a number, a boolean,
or something nested. Cells of text tables are cast by the standard; typed cells stay what
they are, dates and times as RFC 3339 text. A cell that has no such value (text that cannot
be cast, NaN, infinity) is *unread*: a ``type`` finding, and absent for every other rule.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from cimkit.check.json_schema.nulls import members
from cimkit.check.json_schema.scope import Schema, Scope
from cimkit.check.nested import json_text
from cimkit.crosswalk.typing import duckdb_type, typed
from cimkit.duck import identifier
from cimkit.formats import stored
from cimkit.formats.columns import JSON_MARK
from cimkit.formats.json.records import RECORD_MARK
from cimkit.formats.json.table import NULLS_MARK
from cimkit.model import Mapped
from cimkit.standard import FieldSpec, LayerSchema

if TYPE_CHECKING:
    import duckdb

#: What a column's values are in JSON; ``absent`` is a field that was not delivered at all.
Kind = Literal["string", "integer", "number", "boolean", "nested", "absent"]

ROW, FID, GEOMETRY, COVERING = "_row", "_fid", "geometry", "bbox"
#: Columns that are no fields of a record.
NO_FIELDS = frozenset({ROW, FID, GEOMETRY, "fid"})

_INTEGERS = frozenset(
    ["TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT", "UHUGEINT"]
)
_HUGE = frozenset({"HUGEINT", "UHUGEINT"})
#: Formats whose JSON texts are written by ourselves.
_OWN_JSON = frozenset({"JSON", "JSONL"})
_CLOCKLESS = frozenset({"TIMESTAMP", "TIMESTAMP_S", "TIMESTAMP_MS", "TIMESTAMP_NS"})


@dataclass(frozen=True, slots=True)
class Column:
    """One field of the view. ``value`` and ``unread`` are SQL over the view.

    ``nullable``: NULL is JSON's null rather than an absent member. ``format`` is one that the
    type of the column guarantees. ``huge``: its integers may lie beyond 64 bits. ``json``: the
    value is JSON text of something nested, or of several types; ``foreign``: others wrote it.
    """

    name: str
    value: str
    kind: Kind
    nullable: bool
    unread: str | None = None
    format: str | None = None
    huge: bool = False
    json: bool = False
    foreign: bool = False

    @property
    def filled(self) -> str:
        """SQL: there is a value other than null."""
        return "FALSE" if self.kind == "absent" else f"({self.value} IS NOT NULL)"

    @property
    def raw(self) -> str:
        """SQL: the cell as it was delivered."""
        return identifier(f"raw:{self.name}")

    @property
    def present(self) -> str:
        """SQL: JSON would have this member."""
        if not self.nullable:
            return self.filled
        return f"NOT {self.unread}" if self.unread else "TRUE"

    @property
    def delivered(self) -> str:
        """SQL: there is a value, readable or not."""
        return f"({self.filled} OR {self.unread})" if self.unread else self.filled


@dataclass(frozen=True, slots=True)
class Table:
    """The view of one layer: ``sql`` selects ``_row``, ``_fid`` and, for each column, value and flags.

    Fields also stand in it under their own names, in the standard's types, for expressions.
    ``source`` selects what was delivered. ``whole`` is the column that holds each record as
    JSON text, where records are no tables' rows.
    """

    sql: str
    source: str
    rows: int
    columns: Mapping[str, Column]
    has_geometry: bool
    whole: str | None = None


def table(
    con: duckdb.DuckDBPyConnection,
    mapped: Mapped,
    layer: LayerSchema,
    nullable: Collection[str],
    schema: Schema,
    scope: Scope,
) -> Table:
    """The view of a mapped layer; ``nullable`` are the fields whose ``schema`` admits null."""
    source = stored.table(mapped)
    physical = {row[0]: row[1] for row in con.execute(f"DESCRIBE SELECT * FROM {source}").fetchall()}
    marked, whole = _json_columns(mapped)
    names = [
        name
        for name, type_ in physical.items()
        if name not in NO_FIELDS and not (name == COVERING and type_.startswith("STRUCT"))
    ]
    cast = {name: _cast(layer.fields.get(name), identifier(name), name in mapped.text_fields) for name in names}
    types = _types(con, source, {name: sql for name, (sql, _) in cast.items()})
    described = {name: (member, inside) for name, member, inside in members(schema, scope)}
    columns: dict[str, Column] = {}
    selected = [ROW, FID]
    for name, (sql, failed) in cast.items():
        # Text that a crosswalk or a text table gives is read by the standard, whatever it was before.
        json = types[name] == "VARCHAR" and (failed is not None or (name in marked and name not in mapped.text_fields))
        foreign = json and mapped.staged.source.format not in _OWN_JSON
        if foreign and failed is None:
            failed = f"({sql} IS NOT NULL AND TRY(json_extract({sql}, '$')) IS NULL)"
        value, kind, unread, format_ = _as_json(sql, "JSON" if json else types[name])
        if foreign:  # other spellings of JSON than Python reads
            value = f"TRY(CAST(json_extract({value}, '$') AS VARCHAR))"
        elif kind == "nested" and not json:
            type_ = con.sql(f"SELECT {sql} FROM {source}").types[0]
            value, json = json_text(sql, type_, *described.get(name, ({}, scope)), _as_json), True
        flags = [flag for flag in (failed, unread) if flag]
        column = Column(
            name=name,
            value=identifier(f"value:{name}"),
            kind=kind,
            nullable=name in nullable,
            unread=identifier(f"unread:{name}") if flags else None,
            format=format_,
            huge=types[name] in _HUGE,
            json=json,
            foreign=foreign,
        )
        if flags:
            flag = f"coalesce({_either(flags)}, FALSE)"
            selected.append(f"{flag} AS {column.unread}")
            value = f"CASE WHEN NOT {flag} THEN {value} END"
        selected += [f"{value} AS {column.value}", f"{identifier(name)} AS {column.raw}"]
        columns[name] = column
    for name, spec in layer.fields.items():
        if not name:
            continue  # no column can be called that
        native = f"CAST(NULL AS {duckdb_type(spec)})"
        if name in physical:
            native = typed(spec, identifier(name), name in mapped.text_fields).sql
        selected.append(f"{native} AS {identifier(name)}")
    return Table(
        sql=f"SELECT {', '.join(selected)} FROM {source}",
        source=source,
        rows=stored.rows(mapped),
        columns=columns,
        has_geometry=GEOMETRY in physical,
        whole=whole,
    )


def writes_nulls(mapped: Mapped) -> bool:
    """Whether a null is written out, so that an empty cell is nothing else than a missing value."""
    return NULLS_MARK in (stored.schema(mapped.staged).metadata or {})


def _either(flags: list[str]) -> str:
    return flags[0] if len(flags) == 1 else " OR ".join(f"({flag})" for flag in flags)


def _json_columns(mapped: Mapped) -> tuple[frozenset[str], str | None]:
    """The columns whose text is JSON, as the staged file marks them, and the one that is the whole record."""
    staged = stored.schema(mapped.staged)
    marked = {field.name for field in staged if JSON_MARK in (field.metadata or {})}
    whole = (staged.metadata or {}).get(RECORD_MARK)
    fields = {name for name, origin in mapped.origins.items() if len(origin) == 1 and origin[0] in marked}
    return frozenset(fields | (marked - mapped.origins.keys())), whole.decode() if whole else None


def _cast(spec: FieldSpec | None, sql: str, text: bool) -> tuple[str, str | None]:
    """The cell in the JSON type the schema asks of it, and when it has none."""
    if not text or spec is None or not spec.types or "string" in spec.types:
        return sql, None
    # A format is a rule of its own: only the JSON type decides what a cell is.
    spec = replace(spec, format=None)
    column = typed(spec, sql, True)
    if duckdb_type(spec) != "VARCHAR":
        return column.sql, column.failed_sql
    # Text that is no JSON makes DuckDB's JSON functions fail, whatever is asked before.
    return f"TRY({column.sql})", f"({sql} IS NOT NULL AND TRY({column.sql}) IS NULL)"


def _types(con: duckdb.DuckDBPyConnection, source: str, expressions: Mapping[str, str]) -> dict[str, str]:
    if not expressions:
        return {}
    listed = ", ".join(f"{sql} AS {identifier(name)}" for name, sql in expressions.items())
    described = con.execute(f"DESCRIBE SELECT {listed} FROM {source}").fetchall()
    return dict(zip(expressions, (row[1] for row in described), strict=True))


def _as_json(sql: str, physical: str) -> tuple[str, Kind, str | None, str | None]:
    """A value of a DuckDB type as JSON has it: (SQL, kind, SQL: when it has none, format it has for sure)."""
    if physical in _INTEGERS:
        return sql, "integer", None, None
    if physical == "JSON":
        return sql, "nested", None, None
    if physical.startswith("DECIMAL"):
        whole = physical.endswith(",0)")
        return f"CAST({sql} AS {'HUGEINT' if whole else 'DOUBLE'})", "integer" if whole else "number", None, None
    if physical in ("DOUBLE", "FLOAT"):
        return f"CAST({sql} AS DOUBLE)", "number", f"(NOT isfinite({sql}))", None
    if physical == "BOOLEAN":
        return sql, "boolean", None, None
    if physical == "DATE":
        return f"CAST({sql} AS VARCHAR)", "string", None, "date"
    if physical in _CLOCKLESS or physical == "TIMESTAMP WITH TIME ZONE":
        utc = f"({sql} AT TIME ZONE 'UTC')" if physical not in _CLOCKLESS else sql
        return f"replace(CAST({utc} AS VARCHAR), ' ', 'T') || 'Z'", "string", None, "date-time"
    if physical == "TIME":
        return f"CAST({sql} AS VARCHAR) || 'Z'", "string", None, "time"
    if physical == "BLOB":
        return f"base64({sql})", "string", None, None
    if physical == "VARCHAR":
        return sql, "string", None, None
    if physical.endswith("]") or physical.startswith(("STRUCT", "MAP", "UNION")):
        return sql, "nested", None, None
    return f"CAST({sql} AS VARCHAR)", "string", None, None
