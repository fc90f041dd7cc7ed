"""Files that are either whole or not there, also after a crash or on a full disk.

Everything is written under a temporary name, forced to disk, and then given its name in one
step; the folder is forced to disk too, since a name is only as durable as its folder.
"""

from __future__ import annotations

import errno
import hashlib
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from cimkit.catalog.layout import TEMPORARY
from cimkit.errors import CatalogError

try:
    import fcntl
except ImportError:  # Windows: exclusive creation alone keeps two writers apart
    fcntl = None  # type: ignore[assignment]

#: What the operating system says of a full disk, also through DuckDB.
FULL = os.strerror(errno.ENOSPC)
_CHUNK = 1 << 20
_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_NO_LINKS = {errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK, errno.EACCES}


@contextmanager
def writing(root: Path) -> Iterator[None]:
    """Turns the operating system's refusal to write into a sentence.

    Raises:
        CatalogError: the disk is full, or something under ``root`` cannot be written.
    """
    try:
        yield
    except OSError as error:
        if error.errno in _FULL:
            raise disk_full(root) from error
        place = error.filename2 or error.filename or root
        raise CatalogError(
            f"The catalog {root} cannot be written: {place}: {error.strerror or error}.",
            hint="Nothing was changed. Check that you may write there, and that the disk is well.",
        ) from error


def disk_full(root: Path) -> CatalogError:
    """The error that says which disk has no space left."""
    try:
        left = f"{shutil.disk_usage(root).free / 1e6:.0f} MB free"
    except OSError:
        left = "its size is not known"
    return CatalogError(
        f"No space left on the disk of the catalog {root} ({left}).",
        hint="Nothing was changed. Free some space there, then run the same command again.",
    )


def sync_file(path: Path) -> None:
    """Forces a file's content to disk."""
    with path.open("rb+") as file:
        os.fsync(file.fileno())


def sync_folder(path: Path) -> None:
    """Forces the names in a folder to disk."""
    if os.name == "nt":  # folders cannot be opened there; NTFS journals names by itself
        return
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def write(path: Path, data: bytes) -> None:
    """Writes a file that nobody looks at yet."""
    with path.open("xb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def temporary(folder: Path) -> Path:
    """A free name in ``folder`` that readers ignore."""
    return folder / f"{TEMPORARY}{os.getpid()}-{secrets.token_hex(6)}"


def create(path: Path, data: bytes) -> None:
    """Makes ``path`` with this content in one step.

    Raises:
        FileExistsError: it is there already; nothing is changed.
    """
    aside = temporary(path.parent)
    try:
        write(aside, data)
        try:
            os.link(aside, path)
        except FileExistsError:
            raise
        except OSError as error:
            if error.errno not in _NO_LINKS:
                raise
            # A file system without hard links: the lock is what keeps two writers apart.
            if path.exists():
                raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(path)) from error
            aside.replace(path)
    finally:
        with suppress(OSError):
            aside.unlink(missing_ok=True)
    sync_folder(path.parent)


def copy(source: Path, target: Path) -> tuple[str, int]:
    """Copies a file to a free name and forces it to disk; its SHA-256 (hex) and size in bytes."""
    digest, size = hashlib.sha256(), 0
    with source.open("rb") as reading, target.open("xb") as writing_to:
        while chunk := reading.read(_CHUNK):
            writing_to.write(chunk)
            digest.update(chunk)
            size += len(chunk)
        writing_to.flush()
        os.fsync(writing_to.fileno())
    return digest.hexdigest(), size


def sha256(path: Path) -> tuple[str, int]:
    """A file's SHA-256 (hex) and size in bytes."""
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256")
        return digest.hexdigest(), file.tell()


@contextmanager
def folder_aside(parent: Path) -> Iterator[Path]:
    """A temporary folder in ``parent``, gone afterwards unless it was given another name."""
    path = temporary(parent)
    path.mkdir(parents=True)
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Waits for the catalog's other writers, where the system has such locks.

    The lock spares work and keeps release notes in order; it is not what keeps releases
    whole. That is exclusive creation, which also holds where a network file system or
    Windows gives no lock.
    """
    handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
    try:
        if fcntl is not None:
            with suppress(OSError):
                fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)
