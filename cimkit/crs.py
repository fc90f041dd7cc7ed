"""Coordinate reference systems: their names, the way from one to another, and what looks wrong.

A CRS travels as a string: an authority code ("EPSG:4547", "EPSG:4547+5737"), WKT where no
code fits, or one of the pseudo names "GCJ-02" and "BD-09", which are longitude and latitude
on EPSG:4326 in an offset datum (see :mod:`cimkit.offsets`). Coordinates are always x, y
(easting or longitude first) whatever the axis order of the CRS.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import pyarrow as pa
import pyproj
from numpy.typing import ArrayLike, NDArray
from pyproj.exceptions import CRSError, ProjError

from cimkit import offsets, wkb
from cimkit.errors import SourceError, UsageError
from cimkit.model import BBox, Hint

Floats = NDArray[np.float64]
Step = Callable[[Floats, Floats, Floats | None], tuple[Floats, Floats, Floats | None]]

WGS84 = "EPSG:4326"
GCJ02 = "GCJ-02"
BD09 = "BD-09"

#: PROJ's names of the two datums that agree to about a metre because both follow the ITRF.
_CGCS2000 = "China 2000"
_WGS84 = "World Geodetic System 1984"
#: Datums whose shift is a state secret; EPSG has one for a few oil fields only, which PROJ would use anywhere.
_UNPUBLISHED = {"Beijing 1954", "Xian 1980", "New Beijing"}
_EQUAL = "CGCS2000 and WGS 84 are taken as equal, which holds to about a metre."
_MEAN_RADIUS = 6371008.8  # metres, IUGG


# ---- names ----------------------------------------------------------------------------


@lru_cache(maxsize=512)
def canonical(text: str) -> str:
    """The one string by which cimkit calls a CRS, from a code, a WKT, a PROJ string or a pseudo name.

    OGC:CRS84 becomes EPSG:4326 (only the axis order sets them apart, and that is always x, y
    here). A CRS that carries its own datum shift (``+towgs84``) keeps it: it stays WKT.

    Raises:
        UsageError: nothing is known by this name.
    """
    named = text.strip()
    pseudo = _pseudo(named)
    if pseudo:
        return pseudo
    try:
        crs = pyproj.CRS.from_user_input(int(named) if named.isdigit() else named)
    except CRSError as error:
        raise UsageError(
            f"There is no coordinate reference system '{_short(named)}'.",
            hint="Give an EPSG code that exists (EPSG:4490, EPSG:4547 …), WKT, a PROJ string, GCJ-02 or BD-09.",
        ) from error
    return _name(crs)


@lru_cache(maxsize=512)
def pyproj_crs(name: str) -> pyproj.CRS:
    """The pyproj CRS of a canonical name; EPSG:4326 for the pseudo names.

    Raises:
        UsageError: nothing is known by this name.
    """
    known = canonical(name)
    return pyproj.CRS.from_user_input(WGS84 if known in (GCJ02, BD09) else known)


@lru_cache(maxsize=64)
def written(name: str) -> pyproj.CRS:
    """The CRS as it is declared in a file. The offset datums get one of their own, read back by its name.

    Raises:
        UsageError: nothing is known by this name.
    """
    known = canonical(name)
    if known not in (GCJ02, BD09):
        return pyproj_crs(known)
    document = pyproj.CRS.from_user_input("OGC:CRS84").to_json_dict()
    ellipsoid = {"name": "WGS 84", "semi_major_axis": 6378137, "inverse_flattening": 298.257223563}
    datum = {"type": "GeodeticReferenceFrame", "name": known, "ellipsoid": ellipsoid}
    kept = {key: document[key] for key in ("$schema", "type", "coordinate_system")}
    return pyproj.CRS.from_json_dict({**kept, "name": known, "datum": datum})


def projjson(name: str) -> dict[str, Any]:
    """The CRS as PROJJSON, as GeoParquet metadata holds it.

    Raises:
        UsageError: nothing is known by this name.
    """
    document: dict[str, Any] = written(name).to_json_dict()
    return document


def is_geographic(name: str) -> bool:
    """Whether x and y are longitude and latitude in degrees."""
    return bool(pyproj_crs(name).is_geographic)


def metres_per_unit(name: str) -> float:
    """Metres in one unit of x; for a geographic CRS the length of one degree along a meridian."""
    axis = pyproj_crs(name).axis_info[0]
    factor = float(axis.unit_conversion_factor)
    return factor * _MEAN_RADIUS if is_geographic(name) else factor


def _pseudo(text: str) -> str | None:
    plain = re.sub(r"[^a-z0-9]", "", text.lower()) if len(text) <= 12 else ""
    return {"gcj02": GCJ02, "gcj2": GCJ02, "bd09": BD09, "bd09ll": BD09, "bd9": BD09}.get(plain)


def _name(crs: pyproj.CRS) -> str:
    if crs.name in (GCJ02, BD09):
        return str(crs.name)
    if crs.is_bound:
        return _wkt(crs)
    if crs.is_compound:
        parts = [part.to_epsg() for part in crs.sub_crs_list]
        if all(parts):
            return "EPSG:" + "+".join(str(part) for part in parts)
    code = crs.to_epsg()
    if code:
        return f"EPSG:{code}"
    authority = crs.to_authority()
    if authority == ("OGC", "CRS84"):
        return WGS84
    return ":".join(authority) if authority else _wkt(crs)


def _wkt(crs: pyproj.CRS) -> str:
    """WKT that reads back to itself: the first writing still bears marks of where the CRS came from."""
    return str(pyproj.CRS.from_wkt(crs.to_wkt()).to_wkt())


def _short(text: str, width: int = 60) -> str:
    line = " ".join(text.split())
    return line if len(line) <= width else line[: width - 1] + "…"


def _title(name: str) -> str:
    """A name for people: the code, or the title inside a WKT."""
    return name if len(name) <= 24 else f"'{pyproj_crs(name).name}'"


# ---- from one CRS to another ----------------------------------------------------------


@dataclass(frozen=True)
class Transform:
    """The way from one CRS to another. ``note`` is a remark on its accuracy, None where it is exact.

    ``equated`` says that CGCS2000 and WGS 84 were taken as one datum.
    """

    source: str
    target: str
    note: str | None
    steps: tuple[Step, ...]
    equated: bool = False

    def points(self, x: ArrayLike, y: ArrayLike) -> tuple[Floats, Floats]:
        """Coordinates in the target CRS; ``inf`` where the target has no such place, NaN stays NaN."""
        there_x, there_y, _ = self._go(np.array(x, dtype=np.float64), np.array(y, dtype=np.float64), None)
        return there_x, there_y

    def wkb(self, array: pa.Array) -> pa.Array:
        """WKB geometries (binary or large_binary) reprojected, Z by PROJ and M as it is; as ISO WKB.

        A geometry whose bytes are no WKB, or which has no place in the target CRS, becomes
        null. So ``result.null_count - array.null_count`` is how many were lost that way.
        """
        if not self.steps or len(array) == array.null_count:
            return array
        kind, has_z, has_m = wkb.heads(array)
        values = array.to_numpy(zero_copy_only=False)
        result = np.full(len(values), None, dtype=object)
        simple = (kind >= 1) & (kind <= 6) & ~has_m
        for rows in (np.flatnonzero(simple & ~has_z), np.flatnonzero(simple & has_z)):
            self._through_geos(values, rows, result, with_z=bool(len(rows) and has_z[rows[0]]))
        left = np.flatnonzero((kind != 0) & np.array([shape is None for shape in result]))
        self._through_bytes(values, left, result)
        return pa.array(result, type=array.type, from_pandas=True)

    def _go(self, x: Floats, y: Floats, z: Floats | None) -> tuple[Floats, Floats, Floats | None]:
        for step in self.steps:
            x, y, z = step(x, y, z)
        return x, y, z

    def _through_geos(self, values: Any, rows: NDArray[np.intp], result: Any, *, with_z: bool) -> None:
        """The plain kinds, all rows at once. What GEOS does not read stays None in ``result``."""
        import shapely

        if not len(rows):
            return
        try:
            with np.errstate(invalid="ignore"):
                shapes = shapely.from_wkb(values[rows], on_invalid="ignore")
        except NotImplementedError:  # a curve within a multi-geometry
            return
        points, owner = shapely.get_coordinates(shapes, include_z=with_z, return_index=True)
        before = points.copy()
        x, y, z = self._go(points[:, 0], points[:, 1], points[:, 2] if with_z else None)
        points[:, 0], points[:, 1] = x, y
        if z is not None:
            points[:, 2] = z
        lost = np.unique(owner[_lost(before, points)])
        written = shapely.to_wkb(shapely.set_coordinates(shapes, points), flavor="iso", byte_order=1)
        written[lost] = None
        result[rows] = written

    def _through_bytes(self, values: Any, rows: NDArray[np.intp], result: Any) -> None:
        """Curves, surfaces, collections, M and unclosed rings: the coordinates are rewritten in place."""
        for row in rows:
            geometry = bytearray(values[row])
            try:
                parts = list(wkb.coordinates(geometry))
            except ValueError:
                continue
            whole = True
            for points, has_z in parts:
                before = points.copy()
                native = points.astype(np.float64)
                x, y, z = self._go(native[:, 0], native[:, 1], native[:, 2] if has_z else None)
                points[:, 0], points[:, 1] = x, y
                if z is not None:
                    points[:, 2] = z
                whole = whole and not _lost(before, points).any()
            if whole:
                result[row] = bytes(geometry)


def _lost(before: Floats, after: Floats) -> NDArray[np.bool_]:
    """Points that had a place and have none after (an empty point is NaN before and after)."""
    return _placed(before) & ~_placed(after)


def _placed(points: Floats) -> NDArray[np.bool_]:
    return np.isfinite(points[:, 0]) & np.isfinite(points[:, 1])


@lru_cache(maxsize=256)
def plan(source: str, target: str, *, allow_ballpark: bool = False) -> Transform:
    """The way from one CRS to another; cached, so ask as often as you like.

    CGCS2000 and WGS 84 are taken as one datum, with a note: both follow the ITRF, to about a
    metre. Any other pair between which PROJ knows no transformation (Beijing 1954, Xian 1980
    to anything else) is refused, because PROJ would silently leave the coordinates as they
    are ("ballpark"), tens to hundreds of metres off.

    Raises:
        UsageError: one of the names is unknown.
        SourceError: no transformation is known and ``allow_ballpark`` is not given.
    """
    start, end = canonical(source), canonical(target)
    if start == end:
        return Transform(start, end, None, ())
    notes: list[str] = []
    steps = [*_out_of_offset(start, notes)]
    steps += _between(start, end, allow_ballpark, notes)
    steps += _into_offset(end, notes)
    return Transform(start, end, " ".join(dict.fromkeys(notes)) or None, tuple(steps), _EQUAL in notes)


def _out_of_offset(name: str, notes: list[str]) -> list[Step]:
    steps = {BD09: [offsets.bd09_to_gcj02, offsets.gcj02_to_wgs84], GCJ02: [offsets.gcj02_to_wgs84]}
    return [_level(step) for step in _noted(steps.get(name, []), name, notes)]


def _into_offset(name: str, notes: list[str]) -> list[Step]:
    steps = {BD09: [offsets.wgs84_to_gcj02, offsets.gcj02_to_bd09], GCJ02: [offsets.wgs84_to_gcj02]}
    return [_level(step) for step in _noted(steps.get(name, []), name, notes)]


def _noted(steps: list[Any], name: str, notes: list[str]) -> list[Any]:
    if steps:
        notes.append(f"{name} is converted by the public formula, which meets the official one to about a metre.")
    return steps


def _level(move: Callable[[Floats, Floats], tuple[Floats, Floats]]) -> Step:
    def step(x: Floats, y: Floats, z: Floats | None) -> tuple[Floats, Floats, Floats | None]:
        there_x, there_y = move(x, y)
        return there_x, there_y, z

    return step


def _between(source: str, target: str, allow_ballpark: bool, notes: list[str]) -> list[Step]:
    start, end = pyproj_crs(source), pyproj_crs(target)
    if start.equals(end, ignore_axis_order=True):
        return []
    datums = (_datum(start), _datum(end))
    secret = not (start.is_bound or end.is_bound) and datums[0] != datums[1] and _UNPUBLISHED & set(datums)
    exact = None if secret else _transformer(start, end, allow_ballpark=False)
    if exact is not None:
        remark = _accuracy(start, end)
        if remark:
            notes.append(remark)
        return [_projected(exact)]
    if datums in ((_CGCS2000, _WGS84), (_WGS84, _CGCS2000)):
        notes.append(_EQUAL)
        return [_projected(_transformer(start, end, allow_ballpark=True))]
    if _CGCS2000 in datums and not secret:
        # Through WGS 84, to which PROJ knows the way from far more datums.
        far = end if datums[0] == _CGCS2000 else start
        if _transformer(far, pyproj_crs(WGS84), allow_ballpark=False) is not None:
            return [*_between(source, WGS84, False, notes), *_between(WGS84, target, False, notes)]
    if not allow_ballpark:
        raise SourceError(
            f"No transformation is known from {_title(source)} to {_title(target)}: their datums differ and the "
            "shift between them is not published, so the result could be off by a hundred metres.",
            hint="Give the source CRS as a PROJ string with +towgs84 and the surveying authority's seven "
            "parameters, or deliver the data in a CRS of a known datum.",
        )
    notes.append(
        f"No transformation is known between the datums of {_title(source)} and {_title(target)}: "
        "coordinates were left unshifted and can be off by a hundred metres and more."
    )
    return [_projected(_transformer(start, end, allow_ballpark=True))]


def _transformer(start: pyproj.CRS, end: pyproj.CRS, *, allow_ballpark: bool) -> pyproj.Transformer | None:
    try:
        return pyproj.Transformer.from_crs(start, end, always_xy=True, allow_ballpark=allow_ballpark)
    except ProjError:
        return None


def _projected(transformer: pyproj.Transformer | None) -> Step:
    if transformer is None:
        raise SourceError("PROJ finds no way between these coordinate reference systems.")

    def step(x: Floats, y: Floats, z: Floats | None) -> tuple[Floats, Floats, Floats | None]:
        if z is None:
            there_x, there_y = transformer.transform(x, y)
            return there_x, there_y, None
        # PROJ gives a point without a height no place at all.
        height = np.where(np.isnan(z), 0.0, z)
        there_x, there_y, there_z = transformer.transform(x, y, height)
        return there_x, there_y, np.where(np.isnan(z), np.nan, there_z)

    return step


def _datum(crs: pyproj.CRS) -> str | None:
    geodetic = crs.geodetic_crs
    name = geodetic.datum.name if geodetic is not None and geodetic.datum is not None else None
    return name.removesuffix(" ensemble") if name else None


def _accuracy(start: pyproj.CRS, end: pyproj.CRS) -> str | None:
    if _datum(start) == _datum(end):
        return None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # the missing grid is told in the note
        group = pyproj.transformer.TransformerGroup(start, end, always_xy=True, allow_ballpark=False)
    metres = sorted(max(1, round(way.accuracy)) for way in group.transformers if way.accuracy > 0)
    if not metres:
        return None
    finer = "" if group.best_available else ", since the grid for a better one is not installed"
    span = f"{metres[0]}" if metres[0] == metres[-1] else f"{metres[0]}-{metres[-1]}"
    return f"The datum shift is good to {span} m{finer}."


# ---- extents --------------------------------------------------------------------------


def bbox_crs84(bbox: BBox | None, crs: str) -> BBox | None:
    """A bounding box as longitude and latitude, or None where it has no place on the earth.

    The edges are walked, not only the corners, so that the box holds every curved edge.
    """
    if bbox is None or not np.isfinite(bbox).all():
        return None
    x, y = _edges(bbox)
    way = plan(crs, WGS84, allow_ballpark=True)
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


# ---- what looks wrong -----------------------------------------------------------------


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
    title = _title(canonical(crs))
    zoned = _other_zoning(bbox, crs)
    if zoned:
        how = "carry" if zoned[1] else "do not carry"
        return [Hint("crs.zone_prefix", f"The eastings {how} a zone number, unlike {title}; {zoned[0]} would fit.")]
    if _inside_area(swapped, crs):
        return [Hint("crs.swapped_axes", f"Coordinates lie outside the area of {title} as x, y but inside it as y, x.")]
    degrees = _like_degrees(bbox)
    if is_geographic(crs) and not degrees and not _like_degrees(swapped):
        return [Hint("crs.not_degrees", f"{title} is in degrees, but the coordinates are not. {_guess(bbox)}".strip())]
    if not is_geographic(crs) and degrees:
        return [
            Hint(
                "crs.degrees",
                f"{title} is projected ({_unit(crs)}), but the coordinates look like longitude and latitude.",
            )
        ]
    return [Hint("crs.outside_area", f"Coordinates lie outside the area of use of {title}.{_area_name(crs)}")]


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
    return f" That is: {_short(area.name, 80)}" if area is not None else ""
