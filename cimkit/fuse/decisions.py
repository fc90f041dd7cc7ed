"""What people decided of single pairs: remembered in ``decisions.csv``, stronger than any score."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa

from cimkit.errors import SourceError, nearest
from cimkit.fuse import batches
from cimkit.fuse.findings import Findings

if TYPE_CHECKING:
    import duckdb

FILE = "decisions.csv"
_KEYS = ("left_source", "left_id", "right_source", "right_id")
_MEANING = {"same": True, "different": False}


def load(con: duckdb.DuckDBPyConnection, folder: Path, findings: Findings) -> None:
    """Make ``decision(a, b, same)`` of the file in ``folder``, empty where there is none.

    A pair may be named from either side; the last row about it holds. Rows whose decision is
    empty say nothing. A row about a record that is not (or no longer) there is a finding.

    Raises:
        SourceError: the file has other columns, or a decision that is neither same nor different.
    """
    con.execute("CREATE TABLE decision (a INTEGER, b INTEGER, same BOOLEAN)")
    path = folder / FILE
    if not path.exists():
        return
    rows = list(_rows(path))
    names = [*_KEYS, "same"]
    columns = list(zip(*rows, strict=True)) if rows else [()] * len(names)
    types = [*[pa.string()] * len(_KEYS), pa.bool_()]
    table = {name: pa.array(column, kind) for name, column, kind in zip(names, columns, types, strict=True)}
    con.execute(
        "CREATE TEMP TABLE said (number INTEGER, left_source VARCHAR, left_id VARCHAR, right_source VARCHAR, "
        "right_id VARCHAR, same BOOLEAN)"
    )
    batches.append(con, "said", pa.table({"number": pa.array(range(len(rows)), pa.int32()), **table}))
    con.execute(
        """
        CREATE TEMP TABLE heard AS
        SELECT number, p.rid AS p, q.rid AS q, p.source AS p_source, q.source AS q_source, same
        FROM said
        LEFT JOIN (FROM record JOIN origin USING (source)) p ON p.name = left_source AND p.id = left_id
        LEFT JOIN (FROM record JOIN origin USING (source)) q ON q.name = right_source AND q.id = right_id;
        INSERT INTO decision
            SELECT least(p, q) AS a, greatest(p, q) AS b, arg_max(same, number)
            FROM heard WHERE p_source <> q_source GROUP BY a, b
        """
    )
    row = con.execute("SELECT count(*) FROM heard WHERE (p_source = q_source) IS DISTINCT FROM FALSE").fetchone()
    if row and row[0]:
        findings.add(
            "fuse.unknown_decision",
            "warning",
            FILE,
            f"{row[0]} decisions are not about two records of two sources that are here; they have no effect.",
        )
    con.execute("DROP TABLE said; DROP TABLE heard")


def _rows(path: Path) -> Iterator[tuple[str | bool, ...]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.DictReader(file)
        missing = {*_KEYS, "decision"} - set(reader.fieldnames or ())
        if missing:
            raise SourceError(
                f"{path} has no column '{sorted(missing)[0]}'.",
                hint=f"It needs {', '.join(_KEYS)} and decision, as review.csv has them.",
            )
        for row in reader:
            said = (row["decision"] or "").strip().lower()
            if not said:
                continue
            if said not in _MEANING:
                raise SourceError(
                    f"{path}, line {reader.line_num}: the decision '{said}' is neither 'same' nor 'different'.",
                    hint=nearest(said, _MEANING),
                )
            yield (*(row[key] or "" for key in _KEYS), _MEANING[said])
