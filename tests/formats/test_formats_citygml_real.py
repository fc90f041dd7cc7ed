"""City models of real cities: what is in them is pinned, and the formats are held against each other."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import fiona
import pytest
import shapely
from city_models import SQUARE, building, citygml, multi_surface, polygon, raised, rows, save

import cimkit
import cimkit.formats as formats
from cimkit.errors import SourceError

PLATEAU = "data/citygml_plateau/bldg/53392642_bldg_6697_op2.gml"
DELFT = {"bridge": 3, "building": 160, "land_use": 81, "plant_cover": 126, "water_body": 3, "road": 143}
DELFT["generic_city_object"] = 54
JGD2011 = "EPSG:6697"
PINS = [
    # path, layers with their records, CRS, heights between
    (PLATEAU, {"building": 8}, JGD2011, (1.0, 30.0)),
    ("data/citygml_plateau/tran/533925_tran_6697_op.gml", {"road": 9}, JGD2011, None),
    ("data/citygml_misc/lod2_buildings_v3.gml", {"building": 100}, "EPSG:3068+5783", (8.0, 12.0)),
    ("data/citygml_misc/lod2_buildings_v2.json", {"building": 100}, "EPSG:3068", (8.0, 12.0)),
    ("data/citygml_misc/lod2_buildings_as_CityJSON_features.jsonl", {"building": 100}, None, (8.0, 12.0)),
    ("data/delft/data/delft.json", DELFT, "EPSG:7415", (0.5, 20.0)),
    ("data/delft/data/delft_1b.json", {"building": 1}, "EPSG:7415", (6.0, 6.0)),
    ("data/delft/output/testarea.json", DELFT, "EPSG:7415", (0.5, 20.0)),
]


@pytest.mark.shared
@pytest.mark.parametrize(("path", "layers", "crs", "heights"), PINS, ids=[Path(pin[0]).name for pin in PINS])
def test_pinned(
    shared: Path, path: str, layers: dict[str, int], crs: str | None, heights: tuple[float, float] | None
) -> None:
    dataset = formats.open(shared / path)
    assert {layer.name: layer.arrow().num_rows for layer in dataset.layers} == layers
    for layer in dataset.layers:
        assert layer.crs.value == crs
        found = rows(dataset, layer.name)
        assert all(each["geometry"].geom_type in ("Polygon", "MultiPolygon") for each in found)
        # One roof edge of the PLATEAU sample has holes that lie kilometres away.
        invalid = [each["id"] for each in found if not each["geometry"].is_valid]
        assert invalid == (["BLD_0772bfd9-fa36-4747-ad0f-1e57f883f745"] if path == PLATEAU else [])
    if heights:
        for each in rows(dataset, "building"):
            assert each["height_m"] is None or heights[0] <= each["height_m"] <= heights[1]


@pytest.mark.shared
def test_the_plateau_sample_in_full(shared: Path) -> None:
    dataset = formats.open(shared / PLATEAU)
    found = rows(dataset)
    first = found[0]
    assert (first["lods"], first["solids"], first["solids_closed"]) == ("0,1,2", 2, 2)
    assert (first["geometry_from"], first["height_m"], first["height_from"]) == ("lod0RoofEdge", 2.8, "measuredHeight")
    assert (first["uro:city"], first["uro:city_label"]) == ("13111", "東京都大田区")
    assert first["uro:districtsAndZonesType_label"] == "準工業地域"
    assert first["address_locality"] == "東京都大田区羽田空港二丁目"
    assert first["energy:isHeated"] == "true"
    assert {hint.code for hint in dataset.hints} == {"surfaces.merged", "xml.namespace", "appearance.left_out"}
    west, south, east, north = shapely.total_bounds([each["geometry"] for each in found[1:]])
    assert 139.77 < west < east < 139.78
    assert 35.53 < south < north < 35.55
    assert {file.parent.name for file in dataset.delivery.files} == {"bldg", "codelists"}


@pytest.mark.shared
@pytest.mark.parametrize("path", [PLATEAU, "data/citygml_plateau/tran/533925_tran_6697_op.gml"])
def test_fiona_counts_the_same(shared: Path, tmp_path: Path, path: str) -> None:
    copy = tmp_path / "copy.gml"  # GDAL writes beside what it reads
    copy.write_bytes((shared / path).read_bytes())
    with fiona.open(copy) as layer:
        ids = [each["properties"]["gml_id"] for each in layer]
    assert [each["id"] for each in rows(formats.open(shared / path))] == ids


@pytest.mark.shared
def test_a_file_that_only_looks_like_citygml_is_refused(shared: Path) -> None:
    with pytest.raises(SourceError):
        formats.open(shared / "data/citygml_plateau/bldg/TestCaseOfInvalidFileNameGml.gml")


@pytest.mark.shared
def test_the_same_hundred_buildings_from_three_formats(shared: Path) -> None:
    names = ("lod2_buildings_v3.gml", "lod2_buildings_v2.json", "lod2_buildings_as_CityJSON_features.jsonl")
    first, *others = (
        {each["id"]: each for each in rows(formats.open(shared / "data/citygml_misc" / name))} for name in names
    )
    assert len(first) == 100
    same = ("lod", "lods", "geometry_from", "solids", "solids_closed", "floors_above", "floors_below", "year_built")
    for other in others:
        assert list(other) == list(first)
        for id, each in first.items():
            assert [each[name] for name in same] == [other[id][name] for name in same]
            assert each["height_m"] == pytest.approx(other[id]["height_m"], abs=1e-3)
            assert each["base_elevation_m"] == pytest.approx(other[id]["base_elevation_m"], abs=1e-3)
            assert each["geometry"].area == pytest.approx(other[id]["geometry"].area, abs=1e-6)
            assert each["geometry"].equals_exact(other[id]["geometry"], 1e-6, normalize=True)


CHECKS = [
    (PLATEAU, "citygml-building", 8, {"unknown": 8}),
    (PLATEAU, "plateau-building", 8, {"unknown": 8}),
    ("data/citygml_misc/lod2_buildings_v3.gml", "citygml-building", 100, None),
    ("data/citygml_misc/lod2_buildings_v2.json", "cityjson-building", 100, None),
    ("data/citygml_misc/lod2_buildings_as_CityJSON_features.jsonl", "cityjson-building", 100, None),
    ("data/delft/data/delft.json", "cityjson-building", 160, {"unknown": 160}),
]


@pytest.mark.shared
@pytest.mark.parametrize(("path", "crosswalk", "count", "functions"), CHECKS, ids=[f"{c[1]}-{c[2]}" for c in CHECKS])
def test_buildings_land_in_the_standard(
    shared: Path, tmp_path: Path, path: str, crosswalk: str, count: int, functions: dict[str, int] | None
) -> None:
    report = cimkit.check(shared / path, standard="cim-core/building", crosswalk=crosswalk, layer="building")
    failed = {rule.rule: rule.failed for rule in report.rules if rule.failed and rule.severity == "error"}
    # Only Delft says since when a record is so, in its creationdate; one file has no CRS, the others have one that the
    # core does not allow; one roof edge is wrong.
    assert failed.pop("building.updated_at#required", 0) == (0 if "delft" in path else count)
    assert set(failed) <= {"building#crs", "building#crs.vertical", "building.geometry#valid"}, failed
    crs = {rule.code for rule in report.rules if rule.failed and rule.rule == "building#crs"}
    assert ("crs.missing" in crs) == path.endswith(".jsonl")
    assert failed.get("building.geometry#valid", 0) == (path == PLATEAU)
    target = tmp_path / "building.parquet"
    cimkit.convert(
        shared / path, target, layer="building", standard="cim-core/building", crosswalk=crosswalk, on_loss="allow"
    )
    landed = formats.open(target).layer().arrow().to_pylist()
    assert len(landed) == count
    assert sum(each["height_m"] is not None for each in landed) >= 0.95 * count
    assert all(each["lod"] in ("1", "2") for each in landed)
    if functions:
        assert Counter(each["function"] for each in landed) == functions


@pytest.mark.parametrize("suffix", ["gml", "json"])
def test_storeys_land_in_the_standard(tmp_path: Path, suffix: str) -> None:
    import test_formats_citygml as gml
    import test_formats_cityjson as city_json

    if suffix == "gml":
        gml.test_citygml_3_storeys_land_with_number_elevation_and_building(tmp_path)
    else:
        city_json.test_storeys_land_with_number_elevation_and_building(tmp_path, False)
    crosswalk = "citygml-building-storey" if suffix == "gml" else "cityjson-building-storey"
    report = cimkit.check(
        tmp_path / f"a.{suffix}",
        standard="cim-core/building_storey",
        crosswalk=crosswalk,
        layer="building_storey",
    )
    failed = {rule.rule for rule in report.rules if rule.failed and rule.severity == "error"}
    assert {rule for rule in failed if not rule.endswith("updated_at#required")} <= {
        "building_storey.id#pattern", "building_storey#crs", "building_storey#crs.vertical",
    }, failed  # fmt: skip


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="the peak of memory is read from /proc")
def test_memory_does_not_grow_with_the_file(tmp_path: Path) -> None:
    """Fifty thousand buildings need no more memory than five thousand, and some time more."""
    footprint = f"<bldg:lod0FootPrint>{multi_surface(polygon(raised(SQUARE, 4)))}</bldg:lod0FootPrint>"
    one = building(f'<gml:name>House</gml:name><bldg:measuredHeight uom="m">7.5</bldg:measuredHeight>{footprint}')
    head, tail = citygml("HERE").split("HERE")
    member = f"{one}</core:cityObjectMember><core:cityObjectMember>"
    program = (
        "import sys, cimkit.formats as formats\n"
        "layer = formats.open(sys.argv[1]).layer()\n"
        "rows = sum(batch.num_rows for batch in layer.batches(4096))\n"
        "peak = [line for line in open('/proc/self/status') if line.startswith('VmHWM')]\n"
        "print(rows, peak[0].split()[1])"
    )
    used = []
    for count in (5_000, 50_000):
        path = save(tmp_path / f"{count}.gml", head + member * (count - 1) + one + tail)
        done = subprocess.run([sys.executable, "-c", program, str(path)], capture_output=True, text=True, check=True)
        rows_read, memory = map(int, done.stdout.split())
        assert rows_read == count
        used.append(memory)
    assert path.stat().st_size > 24 << 20
    assert used[1] < used[0] + (12 << 10), "in kB"


def test_a_terrain_of_many_triangles_is_whole(tmp_path: Path) -> None:
    def triangle(number: int) -> str:
        x, y = 400000 + number % 300, 5700000 + number // 300
        points = f"{x} {y} 1 {x + 1} {y} 1 {x} {y + 1} 2 {x} {y} 1"
        ring = f"<gml:LinearRing><gml:posList>{points}</gml:posList></gml:LinearRing>"
        return f"<gml:Triangle><gml:exterior>{ring}</gml:exterior></gml:Triangle>"

    count = 30_000
    patches = "".join(map(triangle, range(count)))
    tin = f"<gml:TriangulatedSurface><gml:trianglePatches>{patches}</gml:trianglePatches></gml:TriangulatedSurface>"
    path = save(
        tmp_path / "a.gml", citygml(building(f"<dem:lod>2</dem:lod><dem:tin>{tin}</dem:tin>", "T", "dem:TINRelief"))
    )
    found: list[dict[str, Any]] = rows(formats.open(path))
    assert len(found[0]["geometry"].geoms) == count
