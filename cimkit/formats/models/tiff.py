"""The directories of a TIFF file, read without a library: whether the file is whole, and how it is laid out.

Libraries open a TIFF whose pixels are cut off, and believe any size it claims. Here every
block of pixels must lie inside the file. Tag numbers are those of TIFF 6.0; BigTIFF is the
same with wider fields. The rules for a cloud optimized GeoTIFF are those of OGC 21-026.
"""

from __future__ import annotations

import math
import struct
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

import numpy as np
from numpy.typing import NDArray

from cimkit.errors import SourceError

_MOST_DIRECTORIES = 10_000
_MOST_TAGS = 4096
#: Overviews are asked of what does not fit on a screen (OGC 21-026, 7.2).
_SMALL = 512
_TYPES = {1: "u1", 2: "u1", 3: "u2", 4: "u4", 6: "i1", 7: "u1", 8: "i2", 9: "i4", 11: "f4", 12: "f8", 13: "u4",
          16: "u8", 17: "i8", 18: "u8"}  # fmt: skip

SUBFILE, WIDTH, HEIGHT, SAMPLES, PLANAR = 254, 256, 257, 277, 284
STRIP_OFFSETS, ROWS_PER_STRIP, STRIP_BYTES = 273, 278, 279
TILE_WIDTH, TILE_HEIGHT, TILE_OFFSETS, TILE_BYTES = 322, 323, 324, 325
_ONE_VALUE = {SUBFILE, WIDTH, HEIGHT, SAMPLES, PLANAR, ROWS_PER_STRIP, TILE_WIDTH, TILE_HEIGHT}
#: What places the pixels: a scale and a tie point, or a matrix (OGC 19-008r4, 7.3).
PLACED = ({33550, 33922}, {34264})
_BLOCKS = {STRIP_OFFSETS, STRIP_BYTES, TILE_OFFSETS, TILE_BYTES}


@dataclass
class Directory:
    """One image of a TIFF: where its directory stands, which tags it has, and those of one value."""

    at: int
    values: dict[int, int] = field(default_factory=dict)
    tags: set[int] = field(default_factory=set)
    #: Where the first block of pixels stands; None where there is none (a sparse file).
    first_block: int | None = None

    @property
    def tiled(self) -> bool:
        return TILE_OFFSETS in self.tags

    @property
    def size(self) -> tuple[int, int]:
        return self.values.get(WIDTH, 0), self.values.get(HEIGHT, 0)

    @property
    def is_overview(self) -> bool:
        return bool(self.values.get(SUBFILE, 0) & 1)

    @property
    def is_mask(self) -> bool:
        return bool(self.values.get(SUBFILE, 0) & 4)

    def expected_blocks(self) -> int:
        """How many blocks of pixels an image of its size has; 0 where it does not say how large they are."""
        width, height = self.size
        if self.tiled:
            across, down = self.values.get(TILE_WIDTH, 0), self.values.get(TILE_HEIGHT, 0)
        else:
            across, down = width, min(self.values.get(ROWS_PER_STRIP, height), height)
        if not (across and down):
            return 0
        planes = self.values.get(SAMPLES, 1) if self.values.get(PLANAR, 1) == 2 else 1
        return math.ceil(width / across) * math.ceil(height / down) * planes


@dataclass(frozen=True)
class Tiff:
    """What a TIFF file says of itself: BigTIFF or not, and its images."""

    big: bool
    directories: tuple[Directory, ...]

    @property
    def images(self) -> list[Directory]:
        """The images of full size: more than one are the pages of a document."""
        return [one for one in self.directories if not (one.is_overview or one.is_mask)]

    def cog(self) -> tuple[bool, list[str]]:
        """Whether it is a cloud optimized GeoTIFF, and the reasons."""
        main = self.directories[0]
        overviews = [one for one in self.directories[1:] if one.is_overview and not one.is_mask]
        starts = [one.first_block for one in self.directories if one.first_block is not None]
        large = max(main.size) > _SMALL
        good: list[str] = []
        bad: list[str] = []
        (good if main.tiled else bad).append("tiled" if main.tiled else "not tiled")
        if overviews:
            flat = [one for one in overviews if not one.tiled and max(one.size) > _SMALL]
            (bad if flat else good).append("overviews that are not tiled" if flat else "overviews")
        elif large:
            bad.append("no overviews")
        else:
            good.append(f"no overviews, which up to {_SMALL} pixels it does not need")
        first = not starts or max(one.at for one in self.directories) < min(starts)
        (good if first else bad).append("directories before the pixels" if first else "directories behind pixels")
        return not bad, bad or good


