"""One pass over a view that decides many rules: exact counts, and the first rows that fail."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cimkit.check.columns import ROW
from cimkit.check.rules import Rule
from cimkit.check.sql import ALWAYS, NEVER

if TYPE_CHECKING:
    import duckdb


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one rule: records it applied to, records that failed, the first rows of those."""

    rule: Rule
    checked: int
    failed: int
    rows: tuple[int, ...]


def decide(con: duckdb.DuckDBPyConnection, view: str, rules: Sequence[Rule], samples: int | None) -> list[Outcome]:
    """Every rule decided in one pass; at most ``samples`` rows are kept of each (None: all)."""
    tests: dict[str, str] = {}  # predicate -> its name inside the query
    for rule in rules:
        for predicate in (rule.bad, rule.applies):
            if predicate not in (ALWAYS, NEVER):
                tests.setdefault(predicate, f"t{len(tests)}")
    asked = ["count(*)"]
    asked += [f"count(*) FILTER (WHERE {name})" for name in tests.values()]
    bad = [p for p in dict.fromkeys(rule.bad for rule in rules) if p != NEVER] if samples != 0 else []
    asked += [f"{_first(samples)} FILTER (WHERE {tests.get(p, p)})" for p in bad]
    listed = ", ".join([ROW, *(f"{predicate} AS {name}" for predicate, name in tests.items())])
    found = con.execute(f"SELECT {', '.join(asked)} FROM (SELECT {listed} FROM ({view}))").fetchone() or ()
    counts: dict[str, int] = {NEVER: 0, ALWAYS: found[0]}
    counts |= dict(zip(tests, map(int, found[1:]), strict=False))
    rows = dict(zip(bad, found[1 + len(tests) :], strict=True))
    return [
        Outcome(rule, counts[rule.applies], counts[rule.bad], tuple(sorted(rows.get(rule.bad) or ()))) for rule in rules
    ]


def _first(samples: int | None) -> str:
    return f"list({ROW})" if samples is None else f"min({ROW}, {samples})"
