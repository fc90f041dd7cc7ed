"""What was mended in a layer: every kind of repair, how often, and an example of each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from cimkit.model.words import as_dict


@dataclass(frozen=True, slots=True)
class Repair:
    """One kind of repair of one column (``geometry`` too): exact count, and what became of one cell."""

    code: str
    field: str
    count: int
    row: int
    before: Any
    after: Any


@dataclass(frozen=True, slots=True)
class RepairReport:
    """What a repair changes; ``target`` is None where nothing was written.

    ``before`` and ``after`` are how many findings of each severity there were, and are left.
    """

    source: str
    layer: str
    target: str | None
    rows: int
    rows_changed: int
    repairs: tuple[Repair, ...]
    before: dict[str, int]
    after: dict[str, int]

    def to_dict(self) -> dict[str, Any]:
        return {name: as_dict(getattr(self, name)) for name in self.__slots__}
