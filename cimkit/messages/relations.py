"""What findings say about codes, keys, references and a standard's own expressions, in English and Chinese."""

from __future__ import annotations

from collections.abc import Mapping

#: Code -> (English, Chinese).
RELATIONS: Mapping[str, tuple[str, str]] = {
    # code lists, keys, references, expressions
    "codelist": (
        "{label} is {value}, which is no code of {expected}.",
        "{label}为 {value}，不是代码表 {expected} 中的代码。",
    ),
    "codelist.deprecated": (
        "{label} is {value}, a code of {expected} that should no longer be used.",
        "{label}为 {value}，是代码表 {expected} 中已停用的代码。",
    ),
    "key.duplicate": (
        "{label} is {value}, which another record has too.",
        "{label}为 {value}，与其他记录重复。",
    ),
    "relation.missing": (
        "{label} is {value}, which does not occur in {expected}.",
        "{label}为 {value}，在 {expected} 中不存在。",
    ),
    "expression": ("{label} does not fulfil: {expected}", "{label}不满足：{expected}"),
}
