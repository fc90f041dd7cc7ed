"""Parquet's own geometry type, which GeoParquet 2.0 is made of: what Arrow has to be told to write it."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pyarrow as pa
import shapely
from numpy.typing import NDArray

from cimkit import wkb


class WkbType(pa.ExtensionType):
    """WKB in a CRS, by the name under which Arrow writes it as Parquet's GEOMETRY, with its statistics."""

    def __init__(self, metadata: str) -> None:
        self._metadata = metadata
        super().__init__(pa.binary(), "geoarrow.wkb")

    def __arrow_ext_serialize__(self) -> bytes:
        return self._metadata.encode()

    @classmethod
    def __arrow_ext_deserialize__(cls, storage_type: pa.DataType, serialized: bytes) -> WkbType:
        return cls(serialized.decode())

    @classmethod
    def of(cls, projjson: dict[str, Any] | None) -> WkbType:
        """The type of geometries in a CRS, None where it is unknown."""
        return cls(json.dumps({"crs": projjson} if projjson else {}))


def admitted(array: pa.Array, refused: NDArray[np.bool_]) -> pa.Array:
    """The values as Parquet's type admits them: null for those ``refused``, else in the ISO dialect if GEOS can."""
    extended = wkb.extended(array) & ~refused
    if not (refused.any() or extended.any()):
        return array
    values = array.to_numpy(zero_copy_only=False).copy()
    values[refused] = None
    geometries = wkb.built(values[extended])
    known = np.flatnonzero(extended)[shapely.is_geometry(geometries)]
    values[known] = shapely.to_wkb(geometries[shapely.is_geometry(geometries)], flavor="iso")
    return pa.array(values, type=array.type, from_pandas=True)
