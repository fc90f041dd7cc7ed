"""What a city object covers on the map: its footprint, or its own surfaces, lines or points."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import shapely

from cimkit.formats.models.solids import Shape, Surface, lod_key

#: Thematic surfaces whose outline is the footprint.
_GROUND = "GroundSurface"
#: A hole or piece smaller than this part of the whole comes from rounding where faces meet.
_SLIVER = 1e-6
#: A face whose outline holds less than this part of its own extent stands upright.
_UPRIGHT = 1e-9
_FEW = 64


def footprint(shapes: Sequence[Shape]) -> tuple[shapely.Geometry | None, str | None]:
    """The outline on the ground, without z, and what it was taken from.

    In this order: the footprint or roof edge of LoD 0, the ground surfaces of the lowest level
    that has any, the projection of the lowest solids, the projection of the lowest surfaces.
    """
    for origin in ("lod0FootPrint", "lod0RoofEdge"):
        surfaces = [surface for shape in shapes if shape.origin == origin for surface in shape.surfaces]
        if surfaces:
            return _delivered(surfaces, with_z=False), origin
    flat = [shape for shape in shapes if shape.form == "surface" and lod_key(shape.lod)[0] == 0 and _is_flat(shape)]
    if flat:
        return _delivered([surface for shape in flat for surface in shape.surfaces], with_z=False), "lod0"
    for lod in sorted({shape.lod for shape in shapes}, key=lod_key):
        ground = [
            s for shape in shapes if shape.lod == lod for s in shape.surfaces if s.meaning == _GROUND and _lies(s)
        ]
        if ground:
            return _united([_polygon(surface) for surface in ground]), _GROUND
    for form in ("solid", "surface"):
        there = [shape for shape in shapes if shape.form == form and any(map(_lies, shape.surfaces))]
        if there:
            lowest = min((shape.lod for shape in there), key=lod_key)
            faces = [s for shape in there if shape.lod == lowest for s in shape.surfaces]
            return _projection(faces), f"projection of LoD {lowest}" if lowest else "geometry"
    return _lines_or_points(shapes), None


def own_surfaces(shapes: Sequence[Shape]) -> tuple[shapely.Geometry | None, str | None]:
    """The surfaces of the highest level as they lie in space, upright ones left out; else lines or points.

    Surfaces that share edges are dissolved into one outline, since a MultiPolygon of them would be invalid.
    """
    there = [shape for shape in shapes if any(map(_lies, shape.surfaces))]
    if there:
        best = max((shape.lod for shape in there), key=lod_key)
        surfaces = [s for shape in there if shape.lod == best for s in shape.surfaces if _lies(s)]
        return _delivered(surfaces, with_z=True), f"surfaces of LoD {best}" if best else "surfaces"
    return _lines_or_points(shapes), None


def terrain(shapes: Sequence[Shape]) -> tuple[shapely.Geometry | None, str | None]:
    """All faces of a terrain as they are, which share edges; else lines or points."""
    faces = [shape for shape in shapes if shape.origin != "extent"] or shapes
    surfaces = [surface for shape in faces for surface in shape.surfaces]
    if not surfaces:
        return _lines_or_points(shapes), None
    if all(len(s.rings) == 1 and len(s.rings[0]) == 4 for s in surfaces):
        corners = np.stack([surface.rings[0] for surface in surfaces])
        if not np.isnan(corners).any():
            return shapely.multipolygons(shapely.polygons(corners)), "surfaces"
    return shapely.multipolygons([_polygon(surface, with_z=True) for surface in surfaces]), "surfaces"


def united(geometries: Iterable[shapely.Geometry]) -> shapely.Geometry | None:
    """The union of the outlines of parts; None where there are none."""
    polygons = [geometry for geometry in geometries if geometry.geom_type in ("Polygon", "MultiPolygon")]
    return _united(polygons) if polygons else None


def _is_flat(shape: Shape) -> bool:
    return bool(shape.surfaces) and any(map(_lies, shape.surfaces))


def _delivered(surfaces: Sequence[Surface], *, with_z: bool) -> shapely.Geometry:
    """Surfaces as they were delivered; dissolved only where together they are no valid MultiPolygon."""
    polygons = [_polygon(surface, with_z=with_z) for surface in surfaces]
    if len(polygons) == 1:
        return polygons[0]
    together = shapely.multipolygons(polygons)
    return together if shapely.is_valid(together) else _united(polygons)


def _projection(surfaces: Sequence[Surface]) -> shapely.Geometry | None:
    """The union of all faces seen from above; faces of one outline (floor and roof of a block) count once."""
    seen: dict[frozenset[tuple[float, ...]], shapely.Geometry] = {}
    for surface in surfaces:
        if _lies(surface):
            corners = frozenset(map(tuple, surface.rings[0][:, :2].tolist()))
            if len(surface.rings) > 1:
                corners |= {tuple(point) for points in surface.rings[1:] for point in points[:, :2].tolist()}
            seen.setdefault(corners, _polygon(surface))
    return _united(list(seen.values()))


def _united(polygons: list[shapely.Geometry]) -> shapely.Geometry:
    if len(polygons) == 1:
        return polygons[0]
    pieces = np.array(polygons, dtype=object)
    wrong = ~shapely.is_valid(pieces)
    pieces[wrong] = shapely.make_valid(pieces[wrong], method="structure")
    return _without_slivers(shapely.union_all(pieces))


def _without_slivers(geometry: shapely.Geometry) -> shapely.Geometry:
    """Polygons only, without the tiny holes and pieces that rounding leaves between faces."""
    pieces = [piece for piece in shapely.get_parts(geometry) if piece.geom_type == "Polygon"]
    least = _SLIVER * float(sum(piece.area for piece in pieces))
    kept = []
    for piece in pieces:
        if piece.area <= least:
            continue
        holes = [hole for hole in piece.interiors if shapely.polygons(hole).area > least]
        kept.append(piece if len(holes) == len(piece.interiors) else shapely.Polygon(piece.exterior, holes))
    if not kept:
        return geometry
    return kept[0] if len(kept) == 1 else shapely.multipolygons(kept)


def _polygon(surface: Surface, *, with_z: bool = False) -> shapely.Geometry:
    with_z = with_z and not any(np.isnan(points).any() for points in surface.rings)
    outer, *holes = (points if with_z else points[:, :2] for points in surface.rings)
    return shapely.polygons(outer, [shapely.linearrings(hole) for hole in holes] or None)


def _lies(surface: Surface) -> bool:
    """Whether a surface has an area seen from above."""
    points = surface.rings[0][:, :2]
    if len(points) > _FEW:
        low, high = points.min(axis=0), points.max(axis=0)
        x, y = (points - low).T
        return bool(abs(x[:-1] @ y[1:] - x[1:] @ y[:-1]) > _UPRIGHT * float((high - low).max()) ** 2)
    corners = points.tolist()  # for few corners plain numbers are quicker than arrays
    left, bottom = corners[0]
    reach = twice_area = 0.0
    before_x = before_y = 0.0
    for x, y in corners:
        x, y = x - left, y - bottom
        twice_area += before_x * y - x * before_y
        reach = max(reach, abs(x), abs(y))
        before_x, before_y = x, y
    return abs(twice_area) > _UPRIGHT * reach * reach


def _lines_or_points(shapes: Sequence[Shape]) -> shapely.Geometry | None:
    for form in ("line", "point"):
        there = [shape for shape in shapes if shape.form == form and shape.lines]
        if not there:
            continue
        best = max((shape.lod for shape in there), key=lod_key)
        arrays = [points for shape in there if shape.lod == best for points in shape.lines]
        with_z = not any(np.isnan(points).any() for points in arrays)
        arrays = [points if with_z else points[:, :2] for points in arrays]
        if form == "point":
            positions = np.concatenate(arrays)
            return shapely.points(positions[0]) if len(positions) == 1 else shapely.multipoints(positions)
        lines = [shapely.linestrings(points) for points in arrays if len(points) > 1]
        if lines:
            return lines[0] if len(lines) == 1 else shapely.multilinestrings(lines)
    return None
