"""The geometry objects of CityJSON as shapes: indices into a list of vertices, with the meaning of each surface."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from cimkit.formats.models.solids import BadShape, Points, Shape, Surface, placed, ring, transformation

_SURFACES = ("MultiSurface", "CompositeSurface")
_SOLIDS = ("MultiSolid", "CompositeSolid")
_FEWEST_CORNERS = 3


@dataclass
class Model:
    """What geometry needs: the vertices in the CRS's x, y order, and the templates with theirs."""

    vertices: Points
    templates: list[Any] = field(default_factory=list)
    template_vertices: Points = field(default_factory=lambda: np.empty((0, 3)))
    can_place: bool = True  # metres can be added to coordinates

    def shapes(self, geometries: Any, note: Callable[[str, str], None]) -> list[Shape]:
        """The shapes of a city object's ``geometry`` member.

        Raises:
            BadShape: it is not what CityJSON says, or names a vertex that is not there.
        """
        if not isinstance(geometries, list):
            raise BadShape("its geometry is no list")
        found: list[Shape] = []
        for geometry in geometries:
            if not isinstance(geometry, dict):
                raise BadShape("a geometry is no object")
            if geometry.get("type") == "GeometryInstance":
                found += self._instance(geometry, note)
            else:
                found += _plain(geometry, self.vertices, note)
        return found

    def _instance(self, geometry: dict[str, Any], note: Callable[[str, str], None]) -> list[Shape]:
        """A template where the matrix and the reference point put it."""
        number, at = geometry.get("template"), geometry.get("boundaries")
        if not isinstance(number, int) or not 0 <= number < len(self.templates):
            raise BadShape(f"there is no template {number}")
        template = self.templates[number]
        if not isinstance(template, dict):
            raise BadShape(f"template {number} is no geometry")
        anchor = _taken(at, self.vertices)[:1]
        if not len(anchor):
            raise BadShape("a geometry instance has no reference point")
        if not self.can_place:
            note("geometry.template", "{n} templates in metres cannot be placed in degrees: points are read.")
            return [Shape(_lod(template), "point", "GeometryInstance", lines=[anchor])]
        matrix = transformation(geometry.get("transformationMatrix") or ())
        return [placed(shape, matrix, anchor[0]) for shape in _plain(template, self.template_vertices, note)]


def _plain(geometry: dict[str, Any], vertices: Points, note: Callable[[str, str], None]) -> list[Shape]:
    kind, lod, boundaries = geometry.get("type"), _lod(geometry), geometry.get("boundaries")
    try:
        meanings = _Meanings(geometry.get("semantics"))
        if kind == "MultiPoint":
            return [Shape(lod, "point", kind, lines=[_taken(boundaries, vertices)])]
        if kind == "MultiLineString":
            return [Shape(lod, "line", kind, lines=[_taken(line, vertices) for line in boundaries or ()])]
        if kind in _SURFACES:
            return [Shape(lod, "surface", kind, list(_faces(boundaries, meanings, (), vertices, note)))]
        if kind == "Solid":
            return [_solid(lod, kind, boundaries, meanings, (), vertices, note)]
        if kind in _SOLIDS:
            return [
                _solid(lod, kind, solid, meanings, (number,), vertices, note)
                for number, solid in enumerate(boundaries or ())
            ]
    except (TypeError, AttributeError, KeyError, OverflowError) as error:
        raise BadShape(f"its boundaries are not nested as those of a {kind} are") from error
    raise BadShape(f"there is no geometry type '{kind}'")


def _solid(
    lod: str,
    kind: str,
    shells: Any,
    meanings: _Meanings,
    place: tuple[int, ...],
    vertices: Points,
    note: Callable[[str, str], None],
) -> Shape:
    surfaces: list[Surface] = []
    for number, shell in enumerate(shells or ()):
        surfaces += _faces(shell, meanings, (*place, number), vertices, note)
    return Shape(lod, "solid", kind, surfaces)


def _faces(
    faces: Any, meanings: _Meanings, place: tuple[int, ...], vertices: Points, note: Callable[[str, str], None]
) -> Iterator[Surface]:
    for number, face in enumerate(faces or ()):
        rings = []
        for position, corners in enumerate(face):
            if len(corners) < _FEWEST_CORNERS:
                note("geometry.degenerate", "{n} rings have fewer than three corners and are left out.")
                if position == 0:
                    break
                continue
            closed = ring(_taken([*corners, corners[0]], vertices))
            if closed is not None:
                rings.append(closed)
        if rings:
            yield Surface(rings, meanings.of((*place, number)))


class _Meanings:
    """The types of semantic surfaces, by the place of a face in the boundaries."""

    def __init__(self, semantics: Any) -> None:
        self._values = semantics.get("values") if semantics else None
        self._types = [surface.get("type") for surface in semantics.get("surfaces") or ()] if semantics else []

    def of(self, place: tuple[int, ...]) -> str | None:
        value = self._values
        for number in place:
            if not isinstance(value, list) or number >= len(value):
                return None
            value = value[number]
        return self._types[value] if isinstance(value, int) and 0 <= value < len(self._types) else None


def _taken(indices: Any, vertices: Points) -> Points:
    """The vertices of a list of indices.

    Raises:
        BadShape: one is not there.
    """
    if not indices:
        return np.empty((0, 3))
    try:
        numbers = np.array(indices)
    except ValueError as error:  # lists of different depths
        raise BadShape("its boundaries are not nested as its type says") from error
    if numbers.ndim != 1 or numbers.dtype.kind not in "iu":
        raise BadShape("its boundaries are not nested as its type says")
    if numbers.min() < 0 or numbers.max() >= len(vertices):
        wrong = int(numbers.min() if numbers.min() < 0 else numbers.max())
        raise BadShape(f"it uses vertex {wrong}, but there are only {len(vertices)}")
    return vertices[numbers]


def _lod(geometry: dict[str, Any]) -> str:
    lod = geometry.get("lod")
    return f"{lod:g}" if isinstance(lod, int | float) else str(lod or "")
