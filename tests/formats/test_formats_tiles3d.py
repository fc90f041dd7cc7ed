"""3D Tiles and glTF: addresses that lead out, circles, cut tiles; places, features and attributes of whole ones."""

from __future__ import annotations

import json
import math
import struct
from pathlib import Path
from typing import Any

import pyproj
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

import cimkit.formats as formats
from cimkit.errors import SourceError
from cimkit.formats.models import tile_content, tileset
from cimkit.model import Asset

SHANGHAI = [math.radians(value) for value in (121.4, 31.2, 121.5, 31.3)]
REGION = {"region": [*SHANGHAI, -5, 120]}


def asset_of(path: Path) -> Asset:
    return next(asset for asset in formats.open(path).assets if asset.kind in ("tiles3d", "model"))


def codes(asset: Asset) -> set[str]:
    return {hint.code for hint in asset.hints}


def write(folder: Path, root: dict[str, Any], name: str = "tileset.json", **members: Any) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    tile = {"boundingVolume": REGION, "geometricError": 10, **root}
    document = {"asset": {"version": "1.1"}, "geometricError": 500, "root": tile, **members}
    (folder / name).write_text(json.dumps(document, ensure_ascii=False), encoding="utf-8")
    return folder


def b3dm(features: int = 3, attributes: tuple[str, ...] = ("id", "高度")) -> bytes:
    table = json.dumps({"BATCH_LENGTH": features}).encode()
    batch = json.dumps({name: [0] * features for name in attributes}, ensure_ascii=False).encode()
    body = glb()
    lengths = (28 + len(table) + len(batch) + len(body), len(table), 0, len(batch), 0)
    return b"b3dm" + struct.pack("<6I", 1, *lengths) + table + batch + body


def legacy(magic: bytes, counter: str, features: int) -> bytes:
    table = json.dumps({counter: features}).encode()
    extra = struct.pack("<I", 1) if magic == b"i3dm" else b""
    return magic + struct.pack("<6I", 1, 28 + len(extra) + len(table), len(table), 0, 0, 0) + extra + table


def cmpt(*tiles: bytes) -> bytes:
    return b"cmpt" + struct.pack("<3I", 1, 16 + sum(map(len, tiles)), len(tiles)) + b"".join(tiles)


def glb(document: dict[str, Any] | None = None) -> bytes:
    text = json.dumps(document or {"asset": {"version": "2.0"}, "meshes": []}).encode()
    text += b" " * (-len(text) % 4)
    return b"glTF" + struct.pack("<2I", 2, 20 + len(text)) + struct.pack("<I", len(text)) + b"JSON" + text


def structured(count: int) -> dict[str, Any]:
    tables = [{"class": "building", "count": count, "properties": {"height": {"values": 0}}}]
    return {"asset": {"version": "2.0"}, "extensions": {"EXT_structural_metadata": {"propertyTables": tables}}}


# ---- what must fail, or be told ---------------------------------------------------------


@pytest.mark.parametrize("address", ["../secret.b3dm", "/etc/passwd", "..%2fsecret.b3dm", "a/../../secret.b3dm"])
def test_nothing_outside_the_folder_is_opened(tmp_path: Path, address: str) -> None:
    (tmp_path / "secret.b3dm").write_bytes(b3dm(99))
    folder = write(tmp_path / "city", {"content": {"uri": address}})
    asset = asset_of(folder)
    assert codes(asset) == {"tiles3d.outside"} and "features" not in asset.about
    assert formats.open(folder).delivery.files == (folder / "tileset.json",)


def test_a_link_out_of_the_folder_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "secret.b3dm").write_bytes(b3dm(99))
    folder = write(tmp_path / "city", {"content": {"uri": "0.b3dm"}})
    (folder / "0.b3dm").symlink_to(tmp_path / "secret.b3dm")
    assert codes(asset_of(folder)) == {"tiles3d.outside"}


