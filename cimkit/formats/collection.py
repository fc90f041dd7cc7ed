"""A folder, or an archive that was unpacked, read as one dataset: every file for itself, none in silence.

Files that readers know give layers and assets. What no reader knows is listed as an asset;
what should be readable and is not, is listed with its reason, and does not stop the others.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from cimkit.errors import SourceError, UsageError
from cimkit.formats.dataset import Dataset, Delivery, Layer, Stream
from cimkit.formats.evidence import evidence
from cimkit.formats.folders import Entry, Walk
from cimkit.formats.models.index import AssetLayer, index
from cimkit.formats.models.leftovers import leftover
from cimkit.formats.probe import Probe, look
from cimkit.formats.registry import FORMATS, Wishes, recognised
from cimkit.formats.strangers import stranger
from cimkit.model import Asset, Hint, Reject, Seen

if TYPE_CHECKING:
    from cimkit.formats.archives import Unpacked

ARCHIVE, FOLDER = "Archive", "Folder"
#: The code of the hint that files cannot be read.
UNREAD = "files.unread"
_PROSE = ".txt"
_PROSE_BYTES = 1 << 20
#: Suffixes of formats that many other files have too.
_VAGUE = (".txt", ".xml")
_DEEPEST_ARCHIVE = 1
_MOST_LISTED = 5


@dataclass(frozen=True)
class Place:
    """A folder to look through: where it is, what the user calls it, and the archive it was unpacked from."""

    folder: Path
    shown: str
    unpacked: Unpacked | None = None

    def name(self, path: str) -> str:
        """What the user calls a file in it."""
        return str(PurePath(self.shown, path)) if path else self.shown

    def said(self, text: str) -> str:
        """A message about a file in it, in the user's words: without the temporary folder."""
        return text.replace(str(self.folder), self.shown) if self.unpacked else text


def collect(place: Place, format: str, wishes: Wishes, files: tuple[Path, ...] | None = None) -> Dataset:
    """Everything in a folder as one dataset; ``files`` are the ones that were delivered, if not those in the folder.

    Raises:
        SourceError: there is nothing in it that can be read; the message has the reasons.
    """
    gathering = _Gathering(wishes)
    gathering.place(place)
    if not gathering.read_as and (gathering.unread or not gathering.seen):
        raise nothing_readable(place.shown, gathering.unread)
    # An archive of one thing is that thing, packed.
    if place.unpacked and len(gathering.read_as) == 1 and not gathering.unread:
        format = gathering.read_as[0]
    delivery = Delivery(
        Path(place.shown), format, tuple(sorted(gathering.files)) if files is None else files, place.unpacked
    )
    # The outlines of all rasters, and of all point clouds, are one layer each.
    outlines = index(delivery, gathering.assets)
    return Dataset(
        delivery,
        (*gathering.named_layers({layer.name for layer in outlines}), *outlines),
        tuple(gathering.all_hints()),
        tuple(gathering.assets),
        tuple(gathering.unread),
        tuple(gathering.seen),
    )


def nothing_readable(shown: str, unread: Sequence[Reject]) -> SourceError:
    """The error for a folder or archive of which nothing can be read, with the reasons."""
    if not unread:
        return SourceError(f"{shown} holds no files.", hint="Was it copied or packed to the end?")
    reasons = " ".join(_told(reject) for reject in unread[:_MOST_LISTED])
    more = f" And {len(unread) - _MOST_LISTED:,} more." if len(unread) > _MOST_LISTED else ""
    return SourceError(
        f"Nothing in {shown} can be read. {reasons}{more}", hint="Mend or ask again for the files that are named."
    )


@dataclass
class _Member:
    """A layer with the file it comes from, as the collection's user calls it."""

    layer: Layer
    place: Place
    path: str
    delivery: Delivery


