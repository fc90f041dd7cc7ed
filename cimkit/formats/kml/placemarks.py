"""The placemarks of a KML document, one by one: its folders, its values, its geometry.

lxml builds the tree of one placemark at a time. A DOCTYPE is refused, so there are no entities;
nothing is fetched. Names are taken without their namespace, since files of five versions of
KML and of Google's extensions (gx) come with any.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import IO, Any

import numpy as np
from lxml import etree
from numpy.typing import NDArray

from cimkit.errors import SourceError
from cimkit.formats import xml_events
from cimkit.formats.xml_events import Element

CONTAINERS = {"Document", "Folder"}
#: What KML itself says of a placemark: (where it is said, column). The names are those that GDAL gives.
OWN = (
    "id", "Name", "description", "timestamp", "begin", "end", "altitudeMode", "tessellate", "extrude", "visibility",
)  # fmt: skip
#: Values that say no more than their absence does (OGC 12-007r2).
DEFAULTS = {"altitudeMode": "clampToGround", "tessellate": "0", "extrude": "0", "visibility": "1", "open": "0"}
_IGNORED = {"Style", "StyleMap", "LookAt", "Camera", "Region", "link", "author"}
_NOT_READ = {"NetworkLink", "GroundOverlay", "ScreenOverlay", "PhotoOverlay", "Tour"}
_ON_GEOMETRY = ("altitudeMode", "tessellate", "extrude")
_GEOMETRIES = {"Point", "LineString", "LinearRing", "Polygon", "MultiGeometry", "Track", "MultiTrack", "Model"}


@dataclass
class Container:
    """A Document or Folder; its name stands before what is in it, or behind."""

    number: int
    parent: Container | None
    name: str | None = None

    @property
    def path(self) -> tuple[str, ...]:
        above = self.parent.path if self.parent else ()
        return (*above, self.name) if self.name else above


@dataclass
class Placemark:
    """One placemark. ``values`` has (declared type or "", name) -> text; the type "own" marks KML's own columns."""

    container: Container
    line: int
    element: Element
    values: dict[tuple[str, str], str | None]


