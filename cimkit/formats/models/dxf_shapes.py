"""The geometry of the entities of a DXF drawing, in world coordinates.

Closed polylines, circles and hatches are areas. Arcs and ellipses become chords of at most
four degrees, splines chords that stay within a ten-thousandth of their size. Z is there where
it is not zero.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cimkit.formats.rings import polygons

Points = NDArray[np.float64]
_STEP = math.radians(4.0)
_FINE = 1e-4
_SPLINE_FRAME = 16  # flag of a vertex that only steers a curve


@dataclass(frozen=True)
class Drawn:
    """A geometry (None where the entity has none that can be read), and whether curves in it were made straight."""

    shape: Any
    bent: bool = False


def drawn(entity: Any) -> Drawn | None:
    """The geometry of an entity; None for a kind whose geometry is not read."""
    maker = _MAKERS.get(entity.dxftype())
    if maker is None:
        return None
    made = maker(entity)
    return made if isinstance(made, Drawn) else Drawn(made)


# ---- lines ----------------------------------------------------------------------------


def _point(entity: Any) -> Any:
    return point(entity.dxf.location)


def point(place: Any) -> Any:
    """A point, with Z where it is not zero."""
    import shapely

    return shapely.Point(_flat([(place[0], place[1], place[2] if len(place) > 2 else 0.0)])[0])


def _line(entity: Any) -> Any:
    return _path([entity.dxf.start, entity.dxf.end], False)


def _lwpolyline(entity: Any) -> Drawn:
    rows = np.array(entity.get_points("xyb"), dtype=np.float64).reshape(-1, 3)
    points, bent = _with_bulges(rows, bool(entity.closed))
    return Drawn(_path(_world(entity, points, entity.dxf.elevation), bool(entity.closed)), bent)


def _polyline(entity: Any) -> Drawn:
    if entity.is_poly_face_mesh or entity.is_polygon_mesh:
        from ezdxf.render import MeshBuilder

        return Drawn(_faces(MeshBuilder.from_polyface(entity).faces_as_vertices()))
    vertices = [v for v in entity.vertices if not v.dxf.flags & _SPLINE_FRAME]
    closed = bool(entity.is_closed)
    if entity.is_3d_polyline:
        return Drawn(_path([v.dxf.location for v in vertices], closed))
    rows = [(v.dxf.location[0], v.dxf.location[1], v.dxf.bulge) for v in vertices]
    points, bent = _with_bulges(np.array(rows, dtype=np.float64).reshape(-1, 3), closed)
    elevation = vertices[0].dxf.location[2] if vertices else 0.0
    return Drawn(_path(_world(entity, points, elevation or entity.dxf.elevation[2]), closed), bent)


def _with_bulges(rows: Points, closed: bool) -> tuple[Points, bool]:
    """The points of a polyline whose third column is the bulge towards the next point: tan(angle / 4)."""
    bulges = rows[:, 2] if closed else rows[:-1, 2]
    if not np.any(bulges):
        return rows[:, :2], False
    pieces = []
    for index, row in enumerate(rows):
        pieces.append(row[None, :2])
        if index < len(bulges) and bulges[index] and math.isfinite(bulges[index]):
            pieces.append(_arc_between(row[:2], rows[(index + 1) % len(rows), :2], float(bulges[index])))
    return np.concatenate(pieces), True


def _arc_between(start: Points, end: Points, bulge: float) -> Points:
    """The points between the ends of an arc."""
    angle = 4.0 * math.atan(bulge)
    chord = end - start
    if not np.any(chord) or not np.isfinite(chord).all():
        return np.zeros((0, 2))
    centre = (start + end) / 2 + np.array([-chord[1], chord[0]]) * (1 - bulge * bulge) / (4 * bulge)
    count = math.ceil(abs(angle) / _STEP - 1e-9)
    turns = angle * np.arange(1, count) / count
    first = math.atan2(start[1] - centre[1], start[0] - centre[0])
    radius = math.hypot(*(start - centre))
    return centre + radius * np.stack([np.cos(first + turns), np.sin(first + turns)], axis=1)


def _leader(entity: Any) -> Any:
    return _path(list(entity.vertices), False)


def _mline(entity: Any) -> Any:
    return _path([vertex.location for vertex in entity.vertices], bool(entity.is_closed))


# ---- curves ---------------------------------------------------------------------------


def _circle(entity: Any) -> Drawn:
    return Drawn(_path(_turned(entity, 0.0, 2 * math.pi)[:-1], True), True)


def _arc(entity: Any) -> Drawn:
    first, last = math.radians(entity.dxf.start_angle), math.radians(entity.dxf.end_angle)
    sweep = (last - first) % (2 * math.pi) or 2 * math.pi
    return Drawn(_path(_turned(entity, first, sweep), False), True)


def _turned(entity: Any, first: float, sweep: float) -> Points:
    count = max(2, math.ceil(sweep / _STEP - 1e-9))
    angles = first + sweep * np.arange(count + 1) / count
    around = np.stack([np.cos(angles), np.sin(angles)], axis=1) * entity.dxf.radius
    centre = entity.dxf.center
    return _world(entity, around + np.array([centre[0], centre[1]]), centre[2])


def _ellipse(entity: Any) -> Drawn:
    first, last = entity.dxf.start_param, entity.dxf.end_param
    sweep = (last - first) % (2 * math.pi) or 2 * math.pi
    whole = math.isclose(sweep, 2 * math.pi, abs_tol=1e-9)
    count = max(2, math.ceil(sweep / _STEP - 1e-9))
    points = _array(entity.vertices(first + sweep * np.arange(count + (not whole)) / count))
    return Drawn(_path(points, whole), True)


def _spline(entity: Any) -> Drawn:
    frame = _array([*entity.control_points, *entity.fit_points])
    if len(frame) < 2 or not np.isfinite(frame).all():
        return Drawn(None)
    size = float(np.linalg.norm(frame.max(axis=0) - frame.min(axis=0)))
    if size == 0.0:
        return Drawn(None)
    return Drawn(_path(list(entity.flattening(size * _FINE)), bool(entity.closed)), True)


# ---- areas ----------------------------------------------------------------------------


def _hatch(entity: Any) -> Drawn:
    from ezdxf import path

    rings, bent = [], False
    for outline in path.from_hatch(entity):
        for part in outline.sub_paths():
            corners = _array(part.control_vertices())
            if len(corners) < 3 or not np.isfinite(corners).all():
                continue
            if part.has_curves:
                bent = True
                size = float(np.linalg.norm(corners.max(axis=0) - corners.min(axis=0)))
                corners = _array(part.flattening(size * _FINE)) if size else corners
            rings.append(_flat(corners))
    widths = {ring.shape[1] for ring in rings}
    return Drawn(polygons(rings if len(widths) == 1 else [ring[:, :2] for ring in rings]), bent)


def _solid(entity: Any) -> Any:
    return _path(list(entity.wcs_vertices()), True)


def _mesh(entity: Any) -> Any:
    vertices = _array(entity.vertices)
    return _faces([[vertices[i] for i in face] for face in entity.faces if max(face) < len(vertices)])


def _faces(faces: Iterable[Any]) -> Any:
    import shapely

    corners = [_array(face) for face in faces]
    flat = all(np.isfinite(c).all() and not np.any(c[:, 2]) for c in corners)
    made = [shapely.Polygon(c[:, :2] if flat else c) for c in corners if len(c) >= 3]
    return shapely.MultiPolygon(made) if made else None


def _image(entity: Any) -> Any:
    return _path(list(entity.boundary_path_wcs()), True)


# ---- places ---------------------------------------------------------------------------


def _inserted(entity: Any) -> Any:
    return point(entity.ocs().to_wcs(entity.dxf.insert) if entity.dxf.hasattr("extrusion") else entity.dxf.insert)


def _text(entity: Any) -> Any:
    _, place, _ = entity.get_placement()
    return point(entity.ocs().to_wcs(place) if entity.dxf.hasattr("extrusion") else place)


def _at_insert(entity: Any) -> Any:
    return point(entity.dxf.insert)


def _dimension(entity: Any) -> Any:
    place = entity.dxf.get("text_midpoint") or entity.dxf.get("defpoint")
    return None if place is None else point(entity.ocs().to_wcs(place))


def _multileader(entity: Any) -> Any:
    import shapely

    lines = [[*line.vertices, leader.last_leader_point] for leader in entity.context.leaders for line in leader.lines]
    made = [_path(line, False) for line in lines]
    kept = [line for line in made if line is not None]
    if kept:
        return kept[0] if len(kept) == 1 else shapely.MultiLineString(kept)
    return point(entity.context.base_point)


# ---- points to shapes -----------------------------------------------------------------


def _world(entity: Any, points: Points, elevation: float) -> Points:
    """Points of the entity's own plane in world coordinates."""
    with_z = np.column_stack([points, np.full(len(points), float(elevation or 0.0))])
    if not entity.dxf.hasattr("extrusion") or entity.dxf.extrusion.isclose((0, 0, 1)):
        return with_z
    return _array(entity.ocs().points_to_wcs([tuple(p) for p in with_z]))


