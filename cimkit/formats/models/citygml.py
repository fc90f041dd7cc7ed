"""CityGML 1, 2 and 3: city objects as layers by class, with footprint, height, levels of detail and attributes.

The file is read once to learn its layers, columns, CRS and axis order, and once for each layer
that is asked for. What other features link to is gathered in a pass of its own, where there is any.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from cimkit import crs as crs_names
from cimkit import text
from cimkit.errors import SourceError
from cimkit.formats.dataset import Dataset, Delivery
from cimkit.formats.models.city_layer import CityLayer, Notes, survey
from cimkit.formats.models.city_objects import NESTED_CLASSES, CityObject, in_metres, layer_of
from cimkit.formats.models.citygml_address import address
from cimkit.formats.models.citygml_attributes import Attributes, is_citygml
from cimkit.formats.models.citygml_codes import Codelists
from cimkit.formats.models.citygml_geometry import (
    GEOMETRIES,
    HREF,
    GeometryReader,
    Shared,
    dimension,
    identifier,
    in_gml,
    links_elsewhere,
    local,
)
from cimkit.formats.models.citygml_stream import Document, Feature
from cimkit.formats.models.solids import BadShape, Shape, bounds
from cimkit.formats.probe import Probe
from cimkit.formats.registry import Wishes
from cimkit.formats.srs_names import UNDECLARED, evidence, horizontal, latitude_first, metres_per_z, named_crs
from cimkit.model import BBox, Evidence, Hint, Reject

Element = Any

#: Properties that hold thematic surfaces, whose geometry is the object's.
_BOUNDARIES = {"boundedBy", "boundary", "opening", "fillingSurface", "trafficArea", "auxiliaryTrafficArea",
               "trafficSpace", "auxiliaryTrafficSpace"}  # fmt: skip
_LOD = re.compile(r"lod([0-4])")
_NO_ATTRIBUTES = {"appearance", "appearanceMember", "metaDataProperty", "dynamizer", "lod"}
_GEOMETRY_BY_LINK = re.compile(r"lod[0-4](?!.*Implicit)\w+|tin|surface", re.ASCII)
_OBJECTS_TO_PLACE = 20


def layers(probe: Probe, format: str, wishes: Wishes) -> Dataset:
    """The layers of a CityGML file, one for each class of objects that occurs."""
    source = CityGml(Document(probe.path, wishes.encoding), wishes.salvage)
    notes = Notes()
    source.learn_place()
    columns = survey(source, notes)
    source.tell_of_the_whole()
    if source.shared.wanted:
        source.gather()
    files = (probe.path, *sorted(source.codelists.files))
    delivery = Delivery(probe.path, format, files)
    encoding = _encoding(probe, wishes)
    found = tuple(
        CityLayer(delivery, name, source, each, (source.crs, encoding), wishes.crs) for name, each in columns.items()
    )
    unread = tuple(notes.rejected) if wishes.salvage else ()
    return Dataset(delivery, found, tuple(source.hints + notes.hints() + source.codelists.hints()), unread=unread)


def _encoding(probe: Probe, wishes: Wishes) -> Evidence:
    if wishes.encoding is not None:
        return Evidence(wishes.encoding, "given", 1.0)
    said = re.match(r"<\?xml[^>]*?encoding\s*=\s*[\"']([\w.:-]+)", probe.text)
    if said is None:
        return Evidence("UTF-8", "XML without a declaration", 1.0)
    return Evidence(text.named(said[1]) or said[1], "XML declaration", 1.0)


@dataclass
class CityGml:
    """A CityGML file as a source of city objects."""

    document: Document
    salvage: bool
    untyped: bool = True
    metres_per_z: float = 1.0
    crs: Evidence = UNDECLARED
    hints: list[Hint] = field(default_factory=list)
    shared: Shared = field(default_factory=Shared)
    _srs: str | None = None
    _dimension: int = 3
    _latitude_first: bool = False
    _in_degrees: bool = False
    _bounding: Counter[str] = field(default_factory=Counter)  # thematic surfaces, by class
    _surveyed: bool = False

    def __post_init__(self) -> None:
        self.codelists = Codelists(self.document.path)

    # ---- passes -------------------------------------------------------------------------------

    def objects(self, notes: Notes) -> Iterator[CityObject]:
        try:
            for feature in self.document.features():
                if not self._surveyed:
                    self.shared.wanted |= links_elsewhere(feature.element)
                yield from self._objects(feature, notes)
        except SourceError as error:
            if not self.salvage:
                raise
            notes.rejected.append(Reject(None, "the rest of the file", str(error)))

    def learn_place(self) -> None:
        """Find the CRS, the dimension and the order of the axes, from the envelope and the first objects."""
        first: list[Shape] = []
        self._surveyed = True
        names: list[str] = []
        sure: int | None = None
        try:
            for count, feature in enumerate(self.document.features()):
                envelope = self.document.envelope
                if count == 0 and envelope is not None:
                    self._srs = envelope.get("srsName")
                    said = envelope.get("srsDimension") or ""
                    corner = envelope.findtext("{*}lowerCorner") or ""
                    self._dimension = int(said) if said in ("2", "3") else len(corner.split()) or 3
                if sure is None:
                    sure = dimension(feature.element)
                    self._dimension = sure or self._dimension
                names += [name for name in (e.get("srsName") for e in feature.element.iter()) if name][:1]
                first += _readable(self._objects(feature, Notes()))
                if count >= _OBJECTS_TO_PLACE and (first or count > 50 * _OBJECTS_TO_PLACE):
                    break
        except SourceError:
            if not self.salvage:
                raise
        self._surveyed = False
        where = "srsName of gml:Envelope" if self._srs else "srsName of the geometry"
        self._srs = self._srs or next(iter(names), None)
        self.crs = evidence(self._srs, where)
        extent: BBox | None = bounds(first)
        self._latitude_first, hint = latitude_first(self.crs.value, self._srs, extent)
        self.metres_per_z = metres_per_z(self.crs.value)
        self._in_degrees = self.crs.value is not None and crs_names.is_geographic(horizontal(self.crs.value))
        self.hints += [hint] if hint else []

    def tell_of_the_whole(self) -> None:
        """Hints that are known once the whole file has been read."""
        if self._bounding:
            listed = ", ".join(f"{count} {name}" for name, count in sorted(self._bounding.items()))
            message = f"Thematic surfaces lend their geometry to what they bound, and are no layers: {listed}."
            self.hints.append(Hint("surfaces.merged", message))
        if self.document.undeclared:
            self.hints.append(Hint("xml.namespace", f"The file is not quite right XML: {self.document.undeclared}."))
        if self.document.elsewhere:
            message = f"{self.document.elsewhere} members are only links to other files, which are not followed."
            self.hints.append(Hint("members.elsewhere", message))
        self._surveyed = True

    def gather(self) -> None:
        """Read the geometry that features link to in other features."""
        for feature in self.document.features():
            reader = self._reader(feature, lambda code, message: None)
            for element in feature.element.iter():
                name = identifier(element)
                if name in self.shared.wanted and local(element) in GEOMETRIES:
                    self.shared.found[name] = reader.raw(element)

    def _reader(self, feature: Feature, note: Callable[[str, str], None]) -> GeometryReader:
        return GeometryReader(
            feature.element,
            self.shared,
            self._dimension,
            self._latitude_first,
            feature.triangles,
            note,
            can_place=not self._in_degrees,
        )

    # ---- from features to objects -------------------------------------------------------------

    def _objects(self, feature: Feature, notes: Notes) -> Iterator[CityObject]:
        element = feature.element
        if in_gml(element) or local(element) in ("Appearance", "RectifiedGrid"):
            if local(element) == "Appearance":
                notes.add("appearance.left_out", "{n} appearances (colours and textures) are not read.")
            return
        yield from self._object(element, None, None, self._reader(feature, notes.add), feature, notes)

    def _object(
        self,
        element: Element,
        parent: str | None,
        building: str | None,
        reader: GeometryReader,
        feature: Feature,
        notes: Notes,
    ) -> Iterator[CityObject]:
        """The object of an element, then those inside it."""
        attributes = Attributes(self.codelists)
        geometry: list[tuple[Element, str | None]] = []
        children: list[Element] = []
        lod = (element.findtext("{*}lod") or "").strip()
        for item in element:
            self._sort(item, attributes, geometry, children, None, notes)
        for _ in range(attributes.left_out):
            notes.add("geometry.left_out", "{n} geometries that stand inside other attributes are not read.")
        name = identifier(element)
        kind = _class(element)
        building = name if layer_of(kind) == "building" else building

        def shapes() -> list[Shape]:
            return [s for item, meaning in geometry for s in self._shapes(item, meaning, lod, reader)]

        inside = [list(self._object(child, name, building, reader, feature, notes)) for child in children]
        place = f"feature {name}" if name else f"the {local(element)} of line {element.sourceline or feature.line}"
        thing = CityObject(kind, name, parent, attributes.values, shapes, [each[0] for each in inside], place=place)
        thing.building = building if layer_of(kind) != "building" else None
        thing.heights = _heights(attributes)
        yield thing
        for each in inside:
            yield from each

    def _sort(
        self,
        item: Element,
        attributes: Attributes,
        geometry: list[tuple[Element, str | None]],
        children: list[Element],
        meaning: str | None,
        notes: Notes,
    ) -> None:
        """Put a property where it belongs: attributes, geometry, or objects inside."""
        name = local(item)
        first = item[0] if len(item) else None
        if name in _NO_ATTRIBUTES or (first is not None and local(first) in ("Envelope", "Null")):
            return
        if first is None:
            if item.get(HREF) is None:
                attributes.add(item)
            elif is_citygml(item) and _GEOMETRY_BY_LINK.fullmatch(name):
                geometry.append((item, meaning))
            else:
                attributes.reference(item)
        elif local(first) == "ImplicitGeometry" or (in_gml(first) and local(first) in GEOMETRIES):
            geometry.append((item, meaning))
        elif local(first) == "Address" or name in ("xalAddress", "xalAddresses"):
            for key, value in address(first).items():
                attributes.values.setdefault(key, value)
        elif name in _BOUNDARIES and is_citygml(item):
            for surface in item:
                self._bounding[local(surface)] += not self._surveyed
                for inner in surface:
                    self._sort(inner, Attributes(self.codelists), geometry, [], local(surface), notes)
        elif local(first) in NESTED_CLASSES and is_citygml(first):
            children += list(item)
        else:
            attributes.add(item)

    def _shapes(self, item: Element, meaning: str | None, own_lod: str, reader: GeometryReader) -> list[Shape]:
        name = local(item)
        if "TerrainIntersection" in name:
            return []
        found = _LOD.match(name)
        lod = found.group(1) if found else own_lod
        if not len(item):
            return reader.linked(item.get(HREF), lod, name, meaning)
        self._same_crs(item[0])
        return [shape for each in item for shape in reader.shapes(each, lod, name, meaning)]

    def _same_crs(self, geometry: Element) -> None:
        said = geometry.get("srsName")
        if not said or said == self._srs or self._srs is None:
            return
        here, there = named_crs(said), self.crs.value
        if here is not None and there is not None and horizontal(here) != horizontal(there):
            raise BadShape(f"it is in {here}, the file in {there}")


def _class(element: Element) -> str:
    """The class of an object; an ADE's with its prefix."""
    plain = local(element)
    return plain if is_citygml(element) or not element.prefix else f"{element.prefix}:{plain}"


def _heights(attributes: Attributes) -> list[tuple[str, float]]:
    """What the source says of the height, in metres: what is measured for the whole object first."""
    order = {"measuredHeight": 0, "height": 1, "averageHeight": 2}
    found = [(name, in_metres(number, unit)) for name, unit, number in attributes.measures if name in order]
    known = [(name, value) for name, value in found if value is not None]
    return sorted(known, key=lambda each: (order[each[0]], -each[1]))


def _readable(things: Iterator[CityObject]) -> list[Shape]:
    shapes = []
    for thing in things:
        try:
            shapes += thing.shapes
        except BadShape:
            continue
    return shapes
