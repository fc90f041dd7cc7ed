"""Series without gaps: an observation in every interval, and one only of each time (``check: cadence``)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from cimkit.check.columns import ROW
from cimkit.check.delivery import ROWS, Delivery
from cimkit.check.instants import instant, shown_time, wall_clock, without_zone
from cimkit.check.kinds import Context, Decided
from cimkit.check.observations.durations import read_duration, shown_duration
from cimkit.check.observations.series import called, concerned, in_series, no_times, series
from cimkit.check.relations.key_columns import key_names, standing
from cimkit.check.relations.other_record import other_record
from cimkit.check.rules import Rule
from cimkit.duck import literal
from cimkit.messages import say
from cimkit.standard import Rule as StandardRule

#: The share of the interval by which two observations may be farther apart, where the rule does not say.
TOLERANCE = 0.5
_HOUR = 3_600_000_000


def decide(asked: StandardRule, rule: Rule, of: Sequence[Delivery], context: Context) -> Decided:
    """``cadence``: of the records with the same values in ``by`` there is one in every interval of ``every``.

    A gap is one finding (``observation.gap``), at the record after it. Two records of a series
    with the same time are one too (``observation.duplicate``), at every record but the first;
    others may be as near as they like, since an observation too many does no harm. Records may
    stand in any order and in several files; those without a time that can be read, or that do
    not say to which series they belong, are left out.

    Hours, minutes and seconds are counted as they pass, whatever the clocks do; days, months
    and years by the calendar of the place, as far as times name their offset: a day may have 23
    hours, and a month after 31 January is the end of February. Data that is only there to be
    referred to closes gaps, and is no duplicate of anything.
    """
    by, time = asked.parameters["by"], asked.parameters["time"]
    every = read_duration(asked.parameters["every"], asked.id)
    tolerance = asked.parameters.get("tolerance", TOLERANCE)
    if skipped := no_times(asked, of, time, context.lang):
        yield skipped
        return
    read = wall_clock if every.by_calendar else instant
    told = replace(rule, field=time, column=time, parameters={**rule.parameters, "tolerance": tolerance})
    repeated = replace(told, code="observation.duplicate", says=None)
    deliveries = context.of_layer(asked.layer)
    about = concerned(context, asked, deliveries)
    where = {d.number: f"{about[d.number]} AND {standing(d, context.deliveries)}" for d in deliveries}
    names = ", ".join(key_names(by))
    next_at = every.after("before")
    limit = f"{next_at} + CAST(({next_at} - before) * {float(tolerance)!r} AS BIGINT)"
    table = context.new_table("intervals")
    window = f"(PARTITION BY {names} ORDER BY moment, checked DESC, place)"
    context.con.execute(
        f"CREATE TABLE {table} AS SELECT place, {names}, moment, before, other FROM ("
        f"SELECT *, lag(moment) OVER {window} AS before, lag(place) OVER {window} AS other "
        f"FROM ({series(deliveries, by, time, where, read=read)})) "
        f"WHERE checked AND before IS NOT NULL AND (moment = before OR moment > {limit})"
    )
    for each in of:
        checked = context.count(each, in_series(each, by, time, read), about[each.number])
        mine = f"FROM {table} WHERE place // {ROWS} = {each.number}"
        yield (
            each,
            context.from_query(told, each, checked, _gaps(each, by, time, asked.parameters["every"], mine, context)),
        )
        again = (
            f"SELECT place % {ROWS} AS {ROW}, {called(by)} AS series, "
            f"{other_record('other', each, context.deliveries, context.lang)} AS hint {mine} AND moment = before"
        )
        yield each, context.from_query(repeated, each, checked, again)


def _gaps(of: Delivery, by: Sequence[str], time: str, every: str, mine: str, context: Context) -> str:
    """A query of the gaps of one delivery, with their words."""
    gaps = (
        f"SELECT place % {ROWS} AS {ROW}, moment - before AS long, {shown_duration('(moment - before)')} AS value, "
        f"{called(by)} AS series, {shown_time('before')} AS start, {shown_time('moment')} AS stop "
        f"{mine} AND moment > before"
    )
    column = of.table.columns.get(time)
    unclear = "FALSE" if column is None else without_zone(column)
    hint = f"CASE WHEN long % {_HOUR} = 0 AND unclear THEN {literal(say('hint.clock_change', context.lang))} END"
    return (
        f"SELECT {ROW}, value, value AS gap, series, start, stop, {literal(every)} AS every, {hint} AS hint "
        f"FROM ({gaps}) JOIN (SELECT {ROW}, {unclear} AS unclear FROM ({of.table.sql})) USING ({ROW})"
    )
