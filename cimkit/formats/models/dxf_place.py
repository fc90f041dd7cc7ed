"""Where a DXF drawing lies on the earth: its GEODATA object, a WKT that ArcGIS left in it, or a .prj beside it."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cimkit.formats.gdal.layer import declared_crs
from cimkit.model import Evidence, Hint

_LOCAL_GRID = 1
_NO_SCALE, _USER_SCALE = 1, 2
_LONGEST = 1 << 20


@dataclass(frozen=True)
class Place:
    """The CRS of a drawing, and the way of its coordinates into it.

    ``matrix`` is that of an affine map of x and y (a, b, c, d, e, f: x' = ax + by + c, y' = dx + ey + f)
    and ``rise`` the factor of z; None where coordinates stay as they are.
    """

    crs: Evidence
    matrix: tuple[float, ...] | None = None
    rise: float = 1.0
    hints: tuple[Hint, ...] = ()

    def moved(self, shapes: NDArray[np.object_]) -> NDArray[np.object_]:
        """Geometries of the drawing in the CRS."""
        import shapely

        if self.matrix is None:
            return shapes
        a, b, c, d, e, f = self.matrix

        def move(points: NDArray[np.float64]) -> NDArray[np.float64]:
            x, y = points[:, 0], points[:, 1]
            columns = [a * x + b * y + c, d * x + e * y + f]
            return np.stack([*columns, *([points[:, 2] * self.rise] if points.shape[1] > 2 else [])], axis=1)

        moved = shapes.copy()
        for with_z in (False, True):
            rows = shapely.is_geometry(shapes) & (shapely.has_z(shapes) == with_z)
            moved[rows] = shapely.transform(shapes[rows], move, include_z=with_z)
        return moved


def place(geodata: Any, wkt: str | None, prj: Path | None) -> Place:
    """The place of a drawing from what there is: a GEODATA entity, ArcGIS's WKT, a .prj file."""
    if geodata is not None:
        return _by_geodata(geodata)
    if wkt:
        return Place(declared_crs(wkt, "ESRI_PRJ in the drawing", 0.95))
    if prj is not None:
        return Place(declared_crs(prj.read_bytes()[:_LONGEST].decode("utf-8", "replace").strip(), ".prj", 0.95))
    return Place(Evidence(None, "a DXF drawing says none without GEODATA, and there is no .prj", 1.0))


def _by_geodata(geodata: Any) -> Place:
    crs = _declared(geodata.coordinate_system_definition or "")
    attributes = geodata.dxf
    kind = attributes.get("coordinate_type", 0)
    if kind != _LOCAL_GRID:
        return Place(crs)  # the drawing's coordinates are those of the CRS already
    up = attributes.get("up_direction")
    if up is not None and not up.isclose((0, 0, 1)):
        message = "Its GEODATA turns the drawing out of the plane, so its coordinates are left as they are."
        return Place(Evidence(None, "GEODATA that cannot be followed", 1.0), hints=(Hint("dxf.not_moved", message),))
    hints = []
    method = attributes.get("scale_estimation_method", _NO_SCALE)
    scale = float(attributes.get("horizontal_unit_scale", 1.0) or 1.0)
    if method == _USER_SCALE:
        scale *= float(attributes.get("user_scale_factor", 1.0) or 1.0)
    elif method != _NO_SCALE:
        message = "Its GEODATA asks for a grid scale factor, which is left out: far from its origin places are off."
        hints.append(Hint("dxf.scale_factor", message))
    matrix = _matrix(attributes, scale)
    if not all(map(math.isfinite, matrix)):
        message = "Its GEODATA holds no finite numbers, so its coordinates are left as they are."
        return Place(Evidence(None, "GEODATA that cannot be followed", 1.0), hints=(Hint("dxf.not_moved", message),))
    if matrix == (1.0, 0.0, 0.0, 0.0, 1.0, 0.0):
        return Place(crs, hints=tuple(hints))
    message = (
        f"Coordinates are moved as its GEODATA says: by {matrix[2]:.3f}, {matrix[5]:.3f}, "
        f"turned by {math.degrees(math.atan2(matrix[3], matrix[0])):.6g}°, times {scale:.9g}."
    )
    hints.append(Hint("dxf.moved", message))
    return Place(crs, matrix, float(attributes.get("vertical_unit_scale", 1.0) or 1.0), tuple(hints))


def _matrix(attributes: Any, scale: float) -> tuple[float, ...]:
    """From the design point to the reference point, turned so that the given north is up."""
    source, target = attributes.get("design_point"), attributes.get("reference_point")
    north = attributes.get("north_direction")
    turn = math.pi / 2 - math.atan2(north[1], north[0]) if north is not None else 0.0
    cosine, sine = scale * math.cos(turn), scale * math.sin(turn)
    if turn == 0.0:
        sine = 0.0
    return (
        cosine, -sine, target[0] - cosine * source[0] + sine * source[1],
        sine, cosine, target[1] - sine * source[0] - cosine * source[1],
    )  # fmt: skip


def _declared(definition: str) -> Evidence:
    """The EPSG code in the definition's XML (MapGuide's dictionary), or the WKT that it is."""
    text = definition[:_LONGEST]
    for alias in re.finditer(r'<Alias\b[^>]*\bid="(\d+)"[^>]*>(.*?)</Alias>', text, re.DOTALL):
        if 'type="CoordinateSystem"' in alias.group(0) and re.search(r"<Namespace>\s*EPSG Code\s*<", alias.group(2)):
            return declared_crs(f"EPSG:{alias.group(1)}", "EPSG code in GEODATA", 1.0)
    if re.match(r"\s*(PROJCS|GEOGCS|PROJCRS|GEOGCRS|COMPD_?CS)\[", text):
        return declared_crs(text.strip(), "WKT in GEODATA", 0.95)
    named = re.search(r'<(?:Projected|Geographic)CoordinateSystem\b[^>]*\bid="([^"]{1,80})"', text)
    what = f"'{named.group(1)}'" if named else repr(text.strip()[:40])
    return Evidence(None, f"GEODATA names {what}, which has no EPSG code", 1.0)
