"""The files of a fusion. Each is sorted by what it is about, so that equal results are equal bytes."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from cimkit import duck
from cimkit.formats.tables.geoparquet_write import write_geoparquet
from cimkit.fuse.records import Roster
from cimkit.fuse.score import Model, evidence
from cimkit.fuse.strategies import Strategy

if TYPE_CHECKING:
    import duckdb

_ROW_GROUP = 65_536


def write_entities(con: duckdb.DuckDBPyConnection, roster: Roster, crs: str, folder: Path) -> int:
    """``entities.parquet``: entity_id, the attributes, geometry in ``crs``; how many."""
    values = "".join(f", value_{a.column}.value AS {duck.identifier(a.name)}" for a in roster.attributes)
    joins = "".join(f" LEFT JOIN value_{a.column} USING (entity)" for a in roster.attributes)
    query = (
        f"SELECT entity_id{values}, shape.wkb AS geometry "
        f"FROM identity{joins} LEFT JOIN form USING (entity) LEFT JOIN shape ON shape.rid = form.rid"
    )
    return write_geoparquet(con, query, folder / "entities.parquet", crs=crs)


def write_matches(con: duckdb.DuckDBPyConnection, model: Model, folder: Path) -> None:
    """``matches.parquet``: every pair that was worth keeping, with its score, band and evidence."""
    con.execute(
        f"""
        CREATE TABLE match AS
        SELECT o.name AS left_source, r.id AS left_id, p.name AS right_source, s.id AS right_id,
            verdict.score, band, match,
            CASE WHEN decided THEN '{{"decided": true}}' ELSE {evidence(model)} END AS evidence
        FROM verdict LEFT JOIN pair USING (a, b)
        JOIN record r ON r.rid = verdict.a JOIN origin o ON o.source = r.source
        JOIN record s ON s.rid = verdict.b JOIN origin p ON p.source = s.source
        """
    )
    _copy(con, "FROM match ORDER BY left_source, left_id, right_source, right_id", folder / "matches.parquet")


def write_bridge(con: duckdb.DuckDBPyConnection, folder: Path) -> None:
    """``bridge.parquet``: every record and the entities it is part of; ``gives_geometry`` marks the one whose
    geometry the entity has."""
    query = """
        SELECT entity_id, name AS source, id AS source_id, relation,
            coalesce(form.rid = member.rid, FALSE) AS gives_geometry
        FROM member JOIN identity USING (entity) JOIN relation USING (entity)
        JOIN record ON record.rid = member.rid JOIN origin USING (source) LEFT JOIN form USING (entity)
        ORDER BY entity_id, rank, source_id
    """
    _copy(con, query, folder / "bridge.parquet")


def write_provenance(
    con: duckdb.DuckDBPyConnection, roster: Roster, strategies: Mapping[str, Strategy], folder: Path
) -> None:
    """``provenance.parquet``: one row for every filled cell of the entities, by attribute and entity.

    Gathered attribute by attribute: sorting all cells together would need memory for all of them.
    """
    con.execute(
        "CREATE TABLE provenance (entity_id VARCHAR, attribute VARCHAR, value VARCHAR, source VARCHAR, "
        "source_id VARCHAR, strategy VARCHAR, confidence DOUBLE, rivals VARCHAR)"
    )
    for attribute in roster.attributes:
        con.execute(
            f"""
            INSERT INTO provenance
            SELECT entity_id, ?, CAST(value AS VARCHAR), name, id, ?, confidence, CAST(to_json(rivals) AS VARCHAR)
            FROM value_{attribute.column} JOIN identity USING (entity)
            LEFT JOIN record USING (rid) LEFT JOIN origin ON origin.source = record.source
            ORDER BY entity_id
            """,
            [attribute.name, strategies[attribute.name].name],
        )
    _copy(con, "FROM provenance", folder / "provenance.parquet")


def write_lineage(con: duckdb.DuckDBPyConnection, folder: Path) -> None:
    """``lineage.parquet``: what became of every entity, over all runs so far."""
    query = "FROM lineage ORDER BY generation, entity_id, event"
    _copy(con, query, folder / "lineage.parquet")


def _copy(con: duckdb.DuckDBPyConnection, query: str, target: Path) -> None:
    con.execute(
        f"COPY ({query}) TO {duck.literal(str(target))} (FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE {_ROW_GROUP})"
    )
