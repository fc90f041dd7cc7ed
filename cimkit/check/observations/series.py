"""Series of observations: the records that belong together, each with its time, over any number of deliveries."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from cimkit.check.columns import Column
from cimkit.check.delivery import Delivery
from cimkit.check.instants import has_times, instant
from cimkit.check.kinds import Context
from cimkit.check.relations.key_columns import claims, has_fields, key_names, listed, place
from cimkit.messages import say
from cimkit.model import Skipped
from cimkit.standard import Rule as StandardRule

#: How a time is read: its instant, or what the clock of the place showed.
ReadTime = Callable[[Column], str]


def no_times(asked: StandardRule, deliveries: Sequence[Delivery], time: str, lang: str) -> Skipped | None:
    """Why a rule about times is not decided: the field was delivered, and holds none anywhere."""
    columns = [d.table.columns[time] for d in deliveries if time in d.table.columns]
    if not columns or any(has_times(column) for column in columns):
        return None
    return Skipped(asked.id, say("skipped.no_times", lang, layer=asked.layer, field=time))


def in_series(of: Delivery, by: Sequence[str], time: str, read: ReadTime = instant) -> str:
    """SQL over the view: the record says to which series it belongs, and its time can be read."""
    column = of.table.columns.get(time)
    if column is None or not has_times(column):
        return "FALSE"
    return f"({claims(of, by)} AND {read(column)} IS NOT NULL)"


def series(
    deliveries: Sequence[Delivery],
    by: Sequence[str],
    time: str,
    where: Mapping[int, str],
    *,
    value: Mapping[int, str] | None = None,
    read: ReadTime = instant,
) -> str:
    """A query of (place, checked, k0 …, moment, value): every record of a series.

    ``where`` and ``value`` are SQL over the view of each delivery, by its number; without a
    value the record is left out.
    """
    parts = []
    for d in deliveries:
        if has_fields(d, [*by, time]) and has_times(d.table.columns[time]) and (value is None or d.number in value):
            shown = "NULL" if value is None else value[d.number]
            parts.append(
                f"SELECT {place(d)} AS place, {d.checked} AS checked, {listed(d, by)}, "
                f"{read(d.table.columns[time])} AS moment, {shown} AS value "
                f"FROM ({d.table.sql}) WHERE {claims(d, by)} AND {where[d.number]}"
            )
    keys = ", ".join(f"NULL::VARCHAR AS {name}" for name in key_names(by))
    nothing = f"SELECT 0::BIGINT AS place, TRUE AS checked, {keys}, 0::BIGINT AS moment, NULL AS value WHERE FALSE"
    needed = "moment IS NOT NULL" if value is None else "moment IS NOT NULL AND value IS NOT NULL"
    return f"SELECT * FROM ({' UNION ALL '.join(parts) or nothing}) WHERE {needed}"


def called(by: Sequence[str]) -> str:
    """SQL: what a series is called: the values that its records share."""
    return f"concat_ws(', ', {', '.join(key_names(by))})"


def concerned(context: Context, asked: StandardRule, deliveries: Sequence[Delivery]) -> dict[int, str]:
    """Which records of each delivery the rule is about."""
    return {d.number: context.concerned(asked, d) for d in deliveries}
