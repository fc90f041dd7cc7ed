"""Zip, tar and gzip archives: unpacked into a private folder, which is then read like any other.

An archive comes from a stranger. Its files are written under checked names, links and devices
are not made, and the bytes that are really written are counted against a bound, whatever the
headers claim. The folder lives as long as a dataset, or a layer of it, that needs it.
"""

from __future__ import annotations

import bz2
import errno
import gzip
import io
import lzma
import shutil
import stat
import tarfile
import tempfile
import weakref
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import IO, Any

from cimkit.errors import SourceError
from cimkit.formats.collection import Place, collect
from cimkit.formats.dataset import Dataset
from cimkit.formats.member_names import decoded, refuse_unsafe, zip_names
from cimkit.formats.probe import MOST_FILES, Probe, refuse_long_directory
from cimkit.formats.registry import Wishes
from cimkit.model import Hint, Reject

#: An archive may always unpack to so many bytes; beyond them, to so many times its own size.
ALWAYS_ALLOWED = 256 << 20
MOST_RATIO = 200
#: So much of the disk is left to others.
_LEFT_FREE = 256 << 20
_CHUNK = 1 << 20
_ENCRYPTED = 0x1
_LOCAL_HEADER_BYTES = 30
#: APPNOTE 6.3, 4.4.5: what zipfile cannot unpack, by the names people know.
_METHODS = {1: "Shrink", 6: "Implode", 9: "Deflate64", 93: "Zstandard", 95: "XZ", 96: "JPEG", 98: "PPMd", 99: "AES"}
_KNOWN_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA)
_NO_FILE = "It is a link or device and no file, and is not followed."
_TAR_SUFFIXES = (".tar", ".tgz", ".tbz", ".tbz2", ".txz")
_OPENERS: dict[str, Callable[[Path], Any]] = {
    "tar": lambda path: path.open("rb"),
    "gzip": gzip.open,
    "bzip2": bz2.open,
    "xz": lzma.open,
}
#: What unpacking raises on damaged bytes.
_DAMAGE = (
    zipfile.BadZipFile, tarfile.TarError, zlib.error, lzma.LZMAError, EOFError, ValueError, RuntimeError,
    NotImplementedError, OSError, MemoryError, OverflowError,
)  # fmt: skip


def layers(probe: Probe, format: str, wishes: Wishes) -> Dataset:
    """What is in an archive, as if it were a folder."""
    shown = str(probe.path)
    unpacked = unpack(probe, shown, Budget(probe.path, shown))
    return collect(Place(unpacked.folder.path, shown, unpacked), format, wishes, (probe.path,))


class PrivateFolder:
    """A folder of temporary files that goes away with the last thing that holds this."""

    def __init__(self) -> None:
        try:
            self.path = Path(tempfile.mkdtemp(prefix="cimkit-unpacked-")).resolve()
        except OSError as error:
            raise SourceError(
                f"There is no place to unpack an archive to: {error.strerror}.",
                hint="Set TMPDIR to a folder with room.",
            ) from error
        self.remove = weakref.finalize(self, shutil.rmtree, self.path, ignore_errors=True)


class Budget:
    """The bytes and files that an archive, and those inside it, may still unpack to."""

    def __init__(self, path: Path, shown: str) -> None:
        self._shown = shown
        self._allowed = max(ALWAYS_ALLOWED, MOST_RATIO * path.stat().st_size)
        self._free = shutil.disk_usage(tempfile.gettempdir()).free - _LEFT_FREE
        self._bytes = self._files = 0

    def allow(self, size: int) -> None:
        """Raise SourceError where so many bytes more would be too many."""
        wanted = self._bytes + size
        if wanted > self._allowed:
            raise SourceError(
                f"{self._shown} unpacks to more than {_size(self._allowed)}, which no honest archive of its size does.",
                hint="If you trust it, unpack it yourself and name the folder.",
            )
        if wanted > self._free:
            raise SourceError(
                f"{self._shown} needs {_size(wanted)} of disk to be unpacked, of which there is too little.",
                hint="Set TMPDIR to a folder with more room.",
            )

    def take(self, size: int) -> None:
        """Count bytes that were unpacked."""
        self.allow(size)
        self._bytes += size

    def take_file(self) -> None:
        """Count a file that is about to be written."""
        self._files += 1
        if self._files > MOST_FILES:
            raise SourceError(
                f"{self._shown} holds more than {MOST_FILES:,} files.", hint="Unpack it, and name a folder."
            )


