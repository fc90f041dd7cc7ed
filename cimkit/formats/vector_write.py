"""GeoPackage, GeoJSON and CSV, written from a stream of record batches.

Rows keep their order, NULL and the empty text stay apart, and two runs give the same bytes.
What a format cannot hold (nested values, times finer than a millisecond …) is for the caller
to turn into something it can, and to tell: see :mod:`cimkit.convert`.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from cimkit import atomic
from cimkit import crs as reference_systems
from cimkit.errors import SourceError, UsageError

_GEOMETRY = "geometry"
#: GeoPackage stores when a table last changed. A fixed time, so that the same content is the same file.
_NO_TIME = "1970-01-01T00:00:00.000Z"


def write(
    reader: pa.RecordBatchReader,
    target: Path,
    *,
    crs: str | None,
    layer: str,
    geometry_type: str = "Unknown",
) -> int:
    """Write a stream to the format that the target's suffix names (.gpkg, .geojson, .json, .csv); how many rows.

    Args:
        reader: the columns, among them ``geometry`` as WKB, or none.
        crs: the CRS of the geometry, None where it is unknown. GeoJSON in EPSG:4326 follows RFC 7946;
            in another CRS it gets the older ``crs`` member.
        layer: the name of the layer, where the format has one.
        geometry_type: the one kind all geometries are of ("Polygon", "Point Z" …), for formats that declare it.

    Raises:
        UsageError: no writer knows the suffix.
        SourceError: the file cannot be written.
    """
    try:
        writer = _WRITERS[target.suffix.lower()]
    except KeyError:
        raise UsageError(
            f"'{target.suffix}' is no format that can be written ({target}).", hint=f"Known: {', '.join(_WRITERS)}."
        ) from None
    counted = _Counted(reader)
    with atomic.replacing(target) as path:
        writer(counted.reader, path, crs, layer, geometry_type)
    return counted.rows


class _Counted:
    """A stream that counts its rows as they pass."""

    def __init__(self, reader: pa.RecordBatchReader) -> None:
        self.rows = 0
        self.reader = pa.RecordBatchReader.from_batches(reader.schema, self._batches(reader))

    def _batches(self, reader: pa.RecordBatchReader) -> Iterator[pa.RecordBatch]:
        for batch in reader:
            self.rows += batch.num_rows
            yield batch


# ---- through GDAL ---------------------------------------------------------------------


def _write_gpkg(reader: pa.RecordBatchReader, path: Path, crs: str | None, layer: str, geometry_type: str) -> None:
    taken = [name.lower() for name in reader.schema.names if name != _GEOMETRY]
    options = {"FID": _free("fid", taken), "GEOMETRY_NAME": _free("geom", taken)}
    _through_gdal(reader, path, "GPKG", crs, layer, geometry_type, options)


def _through_gdal(
    reader: pa.RecordBatchReader,
    path: Path,
    driver: str,
    crs: str | None,
    layer: str,
    geometry_type: str,
    options: Mapping[str, str],
) -> None:
    from pyogrio import write_arrow
    from pyogrio.errors import DataLayerError, DataSourceError, FeatureError, FieldError, GeometryError

    spatial = _GEOMETRY in reader.schema.names
    with _gdal_options(OGR_CURRENT_DATE=_NO_TIME), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "'crs' was not provided")
        try:
            write_arrow(
                reader,
                path,
                driver=driver,
                layer=layer,
                geometry_name=_GEOMETRY if spatial else None,
                geometry_type=geometry_type if spatial else None,
                crs=reference_systems.written(crs).to_wkt() if spatial and crs else None,
                layer_options=dict(options),
            )
        except (DataLayerError, DataSourceError, FeatureError, FieldError, GeometryError, RuntimeError) as error:
            reason = str(error).replace(str(path), path.name)
            raise SourceError(f"{path.name} cannot be written as {driver}: {reason}.") from error


@contextmanager
def _gdal_options(**options: Any) -> Iterator[None]:
    """GDAL's settings are the process's own, so they are put back."""
    import pyogrio

    before = {name: pyogrio.get_gdal_config_option(name) for name in options}
    pyogrio.set_gdal_config_options(options)
    try:
        yield
    finally:
        pyogrio.set_gdal_config_options(before)


def _free(name: str, taken: Collection[str]) -> str:
    """A name for a column of the format's own that no column of the data has."""
    while name in taken:
        name = f"ogc_{name}"
    return name


# ---- GeoJSON --------------------------------------------------------------------------


def _write_geojson(reader: pa.RecordBatchReader, path: Path, crs: str | None, layer: str, geometry_type: str) -> None:
    from cimkit.formats.geojson_write import write_geojson

    write_geojson(reader, path, crs, layer)


# ---- CSV ------------------------------------------------------------------------------


def _write_csv(reader: pa.RecordBatchReader, path: Path, crs: str | None, layer: str, geometry_type: str) -> None:
    """RFC 4180 in UTF-8: text is quoted and NULL is not, so that "" and nothing differ. Geometry is a WKT column."""
    import pyarrow.csv as csv

    schema = _csv_schema(reader.schema)
    with csv.CSVWriter(path, schema, write_options=csv.WriteOptions(quoting_style="needed")) as writer:
        for batch in reader:
            columns = [
                _wkt(array) if name == _GEOMETRY else array
                for name, array in zip(reader.schema.names, batch, strict=True)
            ]
            writer.write_batch(pa.RecordBatch.from_arrays(columns, schema=schema))


def _csv_schema(schema: pa.Schema) -> pa.Schema:
    taken = {name.lower() for name in schema.names}
    wkt = "WKT"
    while wkt.lower() in taken:
        wkt = f"geometry_{wkt}"
    return pa.schema([pa.field(wkt, pa.string()) if f.name == _GEOMETRY else pa.field(f.name, f.type) for f in schema])


def _wkt(array: pa.Array) -> pa.Array:
    """WKB as WKT with every digit of the coordinates; null where GEOS does not read it."""
    import shapely

    with np.errstate(invalid="ignore"):
        shapes = shapely.from_wkb(array.to_numpy(zero_copy_only=False), on_invalid="ignore")
    return pa.array(
        shapely.to_wkt(shapes, rounding_precision=17, trim=True, output_dimension=4), pa.string(), from_pandas=True
    )


_WRITERS: Mapping[str, Callable[[pa.RecordBatchReader, Path, str | None, str, str], None]] = {
    ".gpkg": _write_gpkg,
    ".geojson": _write_geojson,
    ".json": _write_geojson,
    ".csv": _write_csv,
}
SUFFIXES = tuple(_WRITERS)
