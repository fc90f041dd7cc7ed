"""What a crosswalk sees of a staged layer: its columns with their DuckDB types, as a table expression."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cimkit import duck
from cimkit.model import Staged

if TYPE_CHECKING:
    import duckdb

#: Where a geometry's bytes are; under its own name, expressions see it as a DuckDB geometry.
WKB = "_geometry_wkb"
_OWN = ("_row", "_fid")


def columns(staged: Staged) -> list[str]:
    """The source's own columns; a text column that happens to be called geometry is one of them."""
    import pyarrow.parquet as pq

    skipped = (*_OWN, "geometry") if has_wkb(staged) else _OWN
    return [name for name in pq.read_schema(staged.path).names if name not in skipped]


def has_wkb(staged: Staged) -> bool:
    """Whether the file has a geometry column, be it empty."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    schema = pq.read_schema(staged.path)
    kind = schema.field("geometry").type if "geometry" in schema.names else None
    return kind is not None and (pa.types.is_binary(kind) or pa.types.is_large_binary(kind))


def table(staged: Staged) -> str:
    """A table expression in which ``geometry`` is a geometry and :data:`WKB` its bytes."""
    file = duck.parquet(staged.path)
    if not has_wkb(staged):
        return file
    return f"(SELECT * EXCLUDE (geometry), geometry AS {WKB}, TRY(ST_GeomFromWKB(geometry)) AS geometry FROM {file})"


def kinds(con: duckdb.DuckDBPyConnection, table_sql: str) -> dict[str, str]:
    """The columns of a table expression, each with its DuckDB type."""
    return {row[0]: row[1] for row in con.execute(f"DESCRIBE SELECT * FROM {table_sql}").fetchall()}
