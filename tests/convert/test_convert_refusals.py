"""What convert refuses, and that nothing is left behind when it does."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import shapely

import cimkit
from cimkit.errors import CimkitError, LossError, SourceError, StandardError, UsageError

SUFFIXES = [".gpkg", ".geojson", ".csv", ".parquet"]


@pytest.fixture()
def points(parquet: Callable[..., Path]) -> Path:
    return parquet(shapely.to_wkb([shapely.Point(111, 40), shapely.Point(112, 41)]).tolist(), height=["3", "tall"])


def inside(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*")}


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.mark.parametrize(
    ("arguments", "error", "says"),
    [
        ({"dest": "out.docx"}, UsageError, ".gpkg"),
        ({"dest": "out"}, UsageError, ".gpkg"),
        ({"dest": "out.gpgk"}, UsageError, ".gpkg"),
        ({"to_crs": "EPSG:999999"}, UsageError, "999999"),
        ({"to_crs": "EPSG:4610"}, SourceError, "EPSG:4610"),
        ({"from_crs": "nonsense"}, UsageError, "nonsense"),
        ({"layer": "buildingz"}, UsageError, "buildingz"),
        ({"select": ["heigth"]}, UsageError, "height"),
        ({"where": "heigth = 1"}, StandardError, "heigth"),
        ({"where": "(SELECT 1)"}, StandardError, ""),
        ({"where": "height; DROP TABLE x"}, StandardError, ""),
        ({"where": "CAST(height AS DOUBLE) > 2"}, UsageError, "TRY_CAST"),
        ({"bbox": (3, 0, 1, 1)}, UsageError, "box"),
        ({"bbox": (0, 0, float("nan"), 1)}, UsageError, "box"),
        ({"on_loss": "eror"}, UsageError, "error"),
        ({"geoparquet": "3.0", "dest": "out.parquet"}, UsageError, "1.1"),
        ({"standard": "cim-core"}, UsageError, "building"),
        ({"standard": "cim-coer/building"}, StandardError, "cim-core"),
        ({"standard": "cim-core/bulding"}, UsageError, "building"),
        ({"crosswalk": "none.yaml"}, StandardError, "none.yaml"),
        ({"dest": "none/out.gpkg"}, SourceError, "out.gpkg"),
    ],
)
def test_a_wrong_argument_is_told_and_nothing_is_written(
    points: Path, tmp_path: Path, arguments: dict[str, Any], error: type[CimkitError], says: str
) -> None:
    before = inside(tmp_path)
    dest = tmp_path / arguments.pop("dest", "out.gpkg")
    with pytest.raises(error) as raised:
        cimkit.convert(points, dest, **arguments)
    assert says in f"{raised.value} {raised.value.hint}"
    assert inside(tmp_path) == before


def test_a_missing_source(tmp_path: Path) -> None:
    with pytest.raises(SourceError):
        cimkit.convert(tmp_path / "none.shp", tmp_path / "out.gpkg")


@pytest.mark.parametrize("what", ["dest", "loss_report"])
def test_the_source_is_never_written_over(points: Path, tmp_path: Path, what: str) -> None:
    before = digest(points)
    other = tmp_path / "in" / ".." / "in" / points.name  # the same file by another name
    arguments = {"dest": other} if what == "dest" else {"dest": tmp_path / "out.gpkg", "loss_report": other}
    with pytest.raises(UsageError, match="also be written"):
        cimkit.convert(points, **arguments)
    assert digest(points) == before


def test_the_report_cannot_be_the_target(points: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError):
        cimkit.convert(points, tmp_path / "out.gpkg", loss_report=tmp_path / "out.gpkg")


@pytest.mark.parametrize("what", ["dest", "loss_report"])
def test_nothing_is_written_where_a_folder_is_missing(points: Path, tmp_path: Path, what: str) -> None:
    arguments = {"dest": tmp_path / "out.gpkg", "loss_report": tmp_path / "losses.json"}
    arguments[what] = tmp_path / "none" / arguments[what].name
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(SourceError, match="no folder"):
        cimkit.convert(points, **arguments)
    assert sorted(tmp_path.rglob("*")) == before


def test_a_sidecar_of_the_source_is_the_source_too(tmp_path: Path, root: Path) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    for part in (root / "sample_data" / "survey").glob("buildings.*"):
        (folder / part.name).write_bytes(part.read_bytes())
    (folder / "buildings.dbf").rename(folder / "buildings.csv.dbf")
    (folder / "buildings.csv.dbf").rename(folder / "buildings.dbf")
    before = {path.name: digest(path) for path in folder.iterdir()}
    with pytest.raises(UsageError):
        cimkit.convert(folder / "buildings.shp", tmp_path / "out.gpkg", loss_report=folder / "buildings.dbf")
    assert {path.name: digest(path) for path in folder.iterdir()} == before


# GeoParquet loses nothing of this source once its order is kept (test_convert_order.py).
@pytest.mark.parametrize("suffix", [suffix for suffix in SUFFIXES if suffix != ".parquet"])
def test_on_loss_error_writes_nothing_but_the_report(everything: Path, tmp_path: Path, suffix: str) -> None:
    dest, report = tmp_path / f"out{suffix}", tmp_path / "losses.json"
    dest.write_bytes(b"old")
    with pytest.raises(LossError) as raised:
        cimkit.convert(everything, dest, on_loss="error", loss_report=report)
    assert raised.value.exit_code == 1
    assert dest.read_bytes() == b"old"
    document = json.loads(report.read_text(encoding="utf-8"))
    assert document["losses"] and document["rows_written"] == 0 and document["rows_read"] == 3
    assert document["losses"][0]["code"] in str(raised.value)
    assert inside(tmp_path) == {"in", "in/in.parquet", dest.name, report.name}


@pytest.mark.parametrize("suffix", [".gpkg", ".csv", ".geojson"])
def test_on_loss_error_writes_what_can_be_written_whole(
    parquet: Callable[..., Path], tmp_path: Path, suffix: str
) -> None:
    source = parquet(None, code=["010001", "", None], n=[1, None, 3])
    report = cimkit.convert(source, tmp_path / f"out{suffix}", on_loss="error", verify=True)
    assert report.losses == () and report.verified and report.rows_written == 3


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_write_that_fails_leaves_the_old_file(
    points: Path, tmp_path: Path, suffix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    dest = tmp_path / f"out{suffix}"
    dest.write_bytes(b"old")

    def full(self: Path, target: Path) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(SourceError, match="No space left"):
        cimkit.convert(points, dest)
    assert dest.read_bytes() == b"old"
    assert inside(tmp_path) == {"in", "in/in.parquet", dest.name}


def test_coordinates_that_are_no_degrees_and_of_no_crs_cannot_be_geojson(
    parquet: Callable[..., Path], tmp_path: Path
) -> None:
    source = parquet([shapely.Point(500_000, 3_000_000).wkb], crs=None, n=[1])
    with pytest.raises(UsageError) as raised:
        cimkit.convert(source, tmp_path / "out.geojson")
    assert "--from-crs" in (raised.value.hint or "")
    assert cimkit.convert(source, tmp_path / "out.geojson", from_crs="EPSG:4547").rows_written == 1


def test_reprojection_needs_a_crs_and_a_geometry(parquet: Callable[..., Path], tmp_path: Path) -> None:
    unknown = parquet([shapely.Point(111, 40).wkb], crs=None, n=[1])
    with pytest.raises(UsageError, match="not known"):
        cimkit.convert(unknown, tmp_path / "out.gpkg", to_crs="EPSG:4490")
    with pytest.raises(UsageError, match="no geometry"):
        cimkit.convert(parquet(None, n=[1]), tmp_path / "out.gpkg", to_crs="EPSG:4490")
    with pytest.raises(UsageError, match="no geometry"):
        cimkit.convert(parquet(None, n=[1]), tmp_path / "out.gpkg", bbox=(0, 0, 1, 1))
