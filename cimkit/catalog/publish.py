"""Publishing: drafts become versions, and one release commits them all, or nothing happens.

Data is written aside, checked, forced to disk and renamed to the next free version before
the release that names it is created. Until then no reader can see it; a writer that is
killed leaves folders that nobody reads.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cimkit import crs as reference_systems
from cimkit import duck
from cimkit.catalog import content, durable, releases
from cimkit.catalog.layout import MANIFEST, Layout, checked_name, is_file_name
from cimkit.catalog.manifest import DataFile, Manifest, draft_facts, file_path, identity, load
from cimkit.errors import CatalogError, SourceError, UsageError
from cimkit.formats.tables.geoparquet_write import write_geoparquet
from cimkit.model import BBox, DatasetDraft, Progress, Release, as_dict, silent

if TYPE_CHECKING:
    import duckdb

_CLOCK = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d+)?(Z|[+-]\d{2}:\d{2})")


@dataclass(frozen=True, slots=True)
class Pending:
    """A version that is whole but for its number: its manifest, and the folder it was written to."""

    manifest: Manifest
    folder: Path


def now() -> str:
    """The time as manifests write it, UTC to the second."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def publish(
    con: duckdb.DuckDBPyConnection,
    layout: Layout,
    drafts: Sequence[DatasetDraft],
    *,
    message: str,
    author: str,
    clock: str,
    run: Mapping[str, Any],
    progress: Progress = silent,
) -> Release | None:
    """Makes a release of what changed in ``drafts``; the other datasets are carried over.

    Returns:
        The release, or None where every draft is what the current release already has.

    Raises:
        UsageError: a draft's name, an attachment's name, a fact or the clock is not acceptable.
        CatalogError: the catalog cannot be read or written, or a draft's file cannot be read.
            Nothing was published then.
    """
    _check_clock(clock)
    _check_names(drafts)
    base = releases.read(layout, layout.read_head())
    with ExitStack() as aside, durable.writing(layout.root):
        pending = []
        for done, draft in enumerate(drafts):
            progress("publish", done, len(drafts))
            known, others = draft_facts(draft)
            contents = _read(con, draft)
            digest = identity(draft, known, _digests(draft, contents))
            if _digest_of(layout, base, draft.name) == digest:
                continue
            folder = aside.enter_context(durable.folder_aside(layout.datasets))
            with _disk_of(layout.root):
                facts = _write(con, draft, contents, folder)
            manifest = Manifest(
                name=draft.name,
                version=0,
                previous=None,
                title=dict(draft.title),
                crs=draft.crs,
                digest=digest,
                created_at=clock,
                message=message,
                run=as_dict(run),
                facts=others,
                **known,
                **facts,
            )
            pending.append(Pending(manifest, folder))
        progress("publish", len(drafts), len(drafts))
        if not pending:
            return None
        with durable.locked(layout.lock):
            unnumbered = Release(0, clock, author, message, (), {})
            return _commit(layout, pending, unnumbered, as_dict(run))


# ---- one draft ------------------------------------------------------------------------


def _check_clock(clock: str) -> None:
    with suppress(ValueError):  # a day or an hour that does not exist
        if _CLOCK.fullmatch(clock) and datetime.fromisoformat(clock):
            return
    raise UsageError(f"'{clock}' is no time.", hint="Write it as in 2024-05-01T12:00:00Z.")


def _check_names(drafts: Sequence[DatasetDraft]) -> None:
    names = [checked_name(draft.name) for draft in drafts]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice:
        raise UsageError(f"The dataset '{twice}' is to be published twice in one release.")
    for draft in drafts:
        for name in draft.attachments:
            if not is_file_name(name) or name == MANIFEST or Path(name).stem == "data":
                raise UsageError(f"'{name}' cannot be the name of an attachment of '{draft.name}'.")


def _read(con: duckdb.DuckDBPyConnection, draft: DatasetDraft) -> dict[str, content.Content | None]:
    """What the draft's files say: the data under ``""``, and the attachments that are Parquet."""
    found: dict[str, content.Content | None] = {"": content.read(con, draft.data)}
    for name, path in draft.attachments.items():
        if not path.is_file():
            raise CatalogError(f"The attachment '{name}' of '{draft.name}' is missing: {path}.")
        found[name] = content.read(con, path) if name.endswith(".parquet") else None
    return found


def _digests(draft: DatasetDraft, contents: Mapping[str, content.Content | None]) -> dict[str, str]:
    """The digests that count for the identity. JSON attachments tell how a run went, and do not."""
    return {
        name: found.digest if found else durable.sha256(draft.attachments[name])[0]
        for name, found in contents.items()
        if not name.endswith(".json")
    }


def _digest_of(layout: Layout, base: releases.Record, name: str) -> str | None:
    """The digest of a dataset's current version; None where there is none.

    A version that is seen to be damaged counts as none, so that the next run mends it with a new one.
    """
    version = base.release.datasets.get(name)
    if version is None:
        return None
    manifest, path = load(layout, name, version), layout.manifest(name, version)
    digest, _ = durable.sha256(path)
    if base.sha256.get(layout.relative(path), digest) != digest:
        return None
    try:
        for file in manifest.files:
            file_path(layout, manifest, file)
    except CatalogError:
        return None
    return manifest.digest


