"""Where IFC models stand: map conversions in all units, the site's latitude and longitude, or nowhere."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pyproj
import pytest
from formats_ifc import Model, house
from hypothesis import given, settings
from hypothesis import strategies as st

import cimkit.formats as formats
from cimkit.errors import SourceError
from cimkit.formats.models.ifc_place import degrees
from cimkit.model import Asset

METRE = {"": 1.0, ".MILLI.": 0.001}


def asset_of(path: Path, **wishes: Any) -> Asset:
    (asset,) = formats.open(path, **wishes).assets
    return asset


def codes(asset: Asset) -> set[str]:
    return {hint.code for hint in asset.hints}


def bounds(path: Path, **wishes: Any) -> tuple[float, ...]:
    """The extent of the one wall of a model, a block of 4 x 2 m."""
    (shape,) = formats.open(path, **wishes).layer("element").to_geopandas().geometry
    return tuple(shape.bounds)


def model_with_wall(per_metre: float = 1.0, x: float = 0.0, y: float = 0.0, **options: Any) -> Model:
    model = Model(**options)
    storey = model.storey(model.building(), "1", 0.0)
    u = per_metre
    model.wall(storey, "W", x * u, y * u, model.block(4 * u, 2 * u, 3 * u))
    return model


# ---- nowhere, and nonsense --------------------------------------------------------------


def test_nowhere(tmp_path: Path) -> None:
    path = house(tmp_path / "m.ifc")
    asset = asset_of(path)
    assert (asset.crs.value, asset.crs.how, asset.bbox_crs84) == (None, "local coordinates", None)
    assert codes(asset) == {"crs.local"} and "--from-crs" in asset.hints[0].message
    for layer in formats.inspect(path)["layers"]:
        said = {hint["code"] for hint in layer["hints"]}
        assert "crs.local" in said and "crs.missing" not in said and "crs.degrees" not in said


def test_a_given_crs_takes_the_coordinates_as_its_own(tmp_path: Path) -> None:
    path = model_with_wall(x=500_000, y=2_500_000).write(tmp_path / "m.ifc")
    asset = asset_of(path, crs="EPSG:4547")
    assert (asset.crs.value, asset.crs.how) == ("EPSG:4547", "given") and asset.bbox_crs84 is not None
    assert bounds(path, crs="EPSG:4547") == pytest.approx((500_000, 2_500_000, 500_004, 2_500_002))


def test_a_name_that_nobody_knows(tmp_path: Path) -> None:
    model = model_with_wall()
    model.conversion("深圳独立坐标系", 1000.0, 2000.0)
    path = tmp_path / "m.ifc"
    path.write_text(model.text.replace("深圳独立坐标系", "Shenzhen local"))
    asset = asset_of(path)
    assert (asset.crs.value, asset.crs.how) == (None, "IfcProjectedCRS, but unknown: Shenzhen local")
    assert bounds(path) == pytest.approx((1000, 2000, 1004, 2002))


def test_a_crs_without_a_name(tmp_path: Path) -> None:
    model = model_with_wall()
    model.conversion("$", 1000.0, 2000.0)
    assert asset_of(model.write(tmp_path / "m.ifc")).crs.how == "IfcProjectedCRS without a name"


def test_a_conversion_without_eastings(tmp_path: Path) -> None:
    model = model_with_wall()
    model.conversion("EPSG:4547", 1.0, 2.0)
    path = tmp_path / "m.ifc"
    path.write_text(model.text.replace(",1.0,2.0,0.0,$,$,$)", ",$,$,$,$,$,$)"))
    with pytest.raises(SourceError, match="without eastings or northings"):
        formats.open(path)


# ---- map conversion ---------------------------------------------------------------------

EAST, NORTH = 500_123.0, 2_500_456.0
PLACED = (EAST + 10, NORTH + 20, EAST + 14, NORTH + 22)


@pytest.mark.parametrize("schema", ["IFC4", "IFC4X3_ADD2"])
def test_a_map_conversion(tmp_path: Path, schema: str) -> None:
    model = model_with_wall(x=10, y=20, schema=schema)
    model.conversion("EPSG:4547", EAST, NORTH, 33.0)
    path = model.write(tmp_path / "m.ifc")
    asset = asset_of(path)
    assert (asset.crs.value, asset.crs.how, asset.crs.confidence) == ("EPSG:4547", "IfcProjectedCRS", 1.0)
    assert bounds(path) == pytest.approx(PLACED)
    (row,) = formats.open(path).layer("building").arrow().to_pylist()
    assert row["base_elevation_m"] == 33 and codes(asset) == set()


@pytest.mark.parametrize(
    ("name", "value", "sure"),
    [
        ("EPSG:4547", "EPSG:4547", 1.0),
        ("4547", "EPSG:4547", 1.0),
        ("CGCS2000 / 3-degree Gauss-Kruger CM 114E", "EPSG:4547", 0.8),
    ],
)
def test_names_of_crs(tmp_path: Path, name: str, value: str, sure: float) -> None:
    model = model_with_wall()
    model.conversion(name, EAST, NORTH)
    crs = asset_of(model.write(tmp_path / "m.ifc")).crs
    assert (crs.value, crs.confidence) == (value, sure)


@settings(max_examples=50, deadline=None)
@given(angle=st.floats(-180, 180), scale=st.sampled_from([None, 1.0, 0.9996, 1.0004]))
def test_turned_and_scaled_as_the_library_does_it(
    tmp_path_factory: pytest.TempPathFactory, angle: float, scale: float | None
) -> None:
    """The judge is ifcopenshell's own geolocation."""
    import ifcopenshell
    from ifcopenshell.util.geolocation import auto_xyz2enh

    model = model_with_wall(x=10, y=20)
    turn = (round(math.cos(math.radians(angle)), 9), round(math.sin(math.radians(angle)), 9))
    model.conversion("EPSG:4547", EAST, NORTH, turn=turn, scale=scale)
    path = model.write(tmp_path_factory.getbasetemp() / "turned.ifc")
    judge = ifcopenshell.open(path)
    east, north = auto_xyz2enh(judge, 10.0, 20.0, 0.0)[:2]
    # The asset's extent is that of the placements, of which there is one.
    assert asset_of(path).bbox == pytest.approx((east, north, east, north), abs=1e-6)


