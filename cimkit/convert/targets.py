"""What each writable format can hold, and what becomes of a value it cannot.

For each column of DuckDB a format gives the SQL of what is written, and probes that count
the values this changes. The formats were measured (GDAL 3.12, pyarrow 26): a GeoPackage keeps
times to the millisecond and in UTC, and knows neither NaN nor times of day; JSON knows no
binary data and no infinity; and so on.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from cimkit.duck import identifier
from cimkit.errors import UsageError

GEOPARQUET, GPKG, GEOJSON, CSV = "GeoParquet", "GPKG", "GeoJSON", "CSV"
SUFFIXES = {
    ".parquet": GEOPARQUET,
    ".geoparquet": GEOPARQUET,
    ".gpkg": GPKG,
    ".geojson": GEOJSON,
    ".json": GEOJSON,
    ".csv": CSV,
}


def format_of(target: Path) -> str:
    """The format that a target's suffix names.

    Raises:
        UsageError: no format that can be written has this suffix.
    """
    try:
        return SUFFIXES[target.suffix.lower()]
    except KeyError:
        raise UsageError(
            f"{target} names no format that can be written.", hint=f"Writable: {', '.join(SUFFIXES)}."
        ) from None


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


@dataclass(frozen=True, slots=True)
class Probe:
    """One loss a column may suffer: counted where ``condition`` is true; ``after`` is what is left."""

    code: str
    condition: str
    message: str
    after: str


@dataclass(frozen=True, slots=True)
class Held:
    """A column as a format holds it."""

    sql: str
    probes: tuple[Probe, ...] = ()


def held(format: str, column: Column) -> Held:
    """What is written for a column, and what may be lost by it."""
    if column.json and format != CSV:
        return Held(f"TRY_CAST({column.sql} AS JSON)")
    if column.json or column.nested:
        return _nested(format, column)
    base = re.sub(r"\(.*", "", column.kind)
    rule = _RULES[format].get(base)
    return rule(column) if rule else Held(column.sql)


def _nested(format: str, column: Column) -> Held:
    as_json = column.sql if column.json else f"to_json({column.sql})"
    if format == GEOPARQUET:
        return Held(column.sql)
    if format == GEOJSON:
        return Held(f"CAST({as_json} AS JSON)")
    # ->> takes a word out of its quotes and leaves lists and objects JSON text.
    text = f"({as_json} ->> '$')"
    nested = f"json_type({as_json}) IN ('ARRAY', 'OBJECT')"
    return Held(text, (_told("type.dropped", column, "lists and objects are written as JSON text", text, nested),))


def _told(code: str, column: Column, message: str, after: str, condition: str | None = None) -> Probe:
    return Probe(code, condition or f"{column.sql} IS NOT NULL", f"'{column.name}': {message}.", after)


def _text(what: str) -> Callable[[Column], Held]:
    def rule(column: Column) -> Held:
        sql = f"CAST({column.sql} AS VARCHAR)"
        return Held(sql, (_told("type.dropped", column, f"{what} written as text", sql),))

    return rule


def _plain_text(column: Column) -> Held:
    return Held(f"CAST({column.sql} AS VARCHAR)")


def _hexadecimal(column: Column) -> Held:
    sql = f"lower(hex({column.sql}))"
    return Held(sql, (_told("type.dropped", column, "binary values are written as hexadecimal text", sql),))


def _double(column: Column) -> Held:
    """A decimal as a float; counted is what does not come back as it was."""
    sql = f"CAST({column.sql} AS DOUBLE)"
    changed = f"TRY_CAST({sql} AS {column.kind}) IS DISTINCT FROM {column.sql}"
    return Held(sql, (_told("number.precision", column, "has more digits than a 64-bit float keeps", sql, changed),))


def _finite(column: Column) -> Held:
    sql = f"CASE WHEN isfinite({column.sql}) THEN {column.sql} END"
    message = "NaN and infinity have no place in the format and become null"
    return Held(sql, (_told("number.not_finite", column, message, "NULL", f"NOT isfinite({column.sql})"),))


def _no_nan(column: Column) -> Held:
    """GeoPackage (SQLite) keeps infinity and takes NaN for NULL."""
    sql = f"CASE WHEN NOT isnan({column.sql}) THEN {column.sql} END"
    return Held(sql, (_told("number.not_finite", column, "NaN becomes null", "NULL", f"isnan({column.sql})"),))


def _iso(column: Column) -> Held:
    """A time as RFC 3339 text with every digit, without the zeros at the end of its fraction."""
    zone = "Z" if "TIME ZONE" in column.kind else ""
    text = f"strftime({column.sql}, '%Y-%m-%dT%H:%M:%S.%f')"
    return Held(f"regexp_replace({text}, '\\.?0{{1,6}}$', '') || '{zone}'")


def _milliseconds(column: Column) -> Held:
    """GeoPackage: UTC, to the millisecond."""
    sql = f"CAST({column.sql} AS {'TIMESTAMPTZ' if 'TIME ZONE' in column.kind else 'TIMESTAMP'})"
    rounded = f"make_timestamp(CAST(round(epoch_us({sql}) / 1000) AS BIGINT) * 1000)"
    fraction = f"epoch_ns({column.sql}) % 1000000 <> 0"
    probes = [_told("time.fraction", column, "times are kept to the millisecond", rounded, fraction)]
    if "TIME ZONE" not in column.kind:
        message = "the format keeps times in UTC only, so times without a zone are taken as UTC"
        probes.append(_told("time.zone", column, message, f"CAST({sql} AS VARCHAR) || ' UTC'"))
    return Held(sql, tuple(probes))


_TIMES = ("TIMESTAMP", "TIMESTAMP WITH TIME ZONE", "TIMESTAMP_S", "TIMESTAMP_MS", "TIMESTAMP_NS")
_NUMBERS = ("DOUBLE", "FLOAT")
_HUGE = ("UBIGINT", "HUGEINT", "UHUGEINT")
_WORDS = ("UUID", "ENUM", "INTERVAL", "BIT")

_RULES: Mapping[str, Mapping[str, Callable[[Column], Held]]] = {
    GEOPARQUET: {},
    GPKG: {
        **dict.fromkeys(_TIMES, _milliseconds),
        **dict.fromkeys(_NUMBERS, _no_nan),
        **dict.fromkeys(_HUGE, _text("integers of more than 63 bits are")),
        **dict.fromkeys(_WORDS, _plain_text),
        "DECIMAL": _double,
        "TIME": _text("times of day are"),
    },
    GEOJSON: {
        **dict.fromkeys(_TIMES, _iso),
        **dict.fromkeys(_NUMBERS, _finite),
        **dict.fromkeys(_HUGE, _text("integers of more than 63 bits are")),
        **dict.fromkeys((*_WORDS, "DATE", "TIME"), _plain_text),
        "DECIMAL": _double,
        "BLOB": _hexadecimal,
    },
    CSV: {
        **dict.fromkeys(_TIMES, _iso),
        **dict.fromkeys(_NUMBERS, _finite),
        **dict.fromkeys((*_WORDS, *_HUGE, "DECIMAL", "TIME"), _plain_text),
        "BLOB": _hexadecimal,
    },
}
