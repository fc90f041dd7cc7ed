"""A folder or archive against a standard's submission layout, and arguments that make no sense."""

from __future__ import annotations

import json
import warnings
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import geopandas
import pytest
import shapely
import yaml

import cimkit
from cimkit.check.submission import Entry, Layout
from cimkit.errors import SourceError, UsageError
from cimkit.model import Report

LAYOUT: list[dict[str, Any]] = [
    {"layer": "building", "files": ["building*.{shp,gpkg,geojson,csv}"], "required": True},
    {"layer": "building_storey", "files": ["building_storey*.csv"]},
    {"layer": "road", "files": ["roads/*.{geojson,csv}", "road*.csv"]},
    {"document": "metadata", "files": ["metadata.{xml,json}"], "required": True},
]
FIELDS = {"building": ["id", "storeys"], "building_storey": ["id", "building"], "road": ["id", "lanes"]}


@pytest.fixture
def standard(tmp_path: Path) -> Path:
    return make_standard(tmp_path / "standard")


def make_standard(folder: Path, **more: Any) -> Path:
    (folder / "layers").mkdir(parents=True)
    manifest = {
        "standard": "town",
        "version": "1.0.0",
        "status": "draft",
        "title": {"en": "Town"},
        "licence": "CC0-1.0",
        "layers": list(FIELDS),
        "classes": {"core": {"en": "Core", "levels": ["L0", "L1"]}},
        "submission": LAYOUT,
        **more,
    }
    (folder / "standard.yaml").write_text(yaml.safe_dump(manifest), encoding="utf-8")
    for name, fields in FIELDS.items():
        schema = {
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "$id": f"urn:cim:town:1.0.0:{name}",
            "title": name,
            "type": "object",
            "required": fields,
            "properties": {field: {"type": "string"} for field in fields},
        }
        (folder / "layers" / f"{name}.schema.json").write_text(json.dumps(schema), encoding="utf-8")
    return folder


def deliver(folder: Path, files: Mapping[str, str]) -> Path:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return folder


BUILDING, STOREY, ROAD = "id,storeys\nb1,3\n", "id,building\ns1,b1\n", "id,lanes\nr1,2\n"
GOOD = {"Building_2024.csv": BUILDING, "building_storey.csv": STOREY, "roads/main.csv": ROAD, "metadata.json": "{}"}


def layers(report: Report) -> dict[str, str]:
    return {Path(source.path).name: layer.standard_layer for source in report.sources for layer in source.layers}


def told(report: Report) -> list[tuple[str, str, str]]:
    return [(f.code, f.severity, Path(f.source).name) for f in report.findings]


# ---- a folder -----------------------------------------------------------------------------


def test_files_are_the_layers_that_their_names_say(tmp_path: Path, standard: Path) -> None:
    report = cimkit.check(deliver(tmp_path / "town", GOOD), standard=standard)
    assert layers(report) == {
        "Building_2024.csv": "building",
        "building_storey.csv": "building_storey",
        "main.csv": "road",
    }
    assert told(report) == []
    assert [(r.rule, r.checked, r.failed) for r in report.rules if r.code == "source.missing"] == [
        ("submission.building#required", 1, 0),
        ("submission.metadata#required", 1, 0),
    ]
    assert [each.verdict for each in report.classes] == ["pass"]


def test_missing_and_strange_files(tmp_path: Path, standard: Path) -> None:
    files = {"bulding.csv": "id,storeys\nb1,3\n", "road1.csv": ROAD, "README.md": "hello", "building.xyz": "?"}
    report = cimkit.check(deliver(tmp_path / "town", files), standard=standard)
    assert told(report) == [
        ("source.missing", "error", "town"),
        ("source.missing", "error", "town"),
        ("source.unexpected", "warning", "building.xyz"),
        ("source.unexpected", "warning", "bulding.csv"),
        ("source.unexpected", "info", "README.md"),
    ]
    hints = [finding.hint for finding in report.findings]
    assert "building*.{shp,gpkg,geojson,csv}" in str(hints[0]) and "metadata.{xml,json}" in str(hints[1])
    assert "building*.{shp,gpkg,geojson,csv}" in str(hints[3])
    assert report.verdict == "fail" and [each.verdict for each in report.classes] == ["fail"]
    assert layers(report) == {"bulding.csv": "building", "road1.csv": "road"}  # by its columns all the same


