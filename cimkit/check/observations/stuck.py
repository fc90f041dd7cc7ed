"""Values that stay the same for too long: a device that stands still (``check: stuck``)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from cimkit.check.columns import ROW
from cimkit.check.delivery import ROWS, Delivery
from cimkit.check.instants import shown_time
from cimkit.check.kinds import Context, Decided
from cimkit.check.observations.series import called, concerned, in_series, no_times, series
from cimkit.check.relations.key_columns import key_names, key_text
from cimkit.check.rules import Rule
from cimkit.duck import literal
from cimkit.standard import Rule as StandardRule

_NUMBERS = ("integer", "number")


def decide(asked: StandardRule, rule: Rule, of: Sequence[Delivery], context: Context) -> Decided:
    """``stuck``: a series (the records with the same values in ``by``) has ``run`` equal values in a row, or more.

    Each such run is one finding, at its first record, with its exact length; values in ``allow``
    may stay. Records may stand in any order and in several files. Records without a value or
    without a time that can be read are left out, so a run goes on behind them; records with the
    same time count once.
    """
    by, time, value, run = (asked.parameters[name] for name in ("by", "time", "value", "run"))
    if skipped := no_times(asked, of, time, context.lang):
        yield skipped
        return
    columns = {d.number: d.table.columns[value] for d in of if value in d.table.columns}
    numbers = all(column.kind in _NUMBERS for column in columns.values())
    values = {
        number: f"CAST({column.value} AS DOUBLE)" if numbers else key_text(column) for number, column in columns.items()
    }
    allowed = [
        literal(float(item)) if numbers else literal(_text(item))
        for item in asked.parameters.get("allow", ())
        if not numbers or (isinstance(item, (int, float)) and not isinstance(item, bool))
    ]
    where = concerned(context, asked, of)
    names = ", ".join(key_names(by))
    window = f"(PARTITION BY {names} ORDER BY moment, place)"
    table = context.new_table("runs")
    # Records that repeat the value before them are few; of these alone the runs are made.
    context.con.execute(
        f"CREATE TABLE {table} AS SELECT {names}, arg_min(before_place, number) AS place, "
        "1 + count(*) FILTER (WHERE moment > before) AS length, min(before) AS start, max(moment) AS stop FROM ("
        f"SELECT *, number - row_number() OVER (PARTITION BY {names} ORDER BY number) AS run FROM ("
        f"SELECT *, row_number() OVER {window} AS number, lag(value) OVER {window} AS before_value, "
        f"lag(moment) OVER {window} AS before, lag(place) OVER {window} AS before_place "
        f"FROM ({series(of, by, time, where, value=values)})) WHERE value = before_value"
        f"{f' AND value NOT IN ({chr(44).join(allowed)})' if allowed else ''}"
        f") GROUP BY {names}, run HAVING length >= {run}"
    )
    told = replace(rule, field=value, column=value, parameters={"allow": [], **rule.parameters})
    for each in of:
        filled = columns[each.number].filled if each.number in columns else "FALSE"
        checked = context.count(each, in_series(each, by, time), filled, where[each.number])
        runs = (
            f"SELECT place % {ROWS} AS {ROW}, {called(by)} AS series, length, {shown_time('start')} AS start, "
            f"{shown_time('stop')} AS stop FROM {table} WHERE place // {ROWS} = {each.number}"
        )
        yield each, context.from_query(told, each, checked, runs)


def _text(item: object) -> str:
    """A JSON value as key_text has it."""
    return str(item).lower() if isinstance(item, bool) else str(item)