@pytest.mark.parametrize("address", ["https://example.org/0.b3dm", "file:///etc/passwd", "//host/0.b3dm"])
def test_nothing_is_fetched(tmp_path: Path, address: str) -> None:
    asset = asset_of(write(tmp_path / "city", {"content": {"uri": address}}))
    assert codes(asset) == {"tiles3d.elsewhere"} and address in asset.hints[0].message


def test_missing_contents_are_counted(tmp_path: Path) -> None:
    children = [{"boundingVolume": REGION, "geometricError": 0, "content": {"uri": f"{i}.b3dm"}} for i in range(9)]
    asset = asset_of(write(tmp_path / "city", {"children": children}))
    assert [hint.message for hint in asset.hints] == ["9 contents are missing: 0.b3dm, 1.b3dm, 2.b3dm, 3.b3dm, 4.b3dm."]
    assert asset.about["contents"] == {"b3dm": 9}


def test_tilesets_that_contain_each_other_end(tmp_path: Path) -> None:
    folder = write(tmp_path / "city", {"content": {"uri": "b.json"}})
    write(folder, {"content": {"uri": "tileset.json"}}, "b.json")
    about = asset_of(folder).about
    assert (about["tiles"], about["tilesets"], about["contents"]) == (2, 2, {"tileset": 2})


def test_a_damaged_tileset_inside_is_told(tmp_path: Path) -> None:
    folder = write(tmp_path / "city", {"content": {"uri": "b.json"}})
    (folder / "b.json").write_text('{"root": ')
    assert codes(asset_of(folder)) == {"tiles3d.damaged"}


def test_a_damaged_tileset_itself_is_refused(tmp_path: Path) -> None:
    folder = write(tmp_path / "city", {})
    text = (folder / "tileset.json").read_text()
    (folder / "tileset.json").write_text(text[:-5])
    with pytest.raises(SourceError, match="is not JSON"):
        formats.open(folder / "tileset.json")
    (folder / "tileset.json").write_text('{"geometricError": 1, "boundingVolume": {}, "root": 3}')
    with pytest.raises(SourceError, match="has no root tile"):
        formats.open(folder)
    (folder / "tileset.json").write_text('{"geometricError": 1, "boundingVolume": 1, "a": ' + "[" * 100_000)
    with pytest.raises(SourceError, match=r"nested too deeply|is not JSON"):
        formats.open(folder)


def test_there_is_a_bound_of_tiles(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tileset, "MOST_TILES", 5)
    children = [{"boundingVolume": REGION, "geometricError": 0} for _ in range(5)]
    with pytest.raises(SourceError, match="more than 5 tiles"):
        formats.open(write(tmp_path / "city", {"children": children}))


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b3dm()[:-1], "it says that it has"),
        (b3dm()[:10], "header is cut off"),
        (b"b3dm" + struct.pack("<6I", 1, 40, 2**31, 0, 0, 0) + b"\0" * 12, "tables are longer"),
        (b"cmpt" + struct.pack("<3I", 1, 16, 10**6), "1,000,000 tiles"),
        (cmpt(cmpt(cmpt(cmpt(cmpt())))), "nested too deeply"),
        (b"glTF" + struct.pack("<2I", 2, 10**9), "it says that it has"),
        (b"what", "none of b3dm"),
        (b"", "none of b3dm"),
        (b'{"a": ', "JSON in it is damaged"),
        (b"[" * 50, "none of b3dm"),
    ],
    ids=["cut", "head", "tables", "count", "nested", "glb", "unknown", "empty", "json", "list"],
)
def test_damaged_tiles_are_told(tmp_path: Path, data: bytes, why: str) -> None:
    path = tmp_path / "x.b3dm"
    path.write_bytes(data)
    with pytest.raises(tile_content.DamagedTile, match=why):
        tile_content.read(path)
    folder = write(tmp_path / "city", {"content": {"uri": "x.b3dm"}})
    path.rename(folder / "x.b3dm")
    assert codes(asset_of(folder)) == {"tiles3d.damaged"}


