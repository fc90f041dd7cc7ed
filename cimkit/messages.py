"""What findings say, in English and Chinese: one template for each code, in the field's own words.

A template's ``{label}`` is the field as people call it, ``{value}`` what was delivered,
``{expected}`` what the rule asks for; other names are the code's own. Values are written as
JSON writes them, shortened where they are long.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from cimkit.loss_messages import LOSSES

_LONGEST = 60
_MOST_LISTED = 8

#: Code -> (English, Chinese).
TEMPLATES: Mapping[str, tuple[str, str]] = {
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
    # geometry
    "geometry.missing": ("The record has no geometry.", "该记录没有几何图形。"),
    "geometry.empty": ("The geometry is empty.", "几何图形为空。"),
    "geometry.kind": (
        "The geometry is a {value}, but must be a {expected}.",
        "几何类型为 {value}，应为 {expected}。",
    ),
    "geometry.coordinates": (
        "The geometry has coordinates that are no finite numbers.",
        "几何图形的坐标含有非有限数值。",
    ),
    "geometry.invalid": ("The geometry is not valid: {reason}.", "几何图形无效：{reason}。"),
    "geometry.small": (
        "The geometry's area is {value} m², smaller than {expected} m².",
        "几何图形面积为 {value} 平方米，小于 {expected} 平方米。",
    ),
    # sources
    "source.unreadable": ("The file cannot be read: {reason}", "文件无法读取：{reason}"),
    # coordinate reference systems
    "crs.missing": (
        "The layer does not say its coordinate reference system.",
        "图层未说明坐标参考系。",
    ),
    "crs.not_allowed": (
        "The layer is in {value}, but must be in one of {expected}.",
        "图层坐标系为 {value}，应为 {expected} 之一。",
    ),
    "crs.swapped_axes": (
        "The coordinates lie outside the area of {value}, but inside it with x and y swapped.",
        "坐标不在 {value} 的适用范围内，x、y 互换后则在其中，坐标轴可能颠倒。",
    ),
    "crs.outside_area": (
        "The coordinates lie outside the area of use of {value}.",
        "坐标不在 {value} 的适用范围内。",
    ),
    "crs.zone_prefix": (
        "The eastings of the layer and {value} disagree on carrying a zone number.",
        "图层的横坐标与 {value} 在是否带带号上不一致。",
    ),
    "crs.not_degrees": (
        "{value} is in degrees, but the coordinates are not.",
        "{value} 以度为单位，坐标却不是度。",
    ),
    "crs.degrees": (
        "{value} is projected, but the coordinates look like longitude and latitude.",
        "{value} 为投影坐标系，坐标却像经纬度。",
    ),
    "crs.gcj02_suspected": (
        "The coordinates are declared as {value}, but look like GCJ-02.",
        "坐标声明为 {value}，但疑似 GCJ-02（火星坐标）。",
    ),
    # hints
    "hint.nearest": ("Did you mean {value}?", "是否应为 {value}？"),
    "hint.replaced": ("Use {value} instead.", "请改用 {value}。"),
    "hint.other": ("Row {row} has it too.", "第 {row} 行与之相同。"),
    "hint.other_elsewhere": ("Row {row} of {source} has it too.", "{source} 的第 {row} 行与之相同。"),
    "hint.no_column": ("No column was delivered for it.", "未交付对应的列。"),
    "hint.column": (
        "No column was delivered for it; is it '{value}'?",
        "未交付对应的列；是否为“{value}”？",
    ),
    "hint.from_crs": (
        "Say the right one with --from-crs.",
        "请用 --from-crs 指明正确的坐标系。",
    ),
    # why a rule was not decided
    "skipped.codelist": ("the code list '{name}' is not at hand", "没有代码表“{name}”"),
    "skipped.no_layer": ("the layer '{layer}' was not given", "未提供图层“{layer}”"),
    "skipped.no_field": ("the layer '{layer}' has no field '{field}'", "图层“{layer}”没有字段“{field}”"),
    "skipped.kind": ("checks of the kind '{kind}' are not decided yet", "尚不支持“{kind}”类检查"),
    "skipped.no_unit": (
        "areas have no unit without a coordinate reference system",
        "没有坐标参考系，面积没有单位",
    ),
    "skipped.sql": ("SQL cannot decide {why}", "SQL 无法判定：{why}"),
    "skipped.unknown_layer": ("{standard} has no such layer", "{standard} 没有这个图层"),
    # words
    "word.record": ("The record", "该记录"),
    "word.string": ("a text", "文本"),
    "word.integer": ("a whole number", "整数"),
    "word.number": ("a number", "数值"),
    "word.boolean": ("true or false", "真或假"),
    "word.array": ("a list", "列表"),
    "word.object": ("an object", "对象"),
    "word.null": ("empty", "空"),
    "word.or": (" or ", "或"),
    "word.no_geometry": ("the bytes are no geometry", "字节不是几何图形"),
    "word.readable": ("a value of its type", "该类型的值"),
    "word.other": ("{label}: {value} does not meet '{code}'.", "{label}：{value} 不满足“{code}”。"),
    **LOSSES,
}


def say(code: str, lang: str, /, **values: Any) -> str:
    """The text of a code in a language, with values set in.

    Texts among ``values`` are set in as they are, but for ``value`` and ``expected``, which are
    written by :func:`shown`. A code without a template (a rare JSON Schema keyword) gets a
    general one.
    """
    template = TEMPLATES.get(code)
    if template is None:
        template = TEMPLATES["word.other"]
        values = {"label": "", "value": None, **values, "code": code}
    written = {key: shown(value) if key in ("value", "expected") else value for key, value in values.items()}
    return template[1 if lang == "zh" else 0].format_map(written)


class Plain(str):
    """A text that is set in as it is, without quotes."""


def shown(value: Any) -> str:
    """A value as a message shows it: texts in quotes, lists and long texts shortened."""
    if isinstance(value, Plain):
        return str(value)
    if isinstance(value, (list, tuple)) and not any(isinstance(item, (list, tuple, dict)) for item in value):
        listed = ", ".join(shown(item) for item in value[:_MOST_LISTED])
        return f"{listed}, … ({len(value)})" if len(value) > _MOST_LISTED else listed
    if isinstance(value, str):
        text = "'" + value.replace("\n", "\\n").replace("\r", "\\r").replace("\t", "\\t") + "'"
    else:
        text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"


def types(names: Any, lang: str) -> Plain:
    """JSON Schema's types in words: 'a text or a number'."""
    listed = [names] if isinstance(names, str) else list(names)
    return Plain(
        say("word.or", lang).join(say(f"word.{name}", lang) for name in listed if name != "null" or len(listed) == 1)
    )
