"""GTFS: each file a layer, stops as points, shapes as lines, and what a feed should have and has not."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import fiona
import pytest
import shapely
from fiona.drvsupport import supported_drivers

import cimkit.formats as formats
from cimkit.errors import SourceError

FEED = {
    "agency.txt": "agency_id,agency_name,agency_url,agency_timezone\n1,Bus,http://x,Europe/Brussels\n",
    "stops.txt": "stop_id,stop_name,stop_lat,stop_lon\n01,甲站,22.5,114.1\n02,乙站,22.6,114.2\n03,node,,\n",
    "routes.txt": "route_id,route_short_name,route_type\nr,1,3\n",
    "trips.txt": "route_id,service_id,trip_id,shape_id\nr,s,t,a\n",
    "stop_times.txt": "trip_id,arrival_time,departure_time,stop_id,stop_sequence\nt,08:00:00,08:00:00,01,1\n",
    "calendar.txt": "service_id,monday,tuesday,wednesday,thursday,friday,saturday,sunday,start_date,end_date\n"
    "s,1,1,1,1,1,0,0,20240101,20241231\n",
    "shapes.txt": "shape_id,shape_pt_lat,shape_pt_lon,shape_pt_sequence,shape_dist_traveled\n"
    "b,22.0,114.0,1,0\na,22.6,114.2,10,2\na,22.5,114.1,2,1\nb,22.1,114.1,2,1\na,22.7,114.3,11,3\n",
}


def feed(path: Path, files: Mapping[str, str | bytes], prefix: str = "") -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(prefix + name, content)
    return path


def changed(**files: str | bytes | None) -> dict[str, str | bytes]:
    made: dict[str, str | bytes | None] = {**FEED, **{f"{name}.txt": content for name, content in files.items()}}
    return {name: content for name, content in made.items() if content is not None}


def rows(path: Path, layer: str) -> list[dict[str, Any]]:
    return formats.open(path).layer(layer).arrow().drop_columns("_fid").to_pylist()


def told(path: Path) -> list[str]:
    return [hint.message for hint in formats.open(path).hints]


# ---- what is missing or wrong -------------------------------------------------------------


def test_missing_files_are_told(tmp_path: Path) -> None:
    path = feed(tmp_path / "x.zip", changed(agency=None, calendar=None, translations="table_name\nstops\n"))
    messages = told(path)
    assert any("no agency.txt" in message for message in messages)
    assert any("calendar.txt: the reference asks for it or for calendar_dates.txt" in message for message in messages)
    assert any("no feed_info.txt" in message for message in messages)
    assert {hint.code for hint in formats.open(path).hints} == {"gtfs.missing_file"}


def test_calendar_dates_stand_for_a_calendar(tmp_path: Path) -> None:
    dates = "service_id,date,exception_type\ns,20240101,1\n"
    assert told(feed(tmp_path / "x.zip", changed(calendar=None, calendar_dates=dates))) == []


def test_missing_fields_are_told(tmp_path: Path) -> None:
    path = feed(tmp_path / "x.zip", changed(routes="route_id\nr\n", stops="stop_id,stop_name\n1,a\n"))
    found = {layer["name"]: [h["message"] for h in layer["hints"]] for layer in formats.inspect(path)["layers"]}
    assert len(found["routes"]) == 2 and "route_short_name or route_long_name" in found["routes"][1]
    assert "stops.txt has no stop_lat" in found["stops"][0]
    assert found["trips"] == []


def test_files_that_the_reference_does_not_know(tmp_path: Path) -> None:
    path = feed(tmp_path / "x.zip", changed(rides="ride_id\n1\n"))
    assert told(path) == ["Files that the GTFS reference does not know: rides.txt."]
    assert rows(path, "rides") == [{"ride_id": "1"}]


def test_an_empty_file_is_told(tmp_path: Path) -> None:
    dataset = formats.open(feed(tmp_path / "x.zip", changed(transfers="")))
    assert [reject.place for reject in dataset.unread] == ["transfers.txt"]


def test_a_damaged_feed(tmp_path: Path) -> None:
    path = feed(tmp_path / "x.zip", changed(stop_times="trip_id,stop_sequence\n" + "t,1\n" * 100_000))
    data = bytearray(path.read_bytes())
    at = data.index(b"stop_times.txt") + 40
    data[at : at + 40] = b"\xff" * 40
    path.write_bytes(bytes(data))
    with pytest.raises(SourceError):
        rows(path, "stop_times")


def test_a_bomb(tmp_path: Path) -> None:
    path = feed(tmp_path / "x.zip", changed(stop_times=b"trip_id,stop_sequence\n" + b"0" * (100 << 20)))
    with pytest.raises(SourceError, match="unpacks to"):
        formats.open(path)


def test_a_zip_of_other_tables_is_no_feed(tmp_path: Path) -> None:
    path = feed(tmp_path / "x.zip", {"stops.txt": FEED["stops.txt"], "readme.txt": "a\n"})
    try:
        assert formats.open(path).delivery.format != "GTFS"
    except SourceError as error:
        assert "GTFS" not in str(error)


def test_ragged_rows(tmp_path: Path) -> None:
    path = feed(tmp_path / "x.zip", changed(trips="route_id,service_id,trip_id\nr,s,t\nr,s\n"))
    with pytest.raises(SourceError, match=r"x\.zip/trips\.txt.*line 3 has 2"):
        rows(path, "trips")
    with formats.open(path, salvage=True).layer("trips").stream() as stream:
        assert sum(batch.num_rows for batch in stream.batches) == 1
        assert [reject.place for reject in stream.rejected] == ["line 3"]


# ---- what is read ---------------------------------------------------------------------------


@pytest.mark.parametrize("prefix", ["", "feed/", "a/b/"])
def test_a_feed_in_a_zip(tmp_path: Path, prefix: str) -> None:
    path = feed(tmp_path / "x.zip", {**FEED, "../__MACOSX/._stops.txt".removeprefix("../"): b"\0"}, prefix)
    dataset = formats.open(path)
    assert dataset.delivery.format == "GTFS"
    assert [layer.name for layer in dataset.layers][:3] == ["agency", "stops", "routes"]
    assert rows(path, "trips") == [{"route_id": "r", "service_id": "s", "trip_id": "t", "shape_id": "a"}]


def test_a_feed_as_a_folder(tmp_path: Path) -> None:
    for name, content in FEED.items():
        (tmp_path / name).write_text(content, encoding="utf-8")
    dataset = formats.open(tmp_path)
    assert dataset.delivery.format == "GTFS"
    assert len(dataset.layers) == len(FEED)


def test_stops_are_points(tmp_path: Path) -> None:
    path = feed(tmp_path / "x.zip", FEED)
    stops = rows(path, "stops")
    assert [stop["stop_id"] for stop in stops] == ["01", "02", "03"]
    assert [stop["geometry"] and shapely.from_wkb(stop["geometry"]).wkt for stop in stops] == [
        "POINT (114.1 22.5)", "POINT (114.2 22.6)", None,
    ]  # fmt: skip
    assert formats.open(path).layer("stops").crs.value == "EPSG:4326"


def test_shapes_are_lines_in_order_of_their_sequence(tmp_path: Path) -> None:
    path = feed(tmp_path / "x.zip", FEED)
    shapes = rows(path, "shapes")
    assert [(shape["shape_id"], shape["points"]) for shape in shapes] == [("b", 2), ("a", 3)]
    assert shapely.from_wkb(shapes[1]["geometry"]).wkt == "LINESTRING (114.1 22.5, 114.2 22.6, 114.3 22.7)"
    layer = next(layer for layer in formats.inspect(path)["layers"] if layer["name"] == "shapes")
    assert "shape_dist_traveled" in next(h["message"] for h in layer["hints"] if h["code"] == "gtfs.shape_columns")


def test_many_points_of_a_shape(tmp_path: Path) -> None:
    lines = [f"s{i % 3},{i / 1e6},{i / 1e5},{i}" for i in range(300_000)]
    text = "shape_id,shape_pt_lat,shape_pt_lon,shape_pt_sequence\n" + "\n".join(reversed(lines)) + "\n"
    shapes = rows(feed(tmp_path / "x.zip", changed(shapes=text + "one,1,1,1\n")), "shapes")
    assert [shape["points"] for shape in shapes] == [100_000] * 3 + [1]
    assert shapes[3]["geometry"] is None
    line = shapely.get_coordinates(shapely.from_wkb(shapes[0]["geometry"]))
    assert (line[1:, 0] > line[:-1, 0]).all()


def test_marks_blank_lines_and_spaces(tmp_path: Path) -> None:
    text = "\ufeffroute_id, route_short_name ,route_type\n\nr , 1, 3\n\n"
    assert rows(feed(tmp_path / "x.zip", changed(routes=text)), "routes") == [
        {"route_id": "r", "route_short_name": "1", "route_type": "3"}
    ]


def test_what_looks_like_units_is_a_record(tmp_path: Path) -> None:
    text = "level_id,level_index\n%,1\nm,2\n"
    assert len(rows(feed(tmp_path / "x.zip", changed(levels=text)), "levels")) == 2


def test_areas_of_flexible_services(tmp_path: Path) -> None:
    area = '{"type":"FeatureCollection","features":[{"type":"Feature","id":"z","properties":{"stop_name":"Zone"},'
    area += '"geometry":{"type":"Polygon","coordinates":[[[0,0],[1,0],[1,1],[0,0]]]}}]}'
    path = feed(tmp_path / "x.zip", {**changed(stops=None), "locations.geojson": area})
    assert told(path) == []
    assert rows(path, "locations")[0]["stop_name"] == "Zone"


# ---- real feeds -----------------------------------------------------------------------------


@pytest.mark.shared
@pytest.mark.parametrize("name", ["poa_eptc", "poa_trensurb"])
def test_porto_alegre_as_fiona_reads_it(shared: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(supported_drivers, "GTFS", "r")
    path = shared / "data" / "gtfs_osm_porto_alegre" / f"{name}.zip"
    found = {layer["name"]: layer for layer in formats.inspect(path)["layers"]}
    with zipfile.ZipFile(path) as archive:
        for member in archive.namelist():
            lines = [line for line in archive.read(member).splitlines() if line.strip()]
            expected = len(lines) - 1
            if member == "shapes.txt":
                expected = len({line.split(b",")[0] for line in lines[1:]})
            assert found[member.removesuffix(".txt")]["features"] == expected, member
    with fiona.open(str(path), layer="stops") as stops, fiona.open(str(path), layer="shapes_geom") as shapes:
        assert found["stops"]["features"] == len(stops)
        assert found["stops"]["bbox"] == pytest.approx(stops.bounds)
        lines = {shape.properties["shape_id"]: shapely.geometry.shape(shape.geometry) for shape in shapes}
    for shape in rows(path, "shapes"):
        assert shapely.equals_exact(shapely.from_wkb(shape["geometry"]), lines[shape["shape_id"]])


@pytest.mark.shared
def test_tables_of_fares_are_no_feed(shared: Path) -> None:
    dataset = formats.open(shared / "data" / "gtfs_osm_porto_alegre" / "fares_poa.zip")
    assert dataset.delivery.format != "GTFS"
    assert {layer.name for layer in dataset.layers} >= {"fares_per_route", "fares_per_type"}
