"""GeoPackage, written by GDAL from an Arrow stream."""

from __future__ import annotations

import warnings
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa

from cimkit import crs as reference_systems
from cimkit.errors import SourceError
from cimkit.formats.profile import (
    HUGE,
    NUMBERS,
    TIMES,
    WORDS,
    Order,
    Profile,
    as_double,
    as_text,
    json_in_text_column,
    no_nan,
    plain_text,
    utc_milliseconds,
)

_GEOMETRY = "geometry"
#: A GeoPackage stores when a table last changed. A fixed time, so that the same content is the same file.
_NO_TIME = "1970-01-01T00:00:00.000Z"

PROFILE = Profile(
    columns={
        **dict.fromkeys(TIMES, utc_milliseconds),
        **dict.fromkeys(NUMBERS, no_nan),
        **dict.fromkeys((*HUGE, "TIME"), as_text),
        **dict.fromkeys(WORDS, plain_text),
        "DECIMAL": as_double,
    },
    nested=json_in_text_column,
    curves=True,
)


def write(reader: pa.RecordBatchReader, path: Path, order: Order) -> None:
    """One layer in a new file, rows in the order of the stream.

    The format's own columns (fid, geom) step aside for columns of these names in the data.

    Raises:
        SourceError: GDAL refuses.
    """
    from pyogrio import write_arrow
    from pyogrio.errors import DataLayerError, DataSourceError, FeatureError, FieldError, GeometryError

    spatial = _GEOMETRY in reader.schema.names
    taken = [name.lower() for name in reader.schema.names if name != _GEOMETRY]
    with _gdal_options(OGR_CURRENT_DATE=_NO_TIME), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "'crs' was not provided")
        try:
            write_arrow(
                reader,
                path,
                driver="GPKG",
                layer=order.layer,
                geometry_name=_GEOMETRY if spatial else None,
                geometry_type=order.geometry_type if spatial else None,
                crs=reference_systems.written(order.crs).to_wkt() if spatial and order.crs else None,
                layer_options={"FID": _free("fid", taken), "GEOMETRY_NAME": _free("geom", taken)},
            )
        except (DataLayerError, DataSourceError, FeatureError, FieldError, GeometryError, RuntimeError) as error:
            reason = str(error).replace(str(path), path.name)
            raise SourceError(f"{path.name} cannot be written as GeoPackage: {reason}.") from error


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