@pytest.mark.parametrize(
    ("scale", "hint"), [(0.001, set()), (0.0009996, set()), (None, set()), (1.0, {"ifc.scale"}), (0.5, {"ifc.scale"})]
)
def test_a_model_in_millimetres(tmp_path: Path, scale: float | None, hint: set[str]) -> None:
    """The scale should hold the change of units; many programs leave it at 1."""
    model = model_with_wall(1000.0, 10, 20, prefix=".MILLI.")
    model.conversion("EPSG:4547", EAST, NORTH, scale=scale, unit=model.add("IFCSIUNIT(*,.LENGTHUNIT.,$,.METRE.)"))
    path = model.write(tmp_path / "m.ifc")
    assert codes(asset_of(path)) == hint
    factor = {0.0009996: 0.9996, 0.5: 500.0}.get(scale or 0, 1.0)
    expected = (EAST + 10 * factor, NORTH + 20 * factor, EAST + 14 * factor, NORTH + 22 * factor)
    assert bounds(path) == pytest.approx(expected, abs=1e-3)


def test_eastings_in_metres_where_they_should_be_in_the_models_millimetres(tmp_path: Path) -> None:
    model = model_with_wall(1000.0, 10, 20, prefix=".MILLI.")
    model.conversion("EPSG:4547", EAST, NORTH)
    path = model.write(tmp_path / "m.ifc")
    assert bounds(path) == pytest.approx(PLACED, abs=1e-3) and codes(asset_of(path)) == {"ifc.map_unit"}
    right = model_with_wall(1000.0, 10, 20, prefix=".MILLI.")
    right.conversion("EPSG:4547", EAST * 1000, NORTH * 1000)
    path = right.write(tmp_path / "right.ifc")
    assert bounds(path) == pytest.approx(PLACED, abs=1e-3) and codes(asset_of(path)) == set()


def test_a_crs_in_feet(tmp_path: Path) -> None:
    """New York's state plane is in US survey feet; the model and its offsets are in metres."""
    foot = 1200 / 3937
    model = model_with_wall(x=10, y=20)
    unit = model.add("IFCSIUNIT(*,.LENGTHUNIT.,$,.METRE.)")
    model.conversion("EPSG:2263", 1_000_000 * foot, 200_000 * foot, unit=unit)
    expected = (1_000_000 + 10 / foot, 200_000 + 20 / foot, 1_000_000 + 14 / foot, 200_000 + 22 / foot)
    assert bounds(model.write(tmp_path / "m.ifc")) == pytest.approx(expected, abs=1e-3)


