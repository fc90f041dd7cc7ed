"""The offset datums of Chinese web maps: GCJ-02 and BD-09, to and from WGS 84.

The official algorithm is not published. These are the widely used public formulas (the
``coordTransform`` family; constants of the Krasovsky 1940 ellipsoid), so a result agrees
with the official one to about a metre, while the inverses here agree with the forward
formulas to well under a millimetre. Longitudes and latitudes are degrees, as numbers or
numpy arrays of any shape; outside :data:`BOX` nothing is shifted, as in every
implementation of the formulas (the box takes in some neighbouring countries).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

Degrees = NDArray[np.float64]

#: Longitudes and latitudes within which the formulas shift: min lon, min lat, max lon, max lat.
BOX = (72.004, 0.8293, 137.8347, 55.8271)

_A = 6378245.0
_EE = 0.00669342162296594323
_X_PI = np.pi * 3000.0 / 180.0
#: Fixed-point steps of the inverses. The error shrinks about 150-fold a step: 5 m, 3 cm, 0.2 mm, 1 µm.
_STEPS = 4


def wgs84_to_gcj02(lon: ArrayLike, lat: ArrayLike) -> tuple[Degrees, Degrees]:
    """WGS 84 to GCJ-02: a shift of about 20 to 700 m."""
    lon, lat = _degrees(lon, lat)
    inside = _inside(lon, lat)
    d_lon, d_lat = _shift(lon, lat)
    return np.where(inside, lon + d_lon, lon), np.where(inside, lat + d_lat, lat)


def gcj02_to_wgs84(lon: ArrayLike, lat: ArrayLike) -> tuple[Degrees, Degrees]:
    """GCJ-02 to WGS 84, the inverse of :func:`wgs84_to_gcj02` to under 1 mm."""
    lon, lat = _degrees(lon, lat)
    inside = _inside(lon, lat)
    w_lon, w_lat = lon, lat
    for _ in range(_STEPS):
        d_lon, d_lat = _shift(w_lon, w_lat)
        w_lon, w_lat = lon - d_lon, lat - d_lat
    return np.where(inside, w_lon, lon), np.where(inside, w_lat, lat)


def gcj02_to_bd09(lon: ArrayLike, lat: ArrayLike) -> tuple[Degrees, Degrees]:
    """GCJ-02 to BD-09: a further shift of about 0.6 to 1.2 km."""
    lon, lat = _degrees(lon, lat)
    inside = _inside(lon, lat)
    b_lon, b_lat = _baidu(lon, lat)
    return np.where(inside, b_lon, lon), np.where(inside, b_lat, lat)


def bd09_to_gcj02(lon: ArrayLike, lat: ArrayLike) -> tuple[Degrees, Degrees]:
    """BD-09 to GCJ-02, the inverse of :func:`gcj02_to_bd09` to under 1 mm."""
    lon, lat = _degrees(lon, lat)
    inside = _inside(lon, lat)
    g_lon, g_lat = lon - 0.0065, lat - 0.006
    for _ in range(_STEPS):
        b_lon, b_lat = _baidu(g_lon, g_lat)
        g_lon, g_lat = g_lon - (b_lon - lon), g_lat - (b_lat - lat)
    return np.where(inside, g_lon, lon), np.where(inside, g_lat, lat)


def _degrees(lon: ArrayLike, lat: ArrayLike) -> tuple[Degrees, Degrees]:
    return np.asarray(lon, dtype=np.float64), np.asarray(lat, dtype=np.float64)


def _inside(lon: Degrees, lat: Degrees) -> NDArray[np.bool_]:
    west, south, east, north = BOX
    return (lon >= west) & (lon <= east) & (lat >= south) & (lat <= north)


def _shift(lon: Degrees, lat: Degrees) -> tuple[Degrees, Degrees]:
    """The GCJ-02 shift at a WGS 84 position, in degrees."""
    x, y = lon - 105.0, lat - 35.0
    root = np.sqrt(np.abs(x))
    ripple = (20.0 * np.sin(6.0 * x * np.pi) + 20.0 * np.sin(2.0 * x * np.pi)) * 2.0 / 3.0
    north = -100.0 + 2.0 * x + 3.0 * y + 0.2 * y * y + 0.1 * x * y + 0.2 * root + ripple
    north = north + (20.0 * np.sin(y * np.pi) + 40.0 * np.sin(y / 3.0 * np.pi)) * 2.0 / 3.0
    north = north + (160.0 * np.sin(y / 12.0 * np.pi) + 320.0 * np.sin(y * np.pi / 30.0)) * 2.0 / 3.0
    east = 300.0 + x + 2.0 * y + 0.1 * x * x + 0.1 * x * y + 0.1 * root + ripple
    east = east + (20.0 * np.sin(x * np.pi) + 40.0 * np.sin(x / 3.0 * np.pi)) * 2.0 / 3.0
    east = east + (150.0 * np.sin(x / 12.0 * np.pi) + 300.0 * np.sin(x / 30.0 * np.pi)) * 2.0 / 3.0
    phi = np.radians(lat)
    magic = 1.0 - _EE * np.sin(phi) ** 2
    d_lat = north * 180.0 / (_A * (1.0 - _EE) / (magic * np.sqrt(magic)) * np.pi)
    d_lon = east * 180.0 / (_A / np.sqrt(magic) * np.cos(phi) * np.pi)
    return d_lon, d_lat


def _baidu(lon: Degrees, lat: Degrees) -> tuple[Degrees, Degrees]:
    radius = np.sqrt(lon * lon + lat * lat) + 0.00002 * np.sin(lat * _X_PI)
    angle = np.arctan2(lat, lon) + 0.000003 * np.cos(lon * _X_PI)
    return radius * np.cos(angle) + 0.0065, radius * np.sin(angle) + 0.006
