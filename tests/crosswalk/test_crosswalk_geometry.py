"""Where a geometry comes from, and in which CRS it is said to be."""

from __future__ import annotations

from typing import Any

import shapely
from crosswalk.conftest import Run, losses, values

ID = {"id": {"from": "a"}}


def wkt(mapped: Any) -> list[str | None]:
    return [None if blob is None else shapely.from_wkb(blob).wkt for blob in values(mapped, "geometry")]


def test_the_sources_geometry_comes_along_unchanged_with_its_crs(run: Run) -> None:
    mapped = run({"a": ["x", "y"]}, ID, points=[(1, 2), None], crs="EPSG:4547")
    assert wkt(mapped) == ["POINT (1 2)", None]
    assert mapped.crs == "EPSG:4547"
    assert mapped.losses == ()


def test_a_broken_geometry_stays_for_the_check_to_find(run: Run, tmp_path: Any) -> None:
    import pyarrow as pa

    table = pa.table({"a": ["x"], "geometry": pa.array([b"not wkb"], pa.binary())})
    mapped = run(table, {"id": {"sql": "CASE WHEN geometry IS NULL THEN 'none' ELSE 'some' END"}})
    assert values(mapped, "geometry") == [b"not wkb"]
    assert values(mapped, "id") == ["none"]


def test_the_crosswalks_crs_wins_and_the_change_is_said(run: Run) -> None:
    mapped = run({"a": ["x"]}, {"geometry": {"crs": "gcj-02"}, "fields": ID}, points=[(120, 30)], crs="EPSG:4326")
    assert mapped.crs == "GCJ-02"
    assert losses(mapped) == {"crs.relabelled": 1}


def test_x_and_y_columns_become_points(run: Run) -> None:
    columns = {"a": list("vwxyz"), "e": ["120.5", " 1e2 ", "east", None, ""], "n": ["30.25", "2", "3", "4", None]}
    mapped = run(columns, {"geometry": {"x": "e", "y": "n", "crs": "EPSG:4326"}, "fields": ID})
    assert wkt(mapped) == ["POINT (120.5 30.25)", "POINT (100 2)", None, None, None]
    assert mapped.crs == "EPSG:4326"
    assert mapped.origins["geometry"] == ("e", "n")
    assert mapped.spoken("geometry") == "e|n"
    (loss,) = mapped.losses
    assert (loss.code, loss.field, loss.count) == ("geometry.unreadable", "e|n", 2)
    assert loss.example == {"row": 2, "before": "east, 3", "after": None}


def test_numbers_as_coordinates_keep_every_digit(run: Run) -> None:
    import math

    x, y = 120.12345678901234, -1e-7
    mapped = run({"a": ["p", "q"], "x": [x, math.nan], "y": [y, 1.0]}, {"geometry": {"x": "x", "y": "y"}, "fields": ID})
    point = shapely.from_wkb(values(mapped, "geometry")[0])
    assert (point.x, point.y) == (x, y)
    assert values(mapped, "geometry")[1] is None
    assert losses(mapped) == {"geometry.unreadable x|y": 1}
    assert mapped.crs is None


def test_well_known_text_becomes_geometry(run: Run) -> None:
    columns = {"a": list("xyz"), "shape": ["POLYGON((0 0,1 0,1 1,0 0))", "POLYGON((0 0", ""]}
    mapped = run(columns, {"geometry": {"wkt": "shape"}, "fields": ID})
    assert wkt(mapped) == ["POLYGON ((0 0, 1 0, 1 1, 0 0))", None, None]
    assert losses(mapped) == {"geometry.unreadable shape": 1}


def test_a_table_without_geometry_has_none(run: Run) -> None:
    mapped = run({"a": ["x"]}, ID)
    assert mapped.crs is None and "geometry" not in mapped.origins
