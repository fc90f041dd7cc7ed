"""The two ledgers: every planted defect, and which records are the same real thing."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

Record = dict[str, Any]
#: Keys of a record that are not columns: its geometry, and what the script knows of it.
HIDDEN = ("geometry", "_entities", "_id")


@dataclass
class Ledger:
    """What was planted and what is the same, in the order in which it was written down."""

    defects: list[tuple[str, str, int, str, str, str]] = field(default_factory=list)
    same: list[tuple[str, str, str, int, str, str]] = field(default_factory=list)

    def write(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        _write(folder / "defects.csv", ("file", "layer", "row", "field", "kind", "note"), sorted(self.defects))
        _write(folder / "same.csv", ("entity", "layer", "file", "row", "source_id", "id"), sorted(self.same))


def _write(path: Path, header: tuple[str, ...], rows: Iterable[tuple[Any, ...]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)


@dataclass
class Delivery:
    """The records of one layer of one file, and the defects planted in them.

    A record gets one defect at most, so that each finding has one cause.
    """

    file: str
    layer: str
    records: list[Record]
    random: Random
    ledger: Ledger
    spoiled: set[int] = field(default_factory=set)

    def note(self, row: int, column: str, kind: str, note: str) -> None:
        self.spoiled.add(row)
        self.ledger.defects.append((self.file, self.layer, row, column, kind, note))

    def pick(self, where: Callable[[Record], bool] = lambda _: True) -> int:
        """A row without a defect that meets the condition."""
        rows = [n for n, record in enumerate(self.records) if n not in self.spoiled and where(record)]
        return self.random.choice(rows)

    def spoil(
        self,
        kind: str,
        column: str,
        values: Iterable[Any],
        note: str,
        where: Callable[[Record], bool] = lambda _: True,
    ) -> None:
        """Put each of the values (or what a function makes of the record) into a cell of its own row."""
        for value in values:
            row = self.pick(where)
            record = self.records[row]
            record[column] = value(record) if callable(value) else value
            self.note(row, column, kind, note)

    def twice(self, column: str, times: int, where: Callable[[Record], bool] = lambda _: True) -> None:
        """Deliver some records a second time, at the end of the file: both rows carry the finding."""
        for _ in range(times):
            row = self.pick(where)
            self.note(row, column, "key.duplicate", "delivered twice: here first")
            self.records.append(dict(self.records[row]))
            self.note(len(self.records) - 1, column, "key.duplicate", "delivered twice: here again")

    def tell(self, kind: str, source_id: str) -> None:
        """Write down which real things the records are; ``_id`` is the id after the crosswalk."""
        for row, record in enumerate(self.records):
            for entity in record["_entities"]:
                self.ledger.same.append((entity, kind, self.file, row, record[source_id] or "", record["_id"] or ""))

    def rows(self) -> list[Record]:
        """The records as the file's columns."""
        return [{k: v for k, v in record.items() if k not in HIDDEN} for record in self.records]

    def geometries(self) -> list[Any]:
        return [record["geometry"] for record in self.records]
