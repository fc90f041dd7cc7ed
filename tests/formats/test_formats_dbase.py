"""dBase tables without a shapefile: types, deleted records, encodings; GDAL as the judge of real ones."""

from __future__ import annotations

import datetime
import shutil
import struct
from pathlib import Path

import pyogrio
import pytest
from formats_sources import dbf_bytes

import cimkit.formats as formats
from cimkit.errors import SourceError


def table(fields: list[tuple[bytes, bytes, int, int]], rows: list[list[bytes]], marks: bytes = b"") -> bytes:
    """A table of columns (name, type, width, decimals); ``marks`` are the records' first bytes."""
    record = 1 + sum(width for _, _, width, _ in fields)
    data = struct.pack("<BBBBIHH20x", 3, 124, 1, 1, len(rows), 33 + 32 * len(fields), record)
    for name, kind, width, decimals in fields:
        data += name.ljust(11, b"\0") + kind + b"\0" * 4 + bytes([width, decimals]) + b"\0" * 14
    data += b"\r"
    for number, row in enumerate(rows):
        data += (marks[number : number + 1] or b" ") + b"".join(
            cell.ljust(width) for cell, (_, _, width, _) in zip(row, fields, strict=True)
        )
    return data + b"\x1a"


def save(tmp_path: Path, data: bytes) -> Path:
    path = tmp_path / "x.dbf"
    path.write_bytes(data)
    return path


def test_a_table_that_is_cut(tmp_path: Path) -> None:
    path = save(tmp_path, dbf_bytes([(b"a", 5)], [[b"1"], [b"2"], [b"3"]])[:-9])
    with pytest.raises(SourceError, match="promises 3 records, but only 1"):
        formats.open(path)
    with formats.open(path, salvage=True).layer().stream() as stream:
        assert [value for batch in stream.batches for value in batch.column("a").to_pylist()] == ["1"]
        assert [(reject.row, "2 records" in reject.reason) for reject in stream.rejected] == [(1, True)]


def test_what_is_no_number_or_date_is_told(tmp_path: Path) -> None:
    fields = [(b"n", b"N", 6, 0), (b"f", b"N", 8, 2), (b"d", b"D", 8, 0), (b"l", b"L", 1, 0)]
    rows = [[b"12", b"1.50", b"20240229", b"T"], [b"******", b"x", b"20230229", b"?"], [b"", b"", b"", b""]]
    path = save(tmp_path, table(fields, rows))
    assert formats.open(path).layer().arrow().drop_columns("_fid").to_pylist() == [
        {"n": 12, "f": 1.5, "d": datetime.date(2024, 2, 29), "l": True},
        {"n": None, "f": None, "d": None, "l": None},
        {"n": None, "f": None, "d": None, "l": None},
    ]
    told = [h["message"] for h in formats.inspect(path)["layers"][0]["hints"] if h["code"] == "dbase.unreadable"]
    assert [message.split(" are")[0] for message in told] == ["1 cells of 'n'", "1 cells of 'f'", "1 cells of 'd'"]


def test_deleted_records_and_memos_are_told(tmp_path: Path) -> None:
    fields = [(b"a", b"C", 5, 0), (b"m", b"M", 10, 0)]
    path = save(tmp_path, table(fields, [[b"x", b"1"], [b"y", b"2"]], marks=b"* "))
    assert formats.open(path).layer().arrow().to_pylist() == [{"a": "y", "_fid": None}]
    assert [h["code"] for h in formats.inspect(path)["layers"][0]["hints"]] == ["dbase.memo", "dbase.deleted"]


def test_long_numbers_are_text(tmp_path: Path) -> None:
    path = save(tmp_path, table([(b"id", b"N", 20, 0)], [[b"31011300000001234567"]]))
    assert formats.open(path).layer().arrow().column("id").to_pylist() == ["31011300000001234567"]


@pytest.mark.parametrize(
    ("encoding", "language", "cpg"), [("gb18030", 0, None), ("utf-8", 0x57, None), ("gbk", 0, "GBK")]
)
def test_the_encoding_is_found(tmp_path: Path, encoding: str, language: int, cpg: str | None) -> None:
    names = ["人民广场", "中山公园", "上海建筑"]
    path = save(tmp_path, dbf_bytes([("名称".encode(encoding), 20)], [[n.encode(encoding)] for n in names], language))
    if cpg:
        path.with_suffix(".cpg").write_text(cpg)
    assert formats.open(path).layer().arrow().column("名称").to_pylist() == names


def test_bytes_that_are_no_table(tmp_path: Path) -> None:
    with pytest.raises(SourceError):
        formats.open(save(tmp_path, b"\x03" + b"\0" * 200))


@pytest.mark.shared
@pytest.mark.parametrize("name", ["ghent/VRBG/Refgem", "shanghai/区县界_area", "alexandria_va/buildings"])
def test_real_tables_as_gdal_reads_them(shared: Path, tmp_path: Path, name: str) -> None:
    source = shared / "data" / f"{name}.dbf"
    path = tmp_path / "x.dbf"
    shutil.copy(source, path)
    if source.with_suffix(".cpg").exists():
        shutil.copy(source.with_suffix(".cpg"), tmp_path / "x.cpg")
    read = formats.open(path).layer().arrow().drop_columns("_fid")
    expected = pyogrio.read_dataframe(path, encoding=formats.open(path).layer().encoding.value)
    assert read.schema.names == list(expected.columns)
    for column in read.schema.names:
        theirs = [None if value != value or value is None else value for value in expected[column].tolist()]
        assert read.column(column).to_pylist() == theirs, column
