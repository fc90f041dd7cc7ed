"""Dates and times as people write them, read in SQL for a crosswalk's ``parse: date | datetime``.

Read are the year-first forms ``2024-05-01``, ``2024/5/1``, ``2024.5.1``, ``2024年5月1日`` and
``20240501``, and for times one of the first four with ``10:30``, ``10:30:00`` or
``10:30:00.5`` behind a blank or ``T``, and ``Z``, ``+08``, ``+0800`` or ``+08:00`` behind the
seconds. Day-first and month-first forms cannot be told apart and are not read. A time
without a zone is taken as UTC, a date as its midnight in UTC.
"""

from __future__ import annotations

from cimkit.duck import literal

_DAY = r"^\s*([0-9]{4})[-/.年]([0-9]{1,2})[-/.月]([0-9]{1,2})日?"
_TIME = r"(?:[Tt ]\s*([0-9]{1,2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]+)?)?)\s*([Zz]|[+-][0-9]{2}(?::?[0-9]{2})?)?)?\s*$"
_COMPACT = r"^\s*([0-9]{4})([0-9]{2})([0-9]{2})\s*$"
_ZONED = r"[0-9]\s*(?:[Zz]|:[0-9.]+\s*[+-][0-9]{2}(?::?[0-9]{2})?)\s*$"


def date(text_sql: str) -> str:
    """A text as DATE, NULL where it is not a date; a time of day behind it is left off."""
    return _cast(text_sql, r"\1-\2-\3", "DATE")


def date_time(text_sql: str) -> str:
    """A text as TIMESTAMPTZ, NULL where it is neither a time nor a date."""
    return _cast(text_sql, r"\1-\2-\3 \4\5", "TIMESTAMPTZ")


def zoned(text_sql: str) -> str:
    """Whether a text that is a time names its zone."""
    return f"regexp_matches({text_sql}, {literal(_ZONED)})"


def rfc3339(moment_sql: str) -> str:
    """A TIMESTAMPTZ as RFC 3339 text in UTC, with microseconds where there are any."""
    utc = f"timezone('UTC', {moment_sql})"
    fraction = f"microsecond({utc}) % 1000000 = 0"
    return (
        f"CASE WHEN {fraction} THEN strftime({utc}, '%Y-%m-%dT%H:%M:%SZ')"
        f" ELSE strftime({utc}, '%Y-%m-%dT%H:%M:%S.%fZ') END"
    )


def _cast(text_sql: str, parts: str, target: str) -> str:
    spelt, compact = literal(_DAY + _TIME), literal(_COMPACT)
    return (
        f"CASE WHEN regexp_matches({text_sql}, {spelt})"
        f" THEN TRY_CAST(trim(upper(regexp_replace({text_sql}, {spelt}, '{parts}'))) AS {target})"
        f" WHEN regexp_matches({text_sql}, {compact})"
        rf" THEN TRY_CAST(regexp_replace({text_sql}, {compact}, '\1-\2-\3') AS {target}) END"
    )
