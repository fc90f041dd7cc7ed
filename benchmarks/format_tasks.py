"""The measured ways from a file of polygons to GeoParquet, each run in a process of its own by ``formats.py``.

    python benchmarks/format_tasks.py TASK SOURCE OUT

SOURCE is a GeoPackage, Shapefile or GeoJSON file, OUT an empty folder.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

#: Record by record it would take hours: fiona reads the first so many, and its seconds are scaled.
FIONA_RECORDS = 100_000


def cimkit(source: Path, out: Path) -> None:
    """GeoParquet 1.1 with covering, Hilbert-sorted, with facts and a loss report."""
    from cimkit import convert

    convert(source, out / "x.parquet")


def copy(source: Path, out: Path) -> str:
    """Records read and written, and nothing else; the name of the geometry column."""
    import pyarrow as pa
    import pyarrow.parquet as pq
    import pyogrio

    with pyogrio.open_arrow(source, use_pyarrow=True, batch_size=65_536) as (meta, reader):
        schema = pa.schema([field.remove_metadata() for field in reader.schema])
        with pq.ParquetWriter(out / "copy.parquet", schema, compression="zstd") as writer:
            for batch in reader:
                writer.write_batch(pa.RecordBatch.from_arrays(batch.columns, schema=schema))
        return meta["geometry_name"] or "wkb_geometry"


def copy_sort(source: Path, out: Path) -> None:
    """The copy, sorted along a Hilbert curve by DuckDB and written again; no covering."""
    geometry = f'ST_GeomFromWKB("{copy(source, out)}")'
    with _duckdb() as con:
        rows = f"FROM '{out}/copy.parquet'"
        corners = "min(ST_XMin(g)), min(ST_YMin(g)), max(ST_XMax(g)), max(ST_YMax(g))"
        low_x, low_y, high_x, high_y = con.execute(f"SELECT {corners} FROM (SELECT {geometry} AS g {rows})").fetchone()
        box = f"{{'min_x': {low_x}, 'min_y': {low_y}, 'max_x': {high_x}, 'max_y': {high_y}}}::BOX_2D"
        con.execute(
            f"COPY (SELECT * {rows} ORDER BY ST_Hilbert({geometry}, {box})) TO '{out}/x.parquet' "
            "(FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE 65536)"
        )


def geopandas(source: Path, out: Path) -> None:
    """GeoParquet 1.1 with covering, all of it in memory, unsorted."""
    import geopandas as gpd

    frame = gpd.read_file(source, engine="pyogrio", use_arrow=True)
    frame.to_parquet(out / "x.parquet", write_covering_bbox=True, compression="zstd")


def duckdb(source: Path, out: Path) -> None:
    """GeoParquet 1.0 by DuckDB's own GDAL, unsorted, no covering."""
    with _duckdb() as con:
        con.execute(f"COPY (FROM ST_Read('{source}')) TO '{out}/x.parquet' (FORMAT parquet, COMPRESSION zstd)")


def fiona(source: Path, out: Path) -> None:
    """The first records, one by one; unsorted, no covering."""
    import fiona as library
    import pyarrow as pa
    import pyarrow.parquet as pq
    import shapely

    with library.open(source) as records:
        writer, rows = None, []
        for number, record in enumerate(records):
            if number == FIONA_RECORDS:
                break
            rows.append({**record.properties, "geometry": shapely.geometry.shape(record.geometry).wkb})
            if len(rows) == 10_000:
                table = pa.Table.from_pylist(rows, schema=writer.schema if writer else None)
                writer = writer or pq.ParquetWriter(out / "x.parquet", table.schema, compression="zstd")
                writer.write_table(table)
                rows = []
        if rows:
            pq.write_table(pa.Table.from_pylist(rows), out / "rest.parquet")
        if writer:
            writer.close()


def _duckdb() -> Any:
    import duckdb as library

    from cimkit import duck

    con = library.connect(config={"allow_unsigned_extensions": True})
    con.execute(f"LOAD '{duck.spatial_extension()}'")
    return con


TASKS = {function.__name__: function for function in (copy, copy_sort, cimkit, geopandas, duckdb, fiona)}

if __name__ == "__main__":
    TASKS[sys.argv[1]](Path(sys.argv[2]), Path(sys.argv[3]))