@dataclass
class Unpacked:
    """The folder with an archive's files, what could not be unpacked, and what else there is to say."""

    folder: PrivateFolder
    budget: Budget
    depth: int = 0
    rejects: list[Reject] = field(default_factory=list)
    hints: list[Hint] = field(default_factory=list)

    def reject(self, place: str, reason: str) -> None:
        self.rejects.append(Reject(None, place, reason))


def unpack(probe: Probe, shown: str, budget: Budget, depth: int = 0) -> Unpacked:
    """Unpack an archive; what is wrong with one of its files is told in ``rejects``.

    Raises:
        SourceError: it is damaged as a whole, protected, hostile, or too big.
    """
    unpacked = Unpacked(PrivateFolder(), budget, depth)
    try:
        if probe.archive == "zip":
            _unpack_zip(probe.path, shown, unpacked)
        else:
            _unpack_stream(probe, shown, unpacked)
    except SourceError:
        unpacked.folder.remove()
        raise
    except _DAMAGE as error:
        unpacked.folder.remove()
        raise SourceError(
            f"{shown} is a damaged archive: {_reason(error)}.", hint="Copy or download it again."
        ) from error
    return unpacked


# ---- zip ------------------------------------------------------------------------------


class _Counted(io.RawIOBase):
    """A stream of unpacked bytes, each of which counts; its last block is kept."""

    def __init__(self, stream: IO[bytes], budget: Budget) -> None:
        self._stream = stream
        self._budget = budget
        self.last = b""

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        data = self._stream.read(size if size >= 0 else _CHUNK)
        self._budget.take(len(data))
        self.last = (self.last + data)[-tarfile.BLOCKSIZE :]
        return data

    def close(self) -> None:
        self._stream.close()
        super().close()


def _unpack_zip(path: Path, shown: str, unpacked: Unpacked) -> None:
    refuse_long_directory(path)
    with zipfile.ZipFile(path) as archive:
        members = archive.infolist()
        names, unpacked.hints = zip_names(members)
        refuse_unsafe(names, shown)
        _refuse_overlaps(members, shown)
        files = [(m, name) for m, name in zip(members, names, strict=True) if not name.endswith("/")]
        if files and all(member.flag_bits & _ENCRYPTED for member, _ in files):
            raise SourceError(
                f"{shown} is protected with a password.", hint="Unpack it with the password, and name the folder."
            )
        unpacked.budget.allow(sum(member.file_size for member, _ in files))
        for member, name in files:
            why = _unreadable(member)
            if why:
                unpacked.reject(f"{shown}/{name}", why)
            else:
                _write(partial(_opened, archive, member, unpacked.budget), name, shown, unpacked)


def _opened(archive: zipfile.ZipFile, member: zipfile.ZipInfo, budget: Budget) -> _Counted:
    return _Counted(archive.open(member), budget)


def _unreadable(member: zipfile.ZipInfo) -> str | None:
    """Why a member cannot be unpacked, as far as its header says."""
    kind = stat.S_IFMT(member.external_attr >> 16)
    if kind not in (0, stat.S_IFREG):
        return (
            "It is a link or device, which is not followed." if kind != stat.S_IFDIR else "It is a folder with bytes."
        )
    if member.flag_bits & _ENCRYPTED:
        return "It is protected with a password."
    if member.compress_type not in _KNOWN_METHODS:
        method = _METHODS.get(member.compress_type, f"method {member.compress_type}")
        return f"It is packed with {method}, which is not known here: pack it as a plain zip (Deflate)."
    return None


