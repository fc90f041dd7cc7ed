"""Small pipelines run whole: what is published, what is set aside, what stops a run."""

from __future__ import annotations

import json
from pathlib import Path

import geopandas as gpd
import pyarrow.parquet as pq
import pytest
from shapely import box

from cimkit import offsets
from cimkit.catalog import Catalog
from cimkit.errors import PipelineError, SourceError, UsageError
from cimkit.model import Run
from cimkit.pipeline import run
from cimkit.report.run import render_run

CLOCK = "2024-06-01T00:00:00Z"


def buildings(path: Path, count: int, *, prefix: str, shift: float = 0.0, height: float = 10.0) -> gpd.GeoDataFrame:
    """A row of buildings, 10 m square and 30 m apart, in a CGCS2000 zone."""
    frame = gpd.GeoDataFrame(
        {
            "id": [f"{prefix}:{i:03d}" for i in range(count)],
            "function": "residential",
            "height_m": [height + i for i in range(count)],
            "source": prefix,
            "updated_at": "2024-05-01T00:00:00Z",
        },
        geometry=[box(500_000 + 30 * i + shift, 4_500_000, 500_010 + 30 * i + shift, 4_500_010) for i in range(count)],
        crs="EPSG:4546",
    )
    frame.to_file(path, driver="GPKG", layer="building")
    return frame


def document(folder: Path, sources: str, more: str = "") -> Path:
    path = folder / "city.yaml"
    path.write_text(f"pipeline: city\nstandard: cim-core@0.1\nsources:\n{sources}\n{more}\n", encoding="utf-8")
    return path


@pytest.fixture
def city(tmp_path: Path) -> Path:
    buildings(tmp_path / "survey.gpkg", 20, prefix="survey")
    buildings(tmp_path / "machine.gpkg", 22, prefix="machine", shift=1.0, height=12.0)
    return document(
        tmp_path,
        "  survey: {path: survey.gpkg, layer: building, trust: 0.9}\n"
        "  machine: {path: machine.gpkg, layer: building, trust: 0.2}",
        "fuse: {building: {attributes: {height_m: {strategy: priority, tolerance: 1.0}}}}",
    )


def go(pipeline: Path, **options: object) -> Run:
    return run(pipeline, catalog=pipeline.parent / "catalog", clock=CLOCK, **options)  # type: ignore[arg-type]


def test_two_sources_become_one_dataset(city: Path) -> None:
    done = go(city)
    assert done.stopped is None
    assert done.published
    assert done.fusions["building"].entities == 22
    frame = Catalog.open(done.catalog).to_geopandas("building")
    assert frame.crs.to_epsg() == 4546
    assert len(frame) == 22
    assert frame["id"].is_unique
    survey = frame[frame["source"] == "survey"]
    assert sorted(survey["height_m"]) == [10.0 + i for i in range(20)]
    provenance = Catalog.open(done.catalog).query(
        "SELECT * FROM building__provenance WHERE attribute = 'height_m' AND source = 'survey'"
    )
    assert provenance.num_rows == 20
    rivals = json.loads(provenance.column("rivals")[0].as_py())
    assert rivals[0]["source"] == "machine"


def test_a_second_run_publishes_nothing_new(city: Path) -> None:
    first = go(city)
    second = go(city)
    assert not second.published
    assert second.stopped is None
    assert second.release == first.release


def test_ids_are_kept_when_a_source_grows(city: Path) -> None:
    first = Catalog.open(go(city).catalog).to_geopandas("building")
    buildings(city.parent / "survey.gpkg", 25, prefix="survey")
    done = go(city)
    assert done.release is not None
    assert done.release.number == 2
    assert done.release.parents == (1,)
    second = Catalog.open(done.catalog).to_geopandas("building")
    assert len(second) == 25
    assert set(first["id"]) <= set(second["id"])


