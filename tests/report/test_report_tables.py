"""CSV, workbook and Parquet: complete, no formulas, the same types whatever was found."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import geopandas
import openpyxl
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from report_samples import failing, finding, hostile, passing
from shapely.geometry import Point

from cimkit import report as reports
from cimkit.model import Report
from cimkit.report import workbook, xlsx
from cimkit.report.as_csv import guarded


def sheets(report: Report, path: Path, lang: str = "en") -> dict[str, list[list[Any]]]:
    reports.write(report, path, lang)
    book = openpyxl.load_workbook(path)
    return {sheet.title: [[cell.value for cell in row] for row in sheet.iter_rows()] for sheet in book}


def as_csv(report: Report, path: Path) -> list[dict[str, str]]:
    reports.write(report, path)
    data = path.read_bytes()
    assert data.startswith(b"\xef\xbb\xbf")
    return list(csv.DictReader(io.StringIO(data.decode("utf-8-sig"), newline="")))


# ---- CSV ------------------------------------------------------------------------------------


def test_csv_has_every_finding(tmp_path: Path) -> None:
    rows = as_csv(failing(), tmp_path / "r.csv")
    assert len(rows) == len(failing().findings)
    assert rows[0]["message"] == "高度（JZGD）为 -3，应大于 0。"
    assert (rows[0]["value"], rows[0]["row"], rows[0]["iso19157"]) == ("-3", "0", "16")
    assert as_csv(passing(), tmp_path / "p.csv") == []


def test_csv_holds_no_formula(tmp_path: Path) -> None:
    rows = as_csv(hostile(), tmp_path / "r.csv")
    assert len(rows) == len(hostile().findings)
    for row in rows:
        for cell in row.values():
            assert not cell.startswith(("=", "+", "@", "\t", "\r")), cell
            assert not cell.startswith("-") or cell.lstrip("-").replace(".", "").isdigit(), cell
    assert rows[1]["value"] == "'=1+1"


@given(st.text())
def test_a_guarded_text_is_no_formula(text: str) -> None:
    cell = guarded(text)
    assert cell[:1] not in {"=", "+", "@", "\t", "\r"} or cell.lstrip("+").replace(".", "").replace("e", "").isnumeric()
    assert cell in (text.replace("\0", "\ufffd"), "'" + text.replace("\0", "\ufffd"))


# ---- workbook -------------------------------------------------------------------------------


def test_the_workbook_has_four_sheets_in_the_language(tmp_path: Path) -> None:
    english, chinese = sheets(failing(), tmp_path / "e.xlsx"), sheets(failing(), tmp_path / "z.xlsx", "zh")
    assert list(english) == ["Summary", "Rules", "Findings", "Coverage"]
    assert list(chinese) == ["概要", "规则", "问题", "检查覆盖"]
    assert english["Summary"][1][:2] == ["verdict", "FAIL"]
    assert chinese["概要"][1][:2] == ["结论", "不通过"]
    first = dict(zip(english["Rules"][0], english["Rules"][1], strict=True))
    assert (first["rule"], first["failed"], first["of"]) == ("building.height_m#exclusiveMinimum", 1234, 2000)
    assert first["share"] == pytest.approx(0.617)
    assert first["ISO 19157-3 measure"].startswith("16 number of items")
    assert len(english["Rules"]) == 1 + len(failing().rules)
    assert len(english["Findings"]) == 1 + len(failing().findings)
    assert english["Coverage"][3][:4] == ["Not decided", None, "building.parcel_code#ref", "未提供图层“parcel”"]


def test_headers_stay_in_view_and_filter_and_text_wraps(tmp_path: Path) -> None:
    reports.write(failing(), tmp_path / "r.xlsx")
    book = openpyxl.load_workbook(tmp_path / "r.xlsx")
    for name in ("Rules", "Findings", "Coverage"):
        sheet = book[name]
        assert sheet.freeze_panes == "A2"
        assert sheet.auto_filter.ref == sheet.dimensions
        assert all(sheet.column_dimensions[cell.column_letter].width >= 9 for cell in sheet[1])
        assert sheet["A2"].alignment.wrap_text
    rules = book["Rules"]
    colours = {row[0].fill.fgColor.rgb for row in rules.iter_rows(min_row=2) if row[1].value == "error"}
    assert len(colours) == 2  # what failed and what passed look different


def test_the_workbook_holds_no_formula(tmp_path: Path) -> None:
    reports.write(hostile(), tmp_path / "r.xlsx")
    book = openpyxl.load_workbook(tmp_path / "r.xlsx")
    kinds = {cell.data_type for sheet in book for row in sheet.iter_rows() for cell in row}
    assert kinds <= {"s", "n", "inlineStr"}
    values = [row[9].value for row in book["Findings"].iter_rows(min_row=2)]
    assert values[1] == "=1+1"
    formats = {row[9].number_format for row in book["Findings"].iter_rows(min_row=2)}
    assert formats == {"@"}  # so that it stays text when somebody edits the cell


def test_what_a_cell_or_a_sheet_cannot_hold_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workbook, "MOST_ROWS", 14)
    monkeypatch.setattr(xlsx, "MOST_ROWS", 14)
    long = finding("building.storey_height", "expression", 3, "😀" * 20_000, value="_x0041_")
    report = replace(failing(), findings=(long, *failing().findings))
    found = sheets(report, tmp_path / "r.xlsx")
    assert len(found["Findings"]) == 14
    assert len(found["Findings"][1][10].encode("utf-16-le")) // 2 <= 32_767
    said = [row[2] for row in found["Summary"]]
    assert "3 findings are left out: a sheet holds 14 rows. All are in a .csv or .parquet report." in said
    assert "1 text is cut: a cell holds 32,767 characters." in said
    import python_calamine

    # A second reader, which reads Excel's escapes as Excel does or leaves them.
    rows = python_calamine.load_workbook(tmp_path / "r.xlsx").get_sheet_by_name("Findings").to_python()
    assert rows[1][9] in ("_x0041_", "_x005F_x0041_")


# ---- Parquet --------------------------------------------------------------------------------


def test_parquet_has_the_same_types_whatever_was_found(tmp_path: Path) -> None:
    tables = []
    for number, report in enumerate((failing(), passing(), hostile())):
        path = tmp_path / f"{number}.parquet"
        reports.write(report, path)
        tables.append(pq.read_table(path))
        assert tables[-1].num_rows == len(report.findings)
    assert len({table.schema.remove_metadata() for table in tables}) == 1
    assert tables[0].schema.field("row").type == pa.int64()
    assert tables[0]["value"].to_pylist()[0] == "-3"


def test_parquet_is_a_layer_of_points(tmp_path: Path) -> None:
    reports.write(hostile(), tmp_path / "r.parquet")
    frame = geopandas.read_parquet(tmp_path / "r.parquet")
    assert frame.crs == "OGC:CRS84"
    assert frame.geometry.iloc[2] == Point(121.4, 31.2)
    assert frame.geometry.iloc[0] is None
    pd.testing.assert_series_equal(frame.geometry.dropna().x, frame.longitude.dropna(), check_names=False)


# ---- JSON lines -----------------------------------------------------------------------------


def test_json_lines_are_the_findings_of_the_json_report(tmp_path: Path) -> None:
    for report in (failing(), passing(), hostile()):
        reports.write(report, tmp_path / "r.jsonl")
        reports.write(report, tmp_path / "r.json")
        lines = (tmp_path / "r.jsonl").read_text("utf-8").split("\n")
        assert lines.pop() == ""
        assert [json.loads(line) for line in lines] == json.loads((tmp_path / "r.json").read_text("utf-8"))["findings"]