def test_the_conversion_starts_from_the_world_coordinate_system(tmp_path: Path) -> None:
    model = model_with_wall(x=110, y=220, world=(100.0, 200.0))
    model.conversion("EPSG:4547", EAST, NORTH)
    assert bounds(model.write(tmp_path / "m.ifc")) == pytest.approx(PLACED, abs=1e-3)


@pytest.mark.parametrize("title", ["ePSet_MapConversion", "EPset_MapConversion", "ePset_MapConversion"])
def test_property_sets_of_ifc2x3(tmp_path: Path, title: str) -> None:
    model = model_with_wall(x=10, y=20, schema="IFC2X3")
    model.properties(model.site, title, [
        ("Eastings", f"IFCLENGTHMEASURE({EAST})"), ("Northings", f"IFCLENGTHMEASURE({NORTH})"),
        ("OrthogonalHeight", "IFCLENGTHMEASURE(33.)"), ("Scale", "IFCREAL(1.)"),
    ])  # fmt: skip
    model.properties(model.site, title.replace("MapConversion", "ProjectedCRS"), [("Name", "IFCLABEL('EPSG:4547')")])
    path = model.write(tmp_path / "m.ifc")
    assert asset_of(path).crs.value == "EPSG:4547" and bounds(path) == pytest.approx(PLACED, abs=1e-3)


# ---- latitude and longitude -------------------------------------------------------------

SHENZHEN = "(22,32,24,0),(114,3,36,0),12.5"


def test_latitude_and_longitude_with_little_confidence(tmp_path: Path) -> None:
    path = model_with_wall(place=SHENZHEN).write(tmp_path / "m.ifc")
    asset = asset_of(path)
    assert (asset.crs.value, asset.crs.confidence) == ("EPSG:4326", 0.4) and codes(asset) == {"ifc.place_by_site"}
    west, south, east, north = bounds(path)
    assert (west, south) == pytest.approx((114.06, 22.54), abs=1e-9)
    geod = pyproj.Geod(ellps="WGS84")
    assert geod.line_length([west, east], [south, south]) == pytest.approx(4, abs=1e-3)
    assert geod.line_length([west, west], [south, north]) == pytest.approx(2, abs=1e-3)
    (row,) = formats.open(path).layer("site").arrow().to_pylist()
    assert (row["latitude"], row["longitude"], row["ref_elevation_m"]) == pytest.approx((22.54, 114.06, 12.5))


@pytest.mark.parametrize("angle", [0.0, 30.0, 90.0, -135.0])
def test_true_north_turns_the_model(tmp_path: Path, angle: float) -> None:
    """True north that points ``angle`` degrees clockwise from the model's y turns the model by it to the left."""
    north = (math.sin(math.radians(angle)), math.cos(math.radians(angle)))
    path = model_with_wall(x=100.0, place=SHENZHEN, north=north).write(tmp_path / "m.ifc")
    (shape,) = formats.open(path).layer("element").to_geopandas().geometry
    corner = min(shape.exterior.coords, key=lambda point: abs(_distance(point) - 100.0))
    azimuth, _, distance = pyproj.Geod(ellps="WGS84").inv(114.06, 22.54, *corner)
    assert distance == pytest.approx(100.0, abs=1e-3)
    assert (azimuth - (90.0 - angle)) % 360 == pytest.approx(0.0, abs=1e-3) or (
        azimuth - (90.0 - angle)
    ) % 360 == pytest.approx(360.0, abs=1e-3)


def _distance(point: tuple[float, ...]) -> float:
    return float(pyproj.Geod(ellps="WGS84").inv(114.06, 22.54, point[0], point[1])[2])


@pytest.mark.parametrize("place", ["(0,0,0,0),(0,0,0,0),$", "$,$,$", "(95,0,0),(200,0,0),$"])
def test_no_place_at_all(tmp_path: Path, place: str) -> None:
    assert asset_of(model_with_wall(place=place).write(tmp_path / "m.ifc")).crs.value is None


def test_two_places_that_differ_are_told(tmp_path: Path) -> None:
    model = model_with_wall(place=SHENZHEN)
    model.conversion("EPSG:4547", 400_000.0, 4_000_000.0)
    asset = asset_of(model.write(tmp_path / "m.ifc"))
    assert asset.crs.value == "EPSG:4547" and codes(asset) == {"ifc.places_differ"}


