"""The first look at a file or folder: opening bytes, and the names of what is in a zip or a folder."""

from __future__ import annotations

import os
import re
import struct
import zipfile
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from cimkit.errors import SourceError, nearest

HEAD_BYTES = 1 << 18
#: A folder of more files than this is no delivery but a disk.
MOST_FILES = 100_000
#: The list of that many names in a zip needs no more bytes than this.
_MOST_DIRECTORY_BYTES = 24 << 20

#: What packs files, by the first bytes (PKWARE APPNOTE 6.3, 4.3; RFC 1952; bzip2; XZ 1.1; POSIX ustar).
_ARCHIVES = (
    (b"PK\x03\x04", 0, "zip"),
    (b"PK\x05\x06", 0, "zip"),
    (b"\x1f\x8b", 0, "gzip"),
    (b"BZh", 0, "bzip2"),
    (b"\xfd7zXZ\0", 0, "xz"),
    (b"ustar", 257, "tar"),
)
#: Members that only a document has which is a zip inside: Office, OpenDocument and EPUB, Java.
_OF_DOCUMENTS = frozenset({"[Content_Types].xml", "mimetype", "META-INF/MANIFEST.MF"})


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
        """Whether the opening may be text: it holds no NUL and is no PDF, or begins with the mark of UTF-16."""
        if self.head.startswith(b"%PDF-"):
            return False
        return (not self.is_folder and b"\0" not in self.head) or self.head[:2] in (b"\xff\xfe", b"\xfe\xff")

    @cached_property
    def text(self) -> str:
        """The opening as text without a byte order mark and leading space; "" where it is binary."""
        return self.head.decode("utf-8-sig", errors="replace").lstrip() if self.is_text else ""

    @cached_property
    def archive(self) -> str | None:
        """What kind of archive of files it is: zip, tar, gzip, bzip2, xz; None where it is none."""
        kind = next((kind for magic, at, kind in _ARCHIVES if self.head.startswith(magic, at)), None)
        return None if kind == "zip" and not _OF_DOCUMENTS.isdisjoint(self.members) else kind

    @cached_property
    def members(self) -> tuple[str, ...]:
        """The names inside a zip; none where the file is no readable zip.

        Raises:
            SourceError: there are too many.
        """
        if not self.head.startswith(b"PK\x03\x04"):
            return ()
        try:
            refuse_long_directory(self.path)
            with zipfile.ZipFile(self.path) as archive:
                return tuple(archive.namelist())
        except (zipfile.BadZipFile, OSError, NotImplementedError, ValueError):
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
        text = self.text
        if self.head[:4] in (b"\xff\xfe<\0", b"\xfe\xff\0<", b"<\0?\0", b"\0<\0?"):  # UTF-16
            text = self.head.lstrip(b"\xff\xfe").replace(b"\0", b"").decode("ascii", "replace")
        if not text.startswith("<"):
            return None
        match = re.search(r"<(?!\?|!)(?:[\w.-]+:)?([\w.-]+)", text)
        return match.group(1) if match else None


def refuse_long_directory(path: Path) -> None:
    """Raise SourceError where a zip says that it lists more files than a delivery has.

    Its end says how long the list is (APPNOTE 4.3.16, 4.3.14), and Python would read all of it.
    """
    with path.open("rb") as handle:
        size = handle.seek(0, os.SEEK_END)
        handle.seek(max(0, size - (1 << 16) - 64))
        tail = handle.read()
        at = tail.rfind(b"PK\x05\x06")
        if at < 0 or len(tail) - at < 22:
            return
        count, length = struct.unpack_from("<HI", tail, at + 10)
        locator = at - 20
        if locator >= 0 and tail.startswith(b"PK\x06\x07", locator):
            handle.seek(min(size, struct.unpack_from("<Q", tail, locator + 8)[0]))
            record = handle.read(56)
            if len(record) == 56 and record.startswith(b"PK\x06\x06"):
                count, length = struct.unpack_from("<QQ", record, 32)
    if count > MOST_FILES or length > _MOST_DIRECTORY_BYTES:
        raise SourceError(
            f"{path} holds more than {MOST_FILES:,} files, or says so.",
            hint="If that is meant, unpack it and name a folder in it.",
        )


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
