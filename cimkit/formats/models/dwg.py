"""AutoCAD DWG: release 2000 is read by fiona's CAD driver (libopencad); other releases are named, and refused.

pyogrio's GDAL is built without that driver. Text is as the driver hands it out; a DXF of the same
drawing shows more (blocks, attributes, georeference), so it is to be preferred where there is one.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any

import pyarrow as pa

from cimkit.errors import SourceError
from cimkit.formats.columns import arrange
from cimkit.formats.dataset import Dataset, Delivery, Layer, Stream
from cimkit.formats.gdal.layer import refuse_encoding
from cimkit.formats.probe import Probe
from cimkit.formats.registry import Wishes
from cimkit.model import Evidence, Hint

#: The release by the file's first six bytes (Open Design Specification for .dwg files, 5.4.1, chapter 3).
RELEASES = {
    "AC1006": "10", "AC1009": "11 or 12", "AC1012": "13", "AC1014": "14", "AC1015": "2000 to 2002",
    "AC1018": "2004 to 2006", "AC1021": "2007 to 2009", "AC1024": "2010 to 2012", "AC1027": "2013 to 2017",
    "AC1032": "2018 or later",
}  # fmt: skip
_READABLE = "AC1015"
_DRIVER = "CAD"
_ADVICE = "Convert it to DXF first, for example with ODA File Converter or LibreDWG's dwg2dxf."
_GEOMETRY = "geometry"


def layers(probe: Probe, format: str, wishes: Wishes) -> Dataset:
    """The layers of a drawing of release 2000."""
    refuse_encoding(probe, format, wishes)
    version = probe.head[:6].rstrip(b"\0").decode("ascii", "replace")
    if version != _READABLE:
        release = f"AutoCAD {RELEASES[version]}" if version in RELEASES else "a release that is not known"
        raise SourceError(
            f"{probe.path} is a DWG drawing of {release} ({version}), and only those of 2000 are read.", hint=_ADVICE
        )
    delivery = Delivery(probe.path, format, (probe.path,))
    return Dataset(delivery, tuple(DwgLayer(delivery, name, wishes) for name in _names(probe.path)))


def _names(path: Path) -> list[str]:
    import fiona

    with _told(path):
        return [str(name) for name in fiona.listlayers(path)]


@contextmanager
def _told(path: Path) -> Iterator[None]:
    from fiona.errors import FionaError

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            yield
        except (FionaError, OSError, ValueError) as error:
            raise SourceError(
                f"{path} cannot be read as DWG: {str(error).strip().rstrip('.')}.", hint=_ADVICE
            ) from error


class DwgLayer(Layer):
    """A layer of a drawing; every column is text, whatever the driver calls it."""

    def __init__(self, delivery: Delivery, name: str, wishes: Wishes) -> None:
        super().__init__(delivery, name, crs=wishes.crs)
        self.text_cells = True

    @contextmanager
    def _open(self, batch_size: int) -> Iterator[Stream]:
        import fiona

        path = self.delivery.path
        with _told(path):
            collection = fiona.open(path, layer=self.name, driver=_DRIVER, allow_unsupported_drivers=True)
        with collection:
            names = list(collection.schema["properties"])
            fields = [*(pa.field(name, pa.string()) for name in names), pa.field("fid", pa.string())]
            source = pa.schema([*fields, pa.field(_GEOMETRY, pa.binary())])
            arrangement = arrange(source, geometry=len(names) + 1, fid=len(names), drop=[len(names)])
            message = "The reader of DWG is limited: a DXF of the same drawing shows more."
            yield Stream(
                schema=arrangement.schema,
                batches=(arrangement.apply(batch) for batch in _batches(collection, path, source, batch_size)),
                crs=Evidence(None, "the reader of DWG shows none", 1.0),
                encoding=Evidence("UTF-8", "as the reader of DWG recodes it", 0.6),
                hints=[Hint("dwg.limited", message), *arrangement.hints],
            )


def _batches(collection: Any, path: Path, schema: pa.Schema, batch_size: int) -> Iterator[pa.RecordBatch]:
    import shapely
    from shapely.geometry import shape

    records = iter(collection)
    while True:
        with _told(path):
            rows = list(islice(records, batch_size))
        if not rows:
            return
        columns = {name: [_text(row.properties[name]) for row in rows] for name in schema.names[:-2]}
        shapes = [shape(row.geometry) if row.geometry is not None else None for row in rows]
        arrays = [
            *(pa.array(values, pa.string()) for values in columns.values()),
            pa.array([str(row.id) for row in rows], pa.string()),
            pa.array(shapely.to_wkb(shapes, flavor="iso"), pa.binary()),
        ]
        yield pa.RecordBatch.from_arrays(arrays, schema=schema)


def _text(value: Any) -> str | None:
    return None if value is None else re.sub(r"\.0$", "", str(value)) if isinstance(value, float) else str(value)
