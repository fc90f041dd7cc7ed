"""3D Tiles (1.0, 1.1): a tileset as one asset, and its tiles with their outlines as the layer ``tile``.

Meshes and points are not read; what the headers of the tiles say of features and attributes is.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any

import pyarrow as pa
import shapely

from cimkit import crs as crs_names
from cimkit.formats.columns import FID, GEOMETRY
from cimkit.formats.dataset import Dataset, Delivery, Layer, Stream
from cimkit.formats.models.leftovers import leftover
from cimkit.formats.models.tile_content import member
from cimkit.formats.models.tile_volume import Volume
from cimkit.formats.models.tileset import Tile, Walk
from cimkit.formats.probe import Probe, look
from cimkit.formats.registry import Wishes, recognised
from cimkit.model import Asset, BBox, Evidence, Hint, Reject

ROOT = "tileset.json"
_SCHEMA = pa.schema(
    [
        pa.field("id", pa.string()),
        pa.field("parent_id", pa.string()),
        pa.field("level", pa.int32()),
        pa.field("tileset", pa.string()),
        pa.field("content", pa.string()),
        pa.field("content_kind", pa.string()),
        pa.field("content_bytes", pa.int64()),
        pa.field("features", pa.int64()),
        pa.field("geometric_error", pa.float64()),
        pa.field("refine", pa.string()),
        pa.field("volume", pa.string()),
        pa.field("min_height", pa.float64()),
        pa.field("max_height", pa.float64()),
        pa.field(GEOMETRY, pa.binary()),
        pa.field(FID, pa.string()),
    ]
)
_ON_EARTH = Evidence("EPSG:4326", "regions, and boxes placed on the earth, are WGS 84 by the format", 1.0)
_LOCAL = Evidence(None, "local coordinates", 1.0)
_NOT_PLACED = Hint("crs.local", "The tileset is not placed on the earth: its root has no transform that leads there.")
_TROUBLE = {
    "missing": "contents are missing",
    "outside": "contents lie outside its folder, and are not read",
    "elsewhere": "contents are on another host, and are not fetched",
    "damaged": "contents are cut off or damaged",
}
#: What may stand among tiles without being named by one.
_OF_TILES = {
    ".json", ".b3dm", ".i3dm", ".pnts", ".cmpt", ".glb", ".gltf", ".bin", ".subtree", ".jpg", ".jpeg", ".png",
    ".webp", ".ktx2", ".basis", ".geom", ".vctr",
}  # fmt: skip


def layers(probe: Probe, format: str, wishes: Wishes) -> Dataset:
    """A tileset as an asset, and its tiles as a layer."""
    path = probe.path / ROOT if probe.is_folder else probe.path
    walk = Walk(path)
    survey = _Survey()
    for tile in walk.tiles():
        survey.add(tile)
    delivery = Delivery(probe.path, format, tuple(sorted(walk.files)))
    others, unread = _others(probe.path, walk) if probe.is_folder else ([], [])
    asset = _asset(probe, walk, survey, wishes)
    layer = TileLayer(delivery, path, asset.crs)
    return Dataset(delivery, (layer,), assets=(asset, *others), unread=tuple(unread))


class _Survey:
    """What all tiles together show."""

    def __init__(self) -> None:
        self.tiles = self.features = self.depth = self.implicit = 0
        self.kinds: Counter[str] = Counter()
        self.volumes: Counter[str] = Counter()
        self.errors: list[float] = []
        self.on_earth = True
        self.root: Volume | None = None

    def add(self, tile: Tile) -> None:
        if not self.tiles:
            self.root = tile.volume
        self.tiles += 1
        self.depth = max(self.depth, tile.level)
        self.features += tile.features or 0
        self.implicit += tile.implicit
        self.kinds.update("tileset" if kind == "json" else kind for kind in tile.kinds)
        if tile.volume is not None:
            self.volumes[tile.volume.kind] += 1
            self.on_earth = self.on_earth and tile.volume.on_earth
        if tile.geometric_error is not None:
            low, high = self.errors or (tile.geometric_error, tile.geometric_error)
            self.errors = [min(low, tile.geometric_error), max(high, tile.geometric_error)]


def _asset(probe: Probe, walk: Walk, survey: _Survey, wishes: Wishes) -> Asset:
    head = walk.tilesets[0]
    about_asset = member(head, "asset")
    crs = Evidence(wishes.crs, "given", 1.0) if wishes.crs else _ON_EARTH if survey.on_earth else _LOCAL
    hints = [
        Hint(f"tiles3d.{reason}", f"{count:,} {_TROUBLE[reason]}: {', '.join(walk.trouble.examples[reason])}.")
        for reason, count in sorted(walk.trouble.counts.items())
    ]
    if survey.implicit:
        message = f"{survey.implicit:,} tiles are subdivided by rule (implicit tiling); what is in them is not counted."
        hints.append(Hint("tiles3d.implicit", message))
    bbox: BBox | None = None
    about: dict[str, Any] = {
        "version": about_asset.get("version"),
        "tileset_version": about_asset.get("tilesetVersion"),
        "up_axis": about_asset.get("gltfUpAxis"),
        "tiles": survey.tiles,
        "tilesets": len(walk.tilesets),
        "depth": survey.depth,
        "contents": dict(sorted(survey.kinds.items())),
        "features": survey.features or None,
        # Version 1.0 lists them in the tileset, too.
        "attributes": sorted(walk.attributes | set(member(head, "properties"))),
        "classes": _classes(head),
        "volumes": dict(sorted(survey.volumes.items())),
        "geometric_error": survey.errors,
        "extensions": [str(one) for one in head.get("extensionsUsed") or []],
        "extras": sorted(map(str, member(head, "extras"))),
        "copyright": about_asset.get("copyright"),
    }
    if survey.root is not None:
        bbox = survey.root.bbox
        about["bbox_3d"] = [bbox[0], bbox[1], survey.root.low, bbox[2], bbox[3], survey.root.high]
    if crs.value is None:
        hints.append(_NOT_PLACED)
    return Asset(
        name=probe.path.name,
        kind="tiles3d",
        path=str(probe.path),
        bytes=sum(file.stat().st_size for file in walk.files),
        crs=crs,
        bbox=bbox,
        bbox_crs84=crs_names.bbox_crs84(bbox, crs.value) if bbox and crs.value else None,
        about={key: value for key, value in about.items() if value not in (None, [], {})},
        hints=tuple(hints),
    )


def _classes(head: dict[str, Any]) -> dict[str, list[str]]:
    """The classes of a metadata schema (3D Tiles 1.1) with the names of their properties."""
    classes = member(member(head, "schema"), "classes")
    return {str(name): sorted(map(str, member(classes[name], "properties"))) for name in classes
            if isinstance(classes[name], dict)}  # fmt: skip


def _others(folder: Path, walk: Walk) -> tuple[list[Asset], list[Reject]]:
    """The files in a tileset's folder that are no part of it: listed, and those that a reader knows told as unread."""
    others: list[Asset] = []
    unread: list[Reject] = []
    for file in sorted(folder.rglob("*")):
        if file.is_symlink() or not file.is_file() or file.suffix.lower() in _OF_TILES or file.resolve() in walk.files:
            continue
        if file.stat().st_size and recognised(look(file)):
            unread.append(Reject(None, str(file), "It stands among the tiles of a tileset. Name it by itself."))
        else:
            others.append(leftover(file, str(file)))
    return others, unread


