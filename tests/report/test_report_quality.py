"""The ISO 19157 element: the right elements in the order of the published schema, with the register's measures."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from lxml import etree
from report_samples import failing, hostile, passing, rule

from cimkit import report as reports
from cimkit.check.codes import MEASURES
from cimkit.model import Report
from cimkit.report.measures import MEASURES as NAMED

SPACES = {
    "mdq": "http://standards.iso.org/iso/19157/-2/mdq/1.0",
    "mcc": "http://standards.iso.org/iso/19115/-3/mcc/1.0",
    "gco": "http://standards.iso.org/iso/19115/-3/gco/1.0",
}
#: Parent -> its children in order, with how many there may be; after ISO/TS 19157-2 mdq 1.0 and ISO 19115-3 mcc 1.0.
ORDER = {
    "DQ_DataQuality": [("scope", 1, 1), ("report", 1, 9999)],
    "scope": [("MD_Scope", 1, 1)],
    "resultScope": [("MD_Scope", 1, 1)],
    "MD_Scope": [("level", 1, 1), ("levelDescription", 0, 9)],
    "level": [("MD_ScopeCode", 1, 1)],
    "DQ_MeasureReference": [("measureIdentification", 0, 1), ("nameOfMeasure", 0, 9), ("measureDescription", 0, 1)],
    "MD_Identifier": [("code", 1, 1), ("codeSpace", 0, 1)],
    "DQ_FullInspection": [("evaluationMethodDescription", 0, 1), ("evaluationMethodType", 0, 1)],
    "DQ_QuantitativeResult": [("resultScope", 0, 1), ("value", 1, 9), ("valueRecordType", 0, 1)],
    "DQ_ConformanceResult": [("specification", 1, 1), ("explanation", 0, 1), ("pass", 1, 1)],
    "DQ_DescriptiveResult": [("statement", 1, 1)],
}
ELEMENT = [("measure", 0, 1), ("evaluationMethod", 0, 1), ("result", 1, 9)]


def tree(report: Report, lang: str = "en") -> Any:
    return etree.fromstring(reports.render(report, "quality", lang).encode())


def local(node: Any) -> str:
    return etree.QName(node).localname


@pytest.mark.parametrize("lang", ["en", "zh"])
@pytest.mark.parametrize("report", [failing(), passing(), hostile()], ids=["failing", "passing", "hostile"])
def test_every_element_has_its_children_in_order(report: Report, lang: str) -> None:
    top = tree(report, lang)
    assert etree.QName(top).namespace == SPACES["mdq"]
    for node in top.iter():
        name = local(node)
        within = node.getparent() is not None and local(node.getparent()) == "report"
        asked = ELEMENT if within else ORDER.get(name)
        if asked is None:
            continue
        names = [local(child) for child in node]
        assert names == sorted(names, key=[n for n, _, _ in asked].index)
        for child, least, most in asked:
            assert least <= names.count(child) <= most, (name, child)


def test_each_rule_is_reported_with_its_measure() -> None:
    top = tree(failing())
    found = top.findall("mdq:report/mdq:DQ_DomainConsistency", SPACES)
    assert len(found) == len(failing().rules)
    height = found[1]
    values = [record.text for record in height.iterfind(".//gco:Record", SPACES)]
    assert values == ["1234", "0.617"]
    assert height.findtext(".//mcc:code/gco:CharacterString", None, SPACES) == "16"
    assert "value domain" in height.findtext(".//mdq:nameOfMeasure/gco:CharacterString", None, SPACES)
    assert top.findtext(".//gco:Boolean", None, SPACES) == "false"
    assert tree(passing()).findtext(".//gco:Boolean", None, SPACES) == "true"


@pytest.mark.parametrize(
    ("measure", "failed", "checked", "values"),
    [(159, 0, 10, ["false"]), (159, 3, 10, ["true"]), (101, 0, 10, ["true"]), (101, 1, 10, ["false"]),
     (204, 1, 4, ["0.25"]), (207, 1, 4, ["0.75"]), (6, 1, 4, ["1", "0.25"]), (6, 0, 0, ["0", "0"])],
)  # fmt: skip
def test_a_measure_gets_the_value_it_asks_for(measure: int, failed: int, checked: int, values: list[str]) -> None:
    only = replace(rule("a.b#c", "c", failed, checked), iso19157=measure)
    top = tree(replace(passing(), rules=(only,)))
    assert [record.text for record in top.iterfind(".//gco:Record", SPACES)] == values


def test_every_measure_of_ours_is_an_element_of_the_schema() -> None:
    for number in sorted(set(MEASURES.values())):
        top = tree(replace(passing(), rules=(replace(rule("a.b#c", "c", 1), iso19157=number),)))
        names = [local(each[0]) for each in top.iterfind("mdq:report", SPACES)]
        assert names[-1] != "DQ_UsabilityElement", NAMED[number]
    top = tree(replace(passing(), rules=(replace(rule("a.b#c", "c", 1), iso19157=9999),)))
    assert [local(each[0]) for each in top.iterfind("mdq:report", SPACES)] == ["DQ_UsabilityElement"] * 2


def test_conformance_classes_and_what_was_not_decided() -> None:
    text = reports.render(hostile(), "quality", "en")
    assert "Conformance class core (Core &lt;b&gt;)" in text
    assert 'nilReason="unknown"' in text
    assert "7 rules of its levels failed." in text
    assert text.count("mdq:DQ_DescriptiveResult>") == 2 * len(hostile().coverage.rules.skipped)
