"""What becomes of each pair: accepted, sent to a person, or rejected."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from cimkit.fuse import assign, batches
from cimkit.fuse.arrays import Flags, Floats, Ints
from cimkit.fuse.findings import Findings
from cimkit.fuse.profiles import Profile
from cimkit.fuse.score import Model, log_odds

if TYPE_CHECKING:
    import duckdb


def decide(con: duckdb.DuckDBPyConnection, profile: Profile, model: Model, findings: Findings) -> None:
    """Make ``verdict(a, b, score, band, match, decided)`` of the tables ``pair`` and ``decision``.

    A pair that loses its record to a better one is rejected, unless it is equally good: then
    neither is accepted without review. What people ``decided`` is stronger than any score.
    """
    _edges(con, profile, model)
    found = con.execute("SELECT a, b, score, must FROM edge ORDER BY a, b").fetchnumpy()
    a, b, must = found["a"], found["b"], found["must"].astype(bool)
    # What a pair is worth is how far its odds exceed those at which it would be rejected anyway.
    gain = log_odds(found["score"]) - log_odds(np.array([model.review])) + 1e-6
    chosen = np.ones(len(a), dtype=bool)
    if profile.cardinality == "1:1":
        source = con.execute("SELECT source FROM record ORDER BY rid").fetchnumpy()["source"]
        chosen = _assigned(a, b, gain, source, must, found["score"] >= model.match)
    con.execute("CREATE TEMP TABLE choice (a INTEGER, b INTEGER, chosen BOOLEAN)")
    batches.append(con, "choice", pa.table({"a": a, "b": b, "chosen": chosen}))
    con.execute(
        f"""
        CREATE TABLE verdict AS
        WITH known AS (
            SELECT a, b, coalesce(pair.score, 0) AS score, coalesce(chosen, FALSE) AS chosen, same,
                rival.a IS NOT NULL AS rivalled
            FROM pair FULL JOIN decision USING (a, b) LEFT JOIN choice USING (a, b)
                LEFT JOIN rival USING (a, b)
        )
        SELECT a, b, score,
            CASE WHEN same THEN 'auto' WHEN NOT same THEN 'reject'
                WHEN score < {model.review!r} OR NOT (chosen OR rivalled) THEN 'reject'
                WHEN score >= {model.auto!r} AND NOT rivalled THEN 'auto'
                ELSE 'review' END AS band,
            coalesce(same, chosen AND score >= {model.match!r}) AS match,
            same IS NOT NULL AS decided
        FROM known ORDER BY a, b;
        DROP TABLE choice; DROP TABLE edge; DROP TABLE rival
        """
    )
    _report_ambiguous(con, model, findings)


def _edges(con: duckdb.DuckDBPyConnection, profile: Profile, model: Model) -> None:
    """Make ``edge``: pairs that are not rejected out of hand; and ``rival``: those with an equally good rival.

    Where a record may have one partner only, any other pair of it with that source is a
    rival. Where it may have many, only twins are: records that claim the same ground.
    """
    con.execute(
        f"""
        CREATE TEMP TABLE edge AS
        SELECT a, b, coalesce(score, 0) AS score, p.source AS a_source, q.source AS b_source,
            coalesce(same, FALSE) AS must
        FROM pair FULL JOIN decision USING (a, b) JOIN record p ON p.rid = a JOIN record q ON q.rid = b
        WHERE coalesce(same, score >= {model.review!r})
        """
    )
    # Odds as odds: their ratio is what makes one pair better than another.
    odds, near = "(score + 1e-7) / (1 - score + 1e-7)", f"{model.rival_odds!r}"
    others = "ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING EXCLUDE CURRENT ROW"
    if profile.cardinality == "1:1":
        query = f"""
            SELECT a, b FROM (
                SELECT a, b, {odds} AS odds,
                    max({odds}) OVER (PARTITION BY a, b_source {others}) AS of_a,
                    max({odds}) OVER (PARTITION BY b, a_source {others}) AS of_b
                FROM edge
            ) WHERE greatest(of_a, of_b) * {near} >= odds
        """
    else:
        query = f"""
            WITH rated AS (SELECT a, b, {odds} AS odds FROM edge)
            SELECT one.a, one.b FROM rated one JOIN twin ON twin.rid = one.b
                JOIN rated two ON two.a = one.a AND two.b = twin.other WHERE two.odds * {near} >= one.odds
            UNION
            SELECT one.a, one.b FROM rated one JOIN twin ON twin.rid = one.a
                JOIN rated two ON two.b = one.b AND two.a = twin.other WHERE two.odds * {near} >= one.odds
        """
    con.execute(f"CREATE TEMP TABLE rival AS {query}")


def _assigned(a: Ints, b: Ints, gain: Floats, source: Ints, must: Flags, good: Flags) -> Flags:
    """Each record with at most one partner in each source, and no group with two records of one source."""
    chosen = must.copy()
    of_pair = source[a].astype(np.int64) * (int(source.max(initial=0)) + 1) + source[b]
    for pair in np.unique(of_pair):
        rows = np.flatnonzero(of_pair == pair)
        settled = rows[must[rows]]
        free = rows[~must[rows] & ~np.isin(a[rows], a[settled]) & ~np.isin(b[rows], b[settled])]
        chosen[free] = assign.one_to_one(a[free], b[free], gain[free])
    # Pairs that are chosen but not good enough for a match link nothing, and so break nothing.
    rows = np.flatnonzero(chosen & (good | must))
    chosen[rows] = assign.one_of_each_source(a[rows], b[rows], gain[rows], source, must[rows])
    return chosen


def _report_ambiguous(con: duckdb.DuckDBPyConnection, model: Model, findings: Findings) -> None:
    rows = con.execute(
        f"""
        SELECT p.name, q.name, count(*) FROM verdict
        JOIN record r ON r.rid = a JOIN origin p ON p.source = r.source
        JOIN record s ON s.rid = b JOIN origin q ON q.source = s.source
        WHERE band = 'review' AND match AND score >= {model.auto!r}
        GROUP BY p.name, q.name, p.source, q.source ORDER BY p.source, q.source
        """
    ).fetchall()
    for left, right, count in rows:
        findings.add(
            "fuse.ambiguous",
            "info",
            right,
            f"{count} good pairs with '{left}' have a rival that is as good; they await review.",
        )
