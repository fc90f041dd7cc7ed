"""Polyhedral surfaces and TINs taken apart: the corners of all rings of a batch in one array, and whose they are.

Each polyhedral surface or TIN is one solid; a collection of them holds several.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from cimkit.check.geometry.vertices import Floats, Ints

_Z, _M, _SRID = 0x80000000, 0x40000000, 0x20000000
_SURFACES, _FACES, _COLLECTION = (15, 16), (3, 17), 7
_DEEPEST = 16
#: Corners of a batch of solids.
_AT_ONCE = 1 << 19


@dataclass(frozen=True, slots=True)
class Faces:
    """Rings of faces of solids. ``xyz`` are their corners, each ring closed; ``ring`` of each corner, then by number.

    ``face`` is by ring the face, ``solid`` by face the solid, ``row`` by solid the record.
    """

    xyz: Floats
    ring: Ints
    face: Ints
    solid: Ints
    row: Ints


@dataclass
class Gatherer:
    """Takes solids apart until there are enough for a batch."""

    _points: list[Floats] = field(default_factory=list)
    _face: list[int] = field(default_factory=list)
    _solid: list[int] = field(default_factory=list)
    _row: list[int] = field(default_factory=list)
    _count: int = 0

    def add(self, row: int, cell: bytes) -> bool:
        """Take the solids of one record; False where there is none, or its bytes are no geometry with Z."""
        try:
            solids = [solid for solid in _solids(cell) if solid]
        except (struct.error, ValueError):
            return False
        for faces in solids:
            for rings in faces:
                for points in rings:
                    self._points.append(points)
                    self._face.append(len(self._solid))
                    self._count += len(points)
                self._solid.append(len(self._row))
            self._row.append(row)
        return bool(solids)

    def full(self) -> bool:
        return self._count >= _AT_ONCE

    def empty(self) -> bool:
        return not self._row

    def take(self) -> Faces:
        """What was gathered; the next batch begins empty."""
        lengths = [len(points) for points in self._points]
        faces = Faces(
            np.concatenate(self._points) if self._points else np.empty((0, 3)),
            np.repeat(np.arange(len(lengths)), lengths),
            np.array(self._face, dtype=np.int64),
            np.array(self._solid, dtype=np.int64),
            np.array(self._row, dtype=np.int64),
        )
        self._points, self._face, self._solid, self._row, self._count = [], [], [], [], 0
        return faces


def _solids(cell: bytes) -> Iterator[list[list[Floats]]]:
    """The solids of a value, each as faces of rings of corners."""
    yield from _Walk(cell).solids(0)


class _Walk:
    """A walk through well-known binary, in either dialect and byte order."""

    def __init__(self, cell: bytes) -> None:
        self.cell = cell
        self.at = 0
        self.order = "<"

    def solids(self, depth: int) -> Iterator[list[list[Floats]]]:
        kind, width = self._head()
        if kind in _SURFACES and width >= 3:
            yield [self._face() for _ in range(self._count())]
        elif kind == _COLLECTION and depth < _DEEPEST:
            for _ in range(self._count()):
                yield from self.solids(depth + 1)
        else:
            raise ValueError("no surface in space")

    def _face(self) -> list[Floats]:
        kind, width = self._head()
        if kind not in _FACES or width < 3:
            raise ValueError("no face in space")
        rings = []
        for _ in range(self._count()):
            count = self._count()
            points = np.frombuffer(self.cell, self.order + "f8", count * width, self.at).reshape(count, width)
            self.at += count * width * 8
            if count:
                rings.append(points[:, :3].astype(np.float64))
        return rings

    def _head(self) -> tuple[int, int]:
        """The kind of what begins here, and how many numbers a corner has (2 where the third is no Z)."""
        self.order = "<" if self.cell[self.at : self.at + 1] == b"\x01" else ">"
        (word,) = struct.unpack_from(self.order + "I", self.cell, self.at + 1)
        self.at += 9 if word & _SRID else 5
        thousands, kind = divmod(word & 0x1FFFFFFF, 1000)
        has_z, has_m = bool(word & _Z) or thousands in (1, 3), bool(word & _M) or thousands in (2, 3)
        return kind, 3 + has_m if has_z else 2

    def _count(self) -> int:
        (number,) = struct.unpack_from(self.order + "I", self.cell, self.at)
        self.at += 4
        if number > len(self.cell) - self.at:  # each thing that is counted takes more than a byte
            raise ValueError("a count is too great")
        return int(number)
