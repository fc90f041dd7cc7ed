"""GML geometry of CityGML as shapes: polygons, solids, curves and points, shared ones found by their links.

What is written once and linked twice (a solid of the surfaces that bound the object) is looked
up in the feature; what another feature holds must have been gathered before (:class:`Shared`).
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from lxml import etree

from cimkit.formats import arcs
from cimkit.formats.models.solids import BadShape, Points, Shape, Surface, placed, ring, transformation

Element = Any

_GML_NAMESPACES = ("http://www.opengis.net/gml", "http://www.opengis.net/gml/3.2", "http://www.opengis.net/gml/3.3/ce")
HREF = "{http://www.w3.org/1999/xlink}href"
_POLYGONS = {"Polygon", "PolygonPatch", "Triangle", "Rectangle"}
_SOLIDS = {"Solid"}
_LINES = {"LineString", "LineStringSegment", "Curve"}
_ARCS = {"Arc", "ArcString", "Circle"}
_CURVES = {
    "ArcByCenterPoint",
    "CircleByCenterPoint",
    "ArcByBulge",
    "ArcStringByBulge",
    "CubicSpline",
    "BSpline",
    "Bezier",
}
GEOMETRIES = {
    *_POLYGONS, *_SOLIDS, *_LINES, "MultiSurface", "CompositeSurface", "OrientableSurface", "Surface", "Tin",
    "TriangulatedSurface", "PolyhedralSurface", "Shell", "MultiSolid", "CompositeSolid", "MultiCurve", "CompositeCurve",
    "OrientableCurve", "Point", "MultiPoint", "MultiGeometry", "GeometricComplex",
}  # fmt: skip
_IDENTIFIED = etree.XPath("descendant-or-self::*[@*[local-name()='id']]")
_LINKS = etree.XPath("descendant::*/@xlink:href", namespaces={"xlink": "http://www.w3.org/1999/xlink"})
_DEEPEST_LINK = 32


def local(element: Element) -> str:
    """An element's name without its namespace or prefix."""
    return str(element.tag.rpartition("}")[2].rpartition(":")[2])


def namespace(element: Element) -> str:
    """An element's namespace; "" where it has none."""
    return element.tag[1:].partition("}")[0] if element.tag.startswith("{") else ""


def in_gml(element: Element) -> bool:
    return namespace(element) in _GML_NAMESPACES


def identifier(element: Element) -> str | None:
    """The gml:id, of whatever version of GML."""
    for name in ("{http://www.opengis.net/gml}id", "{http://www.opengis.net/gml/3.2}id", "id"):
        found = element.get(name)
        if found:
            return str(found)
    return None


def links_elsewhere(feature: Element) -> set[str]:
    """The ids that a feature links to and does not hold itself."""
    links = {str(href)[1:] for href in _LINKS(feature) if str(href).startswith("#")}
    return links - {identifier(element) for element in _IDENTIFIED(feature)} if links else links


@dataclass
class Shared:
    """Geometry that other features link to, as shapes in the file's own axis order."""

    wanted: set[str] = field(default_factory=set)
    found: dict[str, list[Shape]] = field(default_factory=dict)


