"""Stage once, read many: a layer becomes a Parquet file that every later step reads."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from cimkit import crs as crs_names
from cimkit import wkb
from cimkit.atomic import replacing
from cimkit.errors import SourceError
from cimkit.formats.columns import FID, GEOMETRY, ROW
from cimkit.formats.dataset import Layer
from cimkit.formats.facts import FactGatherer
from cimkit.model import Progress, Staged, silent

ROW_GROUP_ROWS = 65536
#: Big geometries fill memory before 64k rows are together.
ROW_GROUP_BYTES = 64 << 20
#: Readers hold several batches at once.
_BATCH_ROWS = 16_384


def stage(layer: Layer, folder: Path, progress: Progress = silent, *, in_place: bool = False) -> Staged:
    """Read a layer once into a Parquet file in ``folder``, and gather its facts on the way.

    The file's name follows from the source's content and the layer's name, so that layers of
    many sources can share a folder. It is complete or absent. ``in_place``: no copy is made of a
    Parquet file that can be read where it lies; see :class:`cimkit.model.Staged`.

    Raises:
        SourceError: the layer cannot be read, or the file cannot be written.
    """
    if in_place and (as_it_lies := layer.in_place(progress)) is not None:
        return as_it_lies
    target = folder / _file_name(layer)
    with layer.stream(_BATCH_ROWS) as stream:
        gatherer = FactGatherer(stream)
        schema = stream.schema.append(pa.field(ROW, pa.int64()))
        with _writer(target, schema) as writer:
            rows = 0
            waiting: list[pa.RecordBatch] = []
            for batch in stream.batches:
                if not gatherer.add(batch):
                    batch = _harmless(batch)
                numbers = pa.array(np.arange(rows, rows + batch.num_rows))
                waiting.append(pa.RecordBatch.from_arrays([*batch.columns, numbers], schema=schema))
                rows += batch.num_rows
                if (
                    sum(b.num_rows for b in waiting) >= ROW_GROUP_ROWS
                    or sum(b.nbytes for b in waiting) >= ROW_GROUP_BYTES
                ):
                    writer.write_table(pa.Table.from_batches(waiting), row_group_size=ROW_GROUP_ROWS)
                    waiting.clear()
                progress(f"read {layer.name}", rows, stream.total)
            if waiting or not rows:
                writer.write_table(pa.Table.from_batches(waiting, schema=schema), row_group_size=ROW_GROUP_ROWS)
            facts = gatherer.facts()
            if GEOMETRY in schema.names and gatherer.simple:
                writer.add_key_value_metadata({"geo": json.dumps(_geo(gatherer, facts.crs.value), sort_keys=True)})
    return Staged(target, layer.source, layer.name, facts, layer.text_cells, tuple(stream.rejected))


def _harmless(batch: pa.RecordBatch) -> pa.RecordBatch:
    """The batch with a mark in place of bytes that are no geometry, since DuckDB trusts what it is given."""
    place = batch.schema.get_field_index(GEOMETRY)
    mended, _ = wkb.mended(batch.column(place))
    return batch.set_column(place, batch.schema.field(place), mended.cast(batch.schema.field(place).type))


def _geo(gatherer: FactGatherer, crs: str | None) -> dict[str, Any]:
    """The GeoParquet 1.1 metadata; an unknown CRS, or an offset datum that PROJJSON cannot name, is null."""
    known = crs is not None and crs not in (crs_names.GCJ02, crs_names.BD09)
    column: dict[str, Any] = {
        "encoding": "WKB",
        "geometry_types": sorted(kind for kind, count in gatherer.kinds.items() if count),
        "crs": crs_names.projjson(crs) if crs is not None and known else None,
    }
    if gatherer.bbox:
        column["bbox"] = list(gatherer.bbox)
    return {"version": "1.1.0", "primary_column": GEOMETRY, "columns": {GEOMETRY: column}}


@contextmanager
def _writer(target: Path, schema: pa.Schema) -> Iterator[pq.ParquetWriter]:
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SourceError(f"{target} cannot be written: {error.strerror}.") from error
    # Statistics and dictionaries of WKB only fill the file, and no two records share a number.
    columns = [f.name for f in schema if f.name != GEOMETRY]
    alike = [name for name in columns if name not in (ROW, FID)]
    # It is read a few times and thrown away: LZ4 costs little.
    with (
        replacing(target) as path,
        pq.ParquetWriter(path, schema, compression="lz4", write_statistics=columns, use_dictionary=alike) as writer,
    ):
        yield writer


def _file_name(layer: Layer) -> str:
    readable = re.sub(r"[^\w.-]+", "_", layer.name).strip("._")[:40] or "layer"
    told = f"{layer.source.sha256}/{layer.source.format}/{layer.name}"
    # A file's name, and so a layer's, need not be UTF-8.
    digest = hashlib.sha256(told.encode("utf-8", "surrogateescape")).hexdigest()
    return f"{readable}-{digest[:12]}.parquet"
