"""Solids of city objects as well-known binary: a collection of polyhedral surfaces with z, one for each solid."""

from __future__ import annotations

import struct
from collections.abc import Sequence

from cimkit.formats.models.solids import Shape

_COLLECTION_Z, _POLYHEDRAL_SURFACE_Z, _POLYGON_Z = 1007, 1015, 1003


def solid_wkb(solids: Sequence[Shape]) -> bytes:
    """ISO WKB of solids, whose shells are put together."""
    pieces = [_head(_COLLECTION_Z, len(solids))]
    for solid in solids:
        pieces.append(_head(_POLYHEDRAL_SURFACE_Z, len(solid.surfaces)))
        for surface in solid.surfaces:
            pieces.append(_head(_POLYGON_Z, len(surface.rings)))
            for points in surface.rings:
                pieces += [struct.pack("<I", len(points)), points.astype("<f8").tobytes()]
    return b"".join(pieces)


def _head(kind: int, count: int) -> bytes:
    return struct.pack("<BII", 1, kind, count)
