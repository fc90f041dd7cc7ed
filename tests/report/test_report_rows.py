"""The result of a query as JSON and CSV: nothing lost, and readable by others."""

from __future__ import annotations

import json

import pyarrow as pa
import pytest

from cimkit.report.catalog import rows_as


def test_columns_of_the_same_name_stay_apart() -> None:
    table = pa.Table.from_arrays([pa.array([1]), pa.array([2]), pa.array([3])], names=["a", "a", "a_1"])
    assert json.loads(rows_as(table, "json")) == [{"a": 1, "a_1": 2, "a_1_1": 3}]
    assert rows_as(table, "csv") == "a,a_1,a_1_1\n1,2,3\n"


def test_json_holds_no_number_that_json_does_not_know() -> None:
    table = pa.table({"a": [float("nan"), float("inf"), 1.5], "b": [[float("nan")], [], None]})
    found = json.loads(rows_as(table, "json"), parse_constant=pytest.fail)
    assert found == [{"a": None, "b": [None]}, {"a": None, "b": []}, {"a": 1.5, "b": None}]
