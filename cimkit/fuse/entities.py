"""From matched pairs to entities: which records are one thing, and which of them founds it.

The best source decides what one thing is. Where a thing is one record of each source, all
records that hang together are one entity, founded by the best ranked of them. Where sources
cut the world differently, a record founds an entity unless it is matched with a founder of a
better source; an entity is its founder and all records matched with it. So where a survey
has ten houses and a machine sees one roof, there are ten entities, and the roof belongs to
each; where the survey has one house and a volunteer drew two parts, there is one entity with
both parts. Nothing is united, nothing averaged, and no chain of neighbours grows together.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from cimkit.fuse import batches
from cimkit.fuse.profiles import Profile
from cimkit.fuse.records import Roster

if TYPE_CHECKING:
    import duckdb


def form(con: duckdb.DuckDBPyConnection, roster: Roster, profile: Profile) -> None:
    """Make ``member(entity, rid, closeness)`` and ``relation(entity, relation)``.

    An entity is numbered by the record that founds it. ``closeness`` is the score that ties a
    record to its entity, 1 for the founder. Every record is in one entity or more.

    ``relation`` says how the sources cut the group of records that hang together: ``1:1``,
    ``1:n`` (one record of the best source, several of another), ``n:1``, ``m:n``, or
    ``single`` for a record without a partner.
    """
    _group(con, roster)
    con.execute(
        """
        CREATE TEMP TABLE link AS
            SELECT a AS one, b AS other, score FROM verdict WHERE match
            UNION ALL SELECT b, a, score FROM verdict WHERE match;
        CREATE TABLE member (entity INTEGER, rid INTEGER, closeness DOUBLE)
        """
    )
    if profile.cardinality == "1:1":
        con.execute(
            """
            INSERT INTO member
            SELECT entity, rid, CASE WHEN rid = entity THEN 1 ELSE max(score) END
            FROM (
                SELECT rid, first_value(rid) OVER (PARTITION BY grp ORDER BY rank, rid) AS entity
                FROM hanging JOIN record USING (rid) JOIN origin USING (source)
            ) LEFT JOIN link ON one = rid GROUP BY entity, rid
            """
        )
    else:
        con.execute("CREATE TEMP TABLE founder (rid INTEGER)")
        for number in roster.ranking:
            con.execute(
                f"""
                INSERT INTO founder SELECT rid FROM record WHERE source = {number}
                    AND rid NOT IN (SELECT other FROM link SEMI JOIN founder ON one = rid)
                """
            )
        con.execute(
            """
            INSERT INTO member
                SELECT rid, rid, 1 FROM founder
                UNION ALL SELECT rid, other, score FROM link JOIN founder ON one = rid;
            DROP TABLE founder
            """
        )
        _join_the_rest(con)
    _relate(con)
    con.execute("DROP TABLE link; DROP TABLE hanging")


def _group(con: duckdb.DuckDBPyConnection, roster: Roster) -> None:
    """Make ``hanging(rid, grp)``: the connected components of the matched pairs."""
    from scipy import sparse

    total = sum(roster.records.values())
    found = con.execute("SELECT a, b FROM verdict WHERE match").fetchnumpy()
    graph = sparse.coo_matrix((np.ones(len(found["a"]), dtype=np.int8), (found["a"], found["b"])), shape=(total, total))
    _, group = sparse.csgraph.connected_components(graph, directed=False)
    con.execute("CREATE TEMP TABLE hanging (rid INTEGER, grp INTEGER)")
    batches.append(con, "hanging", pa.table({"rid": np.arange(total, dtype=np.int32), "grp": group}))


def _join_the_rest(con: duckdb.DuckDBPyConnection) -> None:
    """Bring the few matched pairs together that share no founder: the record that is in more entities, and
    so the coarser one, joins those of the other."""
    con.execute(
        """
        CREATE TEMP TABLE spread AS SELECT rid, count(*) AS entities FROM member GROUP BY rid;
        INSERT INTO member
        WITH together AS (
            SELECT DISTINCT p.rid AS a, q.rid AS b FROM member p JOIN member q USING (entity)
        ), apart AS (
            SELECT a, b, score, p.entities < q.entities AS b_joins
            FROM verdict ANTI JOIN together USING (a, b) JOIN spread p ON p.rid = a JOIN spread q ON q.rid = b
            WHERE match
        )
        SELECT entity, CASE WHEN b_joins THEN b ELSE a END AS joining, max(score)
        FROM apart JOIN member ON rid = CASE WHEN b_joins THEN a ELSE b END
        GROUP BY entity, joining;
        DROP TABLE spread
        """
    )


def _relate(con: duckdb.DuckDBPyConnection) -> None:
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
        FROM hanging JOIN sides USING (grp) WHERE rid IN (SELECT entity FROM member)
        """
    )
