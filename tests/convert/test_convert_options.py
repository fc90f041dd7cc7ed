"""Ballpark shifts, salvage and rejects, Chinese reports, writes that fail: the options, and what the report says."""

from __future__ import annotations

import csv
import json
import re
import resource
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import shapely
from rich.cells import cell_len

import cimkit
from cimkit import duck
from cimkit.convert.losses import WORST_FIRST, of_reading
from cimkit.errors import SourceError, UsageError
from cimkit.formats import write_geoparquet
from cimkit.formats.dataset import Layer
from cimkit.formats.profile import Order
from cimkit.formats.registry import FORMATS
from cimkit.formats.writing import write
from cimkit.model import Hint, LossReport, Reject
from cimkit.report.about import render_losses
from cimkit.report.tables import to_text

POINTS = shapely.to_wkb([shapely.Point(111, 40), shapely.Point(112, 41)]).tolist()


def codes(report: LossReport) -> list[str]:
    return [loss.code for loss in report.losses]


def test_a_ballpark_shift_is_refused_unless_allowed_and_then_told(parquet: Callable[..., Path], tmp_path: Path) -> None:
    source = parquet(POINTS, crs="EPSG:4610", n=[1, 2])
    with pytest.raises(SourceError):
        cimkit.convert(source, tmp_path / "out.gpkg", to_crs="EPSG:4326")
    with pytest.raises(SourceError):
        cimkit.convert(source, tmp_path / "out.geojson")
    for target, to_crs in (("out.gpkg", "EPSG:4326"), ("out.geojson", None)):
        report = cimkit.convert(source, tmp_path / target, to_crs=to_crs, allow_ballpark=True, verify=True)
        loss = next(loss for loss in report.losses if loss.code == "crs.accuracy")
        assert loss.count == 2 and "hundred metres" in loss.message and report.verified is True


@pytest.fixture()
def damaged(monkeypatch: pytest.MonkeyPatch) -> int:
    """Makes every layer one of which 150 records could not be read."""
    honest = Layer.stream

    def stream(self: Layer, batch_size: int = 65536) -> Any:
        from contextlib import contextmanager

        @contextmanager
        def opened() -> Iterator[Any]:
            with honest(self, batch_size) as stream:
                rejected = [Reject(n, f"byte {n}", f"reason {n}") for n in range(150)]
                yield replace(stream, rejected=rejected)

        return opened()

    monkeypatch.setattr(Layer, "stream", stream)
    return 150


@pytest.mark.parametrize("suffix", [".csv", ".json"])
def test_rejects_are_listed_whole_and_in_the_report_in_part(
    parquet: Callable[..., Path], tmp_path: Path, damaged: int, suffix: str
) -> None:
    rejects = tmp_path / f"rejects{suffix}"
    report = cimkit.convert(parquet(POINTS, n=[1, 2]), tmp_path / "out.gpkg", salvage=True, rejects=rejects)
    assert report.rejected.count == damaged and len(report.rejected.examples) == 100
    assert report.losses[0].code == "record.unreadable" and report.losses[0].count == damaged
    text = rejects.read_text(encoding="utf-8")
    rows: list[dict[str, Any]] = json.loads(text) if suffix == ".json" else list(csv.DictReader(text.splitlines()))
    assert len(rows) == damaged
    assert {key: str(value) for key, value in rows[7].items()} == {"row": "7", "place": "byte 7", "reason": "reason 7"}
    shown = to_text(render_losses(report, "text", "en"), width=80)
    assert "150 records could not be read" in shown and "reason 0" in shown


def test_rejects_go_to_csv_or_json(parquet: Callable[..., Path], tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="rejects"):
        cimkit.convert(parquet(POINTS, n=[1, 2]), tmp_path / "out.gpkg", salvage=True, rejects=tmp_path / "rejects.txt")
    assert not (tmp_path / "out.gpkg").exists()


def test_what_the_reader_lost_is_told() -> None:
    hints = (
        Hint("text.cut", "3 cells end in the middle of a character, which is left out."),
        Hint("geometry.links", "1,204 links lead nowhere."),
        Hint("crs.missing", "No CRS."),
        Hint("geometry.missing", "2 of 5 records have no geometry."),
    )
    found = of_reading(hints, (), "en")
    assert [(loss.code, loss.count) for loss in found] == [("text.cut", 3), ("geometry.links", 1204)]


def test_losses_of_columns_that_are_left_out_are_not_told(everything: Path, tmp_path: Path) -> None:
    report = cimkit.convert(everything, tmp_path / "out.shp", select=["small"], verify=True)
    assert report.losses == () and report.verified is True


