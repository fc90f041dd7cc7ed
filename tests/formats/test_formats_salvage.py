"""Damaged files: every readable record is read, and the others are told; a sound file is read as it is."""

from __future__ import annotations

import contextlib
import json
import sqlite3
import struct
from pathlib import Path
from typing import Any

import geopandas
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from shapely.geometry import Point, box

from cimkit import formats
from cimkit.errors import SourceError

COUNT = 60


def frame(count: int = COUNT) -> geopandas.GeoDataFrame:
    names = [f"楼{i}" for i in range(count)]
    shapes = [box(i, 0, i + 0.5, 1) for i in range(count)]
    return geopandas.GeoDataFrame({"n": np.arange(count), "name": names}, geometry=shapes, crs=4326)


def saved(path: Path, count: int = COUNT) -> Path:
    frame(count).to_file(path, **({"encoding": "UTF-8"} if path.suffix == ".shp" else {}))
    return path


def salvaged(path: Path) -> tuple[list[int], list[Any]]:
    """The numbers of the records that were read, and the rejects."""
    with formats.open(path, salvage=True).layer().stream() as stream:
        numbers = [n for batch in stream.batches for n in batch.column("n").to_pylist()]
        return numbers, list(stream.rejected)


def cut(path: Path, share: float) -> None:
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * share)])


@pytest.mark.parametrize("suffix", [".shp", ".gpkg", ".geojson", ".fgb"])
def test_a_sound_file_is_read_as_it_is(tmp_path: Path, suffix: str) -> None:
    path = saved(tmp_path / f"x{suffix}")
    numbers, rejected = salvaged(path)
    assert sorted(numbers) == list(range(COUNT)) and rejected == []


@pytest.mark.parametrize("suffix", [".shp", ".gpkg", ".geojson", ".fgb"])
def test_nothing_is_written_beside_the_damaged_file(tmp_path: Path, suffix: str) -> None:
    path = saved(tmp_path / f"x{suffix}", 2000)
    cut(path, 0.7)
    before = {file.name: file.read_bytes() for file in tmp_path.iterdir()}
    with contextlib.suppress(SourceError):  # the GeoPackage has lost what says of its layer
        salvaged(path)
    assert {file.name: file.read_bytes() for file in tmp_path.iterdir()} == before


@pytest.mark.parametrize("part", [".shp", ".shx", ".dbf"])
def test_a_shapefile_that_breaks_off(tmp_path: Path, part: str) -> None:
    path = saved(tmp_path / "x.shp")
    cut(path.with_suffix(part), 0.5)
    with pytest.raises(SourceError):
        formats.open(path).layer().arrow()
    numbers, rejected = salvaged(path)
    # Without the end of the index the shapes are found from one to the next.
    assert numbers == list(range(len(numbers)))
    assert len(numbers) == COUNT if part == ".shx" else COUNT // 3 < len(numbers) < COUNT
    if part != ".shx":
        assert [each.row for each in rejected] == list(range(len(numbers), COUNT))
        assert all(each.reason for each in rejected)


def test_a_shapefile_without_its_index(tmp_path: Path) -> None:
    path = saved(tmp_path / "x.shp")
    path.with_suffix(".shx").unlink()
    numbers, rejected = salvaged(path)
    assert numbers == list(range(COUNT)) and len(rejected) == 1


def test_a_shape_that_is_broken_in_the_middle(tmp_path: Path) -> None:
    path = saved(tmp_path / "x.shp")
    data = bytearray(path.read_bytes())
    index = path.with_suffix(".shx").read_bytes()
    start = 2 * struct.unpack_from(">i", index, 100 + 8 * 7)[0]
    struct.pack_into("<i", data, start + 8 + 4 + 32 + 4, 10**6)  # the number of its points
    path.write_bytes(data)
    numbers, rejected = salvaged(path)
    assert numbers == [n for n in range(COUNT) if n != 7]
    assert [each.row for each in rejected] == [7]


@pytest.mark.parametrize("share", [0.2, 0.5, 0.9, 0.999])
def test_geojson_that_breaks_off(tmp_path: Path, share: float) -> None:
    path = saved(tmp_path / "x.geojson")
    cut(path, share)
    with pytest.raises(SourceError):
        formats.open(path).layer().arrow()
    numbers, rejected = salvaged(path)
    assert numbers == list(range(len(numbers))) and len(numbers) >= int(COUNT * share) - 2
    assert len(rejected) == 1 and "line" in rejected[0].place


def test_a_feature_in_the_middle_is_no_json(tmp_path: Path) -> None:
    path = saved(tmp_path / "x.geojson")
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace('"n": 7,', '"n": 7 7 ,').replace('"n": 20,', '"n": ,'), encoding="utf-8")
    numbers, rejected = salvaged(path)
    assert numbers == [n for n in range(COUNT) if n not in (7, 20)]
    assert len(rejected) == 2


def test_a_feature_that_is_not_utf8(tmp_path: Path) -> None:
    path = saved(tmp_path / "x.geojson")
    path.write_bytes(path.read_bytes().replace('楼9"'.encode(), '区9"'.encode("gb18030")))
    numbers, rejected = salvaged(path)
    assert numbers == [n for n in range(COUNT) if n != 9]
    assert "UTF-8" in rejected[0].reason


