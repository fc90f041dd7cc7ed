"""Which boxes meet which others: candidate pairs by a sweep through bands, in arrays, with bounded memory.

Boxes are sorted by their band (a strip of the y axis about two boxes high) and their lower x. All
that a box can meet to the right of its own lower x is then one run of its band. A pair is
taken in the upper one of the two bands in which its boxes begin, so it comes once.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]
#: Two arrays of equal length: places of boxes among the left and among the right ones.
Pairs = tuple[Ints, Ints]

#: Candidates looked at in one go, and how much further along its run a box looks in each round.
_AT_ONCE, _FIRST, _GROWTH = 1 << 19, 16, 4
#: A band is so many boxes high, and there are at most so many bands.
_HEIGHTS, _MOST_BANDS = 2.0, 1 << 20


@dataclass(frozen=True)
class _Runs:
    """Entries of boxes in bands, and for each entry of the seekers its run among the sought: [low, high)."""

    seekers: Ints
    sought: Ints
    band: Ints
    low: Ints
    high: Ints


def meeting(left: Floats, right: Floats | None, open_left: Bools, open_right: Bools | None = None) -> Iterator[Pairs]:
    """Pairs of boxes (min x, min y, max x, max y) that have a point in common, some hundred thousand at a time.

    Without ``right``, pairs among ``left``, each once. Whoever reads on may meanwhile close
    boxes by setting ``open_…`` to False: a pair of two closed boxes may be left out. That
    keeps bounded what all lies on top of all. The boxes must be finite.
    """
    if not len(left) or (right is not None and not len(right)):
        return
    if right is None or open_right is None:
        bands = _Bands(left, left)
        yield from _pairs(_among(bands, left), bands, left, left, open_left, open_left, alone=True)
        return
    bands = _Bands(left, right)
    yield from _pairs(_between(bands, left, right), bands, left, right, open_left, open_right)
    turned = _pairs(_between(bands, right, left), bands, right, left, open_right, open_left, after=True)
    for sought, seekers in turned:
        yield seekers, sought


class _Bands:
    """The bands of a plane, and every (band, x) as one number that sorts like the two."""

    def __init__(self, left: Floats, right: Floats) -> None:
        sides = (left,) if right is left else (left, right)
        self.bottom = min(float(side[:, 1].min()) for side in sides)
        self.start = min(float(side[:, 0].min()) for side in sides)
        end, top = (max(float(side[:, axis].max()) for side in sides) for axis in (2, 3))
        heights = sum(float((side[:, 3] - side[:, 1]).sum()) for side in sides)
        mean = heights / sum(len(side) for side in sides)
        self.height = max(mean * _HEIGHTS, (top - self.bottom) / _MOST_BANDS, 1e-12)
        self.width = (end - self.start) * 1.001 + 1e-9
        count = (top - self.bottom) / self.height + 2
        # What rounding may do to the number; pairs are tested for themselves anyhow.
        self.slack = 4 * float(np.spacing(count * self.width))

    def first(self, boxes: Floats) -> Ints:
        return ((boxes[:, 1] - self.bottom) / self.height).astype(np.int64)

    def last(self, boxes: Floats) -> Ints:
        return ((boxes[:, 3] - self.bottom) / self.height).astype(np.int64)

    def entries(self, boxes: Floats) -> tuple[Ints, Ints]:
        """(box, band) for every band that a box is in."""
        first = self.first(boxes)
        count = self.last(boxes) - first + 1
        box = np.repeat(np.arange(len(boxes)), count)
        return box, first[box] + _steps(count)

    def number(self, band: Ints, x: Floats) -> Floats:
        return np.asarray(band * self.width + (x - self.start))


def _steps(count: Ints) -> Ints:
    """0, 1, 2 … within each run of so many."""
    ends = np.cumsum(count)
    return np.arange(ends[-1] if len(ends) else 0) - np.repeat(ends - count, count)


def _among(bands: _Bands, boxes: Floats) -> _Runs:
    box, band = bands.entries(boxes)
    numbers = bands.number(band, boxes[box, 0])
    order = np.argsort(numbers, kind="stable")
    box, band, numbers = box[order], band[order], numbers[order]
    high = np.searchsorted(numbers, bands.number(band, boxes[box, 2]) + bands.slack, side="right")
    return _Runs(box, box, band, np.arange(1, len(box) + 1), high)


def _between(bands: _Bands, seekers: Floats, sought: Floats) -> _Runs:
    there, band = bands.entries(sought)
    numbers = bands.number(band, sought[there, 0])
    order = np.argsort(numbers, kind="stable")
    there, numbers = there[order], numbers[order]
    box, band = bands.entries(seekers)
    start, end = bands.number(band, seekers[box, 0]), bands.number(band, seekers[box, 2])
    low = np.searchsorted(numbers, start - bands.slack, side="left")
    high = np.searchsorted(numbers, end + bands.slack, side="right")
    return _Runs(box, there, band, low, high)


def _pairs(
    runs: _Runs,
    bands: _Bands,
    seekers: Floats,
    sought: Floats,
    open_seekers: Bools,
    open_sought: Bools,
    *,
    alone: bool = False,
    after: bool = False,
) -> Iterator[Pairs]:
    """The pairs of the runs; ``alone`` has met each pair once already, ``after`` leaves out equal lower x."""
    first_seekers, first_sought = bands.first(seekers), bands.first(sought)
    low, done, step = runs.low, 0, _FIRST
    entries = np.flatnonzero(runs.high > low)
    while len(entries):
        reach = np.minimum(runs.high[entries] - low[entries] - done, step)
        for some in _portions(reach):
            mine = entries[some]
            if done:
                # Of what all lies on all, only those are looked at that still ask for it.
                wanted = np.concatenate([[0], np.cumsum(open_sought[runs.sought])])
                begin = low[mine] + done
                asked = wanted[begin + reach[some]] > wanted[begin]
                keep = open_seekers[runs.seekers[mine]] | asked
                mine, count = mine[keep], reach[some][keep]
            else:
                count = reach[some]
            entry = np.repeat(mine, count)
            other = np.repeat(low[mine] + done, count) + _steps(count)
            a, b = runs.seekers[entry], runs.sought[other]
            one, two = seekers[a], sought[b]
            meet = (one[:, 1] <= two[:, 3]) & (two[:, 1] <= one[:, 3]) & (two[:, 0] <= one[:, 2])
            meet &= one[:, 0] <= two[:, 2]
            if not alone:
                meet &= (two[:, 0] > one[:, 0]) if after else (two[:, 0] >= one[:, 0])
            meet &= runs.band[entry] == np.maximum(first_seekers[a], first_sought[b])
            if done:
                meet &= open_seekers[a] | open_sought[b]
            if meet.any():
                yield a[meet], b[meet]
        done, step = done + step, step * _GROWTH
        entries = entries[runs.high[entries] - low[entries] > done]


def _portions(count: Ints) -> Iterator[slice]:
    """Slices of entries with about :data:`_AT_ONCE` candidates each."""
    ends = np.cumsum(count)
    at = 0
    while at < len(count):
        before = int(ends[at - 1]) if at else 0
        stop = max(int(np.searchsorted(ends, before + _AT_ONCE, side="right")), at + 1)
        yield slice(at, stop)
        at = stop


def box_of(x: Any, y: Any, reach_x: Any, reach_y: Any) -> Floats:
    """Boxes around places."""
    return np.stack([x - reach_x, y - reach_y, x + reach_x, y + reach_y], axis=1).astype(np.float64)
