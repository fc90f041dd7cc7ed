"""Damaged files from the command line: refused as they are; with --salvage, losses are counted once and listed."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path

import jsonschema
import pyarrow as pa
import pyogrio
import pytest
import shapely

import cimkit
from cimkit.cli import execute

COUNT = 400


def cut(path: Path, share: float) -> Path:
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * share)])
    return path


@pytest.mark.parametrize("suffix", [".shp", ".geojson", ".geojsonl", ".csv"])
def test_a_file_that_is_cut_off(parquet: Callable[..., Path], tmp_path: Path, root: Path, suffix: str) -> None:
    points = list(shapely.to_wkb(shapely.points([[111 + n / 1000, 40] for n in range(COUNT)])))
    names = pa.array([f"楼{n}" for n in range(COUNT)])
    damaged = tmp_path / f"damaged{suffix}"
    cimkit.convert(parquet(points, name=names, n=list(range(COUNT))), damaged)
    with cut(damaged, 0.6).open("ab") as file:
        file.write(b"\xe6" if suffix == ".csv" else b"")  # a line of a table may end anywhere, but in no character
    size = damaged.stat().st_size
    target, report, rejects = tmp_path / "out.gpkg", tmp_path / "report.json", tmp_path / "rejects.csv"
    command = ["convert", str(damaged), str(target), "--verify", "--loss-report", str(report)]

    assert execute(command) == 3
    assert not target.exists() and not report.exists()

    assert execute([*command, "--salvage", "--rejects", str(rejects)]) == 0
    told = json.loads(report.read_text(encoding="utf-8"))
    jsonschema.validate(told, json.loads((root / "schemas" / "loss-report.schema.json").read_text(encoding="utf-8")))
    with rejects.open(encoding="utf-8", newline="") as file:
        listed = list(csv.DictReader(file))
    frame = pyogrio.read_dataframe(target)
    assert told["verified"] is True
    assert told["rows_written"] == len(frame) > 0.5 * COUNT
    assert len(listed) == told["rejected"]["count"] > 0
    unreadable = [loss["count"] for loss in told["losses"] if loss["code"] == "record.unreadable"]
    assert unreadable == [len(listed)]
    assert damaged.stat().st_size == size