@settings(max_examples=200, deadline=None)
@given(place=st.integers(0, 400), byte=st.integers(0, 255), cut=st.integers(0, 400))
def test_any_damage_is_a_damaged_tile(
    tmp_path_factory: pytest.TempPathFactory, place: int, byte: int, cut: int
) -> None:
    data = bytearray(cmpt(b3dm(), glb(structured(3))))
    data[place % len(data)] = byte
    path = tmp_path_factory.getbasetemp() / "fuzzed.cmpt"
    path.write_bytes(data[: max(1, len(data) - cut)])
    try:
        tile_content.read(path)
    except tile_content.DamagedTile as error:
        assert str(error)


_MEMBERS = ("children", "content", "contents", "uri", "boundingVolume", "region", "transform", "refine")


@settings(max_examples=60, deadline=None)
@given(
    root=st.recursive(
        st.none() | st.booleans() | st.floats() | st.text(max_size=5),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(
            st.sampled_from(list(_MEMBERS)),
            inner, max_size=4,
        ),
        max_leaves=12,
    )
)  # fmt: skip
def test_any_json_as_a_tile(tmp_path_factory: pytest.TempPathFactory, root: Any) -> None:
    folder = tmp_path_factory.getbasetemp() / "any-tileset"
    folder.mkdir(exist_ok=True)
    document = {"geometricError": 1, "boundingVolume": 0, "root": root}
    (folder / "tileset.json").write_text(json.dumps(document))
    try:
        dataset = formats.open(folder)
        json.dumps(formats.inspect(folder), allow_nan=False)
        assert dataset.layers[0].arrow().num_rows >= 1
    except SourceError as error:
        assert "root tile" in str(error) or "JSON" in str(error)


# ---- places -----------------------------------------------------------------------------


def test_a_region_is_in_degrees(tmp_path: Path) -> None:
    folder = write(tmp_path / "city", {})
    asset = asset_of(folder)
    assert asset.bbox == pytest.approx((121.4, 31.2, 121.5, 31.3))
    assert asset.bbox_crs84 == pytest.approx(asset.bbox) and asset.crs.value == "EPSG:4326"
    row = formats.open(folder).layer("tile").to_geopandas().iloc[0]
    assert (row["volume"], row["min_height"], row["max_height"]) == ("region", -5, 120)
    assert row.geometry.bounds == pytest.approx(asset.bbox)


def test_a_region_across_the_antimeridian(tmp_path: Path) -> None:
    region = [math.radians(value) for value in (179, -17, -179, -16)] + [0, 1]
    layer = formats.open(write(tmp_path / "fiji", {"boundingVolume": {"region": region}})).layer("tile")
    shape = layer.to_geopandas().geometry[0]
    assert shape.geom_type == "MultiPolygon" and shape.area == pytest.approx(2)


def _east_north_up(lon: float, lat: float, height: float) -> list[float]:
    """The transform that places local metres on the earth, column by column, from the textbook's formula."""
    x, y, z = pyproj.Transformer.from_crs("EPSG:4979", "EPSG:4978", always_xy=True).transform(lon, lat, height)
    a, b = math.radians(lon), math.radians(lat)
    east = [-math.sin(a), math.cos(a), 0, 0]
    north = [-math.sin(b) * math.cos(a), -math.sin(b) * math.sin(a), math.cos(b), 0]
    up = [math.cos(b) * math.cos(a), math.cos(b) * math.sin(a), math.sin(b), 0]
    return [*east, *north, *up, x, y, z, 1]


@pytest.mark.parametrize(
    "volume",
    [{"box": [0, 0, 10, 50, 0, 0, 0, 40, 0, 0, 0, 10]}, {"sphere": [0, 0, 10, 50]}],
    ids=["box", "sphere"],
)
def test_a_box_placed_by_transforms(tmp_path: Path, volume: dict[str, Any]) -> None:
    """The root places the city, the child is moved 1000 m to the east of it."""
    moved = [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 1000, 0, 0, 1]
    child = {"boundingVolume": volume, "geometricError": 0, "transform": moved}
    root = {"transform": _east_north_up(121.4, 31.2, 4), "boundingVolume": volume, "children": [child]}
    folder = write(tmp_path / "city", root)
    frame = formats.open(folder).layer("tile").to_geopandas()
    metres = frame.to_crs("EPSG:32651").geometry
    assert metres[0].centroid.distance(metres[1].centroid) == pytest.approx(1000, rel=2e-3)
    assert metres[0].bounds[2] - metres[0].bounds[0] == pytest.approx(100, rel=0.05)
    assert frame["min_height"][0] == pytest.approx(4 if "box" in volume else -36, abs=0.1)
    assert list(frame["level"]) == [0, 1] and list(frame["parent_id"])[1] == "0"


