"""A catalog folder as a source: its current release, each dataset a layer."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml

import cimkit
from cimkit.catalog import Catalog
from cimkit.errors import SourceError
from cimkit.model import DatasetDraft


def published(folder: Path, *releases: Mapping[str, list[str]], layers: Mapping[str, str] | None = None) -> Path:
    """A catalog of tables with one column ``id``, one release after the other."""
    catalog = Catalog.init(folder / "catalog", "city")
    for number, datasets in enumerate(releases):
        drafts = []
        for name, ids in datasets.items():
            path = folder / f"{name}-{number}.parquet"
            pq.write_table(pa.table({"id": ids}), path)
            facts = {"standard": {"id": "s", "version": "1", "layer": layers[name]}} if layers else {}
            drafts.append(DatasetDraft(name, path, None, {"en": name}, facts))
        catalog.publish(drafts, author="t", message=f"release {number}", run={}, clock="2024-05-01T00:00:00Z")
    return folder / "catalog"


def test_the_current_release_is_read(tmp_path: Path) -> None:
    root = published(tmp_path, {"device": ["a"], "room": ["1"]}, {"device": ["a", "b"]})
    dataset = cimkit.open(root)
    assert [layer.name for layer in dataset.layers] == ["device", "room"]
    assert dataset.layer("device").arrow()["id"].to_pylist() == ["a", "b"]
    assert dataset.source.format == "Catalog"
    found = cimkit.inspect(root)
    assert (found["format"], [layer["features"] for layer in found["layers"]]) == ("Catalog", [2, 1])


def test_layers_go_by_the_names_of_the_standard(tmp_path: Path) -> None:
    layers = {"north": "building", "sensors": "device", "south": "building"}
    root = published(tmp_path, {name: ["a"] for name in layers}, layers=layers)
    assert [layer.name for layer in cimkit.open(root).layers] == ["north", "device", "south"]


def test_an_older_release_is_read_after_a_step_back(tmp_path: Path) -> None:
    root = published(tmp_path, {"device": ["a"]}, {"device": ["b"]})
    (root / "HEAD").write_text("000001\n")
    assert cimkit.open(root).layer("device").arrow()["id"].to_pylist() == ["a"]


def test_nothing_in_the_catalog_is_touched(tmp_path: Path) -> None:
    root = published(tmp_path, {"device": ["a"]})
    before = {path: path.stat().st_mtime_ns for path in sorted(root.rglob("*"))}
    cimkit.inspect(root)
    assert {path: path.stat().st_mtime_ns for path in sorted(root.rglob("*"))} == before


def test_a_catalog_without_a_release(tmp_path: Path) -> None:
    root = published(tmp_path)
    with pytest.raises(SourceError, match="no release yet"):
        cimkit.open(root)


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        ("head", "does not name a release"),
        ("release", "does not exist"),
        ("manifest", "is not JSON"),
        ("data", "is missing"),
        ("cut", "was changed"),
        ("parent", "path"),
        ("absolute", "path"),
        ("link", "leads out of the catalog"),
        ("linked folder", "leads out of the catalog"),
        ("dataset", "datasets"),
    ],
)
def test_damage_and_ways_out_are_refused(damage: str, said: str, tmp_path: Path) -> None:
    root = published(tmp_path, {"device": ["a"]})
    version = root / "datasets/device/v000001"
    (data,) = version.glob("*.parquet")
    manifest = version / "manifest.json"
    secret = tmp_path / "secret.parquet"
    pq.write_table(pa.table({"id": ["secret"]}), secret)
    if damage == "head":
        (root / "HEAD").write_text("../7")
    elif damage == "release":
        (root / "HEAD").write_text("000009")
    elif damage == "manifest":
        manifest.write_text("{")
    elif damage == "data":
        data.unlink()
    elif damage == "cut":
        data.write_bytes(data.read_bytes()[:-9])
    elif damage in ("parent", "absolute"):
        document = json.loads(manifest.read_text())
        other = "../../../../secret.parquet" if damage == "parent" else str(secret)
        document["files"][0] |= {"path": other, "bytes": secret.stat().st_size}
        manifest.write_text(json.dumps(document))
    elif damage == "link":
        data.unlink()
        data.symlink_to(secret)
    elif damage == "linked folder":
        aside = tmp_path / "aside"
        version.rename(aside)
        version.symlink_to(aside, target_is_directory=True)
    else:
        release = root / "releases/000001.json"
        document = json.loads(release.read_text())
        document["datasets"] = {"../../x": 1}
        release.write_text(json.dumps(document))
    with pytest.raises(SourceError, match=said):
        cimkit.open(root)


def test_a_catalog_may_be_checked_and_referred_to(tmp_path: Path) -> None:
    """A new delivery refers to what the catalog has; its keys are no duplicates of those there."""
    package = tmp_path / "s" / "1.0.0"
    (package / "layers").mkdir(parents=True)
    (package / "standard.yaml").write_text(
        yaml.safe_dump(
            {
                "standard": "s",
                "version": "1.0.0",
                "status": "draft",
                "title": {"en": "S"},
                "publisher": {"en": "P"},
                "licence": "CC0-1.0",
                "layers": ["device", "room"],
            }
        )
    )
    text = {"type": "string"}
    for name, fields in (
        ("room", {"id": {**text, "cim:key": True}}),
        ("device", {"id": {**text, "cim:key": True}, "room": {**text, "cim:ref": "room.id"}}),
    ):
        schema = {
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "$id": f"urn:cim:s:1.0.0:{name}",
            "title": name.title(),
            "type": "object",
            "properties": fields,
        }
        (package / "layers" / f"{name}.schema.json").write_text(json.dumps(schema))
    root = published(tmp_path, {"device": ["d1"], "room": ["r-0001"]})
    delivery = tmp_path / "device.csv"
    delivery.write_text("id,room\nd1,r-0001\nd2,R 0001\n")
    report = cimkit.check(delivery, standard=package, known=root)
    assert [(f.rule, f.row, f.hint) for f in report.findings] == [("device.room#ref", 1, "Did you mean 'r-0001'?")]
    assert [source.path for source in report.sources] == [str(delivery)]
    alone = cimkit.check(delivery, standard=package)
    assert [s.rule for s in alone.coverage.rules.skipped] == ["device.room#ref"]
    itself = cimkit.check(root, standard=package)
    assert itself.verdict == "pass"
    assert {layer.standard_layer for source in itself.sources for layer in source.layers} == {"device", "room"}
