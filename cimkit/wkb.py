"""Well-known binary as bytes: what is sound, the kinds and extents of a column, the coordinates of one geometry.

Also for what GEOS does not read (curves, polyhedral surfaces, TINs), drops (M) or refuses
(unclosed rings), and for handing it to DuckDB without harm. Both dialects are known, ISO
(OGC 06-103r4: thousands of the type word) and the extended flags of PostGIS, in both byte
orders.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Generator, Iterator, Set
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

_Z, _M, _SRID = 0x80000000, 0x40000000, 0x20000000
_LINES = {2, 8}  # LineString, CircularString
_RINGS = {3, 17}  # Polygon, Triangle
#: What a geometry made of geometries may hold (OGC 06-103r4, 8.2); a collection anything.
_PARTS = {
    4: {1},  # MultiPoint
    5: {2},  # MultiLineString
    6: {3},  # MultiPolygon
    7: {*range(1, 13), 15, 16, 17},  # GeometryCollection
    9: {2, 8},  # CompoundCurve
    10: {2, 8, 9},  # CurvePolygon
    11: {2, 8, 9},  # MultiCurve
    12: {3, 10},  # MultiSurface
    15: {3, 17},  # PolyhedralSurface
    16: {3, 17},  # TIN
}
_ANYTHING = _PARTS[7]
_COLLECTION = 7
_DEEPEST = 16
#: The bytes before the points of a geometry that is one run of points, and the fewest points it may have.
_RUNS = {1: (5, 1), 2: (9, 2), 3: (13, 4), 4: (14, 1), 5: (18, 2), 6: (22, 4)}
#: So many geometries that hold geometries may be nested too deep; and how one begins, in every dialect.
_BOTTOMLESS = 4000
_NESTING = re.compile(
    rb"\x01(?:[\x04-\x0c]\x00\x00|[\xec-\xf4]\x03\x00|[\xd4-\xdc]\x07\x00|[\xbc-\xc4]\x0b\x00)"
    rb"|\x00[\x00\x20\x40\x60\x80\xa0\xc0\xe0]\x00(?:\x00[\x04-\x0c]|\x03[\xec-\xf4]|\x07[\xd4-\xdc]|\x0b[\xbc-\xc4])",
    re.DOTALL,
)
_POINTS_AT_ONCE = 1 << 18
#: So many runs of the same number of points are worth looking at together.
_MANY = 256
_Ints = NDArray[np.int64]
#: What stands for a geometry whose bytes are no WKB: a value that every reader refuses without harm.
DAMAGED = b"\x00"


def heads(array: pa.Array) -> tuple[NDArray[np.int64], NDArray[np.bool_], NDArray[np.bool_]]:
    """The outermost geometry of each WKB value of a binary array: (base kind, has Z, has M).

    The kind is the OGC number (1 Point … 17 Triangle), 0 where the value is null, and -1
    where it is too short to have one.
    """
    offsets, data = buffers(array)
    start, length = offsets[:-1], np.diff(offsets)
    whole = length >= 5
    at = start[whole]
    bytes_of_word = _gathered(data, at + 1, 4)
    word = bytes_of_word.view("<u4").astype(np.int64)
    big = data[at] != 1
    if big.any():
        word[big] = bytes_of_word[big].view(">u4")
    plain = word & 0x1FFFFFFF
    kind = np.full(len(length), -1, dtype=np.int64)
    has_z, has_m = np.zeros(len(length), dtype=bool), np.zeros(len(length), dtype=bool)
    kind[whole] = plain % 1000
    iso = plain // 1000
    has_z[whole] = (word & _Z != 0) | (iso == 1) | (iso == 3)
    has_m[whole] = (word & _M != 0) | (iso == 2) | (iso == 3)
    if array.null_count:
        kind[np.asarray(array.is_null().to_numpy(zero_copy_only=False))] = 0
    return kind, has_z, has_m


def extended(array: pa.Array) -> NDArray[np.bool_]:
    """Which values are in the extended dialect of PostGIS: Z, M or an SRID said by a flag of the type word."""
    offsets, data = buffers(array)
    flagged = np.zeros(len(array), dtype=bool)
    whole = np.flatnonzero(np.diff(offsets) >= 5)
    at = offsets[whole]
    flagged[whole] = np.where(data[at] == 1, data[at + 4], data[at + 1]) & 0xE0 != 0
    return flagged


def buffers(array: pa.Array) -> tuple[NDArray[np.int64], NDArray[np.uint8]]:
    """The offsets (one more than there are values) and the bytes of a binary array, without copying values."""
    _, offset_buffer, data_buffer = array.buffers()
    width: type[np.int32] | type[np.int64] = np.int64 if pa.types.is_large_binary(array.type) else np.int32
    if offset_buffer is None or len(array) == 0:
        return np.zeros(len(array) + 1, dtype=np.int64), np.zeros(0, dtype=np.uint8)
    offsets = np.frombuffer(offset_buffer, dtype=width)[array.offset : array.offset + len(array) + 1]
    data = np.frombuffer(data_buffer, dtype=np.uint8) if data_buffer else np.zeros(0, dtype=np.uint8)
    return offsets.astype(np.int64), data


@dataclass(frozen=True)
class Extents:
    """The heads (see :func:`heads`) and the extents of a binary array's WKB values.

    ``bounds`` are min x, min y, max x, max y of each, NaN where it has no point; ``built`` says
    which are geometries of the simple kinds that GEOS takes, ``empty`` which of these are empty.
    """

    kind: NDArray[np.int64]
    has_z: NDArray[np.bool_]
    has_m: NDArray[np.bool_]
    bounds: NDArray[np.float64]
    built: NDArray[np.bool_]
    empty: NDArray[np.bool_]


def extents(array: pa.Array) -> Extents:
    """What :class:`Extents` says of each WKB value.

    Most values of real layers are one run of points behind a head: points, lines, polygons of
    one ring, and collections of one of these. Their points are compared as they lie in the
    buffer, ten times faster than GEOS builds them; it is asked about the others.
    """
    import shapely

    offsets, data = buffers(array)
    kind, has_z, has_m = heads(array)
    bounds = np.full((4, len(kind)), np.nan).T
    known = _bounds_of_runs(offsets, data, kind, 16 + 8 * has_z + 8 * has_m, bounds)
    empty = np.zeros(len(kind), dtype=bool)
    others = np.flatnonzero(~known & (kind >= 1) & (kind <= _COLLECTION))
    if len(others):
        geometries = built(array.take(pa.array(others)).to_numpy(zero_copy_only=False))
        known[others] = shapely.is_geometry(geometries)
        empty[others] = shapely.is_empty(geometries)
        with np.errstate(all="ignore"):
            bounds[others] = shapely.bounds(geometries)
    return Extents(kind, has_z, has_m, bounds, known, empty)


def built(values: NDArray[np.object_]) -> NDArray[np.object_]:
    """Geometries of WKB values, None where GEOS builds none."""
    import shapely

    long = [index for index, value in enumerate(values) if value is not None and len(value) >= _BOTTOMLESS * 9]
    bottomless = [index for index in long if _is_bottomless(values[index])]
    if bottomless:
        values = values.copy()
        values[bottomless] = None
    with np.errstate(all="ignore"):  # a signalling NaN, or enormous numbers, among the coordinates
        try:
            return np.asarray(shapely.from_wkb(values, on_invalid="ignore"))
        except NotImplementedError:  # a curve inside a collection
            geometries = np.full(len(values), None, dtype=object)
            for index, value in enumerate(values):
                with suppress(NotImplementedError):
                    geometries[index] = shapely.from_wkb(value, on_invalid="ignore")
            return geometries


def _is_bottomless(value: bytes) -> bool:
    """Whether geometries may be nested in each other so deep that GEOS runs out of stack, which ends the process."""
    heads_inside = sum(1 for _ in islice(_NESTING.finditer(value), _BOTTOMLESS))
    return heads_inside == _BOTTOMLESS and not _is_whole(value)


def _bounds_of_runs(
    offsets: NDArray[np.int64],
    data: NDArray[np.uint8],
    kind: NDArray[np.int64],
    width: NDArray[np.int64],
    bounds: NDArray[np.float64],
) -> NDArray[np.bool_]:
    """Fill in the bounds of the values that are sound runs of finite points ``width`` bytes apart; which they are."""
    done = np.zeros(len(kind), dtype=bool)
    for both in np.flatnonzero(np.bincount(np.maximum(kind, 0) * 64 + width)):
        base, step = divmod(int(both), 64)
        if base not in _RUNS:
            continue
        rows, count = _runs(offsets, data, np.flatnonzero((kind == base) & (width == step)), base, step)
        box, closed = _bounds(data, offsets[rows] + _RUNS[base][0], count, step)
        with np.errstate(all="ignore"):
            good = np.isfinite(box[0] + box[1] + box[2] + box[3])
        if base in (3, 6):
            good &= closed
        if len(rows) == len(kind) and good.all():
            bounds.T[:] = box
        else:
            bounds.T[:, rows[good]] = box[:, good]
        done[rows[good]] = True
    return done


def _bounds(
    data: NDArray[np.uint8], start: _Ints, count: _Ints, step: int
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Of runs of points: min x, min y, max x, max y as rows, and which runs are closed."""
    often = np.bincount(count, minlength=1) >= _MANY
    numbers = np.flatnonzero(often)
    if len(numbers) == 1 and often[count].all():
        return _bounds_of_alike(data, start, int(numbers[0]), step)
    box, closed = np.empty((4, len(start))), np.empty(len(start), dtype=bool)
    for number in numbers:
        some = np.flatnonzero(count == number)
        box[:, some], closed[some] = _bounds_of_alike(data, start[some], int(number), step)
    rest = np.flatnonzero(~often[count])
    # In slices, so that the places of the points take little memory beside the points.
    total = np.cumsum(count[rest])
    cuts = np.searchsorted(total, np.arange(_POINTS_AT_ONCE, total.max(initial=0), _POINTS_AT_ONCE))
    for some in np.split(rest, cuts):
        if len(some):
            box[:, some], closed[some] = _bounds_of_unlike(data, start[some], count[some], step)
    return box, closed


