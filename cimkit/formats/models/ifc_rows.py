"""The records of a model's layers: what IFC says of sites, buildings, storeys, spaces and elements, in metres."""

from __future__ import annotations

import json
import math
import re
from collections import defaultdict
from collections.abc import Callable, Mapping
from itertools import pairwise
from types import MappingProxyType
from typing import Any

import pyarrow as pa

from cimkit.formats.models.ifc_model import IfcModel, number
from cimkit.formats.models.ifc_place import Place, degrees

Row = dict[str, Any]
Sets = Mapping[str, Mapping[str, Any]]

_TEXT, _REAL, _WHOLE, _FLAG = pa.string(), pa.float64(), pa.int32(), pa.bool_()
_COMMON = {"id": _TEXT, "parent_id": _TEXT, "class": _TEXT, "name": _TEXT, "description": _TEXT}
_LAST = {"object_type": _TEXT, "footprint_how": _TEXT, "properties": _TEXT}

#: Layer -> its columns, where those of every layer come first and last.
COLUMNS: Mapping[str, Mapping[str, pa.DataType]] = MappingProxyType(
    {
        "site": {
            **_COMMON, "long_name": _TEXT, "latitude": _REAL, "longitude": _REAL, "ref_elevation_m": _REAL,
            "land_title_number": _TEXT, "address": _TEXT, **_LAST,
        },
        "building": {
            **_COMMON, "long_name": _TEXT, "address": _TEXT, "base_elevation_m": _REAL, "height_m": _REAL,
            "height_how": _TEXT, "storeys": _WHOLE, "declared_storeys": _WHOLE, "year_built": _WHOLE,
            "floor_area_m2": _REAL, "occupancy": _TEXT, **_LAST,
        },
        "building_storey": {
            **_COMMON, "long_name": _TEXT, "building_id": _TEXT, "storey_number": _WHOLE, "elevation_m": _REAL,
            "storey_height_m": _REAL, **_LAST,
        },
        "space": {
            **_COMMON, "number": _TEXT, "building_id": _TEXT, "storey_id": _TEXT, "storey": _TEXT,
            "area_m2": _REAL, "area_how": _TEXT, "volume_m3": _REAL, "height_m": _REAL, **_LAST,
        },
        "facility": {**_COMMON, "long_name": _TEXT, **_LAST},
        "element": {
            **_COMMON, "tag": _TEXT, "predefined_type": _TEXT, "type_name": _TEXT, "material": _TEXT,
            "building_id": _TEXT, "storey_id": _TEXT, "storey": _TEXT, "space_id": _TEXT,
            "load_bearing": _FLAG, "is_external": _FLAG, "fire_rating": _TEXT, **_LAST,
        },
    }
)  # fmt: skip
#: A storey that lies no deeper under the building's zero than this stands on the ground.
_GROUND = -0.5
_MOST_MATERIALS = 20


