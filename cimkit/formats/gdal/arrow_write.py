"""One layer written by GDAL from an Arrow stream: what every format of its has in common."""

from __future__ import annotations

import warnings
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa

from cimkit import crs as reference_systems
from cimkit.errors import SourceError
from cimkit.formats.gdal.kinds import taught
from cimkit.formats.profile import Order

GEOMETRY = "geometry"


def write_layer(
    reader: pa.RecordBatchReader,
    path: Path,
    order: Order,
    driver: str,
    title: str,
    *,
    geometry_type: str | None = None,
    layer_options: Mapping[str, str] | None = None,
    dataset_options: Mapping[str, str] | None = None,
    settings: Mapping[str, Any] | None = None,
) -> None:
    """One layer in a new file, rows in the order of the stream.

    ``settings`` are options of GDAL itself, in force for this one writing.

    Raises:
        SourceError: GDAL refuses.
    """
    from pyogrio import write_arrow
    from pyogrio.errors import DataLayerError, DataSourceError, FeatureError, FieldError, GeometryError

    taught()
    spatial = GEOMETRY in reader.schema.names
    with gdal_settings(**(settings or {})), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what GDAL changes the profiles tell beforehand
        try:
            write_arrow(
                reader,
                path,
                driver=driver,
                layer=order.layer,
                geometry_name=GEOMETRY if spatial else None,
                geometry_type=(geometry_type or order.geometry_type) if spatial else None,
                crs=reference_systems.written(order.crs).to_wkt() if spatial and order.crs else None,
                layer_options=dict(layer_options or {}),
                dataset_options=dict(dataset_options or {}),
            )
        except (DataLayerError, DataSourceError, FeatureError, FieldError, GeometryError, RuntimeError) as error:
            reason = str(error).replace(str(path), path.name)
            raise SourceError(f"{path.name} cannot be written as {title}: {reason}") from error


@contextmanager
def gdal_settings(**options: Any) -> Iterator[None]:
    """GDAL's settings are the process's own, so they are put back."""
    import pyogrio

    before = {name: pyogrio.get_gdal_config_option(name) for name in options}
    pyogrio.set_gdal_config_options(options)
    try:
        yield
    finally:
        pyogrio.set_gdal_config_options(before)


def free(name: str, taken: Collection[str]) -> str:
    """A name for a column of the format's own that no column of the data has (``taken``, in lower case)."""
    while name.lower() in taken:
        name = f"ogc_{name}"
    return name
