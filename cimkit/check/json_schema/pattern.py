"""JSON Schema patterns (ECMA-262, as with its ``u`` flag) said in RE2 for DuckDB and in Python's ``re``.

The two engines of a check must read a pattern alike, and as the standard means it: ``\\d``
is ASCII, ``\\s`` is not, ``$`` is the very end, ``.`` stops at four line terminators. So a
pattern is parsed once and written out for both; character classes travel as ranges of code
points. What RE2 has no words for (look-around, back-references, huge repetitions) is left
to Python; what is no ECMA-262 pattern at all is read as Python reads it.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import pyarrow as pa
import pyarrow.compute as pc

from cimkit.check.json_schema.code_points import (
    DIGIT,
    LAST,
    LINE_ENDS,
    SPACE,
    WORD,
    Ranges,
    negated,
    union,
    with_property,
    without_surrogates,
)
from cimkit.errors import StandardError

_CONTROLS = {"t": 0x09, "n": 0x0A, "v": 0x0B, "f": 0x0C, "r": 0x0D}
_RE2_MOST_REPETITIONS = 1000


@dataclass(frozen=True, slots=True)
class Pattern:
    """One pattern for both engines. ``re2`` is None where RE2 cannot say it; ``why`` tells."""

    source: str
    re2: str | None
    why: str | None
    search: Callable[[str], object]


@lru_cache(maxsize=1024)
def compile_pattern(source: str) -> Pattern:
    """A pattern ready for both engines; it matches anywhere in a text unless anchored.

    Raises:
        StandardError: neither ECMA-262 nor Python can read it.
    """
    parser = _Parser(source)
    try:
        re2, python = parser.parse()
        search = re.compile(python, re.ASCII).search
    except (_NotEcma, re.error, OverflowError) as problem:
        return _as_python_reads_it(source, str(problem))
    why = parser.beyond_re2 or _refused_by_re2(re2)
    return Pattern(source, None if why else re2, why, search)


def _as_python_reads_it(source: str, problem: str) -> Pattern:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of what may mean something else one day
            search = re.compile(source).search
    except (re.error, OverflowError, RecursionError) as error:
        raise StandardError(
            f"The pattern {source!r} cannot be read: {problem}.",
            hint="Patterns are written as in ECMA-262 (JavaScript), with its u flag.",
        ) from error
    return Pattern(source, None, f"it is no ECMA-262 pattern: {problem}", search)


def _refused_by_re2(re2: str) -> str | None:
    """Why RE2 refuses a pattern that looks right (its program may be too large), or None."""
    try:
        pc.match_substring_regex(pa.array([""]), re2)
    except (pa.ArrowInvalid, ValueError) as error:
        return f"RE2 refuses it: {error}"
    return None


class _NotEcma(Exception):
    """The text is no ECMA-262 pattern (with the u flag)."""


class _Parser:
    """Recursive descent over ECMA-262 §22.2.1; every rule returns the text for (RE2, Python)."""

    def __init__(self, source: str) -> None:
        self.text = source
        self.at = 0
        self.beyond_re2: str | None = None
        self.open: set[int] = set()
        self.groups = 0
        self.names: dict[str, int] = {}

    def parse(self) -> tuple[str, str]:
        try:
            result = self.alternatives()
        except RecursionError as error:
            raise _NotEcma("it is nested too deeply") from error
        if self.at < len(self.text):
            raise _NotEcma(f"unmatched '{self.text[self.at]}' at character {self.at + 1}")
        return result

    # ---- reading

    def ahead(self, text: str) -> bool:
        return self.text.startswith(text, self.at)

    def take(self, text: str) -> bool:
        if self.ahead(text):
            self.at += len(text)
            return True
        return False

    def match(self, expression: str) -> re.Match[str] | None:
        found = re.compile(expression).match(self.text, self.at)
        if found:
            self.at = found.end()
        return found

    def next(self) -> str:
        if self.at >= len(self.text):
            raise _NotEcma("it ends too early")
        self.at += 1
        return self.text[self.at - 1]

    # ---- the grammar

    def alternatives(self) -> tuple[str, str]:
        branches = [self.sequence()]
        while self.take("|"):
            branches.append(self.sequence())
        return "|".join(b[0] for b in branches), "|".join(b[1] for b in branches)

    def sequence(self) -> tuple[str, str]:
        re2, python = [], []
        while self.at < len(self.text) and self.text[self.at] not in "|)":
            term = self.term()
            re2.append(term[0])
            python.append(term[1])
        return "".join(re2), "".join(python)

    def term(self) -> tuple[str, str]:
        if self.take("^"):
            return r"\A", r"\A"
        if self.take("$"):
            return r"\z", r"\Z"
        for assertion in (r"\b", r"\B"):
            if self.take(assertion):
                return assertion, assertion
        for opening in ("(?=", "(?!", "(?<=", "(?<!"):
            if self.take(opening):
                self.beyond_re2 = "RE2 has no look-around"
                inside = self.alternatives()[1]
                self.close()
                return "", f"{opening}{inside})"
        atom = self.atom()
        return self.quantified(atom)

    def close(self) -> None:
        if not self.take(")"):
            raise _NotEcma("a bracket is not closed")

    def atom(self) -> tuple[str, str]:
        character = self.next()
        if character == ".":
            return _written(negated(LINE_ENDS))
        if character == "[":
            return _written(self.character_class())
        if character == "(":
            return self.group()
        if character == "\\":
            return self.escape()
        if character in "*+?":
            raise _NotEcma(f"nothing to repeat at character {self.at}")
        # Annex B reads a bracket that opens nothing as itself.
        return _literal(ord(character))

    def group(self) -> tuple[str, str]:
        if self.take("?:"):
            re2, python = self.alternatives()
            self.close()
            return f"(?:{re2})", f"(?:{python})"
        named = self.match(r"\?<([^=!>][^>]*)>")
        if self.ahead("?") and not named:
            raise _NotEcma(f"unknown kind of group at character {self.at}")
        self.groups += 1
        number = self.groups
        if named:
            self.names[named.group(1)] = number
        self.open.add(number)
        re2, python = self.alternatives()
        self.close()
        self.open.discard(number)
        return f"({re2})", f"({python})"

    def quantified(self, atom: tuple[str, str]) -> tuple[str, str]:
        found = self.match(r"[*+?]|\{(\d+)(,(\d*))?\}")
        if not found:
            return atom
        quantifier = found.group(0)
        if found.group(1):
            most = max(int(n) for n in (found.group(1), found.group(3) or "0"))
            if found.group(3) and int(found.group(3)) < int(found.group(1)):
                raise _NotEcma(f"the repetition {quantifier} is the wrong way round")
            if most > _RE2_MOST_REPETITIONS:
                self.beyond_re2 = f"RE2 repeats at most {_RE2_MOST_REPETITIONS} times"
        lazy = "?" if self.take("?") else ""
        if self.match(r"[*+?]|\{\d+(,\d*)?\}"):
            raise _NotEcma(f"nothing to repeat at character {self.at}")
        return f"{atom[0]}{quantifier}{lazy}", f"{atom[1]}{quantifier}{lazy}"

    def escape(self) -> tuple[str, str]:
        named = self.match(r"k<([^>]+)>")
        if named:
            if f"(?<{named.group(1)}>" not in self.text:
                raise _NotEcma(f"there is no group '{named.group(1)}'")
            return self.back_reference(self.names.get(named.group(1), self.groups + 1))
        numbered = self.match(r"[1-9]\d*")
        if numbered:
            return self.back_reference(int(numbered.group(0)))
        ranges = self.class_escape()
        if ranges is not None:
            return _written(ranges)
        return _literal(self.character_escape())

    def back_reference(self, number: int) -> tuple[str, str]:
        self.beyond_re2 = "RE2 has no back-references"
        if number > self.groups or number in self.open:
            return "", ""  # a group that has not matched yet stands for the empty text
        return "", f"(?({number})\\{number})"

    def class_escape(self) -> Ranges | None:
        r"""The set of \d \D \w \W \s \S \p{…} \P{…}, or None where something else follows the backslash."""
        for letter, ranges in (("d", DIGIT), ("w", WORD), ("s", SPACE)):
            if self.take(letter):
                return ranges
            if self.take(letter.upper()):
                return negated(ranges)
        found = self.match(r"([pP])\{(?:(\w+)=)?(\w+)\}")
        if not found:
            return None
        try:
            ranges = with_property(found.group(2), found.group(3))
        except LookupError as error:
            raise _NotEcma(str(error)) from error
        return ranges if found.group(1) == "p" else negated(ranges)

    def character_escape(self) -> int:
        found = self.match(r"u\{([0-9A-Fa-f]+)\}") or self.match(r"x([0-9A-Fa-f]{2})")
        if found:
            return _code_point(int(found.group(1), 16))
        found = self.match(r"u([dD][89abAB][0-9A-Fa-f]{2})\\u([dD][c-fC-F][0-9A-Fa-f]{2})")
        if found:
            high, low = (int(found.group(i), 16) for i in (1, 2))
            return 0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00)
        found = self.match(r"u([0-9A-Fa-f]{4})")
        if found:
            return int(found.group(1), 16)
        found = self.match(r"c([A-Za-z])")
        if found:
            return ord(found.group(1)) % 32
        if self.match(r"0(?!\d)"):
            return 0
        character = self.next()
        if character in _CONTROLS:
            return _CONTROLS[character]
        if character.isascii() and character.isalnum():
            raise _NotEcma(f"'\\{character}' has no meaning")
        return ord(character)

    def character_class(self) -> Ranges:
        negative = self.take("^")
        found: list[tuple[int, int]] = []
        while not self.take("]"):
            first = self.class_member()
            if self.ahead("-") and not self.ahead("-]") and len(first) == 1 and first[0][0] == first[0][1]:
                self.at += 1
                last = self.class_member()
                if len(last) != 1 or last[0][0] != last[0][1] or last[0][0] < first[0][0]:
                    raise _NotEcma(f"a range is the wrong way round at character {self.at}")
                first = ((first[0][0], last[0][0]),)
            found.extend(first)
        ranges = union(found)
        return negated(ranges) if negative else ranges

    def class_member(self) -> Ranges:
        character = self.next()
        if character != "\\":
            return ((ord(character), ord(character)),)
        if self.take("b"):
            return ((0x08, 0x08),)
        ranges = self.class_escape()
        if ranges is not None:
            return ranges
        code = self.character_escape()
        return ((code, code),)


def _code_point(code: int) -> int:
    if code > LAST:
        raise _NotEcma(f"there is no code point {code:X}")
    return code


# ---- writing --------------------------------------------------------------------------


def _literal(code: int) -> tuple[str, str]:
    if chr(code).isascii() and chr(code).isalnum():
        return chr(code), chr(code)
    return _written(((code, code),))


def _written(ranges: Ranges) -> tuple[str, str]:
    parts = without_surrogates(ranges)
    if not parts:
        return rf"[^\x00-\x{{{LAST:X}}}]", "(?!)"
    re2 = "".join(_span(low, high, lambda code: rf"\x{{{code:X}}}") for low, high in parts)
    python = "".join(_span(low, high, lambda code: rf"\U{code:08x}") for low, high in parts)
    return f"[{re2}]", f"[{python}]"


def _span(low: int, high: int, write: Callable[[int], str]) -> str:
    return write(low) if low == high else f"{write(low)}-{write(high)}"
