"""Folders: every file is read, listed or told of; sidecars belong to their file; one broken file stops no other."""

from __future__ import annotations

import json
import os
import shutil
import time
from pathlib import Path
from typing import Any

import geopandas
import pytest
from formats_archives import POINTS, TABLE, plain_zip
from rich.console import Console
from shapely.geometry import Point
from typer.testing import CliRunner

import cimkit
import cimkit.formats as formats
from cimkit.cli.app import app
from cimkit.errors import SourceError, UsageError
from cimkit.formats import folders
from cimkit.report.about import render_inspection


def frame(count: int = 3) -> geopandas.GeoDataFrame:
    places = [Point(114 + i / 10, 22) for i in range(count)]
    return geopandas.GeoDataFrame({"code": [f"0{i}" for i in range(count)]}, geometry=places, crs=4326)


@pytest.fixture()
def submission(tmp_path: Path) -> Path:
    """What a district hands in: good files, a broken one, documents, and what a desktop leaves behind."""
    root = tmp_path / "交付"
    for folder in ("东区", "西区", "__MACOSX", ".git"):
        (root / folder).mkdir(parents=True)
    for folder in ("东区", "西区"):
        frame().to_file(root / folder / "道路.shp", encoding="UTF-8")
        for suffix in (".shp.xml", ".sbn", ".qix", ".name.atx"):
            (root / folder / f"道路{suffix}").write_bytes(b"<metadata/>")
    frame().to_file(root / "city.gpkg", layer="buildings")
    (root / "points.geojson").write_bytes(POINTS)
    (root / "codes.csv").write_bytes(TABLE)
    (root / "readme.txt").write_text("Dear reader,\n\nthese are the roads; of 2024.\n")
    (root / "report.pdf").write_bytes(b"%PDF-1.7")
    (root / "broken.gpkg").write_bytes(b"no database")
    for name in (".DS_Store", "Thumbs.db", "~$codes.xlsx", "__MACOSX/._codes.csv", "东区/道路.shp.HOST.1.sr.lock"):
        (root / name).write_bytes(b"x")
    return root


def names(source: Path) -> list[str]:
    return [layer.name for layer in formats.open(source).layers]


# ---- what cannot be read --------------------------------------------------------------


def test_an_empty_folder(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="holds no files") as caught:
        formats.open(tmp_path)
    assert caught.value.hint


def test_a_folder_of_nothing_but_broken_files_lists_the_reasons(tmp_path: Path) -> None:
    (tmp_path / "a.shp").write_bytes(b"%PDF-1.7")
    (tmp_path / "b.csv").write_bytes(b"")
    (tmp_path / "c.pdf").write_bytes(b"%PDF-1.7")
    with pytest.raises(SourceError) as caught:
        formats.open(tmp_path)
    message = str(caught.value)
    assert "Nothing in" in message
    assert "a.shp is a PDF document" in message
    assert "b.csv is empty" in message


