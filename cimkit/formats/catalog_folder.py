"""A cimkit catalog: the datasets of its current release, each a layer read from its Parquet file.

``HEAD`` names the release, the release the version of each dataset, and a version's manifest its
files. A catalog from a stranger may name any path: what leads out of the folder is refused, as
is a file of another size than the manifest says.
"""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path
from typing import Any

from cimkit import documents
from cimkit.errors import SourceError
from cimkit.formats.dataset import Dataset, Delivery, Layer
from cimkit.formats.probe import Probe, look
from cimkit.formats.registry import Wishes
from cimkit.formats.tables import geoparquet

#: The highest version of the layout on disk that is read here; as in :mod:`cimkit.catalog.layout`.
FORMAT = 1
_HEAD_BYTES = 64
_NUMBER = re.compile(r"[0-9]{6,12}")


def layers(probe: Probe, format: str, wishes: Wishes) -> Dataset:
    """The datasets of the current release, under the names of their standard's layers.

    A dataset that does not say which layer it is goes by its own name, as do several of one layer.

    Raises:
        SourceError: there is no release, a part of it is missing, damaged or leads elsewhere, or a newer
            cimkit wrote it.
    """
    root = probe.path
    about = _document(_inside(root, root / "catalog.json"), "catalog")
    if about["format"] > FORMAT:
        raise SourceError(
            f"{root} has format {about['format']}; this cimkit reads up to {FORMAT}.", hint="Install a newer cimkit."
        )
    head = _inside(root, root / "HEAD")
    release_path = _inside(root, root / "releases" / f"{_release(root, head)}.json")
    release = _document(release_path, "release")
    found: list[tuple[str, str, Path]] = []
    files = [head, release_path]
    for name, version in sorted(release["datasets"].items()):
        folder = root / "datasets" / name / f"v{int(version):06d}"
        manifest_path = _inside(root, folder / "manifest.json")
        manifest = _document(manifest_path, "manifest")
        data = _data(root, folder, manifest_path, manifest)
        files += [manifest_path, data]
        found.append((name, str((manifest["standard"] or {}).get("layer") or name), data))
    shared = Counter(layer.casefold() for _, layer, _ in found)
    named = [(name if shared[layer.casefold()] > 1 else layer, data) for name, layer, data in found]
    return Dataset(Delivery(root, format, tuple(files)), tuple(_layer(name, data, wishes) for name, data in named))


def _release(root: Path, head: Path) -> str:
    """The number of the current release, as its document's name has it."""
    try:
        with head.open("rb") as file:
            text = file.read(_HEAD_BYTES).decode("ascii", "replace").strip()
    except OSError as error:
        raise SourceError(f"{head} cannot be read: {error.strerror}.") from error
    if not _NUMBER.fullmatch(text):
        raise SourceError(f"{head} does not name a release.", hint=_verify(root))
    if not int(text):
        raise SourceError(f"The catalog {root} has no release yet.", hint="Publish something into it first.")
    return f"{int(text):06d}"


def _data(root: Path, folder: Path, where: Path, manifest: dict[str, Any]) -> Path:
    """The data file of a version."""
    named = [file for file in manifest["files"] if file["role"] == "data"]
    if len(named) != 1:
        raise SourceError(f"{where} must name one data file.", hint=_verify(root))
    path = _inside(root, folder / str(named[0]["path"]))
    if path.parent.resolve() != folder.resolve() or not path.is_file():
        raise SourceError(f"{path} is missing in the catalog {root}.", hint=_verify(root))
    if path.stat().st_size != named[0]["bytes"]:
        raise SourceError(f"{path} was changed: it has not the size it was published with.", hint=_verify(root))
    return path


def _layer(name: str, path: Path, wishes: Wishes) -> Layer:
    (layer,) = geoparquet.layers(look(path), "Parquet", wishes).layers
    layer.name = name
    return layer


def _document(path: Path, schema: str) -> dict[str, Any]:
    document = documents.load_json(path, SourceError)
    documents.validate(document, schema, path, SourceError)
    return document


def _inside(root: Path, path: Path) -> Path:
    """The path, if it does not lead out of the catalog."""
    try:
        resolved = path.resolve()
    except (OSError, RuntimeError) as error:
        raise SourceError(f"{path} cannot be followed: {error}.") from error
    if not resolved.is_relative_to(root.resolve()):
        raise SourceError(
            f"{path} leads out of the catalog, to {resolved}.",
            hint="A catalog holds its own files. Do not trust this one unless you know who made it.",
        )
    return path


def _verify(root: Path) -> str:
    return f"See what is damaged: cimkit catalog verify {root}"
