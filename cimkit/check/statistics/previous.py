"""What the last version of a layer was like, for expectations that compare with it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from cimkit.check.delivery import Delivery
from cimkit.duck import identifier

if TYPE_CHECKING:
    import duckdb

#: A column of more values than this is compared by classes.
_MOST_VALUES = 100
_CLASSES = 20


def rows(previous: Sequence[Delivery]) -> int:
    """How many records the last version had."""
    return sum(delivery.table.rows for delivery in previous)


def partition(con: duckdb.DuckDBPyConnection, previous: Sequence[Delivery], field: str) -> dict[str, Any] | None:
    """The distribution of a field: values or classes (``bins``), and the share of each; None where it was empty.

    Numbers of many values fall into classes of the same width.
    """
    column = identifier(field)
    table = " UNION ALL ".join(f"SELECT {column} AS value FROM ({d.table.sql})" for d in previous)
    filled = f"SELECT value FROM ({table}) WHERE value IS NOT NULL"
    about = con.execute(f"SELECT any_value(typeof(value)), count(DISTINCT value) FROM ({filled})").fetchone()
    kind, values = about or (None, 0)
    if not values:
        return None
    if values <= _MOST_VALUES or kind in ("VARCHAR", "BOOLEAN"):
        counted = con.execute(
            f"SELECT value, count(*) FROM ({filled}) GROUP BY value ORDER BY count(*) DESC, value LIMIT {_MOST_VALUES}"
        ).fetchall()
        total = sum(count for _, count in counted)
        return {"values": [value for value, _ in counted], "weights": [count / total for _, count in counted]}
    low, high = con.execute(f"SELECT min(value)::DOUBLE, max(value)::DOUBLE FROM ({filled})").fetchone() or (0, 0)
    width = (high - low) / _CLASSES
    counted = con.execute(
        f"SELECT least(floor((value::DOUBLE - {low!r}) / {width!r})::INTEGER, {_CLASSES - 1}) AS class, count(*) "
        f"FROM ({filled}) GROUP BY class"
    ).fetchall()
    total = sum(count for _, count in counted)
    shares = dict(counted)
    return {
        "bins": [low + number * width for number in range(_CLASSES)] + [high],
        "weights": [shares.get(number, 0) / total for number in range(_CLASSES)],
    }
