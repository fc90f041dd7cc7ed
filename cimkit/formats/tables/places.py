"""Columns of a table that say where its records are: longitude and latitude, WKT, WKB as hexadecimal text."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

from cimkit.model import Hint

#: Names under which geometry is written as text (WKT), and as hexadecimal WKB or EWKB.
WKT_NAMES = ("wkt", "geom", "geometry", "the_geom", "wkt_geom", "geometry_2", "geom_wkt", "geometry_wkt")
WKB_NAMES = ("wkb", "geom", "geometry", "the_geom", "wkb_geometry", "geometry_2", "geom_wkb", "geometry_wkb", "ewkb")
#: Names that say degrees of longitude and latitude, then names that only say x and y.
DEGREE_NAMES = (
    ("lon", "lat"), ("lng", "lat"), ("long", "lat"), ("longitude", "latitude"), ("经度", "纬度"), ("經度", "緯度"),
    ("lon", "latitude"), ("x_lon", "y_lat"), ("stop_lon", "stop_lat"),
)  # fmt: skip
PLANE_NAMES = (("x", "y"), ("x坐标", "y坐标"), ("coord_x", "coord_y"), ("x_coord", "y_coord"), ("easting", "northing"))

_WKT = re.compile(
    r"\s*(?:SRID=\d+;)?\s*(?:MULTI)?(?:POINT|LINESTRING|POLYGON|GEOMETRYCOLLECTION|CURVE|SURFACE)\s*(?:Z|M|ZM)?"
    r"\s*(?:\(|EMPTY)",
    re.IGNORECASE,
)
_HEX_WKB = re.compile(r"(?:00|01)(?:[0-9A-Fa-f]{2}){8,}")


def folded(name: str) -> str:
    """A name without regard to case, width of characters, spaces and dashes."""
    return re.sub(r"[\s_-]+", "_", unicodedata.normalize("NFKC", name).strip().casefold())


def is_hex_wkb(cell: str) -> bool:
    """Whether a text may be WKB in hexadecimal digits."""
    return _HEX_WKB.fullmatch(cell.strip()) is not None


def hints(names: Sequence[str], sample: Sequence[Sequence[str]]) -> list[Hint]:
    """That there are such columns, judged by the first records, and how to use them."""
    by_name = {folded(name): place for place, name in reversed(list(enumerate(names)))}

    def cells(place: int) -> list[str]:
        return [row[place] for row in sample if place < len(row) and row[place].strip()]

    for name in dict.fromkeys((*WKB_NAMES, *WKT_NAMES)):
        if name not in by_name:
            continue
        found = cells(by_name[name])
        kind = "WKB" if all(map(is_hex_wkb, found)) else "WKT" if all(map(_WKT.match, found)) else ""
        if found and kind:
            use = "convert and check use it; say its CRS with --from-crs"
            return [Hint("table.geometry", f"'{names[by_name[name]]}' holds geometry as {kind}: {use}.")]
    for pairs, degrees in ((DEGREE_NAMES, True), (PLANE_NAMES, False)):
        for x, y in pairs:
            if x not in by_name or y not in by_name:
                continue
            where = f"'{names[by_name[x]]}' and '{names[by_name[y]]}'"
            if degrees and _are_degrees(cells(by_name[x]), 180) and _are_degrees(cells(by_name[y]), 90):
                message = (
                    f"{where} hold degrees: convert and check use them as points, in EPSG:4326 without --from-crs."
                )
                return [Hint("table.geometry", message)]
            message = f"{where} may be coordinates: convert and check use them as points once --from-crs says the CRS."
            return [Hint("table.geometry", message)]
    return []


def _are_degrees(cells: Sequence[str], most: float) -> bool:
    try:
        return bool(cells) and all(abs(float(cell)) <= most for cell in cells)
    except ValueError:
        return False
