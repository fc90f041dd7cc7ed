"""Find sources that lie hundreds of metres off: a Chinese map's offset datum under the wrong name.

Every pair of records that look like the same landmark in two sources votes for the
displacement between them; where the votes agree on one that is far from zero, one of the
sources is not where it says it is. If that displacement is what reading GCJ-02, BD-09 or
WGS 84 as one another makes at this place, the datum is named.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np

from cimkit import crs as reference_systems
from cimkit.fuse.arrays import Ints
from cimkit.fuse.findings import Findings
from cimkit.fuse.profiles import Profile
from cimkit.fuse.records import Roster

if TYPE_CHECKING:
    import duckdb

#: BD-09 read as WGS 84 is up to 1.4 km off, GCJ-02 up to 0.7 km.
_FARTHEST_M = 1500.0
#: Less than this can be two generations of aerial images; more is another datum.
_LEAST_M = 150.0
_BIN_M = 20.0
_SAMPLE = 2000
_LEAST_VOTES = 8
#: The winning displacement needs this share of the landmarks, and so many times the votes of any other.
_LEAST_SHARE = 0.1
_CLEAR_LEAD = 1.5
#: How near a measured displacement is to the one a datum would make.
_RECOGNISED_M = 60.0
_DATUMS = (reference_systems.WGS84, reference_systems.GCJ02, reference_systems.BD09)


@dataclass(frozen=True, slots=True)
class Displacement:
    """How far the second of two sources lies from the first, in metres east and north."""

    x: float
    y: float

    @property
    def length(self) -> float:
        return float(np.hypot(self.x, self.y))


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
        SELECT CAST(round((b.x - a.x) / {_BIN_M}) AS INTEGER) AS east,
            CAST(round((b.y - a.y) / {_BIN_M}) AS INTEGER) AS north, count(*) AS votes
        FROM landmark a JOIN sample b ON a.key = b.key
        WHERE a.source = {left} AND abs(b.x - a.x) < {_FARTHEST_M} AND abs(b.y - a.y) < {_FARTHEST_M}
        GROUP BY ALL ORDER BY ALL
        """
    ).fetchnumpy()
    row = con.execute(
        f"SELECT least({_SAMPLE}, count(*) FILTER (source = {left}), count(*) FILTER (source = {right})) FROM landmark"
    ).fetchone()
    return _agreed(votes["east"], votes["north"], votes["votes"], int(row[0]) if row else 0)


def _agreed(east: Ints, north: Ints, votes: Ints, landmarks: int) -> Displacement | None:
    """The displacement that most landmarks agree on, where it is far and clear."""
    from scipy.ndimage import uniform_filter

    reach = int(_FARTHEST_M / _BIN_M) + 2
    ballot = np.zeros((2 * reach + 1, 2 * reach + 1))
    ballot[np.asarray(east) + reach, np.asarray(north) + reach] = votes
    # A displacement seldom falls into the middle of a bin: each bin counts with its neighbours.
    around = uniform_filter(ballot, size=3, mode="constant") * 9
    i, j = np.unravel_index(int(np.argmax(around)), around.shape)
    found = Displacement((int(i) - reach) * _BIN_M, (int(j) - reach) * _BIN_M)
    most = around[i, j]
    around[max(0, i - 3) : i + 4, max(0, j - 3) : j + 4] = 0
    enough = max(_LEAST_VOTES, _LEAST_SHARE * landmarks)
    if found.length < _LEAST_M or most < enough or most < _CLEAR_LEAD * around.max():
        return None
    return found


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
    best: tuple[float, int, str] | None = None
    # Reading the second source rightly moves it back by what was found, or the first one after it.
    for number, sign in ((pair[1], -1), (pair[0], 1)):
        declared = reference_systems.canonical(roster.inputs[number].source.crs or working)
        for datum in _DATUMS:
            east, north = _corrected(x, y, declared, datum, working)
            error = float(np.hypot(east - sign * found.x, north - sign * found.y))
            if error < _RECOGNISED_M and (best is None or error < best[0]):
                best = (error, number, datum)
    number = best[1] if best else pair[1]
    other = roster.names[pair[0] if number == pair[1] else pair[1]]
    cause = (
        f"its coordinates look like {best[2]}, not {roster.inputs[number].source.crs}"
        if best
        else "its CRS or datum may be wrong"
    )
    return number, (
        f"The source lies about {found.length:.0f} m off '{other}': {cause}. "
        "Nothing of it is matched by place until its CRS is declared rightly."
    )


def _corrected(x: float, y: float, declared: str, actual: str, working: str) -> tuple[float, float]:
    """How a place moves when coordinates that were read as ``declared`` are read as ``actual``."""
    datum = declared if declared in _DATUMS else reference_systems.WGS84
    lon, lat = reference_systems.plan(working, datum, allow_ballpark=True).points([x], [y])
    there_x, there_y = reference_systems.plan(actual, working, allow_ballpark=True).points(lon, lat)
    return float(there_x[0]) - x, float(there_y[0]) - y
