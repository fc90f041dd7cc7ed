"""The gate of a run: bad records are set aside with their reasons, or the run stops."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from cimkit import duck
from cimkit.atomic import replacing
from cimkit.check import accepted
from cimkit.model import Report
from cimkit.pipeline.delivery import Delivered
from cimkit.pipeline.document import Gate

if TYPE_CHECKING:
    import duckdb


@dataclass(frozen=True, slots=True)
class Accepted:
    """One source after the gate: typed records without an error, still in the source's CRS.

    ``quarantine`` holds the records set aside as they were delivered, each with ``reasons``;
    it is None where there are none. ``followed`` of them have no error of their own but
    point at a record that was set aside.
    """

    delivered: Delivered
    path: Path
    records: int
    quarantined: int
    followed: int
    quarantine: Path | None


def accept(delivered: Sequence[Delivered], rejects: Path, work: Path) -> list[Accepted]:
    """Each source split into clean, typed records and the ones set aside.

    A record that points at one that was set aside would lead nowhere in the catalog. It is
    set aside too, and so on until every reference holds.
    """
    folders = [work / "sources" / item.spec.name for item in delivered]
    clean = [folder / "clean.parquet" for folder in folders]
    for item, path in zip(delivered, clean, strict=True):
        accepted(item.mapped, item.layer, rejects, path)
    with duck.connect() as con:
        _reasons(con, delivered, rejects)
        _follow(con, delivered, clean)
        return [_split(con, number, item, clean[number], folders[number]) for number, item in enumerate(delivered)]


def _reasons(con: duckdb.DuckDBPyConnection, delivered: Sequence[Delivered], rejects: Path) -> None:
    """A table of the records set aside: (source's number, row, rule, whether it only follows another)."""
    con.execute("CREATE TABLE aside (source INTEGER, _row BIGINT, rule VARCHAR, followed BOOLEAN)")
    for number, item in enumerate(delivered):
        staged = item.mapped.staged
        con.execute(
            f"INSERT INTO aside SELECT ?, _row, rule, FALSE FROM {duck.parquet(rejects)} "
            "WHERE layer = ? AND source = ? AND source_layer = ?",
            [number, item.layer.name, staged.source.path, staged.layer],
        )


def _follow(con: duckdb.DuckDBPyConnection, delivered: Sequence[Delivered], clean: Sequence[Path]) -> None:
    """Set aside what points at a record that was set aside, until nothing more does."""
    layers = {item.layer.name for item in delivered}

    def kept(number: int) -> str:
        return f"{duck.parquet(clean[number])} ANTI JOIN (FROM aside WHERE source = {number}) USING (_row)"

    found = -1
    while found:
        found = 0
        for number, item in enumerate(delivered):
            for field in item.layer.fields.values():
                target, _, key = (field.ref or "").partition(".")
                if target not in layers:
                    continue
                known = " UNION ALL ".join(
                    f"SELECT {duck.identifier(key)} AS known FROM {kept(other)}"
                    for other, candidate in enumerate(delivered)
                    if candidate.layer.name == target
                )
                column = duck.identifier(field.name)
                added = con.execute(
                    f"INSERT INTO aside SELECT {number}, _row, ?, TRUE FROM {kept(number)} "
                    f"WHERE {column} IS NOT NULL "  # NULL is not in a list of nothing, says SQL
                    f"AND {column} NOT IN (SELECT known FROM ({known}) WHERE known IS NOT NULL)",
                    [f"{item.layer.name}.{field.name}#ref(set aside)"],
                ).fetchone()
                found += added[0] if added else 0


def _split(con: duckdb.DuckDBPyConnection, number: int, item: Delivered, clean: Path, folder: Path) -> Accepted:
    target, quarantine = folder / "accepted.parquet", folder / "quarantine.parquet"
    own = f"(FROM aside WHERE source = {number})"
    _copy(con, f"SELECT * FROM {duck.parquet(clean)} ANTI JOIN {own} USING (_row) ORDER BY _row", target)
    row = con.execute(
        f"SELECT count(DISTINCT _row), count(DISTINCT _row) FILTER (WHERE followed) FROM {own}"
    ).fetchone() or (0, 0)
    if row[0]:
        _copy(
            con,
            f"SELECT reasons, delivered.* FROM {duck.parquet(item.mapped.staged.path)} AS delivered "
            f"JOIN (SELECT _row, list(DISTINCT rule ORDER BY rule) AS reasons FROM {own} GROUP BY _row) USING (_row) "
            "ORDER BY _row",
            quarantine,
        )
    records = con.execute(f"SELECT count(*) FROM {duck.parquet(target)}").fetchone()
    return Accepted(item, target, records[0] if records else 0, row[0], row[1], quarantine if row[0] else None)


def _copy(con: duckdb.DuckDBPyConnection, query: str, target: Path) -> None:
    with replacing(target) as path:
        con.execute(f"COPY ({query}) TO {duck.literal(str(path))} (FORMAT parquet, COMPRESSION zstd)")


def by_layer(sources: Sequence[Accepted]) -> Mapping[str, list[Accepted]]:
    """The accepted sources of each of the standard's layers, in the pipeline's order."""
    layers: dict[str, list[Accepted]] = {}
    for item in sources:
        layers.setdefault(item.delivered.layer.name, []).append(item)
    return layers


def objection(gate: Gate, report: Report, sources: Sequence[Accepted]) -> str | None:
    """Why the gate stops the run, or None.

    Setting records aside mends what is wrong with records. It cannot mend what is wrong
    with a layer as a whole, a warning that was asked to count, or a source of which nothing
    is left: those stop the run.
    """
    if gate.rejected == "stop":
        return f"there are findings at or above '{gate.fail_on}'" if report.fails(gate.fail_on) else None
    whole = [f for f in report.findings if f.severity == "error" and f.row is None]
    if whole and gate.fail_on != "never":
        return f"{whole[0].layer}: {whole[0].message}"
    if gate.fail_on == "warning" and report.totals["warning"]:
        return "there are warnings, and the gate is set to 'fail_on: warning'"
    for item in sources:
        if item.quarantined and not item.records:
            return f"no record of the source '{item.delivered.spec.name}' passes the standard"
    return None
