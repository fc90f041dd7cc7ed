"""The submitter's folder is never written to: a file of every format lies in it, and it is watched."""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from formats_samples import SAMPLES, make
from typer.testing import CliRunner

import cimkit
import cimkit.formats as formats
from cimkit.cli.app import app
from cimkit.errors import CimkitError
from cimkit.formats.registry import FORMATS


def state(folder: Path) -> dict[str, tuple[int, int, str]]:
    """Every file and folder with its time (a folder's changes with what comes and goes in it), mode and content."""
    found = {}
    for path in (folder, *folder.rglob("*")):
        about = path.lstat()
        content = hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ""
        found[path.relative_to(folder).as_posix()] = (about.st_mtime_ns, about.st_mode, content)
    return found


@pytest.fixture(scope="module")
def delivery(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A read-only folder with a sample of every format, each in a folder of its own."""
    root = tmp_path_factory.mktemp("untouched") / "交付"
    for name in SAMPLES:
        own = root / name.replace(".", "_")
        own.mkdir(parents=True)
        make(own, name)
    paths = [root, *root.rglob("*")]
    for path in paths:
        path.chmod(0o555 if path.is_dir() else 0o444)
    yield root
    for path in paths:
        path.chmod(0o755 if path.is_dir() else 0o644)


@pytest.fixture()
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Where temporary files are made; nothing stays there."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    yield folder
    import gc

    gc.collect()
    assert list(folder.iterdir()) == []


def test_there_is_a_sample_of_every_format(delivery: Path) -> None:
    read = {"Archive", "Folder", "Catalog"} | {seen.format for seen in formats.open(delivery).seen}
    # Nothing here writes these.
    unwritten = {"XLS", "XLSB", "DWG"}
    assert set(FORMATS) - read - unwritten == set()


@pytest.mark.parametrize("name", SAMPLES)
def test_each_file(delivery: Path, temporary: Path, tmp_path: Path, name: str) -> None:
    source = delivery / name.replace(".", "_") / name
    before = state(source.parent)
    about = formats.inspect(source)
    assert state(source.parent) == before, "inspect"
    layers = [layer["name"] for layer in about["layers"]]
    assert layers or about["assets"]
    if not layers:
        return
    cimkit.check(source, schema={"type": "object"})
    assert state(source.parent) == before, "check"
    cimkit.convert(source, tmp_path / "out.parquet", layer=layers[0])
    assert state(source.parent) == before, "convert"
    with_salvage = formats.open(source, salvage=True)
    for layer in with_salvage.layers:
        layer.arrow()
    assert state(source.parent) == before, "salvage"


def test_the_whole_folder(delivery: Path, temporary: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = state(delivery)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    about = formats.inspect(delivery)
    assert about["unread"] == []
    assert len(about["files"]) >= len(SAMPLES)
    assert state(delivery) == before, "inspect"
    cimkit.check(delivery, schema={"type": "object"})
    assert state(delivery) == before, "check"
    cimkit.convert(delivery, tmp_path / "out.gpkg", layer=about["layers"][0]["name"])
    assert state(delivery) == before, "convert"
    assert list(elsewhere.iterdir()) == [], "something was left in the working folder"


def test_from_inside_the_folder(delivery: Path, temporary: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = state(delivery)
    monkeypatch.chdir(delivery)
    result = CliRunner().invoke(app, ["inspect", "."])
    assert result.exit_code == 0
    assert state(delivery) == before


@pytest.mark.parametrize("name", [name for name in SAMPLES if not name.endswith((".gdb", "tiles"))])
def test_nothing_is_left_by_a_broken_file(temporary: Path, tmp_path: Path, name: str) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    path = make(folder, name)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    os.utime(folder, (1, 1))
    before = state(folder)
    for salvage in (False, True):
        try:
            formats.inspect(path, salvage=salvage)
        except CimkitError:
            continue
    assert state(folder) == before
