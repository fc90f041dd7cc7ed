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
    "source.missing": ("The delivery has no file for {label}.", "交付内容缺少{label}的文件。"),
    "source.unexpected": (
        "The standard asks for no file called {value}.",
        "标准未要求名为 {value} 的文件。",
    ),
    "source.incomplete": (
        "Not all of the file could be read as it is meant: {reason}",
        "文件未能按原意完整读取：{reason}",
    ),
    # tables and their columns
    "table.units_row": ("{value}", "表头下方为单位行而非记录，未计入数据。{value}"),
    "name.duplicate": (
        "There is a column {value} beside '{expected}'.",
        "列 {value} 与列“{expected}”重名。",
    ),
    "name.cut": ("The name of the column {value} seems to be cut.", "列名 {value} 似乎被截断。"),
    # texts
    "text.mojibake": (
        "{label} is {value}: the text was read in a wrong encoding.",
        "{label}为 {value}，文本曾以错误的编码读取。",
    ),
    "text.cut": ("{label} ends where its column does: {value}.", "{label}在列宽处中断：{value}。"),
    "text.full_width": (
        "{label} is {value}, with full-width digits or letters.",
        "{label}为 {value}，含全角数字或字母。",
    ),
    "text.blanks": (
        "{label} is {value}, with blanks that are not seen.",
        "{label}为 {value}，含不可见的空白字符。",
    ),
    "text.placeholder": (
        "{label} is {value}, which stands for no value.",
        "{label}为 {value}，是代替空值的占位符。",
    ),
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
        "The coordinates are declared as {value}, but lie about {shift} m off those of {other}, as {datum} does.",
        "坐标声明为 {value}，但与 {other} 相差约 {shift} 米，与 {datum} 的偏移一致。",
    ),
}
