"""Values that can be, in the unit that was agreed on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from check_deliveries import counts, deliver, failures, held, standard_layer

from cimkit.check.observations.ucum import UNITS, alike, converted, ucum
from cimkit.model import Report
from cimkit.standard import LayerSchema, Rule

TEXT = {"type": "string"}
RANGES = {
    "temp": {"min": -90, "max": 60, "unit": "Cel"},
    "share": {"min": 0, "max": 1, "unit": "1"},
    "level": {"max": 12.5},
    "count": {"min": 0},
    "named": {"unit": "ug/m3"},
}


def rule(**parameters: Any) -> Rule:
    asked = {"by": ["prop"], "value": "value", "unit": "unit", "ranges": RANGES, **parameters}
    return Rule("o.range", "range", "o", "warning", {}, asked)


def layer_of(folder: Path, value: Any = None) -> LayerSchema:
    return standard_layer(
        folder, "o", {"prop": TEXT, "place": TEXT, "unit": TEXT, "value": value or {"type": "number"}}
    )


def told(report: Report) -> list[tuple[str, int | None, str | None]]:
    return [(f.code.removeprefix("observation."), f.row, f.hint) for f in report.findings]


@pytest.mark.parametrize(
    ("prop", "value", "unit", "expected"),
    [
        ("temp", 60, "Cel", []),
        ("temp", -90, None, []),
        ("temp", -400, None, [("range", None)]),
        ("temp", 72.5, "Cel", [("range", "It would be in range if it were in [degF]: 22.5 Cel.")]),
        ("temp", 295.15, "Cel", [("range", "It would be in range if it were in K: 22 Cel.")]),
        ("temp", 5000, "Cel", [("range", None)]),
        ("temp", 72.5, "[degF]", [("unit", "72.5 [degF] is 22.5 Cel.")]),
        ("temp", 22, "°C", [("unit", "It is the same unit: write Cel.")]),
        # Two causes: the unit is written otherwise, and the value cannot be.
        ("temp", 990, "℃", [("range", None), ("unit", "It is the same unit: write Cel.")]),
        ("temp", 22, "hPa", [("unit", None)]),
        ("temp", 22, "grad", [("unit", None)]),
        ("share", 45, "1", [("range", "It would be in range if it were in %: 0.45.")]),
        ("share", 45, "%", [("unit", "45 % is 0.45.")]),
        ("level", 12.5, "anything", []),
        ("level", 13, "anything", [("range", None)]),
        ("count", -1, None, [("range", None)]),
        ("named", 1e9, "ug/m3", []),
        ("named", 1, "mg/m3", [("unit", "1 mg/m3 is 1000 ug/m3.")]),
        ("unheard of", 1e9, "x", []),
        (None, 1e9, "x", []),
        ("temp", None, "x", []),
    ],
)
def test_a_value_and_its_unit(
    prop: str | None, value: float | None, unit: str | None, expected: list[tuple[str, str | None]], tmp_path: Path
) -> None:
    layer = layer_of(tmp_path)
    table = {"prop": ["temp", prop], "value": [0.0, value], "unit": ["Cel", unit]}
    found = told(held(deliver(tmp_path, table, layer), layer, rules=[rule()]))
    assert found == [(code, 1, hint) for code, hint in expected]


def test_what_is_said(tmp_path: Path) -> None:
    layer = layer_of(tmp_path)
    table = {"prop": ["temp", "level", "count", "temp"], "value": [61.0, 13.0, -1.0, 0.0], "unit": [None] * 3 + ["K"]}
    mapped = deliver(tmp_path, table, layer)
    en = [f.message for f in held(mapped, layer, rules=[rule()]).findings]
    zh = [f.message for f in held(mapped, layer, rules=[rule()], lang="zh").findings]
    assert en == [
        "temp: value is 61, but must be between -90 and 60 Cel.",
        "level: value is 13, but must be at most 12.5.",
        "count: value is -1, but must be at least 0.",
        "temp: unit is 'K', but must be Cel.",
    ]
    assert zh == [
        "temp：value为 61，应在 -90 与 60 Cel 之间。",
        "level：value为 13，应不大于 12.5。",
        "count：value为 -1，应不小于 0。",
        "temp：unit为 'K'，应为 Cel。",
    ]


def test_without_a_field_of_units_values_are_compared_as_they_are(tmp_path: Path) -> None:
    layer = layer_of(tmp_path)
    asked = rule()
    parameters = {name: value for name, value in asked.parameters.items() if name != "unit"}
    table = {"prop": ["temp", "temp"], "value": [61.0, 60.0], "unit": ["K", "K"]}
    report = held(
        deliver(tmp_path, table, layer), layer, rules=[Rule("o.range", "range", "o", "warning", {}, parameters)]
    )
    assert failures(report) == {"o.range": [0]}
    assert counts(report)["o.range"] == (2, 1)


def test_several_fields_name_the_range(tmp_path: Path) -> None:
    layer = layer_of(tmp_path)
    asked = rule(by=["prop", "place"], ranges={"temp|indoors": {"min": 5, "max": 40}})
    table = {"prop": ["temp"] * 3, "place": ["indoors", "outdoors", None], "value": [1.0, 1.0, 1.0]}
    report = held(deliver(tmp_path, table, layer), layer, rules=[asked])
    assert [f.message for f in report.findings] == ["temp, indoors: value is 1, but must be between 5 and 40."]


def test_numbers_in_text_tables_and_texts_that_are_none(tmp_path: Path) -> None:
    layer = layer_of(tmp_path, {"type": ["number", "string"]})
    table = {"prop": ["temp"] * 4, "value": ["61", "warm", "inf", "60"]}
    report = held(deliver(tmp_path, table, layer, text=True), layer, rules=[rule()])
    assert failures(report) == {"o.range": [0]}
    assert counts(report)["o.range"][0] == 2


def test_totals_are_exact_however_few_are_kept(tmp_path: Path) -> None:
    layer = layer_of(tmp_path)
    values = [float(n % 200) for n in range(4000)]
    mapped = deliver(tmp_path, {"prop": ["temp"] * 4000, "value": values}, layer, row_group_size=500)
    report = held(mapped, layer, rules=[rule()], samples=2)
    outside = [n for n, value in enumerate(values) if value > 60]
    assert failures(report)["o.range"] == outside[:2]
    by_code = {r.code: (r.checked, r.failed) for r in report.rules if r.rule == "o.range"}
    assert by_code == {"observation.range": (4000, len(outside)), "observation.unit": (4000, 0)}


# ---- units ------------------------------------------------------------------------------------


def test_factors_are_those_of_another_table() -> None:
    from scipy import constants

    same = {
        ("atm", "Pa"): constants.atm,
        ("bar", "Pa"): constants.bar,
        ("mm[Hg]", "Pa"): constants.mmHg,
        ("[psi]", "Pa"): constants.psi,
        ("km/h", "m/s"): constants.kmh,
        ("[kn_i]", "m/s"): constants.knot,
        ("[mi_i]/h", "m/s"): constants.mph,
        ("[in_i]", "m"): constants.inch,
        ("[ft_i]", "m"): constants.foot,
        ("deg", "rad"): constants.degree,
        ("L", "m3"): constants.liter,
        ("h", "s"): constants.hour,
    }
    for (unit, base), factor in same.items():
        assert converted(1, unit, base) == pytest.approx(factor, rel=1e-5), unit
    for fahrenheit in (-459.67, -40, 0, 98.6, 212):
        celsius = constants.convert_temperature(fahrenheit, "Fahrenheit", "Celsius")
        assert converted(fahrenheit, "[degF]", "Cel") == pytest.approx(celsius, abs=1e-3)
        assert converted(celsius, "Cel", "[degF]") == pytest.approx(fahrenheit, abs=1e-3)
    assert converted(0, "K", "Cel") == -273.15


def test_spellings_are_one_units_alone() -> None:
    spelt = [spelling for code, unit in UNITS.items() for spelling in (code, *unit.spellings)]
    assert len(spelt) == len(set(spelt))
    assert (ucum("°C"), ucum(" kwh "), ucum("mW"), ucum("MW"), ucum("furlong")) == ("Cel", "kW.h", "mW", "MW", None)
    assert converted(1, "Cel", "Pa") is None
    assert all(set(alike(code)) <= set(UNITS) - {code} for code in UNITS)
