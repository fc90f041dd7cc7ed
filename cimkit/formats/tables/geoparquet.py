"""GeoParquet 1.0, 1.1 and 2.0, and plain Parquet, read by pyarrow.

The geometry is the ``geo`` key's primary column, or a column of Parquet's own GEOMETRY type,
or a binary column of a usual name (geometry, geom, …) that holds WKB.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from cimkit.errors import SourceError
from cimkit.formats.columns import Arrangement, arrange
from cimkit.formats.dataset import Dataset, Delivery, Layer, Stream
from cimkit.formats.gdal.layer import UTF8_BY_FORMAT, declared_crs, refuse_encoding
from cimkit.formats.probe import Probe
from cimkit.formats.registry import Wishes
from cimkit.model import Evidence, Hint, Progress, Staged, silent

_USUAL_NAMES = ("geometry", "geom", "wkb_geometry", "the_geom", "wkb")


def layers(probe: Probe, format: str, wishes: Wishes) -> Dataset:
    """The one layer of a Parquet file; the format is "GeoParquet" where it holds a geometry."""
    refuse_encoding(probe, format, wishes)
    delivery = Delivery(probe.path, format, (probe.path,))
    with _readable(delivery), pq.ParquetFile(probe.path) as file:
        geometry = _geometry(delivery, file)
    if geometry.column is not None:
        delivery = Delivery(probe.path, "GeoParquet", (probe.path,))
    return Dataset(delivery, (ParquetLayer(delivery, probe.path.stem, wishes, geometry),))


@dataclass(frozen=True)
class _Geometry:
    """Where a file's geometry is and what its metadata says of it; ``drop`` are columns that only serve it."""

    column: str | None
    crs: Evidence
    kind: str | None = None
    drop: frozenset[str] = frozenset()
    hints: tuple[Hint, ...] = field(default=())


def _geometry(delivery: Delivery, file: pq.ParquetFile) -> _Geometry:
    schema: pa.Schema = file.schema_arrow
    raw = (file.metadata.metadata or {}).get(b"geo")
    if raw is not None:
        return _from_geo_key(delivery, raw, schema)
    for number in range(len(file.schema)):
        leaf = file.schema.column(number)
        if leaf.path in schema.names and leaf.logical_type.type in ("GEOMETRY", "GEOGRAPHY"):
            return _Geometry(leaf.path, _native_crs(leaf, file.metadata.metadata or {}))
    for column in schema:
        if column.name in _USUAL_NAMES and _holds_wkb(file, column):
            return _Geometry(column.name, Evidence(None, "plain Parquet declares none", 1.0))
    return _Geometry(None, Evidence(None, "no geometry", 1.0))


def _from_geo_key(delivery: Delivery, raw: bytes, schema: pa.Schema) -> _Geometry:
    try:
        geo = json.loads(raw)
        name = geo["primary_column"]
        about = geo["columns"][name]
        encoding = about.get("encoding", "WKB")
        kinds = about.get("geometry_types") or []
        covering = about.get("covering", {}).get("bbox", {}).values()
        covers = frozenset(path[0] for path in covering)
    except (ValueError, KeyError, TypeError, AttributeError, IndexError) as error:
        raise SourceError(
            f"{delivery.path} has a 'geo' key that is not GeoParquet metadata.", hint="Write the file again."
        ) from error
    if name not in schema.names:
        raise SourceError(f"{delivery.path} declares the geometry column '{name}' and has none of that name.")
    if encoding != "WKB":
        raise SourceError(
            f"{delivery.path} holds its geometry as GeoArrow ({encoding}), which is not read yet.",
            hint="Write it with the encoding WKB.",
        )
    others = [column for column in geo["columns"] if column != name]
    hints = [Hint("geometry.more", f"Only '{name}' is read as geometry, not {', '.join(others)}.")] if others else []
    kind = kinds[0] if len(kinds) == 1 else None
    return _Geometry(name, _geo_crs(about), kind, covers, tuple(hints))


def _geo_crs(about: dict[str, Any]) -> Evidence:
    if "crs" not in about:
        return Evidence("EPSG:4326", "GeoParquet default (OGC:CRS84)", 1.0)
    if about["crs"] is None:
        return Evidence(None, "declared unknown (null)", 1.0)
    return declared_crs(json.dumps(about["crs"]), "PROJJSON", 1.0)


