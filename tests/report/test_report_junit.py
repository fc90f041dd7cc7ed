"""JUnit XML: valid, well-formed whatever a stranger wrote, errors fail and warnings do not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from lxml import etree
from report_samples import failing, hostile, passing

from cimkit import report as reports
from cimkit.model import Report


def tree(report: Report, lang: str = "en") -> Any:
    return etree.fromstring(reports.render(report, "junit", lang).encode())


@pytest.mark.parametrize("lang", ["en", "zh"])
@pytest.mark.parametrize("report", [failing(), passing(), hostile()], ids=["failing", "passing", "hostile"])
def test_it_is_junit(report: Report, lang: str) -> None:
    schema = etree.XMLSchema(etree.parse(Path(__file__).parent / "junit.xsd"))
    schema.assertValid(tree(report, lang))


def test_errors_fail_warnings_pass_and_what_was_not_decided_is_skipped() -> None:
    cases = {case.get("name"): case for case in tree(failing()).iter("testcase")}
    assert [child.tag for child in cases["building.height_m#exclusiveMinimum"]] == ["failure"]
    assert [child.tag for child in cases["building.storey_height"]] == ["system-out"]
    assert [child.tag for child in cases["building.parcel_code#ref"]] == ["skipped"]
    assert len(cases["building.id#required"]) == 0
    failure = cases["building.height_m#exclusiveMinimum"][0]
    assert failure.get("message") == "Number too small: 1,234 of 2,000 records"
    assert "buildings.shp:建筑物[9] JZGD" in failure.text
    assert "1,224 more" in failure.text


def test_the_counts_are_those_of_the_cases() -> None:
    for report in (failing(), passing(), hostile()):
        top = tree(report)
        for each in (top, *top.iter("testsuite")):
            assert int(each.get("tests")) == len(list(each.iter("testcase")))
            assert int(each.get("failures")) == len(list(each.iter("failure")))
            assert int(each.get("skipped")) == len(list(each.iter("skipped")))
    assert tree(passing()).get("failures") == "0"
