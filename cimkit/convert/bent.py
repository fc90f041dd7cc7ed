"""A change to geometries, counted and with an example, and what a geometry is called in one."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa

from cimkit import wkb
from cimkit.formats.facts import KINDS

_LONGEST = 80


@dataclass
class Bent:
    """One change to geometries: its loss code, how it is told (``loss.<why>``), how many, the first one."""

    code: str
    why: str
    count: int = 0
    example: dict[str, Any] | None = None
    values: dict[str, Any] = field(default_factory=dict)


def named(shapes: Any, row: int) -> str | None:
    """What a geometry is, in a word; points and short ones as text, where that shows the change."""
    import shapely

    if shapes is None:
        return None
    value = shapes[row].as_py() if isinstance(shapes, pa.Array) else shapes[row]
    if value is None:
        return None
    if isinstance(value, bytes):
        kind, has_z, has_m = wkb.heads(pa.array([value]))
        built = wkb.built(np.array([value], dtype=object))[0]
        if built is None:
            dimension = f"{' ' if has_z[0] or has_m[0] else ''}{'Z' if has_z[0] else ''}{'M' if has_m[0] else ''}"
            return f"{KINDS.get(int(kind[0]), 'unreadable')}{dimension}"
        value = built
    text = str(shapely.to_wkt(value, rounding_precision=-1, output_dimension=4))
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"
