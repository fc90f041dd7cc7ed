"""What was delivered: sources, layers, assets, and what one reading of them showed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from cimkit.model.lost import Loss
from cimkit.model.words import BBox


@dataclass(frozen=True, slots=True)
class Evidence:
    """A fact that was found rather than given: its value, how it was found, how sure (0..1)."""

    value: str | None
    how: str
    confidence: float


@dataclass(frozen=True, slots=True)
class Hint:
    """Something a person should know about a source; ``code`` is stable."""

    code: str
    message: str


@dataclass(frozen=True, slots=True)
class Field:
    """A column as delivered. ``type`` is an Arrow type's name; ``width`` is in the format's own unit."""

    name: str
    type: str
    width: int | None = None


@dataclass(frozen=True, slots=True)
class Reject:
    """A record that could not be read out of a damaged source: its number where that is known, and why.

    ``place`` is where it stands in the source's own terms ("byte 1024", "line 7", "feature B12").
    """

    row: int | None
    place: str
    reason: str


@dataclass(frozen=True, slots=True)
class Asset:
    """Something delivered whose content is no table: a raster, a point cloud, a mesh, a document.

    ``path`` is as the user would call it; ``about`` holds what its kind tells (size in pixels,
    points, resolution …), as plain JSON values.
    """

    name: str
    kind: Literal["raster", "pointcloud", "tiles3d", "model", "image", "document", "archive", "other"]
    path: str
    bytes: int
    crs: Evidence
    bbox: BBox | None
    bbox_crs84: BBox | None
    about: Mapping[str, Any] = field(default_factory=dict)
    hints: tuple[Hint, ...] = ()


@dataclass(frozen=True, slots=True)
class Seen:
    """One file of a source: as which format it was recognised, by what, and what it gave.

    ``format`` is None for a file that no reader knows; ``sidecars`` are the files that belong to it.
    """

    path: str
    format: str | None
    how: str
    layers: tuple[str, ...] = ()
    assets: tuple[str, ...] = ()
    sidecars: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class LayerFacts:
    """What one full read of a layer showed; bounding boxes are min x, min y, max x, max y."""

    features: int
    fields: tuple[Field, ...]
    geometry_kinds: Mapping[str, int]
    bbox: BBox | None
    bbox_crs84: BBox | None
    crs: Evidence
    encoding: Evidence
    hints: tuple[Hint, ...] = ()


@dataclass(frozen=True, slots=True)
class Source:
    """The file (or folder) a layer came from; ``sha256`` covers every byte that was read."""

    path: str
    format: str
    sha256: str
    bytes: int


@dataclass(frozen=True, slots=True)
class Staged:
    """One layer, read once into a Parquet file that every later step reads.

    ``path`` holds the source's columns under their own names, ``geometry`` (WKB in the
    layer's own CRS; absent where the layer has none), ``_row`` (int64, 0-based, source
    order) and ``_fid`` (the source's own feature id as text, or null). ``text_cells`` says
    that string columns are cells whose type the standard decides (CSV, XLSX, DBF text).
    ``rejected`` are the records that salvage could not read.

    With ``columns`` the file is the source itself, which is only read: they lead from each
    name to a column of it. It has no ``_row`` and ``_fid`` then (not ``numbered``): a record's
    number is its place in the file. :mod:`cimkit.formats.stored` reads either.
    ``solids`` is a Parquet file of the solids of a city model (see :mod:`cimkit.formats.solid_staging`),
    where they were asked for and there are any.
    """

    path: Path
    source: Source
    layer: str
    facts: LayerFacts
    text_cells: bool
    rejected: tuple[Reject, ...] = ()
    columns: Mapping[str, str] | None = None
    numbered: bool = True
    solids: Path | None = None

    @property
    def has_geometry(self) -> bool:
        return bool(self.facts.geometry_kinds)


@dataclass(frozen=True, slots=True)
class Mapped:
    """A staged layer under a standard layer's field names, values still as delivered.

    ``path`` is Parquet: one column per mapped field (the source's own type; text where
    the source is text), columns the standard does not know under their own names,
    ``geometry`` (WKB in ``crs``), ``_row``, ``_fid``. ``origins`` leads from a field back to the source
    columns it came from (empty for a constant). ``text_fields`` are string columns whose
    type the standard decides. ``unmapped`` source columns were not carried into any field.
    ``columns`` and ``numbered`` are as those of :class:`Staged`: with ``columns``, ``path`` is
    the staged file, whose columns only get other names. :mod:`cimkit.formats.stored` reads either.
    """

    path: Path
    staged: Staged
    layer: str
    crs: str | None
    origins: Mapping[str, tuple[str, ...]]
    text_fields: frozenset[str] = frozenset()
    unmapped: tuple[str, ...] = ()
    losses: tuple[Loss, ...] = ()
    columns: Mapping[str, str] | None = None
    numbered: bool = True

    def spoken(self, name: str) -> str:
        """The name a finding uses for a field: the source's own column where there is one."""
        return "|".join(self.origins.get(name, ())) or name
