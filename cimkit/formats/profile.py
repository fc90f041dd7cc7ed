"""What a writable format can hold, and what becomes of a value it cannot.

A format's module says it in a :class:`Profile`: for each type of column the SQL of what is
written (:class:`Held`), with the conditions that count the values this changes
(:class:`Change`); for names, geometry, CRS and row order what it has no place for. The
format matrix of the documentation and every loss report come from it. The rules here were
measured with GDAL 3.12 and pyarrow.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from cimkit.duck import identifier

if TYPE_CHECKING:
    import duckdb

    from cimkit.formats.naming import Naming


@dataclass(frozen=True, slots=True)
class Column:
    """A column to be written: its DuckDB type, and whether its text is JSON."""

    name: str
    kind: str
    json: bool = False

    @property
    def sql(self) -> str:
        return identifier(self.name)

    @property
    def nested(self) -> bool:
        return self.kind.endswith("]") or self.kind.startswith(("STRUCT(", "MAP(", "UNION("))

    @property
    def base(self) -> str:
        """The type without its parameters: DECIMAL of DECIMAL(10,2)."""
        return re.sub(r"\(.*", "", self.kind)


@dataclass(frozen=True, slots=True)
class Change:
    """One loss a column may suffer: counted where ``condition`` is true; ``after`` is what is left (SQL both).

    ``code`` is the loss's; ``why`` names its message (``loss.<why>`` in :mod:`cimkit.messages`),
    into which ``{field}`` and ``values`` are set.
    """

    code: str
    why: str
    condition: str
    after: str
    values: Mapping[str, str | int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Held:
    """A column as a format holds it."""

    sql: str
    changes: tuple[Change, ...] = ()


Rule = Callable[[Column], Held]


@dataclass(frozen=True)
class Profile:
    """What a format can hold.

    ``columns`` has a rule for each type of DuckDB (without parameters) that is not written as
    it is; ``nested`` is that of lists, objects and JSON. ``naming`` says which column names it
    takes, None for any. ``one_kind``: "any" kinds of geometry in one layer, "family" if single
    and multi may mix but points, lines and areas may not, "one" if all must be of one kind.
    ``crs``: "any" CRS can be said, "codes" only such as have an EPSG code, "wgs84" there is no
    other, "none" nothing is said. ``sidecars`` are suffixes of files that belong to the target,
    ``folder`` says that the target is a folder.
    """

    columns: Mapping[str, Rule] = field(default_factory=dict)
    nested: Rule | None = None
    naming: Naming | None = None
    geometry: Literal["column", "wkt", "none"] = "column"
    one_kind: Literal["any", "family", "one"] = "any"
    curves: bool = False
    surfaces: bool = False
    collections: bool = True
    heights: bool = True
    measures: bool = True
    null_geometry: bool = True
    empty_geometry: bool = True
    crs: Literal["any", "codes", "wgs84", "none"] = "any"
    keeps_order: bool = True
    decimals: tuple[int, int] | None = None  # of coordinates that are degrees, and of others
    most_rows: int | None = None
    sidecars: tuple[str, ...] = ()
    folder: bool = False

    def held(self, column: Column) -> Held:
        """What is written for a column, and what may be lost by it."""
        if column.json or column.nested:
            return self.nested(column) if self.nested else Held(column.sql)
        rule = self.columns.get(column.base)
        return rule(column) if rule else Held(column.sql)


@dataclass(frozen=True)
class Order:
    """What a writer is told beside the stream of records.

    ``geometry_type`` is the one kind all geometries are of ("Polygon", "Point Z" …) or
    "Unknown"; ``widths`` are exact widths of text columns, in the unit of the format, where
    they were asked for; ``con`` is a connection to compute with, other than the stream's.
    """

    crs: str | None
    layer: str
    geometry_type: str = "Unknown"
    widths: Mapping[str, int] = field(default_factory=dict)
    con: duckdb.DuckDBPyConnection | None = None


# ---- rules that formats share ----------------------------------------------------------

TIMES = ("TIMESTAMP", "TIMESTAMP WITH TIME ZONE", "TIMESTAMP_S", "TIMESTAMP_MS", "TIMESTAMP_NS")
NUMBERS = ("DOUBLE", "FLOAT")
HUGE = ("UBIGINT", "HUGEINT", "UHUGEINT")
WORDS = ("UUID", "ENUM", "INTERVAL", "BIT")


def as_text(column: Column) -> Held:
    """Values of a type the format lacks, as text."""
    sql = f"CAST({column.sql} AS VARCHAR)"
    return Held(sql, (Change("type.dropped", "as_text", f"{column.sql} IS NOT NULL", sql, {"kind": column.base}),))


def plain_text(column: Column) -> Held:
    """Values that are text for every reader anyway."""
    return Held(f"CAST({column.sql} AS VARCHAR)")


def hexadecimal(column: Column) -> Held:
    """Binary values as text."""
    sql = f"lower(hex({column.sql}))"
    return Held(sql, (Change("type.dropped", "as_hexadecimal", f"{column.sql} IS NOT NULL", sql),))


def as_double(column: Column) -> Held:
    """A decimal as a float; counted is what does not come back as it was."""
    sql = f"CAST({column.sql} AS DOUBLE)"
    changed = f"TRY_CAST({sql} AS {column.kind}) IS DISTINCT FROM {column.sql}"
    return Held(sql, (Change("number.precision", "as_double", changed, sql),))


def finite(column: Column) -> Held:
    """NaN and infinity become null."""
    sql = f"CASE WHEN isfinite({column.sql}) THEN {column.sql} END"
    return Held(sql, (Change("number.not_finite", "not_finite", f"NOT isfinite({column.sql})", "NULL"),))


def no_nan(column: Column) -> Held:
    """SQLite keeps infinity and takes NaN for NULL."""
    sql = f"CASE WHEN NOT isnan({column.sql}) THEN {column.sql} END"
    return Held(sql, (Change("number.not_finite", "nan", f"isnan({column.sql})", "NULL"),))


def iso_time(column: Column) -> Held:
    """A time as RFC 3339 text with every digit, without the zeros at the end of its fraction."""
    zone = "Z" if "TIME ZONE" in column.kind else ""
    text = f"strftime({column.sql}, '%Y-%m-%dT%H:%M:%S.%f')"
    return Held(f"regexp_replace({text}, '\\.?0{{1,6}}$', '') || '{zone}'")


def utc_milliseconds(column: Column) -> Held:
    """UTC, to the millisecond."""
    sql = f"CAST({column.sql} AS {'TIMESTAMPTZ' if 'TIME ZONE' in column.kind else 'TIMESTAMP'})"
    rounded = f"make_timestamp(CAST(round(epoch_us({sql}) / 1000) AS BIGINT) * 1000)"
    changes = [Change("time.fraction", "milliseconds", f"epoch_ns({column.sql}) % 1000000 <> 0", rounded)]
    if "TIME ZONE" not in column.kind:
        utc = f"CAST({sql} AS VARCHAR) || ' UTC'"
        changes.append(Change("time.zone", "utc_only", f"{column.sql} IS NOT NULL", utc))
    return Held(sql, tuple(changes))


def json_as_text(column: Column) -> Held:
    """Lists and objects as JSON text, single JSON values as the text they are."""
    as_json = column.sql if column.json else f"to_json({column.sql})"
    # ->> takes a word out of its quotes and leaves lists and objects JSON text.
    text = f"({as_json} ->> '$')"
    nested = f"json_type({as_json}) IN ('ARRAY', 'OBJECT')"
    return Held(text, (Change("type.dropped", "json_text", nested, text),))


def json_in_text_column(column: Column) -> Held:
    """JSON where a text column can say that it is JSON, nested values as JSON text."""
    return Held(f"TRY_CAST({column.sql} AS JSON)") if column.json else json_as_text(column)


def json_value(column: Column) -> Held:
    """Nested values as the JSON they are."""
    if column.json:
        return Held(f"TRY_CAST({column.sql} AS JSON)")
    return Held(f"CAST(to_json({column.sql}) AS JSON)")
