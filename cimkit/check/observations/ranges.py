"""Values that can be, in the unit that was agreed on (``check: range``)."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import pyarrow as pa

from cimkit.check.columns import ROW, Column
from cimkit.check.delivery import Delivery
from cimkit.check.kinds import Context, Decided
from cimkit.check.observations.ucum import UNITS, alike, converted, ucum
from cimkit.check.outcomes import Outcome
from cimkit.check.relations.key_columns import claims, has_fields, key_names, listed
from cimkit.check.rules import Rule
from cimkit.messages import Plain, say
from cimkit.standard import Rule as StandardRule

_NUMBERS = ("integer", "number")


def decide(asked: StandardRule, rule: Rule, of: Sequence[Delivery], context: Context) -> Decided:
    """``range``: ``ranges`` says by the value of ``by`` (of several, joined with '|') what ``value`` may be.

    With ``unit``, a record in another unit than the range's is a finding of its own
    (``observation.unit``), and its value is not compared unless the other unit is the same one
    written otherwise; a record that names no unit is taken to be in the right one. Values of
    ``by`` that ``ranges`` does not name are not judged.
    """
    by, value, unit = asked.parameters["by"], asked.parameters["value"], asked.parameters.get("unit")
    ranges: Mapping[str, Mapping[str, Any]] = asked.parameters["ranges"]
    limits = context.new_table("ranges")
    _limit_table(context, limits, ranges)
    told = replace(rule, field=value, column=value)
    other_unit = replace(rule, code="observation.unit", field=unit, column=unit, says=None)
    for each in of:
        number = _number(each.table.columns.get(value))
        judged = context.new_table("judged")
        if has_fields(each, by) and number is not None:
            stated = each.table.columns.get(unit or "")
            text = "NULL::VARCHAR" if stated is None else f"CAST({stated.value} AS VARCHAR)"
            rows = (
                f"SELECT {ROW}, {number} AS value, {text} AS stated, {listed(each, by)} FROM ({each.table.sql}) "
                f"WHERE {claims(each, by)} AND {context.concerned(asked, each)}"
            )
        else:
            keys = ", ".join(f"NULL::VARCHAR AS {name}" for name in key_names(by))
            rows = f"SELECT 0::BIGINT AS {ROW}, 0.0 AS value, NULL::VARCHAR AS stated, {keys} WHERE FALSE"
        known = f"SELECT * FROM ({rows}) JOIN {limits} ON concat_ws('|', {', '.join(key_names(by))}) = key"
        context.con.execute(
            f"CREATE TABLE {judged} AS SELECT {ROW}, value, stated, key, "
            "(value < least OR value > most) IS TRUE "
            "AND (same IS NULL OR stated IS NULL OR list_contains(same, stated)) AS outside, "
            "(stated <> unit) IS TRUE AS elsewhere "
            f"FROM ({known}) WHERE value IS NOT NULL AND (outside OR elsewhere)"
        )
        checked = context.con.execute(f"SELECT count(*) FROM ({known}) WHERE value IS NOT NULL").fetchone()
        count = int(checked[0]) if checked else 0
        yield each, _outcome(told, each, count, f"FROM {judged} WHERE outside", ranges, context)
        if unit is not None:
            yield each, _outcome(other_unit, each, count, f"FROM {judged} WHERE elsewhere", ranges, context)


def _number(column: Column | None) -> str | None:
    """SQL over the view: a cell as a number."""
    if column is None or column.kind in ("nested", "absent", "boolean"):
        return None
    if column.kind in _NUMBERS:
        return f"CAST({column.value} AS DOUBLE)"
    cell = f"TRY_CAST({column.value} AS DOUBLE)"
    return f"(CASE WHEN isfinite({cell}) THEN {cell} END)"


def _limit_table(context: Context, name: str, ranges: Mapping[str, Mapping[str, Any]]) -> None:
    """A table (key, least, most, unit, same): ``same`` are the ways in which the unit is written."""
    rows = [
        {
            "key": key,
            "least": None if (least := about.get("min")) is None else float(least),
            "most": None if (most := about.get("max")) is None else float(most),
            "unit": about.get("unit"),
            "same": _spellings(about.get("unit")),
        }
        for key, about in ranges.items()
    ]
    types = {"key": pa.string(), "least": pa.float64(), "most": pa.float64(), "unit": pa.string()}
    schema = pa.schema([*types.items(), ("same", pa.list_(pa.string()))])
    context.con.register("limits", pa.Table.from_pylist(rows, schema=schema))
    context.con.execute(f"CREATE TABLE {name} AS FROM limits")
    context.con.unregister("limits")


def _spellings(unit: str | None) -> list[str] | None:
    """The ways in which a unit is written; None where any unit will do."""
    if unit is None:
        return None
    code = ucum(unit)
    return [unit, *([code, *UNITS[code].spellings] if code else [])]


def _outcome(
    rule: Rule,
    of: Delivery,
    checked: int,
    failing: str,
    ranges: Mapping[str, Mapping[str, Any]],
    context: Context,
) -> Outcome:
    """The outcome with words and hints for the first records, as many as are kept."""
    limit = "" if context.samples is None else f" LIMIT {context.samples}"
    rows = context.con.execute(f"SELECT {ROW}, key, value, stated {failing} ORDER BY {ROW}{limit}").fetchall()
    words = [
        {
            ROW: row,
            "series": key.replace("|", ", "),
            "asked": _asked(rule, ranges[key], context.lang),
            "hint": _hint(rule, ranges[key], value, stated, context.lang),
        }
        for row, key, value, stated in rows
    ]
    schema = pa.schema([(ROW, pa.int64()), *((name, pa.string()) for name in ("series", "asked", "hint"))])
    context.con.register("words", pa.Table.from_pylist(words, schema=schema))
    told = f"SELECT {ROW}, w.series, w.asked, w.hint FROM (SELECT {ROW} {failing}) LEFT JOIN words w USING ({ROW})"
    outcome = context.from_query(rule, of, checked, told)
    context.con.unregister("words")
    return outcome


def _asked(rule: Rule, about: Mapping[str, Any], lang: str) -> str:
    """What is asked for, in words."""
    unit = about.get("unit")
    if rule.code == "observation.unit":
        return str(unit)
    least, most = about.get("min"), about.get("max")
    if least is None:
        return say("word.not_above", lang, most=_in_unit(most, unit))
    if most is None:
        return say("word.not_below", lang, least=_in_unit(least, unit))
    return say("word.within", lang, least=least, most=_in_unit(most, unit))


def _in_unit(value: float | None, unit: str | None) -> str:
    """A number and its unit; that of a plain ratio is not written."""
    return f"{value:.10g}" if unit in (None, "1") else f"{value:.10g} {unit}"


def _hint(rule: Rule, about: Mapping[str, Any], value: float, stated: str | None, lang: str) -> str | None:
    """The unit that may be meant, or what the value is in the right one."""
    unit = about.get("unit")
    if unit is None:
        return None
    if rule.code == "observation.unit" and stated is not None:
        if ucum(stated) is not None and ucum(stated) == ucum(unit):
            return say("hint.unit_spelling", lang, value=Plain(unit))
        become = converted(value, stated, unit)
        if become is None:
            return None
        return say("hint.unit_converted", lang, before=_in_unit(value, stated), after=_in_unit(become, unit))
    for code in alike(unit):
        become = converted(value, code, unit)
        if become is not None and about.get("min", -math.inf) <= become <= about.get("max", math.inf):
            return say("hint.unit_meant", lang, unit=code, after=_in_unit(become, unit))
    return None
