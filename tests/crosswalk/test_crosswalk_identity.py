"""Columns that already speak the standard are found by their names; nothing else is guessed."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pytest
import shapely
from crosswalk.conftest import BUILDING, Stage, losses, values

from cimkit.crosswalk import GeometryRule, apply, identity
from cimkit.formats import stored


def test_columns_match_by_own_short_chinese_and_english_name(stage: Stage) -> None:
    staged = stage({"ID": ["1"], "mc": ["n"], "建筑高度": [3.0], "building FUNCTION": ["x"], "GXSJ": ["t"]})
    found = {name: rule.columns for name, rule in identity(BUILDING, staged).fields.items()}
    assert found == {
        "id": ("ID",),
        "name": ("mc",),
        "function": ("building FUNCTION",),
        "height_m": ("建筑高度",),
        "updated_at": ("GXSJ",),
    }


def test_the_own_name_goes_before_any_other(stage: Stage) -> None:
    staged = stage({"BSM": ["short"], "标识码": ["zh"], "id": ["own"]})
    assert identity(BUILDING, staged).fields["id"].columns == ("id",)


def test_unknown_columns_come_along_under_their_own_names(stage: Stage, tmp_path: Path) -> None:
    staged = stage({"BSM": ["1"], "note": ["x"]}, points=[(1, 2)])
    mapped = apply(identity(BUILDING, staged), staged, BUILDING, tmp_path)
    assert stored.schema(mapped).names == ["id", "note", "geometry", "_row", "_fid"]
    assert (mapped.path, mapped.columns) == (staged.path, {"id": "BSM", "note": "note", "geometry": "geometry"})
    assert list(tmp_path.glob("*.mapped.parquet")) == []
    assert mapped.unmapped == ("note",)
    assert mapped.origins["id"] == ("BSM",)
    assert mapped.losses == ()


def test_text_is_typed_by_the_standard_only_where_the_source_has_no_types(stage: Stage, tmp_path: Path) -> None:
    columns = {"id": ["1"], "height_m": ["3.5"], "floors_above": [2]}
    typed_source = stage(columns, name="typed")
    assert apply(identity(BUILDING, typed_source), typed_source, BUILDING, tmp_path).text_fields == frozenset()
    cells = stage(columns, text_cells=True, name="cells")
    assert apply(identity(BUILDING, cells), cells, BUILDING, tmp_path).text_fields == {"id", "height_m"}


def test_a_nearly_right_name_is_said_and_not_taken(stage: Stage, tmp_path: Path) -> None:
    staged = stage({"id": ["1"], "heigth_m": [3.0], "colour": ["red"]})
    mapped = apply(identity(BUILDING, staged), staged, BUILDING, tmp_path)
    assert "height_m" not in mapped.origins
    (loss,) = mapped.losses
    assert (loss.code, loss.field) == ("column.near", "heigth_m")
    assert loss.message.endswith("Did you mean 'height_m'?")


@pytest.mark.parametrize("names", [("lon", "lat"), ("LNG", "Lat"), ("longitude", "latitude"), ("经度", "纬度")])
def test_lon_lat_columns_in_degrees_are_points_in_epsg_4326(
    stage: Stage, tmp_path: Path, names: tuple[str, str]
) -> None:
    staged = stage({"id": ["1", "2"], names[1]: ["30.1", "bad"], names[0]: ["120.5", ""]}, text_cells=True)
    mapped = apply(identity(BUILDING, staged), staged, BUILDING, tmp_path)
    assert mapped.crs == "EPSG:4326"
    assert mapped.origins["geometry"] == names
    assert losses(mapped) == {f"crs.assumed {'|'.join(names)}": 2, f"geometry.unreadable {'|'.join(names)}": 1}
    assert "geometry" in stored.schema(mapped).names and names[0] not in stored.schema(mapped).names
    assert values(mapped, "geometry")[1] is None


def test_coordinates_that_are_now_numbers_now_text_are_read(stage: Stage, tmp_path: Path) -> None:
    mark = {b"cimkit:json": b"true"}
    schema = pa.schema(
        [pa.field("id", pa.string()), pa.field("lon", pa.string(), metadata=mark), ("lat", pa.float64())]
    )
    staged = stage(pa.table([["1", "2"], ["120.5", '"120.6"'], [30.0, 31.0]], schema=schema))
    mapped = apply(identity(BUILDING, staged), staged, BUILDING, tmp_path)
    assert mapped.crs == "EPSG:4326"
    assert [shapely.from_wkb(blob).wkt for blob in values(mapped, "geometry")] == [
        "POINT (120.5 30)",
        "POINT (120.6 31)",
    ]


def test_columns_named_like_degrees_with_metres_in_them_have_no_crs(stage: Stage, tmp_path: Path) -> None:
    staged = stage({"id": ["1"], "lon": ["500000"], "lat": ["3400000"]}, text_cells=True)
    mapped = apply(identity(BUILDING, staged), staged, BUILDING, tmp_path)
    assert mapped.crs is None
    assert losses(mapped) == {"crs.unknown lon|lat": 1}


def test_x_y_and_wkt_columns_are_geometry_without_a_guessed_crs(stage: Stage) -> None:
    assert identity(BUILDING, stage({"X": [1.0], "y": [2.0]})).geometry == GeometryRule(x="X", y="y")
    assert identity(BUILDING, stage({"WKT": ["POINT(1 2)"]})).geometry == GeometryRule(wkt="WKT")
    assert identity(BUILDING, stage({"geometry": ["POINT(1 2)"]})).geometry == GeometryRule(wkt="geometry")


def test_a_crs_that_is_known_is_not_overruled(stage: Stage, tmp_path: Path) -> None:
    staged = stage({"id": ["1"], "lon": [120.0], "lat": [30.0]}, crs="GCJ-02")
    mapped = apply(identity(BUILDING, staged), staged, BUILDING, tmp_path)
    assert mapped.crs == "GCJ-02" and mapped.losses == ()


def test_a_layer_without_geometry_takes_no_coordinates(stage: Stage) -> None:
    table = replace(BUILDING, geometry=None)
    assert identity(table, stage({"lon": [1.0], "lat": [2.0]})).geometry == GeometryRule()
