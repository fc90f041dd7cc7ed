"""What fusion takes and tells."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cimkit.model.words import as_dict


@dataclass(frozen=True, slots=True)
class FusionSource:
    """One source of a fusion: a Parquet file in the standard's columns with its geometry in ``crs``.

    ``trust`` is 0..1; ``as_of`` an ISO date; ``roles`` maps a role (id, name, height …) to a column.
    """

    name: str
    path: Path
    crs: str | None
    trust: float = 0.5
    as_of: str | None = None
    roles: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class FusionReport:
    """Counts of one fusion, in the shape of its ``report.json``."""

    layer: str
    profile: str
    records: Mapping[str, int]  # source -> records that came in
    entities: int
    relations: Mapping[str, int]  # "1:1", "1:n", "n:1", "m:n", "single" -> entities
    bands: Mapping[str, int]  # auto | review | reject -> candidate pairs
    match_rates: Mapping[str, float]  # source -> share of its records fused with another source's
    conflicts: Mapping[str, int]  # attribute -> entities with a differing claim
    findings: tuple[Mapping[str, str], ...] = ()
    timings: tuple[Mapping[str, Any], ...] = ()
    truth: Mapping[str, float] | None = None

    def to_dict(self) -> dict[str, Any]:
        result: dict[str, Any] = as_dict(self)
        return result
