"""A baseline: the findings that were there when it was written, so that only new ones count.

The file is JSON: for each rule and code, the fingerprints of its findings, one as often as it
occurs, sorted; those that begin alike share a line. A finding that has gone does no harm; what
occurs more often than before is new.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cimkit.atomic import replacing
from cimkit.check.rules import Rule
from cimkit.errors import UsageError

_VERSION = 1
#: Sixty million findings.
_MOST_BYTES = 1 << 30
_BYTES_EACH = 17
_LINES = 256

#: "rule code" -> fingerprints as numbers, sorted, each as often as it occurs.
Known = dict[str, NDArray[np.uint64]]


def name_of(rule: Rule) -> str:
    """How a baseline calls a rule's findings of one code."""
    return f"{rule.rule} {rule.code}"


def load_baseline(path: Path) -> Known:
    """The findings that a file knows.

    Raises:
        UsageError: the file is missing, too big, or no baseline.
    """
    what_to_try = "Write one with --write-baseline."
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise UsageError(f"{path} is too big for a baseline.", hint=what_to_try)
        document = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(f"The baseline {path} cannot be read: {error.strerror}.", hint=what_to_try) from error
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{path} is no baseline: it is not JSON.", hint=what_to_try) from error
    findings = document.get("findings") if isinstance(document, dict) else None
    if not isinstance(findings, dict) or document.get("baseline") != _VERSION:
        raise UsageError(f"{path} is no baseline of this version of cimkit.", hint=what_to_try)
    return {rule: _numbers(findings[rule], rule, path) for rule in findings}


def _numbers(lines: Any, rule: str, path: Path) -> NDArray[np.uint64]:
    try:
        return np.sort(np.frombuffer(bytes.fromhex(" ".join(lines)), dtype=">u8").astype(np.uint64))
    except (TypeError, ValueError) as error:
        raise UsageError(
            f"The baseline {path} is damaged: the fingerprints of '{rule}' cannot be read.", hint="Write it again."
        ) from error


def write_baseline(path: Path, against: Mapping[str, Any], found: Known) -> None:
    """Writes the findings of a check; the file is complete or not there.

    Raises:
        UsageError: there are more than a baseline holds.
        SourceError: the file cannot be written.
    """
    count = sum(len(numbers) for numbers in found.values())
    if count * _BYTES_EACH > _MOST_BYTES:
        raise UsageError(
            f"{count:,} findings are too many for a baseline.", hint="Suppress the rules that most records break."
        )
    findings = {rule: _lines(found[rule]) for rule in sorted(found) if len(found[rule])}
    with replacing(path) as aside, aside.open("w", encoding="utf-8", newline="\n") as file:
        json.dump({"baseline": _VERSION, **against, "findings": findings}, file, ensure_ascii=False, indent=0)
        file.write("\n")


def _lines(numbers: NDArray[np.uint64]) -> list[str]:
    """Fingerprints as text, sorted: in one line those whose first two digits are the same."""
    ordered = np.sort(numbers)
    starts = np.searchsorted(ordered, np.arange(_LINES, dtype=np.uint64) << np.uint64(56))
    cuts = [*starts.tolist(), len(ordered)]
    return [ordered[a:b].astype(">u8").tobytes().hex(" ", 8) for a, b in pairwise(cuts) if a < b]
