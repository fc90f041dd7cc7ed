"""What a crosswalk sees of a staged layer: its columns with their DuckDB types, as a table expression."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cimkit import wkb
from cimkit.duck import identifier
from cimkit.formats import stored
from cimkit.formats.columns import JSON_MARK
from cimkit.model import Staged

if TYPE_CHECKING:
    import duckdb

#: Where a geometry's bytes are; under its own name, expressions see it as a DuckDB geometry.
WKB = "_geometry_wkb"
_OWN = ("_row", "_fid")


def columns(staged: Staged) -> list[str]:
    """The source's own columns; a text column that happens to be called geometry is one of them."""
    skipped = (*_OWN, "geometry") if has_wkb(staged) else _OWN
    return [name for name in stored.schema(staged).names if name not in skipped]


def has_wkb(staged: Staged) -> bool:
    """Whether the file has a geometry column, be it empty."""
    return stored.has_geometry(staged)


def json_columns(staged: Staged) -> frozenset[str]:
    """The columns whose cells are JSON text, since the source has values of several types in them."""
    return frozenset(field.name for field in stored.schema(staged) if JSON_MARK in (field.metadata or {}))


def unwrapped(json_sql: str) -> str:
    """JSON text as a cell: a string without its quotes, null as NULL, anything else as it is written."""
    return f"CASE WHEN json_valid({json_sql}) THEN json_extract_string({json_sql}, '$') ELSE {json_sql} END"


def table(staged: Staged, *, cells: bool) -> str:
    """A table expression in which ``geometry`` is a geometry and :data:`WKB` its bytes.

    ``cells`` unwraps columns of JSON text.
    """
    shown = ["*"]
    wrapped = sorted(json_columns(staged)) if cells else []
    if wrapped:
        columns = (f"{unwrapped(identifier(name))} AS {identifier(name)}" for name in wrapped)
        shown = [f"* REPLACE ({', '.join(columns)})"]
    if has_wkb(staged):
        # A geometry that cannot be read is NULL to expressions; its bytes go on to the check.
        shown[0] = "* EXCLUDE (geometry)" + shown[0].removeprefix("*")
        shown += [f"geometry AS {WKB}", f"{wkb.geometry_sql('geometry')} AS geometry"]
    file = stored.table(staged)
    return file if shown == ["*"] else f"(SELECT {', '.join(shown)} FROM {file})"


def kinds(con: duckdb.DuckDBPyConnection, table_sql: str) -> dict[str, str]:
    """The columns of a table expression, each with its DuckDB type."""
    return {row[0]: row[1] for row in con.execute(f"DESCRIBE SELECT * FROM {table_sql}").fetchall()}
