"""Deliveries of made-up geometries for the tests of geometry checks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import shapely
from check_deliveries import deliver, standard_layer


def layer_of(folder: Path, **spec: Any) -> Any:
    geometry_spec = {"types": ["Polygon", "MultiPolygon"], "required": True, **spec}
    return standard_layer(
        folder, "building", {"id": {"type": "string", "cim:key": True}}, **{"cim:geometry": geometry_spec}
    )


def delivered(folder: Path, layer: Any, shapes: list[Any], **more: Any) -> Any:
    cells = [shape if shape is None or isinstance(shape, bytes) else shapely.to_wkb(shape) for shape in shapes]
    table = pa.table({"id": [f"b{i}" for i in range(len(cells))], "geometry": pa.array(cells, pa.binary())})
    return deliver(folder, table, layer, **more)