def test_bad_records_are_set_aside_with_their_reasons(city: Path) -> None:
    frame = buildings(city.parent / "survey.gpkg", 20, prefix="survey")
    frame.loc[3, "height_m"] = -1.0
    frame.loc[4, "function"] = "castle in the air"
    frame.loc[5, "id"] = None
    frame.to_file(city.parent / "survey.gpkg", driver="GPKG", layer="building")
    done = go(city)
    assert done.published
    assert done.sources["survey"]["quarantined"] == 3
    assert done.sources["survey"]["accepted"] == 17
    assert done.sources["survey"]["records"] == 20
    attached = Catalog.open(done.catalog).attachments("building")["quarantine-survey.parquet"]
    reasons = {row["_row"]: row["reasons"] for row in pq.read_table(attached).to_pylist()}
    assert reasons == {
        3: ["building.height_m#exclusiveMinimum"],
        4: ["building.function#codelist"],
        5: ["building.id#required"],
    }


@pytest.mark.parametrize(
    ("more", "why"),
    [
        ("gate: {rejected: stop}", "error"),
        ("gate: {rejected: quarantine, fail_on: warning}", "warning"),
    ],
)
def test_the_gate_can_stop_the_run(city: Path, more: str, why: str) -> None:
    frame = buildings(city.parent / "survey.gpkg", 20, prefix="survey")
    frame.loc[3, "height_m"] = -1.0
    frame["floors_above"] = 1
    frame.loc[4, "height_m"] = 500.0  # unlikely on one floor: a warning
    frame.to_file(city.parent / "survey.gpkg", driver="GPKG", layer="building")
    city.write_text(city.read_text() + more + "\n")
    done = go(city)
    assert done.stopped is not None
    assert why in done.stopped
    assert not done.published
    assert not done.catalog.exists()


def test_a_source_of_which_nothing_is_left_stops_the_run(city: Path) -> None:
    frame = buildings(city.parent / "survey.gpkg", 20, prefix="survey")
    frame["function"] = "?"
    frame.to_file(city.parent / "survey.gpkg", driver="GPKG", layer="building")
    done = go(city)
    assert done.stopped is not None
    assert "survey" in done.stopped


def test_a_source_without_a_crs_stops_the_run(tmp_path: Path) -> None:
    frame = buildings(tmp_path / "x.gpkg", 3, prefix="survey")
    frame.set_crs(None, allow_override=True).to_parquet(tmp_path / "survey.parquet")
    done = go(document(tmp_path, "  survey: {path: survey.parquet, layer: building}"))
    assert done.stopped is not None
    declared = document(tmp_path, "  survey: {path: survey.parquet, layer: building, crs: 'EPSG:4546'}")
    assert go(declared).published


def test_an_unreadable_source_ends_the_run(city: Path) -> None:
    (city.parent / "machine.gpkg").write_bytes(b"")
    with pytest.raises(SourceError, match=r"machine\.gpkg"):
        go(city)
    assert not (city.parent / "catalog").exists()


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("layer: building, trust: 0.9", "layer: bilding, trust: 0.9", "building"),
        ("layer: building, trust: 0.9", "layer: building, crosswalk: osm-bilding", "osm-building"),
        ("fuse: {building:", "fuse: {road_centerline:", "road_centerline"),
        ("{attributes:", "{profile: rocket, attributes:", "rocket"),
    ],
)
def test_what_a_pipeline_names_must_exist(city: Path, old: str, new: str, said: str) -> None:
    city.write_text(city.read_text().replace(old, new))
    with pytest.raises(PipelineError) as caught:
        go(city)
    assert said in f"{caught.value} {caught.value.hint}"


def test_references_follow_the_fused_building(city: Path) -> None:
    folder = city.parent
    (folder / "addresses.csv").write_text(
        "id,full_address,division_code,building_id,source,updated_at,lon,lat\n"
        'a-001,"1 Long Street",150199,survey:003,survey,2024-05-01T00:00:00Z,111.0,40.6\n',
        encoding="utf-8",
    )
    city.write_text(
        city.read_text().replace(
            "sources:\n", "sources:\n  addresses: {path: addresses.csv, layer: address, crs: 'EPSG:4490'}\n", 1
        )
    )
    done = go(city)
    assert done.stopped is None, done.reports["catalog"].findings[:3]
    found = Catalog.open(done.catalog).query(
        "SELECT a.building_id = b.entity_id AS same FROM address a "
        "JOIN building__bridge b ON b.source_id = 'survey:003'"
    )
    assert found.column("same").to_pylist() == [True]


