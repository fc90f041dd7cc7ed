"""The catalog as its users see it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cimkit import duck
from cimkit.catalog import durable, index, manifest, releases
from cimkit.catalog import query as querying
from cimkit.catalog import verify as verifying
from cimkit.catalog.layout import FORMAT, TEMPORARY, Layout, checked_id, dump
from cimkit.catalog.manifest import Manifest
from cimkit.catalog.verify import Damage
from cimkit.documents import validate
from cimkit.errors import CatalogError, UsageError, nearest
from cimkit.model import DatasetDraft, Hint, Progress, Release, silent

if TYPE_CHECKING:
    import geopandas as gpd
    import pandas as pd
    import pyarrow as pa


class Catalog:
    """Immutable versions of datasets in a folder, committed together as releases.

    Readers never wait for writers, and see the release that was current when they asked.
    ``hints`` collects what a person should know and nothing failed for: an index that was
    made again, a dataset that a query had to leave out.
    """

    def __init__(self, layout: Layout, id: str, title: Mapping[str, str]) -> None:
        self.layout = layout
        self.id = id
        self.title = title
        self.hints: list[Hint] = []

    def __repr__(self) -> str:
        return f"Catalog({str(self.layout.root)!r})"

    @property
    def root(self) -> Path:
        """The catalog's folder."""
        return self.layout.root

    # ---- opening ----------------------------------------------------------------------

    @staticmethod
    def exists(path: str | Path) -> bool:
        """Whether there is a catalog in this folder."""
        return Layout(Path(path)).document.is_file()

    @staticmethod
    def open(path: str | Path) -> Catalog:
        """The catalog in a folder.

        Raises:
            CatalogError: there is none, it is damaged, or a newer cimkit made it.
        """
        layout = Layout(Path(path))
        if not layout.document.exists():
            what = "is no catalog" if layout.root.exists() else "does not exist"
            raise CatalogError(
                f"{layout.root} {what}: there is no {layout.document.name}.",
                hint="Name the folder that 'cimkit run' or 'cimkit catalog init' made.",
            )
        document = layout.read_document(layout.document, "catalog")
        if document["format"] > FORMAT:
            raise CatalogError(
                f"{layout.root} has format {document['format']}; this cimkit reads up to {FORMAT}.",
                hint="Install a newer cimkit.",
            )
        return Catalog(layout, document["id"], document["title"])

    @staticmethod
    def init(path: str | Path, id: str, title: str | Mapping[str, str] | None = None) -> Catalog:
        """Makes an empty catalog in a new or empty folder.

        Args:
            path: the folder.
            id: letters, digits, '_' and '-'.
            title: by language ({"en", "zh"}), or in English; the id where there is none.

        Raises:
            UsageError: the id is not acceptable, or the folder is not empty.
            CatalogError: the folder cannot be written.
        """
        layout = Layout(Path(path))
        titles = {"en": title or id} if title is None or isinstance(title, str) else dict(title)
        document = {"format": FORMAT, "id": checked_id(id), "title": titles}
        validate(document, "catalog", layout.document, UsageError)
        Catalog.check_place(path)
        with durable.writing(layout.root):
            for folder in (layout.releases, layout.datasets):
                folder.mkdir(parents=True, exist_ok=True)
            # Another process may be doing the same; catalog.json is what makes it a catalog.
            with suppress(FileExistsError):
                durable.create(layout.head, b"000000\n")
            try:
                durable.create(layout.document, dump(document))
            except FileExistsError as error:
                raise UsageError(f"{layout.root} is a catalog already.") from error
            durable.sync_folder(layout.root.resolve().parent)
        return Catalog(layout, id, titles)

    @staticmethod
    def check_place(path: str | Path) -> None:
        """Whether :meth:`init` may make a catalog here: in a new or empty folder.

        Raises:
            UsageError: it may not; the message says why.
        """
        layout = Layout(Path(path))
        if layout.root.exists() and not layout.root.is_dir():
            raise UsageError(f"{layout.root} is a file, not a folder.")
        if layout.document.exists():
            raise UsageError(f"{layout.root} is a catalog already.")
        ours = {layout.head.name, layout.releases.name, layout.datasets.name}
        there = [entry.name for entry in layout.root.glob("*")]
        strangers = sorted(name for name in there if name not in ours and not name.startswith(TEMPORARY))
        if strangers:
            raise UsageError(
                f"{layout.root} is not empty: it holds {strangers[0]}.", hint="Name a new or empty folder."
            )

    # ---- reading ----------------------------------------------------------------------

    @property
    def head(self) -> Release:
        """The current release; number 0 where nothing was published yet.

        Raises:
            CatalogError: HEAD or the release it names is damaged.
        """
        return releases.current(self.layout)

    def releases(self) -> list[Release]:
        """All releases, oldest first.

        Raises:
            CatalogError: the chain is broken.
        """
        return releases.chain(self.layout)

    def datasets(self) -> dict[str, dict[str, Any]]:
        """The manifests of the current release by dataset, as ``schemas/manifest.schema.json`` has them.

        Raises:
            CatalogError: the catalog is damaged.
        """
        members = self.head.datasets.items()
        return {name: manifest.load(self.layout, name, number).to_dict() for name, number in members}

    def show(self, dataset: str, version: int | None = None) -> dict[str, Any]:
        """The manifest of a dataset: of the current release, or of an earlier version.

        Raises:
            UsageError: no release has such a dataset or version.
            CatalogError: the catalog is damaged.
        """
        return self._manifest(dataset, version).to_dict()

    def history(self, dataset: str | None = None) -> list[dict[str, Any]]:
        """What each release changed, newest first.

        Each entry has ``release``, ``created_at``, ``author``, ``message``, and ``datasets``: the
        versions that were new in it. With a ``dataset``, only the releases that changed it.

        Raises:
            UsageError: no release has this dataset.
            CatalogError: the chain of releases is broken.
        """
        entries, before = [], releases.EMPTY
        for release in self.releases():
            new = {name: n for name, n in release.datasets.items() if before.datasets.get(name) != n}
            before = release
            if dataset is None or dataset in new:
                entries.append(
                    {
                        "release": release.number,
                        "created_at": release.created_at,
                        "author": release.author,
                        "message": release.message,
                        "datasets": new,
                    }
                )
        if dataset is not None and not entries:
            raise self._unknown(dataset, before.datasets)
        return entries[::-1]

    def data(self, dataset: str, version: int | None = None) -> Path:
        """The GeoParquet (or Parquet) file of a dataset. Raises as :meth:`show`."""
        found = self._manifest(dataset, version)
        return manifest.file_path(self.layout, found, found.data)

    def attachments(self, dataset: str, version: int | None = None) -> dict[str, Path]:
        """The files kept beside a dataset's data, by name. Raises as :meth:`show`."""
        found = self._manifest(dataset, version)
        return {file.path: manifest.file_path(self.layout, found, file) for file in found.attachments}

    def to_geopandas(self, dataset: str, version: int | None = None) -> gpd.GeoDataFrame | pd.DataFrame:
        """A dataset in memory, with its CRS; a plain DataFrame where it has no geometry. Raises as :meth:`show`."""
        import geopandas as gpd
        import pandas as pd

        found = self._manifest(dataset, version)
        path = manifest.file_path(self.layout, found, found.data)
        try:
            return pd.read_parquet(path) if found.geometry is None else gpd.read_parquet(path)
        # What geopandas raises where the metadata of a file is not what it should be.
        except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            raise CatalogError(
                f"The data of '{dataset}' cannot be read: {error}.",
                hint=f"See what is damaged: cimkit catalog verify {self.root}",
            ) from error

    def query(self, sql: str, *, timeout: float | None = querying.TIMEOUT) -> pa.Table:
        """The result of one reading statement; see :func:`cimkit.catalog.query.query`.

        Raises:
            QueryError: the statement is refused, wrong, or ran longer than ``timeout`` seconds.
            CatalogError: the catalog is damaged.
        """
        table, hints = querying.query(self.layout, sql, timeout=timeout)
        self.hints += hints
        return table

    def verify(self, *, progress: Progress = silent) -> list[Damage]:
        """Every damage to releases, manifests and files; reads all data."""
        return verifying.verify(self.layout, progress=progress)

    # ---- writing ----------------------------------------------------------------------

    def publish(
        self,
        drafts: Sequence[DatasetDraft],
        *,
        message: str,
        author: str,
        clock: str | None = None,
        run: Mapping[str, Any] | None = None,
        progress: Progress = silent,
    ) -> Release | None:
        """Publishes what changed as one release; see :func:`cimkit.catalog.publish.publish`.

        Args:
            drafts: the datasets; those of the current release that are not among them stay.
            message: why.
            author: who.
            clock: the time to write, RFC 3339; the real time where None.
            run: what made the drafts (pipeline, run id); kept, but no reason for a new version.
            progress: told of each dataset.

        Returns:
            The release, or None where nothing had changed.
        """
        from cimkit.catalog import publish as publishing  # pyproj and the formats: not needed to read

        with duck.connect() as con:
            release = publishing.publish(
                con,
                self.layout,
                drafts,
                message=message,
                author=author,
                clock=publishing.now() if clock is None else clock,
                run=run or {},
                progress=progress,
            )
            if release is not None:
                try:
                    self.hints += index.rebuild(con, self.layout)
                except CatalogError as error:
                    # The release is committed; its index can be made at any time.
                    self.hints.append(Hint("index.not_written", f"The index was not made: {error}"))
        return release

    def rebuild(self) -> list[Hint]:
        """Makes the index ``catalog.duckdb`` again from the manifests.

        Returns:
            What was left out because it is damaged.

        Raises:
            CatalogError: the chain of releases is broken, or the folder cannot be written.
        """
        with duck.connect() as con:
            return index.rebuild(con, self.layout)

    # ---- inside -----------------------------------------------------------------------

    def _manifest(self, dataset: str, version: int | None) -> Manifest:
        current = self.head.datasets
        if version is None and dataset in current:
            return manifest.load(self.layout, dataset, current[dataset])
        history = self.releases()
        known = {name for release in history for name in release.datasets}
        if dataset not in known or version is None:
            raise self._unknown(dataset, known)
        versions = sorted({r.datasets[dataset] for r in history if dataset in r.datasets})
        if version not in versions:
            raise UsageError(
                f"The dataset '{dataset}' has no version {version}.",
                hint=f"There are: {', '.join(map(str, versions))}.",
            )
        return manifest.load(self.layout, dataset, version)

    def _unknown(self, dataset: str, known: Mapping[str, int] | set[str]) -> UsageError:
        hint = nearest(dataset, known) or "The catalog is empty."
        return UsageError(f"The catalog {self.root} has no dataset '{dataset}'.", hint=hint)