def test_a_name_wins_over_columns(tmp_path: Path, standard: Path) -> None:
    files = {**GOOD, "road2.csv": STOREY}
    report = cimkit.check(deliver(tmp_path / "town", files), standard=standard)
    assert layers(report)["road2.csv"] == "road"
    assert [(f.code, f.field) for f in report.findings] == [("required", "lanes")]


def test_an_archive_is_a_submission_too(tmp_path: Path, standard: Path) -> None:
    with zipfile.ZipFile(tmp_path / "town.zip", "w") as archive:
        for name, text in GOOD.items():
            if name != "metadata.json":
                archive.writestr(f"town/{name}", text)
    report = cimkit.check(tmp_path / "town.zip", standard=standard)
    assert told(report) == [("source.missing", "error", "town.zip")]
    assert set(layers(report).values()) == {"building", "building_storey", "road"}


def test_an_unreadable_file_is_not_missing(tmp_path: Path, standard: Path) -> None:
    files = {**GOOD, "Building_2024.csv": "", "building.geojson": "{"}
    del files["Building_2024.csv"]
    report = cimkit.check(deliver(tmp_path / "town", files), standard=standard)
    assert [code for code, *_ in told(report)] == ["source.unreadable"]
    assert report.classes[0].verdict == "fail"


def test_layers_of_a_container_go_by_their_names(tmp_path: Path, standard: Path) -> None:
    folder = deliver(tmp_path / "town", {"metadata.xml": "<m/>"})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name, column in (("building", "storeys"), ("road", "lanes"), ("remarks", "text")):
            frame = geopandas.GeoDataFrame({"id": ["1"], column: ["2"]}, geometry=[shapely.Point(113, 22)], crs=4490)
            frame.to_file(folder / "town.gpkg", layer=name)
    report = cimkit.check(folder, standard=standard)
    assert {layer.name: layer.standard_layer for source in report.sources for layer in source.layers} == {
        "building": "building",
        "road": "road",
    }
    assert told(report) == []
    assert [skipped.rule.rpartition(":")[2] for skipped in report.coverage.rules.skipped] == ["remarks"]


def test_one_layer_of_a_folder(tmp_path: Path, standard: Path) -> None:
    folder = deliver(tmp_path / "town", GOOD)
    report = cimkit.check(folder, standard=f"{standard}/road")
    assert layers(report) == {"main.csv": "road"}
    assert len(report.coverage.rules.skipped) == 2 and told(report) == []
    (folder / "roads" / "main.csv").unlink()
    (folder / "Building_2024.csv").unlink()
    missing = cimkit.check(folder, standard=f"{standard}/building")
    assert told(missing) == [("source.missing", "error", "town")]
    with pytest.raises(UsageError, match=r"The one layer of \S+town is not known to be 'road'"):
        cimkit.check(folder, standard=f"{standard}/road")


def test_a_folder_of_documents_alone(tmp_path: Path, standard: Path) -> None:
    report = cimkit.check(deliver(tmp_path / "town", {"metadata.json": '{"a": 1}'}), standard=standard)
    assert told(report) == [("source.missing", "error", "town")]
    assert report.coverage.features_checked == 0
    classes = {"deep": {"en": "Deep", "levels": ["L2"]}}
    deep = make_standard(tmp_path / "deep", classes=classes)
    assert [each.verdict for each in cimkit.check(tmp_path / "town", standard=deep).classes] == ["unchecked"]


def test_nothing_at_all_does_not_pass(tmp_path: Path) -> None:
    loose = [{**entry, "required": False} for entry in LAYOUT]
    standard = make_standard(tmp_path / "loose", submission=loose)
    with pytest.raises(SourceError):
        cimkit.check(deliver(tmp_path / "a", {"metadata.json": "{}"}), standard=standard)
    with pytest.raises(UsageError, match="not clear which layer"):
        cimkit.check(deliver(tmp_path / "b", {"x.csv": "a,b\n1,2\n"}), standard=standard)


def test_without_a_layout_columns_decide_as_ever(tmp_path: Path) -> None:
    standard = make_standard(tmp_path / "plain", submission=[])
    report = cimkit.check(deliver(tmp_path / "town", {"a.csv": BUILDING, "b.csv": ROAD}), standard=standard)
    assert layers(report) == {"a.csv": "building", "b.csv": "road"}
    assert told(report) == []


