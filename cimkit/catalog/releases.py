"""The chain of releases: which version of which dataset, who, when, why, and after which release.

A release is committed by the exclusive creation of ``releases/<n>.json``; ``HEAD`` then moves
to it. A writer killed between the two leaves a whole release, and the next writer moves
``HEAD`` to it first (also where somebody set ``HEAD`` back by hand). So two writers cannot
take one number, and neither loses what the other did, with a lock or without.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from cimkit.catalog import durable
from cimkit.catalog.layout import FORMAT, Layout, dump
from cimkit.documents import validate
from cimkit.errors import CatalogError
from cimkit.model import Release, as_dict

#: What a reader sees before anything was published.
EMPTY = Release(number=0, created_at="", author="", message="", parents=(), datasets={})


@dataclass(frozen=True, slots=True)
class Record:
    """A release as it stands on disk: with the run that made it, and the SHA-256 (hex) of what it stands on.

    ``sha256`` goes from the paths, relative to the catalog, of its manifests and of its parents
    to their digests, and the manifests hold those of their files: one number vouches for all.
    """

    release: Release
    sha256: Mapping[str, str]
    run: Mapping[str, Any]

    def dump(self, where: str) -> bytes:
        """The document ``releases/<n>.json``."""
        document = {
            "format": FORMAT,
            "release": self.release.number,
            **{key: value for key, value in as_dict(self.release).items() if key != "number"},
            "sha256": as_dict(self.sha256),
            "run": as_dict(self.run),
        }
        validate(document, "release", where)
        return dump(document)


def read(layout: Layout, number: int) -> Record:
    """A release by its number.

    Raises:
        CatalogError: it is missing or damaged.
    """
    if number == 0:
        return Record(EMPTY, {}, {})
    path = layout.release(number)
    document = layout.read_document(path, "release")
    if document["release"] != number or any(parent >= number for parent in document["parents"]):
        raise CatalogError(f"{path} is not release {number}: it says it is {document['release']}.")
    release = Release(
        number=number,
        created_at=document["created_at"],
        author=document["author"],
        message=document["message"],
        parents=tuple(map(int, document["parents"])),  # to JSON Schema 1.0 is an integer too
        datasets={name: int(version) for name, version in document["datasets"].items()},
    )
    return Record(release, document["sha256"], document["run"])


def current(layout: Layout) -> Release:
    """The release that ``HEAD`` names; :data:`EMPTY` before the first.

    Raises:
        CatalogError: ``HEAD`` names nothing that is there.
    """
    return read(layout, layout.read_head()).release


def chain(layout: Layout) -> list[Release]:
    """All releases up to the current one, oldest first.

    Raises:
        CatalogError: a release in between is missing or damaged.
    """
    found = [current(layout)]
    while found[-1].parents:
        found.append(read(layout, found[-1].parents[0]).release)
    return [release for release in reversed(found) if release.number]


def digest(layout: Layout, number: int) -> str:
    """SHA-256 (hex) of a release's document; that of nothing for release 0.

    Raises:
        CatalogError: there is no such release.
    """
    path = layout.inside(layout.release(number))
    try:
        data = path.read_bytes() if number else b""
    except OSError as error:
        raise CatalogError(f"{path} cannot be read: {error.strerror}.") from error
    return hashlib.sha256(data).hexdigest()


def recover(layout: Layout) -> Record:
    """The newest release, after moving ``HEAD`` to it if a writer was killed before doing so."""
    head = number = layout.read_head()
    while layout.release(number + 1).exists():
        number += 1
    record = read(layout, number)
    if number != head:
        move_head(layout, number)
    return record


def move_head(layout: Layout, number: int) -> None:
    """Makes a release the current one."""
    aside = durable.temporary(layout.root)
    try:
        durable.write(aside, _head_text(number))
        aside.replace(layout.head)
    finally:
        with suppress(OSError):
            aside.unlink(missing_ok=True)
    # Should the new HEAD not survive a power cut, the next writer moves the old one again.
    with suppress(OSError):
        durable.sync_folder(layout.root)


def commit(layout: Layout, record: Record) -> None:
    """Creates a release and moves ``HEAD`` to it, or does neither.

    Raises:
        FileExistsError: another writer took the number.
        OSError: the disk refused.
    """
    path = layout.release(record.release.number)
    data = record.dump(str(path))
    # Written first, so that a full disk says so before the release is there.
    head = durable.temporary(layout.root)
    try:
        durable.write(head, _head_text(record.release.number))
        durable.create(path, data)
        head.replace(layout.head)
        with suppress(OSError):
            durable.sync_folder(layout.root)
    except BaseException:
        if layout.read_head() < record.release.number and exists(layout, record):
            path.unlink()
        raise
    finally:
        with suppress(OSError):
            head.unlink(missing_ok=True)
    # Without a lock another writer may have gone on from here before HEAD moved.
    recover(layout)


def exists(layout: Layout, record: Record) -> bool:
    """Whether this very release has been created."""
    path = layout.release(record.release.number)
    return path.exists() and path.read_bytes() == record.dump(str(path))


def _head_text(number: int) -> bytes:
    return f"{number:06d}\n".encode()
