"""How to mend what was found: for each kind of finding what to do, in English and Chinese."""

from __future__ import annotations

from collections.abc import Mapping

from cimkit.report.advice_places import PLACES

_GIVE_VALUE = (
    "Fill in the value where it is known. If no column was delivered for it, add one, or name the column that holds "
    "it in a crosswalk.",
    "请补填已知的值。若未交付对应的列，请增加该列，或在映射文件（crosswalk）中指明哪一列是它。",
)
_UNDESCRIBED = (
    "Leave the field out of the delivery, or correct its name if it is meant to be one of the standard's.",
    "请从交付数据中去掉该字段；若它本是标准中的字段，请改正名称。",
)
_LIMIT = (
    "Look at the unit first: metres and millimetres, or a share and a percentage, are often mixed up. Then correct the "
    "value, or leave it empty if it is not known and may be empty.",
    "请先核对单位：米与毫米、比例与百分数常被混淆。再改正该值；若未知且允许为空，则留空。",
)
_LENGTH = (
    "Write the text in full, or shorten it to what may be kept. A text that ends abruptly was often cut by an earlier "
    "format.",
    "请补全文本，或缩短到规定长度。突然中断的文本往往是被之前的格式截断的。",
)
_LIST = (
    "Compare the list with what the standard asks for, and add, merge or take out entries.",
    "请对照标准的要求，补充、合并或删除列表中的项。",
)
_MEMBERS = (
    "Compare the members of the object with those the standard describes, and add, rename or take out what differs.",
    "请对照标准的定义，补充、改名或删除对象中的成员。",
)
_ALTERNATIVES = (
    "The value may have one of several forms. Choose the one that is meant, and fill in all that this form asks for.",
    "该值可有多种形式。请确定应采用的一种，并按该形式的要求填写完整。",
)
_FORM = (
    "Write the value in the form that the rule shows. Leading zeros lost in a spreadsheet, blanks and full-width "
    "characters are the usual causes.",
    "请按规则给出的格式填写。常见原因：电子表格丢失了前导零、多余的空格、全角字符。",
)

