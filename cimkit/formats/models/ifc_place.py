"""Where a model stands on the earth: from its map conversion, else its site's latitude and longitude.

IFC4 says it by IfcMapConversion and IfcProjectedCRS, IFC2x3 by property sets of the same
content on the site ("ePSet_MapConversion", by agreement of buildingSMART). A latitude and
longitude of the site are often only those of a city that the program filled in.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

from cimkit import crs as crs_names
from cimkit.errors import SourceError, UsageError
from cimkit.formats.models.ifc_model import IfcModel, number
from cimkit.model import Evidence, Hint

Floats = NDArray[np.float64]
_NEAR = 0.01
#: Degrees between two statements of one place that cannot both be right (about a kilometre).
_FAR = 0.01
_NOT_SURE = 0.4
_BY_NAME = 0.8


@dataclass(frozen=True)
class Place:
    """The way from the model's coordinates in metres to those of a CRS, and how it was found.

    ``matrix`` is the part in the plane; ``through`` a local CRS in metres that lies between.
    """

    crs: Evidence
    matrix: Floats = field(default_factory=lambda: np.eye(3))
    height: float | None = None
    through: str | None = None
    hints: tuple[Hint, ...] = ()
    about: Mapping[str, Any] = field(default_factory=dict)

    def points(self, xy: Floats) -> Floats:
        """Points of the model, in metres, in the CRS."""
        moved: Floats = xy @ self.matrix[:2, :2].T + self.matrix[:2, 2]
        if self.through and self.crs.value:
            lon, lat = crs_names.plan(self.through, self.crs.value).points(moved[:, 0], moved[:, 1])
            moved = np.column_stack([lon, lat])
        return moved

    def geometry(self, shape: shapely.Geometry) -> shapely.Geometry:
        """A shape of the model in the CRS."""
        return shapely.transform(shape, self.points)


def find(model: IfcModel, given: str | None) -> Place:
    """Where the model stands; with a CRS given, and no conversion to it, its coordinates are taken for that CRS's."""
    conversion, projected = _conversion(model)
    if conversion is not None:
        return _by_conversion(model, conversion, projected or {}, given)
    if given:
        return Place(Evidence(given, "given", 1.0), about={"placed_by": "the model's own coordinates"})
    by_site = _by_site(model)
    if by_site is not None:
        return by_site
    message = (
        "The coordinates are the model's own, in metres: nothing says where it stands. Add IfcMapConversion and"
        " IfcProjectedCRS; if they are map coordinates, say the CRS with --from-crs."
    )
    return Place(Evidence(None, "local coordinates", 1.0), hints=(Hint("crs.local", message),))


# ---- map conversion ---------------------------------------------------------------------


def _conversion(model: IfcModel) -> tuple[dict[str, Any] | None, dict[str, Any] | None]:
    """The attributes of the map conversion and of the projected CRS, whichever way they are said."""
    for one in (*model.of("IfcMapConversion"), *model.of("IfcRigidOperation")):
        values = one.get_info(recursive=False)
        target = values.get("TargetCRS")
        if one.is_a("IfcRigidOperation"):
            if target is None or not target.is_a("IfcProjectedCRS"):
                continue
            first, second = (
                getattr(values[name], "wrappedValue", None) for name in ("FirstCoordinate", "SecondCoordinate")
            )
            values |= {"Eastings": first, "Northings": second, "OrthogonalHeight": values.get("Height")}
        crs = target.get_info(recursive=False) if target is not None else {}
        if crs.get("MapUnit") is not None:
            crs["MapUnit"] = _metres(crs["MapUnit"])
        return values, crs
    for owner in (*model.of("IfcSite"), *model.of("IfcProject"), *model.of("IfcBuilding")):
        sets = {name.lower(): values for name, values in model.properties(owner).items()}
        conversion = next((sets[name] for name in sets if name.endswith("pset_mapconversion")), None)
        if conversion is not None:
            projected = next((sets[name] for name in sets if name.endswith("pset_projectedcrs")), {})
            # A unit's name, which is metres in all files but a few.
            unit = str(projected.get("MapUnit") or "").upper()
            known = {"FOOT": 0.3048, "FEET": 0.3048, "US SURVEY FOOT": 1200 / 3937, "MILLIMETRE": 0.001}
            return conversion, {**projected, "MapUnit": known.get(unit, 1.0 if unit else None)}
    return None, None


def _metres(unit: Any) -> float | None:
    from ifcopenshell.util.unit import get_prefix_multiplier

    if unit.is_a("IfcSIUnit"):
        return float(get_prefix_multiplier(unit.Prefix)) if unit.Prefix else 1.0
    if unit.is_a("IfcConversionBasedUnit"):
        factor = unit.ConversionFactor
        value = number(getattr(factor.ValueComponent, "wrappedValue", None))
        base = _metres(factor.UnitComponent)
        return value * base if value and base else None
    return None