def _write(
    con: duckdb.DuckDBPyConnection,
    draft: DatasetDraft,
    contents: Mapping[str, content.Content | None],
    folder: Path,
) -> dict[str, Any]:
    """Writes a draft's files into ``folder``; what the manifest says of them."""
    found = contents[""]
    assert found is not None
    target = folder / "data.parquet"
    columns = ", ".join(map(duck.identifier, found.columns))
    write_geoparquet(con, f"SELECT {columns} FROM {duck.parquet(draft.data)}", target, crs=draft.crs)
    durable.sync_file(target)
    digest, size = durable.sha256(target)
    target = target.rename(folder / f"{digest[:16]}.parquet")
    files = [DataFile("data", target.name, digest, size, found.rows)]
    for name, path in sorted(draft.attachments.items()):
        kept = contents[name]
        digest, size = durable.copy(path, folder / name)
        files.append(DataFile(Path(name).stem, name, digest, size, kept.rows if kept else None))
    return {**_described(target, found, draft.crs), "rows": found.rows, "files": tuple(files)}


def _described(path: Path, found: content.Content, crs: str | None) -> dict[str, Any]:
    """Columns, geometry and extent of the data file as it was written."""
    import pyarrow.parquet as pq

    columns = tuple(
        {"name": field.name, "type": str(field.type), "nulls": found.nulls[field.name]}
        for field in pq.read_schema(path)
        if field.name in found.columns and field.name != content.GEOMETRY
    )
    if not found.has_geometry:
        return {"columns": columns, "geometry": None, "bbox": None, "bbox_crs84": None}
    column = content.geometry_metadata(path)
    box = column.get("bbox")
    bbox: BBox | None = None
    if box:
        half = len(box) // 2  # three dimensions where there are heights
        bbox = (box[0], box[1], box[half], box[half + 1])
    return {
        "columns": columns,
        "geometry": {"types": column.get("geometry_types", []), "nulls": found.nulls[content.GEOMETRY]},
        "bbox": bbox,
        "bbox_crs84": reference_systems.bbox_crs84(bbox, crs) if crs else None,
    }


@contextmanager
def _disk_of(root: Path) -> Iterator[None]:
    """Says which disk is full where DuckDB or the GeoParquet writer only says that one is."""
    import duckdb

    try:
        yield
    except (duckdb.Error, SourceError) as error:
        if durable.FULL in str(error) or durable.FULL in str(error.__cause__):
            raise durable.disk_full(root) from error
        if isinstance(error, SourceError):
            raise
        raise CatalogError(f"The catalog {root} cannot be written: {error}") from error


# ---- all of them ----------------------------------------------------------------------


def _commit(layout: Layout, pending: Sequence[Pending], release: Release, run: Mapping[str, Any]) -> Release | None:
    """Numbers the versions and creates the release, on top of what other writers did meanwhile."""
    base = releases.recover(layout)
    changed = [p for p in pending if _digest_of(layout, base, p.manifest.name) != p.manifest.digest]
    if not changed:
        return None
    placed: list[Manifest] = []
    record: releases.Record | None = None
    try:
        for item in changed:
            placed.append(_place(layout, item, base.release.datasets.get(item.manifest.name)))
            durable.sync_folder(layout.dataset(item.manifest.name))
        durable.sync_folder(layout.datasets)
        while True:
            record = _next(layout, base, placed, release, run)
            try:
                releases.commit(layout, record)
                return record.release
            except FileExistsError:  # no lock here, and another writer was faster
                base = releases.recover(layout)
    except BaseException:
        if record is None or not releases.exists(layout, record):
            for manifest in placed:
                shutil.rmtree(layout.version(manifest.name, manifest.version), ignore_errors=True)
                with suppress(OSError):  # it is not empty where there are earlier versions
                    layout.dataset(manifest.name).rmdir()
        raise


def _place(layout: Layout, item: Pending, previous: int | None) -> Manifest:
    """Gives a version its number and its place."""
    name = item.manifest.name
    while True:
        number = max(layout.versions(name), default=0) + 1
        manifest = item.manifest.numbered(number, previous)
        path = item.folder / MANIFEST
        path.unlink(missing_ok=True)
        durable.write(path, manifest.dump(path))
        durable.sync_folder(item.folder)
        layout.dataset(name).mkdir(exist_ok=True)
        try:
            item.folder.rename(layout.version(name, number))
        except OSError:
            if layout.version(name, number).exists():  # no lock here, and another writer was faster
                continue
            raise
        return manifest


def _next(
    layout: Layout,
    base: releases.Record,
    placed: Sequence[Manifest],
    release: Release,
    run: Mapping[str, Any],
) -> releases.Record:
    """The release after ``base``; who, when and why come from ``release``."""
    number = base.release.number
    versions = {**base.release.datasets, **{manifest.name: manifest.version for manifest in placed}}
    # What is carried over keeps the digest it was published with: a manifest changed since is not blessed.
    digests = {path: sha for path, sha in base.sha256.items() if path.startswith("datasets/")}
    for manifest in placed:
        if manifest.name in base.release.datasets:
            old = layout.manifest(manifest.name, base.release.datasets[manifest.name])
            digests.pop(layout.relative(old), None)
        new = layout.manifest(manifest.name, manifest.version)
        digests[layout.relative(new)] = durable.sha256(new)[0]
    if number:
        digests[layout.relative(layout.release(number))] = releases.digest(layout, number)
    return releases.Record(
        replace(
            release,
            number=number + 1,
            parents=(number,) if number else (),
            datasets=dict(sorted(versions.items())),
        ),
        dict(sorted(digests.items())),
        run,
    )
