"""Curves as lines and surfaces as polygons, for formats and tools that know only the simple kinds.

An arc becomes chords of at most four degrees, as GDAL does by default, through its given
points; Z and M run evenly along it. Polyhedral surfaces and TINs become multipolygons.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Iterator, Set
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from cimkit import wkb

_Points = NDArray[np.float64]
_STEP = math.radians(4.0)

CURVES = frozenset({8, 9, 10, 11, 12})  # CircularString … MultiSurface
SURFACES = frozenset({15, 16, 17})  # PolyhedralSurface, TIN, Triangle
COLLECTIONS = frozenset({7})  # in which any of them may be
#: The simple kind that each of the others becomes.
SIMPLE = {8: 2, 9: 2, 10: 3, 11: 5, 12: 6, 15: 6, 16: 6, 17: 3}


def straightened(array: pa.Array, kinds: Set[int]) -> pa.Array:
    """The WKB values of these kinds, in simple kinds; all else, and what is damaged, as it is."""
    kind, _, _ = wkb.heads(array)
    rows = np.flatnonzero(np.isin(kind, tuple(kinds)))
    if not len(rows):
        return array
    values = array.to_numpy(zero_copy_only=False).copy()
    for row in rows:
        data = bytearray(values[row])
        try:
            list(wkb.coordinates(data))  # sound, so that what follows cannot run off its end
        except ValueError:
            continue
        values[row] = _Reader(data).geometry().to_wkb()
    return pa.array(values, type=array.type, from_pandas=True)


def part_kinds(geometry: bytes) -> Iterator[int]:
    """The OGC kinds of a geometry and of all its parts.

    Raises:
        ValueError: the bytes are no WKB.
    """
    data = bytearray(geometry)
    list(wkb.coordinates(data))
    waiting = [_Reader(data).geometry()]
    while waiting:
        part = waiting.pop()
        yield part.kind
        waiting += [item for item in part.body if isinstance(item, _Geometry)]


def redimensioned(geometry: bytes, *, z: bool, m: bool) -> bytes:
    """A sound geometry of simple kinds with or without Z and M, 0 where it had none."""
    shape = _Reader(bytearray(geometry)).geometry()
    shape.redimension(z, m)
    return shape.to_wkb()


class _Geometry:
    """A geometry taken apart: its kind, its dimensions, and its points, rings or parts."""

    def __init__(self, kind: int, thousands: int, body: Any) -> None:
        self.kind = kind
        self.thousands = thousands
        self.body = body

    def to_wkb(self) -> bytes:
        kind = SIMPLE.get(self.kind, self.kind)
        head = struct.pack("<BI", 1, self.thousands * 1000 + kind)
        if kind == 1:
            return head + _bytes(self.body)
        if kind == 2:
            return head + _counted(self.line())
        if kind == 3:
            return head + struct.pack("<I", len(self.rings())) + b"".join(map(_counted, self.rings()))
        return head + struct.pack("<I", len(self.body)) + b"".join(part.to_wkb() for part in self.body)

    def redimension(self, z: bool, m: bool) -> None:
        """Give all points Z and M, or take them away."""
        if isinstance(self.body, list):
            for part in self.body:
                if isinstance(part, _Geometry):
                    part.redimension(z, m)
            self.body = [part if isinstance(part, _Geometry) else self._with(part, z, m) for part in self.body]
        else:
            self.body = self._with(self.body, z, m)
        self.thousands = z + 2 * m

    def _with(self, points: _Points, z: bool, m: bool) -> _Points:
        has_z, has_m = self.thousands in (1, 3), self.thousands in (2, 3)
        nothing = np.zeros(len(points))
        columns = [points[:, 0], points[:, 1]]
        if z:
            columns.append(points[:, 2] if has_z else nothing)
        if m:
            columns.append(points[:, -1] if has_m else nothing)
        return np.stack(columns, axis=1)

    def line(self) -> _Points:
        """The points of a line, a circular string or a compound curve."""
        if self.kind == 2:
            return _points(self.body)
        if self.kind == 8:
            return _through_arcs(_points(self.body))
        lines = [part.line() for part in self.body]
        joined = [line[1:] if i and len(line) and np.array_equal(line[0], lines[i - 1][-1]) else line
                  for i, line in enumerate(lines)]  # fmt: skip
        return np.concatenate(joined) if joined else np.zeros((0, 2 + bin(self.thousands).count("1")))

    def rings(self) -> list[_Points]:
        return [part.line() for part in self.body] if self.kind == 10 else [_points(ring) for ring in self.body]


class _Reader:
    """Reads WKB that is known to be sound."""

    def __init__(self, data: bytearray) -> None:
        self.data = data
        self.at = 0

    def geometry(self) -> _Geometry:
        order = "<" if self.data[self.at] else ">"
        (word,) = struct.unpack_from(order + "I", self.data, self.at + 1)
        self.at += 9 if word & 0x20000000 else 5
        thousands, kind = divmod(word & 0x1FFFFFFF, 1000)
        # ISO counts 1 for Z, 2 for M, 3 for both.
        thousands |= (1 if word & 0x80000000 else 0) | (2 if word & 0x40000000 else 0)
        width = 2 + bin(thousands).count("1")
        if kind == 1:
            return _Geometry(kind, thousands, self._points(order, 1, width))
        if kind in (2, 8):
            return _Geometry(kind, thousands, self._points(order, self._count(order), width))
        if kind in (3, 17):
            rings = [self._points(order, self._count(order), width) for _ in range(self._count(order))]
            return _Geometry(kind, thousands, rings)
        return _Geometry(kind, thousands, [self.geometry() for _ in range(self._count(order))])

    def _count(self, order: str) -> int:
        (number,) = struct.unpack_from(order + "I", self.data, self.at)
        self.at += 4
        return int(number)

    def _points(self, order: str, number: int, width: int) -> _Points:
        view = np.frombuffer(self.data, dtype=order + "f8", count=number * width, offset=self.at)
        self.at += number * width * 8
        return view.astype(np.float64).reshape(number, width)


def _points(body: Any) -> _Points:
    points: _Points = body
    return points


def _bytes(points: _Points) -> bytes:
    return points.astype("<f8").tobytes()


def _counted(points: _Points) -> bytes:
    return struct.pack("<I", len(points)) + _bytes(points)


def _through_arcs(points: _Points) -> _Points:
    """The chords of a circular string: arcs of three points, the last of one being the first of the next."""
    if len(points) < 3 or len(points) % 2 == 0:
        return points
    pieces = [points[:1]]
    for first in range(0, len(points) - 2, 2):
        pieces.append(_arc(points[first], points[first + 1], points[first + 2]))
    return np.concatenate(pieces)


def _arc(start: _Points, middle: _Points, end: _Points) -> _Points:
    """The points of one arc behind its start, ``middle`` and ``end`` among them."""
    ax, ay = middle[:2] - start[:2]
    bx, by = end[:2] - start[:2]
    if np.array_equal(start[:2], end[:2]):  # a whole circle, whose middle point lies opposite
        centre, turn = (start[:2] + middle[:2]) / 2, 1.0
    else:
        cross = 2.0 * (ax * by - ay * bx)
        if cross == 0.0 or not math.isfinite(cross):
            return np.stack([middle, end])
        a2, b2 = ax * ax + ay * ay, bx * bx + by * by
        centre = start[:2] + np.array([by * a2 - ay * b2, ax * b2 - bx * a2]) / cross
        turn = math.copysign(1.0, cross)
    radius = float(np.hypot(*(start[:2] - centre)))
    return np.concatenate([_half(start, middle, centre, radius, turn), _half(middle, end, centre, radius, turn)])


def _half(start: _Points, end: _Points, centre: _Points, radius: float, turn: float) -> _Points:
    first = math.atan2(start[1] - centre[1], start[0] - centre[0])
    last = math.atan2(end[1] - centre[1], end[0] - centre[0])
    sweep = (turn * (last - first)) % (2.0 * math.pi)
    chords = max(1, math.ceil(sweep / _STEP - 1e-9))
    share = np.arange(1, chords + 1) / chords
    points = start + (end - start) * share[:, None]
    angles = first + turn * sweep * share
    points[:, 0] = centre[0] + radius * np.cos(angles)
    points[:, 1] = centre[1] + radius * np.sin(angles)
    points[-1] = end
    return points
