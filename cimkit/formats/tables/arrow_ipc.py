"""Arrow IPC: files (Feather 2 is one) and streams, read batch by batch; geometry by its GeoArrow type.

Arrow trusts the offsets in a file. Every batch is validated before anything looks at it, and
a stream that stops without its end mark is told.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from cimkit.errors import SourceError
from cimkit.formats.columns import JSON_MARK, arrange
from cimkit.formats.dataset import Dataset, Delivery, Layer, Stream
from cimkit.formats.gdal.layer import UTF8_BY_FORMAT, refuse_encoding
from cimkit.formats.probe import Probe
from cimkit.formats.registry import Wishes
from cimkit.formats.tables import geoarrow
from cimkit.model import Evidence, Hint, Reject

_END_OF_STREAM = b"\xff\xff\xff\xff\0\0\0\0"


def layers(probe: Probe, format: str, wishes: Wishes) -> Dataset:
    """The one layer of an Arrow file or stream."""
    refuse_encoding(probe, format, wishes)
    if probe.head.startswith(b"FEA1"):
        raise SourceError(
            f"{probe.path} is a Feather file of version 1, which is given up.",
            hint="Write it again: pyarrow.feather.write_feather(pandas.read_feather(path), path).",
        )
    delivery = Delivery(probe.path, format, (probe.path,))
    layer = ArrowLayer(delivery, probe.path.stem, wishes, is_file=probe.head.startswith(b"ARROW1"))
    return Dataset(delivery, (layer,))


class ArrowLayer(Layer):
    """The layer of an Arrow file or stream; its columns have types, and text in them is text."""

    def __init__(self, delivery: Delivery, name: str, wishes: Wishes, *, is_file: bool) -> None:
        super().__init__(delivery, name, crs=wishes.crs)
        self._is_file = is_file
        self._salvage = wishes.salvage

    @contextmanager
    def _open(self, batch_size: int) -> Iterator[Stream]:
        path = self.delivery.path
        with pa.OSFile(str(path)) as file:
            with self._readable():
                reader = self._reader(file)
                source: pa.Schema = reader.schema
            geometry = geoarrow.geometry_of(source)
            if geometry is not None and not geoarrow.is_read(geometry.encoding):
                raise SourceError(
                    f"{path} holds its geometry as {geometry.encoding}, which is not read.",
                    hint="Write it with the type geoarrow.wkb.",
                )
            place = geometry.place if geometry else None
            plain = pa.schema([_storable(f) if i != place else f.with_type(pa.binary()) for i, f in enumerate(source)])
            arrangement = arrange(plain, geometry=place)
            hints = [*arrangement.hints, *(geometry.hints if geometry else ())]
            if geometry and place is not None and geoarrow.has_measures(source.field(place).type):
                hints.append(Hint("geometry.measures", "Measures (M) of the coordinates are left out."))

            rejected: list[Reject] = []

            def batches() -> Iterator[pa.RecordBatch]:
                with self._readable():
                    for batch in self._batches(reader, rejected):
                        arrays = [
                            geoarrow.to_wkb(array, geometry.encoding) if geometry and i == place else _stored(array, f)
                            for i, (array, f) in enumerate(zip(batch.columns, plain, strict=True))
                        ]
                        whole = pa.RecordBatch.from_arrays(arrays, schema=plain)
                        for start in range(0, whole.num_rows, batch_size):
                            yield arrangement.apply(whole.slice(start, batch_size))
                if not self._is_file and not rejected and not self._has_end():
                    message = "The stream stops without its end mark: what was written after is not known to be all."
                    hints.append(Hint("stream.no_end", message))

            yield Stream(
                schema=arrangement.schema,
                batches=batches(),
                crs=geometry.crs if geometry else Evidence(None, "no geometry", 1.0),
                encoding=UTF8_BY_FORMAT,
                hints=hints,
                rejected=rejected,
            )

    def _reader(self, file: pa.NativeFile) -> Any:
        if not self._is_file:
            return pa.ipc.open_stream(file)
        try:
            return pa.ipc.open_file(file)
        except pa.ArrowInvalid:
            if not self._salvage:
                raise
            # Without its last bytes a file is still a stream behind its first eight.
            file.seek(8)
            return pa.ipc.open_stream(file)

    def _batches(self, reader: Any, rejected: list[Reject]) -> Iterator[pa.RecordBatch]:
        counted = getattr(reader, "num_record_batches", None)
        each = (reader.get_batch(i) for i in range(counted)) if counted is not None else iter(reader)
        rows = 0
        try:
            for batch in each:
                batch.validate(full=True)
                yield batch
                rows += batch.num_rows
        except (pa.ArrowException, OSError) as error:
            if not self._salvage:
                raise
            reason = f"The records from here on cannot be read: {(str(error).splitlines() or ['?'])[0]}"
            rejected.append(Reject(rows, f"record {rows}", reason))

    def _has_end(self) -> bool:
        with self.delivery.path.open("rb") as handle:
            handle.seek(max(0, self.delivery.path.stat().st_size - len(_END_OF_STREAM)))
            return handle.read() == _END_OF_STREAM

    @contextmanager
    def _readable(self) -> Iterator[None]:
        path = self.delivery.path
        try:
            yield
        except (pa.ArrowException, OSError, ValueError, struct.error) as error:
            raise SourceError(
                f"{path} cannot be read as Arrow: {(str(error).splitlines() or ['?'])[0]}",
                hint="Was it copied or written to the end?",
            ) from error


def _storable(field: pa.Field) -> pa.Field:
    """A column in a type that Parquet and SQL have; what neither has is JSON text."""
    kind, types = field.type, pa.types
    if types.is_run_end_encoded(kind):
        return _storable(pa.field(field.name, kind.value_type, metadata=field.metadata))
    if types.is_union(kind) or types.is_interval(kind) or types.is_duration(kind) or types.is_list_view(kind):
        return pa.field(field.name, pa.string(), metadata={JSON_MARK: b"true"})
    if types.is_decimal32(kind) or types.is_decimal64(kind):
        return field.with_type(pa.decimal128(kind.precision, kind.scale))
    return field


def _stored(array: pa.Array, field: pa.Field) -> pa.Array:
    if array.type == field.type:
        return array
    if pa.types.is_run_end_encoded(array.type):
        array = pc.run_end_decode(array)
        return array if array.type == field.type else _stored(array, field)
    if JSON_MARK in (field.metadata or {}):
        values = [None if v is None else json.dumps(v, ensure_ascii=False, default=str) for v in array.to_pylist()]
        return pa.array(values, pa.string())
    return array.cast(field.type)
