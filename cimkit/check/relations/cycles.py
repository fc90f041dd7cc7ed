"""Records that are above themselves: the cycles among records that each name one other, found by joins alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import duckdb

#: Levels that are taken off one by one; what is deeper is taken in steps that double.
_LEVELS = 64
#: Steps of a cycle that are told.
_TOLD = 6


def find_cycles(con: duckdb.DuckDBPyConnection, nodes: str, cycles: str) -> None:
    """A table (key, path) of the nodes on a cycle, from a table (key, parent) in which each key stands once.

    The path is the keys from the node upwards, back to it. A node below a cycle is not on it.

    Records whose parent is nobody's are taken off, level by level: what remains leads into a
    cycle, or is deeper than levels are counted. Of the rest, the node that is 2^k steps up is
    found for k = 0, 1, … until that is more steps than there are nodes: whatever is still there
    is on a cycle, and every node of a cycle is there.
    """
    left = f"{cycles}_left"
    con.execute(f"CREATE TABLE {left} AS SELECT key, parent FROM {nodes} WHERE parent IS NOT NULL")
    count = _count(con, left)
    for _ in range(_LEVELS):
        con.execute(
            f"CREATE OR REPLACE TABLE {left} AS FROM {left} a SEMI JOIN (SELECT key FROM {left}) b ON a.parent = b.key"
        )
        before, count = count, _count(con, left)
        if count in (0, before):
            break
    jump = f"{cycles}_jump"
    con.execute(f"CREATE TABLE {jump} AS SELECT key, parent AS up FROM {left}")
    for _ in range(max(count, 1).bit_length()):
        con.execute(f"CREATE OR REPLACE TABLE {jump} AS SELECT a.key, b.up FROM {jump} a JOIN {jump} b ON a.up = b.key")
    con.execute(
        f"CREATE TABLE {cycles}_on AS SELECT key, parent FROM {left} "
        f"SEMI JOIN (SELECT up AS key FROM {jump}) USING (key)"
    )
    steps = "".join(f" LEFT JOIN {cycles}_on s{n} ON s{n}.key = s{n - 1}.parent" for n in range(1, _TOLD + 1))
    con.execute(f"CREATE TABLE {cycles} AS SELECT s0.key, {_path()} AS path FROM {cycles}_on s0{steps}")
    for table in (left, jump, f"{cycles}_on"):
        con.execute(f"DROP TABLE {table}")


def _path() -> str:
    """SQL: the keys upwards until the first one is met again, or three dots where that is too far."""
    text = "'…'"
    for number in range(_TOLD, -1, -1):
        text = f"s{number}.parent || CASE WHEN s{number}.parent = s0.key THEN '' ELSE ' → ' || {text} END"
    return f"s0.key || ' → ' || {text}"


def _count(con: duckdb.DuckDBPyConnection, table: str) -> int:
    found = con.execute(f"SELECT count(*) FROM {table}").fetchone()
    return int(found[0]) if found else 0
