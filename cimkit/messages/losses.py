"""What a conversion loses, in English and Chinese; ``{field}`` is the column as the source calls it."""

from __future__ import annotations

from collections.abc import Mapping

#: Code -> (English, Chinese).
LOSSES: Mapping[str, tuple[str, str]] = {
    # values
    "loss.as_text": ("'{field}': values of type {kind} are written as text.", "“{field}”：{kind} 类型的值写为文本。"),
    "loss.as_hexadecimal": (
        "'{field}': binary values are written as hexadecimal text.",
        "“{field}”：二进制值写为十六进制文本。",
    ),
    "loss.as_double": (
        "'{field}': has more digits than a 64-bit float keeps.",
        "“{field}”：位数超出 64 位浮点数的精度。",
    ),
    "loss.not_finite": (
        "'{field}': NaN and infinity have no place in the format and become null.",
        "“{field}”：该格式不能表示 NaN 和无穷大，写为空值。",
    ),
    "loss.nan": ("'{field}': NaN becomes null.", "“{field}”：NaN 写为空值。"),
    "loss.milliseconds": ("'{field}': times are kept to the millisecond.", "“{field}”：时间只保留到毫秒。"),
    "loss.since_1970": (
        "'{field}': times are kept to the millisecond, those before 1970 to the second.",
        "“{field}”：时间只保留到毫秒，1970 年以前的只保留到秒。",
    ),
    "loss.as_number": ("'{field}': true and false are written as 1 and 0.", "“{field}”：真、假写为 1 和 0。"),
    "loss.null_as_zero": ("'{field}': null becomes 0.", "“{field}”：空值写为 0。"),
    "loss.null_as_false": ("'{field}': null becomes false.", "“{field}”：空值写为假。"),
    "loss.null_as_empty": ("'{field}': null becomes the empty text.", "“{field}”：空值写为空文本。"),
    "loss.as_utc": (
        "'{field}': the format keeps times without a zone; these are in UTC.",
        "“{field}”：该格式的时间不带时区，写为 UTC 时间。",
    ),
    "loss.fifteen_digits": (
        "'{field}': the format keeps 15 digits of a number.",
        "“{field}”：该格式只保留 15 位有效数字。",
    ),
    "loss.early": (
        "'{field}': times of day before 1970 may be read back a second off.",
        "“{field}”：1970 年以前的时刻读回时可能相差一秒。",
    ),
    "loss.not_in_xml": (
        "'{field}': characters that XML has no place for are left out.",
        "“{field}”：XML 不允许的字符被去掉。",
    ),
    "loss.line_breaks": (
        "'{field}': line breaks are written as \\n, since a value takes one line.",
        "“{field}”：换行符写为 \\n，因为该格式的值只能占一行。",
    ),
    "loss.utc_only": (
        "'{field}': the format keeps times in UTC only, so times without a zone are taken as UTC.",
        "“{field}”：该格式只保存 UTC 时间，没有时区的时间按 UTC 处理。",
    ),
    "loss.no_xml": (
        "'{field}': control characters have no place in XML and become U+FFFD.",
        "“{field}”：XML 不允许控制字符，写为 U+FFFD。",
    ),
    "loss.json_text": (
        "'{field}': lists and objects are written as JSON text.",
        "“{field}”：列表和对象写为 JSON 文本。",
    ),
    "loss.decimals": (
        "'{field}': numbers are kept to {decimals} decimals, as wide as the column is.",
        "“{field}”：数值按列宽只保留 {decimals} 位小数。",
    ),
    "loss.too_big": (
        "'{field}': numbers wider than the column become null.",
        "“{field}”：超出列宽的数值写为空值。",
    ),
    "loss.no_such_year": (
        "'{field}': the format has dates of the years 1 to 9999 only; others become null.",
        "“{field}”：该格式只能表示公元 1 至 9999 年的日期，其余写为空值。",
    ),
    "loss.cut": (
        "'{field}': text is cut to {longest} bytes, between characters.",
        "“{field}”：文本截断为 {longest} 字节（不拆开字符）。",
    ),
    "loss.cell_cut": (
        "'{field}': text is cut to {longest} characters, the most a cell holds.",
        "“{field}”：文本截断为单元格所能容纳的 {longest} 个字符。",
    ),
    "loss.long_digits": (
        "'{field}': whole numbers of more than {digits} digits are text, since a spreadsheet keeps no more of them.",
        "“{field}”：超过 {digits} 位的整数写为文本，因为电子表格只保留这么多位。",
    ),
    "loss.before_1900": (
        "'{field}': dates before March 1900 are text, since a spreadsheet has none.",
        "“{field}”：1900 年 3 月以前的日期写为文本，因为电子表格没有这样的日期。",
    ),
    "loss.nul": ("'{field}': text ends at its first NUL.", "“{field}”：文本在第一个 NUL 字符处截断。"),
    "loss.trimmed": (
        "'{field}': spaces at the ends of text are left out.",
        "“{field}”：文本首尾的空格被去掉。",
    ),
    "loss.empty": (
        "'{field}': the empty text and null are the same in the format; both become null.",
        "“{field}”：该格式不区分空字符串与空值，均写为空值。",
    ),
    "loss.unread_type": (
        "'{field}': text that the standard's type does not admit becomes null.",
        "“{field}”：不符合标准所定类型的文本写为空值。",
    ),
    "loss.shortened": (
        "The column '{before}' is called '{after}': the format cuts longer names.",
        "列“{before}”改名为“{after}”：该格式不容许更长的名称。",
    ),
    "loss.renamed": ("The column '{before}' is called '{after}'.", "列“{before}”改名为“{after}”。"),
    "loss.added": (
        "The format needs a column, so there is one called '{field}' that numbers the records.",
        "该格式至少要有一列，因此增加了记录编号列“{field}”。",
    ),
    "loss.no_records": (
        "The format names columns in its records only, and there are no records.",
        "该格式只在记录中写列名，而这里没有记录。",
    ),
    "loss.unread_records": (
        "Records that could not be read are left out.",
        "无法读取的记录被略去。",
    ),
    "loss.left_out": (
        "Records whose geometry is of another kind than {kind} are left out ({others}).",
        "几何类型不是{kind}的记录被略去（{others}）。",
    ),
    "loss.no_geometry_rows": (
        "The format has no place for records without geometry; they are left out.",
        "该格式不能保存没有几何的记录，这些记录被略去。",
    ),
    "loss.reordered": (
        "Records are sorted along a Hilbert curve, so that a map reads few.",
        "记录按希尔伯特曲线排序，使地图只需读取少量数据。",
    ),
    "loss.rearranged": (
        "The format keeps no order of records.",
        "该格式不保留记录的顺序。",
    ),
    # what becomes of geometry
    "loss.damaged": ("Geometries whose bytes are damaged become null.", "字节损坏的几何写为空值。"),
    "loss.no_place": (
        "Geometries that have no place in the target CRS become null.",
        "在目标坐标系中没有位置的几何写为空值。",
    ),
    "loss.open_rings": (
        "Polygons with a ring that does not close or has too few points become null.",
        "环未闭合或点数不足的多边形写为空值。",
    ),
    "loss.long_geometry": (
        "Geometries of more than {longest} characters of WKT have no place in a cell and become null.",
        "WKT 超过 {longest} 个字符的几何无法放入单元格，写为空值。",
    ),
    "loss.no_numbers": (
        "Geometries with coordinates that are infinite or no numbers become null.",
        "坐标为无穷大或非数值的几何写为空值。",
    ),
    "loss.no_column": (
        "The format has no place for geometry: it is left out.",
        "该格式不能保存几何，几何被略去。",
    ),
    "loss.mixed_collection": (
        "Collections of points, lines and areas together have no place in the format and become null.",
        "该格式不能保存点、线、面混合的几何集合，写为空值。",
    ),
    "loss.flat_collection": (
        "Collections of one kind become multi-geometries of that kind.",
        "只含一类几何的集合写为该类的多部件几何。",
    ),
    "loss.curves": (
        "Curves become lines of chords of at most 4 degrees.",
        "曲线写为折线（每段弦不超过 4 度）。",
    ),
    "loss.surfaces": (
        "Polyhedral surfaces and TINs become multipolygons.",
        "多面体表面和 TIN 写为多部件多边形。",
    ),
    "loss.no_z": ("The format has no Z: heights are left out.", "该格式没有 Z 坐标，高程被略去。"),
    "loss.no_m": ("The format has no M: measures are left out.", "该格式没有 M 值，量测值被略去。"),
    "loss.z_added": (
        "Geometries without a height get a Z of 0, since in the format all have one.",
        "该格式要求所有几何都有 Z 坐标，没有高程的几何取 Z=0。",
    ),
    "loss.m_added": (
        "Geometries without a measure get an M of 0, since in the format all have one.",
        "该格式要求所有几何都有 M 值，没有量测值的几何取 M=0。",
    ),
    "loss.promoted": (
        "Single geometries become multi-geometries of one part, since in the format all are of one kind.",
        "该格式要求图层内几何类型一致，单部件几何写为只有一个部件的多部件几何。",
    ),
    "loss.unwrapped": (
        "Multi-geometries of one part come back as single ones.",
        "只有一个部件的多部件几何读回时为单部件几何。",
    ),
    "loss.empty_geometry": (
        "The format does not tell an empty geometry from none; both become null.",
        "该格式不区分空几何与没有几何，均写为空值。",
    ),
    "loss.null_geometry": (
        "The format has no null geometry; it becomes an empty one.",
        "该格式不能表示没有几何，写为空几何。",
    ),
    "loss.rounded": (
        "Coordinates are kept to {decimals} decimals, which is about {size}.",
        "坐标只保留 {decimals} 位小数，约为 {size}。",
    ),
    # what becomes of the coordinate reference system
    "loss.crs_dropped": (
        "{format} cannot say that the coordinates are {crs}.",
        "{format} 不能说明坐标属于 {crs}。",
    ),
    "loss.crs_assumed": (
        "{format} is in {target}; the source declares no CRS, so its coordinates are taken for that.",
        "{format} 采用 {target}；数据源未说明坐标系，其坐标按该坐标系处理。",
    ),
    "loss.crs_relabelled": (
        "{format} is in {target}: coordinates of {crs} are written as they are.",
        "{format} 采用 {target}：{crs} 的坐标原样写入。",
    ),
    "loss.crs_renamed": (
        "{format} has no word of its own for {crs}: read again, it is {said}.",
        "{format} 不能直接表示 {crs}：重新读取时为 {said}。",
    ),
    "loss.crs_reprojected": (
        "{format} is in {target}: coordinates are converted from {crs}.",
        "{format} 采用 {target}：坐标由 {crs} 转换而来。",
    ),
    "crs_note.equal": (
        "CGCS2000 and WGS 84 are taken as equal, which holds to about a metre.",
        "CGCS2000 与 WGS 84 视为相同，误差约一米。",
    ),
    "crs_note.formula": (
        "{crs} is converted by the public formula, which meets the official one to about a metre.",
        "{crs} 按公开公式转换，与官方算法相差约一米。",
    ),
    "crs_note.accuracy": ("The datum shift is good to {metres} m.", "基准转换的精度为 {metres} 米。"),
    "crs_note.accuracy_no_grid": (
        "The datum shift is good to {metres} m, since the grid for a better one is not installed.",
        "基准转换的精度为 {metres} 米（未安装更精确的格网）。",
    ),
    "crs_note.ballpark": (
        "No transformation is known between the datums of {source} and {target}: "
        "coordinates were left unshifted and can be off by a hundred metres and more.",
        "{source} 与 {target} 的基准之间没有已知的转换：坐标未作平移，误差可达百米以上。",
    ),
    # what reading the result again shows
    "loss.verify_rows": (
        "{expected} records were to be written; the file has {found}.",
        "应写入 {expected} 条记录，文件中有 {found} 条。",
    ),
    "loss.verify_column": ("The column '{field}' is not in the file.", "文件中没有列“{field}”。"),
    "loss.verify_value": (
        "'{field}': read again, values differ from what was to be written.",
        "“{field}”：重新读取的值与应写入的值不同。",
    ),
    "loss.verify_geometry": (
        "Geometries, read again, differ from what was to be written.",
        "重新读取的几何与应写入的几何不同。",
    ),
    "word.point": ("point", "点"),
    "word.line": ("line", "线"),
    "word.polygon": ("polygon", "面"),
    "word.collection": ("mixed collection", "混合几何集合"),
}
