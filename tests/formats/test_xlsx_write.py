"""Workbooks that are written: what Excel would spoil is kept or told, and other libraries read the same."""

from __future__ import annotations

import datetime
import math
import zipfile
from pathlib import Path
from typing import Any

import duckdb
import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import pyogrio
import pytest
import python_calamine
import shapely
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import cimkit
import cimkit.formats as formats
from cimkit.errors import SourceError, UsageError
from cimkit.formats.profile import Order
from cimkit.formats.tables.xlsx_write import PROFILE, sheet_name


def parquet(tmp_path: Path, **columns: Any) -> Path:
    path = tmp_path / "s.parquet"
    pq.write_table(pa.table(columns), path)
    return path


def converted(tmp_path: Path, **columns: Any) -> tuple[Path, dict[str, int], bool | None]:
    target = tmp_path / "t.xlsx"
    report = cimkit.convert(parquet(tmp_path, **columns), target, verify=True)
    return target, {f"{loss.code} {loss.field}": loss.count for loss in report.losses}, report.verified


def cells(path: Path) -> list[tuple[Any, ...]]:
    book = openpyxl.load_workbook(path)
    return list(book.worksheets[0].iter_rows(values_only=True))


def test_text_stays_text(tmp_path: Path) -> None:
    texts = ["010001", "=1+1", "+1", "-1", "@SUM(A1)", "#N/A", " a ", "a\r\nb\tc", "<&>\"'", "䶮𬱖", "1e5", "TRUE"]
    path, losses, verified = converted(tmp_path, t=texts)
    assert [row[0] for row in cells(path)[1:]] == texts
    assert all(cell.data_type == "s" for row in openpyxl.load_workbook(path).worksheets[0]["A1:A13"] for cell in row)
    assert (losses, verified) == ({}, True)


def test_numbers_keep_every_digit(tmp_path: Path) -> None:
    numbers = [0.1 + 0.2, 1 / 3, 1e300, 5e-324, -0.5, 123456789012345.0]
    path, losses, verified = converted(tmp_path, n=numbers, i=[1, -2, 999_999_999_999_999, None, 0, 7])
    assert [row[0] for row in cells(path)[1:]] == numbers
    assert (losses, verified) == ({}, True)


def test_long_integers_are_text(tmp_path: Path) -> None:
    path, losses, verified = converted(tmp_path, id=[310113000000012345, 5])
    assert [row[0] for row in cells(path)[1:]] == ["310113000000012345", 5]
    assert (losses, verified) == ({"type.dropped id": 1}, True)


def test_no_number(tmp_path: Path) -> None:
    _, losses, verified = converted(tmp_path, n=[math.nan, math.inf, 1.0], m=[1, 2, 3])
    assert (losses, verified) == ({"number.not_finite n": 2}, True)


def test_dates_and_times(tmp_path: Path) -> None:
    days = [datetime.date(2024, 2, 29), datetime.date(1900, 2, 28), datetime.date(9999, 12, 31)]
    times = [datetime.datetime(2024, 5, 1, 10, 30, 0, 123_000), datetime.datetime(1899, 1, 1), None]
    path, losses, verified = converted(tmp_path, d=days, t=times, z=pa.array(times, pa.timestamp("us", "UTC")))
    assert cells(path)[1][:2] == (datetime.datetime(2024, 2, 29), times[0])
    assert cells(path)[2][:2] == ("1900-02-28", "1899-01-01T00:00:00")
    assert cells(path)[1][2] == "2024-05-01T10:30:00.123Z"
    assert (losses, verified) == ({"type.dropped d": 1, "type.dropped t": 1, "type.dropped z": 2}, True)


def test_fractions_beyond_milliseconds_are_told(tmp_path: Path) -> None:
    _, losses, verified = converted(tmp_path, t=[datetime.datetime(2024, 5, 1, 10, 30, 0, 123_456)], n=[1])
    assert (losses, verified) == ({"time.fraction t": 1}, True)


def test_what_a_cell_has_no_place_for(tmp_path: Path) -> None:
    texts = ["x" * 32_768, "", "a\x01b", "𬱖" * 20_000, None]
    path, losses, verified = converted(tmp_path, t=texts, n=[1, 2, 3, 4, 5])
    assert losses == {"text.cut t": 2, "null.merged t": 1, "text.characters t": 1}
    assert verified
    assert all(len((row[0] or "").encode("utf-16-le")) <= 2 * 32_767 for row in cells(path))


def test_other_types(tmp_path: Path) -> None:
    columns = {
        "b": [True, False, None],
        "blob": [b"\x00\xff", None, b""],
        "nested": [[1, 2], None, []],
        "dec": pa.array([1, None, 3], pa.decimal128(10, 2)),
        "u": pa.array([2**64 - 1, None, 3], pa.uint64()),
    }
    path, losses, verified = converted(tmp_path, **columns)
    assert [row[0] for row in cells(path)[1:]] == [True, False, None]
    assert verified
    assert losses == {"null.merged blob": 1, "type.dropped blob": 2, "type.dropped nested": 2, "type.dropped u": 2}


