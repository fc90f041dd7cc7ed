"""Places along a Hilbert curve: rows that are near to each other on the curve are near to each other on the map."""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

from cimkit.model import BBox

#: The curve runs through 2^16 by 2^16 cells.
_CELLS = 1 << 16
#: Bits of each coordinate that one look into the table turns into the curve's own.
_STEP = 4


def places(boxes: NDArray[np.float32], extent: BBox) -> NDArray[np.uint32]:
    """How far along the curve over ``extent`` the middle of each box (min x, min y, max x, max y) lies.

    What lies outside counts to the nearest edge, a box without a middle to the beginning.
    """
    cells = []
    for axis in (0, 1):
        low, high = extent[axis], extent[axis + 2]
        span = high - low if high > low else 1.0
        with np.errstate(invalid="ignore", over="ignore"):
            middle = (boxes[:, axis].astype(np.float64) + boxes[:, axis + 2]) / 2
            cell = np.clip((middle - low) / span * _CELLS, 0, _CELLS - 1)
        cells.append(np.nan_to_num(cell).astype(np.uint32))
    return along(*cells)


def along(x: NDArray[np.uint32], y: NDArray[np.uint32]) -> NDArray[np.uint32]:
    """The distance along the curve of cells, each coordinate from 0 to 65535."""
    digits, following = _table()
    turned = np.zeros(len(x), dtype=np.uint32)
    distance = np.zeros(len(x), dtype=np.uint32)
    mask = (1 << _STEP) - 1
    for shift in range(16 - _STEP, -1, -_STEP):
        at = turned << (2 * _STEP) | ((x >> shift) & mask) << _STEP | ((y >> shift) & mask)
        distance = distance << (2 * _STEP) | digits[at]
        turned = following[at]
    return distance


@cache
def _table() -> tuple[NDArray[np.uint32], NDArray[np.uint32]]:
    """For each way the curve may be turned and each four bits of x and y: its distance, and how it is turned then.

    The curve's square is entered at a corner and left at a neighbouring one; its quarters are
    squares of the same kind, of which the first and the last are mirrored at a diagonal, and
    the last is also turned by half.
    """
    size = 1 << (2 * _STEP)
    digits, following = np.zeros(4 * size, dtype=np.uint32), np.zeros(4 * size, dtype=np.uint32)
    for at in range(4 * size):
        half, mirrored = at // size >> 1, at // size & 1
        distance = 0
        for bit in range(_STEP - 1, -1, -1):
            x, y = at >> (_STEP + bit) & 1, at >> bit & 1
            if mirrored:
                x, y = y, x
            x, y = x ^ half, y ^ half
            distance = distance << 2 | (3 * x) ^ y
            if y == 0:
                half, mirrored = half ^ x, mirrored ^ 1
        digits[at], following[at] = distance, half << 1 | mirrored
    return digits, following
