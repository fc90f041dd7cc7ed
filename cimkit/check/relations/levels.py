"""How far down a record stands: levels as numbers, and codes that stand for levels or for places in a hierarchy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import pyarrow as pa

from cimkit.standard import Codelist, LayerSchema

if TYPE_CHECKING:
    import duckdb


def depths(layer: LayerSchema, field: str, codelists: Mapping[str, Codelist]) -> dict[str, float]:
    """Code -> how far down it is, from 0; empty where the field's values are numbers themselves.

    Codes of a list with parents are as deep as the list has them; those of another list, or of
    an enumeration, as far down as they stand in it.
    """
    codelist = codelists.get(layer.fields[field].codelist or "")
    if codelist is not None and has_parents(codelist):
        return {code: float(len(above(codelist, code))) for code in codelist.codes}
    enum = layer.schema["properties"][field].get("enum")
    listed: Sequence[object] = list(codelist.codes) if codelist is not None else enum or ()
    return {code: float(number) for number, code in enumerate(c for c in listed if isinstance(c, str))}


def has_parents(codelist: Codelist) -> bool:
    """Whether a list is a hierarchy."""
    return any(code.parent for code in codelist.codes.values())


def above(codelist: Codelist, code: str) -> list[str]:
    """The codes above one, the nearest first."""
    found = []
    parent = codelist.codes[code].parent
    while parent:
        found.append(parent)
        parent = codelist.codes[parent].parent
    return found


def depth_table(con: duckdb.DuckDBPyConnection, name: str, found: Mapping[str, float]) -> None:
    """A table (code, depth)."""
    _table(
        con, name, {"code": pa.array(list(found), pa.string()), "depth": pa.array(list(found.values()), pa.float64())}
    )


def ancestor_table(con: duckdb.DuckDBPyConnection, name: str, codelist: Codelist) -> None:
    """A table (code, above): every code with each of those above it, and with NULL."""
    pairs = [(code, other) for code in codelist.codes for other in (None, *above(codelist, code))]
    columns = {"code": [code for code, _ in pairs], "above": [other for _, other in pairs]}
    _table(con, name, {column: pa.array(values, pa.string()) for column, values in columns.items()})


def _table(con: duckdb.DuckDBPyConnection, name: str, columns: dict[str, pa.Array]) -> None:
    con.register("listed", pa.table(columns))
    con.execute(f"CREATE TABLE {name} AS FROM listed")
    con.unregister("listed")
