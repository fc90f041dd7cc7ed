"""Find sources that lie hundreds of metres off: a Chinese map's offset datum under the wrong name.

Every pair of records that look like the same landmark in two sources votes for the
displacement between them; where the votes agree on one that is far from zero, one of the
sources is not where it says it is. If that displacement is what reading GCJ-02, BD-09 or
WGS 84 as one another makes at this place, the datum is named.
"""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING

from cimkit.crs.displacement import BIN_M, FARTHEST_M, Displacement, agreed, ballot, explained
from cimkit.fuse.findings import Findings
from cimkit.fuse.profiles import Profile
from cimkit.fuse.records import Roster

if TYPE_CHECKING:
    import duckdb

_SAMPLE = 2000


def misplaced(
    con: duckdb.DuckDBPyConnection, roster: Roster, profile: Profile, working: str, findings: Findings
) -> frozenset[int]:
    """The numbers of the sources that are in the wrong place, each with a finding ``fuse.datum``.

    Where the datum is not recognised, the source that ranks lower is the one in doubt.
    """
    _landmarks(con, profile)
    wrong: set[int] = set()
    for pair in combinations(roster.ranking, 2):
        if wrong.isdisjoint(pair) and (found := displacement(con, *pair)) is not None:
            number, why = _culprit(con, roster, pair, found, working)
            wrong.add(number)
            findings.add("fuse.datum", "error", roster.names[number], why)
    con.execute("DROP TABLE landmark")
    return frozenset(wrong)


def _landmarks(con: duckdb.DuckDBPyConnection, profile: Profile) -> None:
    """Records that can be told from others: by a name that is used once, or by size and shape."""
    if profile.compares == "text":
        query = """
            SELECT min(rid) AS rid, source, min(x) AS x, min(y) AS y, name AS key
            FROM place JOIN text USING (rid) WHERE name <> ''
            GROUP BY source, name HAVING count(*) = 1
        """
    else:
        query = """
            SELECT rid, source, x, y,
                round(8 * ln(area)) || ':' || round(8 * ln(greatest(ST_Perimeter(geom), 1e-3))) AS key
            FROM place WHERE area > 0
        """
    con.execute(f"CREATE TEMP TABLE landmark AS {query}")


def displacement(con: duckdb.DuckDBPyConnection, left: int, right: int) -> Displacement | None:
    """How far source ``right`` lies from source ``left``, or None where it lies where it should."""
    votes = con.execute(
        f"""
        WITH sample AS (
            FROM landmark WHERE source = {right} ORDER BY hash(rid), rid LIMIT {_SAMPLE}
        )
        SELECT CAST(round((b.x - a.x) / {BIN_M}) AS INTEGER) AS east,
            CAST(round((b.y - a.y) / {BIN_M}) AS INTEGER) AS north, count(*) AS votes
        FROM landmark a JOIN sample b ON a.key = b.key
        WHERE a.source = {left} AND abs(b.x - a.x) < {FARTHEST_M} AND abs(b.y - a.y) < {FARTHEST_M}
        GROUP BY ALL ORDER BY ALL
        """
    ).fetchnumpy()
    row = con.execute(
        f"SELECT least({_SAMPLE}, count(*) FILTER (source = {left}), count(*) FILTER (source = {right})) FROM landmark"
    ).fetchone()
    return agreed(ballot(votes["east"], votes["north"], votes["votes"]), BIN_M, int(row[0]) if row else 0)


def _culprit(
    con: duckdb.DuckDBPyConnection,
    roster: Roster,
    pair: tuple[int, int],
    found: Displacement,
    working: str,
) -> tuple[int, str]:
    """Which of two sources is in the wrong place, and the sentence that says so."""
    row = con.execute(f"SELECT avg(x), avg(y) FROM landmark WHERE source = {pair[0]}").fetchone()
    x, y = row if row else (0.0, 0.0)
    declared = [roster.inputs[number].source.crs or working for number in pair]
    cause = explained(found, x, y, working, *declared)
    number = pair[1] if cause is None or cause[0] else pair[0]
    other = roster.names[pair[0] if number == pair[1] else pair[1]]
    why = (
        f"its coordinates look like {cause[1]}, not {roster.inputs[number].source.crs}"
        if cause
        else "its CRS or datum may be wrong"
    )
    return number, (
        f"The source lies about {found.length:.0f} m off '{other}': {why}. "
        "Nothing of it is matched by place until its CRS is declared rightly."
    )
