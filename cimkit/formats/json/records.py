"""Plain JSON records: a .json array, one value, or one value per line (.jsonl).

Objects become a table whose columns have the types of their values. A column of nested
values, or of values of several types, is JSON text and marked so (``cimkit:json``). Where
any record is no object, every record is one JSON text in the column ``value``, and the
schema's metadata says so (``cimkit:record`` = ``value``).
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from itertools import islice
from typing import Any

import pyarrow as pa

from cimkit.formats.columns import JSON_MARK, arrange
from cimkit.formats.dataset import Dataset, Delivery, Layer, Stream
from cimkit.formats.gdal.layer import UTF8_BY_FORMAT, refuse_encoding
from cimkit.formats.json import stream as json_stream
from cimkit.formats.probe import Probe
from cimkit.formats.registry import Wishes
from cimkit.model import Evidence

RECORD_MARK = b"cimkit:record"
_VALUE = "value"

#: The kinds a column's values have had, as bits.
_BOOL, _INT, _FLOAT, _TEXT, _OTHER = 1, 2, 4, 8, 16
_KINDS = {type(None): 0, bool: _BOOL, int: _INT, float: _FLOAT, str: _TEXT, dict: _OTHER, list: _OTHER}
_INT64 = range(-(2**63), 2**63)
_EXACT_IN_DOUBLE = range(-(2**53), 2**53 + 1)
_TYPES = {
    0: pa.string(),
    _BOOL: pa.bool_(),
    _INT: pa.int64(),
    _FLOAT: pa.float64(),
    _INT | _FLOAT: pa.float64(),
    _TEXT: pa.string(),
}


def layers(probe: Probe, format: str, wishes: Wishes) -> Dataset:
    """The one layer of a file of JSON records."""
    refuse_encoding(probe, format, wishes)
    delivery = Delivery(probe.path, format, (probe.path,))
    return Dataset(delivery, (JsonLayer(delivery, probe.path.stem, wishes, is_array=_is_array(probe)),))


def _is_array(probe: Probe) -> bool:
    from cimkit.formats.json.shape import shape

    return shape(probe) == "array"


class JsonLayer(Layer):
    """The layer of a file of JSON records; text in it is text."""

    def __init__(self, delivery: Delivery, name: str, wishes: Wishes, *, is_array: bool) -> None:
        super().__init__(delivery, name, crs=wishes.crs)
        self._is_array = is_array

    def _records(self) -> Iterator[Any]:
        path = self.delivery.path
        if self.delivery.format == "JSONL":
            return json_stream.lines(path)
        return json_stream.items(path) if self._is_array else iter([json_stream.document(path)])

    @cached_property
    def _columns(self) -> dict[str, int] | None:
        """The kinds of each member's values over the whole file, in order of appearance; None: not all are objects."""
        kinds: dict[str, int] = {}
        odd: set[str] = set()  # integers that a double cannot hold
        for record in self._records():
            if not isinstance(record, dict):
                return None
            for name, value in record.items():
                kind = _KINDS[type(value)]
                if kind == _INT and value not in _EXACT_IN_DOUBLE:
                    odd.add(name)
                    kind = _INT if value in _INT64 else _OTHER
                kinds[name] = kinds.get(name, 0) | kind
        return {name: kind | (_OTHER if name in odd and kind & _FLOAT else 0) for name, kind in kinds.items()}

    @contextmanager
    def _open(self, batch_size: int) -> Iterator[Stream]:
        columns = self._columns
        if columns is None:
            fields = [_json_field(_VALUE)]
        else:
            with json_stream.characters_only(self.delivery.path):
                fields = [
                    pa.field(n, _TYPES[kind]) if kind in _TYPES else _json_field(n) for n, kind in columns.items()
                ]
        source = pa.schema(fields)
        arrangement = arrange(source)
        schema = arrangement.schema
        if columns is None:
            schema = schema.with_metadata({RECORD_MARK: _VALUE.encode()})

        def batches() -> Iterator[pa.RecordBatch]:
            records = self._records()
            while rows := list(islice(records, batch_size)):
                with json_stream.characters_only(self.delivery.path):
                    if columns is None:
                        arrays = [pa.array([_text(row) for row in rows], pa.string())]
                    else:
                        arrays = [_array(rows, field) for field in source]
                arrays.append(pa.nulls(len(rows), pa.string()))
                yield pa.RecordBatch.from_arrays(arrays, schema=schema)

        yield Stream(
            schema=schema,
            batches=batches(),
            crs=Evidence(None, "no geometry", 1.0),
            encoding=UTF8_BY_FORMAT,
            hints=list(arrangement.hints),
        )


def _json_field(name: str) -> pa.Field:
    return pa.field(name, pa.string(), metadata={JSON_MARK: b"true"})


def _array(rows: list[dict[str, Any]], field: pa.Field) -> pa.Array:
    values = [row.get(field.name) for row in rows]
    if JSON_MARK in (field.metadata or {}):
        values = [None if value is None else _text(value) for value in values]
    elif pa.types.is_floating(field.type):
        values = [None if value is None else float(value) for value in values]
    return pa.array(values, field.type)


def _text(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
