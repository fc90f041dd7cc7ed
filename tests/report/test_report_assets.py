"""What an inspection says of assets: every kind, both languages, 80 columns, and names that look like markup."""

from __future__ import annotations

from typing import Any

import pytest

from cimkit.report.about import render_doctor, render_inspection
from cimkit.report.tables import to_text

NOWHERE = {"value": None, "how": "no geometry", "confidence": 1.0}
LOCAL = {"value": None, "how": "local coordinates", "confidence": 1.0}
SHANGHAI = {"value": "EPSG:4547", "how": "GeoKeys", "confidence": 1.0}


def asset(name: str, kind: str, about: dict[str, Any], crs: dict[str, Any] = NOWHERE, **more: Any) -> dict[str, Any]:
    return {
        "name": name, "kind": kind, "path": name, "bytes": 1234567, "crs": crs, "bbox": None, "bbox_crs84": None,
        "about": about, "hints": [], **more,
    }  # fmt: skip


def inspection(*assets: dict[str, Any]) -> dict[str, Any]:
    return {
        "path": "delivery", "format": "Folder", "sha256": "0" * 64, "bytes": 9, "hints": [], "files": [],
        "layers": [], "assets": list(assets), "unread": [],
    }  # fmt: skip


RASTER = asset(
    "dem.tif",
    "raster",
    {
        "format": "GeoTIFF", "width": 1520, "height": 1480, "bands": 1, "type": "float32", "resolution_x": 25.0,
        "resolution_y": 25.0, "unit": "metre", "nodata": -9999.0, "compression": "DEFLATE", "bigtiff": True,
        "cog": False, "cog_reasons": ["not tiled", "no overviews"], "placed_by": "tags of the TIFF",
        "vertical_unit": "metre", "band_list": [{"band": 1, "statistics": {"minimum": -1.5, "maximum": 354.72}}],
    },
    SHANGHAI,
    bbox=[1.0, 2.0, 3.0, 4.0],
    hints=[{"code": "raster.pages", "message": "The file holds 2 images; the first is described."}],
)  # fmt: skip
CLOUD = asset(
    "1.laz",
    "pointcloud",
    {
        "format": "LAZ", "version": "1.4", "point_format": 6, "points": 640510, "density_m2": 14.66, "z_min": -0.568,
        "z_max": 19.4, "classes": {f"{code} class": code for code in range(12)}, "returns": [468011, 99134],
        "gps_time": "adjusted standard time", "created": "2014-03-04", "software": "las2las",
    },
)  # fmt: skip
TILES = asset(
    "tiles",
    "tiles3d",
    {"version": "1.1", "tiles": 12, "contents": {"b3dm": 11}, "features": 1200, "attributes": ["height", "名称"],
     "bbox_3d": [0, 0, -1, 1, 1, 99.5]},
)  # fmt: skip
MODEL = asset(
    "house.ifc",
    "model",
    {"schema": "IFC4", "project": "一号楼", "application": "Writer 1", "exported": "2024-01-01T00:00:00",
     "classes": {"IfcWall": 3}, "placed_by": "map conversion", "extent_of": "origins of 3 placements"},
    LOCAL,
    bbox=[0.0, 0.0, 1.0, 1.0],
)  # fmt: skip
PLANES = asset("plane.glb", "model", {"version": "2.0", "meshes": 1, "vertices": 4, "generator": "Blender"})
PAPER = asset("报告.pdf", "document", {"what": "PDF document"})
ALL = (RASTER, CLOUD, TILES, MODEL, PLANES, PAPER)


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_it_fits_80_columns(lang: Any) -> None:
    text = to_text(render_inspection(inspection(*ALL), lang), width=80)
    wide = [line for line in text.splitlines() if sum(2 if ord(c) > 0x2E80 else 1 for c in line) > 80]
    assert wide == []
    assert ("点云 1.laz" if lang == "zh" else "point cloud 1.laz") in text


def test_what_matters_is_said() -> None:
    text = to_text(render_inspection(inspection(*ALL), "en"), width=100)
    for said in (
        "1,520 × 1,480, bands: 1, float32", "25 × 25 metre", "-9999.0", "DEFLATE, BigTIFF",
        "no: not tiled, no overviews", "band 1: -1.5 – 354.72", "EPSG:4547", "! raster.pages",
        "640,510, 14.7 / m²", "LAZ 1.4, point format 6", "-0.568 – 19.4", "468,011, 99,134", "7 class 7, …",
        "b3dm 11", "1,200", "height, 名称", "-1 – 99.5", "IFC4", "一号楼", "IfcWall 3", "origins of 3 placements",
        "glTF 2.0", "Blender", "PDF document", "1,234,567",
    ):  # fmt: skip
        assert said in text, said


def test_a_hundred_tiles_are_a_list() -> None:
    many = [{**RASTER, "name": f"tile{i}.tif"} for i in range(100)]
    text = to_text(render_inspection(inspection(*many, PAPER), "en"), width=100)
    assert "tile59.tif" in text and "tile60.tif" not in text
    assert "41 more" in text
    assert "1,520" not in text


def test_no_assets_say_nothing() -> None:
    assert to_text(render_inspection(inspection(), "en")).strip() == "delivery  Folder  9 bytes"


def test_names_are_no_markup() -> None:
    """Rich takes [bold] for a style and :house: for a picture; a name of a stranger is neither."""
    odd = {**PAPER, "name": "[bold]:house:.pdf"}
    assert "[bold]:house:.pdf" in to_text(render_inspection(inspection(odd), "en"))


def test_doctor_says_what_an_extra_is_for_and_how_to_get_it() -> None:
    found = {
        "cimkit": "1", "python": "3", "platform": "x", "checks": [], "packages": {},
        "extras": [
            {"name": "ifc", "installed": True, "version": "0.9", "for": ["IFC building model"], "install": "…"},
            {"name": "dask", "installed": False, "version": None, "for": [], "install": "pip install 'cimkit[dask]'"},
        ],
    }  # fmt: skip
    text = to_text(render_doctor(found, "en"))
    assert "✓ 0.9" in text and "IFC building model" in text
    assert "pip install 'cimkit[dask]'" in text
