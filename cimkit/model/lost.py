"""What was lost on the way from one format to another."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cimkit.model.words import as_dict

if TYPE_CHECKING:
    from cimkit.model.delivered import Reject


@dataclass(frozen=True, slots=True)
class Loss:
    """One way in which a conversion changed the data; ``field`` is None for a whole layer."""

    code: str
    field: str | None
    count: int
    message: str
    example: Mapping[str, Any] | None = None  # {"row", "before", "after"}


@dataclass(frozen=True, slots=True)
class Rejected:
    """The records that salvage could not read: how many, and the first of them."""

    count: int = 0
    examples: tuple[Reject, ...] = ()


@dataclass(frozen=True, slots=True)
class LossReport:
    """Everything a conversion lost, the worst first; ``verified`` is None where the result was not re-read."""

    source: str
    target: str
    format: str
    rows_read: int
    rows_written: int
    losses: tuple[Loss, ...] = ()
    verified: bool | None = None
    rejected: Rejected = Rejected()

    def to_dict(self) -> dict[str, Any]:
        result: dict[str, Any] = as_dict(self)
        return result
