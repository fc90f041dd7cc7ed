"""Ids that last: born from the first record that claims an entity, kept over every later run.

An entity is born with a UUIDv5 over its layer and its founder's source and id, so that the
same input gives the same ids in any folder. Once a result is there, its bridge decides:
an entity keeps the id of the earlier one with which it shares most records. An id is never
given to a second entity, and what became of each is written down in ``lineage.parquet``.
"""

from __future__ import annotations

import uuid
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa

from cimkit import duck
from cimkit.errors import SourceError
from cimkit.fuse import batches

if TYPE_CHECKING:
    import duckdb

#: The namespace of all entity ids. It must never change.
NAMESPACE = uuid.uuid5(uuid.NAMESPACE_URL, "urn:cimkit:entity")
_SEPARATOR = "\x1f"


def birth_id(layer: str, source: str, record: str, attempt: int = 1) -> str:
    """The id an entity is born with; a later attempt where the first id is already taken."""
    parts = [layer, source, record, *([str(attempt)] if attempt > 1 else [])]
    return str(uuid.uuid5(NAMESPACE, _SEPARATOR.join(parts)))


def identify(con: duckdb.DuckDBPyConnection, layer: str, memory: Path) -> None:
    """Make ``identity(entity, entity_id)`` and ``lineage(generation, event, entity_id, related)``.

    Args:
        con: has the tables ``member``, ``record`` and ``origin``.
        layer: part of every id, so that a building and a place never share one.
        memory: the folder of the earlier result; its ``bridge.parquet`` and
            ``lineage.parquet`` are read where they exist.

    Raises:
        SourceError: the earlier result cannot be read.
    """
    _recall(con, memory)
    con.execute(
        f"""
        CREATE TEMP TABLE birth AS
            SELECT entity, {_uuid5(layer, "name", "id")} AS entity_id, name, id
            FROM (SELECT DISTINCT entity FROM member) JOIN record ON rid = entity JOIN origin USING (source);
        CREATE TEMP TABLE shared AS
            SELECT entity, earlier.entity_id, count(*) AS records
            FROM member JOIN record USING (rid) JOIN origin USING (source)
            JOIN earlier ON earlier.source = name AND earlier.source_id = id
            GROUP BY ALL
        """
    )
    _inherit(con)
    _bear(con, layer)
    _record_lineage(con)
    con.execute("DROP TABLE birth; DROP TABLE shared; DROP TABLE earlier; DROP TABLE heir")


def _uuid5(layer: str, *columns: str) -> str:
    """SQL for the version 5 UUID (RFC 9562) of the layer and some text columns: :func:`birth_id` for a whole table."""
    separated = "".join(f" || chr({ord(_SEPARATOR)}) || {column}" for column in columns)
    digest = f"sha1(from_hex('{NAMESPACE.hex}') || encode({duck.literal(layer)}{separated}))"
    variant = "substr('89ab89ab89ab89ab', strpos('0123456789abcdef', h[17]), 1)"
    hyphened = f"h[1:8] || '-' || h[9:12] || '-5' || h[14:16] || '-' || {variant} || h[18:20] || '-' || h[21:32]"
    return f"list_transform([{digest}], lambda h: {hyphened})[1]"


def _recall(con: duckdb.DuckDBPyConnection, memory: Path) -> None:
    """Make ``earlier(entity_id, source, source_id)`` and begin ``lineage`` with what is in the folder."""
    import duckdb

    con.execute(
        "CREATE TABLE earlier (entity_id VARCHAR, source VARCHAR, source_id VARCHAR);"
        "CREATE TABLE lineage (generation INTEGER, event VARCHAR, entity_id VARCHAR, related VARCHAR)"
    )
    for table, name in (("earlier", "bridge.parquet"), ("lineage", "lineage.parquet")):
        if not (memory / name).exists():
            continue
        columns = "entity_id, source, source_id" if table == "earlier" else "generation, event, entity_id, related"
        try:
            con.execute(f"INSERT INTO {table} SELECT {columns} FROM {duck.parquet(memory / name)}")
        except duckdb.Error as error:
            raise SourceError(
                f"{memory / name} is no result of an earlier fusion: {str(error).splitlines()[0]}",
                hint="Name a folder that is empty, or that holds an earlier fusion of this layer.",
            ) from error