class Rows:
    """Makes the records of one model."""

    def __init__(self, model: IfcModel, place: Place) -> None:
        self._model = model
        self._place = place
        self._storeys = _Storeys(model)

    def entities(self, layer: str) -> list[Any]:
        """The entities that are the records of a layer, in the order of the file."""
        model = self._model
        if layer == "facility":  # IFC4x3: bridges, roads, railways and their parts
            return [one for one in model.of("IfcFacility") if not one.is_a("IfcBuilding")] + model.of("IfcFacilityPart")
        return model.of(_CLASSES[layer])

    def storey_number(self, storey: Any) -> int | None:
        """The number of a storey, counted from the ground."""
        return self._storeys.number(storey)

    def row(self, layer: str, entity: Any) -> Row:
        """The record of an entity, without what comes from its shape."""
        sets = self._model.properties(entity)
        parent = self._model.parents.get(entity.id())
        row: Row = {
            "id": _text(entity, "GlobalId"),
            "parent_id": _text(parent, "GlobalId"),
            "class": entity.is_a(),
            "name": _text(entity, "Name"),
            "description": _text(entity, "Description"),
            "object_type": _text(entity, "ObjectType"),
            "long_name": _text(entity, "LongName"),
            "properties": json.dumps(_plain(sets), ensure_ascii=False) if sets else None,
        }
        own: Mapping[str, Callable[[Any, Sets], Row]] = {
            "site": self._site,
            "building": self._building,
            "building_storey": self._storey,
            "space": self._space,
            "element": self._element,
        }
        return row | own[layer](entity, sets) if layer in own else row

    def _site(self, site: Any, sets: Sets) -> Row:
        return {
            "latitude": degrees(getattr(site, "RefLatitude", None)),
            "longitude": degrees(getattr(site, "RefLongitude", None)),
            "ref_elevation_m": self._length(getattr(site, "RefElevation", None)),
            "land_title_number": _text(site, "LandTitleNumber"),
            "address": _address(getattr(site, "SiteAddress", None)),
        }

    def _building(self, building: Any, sets: Sets) -> Row:
        declared = number(_first(sets, "NumberOfStoreys"))
        height = self._length(_first(sets, "Height", like="quantit"))
        year = re.search(r"\b(1\d{3}|20\d{2})\b", str(_first(sets, "YearOfConstruction", like="buildingcommon") or ""))
        return {
            "address": _address(getattr(building, "BuildingAddress", None)),
            "base_elevation_m": self._base(building),
            "height_m": height if height and height > 0 else None,
            "height_how": "quantity" if height and height > 0 else None,
            "storeys": len(self._storeys.of(building)),
            "declared_storeys": int(declared) if declared is not None and 0 <= declared < 1000 else None,
            "year_built": int(year.group()) if year else None,
            "floor_area_m2": self._area(_first(sets, "GrossFloorArea", "NetFloorArea", like="quantit")),
            "occupancy": _as_text(_first(sets, "OccupancyType", like="buildingcommon")),
        }

    def _base(self, building: Any) -> float | None:
        """The height above sea level of the building's zero, from the first that says it."""
        own = self._length(getattr(building, "ElevationOfRefHeight", None))
        if own:
            return own
        if self._place.height:
            placed = self._model.placement(building)
            return round(self._place.height + (float(placed[2, 3]) if placed is not None else 0.0), 6)
        return own

    def _storey(self, storey: Any, sets: Sets) -> Row:
        building = self._model.above(storey, "IfcBuilding")
        elevation = self._storeys.elevation(storey)
        return {
            "building_id": _text(building, "GlobalId"),
            "storey_number": self._storeys.number(storey),
            "elevation_m": elevation,
            "storey_height_m": self._storeys.height(storey),
        }

    def _space(self, space: Any, sets: Sets) -> Row:
        storey = self._model.above(space, "IfcBuildingStorey")
        area = self._area(_first(sets, "NetFloorArea", "GrossFloorArea", "Area", like="quantit"))
        how = "quantity" if area else None
        if not area:
            named = [key for one in sets.values() for key in one if key.lower().endswith("area")]
            key = next((key for key in named if "floor" in key.lower()), named[0] if named else None)
            area = self._area(_first(sets, key)) if key else None
            how = f"property '{key}'" if area else None
        long_name, short = _text(space, "LongName"), _text(space, "Name")
        return {
            # A space's Name is its number on the plan, its LongName what people call it.
            "name": long_name or short,
            "number": short,
            "building_id": _text(self._model.above(space, "IfcBuilding"), "GlobalId"),
            "storey_id": _text(storey, "GlobalId"),
            "storey": _text(storey, "Name"),
            "area_m2": area,
            "area_how": how,
            "volume_m3": self._volume(_first(sets, "NetVolume", "GrossVolume", like="quantit")),
            "height_m": self._length(_first(sets, "Height", "FinishCeilingHeight", like="quantit")),
        }

    def _element(self, element: Any, sets: Sets) -> Row:
        from ifcopenshell.util.element import get_type

        storey = self._model.above(element, "IfcBuildingStorey")
        kind = get_type(element)
        return {
            "tag": _text(element, "Tag"),
            "predefined_type": _text(element, "PredefinedType") or _text(kind, "PredefinedType"),
            "type_name": _text(kind, "Name"),
            "material": self._material(element),
            "building_id": _text(self._model.above(element, "IfcBuilding"), "GlobalId"),
            "storey_id": _text(storey, "GlobalId"),
            "storey": _text(storey, "Name"),
            "space_id": _text(self._model.above(element, "IfcSpace"), "GlobalId"),
            "load_bearing": _flag(_first(sets, "LoadBearing", like="common")),
            "is_external": _flag(_first(sets, "IsExternal", like="common")),
            "fire_rating": _as_text(_first(sets, "FireRating", like="common")),
        }

    def _material(self, element: Any) -> str | None:
        from ifcopenshell.util.element import get_materials

        names = list(dict.fromkeys(_text(one, "Name") or "" for one in get_materials(element)))
        return "; ".join(name for name in names[:_MOST_MATERIALS] if name) or None

    def _length(self, value: Any) -> float | None:
        return _times(value, self._model.metres)

    def _area(self, value: Any) -> float | None:
        return _times(value, self._model.square_metres)

    def _volume(self, value: Any) -> float | None:
        return _times(value, self._model.cubic_metres)


