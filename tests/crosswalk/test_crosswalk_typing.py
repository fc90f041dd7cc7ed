"""How a text cell is read by the standard's type: strictly, and the same for check and pipeline."""

from __future__ import annotations

import datetime
import math
from typing import Any

import pytest
from crosswalk.conftest import field
from hypothesis import given, settings
from hypothesis import strategies as st

from cimkit import duck
from cimkit.crosswalk import duckdb_type, typed

FIELDS = {
    "string": field("f"),
    "number": field("f", "number"),
    "integer": field("f", "integer"),
    "boolean": field("f", "boolean"),
    "date": field("f", format="date"),
    "date-time": field("f", format="date-time"),
    "array": field("f", "array"),
    "object": field("f", "object"),
}
UTC = datetime.UTC


@pytest.fixture(scope="module")
def con() -> Any:
    with duck.connect() as connection:
        yield connection


def read(con: Any, kind: str, cells: list[str | None]) -> list[tuple[Any, bool]]:
    """(value, failed) of each cell."""
    column = typed(FIELDS[kind], "cell", text=True)
    table = "(SELECT unnest(CAST(? AS VARCHAR[])) AS cell)"
    result: list[tuple[Any, bool]] = con.execute(
        f"SELECT {column.sql}, {column.failed_sql} FROM {table}", [cells]
    ).fetchall()
    return result


@pytest.mark.parametrize(
    ("kind", "cell", "expected"),
    [
        ("number", "12", 12.0),
        ("number", " -12.50\t", -12.5),
        ("number", "+.5", 0.5),
        ("number", "5.", 5.0),
        ("number", "1e3", 1000.0),
        ("number", "007", 7.0),
        ("integer", "12", 12),
        ("integer", " +12 ", 12),
        ("integer", "12.0", 12),
        ("integer", "12.", 12),
        ("integer", "-007", -7),
        ("integer", "9223372036854775807", 2**63 - 1),
        ("boolean", "TRUE", True),
        ("boolean", " false ", False),
        ("boolean", "1", True),
        ("boolean", "0", False),
        ("date", "2024-02-29", datetime.date(2024, 2, 29)),
        ("date-time", "2024-05-01T10:00:00Z", datetime.datetime(2024, 5, 1, 10, tzinfo=UTC)),
        ("date-time", "2024-05-01t10:00:00.5+08:00", datetime.datetime(2024, 5, 1, 2, 0, 0, 500000, tzinfo=UTC)),
        ("string", " as it is ", " as it is "),
        ("array", '["a"]', '["a"]'),
        ("object", '{"a": 1}', '{"a": 1}'),
    ],
)
def test_a_cell_that_is_read(con: Any, kind: str, cell: str, expected: Any) -> None:
    assert read(con, kind, [cell]) == [(expected, False)]


UNREADABLE = {
    "number": ["", " ", "tall", "12 m", "1,5", "1,234", "1_000", "0x10", "nan", "inf", "-Infinity", "1e999", "--1",
               "1 2", "１２", "e5", "."],
    "integer": ["", "12.5", "1e3", "1_000", "0x10", "9223372036854775808", "12.0.0", "true"],
    "boolean": ["", "yes", "no", "t", "f", "2", "Y", "是"],
    "date": ["", "2024-02-30", "2024/05/01", "20240501", "2024-5-1", " 2024-05-01", "2024-05-01T00:00:00Z", "today"],
    "date-time": ["", "2024-05-01", "2024-05-01T10:00:00", "2024-05-01 10:00:00Z", "2024-05-01T24:00:00Z",
                  "2024-05-01T10:00:00+25:00", "2024-05-01T10:60:00Z", "1714557600"],
    "array": ["", "{}", "a,b", "[", "null"],
    "object": ["", "[]", "{", "1"],
}  # fmt: skip


@pytest.mark.parametrize("kind", UNREADABLE)
def test_a_cell_that_cannot_be_read_fails_and_is_null(con: Any, kind: str) -> None:
    assert read(con, kind, [*UNREADABLE[kind]]) == [(None, True)] * len(UNREADABLE[kind])


@pytest.mark.parametrize("kind", FIELDS)
def test_a_missing_cell_never_fails(con: Any, kind: str) -> None:
    assert read(con, kind, [None]) == [(None, False)]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1, max_size=30))
def test_every_float_comes_back_from_its_text(con: Any, numbers: list[float]) -> None:
    assert [value for value, _ in read(con, "number", [repr(n) for n in numbers])] == numbers


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(-(2**70), 2**70), min_size=1, max_size=30))
def test_every_64_bit_integer_comes_back_and_larger_ones_fail(con: Any, numbers: list[int]) -> None:
    for n, (value, failed) in zip(numbers, read(con, "integer", [str(n) for n in numbers]), strict=True):
        fits = -(2**63) <= n < 2**63
        assert (value, failed) == ((n, False) if fits else (None, True))


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12), min_size=1),
    st.sampled_from(sorted(FIELDS)),
)
def test_any_text_is_read_or_fails_but_not_both(con: Any, cells: list[str], kind: str) -> None:
    for value, failed in read(con, kind, cells):
        assert failed == (value is None)
        assert not isinstance(value, float) or math.isfinite(value)


@pytest.mark.parametrize(
    ("types", "expected"),
    [
        ((), "VARCHAR"),
        (("string", "null"), "VARCHAR"),
        (("integer", "null"), "BIGINT"),
        (("integer", "number"), "DOUBLE"),
        (("string", "integer"), "VARCHAR"),
        (("array",), "VARCHAR"),
    ],
)
def test_of_several_types_the_widest_wins(types: tuple[str, ...], expected: str) -> None:
    assert duckdb_type(field("f", *types) if types else field("f")) == expected


def test_a_typed_column_is_brought_into_the_clean_type_and_judged_elsewhere(con: Any) -> None:
    column = typed(FIELDS["integer"], "x", text=False)
    assert con.execute(f"SELECT {column.sql}, {column.failed_sql} FROM (VALUES (3.0), (NULL)) t(x)").fetchall() == [
        (3, False),
        (None, False),
    ]
    column = typed(FIELDS["date"], "x", text=False)
    assert con.execute(f"SELECT {column.sql} FROM (VALUES ('2024-05-01')) t(x)").fetchall() == [
        (datetime.date(2024, 5, 1),)
    ]


def test_dates_and_times_fail_as_format_everything_else_as_type() -> None:
    codes = {kind: typed(spec, "x", text=True).code for kind, spec in FIELDS.items()}
    assert {kind for kind, code in codes.items() if code == "format"} == {"date", "date-time"}
