"""A report as a data-quality element of ISO 19157 in XML, to be set into a dataset's metadata (ISO 19115-3).

Namespaces and the order of elements are those of ISO/TS 19157-2, version 1.0 (mdq), and of ISO
19115-3 (mcc, cit, gco). Each rule is one report of the element that its measure belongs to; its
results are the number of records that failed and their rate, or what its measure asks for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cimkit.model import ClassResult, Report, RuleResult
from cimkit.report.measures import MEASURES
from cimkit.report.outline import address, against, class_title, exempt, parameters
from cimkit.report.titles import title
from cimkit.report.words import word
from cimkit.report.xml_text import clean

if TYPE_CHECKING:
    from collections.abc import Iterator

_SPACES = {
    "mdq": "http://standards.iso.org/iso/19157/-2/mdq/1.0",
    "mcc": "http://standards.iso.org/iso/19115/-3/mcc/1.0",
    "cit": "http://standards.iso.org/iso/19115/-3/cit/2.0",
    "gco": "http://standards.iso.org/iso/19115/-3/gco/1.0",
}
_CODELISTS = "http://standards.iso.org/iso/19115/resources/Codelists/cat/codelists.xml"
_METHODS = "http://standards.iso.org/iso/19157/resources/Codelists/cat/codelists.xml"
#: Where ISO keeps the measures of 19157-3, by their numbers.
_REGISTER = "https://standards.isotc211.org/19157/-3/1/dqc/content/qualityMeasure/"
#: The element that a measure belongs to -> its XML element; adherence to some set of requirements is usability.
_ELEMENTS = {
    "Commission": "DQ_CompletenessCommission",
    "Omission": "DQ_CompletenessOmission",
    "ConceptualConsistency": "DQ_ConceptualConsistency",
    "DomainConsistency": "DQ_DomainConsistency",
    "FormatConsistency": "DQ_FormatConsistency",
    "TopologicalConsistency": "DQ_TopologicalConsistency",
    "TemporalConsistency": "DQ_TemporalConsistency",
    "TemporalValidity": "DQ_TemporalValidity",
}
_OTHER = "DQ_UsabilityElement"
#: Measures whose value is no count, by the basic measures of the register: error or correctness
#: indicators (Boolean), rates of errors, rates of what is right.
_WRONG, _RIGHT = frozenset({1, 5, 8, 14, 119, 159}), frozenset({9, 15, 101})
_ERROR_RATES = frozenset({3, 7, 12, 18, 20, 22, 61, 67, 104, 201, 203, 204, 208, 209, 210, 211, 212, 213})
_CORRECT_RATES = frozenset({13, 17, 66, 105, 207})


def render(report: Report, lang: str = "en", *, color: bool = False, width: int = 80) -> str:
    """One ``mdq:DQ_DataQuality``: conformance first, then every rule, then what was not decided."""
    from lxml import etree

    top = etree.Element(f"{{{_SPACES['mdq']}}}DQ_DataQuality", nsmap=_SPACES)
    files = ", ".join(source.path for source in report.sources)
    _scope(_add(top, "mdq:scope"), "dataset", files)
    _conformance(top, against(report), "", report.verdict)
    for each in report.classes:
        specification = word("iso_specification", lang, id=each.id, title=class_title(each, lang), what=against(report))
        _conformance(top, specification, _explained(report, each, lang), each.verdict)
    for rule in report.rules:
        _rule(top, report, rule, lang)
    for skipped in report.coverage.rules.skipped:
        result = _add(top, f"mdq:report/mdq:{_OTHER}/mdq:result/mdq:DQ_DescriptiveResult")
        _text(result, "mdq:statement", word("not_decided", lang, rule=skipped.rule, why=skipped.why))
    etree.indent(top)
    text: str = etree.tostring(top, encoding="unicode")
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{text}\n'


def _conformance(top: Any, specification: str, explanation: str, verdict: str) -> None:
    result = _add(top, f"mdq:report/mdq:{_OTHER}/mdq:result/mdq:DQ_ConformanceResult")
    _text(result, "mdq:specification/cit:CI_Citation/cit:title", specification)
    if explanation:
        _text(result, "mdq:explanation", explanation)
    passed = _add(result, "mdq:pass")
    if verdict == "unchecked":
        passed.set(_name("gco:nilReason"), "unknown")
    else:
        _add(passed, "gco:Boolean").text = "true" if verdict == "pass" else "false"


def _explained(report: Report, each: ClassResult, lang: str) -> str:
    if each.verdict == "unchecked":
        return word("iso_unchecked", lang)
    failed = [r for r in report.rules if r.failed and r.severity == "error" and r.level in each.levels]
    return word("iso_class", lang, n=len(failed)) if failed else ""


def _rule(top: Any, report: Report, rule: RuleResult, lang: str) -> None:
    known = MEASURES.get(rule.iso19157 or 0)
    element = _add(top, f"mdq:report/mdq:{_ELEMENTS.get(known.element, _OTHER) if known else _OTHER}")
    reference = _add(element, "mdq:measure/mdq:DQ_MeasureReference")
    if rule.iso19157 is not None:
        identifier = _add(reference, "mdq:measureIdentification/mcc:MD_Identifier")
        _text(identifier, "mcc:code", str(rule.iso19157))
        _text(identifier, "mcc:codeSpace", _REGISTER)
    if known:
        _text(reference, "mdq:nameOfMeasure", known.zh if lang == "zh" else known.en)
    said = [f"{address(rule)}: {title(rule.code, lang)}", parameters(rule.parameters), exempt(rule, lang)]
    _text(reference, "mdq:measureDescription", ". ".join(part for part in said if part))
    method = _add(element, "mdq:evaluationMethod/mdq:DQ_FullInspection")
    _text(method, "mdq:evaluationMethodDescription", word("iso_method", lang, version=report.cimkit))
    kind = _add(method, "mdq:evaluationMethodType/mdq:DQ_EvaluationMethodTypeCode")
    kind.set("codeList", f"{_METHODS}#DQ_EvaluationMethodTypeCode")
    kind.set("codeListValue", "directInternal")
    level, where = ("attribute", f"{rule.layer}.{rule.field}") if rule.field else ("featureType", rule.layer)
    for value, value_type in _values(rule):
        result = _add(element, "mdq:result/mdq:DQ_QuantitativeResult")
        _scope(_add(result, "mdq:resultScope"), level, where)
        _add(result, "mdq:value/gco:Record").text = value
        _add(result, "mdq:valueRecordType/gco:RecordType").text = value_type


def _values(rule: RuleResult) -> Iterator[tuple[str, str]]:
    """The values that the rule's measure asks for, each with its type."""
    rate = rule.failed / rule.checked if rule.checked else 0.0
    if rule.iso19157 in _WRONG | _RIGHT:
        yield "true" if bool(rule.failed) == (rule.iso19157 in _WRONG) else "false", "Boolean"
    elif rule.iso19157 in _CORRECT_RATES:
        yield f"{1 - rate:.10g}", "Real"
    elif rule.iso19157 in _ERROR_RATES:
        yield f"{rate:.10g}", "Real"
    else:
        yield str(rule.failed), "Integer"
        yield f"{rate:.10g}", "Real"


def _scope(parent: Any, level: str, description: str) -> None:
    scope = _add(parent, "mcc:MD_Scope")
    code = _add(scope, "mcc:level/mcc:MD_ScopeCode")
    code.set("codeList", f"{_CODELISTS}#MD_ScopeCode")
    code.set("codeListValue", level)
    _text(scope, "mcc:levelDescription/mcc:MD_ScopeDescription/mcc:other", description)


def _text(parent: Any, path: str, text: str) -> None:
    _add(parent, f"{path}/gco:CharacterString").text = clean(text)


def _add(parent: Any, path: str) -> Any:
    """New elements, each inside the one before."""
    from lxml import etree

    for name in path.split("/"):
        parent = etree.SubElement(parent, _name(name))
    return parent


def _name(prefixed: str) -> str:
    prefix, _, name = prefixed.partition(":")
    return f"{{{_SPACES[prefix]}}}{name}"