def _by_conversion(
    model: IfcModel, values: Mapping[str, Any], projected: Mapping[str, Any], given: str | None
) -> Place:
    hints: list[Hint] = []
    crs = Evidence(given, "given", 1.0) if given else _named(projected.get("Name"))
    east, north = (number(values.get(name)) for name in ("Eastings", "Northings"))
    if east is None or north is None:
        raise SourceError(f"{model.path} has a map conversion without eastings or northings.", hint="Export it again.")
    unit = number(projected.get("MapUnit"))
    east, north, unit = _in_metres(model, crs.value, east, north, unit, hints)
    x, y = number(values.get("XAxisAbscissa")), number(values.get("XAxisOrdinate"))
    length = math.hypot(x or 0.0, y or 0.0)
    cos, sin = ((x or 0.0) / length, (y or 0.0) / length) if length else (1.0, 0.0)
    scale = _scale(model, number(values.get("Scale")), unit, hints)
    factors = [scale * (number(values.get(name)) or 1.0) for name in ("FactorX", "FactorY")]
    out = crs_names.metres_per_unit(crs.value) if crs.value and not crs_names.is_geographic(crs.value) else 1.0
    matrix = np.array([
        [factors[0] * cos, -factors[1] * sin, east],
        [factors[0] * sin, factors[1] * cos, north],
        [0.0, 0.0, out],
    ]) / out  # fmt: skip
    matrix = matrix @ _from_world(model)
    raised = number(values.get("OrthogonalHeight"))
    about = {
        "placed_by": "map conversion",
        "eastings": number(values.get("Eastings")),
        "northings": number(values.get("Northings")),
        "orthogonal_height": raised,
        "rotation_degrees": round(math.degrees(math.atan2(sin, cos)), 6),
        "scale": number(values.get("Scale")),
        "crs_name": projected.get("Name"),
        "geodetic_datum": projected.get("GeodeticDatum"),
        "vertical_datum": projected.get("VerticalDatum"),
    }
    place = Place(
        crs, matrix, raised * unit if raised is not None else None,
        about={key: value for key, value in about.items() if value is not None},
    )  # fmt: skip
    return Place(crs, matrix, place.height, None, (*hints, *_disagreement(model, place)), place.about)


def _named(name: Any) -> Evidence:
    if not isinstance(name, str) or not name.strip():
        return Evidence(None, "IfcProjectedCRS without a name", 1.0)
    try:
        value = crs_names.canonical(name)
    except UsageError:
        return Evidence(None, f"IfcProjectedCRS, but unknown: {name[:60]}", 0.5)
    coded = any(character.isdigit() for character in name) and (":" in name or name.strip().isdigit())
    return (
        Evidence(value, "IfcProjectedCRS", 1.0) if coded else Evidence(value, "IfcProjectedCRS, by its name", _BY_NAME)
    )


def _in_metres(
    model: IfcModel, crs: str | None, east: float, north: float, unit: float | None, hints: list[Hint]
) -> tuple[float, float, float]:
    """The place in metres, and the metres in its unit.

    Without a unit it should be the model's (IFC 4.3, IfcProjectedCRS.MapUnit), but many programs
    write the CRS's: the one decides that leads into the CRS's area.
    """
    if unit is not None:
        return east * unit, north * unit, unit
    own = crs_names.metres_per_unit(crs) if crs and not crs_names.is_geographic(crs) else 1.0
    if crs is None or math.isclose(model.metres, own):
        return east * own, north * own, own
    said = (east * model.metres / own, north * model.metres / own)
    if crs_names.suspicions((*said, *said), crs) and not crs_names.suspicions((east, north, east, north), crs):
        message = "Eastings and northings are taken in the unit of the CRS: in the model's they lie outside its area."
        hints.append(Hint("ifc.map_unit", message))
        return east * own, north * own, own
    return east * model.metres, north * model.metres, model.metres


def _scale(model: IfcModel, scale: float | None, unit: float, hints: list[Hint]) -> float:
    """What a metre of the model is in metres of the map: the scale without the change of units it should hold."""
    asked = model.metres / unit
    if scale is None or scale == 0:
        return 1.0
    if abs(scale / asked - 1) <= _NEAR:
        return scale / asked
    if abs(scale - 1) <= _NEAR:
        message = f"The scale of {scale:g} does not hold the change of units ({asked:g}), which is made all the same."
        hints.append(Hint("ifc.scale", message))
        return scale
    hints.append(Hint("ifc.scale", f"The scale is {scale:g}, where the units ask for {asked:g}; it is taken as it is."))
    return scale / asked