def test_severities_of_a_standard(tmp_path: Path) -> None:
    said = {"source.missing": "warning", "source.unexpected": "off"}
    standard = make_standard(tmp_path / "mild", hygiene=said)
    report = cimkit.check(deliver(tmp_path / "town", {"road.csv": ROAD, "x.txt": "hello"}), standard=standard)
    assert {(code, severity) for code, severity, _ in told(report)} == {("source.missing", "warning")}
    assert report.verdict == "pass"


def test_a_profile_inherits_the_layout(tmp_path: Path) -> None:
    make_standard(tmp_path / "registry" / "town" / "1.0.0")
    profile = make_standard(tmp_path / "profile", standard="harbour", extends=["town@^1.0"])
    manifest = yaml.safe_load((profile / "standard.yaml").read_text(encoding="utf-8"))
    del manifest["submission"]
    (profile / "standard.yaml").write_text(yaml.safe_dump(manifest), encoding="utf-8")
    folder = deliver(tmp_path / "town", {"road.csv": ROAD})
    report = cimkit.check(folder, standard=profile, registry={"town": tmp_path / "registry"})
    assert [code for code, *_ in told(report)] == ["source.missing"] * 2


# ---- patterns -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("pattern", "path", "fits"),
    [
        ("building*.{shp,gpkg}", "BUILDING_2024.SHP", True),
        ("building*.{shp,gpkg}", "sub/building.gpkg", True),
        ("building*.{shp,gpkg}", "my_building.gpkg", False),
        ("data/*.csv", "data/a.csv", True),
        ("data/*.csv", "top/data/a.csv", True),
        ("data/*.csv", "data/deep/a.csv", False),
        ("data/**/*.csv", "data/deep/er/a.csv", True),
        ("r[ao]ad?.csv", "road1.csv", True),
        ("[!r]oad.csv", "road.csv", False),
        ("建筑{,_*}.shp", "建筑_2024.shp", True),
        ("a+b(1).csv", "a+b(1).csv", True),
        ("{a,{b,c}}.csv", "c.csv", True),
    ],
)
def test_file_patterns(pattern: str, path: str, fits: bool) -> None:
    assert (Entry("x", True, (pattern,), False).fits(path) >= 0) is fits


def test_the_pattern_that_says_most_decides() -> None:
    layout = Layout.of({"submission": LAYOUT})
    assert layout is not None
    entry = layout.entry_of("building_storey.csv")
    assert entry is not None and entry.name == "building_storey"
    near = layout.nearest("bulding_2024.shp")
    assert near is not None and near[1] == LAYOUT[0]["files"][0]
    assert layout.nearest("README.md") is None


# ---- arguments ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "wrong",
    [
        {"samples": "x"},
        {"samples": -1},
        {"samples": True},
        {"level": 3},
        {"level": "L9"},
        {"engine": "fast"},
        {"lang": "fr"},
        {"formats": "yes"},
        {"encoding": 5},
        {"crs": 4326},
        {"layer": 1},
        {"clock": 2024},
        {"progress": "loud"},
        {"registry": "folder"},
        {"registry": {"x": "/no/such/folder"}},
        {"rejects": "rejects.csv"},
        {"known": 5},
        {"known": [5]},
    ],
)
def test_arguments_of_the_wrong_kind(tmp_path: Path, wrong: dict[str, Any]) -> None:
    path = tmp_path / "t.csv"
    path.write_text("a\n1\n", encoding="utf-8")
    with pytest.raises(UsageError):
        cimkit.check(path, **{"schema": {"type": "object"}, **wrong})


@pytest.mark.parametrize("sources", [5, None, [1], "", [], {"a": 1}])
def test_sources_of_the_wrong_kind(sources: Any) -> None:
    with pytest.raises(UsageError):
        cimkit.check(sources, schema={"type": "object"})


def test_standards_and_schemas_of_the_wrong_kind(tmp_path: Path) -> None:
    for against in ({"standard": 5}, {"schema": 5}, {"schema": ["a"]}, {"standard": "cim-core", "crosswalk": 5}):
        with pytest.raises(UsageError):
            cimkit.check(tmp_path / "t.csv", **against)
