"""Damage is found and named; a hostile catalog is refused, and never read outside of itself."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from catalog_drafts import CLOCK, Drafter, publish

from cimkit.catalog import Catalog
from cimkit.errors import CatalogError, QueryError, UsageError


@pytest.fixture
def twice(published: Catalog, draft: Drafter) -> Catalog:
    """Two releases: building has two versions, device has one."""
    publish(published, draft("building", 7.0))
    return published


def edit(path: Path, **changes: Any) -> None:
    path.write_text(json.dumps({**json.loads(path.read_text("utf-8")), **changes}))


def flip(path: Path) -> None:
    """Changes one byte and not the size."""
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


DAMAGES: dict[str, tuple[Callable[[Catalog], Any], list[tuple[str, str]]]] = {
    "HEAD is missing": (lambda c: c.layout.head.unlink(), [("head.broken", "HEAD")]),
    "HEAD is empty": (lambda c: c.layout.head.write_text(""), [("head.broken", "HEAD")]),
    "HEAD is no number": (lambda c: c.layout.head.write_text("../../etc"), [("head.broken", "HEAD")]),
    "HEAD names nothing": (lambda c: c.layout.head.write_text("000009\n"), [("head.broken", "HEAD")]),
    "the release is missing": (lambda c: c.layout.release(2).unlink(), [("head.broken", "HEAD")]),
    "its parent is missing": (
        lambda c: c.layout.release(1).unlink(),
        [("release.broken", "releases/000001.json")],
    ),
    "its parent was changed": (
        lambda c: edit(c.layout.release(1), message="never said"),
        [("release.broken", "releases/000001.json")],
    ),
    "the release is cut off": (
        lambda c: c.layout.release(2).write_text('{"format": 1'),
        [("release.broken", "releases/000002.json")],
    ),
    "the release is another": (
        lambda c: shutil.copy(c.layout.release(1), c.layout.release(2)),
        [("release.broken", "releases/000002.json")],
    ),
    "the release is its own parent": (
        lambda c: edit(c.layout.release(2), parents=[2]),
        [("release.broken", "releases/000002.json")],
    ),
    "a manifest is missing": (
        lambda c: c.layout.manifest("building", 2).unlink(),
        [("manifest.broken", "datasets/building/v000002/manifest.json")],
    ),
    "a manifest was changed": (
        lambda c: edit(c.layout.manifest("building", 1), licence="CC0-1.0"),
        [("manifest.broken", "datasets/building/v000001/manifest.json")],
    ),
    "a version was removed": (
        lambda c: shutil.rmtree(c.layout.version("device", 1)),
        [("manifest.broken", "datasets/device/v000001/manifest.json")],
    ),
    "data is missing": (lambda c: c.data("device").unlink(), [("file.missing", "{device}")]),
    "data is longer": (
        lambda c: c.data("device").write_bytes(c.data("device").read_bytes() + b"x"),
        [("file.changed", "{device}")],
    ),
    "one byte of data is another": (lambda c: flip(c.data("device")), [("file.changed", "{device}")]),
    "one byte of an old attachment is another": (
        lambda c: flip(c.attachments("building", 1)["provenance.parquet"]),
        [("file.changed", "datasets/building/v000001/provenance.parquet")],
    ),
    "a file is beside the data": (
        lambda c: (c.layout.version("device", 1) / "notes.txt").touch(),
        [("file.unknown", "datasets/device/v000001/notes.txt")],
    ),
    "a file is beside the versions": (
        lambda c: (c.layout.dataset("device") / "v2.parquet").touch(),
        [("file.unknown", "datasets/device/v2.parquet")],
    ),
    "a file is beside the releases": (
        lambda c: (c.layout.releases / "000001.json~").touch(),
        [("file.unknown", "releases/000001.json~")],
    ),
}


@pytest.mark.parametrize("name", DAMAGES)
def test_a_damage_is_named(twice: Catalog, name: str) -> None:
    device = twice.layout.relative(twice.data("device"))
    inflict, expected = DAMAGES[name]
    inflict(twice)
    found = Catalog.open(twice.root).verify()
    assert [(damage.code, damage.path) for damage in found] == [(c, p.format(device=device)) for c, p in expected]
    assert all(damage.path.rsplit("/", 1)[-1] in str(damage) for damage in found)


def test_several_damages_are_all_named(twice: Catalog) -> None:
    flip(twice.data("device"))
    twice.data("building").unlink()
    (twice.layout.releases / "x").touch()
    assert [damage.code for damage in twice.verify()] == ["file.missing", "file.changed", "file.unknown"]


def test_what_a_killed_writer_left_is_no_damage(twice: Catalog) -> None:
    (twice.layout.datasets / ".tmp-1-a").mkdir()
    (twice.layout.releases / ".tmp-1-b").touch()
    shutil.copytree(twice.layout.version("device", 1), twice.layout.version("device", 2))
    (twice.layout.datasets / "never").mkdir()
    assert twice.verify() == []
    assert twice.show("device")["version"] == 1


def test_a_lost_head_says_what_to_write_there(twice: Catalog) -> None:
    twice.layout.head.write_text("gone")
    with pytest.raises(CatalogError, match="does not name a release") as refused:
        _ = twice.head
    assert refused.value.hint == "The newest release there is 000002. If it is right, write that number into HEAD."


def test_a_manifest_changed_since_is_not_blessed_by_the_next_release(twice: Catalog, draft: Drafter) -> None:
    edit(twice.layout.manifest("device", 1), message="never said")
    publish(twice, draft("building", 8.0))
    assert [damage.code for damage in twice.verify()] == ["manifest.broken"]


# ---- hostile --------------------------------------------------------------------------


def named(catalog: Catalog, path: str) -> None:
    """Lets the manifest of device name another file as its data."""
    manifest = catalog.layout.manifest("device", 1)
    files = json.loads(manifest.read_text("utf-8"))["files"]
    edit(manifest, files=[{**files[0], "path": path}])


@pytest.mark.parametrize(
    "path", ["../v000002/x", "/etc/passwd", "..", "", "a/b.parquet", "a\\b", "C:x", ".hidden", "x\n", "x" * 300, "a\0b"]
)
def test_a_manifest_that_names_a_path(published: Catalog, path: str) -> None:
    named(published, path)
    for read in (published.show, published.data, published.to_geopandas, published.attachments):
        with pytest.raises(CatalogError):
            read("device")
    assert published.verify()[0].code == "manifest.broken"


@pytest.mark.parametrize("what", ["file", "version", "dataset", "manifest", "HEAD", "releases"])
def test_links_that_lead_out(published: Catalog, tmp_path: Path, what: str) -> None:
    target = {
        "file": published.data("device"),
        "version": published.layout.version("device", 1),
        "dataset": published.layout.dataset("device"),
        "manifest": published.layout.manifest("device", 1),
        "HEAD": published.layout.head,
        "releases": published.layout.releases,
    }[what]
    outside = tmp_path / "outside"
    shutil.move(target, outside)
    target.symlink_to(outside)
    with pytest.raises(CatalogError, match="leads out of the catalog"):
        published.to_geopandas("device")
    assert published.verify() != []
    published.layout.index.unlink()
    if what in ("HEAD", "releases"):
        with pytest.raises(CatalogError):
            published.query("SELECT 1")
    else:
        published.query("SELECT count(*) FROM building")
        assert "dataset.damaged" in {hint.code for hint in published.hints}


def test_an_index_that_is_a_link_is_not_opened(published: Catalog, tmp_path: Path) -> None:
    shutil.move(published.layout.index, tmp_path / "outside.duckdb")
    published.layout.index.symlink_to(tmp_path / "outside.duckdb")
    published.query("SELECT 1")
    assert [hint.code for hint in published.hints] == ["index.rebuilt"]
    assert not published.layout.index.is_symlink()


@pytest.mark.parametrize(
    "text",
    [
        "[]",
        "{}",
        "",
        "nonsense",
        '{"format": 1, "format": 1}',
        '{"rows": NaN}',
        '{"a":' * 5000,
        "\ufeff{}",
        '{"rows": 1' + "0" * 5000 + "}",
    ],
)
@pytest.mark.parametrize("document", ["catalog", "release", "manifest"])
def test_documents_that_are_none(published: Catalog, document: str, text: str) -> None:
    path = {
        "catalog": published.layout.document,
        "release": published.layout.release(1),
        "manifest": published.layout.manifest("device", 1),
    }[document]
    path.write_text(text, "utf-8")
    with pytest.raises(CatalogError):
        Catalog.open(published.root).show("device")


def test_a_catalog_of_the_future(published: Catalog) -> None:
    edit(published.layout.document, format=2)
    with pytest.raises(CatalogError, match="this cimkit reads up to 1"):
        Catalog.open(published.root)


@pytest.mark.parametrize("name", ["../outside", "/etc", "Building", "a/b"])
def test_a_release_that_names_a_path(published: Catalog, name: str) -> None:
    edit(published.layout.release(1), datasets={name: 1})
    with pytest.raises(CatalogError):
        published.datasets()
    assert [damage.code for damage in published.verify()] == ["release.broken"]


def test_a_manifest_of_another_dataset(published: Catalog) -> None:
    edit(published.layout.manifest("device", 1), name="building")
    with pytest.raises(CatalogError, match="is the manifest of building"):
        published.show("device")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_a_pipe_in_the_place_of_data_does_not_hang(published: Catalog) -> None:
    path = published.data("device")
    path.unlink()
    os.mkfifo(path)
    assert [damage.code for damage in published.verify()] == ["file.missing"]


@pytest.mark.parametrize(
    "changes",
    [
        {"message": "\ud800"},
        {"created_at": "2024-99-99T99:99:99Z"},
        {"rows": 10**30},
        {"version": 1.0},
        {"bbox": [10**400, 0, 1, 1]},
        {"bbox": [1, 0.5, 2, 3]},
        {"crs": "EPSG:999999"},
        {"crs": "x" * 100_000},
        {"crs": "it's"},
        {"geometry": {"types": ["Blob"], "nulls": 1}},
        {"check": {}},
        {"check": {"totals": {"error": 1}, "rules": [{"rule": "a"}]}},
        {"sources": [{"as_of": "yesterday"}, {}]},
        {"fields": []},
        {"title": {}},
        {"run": {"a": {"b": [None]}}},
    ],
)
def test_odd_manifests_never_end_in_a_traceback(published: Catalog, changes: dict[str, Any]) -> None:
    published.layout.index.unlink()
    edit(published.layout.manifest("building", 1), **changes)
    read: list[Callable[[], Any]] = [
        lambda: published.query("SELECT count(*) FROM building, dataset_version"),
        lambda: published.show("building"),
        lambda: published.to_geopandas("building"),
        lambda: published.rebuild(),
    ]
    for attempt in read:
        with suppress(CatalogError, QueryError):
            attempt()
    assert [damage.code for damage in published.verify()] == ["manifest.broken"]


def test_odd_metadata_in_the_data_never_ends_in_a_traceback(published: Catalog) -> None:
    path = published.data("building")
    table = pq.read_table(path)
    for geo in (
        "[]",
        '{"columns": []}',
        '{"columns": {"geometry": {"crs": 7}}}',
        "{",
        "[" * 9999,
        '{"columns": {"geometry": {}}}',
    ):
        pq.write_table(table.replace_schema_metadata({"geo": geo}), path)
        with suppress(CatalogError, QueryError):
            published.query("SELECT count(*) FROM building")
        with suppress(CatalogError):
            published.to_geopandas("building")
        assert [damage.code for damage in published.verify()] == ["file.changed"]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
@pytest.mark.parametrize(
    "what", ["HEAD", "releases/000001.json", "datasets/device/v000001/manifest.json", "catalog.json"]
)
def test_a_pipe_in_the_place_of_a_document_does_not_hang(published: Catalog, what: str) -> None:
    (published.root / what).unlink()
    os.mkfifo(published.root / what)
    with pytest.raises(CatalogError):
        Catalog.open(published.root).show("device")


# ---- a run on a damaged catalog -------------------------------------------------------


@pytest.mark.parametrize("harm", ["missing", "changed", "manifest"])
def test_what_is_damaged_is_published_again(twice: Catalog, draft: Drafter, harm: str) -> None:
    """The same data is nothing new, unless what the catalog has of it is not what it had."""
    again = draft()
    before = twice.publish([again], message="", author="", clock=CLOCK) or twice.head
    assert twice.publish([again], message="", author="", clock=CLOCK) is None
    if harm == "missing":
        twice.data("building").unlink()
    elif harm == "changed":
        twice.data("building").write_bytes(b"PAR1")
    else:
        path = twice.layout.manifest("building", before.datasets["building"])
        path.write_text(path.read_text().replace("EPSG:4547", "EPSG:4490", 1))
    release = twice.publish([again], message="", author="", clock=CLOCK)
    assert release is not None
    assert release.number == before.number + 1
    assert len(twice.to_geopandas("building"))


def test_a_query_of_a_damaged_dataset_says_so(published: Catalog) -> None:
    published.data("building").unlink()
    for table in ("building", "building__provenance"):
        with pytest.raises(CatalogError, match="missing"):
            published.query(f"FROM {table}")
    assert published.query("FROM device").num_rows


def test_a_query_after_a_release_that_is_not_there(published: Catalog) -> None:
    published.layout.head.write_text("000099\n")
    with pytest.raises(CatalogError, match=r"000099\.json"):
        published.query("FROM device")


@pytest.mark.parametrize("clock", ["2024-13-01T00:00:00Z", "2024-02-30T00:00:00Z", "2024-01-01T25:00:00Z", "now"])
def test_a_time_that_does_not_exist(published: Catalog, draft: Drafter, clock: str) -> None:
    with pytest.raises(UsageError, match="no time"):
        published.publish([draft("other")], message="", author="", clock=clock)