#: Finding code -> (English, Chinese).
ADVICE: Mapping[str, tuple[str, str]] = {
    # files
    "source.unreadable": (
        "Open the file in the program that made it and export it again. Send all parts of a format of several files "
        "(.shp, .shx, .dbf, .prj). What can be read of a damaged file is read with --salvage.",
        "请在生成该文件的软件中打开并重新导出。由多个文件组成的格式须一并提交（.shp、.shx、.dbf、.prj）。"
        "损坏的文件可用 --salvage 读出可读的部分。",
    ),
    "source.missing": (
        "Add the file, named as the standard's list of files asks for.",
        "请按标准的文件清单和命名要求补交该文件。",
    ),
    "source.unexpected": (
        "Take the file out of the delivery, or rename it if it is one that the standard asks for.",
        "请从交付文件夹中移除该文件；若它是标准要求的文件，请按要求改名。",
    ),
    "source.incomplete": (
        "Look at the place that is named in the program that made the file, mend it, and export again.",
        "请在生成该文件的软件中查看所指位置，修正后重新导出。",
    ),
    "suppression.expired": (
        "Mend what the exemption was for and take it out of the list, or agree on a new date with a reason.",
        "请整改该豁免所涉问题并将其从清单中移除，或说明理由并重新约定期限。",
    ),
    # structure of a record
    "type": (
        "Store the field with the type that the standard gives, and take units, thousands separators and remarks out "
        "of the cells.",
        "请按标准规定的类型保存该字段，并去掉单元格中的单位、千位分隔符和备注文字。",
    ),
    "required": _GIVE_VALUE,
    "dependentRequired": _GIVE_VALUE,
    "dependencies": _GIVE_VALUE,
    "additionalProperties": _UNDESCRIBED,
    "unevaluatedProperties": _UNDESCRIBED,
    "propertyNames": _MEMBERS,
    "minProperties": _MEMBERS,
    "maxProperties": _MEMBERS,
    "false": ("Leave the value empty here.", "此处请留空。"),
    # values
    "enum": (
        "Choose one of the values that the rule lists; spelling, case and blanks count.",
        "请从规则列出的值中选择；拼写、大小写和空格均须一致。",
    ),
    "const": ("Use the value that the rule names.", "请使用规则规定的值。"),
    "minimum": _LIMIT,
    "exclusiveMinimum": _LIMIT,
    "maximum": _LIMIT,
    "exclusiveMaximum": _LIMIT,
    "multipleOf": ("Round the value to the step that the rule names.", "请按规则规定的步长取值。"),
    "minLength": _LENGTH,
    "maxLength": _LENGTH,
    "pattern": _FORM,
    "format": _FORM,
    "minItems": _LIST,
    "maxItems": _LIST,
    "uniqueItems": _LIST,
    "contains": _LIST,
    "minContains": _LIST,
    "maxContains": _LIST,
    "items": _LIST,
    "additionalItems": _LIST,
    "unevaluatedItems": _LIST,
    "anyOf": _ALTERNATIVES,
    "oneOf": _ALTERNATIVES,
    "not": (
        "The standard excludes this form. Change the value so that it no longer has it.",
        "标准排除了这种形式，请修改该值。",
    ),
    "expression": (
        "The rule compares several fields of a record. Find out which of them is wrong, and correct that one.",
        "该规则比较同一记录的多个字段。请查明哪个字段有误并改正。",
    ),
    # code lists, keys, references
    "codelist": (
        "Use a code of the list, not its label. Codes of another edition are translated by 'cimkit codelist "
        "translate'; 'cimkit codelist identify' tells which list a column follows.",
        "请填写代码表中的代码而非名称。其他版本的代码可用 cimkit codelist translate 转换；"
        "用 cimkit codelist identify 可识别某列采用的代码表。",
    ),
    "codelist.deprecated": (
        "Use the code that has replaced it; the code list names it where there is one.",
        "请改用替代它的代码；代码表中注明了替代代码（如有）。",
    ),
    "codelist.not_valid_then": (
        "Use the code that was valid when the record was last changed, or correct the record's date.",
        "请使用该记录更新时有效的代码，或改正记录的日期。",
    ),
    "key.duplicate": (
        "Keep one record where the same thing was delivered twice. Give different things identifiers of their own.",
        "同一对象重复交付的，只保留一条记录；不同对象应各有标识。",
    ),
    "relation.missing": (
        "Correct the identifier, or deliver the record that it refers to. Data that is not checked itself can be "
        "given with --with.",
        "请改正引用的标识，或补交被引用的记录。不参与检查的参照数据可用 --with 提供。",
    ),
    "relation.cardinality": (
        "Add the records that are missing, or move those that belong elsewhere.",
        "请补充缺少的关联记录，或将归属有误的记录改归他处。",
    ),
    "relation.cycle": (
        "Follow the records from parent to parent, and correct the one that leads back.",
        "请沿上级逐级查找，改正指回自身的那条记录。",
    ),
    "relation.level": (
        "Correct the record's level, or the record that is named as its parent.",
        "请改正该记录的层级，或改正其上级。",
    ),
    "relation.parent": (
        "Look up in the code list what the code belongs to, and correct the code or its parent.",
        "请在代码表中查明该代码的上级，改正代码或其上级。",
    ),
    "relation.not_valid_then": (
        "Refer to the record that was valid at that time, or correct the dates of validity.",
        "请引用当时有效的记录，或改正有效期。",
    ),
    "time.overlap": (
        "End the earlier period when the next one begins.",
        "请使前一有效期在后一有效期开始时结束。",
    ),
    # observations
    "observation.gap": (
        "Deliver the missing observations if they exist. If the device was off, note the outage.",
        "若有缺失的观测，请补交；若设备停机，请注明停机时段。",
    ),
    "observation.duplicate": (
        "Keep one observation of each time. Where they differ, ask which of them is right.",
        "同一时间只保留一条观测；数值不同时，请查明哪一条正确。",
    ),
    "observation.stuck": (
        "Look at the device: a value that stays exactly the same is often a fault. Mark the values as not valid.",
        "请检查设备：数值长期完全不变往往是故障。请将这些值标记为无效。",
    ),
    "observation.range": (
        "Check the unit and the device, and take out values that cannot be.",
        "请核对单位和设备，剔除不可能的值。",
    ),
    "observation.unit": (
        "Convert the values to the unit that the standard asks for, or correct the unit that is named.",
        "请将数值换算为标准规定的单位，或改正所填的单位。",
    ),
    "time.no_zone": (
        "Write times with their zone, as in 2024-05-01T12:00:00+08:00.",
        "时间请带时区，例如 2024-05-01T12:00:00+08:00。",
    ),
    "time.future": (
        "Check the clock and the time zone of the device, and whether day and month are swapped.",
        "请检查设备的时钟和时区，并确认日与月是否颠倒。",
    ),
    # the layer as a whole
    "expectation": (
        "Compare the layer with its last delivery: are records missing, doubled or of another time? If the change is "
        "real, adapt the expectation in the standard.",
        "请与上次交付的数据比较：是否有记录缺失、重复或时间不符？若变化属实，请调整标准中的预期。",
    ),
    **PLACES,
}


def advice(code: str, lang: str) -> str | None:
    """How to mend findings of a code, in a sentence or two; None where there is nothing to say."""
    said = ADVICE.get(code)
    return said[1 if lang == "zh" else 0] if said else None
