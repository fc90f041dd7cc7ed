"""The manifest of one version of a dataset: everything known of it, beside its files.

``schemas/manifest.schema.json`` is its shape on disk.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from cimkit.catalog.layout import FORMAT, Layout, dump, is_file_name
from cimkit.documents import validate
from cimkit.errors import CatalogError, UsageError
from cimkit.model import BBox, DatasetDraft, as_dict

#: Draft facts that have a place of their own; all others are kept as they are and do not make a version.
KNOWN_FACTS = ("standard", "sources", "check", "licence")
#: Members of these facts that say when and where, not what; they do not make a version either.
PASSING = frozenset({"path", "uri", "run", "run_id", "clock", "timings", "seconds", "elapsed"})
_PASSING_SUFFIX = "_at"


@dataclass(frozen=True, slots=True)
class DataFile:
    """A file of a version. ``role`` is ``data``, or the stem of an attachment's name.

    ``sha256`` is hex over the file's bytes; ``rows`` is None for what is not Parquet.
    """

    role: str
    path: str
    sha256: str
    bytes: int
    rows: int | None


@dataclass(frozen=True, slots=True)
class Manifest:
    """One version of a dataset.

    ``bbox`` is in ``crs`` (x, y), ``bbox_crs84`` is longitude, latitude in degrees; ``crs`` is
    an authority code, WKT or a pseudo name (the data file has it as PROJJSON). ``geometry``
    is ``{"types", "nulls"}`` in GeoParquet's words, None for a table. ``columns`` are the
    attributes: ``{"name", "type", "nulls"}``, the type in Arrow's words. ``digest`` is the
    identity by which a publisher sees that nothing has changed (:func:`identity`).
    ``previous`` is the version this one followed. ``facts`` stand beside these in the document.
    """

    name: str
    version: int
    previous: int | None
    title: Mapping[str, str]
    crs: str | None
    bbox: BBox | None
    bbox_crs84: BBox | None
    rows: int
    geometry: Mapping[str, Any] | None
    columns: tuple[Mapping[str, Any], ...]
    standard: Mapping[str, Any] | None
    sources: tuple[Mapping[str, Any], ...]
    check: Mapping[str, Any] | None
    licence: str | None
    files: tuple[DataFile, ...]
    digest: str
    created_at: str
    message: str
    run: Mapping[str, Any]
    facts: Mapping[str, Any] = field(default_factory=dict)

    @property
    def data(self) -> DataFile:
        return next(file for file in self.files if file.role == "data")

    @property
    def attachments(self) -> tuple[DataFile, ...]:
        return tuple(file for file in self.files if file.role != "data")

    def numbered(self, version: int, previous: int | None) -> Manifest:
        return replace(self, version=version, previous=previous)

    def to_dict(self) -> dict[str, Any]:
        """The document: ``columns`` is called ``fields`` there, and the facts stand at the end."""
        own = {f.name: as_dict(getattr(self, f.name)) for f in fields(self) if f.name != "facts"}
        own = {("fields" if name == "columns" else name): value for name, value in own.items()}
        return {"format": FORMAT, **own, **as_dict(self.facts)}

    @staticmethod
    def from_dict(document: Mapping[str, Any], where: str | Path) -> Manifest:
        """The manifest in a document that keeps to the schema.

        Raises:
            CatalogError: a file of it is not a plain name, or there is not one data file.
        """
        facts = {key: value for key, value in document.items() if key not in _OWN}
        own = {("columns" if key == "fields" else key): value for key, value in document.items() if key in _OWN}
        del own["format"]
        files = tuple(DataFile(**file) for file in own.pop("files"))
        names = [file.path for file in files]
        wrong = [name for name in names if not is_file_name(name) or names.count(name) > 1]
        if wrong:
            raise CatalogError(f"{where} names a file that cannot be in a version: {wrong[0]!r}.")
        if sum(file.role == "data" for file in files) != 1:
            raise CatalogError(f"{where} must name one data file.")
        for key in ("version", "previous"):  # to JSON Schema 1.0 is an integer too
            own[key] = own[key] and int(own[key])
        values: dict[str, Any] = {key: _frozen(own[key]) if key in _TUPLES else own[key] for key in own}
        return Manifest(**values, files=files, facts=facts)

    def dump(self, where: str | Path) -> bytes:
        """The document as bytes, after holding it against its schema.

        Raises:
            UsageError: a fact of the draft does not fit into a manifest.
        """
        document = self.to_dict()
        validate(document, "manifest", where, UsageError)
        return dump(document)


_OWN = {"format", "fields"} | {f.name for f in fields(Manifest)} - {"facts", "columns"}
_TUPLES = {"bbox", "bbox_crs84", "columns", "sources"}


def _frozen(value: list[Any] | None) -> tuple[Any, ...] | None:
    return None if value is None else tuple(value)


def load(layout: Layout, name: str, version: int) -> Manifest:
    """The manifest of a version.

    Raises:
        CatalogError: it is missing, damaged, or that of another version.
    """
    path = layout.manifest(name, version)
    manifest = Manifest.from_dict(layout.read_document(path, "manifest"), path)
    if (manifest.name, manifest.version) != (name, version):
        raise CatalogError(f"{path} is the manifest of {manifest.name} version {manifest.version}.")
    return manifest


def file_path(layout: Layout, manifest: Manifest, file: DataFile) -> Path:
    """Where a file of a version is.

    Raises:
        CatalogError: it is missing, no plain file, of another size than it was, or leads out of the catalog.
    """
    path = layout.inside(layout.version(manifest.name, manifest.version) / file.path)
    wrong = "is missing" if not path.is_file() else "was changed" if path.stat().st_size != file.bytes else None
    if wrong:
        raise CatalogError(
            f"{layout.relative(path)} {wrong} in the catalog {layout.root}.",
            hint=f"See what is damaged: cimkit catalog verify {layout.root}",
        )
    return path


def draft_facts(draft: DatasetDraft) -> tuple[dict[str, Any], dict[str, Any]]:
    """The draft's facts in two: those with a place of their own (all of them), and the others.

    Raises:
        UsageError: a fact has the name of something the catalog itself writes, or is not JSON.
    """
    plain = as_dict(draft.manifest)
    taken = sorted(_OWN.intersection(plain) - set(KNOWN_FACTS))
    if taken:
        raise UsageError(f"The draft of '{draft.name}' sets '{taken[0]}', which the catalog writes itself.")
    try:
        dump(plain)
    except (TypeError, ValueError) as error:
        raise UsageError(f"The facts of '{draft.name}' cannot be written as JSON: {error}.") from error
    known = {
        "standard": plain.get("standard"),
        "sources": tuple(plain.get("sources") or ()),
        "check": plain.get("check"),
        "licence": plain.get("licence"),
    }
    return known, {key: value for key, value in plain.items() if key not in KNOWN_FACTS}


def identity(draft: DatasetDraft, known: Mapping[str, Any], digests: Mapping[str, str]) -> str:
    """What makes a version: SHA-256 (hex) over everything whose change should be published.

    That is the content of the data and of the attachments (``digests``, by name, the data
    under ``""``), the title, CRS, licence and standard, and what is said of sources and check
    without times, paths and run ids. How a run went (other facts, JSON attachments) does not
    count: it differs each time.
    """
    meaning = {
        "content": dict(digests),
        "title": as_dict(draft.title),
        "crs": draft.crs,
        **{key: _lasting(as_dict(value)) for key, value in known.items()},
    }
    return hashlib.sha256(json.dumps(meaning, sort_keys=True, allow_nan=False).encode()).hexdigest()


def _lasting(value: Any) -> Any:
    """A JSON value without members that say when and where."""
    if isinstance(value, dict):
        return {
            key: _lasting(item)
            for key, item in value.items()
            if key not in PASSING and not key.endswith(_PASSING_SUFFIX)
        }
    return [_lasting(item) for item in value] if isinstance(value, list) else value
