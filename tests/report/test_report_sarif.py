"""SARIF: valid, bounded as GitHub is, exact in its totals, and with places that editors find again."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import jsonschema
import pytest
from report_samples import failing, finding, hostile, passing

from cimkit import report as reports
from cimkit.model import Report
from cimkit.report import sarif

HERE = Path(__file__).parent


def run(report: Report, lang: str = "en") -> dict[str, Any]:
    document = json.loads(reports.render(report, "sarif", lang))
    jsonschema.Draft202012Validator(json.loads((HERE / "sarif_parts.schema.json").read_text("utf-8"))).validate(
        document
    )
    return document["runs"][0]


@pytest.mark.parametrize("lang", ["en", "zh"])
@pytest.mark.parametrize("report", [failing(), passing(), hostile()], ids=["failing", "passing", "hostile"])
def test_it_is_sarif(report: Report, lang: str) -> None:
    assert len(run(report, lang)["tool"]["driver"]["rules"]) == len(report.rules)


def test_our_schema_refuses_what_is_no_sarif() -> None:
    document = json.loads(reports.render(failing(), "sarif", "en"))
    document["runs"][0]["results"][0]["level"] = "fatal"
    schema = json.loads((HERE / "sarif_parts.schema.json").read_text("utf-8"))
    with pytest.raises(jsonschema.ValidationError, match="fatal"):
        jsonschema.validate(document, schema)


@pytest.mark.shared
@pytest.mark.parametrize("report", [failing(), passing(), hostile()], ids=["failing", "passing", "hostile"])
def test_the_published_schema_takes_it(report: Report, shared: Path) -> None:
    published = sorted((shared / "suites").glob("sarif/sarif*2.1.0*.json"))
    if not published:
        pytest.skip("the schema of OASIS is not among the suites")
    schema = json.loads(published[0].read_text("utf-8"))
    validator = jsonschema.validators.validator_for(schema)(schema)
    assert [error.message for error in validator.iter_errors(json.loads(reports.render(report, "sarif", "zh")))] == []


def test_results_lead_to_their_rules_and_files() -> None:
    found = run(failing())
    rules, artifacts = found["tool"]["driver"]["rules"], found["artifacts"]
    for result in found["results"]:
        assert rules[result["ruleIndex"]]["id"] == result["ruleId"]
        at = result["locations"][0]["physicalLocation"]["artifactLocation"]
        assert artifacts[at["index"]]["location"]["uri"] == at["uri"]
    uri = found["results"][0]["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]
    assert uri.isascii()
    assert unquote(uri) == "survey/建筑 2024/buildings.shp"


def test_totals_are_exact_and_the_stored_are_told() -> None:
    found = run(failing())
    assert found["properties"]["totals"] == failing().totals
    height = next(r for r in found["tool"]["driver"]["rules"] if r["id"] == "building.height_m#exclusiveMinimum")
    assert height["properties"] | {"failed": 1234, "checked": 2000, "iso19157": 16} == height["properties"]
    notes = [note["message"]["text"] for note in found["invocations"][0]["toolExecutionNotifications"]]
    assert notes[0] == "15 findings are stored of 1,748 failures; totals are exact."
    assert notes[1] == "Not decided: building.parcel_code#ref: 未提供图层“parcel”"


def test_a_rule_without_stored_findings_has_one_result() -> None:
    found = run(replace(failing(), findings=()))
    assert len(found["results"]) == 5
    assert found["results"][0]["message"]["text"] == "Number too small: 1,234 of 2,000 records"


def test_no_more_than_github_takes_and_errors_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sarif, "MOST_RESULTS", 4)
    warnings = tuple(finding("building.storey_height", "expression", row, "x", severity="warning") for row in range(6))
    found = run(replace(failing(), findings=warnings + failing().findings[:3]))
    assert [result["level"] for result in found["results"]] == ["error"] * 3 + ["warning"]
    assert found["properties"]["resultsLeftOut"] == 8  # five warnings, and three rules without a finding
    notes = [note["message"]["text"] for note in found["invocations"][0]["toolExecutionNotifications"]]
    assert "8 findings are left out" in notes[1]


def test_fingerprints_lines_and_rules_that_share_an_address() -> None:
    report = hostile()
    found = run(report)
    assert found["results"][0]["partialFingerprints"] == {"cimkit/v1": "0000000000000000"}
    lines = [result["locations"][0]["physicalLocation"]["region"]["startLine"] for result in found["results"][:2]]
    assert lines == [2, 3]
    twins = (replace(report.rules[0], code="a"), replace(report.rules[0], code="b"))
    ids = [rule["id"] for rule in run(replace(report, rules=twins, findings=()))["tool"]["driver"]["rules"]]
    assert ids == ["layer.=1+1#pattern/a", "layer.=1+1#pattern/b"]


def test_uris() -> None:
    from cimkit.report.places import uri

    assert uri("./a b/ü#1%.shp") == "a%20b/%C3%BC%231%25.shp"
    assert uri("../x.csv") == "../x.csv"
    assert uri("/data/x.csv") == "file:///data/x.csv"
    assert uri("a:b.csv") == "a%3Ab.csv"
    assert uri("bad\udcff.csv") == "bad%FF.csv"  # as it is on the disk
