"""Spreadsheets as people make them: merged headers, titles, units, notes, errors; XLSX, XLS and ODS alike."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from openpyxl.chart import BarChart
from spreadsheet_sources import ods_bytes, xls_bytes

import cimkit.formats as formats
from cimkit.errors import SourceError


def xlsx(path: Path, rows: Sequence[Sequence[Any]], merged: Sequence[str] = ()) -> Path:
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.title = "data"
    for row in rows:
        sheet.append(list(row))
    for area in merged:
        sheet.merge_cells(area)
    book.save(path)
    return path


def rows(path: Path, layer: str | None = None) -> list[dict[str, str | None]]:
    return formats.open(path).layer(layer).arrow().to_pylist()


def hints(path: Path, layer: int = 0) -> dict[str, str]:
    return {hint["code"]: hint["message"] for hint in formats.inspect(path)["layers"][layer]["hints"]}


def refusal(path: Path) -> SourceError:
    with pytest.raises(SourceError) as caught:
        formats.open(path).layer().arrow()
    return caught.value


# ---- what is refused ------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["x.xlsx", "x.xls"])
def test_a_password(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_bytes(xls_bytes({}, stream="EncryptedPackage"))
    error = refusal(path)
    assert "protected by a password" in str(error)
    assert "without the password" in str(error.hint)


@pytest.mark.parametrize("cut", [600, 2000, 4000])
def test_an_old_workbook_that_stops_in_the_middle(tmp_path: Path, cut: int) -> None:
    path = tmp_path / "x.xls"
    path.write_bytes(xls_bytes({"data": [["a", "b"], [1, 2]]})[:-cut])
    refusal(path)


def test_an_ods_that_is_damaged(tmp_path: Path) -> None:
    path = tmp_path / "x.ods"
    path.write_bytes(ods_bytes("<table:table"))
    assert "damaged" in str(refusal(path))


@pytest.mark.parametrize("repeated", [(1_000_000, 1000), (1_000_000_000, 1)])
def test_a_cell_repeated_a_billion_times(tmp_path: Path, repeated: tuple[int, int]) -> None:
    path = tmp_path / "x.ods"
    cell = (
        f'<table:table-cell office:value-type="float" office:value="1" table:number-columns-repeated="{repeated[1]}"/>'
    )
    path.write_bytes(
        ods_bytes(
            f'<table:table table:name="a"><table:table-row table:number-rows-repeated="{repeated[0]}">{cell}'
            "</table:table-row></table:table>"
        )
    )
    assert "1,000,000,000 cells" in str(refusal(path))


def test_an_ods_with_entities(tmp_path: Path) -> None:
    path = tmp_path / "x.ods"
    path.write_bytes(ods_bytes("<table:table/>", before='<!DOCTYPE x [<!ENTITY a "aaaa">]>'))
    assert "declares entities" in str(refusal(path))


# ---- headers ----------------------------------------------------------------------------------


def test_a_header_of_two_lines_with_merged_cells(tmp_path: Path) -> None:
    table = [["地区", "人口", None, "面积", None], [None, "男", "女", "陆地", "水域"], ["甲", 1, 2, 3, 4]]
    path = xlsx(tmp_path / "x.xlsx", table, ["A1:A2", "B1:C1", "D1:E1"])
    read = {"地区": "甲", "人口/男": "1", "人口/女": "2", "面积/陆地": "3", "面积/水域": "4", "_fid": "3"}
    assert rows(path) == [read]
    assert "2 lines" in hints(path)["table.header_lines"]


def test_a_header_of_three_lines_below_a_title_with_text_below(tmp_path: Path) -> None:
    table = [
        ["某区统计表", None, None, None],
        ["名称", "人口", None, None],
        [None, "常住", None, "流动"],
        [None, "男", "女", None],
        ["甲", "多", "少", "无"],
    ]
    path = xlsx(tmp_path / "x.xlsx", table, ["A1:D1", "A2:A4", "B2:D2", "B3:C3", "D3:D4"])
    assert list(rows(path)[0]) == ["名称", "人口/常住/男", "人口/常住/女", "人口/流动", "_fid"]
    assert len(rows(path)) == 1
    assert "某区统计表" in hints(path)["table.title"]


def test_years_below_a_merged_name(tmp_path: Path) -> None:
    table = [["区", "GDP", None], [None, 2019, 2020], ["甲", 1, 2], ["乙", 3, 4]]
    assert list(rows(xlsx(tmp_path / "x.xlsx", table, ["A1:A2", "B1:C1"]))[0]) == ["区", "GDP/2019", "GDP/2020", "_fid"]


def test_a_line_about_the_table_above_the_header(tmp_path: Path) -> None:
    table = [["填报单位：街道办", None, None, "日期：2024年"], ["编号", "名称", "层数", "面积"], ["01", "甲", 5, 6.5]]
    assert rows(xlsx(tmp_path / "x.xlsx", table))[0]["编号"] == "01"


def test_a_units_row(tmp_path: Path) -> None:
    table = [["name", "h", "area"], [None, "[m]", "m²"], ["a", 5, 6.5], ["b", 7, None]]
    path = xlsx(tmp_path / "x.xlsx", table)
    assert [row["h"] for row in rows(path)] == ["5", "7"]
    assert "h m, area m²" in hints(path)["table.units_row"]


# ---- cells --------------------------------------------------------------------------------------


def test_errors_are_null_and_told(tmp_path: Path) -> None:
    path = xlsx(tmp_path / "x.xlsx", [["a", "b"], ["#N/A", 1], ["#DIV/0!", 2], ["#N/A text", 3]])
    assert [row["a"] for row in rows(path)] == [None, None, "#N/A text"]
    assert "2 cells hold errors (#DIV/0! 1, #N/A 1)" in hints(path)["table.errors"]


def test_percent_durations_and_the_calendar_of_1904(tmp_path: Path) -> None:
    path = tmp_path / "x.xlsx"
    book = openpyxl.Workbook()
    book.epoch = openpyxl.utils.datetime.CALENDAR_MAC_1904
    sheet = book.active
    assert sheet is not None
    sheet.append(["share", "lasts", "day"])
    sheet.append([0.25, datetime.timedelta(hours=30, seconds=1.5), datetime.date(2024, 5, 1)])
    sheet["A2"].number_format = "0%"
    book.save(path)
    assert rows(path)[0] == {"share": "0.25", "lasts": "30:00:01.500", "day": "2024-05-01", "_fid": "2"}
    assert "percent" in hints(path)["numbers.percent"]


def test_merged_cells_of_records_are_filled_down(tmp_path: Path) -> None:
    table = [["区", "街道", "n"], ["甲", "a", 1], [None, "b", 2], [None, "c", 3], ["乙", "d", 4], [None, "e", 5]]
    path = xlsx(tmp_path / "x.xlsx", table, ["A2:A4", "A5:A6"])
    assert [row["区"] for row in rows(path)] == ["甲", "甲", "甲", "乙", "乙"]
    assert "3 cells" in hints(path)["table.merged_cells"]


def test_notes_below_the_table(tmp_path: Path) -> None:
    table = [["id", "a", "b"], ["1", 1, 2], ["2", None, None], [], ["注：数据来源于年鉴"], ["第二条说明"]]
    path = xlsx(tmp_path / "x.xlsx", table)
    assert [row["id"] for row in rows(path)] == ["1", "2"]
    assert "2 rows are no records: 注：数据来源于年鉴" in hints(path)["table.notes"]


def test_a_record_with_one_cell_is_no_note(tmp_path: Path) -> None:
    path = xlsx(tmp_path / "x.xlsx", [["id", "a", "b"], ["1", 1, 2], ["2", None, None], ["3", None, None]])
    assert [row["id"] for row in rows(path)] == ["1", "2", "3"]


def test_blank_columns_are_left_out(tmp_path: Path) -> None:
    path = xlsx(tmp_path / "x.xlsx", [[None, "a", None, "b"], [None, 1, None, 2], [None, 3, None, 4]])
    assert rows(path)[1] == {"a": "3", "b": "4", "_fid": "3"}
    assert "2 columns" in hints(path)["table.blank_columns"]


def test_several_tables_in_a_sheet_are_told(tmp_path: Path) -> None:
    table = [["id", "n"], [1, 2], [3, 4], [], ["编号", "层数"], [5, 6]]
    assert "row 5" in hints(xlsx(tmp_path / "x.xlsx", table))["table.several"]
    assert "table.several" not in hints(xlsx(tmp_path / "y.xlsx", [["id", "n"], [1, 2], [], [3, 4]]))


def test_hidden_rows_and_columns_are_told(tmp_path: Path) -> None:
    path = xlsx(tmp_path / "x.xlsx", [["a", "b", "c"], [1, 2, 3], [4, 5, 6]])
    book = openpyxl.load_workbook(path)
    book["data"].row_dimensions[3].hidden = True
    book["data"].column_dimensions["B"].hidden = True
    book.save(path)
    assert len(rows(path)) == 2
    assert "1 rows and 1 columns are hidden" in hints(path)["table.hidden"]


def test_sheets_with_a_chart_alone_are_told(tmp_path: Path) -> None:
    path = xlsx(tmp_path / "x.xlsx", [["a", "b"], [1, 2]])
    book = openpyxl.load_workbook(path)
    book.create_chartsheet("Diagramm").add_chart(BarChart())
    book.save(path)
    assert [hint.code for hint in formats.open(path).hints] == ["layers.charts"]


def test_formulas_without_result_are_counted_once(tmp_path: Path) -> None:
    path = xlsx(tmp_path / "x.xlsx", [["a", "b"], *([i, f"=A{i}*2"] for i in range(2, 30_000))])
    assert "29998 formulas" in hints(path)["xlsx.formulas"]


def test_coordinates_are_told(tmp_path: Path) -> None:
    assert "hold degrees" in hints(xlsx(tmp_path / "x.xlsx", [["经度", "纬度"], [114.1, 22.5]]))["table.geometry"]


# ---- the other formats ----------------------------------------------------------------------------


def test_an_old_workbook(tmp_path: Path) -> None:
    path = tmp_path / "x.xls"
    table = [["编号", "h", "ok"], ["010001", 5.5, True], ["010002", 7.0, False], ["010003", "", ""]]
    path.write_bytes(xls_bytes({"建筑": table, "b": [["x"], ["1"]]}))
    dataset = formats.open(path)
    assert dataset.delivery.format == "XLS"
    assert [layer.name for layer in dataset.layers] == ["建筑", "b"]
    assert rows(path, "建筑") == [
        {"编号": "010001", "h": "5.5", "ok": "true", "_fid": "2"},
        {"编号": "010002", "h": "7", "ok": "false", "_fid": "3"},
        {"编号": "010003", "h": None, "ok": None, "_fid": "4"},
    ]


def test_an_old_workbook_is_known_by_its_content(tmp_path: Path) -> None:
    path = tmp_path / "x.xlsx"
    path.write_bytes(xls_bytes({"a": [["x", "y"], [1, 2]]}))
    assert formats.open(path).delivery.format == "XLS"


def test_an_opendocument_spreadsheet(tmp_path: Path) -> None:
    def cell(kind: str, text: str, more: str = "") -> str:
        value = f' office:value="{text}"' if kind == "float" else ""
        return f'<table:table-cell office:value-type="{kind}"{value}{more}><text:p>{text}</text:p></table:table-cell>'

    two = ' table:number-columns-spanned="2" table:number-rows-spanned="1"'
    body = (
        '<table:table table:name="表">'
        f"<table:table-row>{cell('string', '区')}{cell('string', '人口', two)}<table:covered-table-cell/>"
        "</table:table-row>"
        f"<table:table-row><table:table-cell/>{cell('string', '男')}{cell('string', '女')}</table:table-row>"
        f"<table:table-row>{cell('string', '01')}{cell('float', '5')}{cell('float', '6.5')}</table:table-row>"
        '<table:table-row table:number-rows-repeated="1048573">'
        '<table:table-cell table:number-columns-repeated="16384"/></table:table-row></table:table>'
    )
    path = tmp_path / "x.ods"
    path.write_bytes(ods_bytes(body))
    assert formats.open(path).delivery.format == "ODS"
    assert rows(path) == [{"区": "01", "人口/男": "5", "人口/女": "6.5", "_fid": "3"}]


def test_a_sheet_that_begins_further_down_and_right(tmp_path: Path) -> None:
    path = tmp_path / "x.xls"
    path.write_bytes(xls_bytes({"a": [[], [], ["", "", "x", "y"], ["", "", 1, 2]]}))
    assert rows(path) == [{"x": "1", "y": "2", "_fid": "4"}]


@pytest.mark.shared
def test_the_consumption_of_flanders(shared: Path) -> None:
    path = shared / "data" / "ghent_stats" / "data" / "verbruiksgegevens-per-maand.xlsx"
    layer = formats.inspect(path)["layers"][0]
    book = openpyxl.load_workbook(path, read_only=True)
    filled = sum(1 for row in book["P0269_FLUVIUS"].iter_rows(values_only=True) if any(row))
    book.close()
    assert layer["features"] == filled - 1
    assert [field["name"] for field in layer["fields"]][:4] == ["Hoofdgemeente", "Energie", "SLP", "202109"]
