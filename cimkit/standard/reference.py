"""How a standard is named: ``cim-core``, ``cim-core@0.1.0``, ``cim-core@^0.1/building``, a folder."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import total_ordering
from pathlib import Path

from cimkit.errors import StandardError

_VERSION = re.compile(r"(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(?:-([0-9A-Za-z.-]+))?")
_RANGE = re.compile(r"([\^~]?)(0|[1-9]\d*)(?:\.(0|[1-9]\d*))?(?:\.(0|[1-9]\d*))?")
_REFERENCE = re.compile(r"([a-z][a-z0-9-]*)(?:@([^/]+))?(?:/([a-z][a-z0-9_]*))?")

MANIFEST = "standard.yaml"


@total_ordering
@dataclass(frozen=True, slots=True)
class Version:
    """A semantic version (semver.org 2.0.0); a pre-release comes before its release."""

    major: int
    minor: int
    patch: int
    pre: str = ""

    @classmethod
    def parse(cls, text: str) -> Version | None:
        match = _VERSION.fullmatch(text)
        if match is None:
            return None
        return cls(int(match[1]), int(match[2]), int(match[3]), match[4] or "")

    def __str__(self) -> str:
        return f"{self.major}.{self.minor}.{self.patch}{f'-{self.pre}' if self.pre else ''}"

    def __lt__(self, other: Version) -> bool:
        return self._order() < other._order()

    def _order(self) -> tuple[int, int, int, bool, list[tuple[bool, int, str]]]:
        parts = self.pre.split(".") if self.pre else []
        pre = [(not part.isdigit(), int(part) if part.isdigit() else 0, part) for part in parts]
        return self.major, self.minor, self.patch, not self.pre, pre


def best(asked: str | None, versions: Iterable[Version]) -> Version | None:
    """The newest of ``versions`` that ``asked`` admits, or None.

    ``0.1.0`` is that version, ``0.1`` any 0.1.x, ``^0.1`` whatever is compatible with 0.1
    (the leftmost number that is not 0 stays), ``~0.1.2`` any 0.1.x from 0.1.2 on, None
    whatever there is. Pre-releases are found only by their full name.

    Raises:
        StandardError: ``asked`` is neither a version nor a range.
    """
    if asked is not None and (exact := Version.parse(asked)):
        return exact if exact in set(versions) else None
    match = _RANGE.fullmatch(asked) if asked is not None else None
    if asked is not None and match is None:
        raise StandardError(f"'{asked}' is not a version.", hint="Write it like 0.1.0, 0.1, ^0.1 or ~0.1.2.")
    low, high = _bounds(match) if match else (Version(0, 0, 0), None)
    admitted = [v for v in versions if not v.pre and low <= v and (high is None or v < high)]
    return max(admitted, default=None)


def _bounds(match: re.Match[str]) -> tuple[Version, Version | None]:
    """The least version in a range, and the least above it."""
    sign = match[1]
    numbers = [int(number) for number in match.groups()[1:] if number is not None]
    low = Version(*_three(numbers))
    if sign == "^":
        kept = next((i for i, number in enumerate(numbers) if number), len(numbers) - 1)
    else:
        kept = min(len(numbers) - 1, 1)
    return low, Version(*_three([*numbers[:kept], numbers[kept] + 1]))


def _three(numbers: list[int]) -> tuple[int, int, int]:
    major, minor, patch = [*numbers, 0, 0][:3]
    return major, minor, patch


def split_reference(text: str) -> tuple[str, str | None]:
    """The standard and the layer that a reference names: ``cim-core@^0.1/building`` or ``folder/building``.

    A folder that holds a package is taken whole, also where its path looks like an id.
    """
    path = Path(text)
    if (path / MANIFEST).is_file():
        return text, None
    match = _REFERENCE.fullmatch(text)
    if match:
        return text.split("/")[0], match[3]
    if (path.parent / MANIFEST).is_file():
        return str(path.parent), path.name
    return text, None


def parse_id(text: str) -> tuple[str, str | None] | None:
    """The id and version range of ``id`` or ``id@range``; None where ``text`` is no such name."""
    match = _REFERENCE.fullmatch(text)
    return (match[1], match[2]) if match and not match[3] else None
