"""CSV: text cells, null and empty kept apart, encodings, delimiters, rows that do not fit."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import cimkit.formats as formats
from cimkit.errors import SourceError


def write(tmp_path: Path, content: bytes | str, name: str = "x.csv") -> Path:
    path = tmp_path / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def rows(path: Path, **wishes: str) -> list[dict[str, str | None]]:
    return formats.open(path, **wishes).layer().arrow().drop_columns("_fid").to_pylist()


def refusal(path: Path, **wishes: str) -> SourceError:
    with pytest.raises(SourceError) as caught:
        rows(path, **wishes)
    return caught.value


def test_cells_are_text_and_null_is_not_empty(tmp_path: Path) -> None:
    path = write(tmp_path, 'code,n,note\n010001,1.50,""\n7,,"a ""b"", c\nd"\n')
    assert rows(path) == [
        {"code": "010001", "n": "1.50", "note": ""},
        {"code": "7", "n": None, "note": 'a "b", c\nd'},
    ]
    layer = formats.open(path).layer()
    assert layer.text_cells
    assert {str(field.type) for field in layer.schema} == {"string"}
    assert "codes.leading_zeros" in [h["code"] for h in formats.inspect(path)["layers"][0]["hints"]]


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_the_delimiter_is_found(tmp_path: Path, delimiter: str) -> None:
    text = (
        "name{0}x{0}note\nA, B{0}1,5{0}p;q\n".replace("A, B", '"A, B"').replace("1,5", '"1,5"').replace("p;q", '"p;q"')
    )
    assert rows(write(tmp_path, text.format(delimiter))) == [{"name": "A, B", "x": "1,5", "note": "p;q"}]


def test_decimal_commas_under_semicolons(tmp_path: Path) -> None:
    assert rows(write(tmp_path, "a;b\n1,5;2,5\n3,5;4,5\n")) == [{"a": "1,5", "b": "2,5"}, {"a": "3,5", "b": "4,5"}]


def test_one_column_has_no_delimiter(tmp_path: Path) -> None:
    # A blank line is a record without a value, as RFC 4180 writes it.
    assert rows(write(tmp_path, "name\nA B\n\nC\n")) == [{"name": "A B"}, {"name": None}, {"name": "C"}]


def test_the_line_excel_writes_for_itself(tmp_path: Path) -> None:
    assert rows(write(tmp_path, "sep=;\r\na;b,c\r\n1;2\r\n")) == [{"a": "1", "b,c": "2"}]


@pytest.mark.parametrize(
    ("encoding", "found", "how"),
    [
        ("utf-8", "UTF-8", "strict UTF-8"),
        ("utf-8-sig", "UTF-8", "byte order mark"),
        ("gb18030", "GB18030", "common characters"),
        ("big5", "Big5", "common characters"),
        ("utf-16", "UTF-16", "byte order mark"),
    ],
)
def test_the_encoding_is_found(tmp_path: Path, encoding: str, found: str, how: str) -> None:
    names = ["臺北市政府大樓", "中山高速公路", "國立故宮博物院", "人民天安門"]
    path = write(tmp_path, ("名稱,n\n" + "".join(f"{name},1\n" for name in names)).encode(encoding))
    assert [row["名稱"] for row in rows(path)] == names
    layer = formats.open(path).layer()
    assert layer.encoding.value == found and how in layer.encoding.how
    assert [row["名稱"] for row in rows(path, encoding=encoding)] == names


def test_rare_characters_need_gb18030(tmp_path: Path) -> None:
    path = write(tmp_path, "名称\n䶮\n中国建筑大厦\n上海人民广场\n".encode("gb18030"))
    assert [row["名称"] for row in rows(path, encoding="gbk")] == ["䶮", "中国建筑大厦", "上海人民广场"]


@pytest.mark.parametrize(("encoding", "given"), [("gbk", "utf-8"), ("utf-8", "gbk"), ("utf-8", "latin1")])
def test_a_wrong_encoding_is_refused(tmp_path: Path, encoding: str, given: str) -> None:
    text = "名称\n" + "".join(f"中国建筑大厦{i}号\n" for i in range(30))
    assert "is not" in str(refusal(write(tmp_path, text.encode(encoding)), encoding=given))


def test_damage_is_not_passed_over(tmp_path: Path) -> None:
    text = "名称\n" + "".join(f"中国建筑大厦{i}号\n" for i in range(30))
    assert "UTF" in str(refusal(write(tmp_path, text.encode() + b"\xff\xff\n")))


def test_ragged_rows_are_named(tmp_path: Path) -> None:
    error = refusal(write(tmp_path, 'a,b\n1,2\n"x\ny",2\n1,2,3\n4\n5,6\n7,8,9\n1,1,1,1\n'))
    assert "4 rows have another number of cells than the header's 2" in str(error)
    assert "line 5 has 3, line 6 has 1, line 8 has 3, …" in str(error)


def test_a_quote_that_is_never_closed(tmp_path: Path) -> None:
    error = refusal(write(tmp_path, 'a,b\n1,"open\n2,3\n4,5\n'))
    assert "never closed" in str(error)
    assert rows(write(tmp_path, 'a,b\n1,5" pipe\n')) == [{"a": "1", "b": '5" pipe'}]


def test_names_are_made_unique(tmp_path: Path) -> None:
    path = write(tmp_path, "a,A,,geometry,a_2\n1,2,3,4,5\n")
    assert rows(path) == [{"a": "1", "A_3": "2", "column_3": "3", "geometry_2": "4", "a_2": "5"}]
    codes = [h["code"] for h in formats.inspect(path)["layers"][0]["hints"]]
    assert codes == ["names.duplicate", "names.empty", "names.reserved"]


@pytest.mark.parametrize("content", ["a,b", "a,b\n", "a,b\r\n", "\n\na,b\n"])
def test_a_header_and_no_rows(tmp_path: Path, content: str) -> None:
    layer = formats.open(write(tmp_path, content)).layer()
    assert layer.schema.names == ["a", "b", "_fid"]
    assert layer.arrow().num_rows == 0


def test_only_blank_lines(tmp_path: Path) -> None:
    assert "no header" in str(refusal(write(tmp_path, "\n\n\n")))


@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
def test_line_ends(tmp_path: Path, newline: str) -> None:
    assert rows(write(tmp_path, newline.join(["a,b", "1,2", "3,4"]))) == [{"a": "1", "b": "2"}, {"a": "3", "b": "4"}]


def test_batches_are_no_bigger_than_asked(tmp_path: Path) -> None:
    path = write(tmp_path, "a\n" + "".join(f"{i}\n" for i in range(10_000)))
    batches = list(formats.open(path).layer().batches(999))
    assert max(batch.num_rows for batch in batches) <= 999
    assert [v.as_py() for batch in batches for v in batch.column("a")] == [str(i) for i in range(10_000)]


def test_a_cell_of_megabytes(tmp_path: Path) -> None:
    assert len(rows(write(tmp_path, "a,b\n1," + "x" * 3_000_000 + "\n"))[0]["b"] or "") == 3_000_000


cells = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=8)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    table=st.lists(st.tuples(cells, cells, cells), min_size=1, max_size=8),
    encoding=st.sampled_from(["utf-8", "utf-16"]),
)
def test_any_text_survives(tmp_path: Path, table: list[tuple[str, str, str]], encoding: str) -> None:
    buffer = io.StringIO()
    writer = csv.writer(buffer, quoting=csv.QUOTE_ALL, lineterminator="\n")
    writer.writerow(["one", "two", "three"])
    writer.writerows(table)
    path = write(tmp_path, buffer.getvalue().encode(encoding))
    read = rows(path, encoding="utf-8") if encoding == "utf-8" else rows(path)
    assert [tuple(row.values()) for row in read] == table
