"""Findings that somebody decided to live with: a file of rules, each with a reason and a last day."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from fnmatch import fnmatchcase
from pathlib import Path

from cimkit import documents
from cimkit.errors import UsageError


@dataclass(frozen=True, slots=True)
class Suppression:
    """One entry. ``ids`` are keys of records or fingerprints of findings; empty for all records."""

    rule: str
    reason: str
    until: date
    code: str | None = None
    source: str | None = None
    ids: tuple[str, ...] = ()

    def holds(self, now: datetime) -> bool:
        """Whether its last day is not over."""
        return now.date() <= self.until

    def covers(self, rule: str, code: str, source: str) -> bool:
        """Whether it speaks of a rule's findings in a file."""
        if self.code is not None and self.code != code:
            return False
        ends = self.source is None or fnmatchcase(f"/{Path(source).as_posix()}", _glob(f"*/{self.source}"))
        return ends and fnmatchcase(rule, _glob(self.rule))


def _glob(pattern: str) -> str:
    """A pattern in which brackets, of addresses (``tags[]#maxLength``) and of names, are themselves."""
    return pattern.replace("[", "[[]")


def load_suppressions(path: Path) -> list[Suppression]:
    """The suppressions of a YAML file.

    Raises:
        UsageError: the file is missing or broken, or a day does not exist.
    """
    entries = documents.load_yaml_list(path, UsageError)
    documents.validate(entries, "suppressions", path, UsageError)
    return [
        Suppression(
            rule=entry["rule"],
            reason=entry["reason"],
            until=_day(entry["until"], path),
            code=entry.get("code"),
            source=entry.get("source"),
            ids=tuple(str(each) for each in entry.get("ids", ())),
        )
        for entry in entries
    ]


def _day(text: str, path: Path) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise UsageError(f"{path}: there is no day '{text}'.", hint="Write it as 2026-12-31.") from error


def split(suppressions: Sequence[Suppression], now: datetime) -> tuple[list[Suppression], list[Suppression]]:
    """Those that hold, and those whose last day is over."""
    return [s for s in suppressions if s.holds(now)], [s for s in suppressions if not s.holds(now)]
