"""What to try, why a rule was not decided, and the words that messages are made of, in English and Chinese."""

from __future__ import annotations

from collections.abc import Mapping

#: Code -> (English, Chinese).
HINTS: Mapping[str, tuple[str, str]] = {
    # hints
    "hint.nearest": ("Did you mean {value}?", "是否应为 {value}？"),
    "hint.replaced": ("Use {value} instead.", "请改用 {value}。"),
    "hint.other": ("Row {row} has it too.", "第 {row} 行与之相同。"),
    "hint.other_elsewhere": ("Row {row} of {source} has it too.", "{source} 的第 {row} 行与之相同。"),
    "hint.code_period": ("It is valid {period}.", "其有效期为 {period}。"),
    "hint.clock_change": (
        "The times name no zone: a change to summer time looks like a gap.",
        "时间没有说明时区：夏令时切换看起来像中断。",
    ),
    "hint.unit_spelling": ("It is the same unit: write {value}.", "单位相同，请写作 {value}。"),
    "hint.unit_converted": ("{before} is {after}.", "{before} 即 {after}。"),
    "hint.unit_meant": (
        "It would be in range if it were in {unit}: {after}.",
        "若单位为 {unit}，则为 {after}，在范围内。",
    ),
    "hint.no_column": ("No column was delivered for it.", "未交付对应的列。"),
    "hint.column": (
        "No column was delivered for it; is it '{value}'?",
        "未交付对应的列；是否为“{value}”？",
    ),
    "hint.expired": ("Mend the data, or give it a new day and say why.", "请修正数据，或注明理由后延长期限。"),
    "hint.mojibake": ("In the right encoding it reads {value}.", "按正确的编码应为 {value}。"),
    "hint.lost_characters": (
        "Characters of it are lost: take the text from its source again.",
        "部分字符已丢失：请从原始数据重新取得该文本。",
    ),
    "hint.placeholder": (
        "{value} often stands for 'not known': then leave the cell empty.",
        "{value} 常用来表示“未知”：若是如此，请留空。",
    ),
    "hint.full_width": ("With ordinary signs it is {value}.", "半角写法为 {value}。"),
    "hint.only_blanks": ("There is nothing in it but blanks: leave the cell empty.", "其中只有空白字符，请留空。"),
    "hint.blanks": ("Without the blanks it is {value}.", "去掉空白后为 {value}。"),
    "hint.name_meant": ("Is it '{value}'? Rename the column.", "是否为“{value}”？请改列名。"),
    "hint.file_pattern": ("A file of the layer '{layer}' is called {value}.", "图层“{layer}”的文件应命名为 {value}。"),
    "hint.document_pattern": ("The document '{layer}' is called {value}.", "文档“{layer}”应命名为 {value}。"),
    "hint.file_near": ("Is it '{value}'? Rename the file.", "是否为“{value}”？请改文件名。"),
    "hint.from_crs": (
        "Say the right one with --from-crs.",
        "请用 --from-crs 指明正确的坐标系。",
    ),
    # why a rule was not decided
    "skipped.codelist": ("the code list '{name}' is not at hand", "没有代码表“{name}”"),
    "skipped.no_layer": ("the layer '{layer}' was not given", "未提供图层“{layer}”"),
    "skipped.no_field": ("the layer '{layer}' has no field '{field}'", "图层“{layer}”没有字段“{field}”"),
    "skipped.no_geometry": ("the layer '{layer}' was given without geometry", "图层“{layer}”没有几何图形"),
    "skipped.no_previous": (
        "the last version of '{layer}' was not given: say where it is with --with",
        "未提供图层“{layer}”的上一版本：请用 --with 指明",
    ),
    "skipped.no_unit": (
        "sizes and distances have no unit without a coordinate reference system",
        "没有坐标参考系，大小和距离没有单位",
    ),
    "skipped.no_times": (
        "the field '{field}' of the layer '{layer}' holds no dates or times",
        "图层“{layer}”的字段“{field}”不是日期或时间",
    ),
    "skipped.sql": ("SQL cannot decide {why}", "SQL 无法判定：{why}"),
    "skipped.crosswalk": ("the crosswalk does not fit it: {reason}", "对照表不适用于该图层：{reason}"),
    "skipped.other_layer": ("it is not the layer '{layer}'", "不是图层“{layer}”"),
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
    "word.at_least": ("at least {least}", "不少于 {least}"),
    "word.at_most": ("at most {most}", "不多于 {most}"),
    "word.exactly": ("{least}", "为 {least}"),
    "word.from_to": ("from {least} to {most}", "为 {least} 至 {most}"),
    "word.not_below": ("at least {least}", "不小于 {least}"),
    "word.not_above": ("at most {most}", "不大于 {most}"),
    "word.within": ("between {least} and {most}", "在 {least} 与 {most} 之间"),
    "word.no_geometry": ("the bytes are no geometry", "字节不是几何图形"),
    "word.readable": ("a value of its type", "该类型的值"),
    "word.value": ("The value", "该值"),
    "word.form": ("form {number} of {of}{title}", "第 {number} 种形式{title}（共 {of} 种）"),
    "word.nearest_form": ("The nearest is {form}: {problems}", "最接近的是{form}：{problems}"),
    "word.more_problems": (" … and {n} more.", "……另有 {n} 处。"),
    "word.other": ("{label}: {value} does not meet '{code}'.", "{label}：{value} 不满足“{code}”。"),
}
