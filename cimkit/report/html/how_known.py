"""How a fact about a file is known, in Chinese: readers of files word their evidence in English alone."""

from __future__ import annotations

import re
from collections.abc import Sequence

#: What a reader says, as a pattern -> the same in Chinese; longer ones are made of shorter ones.
_SAID: Sequence[tuple[str, str]] = (
    (r"given", "用户指定"),
    (r"not declared", "未声明"),
    (r"no geometry", "没有几何图形"),
    (r"only ASCII", "仅含 ASCII 字符"),
    (r"byte order mark", "字节顺序标记"),
    (r"the format's own", "格式规定"),
    (r"RFC 7946 default", "RFC 7946 默认"),
    (r"RFC 7946 default; the file says null", "RFC 7946 默认；文件中写为 null"),
    (r"there is no \.prj", "没有 .prj 文件"),
    (r"XML declaration", "XML 声明"),
    (r"XML without a declaration", "XML 无编码声明"),
    (r"local coordinates", "局部坐标"),
    (r"GTFS is always WGS 84", "GTFS 一律为 WGS 84"),
    (r"KML is always WGS 84", "KML 一律为 WGS 84"),
    (r"(GeoParquet|Parquet GEOMETRY) default \(OGC:CRS84\)", "{0} 默认（OGC:CRS84）"),
    (r"plain Parquet declares none", "普通 Parquet 不声明坐标系"),
    (r"declared unknown \(null\)", "声明为未知"),
    (r"strict UTF-8: (\d+) values? with non-ASCII characters", "{0} 个非 ASCII 值均为合法 UTF-8"),
    (
        r"strict UTF-8 in (\S+) of them: (\d+) values? with non-ASCII characters",
        "{1} 个非 ASCII 值中 {0} 为合法 UTF-8",
    ),
    (
        r"(\S+) common characters in (\S+): (\d+) values? with non-ASCII characters",
        "{2} 个非 ASCII 值按 {1} 解读，常用字占 {0}",
    ),
    (
        r"neither UTF-8 nor Chinese: (\d+) values? with non-ASCII characters",
        "{0} 个非 ASCII 值既非 UTF-8 也非中文编码",
    ),
    (r"declared as ([^;, ]+)", "声明为 {0}"),
    (r"declared as ([^;, ]+); only ASCII", "声明为 {0}；仅含 ASCII 字符"),
)


def in_chinese(how: str) -> str | None:
    """What a reader says of how it knows; None where its wording is not among those that are known.

    A code of the format itself (``.prj``, ``gpkg_spatial_ref_sys``) is a name, and stays as it is.
    """
    if re.fullmatch(r"[.\w]+", how) and not how.isalpha():
        return how
    borne_out = re.fullmatch(r"(declared as [^;, ]+), borne out by (.+)", how)
    against = re.fullmatch(r"(.+), against the declared ([^;, ]+)", how)
    if borne_out:
        parts = [in_chinese(borne_out[1]), in_chinese(borne_out[2])]
        return f"{parts[0]}，且{parts[1]}" if all(parts) else None
    if against:
        found = in_chinese(against[1])
        return f"{found}，与声明的 {against[2]} 不符" if found else None
    for pattern, chinese in _SAID:
        said = re.fullmatch(pattern, how)
        if said:
            return chinese.format(*said.groups())
    return None
