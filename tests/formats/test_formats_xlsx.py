"""Workbooks: cells as the text they stand for, sheets as layers, and files made to do harm."""

from __future__ import annotations

import datetime
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import openpyxl
import pytest

import cimkit.formats as formats
from cimkit.errors import SourceError


def workbook(path: Path, **sheets: Sequence[Sequence[Any]]) -> Path:
    book = openpyxl.Workbook()
    book.remove(book.active)
    for title, rows in sheets.items():
        sheet = book.create_sheet(title)
        for row in rows:
            sheet.append(list(row))
    book.save(path)
    return path


def rows(path: Path, layer: str | None = None) -> list[dict[str, str | None]]:
    return formats.open(path).layer(layer).arrow().to_pylist()


def codes(path: Path) -> dict[str, str]:
    return {hint["code"]: hint["message"] for hint in formats.inspect(path)["layers"][0]["hints"]}


def test_cells_become_text(tmp_path: Path) -> None:
    when = datetime.datetime(2024, 5, 1, 10, 30)
    values = ["010001", 10001, 3.0, 3.5, True, datetime.date(2024, 5, 1), when, datetime.time(8, 5), None, "", "中"]
    path = workbook(tmp_path / "x.xlsx", data=[[f"c{i}" for i in range(len(values))], values])
    layer = formats.open(path).layer("data")
    read = layer.arrow().to_pylist()[0]
    assert list(read.values()) == [
        "010001", "10001", "3", "3.5", "true", "2024-05-01", "2024-05-01T10:30:00", "08:05:00", None, None, "中", "2",
    ]  # fmt: skip
    assert layer.text_cells
    assert layer.schema.field("_fid").type == "string"


def test_leading_zeros_of_a_number_format_are_given_back(tmp_path: Path) -> None:
    path = workbook(tmp_path / "x.xlsx", data=[["code", "n"], [10001, 5], [1234567, 6]])
    book = openpyxl.load_workbook(path)
    for row in (2, 3):
        book["data"].cell(row, 1).number_format = "000000"
        book["data"].cell(row, 2).number_format = "0.00"
    book.save(path)
    assert [(row["code"], row["n"]) for row in rows(path)] == [("010001", "5"), ("1234567", "6")]
    assert "010001" in codes(path)["codes.zeros_restored"]


def test_digits_that_excel_has_lost(tmp_path: Path) -> None:
    path = workbook(tmp_path / "x.xlsx", data=[["id"], [310113000000012345]])
    assert "codes.digits_lost" in codes(path)


def test_sheets_are_layers(tmp_path: Path) -> None:
    path = workbook(tmp_path / "x.xlsx", 建筑=[["a"], [1]], empty=[], 道路=[["b"], [2]])
    dataset = formats.open(path)
    assert [layer.name for layer in dataset.layers] == ["建筑", "道路"]
    assert rows(path, "道路") == [{"b": "2", "_fid": "2"}]


def test_hidden_sheets_are_left_out_and_told(tmp_path: Path) -> None:
    path = workbook(tmp_path / "x.xlsx", data=[["a"], [1]], lists=[["b"], [2]])
    book = openpyxl.load_workbook(path)
    book["lists"].sheet_state = "hidden"
    book.save(path)
    dataset = formats.open(path)
    assert [layer.name for layer in dataset.layers] == ["data"]
    assert [hint.code for hint in dataset.hints] == ["layers.hidden"]


def test_the_header_below_a_title(tmp_path: Path) -> None:
    path = workbook(
        tmp_path / "x.xlsx", data=[["某区建筑调查表"], [], ["编号", "名称"], ["01", "甲"], [], ["02", "乙"]]
    )
    assert rows(path) == [
        {"编号": "01", "名称": "甲", "_fid": "4"},
        {"编号": "02", "名称": "乙", "_fid": "6"},
    ]
    assert "row 3" in codes(path)["xlsx.header_row"]


def test_one_column(tmp_path: Path) -> None:
    path = workbook(tmp_path / "x.xlsx", data=[["code"], ["a"], ["b"]])
    assert [row["code"] for row in rows(path)] == ["a", "b"]


def test_odd_headers(tmp_path: Path) -> None:
    path = workbook(
        tmp_path / "x.xlsx", data=[["a", None, "A", " line\nbreak ", None], [1, 2, 3, 4, None], [1, 2, 3, 4, 5]]
    )
    assert list(rows(path)[0]) == ["a", "column_2", "A_2", "line break", "_fid"]
    assert {"names.duplicate", "names.empty", "xlsx.cells_outside"} <= set(codes(path))


def test_many_rows_in_small_batches(tmp_path: Path) -> None:
    path = workbook(tmp_path / "x.xlsx", data=[["n"], *([i] for i in range(1, 300))])
    batches = list(formats.open(path).layer().batches(50))
    assert [batch.num_rows for batch in batches] == [50] * 5 + [49]
    assert [v.as_py() for b in batches for v in b.column("n")] == [str(i) for i in range(1, 300)]


def refusal(path: Path) -> str:
    with pytest.raises(SourceError) as caught:
        formats.open(path).layer().arrow()
    return str(caught.value)


def test_a_workbook_that_is_no_zip(tmp_path: Path) -> None:
    (tmp_path / "x.xlsx").write_text("<table><tr><td>1</td></tr></table>")
    assert "x.xlsx" in refusal(tmp_path / "x.xlsx")


def test_a_workbook_that_stops_in_the_middle(tmp_path: Path) -> None:
    path = workbook(tmp_path / "x.xlsx", data=[["n"], *([i] for i in range(3000))])
    path.write_bytes(path.read_bytes()[:-500])
    assert "damaged" in refusal(path)


def replace_part(path: Path, part: str, change: Any) -> None:
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    parts[part] = change(parts[part])
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in parts.items():
            archive.writestr(name, data)


def test_entities_are_refused(tmp_path: Path) -> None:
    path = workbook(tmp_path / "x.xlsx", data=[["n"], [1]])
    replace_part(path, "xl/worksheets/sheet1.xml", lambda data: b'<!DOCTYPE x [<!ENTITY a "aaaa">]>' + data)
    assert "declares entities" in refusal(path)


def test_a_zip_bomb_is_refused(tmp_path: Path) -> None:
    path = workbook(tmp_path / "x.xlsx", data=[["n"], [1]])
    replace_part(path, "xl/worksheets/sheet1.xml", lambda data: data + b" " * (80 << 20))
    assert "unpacks to" in refusal(path)


def test_broken_xml_inside(tmp_path: Path) -> None:
    path = workbook(tmp_path / "x.xlsx", data=[["n"], [1]])
    replace_part(path, "xl/worksheets/sheet1.xml", lambda data: data[: len(data) // 2])
    assert "damaged" in refusal(path)
