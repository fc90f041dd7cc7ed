"""The first look at a file: its opening bytes and, for a zip, the names of its members."""

from __future__ import annotations

import re
import zipfile
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from cimkit.errors import SourceError, nearest

HEAD_BYTES = 1 << 18


@dataclass(frozen=True)
class Probe:
    """A file and its opening bytes."""

    path: Path
    head: bytes

    @cached_property
    def suffix(self) -> str:
        """The lower-case suffix, with its dot."""
        return self.path.suffix.lower()

    @cached_property
    def is_text(self) -> bool:
        """Whether the opening may be text: it holds no NUL, or begins with the mark of UTF-16."""
        return b"\0" not in self.head or self.head[:2] in (b"\xff\xfe", b"\xfe\xff")

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
    def xml_root(self) -> str | None:
        """The local name of an XML document's root element."""
        if not self.text.startswith("<"):
            return None
        match = re.search(r"<(?!\?|!)(?:[\w.-]+:)?([\w.-]+)", self.text)
        return match.group(1) if match else None


def look(path: Path, suffixes: tuple[str, ...]) -> Probe:
    """Open a file for a first look; ``suffixes`` are those a folder is searched for, to name them.

    Raises:
        SourceError: there is no such file, it is a folder, it is empty, or it may not be read.
    """
    if str(path).startswith(("http:", "https:", "s3:", "/vsi")):
        raise SourceError(f"{path} is not a file.", hint="Fetch it first: cimkit reads files only.")
    try:
        if path.is_dir():
            raise SourceError(f"{path} is a folder, not a file.", hint=_folder_hint(path, suffixes))
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


def _folder_hint(path: Path, suffixes: tuple[str, ...]) -> str:
    if path.suffix.lower() == ".gdb":
        return "A File Geodatabase is not read yet: export its layers to GeoPackage."
    found = sorted(p.name for p in path.iterdir() if p.suffix.lower() in suffixes)
    if not found:
        return f"It holds no file that cimkit reads ({', '.join(suffixes)})."
    return "Name one of the files in it: " + ", ".join(found[:5]) + (", …" if len(found) > 5 else ".")
