"""Which records broke which rules, all of them, as a table; and the records that broke none."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from cimkit import duck
from cimkit.atomic import replacing
from cimkit.check.columns import FID, GEOMETRY, ROW
from cimkit.check.rules import Rule
from cimkit.crosswalk.typing import duckdb_type, typed
from cimkit.duck import identifier, literal, parquet
from cimkit.errors import SourceError
from cimkit.formats import stored
from cimkit.model import Mapped
from cimkit.standard import LayerSchema

if TYPE_CHECKING:
    import duckdb


class Rejects:
    """The pairs of a record and a rule it broke, gathered in a connection by their numbers alone."""

    def __init__(self, con: duckdb.DuckDBPyConnection) -> None:
        self.con = con
        self.named: list[tuple[Mapped, Rule]] = []
        con.execute(f"CREATE TABLE rejects (delivery INTEGER, {ROW} BIGINT, number INTEGER)")

    def add(self, delivery: int, mapped: Mapped, view: str, rules: Sequence[Rule]) -> None:
        """The records of a view that break one of the rules."""
        if not rules:
            return
        first = len(self.named) + 1
        self.named += [(mapped, rule) for rule in rules]
        tests = ", ".join(f"CASE WHEN {rule.bad} THEN {number} END" for number, rule in enumerate(rules, start=first))
        self.con.execute(
            f"INSERT INTO rejects SELECT {delivery}, {ROW}, number "
            f"FROM (SELECT {ROW}, unnest([{tests}]) AS number FROM ({view})) WHERE number IS NOT NULL"
        )

    def write(self, target: Path) -> None:
        """Everything, by delivery, row and rule."""

        def name(column: str, names: Sequence[str]) -> str:
            # Looked up behind the sort, which would otherwise carry every text along.
            listed = ", ".join(literal(text) for text in names)
            return f"CAST(list_extract(CAST([{listed}] AS VARCHAR[]), number) AS VARCHAR) AS {column}"

        columns = [
            name("layer", [mapped.layer for mapped, _ in self.named]),
            name("source", [mapped.staged.source.path for mapped, _ in self.named]),
            name("source_layer", [mapped.staged.layer for mapped, _ in self.named]),
            ROW,
            name("rule", [rule.rule for _, rule in self.named]),
            name("code", [rule.code for _, rule in self.named]),
        ]
        ordered = f"SELECT * FROM rejects ORDER BY delivery, {ROW}, number"
        write_parquet(self.con, f"SELECT {', '.join(columns)} FROM ({ordered})", target)


def accepted(mapped: Mapped, layer: LayerSchema, rejects: Path, target: Path) -> int:
    """Writes the records without an error, in the standard's types, and returns how many there are.

    The columns are all the layer's fields (NULL where none was delivered), ``geometry`` (WKB in
    ``mapped.crs``) where there is one, ``_row`` and ``_fid``. ``rejects`` is what
    :func:`cimkit.check.run_check` wrote.
    """
    source = stored.table(mapped)
    with duck.connect() as con:
        delivered = {row[0] for row in con.execute(f"DESCRIBE SELECT * FROM {source}").fetchall()}
        columns = []
        for name, spec in layer.fields.items():
            column = f"CAST(NULL AS {duckdb_type(spec)})"
            if name in delivered:
                column = typed(spec, identifier(name), name in mapped.text_fields).sql
            columns.append(f"{column} AS {identifier(name)}")
        columns += [GEOMETRY] if GEOMETRY in delivered else []
        rejected = (
            f"SELECT {ROW} FROM {parquet(rejects)} WHERE layer = {literal(mapped.layer)} "
            f"AND source = {literal(mapped.staged.source.path)} AND source_layer = {literal(mapped.staged.layer)}"
        )
        kept = f"FROM {source} ANTI JOIN ({rejected}) USING ({ROW}) ORDER BY {ROW}"
        write_parquet(con, f"SELECT {', '.join([*columns, ROW, FID])} {kept}", target)
        row = con.execute(f"SELECT count(*) FROM {parquet(target)}").fetchone()
    return int(row[0]) if row else 0


def write_parquet(con: duckdb.DuckDBPyConnection, query: str, target: Path) -> None:
    """A query's rows as Parquet, complete or not at all.

    Raises:
        SourceError: the file cannot be written.
    """
    import duckdb

    with replacing(target) as path:
        try:
            con.execute(f"COPY ({query}) TO {literal(str(path))} (FORMAT parquet, COMPRESSION zstd)")
        except duckdb.IOException as error:
            raise SourceError(
                f"{target} cannot be written: {error}", hint="Is there enough room on the disk?"
            ) from error
