"""Every file under the shared data: read, with what was found pinned, or refused with a reason to act on.

``python tests/real/test_walk.py`` writes the pins (``walk.json``) again; look at the difference before keeping it.
"""

from __future__ import annotations

import csv
import json
import sqlite3
import sys
import zipfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pyogrio
import pytest

import cimkit.formats as formats
from cimkit.errors import SourceError
from cimkit.formats.folders import Entry, Walk

PINS = Path(__file__).with_name("walk.json")
DATA = Path(__file__).resolve().parents[2].parent / "shared" / "data"

pytestmark = pytest.mark.shared


def entries(root: Path) -> Iterator[Entry]:
    """Every file that stands for itself, below a folder, in order of their paths."""
    walk, waiting = Walk(root), [""]
    while waiting:
        for entry in walk.entries(waiting.pop(0)):
            if entry.is_folder:
                waiting.append(entry.path + "/")
            else:
                yield entry


def seen(path: Path) -> dict[str, Any]:
    """What is pinned of a file: enough to notice when a reader begins to see it otherwise."""
    root = str(DATA) + "/"
    try:
        about = formats.inspect(path)
    except SourceError as error:
        return {"refused": str(error).replace(root, ""), "hint": (error.hint or "").replace(root, "")}
    return {
        "format": about["format"],
        "layers": {layer["name"]: _layer(layer) for layer in about["layers"]},
        "assets": {asset["name"]: _asset(asset) for asset in about["assets"]},
        "unread": [reject["place"].replace(root, "") for reject in about["unread"]],
        "hints": sorted({hint["code"] for hint in about["hints"]}),
    }


def _layer(layer: dict[str, Any]) -> dict[str, Any]:
    return {
        "features": layer["features"],
        "fields": len(layer["fields"]),
        "kinds": layer["geometry_kinds"],
        "crs": layer["crs"]["value"],
        "encoding": layer["encoding"]["value"],
        "bbox": [float(f"{value:.7g}") for value in layer["bbox"] or ()],
        "hints": sorted({hint["code"] for hint in layer["hints"]}),
    }


def _asset(asset: dict[str, Any]) -> dict[str, Any]:
    return {
        "kind": asset["kind"],
        "crs": asset["crs"]["value"],
        "bbox": [float(f"{value:.7g}") for value in asset["bbox"] or ()],
        "hints": sorted({hint["code"] for hint in asset["hints"]}),
    }


@cache
def pins() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(PINS.read_text(encoding="utf-8"))
    return found


def test_no_file_is_missing(shared: Path) -> None:
    assert sorted(entry.path for entry in entries(shared / "data")) == sorted(pins())


@pytest.mark.parametrize("path", sorted(pins()) if PINS.exists() else [])
def test_a_file_is_what_it_was(shared: Path, path: str) -> None:
    assert seen(shared / "data" / path) == pins()[path]


@pytest.mark.parametrize("suffix", [".shp", ".shp.zip", ".geojson", ".geojson.zip", ".csv", ".tif", ".sqlite"])
def test_another_library_counts_the_same(shared: Path, suffix: str) -> None:
    paths = [path for path, pin in pins().items() if path.endswith(suffix) and "layers" in pin]
    assert paths
    for path in paths:
        (layer,) = pins()[path]["layers"].values()
        assert layer["features"] == counted(shared / "data" / path, suffix), path


def counted(path: Path, suffix: str) -> int:
    """The records of a file as GDAL, rasterio or the standard library counts them."""
    if suffix == ".tif":
        return 1  # its outline
    if suffix == ".csv":
        with path.open(encoding="utf-8-sig", newline="") as handle:
            units = "saxony" in str(path)
            delimiter = ";" if ";" in handle.readline() else ","
            return sum(1 for row in csv.reader(handle, delimiter=delimiter) if row) - units
    if suffix == ".sqlite":
        with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as con:
            ((table,),) = con.execute("SELECT f_table_name FROM geometry_columns")
            return int(con.execute(f'SELECT count(*) FROM "{table}"').fetchone()[0])
    return int(pyogrio.read_info(path, force_feature_count=True)["features"])


@pytest.mark.parametrize("name", ["TF_ACCIDENTS_VICTIMS_2020", "fietstelpaal-coupure-links-2022-gent"])
def test_tables_in_a_zip_have_as_many_lines(shared: Path, name: str) -> None:
    path = f"ghent_stats/data/{name}.zip"
    with zipfile.ZipFile(shared / "data" / path) as archive:
        (member,) = archive.namelist()
        lines = sum(1 for line in archive.read(member).splitlines() if line.strip()) - 1
    (layer,) = pins()[path]["layers"].values()
    assert layer["features"] == lines


def test_what_is_refused_has_a_reason_and_a_hint() -> None:
    for path, pin in pins().items():
        if "refused" in pin:
            assert Path(path).name in pin["refused"], path
            assert pin["hint"], path


def test_the_whole_folder_is_one_delivery(shared: Path) -> None:
    dataset = formats.open(shared / "data")
    mains = {str(shared / "data" / path) for path in pins()}
    refused = {path for path, pin in pins().items() if "refused" in pin}
    unread = {reject.place.removeprefix(str(shared / "data") + "/") for reject in dataset.unread}
    told = {each.path for each in dataset.seen}
    # An archive is looked into: its files are told in its place.
    assert {main for main in mains if not any(each == main or each.startswith(f"{main}/") for each in told)} == set()
    # A text that is no table alone is a document in a delivery.
    assert unread <= refused | {reject for pin in pins().values() for reject in pin.get("unread", ())}
    names = [layer.name for layer in dataset.layers]
    assert len(names) == len(set(names)) > 150


if __name__ == "__main__":
    found = {entry.path: seen(DATA / entry.path) for entry in entries(DATA)}
    PINS.write_text(json.dumps(found, ensure_ascii=False, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    refused = [path for path, pin in found.items() if "refused" in pin]
    print(f"{len(found)} files pinned, {len(refused)} of them refused: {refused}", file=sys.stderr)
