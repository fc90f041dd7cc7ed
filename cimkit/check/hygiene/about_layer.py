"""What is wrong with a delivered layer as a whole: its columns' names, its header, what its reader had to leave out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from cimkit.check.hygiene.names import Named, cut_names, repeated_names
from cimkit.check.hygiene.severities import severity_of
from cimkit.check.outcomes import Outcome
from cimkit.check.rules import Rule
from cimkit.messages import Plain, say
from cimkit.model import Finding, Mapped
from cimkit.standard import LayerSchema

#: Hints of readers that tell of records, values or characters that are not as they were meant. What they
#: tell of geometry is found again record by record; the rest is what a person should know, and no fault.
_INCOMPLETE = frozenset({
    "codes.digits_lost", "crs.mixed", "dbase.unreadable", "encoding.damaged", "geometry.nulled", "geometry.unbuilt",
    "record.unreadable", "records.incomplete", "shapefile.counts_differ", "table.errors", "table.several", "text.nul",
    "values.left_out", "values.other_type", "xlsx.cells_outside", "xlsx.formulas",
})  # fmt: skip


def layer_outcomes(
    mapped: Mapped, layer: LayerSchema, said: Mapping[str, str], level: str, *, lang: str
) -> Iterator[tuple[Outcome, list[Finding]]]:
    """What is found; nothing of what is as it should be."""
    hints = mapped.staged.facts.hints
    damage = [hint.message for hint in hints if hint.code in _INCOMPLETE]
    yield from _found(mapped, layer, "source.incomplete", [{"reason": message} for message in damage], said, lang)
    if level < "L1":
        return
    units = [{"value": Plain(hint.message)} for hint in hints if hint.code == "table.units_row"]
    yield from _found(mapped, layer, "table.units_row", units, said, lang)
    for code, named in (
        ("name.duplicate", repeated_names(mapped.staged)),
        ("name.cut", cut_names(mapped, layer)),
    ):
        yield from _found(mapped, layer, code, [_of_name(each, lang) for each in named], said, lang)


def _of_name(named: Named, lang: str) -> dict[str, Any]:
    hint = named.meant and say("hint.name_meant", lang, value=Plain(named.meant))
    return {"field": named.column, "value": named.column, "expected": Plain(named.other), "hint": hint or None}


def _found(
    mapped: Mapped,
    layer: LayerSchema,
    code: str,
    found: Sequence[Mapping[str, Any]],
    said: Mapping[str, str],
    lang: str,
) -> Iterator[tuple[Outcome, list[Finding]]]:
    severity = severity_of(code, said)
    if not found or severity is None:
        return
    rule = Rule(f"{layer.name}#{code}", code, layer.name, None, bad="FALSE", applies="FALSE", severity=severity)
    findings = []
    for each in found:
        words = {name: text for name, text in each.items() if name not in ("field", "hint")}
        value = each.get("value")
        findings.append(
            Finding(
                rule=rule.rule,
                code=code,
                severity=severity,
                source=mapped.staged.source.path,
                layer=mapped.staged.layer,
                message=say(code, lang, **words),
                field=each.get("field"),
                value=None if isinstance(value, Plain) else value,
                hint=each.get("hint"),
            )
        )
    yield Outcome(rule, len(found), len(found), ()), findings
