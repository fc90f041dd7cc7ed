"""What becomes a version and a release, and what does not."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import geopandas as gpd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import shapely
from catalog_drafts import CLOCK, FACTS, Drafter, publish, write_buildings
from jsonschema import Draft202012Validator
from referencing import Registry, Resource

from cimkit.catalog import Catalog
from cimkit.catalog.layout import TEMPORARY
from cimkit.errors import CatalogError, UsageError
from cimkit.model import DatasetDraft

# ---- refused --------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["", "Building", "1st", "建筑", "a b", "a/b", "..", "a\n", "b" * 64])
def test_a_name_that_is_none(catalog: Catalog, draft: Drafter, name: str) -> None:
    with pytest.raises(UsageError, match="cannot be the name"):
        publish(catalog, replace(draft(), name=name))


@pytest.mark.parametrize(
    "name", ["../escape.parquet", "/etc/x", "a\\b", ".hidden", "manifest.json", "c:x", "x\0", "data.parquet", "x."]
)
def test_an_attachment_that_would_not_stay_in_its_folder(catalog: Catalog, draft: Drafter, name: str) -> None:
    with pytest.raises(UsageError, match="attachment"):
        publish(catalog, replace(draft(), attachments={name: draft().data}))


def test_one_dataset_twice(catalog: Catalog, draft: Drafter) -> None:
    with pytest.raises(UsageError, match="twice"):
        publish(catalog, draft(), draft())


@pytest.mark.parametrize("clock", ["", "yesterday", "2024-05-01", "2024-05-01 00:00:00"])
def test_a_clock_that_tells_no_time(catalog: Catalog, draft: Drafter, clock: str) -> None:
    with pytest.raises(UsageError, match="no time"):
        publish(catalog, draft(), clock=clock)


@pytest.mark.parametrize(
    ("facts", "why"),
    [
        ({"version": 7}, "sets 'version'"),
        ({"files": []}, "sets 'files'"),
        ({"facts_of": math.nan}, "cannot be written as JSON"),
        ({"facts_of": {1, 2}}, "cannot be written as JSON"),
        ({"check": {"verdict": "perhaps"}}, "perhaps"),
        ({"sources": [{"sha256": "short"}]}, "short"),
    ],
)
def test_facts_that_do_not_fit(catalog: Catalog, draft: Drafter, facts: dict[str, Any], why: str) -> None:
    with pytest.raises(UsageError, match=why):
        publish(catalog, draft(facts=facts))
    assert catalog.head.number == 0


def test_data_that_is_no_parquet(catalog: Catalog, draft: Drafter, tmp_path: Path) -> None:
    broken = tmp_path / "broken.parquet"
    broken.write_bytes(b"PAR1 no")
    with pytest.raises(CatalogError, match=r"broken\.parquet cannot be read as Parquet"):
        publish(catalog, replace(draft(), data=broken))
    with pytest.raises(CatalogError, match="missing"):
        publish(catalog, replace(draft(), attachments={"bridge.parquet": tmp_path / "none.parquet"}))


def test_a_bad_draft_takes_the_good_one_with_it(catalog: Catalog, draft: Drafter, tmp_path: Path) -> None:
    broken = tmp_path / "broken.parquet"
    broken.write_bytes(b"no")
    with pytest.raises(CatalogError):
        publish(catalog, draft(), replace(draft("other"), data=broken))
    assert catalog.releases() == []
    assert list(catalog.layout.datasets.iterdir()) == []


def test_init_where_something_is(tmp_path: Path) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "thesis.odt").touch()
    with pytest.raises(UsageError, match=r"not empty: it holds thesis\.odt"):
        Catalog.init(tmp_path / "full", "city")
    (tmp_path / "file").touch()
    with pytest.raises(UsageError, match="is a file"):
        Catalog.init(tmp_path / "file", "city")
    with pytest.raises(UsageError, match="id of a catalog"):
        Catalog.init(tmp_path / "new", "a city")
    Catalog.init(tmp_path / "new", "City-1")
    with pytest.raises(UsageError, match="is a catalog already"):
        Catalog.init(tmp_path / "new", "city")


def test_open_where_nothing_is(tmp_path: Path) -> None:
    with pytest.raises(CatalogError, match="does not exist"):
        Catalog.open(tmp_path / "none")
    with pytest.raises(CatalogError, match="is no catalog"):
        Catalog.open(tmp_path)
    assert not Catalog.exists(tmp_path)


# ---- one release after another --------------------------------------------------------


def test_an_empty_catalog(catalog: Catalog) -> None:
    assert Catalog.open(catalog.root).title == {"en": "A city", "zh": "城市"}
    assert catalog.head.number == 0
    assert catalog.releases() == catalog.history() == catalog.verify() == []
    assert catalog.datasets() == {}
    assert publish(catalog) is None
    with pytest.raises(UsageError, match="no dataset 'building'"):
        catalog.show("building")


def test_the_first_release(published: Catalog) -> None:
    head = Catalog.open(published.root).head
    assert (head.number, head.parents, head.datasets) == (1, (), {"building": 1, "device": 1})
    assert (head.created_at, head.author, head.message) == (CLOCK, "tests", "monthly")
    manifest = published.show("building")
    assert manifest["rows"] == 3
    assert manifest["fields"] == [
        {"name": "id", "type": "string", "nulls": 0},
        {"name": "height_m", "type": "double", "nulls": 1},
    ]
    assert manifest["geometry"] == {"types": ["Polygon"], "nulls": 0}
    assert manifest["bbox"] == [500_000, 4_000_000, 500_013, 4_000_003]
    assert manifest["bbox_crs84"] == pytest.approx([114.0, 36.1303, 114.00014, 36.1303], abs=1e-4)
    assert manifest["fusion"] == {"entities": 5}
    roles = {file["role"]: file for file in manifest["files"]}
    assert set(roles) == {"data", "provenance", "report"}
    assert roles["data"]["path"] == roles["data"]["sha256"][:16] + ".parquet"
    assert (roles["data"]["rows"], roles["provenance"]["rows"], roles["report"]["rows"]) == (3, 1, None)
    assert published.show("device")["geometry"] is None
    assert set(published.attachments("building")) == {"provenance.parquet", "report.json"}


def test_nothing_changed(published: Catalog, draft: Drafter, table_draft: DatasetDraft) -> None:
    before = sorted(published.root.rglob("*"))
    assert publish(published, draft(), table_draft, clock="2025-01-01T00:00:00Z", id="another run") is None
    assert sorted(published.root.rglob("*")) == before
    assert published.head.number == 1


def test_times_runs_and_how_it_went_are_no_change(published: Catalog, draft: Drafter) -> None:
    again = draft()
    again.attachments["report.json"].write_text('{"seconds": 99}')
    facts = {
        **FACTS,
        "sources": [{**FACTS["sources"][0], "retrieved_at": CLOCK, "path": "/elsewhere/survey.shp"}],
        "fusion": {"entities": 6},
    }
    assert publish(published, replace(again, manifest=facts)) is None


@pytest.mark.parametrize(
    "change",
    [
        {"manifest": {**FACTS, "licence": "ODbL-1.0"}},
        {"manifest": {**FACTS, "standard": {**FACTS["standard"], "version": "0.2.0"}}},
        {"manifest": {**FACTS, "sources": [{**FACTS["sources"][0], "sha256": "6" * 64}]}},
        {"manifest": {**FACTS, "check": {**FACTS["check"], "verdict": "fail"}}},
        {"title": {"en": "Houses"}},
        {"crs": "EPSG:4548"},
        {"attachments": {}},
    ],
    ids=["licence", "standard", "source", "check", "title", "crs", "attachments"],
)
def test_what_is_said_of_the_data_is_a_change(published: Catalog, draft: Drafter, change: dict[str, Any]) -> None:
    release = publish(published, replace(draft(), **change))
    assert release.datasets == {"building": 2, "device": 1}


def test_one_of_three_changed(published: Catalog, draft: Drafter, table_draft: DatasetDraft) -> None:
    publish(published, draft(), table_draft, draft("third"))
    release = publish(published, draft(), table_draft, draft("third", 9.0), clock="2024-07-01T00:00:00Z")
    assert release.number == 3
    assert release.parents == (2,)
    assert release.datasets == {"building": 1, "device": 1, "third": 2}
    assert [r.number for r in published.releases()] == [1, 2, 3]
    assert published.show("third")["previous"] == 1
    assert published.show("third", 1)["rows"] == 3
    assert [(e["release"], e["datasets"]) for e in published.history("third")] == [(3, {"third": 2}), (2, {"third": 1})]
    assert published.history()[-1]["datasets"] == {"building": 1, "device": 1}
    assert published.verify() == []


def test_datasets_that_are_not_drafted_stay(published: Catalog, draft: Drafter) -> None:
    assert publish(published, draft("third")).datasets == {"building": 1, "device": 1, "third": 1}


def test_records_in_another_order_are_no_change(published: Catalog, draft: Drafter, table_draft: DatasetDraft) -> None:
    drafts = [draft(), table_draft]
    for one in drafts:
        table = pq.read_table(one.data)
        pq.write_table(table.take(list(range(len(table)))[::-1]), one.data, compression="none")
    assert publish(published, *drafts) is None


def test_a_dataset_that_goes_back_gets_a_new_version(published: Catalog, draft: Drafter) -> None:
    first = published.show("building")["files"][0]["path"]
    publish(published, draft("building", 9.0))
    assert publish(published, draft()).datasets["building"] == 3
    assert published.show("building")["files"][0]["path"] == first, "named by its content"


# ---- what is on disk ------------------------------------------------------------------


def files(root: Path) -> dict[str, bytes]:
    return {
        path.relative_to(root).as_posix(): path.read_bytes()
        for path in sorted(root.rglob("*"))
        if path.is_file() and path.suffix != ".duckdb"
    }


def test_the_same_drafts_give_the_same_bytes(tmp_path: Path, draft: Drafter, table_draft: DatasetDraft) -> None:
    made = []
    for name in ("one", "two"):
        catalog = Catalog.init(tmp_path / name, "city", {"en": "A city"})
        publish(catalog, draft(), table_draft, id="run")
        publish(catalog, draft("building", 7.0), clock="2024-06-01T00:00:00Z")
        made.append(files(catalog.root))
    assert made[0] == made[1]
    assert not [name for name in made[0] if TEMPORARY in name]


def test_every_document_keeps_to_its_schema(published: Catalog, draft: Drafter, root: Path) -> None:
    publish(published, draft("building", 7.0))
    schemas = [json.loads(path.read_text("utf-8")) for path in (root / "schemas").glob("*.schema.json")]
    registry: Registry[Any] = [Resource.from_contents(schema) for schema in schemas] @ Registry()
    validators = {
        name: Draft202012Validator({"$ref": f"urn:cimkit:schemas:{name}"}, registry=registry)
        for name in ("catalog", "release", "manifest")
    }
    seen = dict.fromkeys(validators, 0)
    for path in published.root.rglob("*.json"):
        kind = {"catalog.json": "catalog", "manifest.json": "manifest"}.get(path.name)
        kind = "release" if path.parent.name == "releases" else kind
        if kind:
            validators[kind].validate(json.loads(path.read_bytes()))
            seen[kind] += 1
    assert seen == {"catalog": 1, "release": 2, "manifest": 3}
    assert (published.root / "HEAD").read_text() == "000002\n"


@pytest.mark.parametrize("crs", ["EPSG:4547", "EPSG:4490", "EPSG:4326", "EPSG:3857"])
def test_geopandas_reads_the_file_with_its_crs(catalog: Catalog, tmp_path: Path, crs: str) -> None:
    data = tmp_path / "points.parquet"
    table = pa.table({"id": ["a", "b"], "geometry": [shapely.Point(114.1, 30.2).wkb, None]})
    pq.write_table(table, data)
    publish(catalog, DatasetDraft("poi", data, crs, {"en": "Places"}, {}))
    judge = gpd.read_parquet(catalog.data("poi"))
    assert judge.crs == crs
    frame = catalog.to_geopandas("poi")
    assert frame.crs == crs
    assert list(frame.columns) == ["id", "geometry"]
    assert frame.geometry.isna().sum() == 1
    assert catalog.show("poi")["geometry"] == {"types": ["Point"], "nulls": 1}


def test_a_dataset_without_records(catalog: Catalog, tmp_path: Path) -> None:
    path = tmp_path / "empty.parquet"
    pq.write_table(pa.table({"id": pa.array([], pa.string()), "geometry": pa.array([], pa.binary())}), path)
    publish(catalog, DatasetDraft("empty", path, "EPSG:4490", {"en": "Nothing yet"}, {}))
    manifest = catalog.show("empty")
    assert (manifest["rows"], manifest["bbox"], manifest["bbox_crs84"]) == (0, None, None)
    assert len(catalog.to_geopandas("empty")) == 0
    assert catalog.query("SELECT count(*) AS n FROM empty").to_pylist() == [{"n": 0}]


def test_codes_keep_their_leading_zeros_and_older_versions_stay(
    published: Catalog, table_draft: DatasetDraft, draft: Drafter
) -> None:
    assert published.to_geopandas("device")["id"].tolist() == ["010001", "010002"]
    publish(published, draft("building", 9.0))
    assert published.to_geopandas("building")["height_m"].tolist() == [9.0]
    assert len(published.to_geopandas("building", 1)) == 3
    with pytest.raises(UsageError, match="no version 9"):
        published.to_geopandas("building", 9)
    with pytest.raises(UsageError) as refused:
        published.show("bulding")
    assert refused.value.hint == "Did you mean 'building'?"


def test_a_covering_that_is_there_is_not_a_field(published: Catalog, draft: Drafter) -> None:
    # The data of a release, published again: what the writer adds is neither a change nor a column.
    again = replace(draft(), data=published.data("building"))
    assert publish(published, again) is None


# ---- several at once ------------------------------------------------------------------

WRITER = """
import sys
from pathlib import Path
from cimkit.catalog import Catalog, durable
from cimkit.model import DatasetDraft

