"""Read a long result piece by piece, and write pieces to a table, while the connection goes on working."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from cimkit import duck

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa


def read(con: duckdb.DuckDBPyConnection, query: str, rows: int) -> Iterator[pa.RecordBatch]:
    """The result of ``query`` in batches of at most ``rows`` rows; it must not read temporary tables.

    A connection has one open result, so this one is read through a cursor of its own.
    """
    cursor = con.cursor()
    try:
        yield from cursor.execute(query).fetch_record_batch(rows)
    finally:
        cursor.close()


def append(con: duckdb.DuckDBPyConnection, table: str, batch: pa.Table | pa.RecordBatch) -> None:
    """Add rows to a table, by the order of its columns."""
    con.register("appended", batch)
    try:
        con.execute(f"INSERT INTO {duck.identifier(table)} SELECT * FROM appended")
    finally:
        con.unregister("appended")
