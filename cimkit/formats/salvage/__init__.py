"""Every readable record of a damaged file: a mended copy is made aside and read as any other file.

A format says in the registry which module mends it. The copy holds the records that are
whole, byte by byte as they were; what had to be left out is told as :class:`Reject`. A
file in which nothing is wrong is read itself.
"""

from __future__ import annotations

import shutil
import tempfile
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from importlib import import_module
from pathlib import Path
from typing import Protocol

from cimkit.errors import SourceError, UsageError
from cimkit.formats.dataset import Dataset, Delivery, Layer, Stream
from cimkit.formats.probe import Probe, look
from cimkit.model import Reject

#: More than this and the file is not damaged but something else.
MOST_REJECTS = 100_000


@dataclass(frozen=True)
class Mend:
    """Which module below this one mends a format, and the names of what holds a record in it."""

    module: str
    records: tuple[str, ...] = ()


class Mender(Protocol):
    """What such a module offers: it writes a mended copy, and says what it left out."""

    def mend(self, source: Path, target: Path, records: tuple[str, ...]) -> list[Reject]: ...


def salvaged(how: Mend, probe: Probe, read: Callable[[Probe], Dataset]) -> Dataset:
    """The dataset of a file, or of its mended copy if records of it are damaged.

    Raises:
        SourceError: not a single record can be read.
    """
    mender: Mender = import_module(f"cimkit.formats.salvage.{how.module}")
    place = _Place(probe.path)
    copy = place.folder / probe.path.name
    try:
        rejected = mender.mend(probe.path, copy, how.records)
    except OSError as error:
        raise SourceError(f"{probe.path} cannot be mended: {error.strerror or error}.") from error
    if not rejected:
        return read(probe)
    with place.told():
        dataset = read(look(copy))
    if not dataset.layers:
        raise SourceError(f"{probe.path} holds no record that is whole.", hint="Copy or export it again.")
    files = tuple(file for file in (probe.path, *_beside(probe.path, dataset)) if file.is_file())
    delivery = Delivery(probe.path, dataset.delivery.format, tuple(sorted(set(files))), place)
    layers = tuple(SalvagedLayer(layer, delivery, place, rejected) for layer in dataset.layers)
    return replace(dataset, delivery=delivery, layers=layers)


def _beside(path: Path, dataset: Dataset) -> list[Path]:
    """The files of the source that the copy's files stand for."""
    return [path.with_name(file.name) for file in dataset.delivery.files]


class _Place:
    """A folder for the copy, which lives as long as this; and what the user calls the file."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.folder = Path(tempfile.mkdtemp(prefix="cimkit-salvage-"))
        weakref.finalize(self, shutil.rmtree, self.folder, ignore_errors=True)

    @contextmanager
    def told(self) -> Iterator[None]:
        """Errors in the user's words: without the temporary folder."""
        try:
            yield
        except (SourceError, UsageError) as error:
            raise type(error)(self.said(str(error)), hint=self.said(error.hint or "") or None) from error

    def said(self, text: str) -> str:
        return text.replace(str(self.folder), str(self.path.parent))


class SalvagedLayer(Layer):
    """A layer of the mended copy, with the records that did not get into it."""

    def __init__(self, inner: Layer, delivery: Delivery, place: _Place, rejected: list[Reject]) -> None:
        super().__init__(delivery, place.said(inner.name))
        self.text_cells = inner.text_cells
        self._inner = inner
        self._place = place
        self._rejected = rejected

    @contextmanager
    def _open(self, batch_size: int) -> Iterator[Stream]:
        with self._place.told(), self._inner.stream(batch_size) as stream:
            hints = [replace(hint, message=self._place.said(hint.message)) for hint in stream.hints]
            yield replace(stream, hints=hints, rejected=[*stream.rejected, *self._rejected])
