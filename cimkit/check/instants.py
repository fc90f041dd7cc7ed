"""Dates and times as one number, in SQL: microseconds since 1970 in UTC, so that they can be compared and counted.

A date is the beginning of its day. A time that names no zone is taken for UTC: within one series it is
only the same zone throughout that matters.
"""

from __future__ import annotations

from cimkit.check.columns import Column

#: Earlier and later than any time there is: for validity without a beginning or an end.
ALWAYS_BEFORE, ALWAYS_AFTER = "(-9223372036854775807)", "9223372036854775807"
DAY = 86_400_000_000

_STARTS_WITH_A_DATE = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}"
#: A time of day, and nothing that tells its zone.
_NO_ZONE = _STARTS_WITH_A_DATE + r"[Tt ][0-9]{1,2}:[0-9]{2}(:[0-9]{2}([.,][0-9]+)?)?\s*$"
_ONLY_A_DATE = _STARTS_WITH_A_DATE + r"\s*$"
_OFFSET = r"([Zz]|[+-][0-9]{2}(:?[0-9]{2})?)\s*$"


def has_times(column: Column | None) -> bool:
    """Whether there may be dates or times in a column: numbers are none."""
    return column is not None and column.kind == "string"


def instant(column: Column) -> str:
    """SQL over the view: the microseconds, NULL where the cell is empty or no date or time."""
    # Words such as 'epoch' are times to DuckDB.
    text = f"CASE WHEN regexp_matches({column.value}, '{_STARTS_WITH_A_DATE}') THEN upper({column.value}) END"
    return f"epoch_us(TRY_CAST({text} AS TIMESTAMPTZ))"


def wall_clock(column: Column) -> str:
    """As :func:`instant`, but what the clock on the wall showed: the offset is left out."""
    local = f"regexp_replace(upper({column.value}), '{_OFFSET}', '')"
    text = f"CASE WHEN regexp_matches({column.value}, '{_STARTS_WITH_A_DATE}') THEN {local} END"
    # Of a date alone the last two digits look like an offset.
    text = f"CASE WHEN {only_a_date(column)} THEN {column.value} ELSE {text} END"
    return f"epoch_us(TRY_CAST({text} AS TIMESTAMP))"


def without_zone(column: Column) -> str:
    """SQL over the view: the cell is a time of some day, and does not say in which zone; never NULL."""
    return f"(coalesce(regexp_matches({column.value}, '{_NO_ZONE}'), FALSE) AND {instant(column)} IS NOT NULL)"


def only_a_date(column: Column) -> str:
    """SQL over the view: the cell is a date without a time of day; never NULL."""
    return f"coalesce(regexp_matches({column.value}, '{_ONLY_A_DATE}'), FALSE)"


def shown_time(microseconds: str) -> str:
    """SQL: an instant as people read it; a date where it is midnight, a dash where it is none."""
    moment = f"make_timestamp({microseconds})"
    return (
        f"CASE WHEN {microseconds} IS NULL OR {microseconds} IN ({ALWAYS_BEFORE}, {ALWAYS_AFTER}) THEN '…' "
        f"WHEN {microseconds} % {DAY} = 0 THEN strftime({moment}, '%Y-%m-%d') "
        f"WHEN {microseconds} % 1000000 = 0 THEN strftime({moment}, '%Y-%m-%dT%H:%M:%SZ') "
        f"ELSE rtrim(strftime({moment}, '%Y-%m-%dT%H:%M:%S.%f'), '0') || 'Z' END"
    )
