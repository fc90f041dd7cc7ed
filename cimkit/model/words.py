"""The words that records are made of, how a record becomes JSON, and how work tells of its progress."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Literal

Severity = Literal["error", "warning", "info"]
SEVERITIES: tuple[Severity, ...] = ("error", "warning", "info")
FailOn = Literal["error", "warning", "never"]
Level = Literal["L0", "L1", "L2", "L3", "L4", "L5"]
Lang = Literal["en", "zh"]
BBox = tuple[float, float, float, float]

#: Told of long work: (stage, units done, units in all or None where unknown).
Progress = Callable[[str, int, int | None], None]


def silent(stage: str, done: int, total: int | None) -> None:
    """The :data:`Progress` that tells nobody."""


def as_dict(record: Any) -> Any:
    """A record, or a container of records, as plain JSON values."""
    if dataclasses.is_dataclass(record) and not isinstance(record, type):
        return {f.name: as_dict(getattr(record, f.name)) for f in dataclasses.fields(record)}
    if isinstance(record, Mapping):
        return {str(key): as_dict(value) for key, value in record.items()}
    if isinstance(record, (list, tuple)):
        return [as_dict(item) for item in record]
    return str(record) if isinstance(record, Path) else record
