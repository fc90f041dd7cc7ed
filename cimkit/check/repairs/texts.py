"""Repairs of text cells. Each says the same thing in the form that the standard asks for, or does nothing.

A repair is safe where it can only be read one way: a day that begins with the year, a label that
is exactly one code's, a number with the unit of its field behind it. What is ambiguous stays.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from functools import cached_property

from cimkit.check.hygiene import blanks, full_width, mojibake
from cimkit.standard import Codelist, FieldSpec

_DAY = re.compile(r"([0-9]{4})[-/.年]([0-9]{1,2})[-/.月]([0-9]{1,2})日?|([0-9]{4})([0-9]{2})([0-9]{2})")
_NUMBER = re.compile(r"[-+]?[0-9]+(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?")
# One comma before three digits may be a decimal comma: 1,234.
_THOUSANDS = re.compile(r"[-+]?[0-9]{1,3}(?:(?:,[0-9]{3}){2,}|(?:,[0-9]{3})+\.[0-9]+)")
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
            if mended and mended != value:  # nothing is made empty: what is missing stays for people to see
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
            # A unit that begins with a digit (UCUM has 1 and 10*) cannot be told from the number.
            if (
                unit
                and not unit[0].isdigit()
                and value.endswith(unit)
                and _NUMBER.fullmatch(value.removesuffix(unit).rstrip())
            ):
                value = value.removesuffix(unit).rstrip()
        if _THOUSANDS.fullmatch(value):
            value = value.replace(",", "")
        whole = _WHOLE.fullmatch(value)
        if whole and "number" not in self.spec.types:
            value = whole.group(1)
        return value if _NUMBER.fullmatch(value) else None

    def _code(self, value: str) -> str | None:
        """The code whose label this is, and of a code that one other replaced that other one."""
        assert self.codelist is not None
        if value in self.codelist.codes:
            return _current(value, self.codelist)
        called = self._called.get(value.casefold(), set())
        return next(iter(called)) if len(called) == 1 else None

    @cached_property
    def _called(self) -> Mapping[str, set[str]]:
        """What the codes are called, in small letters -> the codes of today that are called so."""
        found: dict[str, set[str]] = {}
        if self.codelist is not None:
            for code in self.codelist.codes.values():
                for name in (code.code, *code.labels.values()):
                    found.setdefault(name.casefold(), set()).add(_current(code.code, self.codelist))
        return found


def _current(code: str, codelist: Codelist) -> str:
    """The code that stands for it today, where each was replaced by one other."""
    seen = [code]
    while (known := codelist.codes.get(seen[-1])) is not None and len(known.replaced_by) == 1:
        if known.replaced_by[0] in seen:
            return code  # each replaced the other
        seen.append(known.replaced_by[0])
    return seen[-1]


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
