"""The documents of a KML or KMZ file. A KMZ is a zip with one or more .kml in it, and often pictures."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO

from cimkit.errors import SourceError
from cimkit.formats.probe import Probe

#: A document may always unpack to so many bytes; beyond them, to so many times the file's size.
_ALWAYS_ALLOWED = 256 << 20
_MOST_RATIO = 200
_PICTURES = (".png", ".jpg", ".jpeg", ".gif", ".bmp", ".tif", ".tiff")
_MODELS = (".dae",)


@dataclass(frozen=True)
class KmlDocument:
    """One KML document: the file, or a member of a KMZ."""

    path: Path
    member: str | None = None

    @property
    def shown(self) -> str:
        return f"{self.path}/{self.member}" if self.member else str(self.path)

    @property
    def stem(self) -> str:
        """The name for what has none of its own: that of the file, since members are called doc.kml."""
        return self.path.stem if self.member is None else PurePosixPath(self.member).stem

    @contextmanager
    def opened(self) -> Iterator[IO[bytes]]:
        """The document's bytes.

        Raises:
            SourceError: the archive is damaged, or protected by a password.
        """
        if self.member is None:
            with self.path.open("rb") as raw:
                yield raw
            return
        try:
            with zipfile.ZipFile(self.path) as archive, self._member(archive) as raw:
                yield raw
        except (zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError) as error:
            raise self._damaged(error) from error

    def _member(self, archive: zipfile.ZipFile) -> IO[bytes]:
        assert self.member is not None
        try:
            return archive.open(self.member)
        except (NotImplementedError, RuntimeError) as error:  # a method it lacks, or a password
            raise self._damaged(error) from error

    def _damaged(self, error: Exception) -> SourceError:
        return SourceError(
            f"{self.shown} cannot be unpacked: {str(error).rstrip('.')}.",
            hint="Was it copied to the end, and is it without a password?",
        )


@dataclass(frozen=True)
class Contents:
    """What is in a file: its documents, and how many pictures and models lie beside them in a KMZ."""

    documents: tuple[KmlDocument, ...]
    pictures: int = 0
    models: int = 0


def contents(probe: Probe) -> Contents:
    """What a KML or KMZ file holds; the document that viewers open (the first in the zip's root) comes first.

    Raises:
        SourceError: an archive that unpacks to far more than it is.
    """
    if not probe.members:
        return Contents((KmlDocument(probe.path),))
    with zipfile.ZipFile(probe.path) as archive:
        infos = [info for info in archive.infolist() if is_kml(info.filename)]
    allowed = max(_ALWAYS_ALLOWED, _MOST_RATIO * probe.path.stat().st_size)
    if sum(info.file_size for info in infos) > allowed:
        raise SourceError(
            f"{probe.path} unpacks to more than {allowed >> 20} MB, which no honest KMZ of its size does.",
            hint="If you trust it, unpack it yourself and name the .kml.",
        )
    names = sorted((info.filename for info in infos), key=lambda name: (name.count("/"), name.lower() != "doc.kml"))
    lowered = [name.lower() for name in probe.members]
    return Contents(
        tuple(KmlDocument(probe.path, name) for name in names),
        sum(name.endswith(_PICTURES) for name in lowered),
        sum(name.endswith(_MODELS) for name in lowered),
    )


def is_kml(name: str) -> bool:
    """Whether a member of a zip is a KML document, and not what an archiver of Macs adds to one."""
    return name.lower().endswith(".kml") and not name.startswith("__MACOSX/")
