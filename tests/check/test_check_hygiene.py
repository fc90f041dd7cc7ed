"""Planted dirt in the cells, names and reference systems of several formats is found, and clean data is left alone."""

from __future__ import annotations

import csv
import struct
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from check_deliveries import deliver, failures, held, plain, standard_layer
from hypothesis import given, settings
from hypothesis import strategies as st

import cimkit
from cimkit.check.hygiene import mojibake
from cimkit.model import Finding, Report
from cimkit.standard import CrsPolicy

Rows = Sequence[Sequence[Any]]
COLUMNS = ("id", "name", "floors", "phone", "height")
TYPES = {"id": "string", "name": "string", "floors": "integer", "phone": "string", "height": "number"}
SCHEMA = {"$id": "building", "type": "object", "properties": {name: {"type": t} for name, t in TYPES.items()}}


def clean(rows: int = 40) -> list[list[Any]]:
    """Buildings without a fault."""
    streets = ("人民路", "解放东路", "Main Street", "Rue de l'Évêché", "滨河大道（东段）", "Ａ座")
    return [
        [f"B{i:03d}", f"{streets[i % len(streets)]}{i + 1}", 1 + i % 30, f"0760-8{i:06d}", 3.0 + i % 50]
        for i in range(rows)
    ]


def as_csv(path: Path, rows: Rows) -> Path:
    with path.with_suffix(".csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([COLUMNS, *rows])
    return path.with_suffix(".csv")


def as_xlsx(path: Path, rows: Rows) -> Path:
    book = openpyxl.Workbook()
    book.active.title = "建筑"
    for row in [("某区建筑一览表",), COLUMNS, *rows]:
        book.active.append(row)
    book.save(path.with_suffix(".xlsx"))
    book.close()
    return path.with_suffix(".xlsx")


def as_dbf(path: Path, rows: Rows, encoding: str = "gb18030", width: int = 40, names: Sequence[str] = COLUMNS) -> Path:
    """A dBASE III table by hand: texts are cut where they do not fit, in the middle of a character if need be."""
    widths = [width if name in ("name", "phone") else 12 for name in names]
    head = struct.pack("<4B I 2H 20x", 3, 124, 1, 1, len(rows), 33 + 32 * len(names), 1 + sum(widths))
    for name, size in zip(names, widths, strict=True):
        head += struct.pack("<11s c 4x B 15x", name.encode(encoding)[:10], b"C", size)
    cells = b"".join(
        b" " + b"".join(str(cell).encode(encoding)[:size].ljust(size) for cell, size in zip(row, widths, strict=True))
        for row in rows
    )
    path.with_suffix(".dbf").write_bytes(head + b"\r" + cells + b"\x1a")
    return path.with_suffix(".dbf")


def as_parquet(path: Path, rows: Rows) -> Path:
    columns = zip(*rows, strict=True)
    pq.write_table(pa.table(dict(zip(COLUMNS, columns, strict=True))), path.with_suffix(".parquet"))
    return path.with_suffix(".parquet")


WRITERS: dict[str, Callable[[Path, Rows], Path]] = {
    "csv": as_csv,
    "xlsx": as_xlsx,
    "dbf": as_dbf,
    "parquet": as_parquet,
}


def found(report: Report) -> set[tuple[str, int | None, str | None]]:
    return {(finding.code, finding.row, finding.field) for finding in report.findings}


def finding_of(report: Report, code: str) -> Finding:
    return next(finding for finding in report.findings if finding.code == code)


# ---- cells --------------------------------------------------------------------------------


PLANTED = {
    (3, "name"): ("鍖椾含", "text.mojibake"),
    (5, "name"): ("-", "text.placeholder"),
    (6, "name"): ("无", "text.placeholder"),
    (8, "name"): ("北京\u00a0", "text.blanks"),
    (9, "phone"): ("０７６０-8000009", "text.full_width"),
    (11, "floors"): (999, "text.placeholder"),
    (12, "floors"): (999, "text.placeholder"),
    (14, "height"): (-9999.0, "text.placeholder"),
}
#: What the bytes of the format can hold.
LATIN = {(15, "name"): ("åŒ—äº¬", "text.mojibake"), (16, "name"): ("±±¾©", "text.mojibake")}


@pytest.mark.parametrize("form", WRITERS)
def test_planted_dirt_is_found_and_nothing_else(tmp_path: Path, form: str) -> None:
    planted = PLANTED | (LATIN if form != "dbf" else {})
    rows = clean()
    for (row, field), (value, _) in planted.items():
        rows[row][COLUMNS.index(field)] = value
    report = cimkit.check(WRITERS[form](tmp_path / "building", rows), schema=SCHEMA)
    assert found(report) == {(code, row, field) for (row, field), (_, code) in planted.items()}
    assert report.totals == {"error": 0, "warning": len(planted), "info": 0}


@pytest.mark.parametrize("form", WRITERS)
def test_clean_data_has_no_findings(tmp_path: Path, form: str) -> None:
    report = cimkit.check(WRITERS[form](tmp_path / "building", clean()), schema=SCHEMA)
    assert (report.findings, report.totals["warning"]) == ((), 0)


def test_hints_say_what_is_meant(tmp_path: Path) -> None:
    rows = clean()
    rows[3][1], rows[4][1], rows[9][3] = "鍖椾含", "北京\u200b", "０７６０-8000009"
    report = cimkit.check(as_csv(tmp_path / "b", rows), schema=SCHEMA)
    hints = {finding.code: finding.hint for finding in report.findings}
    assert "'北京'" in hints["text.mojibake"]
    assert "'北京'" in hints["text.blanks"]
    assert "'0760-8000009'" in hints["text.full_width"]
    assert cimkit.check(as_csv(tmp_path / "b", rows), schema=SCHEMA, lang="zh").findings[0].message.startswith("name")


def test_what_a_rule_of_the_schema_fails_is_one_finding_with_a_hint(tmp_path: Path) -> None:
    rows = clean()
    rows[2][2], rows[3][2], rows[4][1] = 999, "-", "１２３"
    schema = {**SCHEMA, "properties": {**SCHEMA["properties"], "floors": {"type": "integer", "maximum": 200}}}
    schema["properties"]["name"] = {"type": "string", "pattern": "^[^０-９]+$"}
    report = cimkit.check(as_csv(tmp_path / "b", rows), schema=schema)
    assert found(report) == {("maximum", 2, "floors"), ("type", 3, "floors"), ("pattern", 4, "name")}
    assert {f.code: "not known" in (f.hint or "") for f in report.findings} == {
        "maximum": True,
        "type": True,
        "pattern": False,
    }
    assert "'123'" in str(finding_of(report, "pattern").hint)


def test_what_the_schema_lists_is_no_placeholder(tmp_path: Path) -> None:
    listed = {
        "$id": "t",
        "properties": {"lift": {"enum": ["有", "无", "-"]}, "n": {"type": "integer", "enum": [1, 999]}},
    }
    cells = {"lift": ["有", "无", "-"] * 20, "n": [1, 1, 999] * 20}
    layer = plain(listed)
    assert failures(held(deliver(Path(tmp_path), cells, layer), layer)) == {}


@pytest.mark.parametrize(
    ("values", "flagged"),
    [
        (["有", "无"] * 20, []),  # a list of answers
        (["flat", "gabled", "none", "hipped"] * 10, []),
        ([f"code {i}" for i in range(30)] + ["none"], [30]),
        (["CN", "NA", "DE", "FR"] * 10 + [f"X{chr(65 + i)}" for i in range(26)], []),  # Namibia
        (["none"], []),  # of one value nobody can say
        ([f"r{i % 3}" for i in range(30)] + ["-;", "<Null>", "N/A", "--"], [30, 31, 32, 33]),
    ],
)
def test_words_for_nothing(tmp_path: Path, values: list[str], flagged: list[int]) -> None:
    layer = plain({"properties": {"x": {"type": "string"}}})
    rows = failures(held(deliver(tmp_path, {"x": values}, layer), layer))
    assert rows == ({"t.x#text.placeholder": flagged} if flagged else {})


@pytest.mark.parametrize(
    ("values", "flagged"),
    [
        (list(range(1, 2001)), 0),  # a running number
        ([i % 30 for i in range(300)] + [999] * 3, 3),
        ([2.5 + i % 90 for i in range(300)] + [-99.0], 1),
        ([-5 + i % 40 for i in range(300)] + [-99] * 2, 2),
        ([-(i % 200) for i in range(300)] + [-99] * 2, 0),  # within the range
        ([i % 30 for i in range(300)] + [500, 700, 999, 1200], 0),  # a long tail
        ([1.5] * 10 + [-3.4028234663852886e38], 1),
        ([999, 999], 0),  # nothing to compare with
    ],
)
def test_numbers_that_stand_for_nothing(tmp_path: Path, values: list[float], flagged: int) -> None:
    layer = plain({"properties": {"x": {"type": "number"}}})
    report = held(deliver(tmp_path, {"x": values}, layer), layer)
    assert report.totals["warning"] == flagged


def test_days_that_stand_for_nothing(tmp_path: Path) -> None:
    layer = plain({"properties": {"d": {"type": "string"}}})
    young = [f"20{i:02d}-05-01" for i in range(10, 30)]
    for values, flagged in (
        (["1900-01-01", *young], [0]),
        (["1900-01-01", *[f"18{y}-01-01" for y in range(70, 90)]], []),
    ):
        rows = failures(held(deliver(tmp_path, {"d": values}, layer), layer))
        assert rows == ({"t.d#text.placeholder": flagged} if flagged else {})


def test_full_width_is_style_in_names_and_a_fault_in_codes(tmp_path: Path) -> None:
    layer = plain({"properties": {}})
    cells = {
        "name": ["Ａ座", "新华书店（１号店）", "人民医院", "第３小学"] * 5,
        "number": ["12号", "１３号", "14号", "15号"] * 5,
        "code": ["A1", "A2", "Ａ３", "A4"] * 5,
    }
    rows = failures(held(deliver(tmp_path, cells, layer), layer))
    assert {rule: len(found) for rule, found in rows.items()} == {
        "t.number#text.full_width": 5,
        "t.code#text.full_width": 5,
    }


def test_texts_cut_at_the_width_of_their_column(tmp_path: Path) -> None:
    rows = clean(60)
    for i in range(20):
        rows[i][1] = f"第{i}号楼" + "中山市石岐区人民东路建筑群附属设施" * 3
    report = cimkit.check(as_dbf(tmp_path / "b", rows, width=40), schema=SCHEMA)
    assert {(f.code, f.field) for f in report.findings} == {("text.cut", "name")}
    assert [f.row for f in report.findings] == list(range(20))


def test_codes_that_fill_their_column_are_not_cut(tmp_path: Path) -> None:
    rows = [[*row[:3], f"{i:010d}", row[4]] for i, row in enumerate(clean(60))]
    assert cimkit.check(as_dbf(tmp_path / "b", rows, width=10), schema={"properties": {}}).findings == ()


def test_many_texts_of_254_bytes(tmp_path: Path) -> None:
    layer = plain({"properties": {}})
    long = [f"{i:03d} " + "x" * 250 for i in range(5)]
    short = ["short text"] * 20
    rows = failures(held(deliver(tmp_path, {"x": [*long, *short]}, layer), layer))
    assert rows == {"t.x#text.cut": [0, 1, 2, 3, 4]}
    longer = failures(held(deliver(tmp_path, {"x": [*long, "y" * 300, *short]}, layer), layer))
    assert longer == {}


# ---- wrong encodings ----------------------------------------------------------------------


HANZI = st.text(
    st.sampled_from("人民中山解放建设和平东西南北路街道小学医院花园公园广场大厦工业开发区镇村委会银行商店"),
    min_size=2,
    max_size=20,
)


@given(HANZI.map(lambda text: text if len(text) % 2 == 0 else text + "路"))
@settings(max_examples=150)
def test_utf8_read_as_gbk_is_repaired(text: str) -> None:
    assert mojibake.repaired(text.encode().decode("gbk", "replace")) in (text, None)
    try:
        wrong = text.encode().decode("gbk")
    except UnicodeDecodeError:
        return
    assert mojibake.repaired(wrong) == text


@given(HANZI, st.sampled_from(["utf-8", "gbk"]))
@settings(max_examples=150)
def test_bytes_read_as_latin_are_repaired(text: str, encoding: str) -> None:
    assert mojibake.repaired(text.encode(encoding).decode("latin-1")) == text


NAMES = st.one_of(
    HANZI,
    st.text(st.characters(min_codepoint=0x4E00, max_codepoint=0x9FA5), min_size=1, max_size=12),
    st.text("ABCDEFGhijklmnäöüßéèàçñÅØ-' 0123456789", min_size=1, max_size=30)
    .map(str.strip)
    .filter(lambda t: len(t) > 3),
    st.from_regex(r"[A-Z][a-zé]{3,9} (Straße|Rue|Street|Ñuñoa|São) [1-9][0-9]?", fullmatch=True),
)


@given(st.lists(NAMES, min_size=30, max_size=120, unique=True))
@settings(max_examples=25)
def test_clean_names_have_no_findings(tmp_path_factory: pytest.TempPathFactory, names: list[str]) -> None:
    layer = plain({"properties": {"name": {"type": "string"}}})
    report = held(deliver(tmp_path_factory.mktemp("names"), {"name": names}, layer), layer)
    # Some rare characters next to each other may look like anything; of the common ones none do.
    assert [f.value for f in report.findings if f.code != "text.placeholder"] == []


@pytest.mark.parametrize(
    "name",
    ["OLÉ”", "××××", "°C", "CAFÉ–BAR", "½", "濮阳路", "Größe", "L’Été", "Ñuñoa", "1×2×3", "?", "沢田", "Ⅱ号楼", "①"],
)
def test_honest_texts_are_left_alone(tmp_path: Path, name: str) -> None:
    layer = plain({"properties": {}})
    report = held(deliver(tmp_path, {"name": [*(f"name {i}" for i in range(10)), name]}, layer), layer)
    assert "text.mojibake" not in {finding.code for finding in report.findings}


# ---- names, headers, sources --------------------------------------------------------------


def test_columns_that_are_there_twice(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("id,Name,ＮＡＭＥ,na me,id\n1,a,b,c,2\n", encoding="utf-8")
    report = cimkit.check(path, schema={"$id": "t", "type": "object"})
    assert [(f.rule, f.field, f.severity) for f in report.findings] == [
        ("t#name.duplicate", "ＮＡＭＥ", "warning"),
        ("t#name.duplicate", "na me", "warning"),
        ("t#name.duplicate", "id", "warning"),
    ]


def test_names_cut_to_ten_bytes(tmp_path: Path) -> None:
    names = ("id", "name", "building_h", "construct", "building_1")
    schema = {"properties": {"building_height": {"type": "number"}, "id": {}, "name": {}}}
    report = cimkit.check(as_dbf(tmp_path / "t", clean(), names=names), schema=schema)
    told = {f.field: f.hint for f in report.findings if f.code == "name.cut"}
    assert set(told) == {"building_h", "building_1"}
    assert "building_height" in str(told["building_h"])


def test_a_row_of_units(tmp_path: Path) -> None:
    rows = clean()
    report = cimkit.check(as_csv(tmp_path / "t", [["", "", "层", "", "m"], *rows]), schema=SCHEMA)
    assert [f.code for f in report.findings] == ["table.units_row"]


def test_what_the_reader_left_out(tmp_path: Path) -> None:
    rows = clean()
    rows[0][4] = "#DIV/0!"
    path = as_xlsx(tmp_path / "t", rows)
    report = cimkit.check(path, schema={"$id": "t"}, level="L0")
    assert [(f.code, f.severity) for f in report.findings] == [("source.incomplete", "warning")]
    assert "#DIV/0!" in report.findings[0].message


# ---- places in the source's own terms -----------------------------------------------------


def test_cells_are_called_as_in_the_sheet(tmp_path: Path) -> None:
    rows = clean()
    rows[4][2] = "many"
    report = cimkit.check(as_xlsx(tmp_path / "t", rows), schema=SCHEMA)
    assert [(f.layer, f.row, f.cell) for f in report.findings] == [("建筑", 4, "C7")]
    book = openpyxl.load_workbook(tmp_path / "t.xlsx")
    assert book["建筑"]["C7"].value == "many"
    book.close()


def test_cells_of_text_files_where_they_are_certain(tmp_path: Path) -> None:
    rows = clean()
    rows[4][2] = "many"
    assert [f.cell for f in cimkit.check(as_csv(tmp_path / "t", rows), schema=SCHEMA).findings] == ["C6"]
    rows[1][1] = "two\nlines"
    assert [f.cell for f in cimkit.check(as_csv(tmp_path / "t", rows), schema=SCHEMA).findings] == [None]
    text = "id;floors\n\n1;many\n"
    (tmp_path / "blank.csv").write_text(text, encoding="utf-8")
    assert [f.cell for f in cimkit.check(tmp_path / "blank.csv", schema=SCHEMA).findings] == [None]


# ---- reference systems --------------------------------------------------------------------


def geometry_layer(folder: Path) -> Any:
    return standard_layer(folder, "site", {"id": {"type": "string"}}, **{"cim:geometry": {"types": ["Point"]}})


def crs_report(folder: Path, crs: str, hygiene: Mapping[str, str] | None = None) -> Report:
    import shapely

    layer = geometry_layer(folder)
    cells = {"id": ["a"], "geometry": [shapely.to_wkb(shapely.Point(113, 22))]}
    policy = CrsPolicy(("EPSG:4490",), ("EPSG:5737",))
    return held(deliver(folder, cells, layer, crs=crs), layer, crs_policy=policy, hygiene=hygiene)


def test_reference_systems_that_are_not_allowed(tmp_path: Path) -> None:
    assert crs_report(tmp_path, "EPSG:4490").findings == ()
    assert crs_report(tmp_path, "EPSG:4490+5737").findings == ()
    report = crs_report(tmp_path, "EPSG:4326")
    assert [(f.code, f.severity, f.value) for f in report.findings] == [("crs.not_allowed", "error", "EPSG:4326")]
    heights = crs_report(tmp_path, "EPSG:4490+5773")
    assert [(f.rule, f.severity, f.value) for f in heights.findings] == [("site#crs.vertical", "error", "EPSG:5773")]


def test_a_standard_says_how_grave_hygiene_is(tmp_path: Path) -> None:
    assert crs_report(tmp_path, "EPSG:4326", {"crs.not_allowed": "warning"}).totals["warning"] == 1
    assert crs_report(tmp_path, "EPSG:4326", {"crs.not_allowed": "off"}).findings == ()
    layer = plain({"properties": {}})
    cells = {"x": [" a", "b", "c"]}
    for said, told in (({}, "warning"), ({"text.blanks": "error"}, "error"), ({"text.blanks": "info"}, "info")):
        report = held(deliver(tmp_path, cells, layer), layer, hygiene=said)
        assert [finding.severity for finding in report.findings] == [told]
    assert held(deliver(tmp_path, cells, layer), layer, hygiene={"text.blanks": "off"}).findings == ()


# ---- totals and samples -------------------------------------------------------------------


def test_totals_are_exact_and_samples_bounded(tmp_path: Path) -> None:
    layer = plain({"properties": {}})
    report = held(deliver(tmp_path, {"x": [" padded "] * 1000}, layer), layer, samples=3)
    assert [rule.failed for rule in report.rules] == [1000]
    assert [finding.row for finding in report.findings] == [0, 1, 2]


def test_hygiene_is_part_of_the_first_level(tmp_path: Path) -> None:
    layer = plain({"properties": {}})
    cells = {"x": [" padded "] * 3}
    assert held(deliver(tmp_path, cells, layer), layer, level="L0").findings == ()
    assert len(held(deliver(tmp_path, cells, layer), layer, level="L1").findings) == 3
