"""GeoParquet, written out of core: along a Hilbert curve, with a covering, the same bytes every time.

Version 1.1 holds geometry as WKB and a ``bbox`` struct (the covering of the specification)
whose floats are rounded outwards, so that a reader that prunes by it never misses a record.
Version 2.0 holds Parquet's own geometry type, whose statistics do the same.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from cimkit import atomic, duck
from cimkit import crs as reference_systems
from cimkit.errors import UsageError
from cimkit.formats.columns import GEOMETRY
from cimkit.formats.profile import Profile
from cimkit.formats.tables import hilbert
from cimkit.formats.tables.covering import BOX, CORNERS, Coverage, boxes, corners
from cimkit.formats.tables.native_geometry import WkbType, admitted
from cimkit.formats.tables.row_groups import RowGroups
from cimkit.formats.tables.spool import Spool

if TYPE_CHECKING:
    import duckdb

VERSIONS = ("1.1", "2.0")
PROFILE = Profile(keeps_order=False, damaged=True)
_BATCH_ROWS = 8192
#: The key of the order: a bit that says "nowhere", 32 for the place on the curve, and the first 31 of the row's rank.
_RANK_BITS = np.uint64(31)
_NOWHERE = np.uint64(1 << 63)
#: Types of DuckDB that Parquet lacks, or that Arrow hands on as something else.
_CASTS = {
    "HUGEINT": "DOUBLE",
    "UHUGEINT": "DOUBLE",
    "BIGNUM": "VARCHAR",
    "BIT": "VARCHAR",
    "ENUM": "VARCHAR",
    "INTERVAL": "VARCHAR",
    "UNION": "VARCHAR",
    "UUID": "VARCHAR",
}


def write_geoparquet(
    con: duckdb.DuckDBPyConnection,
    query: str,
    target: Path,
    *,
    crs: str | None,
    version: str = "1.1",
    sort: bool = True,
) -> int:
    """Write what ``query`` yields to a GeoParquet file; how many rows.

    Args:
        con: a connection of :func:`cimkit.duck.connect`.
        query: yields the columns, among them ``geometry`` as a WKB blob. Without ``geometry`` the
            file is plain Parquet, in the order of the query.
        crs: the CRS of the geometry, None where it is unknown.
        version: "1.1" or "2.0" of GeoParquet.
        sort: along a Hilbert curve, so that a map reads few rows; else the query's order is kept.

    A geometry that is damaged or a curve stays as it is in version 1.1 and has no bbox; version
    2.0 has no place for it, so it becomes null.

    Raises:
        UsageError: the version or the CRS is unknown.
        SourceError: the file cannot be written.
    """
    kinds = {str(row[0]): str(row[1]) for row in con.execute(f"DESCRIBE {query}").fetchall()}
    hashes = _free("cimkit:rank", kinds) if sort and GEOMETRY in kinds else None
    tables = _of_query(con, query, kinds, hashes)
    return _write(tables, list(kinds), target, crs, version, sort)


def rewrite_geoparquet(
    source: Path, columns: Mapping[str, str], target: Path, *, crs: str | None, version: str = "1.1", sort: bool = True
) -> int:
    """Write columns of a Parquet file, each under the name it leads to, to a GeoParquet file; how many rows.

    As :func:`write_geoparquet`, but faster, and rows at the same place stay in order.
    """
    names = list(columns.values())
    rank = _free("cimkit:rank", names) if sort and GEOMETRY in names else None
    return _write(_of_file(source, columns, rank), names, target, crs, version, sort)


def _write(
    tables: Iterator[pa.Table], names: Sequence[str], target: Path, crs: str | None, version: str, sort: bool
) -> int:
    """Write tables, which have a rank beside the named columns if they are to be sorted; how many rows."""
    if version not in VERSIONS:
        raise UsageError(f"GeoParquet {version} cannot be written.", hint=f"Known: {', '.join(VERSIONS)}.")
    if GEOMETRY not in names:
        with atomic.replacing(target) as path, RowGroups(path) as writer:
            for table in tables:
                writer.add(table)
        return writer.rows
    projjson = reference_systems.projjson(crs) if crs else None
    coverage = Coverage()
    covering, rank = _free("bbox", names), _free("cimkit:rank", names)
    unwanted = [rank] if sort else []
    finish = partial(
        _finished,
        unwanted=unwanted if version == "1.1" else [*unwanted, covering],
        kind=None if version == "1.1" else WkbType.of(projjson),
    )
    with (
        atomic.replacing(target) as path,
        RowGroups(path, large=GEOMETRY, unalike=[GEOMETRY, covering], finish=finish) as writer,
    ):
        covered = (_covered(table, coverage, covering, damaged=version == "1.1") for table in tables)
        for table in _sorted(covered, path.parent, coverage, covering, rank) if sort else covered:
            writer.add(table)
        geo = _metadata(coverage, projjson, version, covering)
        writer.metadata["geo"] = json.dumps(geo, ensure_ascii=False)
    return writer.rows


# ---- reading --------------------------------------------------------------------------


def _of_query(
    con: duckdb.DuckDBPyConnection, query: str, kinds: Mapping[str, str], rank: str | None
) -> Iterator[pa.Table]:
    """The rows of a query in types that Parquet has, at least one table; ranked by a hash of all they hold.

    The order of rows at one place then does not hang on that of the query.
    """
    import duckdb

    row = duck.identifier(_free("cimkit:row", kinds))
    chosen = [f"{_plain(f'{row}.{duck.identifier(n)}', kind)} AS {duck.identifier(n)}" for n, kind in kinds.items()]
    if rank:
        chosen.append(f"hash({row}) AS {duck.identifier(rank)}")
    reader = con.execute(f"SELECT {', '.join(chosen)} FROM ({query}) AS {row}").to_arrow_reader(_BATCH_ROWS)
    schema = pa.schema([f.with_type(pa.json_()) if kinds.get(f.name) == "JSON" else f for f in reader.schema])
    yield schema.empty_table()
    while True:
        try:
            batch = reader.read_next_batch()
        except StopIteration:
            return
        except (OSError, pa.ArrowException) as error:  # what DuckDB says comes by way of Arrow
            raise duckdb.DatabaseError(str(error)) from error
        yield pa.Table.from_batches([batch]).cast(schema)


def _of_file(source: Path, columns: Mapping[str, str], rank: str | None) -> Iterator[pa.Table]:
    """Columns of a Parquet file, at least one table; ranked by their order."""
    with pq.ParquetFile(source, pre_buffer=False) as file:
        own = file.schema_arrow
        schema = pa.schema([pa.field(new, own.field(name).type) for name, new in columns.items()])
        # Arrow takes a dot in a name for a step into a struct.
        asked = None if any("." in name for name in columns) else list(columns)
        rows = 0
        ranked = schema.append(pa.field(rank, pa.uint64())) if rank else schema
        yield ranked.empty_table()
        for batch in file.iter_batches(_BATCH_ROWS, columns=asked, use_threads=False):
            arrays = [batch.column(name) for name in columns]
            if rank:
                numbers = np.arange(rows, rows + batch.num_rows, dtype=np.uint64)
                arrays.append(pa.array(numbers << (np.uint64(64) - _RANK_BITS)))
                rows += batch.num_rows
            yield pa.Table.from_arrays(arrays, schema=ranked)


def _plain(column: str, kind: str) -> str:
    base = kind.split("(")[0]
    return f"CAST({column} AS {_CASTS[base]})" if base in _CASTS and not kind.endswith("]") else column


def _free(name: str, columns: Iterable[str]) -> str:
    """A name for a column of the writer's own that no column of the data has."""
    taken = {column.lower() for column in columns}
    while name in taken:
        name = f"geometry_{name}"
    return name


