"""The files to check, layer by layer as Parquet: staged, or the user's own where it lies; and what cannot be read."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import TracebackType

import pyarrow as pa

from cimkit import formats as sources_of
from cimkit.check.submission import Layout, Submission
from cimkit.errors import SourceError
from cimkit.formats.collection import ARCHIVE, FOLDER, nothing_readable, reason_of
from cimkit.formats.dataset import Dataset
from cimkit.formats.solid_staging import stage_solids
from cimkit.model import Mapped, Progress, Reject, Skipped, Staged


@dataclass(frozen=True)
class Attempt:
    """One try at a whole check; with ``in_place``, Parquet files are read where they lie.

    Such a try is given up, and another made on copies, where a file turns out to be damaged, gone
    or beyond DuckDB: a copy is made by pyarrow, which says what is wrong with the file.
    """

    in_place: bool

    def __enter__(self) -> Attempt:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> bool:
        import duckdb

        return self.in_place and isinstance(error, (duckdb.Error, pa.ArrowException, OSError))


def attempts() -> Iterator[Attempt]:
    """The tries at a check; the first that comes through is the last."""
    yield Attempt(True)
    yield Attempt(False)


@dataclass(frozen=True)
class Delivered:
    """One staged layer: whether its source has no other, the folder it is staged in, the submission it is part of."""

    staged: Staged
    alone: bool
    folder: Path
    submission: Submission | None = None

    def skipped(self, why: str) -> Skipped:
        """The layer as one that is not checked."""
        return Skipped(f"{self.staged.source.path}:{self.staged.layer}", why)


@dataclass(frozen=True)
class Staging:
    """The files to check, staged one layer after the other."""

    paths: Sequence[Path]
    layer: str | None
    encoding: str | None
    crs: str | None
    work: Path
    progress: Progress
    records: bool = False
    in_place: bool = False
    #: Whether the solids of city models are wanted too.
    solids: bool = False
    #: Files of a folder or archive that could not be read.
    unread: list[Reject] = field(default_factory=list)
    #: Files that are read where they lie, as they were at first.
    lying: dict[Path, tuple[int, int, int]] = field(default_factory=dict)
    #: What a delivered folder looks like by the standard, and the folders that were delivered.
    layout: Layout | None = None
    submissions: list[Submission] = field(default_factory=list)

    def layers(self) -> Iterator[Delivered]:
        """The layers of all files; of a submission those that are in no document."""
        for number, path in enumerate(self.paths):
            stamp = _stamp(path)
            dataset = sources_of.open(path, encoding=self.encoding, crs=self.crs, records=self.records)
            submission = self._submission(path, dataset)
            whole = self.layer is None and (dataset.layers or submission is not None)
            wanted = list(dataset.layers) if whole else [dataset.layer(self.layer)]
            if submission is not None:
                entries = [(each, submission.entry_of(str(each.delivery.path))) for each in wanted]
                wanted = [each for each, entry in entries if entry is None or entry.is_layer]
            folder = self.work / str(number)
            folder.mkdir(parents=True)
            broken = list(dataset.unread)
            for each in wanted:
                try:
                    staged = sources_of.stage(each, folder, self.progress, in_place=self.in_place)
                    if self.solids:
                        staged = replace(staged, solids=stage_solids(each, folder))
                except SourceError as error:
                    if not (whole and dataset.is_collection):
                        raise
                    broken.append(Reject(None, str(each.delivery.path), reason_of(error)))
                else:
                    if not staged.numbered and stamp is not None:
                        self.lying[path] = stamp
                    yield Delivered(staged, len(wanted) == 1, folder, submission)
            if len(broken) - len(dataset.unread) == len(wanted) and submission is None:
                raise nothing_readable(str(path), broken)
            self.unread.extend(broken)

    def _submission(self, path: Path, dataset: Dataset) -> Submission | None:
        """The source as a submission: a folder or archive that the standard has a layout for."""
        if self.layout is None or dataset.delivery.format not in (FOLDER, ARCHIVE):
            return None
        submission = Submission(str(path), dataset.seen, self.layout)
        self.submissions.append(submission)
        return submission

    def refuse_changed(self) -> None:
        """Nothing can be said of a file that was written to while it was read.

        Raises:
            SourceError: there is such a file.
        """
        for path, stamp in self.lying.items():
            if _stamp(path) != stamp:
                raise SourceError(f"{path} changed while it was checked.", hint="Check it when nothing writes to it.")


def _stamp(path: Path) -> tuple[int, int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_ino, found.st_size, found.st_mtime_ns


def as_delivered(staged: Staged, layer: str) -> Mapped:
    """A layer whose columns keep their names."""
    names = [column.name for column in staged.facts.fields]
    text = {column.name for column in staged.facts.fields if column.type in ("string", "large_string")}
    return Mapped(
        path=staged.path,
        staged=staged,
        layer=layer,
        crs=staged.facts.crs.value,
        origins={name: (name,) for name in names},
        text_fields=frozenset(text) if staged.text_cells else frozenset(),
        columns=staged.columns,
        numbered=staged.numbered,
    )
