"""Units: the factors are right, and what is written with a unit is read as what it says."""

from __future__ import annotations

from typing import Any

import pytest

from cimkit import duck
from cimkit.crosswalk import units
from cimkit.errors import StandardError


@pytest.fixture(scope="module")
def con() -> Any:
    with duck.connect() as connection:
        yield connection


def read(con: Any, text: str, unit: str | None, target: str | None) -> str | None:
    row = con.execute(f"SELECT {units.measure('x', unit, target)} FROM (SELECT ? AS x)", [text]).fetchone()
    result: str | None = row[0]
    return result


@pytest.mark.parametrize(
    ("text", "unit", "target", "expected"),
    [
        ("12", None, "m", 12),
        ("12", "ft", "m", 3.6576),
        ("12 m", "ft", "m", 12),
        ("40 ft", "m", "m", 12.192),
        ("40FT", "m", "m", 12.192),
        ("6'", "m", "m", 1.8288),
        ("5'11\"", "m", "m", 1.8034),
        ("5′ 11″", "m", "m", 1.8034),
        ("5 ft 11 in", "m", "m", 1.8034),
        ('11"', "m", "m", 0.2794),
        ("-1.5e2cm", "m", "m", -1.5),
        ("3公里", "m", "m", 3000),
        ("2 亩", "m2", "m2", 4 / 3 * 1000),
        ("1 ha", "m2", "m2", 10_000),
        ("30 mph", "km/h", "km/h", 48.28032),
        ("300 mm", "m", "mm", 300),
        ("35%", "1", "1", 0.35),
        ("3.5", None, None, 3.5),
    ],
)
def test_a_measure_is_read(con: Any, text: str, unit: str | None, target: str | None, expected: float) -> None:
    assert float(read(con, text, unit, target) or "nan") == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize(
    "text",
    ["", "tall", "12 kg", "12 m 3", "1,5 m", "1.5.2", "m", "12 furlongs", "1e999", "3-4 m", "~12", "12 m²", "5'11'3"],
)
def test_what_is_no_length_is_not_read(con: Any, text: str) -> None:
    assert read(con, text, "m", "m") is None


def test_a_number_with_a_unit_is_not_read_where_no_unit_is_expected(con: Any) -> None:
    assert read(con, "12 m", None, None) is None


def test_units_of_different_kinds_do_not_convert() -> None:
    with pytest.raises(StandardError, match="'kg' measures mass and cannot become 'm'"):
        units.factor("kg", "m")
    with pytest.raises(StandardError, match="'metr' is not known") as unknown:
        units.unit_name("metr")
    assert unknown.value.hint == "Did you mean 'metre'?"


@pytest.mark.parametrize("name", sorted(units.UNITS))
def test_every_unit_converts_there_and_back_in_every_spelling(name: str) -> None:
    base = next(other for other, unit in units.UNITS.items() if unit.dimension == units.UNITS[name].dimension)
    for spelling in (name, *units.UNITS[name].spellings):
        assert units.unit_name(spelling.upper()) == name or not spelling.isascii() or units.unit_name(spelling) == name
        assert units.factor(spelling, base) * units.factor(base, spelling) == pytest.approx(1)


def test_no_two_units_are_spelt_alike() -> None:
    spellings = [spelling for name, unit in units.UNITS.items() for spelling in (name, *unit.spellings)]
    assert len(spellings) == len(set(spellings))
    assert all(spelling == spelling.lower() for spelling in spellings)


def test_length_factors_agree_with_proj() -> None:
    """PROJ's own unit list is the judge."""
    from pyproj.database import get_units_map

    proj = {unit.code: unit.conv_factor for unit in get_units_map(auth_name="EPSG", category="linear").values()}
    for code, name in {
        "9001": "m",
        "9002": "ft",
        "9003": "us-ft",
        "9030": "nmi",
        "9036": "km",
        "9093": "mi",
        "9096": "yd",
    }.items():
        assert units.factor(name, "m") == pytest.approx(proj[code], rel=1e-12)