@pytest.mark.parametrize("suffix", sorted(format.writes[0] for format in FORMATS.values() if format.writes))
def test_no_loss_is_told_twice_and_the_worst_stands_first(everything: Path, tmp_path: Path, suffix: str) -> None:
    report = cimkit.convert(everything, tmp_path / f"out{suffix}")
    assert len({(loss.code, loss.field, loss.message) for loss in report.losses}) == len(report.losses)
    ranks = [WORST_FIRST.index(loss.code) for loss in report.losses if loss.code in WORST_FIRST]
    assert ranks == sorted(ranks)


@pytest.mark.parametrize("suffix", sorted(format.writes[0] for format in FORMATS.values() if format.writes))
def test_a_report_is_chinese_throughout_and_fits_80_columns(everything: Path, tmp_path: Path, suffix: str) -> None:
    report = cimkit.convert(everything, tmp_path / f"out{suffix}", lang="zh")
    assert all(re.search(r"[\u4e00-\u9fff]", loss.message.replace("编号", "")) for loss in report.losses)
    for lang in ("en", "zh"):
        lines = to_text(render_losses(report, "text", lang), width=80).splitlines()
        assert all(cell_len(line) <= 80 for line in lines[1:])  # the first names the target, whatever its length
        assert not report.losses or any(str(len(report.losses)) in line for line in lines)


@pytest.mark.parametrize("suffix", sorted(format.writes[0] for format in FORMATS.values() if format.writes))
def test_a_full_disk_is_one_clear_sentence_and_leaves_nothing(tmp_path: Path, suffix: str) -> None:
    places = np.random.default_rng(1).uniform(-80, 80, (3000, 2))  # so that no format packs them small
    shapes = shapely.to_wkb(shapely.buffer(shapely.points(places), 1))
    table = pa.table({"n": pa.array(range(3000)), "geometry": pa.array(shapes)})
    limits = {".sqlite": 300_000, ".xlsx": 20_000}
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    # An empty SpatiaLite database is larger than most small limits.
    resource.setrlimit(resource.RLIMIT_FSIZE, (limits.get(suffix, 100_000), before[1]))
    try:
        with duck.connect() as con, pytest.raises(SourceError) as raised:
            if suffix == ".parquet":
                con.register("records", table)
                write_geoparquet(con, "SELECT * FROM records", tmp_path / "out.parquet", crs="EPSG:4326")
            else:
                write(table.to_reader(500), tmp_path / f"out{suffix}", Order("EPSG:4326", "out", "Polygon"))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert "cannot be written" in str(raised.value) and raised.value.hint
    assert not re.search(r"OGR|sqlite3|errno|FWrite|layer", str(raised.value))
    assert list(tmp_path.iterdir()) == []


def test_the_command_has_the_options(parquet: Callable[..., Path], tmp_path: Path) -> None:
    source = parquet([*POINTS, shapely.LineString([(0, 0), (1, 1)]).wkb], n=[1, 2, 3], name=["中" * 130, "b", "c"])
    command = [
        sys.executable, "-m", "cimkit", "convert", str(source), str(tmp_path / "out.shp"), "--geometry-kind", "point",
        "--dest-encoding", "GB18030", "--exact-widths", "--allow-ballpark", "--salvage", "--rejects",
        str(tmp_path / "rejects.csv"), "--verify", "--lang", "zh", "--format", "json",
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert report["verified"] is True and report["rejected"] == {"count": 0, "examples": []}
    assert {loss["code"] for loss in report["losses"]} == {"rows.left_out", "text.cut"}
    assert any("略去" in loss["message"] for loss in report["losses"])
    assert (tmp_path / "rejects.csv").read_text() == "row,place,reason\n"


def test_geometry_that_gdal_makes_null_is_told(tmp_path: Path) -> None:
    shapes: list[Any] = [
        {"type": "Point", "coordinates": [1, 2]},
        None,
        {"type": "Polygon", "coordinates": "x"},
        {"type": "Point", "coordinates": ["a", "b"]},
        {"type": "Foo", "coordinates": [1, 2]},
        {"type": "Point", "coordinates": []},
    ]
    features = [{"type": "Feature", "properties": {"n": n}, "geometry": shape} for n, shape in enumerate(shapes)]
    source = tmp_path / "in.geojson"
    source.write_text(json.dumps({"type": "FeatureCollection", "features": features}))
    report = cimkit.convert(source, tmp_path / "out.gpkg", verify=True)
    assert [(loss.code, loss.count) for loss in report.losses] == [("geometry.nulled", 3)]
    for feature in features:
        feature["geometry"] = None
    source.write_text(json.dumps({"type": "FeatureCollection", "features": features}))
    assert cimkit.convert(source, tmp_path / "out.gpkg").losses == ()