def _native_crs(leaf: pq.ColumnSchema, metadata: dict[bytes, bytes]) -> Evidence:
    """The CRS of a column of Parquet's GEOMETRY type: PROJJSON, ``projjson:<metadata key>`` or ``srid:<number>``."""
    crs = json.loads(leaf.logical_type.to_json()).get("crs")
    if not crs:
        return Evidence("EPSG:4326", "Parquet GEOMETRY default (OGC:CRS84)", 1.0)
    if crs.startswith("projjson:"):
        crs = metadata.get(crs.removeprefix("projjson:").encode(), b"").decode()
    if crs.startswith("srid:"):
        return declared_crs("EPSG:" + crs.removeprefix("srid:"), "Parquet GEOMETRY type, an SRID taken for EPSG", 0.7)
    return declared_crs(crs, "Parquet GEOMETRY type", 1.0)


def _holds_wkb(file: pq.ParquetFile, column: pa.Field) -> bool:
    if not (pa.types.is_binary(column.type) or pa.types.is_large_binary(column.type)):
        return False
    for batch in file.iter_batches(1024, columns=[column.name]):
        for value in batch.column(0).drop_null():
            wkb = value.as_py()
            if len(wkb) >= 5 and wkb[0] in (0, 1) and 0 in (wkb[1], wkb[4]):
                return True
    return False


@contextmanager
def _readable(delivery: Delivery) -> Iterator[None]:
    try:
        yield
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        raise SourceError(
            f"{delivery.path} cannot be read as Parquet: {str(error).splitlines()[0]}",
            hint="Was it copied or written to the end?",
        ) from error


class ParquetLayer(Layer):
    """The layer of a Parquet file; its columns have types, and text in them is text."""

    def __init__(self, delivery: Delivery, name: str, wishes: Wishes, geometry: _Geometry) -> None:
        super().__init__(delivery, name, crs=wishes.crs)
        self._geometry = geometry

    @contextmanager
    def _open(self, batch_size: int) -> Iterator[Stream]:
        about = self._geometry
        with _readable(self.delivery):
            # With its buffers Arrow would hold all of the file that was read so far.
            file = pq.ParquetFile(self.delivery.path, pre_buffer=False)
        with file:
            arrangement = self._arrangement(file.schema_arrow)

            def batches() -> Iterator[pa.RecordBatch]:
                with _readable(self.delivery):
                    for batch in file.iter_batches(batch_size):
                        yield self._arranged(arrangement, batch)

            yield Stream(
                schema=arrangement.schema,
                batches=batches(),
                crs=about.crs,
                encoding=UTF8_BY_FORMAT,
                hints=[*arrangement.hints, *about.hints],
                declared_kind=about.kind,
                total=file.metadata.num_rows,
            )

    def _arranged(self, arrangement: Arrangement, batch: pa.RecordBatch) -> pa.RecordBatch:
        try:
            return arrangement.apply(batch)
        except SourceError as error:  # text that is none: Parquet is always UTF-8
            raise SourceError(f"{self.delivery.path} is damaged. {error}", hint="Write the file again.") from error

    def _arrangement(self, schema: pa.Schema) -> Arrangement:
        about = self._geometry
        # pandas keeps its index as a column; it says nothing about the records.
        drop = [i for i, name in enumerate(schema.names) if name in about.drop or name.startswith("__index_level_")]
        geometry = schema.get_field_index(about.column) if about.column else None
        return arrange(schema, geometry=geometry, drop=drop)

    def in_place(self, progress: Progress = silent) -> Staged | None:
        from cimkit.formats.tables import in_place

        with self.stream() as stream, _readable(self.delivery):
            names = pq.read_schema(self.delivery.path).names
            arrangement = self._arrangement(pq.read_schema(self.delivery.path))
            places = [*arrangement.columns, *([] if arrangement.geometry is None else [arrangement.geometry])]
            columns = {new: names[place] for new, place in zip(arrangement.schema.names, places, strict=False)}
            return in_place.staged(self, stream, columns, progress)
