"""Where standards are found: ``<registry>/<id>/<version>/standard.yaml``."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from cimkit import documents, resources
from cimkit.errors import StandardError, nearest
from cimkit.standard.reference import MANIFEST, Version, best, parse_id


def available(registries: Mapping[str, Path] | None = None) -> list[dict[str, str]]:
    """Every standard of the registries and those that ship with cimkit: id, version, status and path.

    They are in the order of their ids, the newest version of an id first.

    Raises:
        StandardError: a package's manifest is broken.
    """
    found = []
    for id_, versions in sorted(_packages(registries or {}).items()):
        for version in sorted(versions, reverse=True):
            folder = versions[version]
            status = read_manifest(folder)["status"]
            found.append({"id": id_, "version": str(version), "status": status, "path": str(folder)})
    return found


def find(reference: str | Path, registries: Mapping[str, Path] | None = None) -> Path:
    """The folder of the package that ``reference`` names: an id, ``id@version``, ``id@range``, a folder.

    The newest version wins; of the same version the registry that is named first, and the
    shipped one last.

    Raises:
        StandardError: there is no such standard, or no such version of it.
    """
    folder = Path(reference)
    named = parse_id(str(reference))
    if named is None or (folder / MANIFEST).is_file():
        return _package_folder(folder)
    id_, asked = named
    packages = _packages(registries or {})
    if id_ not in packages:
        if folder.is_dir():
            return _package_folder(folder)
        raise StandardError(f"There is no standard '{id_}'.", hint=nearest(id_, packages))
    versions = packages[id_]
    version = best(asked, versions)
    if version is None:
        there = ", ".join(str(version) for version in sorted(versions))
        raise StandardError(f"The standard '{id_}' has no version {asked}.", hint=f"There is: {there}.")
    manifest = read_manifest(versions[version])
    if (manifest["standard"], manifest["version"]) != (id_, str(version)):
        says = f"{manifest['standard']} {manifest['version']}"
        raise StandardError(
            f"{versions[version] / MANIFEST} says it is {says}, but its folder says {id_} {version}.",
            hint="Rename the folder, or correct 'standard' and 'version'.",
        )
    return versions[version]


def read_manifest(folder: Path) -> dict[str, Any]:
    """A package's ``standard.yaml``, held against its schema.

    Raises:
        StandardError: it is missing or broken.
    """
    path = folder / MANIFEST
    manifest = documents.load_yaml(path)
    documents.validate(manifest, "standard", path)
    return manifest


def digest(folder: Path) -> str:
    """``sha256:`` and the SHA-256 of all the package's files, hidden ones aside.

    What is hashed are the lines that ``sha256sum`` prints for the files' paths, relative and
    in byte order, so anybody can compute it.

    Raises:
        StandardError: a symbolic link, which could lead out of the package.
    """
    lines = []
    for path in _files(folder):
        content = hashlib.sha256(path.read_bytes()).hexdigest()
        lines.append((path.relative_to(folder).as_posix().encode(), content.encode()))
    total = hashlib.sha256(b"".join(content + b"  " + name + b"\n" for name, content in sorted(lines)))
    return f"sha256:{total.hexdigest()}"


def combined(digests: list[str]) -> str:
    """The digest of a package that extends others, given its own and theirs; its own where it stands alone."""
    if len(digests) == 1:
        return digests[0]
    return f"sha256:{hashlib.sha256(chr(10).join(digests).encode()).hexdigest()}"


def _files(folder: Path) -> Iterator[Path]:
    for path in folder.iterdir():
        if path.name.startswith("."):
            continue
        if path.is_symlink():
            raise StandardError(
                f"{path} is a symbolic link, and a package holds its own files.", hint="Copy the file into it."
            )
        if path.is_dir():
            yield from _files(path)
        else:
            yield path


def _package_folder(folder: Path) -> Path:
    if (folder / MANIFEST).is_file():
        return folder
    if not folder.is_dir():
        raise StandardError(
            f"There is no standard '{folder}': it is neither an id nor a folder.",
            hint="Name an id such as cim-core, or a folder with a standard.yaml.",
        )
    inside = sorted(path.parent.name for path in folder.glob(f"*/{MANIFEST}"))
    raise StandardError(
        f"{folder} holds no {MANIFEST}.", hint=f"Name one of its folders: {', '.join(inside)}." if inside else None
    )


def _packages(registries: Mapping[str, Path]) -> dict[str, dict[Version, Path]]:
    """id -> version -> folder."""
    found: dict[str, dict[Version, Path]] = {}
    for registry in [*registries.values(), resources.folder("standards")]:
        for manifest in sorted(Path(registry).glob(f"*/*/{MANIFEST}")):
            folder = manifest.parent
            version = Version.parse(folder.name)
            if version is not None:
                found.setdefault(folder.parent.name, {}).setdefault(version, folder)
    return found
