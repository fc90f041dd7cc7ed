"""Bytes that are no geometry are counted, marked, and never reach DuckDB as they are."""

from __future__ import annotations

import json
import struct
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import shapely

from cimkit import duck, formats, wkb
from cimkit.check import check

POINT = shapely.to_wkb(shapely.Point(1, 2))
#: A MultiPolygon that holds a Point, and collections nested deeper than anyone means.
FALSE_PART = struct.pack("<BII", 1, 6, 1) + POINT
NESTED = b"".join(struct.pack("<BII", 1, 7, 1) for _ in range(5000)) + POINT


@pytest.mark.parametrize("bad", [b"", b"\x01", POINT[:-3], b"nonsense", FALSE_PART, NESTED], ids=range(6))
def test_damage_is_marked_and_costs_no_other_record(tmp_path: Path, bad: bytes) -> None:
    source = tmp_path / "points.parquet"
    geometry = pa.array([POINT, bad, POINT, POINT] * 500, pa.binary()).dictionary_encode().cast(pa.binary())
    table = pa.table({"id": [f"p-{i:04d}" for i in range(2000)], "geometry": geometry})
    column = {"geometry": {"encoding": "WKB", "geometry_types": []}}
    geo = json.dumps({"version": "1.1.0", "primary_column": "geometry", "columns": column}).encode()
    pq.write_table(table.replace_schema_metadata({b"geo": geo}), source)
    staged = formats.stage(formats.open(source).layer(), tmp_path / "work")
    with duck.connect() as con:
        read, whole = con.execute(
            f"SELECT count(*), count(ST_X({wkb.geometry_sql('geometry')})) FROM {duck.parquet(staged.path)}"
        ).fetchone() or (0, 0)
    assert (read, whole) == (2000, 1500)
    report = check([source], standard="cim-core/facility_poi", samples=1)
    assert report.coverage.features_checked == 2000
    broken = [rule for rule in report.rules if rule.code.startswith("geometry.") and rule.failed]
    assert [rule.failed for rule in broken] == [500], broken
