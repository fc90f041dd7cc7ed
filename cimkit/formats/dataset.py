"""What was delivered: a dataset with its layers, read as streams of Arrow record batches.

A format family makes a :class:`Layer` by saying how it is opened (:meth:`Layer._open`); all
else, from batches to GeoDataFrames, is the same for every format.
"""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import shapely

from cimkit import crs as crs_names
from cimkit.errors import SourceError, UsageError, nearest
from cimkit.formats.columns import GEOMETRY
from cimkit.model import Asset, Evidence, Hint, Progress, Reject, Seen, Source, Staged, silent

if TYPE_CHECKING:
    import duckdb
    import pandas as pd

BATCH_SIZE = 65536
_MOST_LISTED = 20


@dataclass(frozen=True)
class Delivery:
    """One delivered file with the sidecars that belong to it.

    ``path`` is what the user called it; ``files`` is every file that is read, in sorted order;
    ``keeps`` holds what must live as long as it (the folder an archive was unpacked to).
    """

    path: Path
    format: str
    files: tuple[Path, ...]
    keeps: object = field(default=None, repr=False, compare=False)

    @cached_property
    def source(self) -> Source:
        """The record of it; reads every byte once for the checksum."""
        digest = hashlib.sha256()
        for file in self.files:
            with file.open("rb") as handle:
                while chunk := handle.read(1 << 20):
                    digest.update(chunk)
        size = sum(file.stat().st_size for file in self.files)
        return Source(str(self.path), self.format, digest.hexdigest(), size)


@dataclass(frozen=True)
class Stream:
    """An opened layer. ``hints`` and ``rejected`` may grow until ``batches`` end.

    ``total`` is None where unknown; ``rejected`` are the records that salvage could not read.
    """

    schema: pa.Schema
    batches: Iterator[pa.RecordBatch]
    crs: Evidence
    encoding: Evidence
    widths: Mapping[str, int] = field(default_factory=dict)
    hints: list[Hint] = field(default_factory=list)
    declared_kind: str | None = None
    total: int | None = None
    rejected: list[Reject] = field(default_factory=list)


