"""The names of coordinate reference systems, and what follows from a name."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any

import pyproj
from pyproj.exceptions import CRSError

from cimkit.errors import UsageError

WGS84 = "EPSG:4326"
GCJ02 = "GCJ-02"
BD09 = "BD-09"

_MEAN_RADIUS = 6371008.8  # metres, IUGG


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
            f"There is no coordinate reference system '{short(named)}'.",
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


def horizontal(name: str) -> str:
    """The CRS of x and y alone: the first part of a compound one, of any other the name itself."""
    crs = pyproj_crs(name)
    return _name(crs.sub_crs_list[0]) if crs.is_compound else canonical(name)


def metres_per_unit(name: str) -> float:
    """Metres in one unit of x; for a geographic CRS the length of one degree along a meridian."""
    axis = pyproj_crs(name).axis_info[0]
    factor = float(axis.unit_conversion_factor)
    return factor * _MEAN_RADIUS if is_geographic(name) else factor


def _pseudo(text: str) -> str | None:
    plain = re.sub(r"[^a-z0-9]", "", text.lower()) if len(text) <= 12 else ""
    return {"gcj02": GCJ02, "gcj2": GCJ02, "bd09": BD09, "bd09ll": BD09, "bd9": BD09}.get(plain)


def _name(crs: pyproj.CRS) -> str:
    plain = crs.name.removeprefix("GCS_")  # so in ESRI's WKT
    if plain in (GCJ02, BD09):
        return plain
    if crs.is_bound:
        return _wkt(crs)
    code = crs.to_epsg()
    if code:
        return f"EPSG:{code}"
    if crs.is_compound:
        parts = [part.to_epsg() for part in crs.sub_crs_list]
        if all(parts):
            return "EPSG:" + "+".join(str(part) for part in parts)
    authority = crs.to_authority()
    if authority == ("OGC", "CRS84"):
        return WGS84
    return ":".join(authority) if authority else _wkt(crs)


def _wkt(crs: pyproj.CRS) -> str:
    """WKT that reads back to itself: the first writing still bears marks of where the CRS came from."""
    return str(pyproj.CRS.from_wkt(crs.to_wkt()).to_wkt())


def short(text: str, width: int = 60) -> str:
    """A text on one line, cut where it is too long for a message."""
    line = " ".join(text.split())
    return line if len(line) <= width else line[: width - 1] + "…"


def title(name: str) -> str:
    """A name for people: the code, or the title inside a WKT."""
    return name if len(name) <= 24 else f"'{pyproj_crs(name).name}'"
