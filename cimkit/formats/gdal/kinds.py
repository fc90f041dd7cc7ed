"""Kinds of geometry that GDAL and its Arrow stream know and pyogrio has no name for.

pyogrio 0.13 refuses a layer whose declared kind is not in its table of names: polyhedral
surfaces, TINs, curves, and layers of any kind with heights ("3D Unknown", which ogr2ogr and
QGIS write). The records themselves it would hand out whole, as WKB. So the table is filled up.
"""

from __future__ import annotations

from functools import cache

#: ISO kind numbers (OGC 06-103r4, table 7) with GDAL's names.
_NAMES = {
    1: "Point", 2: "LineString", 3: "Polygon", 4: "MultiPoint", 5: "MultiLineString", 6: "MultiPolygon",
    7: "GeometryCollection", 8: "CircularString", 9: "CompoundCurve", 10: "CurvePolygon", 11: "MultiCurve",
    12: "MultiSurface", 13: "Curve", 14: "Surface", 15: "PolyhedralSurface", 16: "TIN", 17: "Triangle",
}  # fmt: skip
#: GDAL has a bit of its own for the Z of the kinds before the curves, "Unknown" among them (ogr_core.h).
_OLD_Z = 0x80000000
_UNNAMED = {0: "Unknown", **{code: name for code, name in _NAMES.items() if code > 7}}


@cache
def taught() -> None:
    """Fill up pyogrio's table of kinds, once. Names it has itself stay its own."""
    from pyogrio import _geometry

    for code, name in _UNNAMED.items():
        z_code = code + 1000 if code else _OLD_Z
        for there, suffix in ((code, ""), (z_code, " Z"), (code + 2000, " M"), (code + 3000, " ZM")):
            _geometry.GEOMETRY_TYPES.setdefault(there, name + suffix)
            _geometry.GEOMETRY_TYPE_CODES.setdefault(name + suffix, there)
    # GDAL hands the bit out as a negative number where its enumeration is signed.
    _geometry.GEOMETRY_TYPES.setdefault(-_OLD_Z, "Unknown Z")
    for code, name in _NAMES.items():
        if code <= 7:
            _geometry.GEOMETRY_TYPE_CODES.setdefault(f"{name} M", code + 2000)
            _geometry.GEOMETRY_TYPE_CODES.setdefault(f"{name} ZM", code + 3000)


def name(kind: int, has_z: bool, has_m: bool) -> str:
    """What a layer of one kind is declared as; 0 for several kinds."""
    return _NAMES.get(kind, "Unknown") + (" ZM" if has_z and has_m else " Z" if has_z else " M" if has_m else "")