def _from_world(model: IfcModel) -> Floats:
    """From the model's coordinates to those of the context that the conversion starts from."""
    for context in model.of("IfcGeometricRepresentationContext"):
        system = getattr(context, "WorldCoordinateSystem", None)
        if context.is_a("IfcGeometricRepresentationSubContext") or context.ContextType != "Model":
            continue
        location = getattr(getattr(system, "Location", None), "Coordinates", None)
        axis = getattr(getattr(system, "RefDirection", None), "DirectionRatios", None)
        x, y = location[:2] if location else (0.0, 0.0)
        a, b = axis[:2] if axis else (1.0, 0.0)
        length = math.hypot(a, b) or 1.0
        a, b = a / length, b / length
        world = np.array([[a, -b, x * model.metres], [b, a, y * model.metres], [0.0, 0.0, 1.0]])
        inverse: Floats = np.linalg.inv(world)
        return inverse
    return np.eye(3)


# ---- latitude and longitude of the site -------------------------------------------------


def _by_site(model: IfcModel) -> Place | None:
    for site in model.of("IfcSite"):
        lon, lat = degrees(getattr(site, "RefLongitude", None)), degrees(getattr(site, "RefLatitude", None))
        if lon is None or lat is None or (lon, lat) == (0.0, 0.0) or abs(lon) > 180 or abs(lat) > 90:
            continue
        x, y = _true_north(model)
        placed = model.placement(site)
        origin = placed[:2, 3] if placed is not None else np.zeros(2)
        turn = np.array([[y, -x], [x, y]])
        matrix = np.eye(3)
        matrix[:2, :2], matrix[:2, 2] = turn, -turn @ origin
        local = f"+proj=tmerc +lat_0={lat!r} +lon_0={lon!r} +k=1 +x_0=0 +y_0=0 +datum=WGS84 +units=m +type=crs"
        message = (
            "The place is that of the site's latitude and longitude, which programs fill in with those of a city:"
            " hold it against a map."
        )
        about = {"placed_by": "latitude and longitude of the site", "latitude": lat, "longitude": lon}
        north = round(math.degrees(math.atan2(x, y)), 6)
        elevation = number(getattr(site, "RefElevation", None))
        return Place(
            Evidence("EPSG:4326", "latitude and longitude of IfcSite, and true north", _NOT_SURE),
            matrix,
            elevation * model.metres if elevation is not None else None,
            local,
            (Hint("ifc.place_by_site", message),),
            {**about, "true_north_degrees": north},
        )
    return None


def degrees(parts: Any) -> float | None:
    """Degrees, minutes, seconds and millionths of a second (IfcCompoundPlaneAngleMeasure), which have one sign."""
    if not isinstance(parts, tuple) or not 3 <= len(parts) <= 4:
        return None
    values = [number(part) for part in parts]
    if any(value is None for value in values):
        return None
    whole = [value or 0.0 for value in values] + [0.0]
    sign = -1.0 if min(whole) < 0 else 1.0
    d, m, s, u = (abs(value) for value in whole[:4])
    return sign * (d + m / 60 + s / 3600 + u / 3.6e9)


def _true_north(model: IfcModel) -> tuple[float, float]:
    """The direction of true north in the model's plane, of length one."""
    for context in model.of("IfcGeometricRepresentationContext"):
        if context.is_a("IfcGeometricRepresentationSubContext"):
            continue
        ratios = getattr(getattr(context, "TrueNorth", None), "DirectionRatios", None)
        if ratios and math.hypot(*ratios[:2]) > 0:
            length = math.hypot(*ratios[:2])
            return ratios[0] / length, ratios[1] / length
    return 0.0, 1.0


def _disagreement(model: IfcModel, place: Place) -> list[Hint]:
    """Whether the site's latitude and longitude lie elsewhere than the map conversion leads."""
    site = _by_site(model)
    if site is None or not place.crs.value:
        return []
    x, y = (float(value) for value in place.points(np.zeros((1, 2)))[0])
    box = crs_names.bbox_crs84((x, y, x, y), place.crs.value)
    lon, lat = site.about["longitude"], site.about["latitude"]
    if box is None or (abs(box[0] - lon) < _FAR and abs(box[1] - lat) < _FAR):
        return []
    message = (
        f"The map conversion leads to {box[0]:.4f}, {box[1]:.4f}, the site's longitude and latitude to"
        f" {lon:.4f}, {lat:.4f}; the conversion is followed."
    )
    return [Hint("ifc.places_differ", message)]
