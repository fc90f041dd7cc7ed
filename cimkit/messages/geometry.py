"""What findings say about one record's geometry, in English and Chinese."""

from __future__ import annotations

from collections.abc import Mapping

#: Code -> (English, Chinese).
GEOMETRY: Mapping[str, tuple[str, str]] = {
    # soundness
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
    # why it is not valid: in English as GEOS says it, for people look that up
    "reason.self_intersection": ("Self-intersection", "边界自相交"),
    "reason.ring_self_intersection": ("Ring Self-intersection", "环自相接触"),
    "reason.hole_outside": ("Hole lies outside shell", "内环位于外环之外"),
    "reason.nested_holes": ("Holes are nested", "内环相互嵌套"),
    "reason.nested_shells": ("Nested shells", "外环相互嵌套"),
    "reason.disconnected_interior": ("Interior is disconnected", "内部不连通"),
    "reason.duplicate_rings": ("Duplicate Rings", "环重复"),
    "reason.too_few_points": ("Too few points in geometry component", "组成部分的点数过少"),
    "reason.not_closed": ("Ring is not closed", "环未闭合"),
    "reason.coordinate": ("Invalid Coordinate", "坐标无效"),
    # size and form
    "geometry.small": (
        "The geometry's area is {value} m², smaller than {expected} m².",
        "几何图形面积为 {value} 平方米，小于 {expected} 平方米。",
    ),
    "geometry.short": (
        "The geometry is {value} m long, shorter than {expected} m.",
        "几何图形长度为 {value} 米，小于 {expected} 米。",
    ),
    "geometry.sliver": (
        "The geometry is a sliver: {value} m wide at its widest place, less than {expected} m.",
        "几何图形为狭长碎面：最宽处仅 {value} 米，小于 {expected} 米。",
    ),
    "geometry.spike": (
        "The geometry has a spike {length} m long with an angle of {value}°, sharper than {expected}°.",
        "几何图形存在尖刺：长 {length} 米，夹角 {value}°，小于 {expected}°。",
    ),
    "geometry.ring_direction": (
        "The {ring} runs {runs}; it must run the other way.",
        "{ring}为{runs}方向，应为反方向。",
    ),
    "geometry.repeated_points": (
        "Two vertices in a row are only {value} m apart; {expected} m are the least.",
        "相邻两顶点相距仅 {value} 米，至少应为 {expected} 米。",
    ),
    "geometry.precision": (
        "The coordinates are finer than the declared precision of {step}.",
        "坐标比规定的精度 {step} 更细。",
    ),
    "geometry.coarse": (
        "All coordinates of the layer are multiples of {value}, far coarser than the declared precision of {expected}.",
        "该图层所有坐标均为 {value} 的整数倍，远比规定的精度 {expected} 粗。",
    ),
    # beside other records
    "geometry.duplicate": ("Another record has the same geometry.", "另一记录具有相同的几何图形。"),
    "geometry.outside_territory": (
        "The geometry reaches beyond the territory.",
        "几何图形超出规定的地域范围。",
    ),
    "geometry.measure": (
        "{label} is {value}, but the {measure} of the geometry is {measured}.",
        "{label} 为 {value}，而几何图形的{measure}为 {measured}。",
    ),
    # solids
    "solid.not_closed": (
        "The solid is not closed: {count} of its edges do not join exactly two faces (the one here has {faces}).",
        "实体未闭合：有 {count} 条边未恰好被两个面共用（此处的边被 {faces} 个面使用）。",
    ),
    "solid.orientation": ("The solid does not look outwards: {what}.", "实体未朝外：{what}。"),
    "solid.flipped": (
        "faces turn different ways, and {count} edges are run twice in one direction",
        "各面朝向不一致，有 {count} 条边被同向使用两次",
    ),
    "solid.inside_out": ("all its faces look inwards", "所有面均朝内"),
    "solid.not_planar": (
        "A face of the solid is not plane: a corner lies {value} m off, more than {expected} m.",
        "实体的面不平：有一角点偏离 {value} 米，超过 {expected} 米。",
    ),
    # words
    "word.outer_ring": ("outer ring", "外环"),
    "word.hole": ("ring of a hole", "内环"),
    "word.clockwise": ("clockwise", "顺时针"),
    "word.counter_clockwise": ("counter-clockwise", "逆时针"),
    "word.area": ("area", "面积"),
    "word.length": ("length", "长度"),
    "word.perimeter": ("perimeter", "周长"),
    "word.longitude": ("longitude", "经度"),
    "word.latitude": ("latitude", "纬度"),
    # why a rule was not decided
    "skipped.unjudged": (
        "{count} geometries cannot be judged by it (curves, surfaces in space, collections)",
        "有 {count} 个几何图形无法据此判定（曲线、空间曲面或几何集合）",
    ),
    "skipped.no_solid": ("no solids were delivered", "未交付实体"),
    "skipped.no_territory": (
        "the layer '{layer}' has no polygons that it can be held against",
        "图层“{layer}”没有可用的多边形",
    ),
    "skipped.systems": (
        "files in {count} coordinate reference systems; only those in the same one are compared with each other",
        "文件采用 {count} 种坐标参考系，仅比较坐标参考系相同的文件",
    ),
    "skipped.no_place": (
        "the coordinates have no known place on the earth",
        "坐标在地球上的位置未知",
    ),
    "skipped.unit": (
        "the unit '{unit}' of '{field}' is no unit of {measure}",
        "“{field}”的单位“{unit}”不是{measure}的单位",
    ),
    "skipped.no_number": ("'{field}' was not delivered as numbers", "“{field}”不是数值"),
}
