"""What a CRS is called when a format has written it: by writing one point and reading it again."""

from __future__ import annotations

import tempfile
import warnings
from functools import cache
from pathlib import Path

import pyarrow as pa

from cimkit import crs as reference_systems
from cimkit.errors import UsageError
from cimkit.formats.gdal.arrow_write import GEOMETRY, write_layer
from cimkit.formats.profile import Order

_POINT = bytes.fromhex("0101000000000000000000f03f000000000000f03f")  # 1, 1


@cache
def said_by(crs: str, name: str, driver: str) -> str | None:
    """The canonical name under which a CRS comes back, None where it does not."""
    import pyogrio

    table = pa.table({"a": [1], GEOMETRY: pa.array([_POINT], pa.binary())})
    with tempfile.TemporaryDirectory(prefix="cimkit-crs-") as folder:
        path = Path(folder, name)
        write_layer(table.to_reader(), path, Order(crs, "x", "Point"), driver, driver)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found = pyogrio.read_info(path)["crs"]
    try:
        return reference_systems.canonical(found) if found else None
    except UsageError:
        return None
