"""GeoJSON text sequences: one feature a line, in ``.geojsons`` each behind a record separator (RFC 8142)."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pyarrow as pa

from cimkit import crs as reference_systems
from cimkit.formats.json import geojson_write
from cimkit.formats.profile import Order

_RECORD_SEPARATOR = "\x1e"

#: As GeoJSON, but for a CRS: a sequence has no head that could say another than WGS 84.
PROFILE = replace(geojson_write.PROFILE, crs="wgs84", usual_crs=reference_systems.WGS84)


def write(reader: pa.RecordBatchReader, path: Path, order: Order) -> None:
    """A feature for each record, as :func:`geojson_write.write` has them; an empty collection where there is none."""
    start = _RECORD_SEPARATOR if path.suffix.lower() == ".geojsons" else ""
    with path.open("w", encoding="utf-8", newline="\n") as file:
        for texts in geojson_write.features(reader, order, geojson_write.decimals(order.crs)):
            file.writelines(f"{start}{text}\n" for text in texts)
        if not file.tell():  # nobody could tell an empty layer from a file that was lost
            file.write(f'{start}{{"type": "FeatureCollection", "features": []}}\n')
