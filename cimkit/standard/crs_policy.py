"""In which coordinate reference systems a standard wants its data."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

_RANGE = re.compile(r"([A-Z]+):([0-9]+)\.\.([0-9]+)")


@dataclass(frozen=True, slots=True)
class CrsPolicy:
    """``allowed`` are codes (``EPSG:4490``) and ranges (``EPSG:4513..4554``); empty means any.

    ``vertical`` are the codes of height systems.
    """

    allowed: tuple[str, ...] = ()
    vertical: tuple[str, ...] = ()

    @classmethod
    def of(cls, manifest: Mapping[str, Any]) -> CrsPolicy:
        """The policy a manifest's ``crs`` states."""
        policy = manifest.get("crs", {})
        return cls(tuple(policy.get("allowed", ())), tuple(policy.get("vertical", ())))

    def allows(self, crs: str) -> bool:
        """Whether data may be in ``crs``, named as ``cimkit.crs.canonical`` names it."""
        return not self.allowed or any(_covers(entry, crs) for entry in self.allowed)


def _covers(entry: str, crs: str) -> bool:
    codes = _RANGE.fullmatch(entry)
    if codes is None:
        return entry == crs
    authority, _, number = crs.partition(":")
    return authority == codes[1] and number.isdecimal() and int(codes[2]) <= int(number) <= int(codes[3])