@dataclass
class GeometryReader:
    """Reads the geometry of one feature. ``note`` is told what is taken otherwise than written."""

    root: Element
    shared: Shared
    dimension: int
    latitude_first: bool
    triangles: dict[Element, array[float]]
    note: Callable[[str, str], None]
    can_place: bool = True  # metres can be added to coordinates
    _index: dict[str, Element] | None = None

    # ---- from properties to shapes --------------------------------------------------------

    def shapes(self, geometry: Element, lod: str, origin: str, meaning: str | None = None) -> list[Shape]:
        """The shapes of one geometry element (or of an ImplicitGeometry).

        Raises:
            BadShape: it cannot be read.
        """
        if local(geometry) == "ImplicitGeometry":
            return self._implicit(geometry, lod, origin)
        found = self._plain(geometry, lod, origin, meaning, 0)
        return [self._turned(shape) for shape in found]

    def raw(self, geometry: Element) -> list[Shape]:
        """The shapes as they are written, for those who link to them."""
        return self._plain(geometry, "", "", None, 0)

    def linked(self, href: str, lod: str, origin: str, meaning: str | None = None) -> list[Shape]:
        """The shapes of a property that is only a link to a geometry."""
        return [self._turned(shape) for shape in self._followed(href, lod, origin, meaning, 0)]

    def _turned(self, shape: Shape) -> Shape:
        if not self.latitude_first:
            return shape
        surfaces = [Surface([points[:, [1, 0, 2]] for points in s.rings], s.meaning) for s in shape.surfaces]
        return Shape(shape.lod, shape.form, shape.origin, surfaces, [points[:, [1, 0, 2]] for points in shape.lines])

    def _plain(self, element: Element, lod: str, origin: str, meaning: str | None, depth: int) -> list[Shape]:
        name = local(element)
        if name in _SOLIDS:
            shape = Shape(lod, "solid", origin, list(self._surfaces(element, meaning, depth)))
            return [shape] if shape.surfaces else []
        if name in ("MultiSolid", "CompositeSolid", "MultiGeometry", "GeometricComplex"):
            shapes = []
            for member in element:
                href = member.get(HREF)
                if href:
                    shapes += self._followed(href, lod, origin, meaning, depth + 1)
                for part in member:
                    shapes += self._plain(part, lod, origin, meaning, depth + 1)
            return shapes
        if name in ("Point", "MultiPoint"):
            points = [self._positions(point) for point in element.iter() if local(point) == "Point"]
            return [Shape(lod, "point", origin, lines=[p for p in points if len(p)])]
        if name in _LINES or name in ("MultiCurve", "CompositeCurve", "OrientableCurve"):
            return [Shape(lod, "line", origin, lines=list(self._curves(element)))]
        return [Shape(lod, "surface", origin, list(self._surfaces(element, meaning, depth)))]

    # ---- surfaces ---------------------------------------------------------------------------

    def _surfaces(self, element: Element, meaning: str | None, depth: int) -> Iterator[Surface]:
        """The polygons below an element, links followed."""
        if depth > _DEEPEST_LINK:
            raise BadShape("its links lead back to themselves or on and on")
        href = element.get(HREF)
        if href:
            for shape in self._followed(href, "", "", meaning, depth + 1):
                yield from (Surface(s.rings, meaning or s.meaning) for s in shape.surfaces)
            return
        if local(element) in _POLYGONS:
            surface = self._polygon(element, meaning)
            if surface is not None:
                yield surface
            return
        if element in self.triangles:
            corners = np.array(self.triangles[element]).reshape(-1, 4, 3)
            yield from (Surface([ring_], meaning) for ring_ in corners if ring(ring_) is not None)
        for child in element:
            yield from self._surfaces(child, meaning, depth)

    def _polygon(self, element: Element, meaning: str | None) -> Surface | None:
        outer: Points | None = None
        holes = []
        for boundary in element:
            name = local(boundary)
            if name not in ("exterior", "interior", "outerBoundaryIs", "innerBoundaryIs"):
                continue
            points = ring(self._ring(boundary))
            if points is None:
                self.note("geometry.degenerate", "{n} rings have fewer than four positions and are left out.")
            elif name in ("exterior", "outerBoundaryIs"):
                outer = points
            else:
                holes.append(points)
        return None if outer is None else Surface([outer, *holes], meaning)

    def _ring(self, boundary: Element) -> Points:
        for element in boundary:
            if local(element) == "LinearRing":
                return self._positions(element)
            pieces = list(self._curves(element))
            if pieces:
                joined = [pieces[0]]
                for piece in pieces[1:]:
                    same = len(joined[-1]) and len(piece) and np.array_equal(joined[-1][-1], piece[0], equal_nan=True)
                    joined.append(piece[1:] if same else piece)
                return np.concatenate(joined)
        return np.empty((0, 3))

    def _curves(self, element: Element) -> Iterator[Points]:
        """The lines below an element; arcs by chords, other curves by their control points."""
        name = local(element)
        if name in _CURVES:
            self.note("geometry.curves", "{n} curves are taken as lines through the points that are given for them.")
        if name in ("LineString", "LineStringSegment") or name in _CURVES or name in _ARCS:
            points = self._positions(element)
            if name in _ARCS and len(points) >= 3:
                self.note("geometry.linearised", "{n} arcs are read as lines of chords of at most 4 degrees.")
                points = _chords(points, name == "Circle")
            if len(points):
                yield points
            return
        for child in element:
            yield from self._curves(child)

    # ---- positions --------------------------------------------------------------------------

    def _positions(self, element: Element) -> Points:
        """The positions that an element lists, as x, y, z in the file's own order."""
        pieces = []
        for child in element.iter():
            name = local(child)
            if name in ("posList", "pos"):
                pieces.append(self._numbers(child, (child.text or "").split()))
            elif name == "coordinates":
                comma, space = child.get("cs", ","), child.get("ts", " ")
                tuples = [t for t in (child.text or "").replace(space, " ").split() if t]
                width = len(tuples[0].split(comma)) if tuples else 0
                pieces.append(_shaped([n for t in tuples for n in t.split(comma)], width))
            elif name == "coord":
                pieces.append(_shaped([number.text or "" for number in child], len(child)))
        return np.concatenate(pieces) if pieces else np.empty((0, 3))

    def _numbers(self, element: Element, words: list[str]) -> Points:
        if local(element) == "pos" and len(words) in (2, 3):
            return _shaped(words, len(words))
        holder: Element | None = element
        while holder is not None and holder is not self.root:
            said = holder.get("srsDimension") or holder.get("dimension")
            if said:
                return _shaped(words, int(said) if said.strip().isdigit() else 0)
            holder = holder.getparent()
        return _shaped(words, self.dimension)

    # ---- links and templates ----------------------------------------------------------------

    def _followed(self, href: str, lod: str, origin: str, meaning: str | None, depth: int) -> list[Shape]:
        if depth > _DEEPEST_LINK:
            raise BadShape("its links lead back to themselves or on and on")
        name = href.rpartition("#")[2]
        element = self._found(name) if href.startswith("#") else None
        if element is not None:
            return self._plain(element, lod, origin, meaning, depth + 1)
        if name in self.shared.found and href.startswith("#"):
            return [Shape(lod, s.form, origin, s.surfaces, s.lines) for s in self.shared.found[name]]
        self.note("geometry.links", "{n} links to geometry that is not in the file lead nowhere.")
        return []

    def _found(self, name: str) -> Element | None:
        if self._index is None:
            self._index = {str(identifier(element)): element for element in _IDENTIFIED(self.root)}
        return self._index.get(name)

    def _implicit(self, element: Element, lod: str, origin: str) -> list[Shape]:
        """A template's shapes where its matrix and reference point put them; else the point alone."""
        anchor: Points | None = None
        matrix: Points | None = None
        shapes: list[Shape] = []
        for child in element:
            name = local(child)
            if name == "referencePoint":
                points = self._positions(child)
                href = child.get(HREF)
                if not len(points) and href:
                    points = np.concatenate([p for s in self._followed(href, lod, origin, None, 0) for p in s.lines])
                anchor = points[0] if len(points) else None
            elif name == "transformationMatrix":
                matrix = transformation(_shaped((child.text or "").split(), 1)[:, 0].tolist())
            elif name in ("relativeGMLGeometry", "relativeGeometry"):
                href = child.get(HREF)
                if href:
                    shapes += self._followed(href, lod, origin, None, 0)
                for geometry in child:
                    shapes += self._plain(geometry, lod, origin, None, 0)
            elif name == "libraryObject":
                self.note("geometry.elsewhere", "{n} objects have their form in another file and are read as points.")
        if anchor is None:
            raise BadShape("an implicit geometry has no reference point")
        if self.latitude_first:
            anchor = anchor[[1, 0, 2]]
        if shapes and not self.can_place:
            self.note("geometry.template", "{n} templates in metres cannot be placed in degrees: points are read.")
        if not shapes or not self.can_place:
            return [Shape(lod, "point", origin, lines=[anchor[None, :]])]
        return [placed(shape, matrix, anchor) for shape in shapes]


