"""GCJ-02 under the name of WGS 84 or CGCS2000: found by another layer of the same check, and nothing else is."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import geopandas
import numpy as np
import pytest
import shapely

import cimkit
from cimkit import offsets
from cimkit.model import Finding, Report

Shift = Callable[[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]


def bd09(lon: np.ndarray, lat: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return offsets.gcj02_to_bd09(*offsets.wgs84_to_gcj02(lon, lat))


def houses(seed: int = 1, count: int = 300, west: float = 121.45) -> np.ndarray:
    rng = np.random.default_rng(seed)
    lon, lat = west + rng.random(count) * 0.05, 31.2 + rng.random(count) * 0.04
    wide, deep = (2e-4 * (0.3 + rng.random(count)) for _ in range(2))
    return shapely.box(lon, lat, lon + wide, lat + deep)


def moved(shapes: np.ndarray, shift: Shift | None) -> np.ndarray:
    if shift is None:
        return shapes
    return shapely.transform(shapes, lambda xy: np.stack(shift(xy[:, 0], xy[:, 1]), axis=1))


def saved(path: Path, shapes: np.ndarray, crs: str | None = "EPSG:4326") -> Path:
    frame = {"id": [f"b-{path.stem}-{n}" for n in range(len(shapes))]}
    geopandas.GeoDataFrame(frame, geometry=list(shapes), crs=crs).to_parquet(path)
    return path


def told(report: Report) -> list[Finding]:
    return [finding for finding in report.findings if finding.code == "crs.gcj02_suspected"]


def check(*paths: Path, **more: object) -> Report:
    return cimkit.check(list(paths), standard="cim-core/building", samples=1, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(("shift", "name"), [(offsets.wgs84_to_gcj02, "GCJ-02"), (bd09, "BD-09")])
@pytest.mark.parametrize("crs", ["EPSG:4326", "EPSG:4490"])
@pytest.mark.parametrize("first", [True, False], ids=["first", "last"])
def test_the_layer_that_is_off_is_named(tmp_path: Path, shift: Shift, name: str, crs: str, first: bool) -> None:
    right = saved(tmp_path / "right.parquet", houses())
    off = saved(tmp_path / "off.parquet", moved(houses(), shift), crs)
    (finding,) = told(check(*((off, right) if first else (right, off))))
    assert (finding.source, finding.severity, finding.value) == (str(off), "warning", crs)
    x, y = shift(np.array([121.475]), np.array([31.22]))
    metres = float(np.hypot((x[0] - 121.475) * 95_300, (y[0] - 31.22) * 110_900))
    distance = int(finding.message.partition("about ")[2].partition(" m")[0])
    assert distance == pytest.approx(metres, abs=25)
    assert name in finding.message and str(right) in finding.message


def test_data_beside_bears_witness_and_is_not_judged(tmp_path: Path) -> None:
    right = saved(tmp_path / "building.parquet", houses())
    off = saved(tmp_path / "bad.parquet", moved(houses(), offsets.wgs84_to_gcj02))
    report = check(off, known=right)
    assert [finding.source for finding in told(report)] == [str(off)]
    assert [rule.failed for rule in report.rules if rule.code == "crs.gcj02_suspected"] == [1]
    (tmp_path / "web").mkdir()
    assert told(check(right, known=off.rename(tmp_path / "web" / "building.parquet"))) == []
    off = tmp_path / "web" / "building.parquet"
    assert "GCJ-02" in told(check(off, known=right, lang="zh"))[0].message
    assert told(check(off, known=right, level="L0")) == []


@pytest.mark.parametrize(
    "other",
    [
        houses(),
        houses(2),
        shapely.transform(houses(), lambda xy: xy + 2e-4),
        shapely.transform(houses(), lambda xy: xy + np.array([0.006, 0.0])),  # as far off, and no datum
        houses(west=122.9),
        houses(count=5),
        np.array([], dtype=object),
        np.array([None, shapely.Point(), shapely.Point(121.46, 31.21)], dtype=object),
    ],
    ids=["same", "others", "survey", "elsewhere", "far", "few", "none", "empty"],
)
def test_nothing_is_suspected_without_a_reason(tmp_path: Path, other: np.ndarray) -> None:
    one, two = saved(tmp_path / "one.parquet", houses()), saved(tmp_path / "two.parquet", other)
    assert told(check(one, two)) == []
    assert told(check(two, one)) == []


def test_where_the_datums_do_not_shift_nothing_is_compared(tmp_path: Path) -> None:
    away = [
        shapely.transform(shapes, lambda xy: xy - np.array([130.0, 0.0]))
        for shapes in (houses(), moved(houses(), bd09))
    ]
    assert told(check(*(saved(tmp_path / f"{n}.parquet", shapes) for n, shapes in enumerate(away)))) == []


def test_many_points_are_compared_where_they_are_dense(tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    points = shapely.points(121.0 + rng.random(30_000) * 0.5, 31.0 + rng.random(30_000) * 0.5)
    right = saved(tmp_path / "right.parquet", points)
    off = saved(tmp_path / "off.parquet", moved(points, offsets.wgs84_to_gcj02))
    assert [finding.source for finding in told(check(right, off))] == [str(off)]
