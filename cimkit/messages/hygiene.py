"""What findings say about files, encodings and coordinate reference systems, in English and Chinese."""

from __future__ import annotations

from collections.abc import Mapping

#: Code -> (English, Chinese).
HYGIENE: Mapping[str, tuple[str, str]] = {
    # suppressions
    "suppression.expired": (
        "The suppression of {value} ended on {until} ({reason}).",
        "对 {value} 的豁免已于 {until} 到期（{reason}）。",
    ),
    # sources
    "source.unreadable": ("The file cannot be read: {reason}", "文件无法读取：{reason}"),
    # coordinate reference systems
    "crs.missing": (
        "The layer does not say its coordinate reference system.",
        "图层未说明坐标参考系。",
    ),
    "crs.not_allowed": (
        "The layer is in {value}, but must be in one of {expected}.",
        "图层坐标系为 {value}，应为 {expected} 之一。",
    ),
    "crs.swapped_axes": (
        "The coordinates lie outside the area of {value}, but inside it with x and y swapped.",
        "坐标不在 {value} 的适用范围内，x、y 互换后则在其中，坐标轴可能颠倒。",
    ),
    "crs.outside_area": (
        "The coordinates lie outside the area of use of {value}.",
        "坐标不在 {value} 的适用范围内。",
    ),
    "crs.zone_prefix": (
        "The eastings of the layer and {value} disagree on carrying a zone number.",
        "图层的横坐标与 {value} 在是否带带号上不一致。",
    ),
    "crs.not_degrees": (
        "{value} is in degrees, but the coordinates are not.",
        "{value} 以度为单位，坐标却不是度。",
    ),
    "crs.degrees": (
        "{value} is projected, but the coordinates look like longitude and latitude.",
        "{value} 为投影坐标系，坐标却像经纬度。",
    ),
    "crs.gcj02_suspected": (
        "The coordinates are declared as {value}, but look like GCJ-02.",
        "坐标声明为 {value}，但疑似 GCJ-02（火星坐标）。",
    ),
}