@dataclass
class Reading:
    """One pass over a document; what it showed is complete at its end."""

    shown: str
    containers: list[Container] = field(default_factory=list)
    schemas: dict[str, dict[str, str]] = field(default_factory=dict)
    left_out: Counter[str] = field(default_factory=Counter)
    links: list[str] = field(default_factory=list)
    unknown: set[str] = field(default_factory=set)  # schemas that data referred to before they were there

    def placemarks(self, raw: IO[bytes], encoding: str | None) -> Iterator[Placemark]:
        """The placemarks in order; each is gone when the next is asked for.

        Raises:
            SourceError: it is no well-formed XML, or has a DOCTYPE; what came before was sound.
        """
        events = xml_events.events(raw, encoding, long_texts=True)
        try:
            yield from self._walk(events)
        except etree.XMLSyntaxError as error:
            # A prefix without a namespace (gx: is often forgotten) is told at the end, and harms nothing.
            # The last error counts, since only it ends the reading; the error log is the process's own.
            if error.code != etree.ErrorTypes.NS_ERR_UNDEFINED_NAMESPACE:
                raise self._broken(error) from error

    def _walk(self, events: Any) -> Iterator[Placemark]:
        inside: Container | None = None
        within = 0  # elements that are open inside a placemark or another child of a container
        for event, element in events:
            tag = local(element)
            if event == "start":
                if element.getparent() is None:
                    xml_events.refuse_doctype(element, self.shown, "KML")
                    inside = Container(0, None)
                    self.containers.append(inside)
                    if tag not in ("Placemark", *CONTAINERS):
                        continue  # <kml>, whose children are those of a document
                if within or tag not in CONTAINERS:
                    within += 1
                else:
                    inside = Container(len(self.containers), inside)
                    self.containers.append(inside)
                continue
            if within > 1:
                within -= 1
                continue
            assert inside is not None
            if within == 1:
                within = 0
                if tag == "Placemark":
                    yield Placemark(inside, element.sourceline or 0, element, self._values(element))
                else:
                    self._notice(tag, element, inside)
                xml_events.cleared(element)
            elif tag in CONTAINERS:
                inside = inside.parent or inside
                xml_events.cleared(element)

    def _notice(self, tag: str, element: Element, inside: Container) -> None:
        if tag == "name":
            inside.name = (element.text or "").strip() or None
        elif tag == "Schema":
            fields = {f.get("name") or "": f.get("type") or "string" for f in _children(element, "SimpleField")}
            for key in {element.get("id"), element.get("name")} - {None}:
                self.schemas[str(key)] = fields
        elif tag in _NOT_READ:
            self.left_out[tag] += 1
            if tag == "NetworkLink":
                self.links += [e.text.strip() for e in _descendants(element, "href") if e.text][:1]

    def _broken(self, error: etree.XMLSyntaxError) -> SourceError:
        reason = re.sub(r", line \d+, column \d+.*$", "", error.msg or "it is empty").strip().rstrip(".")
        line = error.lineno
        hint = "Was it copied or exported to the end? --salvage reads what comes before."
        if "encoding" in reason.lower() or "not proper UTF-8" in reason:
            hint = "Say the encoding with --encoding."
        return SourceError(f"{self.shown} is not well-formed XML (line {line}): {reason}.", hint=hint)

    # ---- what a placemark says --------------------------------------------------------------

    def _values(self, placemark: Element) -> dict[tuple[str, str], str | None]:
        values: dict[tuple[str, str], str | None] = {}
        if placemark.get("id") is not None:
            values["own", "id"] = placemark.get("id")
        for child in placemark:
            tag = local(child)
            if tag in ("ExtendedData", "Metadata"):  # the latter in KML 2.1
                self._extended(child, values)
            elif tag in ("TimeStamp", "TimeSpan"):
                for part in child:
                    name = {"when": "timestamp"}.get(local(part), local(part))
                    values["own", name] = (part.text or "").strip()
            elif tag in _GEOMETRIES:
                _of_geometry(child, values)
            elif tag not in _IGNORED and not len(child):
                values["own", "Name" if tag == "name" else tag] = child.text or ""
        return values

    def _extended(self, data: Element, values: dict[tuple[str, str], str | None]) -> None:
        for child in data:
            tag = local(child)
            if tag == "Data":
                value = next(iter(_children(child, "value")), None)
                values["", child.get("name") or ""] = None if value is None else value.text or ""
            elif tag == "SchemaData":
                named = (child.get("schemaUrl") or "").rpartition("#")[2]
                types = self.schemas.get(named, {})
                if named not in self.schemas:
                    self.unknown.add(named)
                for name, kind in types.items():
                    values.setdefault((kind, name), None)
                for simple in child:
                    name = simple.get("name") or ""
                    kind = types.get(name, "string")
                    if local(simple) == "SimpleData":
                        values[kind, name] = simple.text or ""
                    elif local(simple) == "SimpleArrayData":
                        listed = [value.text or "" for value in _children(simple, "value")]
                        values["json", name] = json.dumps(listed, ensure_ascii=False)
            elif not len(child):  # elements of another namespace
                values["", tag] = child.text or ""


def _of_geometry(element: Element, values: dict[tuple[str, str], str | None]) -> None:
    """The drawing hints of the first geometry, and the times of tracks."""
    for name in _ON_GEOMETRY:
        found = next(iter(_descendants(element, name)), None)
        if found is not None:
            values.setdefault(("own", name), (found.text or "").strip())
    times = [(when.text or "").strip() for when in _descendants(element, "when")]
    if times:
        values.setdefault(("own", "begin"), times[0])
        values.setdefault(("own", "end"), times[-1])
        values["json", "when"] = json.dumps(times)


# ---- geometry ---------------------------------------------------------------------------


def geometry(placemark: Element) -> Any:
    """The geometry of a placemark, None where it has none.

    Raises:
        ValueError: its coordinates make none; the message says why.
    """
    parts = [child for child in placemark if local(child) in _GEOMETRIES]
    shapes = [shape for part in parts if (shape := _shape(part)) is not None]
    return _together(shapes) if len(shapes) > 1 else shapes[0] if shapes else None


