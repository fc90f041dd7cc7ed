"""GeoParquet as others read it: geopandas, pyarrow and DuckDB are the judges."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import geopandas
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import shapely
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cimkit import crs, duck, wkb
from cimkit.errors import SourceError, UsageError
from cimkit.formats.tables.geoparquet_write import write_geoparquet


@pytest.fixture(scope="module")
def con() -> Iterator[duckdb.DuckDBPyConnection]:
    with duck.connect() as connection:
        yield connection


def boxes(count: int, seed: int = 1) -> pa.Table:
    rng = np.random.default_rng(seed)
    x, y = rng.uniform(500_000, 560_000, count), rng.uniform(3_000_000, 3_060_000, count)
    return pa.table(
        {
            "id": [f"b{i}" for i in range(count)],
            "楼高": rng.uniform(0, 100, count),
            "geometry": pa.array(shapely.to_wkb(shapely.box(x, y, x + 10, y + 20))),
        }
    )


def written(con: Any, table: pa.Table, target: Path, **options: Any) -> int:
    con.register("given", table)
    return write_geoparquet(con, "SELECT * FROM given", target, **{"crs": "EPSG:4547", **options})


def geo(path: Path) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(pq.read_metadata(path).metadata[b"geo"])
    return document


# ---- what goes wrong


def test_an_unknown_version_or_crs_writes_nothing(con: Any, tmp_path: Path) -> None:
    for wrong in ({"version": "3.0"}, {"crs": "EPSG:999999"}):
        with pytest.raises(UsageError):
            written(con, boxes(3), tmp_path / "x.parquet", **wrong)
    assert list(tmp_path.iterdir()) == []


def test_a_failing_query_leaves_the_old_file(con: Any, tmp_path: Path) -> None:
    target = tmp_path / "x.parquet"
    target.write_bytes(b"old")
    con.register("given", boxes(3))
    with pytest.raises(duckdb.Error):
        write_geoparquet(con, "SELECT *, error('no') AS e FROM given", target, crs=None)
    assert target.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [target]


def test_a_missing_folder_and_a_folder_as_target_are_told(con: Any, tmp_path: Path) -> None:
    for target in (tmp_path / "none" / "x.parquet", tmp_path):
        with pytest.raises(SourceError, match="cannot be written"):
            written(con, boxes(3), target)


BROKEN = [b"", wkb.DAMAGED, b"no wkb", shapely.Point(1, 2).wkb[:-2]]


def test_broken_wkb_stays_as_it_is_and_has_no_bbox(con: Any, tmp_path: Path) -> None:
    values = [shapely.Point(1, 2).wkb, *BROKEN, None, shapely.to_wkb(shapely.from_wkt("POINT EMPTY"))]
    table = pa.table({"id": range(len(values)), "geometry": pa.array(values, pa.binary())})
    assert written(con, table, tmp_path / "x.parquet") == 7
    rows = {row["id"]: row for row in pq.read_table(tmp_path / "x.parquet").to_pylist()}
    assert [rows[i]["geometry"] for i in range(7)] == values
    assert rows[0]["bbox"] == {"xmin": 1, "ymin": 2, "xmax": 1, "ymax": 2}
    assert all(rows[i]["bbox"] is None for i in range(1, 7))
    assert geo(tmp_path / "x.parquet")["columns"]["geometry"]["geometry_types"] == []


def test_version_2_has_no_place_for_broken_wkb(con: Any, tmp_path: Path) -> None:
    table = pa.table({"id": [1, 2], "geometry": pa.array([shapely.Point(1, 2).wkb, b"no wkb"])})
    assert written(con, table, tmp_path / "x.parquet", version="2.0") == 2
    frame = geopandas.read_parquet(tmp_path / "x.parquet").set_index("id")
    assert frame.geometry[1].equals(shapely.Point(1, 2)) and frame.geometry[2] is None


def test_coordinates_without_a_place_do_not_spoil_the_extent(con: Any, tmp_path: Path) -> None:
    shapes = [shapely.Point(1, 2), shapely.Point(np.inf, 2), shapely.Point(3, 4), shapely.Point(1e300, 0)]
    table = pa.table({"id": range(4), "geometry": pa.array(shapely.to_wkb(shapes))})
    assert written(con, table, tmp_path / "x.parquet") == 4
    assert geo(tmp_path / "x.parquet")["columns"]["geometry"]["bbox"] == [1, 0, 1e300, 4]
    rows = {row["id"]: row["bbox"] for row in pq.read_table(tmp_path / "x.parquet").to_pylist()}
    assert rows[1] is None
    assert (rows[3]["xmin"], rows[3]["xmax"]) == (-np.inf, np.inf)  # beyond the range of floats


def test_columns_named_like_the_covering_or_like_sql(con: Any, tmp_path: Path) -> None:
    table = boxes(3).append_column("BBOX", pa.array([1, 2, 3])).append_column('we"ird', pa.array([1, 2, 3]))
    table = table.append_column("q", pa.array([1, 2, 3])).append_column("g", pa.array([1, 2, 3]))
    table = table.append_column("xmin", pa.array([1, 2, 3])).append_column("Cimkit:Row", pa.array([1, 2, 3]))
    written(con, table, tmp_path / "x.parquet")
    read = pq.read_table(tmp_path / "x.parquet")
    assert read.column_names == [*table.column_names, "geometry_bbox"]
    assert sorted(read["xmin"].to_pylist()) == [1, 2, 3]
    assert geo(tmp_path / "x.parquet")["columns"]["geometry"]["covering"]["bbox"]["xmin"] == ["geometry_bbox", "xmin"]


# ---- what others read


@pytest.mark.parametrize("version", ["1.1", "2.0"])
def test_geopandas_reads_values_crs_and_box(con: Any, tmp_path: Path, version: str) -> None:
    table = boxes(2000)
    assert written(con, table, tmp_path / "x.parquet", version=version) == 2000
    frame = geopandas.read_parquet(tmp_path / "x.parquet")
    assert frame.crs.to_epsg() == 4547
    expected = dict(zip(table["id"].to_pylist(), table["geometry"].to_pylist(), strict=True))
    assert {i: shapely.to_wkb(g) for i, g in zip(frame["id"], frame.geometry, strict=True)} == expected
    window = (510_000, 3_010_000, 520_000, 3_020_000)
    inside = frame[frame.intersects(shapely.box(*window))]
    assert len(inside) > 10
    assert set(geopandas.read_parquet(tmp_path / "x.parquet", bbox=window)["id"]) == set(inside["id"])


@pytest.mark.parametrize("version", ["1.1", "2.0"])
def test_two_runs_give_the_same_bytes_whatever_the_order_of_equals(con: Any, tmp_path: Path, version: str) -> None:
    table = pa.concat_tables([boxes(3000), boxes(3000).set_column(0, "id", pa.array([f"c{i}" for i in range(3000)]))])
    digests = set()
    for order in (table, table.slice(3000), None):
        given_table = table if order is table else table.take(np.random.default_rng(3).permutation(6000))
        written(con, given_table, tmp_path / "x.parquet", version=version)
        digests.add(hashlib.sha256((tmp_path / "x.parquet").read_bytes()).hexdigest())
    assert len(digests) == 1


def test_row_groups_are_small_and_near_to_each_other(con: Any, tmp_path: Path) -> None:
    written(con, boxes(200_000), tmp_path / "x.parquet")
    metadata = pq.read_metadata(tmp_path / "x.parquet")
    sizes = [metadata.row_group(i).num_rows for i in range(metadata.num_row_groups)]
    assert sizes == [65_536, 65_536, 65_536, 3_392]
    assert metadata.row_group(0).column(0).compression == "ZSTD"
    file = pq.ParquetFile(tmp_path / "x.parquet")
    columns = [file.read_row_group(group, ["geometry"])["geometry"].to_pandas() for group in range(4)]
    bounds = [shapely.total_bounds(shapely.from_wkb(column)) for column in columns]
    areas = [(b[2] - b[0]) * (b[3] - b[1]) for b in bounds]
    assert sum(areas) < 1.6 * 60_010 * 60_020


def test_types_of_geometry_and_their_heights_are_listed(con: Any, tmp_path: Path) -> None:
    shapes = shapely.from_wkt(["POINT (1 2)", "POLYGON Z ((0 0 1, 1 0 1, 1 1 1, 0 0 1))", "POINT (5 6)"])
    table = pa.table({"geometry": pa.array([*shapely.to_wkb(shapes, flavor="iso"), None])})
    written(con, table, tmp_path / "x.parquet")
    column = geo(tmp_path / "x.parquet")["columns"]["geometry"]
    assert column["geometry_types"] == ["Point", "Polygon Z"]
    assert column["bbox"] == [0, 0, 5, 6]
    assert geopandas.read_parquet(tmp_path / "x.parquet").has_z.sum() == 1


@pytest.mark.parametrize(
    "name", [None, "GCJ-02", "EPSG:4326", "EPSG:4547+5737", "+proj=tmerc +lon_0=114.5 +ellps=GRS80"]
)
@pytest.mark.parametrize("version", ["1.1", "2.0"])
def test_the_crs_is_read_back(con: Any, tmp_path: Path, name: str | None, version: str) -> None:
    written(con, boxes(3), tmp_path / "x.parquet", crs=name, version=version)
    read = geopandas.read_parquet(tmp_path / "x.parquet").crs
    assert (crs.canonical(read.to_wkt()) if read else None) == (crs.canonical(name) if name else None)


def test_a_table_without_geometry_keeps_its_order(con: Any, tmp_path: Path) -> None:
    table = boxes(5).drop_columns(["geometry"])
    assert written(con, table, tmp_path / "x.parquet", crs=None) == 5
    read = pq.read_table(tmp_path / "x.parquet")
    assert read.to_pylist() == table.to_pylist()
    assert b"geo" not in (read.schema.metadata or {})


@pytest.mark.parametrize("version", ["1.1", "2.0"])
def test_no_rows_at_all(con: Any, tmp_path: Path, version: str) -> None:
    assert written(con, boxes(3).slice(0, 0), tmp_path / "x.parquet", version=version) == 0
    assert len(geopandas.read_parquet(tmp_path / "x.parquet")) == 0


COORDINATE = st.floats(-1e7, 1e7, allow_nan=False) | st.floats(allow_nan=False, allow_infinity=False, width=32)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(COORDINATE, COORDINATE), min_size=1, max_size=30))
def test_the_covering_holds_every_geometry(con: Any, tmp_path: Path, points: list[tuple[float, float]]) -> None:
    table = pa.table({"geometry": pa.array(shapely.to_wkb(shapely.points(points)))})
    written(con, table, tmp_path / "x.parquet", crs=None)
    read = pq.read_table(tmp_path / "x.parquet")
    x, y = shapely.get_coordinates(shapely.from_wkb(read["geometry"].to_pandas())).T
    box = {
        corner: read["bbox"].combine_chunks().field(corner).to_numpy() for corner in ("xmin", "ymin", "xmax", "ymax")
    }
    assert box["xmin"].dtype == np.float32
    for low, high, value in ((box["xmin"], box["xmax"], x), (box["ymin"], box["ymax"], y)):
        assert (low.astype(float) <= value).all() and (value <= high.astype(float)).all()
        exact = value.astype(np.float32).astype(float) == value
        assert (low[exact] == value[exact]).all() and (high[exact] == value[exact]).all()
