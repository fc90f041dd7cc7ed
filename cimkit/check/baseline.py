"""A baseline: the findings that were there when it was written, so that only new ones count.

The file is JSON: for each rule and code, the fingerprints of its findings, one as often as it
occurs. A finding that has gone does no harm; what occurs more often than before is new.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from cimkit.atomic import replacing
from cimkit.check.rules import Rule
from cimkit.errors import UsageError

_VERSION = 1
#: A baseline of some ten million findings.
_MOST_BYTES = 256 << 20

#: "rule code" -> fingerprint -> how often.
Known = dict[str, Counter[str]]


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
    if not _is_baseline(document):
        raise UsageError(f"{path} is no baseline of this version of cimkit.", hint=what_to_try)
    return {rule: Counter(fingerprints) for rule, fingerprints in document["findings"].items()}


def _is_baseline(document: Any) -> bool:
    if not isinstance(document, dict) or document.get("baseline") != _VERSION:
        return False
    findings = document.get("findings")
    return isinstance(findings, dict) and all(
        isinstance(listed, list) and all(isinstance(each, str) for each in listed) for listed in findings.values()
    )


def write_baseline(path: Path, against: Mapping[str, Any], found: Mapping[str, Iterable[str]]) -> None:
    """Writes the findings of a check; the file is complete or not there."""
    findings = {rule: sorted(found[rule]) for rule in sorted(found) if found[rule]}
    with replacing(path) as aside, aside.open("w", encoding="utf-8", newline="\n") as file:
        json.dump({"baseline": _VERSION, **against, "findings": findings}, file, ensure_ascii=False, indent=0)
        file.write("\n")
