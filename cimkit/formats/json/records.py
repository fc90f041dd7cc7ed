"""Plain JSON records: a .json array, one value, or one value per line (.jsonl).

Objects become a table whose columns have the types of their values. A column of nested
values, or of values of several types, is JSON text and marked so (``cimkit:json``). Where
any record is no object (or, read as records, has members that cannot be columns of those names),
every record is one JSON text in the column ``value``, and the
schema's metadata says so (``cimkit:record`` = ``value``). Read as records, a null is a value, in
a column of JSON text, and an empty cell is a member that is not there (``cimkit:nulls``).
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from functools import cached_property
from itertools import islice
from typing import Any

import pyarrow as pa

from cimkit.formats.columns import FID, GEOMETRY, ROW, arrange, unique_names
from cimkit.formats.dataset import Dataset, Delivery, Layer, Stream
from cimkit.formats.gdal.layer import UTF8_BY_FORMAT, refuse_encoding
from cimkit.formats.json import stream as json_stream
from cimkit.formats.json import table
from cimkit.formats.probe import Probe
from cimkit.formats.registry import Wishes
from cimkit.model import Evidence

RECORD_MARK = b"cimkit:record"
_VALUE = "value"
_MEANT_OTHERWISE = frozenset({FID, GEOMETRY, ROW, "fid"})


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
        self._nulls = wishes.records

    def _records(self) -> Iterator[Any]:
        path = self.delivery.path
        if self.delivery.format == "JSONL":
            return json_stream.lines(path)
        return json_stream.items(path) if self._is_array else iter([json_stream.document(path)])

    @cached_property
    def _columns(self) -> table.Members | None:
        """What each member's values are over the whole file; None: not all records are a table's rows."""
        members = table.Members(nulls=self._nulls)
        for record in self._records():
            if not isinstance(record, dict):
                return None
            members.add(record)
        return None if self._nulls and not _are_columns(members.kinds) else members

    @contextmanager
    def _open(self, batch_size: int) -> Iterator[Stream]:
        columns = self._columns
        if columns is None:
            fields = [table.json_field(_VALUE)]
        else:
            with json_stream.characters_only(self.delivery.path):
                fields = columns.fields()
        source = pa.schema(fields)
        arrangement = arrange(source)
        schema = arrangement.schema
        if columns is None:
            schema = schema.with_metadata({RECORD_MARK: _VALUE.encode()})
        elif self._nulls:
            schema = schema.with_metadata({table.NULLS_MARK: b"true"})

        def batches() -> Iterator[pa.RecordBatch]:
            records = self._records()
            while rows := list(islice(records, batch_size)):
                with json_stream.characters_only(self.delivery.path):
                    if columns is None:
                        arrays = [pa.array([table.text(row) for row in rows], pa.string())]
                    else:
                        arrays = [table.array(rows, field) for field in source]
                arrays.append(pa.nulls(len(rows), pa.string()))
                yield pa.RecordBatch.from_arrays(arrays, schema=schema)

        yield Stream(
            schema=schema,
            batches=batches(),
            crs=Evidence(None, "no geometry", 1.0),
            encoding=UTF8_BY_FORMAT,
            hints=list(arrangement.hints),
        )


def _are_columns(names: Collection[str]) -> bool:
    """Whether members can be columns under their own names, and mean nothing else there."""
    return unique_names(names)[0] == list(names) and not _MEANT_OTHERWISE & set(names)
