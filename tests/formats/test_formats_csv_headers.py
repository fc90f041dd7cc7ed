"""Delimited text as it is delivered: titles, units and comments around the records, odd separators, and salvage."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import cimkit.formats as formats
from cimkit.errors import SourceError
from cimkit.formats.tables.units import is_plain, unit_in


def write(tmp_path: Path, content: bytes | str, name: str = "x.csv") -> Path:
    path = tmp_path / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def rows(path: Path, **wishes: Any) -> list[dict[str, str | None]]:
    return formats.open(path, **wishes).layer().arrow().drop_columns("_fid").to_pylist()


def hints(path: Path) -> dict[str, str]:
    return {hint["code"]: hint["message"] for hint in formats.inspect(path)["layers"][0]["hints"]}


def refusal(path: Path, **wishes: Any) -> SourceError:
    with pytest.raises(SourceError) as caught:
        rows(path, **wishes)
    return caught.value


# ---- what is refused --------------------------------------------------------------------


def test_prose_is_no_table(tmp_path: Path) -> None:
    text = "Read me first.\n\nThis folder holds the buildings of the old town as we surveyed them.\nAsk the office.\n"
    for name in ("readme.txt", "readme.dat", "readme"):
        with pytest.raises(SourceError, match="text file"):
            formats.open(write(tmp_path, text, name))


def test_more_columns_than_any_spreadsheet(tmp_path: Path) -> None:
    path = write(tmp_path, ",".join(f"c{i}" for i in range(1_000_000)) + "\n")
    assert "1,000,000 columns" in str(refusal(path))


def test_a_line_without_end(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    with path.open("wb") as handle:
        handle.truncate(40 << 20)  # a sparse file: NUL is all there is in it
        handle.seek(0)
        handle.write(b"a" * (33 << 20))
    assert "no line end" in str(refusal(path))


def test_a_record_of_many_megabytes(tmp_path: Path) -> None:
    assert "more than 4 MB" in str(refusal(write(tmp_path, "a,b\n1,2\n1," + "x" * (20 << 20) + "\n")))


def test_binary_under_the_name_of_a_table(tmp_path: Path) -> None:
    with pytest.raises(SourceError):
        formats.open(write(tmp_path, bytes(range(256)) * 40))


# ---- separators and encodings -------------------------------------------------------------


@pytest.mark.parametrize("delimiter", ["^", "~", "\x01", "!", "*", "§", "¦", "，", ":"])
def test_rare_separators(tmp_path: Path, delimiter: str) -> None:
    text = "code#name#n\n01#甲#5\n02#乙#6\n03#'丙'#7\n".replace("#", delimiter)
    path = write(tmp_path, text, "x.dat")
    assert rows(path)[2] == {"code": "03", "name": "'丙'", "n": "7"}
    assert repr(delimiter) in hints(path)["table.delimiter"]


def test_a_quoted_cell_may_hold_a_separator_of_several_bytes(tmp_path: Path) -> None:
    path = write(tmp_path, 'a，b\n"1，2"，3\n4，5\n')
    assert rows(path) == [{"a": "1，2", "b": "3"}, {"a": "4", "b": "5"}]


@pytest.mark.parametrize("name", ["x.txt", "x.dat", "x", "teller-2022.12"])
def test_a_table_without_a_suffix_that_says_so(tmp_path: Path, name: str) -> None:
    path = write(
        tmp_path, "Datum;Uur5Minuten;Totaal\n2022-01-01;00:05;3\n2022-01-01;00:10;4\n2022-01-01;00:15;0\n", name
    )
    assert len(rows(path)) == 3


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
def test_utf_16_without_its_mark(tmp_path: Path, encoding: str) -> None:
    path = write(tmp_path, "名称,n\n甲,1\n乙,2\n".encode(encoding))
    assert [row["名称"] for row in rows(path)] == ["甲", "乙"]
    assert formats.open(path).layer().encoding.value == encoding


def test_nul_is_left_out_and_told(tmp_path: Path) -> None:
    path = write(tmp_path, "a,b\n1,x\0y\n" + "2,z\n" * 50)
    assert rows(path)[0] == {"a": "1", "b": "xy"}
    assert "1 cells" in hints(path)["text.nul"]


def test_a_large_cell_in_a_small_file(tmp_path: Path) -> None:
    assert len(rows(write(tmp_path, "a,b\n1," + "x" * 200_000 + "\n"))) == 1


def test_decimal_commas_are_told(tmp_path: Path) -> None:
    told = hints(write(tmp_path, "a;b;c\n1,5;2;x,y\n3;4;1,5\n"))["numbers.decimal_comma"]
    assert " in a:" in told


# ---- what stands around the records -------------------------------------------------------


def test_titles_above_the_header(tmp_path: Path) -> None:
    path = write(tmp_path, "某区建筑调查表\n单位：街道办\n\n编号,名称,层数\n01,甲,5\n02,乙,6\n")
    assert rows(path) == [{"编号": "01", "名称": "甲", "层数": "5"}, {"编号": "02", "名称": "乙", "层数": "6"}]
    assert "某区建筑调查表; 单位：街道办" in hints(path)["table.title"]


def test_titles_with_as_many_separators_as_the_records(tmp_path: Path) -> None:
    path = write(tmp_path, "Report,,,\nDate:,2024-05-01,,\nid,name,n,m\n1,a,2,3\n2,b,3,4\n")
    assert [row["id"] for row in rows(path)] == ["1", "2"]


def test_a_column_of_text_with_commas_has_no_title(tmp_path: Path) -> None:
    path = write(tmp_path, '"address"\n"Main St 5, Gent"\n"High St 6, Gent"\n')
    assert [row["address"] for row in rows(path)] == ["Main St 5, Gent", "High St 6, Gent"]


def test_a_units_row(tmp_path: Path) -> None:
    path = write(tmp_path, "time,T,P,PM10,note\nhh:mm,°C,[hPa],(μg/m³),\n01:00,7.8,1028,,a\n02:00,8.1,-,12,\n")
    assert [row["T"] for row in rows(path)] == ["7.8", "8.1"]
    assert "T °C, P hPa, PM10 μg/m³" in hints(path)["table.units_row"]
    schema = formats.open(path).layer().schema
    assert schema.field("PM10").metadata[b"cimkit:unit"] == "μg/m³".encode()
    assert b"cimkit:unit" not in schema.field("note").metadata


@pytest.mark.parametrize(
    "text",
    [
        "id,sex\n1,m\n2,f\n",  # m is no metre here
        "id,sex\nx,m\ny,m\n",
        "code,unit\nlength,m\nspeed,km/h\n",  # a table about units
        "a,b\nm,s\n",  # nothing below bears it out
        "name,height\n高度,[m]\n宽度,[m]\n",
        "name,T\nx,°C\ny,warm\n",
    ],
)
def test_what_is_no_units_row(tmp_path: Path, text: str) -> None:
    path = write(tmp_path, text)
    assert len(rows(path)) == len(text.splitlines()) - 1
    assert "table.units_row" not in hints(path)


@pytest.mark.parametrize(
    "cell", ["m²", "km/h", "µg/m³", "W/m2", "[m]", "（米）", "kg·m⁻³", "veh/h", "万元", "%", "dB(A)", "°C", "m/sec"]
)
def test_units(cell: str) -> None:
    assert unit_in(cell)


@pytest.mark.parametrize("cell", ["", "name", "mm yyyy", "m5x", "[name]", "人民", "5 m", "Hm", "a b", "度假村"])
def test_no_units(cell: str) -> None:
    assert not is_plain(cell)


def test_a_header_of_two_lines(tmp_path: Path) -> None:
    path = write(tmp_path, "地区,人口,,面积,\n,男,女,陆地,水域\n甲,1,2,3,4\n乙,5,6,7,8\n")
    assert rows(path)[0] == {"地区": "甲", "人口/男": "1", "人口/女": "2", "面积/陆地": "3", "面积/水域": "4"}
    assert "2 lines" in hints(path)["table.header_lines"]


def test_records_below_a_header_with_nameless_columns(tmp_path: Path) -> None:
    path = write(tmp_path, "id,name,,\nx,a,b,c\ny,d,e,f\n")
    assert len(rows(path)) == 2
    assert "table.header_lines" not in hints(path)


def test_comments(tmp_path: Path) -> None:
    path = write(tmp_path, "# station: Nord, Dresden\n# unit: m\nid,h\n1,2\n# a break\n3,4\n")
    assert rows(path) == [{"id": "1", "h": "2"}, {"id": "3", "h": "4"}]
    assert "table.comments" in hints(path)


def test_a_header_that_begins_like_a_comment(tmp_path: Path) -> None:
    assert rows(write(tmp_path, "#id,x\n1,2\n3,4\n"))[0] == {"id": "1", "x": "2"}


def test_a_separator_at_the_end_of_every_record(tmp_path: Path) -> None:
    path = write(tmp_path, "a,b\n1,2,\n3,4,\n")
    assert rows(path)[1] == {"a": "3", "b": "4", "column_3": None}
    assert rows(write(tmp_path, "a,b,\n1,2\n3,4\n"))[1] == {"a": "3", "b": "4"}


# ---- coordinates --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("经度,纬度\n114.1,22.5\n", "'经度' and '纬度' hold degrees"),
        ("lon,lat\n500000,22.5\n", "may be coordinates"),
        ("x,y\n500000,2500000\n", "may be coordinates"),
        ('WKT,n\n"POINT (1 2)",1\n', "'WKT' holds geometry as WKT"),
        ("geom,n\n0101000020E6100000000000000000F03F0000000000000040,1\n", "'geom' holds geometry as WKB"),
    ],
)
def test_columns_with_a_place_are_told(tmp_path: Path, text: str, told: str) -> None:
    assert told in hints(write(tmp_path, text))["table.geometry"]


# ---- salvage ------------------------------------------------------------------------------


def salvaged(path: Path) -> tuple[list[str | None], list[tuple[str, str]]]:
    with formats.open(path, salvage=True).layer().stream(2) as stream:
        first = [value for batch in stream.batches for value in batch.column(0).to_pylist()]
        return first, [(reject.place, reject.reason) for reject in stream.rejected]


def test_ragged_rows_are_set_aside(tmp_path: Path) -> None:
    path = write(tmp_path, "a,b\n1,2\n3\n4,5\n6,7,8\n9,10\n")
    assert "2 rows" in str(refusal(path))
    first, rejected = salvaged(path)
    assert first == ["1", "4", "9"]
    assert [place for place, _ in rejected] == ["line 3", "line 5"]
    assert "It has 3 cells" in rejected[1][1]


def test_lines_that_do_not_decode_are_set_aside(tmp_path: Path) -> None:
    lines = ["名称,n", *(f"建筑{i}号,{i}" for i in range(40))]
    data = [line.encode() for line in lines]
    data[7] = b"\xff\xfe\xfa,6"
    path = write(tmp_path, b"\n".join(data) + b"\n")
    assert "not UTF-8" in str(refusal(path))
    first, rejected = salvaged(path)
    assert len(first) == 39 and "建筑6号" not in first
    assert rejected == [("line 8", "It holds bytes that are not UTF-8.")]


@pytest.mark.parametrize("text", ['a,b\n1,"open\n2,3\n4,5\n', 'a,b\n"open,1\n2,3\n4,5\n'])
def test_the_rows_behind_an_open_quote_are_read(tmp_path: Path, text: str) -> None:
    path = write(tmp_path, text)
    assert "never closed" in str(refusal(path))
    first, rejected = salvaged(path)
    assert first == ["2", "4"]
    assert [place for place, _ in rejected] == ["line 2"]


def test_nothing_is_set_aside_where_all_is_well(tmp_path: Path) -> None:
    assert salvaged(write(tmp_path, "a,b\n1,2\n3,4\n")) == (["1", "3"], [])


# ---- real files -----------------------------------------------------------------------------


@pytest.mark.shared
def test_the_air_of_saxony_is_read_without_its_units_row(shared: Path) -> None:
    for path in sorted((shared / "data" / "air_quality_saxony").glob("*/*.csv")):
        layer = formats.inspect(path)["layers"][0]
        assert layer["features"] == len(path.read_bytes().splitlines()) - 2
        assert "FEUCHT PROZ, NO µg/m³" in next(h["message"] for h in layer["hints"] if h["code"] == "table.units_row")


@pytest.mark.shared
def test_no_real_table_loses_a_row_but_units(shared: Path) -> None:
    for path in sorted((shared / "data" / "china_admin").glob("*.csv")):
        lines = [line for line in path.read_text(encoding="utf-8").splitlines() if line]
        assert formats.open(path).layer().arrow().num_rows == len(lines) - 1
