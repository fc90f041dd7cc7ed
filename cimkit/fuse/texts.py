"""The texts of records that are compared by them: folded once, counted, and marked for blocking."""

from __future__ import annotations

import re
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pyarrow as pa

from cimkit.fuse import batches
from cimkit.fuse.names import Rarity, fold, marks, split_branch, subscribers
from cimkit.fuse.records import Roster
from cimkit.model import Progress

if TYPE_CHECKING:
    import duckdb

BATCH_ROWS = 65_536
ROLES = ("name", "address", "postcode", "phone")
#: A mark on more of the records than this says nothing of where a partner is to be found.
_COMMON_SHARE = 0.005
_COMMON_LEAST = 50


@dataclass(frozen=True, slots=True)
class Rarities:
    """How rare the tokens of names and of addresses are, over all sources."""

    names: Rarity
    addresses: Rarity


def prepare(con: duckdb.DuckDBPyConnection, roster: Roster, progress: Progress) -> Rarities:
    """Make ``text(rid, full, name, branch, address, postcode, phone, marks)``: folded, empty where missing.

    ``full`` is the name with its branch, ``phone`` the subscribers' numbers separated by
    spaces, ``marks`` hashes of what is rare in the name (see :func:`cimkit.fuse.names.marks`).
    """
    con.execute(
        'CREATE TABLE folded (rid INTEGER, "full" VARCHAR, name VARCHAR, branch VARCHAR, address VARCHAR, '
        "postcode VARCHAR, phone VARCHAR, marks UINTEGER[])"
    )
    rarities = Rarities(Rarity(), Rarity())
    done, total = 0, sum(roster.records.values())
    texts = ", ".join(f"{_text(roster, role)} AS {role}" for role in ROLES)
    for batch in batches.read(con, f"SELECT rid, {texts} FROM attribute ORDER BY rid", BATCH_ROWS):
        table = _folded(batch)
        rarities.names.count(filter(None, table["full"].to_pylist()))
        rarities.addresses.count(filter(None, table["address"].to_pylist()))
        batches.append(con, "folded", table)
        done += batch.num_rows
        progress("texts", done, total)
    con.execute(
        f"""
        CREATE TABLE text AS
        WITH mark AS (SELECT rid, unnest(marks) AS mark FROM folded),
            rare AS (
                SELECT mark FROM mark GROUP BY mark
                HAVING count(*) <= {max(_COMMON_LEAST, int(_COMMON_SHARE * total))}
            ),
            kept AS (SELECT rid, list(mark ORDER BY mark) AS marks FROM mark SEMI JOIN rare USING (mark) GROUP BY rid)
        SELECT folded.* REPLACE (coalesce(kept.marks, []) AS marks)
        FROM folded LEFT JOIN kept USING (rid) ORDER BY rid;
        DROP TABLE folded
        """
    )
    return rarities


def _text(roster: Roster, role: str) -> str:
    """SQL for the first filled attribute of a role as text."""
    columns = [f"nullif(trim(CAST({attribute.column} AS VARCHAR)), '')" for attribute in roster.role(role)]
    return f"coalesce({', '.join([*columns, repr('')])})"


def _folded(batch: pa.RecordBatch) -> pa.Table:
    text = {role: batch.column(role).to_pylist() for role in ROLES}
    names = [fold(name) for name in text["name"]]
    parts = [split_branch(name) for name in names]
    hashes = [sorted({zlib.crc32(mark.encode()) for mark in marks(name)}) for name in names]
    return pa.table(
        {
            "rid": batch.column("rid"),
            "full": pa.array(names, pa.string()),
            "name": pa.array([name for name, _ in parts], pa.string()),
            "branch": pa.array([branch for _, branch in parts], pa.string()),
            "address": pa.array([fold(address) for address in text["address"]], pa.string()),
            "postcode": pa.array([re.sub(r"\W", "", fold(code)) for code in text["postcode"]], pa.string()),
            "phone": pa.array([" ".join(subscribers(phone)) for phone in text["phone"]], pa.string()),
            "marks": pa.array(hashes, pa.list_(pa.uint32())),
        }
    )
