"""The records that salvage could not read, one line each, in a file of their own."""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from pathlib import Path

from cimkit import atomic
from cimkit.errors import UsageError
from cimkit.model import Reject, as_dict

SUFFIXES = (".csv", ".json")


def refuse_suffix(path: Path) -> None:
    """Raise UsageError where rejects cannot be written to such a file."""
    if path.suffix.lower() not in SUFFIXES:
        raise UsageError(f"Rejected records cannot be written to {path}.", hint=f"Name a {' or '.join(SUFFIXES)} file.")


def save(rejected: Sequence[Reject], path: Path) -> None:
    """All of them: row, place, reason."""
    with (
        atomic.replacing(path) as partial,
        partial.open("w", encoding="utf-8", newline="") as file,
    ):
        if path.suffix.lower() == ".json":
            json.dump([as_dict(reject) for reject in rejected], file, ensure_ascii=False, indent=2)
            file.write("\n")
            return
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(("row", "place", "reason"))
        writer.writerows((reject.row, reject.place, reject.reason) for reject in rejected)
