"""Tables whose columns say where their records are become layers with geometry."""

from __future__ import annotations

from pathlib import Path

import pytest
import shapely

import cimkit
import cimkit.formats as formats
from cimkit.model import LossReport


def converted(tmp_path: Path, text: str, suffix: str = ".gpkg", **more: str) -> tuple[dict[str, object], LossReport]:
    source = tmp_path / "s.csv"
    source.write_text(text, encoding="utf-8")
    report = cimkit.convert(source, tmp_path / f"t{suffix}", verify=True, **more)
    return formats.inspect(tmp_path / f"t{suffix}")["layers"][0], report


@pytest.mark.parametrize("names", ["lon,lat", "经度,纬度", "Longitude,Latitude"])
def test_degrees_become_points_and_stay_columns(tmp_path: Path, names: str) -> None:
    layer, report = converted(tmp_path, f"id,{names}\n01,114.10,22.5\n02,114.2,22.6\n03,,\n")
    assert layer["geometry_kinds"] == {"Point": 2}
    assert layer["crs"]["value"] == "EPSG:4326"  # type: ignore[index]
    assert [field["name"] for field in layer["fields"]] == ["id", *names.split(",")]  # type: ignore[attr-defined]
    assert [loss.code for loss in report.losses] == ["crs.assumed"]
    assert report.verified


@pytest.mark.parametrize(
    "text",
    [
        "id,lon,lat\n1,500000,22\n",
        "id,lon,lat\n1,a,22\n",
        "id,x,y\n1,114,22\n",
        "id,lon\n1,114\n",
        "id,lon,lat\n1,,22\n",
    ],
)
def test_what_may_be_something_else_stays_a_table(tmp_path: Path, text: str) -> None:
    layer, _ = converted(tmp_path, text)
    assert layer["geometry_kinds"] == {}


def test_plane_coordinates_with_their_crs(tmp_path: Path) -> None:
    layer, report = converted(tmp_path, "id,x,y\n1,500000,2500000\n", from_crs="EPSG:4547")
    assert layer["geometry_kinds"] == {"Point": 1}
    assert layer["crs"]["value"] == "EPSG:4547"  # type: ignore[index]
    assert report.losses == ()


def test_a_crs_that_is_given_overrules_degrees(tmp_path: Path) -> None:
    layer, report = converted(tmp_path, "id,lon,lat\n1,114,22\n", from_crs="EPSG:4490")
    assert layer["crs"]["value"] == "EPSG:4490"  # type: ignore[index]
    assert report.losses == ()


def test_a_table_stays_one_where_geometry_has_no_column(tmp_path: Path) -> None:
    layer, report = converted(tmp_path, "id,lon,lat\n01,114.10,22.5\n", ".csv")
    assert [field["name"] for field in layer["fields"]] == ["id", "lon", "lat"]  # type: ignore[attr-defined]
    assert report.losses == ()


@pytest.mark.parametrize("srid", [None, 4547])
def test_hexadecimal_wkb(tmp_path: Path, srid: int | None) -> None:
    point = shapely.Point(500_000, 2_500_000)
    if srid:
        point = shapely.set_srid(point, srid)
    text = shapely.to_wkb(point, hex=True, include_srid=bool(srid))
    layer, report = converted(tmp_path, f"id,geom\n1,{text}\n2,\n")
    assert layer["geometry_kinds"] == {"Point": 1}
    assert layer["crs"]["value"] == (f"EPSG:{srid}" if srid else None)  # type: ignore[index]
    assert {loss.code for loss in report.losses} == ({"crs.assumed"} if srid else set())


def test_wkt_with_its_srid(tmp_path: Path) -> None:
    layer, _ = converted(tmp_path, 'id,wkt\n1,"SRID=4547;POINT(500000 2500000)"\n')
    assert layer["geometry_kinds"] == {"Point": 1}
    assert layer["crs"]["value"] == "EPSG:4547"  # type: ignore[index]


def test_wkb_that_is_none_stays_text(tmp_path: Path) -> None:
    layer, _ = converted(tmp_path, "id,geom\n1,0101000000000000\n")
    assert layer["geometry_kinds"] == {}