class TileLayer(Layer):
    """The tiles of a tileset, a parent before its children."""

    def __init__(self, delivery: Delivery, path: Path, crs: Evidence) -> None:
        super().__init__(delivery, "tile")
        self._path = path
        self._crs = crs

    @contextmanager
    def _open(self, batch_size: int) -> Iterator[Stream]:
        yield Stream(
            schema=_SCHEMA,
            batches=self._batches(batch_size),
            crs=self._crs,
            encoding=Evidence("UTF-8", "the format's own", 1.0),
            hints=[_NOT_PLACED] if self._crs is _LOCAL else [],
            declared_kind="Polygon",
        )

    def _batches(self, batch_size: int) -> Iterator[pa.RecordBatch]:
        tiles = Walk(self._path).tiles()
        while batch := list(islice(tiles, batch_size)):
            yield pa.RecordBatch.from_pylist([_row(tile) for tile in batch], schema=_SCHEMA)


def _row(tile: Tile) -> dict[str, Any]:
    placed = tile.volume
    return {
        "id": tile.id,
        "parent_id": tile.parent_id,
        "level": tile.level,
        "tileset": tile.tileset,
        "content": "; ".join(tile.contents) or None,
        "content_kind": "; ".join(dict.fromkeys(tile.kinds)) or None,
        "content_bytes": tile.bytes if tile.contents else None,
        "features": tile.features,
        "geometric_error": tile.geometric_error,
        "refine": tile.refine,
        "volume": placed.kind if placed else None,
        "min_height": placed.low if placed else None,
        "max_height": placed.high if placed else None,
        GEOMETRY: shapely.to_wkb(placed.outline, flavor="iso", byte_order=1) if placed else None,
        FID: tile.id,
    }
