"""All failures as a table, and the records that are left."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import shapely
from check_deliveries import deliver, held, standard_layer

from cimkit.check import accepted
from cimkit.errors import SourceError

FIELDS = {
    "id": {"type": "string", "cim:key": True},
    "height": {"type": "number", "exclusiveMinimum": 0},
    "floors": {"type": "integer"},
    "day": {"type": "string", "format": "date"},
    "name": {"type": "string", "pattern": "^(?!bad)"},
}


def test_every_failing_record_is_there_however_few_are_sampled(tmp_path: Path) -> None:
    layer = standard_layer(tmp_path, "b", FIELDS, required=["height"])
    rows = 5000
    cells = {
        "id": [str(i) for i in range(rows - 1)] + ["0"],
        "height": [None if i % 2 else "-1" if i % 5 == 0 else "7" for i in range(rows)],
        "name": ["bad" if i == 17 else "ok" for i in range(rows)],
    }
    target = tmp_path / "rejects.parquet"
    report = held(deliver(tmp_path, cells, layer, text=True, row_group_size=512), layer, samples=3, rejects=target)
    table = pq.read_table(target)
    assert table.column_names == ["layer", "source", "source_layer", "_row", "rule", "code"]
    assert table.num_rows == report.totals["error"] == sum(r.failed for r in report.rules)
    found = {(r["_row"], r["rule"], r["code"]) for r in table.to_pylist()}
    assert {(0, "b.id#unique", "key.duplicate"), (17, "b.name#pattern", "pattern")} <= found
    assert table["_row"].to_pylist() == sorted(table["_row"].to_pylist())
    assert set(zip(table["layer"].to_pylist(), table["source_layer"].to_pylist(), strict=True)) == {("b", "delivered")}


def test_warnings_set_nothing_aside(tmp_path: Path) -> None:
    layer = standard_layer(tmp_path, "b", FIELDS, **{"cim:geometry": {"types": ["Point"], "required": False}})
    table = pa.table({"id": ["a"], "geometry": pa.array([shapely.to_wkb(shapely.Point(200, 0))], pa.binary())})
    target = tmp_path / "rejects.parquet"
    report = held(deliver(tmp_path, table, layer), layer, rejects=target)
    assert report.totals["warning"] == 1
    assert pq.read_metadata(target).num_rows == 0


def test_accepted_records_are_in_the_standards_types(tmp_path: Path) -> None:
    layer = standard_layer(tmp_path, "b", FIELDS, **{"cim:geometry": {"types": ["Point"], "required": True}})
    table = pa.table(
        {
            "id": ["a", "b", "c", "d"],
            "height": ["1.5", "x", "2", None],
            "day": ["2024-01-01", None, None, "2024-02-02"],
            "other": ["o", "o", "o", "o"],
            "geometry": pa.array(
                [shapely.to_wkb(shapely.Point(1, 2))] * 2 + [None] + [shapely.to_wkb(shapely.Point(3, 4))]
            ),
        }
    )
    mapped = deliver(tmp_path, table, layer, text=True)
    rejects, target = tmp_path / "rejects.parquet", tmp_path / "accepted.parquet"
    held(mapped, layer, rejects=rejects)
    assert accepted(mapped, layer, rejects, target) == 2
    kept = pq.read_table(target)
    assert kept.column_names == ["id", "height", "floors", "day", "name", "geometry", "_row", "_fid"]
    assert kept.schema.field("height").type == pa.float64()
    assert kept.schema.field("floors").type == pa.int64()
    assert kept["day"].to_pylist() == [dt.date(2024, 1, 1), dt.date(2024, 2, 2)]
    assert kept["_row"].to_pylist() == [0, 3]
    assert shapely.from_wkb(kept["geometry"][1].as_py()) == shapely.Point(3, 4)


def test_another_sources_rejects_are_not_this_ones(tmp_path: Path) -> None:
    layer = standard_layer(tmp_path, "b", FIELDS)
    good = deliver(tmp_path, {"id": ["a"], "height": [1.0]}, layer, source="good.csv")
    wrong = deliver(tmp_path, {"id": ["b"], "height": [-1.0]}, layer, source="wrong.csv")
    rejects = tmp_path / "rejects.parquet"
    held([(good, layer), (wrong, layer)], rejects=rejects)
    assert accepted(good, layer, rejects, tmp_path / "good.parquet") == 1
    assert accepted(wrong, layer, rejects, tmp_path / "wrong.parquet") == 0


def test_two_runs_write_the_same_bytes(tmp_path: Path) -> None:
    layer = standard_layer(tmp_path, "b", FIELDS)
    rows = 200_000
    table = {"id": [str(i) for i in range(rows)], "height": [float(i % 100) for i in range(rows)]}
    mapped = deliver(tmp_path, table, layer)
    written = []
    for run in range(2):
        rejects, target = tmp_path / f"rejects{run}.parquet", tmp_path / f"accepted{run}.parquet"
        held(mapped, layer, rejects=rejects)
        accepted(mapped, layer, rejects, target)
        written.append((rejects.read_bytes(), target.read_bytes()))
    assert written[0] == written[1]
    kept = pq.read_table(tmp_path / "accepted0.parquet")["_row"].to_pylist()
    assert kept == [i for i in range(rows) if i % 100]


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    layer = standard_layer(tmp_path, "b", FIELDS)
    with pytest.raises(SourceError, match="cannot be written"):
        held(deliver(tmp_path, {"id": ["a"]}, layer), layer, rejects=tmp_path / "nowhere" / "rejects.parquet")
