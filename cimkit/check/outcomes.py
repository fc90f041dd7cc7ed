"""What became of a rule: exact totals, the first records that failed, and what is said of each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from cimkit.check.rules import Rule


@dataclass(frozen=True, slots=True)
class Detail:
    """What a finding of one record says beyond its rule.

    ``value`` is the offending value, ``says`` more for the message of the rule's code, ``point``
    the place in the layer's own CRS where that is not simply the record's.
    """

    value: Any = None
    says: Mapping[str, Any] = field(default_factory=dict)
    point: tuple[float, float] | None = None
    hint: str | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one rule over one delivered layer.

    ``checked`` records it applied to, ``failed`` records that failed, the first ``rows`` of those, and
    by row what is said of each.
    """

    rule: Rule
    checked: int
    failed: int
    rows: tuple[int, ...]
    details: Mapping[int, Detail] = field(default_factory=dict)
