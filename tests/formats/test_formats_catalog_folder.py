"""A catalog's folder as a source: whole, half written, and by a newer cimkit."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from cimkit import formats
from cimkit.catalog import Catalog
from cimkit.catalog.layout import FORMAT
from cimkit.errors import SourceError
from cimkit.formats import catalog_folder


@pytest.fixture
def catalog(tmp_path: Path) -> Path:
    """A catalog as it is before anything is published."""
    Catalog.init(tmp_path / "catalog", "town")
    return tmp_path / "catalog"


def test_a_catalog_without_a_release(catalog: Path) -> None:
    with pytest.raises(SourceError, match="no release yet"):
        formats.open(catalog)


def newer(folder: Path) -> None:
    path = folder / "catalog.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "format": FORMAT + 1}))


@pytest.mark.parametrize(
    ("harm", "told"),
    [
        (newer, "reads up to 1"),
        (lambda folder: (folder / "HEAD").unlink(), "HEAD cannot be read"),
        (lambda folder: (folder / "catalog.json").unlink(), "catalog.json does not exist"),
        (lambda folder: (folder / "catalog.json").write_text("{}"), "missing key"),
        (lambda folder: (folder / "HEAD").write_bytes(b"\xff" * 200), "does not name a release"),
        (lambda folder: (folder / "HEAD").write_text("000007"), "000007.json does not exist"),
    ],
)
def test_a_damaged_catalog_is_no_folder_of_files(catalog: Path, harm: Callable[[Path], object], told: str) -> None:
    """Else versions that were withdrawn would be read along with those that stand."""
    harm(catalog)
    with pytest.raises(SourceError, match=told):
        formats.open(catalog)


def test_both_rooms_know_the_same_layout() -> None:
    assert catalog_folder.FORMAT == FORMAT
