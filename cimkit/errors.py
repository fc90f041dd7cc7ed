"""The errors a user can meet; each knows its exit code, and a hint where there is one to give."""

from __future__ import annotations

from collections.abc import Iterable


class CimkitError(Exception):
    """What, where and why in the message; what to try in ``hint``."""

    exit_code = 4

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.hint = hint


class UsageError(CimkitError):
    """An argument, option or name that makes no sense."""

    exit_code = 2


class StandardError(CimkitError):
    """A standard, schema or crosswalk that is broken or cannot be found."""

    exit_code = 2


class PipelineError(CimkitError):
    """A pipeline document that is broken."""

    exit_code = 2


class SourceError(CimkitError):
    """A source that cannot be read, or a target that cannot be written."""

    exit_code = 3


class LossError(CimkitError):
    """A conversion would lose something and was told not to (``--on-loss error``)."""

    exit_code = 1


class CatalogError(CimkitError):
    """A catalog that is damaged, missing or not writable."""

    exit_code = 3


class QueryError(CimkitError):
    """A query that is refused or wrong."""

    exit_code = 2


def nearest(name: str, known: Iterable[str]) -> str | None:
    """A hint naming the known name nearest to ``name``, or None where none is near."""
    import difflib

    names = sorted(set(known))
    lowered = {candidate.lower(): candidate for candidate in names}
    match = difflib.get_close_matches(name.lower(), lowered, n=1, cutoff=0.6)
    if match:
        return f"Did you mean '{lowered[match[0]]}'?"
    return f"Known: {', '.join(names)}." if 0 < len(names) <= 20 else None
