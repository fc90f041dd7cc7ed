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
    "codelist.not_valid_then": (
        "{label} is {value}, a code of {expected} that was not valid at the time of the record.",
        "{label}为 {value}，是代码表 {expected} 中在该记录时点无效的代码。",
    ),
    "key.duplicate": (
        "{label} is {value}, which another record has too.",
        "{label}为 {value}，与其他记录重复。",
    ),
    "relation.missing": (
        "{label} is {value}, which does not occur in {expected}.",
        "{label}为 {value}，在 {expected} 中不存在。",
    ),
    "relation.cardinality": (
        "{label} is {value}; records of {expected} that refer to it: {count}, but there must be {asked}.",
        "{label}为 {value}；引用它的 {expected} 记录有 {count} 条，应{asked} 条。",
    ),
    "relation.cycle": (
        "{label} is {value}: upwards from the record one comes back to it ({path}).",
        "{label}为 {value}：沿上级又回到该记录本身（{path}）。",
    ),
    "relation.level": (
        "{label} is {value}, but that of its parent {parent} is '{above}': it is not one below.",
        "{label}为 {value}，其上级 {parent} 的级别为“{above}”，并非恰低一级。",
    ),
    "relation.parent": (
        "{label} is {value}, but the code '{code}' is not below it in {expected}.",
        "{label}为 {value}，但代码“{code}”在 {expected} 中并不在其下。",
    ),
    "relation.not_valid_then": (
        "{label} is {value}, which is valid {others}; the record itself is valid {period}.",
        "{label}为 {value}，其有效期为 {others}，而该记录的有效期为 {period}。",
    ),
    "time.overlap": (
        "{label} is {value}, valid {period}; another record of it is valid {others}.",
        "{label}为 {value}，有效期 {period}；另一条相同记录的有效期为 {others}，二者重叠。",
    ),
    "expression": ("{label} does not fulfil: {expected}", "{label}不满足：{expected}"),
}
