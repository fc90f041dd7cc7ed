"""From matched pairs to entities: which records are one thing, and which of them founds it.

The best source decides what one thing is. Each record of it founds an entity; records of the
next source join every entity they are matched with, or found one of their own, and so on down
the ranking. So where a survey has ten houses and a machine sees one roof, there are ten
entities, and the roof belongs to each; where the survey has one house and a volunteer drew
two parts, there is one entity with both parts. Nothing is united, nothing averaged.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from cimkit.fuse import batches
from cimkit.fuse.records import Roster

if TYPE_CHECKING:
    import duckdb


def form(con: duckdb.DuckDBPyConnection, roster: Roster) -> None:
    """Make ``member(entity, rid, closeness)`` and ``relation(entity, relation)``.

    An entity is numbered by the record that founds it. ``closeness`` is the score that ties a
    record to its entity, 1 for the founder. Every record is in one entity or more.

    ``relation`` says how the sources cut the group of records that hang together: ``1:1``,
    ``1:n`` (one record of the best source, several of another), ``n:1``, ``m:n``, or
    ``single`` for a record without a partner.
    """
    con.execute(
        """
        CREATE TEMP TABLE link AS
            SELECT a AS known, b AS new, source, score FROM verdict JOIN record ON rid = b WHERE match
            UNION ALL SELECT b, a, source, score FROM verdict JOIN record ON rid = a WHERE match;
        CREATE TABLE member (entity INTEGER, rid INTEGER, closeness DOUBLE)
        """
    )
    for number in roster.ranking:
        con.execute(
            f"""
            INSERT INTO member
                SELECT entity, new, max(score) FROM link JOIN member ON rid = known
                WHERE source = {number} GROUP BY entity, new;
            INSERT INTO member
                SELECT rid, rid, 1 FROM record WHERE source = {number} AND rid NOT IN (SELECT rid FROM member)
            """
        )
    con.execute("DROP TABLE link")
    _relate(con, roster)


def _relate(con: duckdb.DuckDBPyConnection, roster: Roster) -> None:
    from scipy import sparse

    total = sum(roster.records.values())
    found = con.execute("SELECT a, b FROM verdict WHERE match").fetchnumpy()
    graph = sparse.coo_matrix((np.ones(len(found["a"]), dtype=np.int8), (found["a"], found["b"])), shape=(total, total))
    _, group = sparse.csgraph.connected_components(graph, directed=False)
    con.execute("CREATE TEMP TABLE hanging (rid INTEGER, grp INTEGER)")
    batches.append(con, "hanging", pa.table({"rid": np.arange(total, dtype=np.int32), "grp": group}))
    con.execute(
        """
        CREATE TABLE relation AS
        WITH counted AS (
            SELECT grp, rank, count(*) AS records
            FROM hanging JOIN record USING (rid) JOIN origin USING (source) GROUP BY ALL
        ), sides AS (
            SELECT grp, arg_min(records, rank) AS best, count(*) > 1 AS shared,
                max(records) FILTER (rank > lowest) AS other
            FROM counted JOIN (SELECT grp, min(rank) AS lowest FROM counted GROUP BY grp) USING (grp) GROUP BY grp
        )
        SELECT rid AS entity, CASE
            WHEN NOT shared THEN 'single' WHEN best = 1 AND other = 1 THEN '1:1'
            WHEN best = 1 THEN '1:n' WHEN other = 1 THEN 'n:1' ELSE 'm:n' END AS relation
        FROM hanging JOIN sides USING (grp)
        WHERE rid IN (SELECT entity FROM member);
        DROP TABLE hanging
        """
    )