def _array(places: Iterable[Any]) -> Points:
    return np.array([tuple(place) for place in places], dtype=np.float64).reshape(-1, 3)


def _flat(points: Any) -> Points:
    """The points without Z where all of it is zero."""
    array = np.asarray(points, dtype=np.float64)
    return array[:, :2] if not np.any(array[:, 2]) else array


def _path(places: Any, closed: bool) -> Any:
    """A line, or the area inside it where it is closed; None where the points are no numbers."""
    import shapely

    points = _flat(places if isinstance(places, np.ndarray) else _array(places))
    if not len(points) or not np.isfinite(points).all():
        return None
    if closed and len(points) >= 3:
        return shapely.Polygon(points)
    if len(points) == 1:
        return shapely.Point(points[0])
    return shapely.LineString(points)


_MAKERS: dict[str, Callable[[Any], Any]] = {
    "POINT": _point,
    "LINE": _line,
    "LWPOLYLINE": _lwpolyline,
    "POLYLINE": _polyline,
    "LEADER": _leader,
    "MLINE": _mline,
    "CIRCLE": _circle,
    "ARC": _arc,
    "ELLIPSE": _ellipse,
    "SPLINE": _spline,
    "HELIX": _spline,
    "HATCH": _hatch,
    "MPOLYGON": _hatch,
    "SOLID": _solid,
    "TRACE": _solid,
    "3DFACE": _solid,
    "MESH": _mesh,
    "IMAGE": _image,
    "WIPEOUT": _image,
    "INSERT": _inserted,
    "SHAPE": _inserted,
    "TEXT": _text,
    "ATTDEF": _text,
    "MTEXT": _at_insert,
    "TOLERANCE": _at_insert,
    "ACAD_TABLE": _at_insert,
    "DIMENSION": _dimension,
    "ARC_DIMENSION": _dimension,
    "MULTILEADER": _multileader,
    "MLEADER": _multileader,
}
