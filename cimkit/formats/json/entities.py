"""Entities of a JSON document as layers: each row a plain object, with a geometry where it has a place.

A document is walked once to see which layers there are and of what types their columns are,
and once more for each layer that is read.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

import pyarrow as pa

from cimkit.formats.columns import GEOMETRY, arrange
from cimkit.formats.dataset import Delivery, Layer, Stream
from cimkit.formats.gdal.layer import UTF8_BY_FORMAT
from cimkit.formats.json import stream as json_stream
from cimkit.formats.json import table
from cimkit.formats.registry import Wishes
from cimkit.model import Evidence, Hint

GEOMETRIES = frozenset(
    {"Point", "LineString", "Polygon", "MultiPoint", "MultiLineString", "MultiPolygon", "GeometryCollection"}
)


@dataclass(frozen=True)
class Row:
    """One record of a layer: its values, and its GeoJSON geometry or None."""

    layer: str
    values: Mapping[str, Any]
    geometry: Mapping[str, Any] | None = None


Walk = Callable[[], Iterator[Row]]


@dataclass
class _Seen:
    members: table.Members = field(default_factory=table.Members)
    has_geometry: bool = False


def layers_of(delivery: Delivery, walk: Walk, wishes: Wishes, how: str, first: Sequence[str]) -> tuple[Layer, ...]:
    """The layers that a walk gives rows of: those named ``first``, then the others as they come."""
    seen: dict[str, _Seen] = {}
    for row in walk():
        about = seen.setdefault(row.layer, _Seen())
        about.members.add(row.values)
        about.has_geometry = about.has_geometry or row.geometry is not None
    names = [*(name for name in first if name in seen), *(name for name in seen if name not in first)]
    return tuple(EntityLayer(delivery, name, wishes, walk, seen[name], how) for name in names)


class EntityLayer(Layer):
    """The layer of the rows of one name; text in it is text."""

    def __init__(self, delivery: Delivery, name: str, wishes: Wishes, walk: Walk, seen: _Seen, how: str) -> None:
        super().__init__(delivery, name, crs=wishes.crs)
        self._walk = walk
        self._seen = seen
        self._how = how

    @contextmanager
    def _open(self, batch_size: int) -> Iterator[Stream]:
        with json_stream.characters_only(self.delivery.path):
            fields = self._seen.members.fields()
        spatial = self._seen.has_geometry
        source = pa.schema([*fields, *([pa.field(GEOMETRY, pa.binary())] if spatial else [])])
        arrangement = arrange(source, geometry=len(fields) if spatial else None)
        hints = list(arrangement.hints)

        def batches() -> Iterator[pa.RecordBatch]:
            rows = (row for row in self._walk() if row.layer == self.name)
            unbuilt = 0
            while chunk := list(islice(rows, batch_size)):
                with json_stream.characters_only(self.delivery.path):
                    arrays = [table.array([row.values for row in chunk], each) for each in fields]
                if spatial:
                    shapes = _wkb([row.geometry for row in chunk])
                    unbuilt += sum(row.geometry is not None for row in chunk) - (len(chunk) - shapes.null_count)
                    arrays.append(shapes)
                arrays.append(pa.nulls(len(chunk), pa.string()))
                yield pa.RecordBatch.from_arrays(arrays, schema=arrangement.schema)
            if unbuilt:
                message = f"{unbuilt} records have a place that is no GeoJSON geometry; it becomes null."
                hints.append(Hint("geometry.unbuilt", message))

        crs = Evidence("EPSG:4326", self._how, 0.9) if spatial else Evidence(None, "no geometry", 1.0)
        yield Stream(schema=arrangement.schema, batches=batches(), crs=crs, encoding=UTF8_BY_FORMAT, hints=hints)


def _wkb(geometries: Sequence[Mapping[str, Any] | None]) -> pa.Array:
    import shapely

    texts = [None if geometry is None else json.dumps(geometry) for geometry in geometries]
    shapes = shapely.from_geojson(texts, on_invalid="ignore")
    return pa.array(shapely.to_wkb(shapes, flavor="iso", output_dimension=3), pa.binary(), from_pandas=True)


def geometry_in(value: Any) -> Mapping[str, Any] | None:
    """The GeoJSON geometry that a value is, or has as a feature; None where it is none."""
    if not isinstance(value, Mapping):
        return None
    if value.get("type") == "Feature":
        return geometry_in(value.get("geometry"))
    known = value.get("type") in GEOMETRIES and ("coordinates" in value or "geometries" in value)
    return value if known else None


def number_in(value: Any) -> float | None:
    """A value as a number; None for anything but a number."""
    return float(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else None


def text_in(value: Any) -> str | None:
    """A value that is no number as text: JSON where it is an object or a list."""
    if value is None or number_in(value) is not None:
        return None
    return value if isinstance(value, str) else table.text(value)
