"""Repairs of text cells. Each says the same thing in the form that the standard asks for, or does nothing.

A repair is safe where it can only be read one way: a day that begins with the year, a label that
is exactly one code's, a number with the unit of its field behind it. What is ambiguous stays.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date

from cimkit.check.hygiene import blanks, full_width, mojibake
from cimkit.standard import Codelist, FieldSpec

_DAY = re.compile(r"([0-9]{4})[-/.年]([0-9]{1,2})[-/.月]([0-9]{1,2})日?|([0-9]{4})([0-9]{2})([0-9]{2})")
_NUMBER = re.compile(r"[-+]?[0-9]+(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?")
_THOUSANDS = re.compile(r"[-+]?[0-9]{1,3}(?:,[0-9]{3})+(?:\.[0-9]+)?")
_WHOLE = re.compile(r"([-+]?[0-9]+)\.0+")
#: How the unit of a field is written in cells, beside its UCUM code.
_SPELT: Mapping[str, tuple[str, ...]] = {"m": ("米",), "m2": ("m²", "㎡", "平方米"), "a": ("年",), "%": ("％",)}

Step = Callable[[str], str | None]


@dataclass(frozen=True)
class TextRepairs:
    """The repairs of one column; ``spec`` is None for one that the standard does not know.

    ``formed``: the standard gives its texts a form (a pattern), so that they are no free words.
    """

    spec: FieldSpec | None
    codelist: Codelist | None
    formed: bool = False

    def of(self, value: str) -> Iterator[tuple[str, str]]:
        """(code, the value then) of every step that changes the value, in the order of the steps."""
        for code, step in self._steps():
            mended = step(value)
            if mended is not None and mended != value:
                yield code, mended
                value = mended

    def _steps(self) -> Iterator[tuple[str, Step]]:
        yield "repair.encoding", mojibake.repaired
        yield "repair.blanks", blanks.without
        if self.spec is None:
            return
        if self.formed or _is_code(self.spec):
            yield "repair.full_width", full_width.narrowed
        if self.spec.types and set(self.spec.types) <= {"integer", "number"}:
            yield "repair.number", self._number
        if self.spec.format == "date":
            yield "repair.date", _day
        if self.codelist is not None:
            yield "repair.code", self._code

    def _number(self, value: str) -> str | None:
        assert self.spec is not None
        for unit in (self.spec.unit, *_SPELT.get(self.spec.unit or "", ())):
            if unit and value.endswith(unit) and _NUMBER.fullmatch(value.removesuffix(unit).rstrip()):
                value = value.removesuffix(unit).rstrip()
        if _THOUSANDS.fullmatch(value):
            value = value.replace(",", "")
        whole = _WHOLE.fullmatch(value)
        if whole and "number" not in self.spec.types:
            value = whole.group(1)
        return value if _NUMBER.fullmatch(value) else None

    def _code(self, value: str) -> str | None:
        """The code whose label this is, or the one code that replaced it."""
        assert self.codelist is not None
        known = self.codelist.codes.get(value)
        if known is None:
            called = {
                code.code
                for code in self.codelist.codes.values()
                if value.casefold() in {code.code.casefold(), *(label.casefold() for label in code.labels.values())}
            }
            return called.pop() if len(called) == 1 else None
        return known.replaced_by[0] if len(known.replaced_by) == 1 else None


def _is_code(spec: FieldSpec) -> bool:
    """Whether a field holds codes, numbers or days rather than words."""
    return bool(spec.codelist or spec.key or spec.ref or spec.format or "string" not in spec.types)


def _day(value: str) -> str | None:
    found = _DAY.fullmatch(value)
    if not found:
        return None
    year, month, day = (int(part) for part in found.groups() if part is not None)
    try:
        return date(year, month, day).isoformat()
    except ValueError:
        return None
