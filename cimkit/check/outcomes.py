"""What became of a rule: exact totals, the first records that failed, and what is said of each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from cimkit.check.columns import ROW
from cimkit.check.rules import Rule
from cimkit.model import Finding

if TYPE_CHECKING:
    import duckdb

#: Columns of a query's result that are no words for the message.
_OWN = frozenset({ROW, "value", "x", "y", "hint"})


@dataclass(frozen=True, slots=True)
class Detail:
    """What a finding of one record says beyond its rule.

    ``value`` is the offending value, ``says`` more for the message of the rule's code, ``point``
    the place in the layer's own CRS where that is not simply the record's.
    """

    value: Any = None
    says: Mapping[str, Any] = field(default_factory=dict)
    point: tuple[float, float] | None = None
    hint: str | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one rule over one delivered layer.

    ``checked`` records it applied to, ``failed`` records that failed, the first ``rows`` of those, and
    by row what is said of each. ``table`` holds every failing row with its details, where one was made.
    ``about`` are findings about the layer as a whole. ``known`` and ``suppressed`` failures do not
    count among ``failed``.
    """

    rule: Rule
    checked: int
    failed: int
    rows: tuple[int, ...]
    details: Mapping[int, Detail] = field(default_factory=dict)
    table: str | None = None
    about: tuple[Finding, ...] = ()
    known: int = 0
    suppressed: int = 0


def detail(item: Mapping[str, Any]) -> Detail:
    """A row of a table of failures: ``value``, ``x`` and ``y``, ``hint``; any other column is a word of the message."""
    x, y = item.get("x"), item.get("y")
    return Detail(
        value=item.get("value"),
        says={name: value for name, value in item.items() if name not in _OWN},
        point=None if x is None or y is None else (x, y),
        hint=item.get("hint"),
    )


def details_of(con: duckdb.DuckDBPyConnection, table: str, rows: Sequence[int]) -> dict[int, Detail]:
    """Row -> what a table of failures says of it."""
    listed = ", ".join(str(int(row)) for row in rows) or "NULL"
    found = con.execute(f"SELECT DISTINCT ON ({ROW}) * FROM {table} WHERE {ROW} IN ({listed}) ORDER BY {ROW}")
    return {item[ROW]: detail(item) for item in found.to_arrow_table().to_pylist()}
