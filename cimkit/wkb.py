"""Well-known binary as bytes: what is sound, the kinds of a whole column, the coordinates of one geometry.

Also for what GEOS does not read (curves, polyhedral surfaces, TINs), drops (M) or refuses
(unclosed rings), and for handing it to DuckDB without harm. Both dialects are known, ISO
(OGC 06-103r4: thousands of the type word) and the extended flags of PostGIS, in both byte
orders.
"""

from __future__ import annotations

import struct
from collections.abc import Generator, Iterator, Set
from contextlib import suppress

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
_DEEPEST = 16
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
    # The type word is read byte by byte, since values are not aligned.
    little = data[at] == 1
    word = np.zeros(len(at), dtype=np.int64)
    for place in range(4):
        shift = np.where(little, 8 * place, 8 * (3 - place))
        word |= data[at + 1 + place].astype(np.int64) << shift
    plain = word & 0x1FFFFFFF
    kind = np.full(len(length), -1, dtype=np.int64)
    has_z, has_m = np.zeros(len(length), dtype=bool), np.zeros(len(length), dtype=bool)
    kind[whole] = plain % 1000
    has_z[whole] = (word & _Z != 0) | np.isin(plain // 1000, (1, 3))
    has_m[whole] = (word & _M != 0) | np.isin(plain // 1000, (2, 3))
    if array.null_count:
        kind[np.asarray(array.is_null().to_numpy(zero_copy_only=False))] = 0
    return kind, has_z, has_m


def buffers(array: pa.Array) -> tuple[NDArray[np.int64], NDArray[np.uint8]]:
    """The offsets (one more than there are values) and the bytes of a binary array, without copying values."""
    _, offset_buffer, data_buffer = array.buffers()
    width: type[np.int32] | type[np.int64] = np.int64 if pa.types.is_large_binary(array.type) else np.int32
    if offset_buffer is None or len(array) == 0:
        return np.zeros(len(array) + 1, dtype=np.int64), np.zeros(0, dtype=np.uint8)
    offsets = np.frombuffer(offset_buffer, dtype=width)[array.offset : array.offset + len(array) + 1]
    data = np.frombuffer(data_buffer, dtype=np.uint8) if data_buffer else np.zeros(0, dtype=np.uint8)
    return offsets.astype(np.int64), data


def sound(array: pa.Array) -> NDArray[np.bool_]:
    """Which values of a binary array are null or whole WKB.

    DuckDB's spatial functions trust what they are given: a MultiPolygon that holds a Point, or
    collections nested too deep, end the process or the connection. Nothing that is not sound
    may reach them; see :func:`mended`.
    """
    import shapely

    kind, _, _ = heads(array)
    good: NDArray[np.bool_] = kind == 0
    values = array.to_numpy(zero_copy_only=False)
    plain = np.flatnonzero((kind >= 1) & (kind <= 6))
    with suppress(NotImplementedError), np.errstate(invalid="ignore"):  # a curve where none may be; signalling NaN
        good[plain] = shapely.is_geometry(shapely.from_wkb(values[plain], on_invalid="ignore"))
    # GEOS also refuses what is whole but wrong, such as a ring that does not close.
    for row in np.flatnonzero(~good & (kind > 0)):
        good[row] = _is_whole(values[row])
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
