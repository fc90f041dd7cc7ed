"""The first look at a file or folder: opening bytes, and the names of what is in a zip or a folder."""

from __future__ import annotations

import os
import re
import zipfile
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from cimkit.errors import SourceError, nearest

HEAD_BYTES = 1 << 18
#: A folder of more files than this is no delivery but a disk.
MOST_FILES = 100_000


@dataclass(frozen=True)
class Probe:
    """A file and its opening bytes, or a folder (``head`` is empty then)."""

    path: Path
    head: bytes
    is_folder: bool = False

    @cached_property
    def suffix(self) -> str:
        """The lower-case suffix, with its dot."""
        return self.path.suffix.lower()

    @cached_property
    def is_text(self) -> bool:
        """Whether the opening may be text: it holds no NUL, or begins with the mark of UTF-16."""
        return (not self.is_folder and b"\0" not in self.head) or self.head[:2] in (b"\xff\xfe", b"\xfe\xff")

    @cached_property
    def text(self) -> str:
        """The opening as text without a byte order mark and leading space; "" where it is binary."""
        return self.head.decode("utf-8-sig", errors="replace").lstrip() if self.is_text else ""

    @cached_property
    def members(self) -> tuple[str, ...]:
        """The names inside a zip; none where the file is no readable zip."""
        if not self.head.startswith(b"PK\x03\x04"):
            return ()
        try:
            with zipfile.ZipFile(self.path) as archive:
                return tuple(archive.namelist())
        except (zipfile.BadZipFile, OSError, NotImplementedError):
            return ()

    @cached_property
    def entries(self) -> tuple[str, ...]:
        """The files below a folder, as paths relative to it with "/", sorted; links are not followed.

        Raises:
            SourceError: there are too many.
        """
        if not self.is_folder:
            return ()
        found: list[str] = []
        for folder, _, files in os.walk(self.path):
            found += [Path(folder, name).relative_to(self.path).as_posix() for name in files]
            if len(found) > MOST_FILES:
                raise SourceError(f"{self.path} holds more than {MOST_FILES:,} files.", hint="Name a folder in it.")
        return tuple(sorted(found))

    @cached_property
    def names(self) -> tuple[str, ...]:
        """What is inside: the members of a zip, or the files of a folder."""
        return self.members or self.entries

    @cached_property
    def xml_root(self) -> str | None:
        """The local name of an XML document's root element."""
        if not self.text.startswith("<"):
            return None
        match = re.search(r"<(?!\?|!)(?:[\w.-]+:)?([\w.-]+)", self.text)
        return match.group(1) if match else None


def look(path: Path) -> Probe:
    """Open a file or folder for a first look.

    Raises:
        SourceError: there is no such file, it is empty, or it may not be read.
    """
    if str(path).startswith(("http:", "https:", "s3:", "/vsi")):
        raise SourceError(f"{path} is not a file.", hint="Fetch it first: cimkit reads files only.")
    try:
        if path.is_dir():
            return Probe(path, b"", is_folder=True)
        if path.exists() and not path.is_file():
            raise SourceError(f"{path} is a pipe or device, not a file.", hint="Write it to a file first.")
        with path.open("rb") as handle:
            head = handle.read(HEAD_BYTES)
    except FileNotFoundError as error:
        if path.is_symlink():
            raise SourceError(f"{path} is a link to {path.readlink()}, which does not exist.") from error
        siblings = [p.name for p in path.parent.iterdir()] if path.parent.is_dir() else []
        hint = nearest(path.name, siblings) if siblings else f"The folder {path.parent} does not exist either."
        raise SourceError(f"{path} does not exist.", hint=hint or "Is the path right?") from error
    except OSError as error:
        raise SourceError(f"{path} cannot be read: {error.strerror}.") from error
    if not head:
        raise SourceError(f"{path} is empty (0 bytes).", hint="Was it copied or downloaded to the end?")
    return Probe(path, head)
