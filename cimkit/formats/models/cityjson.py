"""CityJSON 1.0, 1.1 and 2.0, and CityJSONSeq: city objects as layers by class.

A document is read object by object; only its vertices stay in memory, as numbers, and the
outlines of parts, which may have to stand for what they are part of. A sequence is read
feature by feature.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import shapely

from cimkit import crs as crs_names
from cimkit.errors import SourceError, UsageError
from cimkit.formats.dataset import Dataset, Delivery
from cimkit.formats.json import stream as json_stream
from cimkit.formats.models.city_layer import CityLayer, Notes, survey
from cimkit.formats.models.city_objects import CityObject, plan
from cimkit.formats.models.cityjson_geometry import Model
from cimkit.formats.models.cityjson_members import address, heights, reference_system, triples
from cimkit.formats.models.solids import BadShape, Points, Shape, Surface, lod_key, z_range
from cimkit.formats.probe import Probe
from cimkit.formats.registry import Wishes
from cimkit.formats.srs_names import UNDECLARED, evidence, horizontal, latitude_first, metres_per_z
from cimkit.model import BBox, Evidence, Hint, Reject

_VERSIONS = ("1.0", "1.1", "2.0")
#: Members of a city object that the format itself gives a meaning; all others are attributes.
_OWN_MEMBERS = {"type", "attributes", "geometry", "children", "parents", "geographicalExtent", "address", "members"}
_ARRAYS = ("vertices",)
_MOST_VERTICES = 200_000_000
_LINES_TO_PLACE = 20
_UTF8 = Evidence("UTF-8", "the format's own", 1.0)


def layers(probe: Probe, format: str, wishes: Wishes) -> Dataset:
    """The layers of a CityJSON document or sequence, one for each type of city object that occurs."""
    if wishes.encoding not in (None, "UTF-8"):
        raise UsageError(f"{probe.path} is {format}, which is always UTF-8, so it cannot be read as {wishes.encoding}.")
    notes = Notes()
    source = (Sequence if format == "CityJSONSeq" else Document)(probe.path, wishes.salvage)
    source.learn(Notes())  # the survey comes upon the same again
    columns = survey(source, notes)
    delivery = Delivery(probe.path, format, (probe.path,))
    found = tuple(
        CityLayer(delivery, name, source, each, (source.crs, _UTF8), wishes.crs) for name, each in columns.items()
    )
    unread = tuple(notes.rejected) if wishes.salvage else ()
    return Dataset(delivery, found, tuple(source.hints + notes.hints()), unread=unread)


@dataclass
class CityJson:
    """What documents and sequences share: the header, and how an object of it becomes a city object."""

    path: Path
    salvage: bool
    untyped: bool = False
    metres_per_z: float = 1.0
    crs: Evidence = UNDECLARED
    hints: list[Hint] = field(default_factory=list)
    _header: dict[str, Any] = field(default_factory=dict)
    _latitude_first: bool = False
    _in_degrees: bool = False

    def _wrong(self, why: str, hint: str | None = None) -> SourceError:
        return SourceError(f"{self.path} is no CityJSON that can be read: {why}.", hint=hint)

    def _learn_header(self, sample: Points) -> None:
        """Take the version, the CRS and the order of axes from the members of the header."""
        version = str(self._header.get("version", ""))
        if not version.startswith(_VERSIONS):
            said = f"its version is {version}" if version else "it has no version"
            raise self._wrong(said, f"Upgrade it to {_VERSIONS[-1]}, e.g. with cjio.")
        if "transform" not in self._header and version != "1.0":
            self.hints.append(Hint("transform.missing", "There is no transform: vertices are taken as coordinates."))
        metadata = self._header.get("metadata")
        name, where = reference_system(metadata if isinstance(metadata, dict) else {})
        self.crs = evidence(name, where)
        known = self.crs.value
        extent: BBox | None = None
        if len(sample):
            low, high = sample[:, :2].min(axis=0), sample[:, :2].max(axis=0)
            extent = (float(low[0]), float(low[1]), float(high[0]), float(high[1]))
        self._latitude_first, hint = latitude_first(known, None, extent)
        self.hints += [hint] if hint else []
        self.metres_per_z = metres_per_z(known)
        self._in_degrees = known is not None and crs_names.is_geographic(horizontal(known))
        if self._header.get("appearance"):
            self.hints.append(Hint("appearance.left_out", "Colours and textures (appearance) are not read."))
        extensions = self._header.get("extensions")
        if extensions:
            named = ", ".join(sorted(map(str, extensions)))
            self.hints.append(Hint("extensions", f"Extensions are read as they stand, unchecked: {named}."))
        roots = sorted(name for name in self._header if name.startswith("+"))
        if roots:
            message = f"What extensions put beside the city objects is not read: {', '.join(roots)}."
            self.hints.append(Hint("extensions.left_out", message))

    def _coordinates(self, vertices: Any) -> Points:
        """Vertices as coordinates in the CRS.

        Raises:
            BadShape: they are no list of three numbers each.
        """
        points = triples(vertices)
        transform = self._header.get("transform")
        if transform is not None:
            try:
                scale = np.array(transform["scale"], dtype=np.float64).reshape(3)
                shift = np.array(transform["translate"], dtype=np.float64).reshape(3)
            except (TypeError, KeyError, ValueError) as error:
                raise BadShape("its transform has no scale and translate of three numbers each") from error
            points = points * scale + shift
        return points[:, [1, 0, 2]] if self._latitude_first else points

    def _model(self, vertices: Points) -> Model:
        templates = self._header.get("geometry-templates")
        templates = templates if isinstance(templates, dict) else {}
        listed = templates.get("templates")
        own = triples(templates.get("vertices-templates") or [])
        return Model(vertices, listed if isinstance(listed, list) else [], own, can_place=not self._in_degrees)

    def _object(self, name: str, value: Any, model: Model, notes: Notes, place: str) -> CityObject:
        """One city object; its parts are not in it yet.

        Raises:
            BadShape: it is no object with a type.
        """
        if not isinstance(value, dict) or not isinstance(value.get("type"), str):
            raise BadShape("it is no object with a type")
        attributes = value.get("attributes")
        attributes = dict(attributes) if isinstance(attributes, dict) else {}
        attributes |= {key: member for key, member in value.items() if key not in _OWN_MEMBERS}
        parents = value.get("parents")
        parents = [str(parent) for parent in parents] if isinstance(parents, list) else []
        if len(parents) > 1:
            attributes["parents"] = parents
        if value["type"] == "CityObjectGroup":
            attributes["members"] = value.get("children", value.get("members"))
        attributes |= address(value.get("address"))
        geometry = value.get("geometry") or []
        thing = CityObject(
            value["type"],
            name,
            parents[0] if parents else None,
            attributes,
            lambda: model.shapes(geometry, notes.add),
            place=place,
        )
        thing.heights = heights(attributes)
        return thing

    def _told(self, notes: Notes, place: str, why: str) -> None:
        """Put a record that cannot be read aside, or end the reading."""
        if not self.salvage:
            raise SourceError(
                f"{self.path}: {place} cannot be read: {why}.",
                hint="Mend it, or read what can be read with --salvage.",
            )
        notes.rejected.append(Reject(None, place, why))


@dataclass
class Document(CityJson):
    """A CityJSON document."""

    _vertices: Points = field(default_factory=lambda: np.empty((0, 3)))
    _outlines: dict[str, CityObject] = field(default_factory=dict)  # of parts, by id
    _parts: dict[str, list[str]] = field(default_factory=dict)
    _above: dict[str, str] = field(default_factory=dict)
    _surveyed: bool = False

    def learn(self, notes: Notes) -> None:
        """Read all but the city objects."""
        pieces: list[Points] = []
        count = 0
        try:
            for member, _, value in json_stream.members(self.path, entries=("CityObjects",), chunks=_ARRAYS):
                if member == "vertices":
                    pieces.append(triples(value))
                    count += len(value)
                    if count > _MOST_VERTICES:
                        raise self._wrong(f"it has more than {_MOST_VERTICES:,} vertices", "Deliver it as CityJSONSeq.")
                elif member != "CityObjects":
                    self._header[member] = value
        except BadShape as error:
            raise self._wrong(str(error)) from error
        except SourceError:
            if not (self.salvage and pieces):
                raise
        raw = np.concatenate(pieces) if pieces else np.empty((0, 3))
        try:
            self._learn_header(self._coordinates(raw))
            self._vertices = self._coordinates(raw)
        except BadShape as error:
            raise self._wrong(str(error)) from error

    def objects(self, notes: Notes) -> Iterator[CityObject]:
        try:
            model = self._model(self._vertices)
        except BadShape as error:
            raise self._wrong(str(error)) from error
        try:
            for member, key, value in json_stream.members(self.path, entries=("CityObjects",), chunks=_ARRAYS):
                if member == "CityObjects" and key is not None:
                    yield from self._one(key, value, model, notes)
        except SourceError as error:
            if not self.salvage:
                raise
            notes.rejected.append(Reject(None, "the rest of the file", str(error)))
        if not self._surveyed:
            self._surveyed = True
            self._look_for_circles(notes)

    def _one(self, name: str, value: Any, model: Model, notes: Notes) -> Iterator[CityObject]:
        try:
            thing = self._object(name, value, model, notes, f"city object {name}")
        except BadShape as error:
            self._told(notes, f"city object {name}", str(error))
            return
        if not self._surveyed and thing.parent is not None:
            self._above[name] = thing.parent
            self._parts.setdefault(thing.parent, []).append(name)
            self._outlines[name] = _outline(thing)
        if self._surveyed:
            thing.parts = self._inside(name, {name})
            thing.building = self._building(thing)
        yield thing

    def _inside(self, name: str, seen: set[str]) -> list[CityObject]:
        found = []
        for part in self._parts.get(name, ()):
            if part not in seen:
                thing = self._outlines[part]
                thing.parts = self._inside(part, seen | {part})
                found.append(thing)
        return found

    def _building(self, thing: CityObject) -> str | None:
        """The topmost object it stands in, where that is a building."""
        if not thing.layer.startswith("building_"):
            return None
        name, seen = thing.parent, set[str]()
        while name in self._above and name not in seen:
            seen.add(name)
            name = self._above[name]
        return name

    def _look_for_circles(self, notes: Notes) -> None:
        done: set[str] = set()
        for start in self._above:
            chain: list[str] = []
            name: str | None = start
            while name in self._above and name not in done and name not in chain:
                chain.append(name)
                name = self._above[name]
            if name in chain:
                self._told(notes, f"city object {name}", "it is, by its parents, inside itself")
            done.update(chain)


@dataclass
class Sequence(CityJson):
    """A CityJSONSeq: the header on the first line, a feature on each other."""

    def learn(self, notes: Notes) -> None:
        sample: list[Points] = []
        for number, _, value in self._lines(notes):
            if number == 1:
                if not isinstance(value, dict) or value.get("type") != "CityJSON":
                    raise self._wrong("the first line is no CityJSON object", "It has the transform of all others.")
                self._header = value
            elif isinstance(value, dict) and value.get("vertices"):
                try:
                    sample.append(self._coordinates(value["vertices"]))
                except BadShape:
                    continue
                if len(sample) == _LINES_TO_PLACE:
                    break
        if not self._header:
            raise self._wrong("it has no lines")
        self._learn_header(np.concatenate(sample) if sample else np.empty((0, 3)))

    def objects(self, notes: Notes) -> Iterator[CityObject]:
        for number, place, value in self._lines(notes):
            objects = value.get("CityObjects") if isinstance(value, dict) else None
            if not isinstance(objects, dict) or (number > 1 and value.get("type") != "CityJSONFeature"):
                self._told(notes, place, "it is no CityJSONFeature")
                continue
            try:
                model = self._model(self._coordinates(value.get("vertices") or []))
                things = {
                    name: self._object(name, each, model, notes, f"city object {name} of {place}")
                    for name, each in objects.items()
                }
                _join(things)
            except BadShape as error:
                self._told(notes, place, str(error))
                continue
            yield from things.values()

    def _lines(self, notes: Notes) -> Iterator[tuple[int, str, Any]]:
        """The values of the lines that are not blank, with their count and where they stand."""
        count = 0
        with self.path.open("rb") as handle:
            for number, raw in enumerate(handle, start=1):
                if not raw.strip(b" \t\r\n\x1e\xef\xbb\xbf"):
                    continue
                count += 1
                try:
                    value = json.loads(raw.decode("utf-8-sig").strip(" \t\r\n\x1e"))
                except (ValueError, RecursionError) as error:
                    why = "it is nested too deeply" if isinstance(error, RecursionError) else f"it is no JSON ({error})"
                    self._told(notes, f"line {number}", why)
                    continue
                yield count, f"line {number}", value


def _join(things: Mapping[str, CityObject]) -> None:
    """Put the parts of one feature into what they are part of.

    Raises:
        BadShape: one is, by its parents, inside itself.
    """
    for name, thing in things.items():
        chain, above = [name], thing.parent
        while above is not None and above in things:
            if above in chain:
                raise BadShape(f"city object {above} is, by its parents, inside itself")
            chain.append(above)
            above = things[above].parent
        if thing.parent is not None and thing.parent in things:
            things[thing.parent].parts.append(thing)
            if thing.layer.startswith("building_"):
                thing.building = chain[-1]


def _outline(thing: CityObject) -> CityObject:
    """What must be kept of a part until the object it belongs to is met: its outline, heights and levels."""
    shapes: list[Shape] = []
    try:
        geometry, _ = plan(thing)
        span = z_range(shape for shape in thing.shapes if shape.surfaces)
        lods = {shape.lod for shape in thing.shapes}
    except BadShape:  # told when its own layer is read
        geometry, span, lods = None, None, set()
    if geometry is not None and geometry.geom_type in ("Polygon", "MultiPolygon"):
        low, high = span or (np.nan, np.nan)
        surfaces = [
            Surface([_at(np.asarray(r.coords), low) for r in (piece.exterior, *piece.interiors)])
            for piece in shapely.get_parts(geometry)
        ]
        lines = [_at(surfaces[0].rings[0][:1], high)] if span else []
        shapes = [Shape(max(lods, key=lod_key), "surface", "part", surfaces, lines)]
    shapes += [Shape(lod, "surface", "part") for lod in lods]
    return CityObject(thing.object_class, thing.id, thing.parent, {}, lambda: shapes, place=thing.place)


def _at(points: Points, z: float) -> Points:
    return np.column_stack([points[:, :2], np.full(len(points), z)])