root, name, lock, *data = sys.argv[1:]
if lock == "without":
    durable.fcntl = None
for path in data:
    draft = DatasetDraft(name, Path(path), "EPSG:4547", {"en": name}, {})
    release = Catalog.open(root).publish([draft], message=path, author=name, clock="2024-06-01T00:00:00Z")
    print(release.number if release else 0)
"""


def writers(catalog: Catalog, jobs: list[tuple[str, list[Path]]], lock: str) -> list[int]:
    """The release numbers that processes at work at the same time got."""
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", WRITER, str(catalog.root), name, lock, *map(str, data)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for name, data in jobs
    ]
    said = [process.communicate(timeout=120) for process in processes]
    assert not any(process.returncode for process in processes), [err for _, err in said]
    return [int(line) for out, _ in said for line in out.split()]


@pytest.mark.parametrize("lock", ["with", "without"])
def test_writers_at_once_lose_nothing(published: Catalog, tmp_path: Path, lock: str) -> None:
    data = [write_buildings(tmp_path / f"{i}.parquet", (float(i), 0.5)) for i in range(6)]
    numbers = writers(published, [("north", data[:2]), ("building", data[2:4]), ("building", data[4:])], lock)
    assert sorted(numbers) == list(range(2, 8))
    assert published.head.number == 7
    history = published.releases()
    assert [release.parents for release in history] == [(), *((n,) for n in range(1, 7))]
    assert published.head.datasets == {"building": 5, "device": 1, "north": 2}
    assert {published.show("building", n)["message"] for n in range(2, 6)} == {str(path) for path in data[2:]}
    assert published.verify() == []


def test_writers_with_the_same_data_make_one_release(catalog: Catalog, tmp_path: Path) -> None:
    data = write_buildings(tmp_path / "same.parquet", (1.0,))
    assert sorted(writers(catalog, [("building", [data])] * 2, "with")) == [0, 1]
    assert catalog.layout.versions("building") == [1]
