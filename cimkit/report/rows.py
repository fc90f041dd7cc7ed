"""Findings and rules as rows of a table, for the formats that are tables."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from cimkit.model import Finding, Report
from cimkit.report.as_json import compact


class FindingRow(NamedTuple):
    """One finding; ``value`` is JSON, so that every kind of value has one type, and ``iso19157`` the measure."""

    severity: str
    rule: str
    code: str
    iso19157: int | None
    source: str
    layer: str
    row: int | None
    fid: str | None
    id: str | None
    cell: str | None
    field: str | None
    value: str | None
    message: str
    hint: str | None
    longitude: float | None
    latitude: float | None
    schema_pointer: str | None
    fingerprint: str | None


class RuleRow(NamedTuple):
    """One rule's totals; ``parameters`` are JSON."""

    rule: str
    code: str
    severity: str
    level: str
    iso19157: int | None
    layer: str
    field: str | None
    checked: int
    failed: int
    known: int
    suppressed: int
    parameters: str


def finding_rows(report: Report) -> Iterator[FindingRow]:
    """The stored findings, in their order."""
    measures = {(rule.rule, rule.code): rule.iso19157 for rule in report.rules}
    for f in report.findings:
        longitude, latitude = f.point or (None, None)
        yield FindingRow(
            severity=f.severity,
            rule=sound(f.rule),
            code=f.code,
            iso19157=measures.get((f.rule, f.code)),
            source=sound(f.source),
            layer=sound(f.layer),
            row=f.row,
            fid=f.fid and sound(f.fid),
            id=f.id and sound(f.id),
            cell=f.cell,
            field=f.field and sound(f.field),
            value=None if f.value is None else sound(compact(f.value)),
            message=sound(f.message),
            hint=f.hint and sound(f.hint),
            longitude=longitude,
            latitude=latitude,
            schema_pointer=f.schema_pointer and sound(f.schema_pointer),
            fingerprint=f.fingerprint,
        )


def rule_rows(report: Report) -> Iterator[RuleRow]:
    """The rules, in their order."""
    for r in report.rules:
        yield RuleRow(
            rule=sound(r.rule),
            code=r.code,
            severity=r.severity,
            level=r.level,
            iso19157=r.iso19157,
            layer=sound(r.layer),
            field=r.field and sound(r.field),
            checked=r.checked,
            failed=r.failed,
            known=r.known,
            suppressed=r.suppressed,
            parameters=sound(compact(dict(r.parameters))),
        )


def sound(text: str) -> str:
    """A text that can be written as UTF-8: file names and JSON may hold halves of characters."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode("utf-8")


def shown(finding: Finding) -> str | None:
    """The offending value as a person writes it: texts as they are, the rest as JSON."""
    if finding.value is None:
        return None
    return sound(finding.value if isinstance(finding.value, str) else compact(finding.value))
