"""A layer held against a reference: GCJ-02 and BD-09 under the name of WGS 84 are found, and nothing else is."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import geopandas
import numpy as np
import pytest
import shapely

from cimkit import formats, offsets
from cimkit.errors import UsageError

Shift = Callable[[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]


def bd09(lon: np.ndarray, lat: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return offsets.gcj02_to_bd09(*offsets.wgs84_to_gcj02(lon, lat))


def houses(seed: int, count: int = 400) -> np.ndarray:
    """Oblong houses of all sizes in some square kilometres of Shanghai, in WGS 84."""
    rng = np.random.default_rng(seed)
    lon, lat = 121.45 + rng.random(count) * 0.05, 31.2 + rng.random(count) * 0.04
    wide, deep = (2e-4 * (0.3 + rng.random(count)) for _ in range(2))
    return shapely.box(lon, lat, lon + wide, lat + deep)


def moved(shapes: np.ndarray, shift: Shift | None) -> np.ndarray:
    if shift is None:
        return shapes
    return shapely.transform(shapes, lambda xy: np.stack(shift(xy[:, 0], xy[:, 1]), axis=1))


def saved(path: Path, shapes: np.ndarray, crs: str | None = "EPSG:4326") -> Path:
    geopandas.GeoDataFrame({"n": range(len(shapes))}, geometry=list(shapes), crs=crs).to_parquet(path)
    return path


def hint(source: Path, reference: Path) -> dict[str, str]:
    found = formats.inspect(source, reference=reference)["layers"][0]["hints"]
    (told,) = [each for each in found if each["code"].startswith("crs.offset")]
    return told


@pytest.mark.parametrize(("shift", "name"), [(offsets.wgs84_to_gcj02, "GCJ-02"), (bd09, "BD-09")])
@pytest.mark.parametrize("kind", ["areas", "points"])
def test_an_offset_datum_is_named(tmp_path: Path, shift: Shift, name: str, kind: str) -> None:
    shapes = houses(1)
    drawn = np.random.default_rng(2).normal(0, 2e-6, (len(shapes), 2))
    noisy = np.array([shapely.transform(s, lambda xy, by=by: xy + by) for s, by in zip(shapes, drawn, strict=True)])
    if kind == "points":
        shapes, noisy = shapely.centroid(shapes), shapely.centroid(noisy)
    told = hint(saved(tmp_path / "x.parquet", moved(noisy, shift)), saved(tmp_path / "r.parquet", shapes))
    assert told["code"] == "crs.offset_suspected"
    assert f"look like {name}" in told["message"] and f"--from-crs {name}" in told["message"]


def test_the_reference_may_be_the_one_that_lies_off(tmp_path: Path) -> None:
    shapes = houses(1)
    source, reference = saved(tmp_path / "x.parquet", shapes), tmp_path / "r.parquet"
    told = hint(source, saved(reference, moved(shapes, offsets.wgs84_to_gcj02)))
    assert told["code"] == "crs.offset_suspected"


def test_a_projected_layer_is_held_against_degrees(tmp_path: Path) -> None:
    shapes = houses(1)
    off = geopandas.GeoSeries(list(moved(shapes, offsets.wgs84_to_gcj02)), crs=4326).to_crs(4549)
    told = hint(saved(tmp_path / "x.parquet", off.values, "EPSG:4549"), saved(tmp_path / "r.parquet", shapes))
    assert told["code"] == "crs.offset_suspected"


@pytest.mark.parametrize("other", [1, 2], ids=["the same things", "different things"])
def test_nothing_is_suspected_without_a_reason(tmp_path: Path, other: int) -> None:
    told = hint(saved(tmp_path / "x.parquet", houses(1)), saved(tmp_path / "r.parquet", houses(other)))
    assert told["code"] == "crs.offset_none"


def test_some_metres_between_two_surveys_are_no_datum(tmp_path: Path) -> None:
    shapes = houses(1)
    near = shapely.transform(shapes, lambda xy: xy + 2e-4)
    assert hint(saved(tmp_path / "x.parquet", near), saved(tmp_path / "r.parquet", shapes))["code"] == "crs.offset_none"


def test_layers_far_apart_say_nothing(tmp_path: Path) -> None:
    far = shapely.transform(houses(1), lambda xy: xy + 1.0)
    told = hint(saved(tmp_path / "x.parquet", houses(1)), saved(tmp_path / "r.parquet", far))
    assert told["code"] == "crs.offset_none" and "0 near them" in told["message"]


def test_what_has_no_crs_cannot_be_held_against_anything(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no known CRS"):
        formats.inspect(
            saved(tmp_path / "x.parquet", houses(1), None), reference=saved(tmp_path / "r.parquet", houses(1))
        )
