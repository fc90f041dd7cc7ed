"""Which records and columns are written, in which CRS and under which names; geopandas is the judge."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import geopandas
import pandas as pd
import pyogrio
import pyproj
import pytest
import shapely

import cimkit
from cimkit.model import as_dict

SUFFIXES = [".gpkg", ".geojson", ".csv", ".parquet"]
SURVEY = Path("sample_data/survey/buildings.shp")


@pytest.fixture()
def grid(parquet: Callable[..., Path]) -> Path:
    """A hundred boxes of a hundredth of a degree, in rows of ten."""
    boxes = [shapely.box(114 + i % 10 / 100, 30 + i // 10 / 100, 114.008 + i % 10 / 100, 30.008 + i // 10 / 100)
             for i in range(100)]  # fmt: skip
    return parquet(shapely.to_wkb(boxes).tolist(), n=list(range(100)), name=[f"楼{i}" for i in range(100)])


def read(path: Path) -> geopandas.GeoDataFrame:
    return geopandas.read_parquet(path) if path.suffix == ".parquet" else geopandas.read_file(path)


def test_where_speaks_of_the_sources_columns(grid: Path, tmp_path: Path) -> None:
    report = cimkit.convert(grid, tmp_path / "out.gpkg", where="n % 10 = 3 AND name LIKE '楼_3'", verify=True)
    assert (report.rows_read, report.rows_written, report.verified) == (100, 9, True)
    assert read(tmp_path / "out.gpkg")["n"].tolist() == list(range(13, 100, 10))


def test_where_may_ask_the_geometry(grid: Path, tmp_path: Path) -> None:
    report = cimkit.convert(grid, tmp_path / "out.csv", where="ST_X(ST_Centroid(geometry)) < 114.01")
    assert report.rows_written == 10


def test_a_condition_that_is_unknown_is_not_met(parquet: Callable[..., Path], tmp_path: Path) -> None:
    report = cimkit.convert(parquet(None, n=[1, None, 3]), tmp_path / "out.csv", where="n > 1")
    assert report.rows_written == 1


@pytest.mark.parametrize("to_crs", [None, "EPSG:4547"])
def test_a_box_is_in_the_sources_crs_and_takes_what_meets_it(grid: Path, tmp_path: Path, to_crs: str | None) -> None:
    box = (114.015, 30.005, 114.021, 30.012)
    report = cimkit.convert(grid, tmp_path / "out.parquet", bbox=box, to_crs=to_crs, verify=True)
    frame = geopandas.read_parquet(grid)
    expected = frame[frame.intersects(shapely.box(*box))]
    assert report.rows_written == len(expected) == 4
    assert set(read(tmp_path / "out.parquet")["n"]) == set(expected["n"])
    assert report.verified is True


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_selected_columns_in_the_order_asked_for(grid: Path, tmp_path: Path, suffix: str) -> None:
    report = cimkit.convert(grid, tmp_path / f"out{suffix}", select=["name", "n", "name"], verify=True)
    assert report.verified is True
    if suffix == ".csv":
        assert pd.read_csv(tmp_path / "out.csv").columns.tolist() == ["name", "n", "WKT"]
    else:
        frame = read(tmp_path / f"out{suffix}")
        assert [c for c in frame.columns if c not in ("geometry", "bbox")] == ["name", "n"]


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_no_record_at_all_is_a_file_without_records(grid: Path, tmp_path: Path, suffix: str) -> None:
    report = cimkit.convert(grid, tmp_path / f"out{suffix}", where="n > 1000", verify=suffix != ".csv")
    assert report.rows_written == 0 and (tmp_path / f"out{suffix}").exists()


def test_only_geometry(parquet: Callable[..., Path], tmp_path: Path) -> None:
    source = parquet([shapely.Point(114, 30).wkb], n=[1])
    for suffix in SUFFIXES:
        report = cimkit.convert(source, tmp_path / f"out{suffix}", select=[], verify=True)
        assert report.rows_written == 1 and report.verified is True, suffix


# ---- CRS


@pytest.mark.parametrize("suffix", [".gpkg", ".geojson", ".parquet"])
@pytest.mark.parametrize("target", ["EPSG:4547", "EPSG:4526", "EPSG:4326", "EPSG:32649"])
def test_reprojection_as_pyproj_does_it(grid: Path, tmp_path: Path, suffix: str, target: str) -> None:
    report = cimkit.convert(grid, tmp_path / f"out{suffix}", to_crs=target, verify=True)
    assert report.verified is True
    frame = read(tmp_path / f"out{suffix}").set_index("n").sort_index()
    assert frame.crs.to_epsg() == int(target[5:])
    transform = pyproj.Transformer.from_crs("EPSG:4490", target, always_xy=True).transform
    expected = shapely.transform(geopandas.read_parquet(grid).geometry.values, transform, interleaved=False)
    metres = 111_000 if frame.crs.is_geographic else 1
    assert shapely.hausdorff_distance(frame.geometry.values, expected).max() * metres < 1e-3


def test_what_is_said_of_the_source_overrules_it(parquet: Callable[..., Path], tmp_path: Path) -> None:
    source = parquet([shapely.Point(500_000, 3_320_113.398).wkb], crs="EPSG:4549", n=[1])
    cimkit.convert(source, tmp_path / "out.geojson", from_crs="EPSG:4547")
    point = read(tmp_path / "out.geojson").geometry[0]
    assert (point.x, point.y) == pytest.approx((114, 30), abs=1e-6)


# ---- standards and crosswalks


def test_the_survey_under_the_standards_names(tmp_path: Path, root: Path) -> None:
    report = cimkit.convert(root / SURVEY, tmp_path / "out.gpkg", standard="cim-core/building", verify=True)
    frame = read(tmp_path / "out.gpkg")
    assert report.verified is True and report.rows_written == len(frame) == report.rows_read
    assert {"id", "function", "height_m"} <= set(frame.columns)
    assert pyogrio.read_info(tmp_path / "out.gpkg")["dtypes"].tolist().count("float64") >= 1


def test_table_cells_get_the_standards_types(tmp_path: Path, root: Path) -> None:
    source = root / "sample_data" / "devices" / "devices.csv"
    report = cimkit.convert(source, tmp_path / "out.gpkg", standard="cim-core/device", verify=True)
    info = pyogrio.read_info(tmp_path / "out.gpkg")
    kinds = dict(zip(info["fields"], info["dtypes"], strict=True))
    assert (kinds["height_m"], kinds["installed_on"]) == ("float64", "datetime64[D]")
    assert info["geometry_type"] == "Point" and info["crs"] == "EPSG:4326"
    unread = {loss.field: loss for loss in report.losses if loss.code == "value.unreadable"}
    example = unread["height_m"].example
    assert example is not None and example["before"] and example["after"] is None
    assert report.verified is True


@pytest.mark.parametrize("form", ["file", "mapping"])
def test_a_crosswalk_of_ones_own(grid: Path, tmp_path: Path, form: str) -> None:
    document = {
        "crosswalk": "grid",
        "to": "cim-core/building",
        "where": "n < 50",
        "fields": {"id": {"from": "n", "prefix": "grid:"}, "name": {"from": "name"}, "source": {"value": "grid"}},
    }
    path = tmp_path / "grid.yaml"
    path.write_text(json.dumps(document, ensure_ascii=False), encoding="utf-8")
    crosswalk: Any = path if form == "file" else document
    report = cimkit.convert(grid, tmp_path / "out.parquet", crosswalk=crosswalk, where="n >= 40", verify=True)
    frame = read(tmp_path / "out.parquet").sort_values("id")
    assert frame["id"].tolist() == [f"grid:{n}" for n in range(40, 50)]
    assert set(frame["source"]) == {"grid"}
    assert {loss.code for loss in report.losses} >= {"rows.filtered", "rows.reordered"}
    assert report.verified is True


# ---- files


def test_csv_with_wkt_has_its_geometry_back(grid: Path, tmp_path: Path) -> None:
    cimkit.convert(grid, tmp_path / "a.csv")
    report = cimkit.convert(tmp_path / "a.csv", tmp_path / "b.parquet", from_crs="EPSG:4490", verify=True)
    assert report.verified is True
    frame = read(tmp_path / "b.parquet").set_index("name").sort_index()
    before = geopandas.read_parquet(grid).set_index("name").sort_index()
    assert frame.crs.to_epsg() == 4490 and "WKT" not in frame.columns
    assert frame.geometry.geom_equals_exact(before.geometry, 0).all()


def test_a_column_that_is_not_all_wkt_stays_a_column(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("id,WKT\n1,POINT (1 2)\n2,nothing\n")
    report = cimkit.convert(tmp_path / "a.csv", tmp_path / "b.gpkg", verify=True)
    assert report.losses == () and report.verified is True
    assert pyogrio.read_info(tmp_path / "b.gpkg")["fields"].tolist() == ["id", "WKT"]


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_two_runs_give_the_same_bytes_and_the_same_report(everything: Path, tmp_path: Path, suffix: str) -> None:
    seen = set()
    for _ in range(2):
        report = cimkit.convert(everything, tmp_path / f"out{suffix}", loss_report=tmp_path / "losses.json")
        digest = hashlib.sha256((tmp_path / f"out{suffix}").read_bytes()).hexdigest()
        seen.add((digest, (tmp_path / "losses.json").read_text(encoding="utf-8")))
        assert json.loads((tmp_path / "losses.json").read_text(encoding="utf-8")) == as_dict(report)
    assert len(seen) == 1


def test_nothing_is_written_beside_the_source(tmp_path: Path, root: Path) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    for part in (root / "sample_data" / "survey").glob("buildings.*"):
        (folder / part.name).write_bytes(part.read_bytes())
    before = {path.name: (path.stat().st_mtime_ns, path.stat().st_size) for path in folder.iterdir()}
    folder.chmod(0o555)
    try:
        cimkit.convert(folder / "buildings.shp", tmp_path / "out.geojson")
    finally:
        folder.chmod(0o755)
    assert {path.name: (path.stat().st_mtime_ns, path.stat().st_size) for path in folder.iterdir()} == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in", "out.geojson"]


@pytest.mark.parametrize("version", ["1.1", "2.0"])
def test_both_versions_of_geoparquet(grid: Path, tmp_path: Path, version: str) -> None:
    report = cimkit.convert(grid, tmp_path / "out.parquet", geoparquet=version, verify=True)
    assert report.verified is True and report.format == "GeoParquet"
    frame = geopandas.read_parquet(tmp_path / "out.parquet", bbox=(114, 30, 114.005, 30.005))
    assert frame["n"].tolist() == [0] and frame.crs.to_epsg() == 4490
    again = cimkit.convert(tmp_path / "out.parquet", tmp_path / "again.gpkg", verify=True)
    assert again.verified is True and again.losses == ()


def test_a_table_becomes_plain_parquet(parquet: Callable[..., Path], tmp_path: Path) -> None:
    report = cimkit.convert(parquet(None, n=[3, 1, 2]), tmp_path / "out.parquet", verify=True)
    assert (report.format, report.losses, report.verified) == ("Parquet", (), True)
    assert pd.read_parquet(tmp_path / "out.parquet")["n"].tolist() == [3, 1, 2]


def test_long_work_is_told(grid: Path, tmp_path: Path) -> None:
    told: list[tuple[str, int, int | None]] = []
    cimkit.convert(grid, tmp_path / "out.gpkg", progress=lambda *step: told.append(step))
    assert [stage.split()[0] for stage, _, _ in told] == ["read", "write"]
    assert told[-1][1:] == (100, 100)
