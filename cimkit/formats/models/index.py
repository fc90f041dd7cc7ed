"""A layer of the outlines of assets: one row for each raster or point cloud, so that tiles become an index.

A file has its own row; :func:`index` makes one layer of the assets of many files.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import MappingProxyType

import pyarrow as pa
import shapely

from cimkit.formats.columns import FID, GEOMETRY
from cimkit.formats.dataset import Delivery, Layer, Stream
from cimkit.model import Asset, Evidence

_TEXT, _WHOLE, _REAL, _FLAG = pa.string(), pa.int64(), pa.float64(), pa.bool_()

#: Kind of asset -> the columns that come from what is known about it.
COLUMNS: Mapping[str, Mapping[str, pa.DataType]] = MappingProxyType(
    {
        "raster": {
            "width": _WHOLE,
            "height": _WHOLE,
            "bands": _WHOLE,
            "type": _TEXT,
            "nodata": _REAL,
            "resolution_x": _REAL,
            "resolution_y": _REAL,
            "compression": _TEXT,
            "cog": _FLAG,
        },
        "pointcloud": {
            "points": _WHOLE,
            "point_format": _WHOLE,
            "version": _TEXT,
            "z_min": _REAL,
            "z_max": _REAL,
            "density_m2": _REAL,
            "created": _TEXT,
            "copc": _FLAG,
        },
    }
)
_FROM_FILE = {"name": _TEXT, "path": _TEXT, "bytes": _WHOLE, "format": _TEXT, "crs": _TEXT}


def index(delivery: Delivery, assets: Sequence[Asset]) -> tuple[AssetLayer, ...]:
    """A layer for each kind of asset that can be laid out on a map, with a row for each such asset."""
    kinds = [kind for kind in COLUMNS if any(asset.kind == kind for asset in assets)]
    return tuple(AssetLayer(delivery, kind, [asset for asset in assets if asset.kind == kind]) for kind in kinds)


class AssetLayer(Layer):
    """The outlines of assets of one kind, named after it.

    They are in the assets' own CRS where they share one, else in EPSG:4326. An asset whose
    place is unknown has no geometry then.
    """

    def __init__(self, delivery: Delivery, name: str, assets: Sequence[Asset]) -> None:
        super().__init__(delivery, name)
        self.assets = tuple(assets)

    @contextmanager
    def _open(self, batch_size: int) -> Iterator[Stream]:
        columns = {**_FROM_FILE, **COLUMNS[self.name]}
        fields = [pa.field(name, kind) for name, kind in columns.items()]
        schema = pa.schema([*fields, pa.field(GEOMETRY, pa.binary()), pa.field(FID, pa.string())])
        shared = {asset.crs.value for asset in self.assets}
        own = len(shared) == 1
        rows = [self._row(asset, columns, own) for asset in self.assets]

        def batches() -> Iterator[pa.RecordBatch]:
            for first in range(0, len(rows), batch_size):
                yield pa.RecordBatch.from_pylist(rows[first : first + batch_size], schema=schema)

        yield Stream(
            schema=schema,
            batches=batches(),
            crs=self.assets[0].crs if own else Evidence("EPSG:4326", "the files have several, or none", 1.0),
            encoding=Evidence("UTF-8", "names of files", 1.0),
            declared_kind="Polygon",
            total=len(rows),
        )

    @staticmethod
    def _row(asset: Asset, columns: Mapping[str, pa.DataType], own: bool) -> dict[str, object]:
        row: dict[str, object] = {name: asset.about.get(name) for name in columns}
        if isinstance(row.get("nodata"), str):  # "nan", which JSON cannot hold
            row["nodata"] = float(str(row["nodata"]))
        row |= {"name": asset.name, "path": asset.path, "bytes": asset.bytes, "crs": asset.crs.value}
        outline = asset.about.get("outline") if own else None
        bbox = asset.bbox if own else asset.bbox_crs84
        shape = shapely.Polygon(outline) if outline else shapely.box(*bbox) if bbox else None
        row[GEOMETRY] = shapely.to_wkb(shape, flavor="iso", byte_order=1) if shape is not None else None
        return row