def test_a_tileset_that_is_not_on_the_earth(tmp_path: Path) -> None:
    box = {"boundingVolume": {"box": [0, 0, 10, 50, 0, 0, 0, 40, 0, 0, 0, 10]}}
    asset = asset_of(write(tmp_path / "house", box))
    assert (asset.crs.value, asset.bbox, asset.bbox_crs84) == (None, (-50, -40, 50, 40), None)
    assert codes(asset) == {"crs.local"}


# ---- contents ---------------------------------------------------------------------------


def test_features_and_attributes_of_all_kinds(tmp_path: Path) -> None:
    folder = tmp_path / "城市"
    contents = {
        "data/建筑 1.b3dm": b3dm(3),
        "trees.i3dm": legacy(b"i3dm", "INSTANCES_LENGTH", 40),
        "points.pnts": legacy(b"pnts", "POINTS_LENGTH", 500),
        "mix.cmpt": cmpt(b3dm(2, ("storeys",)), legacy(b"i3dm", "INSTANCES_LENGTH", 5)),
        "new.glb": glb(structured(7)),
        "plain.gltf": json.dumps({"asset": {"version": "2.0"}}).encode(),
    }
    children: list[dict[str, Any]] = []
    for name, data in contents.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        children.append({"boundingVolume": REGION, "geometricError": 0, "content": {"uri": name.replace(" ", "%20")}})
    children[0]["content"] = {"url": "data/%E5%BB%BA%E7%AD%91%201.b3dm?v=2"}  # the name of version 1.0's member
    write(folder, {"children": children, "refine": "add"})
    asset, about = asset_of(folder), asset_of(folder).about
    assert about["contents"] == {"b3dm": 1, "cmpt": 1, "glb": 1, "gltf": 1, "i3dm": 1, "pnts": 1}
    assert about["features"] == 3 + 40 + 500 + 7 + 7 and codes(asset) == set()
    assert about["attributes"] == ["height", "id", "storeys", "高度"]
    assert asset.bytes == sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    table = formats.open(folder).layer("tile").arrow().to_pylist()
    assert [row["features"] for row in table] == [None, 3, 40, 500, 7, 7, None]
    assert [row["content_kind"] for row in table][1:] == ["b3dm", "i3dm", "pnts", "cmpt", "glb", "gltf"]
    assert {row["refine"] for row in table} == {"ADD"}
    assert table[1]["content_bytes"] == len(contents["data/建筑 1.b3dm"])


def test_tilesets_inside_tilesets(tmp_path: Path) -> None:
    folder = write(tmp_path / "city", {"content": {"uri": "a/tileset.json"}})
    write(folder / "a", {"contents": [{"uri": "../b/0.b3dm"}, {"uri": "1.b3dm"}]})
    (folder / "b").mkdir()
    (folder / "b/0.b3dm").write_bytes(b3dm(4))
    (folder / "a/1.b3dm").write_bytes(b3dm(5))
    asset = asset_of(folder)
    assert (asset.about["tiles"], asset.about["tilesets"], asset.about["features"]) == (2, 2, 9)
    rows = formats.open(folder).layer("tile").arrow().to_pylist()
    assert [row["tileset"] for row in rows] == ["tileset.json", "a/tileset.json"]
    assert rows[1]["content"] == "../b/0.b3dm; 1.b3dm" and rows[1]["parent_id"] == "0"