def test_the_same_input_gives_the_same_catalog(city: Path) -> None:
    one = run(city, catalog=city.parent / "one", clock=CLOCK)
    two = run(city, catalog=city.parent / "two", clock=CLOCK)

    def content(catalog: Path) -> dict[str, bytes]:
        files = sorted(path for path in catalog.rglob("*") if path.is_file() and path.suffix != ".duckdb")
        return {str(path.relative_to(catalog)): path.read_bytes() for path in files}

    assert content(one.catalog) == content(two.catalog)


def test_columns_of_coordinates_are_in_the_crs_that_the_pipeline_names(tmp_path: Path) -> None:
    lon, lat = 111.0, 40.6
    gcj = tuple(map(float, offsets.wgs84_to_gcj02(lon, lat)))
    bd = tuple(map(float, offsets.gcj02_to_bd09(*gcj)))
    head = "id,name,category,source,updated_at,lon,lat\n"
    for name, (x, y) in {"plain": (lon, lat), "gcj": gcj, "bd": bd}.items():
        record = f"{name}:1,人民医院,hospital,{name},2024-05-01T00:00:00Z,{x:.7f},{y:.7f}\n"
        (tmp_path / f"{name}.csv").write_text(head + record, encoding="utf-8")
    done = go(
        document(
            tmp_path,
            "  plain: {path: plain.csv, layer: facility_poi, crs: 'EPSG:4490'}\n"
            "  gcj: {path: gcj.csv, layer: facility_poi, crs: GCJ-02}\n"
            "  bd: {path: bd.csv, layer: facility_poi, crs: BD-09}",
            "crs: EPSG:4490\nfuse: {facility_poi: {}}",
        )
    )
    assert done.stopped is None
    assert [source["crs"] for source in done.sources.values()] == ["EPSG:4490", "GCJ-02", "BD-09"]
    places = Catalog.open(done.catalog).to_geopandas("facility_poi").geometry
    assert len(places) == 1
    assert places.x[0] == pytest.approx(lon, abs=1e-5)
    assert places.y[0] == pytest.approx(lat, abs=1e-5)


def test_a_record_without_a_reference_does_not_follow_what_is_set_aside(tmp_path: Path) -> None:
    frame = buildings(tmp_path / "survey.gpkg", 1, prefix="survey")
    frame["function"] = "?"
    frame.to_file(tmp_path / "survey.gpkg", driver="GPKG", layer="building")
    (tmp_path / "addresses.csv").write_text(
        "id,full_address,division_code,building_id,source,updated_at,lon,lat\n"
        "a-001,1 Long Street,150199,survey:000,survey,2024-05-01T00:00:00Z,111.0,40.6\n"
        "a-002,2 Long Street,150199,,survey,2024-05-01T00:00:00Z,111.0,40.6\n",
        encoding="utf-8",
    )
    done = go(
        document(
            tmp_path,
            "  survey: {path: survey.gpkg, layer: building}\n"
            "  addresses: {path: addresses.csv, layer: address, crs: 'EPSG:4490'}",
        )
    )
    assert done.stopped is not None
    assert (done.sources["addresses"]["accepted"], done.sources["addresses"]["followed"]) == (1, 1)


def test_a_folder_that_cannot_become_a_catalog_is_told_before_anything_is_read(city: Path) -> None:
    (city.parent / "survey.gpkg").unlink()
    (city.parent / "catalog").mkdir()
    (city.parent / "catalog/thesis.odt").touch()
    with pytest.raises(UsageError, match=r"thesis\.odt"):
        go(city)


def test_another_run_may_begin_the_catalog_meanwhile(city: Path) -> None:
    def meanwhile(stage: str, done: int, total: int | None) -> None:
        if stage == "publish" and total is None:
            Catalog.init(city.parent / "catalog", "other")

    done = go(city, progress=meanwhile)
    assert done.published
    assert Catalog.open(done.catalog).id == "other"


def test_what_is_wrong_with_the_datasets_is_told(city: Path) -> None:
    done = go(city, settings={"crs": "EPSG:3857"})
    for format in ("text", "markdown"):
        assert "building#crs" in render_run(done, format)


