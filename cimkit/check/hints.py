"""What to try about a finding: the nearest code, what replaced one, where else a key is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from rapidfuzz import fuzz, process

from cimkit.check.columns import ROW, Table
from cimkit.check.hygiene.advice import advice
from cimkit.check.relations.nearest_key import nearest_keys
from cimkit.check.rules import Rule
from cimkit.messages import Plain, say
from cimkit.model import Mapped
from cimkit.standard import Code, Codelist

if TYPE_CHECKING:
    import duckdb

#: How alike two texts must be, of 100, for one to be offered for the other.
_LIKE = 70


@dataclass(frozen=True)
class Hints:
    """Hints for the findings of one delivered layer; ``sources`` are the paths of all that were delivered."""

    con: duckdb.DuckDBPyConnection
    mapped: Mapped
    table: Table
    sources: Sequence[str]
    lang: str
    #: Table of missing references -> key -> the hint on the one that is meant.
    _near: dict[str, dict[str, str]] = field(default_factory=dict)

    def of(self, rule: Rule, row: int, value: Any, expected: Any) -> str | None:
        """The hint for one finding, or None where there is nothing to say."""
        return self._of_rule(rule, row, value, expected) or advice(value, self.lang)

    def _of_rule(self, rule: Rule, row: int, value: Any, expected: Any) -> str | None:
        if rule.code == "codelist" and isinstance(value, str):
            return self._nearest_code(value, (rule.says or {})["list"])
        if rule.code == "codelist.deprecated":
            code = (rule.says or {})["list"].codes[value]
            return say("hint.replaced", self.lang, value=list(code.replaced_by)) if code.replaced_by else None
        if rule.code == "codelist.not_valid_then":
            return self._code_period((rule.says or {})["list"].codes[value])
        if rule.code == "enum" and isinstance(value, str):
            close = _closest(value, [text for text in expected or () if isinstance(text, str)])
            return None if close is None else say("hint.nearest", self.lang, value=close)
        if rule.code == "key.duplicate":
            return self._other(rule, row)
        if rule.code == "relation.missing" and isinstance(value, str):
            return self._nearest_key(rule, value)
        if rule.code == "required" and rule.field is not None and rule.field not in self.table.columns:
            return self._undelivered(rule.field)
        return None

    def _nearest_code(self, value: str, codelist: Codelist) -> str | None:
        """The code that is meant, by the code or one of its labels."""
        names = {code.code: code for code in codelist.codes.values()}
        for code in codelist.codes.values():
            for label in code.labels.values():
                names.setdefault(label, code)
        close = _closest(value, list(names))
        if close is None:
            return None
        meant = names[close]
        called = meant.labels.get(self.lang)
        return say(
            "hint.nearest", self.lang, value=Plain(f"'{meant.code}' ({called})" if called else f"'{meant.code}'")
        )

    def _code_period(self, code: Code) -> str:
        period = f"{code.valid_from or '…'} – {code.valid_to or '…'}"
        replaced = f" {say('hint.replaced', self.lang, value=list(code.replaced_by))}" if code.replaced_by else ""
        return say("hint.code_period", self.lang, period=period) + replaced

    def _other(self, rule: Rule, row: int) -> str | None:
        says = rule.says or {}
        found = self.con.execute(
            f"SELECT other_delivery, other_row FROM {says['repeated']} WHERE delivery = ? AND {ROW} = ?",
            [says["delivery"], row],
        ).fetchone()
        if found is None:
            return None
        if found[0] == says["delivery"]:
            return say("hint.other", self.lang, row=found[1])
        return say("hint.other_elsewhere", self.lang, row=found[1], source=self.sources[found[0]])

    def _nearest_key(self, rule: Rule, value: str) -> str | None:
        says = rule.says or {}
        if "missing" not in says:
            return None
        if says["missing"] not in self._near:
            found = nearest_keys(self.con, says["missing"], says["known"], 1, self.lang)
            self._near[says["missing"]] = dict(self.con.execute(f"SELECT k0, hint FROM {found}").fetchall())
        return self._near[says["missing"]].get(value)

    def _undelivered(self, field: str) -> str:
        """No column became this field: perhaps one that was left over is meant."""
        close = _closest(field, self.mapped.unmapped)
        return say("hint.no_column", self.lang) if close is None else say("hint.column", self.lang, value=Plain(close))


def _closest(text: str, known: Sequence[str]) -> str | None:
    found = process.extractOne(text, known, scorer=fuzz.ratio, score_cutoff=_LIKE, processor=str.casefold)
    return None if found is None else str(found[0])
