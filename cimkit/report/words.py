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
}


def word(name: str, lang: str, **values: object) -> str:
    """A word or phrase; where ``n`` is 1, its singular if it has one."""
    singular = f"{name}.one"
    pair = WORDS[singular] if values.get("n") == 1 and singular in WORDS else WORDS[name]
    shown = {key: f"{value:,}" if isinstance(value, int) else value for key, value in values.items()}
    return pair[1 if lang == "zh" else 0].format_map(shown)
