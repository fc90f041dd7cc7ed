"""What a fusion has to tell about its sources."""

from __future__ import annotations

from typing import Literal


class Findings:
    """Collects findings in the order they were made; each is ``{code, severity, source, message}``."""

    def __init__(self) -> None:
        self._found: list[dict[str, str]] = []

    def add(self, code: str, severity: Literal["error", "warning", "info"], source: str, message: str) -> None:
        """Take one in. ``code`` is stable: fuse.duplicate_id, fuse.empty_source, fuse.no_geometry,
        fuse.datum, fuse.same_source, fuse.ambiguous, fuse.unknown_decision."""
        self._found.append({"code": code, "severity": severity, "source": source, "message": message})

    def all(self) -> tuple[dict[str, str], ...]:
        return tuple(self._found)
