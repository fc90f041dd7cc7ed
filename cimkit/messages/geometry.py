"""What findings say about one record's geometry, in English and Chinese."""

from __future__ import annotations

from collections.abc import Mapping

#: Code -> (English, Chinese).
GEOMETRY: Mapping[str, tuple[str, str]] = {
    # geometry
    "geometry.missing": ("The record has no geometry.", "该记录没有几何图形。"),
    "geometry.empty": ("The geometry is empty.", "几何图形为空。"),
    "geometry.kind": (
        "The geometry is a {value}, but must be a {expected}.",
        "几何类型为 {value}，应为 {expected}。",
    ),
    "geometry.coordinates": (
        "The geometry has coordinates that are no finite numbers.",
        "几何图形的坐标含有非有限数值。",
    ),
    "geometry.invalid": ("The geometry is not valid: {reason}.", "几何图形无效：{reason}。"),
    "geometry.small": (
        "The geometry's area is {value} m², smaller than {expected} m².",
        "几何图形面积为 {value} 平方米，小于 {expected} 平方米。",
    ),
}