def test_lines_that_are_no_features(tmp_path: Path) -> None:
    features = json.loads(frame(5).to_json())["features"]
    lines = [json.dumps(feature) for feature in features]
    lines[2] = lines[2][:30]
    lines.insert(4, '{"type": "Other"}')
    path = tmp_path / "x.geojsonl"
    path.write_text("\n".join(lines))
    numbers, rejected = salvaged(path)
    assert numbers == [0, 1, 3, 4]
    assert [each.place for each in rejected] == ["line 3", "line 5"]


def test_plain_records(tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    records = [json.dumps({"n": n, "of": [{"a": 1}, {"a": 2}]}) for n in range(10)]
    records[4] = records[4].replace('"n"', "n")
    path.write_text("[" + ",\n".join(records) + "]")
    numbers, rejected = salvaged(path)
    assert numbers == [n for n in range(10) if n != 4]
    # The parts of a broken record that are records for themselves are not taken for one.
    assert rejected and all(each.place.startswith("line") for each in rejected)


def test_a_geopackage_with_a_damaged_page(tmp_path: Path) -> None:
    count = 5000
    path = saved(tmp_path / "x.gpkg", count)
    with sqlite3.connect(path) as database:
        page = database.execute("PRAGMA page_size").fetchone()[0]
    data = bytearray(path.read_bytes())
    # A leaf page of the layer's table (kind 13) in the middle of the file.
    leaves = [at for at in range(0, len(data), page) if data[at] == 13 and "楼".encode() in data[at : at + page]]
    at = leaves[len(leaves) // 2]
    data[at : at + page] = b"\xff" * page
    path.write_bytes(data)
    numbers, rejected = salvaged(path)
    assert len(numbers) + len(rejected) == count and 0 < len(rejected) < 200
    assert len(set(numbers)) == len(numbers)
    assert all("table x, row" in each.place for each in rejected)


def test_flatgeobuf_that_breaks_off(tmp_path: Path) -> None:
    path = saved(tmp_path / "x.fgb", 500)
    cut(path, 0.8)
    numbers, rejected = salvaged(path)
    assert 200 < len(numbers) < 500
    assert len(rejected) == 1 and rejected[0].reason


OSM = '<osm version="0.6"><node id="1" lat="1" lon="2"/>\n{}<node id="3" lat="1" lon="2"><tag k="name" v="c"/></node>{}'


def test_openstreetmap_xml(tmp_path: Path) -> None:
    path = tmp_path / "x.osm"
    path.write_text(OSM.format('<node id="2" lat="1" lon="2"><tag k=name v="b"/></node>', ""))
    dataset = formats.open(path, salvage=True)
    (layer,) = dataset.layers
    with layer.stream() as stream:
        assert [name for batch in stream.batches for name in batch.column("name").to_pylist()] == ["c"]
        places = [each.place for each in stream.rejected]
    assert places == ["line 2, 2", "the end of the file"]


def test_openstreetmap_blocks(tmp_path: Path, shared: Path) -> None:
    path = tmp_path / "x.pbf"
    path.write_bytes((shared / "data/gtfs_osm_porto_alegre/poa_osm.pbf").read_bytes()[:-1000])
    layer = formats.open(path, salvage=True).layers[0]
    with layer.stream() as stream:
        assert sum(batch.num_rows for batch in stream.batches)
        assert len(stream.rejected) == 1


def test_what_holds_nothing_whole_is_refused(tmp_path: Path) -> None:
    path = saved(tmp_path / "x.geojson")
    path.write_bytes(path.read_bytes()[:150])
    with pytest.raises(SourceError, match=r"x\.geojson"):
        formats.open(path, salvage=True)


def test_the_copy_is_never_spoken_of(tmp_path: Path) -> None:
    path = saved(tmp_path / "x.shp")
    cut(path, 0.5)
    about = formats.inspect(path, salvage=True)
    assert "cimkit-salvage" not in json.dumps(about)
    assert about["path"] == str(path) and about["layers"][0]["name"] == "x"
    assert "record.unreadable" in {hint["code"] for hint in about["layers"][0]["hints"]}


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(place=st.integers(0, 5000), byte=st.integers(1, 255))
def test_one_wrong_byte_costs_few_records(tmp_path: Path, place: int, byte: int) -> None:
    """A wrong byte in a feature costs that feature, whatever it is; the others are all there."""
    features = [json.dumps({"type": "Feature", "properties": {"n": n}, "geometry": None}) for n in range(COUNT)]
    data = bytearray(('{"type": "FeatureCollection", "features": [\n' + ",\n".join(features) + "\n]}").encode())
    start, end = data.index(b"[") + 2, len(data) - 4
    data[start + place % (end - start)] = byte
    path = tmp_path / "y.geojson"
    path.write_bytes(data)
    numbers, rejected = salvaged(path)
    good = {str(n) for n in numbers} & {str(n) for n in range(COUNT)}
    assert len(good) >= COUNT - 2
    assert len(good) == COUNT or rejected or len(numbers) == COUNT


def test_points_have_no_counts_to_check(tmp_path: Path) -> None:
    path = tmp_path / "p.shp"
    geopandas.GeoDataFrame({"n": range(9)}, geometry=[Point(i, i) for i in range(9)], crs=4326).to_file(path)
    cut(path, 0.6)
    numbers, rejected = salvaged(path)
    assert numbers == list(range(len(numbers))) and len(numbers) + len(rejected) == 9
