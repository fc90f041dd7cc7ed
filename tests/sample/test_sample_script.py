"""The script makes the committed city again."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pyogrio
import pytest
from sample_readers import read

#: Layers of the files whose bytes depend on the version of a library: their content is compared.
LAYERS = {
    "survey/buildings.shp": ["buildings"],
    "ml/footprints.parquet": ["footprints"],
    "addresses/east.xlsx": ["门牌登记", "填写说明"],
    "districts/districts_roads.gpkg": ["districts", "roads"],
}
#: Read together with the shapefile they belong to.
PARTS = {".shx", ".prj"}


def files(folder: Path) -> list[str]:
    found = (path.relative_to(folder) for path in folder.rglob("*") if path.is_file())
    return sorted(path.as_posix() for path in found if path.suffix not in (".py", ".pyc", ".md"))


@pytest.fixture(scope="module")
def again(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("city")
    subprocess.run([sys.executable, "-B", str(root / "sample_data/make.py"), "--out", str(folder)], check=True)
    return folder


def test_the_same_files_are_made_again(root: Path, again: Path) -> None:
    committed = root / "sample_data"
    assert files(again) == files(committed)
    for name in files(committed):
        if (again / name).read_bytes() == (committed / name).read_bytes() or Path(name).suffix in PARTS:
            continue
        assert name in LAYERS, f"{name} differs"
        for layer in LAYERS[name]:
            assert read(again / name, layer) == read(committed / name, layer), f"{name} {layer} differs"
    for name, layer in (("survey/buildings.shp", "buildings"), ("districts/districts_roads.gpkg", "roads")):
        crs = [pyogrio.read_info(folder / name, layer=layer, encoding="GBK")["crs"] for folder in (again, committed)]
        assert crs[0] == crs[1]


def test_the_city_is_small_enough_to_ship(root: Path) -> None:
    size = sum((root / "sample_data" / name).stat().st_size for name in files(root / "sample_data"))
    assert size < 10_000_000


def test_the_survey_says_nothing_of_its_encoding(root: Path) -> None:
    assert not (root / "sample_data/survey/buildings.cpg").exists()
    table = (root / "sample_data/survey/buildings.dbf").read_bytes()
    assert table[29] == 0  # the language driver
    assert "住宅".encode("gbk") in table


def test_no_delivery_has_a_date_of_its_making(root: Path) -> None:
    assert (root / "sample_data/survey/buildings.dbf").read_bytes()[1:4] == bytes((124, 5, 20))


def test_the_readme_counts_right(root: Path) -> None:
    houses = {
        line.split(",")[0]
        for line in (root / "sample_data/ledger/same.csv").read_text("utf-8").splitlines()[1:]
        if line.startswith("b")
    }
    text = (root / "sample_data/README.md").read_text("utf-8")
    assert len(houses) <= 2917
    assert "2,917 buildings" in text
    assert "2917栋" in text


def test_one_provider_needs_gb18030(root: Path) -> None:
    data = (root / "sample_data/pois/suiyuan.csv").read_bytes()
    data.decode("gb18030")
    with pytest.raises(UnicodeDecodeError):
        data.decode("gbk")
    with pytest.raises(UnicodeDecodeError):
        data.decode("utf-8")
