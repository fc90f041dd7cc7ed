"""When records are valid: from one instant up to, and not including, another; an empty end goes on."""

from __future__ import annotations

from collections.abc import Sequence

from cimkit.check.delivery import Delivery
from cimkit.check.instants import ALWAYS_AFTER, ALWAYS_BEFORE, has_times, instant, shown_time
from cimkit.check.relations.key_columns import claims, has_fields, key_names, listed, place


def bound(of: Delivery, field: str, empty: str) -> str:
    """SQL over the view: an end of a period in microseconds; ``empty`` where the cell is, NULL where it is no time."""
    column = of.table.columns.get(field)
    if column is None:
        return empty
    if not has_times(column):
        return f"CASE WHEN NOT {column.delivered} THEN {empty} END"
    return f"CASE WHEN {column.filled} THEN {instant(column)} WHEN NOT {column.delivered} THEN {empty} END"


def with_periods(
    deliveries: Sequence[Delivery], fields: Sequence[str], start: str, end: str, where: dict[int, str]
) -> str:
    """A query of (place, k0 …, start, stop): the records that have the whole key and a period that is one.

    A period whose end is not after its beginning is told elsewhere, and is none here.
    """
    parts = [
        f"SELECT {place(d)} AS place, {listed(d, fields)}, {bound(d, start, ALWAYS_BEFORE)} AS start, "
        f"{bound(d, end, ALWAYS_AFTER)} AS stop FROM ({d.table.sql}) WHERE {claims(d, fields)} AND {where[d.number]}"
        for d in deliveries
        if has_fields(d, fields)
    ]
    none = ", ".join(f"NULL::VARCHAR AS {name}" for name in key_names(fields))
    nothing = f"SELECT NULL::BIGINT AS place, {none}, NULL::BIGINT AS start, NULL::BIGINT AS stop WHERE FALSE"
    return f"SELECT * FROM ({' UNION ALL '.join(parts) or nothing}) WHERE start < stop"


def shown_period(start: str, stop: str) -> str:
    """SQL: a period as people read it; three dots where it has no beginning or no end."""
    return f"{shown_time(start)} || ' – ' || {shown_time(stop)}"