class Layer(ABC):
    """One layer of a dataset.

    Its columns are the source's under their own names, then ``geometry`` (WKB in the layer's
    own CRS; absent where the layer has none), then ``_fid`` (the source's own feature id as
    text, or null). A column that bears one of these names in the source is renamed, with a
    hint. ``text_cells`` says that string columns are cells whose type the standard decides.
    """

    text_cells: bool = False

    def __init__(self, delivery: Delivery, name: str, *, crs: str | None = None) -> None:
        self.delivery = delivery
        self.name = name
        self._given_crs = crs
        self._opened: Stream | None = None

    @abstractmethod
    def _open(self, batch_size: int) -> AbstractContextManager[Stream]:
        """Open the layer for one pass; raises SourceError where it cannot be read."""

    @contextmanager
    def stream(self, batch_size: int = BATCH_SIZE) -> Iterator[Stream]:
        """One pass over the layer, with what is known of it beforehand.

        Raises:
            SourceError: the layer cannot be read, now or while its batches are.
        """
        with self._open(batch_size) as opened:
            if self._given_crs:
                opened = self._overruled(opened, self._given_crs)
            self._opened = replace(opened, batches=iter(()), hints=list(opened.hints))
            yield opened

    @staticmethod
    def _overruled(opened: Stream, given: str) -> Stream:
        if GEOMETRY not in opened.schema.names:
            return opened
        if opened.crs.value not in (None, given):
            message = f"The CRS given ({given}) overrules the one of the file ({opened.crs.value}, {opened.crs.how})."
            opened.hints.append(Hint("crs.overruled", message))
        return replace(opened, crs=Evidence(given, "given", 1.0))

    @property
    def _head(self) -> Stream:
        if self._opened is None:
            with self.stream(1):
                pass
        assert self._opened is not None
        return self._opened

    @property
    def source(self) -> Source:
        """The file the layer came from."""
        return self.delivery.source

    @property
    def schema(self) -> pa.Schema:
        return self._head.schema

    @property
    def crs(self) -> Evidence:
        return self._head.crs

    @property
    def encoding(self) -> Evidence:
        return self._head.encoding

    def in_place(self, progress: Progress = silent) -> Staged | None:
        """The layer staged without a copy, where it is a Parquet file that may be read where it lies; else None.

        Raises:
            SourceError: the layer cannot be read.
        """
        return None

    def batches(self, batch_size: int = BATCH_SIZE) -> Iterator[pa.RecordBatch]:
        """The layer's records in source order, in batches of at most so many rows."""
        with self.stream(batch_size) as opened:
            yield from opened.batches

    def solids(self) -> Iterator[tuple[int, bytes]]:
        """(row, WKB) of records that have solids beside their geometry, which is what these cover on the map.

        Raises:
            SourceError: the layer cannot be read.
        """
        return iter(())

    def arrow(self) -> pa.Table:
        """The whole layer in memory."""
        with self.stream() as opened:
            return pa.Table.from_batches(opened.batches, schema=opened.schema)

    def to_geopandas(self) -> pd.DataFrame:
        """A GeoDataFrame in the layer's CRS; a plain DataFrame where the layer has no geometry.

        Raises:
            SourceError: the layer cannot be read, or holds curves, which geopandas does not know.
        """
        import geopandas

        frame = self.arrow().drop_columns(["_fid"]).to_pandas()
        if GEOMETRY not in frame.columns:
            return frame
        crs = self.crs.value
        try:
            frame[GEOMETRY] = geopandas.GeoSeries.from_wkb(frame[GEOMETRY])
        except (NotImplementedError, shapely.errors.GEOSException) as error:
            raise SourceError(
                f"Layer '{self.name}' of {self.delivery.path} has geometry that geopandas cannot hold: {error}.",
                hint="Read it with .arrow(), which keeps the WKB as it is.",
            ) from error
        return geopandas.GeoDataFrame(frame, geometry=GEOMETRY, crs=crs_names.pyproj_crs(crs) if crs else None)

    def to_duckdb(self, con: duckdb.DuckDBPyConnection) -> duckdb.DuckDBPyRelation:
        """The layer as a relation of ``con``, ``geometry`` as a WKB blob; it can be read once."""
        reader = pa.RecordBatchReader.from_batches(self.schema, self.batches())
        return con.from_arrow(reader)

    def __repr__(self) -> str:
        return f"<Layer {self.name!r} of {self.delivery.path} ({self.delivery.format})>"


@dataclass(frozen=True)
class Dataset:
    """An opened source: its layers, and its assets, which are what is no table.

    ``unread`` are the files of a folder or archive that could not be read, each with its reason;
    ``seen`` says of every file what it was taken for, and why.
    """

    delivery: Delivery
    layers: tuple[Layer, ...]
    hints: tuple[Hint, ...] = ()
    assets: tuple[Asset, ...] = ()
    unread: tuple[Reject, ...] = ()
    seen: tuple[Seen, ...] = ()

    @property
    def source(self) -> Source:
        """The record of the source; reads every byte once for the checksum."""
        return self.delivery.source

    @property
    def is_collection(self) -> bool:
        """Whether it is a folder or archive of files that stand each for itself."""
        return len(self.seen) > 1 or bool(self.unread)

    def layer(self, name: str | None = None) -> Layer:
        """The layer of that name; without a name the only layer there is.

        Raises:
            UsageError: no layer has this name, or there are several and none was named.
            SourceError: there are no layers.
        """
        names = [layer.name for layer in self.layers]
        if not names:
            files = ", ".join(asset.name for asset in self.assets[:_MOST_LISTED])
            raise SourceError(
                f"{self.delivery.path} holds no layers with records.",
                hint=f"It holds files that are no tables: {files}." if files else None,
            )
        if name is None:
            if len(names) > 1:
                listed = ", ".join(names[:_MOST_LISTED]) + (", …" if len(names) > _MOST_LISTED else "")
                raise UsageError(
                    f"{self.delivery.path} holds {len(names)} layers: {listed}.", hint="Say which one with --layer."
                )
            return self.layers[0]
        for layer in self.layers:
            if layer.name == name:
                return layer
        raise UsageError(f"{self.delivery.path} has no layer '{name}'.", hint=nearest(name, names))
