"""Whether a cell names a unit of measurement: µg/m³, [m], (°C), W/m2, 万元.

Symbols are those of the SI brochure, of meteorology and of Chinese statistics. A cell is a
unit only as a whole, so that names which contain one are not taken for it.
"""

from __future__ import annotations

import re

_ATOMS = (
    # length, area, volume
    "nm", "µm", "μm", "um", "mm", "cm", "dm", "m", "km", "ft", "in", "mi", "ha", "a", "acre", "l", "L", "ml", "mL",
    # time
    "s", "sec", "ms", "min", "h", "hr", "d", "day", "days", "week", "month", "year", "yr",
    # mass, amount, parts
    "ng", "µg", "μg", "ug", "mg", "g", "kg", "t", "mol", "mmol", "ppm", "ppb", "%", "‰",
    # force, pressure, energy, power
    "N", "kN", "Pa", "hPa", "kPa", "MPa", "bar", "mbar", "J", "kJ", "MJ", "GJ", "W", "kW", "MW", "GW", "Wh", "kWh",
    "MWh", "GWh", "cal", "kcal",
    # electricity, light, sound, radiation
    "A", "mA", "V", "mV", "kV", "VA", "kVA", "Hz", "kHz", "MHz", "GHz", "lx", "lux", "lm", "cd", "dB", "dBA", "dB(A)",
    "dBm", "Bq", "Sv", "µSv", "nSv", "pH", "NTU", "S", "mS", "µS", "μS",
    # temperature, angle
    "°C", "℃", "°F", "℉", "K", "degC", "°", "deg", "rad", "gon",
    # traffic, counts, money
    "veh", "EUR", "€", "USD", "$", "CNY", "RMB", "¥", "£", "GBP",
    "人", "万人", "个", "户", "万户", "元", "万元", "亿元", "米", "毫米", "厘米", "千米", "公里", "平方米", "平方千米",
    "平方公里", "公顷", "亩", "万亩", "立方米", "万立方米", "吨", "万吨", "千克", "公斤", "克", "毫克", "微克", "年",
    "月", "日", "天", "小时", "分钟", "秒", "度", "摄氏度", "千瓦时", "层", "栋", "幢", "辆", "台", "次", "条", "座",
    "所", "处", "件", "套", "张", "升",
)  # fmt: skip
#: Atoms that are as often a word or a code as they are a unit, unless brackets say so.
_DOUBTFUL = {"a", "A", "d", "g", "h", "in", "K", "l", "L", "m", "N", "s", "S", "t", "V", "W", "日", "月", "年", "day",
             "days", "week", "month", "year", "min", "次", "处", "条", "所", "张"}  # fmt: skip
_ATOM = "(?:" + "|".join(re.escape(atom) for atom in sorted(_ATOMS, key=len, reverse=True)) + ")"
_POWER = r"(?:\^?-?[1-4]|[⁻¯]?[¹²³⁴])?"
_FACTOR = rf"{_ATOM}{_POWER}"
_UNIT = re.compile(rf"{_FACTOR}(?:\s?[/·⋅*]\s?{_FACTOR}|\s{_FACTOR}){{0,3}}")
_BRACKETS = re.compile(r"[\[(（【]\s*(.+?)\s*[\])）】]")
_PATTERN_OF_TIME = re.compile(r"(?=.*(?:yy|mm|dd|hh))[ymdhsatz][ymdhsatz:/. -]*[ymdhsatz]", re.IGNORECASE)


def unit_in(cell: str) -> str | None:
    """The unit that a cell names, without its brackets; None where it names none."""
    text = cell.strip()
    inside = _BRACKETS.fullmatch(text)
    bare = inside.group(1) if inside else text
    return bare if _UNIT.fullmatch(bare) else None


def is_plain(cell: str) -> bool:
    """Whether a cell is a unit beyond doubt: in brackets, or of a symbol that means nothing else."""
    unit = unit_in(cell)
    return unit is not None and (unit != cell.strip() or unit not in _DOUBTFUL)


def is_pattern_of_time(cell: str) -> bool:
    """Whether a cell says how dates or times are written: yyyy-mm-dd, hh:mm."""
    return _PATTERN_OF_TIME.fullmatch(cell.strip()) is not None
