"""Units of measure: their factors, and numbers written with their unit, read in SQL.

Factors are exact by definition: the international inch, foot, yard, mile and acre by the
agreement of 1959 (1 yd = 0.9144 m), the US survey foot by the Mendenhall order (1200/3937 m),
nautical mile and knot by the SI brochure (9th ed., table 8), the Chinese mu as 1/15 hectare
and li as half a kilometre (market system, 1959).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from cimkit import duck
from cimkit.errors import StandardError, nearest


@dataclass(frozen=True, slots=True)
class Unit:
    """A unit by its factor to its dimension's base (m, m2, km/h, kg, 1) and the ways it is written,
    its UCUM code among them."""

    dimension: str
    factor: float
    spellings: tuple[str, ...]


_MU = 10_000 / 15

UNITS: Mapping[str, Unit] = {
    "m": Unit("length", 1.0, ("metre", "metres", "meter", "meters", "米")),
    "km": Unit("length", 1000.0, ("kilometre", "kilometres", "kilometer", "kilometers", "公里", "千米")),
    "dm": Unit("length", 0.1, ("decimetre", "decimetres", "decimeter", "decimeters", "分米")),
    "cm": Unit("length", 0.01, ("centimetre", "centimetres", "centimeter", "centimeters", "厘米")),
    "mm": Unit("length", 0.001, ("millimetre", "millimetres", "millimeter", "millimeters", "毫米")),
    "ft": Unit("length", 0.3048, ("[ft_i]", "foot", "feet", "ft.", "'", "′", "’", "英尺")),
    "us-ft": Unit("length", 1200 / 3937, ("[ft_us]", "us survey foot", "us survey feet", "ftus", "us_ft")),
    "in": Unit("length", 0.0254, ("[in_i]", "inch", "inches", "in.", '"', "″", "”", "''", "英寸")),
    "yd": Unit("length", 0.9144, ("[yd_i]", "yard", "yards")),
    "mi": Unit("length", 1609.344, ("[mi_i]", "mile", "miles", "英里")),
    "nmi": Unit("length", 1852.0, ("[nmi_i]", "nautical mile", "nautical miles", "海里")),
    "li": Unit("length", 500.0, ("里", "华里")),
    "m2": Unit("area", 1.0, ("m²", "sqm", "sq m", "m^2", "square metres", "square meters", "平方米", "㎡")),
    "km2": Unit("area", 1e6, ("km²", "sqkm", "sq km", "km^2", "square kilometres", "平方公里", "平方千米")),
    "ha": Unit("area", 1e4, ("har", "hectare", "hectares", "公顷")),
    "mu": Unit("area", _MU, ("亩", "市亩")),
    "ft2": Unit("area", 0.3048**2, ("[sft_i]", "ft²", "sqft", "sq ft", "ft^2", "square feet", "平方英尺")),
    "acre": Unit("area", 4840 * 0.9144**2, ("acres", "ac", "英亩")),
    "mi2": Unit("area", 1609.344**2, ("mi²", "sqmi", "sq mi", "square miles")),
    "km/h": Unit("speed", 1.0, ("kmh", "kph", "kmph", "km/hr", "公里/小时", "千米/小时")),
    "m/s": Unit("speed", 3.6, ("mps", "米/秒")),
    "mph": Unit("speed", 1.609344, ("[mi_i]/h", "mi/h", "mile/h", "miles per hour")),
    "kn": Unit("speed", 1.852, ("[kn_i]", "knot", "knots", "kt")),
    "kg": Unit("mass", 1.0, ("kilogram", "kilograms", "公斤", "千克")),
    "t": Unit("mass", 1000.0, ("tonne", "tonnes", "ton", "吨")),
    "lb": Unit("mass", 0.45359237, ("[lb_av]", "lbs", "pound", "pounds")),
    "1": Unit("ratio", 1.0, ()),
    "%": Unit("ratio", 0.01, ("percent", "％", "pct")),
    "a": Unit("time", 1.0, ("year", "years", "年")),
}

_SPELT = {spelling: name for name, unit in UNITS.items() for spelling in (name, *unit.spellings)}

_NUMBER = r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?"
_MEASURE = rf"^\s*({_NUMBER})\s*(.*?)\s*$"
_PLAIN = r"[0-9]+(?:\.[0-9]+)?"
_FEET_AND_INCHES = rf"""^\s*({_PLAIN})\s*(?:'|′|’|ft\.?|feet|foot)\s*({_PLAIN})\s*(?:"|″|”|''|in\.?|inch|inches)?\s*$"""


def known(text: str) -> bool:
    """Whether the text means a unit of the table."""
    return text.strip().lower() in _SPELT


def unit_name(text: str) -> str:
    """The unit a text means, by its short name.

    Raises:
        StandardError: no such unit is known.
    """
    name = _SPELT.get(text.strip().lower())
    if name is None:
        raise StandardError(
            f"The unit '{text}' is not known.",
            hint=nearest(text, (spelling for spelling in _SPELT if spelling.isalnum())),
        )
    return name


def factor(unit: str, target: str) -> float:
    """How many of ``target`` one of ``unit`` is.

    Raises:
        StandardError: a unit is unknown, or the two measure different things.
    """
    one, other = UNITS[unit_name(unit)], UNITS[unit_name(target)]
    if one.dimension != other.dimension:
        raise StandardError(
            f"'{unit}' measures {one.dimension} and cannot become '{target}', which measures {other.dimension}."
        )
    return one.factor / other.factor


def scaled(value_sql: str, scale: float) -> str:
    """A number times a factor, without the noise of binary fractions."""
    return value_sql if scale == 1 else f"round(CAST({value_sql} AS DOUBLE) * {duck.literal(scale)}, 9)"


def measure(text_sql: str, unit: str | None, target: str | None) -> str:
    """A measure in text ('12', '12 m', '40 ft', ``5'11"``) as the text of its number in ``target``.

    A bare number is in ``unit`` (in ``target`` where None); a number in a unit of another
    dimension, or with anything unknown behind it, gives NULL. A number that needs no
    conversion keeps its digits. Without ``target`` the goal is ``unit``; without both only
    bare numbers are read.

    Raises:
        StandardError: a unit is unknown, or the two measure different things.
    """
    goal = unit_name(target or unit) if target or unit else None  # type: ignore[arg-type]
    digits, behind = _group(text_sql, _MEASURE, 1), f"lower({_group(text_sql, _MEASURE, 2)})"
    value = f"TRY_CAST({digits} AS DOUBLE)"
    spellings: dict[float, list[str]] = {factor(unit, goal) if unit and goal else 1.0: [""]}
    for spelling, name in _SPELT.items():
        if goal is not None and UNITS[name].dimension == UNITS[goal].dimension and spelling != "1":
            spellings.setdefault(factor(name, goal), []).append(spelling)
    cases = [
        f"WHEN {behind} IN ({', '.join(map(duck.literal, written))}) THEN "
        + (digits if scale == 1 else f"CAST({scaled(value, scale)} AS VARCHAR)")
        for scale, written in spellings.items()
    ]
    if goal is not None and UNITS[goal].dimension == "length":
        feet, inches = (f"CAST({_group(text_sql, _FEET_AND_INCHES, n)} AS DOUBLE)" for n in (1, 2))
        total = scaled(f"({feet} * 12 + {inches})", factor("in", goal))
        matches = f"regexp_matches({text_sql}, {duck.literal(_FEET_AND_INCHES)})"
        cases.append(f"WHEN {matches} THEN CAST({total} AS VARCHAR)")
    return f"CASE WHEN isfinite({value}) THEN CASE {' '.join(cases)} END END"


def _group(text_sql: str, pattern: str, group: int) -> str:
    """What a group of the pattern matches; the empty text where the pattern does not match."""
    return f"regexp_extract({text_sql}, {duck.literal(pattern)}, {group})"