@dataclass
class _Gathering:
    """What the files gave so far."""

    wishes: Wishes
    members: list[_Member] = field(default_factory=list)
    assets: list[Asset] = field(default_factory=list)
    unread: list[Reject] = field(default_factory=list)
    seen: list[Seen] = field(default_factory=list)
    read_as: list[str] = field(default_factory=list)
    hints: list[Hint] = field(default_factory=list)
    files: list[Path] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)
    links: list[str] = field(default_factory=list)

    def place(self, place: Place) -> None:
        """Look through a folder, and the folders in it."""
        if place.unpacked:
            self.unread += place.unpacked.rejects
            self.hints += place.unpacked.hints
            if self._as_format(place, Entry("", is_folder=True)):
                return
        walk = Walk(place.folder)
        waiting = [""]
        while waiting:
            folder = waiting.pop()
            inside = []
            for entry in walk.entries(folder):
                if not entry.is_folder:
                    self.file(place, entry)
                elif not self._as_format(place, entry):
                    inside.append(entry.path + "/")
            waiting += reversed(inside)
        self.left_out += [place.name(path) for path in walk.left_out]
        self.links += [place.name(path) for path in walk.links]

    def _as_format(self, place: Place, entry: Entry) -> bool:
        """Whether a folder is a format of its own (a File Geodatabase …), and if so, read it."""
        probe = Probe(place.folder / entry.path, b"", is_folder=True)
        name = recognised(probe, [n for n in FORMATS if n not in (ARCHIVE, FOLDER)])
        if name is None:
            return False
        self.read(place, entry, probe, name)
        return True

    def file(self, place: Place, entry: Entry) -> None:
        """Read a file by the first format that knows it; list it where none does."""
        shown = place.name(entry.path)
        own = [place.folder / name for name in (entry.path, *_beside(entry))]
        if place.unpacked is None:  # what was unpacked is delivered in its archive
            self.files += own
        try:
            probe = look(own[0])
            name = recognised(probe, [n for n in FORMATS if n not in (ARCHIVE, FOLDER)])
        except SourceError as error:
            self._reject(place, entry, None, "", error)
            return
        if name is not None:
            self.read(place, entry, probe, name)
        elif probe.archive:
            self._archive(place, entry, probe)
        elif _should_be_known(probe):
            self._reject(place, entry, None, evidence(probe), stranger(probe, FORMATS))
        else:
            self._leave(entry, leftover(own[0], shown), evidence(probe), shown)

    def read(self, place: Place, entry: Entry, probe: Probe, name: str) -> None:
        """Read what a format knows."""
        shown, how = place.name(entry.path), evidence(probe)
        try:
            dataset = self._dataset(probe, name)
            if name == "CSV" and probe.suffix == _PROSE and _is_prose(probe, dataset):
                self._leave(entry, leftover(probe.path, shown), how, shown)
                return
        except SourceError as error:
            self._reject(place, entry, name, how, error)
            return
        given = dataset.delivery
        delivery = Delivery(Path(shown), given.format, given.files, (place.unpacked, given.keeps))
        own = [layer for layer in dataset.layers if not isinstance(layer, AssetLayer)]
        self.members += [_Member(layer, place, entry.path, delivery) for layer in own]
        assets = [_shown(asset, place.said) for asset in dataset.assets]
        self.assets += assets
        self.unread += [replace(r, place=place.said(r.place), reason=place.said(r.reason)) for r in dataset.unread]
        self.hints += [Hint(hint.code, f"{shown}: {place.said(hint.message)}") for hint in dataset.hints]
        if entry.is_folder and place.unpacked is None:
            self.files += given.files
        self.read_as.append(name)
        layers = tuple(layer.name for layer in dataset.layers)
        self.seen.append(Seen(shown, name, how, layers, tuple(asset.name for asset in assets), _beside(entry)))

    def _dataset(self, probe: Probe, name: str) -> Dataset:
        try:
            return FORMATS[name].read(probe, name, self.wishes)
        except UsageError:
            if self.wishes.encoding is None:
                raise
            # Said of the files that do not say it themselves; this format is always UTF-8.
            return FORMATS[name].read(probe, name, replace(self.wishes, encoding=None))

    def _archive(self, place: Place, entry: Entry, probe: Probe) -> None:
        """Unpack an archive in the delivery, and look through it too."""
        from cimkit.formats.archives import Budget, unpack  # which collects what it unpacks

        shown = place.name(entry.path)
        outer = place.unpacked
        depth = outer.depth + 1 if outer else 0
        try:
            if depth > _DEEPEST_ARCHIVE:
                raise SourceError(
                    f"{shown} is an archive in an archive in an archive.", hint="Unpack it, and name the folder."
                )
            budget = outer.budget if outer else Budget(probe.path, shown)
            unpacked = unpack(probe, shown, budget, depth)
        except SourceError as error:
            self._reject(place, entry, ARCHIVE, evidence(probe), error)
            return
        self.place(Place(unpacked.folder.path, shown, unpacked))

    def _leave(self, entry: Entry, asset: Asset, how: str, shown: str) -> None:
        self.assets.append(asset)
        self.seen.append(Seen(shown, None, how, (), (asset.name,), _beside(entry)))

    def _reject(self, place: Place, entry: Entry, name: str | None, how: str, error: SourceError) -> None:
        shown = place.name(entry.path)
        self.unread.append(Reject(None, shown, reason_of(error, place.said)))
        self.seen.append(Seen(shown, name, how, (), (), _beside(entry)))

    def named_layers(self, taken: set[str]) -> Iterator[Layer]:
        """The layers under names that are unique: their own, else the file's path, and the layer's name behind it."""
        counts = Counter(member.layer.name.casefold() for member in self.members)
        for member in self.members:
            own = name = member.layer.name
            if counts[own.casefold()] > 1:
                stem = PurePath(member.path).stem
                name = member.path if own == stem else f"{member.path}/{own}"
            base, number = name, 1
            while name.casefold() in taken:
                number += 1
                name = f"{base} ({number})"
            taken.add(name.casefold())
            yield MemberLayer(member.layer, member.delivery, name, member.place.said)

    def all_hints(self) -> list[Hint]:
        """The hints of the files, and what there is to say of the whole."""
        hints = list(self.hints)
        hints += unread_hints(self.unread)
        for code, names, what in (
            ("files.left_out", self.left_out, "hidden or temporary, and left out"),
            ("files.links", self.links, "a link out of the folder or to a folder, which is not followed"),
        ):
            if names:
                listed = ", ".join(names[:_MOST_LISTED]) + (", …" if len(names) > _MOST_LISTED else "")
                hints.append(Hint(code, f"{_files(len(names))}: {what} ({listed})."))
        return hints


