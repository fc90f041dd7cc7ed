"""Whether a catalog is what it was when it was published: every release, manifest and file, byte by byte."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from cimkit.catalog import durable, releases
from cimkit.catalog.layout import MANIFEST, TEMPORARY, Layout
from cimkit.catalog.manifest import load
from cimkit.errors import CatalogError
from cimkit.model import Progress, silent

_RELEASE = re.compile(r"[0-9]{6,12}\.json")
_VERSION = re.compile(r"v[0-9]{6,12}")


@dataclass(frozen=True, slots=True)
class Damage:
    """Something that is not as it was published.

    ``code`` is stable: ``head.broken`` (HEAD names nothing that is there),
    ``release.broken`` (missing, unreadable, or not what its successor stands on),
    ``manifest.broken`` (likewise), ``file.missing``, ``file.changed``, ``file.unknown``.
    ``path`` is relative to the catalog.
    """

    code: str
    path: str
    message: str

    def __str__(self) -> str:
        return f"{self.code}: {self.message}"


def verify(layout: Layout, *, progress: Progress = silent) -> list[Damage]:
    """Every damage, in the order of releases, versions and files; none where the catalog is whole.

    What a killed writer left (temporary names, and versions that no release names) is no
    damage: nobody reads it. Nor is a missing index, which is made again when needed.
    """
    damages: list[Damage] = []
    members: set[tuple[str, int]] = set()
    digests: dict[Path, str | None] = {}
    for record in _records(layout, damages):
        members.update(record.release.datasets.items())
        damages += _foundations(layout, record, digests)
    versions = sorted(members)
    for done, (name, number) in enumerate(versions):
        progress("verify", done, len(versions))
        damages += _version(layout, name, number)
    progress("verify", len(versions), len(versions))
    damages += _strangers(layout)
    # Many releases stand on one manifest; its damage is told once, by the newest of them.
    return list({(damage.code, damage.path): damage for damage in reversed(damages)}.values())[::-1]


def _records(layout: Layout, damages: list[Damage]) -> Iterator[releases.Record]:
    """The releases from the current one back to the first, as far as the chain holds."""
    try:
        number = layout.read_head()
    except CatalogError as error:
        damages.append(Damage("head.broken", "HEAD", str(error)))
        return
    if number and not layout.release(number).is_file():
        path = layout.relative(layout.release(number))
        damages.append(Damage("head.broken", "HEAD", f"HEAD names release {number}, but {path} is missing."))
        return
    while number:
        try:
            record = releases.read(layout, number)
        except CatalogError as error:
            damages.append(Damage("release.broken", layout.relative(layout.release(number)), str(error)))
            return
        yield record
        number = record.release.parents[0] if record.release.parents else 0


def _foundations(layout: Layout, record: releases.Record, digests: dict[Path, str | None]) -> Iterator[Damage]:
    """Damages of the documents a release vouches for: its parent, and its datasets' manifests.

    ``digests`` remembers what was computed: most releases stand on the same manifests.
    """
    path = layout.relative(layout.release(record.release.number))
    wanted = {layout.release(parent) for parent in record.release.parents}
    wanted |= {layout.manifest(*member) for member in record.release.datasets.items()}
    for document in sorted(wanted):
        if document not in digests:
            digests[document] = _sha256(layout, document)
        name = layout.relative(document)
        code = "manifest.broken" if document.name == MANIFEST else "release.broken"
        if name not in record.sha256:
            yield Damage("release.broken", path, f"{path} does not say the SHA-256 of {name}.")
        elif not document.is_file():
            yield Damage(code, name, f"{name} is missing.")
        elif digests[document] != record.sha256[name]:
            yield Damage(code, name, f"{name} is not what {path} was made on.")


def _version(layout: Layout, name: str, number: int) -> Iterator[Damage]:
    folder = layout.version(name, number)
    if not layout.manifest(name, number).is_file():
        return  # said already
    try:
        manifest = load(layout, name, number)
    except CatalogError as error:
        yield Damage("manifest.broken", layout.relative(layout.manifest(name, number)), str(error))
        return
    for file in manifest.files:
        where = layout.relative(folder / file.path)
        try:
            path = layout.inside(folder / file.path)
        except CatalogError as error:
            yield Damage("file.changed", where, str(error))
            continue
        if not path.is_file():
            yield Damage("file.missing", where, f"{where} is missing.")
        elif path.stat().st_size != file.bytes:
            yield Damage("file.changed", where, f"{where} has {path.stat().st_size} bytes, not {file.bytes}.")
        elif _sha256(layout, path) != file.sha256:
            yield Damage("file.changed", where, f"{where} has another SHA-256 than its manifest says.")
    yield from _unknown(layout, folder, {MANIFEST, *(file.path for file in manifest.files)})


def _strangers(layout: Layout) -> Iterator[Damage]:
    """What stands where only releases, datasets and versions may stand."""
    releases_there = {p.name for p in layout.releases.glob("*") if _RELEASE.fullmatch(p.name)}
    yield from _unknown(layout, layout.releases, releases_there)
    folders = sorted(p for p in layout.datasets.glob("*") if p.is_dir() and not p.name.startswith(TEMPORARY))
    yield from _unknown(layout, layout.datasets, {folder.name for folder in folders})
    for folder in folders:
        versions = {p.name for p in folder.glob("*") if _VERSION.fullmatch(p.name)}
        yield from _unknown(layout, folder, versions)


def _unknown(layout: Layout, folder: Path, known: set[str]) -> Iterator[Damage]:
    for path in sorted(folder.glob("*")):
        if path.name not in known and not path.name.startswith(TEMPORARY):
            where = layout.relative(path)
            yield Damage("file.unknown", where, f"{where} does not belong to the catalog.")


def _sha256(layout: Layout, path: Path) -> str | None:
    """The SHA-256 of a file, None where it cannot be read or lies outside."""
    try:
        return durable.sha256(layout.inside(path))[0]
    except (OSError, CatalogError):
        return None
