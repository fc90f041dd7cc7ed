"""Many rules decided at once: one pass that counts, and a short one for the first rows that fail."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from cimkit.check.columns import ROW
from cimkit.check.json_schema.sql import ALWAYS, NEVER, any_of
from cimkit.check.outcomes import Outcome
from cimkit.check.rules import Rule

if TYPE_CHECKING:
    import duckdb

#: Rows looked through for samples at first, and how many times more each time after.
_FIRST_ROWS, _GROWTH = 131_072, 4


def prepare(con: duckdb.DuckDBPyConnection) -> None:
    """Makes a connection fit for predicates that guard each other.

    DuckDB 1.5 computes an expression that two predicates share beforehand, outside the TRY or
    CASE that keeps it from failing; so it may not share them.
    """
    con.execute("SET GLOBAL disabled_optimizers = 'common_subexpressions'")


def decide(
    con: duckdb.DuckDBPyConnection,
    view: str,
    rules: Sequence[Rule],
    samples: int | None,
    counted: Sequence[Rule] = (),
    read: Sequence[str] = (),
) -> list[Outcome]:
    """Every rule decided; at most ``samples`` rows are kept of each (None: all), none of those that are ``counted``.

    ``read`` are columns of the view that are read through even if no rule looks at their values,
    so that damage to their file shows.
    """
    counts, end = _counts(con, view, [*rules, *counted], read)
    failing = {rule.bad: counts[rule.bad] for rule in rules if counts[rule.bad]}
    rows = _all_rows(con, view, failing) if samples is None else _first_rows(con, view, failing, samples, end)
    return [
        Outcome(rule, counts[rule.applies], counts[rule.bad], tuple(sorted(rows.get(rule.bad, ()))))
        for rule in (*rules, *counted)
    ]


def _counts(
    con: duckdb.DuckDBPyConnection, view: str, rules: Sequence[Rule], read: Sequence[str]
) -> tuple[dict[str, int], int]:
    """Predicate -> for how many records it is true; and the row behind the last one."""
    predicates = [p for rule in rules for p in (rule.bad, rule.applies) if p not in (ALWAYS, NEVER)]
    names = {predicate: f"t{number}" for number, predicate in enumerate(dict.fromkeys(predicates))}
    # DuckDB answers whether a column is NULL from the statistics of a file, and does not read it for that.
    asked = " ".join(names).replace(" IS NULL", "\0").replace(" IS NOT NULL", "\0")
    idle = {column: f"r{number}" for number, column in enumerate(read) if not _reads(asked, column)}
    counted = [
        *(f"coalesce(count_if({name}), 0)" for name in names.values()),
        *(f"max(hash({name}))" for name in idle.values()),
    ]
    query = f"SELECT {', '.join(['count(*)', f'max({ROW})', *counted])} FROM ({_tested(view, names | idle)})"
    found = con.execute(query).fetchone() or ()
    counts = {NEVER: 0, ALWAYS: int(found[0]), **dict(zip(names, map(int, found[2 : 2 + len(names)]), strict=True))}
    return counts, 0 if found[1] is None else int(found[1]) + 1


def _reads(asked: str, column: str) -> bool:
    return column in asked.replace(f"{column}\0", "")


def _first_rows(
    con: duckdb.DuckDBPyConnection, view: str, failing: dict[str, int], samples: int, end: int
) -> dict[str, list[int]]:
    """Predicate -> the first rows for which it is true; the view is read no further than is needed for them."""
    found: dict[str, list[int]] = {predicate: [] for predicate in failing}
    start, length = 0, _FIRST_ROWS
    while start < end and (left := [p for p in failing if len(found[p]) < min(samples, failing[p])]):
        names = {predicate: f"t{number}" for number, predicate in enumerate(left)}
        taken = ", ".join(f"min({ROW}, {samples - len(found[p])}) FILTER (WHERE {name})" for p, name in names.items())
        part = f"SELECT * FROM ({view}) WHERE {ROW} >= {start} AND {ROW} < {start + length}"
        rows = con.execute(f"SELECT {taken} FROM ({_tested(part, names)}) WHERE {any_of(names.values())}").fetchone()
        for predicate, more in zip(left, rows or (), strict=True):
            found[predicate] += sorted(more or ())
        start, length = start + length, length * _GROWTH
    return found


def _all_rows(con: duckdb.DuckDBPyConnection, view: str, failing: dict[str, int]) -> dict[str, list[int]]:
    """Predicate -> every row for which it is true."""
    if not failing:
        return {}
    names = {predicate: f"t{number}" for number, predicate in enumerate(failing)}
    taken = ", ".join(f"list({ROW}) FILTER (WHERE {name})" for name in names.values())
    rows = con.execute(f"SELECT {taken} FROM ({_tested(view, names)})").fetchone() or ()
    return dict(zip(failing, rows, strict=True))


def _tested(view: str, names: dict[str, str]) -> str:
    """The view's rows with the predicates as columns."""
    return f"SELECT {', '.join([ROW, *(f'{p} AS {name}' for p, name in names.items())])} FROM ({view})"
