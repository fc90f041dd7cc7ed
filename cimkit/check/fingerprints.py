"""What makes a finding the same in another run: its rule, the feature and the field, never the row's number.

A feature is known by its key; one without a key by its content (every delivered cell and the
geometry), so that records may be sorted, added and removed around it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
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
_SHAPE = identifier("content:geometry")  # no name that a delivered column has in the view


def fingerprint(rule: Rule, feature: str) -> str:
    """The fingerprint of a rule's finding at a feature (of :func:`features`)."""
    return fingerprint_of(rule.rule, rule.code, rule.field, feature)


def fingerprint_of(rule: str, code: str, field: str | None, feature: str) -> str:
    """The fingerprint of a rule's address, its code, the standard's field and a feature."""
    text = _SEPARATOR.join((rule, code, field or "", feature))
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()[:_LENGTH]


def fingerprint_sql(rule: Rule, feature: str) -> str:
    """The same in SQL, where ``feature`` is a column."""
    start = _SEPARATOR.join((rule.rule, rule.code, rule.field or "", ""))
    return f"left(md5({literal(start)} || {feature}), {_LENGTH})"


def features_sql(layer: LayerSchema, table: Table, rows: str) -> str:
    """A query for (_row, feature) of the rows in the query ``rows``."""
    cells = [f"coalesce(CAST({column.raw} AS VARCHAR), '')" for column in table.columns.values()]
    content = f"'row:' || md5(concat_ws(chr(31), {', '.join(cells) or literal('')}, coalesce({_SHAPE}, '')))"
    key = table.columns.get(layer.key or "")
    feature = content if key is None else f"coalesce('id:' || {key_text(key)}, {content})"
    shape = f"md5({identifier(GEOMETRY)})" if table.has_geometry else "NULL"
    shapes = f"SELECT {ROW}, {shape} AS {_SHAPE} FROM {table.source}"
    return (
        f"SELECT {ROW}, {feature} AS feature FROM (SELECT * FROM ({table.sql}) SEMI JOIN ({rows}) USING ({ROW})) "
        f"JOIN (SELECT * FROM ({shapes}) SEMI JOIN ({rows}) USING ({ROW})) USING ({ROW})"
    )


def features(con: duckdb.DuckDBPyConnection, layer: LayerSchema, table: Table, rows: str) -> Mapping[int, str]:
    """Row -> feature, of the rows in the query ``rows``."""
    return dict(con.execute(features_sql(layer, table, rows)).fetchall())