def read(path: Path) -> Tiff:
    """The directories of a TIFF, each with its blocks of pixels inside the file.

    Raises:
        SourceError: the file is cut off or damaged.
    """
    with path.open("rb") as handle:
        return _Reader(path, handle).tiff()


class _Reader:
    """Reads the directories of one file; all lists of blocks together are no longer than the file."""

    def __init__(self, path: Path, handle: IO[bytes]) -> None:
        self._path = path
        self._handle = handle
        self._size = path.stat().st_size
        self._allowed = self._size + (1 << 20)

    def tiff(self) -> Tiff:
        head = self._handle.read(16)
        self._order = "<" if head[:2] == b"II" else ">"
        self._big = head[2:4] in (b"+\0", b"\0+")
        if len(head) < (16 if self._big else 8):
            raise self._damaged("its header is cut off")
        self._word = "Q" if self._big else "I"
        (at,) = struct.unpack_from(self._order + self._word, head, 8 if self._big else 4)
        directories: list[Directory] = []
        seen: set[int] = set()
        while at:
            if at in seen or len(directories) >= _MOST_DIRECTORIES:
                raise self._damaged("its directories go round in a circle, or are too many")
            seen.add(at)
            directory, at = self._directory(at)
            directories.append(directory)
        if not directories:
            raise self._damaged("it holds no image")
        return Tiff(self._big, tuple(directories))

    def _directory(self, at: int) -> tuple[Directory, int]:
        head, entry = ("Q", 20) if self._big else ("H", 12)
        (count,) = self._unpack(head, at)
        if count > _MOST_TAGS:
            raise self._damaged(f"a directory claims {count} tags")
        directory = Directory(at)
        blocks: dict[int, NDArray[np.int64]] = {}
        start = at + struct.calcsize(head)
        for place in range(start, start + count * entry, entry):
            tag, kind, number = self._unpack("HH" + self._word, place)
            directory.tags.add(tag)
            if tag in _ONE_VALUE and kind in _TYPES and number:
                directory.values[tag] = int(self._values(tag, kind, number, place)[0])
            elif tag in _BLOCKS and kind in _TYPES:
                blocks[tag] = self._values(tag, kind, number, place)
        self._check(directory, blocks)
        (following,) = self._unpack(self._word, start + count * entry)
        return directory, following

    def _values(self, tag: int, kind: int, number: int, place: int) -> NDArray[np.int64]:
        """The values of a tag, which stand in its entry where they fit into it."""
        at = place + 4 + struct.calcsize(self._word)
        length = np.dtype(_TYPES[kind]).itemsize * number
        if length > struct.calcsize(self._word):
            (at,) = self._unpack(self._word, at)
        self._allowed -= length
        if at + length > self._size or self._allowed < 0:
            raise self._damaged(f"tag {tag} claims {number:,} values, which lie beyond its end")
        self._handle.seek(at)
        raw = np.frombuffer(self._handle.read(length), self._order + _TYPES[kind])
        return np.minimum(raw, 2**62).astype(np.int64) if raw.dtype.itemsize == 8 else raw.astype(np.int64)

    def _check(self, directory: Directory, blocks: dict[int, NDArray[np.int64]]) -> None:
        """Hold the blocks of pixels against the size of the image and of the file."""
        kinds = (TILE_OFFSETS, TILE_BYTES) if directory.tiled else (STRIP_OFFSETS, STRIP_BYTES)
        offsets, lengths = (blocks.get(tag) for tag in kinds)
        width, height = directory.size
        if offsets is None or not width or not height:
            raise self._damaged("an image has no size or no pixels")
        expected = directory.expected_blocks()
        if len(offsets) < expected:
            raise self._damaged(
                f"an image of {width:,} x {height:,} pixels has {len(offsets):,} of {expected:,} blocks of pixels"
            )
        ends = offsets + lengths if lengths is not None and len(lengths) == len(offsets) else offsets
        beyond = int(np.sum(ends > self._size))
        if beyond:
            raise self._damaged(
                f"{beyond:,} of its {len(offsets):,} blocks of pixels lie beyond its end ({self._size:,} bytes)"
            )
        there = offsets[offsets > 0]
        directory.first_block = int(there.min()) if len(there) else None

    def _unpack(self, form: str, at: int) -> tuple[int, ...]:
        length = struct.calcsize(self._order + form)
        if at + length > self._size:
            raise self._damaged(f"a directory lies beyond its end ({self._size:,} bytes)")
        self._handle.seek(at)
        return struct.unpack(self._order + form, self._handle.read(length))

    def _damaged(self, why: str) -> SourceError:
        return SourceError(f"{self._path} is cut off or damaged: {why}.", hint="Copy or download it again.")
