"""The words on tables and headings, in English and Chinese."""

from __future__ import annotations

from cimkit.model import Lang

_LABELS: dict[str, tuple[str, str]] = {
    "accepted": ("accepted", "通过"),
    "bytes": ("bytes", "字节"),
    "catalog": ("Catalog", "目录"),
    "conflicts": ("{count:,} values disputed", "{count:,} 个值有争议"),
    "count": ("count", "数量"),
    "crs": ("CRS", "坐标系"),
    "dataset": ("dataset", "数据集"),
    "dataset_title": ("title", "名称"),
    "delivered": ("What came in", "接收的数据"),
    "detail": ("detail", "详情"),
    "encoding": ("encoding", "编码"),
    "entities": ("entities", "实体"),
    "error": ("error", "错误"),
    "warning": ("warning", "警告"),
    "info": ("info", "提示"),
    "evidence": ("how it was found", "依据"),
    "extra": ("extra", "可选组件"),
    "extent": ("extent", "范围"),
    "features": ("features", "要素"),
    "field": ("field", "字段"),
    "fields": ("Fields", "字段"),
    "file": ("file", "文件"),
    "format": ("format", "格式"),
    "found": ("What was wrong", "发现的问题"),
    "fused": ("What became one", "融合结果"),
    "geometry": ("geometry", "几何"),
    "hint": ("hint", "提示"),
    "layer": ("layer", "图层"),
    "licence": ("licence", "许可"),
    "lost": ("What changed", "变化与丢失"),
    "matched": ("found in another source too", "在其他来源中也有"),
    "message": ("message", "说明"),
    "name": ("name", "名称"),
    "next": ("Where to look next", "接下来"),
    "nothing_lost": ("Nothing was lost.", "没有任何丢失。"),
    "nothing_new": (
        "Nothing has changed since release {number}: nothing was published.",
        "自第 {number} 次发布以来没有变化：未发布新版本。",
    ),
    "nulls": ("empty", "空值"),
    "obligation": ("obligation", "约束"),
    "ok": ("ok", "正常"),
    "package": ("package", "软件包"),
    "published": ("Release {number} was published.", "已发布第 {number} 次版本。"),
    "quarantined": ("set aside", "隔离"),
    "records": ("records", "记录"),
    "1:1": ("one to one", "一对一"),
    "1:n": ("one to many", "一对多"),
    "n:1": ("many to one", "多对一"),
    "m:n": ("many to many", "多对多"),
    "single": ("alone", "单独"),
    "release": ("release", "发布"),
    "review": ("{count:,} pairs to review", "{count:,} 对待人工确认"),
    "rule": ("rule", "规则"),
    "severity": ("severity", "级别"),
    "source": ("source", "来源"),
    "sources": ("Sources", "来源"),
    "standard": ("standard", "标准"),
    "status": ("status", "状态"),
    "stopped": ("Stopped at the gate: {why}. Nothing was published.", "未通过检查：{why}。未发布任何内容。"),
    "type": ("type", "类型"),
    "unit": ("unit", "单位"),
    "verdict": ("verdict", "结论"),
    "fail": ("fail", "不合格"),
    "pass": ("pass", "合格"),
    "version": ("version", "版本"),
    "when": ("when", "时间"),
    "into": (
        "{records:,} records became {entities:,} entities",
        "{records:,} 条记录融合为 {entities:,} 个实体",
    ),
    "more_rows": ("… {count:,} more rows", "……另有 {count:,} 行"),
    "followed": (
        "{count:,} of them have no error of their own but point at a record that was set aside",
        "其中 {count:,} 条本身没有错误，但引用了被隔离的记录",
    ),
    "delivery_totals": (
        "{errors:,} errors and {warnings:,} warnings in {checked:,} records; {aside:,} records set aside with reasons",
        "{checked:,} 条记录中有 {errors:,} 处错误、{warnings:,} 处警告；{aside:,} 条记录连同原因被隔离",
    ),
}


def label(key: str, lang: Lang, **values: object) -> str:
    """A word or sentence of the reports in ``lang``, its ``{values}`` filled in."""
    text = _LABELS[key][1 if lang == "zh" else 0]
    return text.format(**values) if values else text
