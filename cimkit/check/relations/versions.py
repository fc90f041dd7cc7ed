"""Versions of one thing follow each other: no two of them are valid at a time (``check: no_time_overlap``)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from cimkit.check.columns import ROW
from cimkit.check.delivery import ROWS, Delivery
from cimkit.check.kinds import Context, Decided
from cimkit.check.relations.key_columns import claims, key_names, shown_key, standing
from cimkit.check.relations.other_record import other_record
from cimkit.check.relations.periods import shown_period, with_periods
from cimkit.check.rules import Rule
from cimkit.standard import Rule as StandardRule


def decide(asked: StandardRule, rule: Rule, of: Sequence[Delivery], context: Context) -> Decided:
    """``no_time_overlap``: of the records with the same values in ``by`` one at most is valid at any time.

    A record is valid from ``from`` up to, and not including, ``until``; where one is empty,
    without that end. Every record fails that is valid together with another one, as which of
    them is right cannot be told. Data that is only there to be referred to counts too, but for
    records that are delivered anew.
    """
    by, start, end = (asked.parameters[name] for name in ("by", "from", "until"))
    versions = context.of_layer(asked.layer)
    where = {d.number: f"{context.concerned(asked, d)} AND {standing(d, context.deliveries)}" for d in versions}
    names = ", ".join(key_names(by))
    table = context.new_table("overlapping")
    window = f"(PARTITION BY {names} ORDER BY start, stop, place)"
    before = f"(PARTITION BY {names} ORDER BY start, stop, place ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)"
    context.con.execute(
        f"CREATE TABLE {table} AS SELECT place, {names}, start, stop, "
        "CASE WHEN earlier > start THEN earlier_place ELSE later_place END AS other, "
        "CASE WHEN earlier > start THEN earlier_start ELSE later END AS other_start, "
        "CASE WHEN earlier > start THEN earlier ELSE later_stop END AS other_stop "
        f"FROM (SELECT *, max(stop) OVER {before} AS earlier, arg_max(place, stop) OVER {before} AS earlier_place, "
        f"arg_max(start, stop) OVER {before} AS earlier_start, "
        f"lead(start) OVER {window} AS later, lead(stop) OVER {window} AS later_stop, "
        f"lead(place) OVER {window} AS later_place FROM ({with_periods(versions, by, start, end, where)})) "
        "WHERE earlier > start OR later < stop"
    )
    told = replace(rule, field="|".join(by), column=by[0] if len(by) == 1 else None)
    for each in of:
        failing = (
            f"SELECT place % {ROWS} AS {ROW}, {shown_key(by)} AS value, {shown_period('start', 'stop')} AS period, "
            f"{shown_period('other_start', 'other_stop')} AS others, "
            f"{other_record('other', each, context.deliveries, context.lang)} AS hint "
            f"FROM {table} WHERE place // {ROWS} = {each.number}"
        )
        concerned = context.concerned(asked, each)
        yield each, context.from_query(told, each, context.count(each, claims(each, by), concerned), failing)
