"""Samples, levels, settings, and what a report says of them."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest
from check_deliveries import counts, deliver, failures, held, plain, standard_layer

from cimkit.errors import UsageError

FIELDS = {"id": {"type": "string", "cim:key": True}, "n": {"type": "integer", "minimum": 0}}


def test_totals_are_exact_and_samples_the_first_rows(tmp_path: Path) -> None:
    layer = plain({"properties": {"n": {"minimum": 0}, "m": {"maximum": 0}}})
    rows = 300_000
    table = {"n": [-1 if i % 3 == 0 else 1 for i in range(rows)], "m": [1 if i == rows - 1 else 0 for i in range(rows)]}
    mapped = deliver(tmp_path, table, layer)
    report = held(mapped, layer, samples=5)
    assert counts(report) == {"t.n#minimum": (rows, 100_000), "t.m#maximum": (rows, 1)}
    assert failures(report) == {"t.n#minimum": [0, 3, 6, 9, 12], "t.m#maximum": [rows - 1]}
    assert held(mapped, layer, samples=0).findings == ()
    assert len(held(mapped, layer, samples=None).findings) == 100_001


def test_samples_are_bounded_over_all_deliveries(tmp_path: Path) -> None:
    layer = plain({"properties": {"n": {"minimum": 0}}})
    inputs = [(deliver(tmp_path, {"n": [-1, -1]}, layer, source=f"{i}.csv"), layer) for i in range(3)]
    report = held(inputs, samples=3)
    assert [(finding.source, finding.row) for finding in report.findings] == [("0.csv", 0), ("0.csv", 1), ("1.csv", 0)]
    assert counts(report) == {"t.n#minimum": (6, 6)}
    assert (report.coverage.features_checked, len(report.sources)) == (6, 3)


def test_levels(tmp_path: Path) -> None:
    layer = standard_layer(tmp_path, "b", FIELDS, required=["n"], **{"cim:geometry": {"types": ["Point"]}})
    mapped = deliver(tmp_path, {"id": ["a", "a"], "n": [-1, None]}, layer)

    def codes(level: str | None) -> set[str]:
        return {finding.code for finding in held(mapped, layer, level=level).findings}

    assert codes("L0") == set()
    assert codes("L1") == {"required"}
    assert codes("L2") == {"required", "minimum"}
    assert codes("L3") == {"required", "minimum", "key.duplicate"}
    assert codes("L4") == codes(None) == {"required", "minimum", "key.duplicate", "geometry.missing"}


@pytest.mark.parametrize(("setting", "value"), [("engine", "sqll"), ("level", "L9")])
def test_unknown_settings(setting: str, value: str, tmp_path: Path) -> None:
    layer = plain({})
    with pytest.raises(UsageError, match=value):
        held(deliver(tmp_path, {"n": [1]}, layer), layer, **{setting: value})


def test_findings_speak_of_the_sources_columns(tmp_path: Path) -> None:
    layer = standard_layer(
        tmp_path, "b", {"height": {"title": "Height", "type": "number", "minimum": 0, "cim:names": {"zh": "高度"}}}
    )
    mapped = deliver(tmp_path, {"height": ["-3", "tall"]}, layer, text=True, origins={"height": ("GAODU",)})
    english = {f.code: (f.field, f.value, f.message) for f in held(mapped, layer).findings}
    assert english == {
        "type": ("GAODU", "tall", "Height (GAODU) is 'tall', but must be a number."),
        "minimum": ("GAODU", -3, "Height (GAODU) is -3, but must be at least 0."),
    }
    chinese = {finding.code: finding.message for finding in held(mapped, layer, lang="zh").findings}
    assert chinese == {"type": "高度（GAODU）为 'tall'，应为数值。", "minimum": "高度（GAODU）为 -3，应不小于 0。"}


def test_two_runs_give_the_same_report(tmp_path: Path) -> None:
    layer = plain({"properties": {"n": {"minimum": 0}, "s": {"pattern": "^(?!a)"}}})
    mapped = deliver(tmp_path, {"n": [i % 7 - 3 for i in range(50_000)], "s": ["a", "b"] * 25_000}, layer)
    first, second = (json.dumps(held(mapped, layer).to_dict()) for _ in range(2))
    assert first == second


def test_the_report_has_its_published_shape(root: Path, tmp_path: Path) -> None:
    layer = standard_layer(tmp_path, "b", FIELDS, required=["n"], **{"cim:geometry": {"types": ["Point"]}})
    report = held(deliver(tmp_path, {"id": ["a", "a"], "n": [float("nan"), 1.5]}, layer), layer)
    document = json.loads(json.dumps(report.to_dict(), allow_nan=False))
    jsonschema.validate(document, json.loads((root / "schemas/report.schema.json").read_text("utf-8")))
    assert [f["value"] for f in document["findings"] if f["code"] == "type"] == ["nan", 1.5]


def test_names_that_want_quoting(tmp_path: Path) -> None:
    name = 'a "b"; DROP TABLE x --'
    layer = plain({"properties": {name: {"minimum": 0}, "select": {"maximum": 0}, "名称": {"minLength": 2}}})
    report = held(deliver(tmp_path, {name: [-1], "select": [1], "名称": ["中"]}, layer), layer)
    assert failures(report) == {f"t.{name}#minimum": [0], "t.select#maximum": [0], "t.名称#minLength": [0]}


def test_many_rules_at_once(tmp_path: Path) -> None:
    properties = {f"c{i}": {"type": "integer", "minimum": 1, "maximum": 5, "enum": [1, 2, 3]} for i in range(60)}
    layer = plain({"properties": properties, "required": list(properties)})
    report = held(deliver(tmp_path, {name: [1, 9, None] for name in properties}, layer), layer)
    assert len(report.rules) == 300
    assert report.totals["error"] == 60 * 3


def test_every_kind_of_rule_has_a_module_that_decides_it(root: Path) -> None:
    """What ``rules.yaml`` may ask is asked of somebody, and of nobody else."""
    from importlib import import_module

    from cimkit.check.kinds import EXPECTATION, KINDS

    schema = json.loads((root / "schemas/rules.schema.json").read_text(encoding="utf-8"))
    assert set(schema["items"]["properties"]["check"]["enum"]) == {*KINDS, EXPECTATION.code}
    for name, kind in KINDS.items():
        assert hasattr(import_module(kind.module), "expression_rules" if name == "expression" else "decide"), name