class MemberLayer(Layer):
    """A layer of a file in a folder or archive, under its name there; messages speak the user's words."""

    def __init__(self, layer: Layer, delivery: Delivery, name: str, said: Callable[[str], str]) -> None:
        super().__init__(delivery, name)
        self.text_cells = layer.text_cells
        self._layer = layer
        self._said = said

    @contextmanager
    def _open(self, batch_size: int) -> Iterator[Stream]:
        with self._spoken(), self._layer.stream(batch_size) as opened:
            self._speak(opened.hints)

            def batches() -> Iterator[pa.RecordBatch]:
                with self._spoken():
                    yield from opened.batches
                self._speak(opened.hints)

            yield replace(opened, batches=batches())

    def _speak(self, hints: list[Hint]) -> None:
        hints[:] = [Hint(hint.code, self._said(hint.message)) for hint in hints]

    @contextmanager
    def _spoken(self) -> Iterator[None]:
        try:
            yield
        except SourceError as error:
            hint = self._said(error.hint) if error.hint else None
            raise SourceError(self._said(str(error)), hint=hint) from error


def unread_hints(unread: Sequence[Reject]) -> list[Hint]:
    """The hint that files cannot be read, where there are such."""
    if not unread:
        return []
    return [Hint(UNREAD, f"{_files(len(unread))} cannot be read. The first: {_told(unread[0])}")]


def _told(reject: Reject) -> str:
    return reject.reason if reject.place in reject.reason else f"{reject.place}: {reject.reason}"


def reason_of(error: SourceError, said: Callable[[str], str] = str) -> str:
    """An error and its hint as one text."""
    return said(f"{error} {error.hint}" if error.hint else str(error))


def _beside(entry: Entry) -> tuple[str, ...]:
    """The paths of the files that belong to an entry."""
    folder = PurePath(entry.path).parent
    return tuple((folder / name).as_posix() for name in entry.sidecars)


def _should_be_known(probe: Probe) -> bool:
    """Whether a file that no reader knows bears the suffix of a format that one reads."""
    known = {suffix for format in FORMATS.values() for suffix in format.suffixes}
    return probe.suffix in known and probe.suffix not in _VAGUE


def _is_prose(probe: Probe, dataset: Dataset) -> bool:
    """Whether a text file is no table: of one column, or of lines that are not alike."""
    if probe.path.stat().st_size > _PROSE_BYTES:
        return False
    layer = dataset.layers[0]
    try:
        return len(layer.schema.names) <= 2 or not sum(batch.num_rows for batch in layer.batches())
    except SourceError:
        return True


def _shown(asset: Asset, said: Callable[[str], str]) -> Asset:
    about: Mapping[str, Any] = {k: said(v) if isinstance(v, str) else v for k, v in asset.about.items()}
    hints = tuple(Hint(hint.code, said(hint.message)) for hint in asset.hints)
    return replace(asset, name=said(asset.name), path=said(asset.path), about=about, hints=hints)


def _files(count: int) -> str:
    return "1 file" if count == 1 else f"{count:,} files"
