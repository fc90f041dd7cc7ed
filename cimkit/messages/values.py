"""What findings say about values: the keywords of JSON Schema, in English and Chinese."""

from __future__ import annotations

from collections.abc import Mapping

#: Code -> (English, Chinese).
VALUES: Mapping[str, tuple[str, str]] = {
    # JSON Schema, any value
    "type": ("{label} is {value}, but must be {expected}.", "{label}为 {value}，应为{expected}。"),
    "enum": ("{label} is {value}, but must be one of {expected}.", "{label}为 {value}，应为下列值之一：{expected}。"),
    "const": ("{label} is {value}, but must be {expected}.", "{label}为 {value}，应为 {expected}。"),
    "false": ("{label} must not be given here.", "此处不应填写{label}。"),
    # numbers
    "minimum": ("{label} is {value}, but must be at least {expected}.", "{label}为 {value}，应不小于 {expected}。"),
    "exclusiveMinimum": (
        "{label} is {value}, but must be greater than {expected}.",
        "{label}为 {value}，应大于 {expected}。",
    ),
    "maximum": ("{label} is {value}, but must be at most {expected}.", "{label}为 {value}，应不大于 {expected}。"),
    "exclusiveMaximum": (
        "{label} is {value}, but must be less than {expected}.",
        "{label}为 {value}，应小于 {expected}。",
    ),
    "multipleOf": (
        "{label} is {value}, which is no multiple of {expected}.",
        "{label}为 {value}，不是 {expected} 的倍数。",
    ),
    # texts
    "minLength": (
        "{label} is {value}: shorter than {expected} characters.",
        "{label}为 {value}，长度不足 {expected} 个字符。",
    ),
    "maxLength": (
        "{label} is {value}: longer than {expected} characters.",
        "{label}为 {value}，长度超过 {expected} 个字符。",
    ),
    "pattern": (
        "{label} is {value}, which does not have the form {expected}.",
        "{label}为 {value}，不符合格式 {expected}。",
    ),
    "format": ("{label} is {value}, which is no {expected}.", "{label}为 {value}，不是有效的 {expected}。"),
    # lists
    "minItems": ("{label} has fewer than {expected} entries.", "{label}少于 {expected} 项。"),
    "maxItems": ("{label} has more than {expected} entries.", "{label}多于 {expected} 项。"),
    "uniqueItems": ("{label} has the same entry more than once.", "{label}有重复的项。"),
    "contains": ("{label} lacks an entry of the kind that is asked for.", "{label}缺少所要求的项。"),
    "minContains": ("{label} has too few entries of the kind that is asked for.", "{label}中符合要求的项过少。"),
    "maxContains": ("{label} has too many entries of the kind that is asked for.", "{label}中符合要求的项过多。"),
    "items": ("{label} has more entries than there may be.", "{label}的项数超出允许范围。"),
    "additionalItems": ("{label} has more entries than there may be.", "{label}的项数超出允许范围。"),
    "unevaluatedItems": ("{label} has an entry that nothing describes.", "{label}含有未定义的项。"),
    # records
    "required": ("{label} is missing.", "缺少{label}。"),
    "dependentRequired": (
        "{label} is missing, and another field that is filled asks for it.",
        "缺少{label}：已填写的其他字段要求填写它。",
    ),
    "dependencies": (
        "{label} is missing, and another field that is filled asks for it.",
        "缺少{label}：已填写的其他字段要求填写它。",
    ),
    "additionalProperties": ("{label} is not described, and has a value.", "{label}未在标准中定义，却有值。"),
    "unevaluatedProperties": ("{label} has a member that nothing describes.", "{label}含有未定义的成员。"),
    "propertyNames": ("{label} has a name that is not allowed.", "{label}的名称不被允许。"),
    "minProperties": ("{label} has fewer than {expected} members.", "{label}的成员少于 {expected} 个。"),
    "maxProperties": ("{label} has more than {expected} members.", "{label}的成员多于 {expected} 个。"),
    # alternatives
    "anyOf": ("{label} fits none of the forms it may have.", "{label}不符合任何一种允许的形式。"),
    "oneOf": ("{label} does not fit exactly one of the forms it may have.", "{label}应恰好符合一种允许的形式。"),
    "not": ("{label} has a form that is excluded.", "{label}属于被排除的形式。"),
}
