"""Keys that may occur once: ``cim:key`` of a layer, and keys of several fields (``check: unique``)."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from cimkit.check.columns import ROW
from cimkit.check.delivery import ROWS, Delivery
from cimkit.check.kinds import Context, Decided
from cimkit.check.relations.key_columns import claims, key_names, keyed, shown_key
from cimkit.check.rules import Rule
from cimkit.standard import Rule as StandardRule

if TYPE_CHECKING:
    import duckdb


def key_rules(
    con: duckdb.DuckDBPyConnection, deliveries: Sequence[Delivery], of: Delivery, own_keys: Collection[str]
) -> Iterator[Rule]:
    """The rules of a layer's ``cim:key`` fields.

    A value may occur once among all deliveries of the layer, or once in each delivery where
    the layer is one of ``own_keys``. Every record of a value that
    occurs again fails, since which of them is right cannot be told. What was found stays in
    tables of the connection.
    """
    same = _together(deliveries, of, own_keys)
    for position, field in enumerate(of.layer.fields.values()):
        if not field.key:
            continue
        column = of.table.columns.get(field.name)
        repeated = f"repeated_{same[0].number}_{position}"
        if same[0] is of:
            find_repeated(con, same, [field.name], repeated)
        yield Rule(
            rule=f"{of.layer.name}.{field.name}#unique",
            code="key.duplicate",
            layer=of.layer.name,
            field=field.name,
            column=field.name,
            bad="FALSE"
            if column is None
            else f"({ROW} IN (SELECT {ROW} FROM {repeated} WHERE delivery = {of.number}))",
            applies=column.filled if column else "FALSE",
            pointer=f"/properties/{field.name}/cim:key",
            says={"repeated": repeated, "delivery": of.number},
        )


def decide(asked: StandardRule, rule: Rule, of: Sequence[Delivery], context: Context) -> Decided:
    """``unique``: the values of ``fields`` together occur once in the layer.

    A record with an empty part claims nothing. As with ``cim:key``, every record of a key that
    occurs again fails; records of data that is only there to be referred to are not counted.
    """
    fields = asked.parameters["fields"]
    concerned = {d.number: context.concerned(asked, d) for d in of}
    found: dict[int, str] = {}
    for each in of:
        same = _together(of, each, context.own_keys)
        repeated = found.get(same[0].number)
        if repeated is None:
            repeated = found[same[0].number] = context.new_table("repeated")
            find_repeated(context.con, same, fields, repeated, concerned)
        told = replace(rule, says={**(rule.says or {}), "repeated": repeated, "delivery": each.number})
        value = f", {shown_key(fields)} AS value" if len(fields) > 1 else ""
        failing = f"SELECT {ROW}{value} FROM {repeated} WHERE delivery = {each.number}"
        checked = context.count(each, claims(each, fields), concerned[each.number])
        yield each, context.from_query(told, each, checked, failing)


def _together(deliveries: Sequence[Delivery], of: Delivery, own_keys: Collection[str]) -> list[Delivery]:
    """The deliveries among which a key of one of them may occur once."""
    if of.layer.name in own_keys:
        return [of]
    return [d for d in deliveries if d.checked and d.layer.name == of.layer.name]


def find_repeated(
    con: duckdb.DuckDBPyConnection,
    deliveries: Sequence[Delivery],
    fields: Sequence[str],
    repeated: str,
    where: Mapping[int, str] | None = None,
) -> None:
    """A table of the records whose key is not theirs alone: (delivery, _row, k0 …, other_delivery, other_row).

    ``where`` says which records count, in SQL over the view of each delivery, by its number.
    """
    names = ", ".join(key_names(fields))
    keys = keyed(deliveries, fields, where or {})
    # Twice over the file, since keys that repeat are few and all keys may be many.
    con.execute(
        f"CREATE TABLE {repeated}_keys AS "
        f"SELECT {names}, min(place, 2) AS places FROM ({keys}) GROUP BY {names} HAVING count(*) > 1"
    )
    con.execute(
        f"CREATE TABLE {repeated} AS SELECT place // {ROWS} AS delivery, place % {ROWS} AS {ROW}, {names}, "
        f"other // {ROWS} AS other_delivery, other % {ROWS} AS other_row FROM ("
        f"SELECT *, CASE WHEN place = places[1] THEN places[2] ELSE places[1] END AS other "
        f"FROM ({keys}) JOIN {repeated}_keys USING ({names}))"
    )