# ---- places ---------------------------------------------------------------------------


def _covered(table: pa.Table, coverage: Coverage, covering: str, *, damaged: bool) -> pa.Table:
    """The rows with the box of each geometry; without geometries that are no simple ones unless ``damaged`` may be."""
    array = table[GEOMETRY].combine_chunks()
    bounds, strange = coverage.add(array)
    if not damaged:
        place = table.schema.get_field_index(GEOMETRY)
        table = table.set_column(place, table.schema.field(place), admitted(array, strange))
    return table.append_column(pa.field(covering, BOX), boxes(bounds))


def _sorted(
    tables: Iterator[pa.Table], folder: Path, coverage: Coverage, covering: str, rank: str
) -> Iterator[pa.Table]:
    """The rows along a Hilbert curve over the layer's extent, those without a place last; at one place by rank."""

    def key(table: pa.Table) -> tuple[NDArray[np.uint64], NDArray[np.uint64]]:
        box, ranks = table[covering].combine_chunks(), table[rank].to_numpy()
        place = hilbert.places(corners(box), coverage.extent or (0.0, 0.0, 1.0, 1.0)).astype(np.uint64)
        nowhere = box.is_null().to_numpy(zero_copy_only=False)
        first = np.where(nowhere, _NOWHERE, place << _RANK_BITS)
        return first | ranks >> (np.uint64(64) - _RANK_BITS), ranks

    spool: Spool | None = None
    for table in tables:
        spool = spool or Spool(folder, table.schema, large=GEOMETRY, by=[covering, rank])
        spool.add(table)
    assert spool is not None
    return spool.sorted(key)


def _finished(table: pa.Table, *, unwanted: Sequence[str], kind: WkbType | None) -> pa.Table:
    """The rows without what only served to sort them, their geometry in Parquet's own type if there is a ``kind``."""
    table = table.drop_columns(unwanted)
    if kind is None:
        return table
    typed = [pa.ExtensionArray.from_storage(kind, chunk) for chunk in table[GEOMETRY].chunks]
    place = table.schema.get_field_index(GEOMETRY)
    return table.set_column(place, pa.field(GEOMETRY, kind), pa.chunked_array(typed, kind))


def _metadata(coverage: Coverage, projjson: dict[str, Any] | None, version: str, covering: str) -> dict[str, Any]:
    """The ``geo`` metadata of the specification. An unknown CRS is null, as it says."""
    column: dict[str, Any] = {"encoding": "WKB", "geometry_types": coverage.types, "crs": projjson}
    if coverage.extent:
        column["bbox"] = list(coverage.extent)
    if version == "1.1":
        column["covering"] = {"bbox": {corner: [covering, corner] for corner in CORNERS}}
    return {"version": f"{version}.0", "primary_column": GEOMETRY, "columns": {GEOMETRY: column}}
