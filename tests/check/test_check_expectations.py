"""Expectations about layers as a whole: run by Great Expectations, folded into the same findings."""

from __future__ import annotations

import re
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from check_standards import standard_of_things

import cimkit
from cimkit.check.statistics.suite import Asked, run
from cimkit.errors import CimkitError, StandardError, UsageError
from cimkit.model import Report

CLOCK = "2026-06-01T00:00:00Z"
FIELDS = {
    "id": {"type": "string"},
    "year": {"type": "integer", "minimum": 1900, "title": "Year built", "cim:names": {"zh": "建成年"}},
    "kind": {"type": "string", "enum": ["a", "b"]},
    "height": {"type": "number", "maximum": 5},
    "at": {"type": "string", "format": "date-time"},
}


def standard(folder: Path, *expectations: dict[str, Any]) -> Path:
    """A standard of one layer that expects these things of it."""
    rules = [
        {"id": f"thing.r{number}", "check": "expectation", "layer": "thing", "expect": expect}
        for number, expect in enumerate(expectations)
    ]
    return standard_of_things(folder, FIELDS, rules)


def things(path: Path, count: int, kinds: str = "ab") -> Path:
    rows = [
        f"i{i},{1890 + i if i % 3 else ''},{kinds[i % len(kinds)]},{i},2026-05-0{i % 9 + 1}T00:00:00Z"
        for i in range(count)
    ]
    path.write_text("\n".join(["id,year,kind,height,at", *rows]) + "\n", encoding="utf-8")
    return path


def failed(report: Report) -> dict[str, tuple[int, int]]:
    return {rule.rule: (rule.checked, rule.failed) for rule in report.rules if rule.code == "expectation"}


def messages(report: Report) -> list[str]:
    return [finding.message for finding in report.findings if finding.code == "expectation"]


@pytest.mark.parametrize(
    ("expect", "said"),
    [
        ({"type": "expect_column_values_to_be_nul", "column": "year"}, "does not have"),
        ({"type": "expect_column_mean_to_be_between", "column": "height", "most": 1}, "most: extra fields"),
        ({"type": "expect_column_mean_to_be_between"}, "column: field required"),
        ({"type": "expect_column_mean_to_be_between", "column": "heigth"}, "heigth"),
        ({"type": "expect_column_max_to_be_between", "column": "at", "max_age": "a month"}, "no duration"),
        ({"type": "expect_column_values_to_match_regex", "column": "kind", "regex": "("}, "broken regular expression"),
        ({"type": "expect_column_max_to_be_between", "column": "at", "max_value": "soon"}, "no time: soon"),
        ({"type": "expect_table_column_count_to_equal", "value": 5}, "asks for the table's columns"),
        (
            {"type": "expect_column_values_to_not_be_null", "column": "kind", "row_condition": "year > 1"},
            "some records only",
        ),
    ],
)
def test_a_broken_expectation_is_the_standards_fault(tmp_path: Path, expect: dict[str, Any], said: str) -> None:
    with pytest.raises(StandardError, match=said):
        cimkit.check(things(tmp_path / "thing.csv", 4), standard=standard(tmp_path, expect))


def test_what_great_expectations_cannot_compute_is_no_failure_of_the_data(tmp_path: Path) -> None:
    import pandas as pd

    asked = Asked("r", "expect_column_values_to_be_between", {"column": "kind", "max_value": 5})
    with pytest.raises(CimkitError, match="failed on the rule 'r'"):
        run(pd.DataFrame({"kind": ["a"]}), "t", [asked], suite="s", now=datetime(2026, 6, 1, tzinfo=UTC))


def test_a_layer_as_a_whole(tmp_path: Path) -> None:
    package = standard(
        tmp_path,
        {"type": "expect_table_row_count_to_be_between", "min_value": 10},
        {"type": "expect_column_mean_to_be_between", "column": "height", "max_value": 3},
        {"type": "expect_column_max_to_be_between", "column": "at", "max_age": "P7D"},
        {"type": "expect_column_max_to_be_between", "column": "at", "max_age": "P90D"},
    )
    report = cimkit.check(things(tmp_path / "thing.csv", 8), standard=package, clock=CLOCK)
    assert failed(report) == {"thing.r0": (1, 1), "thing.r1": (1, 1), "thing.r2": (1, 1), "thing.r3": (1, 0)}
    assert messages(report) == [
        "The number of records of 'Thing' is 8; expected: at least 10.",
        "The mean of height is 3.5; expected: at most 3.",
        "The greatest value of at is 2026-05-08T00:00:00; expected: at least 2026-05-25 00:00:00.",
    ]
    chinese = cimkit.check(things(tmp_path / "thing.csv", 8), standard=package, clock=CLOCK, lang="zh")
    assert messages(chinese)[0] == "图层“Thing”的记录数为 8，预期：不小于 10。"


def test_a_set_of_values_is_about_the_column(tmp_path: Path) -> None:
    package = standard(
        tmp_path,
        {"type": "expect_column_distinct_values_to_be_in_set", "column": "kind", "value_set": ["a"]},
        {"type": "expect_column_distinct_values_to_contain_set", "column": "kind", "value_set": ["z"]},
    )
    report = cimkit.check(things(tmp_path / "thing.csv", 4), standard=package)
    assert failed(report) == {"thing.r0": (1, 1), "thing.r1": (1, 1)}
    assert [f.value for f in report.findings if f.code == "expectation"] == [["b"], ["z"]]