def test_geometry_is_a_column_of_wkt(tmp_path: Path) -> None:
    source = tmp_path / "s.geojson"
    ring = shapely.Point(0, 0).buffer(10, quad_segs=400)
    shapes = [shapely.Point(114.1, 22.5), None, ring]
    features = [
        {"type": "Feature", "properties": {"n": i}, "geometry": shape and shapely.geometry.mapping(shape)}
        for i, shape in enumerate(shapes)
    ]
    import json

    source.write_text(json.dumps({"type": "FeatureCollection", "features": features}))
    report = cimkit.convert(source, tmp_path / "t.xlsx", verify=True)
    losses = {loss.code: loss.count for loss in report.losses}
    assert losses == {"geometry.dropped": 1, "crs.dropped": 2}
    assert report.verified
    assert cells(tmp_path / "t.xlsx")[1][1] == "POINT (114.1 22.5)"
    back = cimkit.convert(tmp_path / "t.xlsx", tmp_path / "b.gpkg", from_crs="EPSG:4326")
    assert formats.inspect(tmp_path / "b.gpkg")["layers"][0]["geometry_kinds"] == {"Point": 1}
    assert back.rows_written == 3


def test_two_runs_give_the_same_bytes(tmp_path: Path) -> None:
    source = parquet(tmp_path, a=["x"], d=[datetime.date(2024, 1, 1)])
    for name in ("a", "b"):
        cimkit.convert(source, tmp_path / f"{name}.xlsx")
    assert (tmp_path / "a.xlsx").read_bytes() == (tmp_path / "b.xlsx").read_bytes()
    with zipfile.ZipFile(tmp_path / "a.xlsx") as archive:
        assert {entry.date_time for entry in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}


def test_other_libraries_read_it(tmp_path: Path) -> None:
    path, _, _ = converted(
        tmp_path, 名称=["甲", "乙"], code=["01", "02"], n=[1.5, 2.25], d=[datetime.date(2024, 1, 1)] * 2
    )
    sheet = python_calamine.CalamineWorkbook.from_path(str(path)).get_sheet_by_index(0)
    assert sheet.to_python() == [
        ["名称", "code", "n", "d"],
        ["甲", "01", 1.5, datetime.date(2024, 1, 1)],
        ["乙", "02", 2.25, datetime.date(2024, 1, 1)],
    ]
    frame = pyogrio.read_dataframe(path)
    assert list(frame["code"]) == ["01", "02"]
    assert list(frame["n"]) == [1.5, 2.25]


@pytest.mark.parametrize(
    ("layer", "name"),
    [
        ("建筑", "建筑"), ("a/b:c[d]", "a_b_c_d_"), ("x" * 40, "x" * 31), ("'q'", "q"), ("", "data"),
        ("History", "data"), ("𬱖" * 20, "𬱖" * 15), ("a<&>\"b", "a<&>\"b"),
    ],
)  # fmt: skip
def test_names_of_sheets(tmp_path: Path, layer: str, name: str) -> None:
    assert sheet_name(layer) == name
    formats.write(pa.table({"a": [1]}).to_reader(), tmp_path / "x.xlsx", Order(None, layer))
    assert openpyxl.load_workbook(tmp_path / "x.xlsx").sheetnames == [name]


def test_more_than_a_sheet_holds(tmp_path: Path) -> None:
    path = tmp_path / "s.parquet"
    duckdb.sql("SELECT range AS n FROM range(1048576)").write_parquet(str(path))
    with pytest.raises((UsageError, SourceError), match="1,048,575"):
        cimkit.convert(path, tmp_path / "t.xlsx")
    assert not (tmp_path / "t.xlsx").exists()


def test_names_of_columns(tmp_path: Path) -> None:
    names = ["a", " b ", "c\nd", "e  f", "g/h"]
    path, losses, verified = converted(tmp_path, **{name: ["x", "y"] for name in names})
    assert cells(path)[0] == ("a", "b", "c d", "e f", "g/h")
    assert verified
    assert {loss.split()[0] for loss in losses} == {"name.changed"} or losses


texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=10)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.none() | texts, st.none() | st.floats(allow_nan=False, allow_infinity=False)), min_size=1))
def test_values_come_back(tmp_path: Path, rows: list[tuple[str | None, float | None]]) -> None:
    table = pa.table({"t": [t for t, _ in rows], "n": pa.array([n for _, n in rows], pa.float64())})
    con = duckdb.connect()
    from cimkit.formats.profile import Column

    held = [PROFILE.held(Column("t", "VARCHAR")).sql + " AS t", PROFILE.held(Column("n", "DOUBLE")).sql + " AS n"]
    con.register("source", table)
    expected = con.execute(f"SELECT {', '.join(held)} FROM source").fetchall()
    reader = con.execute(f"SELECT {', '.join(held)} FROM source").to_arrow_reader(100)
    formats.write(reader, tmp_path / "x.xlsx", Order(None, "x"))
    filled = [row for row in cells(tmp_path / "x.xlsx")[1:] if row != (None, None)]
    assert filled == [row for row in expected if row != (None, None)]
