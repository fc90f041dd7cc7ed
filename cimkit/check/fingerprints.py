"""What makes a finding the same in another run: its rule, the feature and the field, never the row's number.

A feature is known by its key; one without a key by its content (every delivered cell and the
geometry), so that records may be sorted, added and removed around it, and columns change places.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from cimkit.check.columns import GEOMETRY, ROW, Table
from cimkit.check.relations.key_columns import key_text
from cimkit.check.rules import Rule
from cimkit.duck import identifier, literal
from cimkit.standard import LayerSchema

if TYPE_CHECKING:
    import duckdb

_LENGTH = 16
_SEPARATOR = "\x1f"
#: What the feature of a record with a key begins with.
KEYED = "id:"
_SHAPE = identifier("content:geometry")  # no name that a delivered column has in the view


def fingerprint(rule: Rule, feature: str) -> str:
    """The fingerprint of a rule's finding at a feature (of :func:`features`)."""
    return fingerprint_of(rule.rule, rule.code, rule.field, feature)


def fingerprint_of(rule: str, code: str, field: str | None, feature: str) -> str:
    """The fingerprint of a rule's address, its code, the standard's field and a feature."""
    text = _SEPARATOR.join((rule, code, field or "", feature))
    return hashlib.md5(text.encode(errors="surrogatepass"), usedforsecurity=False).hexdigest()[:_LENGTH]


def as_number(fingerprint: str) -> int | None:
    """A fingerprint as the number that it is; None where a text is none."""
    return int(fingerprint, 16) if re.fullmatch(rf"[0-9a-f]{{{_LENGTH}}}", fingerprint) else None


def number_sql(rules: Sequence[Rule], number: str, feature: str) -> str:
    """The same in SQL, as a number: of the rule with the 1-based ``number`` at a ``feature`` (columns, both)."""
    starts = [_SEPARATOR.join((rule.rule, rule.code, rule.field or "", "")) for rule in rules]
    start = f"list_extract([{', '.join(map(literal, starts))}], {number})"
    return f"CAST('0x' || left(md5({start} || {feature}), {_LENGTH}) AS UBIGINT)"


def features_sql(layer: LayerSchema, table: Table, rows: str, within: str = "TRUE") -> str:
    """A query for (_row, feature) of the rows in the query ``rows``, which fulfil the condition ``within``."""
    cells = [f"coalesce(CAST({table.columns[name].raw} AS VARCHAR), '')" for name in sorted(table.columns)]
    cells += [f"coalesce({_SHAPE}, '')"] if table.has_geometry else []
    content = f"'row:' || md5(concat_ws(chr(31), {', '.join(cells) or literal('')}))"
    key = table.columns.get(layer.key or "")
    feature = content if key is None else f"coalesce({literal(KEYED)} || {key_text(key)}, {content})"
    failing = f"SELECT * FROM (SELECT * FROM ({table.sql}) WHERE {within}) SEMI JOIN ({rows}) USING ({ROW})"
    if table.has_geometry:
        found = f"SELECT {ROW}, {identifier(GEOMETRY)} AS shape FROM {table.source} WHERE {within}"
        shapes = f"SELECT {ROW}, md5(shape) AS {_SHAPE} FROM ({found}) SEMI JOIN ({rows}) USING ({ROW})"
        failing += f" JOIN ({shapes}) USING ({ROW})"
    return f"SELECT {ROW}, {feature} AS feature FROM ({failing})"


def features(
    con: duckdb.DuckDBPyConnection, layer: LayerSchema, table: Table, rows: str, within: str
) -> Mapping[int, str]:
    """Row -> feature, of the rows in the query ``rows``, which fulfil the condition ``within``."""
    return dict(con.execute(features_sql(layer, table, rows, within)).fetchall())
