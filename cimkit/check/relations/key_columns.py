"""Keys of one field or several as columns of text, over any number of deliveries."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from cimkit.check.columns import ROW, Column
from cimkit.check.delivery import ROWS, Delivery


def key_text(column: Column) -> str:
    """A key as text, in which 7, 7.0 and (from another file) '7' are the same key."""
    if column.kind != "number":
        return f"CAST({column.value} AS VARCHAR)"
    value = column.value
    whole = f"{value} = trunc({value}) AND abs({value}) < 1e15"
    return f"(CASE WHEN {whole} THEN CAST({value} AS BIGINT)::VARCHAR ELSE {value}::VARCHAR END)"


def has_fields(of: Delivery, fields: Sequence[str]) -> bool:
    """Whether all of the fields were delivered."""
    return all(field in of.table.columns for field in fields)


def key_names(fields: Sequence[str], prefix: str = "k") -> list[str]:
    """The names of the columns that hold a key's parts."""
    return [f"{prefix}{number}" for number in range(len(fields))]


def claims(of: Delivery, fields: Sequence[str]) -> str:
    """SQL over the view: every part of the key has a value. A key with an empty part claims nothing."""
    if not has_fields(of, fields):
        return "FALSE"
    return "(" + " AND ".join(of.table.columns[field].filled for field in fields) + ")"


def place(of: Delivery) -> str:
    """SQL over the view: the record among those of all deliveries, as one number."""
    return f"({of.number * ROWS} + {ROW})"


def keyed(deliveries: Sequence[Delivery], fields: Sequence[str], where: Mapping[int, str] | None = None) -> str:
    """A query of (place, k0, k1, …): the records of the deliveries that have the whole key.

    ``where`` says which records count, in SQL over the view of each delivery, by its number.
    """
    parts = [
        f"SELECT {place(d)} AS place, {listed(d, fields)} FROM ({d.table.sql}) "
        f"WHERE {claims(d, fields)} AND {(where or {}).get(d.number, 'TRUE')}"
        for d in deliveries
        if has_fields(d, fields)
    ]
    none = ", ".join(f"NULL::VARCHAR AS {name}" for name in key_names(fields))
    return " UNION ALL ".join(parts) or f"SELECT NULL::BIGINT AS place, {none} WHERE FALSE"


def listed(of: Delivery, fields: Sequence[str]) -> str:
    """SQL over the view: the key's parts as columns."""
    return ", ".join(
        f"{key_text(of.table.columns[field])} AS {name}" for field, name in zip(fields, key_names(fields), strict=True)
    )


def standing(of: Delivery, deliveries: Sequence[Delivery]) -> str:
    """SQL over the view: the record stands, since no record that is checked has its key.

    What is checked stands itself; of data that is only there to be referred to, a new delivery
    takes the place of the records it has again.
    """
    key = of.layer.key
    if of.checked or key is None or key not in of.table.columns:
        return "TRUE"
    new = [d for d in deliveries if d.checked and d.layer.name == of.layer.name and key in d.table.columns]
    if not new:
        return "TRUE"
    column = of.table.columns[key]
    return f"(NOT {column.filled} OR {key_text(column)} NOT IN (SELECT k0 FROM ({keyed(new, [key])})))"


def shown_key(fields: Sequence[str], prefix: str = "k") -> str:
    """SQL: a key as a finding shows it; a list, where it has several parts."""
    names = key_names(fields, prefix)
    return names[0] if len(names) == 1 else f"[{', '.join(names)}]"
