"""How many records of another layer refer to each record: at least one, at most so many (``check: cardinality``)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from cimkit.check.columns import ROW
from cimkit.check.delivery import Delivery
from cimkit.check.kinds import Context, Decided
from cimkit.check.relations.key_columns import claims, has_fields, key_names, keyed, listed, shown_key, standing
from cimkit.check.relations.references import no_field
from cimkit.check.rules import Rule
from cimkit.duck import literal
from cimkit.messages import Plain, say
from cimkit.standard import Rule as StandardRule


def decide(asked: StandardRule, rule: Rule, of: Sequence[Delivery], context: Context) -> Decided:
    """``cardinality``: from ``min`` to ``max`` records of the layer ``of`` refer to each record.

    They have in ``fields`` what the record has in ``to``. Without ``min`` and ``max``, one at
    least. A record with an empty part cannot be referred to and is not judged. Data that is only
    there to be referred to counts too, but for records that are delivered anew.
    """
    fields, to = asked.parameters["fields"], asked.parameters["to"]
    most = asked.parameters.get("max")
    least = asked.parameters.get("min", 1 if most is None else 0)
    others = context.of_layer(asked.parameters["of"])
    if not any(has_fields(d, fields) for d in others):
        yield no_field(asked, others, fields, context.lang)
        return
    names = ", ".join(key_names(fields))
    counts = context.new_table("referring")
    where = {d.number: standing(d, context.deliveries) for d in others}
    context.con.execute(
        f"CREATE TABLE {counts} AS SELECT {names}, count(*) AS count "
        f"FROM ({keyed(others, fields, where)}) GROUP BY {names}"
    )
    single = len(to) == 1
    told = replace(
        rule,
        field="|".join(to),
        column=to[0] if single else None,
        expected=Plain(asked.parameters["of"]),
        parameters={**rule.parameters, "min": least, **({} if most is None else {"max": most})},
    )
    wrong = f"count < {least}" if most is None else f"count NOT BETWEEN {least} AND {most}"
    words = _asked(least, most, context.lang)
    for each in of:
        concerned = context.concerned(asked, each)
        failing = f"SELECT NULL::BIGINT AS {ROW} WHERE FALSE"
        if has_fields(each, to):
            own = f"SELECT {ROW}, {listed(each, to)} FROM ({each.table.sql}) WHERE {claims(each, to)} AND {concerned}"
            counted = f"SELECT * REPLACE (coalesce(count, 0) AS count) FROM ({own}) LEFT JOIN {counts} USING ({names})"
            value = "" if single else f", {shown_key(to)} AS value"
            failing = f"SELECT {ROW}{value}, count, {words} AS asked FROM ({counted}) WHERE {wrong}"
        yield each, context.from_query(told, each, context.count(each, claims(each, to), concerned), failing)


def _asked(least: int, most: int | None, lang: str) -> str:
    """SQL: the number that is asked for, in words."""
    if most is None:
        return literal(say("word.at_least", lang, least=least))
    if least == most:
        return literal(say("word.exactly", lang, least=least))
    if least == 0:
        return literal(say("word.at_most", lang, most=most))
    return literal(say("word.from_to", lang, least=least, most=most))
