"""Extents: as longitude and latitude, as the ground of a metric CRS, and against what a CRS is declared to be."""

from __future__ import annotations

import numpy as np

from cimkit.crs.names import WGS84, canonical, is_geographic, pyproj_crs, short, title
from cimkit.crs.transform import Floats, plan
from cimkit.errors import SourceError
from cimkit.model import BBox, Hint


def bbox_crs84(bbox: BBox | None, crs: str) -> BBox | None:
    """A bounding box as longitude and latitude, or None where it has no place on the earth.

    The edges are walked, not only the corners, so that the box holds every curved edge.
    """
    if bbox is None or not np.isfinite(bbox).all():
        return None
    x, y = _edges(bbox)
    try:
        way = plan(crs, WGS84, allow_ballpark=True)
    except SourceError:  # a local grid, tied to no place on the earth
        return None
    lon, lat = way.points(x, y)
    fits = np.isfinite(lon).all() and np.isfinite(lat).all()
    if not fits or np.abs(lon).max() > 180.0 + 1e-9 or np.abs(lat).max() > 90.0 + 1e-9:
        return None
    return (float(lon.min()), float(lat.min()), float(lon.max()), float(lat.max()))


def _edges(bbox: BBox, steps: int = 21) -> tuple[Floats, Floats]:
    x = np.linspace(bbox[0], bbox[2], steps)
    y = np.linspace(bbox[1], bbox[3], steps)
    low, high = np.full(steps, bbox[1]), np.full(steps, bbox[3])
    left, right = np.full(steps, bbox[0]), np.full(steps, bbox[2])
    return np.concatenate([x, x, left, right]), np.concatenate([low, high, y, y])


def local_metric(bbox_crs84: BBox) -> str:
    """A CRS in metres for an area given in longitude and latitude: a transverse Mercator through its middle.

    Lengths are true to 1 in 10,000 within 90 km of the middle meridian. The middle is rounded to a tenth of
    a degree, so that layers of one city get the same CRS.
    """
    west, south, east, north = bbox_crs84
    lon, lat = round((west + east) / 2, 1), round((south + north) / 2, 1)
    return canonical(f"+proj=tmerc +lat_0={lat} +lon_0={lon} +k=1 +x_0=0 +y_0=0 +datum=WGS84 +units=m +type=crs")


def suspicions(bbox: BBox | None, crs: str | None) -> list[Hint]:
    """What an extent says against the CRS it is declared to be in; at most one hint, the likeliest.

    Codes: ``crs.missing``, ``crs.swapped_axes``, ``crs.zone_prefix`` (a CGCS2000 easting with
    a zone number under a CRS without, or the reverse), ``crs.not_degrees``, ``crs.degrees``
    (degrees under a projected CRS), ``crs.outside_area``. Positions inside the area of use
    raise none, so swapped axes under EPSG:4326 are seen only where a latitude exceeds 90.
    """
    if bbox is None or not np.isfinite(bbox).all():
        return []
    if crs is None:
        return [Hint("crs.missing", f"No coordinate reference system is declared. {_guess(bbox)}".strip())]
    if _inside_area(bbox, crs):
        return []
    swapped = (bbox[1], bbox[0], bbox[3], bbox[2])
    name = title(canonical(crs))
    zoned = _other_zoning(bbox, crs)
    if zoned:
        how = "carry" if zoned[1] else "do not carry"
        return [Hint("crs.zone_prefix", f"The eastings {how} a zone number, unlike {name}; {zoned[0]} would fit.")]
    if _inside_area(swapped, crs):
        return [Hint("crs.swapped_axes", f"Coordinates lie outside the area of {name} as x, y but inside it as y, x.")]
    degrees = _like_degrees(bbox)
    if is_geographic(crs) and not degrees and not _like_degrees(swapped):
        return [Hint("crs.not_degrees", f"{name} is in degrees, but the coordinates are not. {_guess(bbox)}".strip())]
    if not is_geographic(crs) and degrees:
        return [
            Hint(
                "crs.degrees",
                f"{name} is projected ({_unit(crs)}), but the coordinates look like longitude and latitude.",
            )
        ]
    return [Hint("crs.outside_area", f"Coordinates lie outside the area of use of {name}.{_area_name(crs)}")]


def _inside_area(bbox: BBox, crs: str) -> bool:
    """Whether an extent touches the area of use; true where none is known."""
    geographic = bbox_crs84(bbox, crs)
    if geographic is None:
        return False
    area = pyproj_crs(crs).area_of_use
    if area is None:
        return True
    west, south, east, north = area.bounds
    if geographic[1] > north or geographic[3] < south:
        return False
    if west > east:  # the area crosses the antimeridian
        return geographic[2] >= west or geographic[0] <= east
    return geographic[0] <= east and geographic[2] >= west


def _other_zoning(bbox: BBox, crs: str) -> tuple[str, bool] | None:
    """The CGCS2000 CRS that differs only in the zone number of its eastings, if the extent lies in that one.

    EPSG: 4491..4501 are 6-degree zones 13..23 with the number, 4502..4512 without; 4513..4533
    are 3-degree zones 25..45 with it, 4534..4554 without. The second item says whether the
    extent carries the number.
    """
    code = canonical(crs).removeprefix("EPSG:")
    if not code.isdigit():
        return None
    number = int(code)
    pairs = ((4491, 11), (4513, 21))
    for first, zones in pairs:
        if first <= number < first + zones and _inside_area(bbox, f"EPSG:{number + zones}"):
            return f"EPSG:{number + zones}", False
        if first + zones <= number < first + 2 * zones:
            with_number = _with_zone_number(bbox)
            if with_number:
                return with_number, True
    return None


def _with_zone_number(bbox: BBox) -> str | None:
    """The CGCS2000 CRS whose zone number begins these eastings (3-degree 25..45, 6-degree 13..23)."""
    zone = int(bbox[0] // 1_000_000)
    if int(bbox[2] // 1_000_000) != zone:
        return None
    if 25 <= zone <= 45:
        code = f"EPSG:{4513 + zone - 25}"
    elif 13 <= zone <= 23:
        code = f"EPSG:{4491 + zone - 13}"
    else:
        return None
    return code if _inside_area(bbox, code) else None


def _like_degrees(bbox: BBox) -> bool:
    return max(abs(bbox[0]), abs(bbox[2])) <= 180.0 and max(abs(bbox[1]), abs(bbox[3])) <= 90.0


def _guess(bbox: BBox) -> str:
    """What the numbers look like, for a hint."""
    if _like_degrees(bbox):
        return "The coordinates look like longitude and latitude; EPSG:4326 may fit."
    if _like_degrees((bbox[1], bbox[0], bbox[3], bbox[2])):
        return "The coordinates look like latitude and longitude, in that order."
    zoned = _with_zone_number(bbox)
    if zoned:
        return f"The eastings begin with a Chinese zone number; {zoned} fits if the datum is CGCS2000."
    turned = _with_zone_number((bbox[1], bbox[0], bbox[3], bbox[2]))
    if turned:
        return f"Northing seems to come before easting; {turned} fits if the datum is CGCS2000."
    return ""


def _unit(crs: str) -> str:
    return str(pyproj_crs(crs).axis_info[0].unit_name)


def _area_name(crs: str) -> str:
    area = pyproj_crs(crs).area_of_use
    return f" That is: {short(area.name, 80)}" if area is not None else ""
