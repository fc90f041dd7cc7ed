"""TopoJSON 1.0: every object is a layer, its geometries put together from the shared arcs.

Not by GDAL 3.12, which drops features without a geometry, reads true as 1.0, and puts objects
that are no collections into one layer under a name of its own. The arcs of the file lie in
memory as numbers (16 bytes a point, of all layers, since they share them), and of the objects
one at a time.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from cimkit.errors import SourceError
from cimkit.formats.columns import arrange
from cimkit.formats.dataset import Dataset, Delivery, Layer, Stream
from cimkit.formats.gdal.layer import UTF8_BY_FORMAT, declared_crs, refuse_encoding
from cimkit.formats.json import stream as json_stream
from cimkit.formats.json import table
from cimkit.formats.probe import Probe
from cimkit.formats.registry import Wishes
from cimkit.model import Evidence

_GEOMETRY = "geometry"
_DEEPEST = 16
Points = NDArray[np.float64]


@dataclass
class _Topology:
    """A file read once: its arcs, and what its objects hold."""

    path: Any
    arcs: list[Points] = field(default_factory=list)
    scale: Points | None = None
    shift: Points | None = None
    members: dict[str, table.Members] = field(default_factory=dict)
    identified: set[str] = field(default_factory=set)  # objects whose features have ids that are no property
    bbox: Any = None
    crs: Any = None

    def points(self, values: Any) -> Points:
        """Positions as coordinates; of more numbers than two the others are Z and what has no meaning."""
        try:
            points = np.array(values, dtype=np.float64)
        except (ValueError, TypeError, LookupError):
            points = np.array([position[:2] for position in values], dtype=np.float64)
        if points.ndim != 2 or points.shape[1] < 2 or not np.isfinite(points).all():
            raise ValueError("an arc or a point has no positions of two numbers")
        points = points[:, :3]
        if self.scale is not None and self.shift is not None:
            points[:, :2] = points[:, :2] * self.scale + self.shift
        return points


def layers(probe: Probe, format: str, wishes: Wishes) -> Dataset:
    """The objects of a topology."""
    refuse_encoding(probe, format, wishes)
    delivery = Delivery(probe.path, format, (probe.path,))
    with _refused(probe.path):
        topology = _read(probe.path)
    return Dataset(delivery, tuple(TopoLayer(delivery, name, wishes, topology) for name in topology.members))


@contextmanager
def _refused(path: Any) -> Iterator[None]:
    """What is no topology, as an error that says so."""
    try:
        yield
    except (ValueError, TypeError, LookupError, AttributeError) as error:
        raise SourceError(
            f"{path} is no TopoJSON as the specification has it: {str(error).rstrip('.')}.",
            hint="Was it exported to the end? Check it with another tool.",
        ) from error


def _read(path: Any) -> _Topology:
    topology = _Topology(path)
    arcs: list[Any] = []
    for member, key, value in json_stream.members(path, entries=("objects",), items=("arcs",)):
        if member == "arcs":
            arcs.append(np.array(value, dtype=np.float64) if value else np.zeros((0, 2)))
        elif member == "objects" and key is not None:
            known = topology.members[key] = table.Members()
            for feature in _features(value):
                properties = feature.get("properties") or {}
                known.add(properties)
                if feature.get("id") is not None and "id" not in properties:
                    topology.identified.add(key)
        elif member == "transform" and value is not None:
            topology.scale, topology.shift = (
                np.array(value[part], dtype=np.float64) for part in ("scale", "translate")
            )
        elif member == "bbox":
            topology.bbox = value
        elif member == "crs":
            topology.crs = value
    for arc in arcs:
        if topology.scale is not None and len(arc):
            arc = arc.copy()
            arc[:, :2] = np.cumsum(arc[:, :2], axis=0)  # from the second on, steps from the one before
        topology.arcs.append(topology.points(arc) if len(arc) else np.zeros((0, 2)))
    return topology


def _features(value: Any) -> list[dict[str, Any]]:
    """The features of an object: those of a collection, or the one it is."""
    if not isinstance(value, dict):
        raise ValueError("an object of it is no geometry")
    if value.get("type") != "GeometryCollection" or value.get("properties") or "id" in value:
        return [value]
    features = value.get("geometries") or []
    if not all(isinstance(feature, dict) for feature in features):
        raise ValueError("a collection holds something that is no geometry")
    return list(features)


class TopoLayer(Layer):
    """One object of a topology."""

    def __init__(self, delivery: Delivery, name: str, wishes: Wishes, topology: _Topology) -> None:
        super().__init__(delivery, name, crs=wishes.crs)
        self._topology = topology

    @contextmanager
    def _open(self, batch_size: int) -> Iterator[Stream]:
        with json_stream.characters_only(self.delivery.path):
            fields = self._topology.members[self.name].fields()
        if self.name in self._topology.identified:
            fields.append(pa.field("id", pa.string()))
        source = pa.schema([*fields, pa.field("fid", pa.string()), pa.field(_GEOMETRY, pa.binary())])
        last = len(source) - 1
        arrangement = arrange(source, geometry=last, fid=last - 1, drop=[last - 1])
        yield Stream(
            schema=arrangement.schema,
            batches=map(arrangement.apply, self._batches(source, batch_size)),
            crs=self._crs,
            encoding=UTF8_BY_FORMAT,
            hints=list(arrangement.hints),
        )

    def _batches(self, schema: pa.Schema, batch_size: int) -> Iterator[pa.RecordBatch]:
        import shapely

        with _refused(self.delivery.path):
            features = self._features()
            for start in range(0, len(features), batch_size):
                rows = features[start : start + batch_size]
                ids = [None if row.get("id") is None else str(row["id"]) for row in rows]
                properties = [row.get("properties") or {} for row in rows]
                shapes = [_shape(row, self._topology) for row in rows]
                with json_stream.characters_only(self.delivery.path):
                    arrays = [
                        pa.array(ids, pa.string())
                        if f.name == "id" and self.name in self._topology.identified
                        else table.array(properties, f)
                        for f in list(schema)[:-2]
                    ]
                    arrays.append(pa.array(ids, pa.string()))
                arrays.append(pa.array(shapely.to_wkb(shapes, flavor="iso"), pa.binary()))
                yield pa.RecordBatch.from_arrays(arrays, schema=schema)

    def _features(self) -> list[dict[str, Any]]:
        for member, key, value in json_stream.members(self.delivery.path, entries=("objects",), items=("arcs",)):
            if member == "objects" and key == self.name:
                return _features(value)
        raise ValueError(f"there is no object '{self.name}'")

    @cached_property
    def _crs(self) -> Evidence:
        topology = self._topology
        if isinstance(topology.crs, dict):
            name = (topology.crs.get("properties") or {}).get("name")
            return declared_crs(str(name), "crs member", 1.0)
        corners = [
            edge for arc in topology.arcs if len(arc) for edge in (arc[:, :2].min(axis=0), arc[:, :2].max(axis=0))
        ]
        if isinstance(topology.bbox, list) and len(topology.bbox) == 4:
            corners += [np.array(topology.bbox[:2], dtype=np.float64), np.array(topology.bbox[2:], dtype=np.float64)]
        if corners and np.any(np.abs(corners) > (180.0, 90.0)):
            return Evidence(None, "not declared, and the coordinates are no degrees", 1.0)
        return Evidence("EPSG:4326", "usual in TopoJSON, and the coordinates are degrees", 0.7)


def _shape(geometry: dict[str, Any], topology: _Topology, depth: int = 0) -> Any:
    import shapely

    kind = geometry.get("type")
    if depth > _DEEPEST:
        raise ValueError("collections are nested too deeply")
    if kind is None:
        return None
    if kind == "Point":
        return shapely.Point(topology.points([geometry["coordinates"]])[0])
    if kind == "MultiPoint":
        return shapely.MultiPoint(topology.points(geometry["coordinates"]) if geometry["coordinates"] else None)
    if kind == "GeometryCollection":
        parts = [_shape(part, topology, depth + 1) for part in geometry.get("geometries") or []]
        return shapely.GeometryCollection([part for part in parts if part is not None])
    arcs = geometry.get("arcs")
    if kind not in ("LineString", "MultiLineString", "Polygon", "MultiPolygon"):
        raise ValueError(f"'{kind}' is no kind of geometry")
    if not isinstance(arcs, list):
        raise ValueError(f"a {kind} has no arcs")
    if kind == "LineString":
        return shapely.LineString(_joined(arcs, topology))
    if kind == "MultiLineString":
        return shapely.MultiLineString([_joined(line, topology) for line in arcs])
    if kind == "Polygon":
        return _polygon(arcs, topology)
    return shapely.MultiPolygon([_polygon(rings, topology) for rings in arcs])


def _polygon(rings: Sequence[Any], topology: _Topology) -> Any:
    import shapely

    outlines = [_joined(ring, topology) for ring in rings]
    # Coarse quantization leaves rings of two points.
    whole = [ring for ring in outlines if len(ring) >= 4]
    if not whole or len(outlines[0]) < 4:
        return shapely.Polygon()
    return shapely.Polygon(whole[0], whole[1:])


def _joined(indices: Sequence[int], topology: _Topology) -> Points:
    """The points of some arcs one after the other; ~i means arc i backwards, and each begins where the last ended."""
    pieces: list[Points] = []
    for index in indices:
        if not isinstance(index, int) or not -len(topology.arcs) <= index < len(topology.arcs):
            raise ValueError(f"there is no arc {index}")
        arc = topology.arcs[index] if index >= 0 else topology.arcs[~index][::-1]
        pieces.append(arc[1:] if pieces else arc)
    return np.concatenate(pieces) if pieces else np.zeros((0, 2))