def test_nothing_and_dates_long_ago(tmp_path: Path) -> None:
    package = standard(
        tmp_path,
        {"type": "expect_column_min_to_be_between", "column": "at", "min_value": "1700-01-01"},
        {"type": "expect_column_values_to_not_be_null", "column": "at"},
        {"type": "expect_table_row_count_to_be_between", "min_value": 1},
    )
    data = tmp_path / "thing.csv"
    for rows, expected in (("", (1, 0, 1)), ("a,,,,1500-01-01T00:00:00Z\nb,,,,\n", (1, 1, 0))):
        data.write_text("id,year,kind,height,at\n" + rows, encoding="utf-8")
        report = cimkit.check(data, standard=f"{package}/thing")
        assert tuple(bad for _, bad in failed(report).values()) == expected
    assert "The least value of at is 1500-01-01T00:00:00; expected: at least 1700-01-01 00:00:00." in messages(report)


def test_records_have_findings_of_their_own_over_all_files(tmp_path: Path) -> None:
    package = standard(
        tmp_path,
        {"type": "expect_column_values_to_not_be_null", "column": "year", "mostly": 0.9},
        {"type": "expect_column_values_to_not_be_null", "column": "year", "mostly": 0.5},
    )
    files = [things(tmp_path / name, 6) for name in ("thing.csv", "more.csv")]
    report = cimkit.check(files, standard=f"{package}/thing", samples=3)
    assert failed(report) == {"thing.r0": (12, 4), "thing.r1": (12, 0)}
    found = [f for f in report.findings if f.code == "expectation"]
    assert [(Path(f.source).name, f.row) for f in found] == [("thing.csv", 0), ("thing.csv", 3), ("more.csv", 0)]
    assert found[0].message == "Year built (year) is empty: 33.3 % of the records have none (at least 90 % must be)."
    assert found[0].fingerprint


def test_sql_the_record_engine_and_great_expectations_count_the_same(tmp_path: Path) -> None:
    package = standard(
        tmp_path,
        {"type": "expect_column_values_to_be_between", "column": "year", "min_value": 1900},
        {"type": "expect_column_values_to_be_in_set", "column": "kind", "value_set": ["a", "b"]},
        {"type": "expect_column_values_to_be_between", "column": "height", "max_value": 5},
    )
    data = things(tmp_path / "thing.csv", 40, "abc")
    counts = {}
    for engine in ("sql", "record"):
        report = cimkit.check(data, standard=package, engine=engine)
        by_rule = {rule.rule: (rule.checked, rule.failed) for rule in report.rules}
        counts[engine] = [by_rule[f"thing.{name}"] for name in ("year#minimum", "kind#enum", "height#maximum")]
        assert list(failed(report).values()) == counts[engine]
    assert counts["sql"] == counts["record"]
    assert all(bad for _, bad in counts["sql"])


def test_comparing_with_the_last_version(tmp_path: Path) -> None:
    drift = "expect_column_kl_divergence_to_be_less_than"
    package = standard(
        tmp_path,
        {"type": "expect_table_row_count_to_be_between", "min_share": 0.9, "max_share": 1.1},
        *({"type": drift, "column": name, "threshold": 0.1, "compare": "previous"} for name in ("kind", "height")),
    )
    (tmp_path / "old").mkdir()
    old = things(tmp_path / "old" / "thing.csv", 300)
    alone = cimkit.check(old, standard=package)
    assert {skipped.rule for skipped in alone.coverage.rules.skipped} == {"thing.r0", "thing.r1", "thing.r2"}
    assert not failed(alone)
    same = cimkit.check(things(tmp_path / "thing.csv", 295), standard=package, known=old)
    assert failed(same) == {"thing.r0": (1, 0), "thing.r1": (1, 0), "thing.r2": (1, 0)}
    other = cimkit.check(things(tmp_path / "thing.csv", 120, "aaaac"), standard=package, known=old)
    assert failed(other) == {"thing.r0": (1, 1), "thing.r1": (1, 1), "thing.r2": (1, 1)}


def test_data_docs_open_without_a_network(tmp_path: Path) -> None:
    package = standard(tmp_path, {"type": "expect_column_values_to_be_in_set", "column": "kind", "value_set": ["a"]})
    data, docs = things(tmp_path / "thing.csv", 4), tmp_path / "docs"
    for _ in range(2):  # the second time over the first
        cimkit.check(data, standard=package, data_docs=docs, clock=CLOCK)
    pages = sorted(docs.rglob("*.html"))
    assert [page.relative_to(docs).parts[0] for page in pages] == ["expectations", "index.html", "validations"]
    index = (docs / "index.html").read_text(encoding="utf-8")
    for page in pages:
        text = page.read_text(encoding="utf-8")
        loaded = re.findall(r'<(?:link|script|img|iframe)\b[^>]*?(?:href|src)="([^"]*)"', text)
        assert loaded
        for address in loaded:
            assert "//" not in address
            assert (page.parent / address).is_file(), address
        assert page == docs / "index.html" or page.relative_to(docs).as_posix() in index
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken" / "mine.txt").write_text("x")
    with pytest.raises(UsageError, match="not empty"):
        cimkit.check(data, standard=package, data_docs=tmp_path / "taken")
    assert (tmp_path / "taken" / "mine.txt").read_text() == "x"


def test_it_is_imported_only_when_it_is_used(tmp_path: Path) -> None:
    data = things(tmp_path / "thing.csv", 4)
    code = (
        "import sys, cimkit; cimkit.check(sys.argv[1], standard=sys.argv[2]); "
        "print('great_expectations' in sys.modules)"
    )
    for expectations, used in (
        ((), "False"),
        (({"type": "expect_column_values_to_not_be_null", "column": "kind"},), "True"),
    ):
        package = standard(tmp_path, *expectations)
        done = subprocess.run([sys.executable, "-c", code, data, package], capture_output=True, text=True, check=True)
        assert done.stdout.split() == [used]
        assert not done.stderr
