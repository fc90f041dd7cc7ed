"""Units of observations by their UCUM codes: what one is in another, so that a finding can say what was meant.

Codes and factors are those of the Unified Code for Units of Measure (UCUM 2.1) and the SI
brochure (9th edition); the degree Fahrenheit is 5/9 K from 459.67 below zero.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Unit:
    """A unit of some dimension: a value in it, times ``factor``, plus ``offset``, is one in the dimension's base.

    ``spellings`` are other ways in which it is written.
    """

    dimension: str
    factor: float
    offset: float = 0.0
    spellings: tuple[str, ...] = ()


UNITS: Mapping[str, Unit] = {
    "Cel": Unit("temperature", 1.0, 0.0, ("°C", "℃", "C", "degC", "deg C", "celsius", "摄氏度")),
    "[degF]": Unit("temperature", 5 / 9, -160 / 9, ("°F", "℉", "F", "degF", "deg F", "fahrenheit", "华氏度")),
    "K": Unit("temperature", 1.0, -273.15, ("kelvin", "°K", "开尔文")),
    "Pa": Unit("pressure", 1.0, 0.0, ("pascal", "帕")),
    "hPa": Unit("pressure", 100.0, 0.0, ("hectopascal", "百帕")),
    "kPa": Unit("pressure", 1e3, 0.0, ("kilopascal", "千帕")),
    "MPa": Unit("pressure", 1e6, 0.0, ("兆帕",)),
    "mbar": Unit("pressure", 100.0, 0.0, ("millibar", "mb", "毫巴")),
    "bar": Unit("pressure", 1e5, 0.0, ("巴",)),
    "atm": Unit("pressure", 101_325.0),
    "mm[Hg]": Unit("pressure", 133.322, 0.0, ("mmHg", "毫米汞柱")),
    "[psi]": Unit("pressure", 6894.757293168, 0.0, ("psi",)),
    "m/s": Unit("speed", 1.0, 0.0, ("m.s-1", "mps", "米/秒")),
    "km/h": Unit("speed", 1 / 3.6, 0.0, ("kmh", "kph", "千米/时", "公里/小时")),
    "[kn_i]": Unit("speed", 1852 / 3600, 0.0, ("kn", "kt", "knot", "knots", "节")),
    "[mi_i]/h": Unit("speed", 0.44704, 0.0, ("mph", "mi/h")),
    "mm": Unit("length", 1e-3, 0.0, ("millimetre", "毫米")),
    "cm": Unit("length", 1e-2, 0.0, ("centimetre", "厘米")),
    "m": Unit("length", 1.0, 0.0, ("metre", "米")),
    "km": Unit("length", 1e3, 0.0, ("kilometre", "千米", "公里")),
    "[in_i]": Unit("length", 0.0254, 0.0, ("in", "inch")),
    "[ft_i]": Unit("length", 0.3048, 0.0, ("ft", "foot", "feet")),
    "ng/m3": Unit("mass concentration", 1e-12, 0.0, ("ng/m³",)),
    "ug/m3": Unit("mass concentration", 1e-9, 0.0, ("µg/m3", "μg/m3", "µg/m³", "μg/m³", "ug/m³", "微克/立方米")),
    "mg/m3": Unit("mass concentration", 1e-6, 0.0, ("mg/m³", "毫克/立方米")),
    "g/m3": Unit("mass concentration", 1e-3, 0.0, ("g/m³", "克/立方米")),
    "mg/L": Unit("mass concentration", 1e-3, 0.0, ("mg/l", "毫克/升")),
    "ug/L": Unit("mass concentration", 1e-6, 0.0, ("µg/L", "μg/L", "µg/l")),
    "1": Unit("ratio", 1.0, 0.0, ("", "-")),
    "%": Unit("ratio", 0.01, 0.0, ("percent", "pct", "％", "[%]")),
    "[ppth]": Unit("ratio", 1e-3, 0.0, ("‰",)),
    "[ppm]": Unit("ratio", 1e-6, 0.0, ("ppm",)),
    "[ppb]": Unit("ratio", 1e-9, 0.0, ("ppb",)),
    "mW": Unit("power", 1e-3),
    "W": Unit("power", 1.0, 0.0, ("watt", "瓦")),
    "kW": Unit("power", 1e3, 0.0, ("kilowatt", "千瓦")),
    "MW": Unit("power", 1e6, 0.0, ("兆瓦",)),
    "J": Unit("energy", 1.0),
    "kJ": Unit("energy", 1e3),
    "MJ": Unit("energy", 1e6),
    "W.h": Unit("energy", 3.6e3, 0.0, ("Wh",)),
    "kW.h": Unit("energy", 3.6e6, 0.0, ("kWh", "千瓦时", "度")),
    "MW.h": Unit("energy", 3.6e9, 0.0, ("MWh",)),
    "mV": Unit("voltage", 1e-3),
    "V": Unit("voltage", 1.0, 0.0, ("volt", "伏")),
    "kV": Unit("voltage", 1e3, 0.0, ("千伏",)),
    "mA": Unit("current", 1e-3),
    "A": Unit("current", 1.0, 0.0, ("ampere", "安")),
    "kA": Unit("current", 1e3),
    "m3/s": Unit("flow", 1.0, 0.0, ("m³/s", "立方米/秒")),
    "m3/h": Unit("flow", 1 / 3600, 0.0, ("m³/h", "立方米/时")),
    "L/s": Unit("flow", 1e-3, 0.0, ("l/s", "升/秒")),
    "L/min": Unit("flow", 1e-3 / 60, 0.0, ("l/min",)),
    "L": Unit("volume", 1e-3, 0.0, ("l", "litre", "升")),
    "m3": Unit("volume", 1.0, 0.0, ("m³", "立方米")),
    "lx": Unit("illuminance", 1.0, 0.0, ("lux", "勒克斯")),
    "klx": Unit("illuminance", 1e3),
    "deg": Unit("angle", 0.017453292519943295, 0.0, ("°", "degree", "degrees", "度角")),
    "rad": Unit("angle", 1.0, 0.0, ("radian",)),
    "s": Unit("time", 1.0, 0.0, ("sec", "秒")),
    "min": Unit("time", 60.0, 0.0, ("分钟",)),
    "h": Unit("time", 3600.0, 0.0, ("hour", "小时")),
    "dB": Unit("level", 1.0, 0.0, ("dB(A)", "dBA", "dB[A]", "decibel", "分贝")),
}

#: Units that nobody takes for another of their kind by mistake: humidity is never written in parts per million.
_SELDOM = frozenset({"[ppth]", "[ppm]", "[ppb]"})
_BY_SPELLING = {spelling: code for code, unit in UNITS.items() for spelling in (code, *unit.spellings)}
_BY_LOWER = {spelling.lower(): code for spelling, code in reversed(_BY_SPELLING.items())}


def ucum(text: str) -> str | None:
    """The UCUM code that a text means; None where no unit is known by it. ``mW`` and ``MW`` are two."""
    found = _BY_SPELLING.get(text.strip())
    return found or _BY_LOWER.get(text.strip().lower())


def converted(value: float, unit: str, target: str) -> float | None:
    """A value of one unit in another; None where one of them is unknown, or they measure different things."""
    one, other = ucum(unit), ucum(target)
    if one is None or other is None or UNITS[one].dimension != UNITS[other].dimension:
        return None
    base = value * UNITS[one].factor + UNITS[one].offset
    return float(f"{(base - UNITS[other].offset) / UNITS[other].factor:.6g}")


def alike(unit: str) -> Iterator[str]:
    """The other units of what a unit measures, those of a like size first."""
    own = ucum(unit)
    if own is None:
        return
    seldom = frozenset() if own in _SELDOM else _SELDOM
    same = [code for code in UNITS if code not in seldom and UNITS[code].dimension == UNITS[own].dimension]
    same.remove(own)
    yield from sorted(same, key=lambda code: abs(math.log(UNITS[code].factor / UNITS[own].factor)))