def _bounds_of_alike(
    data: NDArray[np.uint8], start: _Ints, count: int, step: int
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """The same of runs of so many points each."""
    points = _gathered(data, start, count * step).view("<f8").reshape(len(start), -1).T
    dimensions = step // 8
    box = np.vstack([points[:2], points[:2]])
    with np.errstate(all="ignore"):
        for at in range(dimensions, count * dimensions, dimensions):
            for axis in (0, 1):
                np.minimum(box[axis], points[at + axis], out=box[axis])
                np.maximum(box[2 + axis], points[at + axis], out=box[2 + axis])
    last = (count - 1) * dimensions
    return box, (points[0] == points[last]) & (points[1] == points[last + 1])


def _bounds_of_unlike(
    data: NDArray[np.uint8], start: _Ints, counts: _Ints, step: int
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """The same of a few runs of any number of points."""
    last = np.cumsum(counts)
    first = last - counts
    at = np.repeat(start - first * step, counts) + np.arange(last[-1]) * step
    points = _gathered(data, at, 16).view("<f8").reshape(-1, 2)
    with np.errstate(all="ignore"):
        box = np.hstack([np.minimum.reduceat(points, first), np.maximum.reduceat(points, first)])
    closed = points[first] == points[last - 1]
    return box.T, closed[:, 0] & closed[:, 1]


def _runs(
    offsets: NDArray[np.int64], data: NDArray[np.uint8], rows: NDArray[np.int64], base: int, step: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Those rows whose head announces one part of one ring that ends where the value ends, and their points."""
    head, fewest = _RUNS[base]
    rows = rows[offsets[rows + 1] - offsets[rows] >= head + step]
    start, end = offsets[rows], offsets[rows + 1]

    def word(at: int) -> NDArray[np.uint32]:
        return _gathered(data, start + at, 4).view("<u4")

    kind = word(1)
    plain = (data[start] == 1) & (kind & _SRID == 0) & (kind & 0x1FFFFFFF < 4000)
    if base > 3:
        plain &= (word(5) == 1) & (data[start + 9] == 1) & (word(10) == kind - 3)
    if base in (3, 6):
        plain &= word(head - 8) == 1
    count = np.ones(len(rows), dtype=np.int64) if base in (1, 4) else word(head - 4).astype(np.int64)
    plain &= (start + head + count * step == end) & (count >= fewest) & (count < _POINTS_AT_ONCE)
    return rows[plain], count[plain]


def _gathered(data: NDArray[np.uint8], at: NDArray[np.int64], size: int) -> NDArray[np.void]:
    """So many bytes from each of these places, which need not be aligned."""
    every: NDArray[np.void] = np.ndarray(max(len(data) - size + 1, 0), f"V{size}", data, strides=(1,))
    return every[at]


def sound(array: pa.Array) -> NDArray[np.bool_]:
    """Which values of a binary array are null or whole WKB.

    DuckDB's spatial functions trust what they are given: a MultiPolygon that holds a Point, or
    collections nested too deep, end the process or the connection. Nothing that is not sound
    may reach them; see :func:`mended`.
    """
    found = extents(array)
    kind = found.kind
    good: NDArray[np.bool_] = (kind == 0) | (found.built & (kind < _COLLECTION))
    # GEOS also refuses what is whole but wrong, such as a ring that does not close.
    for row in np.flatnonzero(~good & (kind > 0)):
        good[row] = _is_whole(array[int(row)].as_py())
    return good


def mended(array: pa.Array) -> tuple[pa.Array, int]:
    """The array with :data:`DAMAGED` in place of every value that is not sound, and how many there were."""
    bad = ~sound(array)
    count = int(bad.sum())
    if not count:
        return array, 0
    values = array.to_numpy(zero_copy_only=False).copy()
    values[bad] = DAMAGED
    return pa.array(values, type=array.type, from_pandas=True), count


def geometry_sql(column: str) -> str:
    """A DuckDB expression that reads a (quoted) WKB column as a geometry: NULL where it cannot.

    Values must be sound or :data:`DAMAGED`. A bare ``TRY(ST_GeomFromWKB(c))`` is wrong in two
    ways (DuckDB 1.5.5): over a dictionary-encoded Parquet column one unreadable value turns
    every geometry near it to NULL, or worse; and an empty blob passes for a geometry, on
    which the next function fails for good. The list keeps dictionaries out.
    """
    return f"list_transform([{column}], lambda b: CASE WHEN octet_length(b) > 4 THEN TRY(ST_GeomFromWKB(b)) END)[1]"


def _is_whole(geometry: bytes) -> bool:
    try:
        for _ in coordinates(bytearray(geometry)):
            pass
    except ValueError:
        return False
    return True


def outline(value: bytes) -> tuple[NDArray[np.float64], bool]:
    """The extent of a geometry's points (of a curve: its control points), and whether its bytes are sound."""
    low, high = np.full(2, np.inf), np.full(2, -np.inf)
    sound = True
    try:
        for points, _ in coordinates(bytearray(value)):
            if len(points):
                low, high = np.fmin(low, points[:, :2].min(axis=0)), np.fmax(high, points[:, :2].max(axis=0))
    except ValueError:
        sound = False
    return np.concatenate([low, high]), sound


def coordinates(geometry: bytearray) -> Iterator[tuple[NDArray[np.float64], bool]]:
    """Writable views of one geometry's coordinates: arrays of shape (points, 2..4), and whether column 2 is Z.

    Raises:
        ValueError: the bytes are no WKB.
    """
    yield from _walk(geometry, 0, 0, _ANYTHING)


def _walk(
    data: bytearray, at: int, depth: int, allowed: Set[int]
) -> Generator[tuple[NDArray[np.float64], bool], None, int]:
    if depth > _DEEPEST or at + 5 > len(data) or data[at] > 1:
        raise ValueError("no geometry begins here")
    order = "<" if data[at] == 1 else ">"
    (word,) = struct.unpack_from(order + "I", data, at + 1)
    at += 9 if word & _SRID else 5
    thousands, kind = divmod(word & 0x1FFFFFFF, 1000)
    if thousands > 3 or kind not in allowed:
        raise ValueError(f"geometry type {word} is unknown, or out of place")
    has_z, has_m = bool(word & _Z) or thousands in (1, 3), bool(word & _M) or thousands in (2, 3)
    width = 2 + has_z + has_m

    def count() -> int:
        nonlocal at
        if at + 4 > len(data):
            raise ValueError("a count is cut off")
        (number,) = struct.unpack_from(order + "I", data, at)
        at += 4
        return int(number)

    def points(number: int) -> tuple[NDArray[np.float64], bool]:
        nonlocal at
        if at + number * width * 8 > len(data):
            raise ValueError("coordinates are cut off")
        view = np.frombuffer(data, dtype=order + "f8", count=number * width, offset=at)
        at += number * width * 8
        return view.reshape(number, width), has_z

    if kind == 1:
        yield points(1)
    elif kind in _LINES:
        yield points(count())
    elif kind in _RINGS:
        for _ in range(count()):
            yield points(count())
    else:
        for _ in range(count()):
            at = yield from _walk(data, at, depth + 1, _PARTS[kind])
    return at
