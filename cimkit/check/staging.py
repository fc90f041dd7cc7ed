"""The files to check, read layer by layer into staged Parquet, and what of them could not be read."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from cimkit import formats as sources_of
from cimkit.errors import SourceError
from cimkit.formats.collection import nothing_readable, reason_of
from cimkit.model import Mapped, Progress, Reject, Staged


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
    #: Files of a folder or archive that could not be read.
    unread: list[Reject] = field(default_factory=list)

    def layers(self) -> Iterator[tuple[Staged, bool, Path]]:
        """(staged layer, whether the source has no other, its folder)."""
        for number, path in enumerate(self.paths):
            dataset = sources_of.open(path, encoding=self.encoding, crs=self.crs, records=self.records)
            whole = self.layer is None and dataset.layers
            wanted = list(dataset.layers) if whole else [dataset.layer(self.layer)]
            folder = self.work / str(number)
            folder.mkdir(parents=True)
            broken = list(dataset.unread)
            for each in wanted:
                try:
                    staged = sources_of.stage(each, folder, self.progress)
                except SourceError as error:
                    if not (whole and dataset.is_collection):
                        raise
                    broken.append(Reject(None, str(each.delivery.path), reason_of(error)))
                else:
                    yield staged, len(wanted) == 1, folder
            if len(broken) - len(dataset.unread) == len(wanted):
                raise nothing_readable(str(path), broken)
            self.unread.extend(broken)


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