def test_a_folder_whose_layers_all_fail_late(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(b"a,b\n1,2\n3\n")
    (tmp_path / "b.csv").write_bytes(b"a,b\n1,2\n3\n")
    for act in (formats.inspect, lambda path: cimkit.check(path, schema={"type": "object"})):
        with pytest.raises(SourceError, match=r"Nothing in .* can be read.*a\.csv.*b\.csv"):
            act(tmp_path)


def test_one_broken_file_stops_no_other(submission: Path) -> None:
    (submission / "cut.csv").write_bytes(b"a,b\n1,2\n3\n")  # shows only when its rows are read
    dataset = formats.open(submission)
    assert [reject.place for reject in dataset.unread] == [str(submission / "broken.gpkg")]
    about = formats.inspect(submission)
    assert {Path(reject["place"]).name for reject in about["unread"]} == {"broken.gpkg", "cut.csv"}
    assert "cut" not in {layer["name"] for layer in about["layers"]}
    (hint,) = [hint for hint in about["hints"] if hint["code"] == "files.unread"]
    assert hint["message"].startswith("2 files cannot be read")
    with pytest.raises(SourceError, match=r"cut\.csv"):
        formats.inspect(submission, layer="cut")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(TABLE)
    (tmp_path / "b.csv").write_bytes(TABLE)
    (tmp_path / "b.csv").chmod(0)
    assert [reject.place for reject in formats.open(tmp_path).unread] == [str(tmp_path / "b.csv")]


def test_pipes_are_not_waited_for(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(TABLE)
    os.mkfifo(tmp_path / "b.csv")
    (reject,) = formats.open(tmp_path).unread
    assert "pipe" in reject.reason


def test_links(tmp_path: Path) -> None:
    root = tmp_path / "in"
    (root / "d").mkdir(parents=True)
    (tmp_path / "secret.csv").write_bytes(TABLE)
    (root / "a.csv").write_bytes(TABLE)
    (root / "out.csv").symlink_to(tmp_path / "secret.csv")
    (root / "gone.csv").symlink_to(tmp_path / "gone")
    (root / "inside.csv").symlink_to(root / "a.csv")
    (root / "d" / "loop").symlink_to(root)
    (root / "away").symlink_to(tmp_path)
    dataset = formats.open(root)
    assert [layer.name for layer in dataset.layers] == ["a", "inside"]
    (hint,) = [hint for hint in dataset.hints if hint.code == "files.links"]
    assert "4 files" in hint.message
    assert tmp_path / "secret.csv" not in {file.resolve() for file in dataset.delivery.files}


def test_an_archive_in_a_folder(tmp_path: Path) -> None:
    inner = plain_zip(tmp_path / "i.zip", {"deep.csv": TABLE}).read_bytes()
    plain_zip(tmp_path / "a.zip", {"x.csv": TABLE, "i.zip": inner})
    (tmp_path / "i.zip").unlink()
    (tmp_path / "bad.zip").write_bytes(b"PK\3\4" + b"\0" * 50)
    dataset = formats.open(tmp_path)
    assert [layer.name for layer in dataset.layers] == ["deep", "x"]
    assert [str(layer.delivery.path) for layer in dataset.layers] == [
        f"{tmp_path}/a.zip/i.zip/deep.csv",
        f"{tmp_path}/a.zip/x.csv",
    ]
    assert [Path(reject.place).name for reject in dataset.unread] == ["bad.zip"]


def test_too_many_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(12):
        (tmp_path / f"{number}.csv").write_bytes(TABLE)
    monkeypatch.setattr(folders, "MOST_FILES", 10)
    with pytest.raises(SourceError, match="more than 10 files"):
        formats.open(tmp_path)


def test_many_files_are_quick(tmp_path: Path) -> None:
    for folder in range(20):
        (tmp_path / str(folder)).mkdir()
        for number in range(150):
            (tmp_path / str(folder) / f"{number}.b3dm").write_bytes(b"x")
    (tmp_path / "a.csv").write_bytes(TABLE)
    started = time.process_time()
    dataset = formats.open(tmp_path)
    assert len(dataset.assets) == 3000
    assert time.process_time() - started < 6  # 100,000 in some minutes on the slowest machine, and not the square of it


# ---- what is seen ---------------------------------------------------------------------


def test_a_submission(submission: Path) -> None:
    dataset = formats.open(submission)
    assert dataset.delivery.format == "Folder"
    assert [layer.name for layer in dataset.layers] == [
        "buildings",
        "codes",
        "points",
        "东区/道路.shp",
        "西区/道路.shp",
    ]
    assert sorted(asset.name for asset in dataset.assets) == ["readme.txt", "report.pdf"]
    assert {asset.kind for asset in dataset.assets} == {"document"}
    seen = {Path(each.path).relative_to(submission).as_posix(): each for each in dataset.seen}
    assert list(seen) == [
        "broken.gpkg", "city.gpkg", "codes.csv", "points.geojson", "readme.txt", "report.pdf", "东区/道路.shp",
        "西区/道路.shp",
    ]  # fmt: skip
    road = seen["东区/道路.shp"]
    assert road.format == "ESRI Shapefile"
    suffixes = {name.removeprefix("东区/道路") for name in road.sidecars}
    assert suffixes == {".shx", ".dbf", ".prj", ".cpg", ".shp.xml", ".sbn", ".qix", ".name.atx"}
    assert seen["report.pdf"].format is None
    assert all(each.how for each in dataset.seen)
    (hint,) = [hint for hint in dataset.hints if hint.code == "files.left_out"]
    assert hint.message.startswith("6 files")


def test_every_byte_counts_once(submission: Path) -> None:
    dataset = formats.open(submission)
    kept = {file for file in submission.rglob("*") if file.is_file()} - {
        submission / name for name in (".DS_Store", "Thumbs.db", "~$codes.xlsx", "__MACOSX/._codes.csv")
    }
    kept -= set((submission / "东区").glob("*.lock"))
    assert set(dataset.delivery.files) == kept
    assert len(dataset.delivery.files) == len(kept)
    first = dataset.source.sha256
    (submission / "report.pdf").write_bytes(b"%PDF-1.8")
    assert formats.open(submission).source.sha256 != first


@pytest.mark.parametrize(
    ("files", "mains"),
    [
        (["a.tab", "a.dat", "a.map", "a.id", "a.ind"], {"a.tab"}),
        (["a.mif", "a.mid"], {"a.mif"}),
        (["A.SHP", "a.shx", "A.Dbf"], {"A.SHP"}),
        (["a.dbf", "a.prj"], {"a.dbf", "a.prj"}),
        (["a.gml", "a.xsd", "a.gfs"], {"a.gml"}),
        (["a.tif", "a.tfw", "a.tif.aux.xml", "a.tif.ovr", "a.tif.ovr.msk"], {"a.tif"}),
        (["a.gpkg", "a.gpkg-wal", "a.gpkg-shm"], {"a.gpkg"}),
        (["a.b.shp", "a.b.dbf", "a.dbf", "a.shp.xml"], {"a.b.shp", "a.dbf", "a.shp.xml"}),
        (["a.csv", "a.xml", "a.txt"], {"a.csv", "a.xml", "a.txt"}),
        (["x.shp.xml", "x.shp", "x.shp.xml.ovr"], {"x.shp"}),
        (["a-journal", "b.sqlite-journal", "b.sqlite"], {"a-journal", "b.sqlite"}),
    ],
)
def test_what_belongs_to_what(tmp_path: Path, files: list[str], mains: set[str]) -> None:
    for name in files:
        (tmp_path / name).write_bytes(b"x")
    entries = list(folders.Walk(tmp_path).entries())
    assert {entry.path for entry in entries} == mains
    assert sorted(name for entry in entries for name in (entry.path, *entry.sidecars)) == sorted(files)


def test_names_of_layers_are_unique_whatever_comes(tmp_path: Path) -> None:
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        frame().to_file(tmp_path / folder / "x.gpkg", layer="Roads")
    (tmp_path / "roads.csv").write_bytes(TABLE)
    (tmp_path / "c.gpkg").unlink(missing_ok=True)
    frame().to_file(tmp_path / "c.gpkg", layer="a/x.gpkg/Roads")
    found = names(tmp_path)
    assert found == ["a/x.gpkg/Roads", "roads.csv", "a/x.gpkg/Roads (2)", "b/x.gpkg/Roads"]
    shutil.copytree(tmp_path, tmp_path / "again")
    assert len({name.casefold() for name in names(tmp_path)}) == 8


def test_an_encoding_is_for_those_that_do_not_say_theirs(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes("名称\n建筑\n".encode("gb18030"))
    (tmp_path / "p.geojson").write_bytes(POINTS)
    dataset = formats.open(tmp_path, encoding="GBK", crs="EPSG:4490")
    assert dataset.layer("a").arrow()["名称"].to_pylist() == ["建筑"]
    assert dataset.layer("p").crs.value == "EPSG:4490"


# ---- the verbs ------------------------------------------------------------------------


def test_converting_a_layer_of_a_folder(submission: Path, tmp_path: Path) -> None:
    losses = cimkit.convert(submission, tmp_path / "out.parquet", layer="东区/道路.shp")
    assert losses.rows_written == 3
    with pytest.raises(UsageError, match="5 layers") as caught:
        cimkit.convert(submission, tmp_path / "out.parquet")
    assert "--layer" in (caught.value.hint or "")
    with pytest.raises(UsageError, match="no layer '东区/道路'") as caught:
        cimkit.convert(submission, tmp_path / "out.parquet", layer="东区/道路")
    assert "东区/道路.shp" in (caught.value.hint or "")
    with pytest.raises(UsageError, match="is read and cannot also be written"):
        cimkit.convert(submission, submission / "city.gpkg", layer="points")


def test_checking_a_folder(submission: Path, root: Path) -> None:
    schema: dict[str, Any] = {"type": "object", "properties": {"code": {"type": "string", "maxLength": 2}}}
    report = cimkit.check(submission, schema=schema)
    assert report.verdict == "fail"
    assert {Path(source.path).name for source in report.sources} == {
        "city.gpkg",
        "codes.csv",
        "points.geojson",
        "道路.shp",
    }
    (rule,) = [rule for rule in report.rules if rule.code == "source.unreadable"]
    assert (rule.failed, rule.checked, rule.severity) == (1, 6, "error")
    (finding,) = [finding for finding in report.findings if finding.code == "source.unreadable"]
    assert Path(finding.source).name == "broken.gpkg"
    assert "无法读取" in cimkit.check(submission, schema=schema, lang="zh").findings[0].message
    (submission / "broken.gpkg").unlink()
    assert cimkit.check(submission, schema=schema).verdict == "pass"
    import jsonschema

    jsonschema.validate(report.to_dict(), json.loads((root / "schemas/report.schema.json").read_text()))


def test_files_that_no_layer_of_a_standard_fits_are_listed(tmp_path: Path, root: Path) -> None:
    source = root / "sample_data"
    building = next(source.rglob("*.geojson"), None) or next(source.rglob("*.gpkg"))
    (tmp_path / "codes.csv").write_bytes(TABLE)
    shutil.copy(building, tmp_path / f"building{building.suffix}")
    report = cimkit.check(tmp_path, standard="cim-core")
    assert any("codes" in skipped.rule for skipped in report.coverage.rules.skipped)
    (tmp_path / f"building{building.suffix}").unlink()
    # Now the building that every submission has is missing.
    alone = cimkit.check(tmp_path, standard="cim-core")
    assert {rule.code for rule in alone.rules if rule.failed and rule.severity == "error"} == {"source.missing"}
    assert any("codes" in finding.source for finding in alone.findings)


def test_the_command_line(submission: Path) -> None:
    result = CliRunner().invoke(app, ["inspect", str(submission), "--format", "json"])
    assert result.exit_code == 0
    about = json.loads(result.stdout)
    assert about["format"] == "Folder"
    assert {each["format"] for each in about["files"]} == {"GPKG", "CSV", "GeoJSON", "ESRI Shapefile", None}


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_the_text_fits_a_terminal(submission: Path, lang: Any) -> None:
    console = Console(width=80, record=True, file=open(os.devnull, "w"))  # noqa: SIM115, PTH123
    console.print(render_inspection(formats.inspect(submission), lang))
    text = console.export_text()
    console.file.close()
    for name in ("city.gpkg", "codes.csv", "report.pdf", "道路.shp +8", "broken.gpkg"):
        assert name in text
    assert ("Not read" if lang == "en" else "未能读取") in text
    assert "no database" not in text
