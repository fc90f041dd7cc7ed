"""What becomes of a value on its way: nothing is lost unseen, nothing is guessed."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from crosswalk.conftest import Run, losses, values
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

property_test = settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=8)


def test_an_unreadable_number_keeps_its_text_and_is_counted(run: Run) -> None:
    mapped = run({"height": ["12 m", "40 ft", "tall", " ", None, "1,5"]}, {"height_m": {"from": "height", "unit": "m"}})
    assert values(mapped, "height_m") == ["12", "12.192", "tall", None, None, "1,5"]
    assert "height_m" in mapped.text_fields
    (loss,) = mapped.losses
    assert (loss.code, loss.field, loss.count) == ("number.unreadable", "height", 2)
    assert loss.example == {"row": 2, "before": "tall", "after": "tall"}


def test_an_untranslated_code_stays_and_is_counted_and_named(run: Run) -> None:
    rule = {"from": "use", "codes": {"R": "residential", "C": "commercial"}}
    mapped = run({"use": ["R", " C ", "X", "Y", "X", "", None]}, {"function": rule})
    assert values(mapped, "function") == ["residential", "commercial", "X", "Y", "X", "", None]
    (loss,) = mapped.losses
    assert (loss.code, loss.field, loss.count) == ("code.unmapped", "use", 3)
    assert loss.message.endswith("'X' (2), 'Y' (1)")


@pytest.mark.parametrize(
    ("otherwise", "expected"),
    [(None, ["a", None, None, ""]), ("other", ["a", "other", None, ""]), ("keep", ["a", "X", None, ""])],
)
def test_else_decides_what_an_untranslated_code_becomes(run: Run, otherwise: Any, expected: list[Any]) -> None:
    mapped = run({"use": ["A", "X", None, ""]}, {"function": {"from": "use", "codes": {"A": "a"}, "else": otherwise}})
    assert values(mapped, "function") == expected
    assert losses(mapped) == {"code.unmapped use": 1}


def test_a_code_without_counterpart_is_a_loss_of_its_own_and_the_empty_code_stands_for_none(run: Run) -> None:
    rule = {"from": "use", "codes": {"A": "a", "Z": None, "": "unknown"}}
    mapped = run({"use": ["A", "Z", None, " "]}, {"function": rule})
    assert values(mapped, "function") == ["a", None, "unknown", "unknown"]
    assert losses(mapped) == {"code.dropped use": 1}


def test_numbers_and_booleans_are_codes_by_their_plain_text(run: Run) -> None:
    codes = {"1": "one", "2.5": "more", "true": "yes", "010": "zeros"}
    rule = {"function": {"from": "c", "codes": codes}}
    assert values(run({"c": [1, 2, None]}, rule), "function") == ["one", "2", None]
    assert values(run({"c": [1.0, 2.5, 3.0]}, rule), "function") == ["one", "more", "3"]
    assert values(run({"c": [True, False]}, rule), "function") == ["yes", "false"]
    assert values(run({"c": ["010", "10"]}, rule), "function") == ["zeros", "10"]


def test_first_takes_the_first_that_is_not_blank(run: Run) -> None:
    columns = {"a": ["", " \u3000", None, "x"], "b": ["y", "y", None, "y"]}
    mapped = run(columns, {"name": {"first": ["name:zh", "a", "b"]}})
    assert values(mapped, "name") == ["y", "y", None, "x"]
    assert mapped.origins["name"] == ("a", "b")
    assert mapped.losses == ()


def test_first_of_different_types_is_text(run: Run) -> None:
    mapped = run({"a": [None, 7], "b": ["x", "y"]}, {"name": {"first": ["a", "b"]}})
    assert values(mapped, "name") == ["x", "7"]


def test_first_of_columns_that_are_all_missing_says_so(run: Run) -> None:
    mapped = run({"a": ["x", "y"]}, {"id": {"from": "a"}, "name": {"first": ["name:zh", "name:en"]}})
    assert values(mapped, "name") == [None, None]
    assert losses(mapped) == {"column.missing name:zh|name:en": 2}


def test_prefix_goes_before_what_is_there(run: Run) -> None:
    rule = {"id": {"from": "a", "prefix": "osm:"}}
    assert values(run({"a": ["way/1", "", None]}, rule), "id") == ["osm:way/1", None, None]
    assert values(run({"a": [12.0, 1.5, None]}, rule), "id") == ["osm:12", "osm:1.5", None]


def test_strip_takes_white_space_of_every_script_off(run: Run) -> None:
    mapped = run({"a": ["\u3000中 国\u00a0", "\t\n", "x"]}, {"name": {"from": "a", "strip": True}})
    assert values(mapped, "name") == ["中 国", None, "x"]


def test_constants_keep_their_type_and_have_no_origin(run: Run) -> None:
    fields = {
        "source": {"value": "dc's"},
        "floors_above": {"value": 3},
        "listed": {"value": False},
        "name": {"value": None},
    }
    mapped = run({"a": ["x"]}, {"id": {"from": "a"}, **fields})
    row = pq.read_table(mapped.path).to_pylist()[0]
    assert (row["source"], row["floors_above"], row["listed"], row["name"]) == ("dc's", 3, False, None)
    assert mapped.origins["source"] == ()
    assert mapped.spoken("source") == "source" and mapped.spoken("id") == "a"


def test_typed_numbers_are_converted_as_numbers(run: Run) -> None:
    columns = {"h": [10.0, None], "a": [2, 3]}
    mapped = run(columns, {"height_m": {"from": "h", "unit": "ft"}, "area_m2": {"from": "a", "unit": "亩"}})
    assert values(mapped, "height_m") == [3.048, None]
    assert values(mapped, "area_m2") == [pytest.approx(1333.333333333), pytest.approx(2000)]
    assert mapped.text_fields == frozenset()


def test_a_number_that_needs_no_conversion_keeps_its_digits(run: Run) -> None:
    mapped = run({"h": ["012.50", "+3"]}, {"height_m": {"from": "h", "parse": "number"}})
    assert values(mapped, "height_m") == ["012.50", "+3"]


def test_dates_are_read_year_first_and_written_as_rfc3339(run: Run) -> None:
    written = [
        "2024-05-01",
        "2024/5/1",
        "2024.5.1",
        "2024年5月1日",
        "20240501",
        "2024-05-01T10:00:00Z",
        "1/5/2024",
        "2024-02-30",
    ]
    mapped = run({"d": written}, {"built_on": {"from": "d", "parse": "date"}})
    assert values(mapped, "built_on") == ["2024-05-01"] * 6 + ["1/5/2024", "2024-02-30"]
    assert losses(mapped) == {"date.unreadable d": 2}


def test_times_without_a_zone_are_utc_and_counted(run: Run) -> None:
    written = [
        "2024-05-01T10:00:00Z",
        "2024/05/01 10:00:00+08",
        "2024-5-1 10:00",
        "2024-05-01",
        "2024-05-01 10:00:00.25",
        "soon",
    ]
    mapped = run({"d": written}, {"updated_at": {"from": "d", "parse": "datetime"}})
    assert values(mapped, "updated_at") == [
        "2024-05-01T10:00:00Z",
        "2024-05-01T02:00:00Z",
        "2024-05-01T10:00:00Z",
        "2024-05-01T00:00:00Z",
        "2024-05-01T10:00:00.250000Z",
        "soon",
    ]
    assert losses(mapped) == {"date.unreadable d": 1, "time.zone d": 3}


def test_typed_dates_stay_typed(run: Run) -> None:
    import datetime

    day = datetime.date(2024, 5, 1)
    mapped = run(
        {"d": [day]}, {"built_on": {"from": "d", "parse": "date"}, "updated_at": {"from": "d", "parse": "datetime"}}
    )
    assert values(mapped, "built_on") == [day]
    assert values(mapped, "updated_at") == [datetime.datetime(2024, 5, 1, tzinfo=datetime.UTC)]


def test_an_expression_that_fails_on_a_record_is_counted_not_fatal(run: Run) -> None:
    columns = {"t": ["2024-05-01T00:00:00Z", "soon", None]}
    mapped = run(columns, {"updated_at": {"sql": 'CAST("t" AS TIMESTAMPTZ)'}})
    assert [value is not None for value in values(mapped, "updated_at")] == [True, False, False]
    (loss,) = mapped.losses
    assert (loss.code, loss.field, loss.count) == ("expression.failed", "t", 1)
    assert loss.example == {"row": 1, "before": '{"t":"soon"}', "after": None}


def test_an_expression_sees_the_geometry_and_its_result_takes_the_other_steps(run: Run) -> None:
    fields = {
        "area_m2": {"sql": "ST_X(geometry)", "unit": "ha"},
        "name": {"sql": "lower(a)", "codes": {"x": "X!"}, "prefix": "p-"},
    }
    mapped = run({"a": ["X", "y"]}, fields, points=[(1.5, 2.0), None])
    assert values(mapped, "area_m2") == [15_000.0, None]
    assert values(mapped, "name") == ["p-X!", "p-y"]
    assert mapped.origins["area_m2"] == ("geometry",)


def test_a_quoted_column_name_of_any_kind_is_found(run: Run) -> None:
    mapped = run(
        {'we"ird; DROP': ["x"], "name:zh": ["y"]}, {"id": {"from": 'we"ird; DROP'}, "name": {"sql": '"name:zh"'}}
    )
    assert values(mapped, "id") == ["x"] and values(mapped, "name") == ["y"]


def test_text_is_a_cell_for_the_standard_to_type(run: Run) -> None:
    mapped = run({"n": ["3", "x"], "i": [1, 2]}, {"floors_above": {"from": "n"}, "height_m": {"from": "i"}})
    assert values(mapped, "floors_above") == ["3", "x"]
    assert mapped.text_fields == {"floors_above"}


def test_values_of_several_types_in_one_column_are_cells(run: Run) -> None:
    json_text = pa.field("h", pa.string(), metadata={b"cimkit:json": b"true"})
    cells = ["12", '"12 m"', None, "null", '"tall"', "true", '["x"]']
    table = pa.table([pa.array(cells, pa.string())], schema=pa.schema([json_text]))
    fields = {"height_m": {"from": "h", "unit": "ft"}, "name": {"from": "H"}, "function": {"sql": "upper(h)"}}
    mapped = run(table, fields)
    assert values(mapped, "height_m") == ["3.6576", "12", None, None, "tall", "true", '["x"]']
    assert values(mapped, "name") == ["12", "12 m", None, None, "tall", "true", '["x"]']
    assert values(mapped, "function")[:2] == ["12", "12 M"]
    assert losses(mapped) == {"number.unreadable h": 3}


def test_a_number_is_text_where_the_field_is_text(run: Run) -> None:
    columns = {"n": [12, None], "x": [1.0, 2.5], "b": [True, False]}
    fields = {"id": {"from": "n"}, "name": {"from": "x"}, "function": {"from": "b"}, "source": {"value": 7}}
    mapped = run(columns, fields)
    assert values(mapped, "id") == ["12", None]
    assert values(mapped, "name") == ["1", "2.5"]
    assert values(mapped, "function") == ["true", "false"]
    assert values(mapped, "source") == ["7", "7"]


@property_test
@given(st.lists(st.one_of(st.none(), TEXT), min_size=1, max_size=20), TEXT, st.dictionaries(TEXT, TEXT, max_size=3))
def test_prefix_and_codes_never_lose_a_record(
    run: Run, cells: list[str | None], prefix: str, codes: dict[str, str]
) -> None:
    fields = {"name": {"from": "c", "prefix": prefix}, "function": {"from": "c", "codes": codes}}
    mapped = run({"c": pa.array(cells, pa.string())}, fields)
    assert values(mapped, "_row") == list(range(len(cells)))
    for cell, name, function in zip(cells, values(mapped, "name"), values(mapped, "function"), strict=True):
        blank = cell is None or not cell.strip()
        assert name == (None if blank else prefix + cell)
        if not blank:
            assert function == codes.get(cell.strip(), cell)


@property_test
@given(st.lists(st.integers(-1000, 1000), min_size=1, max_size=20), st.integers(-1000, 1000))
def test_records_in_are_records_out_and_records_filtered(run: Run, numbers: list[int], least: int) -> None:
    mapped = run({"n": numbers}, {"where": f"n >= {least}", "fields": {"floors_above": {"from": "n"}}})
    kept = [n for n in numbers if n >= least]
    assert values(mapped, "floors_above") == kept
    assert losses(mapped).get("rows.filtered", 0) == len(numbers) - len(kept)
    assert values(mapped, "_row") == [row for row, n in enumerate(numbers) if n >= least]


@property_test
@given(st.lists(st.floats(allow_nan=False, allow_infinity=False, width=64), min_size=1, max_size=20))
def test_numbers_in_text_come_through_unchanged(run: Run, numbers: list[float]) -> None:
    mapped = run({"h": [repr(n) for n in numbers]}, {"height_m": {"from": "h", "unit": "m"}})
    assert [float(text) for text in values(mapped, "height_m")] == numbers
    assert mapped.losses == ()


@property_test
@given(
    st.lists(
        st.tuples(st.integers(0, 9999), st.sampled_from(["m", " ft", "cm", "KM", "公里", "'", " in"])),
        min_size=1,
        max_size=20,
    )
)
def test_units_agree_with_arithmetic(run: Run, measures: list[tuple[int, str]]) -> None:
    factors = {"m": 1.0, "ft": 0.3048, "cm": 0.01, "km": 1000.0, "公里": 1000.0, "'": 0.3048, "in": 0.0254}
    mapped = run({"h": [f"{n}{unit}" for n, unit in measures]}, {"height_m": {"from": "h", "unit": "m"}})
    expected = [n * factors[unit.strip().lower()] for n, unit in measures]
    assert [float(text) for text in values(mapped, "height_m")] == pytest.approx(expected, abs=1e-8)