def _inherit(con: duckdb.DuckDBPyConnection) -> None:
    """Make ``heir(entity, entity_id)``: the largest overlap first, each id and each entity once."""
    contested = "count(*) OVER (PARTITION BY entity) > 1 OR count(*) OVER (PARTITION BY entity_id) > 1"
    con.execute(
        f"""
        CREATE TEMP TABLE heir AS SELECT entity, entity_id FROM shared QUALIFY NOT ({contested});
        CREATE TEMP TABLE claim AS SELECT * FROM shared QUALIFY {contested}
        """
    )
    rows = con.execute(
        """
        SELECT entity, claim.entity_id FROM claim JOIN birth USING (entity)
        ORDER BY records DESC, claim.entity_id = birth.entity_id DESC, claim.entity_id, entity
        """
    ).fetchall()
    entities: set[int] = set()
    ids: set[str] = set()
    heirs = []
    for entity, entity_id in rows:
        if entity not in entities and entity_id not in ids:
            entities.add(entity)
            ids.add(entity_id)
            heirs.append((entity, entity_id))
    con.execute("DROP TABLE claim")
    batches.append(
        con,
        "heir",
        pa.table(
            {
                "entity": pa.array([entity for entity, _ in heirs], pa.int32()),
                "entity_id": pa.array([entity_id for _, entity_id in heirs], pa.string()),
            }
        ),
    )


def _bear(con: duckdb.DuckDBPyConnection, layer: str) -> None:
    """Make ``identity``: the heirs' ids, and for all others the one they are born with."""
    con.execute(
        """
        CREATE TABLE identity AS
        SELECT birth.entity, coalesce(heir.entity_id, birth.entity_id) AS entity_id,
            heir.entity IS NULL AND birth.entity_id IN (SELECT entity_id FROM earlier) AS taken
        FROM birth LEFT JOIN heir USING (entity) ORDER BY birth.entity
        """
    )
    # Rare: the id a founder would give is at work elsewhere, since that entity went on without its founder.
    known = "SELECT entity_id FROM earlier UNION SELECT entity_id FROM lineage UNION SELECT entity_id FROM identity"
    for entity, source, record in con.execute(
        "SELECT entity, name, id FROM identity JOIN birth USING (entity) WHERE taken ORDER BY entity"
    ).fetchall():
        attempt = 2
        while con.execute(f"SELECT ? IN ({known})", [birth_id(layer, source, record, attempt)]).fetchone() == (True,):
            attempt += 1
        con.execute(
            "UPDATE identity SET entity_id = ? WHERE entity = ?", [birth_id(layer, source, record, attempt), entity]
        )
    con.execute("ALTER TABLE identity DROP COLUMN taken")


def _record_lineage(con: duckdb.DuckDBPyConnection) -> None:
    """Add this run's events; a run that changes nothing adds none.

    created: a new id. split: a new id for records that ``related`` had. kept: an id whose
    records have changed. merged: an id that ended, its records now with ``related``.
    retired: an id that ended with its records.
    """
    con.execute(
        """
        INSERT INTO lineage
        WITH now AS (
                SELECT entity, entity_id, count(*) AS records FROM identity JOIN member USING (entity) GROUP BY ALL
            ),
            before AS (SELECT entity_id, count(*) AS records FROM earlier GROUP BY entity_id),
            kin AS (
                SELECT shared.entity, identity.entity_id AS new, shared.entity_id AS old, shared.records
                FROM shared JOIN identity USING (entity)
            ),
            event AS (
                SELECT CASE WHEN kin.new IS NULL THEN 'created' ELSE 'split' END AS event, now.entity_id,
                    arg_max(old, (kin.records, old)) AS related
                FROM now ANTI JOIN before ON before.entity_id = now.entity_id
                LEFT JOIN kin ON kin.new = now.entity_id GROUP BY ALL
                UNION ALL
                SELECT 'kept', now.entity_id, NULL
                FROM now JOIN before USING (entity_id) JOIN kin ON kin.new = now.entity_id AND kin.old = now.entity_id
                WHERE now.records <> before.records OR kin.records <> before.records
                UNION ALL
                SELECT CASE WHEN kin.new IS NULL THEN 'retired' ELSE 'merged' END, before.entity_id,
                    arg_max(new, (kin.records, new))
                FROM before ANTI JOIN now ON now.entity_id = before.entity_id
                LEFT JOIN kin ON kin.old = before.entity_id GROUP BY ALL
            )
        SELECT (SELECT coalesce(max(generation), 0) + 1 FROM lineage), event, entity_id, related
        FROM event ORDER BY entity_id
        """
    )
