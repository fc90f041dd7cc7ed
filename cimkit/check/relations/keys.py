"""Keys and references: what a record says about other records, of its own layer and of others."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import TYPE_CHECKING

from cimkit.check.columns import ROW, Column
from cimkit.check.delivery import ROWS, Delivery
from cimkit.check.rules import Rule
from cimkit.messages import say
from cimkit.model import Skipped
from cimkit.standard import FieldSpec

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
    alone = of.layer.name in own_keys
    same = [of] if alone else [d for d in deliveries if d.checked and d.layer.name == of.layer.name]
    for position, field in enumerate(of.layer.fields.values()):
        if not field.key:
            continue
        column = of.table.columns.get(field.name)
        repeated = f"repeated_{same[0].number}_{position}"
        if same[0] is of:
            _find_repeated(con, same, field, repeated)
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


def _find_repeated(
    con: duckdb.DuckDBPyConnection, deliveries: Sequence[Delivery], field: FieldSpec, repeated: str
) -> None:
    """A table of the records whose key is not theirs alone: (delivery, _row, other_delivery, other_row)."""
    parts = [
        f"SELECT {key_text(d.table.columns[field.name])} AS key, {d.number * ROWS} + {ROW} AS place "
        f"FROM ({d.table.sql}) WHERE {d.table.columns[field.name].filled}"
        for d in deliveries
        if field.name in d.table.columns
    ]
    keys = " UNION ALL ".join(parts) or "SELECT NULL::VARCHAR AS key, NULL::BIGINT AS place WHERE FALSE"
    # Twice over the file, since keys that repeat are few and all keys may be many.
    con.execute(
        f"CREATE TABLE {repeated}_keys AS "
        f"SELECT key, min(place, 2) AS places FROM ({keys}) GROUP BY key HAVING count(*) > 1"
    )
    con.execute(
        f"CREATE TABLE {repeated} AS SELECT place // {ROWS} AS delivery, place % {ROWS} AS {ROW}, "
        f"other // {ROWS} AS other_delivery, other % {ROWS} AS other_row FROM ("
        f"SELECT place, CASE WHEN place = places[1] THEN places[2] ELSE places[1] END AS other "
        f"FROM ({keys}) JOIN {repeated}_keys USING (key))"
    )


def reference_rules(deliveries: Sequence[Delivery], of: Delivery, lang: str) -> Iterator[Rule | Skipped]:
    """The rules of a layer's ``cim:ref`` fields: the value occurs in the field it refers to."""
    for field in of.layer.fields.values():
        if field.ref is None:
            continue
        address = f"{of.layer.name}.{field.name}#ref"
        target_layer, target_field = field.ref.split(".")
        targets = [d for d in deliveries if d.layer.name == target_layer]
        given = [d for d in targets if target_field in d.table.columns]
        if not given:
            why = "skipped.no_field" if targets else "skipped.no_layer"
            yield Skipped(address, say(why, lang, layer=target_layer, field=target_field))
            continue
        column = of.table.columns.get(field.name)
        known = " UNION ALL ".join(
            f"SELECT {key_text(d.table.columns[target_field])} FROM ({d.table.sql}) "
            f"WHERE {d.table.columns[target_field].filled}"
            for d in given
        )
        yield Rule(
            rule=address,
            code="relation.missing",
            layer=of.layer.name,
            field=field.name,
            column=field.name,
            bad=f"({column.filled} AND {key_text(column)} NOT IN ({known}))" if column else "FALSE",
            applies=column.filled if column else "FALSE",
            expected=field.ref,
            pointer=f"/properties/{field.name}/cim:ref",
        )


def key_text(column: Column) -> str:
    """A key as text, in which 7, 7.0 and (from another file) '7' are the same key."""
    if column.kind != "number":
        return f"CAST({column.value} AS VARCHAR)"
    value = column.value
    whole = f"{value} = trunc({value}) AND abs({value}) < 1e15"
    return f"(CASE WHEN {whole} THEN CAST({value} AS BIGINT)::VARCHAR ELSE {value}::VARCHAR END)"
