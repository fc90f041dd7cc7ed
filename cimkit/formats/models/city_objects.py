"""City objects as CityGML and CityJSON share them: their classes, the layers these go to, and what is worked out."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import pyarrow as pa
import shapely

from cimkit.formats.models import footprint
from cimkit.formats.models.solids import BadShape, Shape, is_closed, lod_key, z_range

#: Classes whose layer is not simply their name in snake_case: the versions name some differently,
#: and some differ in one respect only, which ``object_class`` keeps.
_LAYERS = {
    "Storey": "building_storey",
    "Room": "building_room",
    "IntBuildingInstallation": "building_installation",
    "IntBridgeInstallation": "bridge_installation",
    "IntTunnelInstallation": "tunnel_installation",
    "BridgeConstructionElement": "bridge_constructive_element",
    "HollowSpace": "tunnel_hollow_space",
    "TransportSquare": "square",
    "ReliefFeature": "relief",
    "TINRelief": "relief",
    "RasterRelief": "relief",
    "MassPointRelief": "relief",
    "BreaklineRelief": "relief",
    "GenericOccupiedSpace": "generic_city_object",
    "GenericUnoccupiedSpace": "generic_city_object",
    "GenericLogicalSpace": "generic_city_object",
    "GenericThematicSurface": "generic_city_object",
}
#: Classes that stand inside others: a part is a city object of its own, with its parent's id.
NESTED_CLASSES = {
    "BuildingPart", "Storey", "BuildingRoom", "Room", "BuildingUnit", "BuildingInstallation", "IntBuildingInstallation",
    "BuildingConstructiveElement", "BuildingFurniture", "BridgePart", "BridgeRoom", "BridgeInstallation",
    "IntBridgeInstallation", "BridgeConstructionElement", "BridgeConstructiveElement", "BridgeFurniture", "TunnelPart",
    "TunnelInstallation", "IntTunnelInstallation", "TunnelConstructiveElement", "TunnelFurniture", "HollowSpace",
    "TINRelief", "RasterRelief", "MassPointRelief", "BreaklineRelief", "Section", "Intersection", "Building", "Bridge",
    "Tunnel", "CityFurniture", "SolitaryVegetationObject", "GenericCityObject",
}  # fmt: skip
#: Parts that do not lend their outline to an object without one.
_BESIDE = ("installation", "furniture")
_BUILT = ("building", "bridge", "tunnel", "other_construction")
#: Layers whose objects are surfaces in space: these keep their z.
_SURFACES = {
    "road", "railway", "track", "square", "waterway", "transportation_complex", "section", "intersection", "land_use",
    "water_body", "plant_cover", "generic_city_object",
}  # fmt: skip
_WITH_HEIGHT = {"solitary_vegetation_object", "plant_cover", "city_furniture"}

_METRES = {
    "": 1.0, "m": 1.0, "metre": 1.0, "meter": 1.0, "metres": 1.0, "meters": 1.0, "mm": 0.001, "cm": 0.01, "dm": 0.1,
    "km": 1000.0, "ft": 0.3048, "foot": 0.3048, "feet": 0.3048, "[ft_i]": 0.3048, "[ft_us]": 1200 / 3937,
    "9001": 1.0, "9002": 0.3048, "9003": 1200 / 3937,
}  # fmt: skip
#: What is higher than this is no height of a building but a code for "unknown" (9999, -9999).
_HIGHEST = 5000.0
_MOST_FLOORS = 500


def layer_of(object_class: str) -> str:
    """The layer of a class: "BuildingPart" → "building_part", "+NoiseWall" → "noise_wall"."""
    plain = object_class.rpartition(":")[2].lstrip("+")
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", plain).lower()
    return _LAYERS.get(plain) or re.sub(r"\W+", "_", words).strip("_") or "object"


def in_metres(value: Any, unit: str | None = None) -> float | None:
    """A measure in metres; None where it is no number or its unit is unknown."""
    name = (unit or "").strip().lower()
    factor = _METRES.get(name.rsplit(":", 1)[-1].rsplit("/", 1)[-1].lstrip("#"))
    try:
        number = float(value)
    except (TypeError, ValueError):
        return None
    return number * factor if factor is not None and math.isfinite(number) else None


@dataclass
class CityObject:
    """One city object. ``read_shapes`` reads its own geometry when asked, and may raise BadShape.

    ``attributes`` hold what the source says under its own names; ``parts`` are the objects inside
    it. ``floors`` and ``heights`` are in metres and may be nonsense; ``heights`` come best first.
    """

    object_class: str
    id: str | None
    parent: str | None
    attributes: dict[str, Any]
    read_shapes: Callable[[], list[Shape]]
    parts: list[CityObject] = field(default_factory=list)
    heights: list[tuple[str, float]] = field(default_factory=list)
    building: str | None = None  # the building it stands in
    place: str = ""

    @cached_property
    def shapes(self) -> list[Shape]:
        return self.read_shapes()

    @cached_property
    def layer(self) -> str:
        return layer_of(self.object_class)


def derived_columns(layer: str) -> dict[str, pa.DataType]:
    """The columns that are worked out for each object of a layer, which come first."""
    columns = {"id": pa.string(), "object_class": pa.string(), "parent_id": pa.string()}
    columns |= {"lod": pa.string(), "lods": pa.string(), "geometry_from": pa.string()}
    if layer.startswith(_BUILT) or layer in _WITH_HEIGHT:
        columns |= {"height_m": pa.float64(), "height_from": pa.string(), "base_elevation_m": pa.float64()}
    if layer.startswith(_BUILT):
        columns |= {"solids": pa.int64(), "solids_closed": pa.int64()}
    if layer in ("building", "building_part"):
        columns |= {"floors_above": pa.int64(), "floors_below": pa.int64(), "year_built": pa.int64()}
    if layer == "building_storey":
        columns |= {"building_id": pa.string(), "storey_number": pa.int64()}
        columns |= {"elevation_m": pa.float64(), "storey_height_m": pa.float64()}
    return columns


def derived(thing: CityObject, metres_per_z: float) -> tuple[dict[str, Any], bytes | None]:
    """What is worked out for an object, and its geometry as WKB.

    Raises:
        BadShape: its geometry cannot be read.
    """
    geometry, origin = plan(thing)
    shapes = _solid_shapes(thing)
    lods = sorted({shape.lod for part in _lending(thing) for shape in part.shapes if shape.lod}, key=lod_key)
    found: dict[str, Any] = {
        "id": thing.id,
        "object_class": thing.object_class,
        "parent_id": thing.parent,
        "lod": lods[-1] if lods else None,
        "lods": ",".join(lods) or None,
        "geometry_from": origin,
    }
    span = z_range(shapes)
    height = next(((name, value) for name, value in thing.heights if 0 < value <= _HIGHEST), None)
    if height is None and span and span[1] > span[0]:
        height = ("geometry", (span[1] - span[0]) * metres_per_z)
    base = span or z_range(shape for shape in thing.shapes if shape.origin != "lod0RoofEdge")
    solids = [shape for shape in thing.shapes if shape.form == "solid"]
    attributes = thing.attributes
    found |= {
        "height_m": height[1] if height else None,
        "height_from": height[0] if height else None,
        "base_elevation_m": base[0] * metres_per_z if base else None,
        "solids": len(solids),
        "solids_closed": sum(map(is_closed, solids)),
        "floors_above": _floors(attributes.get("storeysAboveGround")),
        "floors_below": _floors(attributes.get("storeysBelowGround")),
        "year_built": _year(attributes),
        "building_id": thing.building,
        "storey_number": _whole(attributes.get("sortKey", attributes.get("storeyNumber"))),
        "elevation_m": base[0] * metres_per_z if base else None,
        "storey_height_m": height[1] if height else None,
    }
    return found, None if geometry is None else shapely.to_wkb(geometry, flavor="iso")


def plan(thing: CityObject) -> tuple[shapely.Geometry | None, str | None]:
    """An object's geometry on the map, and what it was taken from.

    Raises:
        BadShape: it cannot be read.
    """
    shapes = thing.shapes
    if thing.layer == "relief":
        geometry, origin = footprint.terrain(shapes)
    elif thing.layer in _SURFACES and not any(shape.form == "solid" for shape in shapes):
        geometry, origin = footprint.own_surfaces(shapes)
    else:
        geometry, origin = footprint.footprint(shapes)
    if geometry is None and thing.layer != "relief":
        outlines = (plan(part)[0] for part in thing.parts if not part.layer.endswith(_BESIDE))
        geometry = footprint.united(outline for outline in outlines if outline is not None)
        origin = "parts" if geometry is not None else None
    return geometry, origin


def _lending(thing: CityObject) -> Iterator[CityObject]:
    """The object and the parts that make it up, without what only stands in or at it."""
    yield thing
    for part in thing.parts:
        if not part.layer.endswith(_BESIDE):
            yield from _lending(part)


def _solid_shapes(thing: CityObject) -> list[Shape]:
    """The shapes that have a height: the object's own, else those of its parts."""
    for things in ([thing], list(_lending(thing))[1:]):
        raised = [s for each in things for s in each.shapes if s.surfaces and lod_key(s.lod)[0] != 0]
        if raised:
            return raised
    return []


def _floors(value: Any) -> int | None:
    number = _whole(value)
    return number if number is not None and 0 <= number <= _MOST_FLOORS else None


def _whole(value: Any) -> int | None:
    try:
        number = float(value)
    except (TypeError, ValueError):
        return None
    return int(number) if math.isfinite(number) and number == int(number) and abs(number) < 1e9 else None


def _year(attributes: Mapping[str, Any]) -> int | None:
    for name in ("yearOfConstruction", "dateOfConstruction"):
        match = re.match(r"\d{4}(?!\d)", str(attributes.get(name) or ""))
        if match and int(match[0]) >= 1000 and match[0] != "9999":
            return int(match[0])
    return None


__all__ = ["NESTED_CLASSES", "BadShape", "CityObject", "derived", "derived_columns", "in_metres", "layer_of", "plan"]
