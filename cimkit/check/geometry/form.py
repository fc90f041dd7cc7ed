"""The form of sound geometries: which way rings run, spikes, repeated points, and how fine coordinates are.

Each question is answered for many geometries at once by the numbers of their vertices; ``…_at`` say
of one geometry where.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

from cimkit.check.geometry.ground import Ground
from cimkit.check.geometry.vertices import Flags, Floats, Ints, Vertices, vertices

Point = tuple[float, float]

#: A coordinate lies on the grid if it is off by no more than this share of a step, or by rounding.
_OFF_GRID, _ROUNDING = 1e-3, 2.0**-50
#: All coordinates on a grid so many times coarser than declared were rounded.
FAR_COARSER = 100


# ---- ring direction -----------------------------------------------------------------------------


def wrong_direction(shapes: NDArray[Any], asked: str) -> Flags:
    """Which polygons have an outer ring that does not run as asked (``ccw``, ``cw``), or a hole that does."""
    found = vertices(shapes)
    return _owners(found.owner[_turned(found, asked)], len(shapes))


def wrong_direction_at(shape: Any, asked: str) -> tuple[Point, bool]:
    """The first vertex of the first ring that runs the wrong way, and whether it is an outer one."""
    found = vertices(np.array([shape]))
    line = int(np.flatnonzero(_turned(found, asked))[0])
    return _point(found.xy[found.first[line]]), bool(found.outer[line])


def _turned(found: Vertices, asked: str) -> Flags:
    """Which rings run the wrong way, by the sign of the area that they enclose."""
    from_first = found.xy - found.xy[found.first[found.line]]
    begin = found.segments()
    here, there = from_first[begin], from_first[begin + 1]
    with np.errstate(all="ignore"):  # coordinates of a stranger may be of any size
        twice = np.bincount(
            found.line[begin], here[:, 0] * there[:, 1] - here[:, 1] * there[:, 0], minlength=len(found.owner)
        )
    return np.asarray(found.ring & ((twice > 0) != (found.outer == (asked == "ccw"))))


# ---- repeated points ----------------------------------------------------------------------------


def repeated(shapes: NDArray[Any], ground: Ground, least: float) -> Flags:
    """Which lines and polygons have two vertices in a row that are nearer than so many metres, or the same."""
    found = vertices(shapes)
    near = _near(found, ground, least)[0]
    return _owners(found.owner[found.line[near]], len(shapes))


def repeated_at(shape: Any, ground: Ground, least: float) -> tuple[Point, float]:
    """The first vertex that is repeated, and how far off the next is, in metres."""
    found = vertices(np.array([shape]))
    near, length = _near(found, ground, least)
    return _point(found.xy[near[0]]), float(length[0])


def _near(found: Vertices, ground: Ground, least: float) -> tuple[Ints, Floats]:
    """The vertices whose next one is too near, and how far it is."""
    begin = found.segments()
    steps = ground.vectors(found.xy[begin], found.xy[begin + 1])
    length = np.hypot(steps[:, 0], steps[:, 1])
    near = (length < least) | (length == 0)
    return begin[near], length[near]


# ---- spikes -------------------------------------------------------------------------------------


def spiked(shapes: NDArray[Any], ground: Ground, sharpest: float, shortest: float) -> Flags:
    """Which rings or lines turn back at a vertex by an angle below ``sharpest`` degrees.

    The shorter of the two sides must have ``shortest`` metres at least.
    """
    _, _, _, owner = _spikes(shapes, ground, sharpest, shortest)
    return _owners(owner, len(shapes))


def spiked_at(shape: Any, ground: Ground, sharpest: float, shortest: float) -> tuple[Point, float, float]:
    """The tip of the sharpest spike, its angle in degrees, and the length of its shorter side in metres."""
    tips, angles, sides, _ = _spikes(np.array([shape]), ground, sharpest, shortest)
    index = int(np.argmin(angles))
    return _point(tips[index]), float(angles[index]), float(sides[index])


def _spikes(
    shapes: NDArray[Any], ground: Ground, sharpest: float, shortest: float
) -> tuple[Floats, Floats, Floats, Ints]:
    """Of every spike: its tip, angle, shorter side, and whose it is."""
    found = vertices(shapes)
    begin = found.segments()
    moved = (found.xy[begin] != found.xy[begin + 1]).any(axis=1)
    begin = begin[moved]  # a repeated point has no angle
    steps = ground.vectors(found.xy[begin], found.xy[begin + 1])
    line = found.line[begin]
    # The segment after each: the next of its line, and after the last of a ring the first.
    after = np.arange(1, len(begin) + 1)
    last = np.diff(line, append=-1) != 0
    first = np.flatnonzero(np.diff(line, prepend=-1))
    closes = found.ring[line[last]]
    after[last] = np.where(closes, first, -1)
    there = np.flatnonzero(after >= 0)
    into, out = steps[there], steps[after[there]]
    with np.errstate(all="ignore"):  # coordinates of a stranger may be of any size
        crossed = into[:, 0] * out[:, 1] - into[:, 1] * out[:, 0]
        # The angle between where the line came from and where it goes.
        angles = np.degrees(np.abs(np.arctan2(crossed, -(into * out).sum(axis=1))))
    sides = np.minimum(np.hypot(into[:, 0], into[:, 1]), np.hypot(out[:, 0], out[:, 1]))
    sharp = np.flatnonzero((angles < sharpest) & (sides >= shortest))
    tips = begin[there[sharp]] + 1
    # Of repeated points at the tip the first: the segment that follows begins at the last of them.
    return found.xy[tips], angles[sharp], sides[sharp], found.owner[line[there[sharp]]]


# ---- precision ----------------------------------------------------------------------------------


def off_grid(shapes: NDArray[Any], step: float) -> Flags:
    """Which geometries have a coordinate between the places of a grid of so many units."""
    xy, owner = shapely.get_coordinates(shapes, return_index=True)
    return _owners(owner[_off(xy, step).any(axis=1)], len(shapes))


def off_grid_at(shape: Any, step: float) -> Point:
    """The first vertex that is not on the grid."""
    xy = shapely.get_coordinates(shape)
    return _point(xy[np.flatnonzero(_off(xy, step).any(axis=1))[0]])


def _off(xy: Floats, step: float) -> Flags:
    steps = xy / step
    return np.asarray(np.abs(steps - np.rint(steps)) > _OFF_GRID + np.abs(steps) * _ROUNDING)


def _owners(owner: Ints, count: int) -> Flags:
    failed = np.zeros(count, dtype=bool)
    failed[owner] = True
    return failed


def _point(xy: Floats) -> Point:
    return float(xy[0]), float(xy[1])
