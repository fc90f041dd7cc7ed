"""What the page says itself, in English and Chinese, and how both are written into it.

Every phrase stands in the page twice, and the style sheet shows the one of the chosen
language; so the page can be switched without a script reloading anything, and printed in either.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from markupsafe import Markup, escape

#: Phrase -> (English, Chinese); where ``n`` is 1, ``.one`` is the singular.
PHRASES: Mapping[str, tuple[str, str]] = {
    "report": ("Quality report", "质量检查报告"),
    "page_title": ("{verdict} · {what} · quality report", "{verdict} · {what} · 质量检查报告"),
    "pass": ("Passes", "通过"),
    "fail": ("Does not pass", "不通过"),
    "switch": ("Language of the page", "页面语言"),
    "print": ("Print", "打印"),
    "skip": ("To the content", "跳到正文"),
    "contents": ("Contents", "目录"),
    # sections
    "summary": ("Summary", "概要"),
    "sources": ("What was checked", "检查对象"),
    "worst": ("Worst first", "最严重的问题"),
    "coverage": ("Coverage", "检查范围"),
    "findings": ("Findings by rule", "检查结果"),
    "charts": ("In figures", "统计图"),
    "map": ("Where they are", "问题分布"),
    "layers": ("Layers as delivered", "交付图层"),
    "space": (" ", ""),
    # verdict
    "held": (
        "{checked} of {total} records in {files} were held against {what}.",
        "以 {what} 检查了 {files}，共 {total} 条记录中的 {checked} 条。",
    ),
    "files": ("{n} files", "{n} 个文件"),
    "files.one": ("1 file", "1 个文件"),
    "nothing_there": ("There was not a single record to check.", "没有任何可供检查的记录。"),
    "nothing_wrong": ("No rule is broken.", "没有违反任何规则。"),
    "only_lesser": (
        "No error was found; what is listed below does not stand in the way.",
        "没有错误；下列问题不影响通过。",
    ),
    "unread": ("{n} files could not be read.", "{n} 个文件无法读取。"),
    "unread.one": ("1 file could not be read.", "1 个文件无法读取。"),
    "undecided": ("{n} rules could not be decided", "{n} 条规则未能判定"),
    "undecided.one": ("1 rule could not be decided", "1 条规则未能判定"),
    "undecided_why": ("; the reasons are listed under “Coverage”.", "，原因见“检查范围”。"),
    "version": ("version {version}", "版本 {version}"),
    "standard": ("Standard", "标准"),
    "schema": ("Schema", "模式"),
    "digest": ("Digest", "摘要值"),
    "classes": ("Conformance classes", "符合性类"),
    "class_pass": ("fulfilled", "符合"),
    "class_fail": ("not fulfilled", "不符合"),
    "class_unchecked": ("not fully checked", "未完全检查"),
    # totals
    "error": ("error", "错误"),
    "warning": ("warning", "警告"),
    "info": ("remark", "提示"),
    "errors": ("errors", "个错误"),
    "errors.one": ("error", "个错误"),
    "warnings": ("warnings", "个警告"),
    "warnings.one": ("warning", "个警告"),
    "infos": ("remarks", "条提示"),
    "infos.one": ("remark", "条提示"),
    "rules_broken": ("of {n} rules broken", "/ {n} 条规则未通过"),
    # the worst
    "worst_of": (
        "{failed} of {checked} records in the layer {layer}, {share}.",
        "图层 {layer} 的 {checked} 条记录中有 {failed} 条，占 {share}。",
    ),
    "worst_files": ("{failed} of {checked} files, {share}.", "{checked} 个文件中有 {failed} 个，占 {share}。"),
    "for_example": ("For example", "例如"),
    # coverage
    "records_checked": ("{checked} of {total} records checked", "检查了 {checked} 条记录，共 {total} 条"),
    "rules_decided": ("{decided} rules decided", "判定了 {decided} 条规则"),
    "by_sql": ("{n} in SQL over whole columns", "{n} 条以 SQL 按列判定"),
    "by_record": ("{n} record by record", "{n} 条逐条记录判定"),
    "skipped": ("Not decided, and why", "未判定的规则及原因"),
    "skipped_none": ("Every rule that applies was decided.", "适用的规则均已判定。"),
    "more_skipped": ("… and {n} more", "……另有 {n} 条"),
    "why": ("Why", "原因"),
    "exempted": ("Lived with for now", "已批准的豁免"),
    "until": ("Until", "有效期至"),
    "failures": ("Failures", "数量"),
    "known_before": ("{n} known from the baseline", "基线中已知 {n} 处"),
    "suppressed_n": ("{n} exempted", "豁免 {n} 处"),
    # findings
    "filter": ("Filter and sort", "筛选与排序"),
    "search": ("Search", "搜索"),
    "search_in": ("rule, field, message, file …", "规则、字段、说明、文件……"),
    "severity": ("Severity", "严重程度"),
    "layer": ("Layer", "图层"),
    "level": ("Level", "层级"),
    "all": ("all", "全部"),
    "sort": ("Sort by", "排序"),
    "by_severity": ("severity", "严重程度"),
    "by_failed": ("count", "数量"),
    "by_share": ("share", "比例"),
    "by_name": ("rule", "规则"),
    "by_layer": ("layer", "图层"),
    "shown": ("{n} of {total} broken rules shown", "显示 {total} 条未通过规则中的 {n} 条"),
    "none_shown": ("No rule fits the filter.", "没有符合筛选条件的规则。"),
    "open_all": ("Open all", "全部展开"),
    "close_all": ("Close all", "全部收起"),
    "of_records": ("of {n}", "/ {n}"),
    "count_says": ("{failed} of {checked} records ({share})", "{checked} 条记录中有 {failed} 条（{share}）"),
    "rule": ("Rule", "规则"),
    "kind": ("Kind", "类别"),
    "field": ("Field", "字段"),
    "pointer": ("In the schema", "在模式中的位置"),
    "parameters": ("Parameters", "参数"),
    "iso": ("ISO 19157-3", "ISO 19157-3"),
    "measure": ("measure {n}: {name}", "度量 {n}：{name}"),
    "mend": ("How to mend it", "如何整改"),
    "samples": ("Examples", "示例"),
    "samples_of": ("{n} of {total} stand in this page.", "本页列出 {total} 处中的 {n} 处。"),
    "samples_none": ("No example was stored.", "未保存示例。"),
    "rows_from_0": (
        "Rows count from 0. Messages are in the language of the check.",
        "行号从 0 开始。说明文字以检查时所用的语言写成。",
    ),
    "value": ("Value", "值"),
    "hint": ("Hint", "建议"),
    "row": ("row {n}", "第 {n} 行"),
    "cell": ("cell {n}", "单元格 {n}"),
    "fid": ("fid {n}", "FID {n}"),
    "id": ("id {n}", "标识 {n}"),
    "fingerprint": ("Fingerprint", "指纹"),
    "copy": ("Copy", "复制"),
    "copied": ("Copied", "已复制"),
    "more": ("Show {n} more", "再显示 {n} 处"),
    "print_more": (
        "{n} more examples stand in the page on screen.",
        "另有 {n} 处示例见网页版。",
    ),
    "on_map": ("Show on the map ({n})", "在地图上显示（{n}）"),
    "held_rules": ("{n} rules hold", "{n} 条规则全部通过"),
    "held_rules.one": ("1 rule holds", "1 条规则全部通过"),
    "checked": ("Checked", "检查数"),
    "failed": ("Broken", "未通过"),
    "share": ("Share", "比例"),
    "severer_only": (
        "{n} more broken rules are in the other formats of this report.",
        "另有 {n} 条未通过规则见本报告的其他格式。",
    ),
    "more_rules": ("… and {n} more", "……另有 {n} 条"),
    # charts
    "chart_levels": ("Failures by level", "按层级统计"),
    "chart_layers": ("Failures by layer", "按图层统计"),
    "chart_rules": ("Share of records that break a rule", "各规则的不合格比例"),
    "the_rest": ("{n} others", "其他 {n} 项"),
    "files_as_such": ("the files as such", "文件本身"),
    # map
    "map_about": (
        "Map of the findings: longitude and latitude, no background. The list of findings says the same in words.",
        "问题分布图：按经纬度绘制，无底图。问题列表以文字给出相同内容。",
    ),
    "map_counts": ("{n} places of {total} findings in this page.", "本页 {total} 处问题中有 {n} 处可定位。"),
    "map_none": ("None of the findings has a place on a map.", "没有可在地图上定位的问题。"),
    "map_far": (
        "{n} of them lie far from all others, the farthest at {where}; the map opens where most are.",
        "其中 {n} 处远离其他位置，最远在 {where}；地图默认显示大多数所在的范围。",
    ),
    "map_far.one": (
        "1 of them lies far from all others, at {where}; the map opens where most are.",
        "其中 1 处远离其他位置，在 {where}；地图默认显示大多数所在的范围。",
    ),
    "map_keys": (
        "Drag to move. Zoom with the buttons, or with the wheel or two fingers once the map is selected; arrow keys, + "
        "and − work too.",
        "拖动可移动。可用按钮缩放；选中地图后可用滚轮或双指缩放，也可用方向键与 +、− 键。",
    ),
    "zoom_in": ("Zoom in", "放大"),
    "zoom_out": ("Zoom out", "缩小"),
    "fit": ("Reset", "复位"),
    "fit_most": ("Most", "主要范围"),
    "fit_all": ("All", "全部范围"),
    "extent_of": ("Extent of a layer", "图层范围"),
    "cluster": ("Several findings", "多处问题"),
    "only_rule": ("Only this rule:", "仅显示规则："),
    "all_rules": ("Show all rules", "显示全部规则"),
    "here": ("{n} findings here", "此处有 {n} 处问题"),
    "here.one": ("1 finding here", "此处有 1 处问题"),
    "go_rule": ("To the rule", "查看规则"),
    "close": ("Close", "关闭"),
    "more_here": ("… and {n} more: zoom in", "……另有 {n} 处，请放大查看"),
    # layers
    "file": ("File", "文件"),
    "format": ("Format", "格式"),
    "layer_as": ("Layer → in the standard", "图层 → 标准图层"),
    "records": ("Records", "记录数"),
    "crs": ("Coordinate system", "坐标系"),
    "encoding": ("Encoding", "编码"),
    "unknown": ("not known", "未知"),
    "sure": ("{how}, {percent} sure", "{how}，可信度 {percent}"),
    "geometry": ("Geometry", "几何类型"),
    "no_geometry": ("none", "无"),
    "extent": ("Extent", "范围"),
    "fields": ("{n} fields", "{n} 个字段"),
    "fields.one": ("1 field", "1 个字段"),
    "name": ("Name", "名称"),
    "type": ("Type", "类型"),
    "width": ("Width", "宽度"),
    "hints": ("To be known", "注意事项（读取时的英文原文）"),
    "n_records": ("{n} records", "{n} 条记录"),
    "n_records.one": ("1 record", "1 条记录"),
    "more_files": ("… and {n} more layers", "……另有 {n} 个图层"),
    "no_layers": ("No layer could be read.", "没有可读取的图层。"),
    "empty_layer": ("no records", "没有记录"),
    # levels
    "L0": ("Readable", "可读性"),
    "L1": ("Structure", "结构"),
    "L2": ("Values", "取值"),
    "L3": ("Relations", "关系"),
    "L4": ("Geometry and topology", "几何与拓扑"),
    "L5": ("Completeness and statistics", "完整性与统计"),
    # the foot
    "made_by": (
        "Made by cimkit {version}. This page is one file: it loads nothing and sends nothing.",
        "由 cimkit {version} 生成。本页为单一文件，不加载也不发送任何数据。",
    ),
}


def phrase(key: str, lang: str, **values: Any) -> str:
    """A phrase in one language, numbers with their thousands set apart."""
    singular = f"{key}.one"
    pair = PHRASES[singular] if values.get("n") == 1 and singular in PHRASES else PHRASES[key]
    shown = {name: f"{value:,}" if isinstance(value, int) else value for name, value in values.items()}
    return pair[1 if lang == "zh" else 0].format_map(shown)


def both(key: str, **values: Any) -> Markup:
    """A phrase in both languages; values that are markup stay so, all others are escaped."""
    safe = {name: value if isinstance(value, int) else escape(value) for name, value in values.items()}
    return spoken(lambda lang: Markup(phrase(key, lang, **safe)))


def spoken(say: Callable[[str], str]) -> Markup:
    """What ``say`` says in each language, as two spans of which the page shows one."""
    en, zh = escape(say("en")), escape(say("zh"))
    if en == zh:
        return en
    return Markup(f'<span class="en" lang="en">{en}</span><span class="zh" lang="zh-CN">{zh}</span>')
