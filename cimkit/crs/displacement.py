"""How far one set of places lies off another, and which datum taken for another explains it.

Every pair of places that could be the same thing votes for the displacement between them;
where the votes agree on one that is far from zero, one of the sets is not where it says it
is. Chinese web maps in GCJ-02 or BD-09 under the name of WGS 84 show themselves that way.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cimkit.crs.names import BD09, GCJ02, WGS84, canonical
from cimkit.crs.transform import plan

#: BD-09 read as WGS 84 is up to 1.4 km off, GCJ-02 up to 0.7 km.
FARTHEST_M = 1500.0
BIN_M = 20.0
#: Less than this can be two generations of aerial images; more is another datum.
_LEAST_M = 150.0
_LEAST_VOTES = 8
#: The winning displacement needs this share of the places, and so many times the votes of any other.
_LEAST_SHARE = 0.1
_CLEAR_LEAD = 1.5
#: How near a measured displacement is to the one a datum would make.
_RECOGNISED_M = 60.0
_DATUMS = (WGS84, GCJ02, BD09)
#: Places of the second set that vote; each meets thousands of the first.
_SAMPLE = 2000
#: Pairs that are held at once.
_PAIRS_AT_ONCE = 2_000_000

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Displacement:
    """How far the second of two sets lies from the first, in metres east and north."""

    x: float
    y: float

    @property
    def length(self) -> float:
        return float(np.hypot(self.x, self.y))


@dataclass(frozen=True, slots=True)
class Places:
    """Places in a CRS in metres; only those of equal ``key`` can be the same thing."""

    x: Floats
    y: Floats
    key: Ints


def displacement(left: Places, right: Places) -> Displacement | None:
    """How far ``right`` lies from ``left``, or None where it lies where it should, or nothing can be told.

    The votes are counted in bins of 5 m first, in which places without a key of their own
    agree best, then in bins of 20 m, for sets whose places differ by some metres.
    """
    order = np.argsort(left.key, kind="stable")
    left = Places(left.x[order], left.y[order], left.key[order])
    step = max(1, len(right.x) // _SAMPLE)
    sample = Places(right.x[::step], right.y[::step], right.key[::step])
    places = min(len(sample.x), len(left.x))
    for bin_m in (BIN_M / 4, BIN_M):
        found = agreed(_ballot(left, sample, bin_m), bin_m, places)
        if found is not None:
            return found
    return None


def _ballot(left: Places, sample: Places, bin_m: float) -> Floats:
    """The votes of all pairs of equal key, in bins of east by north."""
    side = _side(bin_m)
    counts = np.zeros(side * side)
    first, last = (np.searchsorted(left.key, sample.key, side=at) for at in ("left", "right"))
    at_once = max(1, _PAIRS_AT_ONCE // max(1, int((last - first).max(initial=0))))
    for start in range(0, len(sample.x), at_once):
        rows = np.arange(start, min(start + at_once, len(sample.x)))
        lengths = last[rows] - first[rows]
        mine = np.repeat(rows, lengths)
        ends = np.cumsum(lengths)
        theirs = np.arange(ends[-1] if len(ends) else 0) - np.repeat(ends - lengths - first[rows], lengths)
        east, north = sample.x[mine] - left.x[theirs], sample.y[mine] - left.y[theirs]
        near = (np.abs(east) < FARTHEST_M) & (np.abs(north) < FARTHEST_M)
        i = np.rint(east[near] / bin_m).astype(np.int64) + side // 2
        j = np.rint(north[near] / bin_m).astype(np.int64) + side // 2
        counts += np.bincount(i * side + j, minlength=side * side)
    return counts.reshape(side, side)


def _side(bin_m: float) -> int:
    return 2 * (int(FARTHEST_M / bin_m) + 2) + 1


def ballot(east: Ints, north: Ints, votes: Ints) -> Floats:
    """Votes that were counted elsewhere, in bins of :data:`BIN_M` east and north of zero."""
    side = _side(BIN_M)
    result = np.zeros((side, side))
    result[np.asarray(east) + side // 2, np.asarray(north) + side // 2] = votes
    return result


def agreed(votes: Floats, bin_m: float, places: int) -> Displacement | None:
    """The displacement that most of so many places agree on, where it is far and clear."""
    from scipy.ndimage import uniform_filter

    # A displacement seldom falls into the middle of a bin: each bin counts with its neighbours.
    around = uniform_filter(votes, size=3, mode="constant") * 9
    i, j = np.unravel_index(int(np.argmax(around)), around.shape)
    middle = len(votes) // 2
    found = Displacement((int(i) - middle) * bin_m, (int(j) - middle) * bin_m)
    most = around[i, j]
    reach = round(3 * BIN_M / bin_m)
    around[max(0, i - reach) : i + reach + 1, max(0, j - reach) : j + reach + 1] = 0
    enough = max(_LEAST_VOTES, _LEAST_SHARE * places)
    if found.length < _LEAST_M or most < enough or most < _CLEAR_LEAD * around.max():
        return None
    return found


def explained(found: Displacement, x: float, y: float, working: str, left: str, right: str) -> tuple[bool, str] | None:
    """Which of two sets is in another datum than it says, and which; None where no datum explains it.

    ``left`` and ``right`` are the CRS they are declared in, x, y a place in the ``working``
    CRS where the displacement was found. The first item says whether it is the right set.
    """
    best: tuple[float, bool, str] | None = None
    # Reading the right set rightly moves it back by what was found, or the left one after it.
    for is_right, declared, sign in ((True, right, -1), (False, left, 1)):
        for datum in _DATUMS:
            east, north = _corrected(x, y, canonical(declared), datum, working)
            error = float(np.hypot(east - sign * found.x, north - sign * found.y))
            if error < _RECOGNISED_M and (best is None or error < best[0]):
                best = (error, is_right, datum)
    return (best[1], best[2]) if best else None


def _corrected(x: float, y: float, declared: str, actual: str, working: str) -> tuple[float, float]:
    """How a place moves when coordinates that were read as ``declared`` are read as ``actual``."""
    datum = declared if declared in _DATUMS else WGS84
    lon, lat = plan(working, datum, allow_ballpark=True).points([x], [y])
    there_x, there_y = plan(actual, working, allow_ballpark=True).points(lon, lat)
    return float(there_x[0]) - x, float(there_y[0]) - y