def test_schema_statistics_and_extras(tmp_path: Path) -> None:
    schema = {"id": "s", "classes": {"building": {"properties": {"height": {"type": "SCALAR"}, "名称": {}}}}}
    about = asset_of(
        write(tmp_path / "city", {}, schema=schema, extras={"owner": 1}, properties={"h": {}}, extensionsUsed=["X"])
    ).about
    assert about["classes"] == {"building": ["height", "名称"]}
    assert (about["extras"], about["extensions"], about["attributes"]) == (["owner"], ["X"], ["h"])
    assert about["geometric_error"] == [10.0, 10.0] and about["version"] == "1.1"


def test_implicit_tiling_is_told(tmp_path: Path) -> None:
    root = {"content": {"uri": "{level}/{x}/{y}.glb"}, "implicitTiling": {"subdivisionScheme": "QUADTREE"}}
    assert codes(asset_of(write(tmp_path / "city", root))) == {"tiles3d.implicit"}


def test_other_files_in_the_folder_are_not_lost(tmp_path: Path) -> None:
    folder = write(tmp_path / "city", {})
    (folder / "报告.pdf").write_bytes(b"%PDF-1.7")
    (folder / "list.csv").write_text("a,b\n1,2\n")
    dataset = formats.open(folder)
    assert [(asset.name, asset.kind) for asset in dataset.assets] == [("city", "tiles3d"), ("报告.pdf", "document")]
    assert [reject.place for reject in dataset.unread] == [str(folder / "list.csv")]


def test_the_folder_stays_as_it_is(tmp_path: Path) -> None:
    folder = write(tmp_path / "city", {"content": {"uri": "0.b3dm"}})
    (folder / "0.b3dm").write_bytes(b3dm())
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}
    assert formats.inspect(folder) == formats.inspect(folder)
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")} == before


# ---- glTF -------------------------------------------------------------------------------

TRIANGLE = {
    "asset": {"version": "2.0", "generator": "手工", "extras": {"author": "x"}},
    "accessors": [{"count": 3}, {"count": 8}],
    "meshes": [{"primitives": [{"attributes": {"POSITION": 0}}, {"attributes": {"POSITION": 1}}]}, {"primitives": []}],
    "buffers": [{"uri": "data:,abc", "byteLength": 1}],
}


@pytest.mark.parametrize("name", ["a.glb", "a.gltf", "a.json"])
def test_a_model_alone_has_no_place(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_bytes(glb(TRIANGLE) if name == "a.glb" else json.dumps(TRIANGLE).encode())
    asset = asset_of(path)
    assert (asset.kind, asset.crs.value, asset.bbox) == ("model", None, None) and codes(asset) == {"model.no_place"}
    about = asset.about
    assert (about["meshes"], about["primitives"], about["vertices"]) == (2, 2, 11)
    assert (about["version"], about["generator"], about["extras"]) == ("2.0", "手工", ["author"])
    assert formats.open(path).layers == ()


def test_files_of_a_model(tmp_path: Path) -> None:
    uris = ["a%20b.bin", "gone.bin", "../out.bin", "https://example.org/x.bin"]
    (tmp_path / "m").mkdir()
    (tmp_path / "out.bin").write_bytes(b"x")
    (tmp_path / "m/a b.bin").write_bytes(b"xyz")
    path = tmp_path / "m/m.gltf"
    path.write_text(json.dumps({**TRIANGLE, "buffers": [{"uri": uri, "byteLength": 1} for uri in uris]}))
    asset = asset_of(path)
    assert codes(asset) == {"model.no_place", "model.missing", "model.elsewhere"}
    assert formats.open(path).delivery.files == (path, tmp_path / "m/a b.bin")
    assert asset.bytes == path.stat().st_size + 3


def test_a_cut_model_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.glb"
    path.write_bytes(glb(TRIANGLE)[:-9])
    with pytest.raises(SourceError, match="cut off or damaged"):
        formats.open(path)


def test_shapes_are_valid(tmp_path: Path) -> None:
    sphere = {"boundingVolume": {"sphere": [0, 0, 0, 0]}, "transform": _east_north_up(0, 89.9, 0)}
    shape = formats.open(write(tmp_path / "pole", sphere)).layer("tile").arrow()["geometry"][0].as_py()
    assert shapely.from_wkb(shape) is not None