@pytest.mark.parametrize(
    ("parts", "value"),
    [
        ((41, 52, 27, 840000), 41 + 52 / 60 + 27.84 / 3600),
        ((-87, -38, -21, -839999), -(87 + 38 / 60 + 21.839999 / 3600)),
        ((0, -7, -30), -0.125),
        ((114, 3, 36), 114.06),
        ((-33, 51, 0), -33.85),  # one sign for all, as some programs write it
        ((1, 2), None),
        (("1", 2, 3), None),
        (None, None),
    ],
)
def test_degrees_minutes_seconds_and_millionths(parts: Any, value: float | None) -> None:
    assert degrees(parts) == (None if value is None else pytest.approx(value, abs=1e-12))


# ---- real files -------------------------------------------------------------------------


@pytest.mark.shared
@pytest.mark.parametrize(
    ("name", "crs", "counts"),
    [
        ("Duplex_A_20110907.ifc", "EPSG:4326", (1, 1, 4, 21, 268)),
        ("Duplex_A_20110907_georeferenced.ifc", "EPSG:9897", (1, 1, 4, 21, 268)),
        ("Ifc2s3_Duplex_Electrical.ifc", "EPSG:4326", (1, 1, 3, 1, 103)),
    ],
)
def test_real_models(shared: Path, name: str, crs: str, counts: tuple[int, ...]) -> None:
    dataset = formats.open(shared / "data/ifc" / name)
    layers = {layer.name: layer for layer in dataset.layers}
    assert list(layers) == ["site", "building", "building_storey", "space", "element"]
    for layer, count in zip(dataset.layers, counts, strict=True):
        with layer.stream() as stream:
            assert stream.total == count
    assert all(layer.crs.value == crs for layer in dataset.layers)


@pytest.mark.shared
def test_numbers_of_the_duplex_as_its_text_has_them(shared: Path) -> None:
    """#39 … #51 of the file: elevations 0, 3.1, -1.25 and 6; ePSet_MapConversion: 76670, 77179, 293.7, 71 degrees."""
    dataset = formats.open(shared / "data/ifc/Duplex_A_20110907_georeferenced.ifc")
    storeys = {row["name"]: row for row in dataset.layer("building_storey").arrow().to_pylist()}
    assert {name: round(row["elevation_m"], 3) for name, row in storeys.items()} == {
        "Level 1": 0.0, "Level 2": 3.1, "T/FDN": -1.25, "Roof": 6.0,
    }  # fmt: skip
    assert {name: row["storey_number"] for name, row in storeys.items()} == {
        "Level 1": 1, "Level 2": 2, "T/FDN": -1, "Roof": 3,
    }  # fmt: skip
    assert storeys["Level 1"]["id"] == "1xS3BCk291UvhgP2dvNMKI"
    (building,) = dataset.layer("building").to_geopandas().to_dict("records")
    assert (building["declared_storeys"], building["storeys"]) == (4, 4)
    assert building["base_elevation_m"] == pytest.approx(293.700012)
    shape = building["geometry"].minimum_rotated_rectangle
    # The outer walls run from 0 to 8.8 and from -17.8 to 0 in the model; its origin is a corner.
    assert min(math.dist((76670, 77179), corner) for corner in shape.exterior.coords) < 0.001
    assert sorted((_side(shape, 0), _side(shape, 1))) == pytest.approx([8.8, 17.8], abs=0.05)
    (asset,) = dataset.assets
    assert asset.about["rotation_degrees"] == 71.0 and codes(asset) == {"ifc.places_differ"}
    rooms = dataset.layer("space").arrow().to_pylist()
    (kitchen,) = [row for row in rooms if row["number"] == "A103"]
    assert (kitchen["name"], kitchen["area_how"]) == ("Kitchen", "property 'GSA BIM Area'")
    assert kitchen["area_m2"] == pytest.approx(13.8975, abs=1e-3)


def _side(shape: Any, number: int) -> float:
    corners = list(shape.exterior.coords)
    return math.dist(corners[number], corners[number + 1])


@pytest.mark.shared
def test_a_model_in_feet(shared: Path) -> None:
    """#69, #74, #79: 0, 10.1706036745419 and 19.68503937008 feet."""
    layer = formats.open(shared / "data/ifc/Ifc2s3_Duplex_Electrical.ifc").layer("building_storey")
    elevations = layer.arrow()["elevation_m"].to_pylist()
    assert elevations == pytest.approx([0, 10.1706036745419 * 0.3048, 19.68503937008 * 0.3048], abs=1e-6)


@pytest.mark.shared
def test_a_file_of_templates_only(shared: Path) -> None:
    dataset = formats.open(shared / "data/ifc/IFC2X3_Geolocation.ifc")
    assert dataset.layers == () and codes(dataset.assets[0]) == {"crs.local", "ifc.no_products"}