def _chords(points: Points, circle: bool) -> Points:
    """A string of arcs as points; heights rise evenly from one given point to the next."""
    flat = points[:, :2]
    if circle:
        found = arcs.centre_of(*flat[:3])
        if found is None:
            return points
        bent = arcs.through(flat[0], 2 * found[0] - flat[0], flat[0])
        return np.column_stack([np.concatenate([flat[:1], bent]), np.full(len(bent) + 1, points[0, 2])])
    pieces = [points[:1]]
    for first in range(0, len(points) - 2, 2):
        bent = arcs.through(*flat[first : first + 3])
        heights = np.interp(np.linspace(0, 2, len(bent) + 1)[1:], [0, 1, 2], points[first : first + 3, 2])
        pieces.append(np.column_stack([bent, heights]))
    return np.concatenate(pieces)


def dimension(feature: Element) -> int | None:
    """How many numbers the positions of a feature have where they do not say so; None where they may be either."""
    for element in feature.iter():
        name = local(element)
        if name not in ("pos", "posList"):
            continue
        words, holder = (element.text or "").split(), local(element.getparent())
        count = len(words)
        if name == "pos" and count in (2, 3):
            return count
        if holder in ("Arc", "Circle") and count in (6, 9):
            return count // 3
        if holder == "LinearRing" and count >= 8:
            closed = [width for width in (3, 2) if count % width == 0 and words[:width] == words[-width:]]
            if closed:
                return closed[0]
        elif count and (count % 2 == 0) != (count % 3 == 0):
            return 2 if count % 2 == 0 else 3
    return None


def _shaped(words: list[str], width: int) -> Points:
    """Numbers as positions of so many coordinates each, z NaN where there are two.

    Raises:
        BadShape: one is no number, or they do not fit.
    """
    if not words:
        return np.empty((0, max(width, 1) if width == 1 else 3))
    try:
        numbers = np.array(words, dtype=np.float64)
    except ValueError as error:
        raise BadShape(f"a coordinate is no number ({str(error).rpartition(':')[2].strip()})") from error
    if width == 1:
        return numbers.reshape(-1, 1)
    if width not in (2, 3) or len(numbers) % width:
        raise BadShape(f"{len(numbers)} numbers are no positions of {width} coordinates each")
    if width == 3:
        return numbers.reshape(-1, 3)
    return np.column_stack([numbers.reshape(-1, 2), np.full(len(numbers) // 2, np.nan)])