def _refuse_overlaps(members: list[zipfile.ZipInfo], shown: str) -> None:
    """Raise SourceError where files share their bytes, as in a bomb that needs no ratio."""
    end = 0
    for member in sorted(members, key=lambda m: m.header_offset):
        if member.header_offset < end:
            raise SourceError(
                f"{shown} holds files that lie over each other: {member.filename!r} begins inside another.",
                hint="No honest program packs so: ask where the archive comes from.",
            )
        end = member.header_offset + _LOCAL_HEADER_BYTES + member.compress_size


# ---- tar, and single files ------------------------------------------------------------


def _unpack_stream(probe: Probe, shown: str, unpacked: Unpacked) -> None:
    assert probe.archive is not None
    with _OPENERS[probe.archive](probe.path) as stream:
        opening = stream.read(tarfile.BLOCKSIZE)
        stream.seek(0)
        inner = Path(shown).stem
        if opening[257:262] == b"ustar" or f".{inner}".endswith(".tar") or probe.suffix in _TAR_SUFFIXES:
            _unpack_tar(_Counted(stream, unpacked.budget), shown, unpacked)
            return
        failed = _write(lambda: _Counted(stream, unpacked.budget), inner, shown, unpacked)
    if failed:
        raise SourceError(f"{shown} cannot be unpacked: {failed}", hint="Copy or download it again.")


def _unpack_tar(stream: _Counted, shown: str, unpacked: Unpacked) -> None:
    seen: list[str] = []
    try:
        with tarfile.open(fileobj=stream, mode="r|", errorlevel=1) as archive:
            for member in archive:
                raw = member.name.encode("utf-8", "surrogateescape")
                (name,), hints = decoded([member.name if _is_text(member.name) else raw])
                seen.append(name)
                refuse_unsafe([name], shown)
                if member.isdir():
                    continue
                if not member.isreg():
                    unpacked.reject(f"{shown}/{name}", _NO_FILE)
                    continue
                unpacked.hints += [hint for hint in hints if hint not in unpacked.hints]
                unpacked.budget.allow(member.size)
                _write(partial(archive.extractfile, member), name, shown, unpacked)
                archive.members.clear()  # type: ignore[attr-defined]
        while stream.read(_CHUNK):
            pass
    except (tarfile.TarError, EOFError, zlib.error, lzma.LZMAError, OSError) as error:
        if not seen:
            raise
        unpacked.reject(shown, f"The archive is damaged or cut off behind {seen[-1]!r}: {_reason(error)}.")
        return
    refuse_unsafe([*dict.fromkeys(seen)], shown)
    if stream.last.strip(b"\0"):
        unpacked.reject(
            shown, f"The archive is cut off: it has no end mark behind {seen[-1] if seen else 'its begin'!r}."
        )


def _is_text(name: str) -> bool:
    return name.isascii() or not any("\udc80" <= character <= "\udcff" for character in name)


# ---- writing --------------------------------------------------------------------------


def _write(opened: Callable[[], Any], name: str, shown: str, unpacked: Unpacked) -> str | None:
    """Write one file into the folder; where that fails, why, which is also among the rejects."""
    unpacked.budget.take_file()
    target = unpacked.folder.path.joinpath(*(part for part in name.split("/") if part not in ("", ".")))
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with opened() as source, target.open("wb") as copy:
            while chunk := source.read(_CHUNK):
                copy.write(chunk)
    except SourceError:
        raise
    except _DAMAGE as error:
        if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise SourceError(
                f"The disk is full, so {shown} cannot be unpacked.", hint="Set TMPDIR to a folder with more room."
            ) from error
        if target.is_file():
            target.unlink()
        why = f"It is damaged: {_reason(error)}."
        unpacked.reject(f"{shown}/{name}", why)
        return why
    return None


def _reason(error: BaseException) -> str:
    if isinstance(error, MemoryError):
        return "it asks for more memory than there is"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return str(error).rstrip(".") or type(error).__name__


def _size(count: int) -> str:
    return f"{count / (1 << 30):,.1f} GB" if count >= 1 << 30 else f"{max(count, 0) / (1 << 20):,.0f} MB"
