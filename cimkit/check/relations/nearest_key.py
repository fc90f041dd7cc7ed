"""The key that a missing one may stand for: written a little otherwise, or with a letter wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cimkit import duck
from cimkit.messages import Plain, say

if TYPE_CHECKING:
    import duckdb

#: Missing keys that are looked for; the first, by row.
_MOST_MISSING = 100
#: Pairs of a missing and an existing key that are compared letter by letter.
_MOST_PAIRS = 2_000_000
#: Letters that may differ, and the shortest key of which that many may.
_MOST_LETTERS, _SHORTEST, _LONGEST = 2, 5, 64
_SEPARATORS = " \t\u3000\u00a0_./:-\uff3f\uff0e\uff0f\uff1a\uff0d\u2013\u2014"
_STANDS_FOR_A_KEY = "\x00"


def nearest_keys(con: duckdb.DuckDBPyConnection, missing: str, known: str, parts: int, lang: str) -> str:
    """A table (k0 …, hint) for the first missing keys of a table (_row, k0 …) to which one is near enough.

    ``known`` is a query of (place, k0 …). A key that is the same but for case, blanks, full-width
    letters, separators and leading zeros comes first; then the one with the fewest wrong letters,
    where there are not too many keys to compare with.
    """
    names = [f"k{number}" for number in range(parts)]
    listed = ", ".join(names)
    table = f"{missing}_near"
    wanted = f"{missing}_wanted"
    con.execute(
        f"CREATE OR REPLACE TABLE {wanted} AS SELECT {listed}, {_plain(names)} AS plain, {_joined(names)} AS joined "
        f"FROM (SELECT {listed}, min(_row) AS first FROM {missing} GROUP BY {listed} "
        f"ORDER BY first LIMIT {_MOST_MISSING})"
    )
    count = _number(con, f"SELECT count(*) FROM {wanted}")
    if not count:
        con.execute(f"CREATE OR REPLACE TABLE {table} AS SELECT {listed}, NULL::VARCHAR AS hint FROM {wanted}")
        return table
    candidates = f"SELECT DISTINCT {_joined(names)} AS meant, {_plain(names)} AS plain FROM ({known})"
    found = (
        f"SELECT {', '.join(f'w.{name}' for name in names)}, c.meant, 0 AS wrong "
        f"FROM {wanted} w JOIN ({candidates}) c ON w.plain = c.plain"
    )
    if count * _number(con, f"SELECT count(*) FROM ({known})") <= _MOST_PAIRS:
        alike = "damerau_levenshtein(w.joined, c.meant)"
        found += (
            f" UNION ALL SELECT {', '.join(f'w.{name}' for name in names)}, c.meant, {alike} "
            f"FROM {wanted} w JOIN ({candidates}) c "
            f"ON abs(length(w.joined) - length(c.meant)) <= {_MOST_LETTERS} "
            f"AND length(w.joined) BETWEEN {_SHORTEST} AND {_LONGEST} AND {alike} <= {_MOST_LETTERS}"
        )
    con.execute(
        f"CREATE OR REPLACE TABLE {table} AS SELECT {listed}, {_hint('meant', lang)} AS hint "
        f"FROM (SELECT {listed}, arg_min(meant, (wrong, meant)) AS meant FROM ({found}) GROUP BY {listed})"
    )
    return table


def _joined(names: list[str]) -> str:
    return f"concat_ws(', ', {', '.join(names)})"


def _plain(names: list[str]) -> str:
    """A key without case, blanks, full width, separators and leading zeros."""
    full = "".join(chr(code + 0xFEE0) for code in range(0x21, 0x7F) if chr(code) not in _SEPARATORS)
    half = "".join(chr(code) for code in range(0x21, 0x7F) if chr(code) not in _SEPARATORS)
    # What has no counterpart in the second list is left out.
    lists = f"{duck.literal(full + _SEPARATORS)}, {duck.literal(half)}"
    parts = [f"ltrim(translate(lower({name}), {lists}), '0')" for name in names]
    return f"concat_ws(chr(31), {', '.join(parts)})"


def _hint(column: str, lang: str) -> str:
    """SQL: the hint that names the key in a column."""
    before, after = say("hint.nearest", lang, value=Plain(_STANDS_FOR_A_KEY)).split(_STANDS_FOR_A_KEY)
    quoted = f"'''' || {column} || ''''"
    return f"{duck.literal(before)} || {quoted} || {duck.literal(after)}"


def _number(con: duckdb.DuckDBPyConnection, query: str) -> int:
    found = con.execute(query).fetchone()
    return int(found[0]) if found else 0
