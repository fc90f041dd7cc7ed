"""What staging has seen of the geometries is what a look at them shows."""

from __future__ import annotations

import json
import struct
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import shapely

from cimkit import duck, formats
from cimkit.convert import shapes
from cimkit.convert.records import from_staged
from cimkit.model import Staged

LAYERS = {
    "mixed": ["POINT (1 2)", "POINT Z (1 2 3)", "LINESTRING M (0 0 1, 1 1 1)", None, "POLYGON EMPTY",
              "POINT ZM (1 2 3 4)"],
    "one kind": ["MULTIPOLYGON (((0 0, 1 0, 1 1, 0 0)))"] * 3,
    "only null": [None, None],
    "collections": ["GEOMETRYCOLLECTION (POINT (1 2))", "POINT (1 2)"],
    "no records": [],
}  # fmt: skip


def staged(values: list[bytes | None], folder: Path) -> Staged:
    # Said to be a geometry, since a column without any value does not show it.
    geo = {"primary_column": "geometry", "columns": {"geometry": {"encoding": "WKB"}}}
    table = pa.table({"geometry": pa.array(values, pa.binary())}).replace_schema_metadata({"geo": json.dumps(geo)})
    pq.write_table(table, folder / "in.parquet")
    return formats.stage(formats.open(folder / "in.parquet").layer(), folder / "out")


@pytest.mark.parametrize("name", LAYERS)
def test_known_is_what_a_look_shows(name: str, tmp_path: Path) -> None:
    values = [wkt and shapely.to_wkb(shapely.from_wkt(wkt), flavor="iso", output_dimension=4) for wkt in LAYERS[name]]
    layer = staged(values, tmp_path)
    with duck.connect() as con:
        assert shapes.known(layer.facts) == shapes.look(from_staged(con, layer), suspect=False)


@pytest.mark.parametrize(
    "strange", [b"no wkb", struct.pack("<BII6d", 1, 8, 3, 0, 0, 1, 1, 2, 0), struct.pack("<BIII", 1, 3, 1, 4)]
)
def test_what_is_damaged_or_curved_is_looked_at(strange: bytes, tmp_path: Path) -> None:
    assert shapes.known(staged([shapely.Point(1, 2).wkb, strange], tmp_path).facts) is None