def _shape(element: Element) -> Any:
    import shapely

    tag = local(element)
    if tag == "MultiGeometry":
        inner = [child for child in element if local(child) in _GEOMETRIES]
        parts = [shape for child in inner if (shape := _shape(child)) is not None]
        # A lone one in another stands for a collection of one kind, as it is written here.
        alone = len(inner) == 1 and local(inner[0]) == "MultiGeometry"
        return _together(parts, collection=alone) if parts else None
    if tag == "MultiTrack":
        lines = [shape for child in _children(element, "Track") if (shape := _shape(child)) is not None]
        return _together(lines) if lines else None
    if tag == "Polygon":
        outer = [_ring(boundary) for boundary in _children(element, "outerBoundaryIs")]
        inner = [_ring(boundary) for boundary in _children(element, "innerBoundaryIs")]
        shells = [ring for rings in outer for ring in rings]
        if not shells:
            return None
        if len(shells) > 1:
            raise ValueError(f"a polygon has {len(shells)} outer boundaries")
        return _of_one_width(shells[0], [ring for rings in inner for ring in rings])
    if tag == "Track":
        rows = [(coord.text or "").split() for coord in _children(element, "coord")]
        points = _array([",".join(row) for row in rows if row])
    elif tag == "Model":
        place = next(iter(_children(element, "Location")), None)
        named = {local(part): part.text or "" for part in place} if place is not None else {}
        given = [named.get("longitude"), named.get("latitude"), named.get("altitude")]
        points = _array([",".join(value.strip() for value in given if value)] if given[0] and given[1] else [])
    else:
        points = _coordinates(element)
    if not len(points):
        return None
    if tag in ("Point", "Model"):
        if len(points) > 1:
            raise ValueError(f"a point has {len(points)} positions")
        return shapely.Point(points[0])
    if len(points) < 2:
        raise ValueError("a line has one position")
    return shapely.LineString(points)


def _ring(boundary: Element) -> list[NDArray[np.float64]]:
    rings = []
    for ring in _children(boundary, "LinearRing"):
        points = _coordinates(ring)
        if not len(points):
            continue
        if len(points) < 3:
            raise ValueError(f"a ring has {len(points)} positions")
        rings.append(points if np.array_equal(points[0], points[-1]) else np.concatenate([points, points[:1]]))
    return rings


def _of_one_width(shell: NDArray[np.float64], holes: list[NDArray[np.float64]]) -> Any:
    import shapely

    rings = [shell, *holes]
    if len({ring.shape[1] for ring in rings}) > 1:
        rings = [_with_z(ring) for ring in rings]
    return shapely.Polygon(rings[0], rings[1:])


def _with_z(points: NDArray[np.float64]) -> NDArray[np.float64]:
    return points if points.shape[1] == 3 else np.column_stack([points, np.zeros(len(points))])


def _together(shapes: list[Any], collection: bool = False) -> Any:
    """The shapes as one: of one kind a multi-kind, else a collection."""
    import shapely

    flat = [part for shape in shapes for part in getattr(shape, "geoms", [shape])]
    makers = {"Point": shapely.MultiPoint, "LineString": shapely.MultiLineString, "Polygon": shapely.MultiPolygon}
    kinds = {shape.geom_type for shape in flat}
    maker = makers.get(kinds.pop()) if len(kinds) == 1 and not collection else None
    return maker(flat) if maker else shapely.GeometryCollection(flat)


def _coordinates(element: Element) -> NDArray[np.float64]:
    texts = [child.text or "" for child in _children(element, "coordinates")]
    text = " ".join(texts)
    # Many a hand-made file has "114, 22".
    return _array((re.sub(r"\s*,\s*", ",", text) if ", " in text or " ," in text else text).split())


def _array(positions: list[str]) -> NDArray[np.float64]:
    """Positions "x,y" or "x,y,z"; where only some have z, the others have 0."""
    widths = {position.count(",") + 1 for position in positions}
    if not widths <= {2, 3}:
        wrong = next(position for position in positions if position.count(",") not in (1, 2))
        raise ValueError(f"'{wrong[:40]}' is no position")
    if not positions:
        return np.zeros((0, 2))
    if len(widths) > 1:
        positions = [position if position.count(",") == 2 else position + ",0" for position in positions]
    points = np.array(",".join(positions).split(","), dtype=np.float64).reshape(len(positions), -1)
    if not np.isfinite(points).all():
        raise ValueError("a position is not finite")
    return points


# ---- elements ---------------------------------------------------------------------------


def local(element: Element) -> str:
    """An element's name without its namespace, or the prefix of one that was not declared."""
    name: str = element.tag
    return re.split(r"[}:]", name)[-1] if "}" in name or ":" in name else name


def _children(element: Element, name: str) -> Iterator[Element]:
    return (child for child in element if local(child) == name)


def _descendants(element: Element, name: str) -> Iterator[Element]:
    return (child for child in element.iter() if isinstance(child.tag, str) and local(child) == name)