def test_a_reference_to_a_record_in_several_entities_leads_to_one_of_them(tmp_path: Path) -> None:
    houses = buildings(tmp_path / "survey.gpkg", 3, prefix="survey")
    houses.geometry = [box(500_000 + 10 * i, 4_500_000, 500_010 + 10 * i, 4_500_010) for i in range(3)]
    houses.to_file(tmp_path / "survey.gpkg", driver="GPKG", layer="building")
    roof = buildings(tmp_path / "machine.gpkg", 1, prefix="machine")
    roof.geometry = [box(500_000, 4_500_000, 500_030, 4_500_010)]
    roof.to_file(tmp_path / "machine.gpkg", driver="GPKG", layer="building")
    (tmp_path / "addresses.csv").write_text(
        "id,full_address,division_code,building_id,source,updated_at,lon,lat\n"
        "a-001,1 Long Street,150199,machine:000,survey,2024-05-01T00:00:00Z,111.0,40.6\n",
        encoding="utf-8",
    )
    done = go(
        document(
            tmp_path,
            "  survey: {path: survey.gpkg, layer: building, trust: 0.9}\n"
            "  machine: {path: machine.gpkg, layer: building, trust: 0.2}\n"
            "  addresses: {path: addresses.csv, layer: address, crs: 'EPSG:4490'}",
            "fuse: {building: {}}",
        )
    )
    assert done.stopped is None
    led = Catalog.open(done.catalog).query(
        "SELECT b.source_id FROM address a JOIN building__bridge b ON a.building_id = b.entity_id"
    )
    assert "machine:000" in led.column("source_id").to_pylist()


def test_a_fused_layer_without_geometry_gets_none(tmp_path: Path) -> None:
    head = "id,device_id,property,value,unit,phenomenon_time,source,updated_at\n"
    for name in ("one", "two"):
        record = f"{name}-001,d-001,airTemperature,1.5,Cel,2024-05-01T00:00:00Z,{name},2024-05-01T00:00:00Z\n"
        (tmp_path / f"{name}.csv").write_text(head + record, encoding="utf-8")
    done = go(
        document(
            tmp_path,
            "  one: {path: one.csv, layer: observation}\n  two: {path: two.csv, layer: observation}",
            "crs: EPSG:4490\nfuse: {observation: {profile: poi}}",
        )
    )
    assert done.published
    assert done.reports["catalog"].totals["warning"] == 0
    assert "geometry" not in Catalog.open(done.catalog).to_geopandas("observation").columns


def test_two_providers_may_number_their_records_alike(city: Path) -> None:
    for name, shift in (("survey", 0.0), ("machine", 1.0)):
        frame = buildings(city.parent / f"{name}.gpkg", 20, prefix=name, shift=shift)
        frame["id"] = [f"no-{i}" for i in range(20)]
        frame.loc[19, "id"] = "no-18"  # within one source a key stays a key
        frame.to_file(city.parent / f"{name}.gpkg", driver="GPKG", layer="building")
    done = go(city)
    assert done.stopped is None
    assert {name: source["quarantined"] for name, source in done.sources.items()} == {"survey": 2, "machine": 2}
    assert done.fusions["building"].entities == 18
    assert Catalog.open(done.catalog).to_geopandas("building")["id"].is_unique


def test_a_reference_to_an_id_of_two_things_is_not_guessed(city: Path) -> None:
    for name, shift in (("survey", 0.0), ("machine", 600.0)):
        frame = buildings(city.parent / f"{name}.gpkg", 5, prefix=name, shift=shift)
        frame["id"] = [f"no-{i}" for i in range(5)]
        frame.to_file(city.parent / f"{name}.gpkg", driver="GPKG", layer="building")
    (city.parent / "addresses.csv").write_text(
        "id,full_address,division_code,building_id,source,updated_at,lon,lat\n"
        'a-001,"1 Long Street",150199,no-3,survey,2024-05-01T00:00:00Z,111.0,40.6\n',
        encoding="utf-8",
    )
    city.write_text(
        city.read_text().replace(
            "sources:\n", "sources:\n  addresses: {path: addresses.csv, layer: address, crs: 'EPSG:4490'}\n", 1
        )
    )
    done = go(city)
    assert done.stopped is not None
    assert [f.code for f in done.reports["catalog"].findings if f.severity == "error"] == ["relation.missing"]
