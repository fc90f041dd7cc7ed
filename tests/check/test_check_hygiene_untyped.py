"""Hygiene of cells that no schema types, and of texts that were garbled twice."""

from __future__ import annotations

import csv
import struct
from pathlib import Path

import pytest

import cimkit
from cimkit.check.hygiene.mojibake import repaired

NUMBERS = ["1.5", "2", "3", "4.25", "5", "6", "7", "8", "9", "10"]


def flagged(folder: Path, values: list[str], schema: dict[str, object]) -> list[int | None]:
    path = folder / "t.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([["n", "v"], *enumerate(values)])
    report = cimkit.check(path, schema={"$id": "t", **schema})
    return [finding.row for finding in report.findings if finding.code == "text.placeholder" and finding.field == "v"]


@pytest.mark.parametrize("stand_in", ["-9999", "-9999.0", "9999", "-999.00"])
def test_numbers_for_nothing_where_nobody_says_that_they_are_numbers(tmp_path: Path, stand_in: str) -> None:
    assert flagged(tmp_path, [*NUMBERS, stand_in, "3"], {}) == [10]
    # One word among numbers makes no text of them.
    assert flagged(tmp_path, [*NUMBERS, stand_in, "n/a"], {}) == [10, 11]


@pytest.mark.parametrize(
    ("values", "schema"),
    [
        ([*NUMBERS, "-9999"], {"properties": {"v": {"type": "string"}}}),  # the schema says that they are texts
        (["990", "993", "995", "997", "999", "1001", "1003", "1005", "1010"], {}),
        ([*(f"K{number}" for number in range(10)), "999"], {}),
        (["Wu", "Li", "Na", "Ng", "Xu", "He", "Ma"], {}),
    ],
)
def test_honest_numbers_and_names(tmp_path: Path, values: list[str], schema: dict[str, object]) -> None:
    assert flagged(tmp_path, values, schema) == []


def test_two_chinese_names_cut_to_the_same_bytes(tmp_path: Path) -> None:
    """建筑物名称 and 建筑物面积 have 15 bytes each, of which dBASE keeps ten: three characters and a third."""
    fields = b"".join(
        name.encode()[:10].ljust(11, b"\0") + b"C" + bytes(4) + bytes([9]) + bytes(15)
        for name in ("建筑物名称", "建筑物面积")
    )
    head = struct.pack("<4BIHH20x", 3, 124, 5, 1, 1, 32 + len(fields) + 1, 19)
    (tmp_path / "t.dbf").write_bytes(head + fields + b"\r" + b" " + b"a".ljust(9) + b"12".ljust(9) + b"\x1a")
    (tmp_path / "t.cpg").write_text("UTF-8", encoding="utf-8")
    findings = cimkit.check(tmp_path / "t.dbf", schema={"$id": "t"}).findings
    assert [(finding.code, finding.value) for finding in findings] == [("name.cut", "建筑物_2")]


def test_a_cell_of_blanks_alone(tmp_path: Path) -> None:
    path = tmp_path / "t.geojson"
    path.write_text('{"type": "Feature", "properties": {"v": " "}, "geometry": null}', encoding="utf-8")
    (finding,) = cimkit.check(path, schema={"$id": "t"}).findings
    assert finding.hint == "There is nothing in it but blanks: leave the cell empty."


@pytest.mark.parametrize("text", ["北京市朝阳区", "建国路18号", "Hôtel-Dieu"])
def test_what_was_garbled_twice_is_repaired_twice(text: str) -> None:
    once = text.encode().decode("latin-1")
    assert repaired(once) == text
    assert repaired(once.encode().decode("latin-1")) == text
