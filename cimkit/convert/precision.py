"""To how many decimals a target keeps coordinates: by the CRS they are in, or by how far they reach."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from cimkit import crs as reference_systems
from cimkit.convert.records import Records
from cimkit.convert.shapes import are_degrees, extent
from cimkit.crs import Transform
from cimkit.formats.profile import Profile
from cimkit.model import BBox

if TYPE_CHECKING:
    import duckdb

#: Points along each side of an extent; the sides may bend on their way to another CRS.
_ALONG = 33
#: The extent of the written data may be a little wider than that of these points and is given a margin.
_MARGIN = 1.02


@dataclass(frozen=True)
class Precision:
    """The decimals that are kept, and whether the coordinates are degrees."""

    decimals: int
    degrees: bool


def kept(con: duckdb.DuckDBPyConnection, records: Records, way: Transform, profile: Profile) -> Precision | None:
    """To how many decimals the target keeps coordinates; None where it keeps them as they are."""
    if profile.decimals is None or not records.has_geometry:
        return None
    box = None
    if profile.steps is not None or not way.target:
        box = extent(con, records)
    degrees = reference_systems.is_geographic(way.target) if way.target else are_degrees(box)
    decimals = profile.decimals[0 if degrees else 1]
    reach = _reach(box, way) if box and profile.steps else 0.0
    if reach > 0.0 and profile.steps:
        decimals = min(decimals, math.floor(-math.log10(reach * _MARGIN / profile.steps)))
    return Precision(decimals, degrees)


def _reach(box: BBox, way: Transform) -> float:
    """How far an extent reaches in the target's CRS, in its wider direction."""
    west, south, east, north = box
    x, y = np.meshgrid(np.linspace(west, east, _ALONG), np.linspace(south, north, _ALONG))
    there = np.stack(way.points(x.ravel(), y.ravel()))
    there = there[:, np.isfinite(there).all(axis=0)]
    return float(np.ptp(there, axis=1).max()) if there.size else 0.0
