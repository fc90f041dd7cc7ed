"""What findings say about how records lie to each other, in English and Chinese."""

from __future__ import annotations

from collections.abc import Mapping

#: Code -> (English, Chinese).
TOPOLOGY: Mapping[str, tuple[str, str]] = {
    "topology.overlap": ("It overlaps {other} by {value} m².", "与{other}重叠 {value} 平方米。"),
    "topology.gap": ("A gap of {value} m² lies {where} {other}.", "{where}{other}，有 {value} 平方米的空隙。"),
    "topology.outside": (
        "Only {percent} % of it lies inside {other}; it must be at least {expected} %.",
        "仅有 {percent}% 位于{other}之内，至少应为 {expected}%。",
    ),
    "topology.count": (
        "Records of {layer} inside it: {value}; there must be {expected}.",
        "其内有 {value} 个{layer}，应为{expected}。",
    ),
    "topology.not_touching": (
        "It touches no {layer}; the nearest is {other}, {value} m away.",
        "未与任何{layer}相接；最近的是{other}，相距 {value} 米。",
    ),
    "topology.line_end": (
        "The line ends where there is no {layer}; the nearest is {other}, {value} m away.",
        "线的端点处没有{layer}；最近的是{other}，相距 {value} 米。",
    ),
    "topology.undershoot": (
        "The line ends {value} m before {other}, without touching it.",
        "线的端点距{other} {value} 米，未与其相接。",
    ),
    "topology.overshoot": (
        "The line runs {value} m beyond {other} and ends there.",
        "线越过{other} {value} 米后悬空。",
    ),
    "topology.dangle": ("The line ends freely: nothing meets it there.", "线的端点悬空，没有与其他要素相接。"),
    "topology.pseudo_node": (
        "It meets only {other} here: the two are one line, cut where nothing begins.",
        "此处仅与{other}相接，没有其他线在此起止，两者应为一条线。",
    ),
    "topology.too_near": (
        "It is {value} m from {other}; at least {expected} m are asked for.",
        "与{other}相距 {value} 米，应不小于 {expected} 米。",
    ),
    "network.disconnected": (
        "It is not connected with the largest part of the network, but in a piece of {value} records.",
        "未与网络主体连通，所在部分共 {value} 条记录。",
    ),
    "network.uphill": (
        "The water would have to rise by {value} m: {where}{other}.",
        "逆坡 {value} 米：{where}{other}。",
    ),
    # words
    "word.record_named": ("'{name}'", "“{name}”"),
    "word.record_at": ("row {name}", "第 {name} 行"),
    "word.of_layer": ("{layer} {record}", "{layer}{record}"),
    "word.in_file": ("{record} in {file}", "{file} 中的{record}"),
    "word.along": ("the line ends higher than it starts", "终点高于起点"),
    "word.from": ("it starts above the end of ", "起点高于流入管段的终点："),
    "word.beside_it": ("between it and", "其与下者之间："),
    "word.beside_it_in": ("beside it, in", "其旁，位于"),
    "word.itself": ("itself", "自身"),
    "word.no_other": ("any {layer}", "任何{layer}"),
    "word.count_at_least": ("at least {n}", "至少 {n} 个"),
    "word.count_at_most": ("at most {n}", "至多 {n} 个"),
    "word.between": ("{least} to {most}", "{least} 至 {most} 个"),
    # why a rule was not decided
    "skipped.no_metres": (
        "distances and areas have no unit without a coordinate reference system",
        "没有坐标参考系，距离和面积没有单位",
    ),
    "skipped.no_way": (
        "the deliveries are in reference systems that cannot be brought together: {reason}",
        "各交付数据的坐标参考系无法统一：{reason}",
    ),
    "skipped.lost_pairs": (
        "{n} pairs of records could not be compared",
        "有 {n} 对记录无法比较",
    ),
}
