"""Keys, references, code lists and expressions: what a record says beside its own schema."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from check_deliveries import counts, deliver, failures, held, plain, standard_layer

from cimkit.errors import StandardError
from cimkit.standard import Code, Codelist, Rule

KEYED = {"id": {"type": "string", "cim:key": True}, "parent": {"type": "string", "cim:ref": "unit.id"}}


def test_every_record_of_a_repeated_key_fails(tmp_path: Path) -> None:
    layer = standard_layer(tmp_path, "unit", KEYED)
    report = held(deliver(tmp_path, {"id": ["a", "b", "a", None, None, "a"]}, layer), layer)
    assert failures(report) == {"unit.id#unique": [0, 2, 5]}
    assert counts(report)["unit.id#unique"] == (4, 3)
    assert [finding.hint for finding in report.findings] == [f"Row {row} has it too." for row in (2, 0, 0)]


def test_keys_are_unique_over_all_deliveries_of_a_layer(tmp_path: Path) -> None:
    layer = standard_layer(tmp_path, "unit", KEYED)
    first = deliver(tmp_path, {"id": ["a", "b"]}, layer, source="first.csv")
    second = deliver(tmp_path, {"id": ["c", "b"]}, layer, source="second.csv")
    report = held([(first, layer), (second, layer)])
    assert [(f.source, f.row, f.hint) for f in report.findings] == [
        ("first.csv", 1, "Row 1 of second.csv has it too."),
        ("second.csv", 1, "Row 1 of first.csv has it too."),
    ]
    assert counts(report)["unit.id#unique"] == (4, 2)


@pytest.mark.parametrize(("delivered", "failing"), [(["1", "2", "9", None], [2]), ([1, 2, 9, None], [2])])
def test_references_meet_whatever_the_files_types(delivered: list[Any], failing: list[int], tmp_path: Path) -> None:
    units = standard_layer(tmp_path, "unit", {"id": {"type": ["string", "integer"], "cim:key": True}})
    rooms = standard_layer(tmp_path, "room", {"unit": {"type": ["string", "integer"], "cim:ref": "unit.id"}})
    for keys in (["1", "2"], [1, 2], [1.0, 2.0]):
        inputs = [
            (deliver(tmp_path, {"unit": delivered}, rooms), rooms),
            (deliver(tmp_path, {"id": keys}, units), units),
        ]
        report = held(inputs)
        assert failures(report).get("room.unit#ref") == failing
        assert counts(report)["room.unit#ref"] == (3, 1)


def test_a_layer_may_refer_to_itself(tmp_path: Path) -> None:
    layer = standard_layer(tmp_path, "unit", KEYED)
    mapped = deliver(tmp_path, {"id": ["a", "b"], "parent": [None, "z"]}, layer)
    report = held(mapped, layer)
    assert failures(report) == {"unit.parent#ref": [1]}
    assert report.findings[0].message == "parent is 'z', which does not occur in unit.id."


def test_a_reference_to_a_layer_that_is_not_there_is_not_passed_in_silence(tmp_path: Path) -> None:
    layer = standard_layer(tmp_path, "room", {"unit": {"type": "string", "cim:ref": "unit.id"}})
    mapped = deliver(tmp_path, {"unit": ["a"]}, layer)
    for lang, why in (("en", "the layer 'unit' was not given"), ("zh", "未提供图层“unit”")):
        report = held(mapped, layer, lang=lang)
        assert [(s.rule, s.why) for s in report.coverage.rules.skipped] == [("room.unit#ref", why)]


# ---- code lists ---------------------------------------------------------------------------


def codelist(*, open: bool = False) -> dict[str, Codelist]:
    codes = [
        Code("residential", None, {"en": "Residential", "zh": "住宅"}),
        Code("commercial", None, {"en": "Commercial", "zh": "商业"}),
        Code("shop", None, {"en": "Shop", "zh": "商店"}, status="deprecated", replaced_by=("commercial",)),
    ]
    known = {code.code: code for code in codes}
    return {"use": Codelist("use", "1", open, known, {"en": "Use"}, "published", "official", "test")}


@pytest.mark.parametrize(("open", "severity"), [(False, "error"), (True, "warning")])
def test_unknown_codes(open: bool, severity: str, tmp_path: Path) -> None:
    layer = standard_layer(tmp_path, "b", {"use": {"type": "string", "cim:codelist": "use"}})
    mapped = deliver(tmp_path, {"use": ["residential", "residental", "住宅", None, "shop"]}, layer)
    report = held(mapped, layer, codelists=codelist(open=open))
    assert failures(report) == {"b.use#codelist": [1, 2], "b.use#codelist.deprecated": [4]}
    assert [f.severity for f in report.findings] == [severity, severity, "warning"]
    assert [f.hint for f in report.findings] == [
        "Did you mean 'residential' (Residential)?",
        "Did you mean 'residential' (Residential)?",
        "Use 'commercial' instead.",
    ]
    assert report.verdict == ("pass" if open else "fail")


def test_a_code_list_that_is_not_at_hand_is_said(tmp_path: Path) -> None:
    layer = standard_layer(tmp_path, "b", {"use": {"type": "string", "cim:codelist": "other"}})
    report = held(deliver(tmp_path, {"use": ["x"]}, layer), layer, codelists=codelist())
    assert [skipped.rule for skipped in report.coverage.rules.skipped] == ["b.use#codelist"]


# ---- expressions --------------------------------------------------------------------------

FIELDS = {
    "height": {"type": "number"},
    "floors": {"type": "integer"},
    "begin": {"type": "string", "format": "date"},
    "end": {"type": "string", "format": "date"},
}


def rule(**parameters: str) -> Rule:
    return Rule("b.rule", "expression", "b", "warning", {"en": "{height} m on {floors} floors"}, parameters, 10)


def test_an_expression_that_is_unknown_claims_nothing(tmp_path: Path) -> None:
    layer = standard_layer(tmp_path, "b", FIELDS)
    table = {"height": [30.5, 100.0, None, 5.0], "floors": [10, 5, 3, 0]}
    asked = rule(when="floors > 0", **{"assert": "height / floors BETWEEN 2 AND 8"})
    report = held(deliver(tmp_path, table, layer, origins={"height": ("GD",)}), layer, rules=[asked])
    assert failures(report) == {"b.rule": [1]}
    assert counts(report)["b.rule"] == (3, 1)
    (finding,) = report.findings
    assert (finding.message, finding.field, finding.severity) == ("100 m on 5 floors", "GD|floors", "warning")
    assert next(r for r in report.rules if r.rule == "b.rule").iso19157 == 10


def test_text_cells_are_typed_for_expressions(tmp_path: Path) -> None:
    layer = standard_layer(tmp_path, "b", FIELDS)
    cells = {"begin": ["2024-01-31", "2024-02-01", "soon"], "end": ["2024-02-01", "2024-01-31", "2024-01-01"]}
    asked = rule(**{"assert": '"end" - "begin" > 0'})
    report = held(deliver(tmp_path, cells, layer, text=True), layer, rules=[asked])
    assert failures(report) == {"b.begin#format": [2], "b.rule": [1]}


def test_what_cannot_be_computed_for_a_record_ends_nothing(tmp_path: Path) -> None:
    """Two rules share a cast that fails for some records; DuckDB must not compute it beforehand."""
    layer = standard_layer(tmp_path, "b", {"code": {"type": "string"}})
    rules = [
        Rule("b.low", "expression", "b", "error", {}, {"assert": "CAST(code AS INTEGER) > 0"}),
        Rule("b.high", "expression", "b", "error", {}, {"assert": "CAST(code AS INTEGER) < 5"}),
    ]
    report = held(deliver(tmp_path, {"code": ["1", "x", "", "7", "-1"]}, layer), layer, rules=rules)
    assert failures(report) == {"b.low": [4], "b.high": [3]}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("nothing > 1", "nothing"),
        ("(SELECT 1) > 0", "subquery"),
        ("read_text('/etc/passwd') <> ''", "read_text"),
        ("begin", "no condition"),
        ("begin > 5", "does not fit"),
    ],
)
def test_a_broken_expression_is_the_standards_fault(text: str, said: str, tmp_path: Path) -> None:
    layer = standard_layer(tmp_path, "b", {"begin": {"type": "string", "format": "date"}})
    with pytest.raises(StandardError, match=said) as error:
        held(deliver(tmp_path, {"begin": ["2024-01-01"]}, layer), layer, rules=[rule(**{"assert": text})])
    assert "b.rule" in str(error.value)


def test_kinds_of_rules_that_are_not_decided_are_said(tmp_path: Path) -> None:
    layer = plain({"properties": {}}, name="b")
    asked = Rule("b.no_overlap", "no_overlap", "b", "error", {}, {"tolerance_m2": 1})
    report = held(deliver(tmp_path, {"x": [1]}, layer), layer, rules=[asked])
    assert [skipped.rule for skipped in report.coverage.rules.skipped] == ["b.no_overlap"]


def test_no_reference_is_no_broken_one_even_where_nothing_is_there_to_refer_to(tmp_path: Path) -> None:
    units = standard_layer(tmp_path, "unit", KEYED)
    rooms = standard_layer(tmp_path, "room", {"unit": {"type": "string", "cim:ref": "unit.id"}})
    report = held(
        [
            (deliver(tmp_path, {"unit": ["a", None]}, rooms), rooms),
            (deliver(tmp_path, {"id": []}, units), units),
        ]
    )
    assert failures(report).get("room.unit#ref") == [0]
