"""The names under which GML, city models and their like give a CRS, and the order of the axes in their coordinates."""

from __future__ import annotations

import re

import pyproj

from cimkit import crs as crs_names
from cimkit.errors import UsageError
from cimkit.model import BBox, Evidence, Hint

#: EPSG codes wherever a name holds them: "EPSG:7415", "urn:ogc:def:crs:EPSG:6.12:3068",
#: "http://www.opengis.net/def/crs/EPSG/0/6697", "…/gml/srs/epsg.xml#4326".
_EPSG = re.compile(r"epsg(?:\.xml#|[:/]+(?:[\d.]+[:/]|[:/])?)(\d{4,6})(?![\d.])", re.IGNORECASE)
#: The same of any authority: URNs with and without a version, OGC's addresses, "IGNF:LAMB93".
_AUTHORITY = re.compile(
    r"(?:urn:(?:x-)?ogc:def:crs:|https?://www\.opengis\.net/def/crs/)?([\w-]+)[:/](?:[\d.]*[:/])?([\w.-]+)",
    re.IGNORECASE,
)
#: Forms that mean the axes in the authority's order (OGC 07-092r3, OGC 09-048r5).
_AS_DEFINED = re.compile(r"urn:(?:x-)?ogc:def:crs[:,]|https?://www\.opengis\.net/def/crs/", re.IGNORECASE)
#: Names of the German surveying authorities (AdV, GeoInfoDok): ETRS89_UTM32, DE_DHDN_3GK2 …, then a height system.
_ADV_UTM = re.compile(r"ETRS89_UTM(3[1-3])", re.IGNORECASE)
_ADV_GK = re.compile(r"DHDN_3GK([2-5])", re.IGNORECASE)
_ADV_HEIGHTS = {"DHHN92_NH": 5783, "DHHN2016_NH": 7837, "DHHN12_NOH": 7699}


UNDECLARED = Evidence(None, "not declared", 1.0)


def named_crs(name: str) -> str | None:
    """The canonical name of the CRS that an srsName or a referenceSystem gives; None where it is unknown."""
    codes = _EPSG.findall(name) or _adv(name)
    other = _AUTHORITY.fullmatch(name.strip())
    if codes:
        wanted = "EPSG:" + "+".join(codes)
    elif "CRS84" in name.upper():
        wanted = "EPSG:4326"
    else:
        wanted = f"{other[1]}:{other[2]}".upper() if other else name.strip()
    try:
        return crs_names.canonical(wanted)
    except UsageError:
        return None


def axes_as_defined(name: str) -> bool:
    """Whether the form of a name means the order of axes that the authority gives, be it latitude first."""
    return _AS_DEFINED.match(name.strip()) is not None and "CRS84" not in name.upper()


def _adv(name: str) -> list[str]:
    utm, gk = _ADV_UTM.search(name), _ADV_GK.search(name)
    codes = [f"258{utm[1]}"] if utm else [str(31464 + int(gk[1]))] if gk else []
    heights = [str(code) for height, code in _ADV_HEIGHTS.items() if height in name.upper()]
    return codes + heights[:1] if codes else []


def evidence(name: str | None, where: str) -> Evidence:
    """The CRS that a name gives, and where it stood."""
    if not name:
        return UNDECLARED
    known = named_crs(name)
    if known is None:
        return Evidence(None, f"{where}, but unknown: {name[:60]}", 0.5)
    return Evidence(known, where, 1.0)


def horizontal(crs: str) -> str:
    """The CRS without its heights."""
    found = crs_names.pyproj_crs(crs)
    return crs_names.canonical(found.sub_crs_list[0].to_wkt()) if found.is_compound else crs


def metres_per_z(crs: str | None) -> float:
    """Metres in one unit of z, where the CRS says; else 1."""
    if crs is None:
        return 1.0
    found = crs_names.pyproj_crs(crs)
    axes = found.axis_info
    if len(axes) == 3:
        return float(axes[2].unit_conversion_factor)
    return float(axes[0].unit_conversion_factor) if found.is_projected else 1.0


def latitude_first(crs: str | None, name: str | None, bbox: BBox | None) -> tuple[bool, Hint | None]:
    """Whether coordinates are written y, x, and a hint where that is not what the name of the CRS says.

    Geographic CRSs are in the order of their definition (OGC policy, 2010), except by the short
    name "EPSG:…" of old, which stood for x, y; projected ones are written easting first in
    practice, whatever their definition says. The area of use decides against both.
    """
    if crs is None:
        return False, None
    flat = horizontal(crs)
    short = bool(re.fullmatch(r"\s*EPSG:\d+\s*", name or "", re.IGNORECASE))
    usual = crs_names.is_geographic(flat) and not short and "CRS84" not in (name or "").upper()
    usual = usual and _defined_latitude_first(flat)
    if bbox is None:
        return usual, None
    as_usual = (bbox[1], bbox[0], bbox[3], bbox[2]) if usual else bbox
    found = {hint.code for hint in crs_names.suspicions(as_usual, flat)}
    if "crs.swapped_axes" not in found:
        if short and crs_names.is_geographic(flat) and _fits(bbox):
            message = f"'{name}' does not say the order of the axes; longitude is taken to come first."
            return usual, Hint("crs.axis_order", message)
        return usual, None
    order = "x, y" if usual else "y, x"
    return not usual, Hint(
        "crs.axis_order", f"Coordinates are read as {order}: only so do they lie in the area of {flat}."
    )


def _defined_latitude_first(crs: str) -> bool:
    axes = pyproj.CRS.from_user_input(crs_names.pyproj_crs(crs)).axis_info
    return bool(axes) and axes[0].direction.lower() in ("north", "south")


def _fits(bbox: BBox) -> bool:
    """Whether the numbers could be latitude and longitude in either order."""
    return max(map(abs, bbox)) <= 90
