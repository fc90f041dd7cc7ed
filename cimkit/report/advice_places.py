"""How to mend what is wrong with texts, coordinates, geometry and topology, in English and Chinese."""

from __future__ import annotations

from collections.abc import Mapping

_SOLID = (
    "Repair the solid in the modelling program, or model it again from its faces.",
    "请在建模软件中修复该实体，或由各面重新建模。",
)
_SMALL = (
    "Take the object out if it is a leftover of editing, merge it with its neighbour, or correct its shape.",
    "若为编辑残留，请删除，或与相邻对象合并，或改正其形状。",
)

#: Finding code -> (English, Chinese).
PLACES: Mapping[str, tuple[str, str]] = {
    # reference systems
    "crs.missing": (
        "Send the file with its coordinate system (for a shapefile the .prj), or name it with --from-crs.",
        "请随文件提交坐标系信息（Shapefile 为 .prj），或用 --from-crs 指明。",
    ),
    "crs.not_allowed": (
        "Convert the data with 'cimkit convert SOURCE DEST --to-crs' to a coordinate system that the rule names.",
        "请用 cimkit convert 源文件 目标文件 --to-crs 将数据转换到规则允许的坐标系。",
    ),
    "crs.swapped_axes": (
        "Swap x and y, or export again with longitude (east) before latitude (north).",
        "请互换 x、y，或按先经度（东）后纬度（北）的顺序重新导出。",
    ),
    "crs.outside_area": (
        "The declared coordinate system is probably not the one of the coordinates. Ask those who made the data, and "
        "name the right one with --from-crs.",
        "声明的坐标系很可能不是坐标所属的坐标系。请向数据生产单位核实，并用 --from-crs 指明。",
    ),
    "crs.gcj02_suspected": (
        "Ask where the coordinates come from. If they are GCJ-02, say so with --from-crs GCJ-02: they are converted.",
        "请核实坐标来源。若为 GCJ-02，请用 --from-crs GCJ-02 指明，系统将予以转换。",
    ),
    "crs.zone_prefix": (
        "Use the variant of the coordinate system with (or without) a zone number, as the eastings have it, or take "
        "the zone number out of the eastings.",
        "请按横坐标的实际情况选用带带号（或不带带号）的坐标系，或去掉横坐标中的带号。",
    ),
    "crs.not_degrees": (
        "The coordinates are metres. Name the projected system that they are in, with --from-crs.",
        "坐标以米为单位，请用 --from-crs 指明其投影坐标系。",
    ),
    "crs.degrees": (
        "The coordinates are longitude and latitude. Name the geographic system that they are in, with --from-crs.",
        "坐标为经纬度，请用 --from-crs 指明其地理坐标系。",
    ),
    # hygiene
    "name.cut": (
        "Names in a shapefile have at most ten characters. Deliver a GeoPackage, or use the standard's short names.",
        "Shapefile 的字段名最长十个字符。请改用 GeoPackage，或使用标准规定的短名称。",
    ),
    "name.duplicate": (
        "Keep one of the columns, and rename the other if it means something else.",
        "请保留其中一列；若另一列含义不同，请改名。",
    ),
    "table.units_row": (
        "Take the row of units out of the table, and write the units into the header or the description.",
        "请从表中删除单位行，将单位写入表头或说明。",
    ),
    "text.mojibake": (
        "The text was once read in a wrong encoding. Export again as UTF-8, or name the right one with --encoding.",
        "文本曾以错误的编码读写。请以 UTF-8 重新导出，或用 --encoding 指明正确的编码。",
    ),
    "text.cut": (
        "Export again from the source in a format without this limit, such as GeoPackage.",
        "请从原始数据以没有此长度限制的格式（如 GeoPackage）重新导出。",
    ),
    "text.full_width": (
        "Write digits and letters in half width: 123, not １２３.",
        "请使用半角数字和字母：123，而不是 １２３。",
    ),
    "text.blanks": ("Take out the blanks before and after the text.", "请去掉文本首尾的空格。"),
    "text.placeholder": (
        "Leave a value empty that is not known, instead of '-', '999' or '无'.",
        "未知的值请留空，不要填写“-”“999”“无”等占位符。",
    ),
    # one record's geometry
    "geometry.missing": (
        "Draw the geometry, or take the record out if the object no longer exists.",
        "请补绘几何图形；若对象已不存在，请删除该记录。",
    ),
    "geometry.empty": (
        "Draw the geometry again: the record has one without any point.",
        "请重新绘制：该记录的几何图形没有任何点。",
    ),
    "geometry.kind": (
        "Deliver points, lines or areas as the layer asks for. A closed line becomes an area in any GIS.",
        "请按图层要求提交点、线或面。闭合线可在任一 GIS 软件中转换为面。",
    ),
    "geometry.coordinates": (
        "Find the point without a finite number as coordinate, and correct or delete it.",
        "请找出坐标不是有限数值的点，改正或删除。",
    ),
    "geometry.invalid": (
        "Go to the place that is shown, and untangle the outline there. Tools called 'make valid' or 'repair geometry' "
        "do it by themselves, but look at the result.",
        "请到所示位置理顺边界。GIS 软件的“修复几何”工具可自动处理，但须核对结果。",
    ),
    "geometry.small": _SMALL,
    "geometry.short": _SMALL,
    "geometry.sliver": (
        "Merge the sliver with its neighbour, or snap the borders of both to each other.",
        "请将碎面并入相邻面，或将两者的边界捕捉对齐。",
    ),
    "geometry.spike": (
        "Delete the vertex at the tip of the spike.",
        "请删除尖刺顶端的节点。",
    ),
    "geometry.ring_direction": (
        "Turn the ring round; a GIS does it for the whole layer ('force right-hand rule').",
        "请反转环的方向；GIS 软件可对整个图层处理（如“强制右手法则”）。",
    ),
    "geometry.repeated_points": (
        "Remove repeated points; a GIS does it for the whole layer ('remove duplicate vertices').",
        "请删除重复节点；GIS 软件可对整个图层处理（“删除重复节点”）。",
    ),
    "geometry.precision": (
        "Export again with as many decimals as the rule asks for; do not round coarser than was measured.",
        "请按规则要求的小数位数重新导出；坐标不应比实测精度更粗。",
    ),
    "geometry.duplicate": (
        "Keep one of the records. If both are real, such as two floors, tell them apart by their attributes.",
        "请只保留其中一条记录；若二者确为不同对象（如不同楼层），请以属性加以区分。",
    ),
    "geometry.outside_territory": (
        "Move the object to its right place, or take it out if it belongs to another territory.",
        "请将对象改正到正确位置；若属于其他辖区，请移出。",
    ),
    "geometry.measure": (
        "Compute the field again from the geometry, or correct the geometry if the field is right. Look at the unit.",
        "请由几何图形重新计算该字段；若字段正确，则改正图形。并请核对单位。",
    ),
    "solid.not_closed": _SOLID,
    "solid.orientation": (
        "Turn the faces so that they point outwards, as seen from outside in counter-clockwise order.",
        "请使各面朝外，即从外部看各点按逆时针排列。",
    ),
    "solid.not_planar": (
        "Move the points of the face into one plane, or divide it into triangles.",
        "请将该面各点调整到同一平面，或剖分为三角形。",
    ),
    # records beside each other
    "topology.overlap": (
        "Decide to which of the two the common part belongs, and cut it from the other. If an object was delivered "
        "twice, delete one.",
        "请确定重叠部分归属哪一方，并从另一方剪去；若为重复交付，请删除其一。",
    ),
    "topology.gap": (
        "Snap the borders on both sides to each other, or add the area that is missing.",
        "请将两侧边界捕捉对齐，或补充缺少的面。",
    ),
    "topology.outside": (
        "Correct the geometry of the one or the other, or the reference that says to which it belongs.",
        "请改正其中一方的图形，或改正所属关系。",
    ),
    "topology.count": (
        "Add the objects that are missing inside, or take out those that are too many.",
        "请在其内补充缺少的对象，或移除多余的对象。",
    ),
    "topology.not_touching": (
        "Snap the object to the one that it must touch.",
        "请将该对象捕捉到应与之相接的对象上。",
    ),
    "topology.line_end": (
        "Snap the end of the line to its node, or add the node.",
        "请将线端点捕捉到节点，或补充节点。",
    ),
    "topology.undershoot": (
        "Lengthen the line to the one that it should meet, and snap it there.",
        "请将线延长并捕捉到应相接的线上。",
    ),
    "topology.overshoot": (
        "Cut the line where it crosses the other one.",
        "请在与另一条线相交处截断。",
    ),
    "topology.dangle": (
        "Join the end to the line that it should meet. A real dead end needs nothing.",
        "请将端点接到应相接的线上；确为断头路的无需处理。",
    ),
    "topology.pseudo_node": (
        "Join the two lines into one, unless their attributes differ.",
        "若属性相同，请将两条线合并为一条。",
    ),
    "topology.too_near": (
        "Check the position and the elevation of both. If they are right, the distance itself is the problem.",
        "请核对两者的位置和高程；若均无误，则间距本身不符合要求。",
    ),
    "network.disconnected": (
        "Find the place where the part should meet the rest, and join the lines there.",
        "请找出该部分应与主网相接之处，并将线连接。",
    ),
    "network.uphill": (
        "Check the elevations of both ends and the direction in which the line was drawn.",
        "请核对两端高程以及线的绘制方向。",
    ),
}
