"""Times that say their zone, and that have been."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from check_deliveries import counts, deliver, failures, held, standard_layer

from cimkit.model import Report
from cimkit.standard import Rule

NOW = dt.datetime(2024, 5, 1, 12, 0, tzinfo=dt.UTC)
TEXT = {"type": "string"}
TIME = {"type": "string", "format": "date-time"}
DATE = {"type": "string", "format": "date"}


def rule(severity: Any = "error", **parameters: Any) -> Rule:
    return Rule("o.times", "times", "o", severity, {}, {"fields": ["time"], **parameters})


def check(folder: Path, values: Any, field: dict[str, Any] = TEXT, asked: Rule | None = None, **more: Any) -> Report:
    layer = standard_layer(folder, "o", {"time": field})
    return held(deliver(folder, {"time": values}, layer), layer, rules=[asked or rule()], now=NOW, **more)


def codes(report: Report) -> list[str]:
    return [finding.code for finding in report.findings]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("2024-05-01T12:00:00Z", []),
        ("2024-05-01T12:00:00.000001Z", ["time.future"]),
        ("2024-05-01T20:00:00+08:00", []),
        ("2024-05-01T20:00:01+08:00", ["time.future"]),
        ("2024-05-01t11:00:00z", []),
        ("2024-05-01T11:00:00+0800", []),
        ("2024-05-01T11:00:00", ["time.no_zone"]),
        ("2024-05-01 11:00", ["time.no_zone"]),
        ("2024-05-01T11:00:00.5", ["time.no_zone"]),
        # Somewhere it is that late already.
        ("2024-05-02T02:00:00", ["time.no_zone"]),
        ("2024-05-02T02:00:01", ["time.no_zone", "time.future"]),
        ("2024-05-01", []),
        ("2024-05-02", []),
        ("2024-05-03", ["time.future"]),
        ("2024-02-29T10:00:00", ["time.no_zone"]),
        # These are no times, which is for others to say.
        ("2023-02-29T10:00:00", []),
        ("2024-05-01T25:00:00", []),
        ("soon", []),
        ("epoch", []),
        ("infinity", []),
        ("", []),
        (None, []),
    ],
)
def test_a_time(value: str | None, expected: list[str], tmp_path: Path) -> None:
    assert codes(check(tmp_path, pa.array([value], pa.string()))) == expected


def test_typed_times_carry_their_zone(tmp_path: Path) -> None:
    for kind in (pa.timestamp("us"), pa.timestamp("ms", "Asia/Shanghai"), pa.date32()):
        early, late = dt.datetime(2024, 5, 1), dt.datetime(2024, 5, 4)
        values = [early.date(), late.date()] if kind == pa.date32() else [early, late]
        report = check(tmp_path, pa.array(values, kind))
        assert failures(report) == {"o.times": [1]}
        assert codes(report) == ["time.future"]


def test_numbers_are_no_times(tmp_path: Path) -> None:
    report = check(tmp_path, pa.array([4_000_000_000]), {"type": "integer"})
    assert not report.findings
    assert counts(report)["o.times"] == (0, 0)


def test_how_far_ahead_a_time_may_be_stands_in_the_report(tmp_path: Path) -> None:
    report = check(tmp_path, ["2024-05-01T12:59:59Z", "2024-05-01T13:00:01Z"], asked=rule(future="PT1H"))
    assert failures(report) == {"o.times": [1]}
    assert {str(r.parameters["future"]) for r in report.rules if r.rule == "o.times"} == {"PT1H"}
    defaults = check(tmp_path, ["2024-05-01T12:00:00Z"])
    assert [r.parameters["future"] for r in defaults.rules if r.rule == "o.times"] == ["PT0S", "PT0S"]


def test_the_zone_may_be_left_out_where_the_rule_says_so(tmp_path: Path) -> None:
    report = check(tmp_path, ["2024-05-01T11:00:00"], asked=rule(zone=False))
    assert not report.findings
    assert [r.code for r in report.rules if r.rule == "o.times"] == ["time.future"]


@pytest.mark.parametrize(
    ("severity", "expected"),
    [
        # Told once: by the rule about times, which says what is wrong, unless it is the milder one.
        ("error", {"o.times": [0, 3], "o.time#format": [2]}),
        ("warning", {"o.time#format": [0, 2, 3]}),
    ],
)
@pytest.mark.parametrize("engine", ["auto", "record"])
def test_a_missing_zone_is_told_once(
    severity: str, expected: dict[str, list[int]], engine: str, tmp_path: Path
) -> None:
    values = ["2024-05-01T11:00:00", "2024-05-01T11:00:00Z", "2024-05-01T25:00:00", "2024-05-01 11:00:00"]
    assert failures(check(tmp_path, values, TIME, rule(severity), engine=engine)) == expected


def test_a_condition_says_where_it_is_told(tmp_path: Path) -> None:
    layer = standard_layer(tmp_path, "o", {"time": TIME, "kind": TEXT})
    table = {"time": ["2024-05-01T11:00:00"] * 3, "kind": ["a", "b", None]}
    report = held(deliver(tmp_path, table, layer), layer, rules=[rule(when="kind = 'a'")], now=NOW)
    assert failures(report) == {"o.times": [0], "o.time#format": [1, 2]}


def test_each_field_is_told_by_its_own_name(tmp_path: Path) -> None:
    layer = standard_layer(tmp_path, "o", {"time": TEXT, "made": TEXT})
    table = {"time": ["2024-05-01T11:00:00"], "made": ["2030-01-01T11:00:00Z"]}
    report = held(deliver(tmp_path, table, layer), layer, rules=[rule(fields=["time", "made"])], now=NOW)
    assert [(f.code, f.field, f.message) for f in report.findings] == [
        ("time.no_zone", "time", "time is '2024-05-01T11:00:00', which does not say its time zone."),
        ("time.future", "made", "made is '2030-01-01T11:00:00Z', which is still to come."),
    ]


def test_the_same_at_any_time_that_the_check_is_made(tmp_path: Path) -> None:
    """The message does not say what time it was."""
    layer = standard_layer(tmp_path, "o", {"time": TEXT})
    mapped = deliver(tmp_path, {"time": ["2030-01-01T11:00:00Z"]}, layer)
    reports = [held(mapped, layer, rules=[rule()], now=NOW + dt.timedelta(days=days)) for days in (0, 1)]
    assert reports[0].findings == reports[1].findings
