"""Times that say their zone, and that have been (``check: times``)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from cimkit.check.columns import ROW, Table
from cimkit.check.delivery import Delivery
from cimkit.check.expressions import condition
from cimkit.check.instants import has_times, instant, only_a_date, without_zone
from cimkit.check.kinds import Context, Decided
from cimkit.check.observations.durations import read_duration
from cimkit.check.rules import Rule
from cimkit.standard import LayerSchema
from cimkit.standard import Rule as StandardRule

if TYPE_CHECKING:
    import duckdb

FUTURE = "PT0S"
#: A time without a zone may be that of the islands where it is 14 hours later than in UTC.
_LATEST_ZONE = 14 * 3_600_000_000
_NEVER = f"SELECT NULL::BIGINT AS {ROW} WHERE FALSE"


def decide(asked: StandardRule, rule: Rule, of: Sequence[Delivery], context: Context) -> Decided:
    """``times``: the times in ``fields`` say their zone (unless ``zone`` is false), and are not to come.

    A time without a zone is ``time.no_zone``; dates have none, and times of typed sources carry
    their own. A time that is more than ``future`` (``PT0S``) after the clock of the check is
    ``time.future``; where the zone is not said, or a date alone is given, whatever may already be
    so somewhere on earth is let pass.

    A layer's ``format: date-time`` asks for the zone too. What is wrong is told once: by this
    rule, unless the format is the graver one (see :func:`told_of_zones`).
    """
    zone, future = asked.parameters.get("zone", True), asked.parameters.get("future", FUTURE)
    latest = read_duration(future, asked.id)
    now = int(context.now.timestamp()) * 1_000_000 + context.now.microsecond
    rule = replace(rule, parameters={**rule.parameters, "zone": zone, "future": future})
    for each in of:
        about = context.concerned(asked, each)
        for field in asked.parameters["fields"]:
            column = each.table.columns.get(field)
            told = replace(rule, field=field, column=field)
            unzoned = replace(told, code="time.no_zone")
            if column is None or not has_times(column):
                if zone:
                    yield each, context.from_query(unzoned, each, 0, _NEVER)
                yield each, context.from_query(told, each, 0, _NEVER)
                continue
            rows = f"SELECT {ROW} FROM ({each.table.sql}) WHERE {about}"
            if zone:
                mine = f"{rows} AND {without_zone(column)}" if _tells(asked, each.layer, field) else _NEVER
                checked = context.count(each, about, column.filled, f"NOT {only_a_date(column)}")
                yield each, context.from_query(unzoned, each, checked, mine)
            at = instant(column)
            unsure = f"CASE WHEN {without_zone(column)} OR {only_a_date(column)} THEN {_LATEST_ZONE} ELSE 0 END"
            checked = context.count(each, about, f"{at} IS NOT NULL")
            yield (
                each,
                context.from_query(told, each, checked, f"{rows} AND {at} > {latest.after(str(now))} + {unsure}"),
            )


def told_of_zones(
    con: duckdb.DuckDBPyConnection, layer: LayerSchema, table: Table, rules: Iterable[StandardRule]
) -> dict[str, str]:
    """Field -> SQL over the view: a rule of this kind tells that the value names no zone, so its format need not."""
    found: dict[str, str] = {}
    for asked in rules:
        if asked.check != "times" or asked.layer != layer.name or not asked.parameters.get("zone", True):
            continue
        for field in asked.parameters["fields"]:
            column = table.columns.get(field)
            if has_times(column) and column is not None and _tells(asked, layer, field):
                told = f"({condition(con, asked, layer, table)} AND {without_zone(column)})"
                found[field] = f"({found[field]} OR {told})" if field in found else told
    return found


def _tells(asked: StandardRule, layer: LayerSchema, field: str) -> bool:
    """Whether the rule tells of zones itself: a format is an error, and no rule that is less may take its place."""
    return asked.severity == "error" or layer.fields[field].format != "date-time"