_CLASSES = {
    "site": "IfcSite",
    "building": "IfcBuilding",
    "building_storey": "IfcBuildingStorey",
    "space": "IfcSpace",
    "element": "IfcElement",
}


class _Storeys:
    """The storeys of each building by height, with numbers that count from the ground: IFC gives them none."""

    def __init__(self, model: IfcModel) -> None:
        self._model = model
        self._of: dict[int, list[Any]] = defaultdict(list)
        self._elevations: dict[int, float] = {}
        for storey in model.of("IfcBuildingStorey"):
            building = model.above(storey, "IfcBuilding")
            self._of[building.id() if building is not None else 0].append(storey)
            elevation = self._elevation(storey, building)
            if elevation is not None:
                self._elevations[storey.id()] = elevation
        self._numbers: dict[int, int] = {}
        self._heights: dict[int, float] = {}
        for storeys in self._of.values():
            self._count(storeys)

    def of(self, building: Any) -> list[Any]:
        return self._of.get(building.id(), [])

    def elevation(self, storey: Any) -> float | None:
        return self._elevations.get(storey.id())

    def number(self, storey: Any) -> int | None:
        return self._numbers.get(storey.id())

    def height(self, storey: Any) -> float | None:
        return self._heights.get(storey.id())

    def _elevation(self, storey: Any, building: Any) -> float | None:
        said = _times(getattr(storey, "Elevation", None), self._model.metres)
        if said is not None:
            return said
        placed = self._model.placement(storey)
        below = self._model.placement(building) if building is not None else None
        return float(placed[2, 3] - (below[2, 3] if below is not None else 0.0)) if placed is not None else None

    def _count(self, storeys: list[Any]) -> None:
        """1 is the lowest storey that stands on the ground or above it, -1 the first below; there is no 0."""
        known = sorted(
            (one for one in storeys if one.id() in self._elevations), key=lambda one: self._elevations[one.id()]
        )
        below = [one for one in known if self._elevations[one.id()] < _GROUND]
        above = [one for one in known if self._elevations[one.id()] >= _GROUND]
        self._numbers |= {one.id(): -place for place, one in enumerate(reversed(below), start=1)}
        self._numbers |= {one.id(): place for place, one in enumerate(above, start=1)}
        for one, following in pairwise(known):
            height = self._elevations[following.id()] - self._elevations[one.id()]
            if height > 0:
                self._heights[one.id()] = round(height, 6)


def _first(sets: Sets, *names: str | None, like: str = "") -> Any:
    """The first value under one of these names that is filled, in sets whose name holds ``like``."""
    chosen = [values for title, values in sets.items() if like in title.lower()]
    for name in names:
        for values in chosen:
            value = values.get(name) if name else None
            if value not in (None, ""):
                return value
    return None


def _times(value: Any, unit: float) -> float | None:
    plain = number(value)
    return None if plain is None else round(plain * unit, 6)


def _flag(value: Any) -> bool | None:
    return value if isinstance(value, bool) else None


def _as_text(value: Any) -> str | None:
    if isinstance(value, (list, tuple)):
        value = "; ".join(str(item) for item in value)
    return None if value in (None, "") else str(value)


def _text(entity: Any, name: str) -> str | None:
    value = getattr(entity, name, None) if entity is not None else None
    return value if isinstance(value, str) and value else None


def _address(address: Any) -> str | None:
    if address is None:
        return None
    lines = getattr(address, "AddressLines", None)
    parts = [*(lines if isinstance(lines, tuple) else ())]
    parts += [_text(address, name) or "" for name in ("PostalBox", "PostalCode", "Town", "Region", "Country")]
    return ", ".join(part.strip() for part in parts if isinstance(part, str) and part.strip()) or None


def _plain(value: Any) -> Any:
    """A property's value as JSON has it."""
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return value if isinstance(value, (str, int, float, bool, type(None))) else str(value)
