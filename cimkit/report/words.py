"""The words of a report, in English and Chinese."""

from __future__ import annotations

from collections.abc import Mapping

#: Word -> (English, Chinese).
WORDS: Mapping[str, tuple[str, str]] = {
    "pass": ("PASS", "通过"),
    "fail": ("FAIL", "不通过"),
    "error": ("error", "错误"),
    "warning": ("warning", "警告"),
    "info": ("info", "提示"),
    "errors": ("{n} errors", "{n} 个错误"),
    "errors.one": ("1 error", "1 个错误"),
    "warnings": ("{n} warnings", "{n} 个警告"),
    "warnings.one": ("1 warning", "1 个警告"),
    "infos": ("{n} remarks", "{n} 条提示"),
    "infos.one": ("1 remark", "1 条提示"),
    "against": ("against {what}", "依据 {what}"),
    "checked": ("Checked", "检查范围"),
    "features": ("{n} of {total} features, {layers} in {files}", "{total} 个要素中的 {n} 个，{files}、{layers}"),
    "layers": ("{n} layers", "{n} 个图层"),
    "layers.one": ("1 layer", "1 个图层"),
    "files": ("{n} files", "{n} 个文件"),
    "files.one": ("1 file", "1 个文件"),
    "rules": ("Rules", "规则"),
    "decided": ("{n} decided, {failed} failed", "判定 {n} 条，{failed} 条未通过"),
    "record": ("{n} of them record by record", "其中 {n} 条逐条记录判定"),
    "skipped": ("Not decided", "未判定"),
    "worst": ("Worst first", "最严重的问题"),
    "failed_rules": ("Rules that failed", "未通过的规则"),
    "rule": ("rule", "规则"),
    "severity": ("severity", "级别"),
    "failed": ("failed", "不合格"),
    "of": ("of", "检查数"),
    "share": ("share", "比例"),
    "findings": ("Findings", "问题示例"),
    "more": ("… {n} more in all", "…… 另有 {n} 处"),
    "records": ("{failed} of {checked} records", "{checked} 条记录中有 {failed} 条"),
    "hint": (" ({hint})", "（{hint}）"),
    "comma": ("; ", "；"),
    "suppressed": ("Suppressed", "已豁免"),
    "suppressed_rule": ("{n} until {until}: {reason}", "{n} 处，至 {until}：{reason}"),
    "baseline": ("Baseline", "基线"),
    "known": ("{n} failures were there before and do not count", "{n} 处为基线中已有，不计入"),
    "known.one": ("1 failure was there before and does not count", "1 处为基线中已有，不计入"),
    "classes": ("Conformance classes", "符合性类"),
    "class": ("{id}: {title}", "{id}：{title}"),
    "class_pass": ("met", "符合"),
    "class_fail": ("not met", "不符合"),
    "class_unchecked": ("not decided", "未判定"),
    # levels of checking
    "L0": ("readable", "可读性"),
    "L1": ("structure", "结构"),
    "L2": ("values", "取值"),
    "L3": ("relations", "关联关系"),
    "L4": ("geometry and topology", "几何与拓扑"),
    "L5": ("completeness and statistics", "完整性与统计"),
    # columns and headings of tables
    "summary": ("Summary", "概要"),
    "sheet_rules": ("Rules", "规则"),
    "sheet_findings": ("Findings", "问题"),
    "coverage": ("Coverage", "检查覆盖"),
    "verdict": ("verdict", "结论"),
    "standard": ("checked against", "检查依据"),
    "version": ("cimkit version", "cimkit 版本"),
    "features_checked": ("features checked", "已检查要素数"),
    "features_total": ("features delivered", "交付要素数"),
    "rules_decided": ("rules decided", "已判定规则数"),
    "rules_failed": ("rules failed", "未通过规则数"),
    "rules_skipped": ("rules not decided", "未判定规则数"),
    "count": ("number", "数量"),
    "kind": ("kind of finding", "问题类型"),
    "level": ("level", "层级"),
    "layer": ("layer", "图层"),
    "field": ("field", "字段"),
    "measure": ("ISO 19157-3 measure", "ISO 19157-3 质量度量"),
    "parameters": ("parameters", "参数"),
    "file": ("file", "文件"),
    "format": ("format", "格式"),
    "sha256": ("SHA-256", "SHA-256"),
    "standard_layer": ("layer of the standard", "标准图层"),
    "feature_count": ("features", "要素数"),
    "crs": ("coordinate system", "坐标系"),
    "row": ("row (from 0)", "行号（从 0 起）"),
    "fid": ("feature id", "要素 FID"),
    "id": ("identifier", "标识"),
    "cell": ("cell", "单元格"),
    "value": ("value", "值"),
    "message": ("message", "说明"),
    "suggestion": ("suggestion", "修改提示"),
    "advice": ("how to mend", "修改建议"),
    "longitude": ("longitude", "经度"),
    "latitude": ("latitude", "纬度"),
    "why": ("why", "原因"),
    "class_name": ("conformance class", "符合性类"),
    "samples": ("Examples", "问题示例"),
    # limits of formats
    "rows_left_out": (
        "{n} findings are left out: a sheet holds {most} rows. All are in a .csv or .parquet report.",
        "有 {n} 处问题未列出：一个工作表最多 {most} 行。完整内容请用 .csv 或 .parquet 报告。",
    ),
    "texts_cut": (
        "{n} texts are cut: a cell holds 32,767 characters.",
        "有 {n} 段文本被截断：一个单元格最多 32,767 个字符。",
    ),
    "texts_cut.one": (
        "1 text is cut: a cell holds 32,767 characters.",
        "有 1 段文本被截断：一个单元格最多 32,767 个字符。",
    ),
    "rows_left_out.one": (
        "1 finding is left out: a sheet holds {most} rows. All are in a .csv or .parquet report.",
        "有 1 处问题未列出：一个工作表最多 {most} 行。完整内容请用 .csv 或 .parquet 报告。",
    ),
    "results_left_out": (
        "{n} findings are left out: GitHub takes {most} results of a run. The totals of the rules are exact.",
        "有 {n} 处问题未列出：GitHub 每次最多接收 {most} 条结果。各规则的总数仍是准确的。",
    ),
    "results_left_out.one": (
        "1 finding is left out: GitHub takes {most} results of a run. The totals of the rules are exact.",
        "有 1 处问题未列出：GitHub 每次最多接收 {most} 条结果。各规则的总数仍是准确的。",
    ),
    "stored": (
        "{n} findings are stored of {failed} failures; totals are exact.",
        "共 {failed} 处不合格，存有 {n} 条示例；总数是准确的。",
    ),
    "not_decided": ("Not decided: {rule}: {why}", "未判定：{rule}：{why}"),
    # ISO 19157
    "iso_method": (
        "cimkit {version} held every record against the rules.",
        "由 cimkit {version} 对全部记录逐条检查。",
    ),
    "iso_class": ("{n} rules of its levels failed.", "其各层级有 {n} 条规则未通过。"),
    "iso_class.one": ("1 rule of its levels failed.", "其各层级有 1 条规则未通过。"),
    "iso_unchecked": ("Not all of its rules were decided.", "其部分规则未判定。"),
    "iso_specification": ("Conformance class {id} ({title}) of {what}", "{what}的符合性类 {id}（{title}）"),
}


def word(name: str, lang: str, **values: object) -> str:
    """A word or phrase; where ``n`` is 1, its singular if it has one."""
    singular = f"{name}.one"
    pair = WORDS[singular] if values.get("n") == 1 and singular in WORDS else WORDS[name]
    shown = {key: f"{value:,}" if isinstance(value, int) else value for key, value in values.items()}
    return pair[1 if lang == "zh" else 0].format_map(shown)
