"""Coordinate reference systems: their names, the way from one to another, and what looks wrong.

A CRS travels as a string: an authority code ("EPSG:4547", "EPSG:4547+5737"), WKT where no
code fits, or one of the pseudo names "GCJ-02" and "BD-09", which are longitude and latitude
on EPSG:4326 in an offset datum (see :mod:`cimkit.offsets`). Coordinates are always x, y
(easting or longitude first) whatever the axis order of the CRS.
"""

from cimkit.crs.extent import bbox_crs84, local_metric, suspicions
from cimkit.crs.names import (
    BD09,
    GCJ02,
    WGS84,
    canonical,
    horizontal,
    is_geographic,
    metres_per_unit,
    projjson,
    pyproj_crs,
    written,
)
from cimkit.crs.transform import Transform, plan

__all__ = [
    "BD09",
    "GCJ02",
    "WGS84",
    "Transform",
    "bbox_crs84",
    "canonical",
    "horizontal",
    "is_geographic",
    "local_metric",
    "metres_per_unit",
    "plan",
    "projjson",
    "pyproj_crs",
    "suspicions",
    "written",
]
