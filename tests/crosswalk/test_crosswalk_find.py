"""A crosswalk is found by file or name, and only for the standard it was written for."""

from __future__ import annotations

from pathlib import Path

import pytest

from cimkit.crosswalk import Crosswalk, find
from cimkit.errors import StandardError
from cimkit.standard import Standard

TEXT = "crosswalk: mine\nto: {to}\nfields: {{id: {{from: a}}}}\n"


def write(folder: Path, to: str) -> Path:
    path = folder / "mine.yaml"
    path.write_text(TEXT.format(to=to))
    return path


@pytest.fixture(scope="module")
def core() -> Standard:
    return Standard.load("cim-core")


@pytest.mark.parametrize("to", ["other/building", "cim-core@^7/building", "cim-core@0.0.9/building"])
def test_for_another_standard_or_version(tmp_path: Path, core: Standard, to: str) -> None:
    write(tmp_path, to)
    with pytest.raises(StandardError, match="leads to"):
        find("mine.yaml", core, tmp_path)


def test_neither_file_nor_name(tmp_path: Path, core: Standard) -> None:
    write(tmp_path, "cim-core/building")
    for asked, near in (("osm-bilding", "osm-building"), ("mein.yaml", "mine.yaml")):
        with pytest.raises(StandardError) as caught:
            find(asked, core, tmp_path)
        assert near in str(caught.value.hint)


@pytest.mark.parametrize("to", ["cim-core/building", "cim-core@^0.1/building", "cim-core@0.1.0/building"])
def test_a_file(tmp_path: Path, core: Standard, to: str) -> None:
    path = write(tmp_path, to)
    assert find("mine.yaml", core, tmp_path).name == find(path, core).name == "mine"


def test_one_of_the_standards_own_unless_a_file_has_its_name(tmp_path: Path, core: Standard) -> None:
    assert find("osm-building", core, tmp_path).name == "osm-building"
    write(tmp_path, "cim-core/building").rename(tmp_path / "osm-building")
    assert find("osm-building", core, tmp_path).name == "mine"


def test_geometry_from_two_places_is_refused() -> None:
    document = {"crosswalk": "a", "to": "cim-core/building", "fields": {"id": {"from": "a"}}}
    with pytest.raises(StandardError, match="WKT and from x and y"):
        Crosswalk.load({**document, "geometry": {"wkt": "w", "x": "x", "y": "y"}})
