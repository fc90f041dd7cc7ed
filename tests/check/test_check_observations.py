"""Series of observations: gaps, repeated times, values that stay the same; judged by walking through each series."""

from __future__ import annotations

import datetime as dt
import itertools
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from check_deliveries import counts, deliver, failures, held, standard_layer
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cimkit.errors import StandardError
from cimkit.model import Report
from cimkit.standard import LayerSchema, Rule

TEXT = {"type": "string"}
TIME = {"type": "string", "format": "date-time"}
FIELDS = {"dev": TEXT, "prop": TEXT, "time": TIME, "value": {"type": "number"}}
HOUR = dt.timedelta(hours=1)
START = dt.datetime(2024, 2, 28, tzinfo=dt.UTC)


def cadence(**parameters: Any) -> Rule:
    return Rule(
        "o.every", "cadence", "o", "warning", {}, {"by": ["dev"], "time": "time", "every": "PT1H", **parameters}
    )


def stuck(**parameters: Any) -> Rule:
    asked = {"by": ["dev"], "time": "time", "value": "value", "run": 3, **parameters}
    return Rule("o.moves", "stuck", "o", "warning", {}, asked)


def layer_of(folder: Path, **fields: Any) -> LayerSchema:
    return standard_layer(folder, "o", {**FIELDS, **fields})


def rows(report: Report, code: str) -> list[int | None]:
    return [finding.row for finding in report.findings if finding.code == code]


def texts(*times: dt.datetime | None) -> pa.Array:
    return pa.array([None if time is None else time.isoformat() for time in times], pa.string())


# ---- cadence ----------------------------------------------------------------------------------

MINUTES = st.one_of(st.none(), st.integers(0, 100).map(lambda n: n * 15))
STREAM = st.lists(st.tuples(st.sampled_from(["a", "b", "c", None]), MINUTES), min_size=1, max_size=60)


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(STREAM, st.sampled_from([0.0, 0.5, 1.0]))
def test_gaps_are_those_that_walking_through_each_series_finds(
    tmp_path: Path, stream: list[tuple[str | None, int | None]], tolerance: float
) -> None:
    """Records in any order, some of them twice, some without a time or a device."""
    layer = layer_of(tmp_path)
    times = [None if minutes is None else START + dt.timedelta(minutes=minutes) for _, minutes in stream]
    table = {"dev": pa.array([dev for dev, _ in stream], pa.string()), "time": texts(*times)}
    report = held(deliver(tmp_path, table, layer), layer, rules=[cadence(tolerance=tolerance)])
    gaps, again, judged = [], [], 0
    for device in "abc":
        mine = sorted(
            (time, n) for n, (dev, _) in enumerate(stream) if dev == device and (time := times[n]) is not None
        )
        judged += len(mine)
        for (before, _), (time, number) in itertools.pairwise(mine):
            if time == before:
                again.append(number)
            elif time - before > HOUR * (1 + tolerance):
                gaps.append(number)
    assert rows(report, "observation.gap") == sorted(gaps)
    assert rows(report, "observation.duplicate") == sorted(again)
    assert counts(report)["o.every"][0] == judged


def test_a_gap_is_one_finding_that_says_how_long(tmp_path: Path) -> None:
    layer = layer_of(tmp_path)
    times = texts(START, START + HOUR, START + 49.5 * HOUR, START + 50 * HOUR)
    report = held(deliver(tmp_path, {"dev": ["WS-1"] * 4, "time": times}, layer), layer, rules=[cadence()])
    (finding,) = report.findings
    assert (finding.row, finding.field, finding.value) == (2, "time", "P2DT30M")
    assert finding.message == (
        "WS-1: no observation for P2DT30M, from 2024-02-28T01:00:00Z to 2024-03-01T01:30:00Z; "
        "there should be one every PT1H."
    )
    zh = held(deliver(tmp_path, {"dev": ["WS-1"] * 4, "time": times}, layer), layer, rules=[cadence()], lang="zh")
    assert zh.findings[0].message.startswith("WS-1：自 2024-02-28T01:00:00Z 至")
    assert next(r.parameters for r in report.rules if r.rule == "o.every")["tolerance"] == 0.5


def test_series_are_told_apart_by_all_their_fields_and_joined_over_files(tmp_path: Path) -> None:
    layer = layer_of(tmp_path)
    both = {"dev": ["a", "a"], "prop": ["t", "rh"]}
    january = deliver(tmp_path, {**both, "time": texts(START, START)}, layer, source="1.csv")
    february = deliver(tmp_path, {**both, "time": texts(START + HOUR, START + 5 * HOUR)}, layer, source="2.csv")
    report = held([(february, layer), (january, layer)], rules=[cadence(by=["dev", "prop"])])
    assert [(f.source, f.row, f.message[:6]) for f in report.findings] == [("2.csv", 1, "a, rh:")]


def test_known_observations_close_a_gap_and_repeat_nothing(tmp_path: Path) -> None:
    layer = layer_of(tmp_path, id={"type": "string", "cim:key": True})
    new = deliver(tmp_path, {"id": ["1", "2"], "dev": ["a", "a"], "time": texts(START, START + 3 * HOUR)}, layer)
    old = {"id": ["7", "8", "9"], "dev": ["a"] * 3, "time": texts(START, START + HOUR, START + 2 * HOUR)}
    known = deliver(tmp_path, old, layer, source="old.csv")
    assert rows(held([(new, layer)], rules=[cadence()]), "observation.gap") == [1]
    assert not held([(new, layer)], known=[(known, layer)], rules=[cadence()]).findings


@pytest.mark.parametrize(
    ("every", "times", "gaps"),
    [
        # Summer time begins on 31 March 2024 in Berlin: hours pass on, whatever the clock says.
        ("PT1H", ["2024-03-31T01:00:00+01:00", "2024-03-31T03:00:00+02:00", "2024-03-31T04:00:00+02:00"], []),
        # Each day at eight: 23 hours that day, 25 when summer time ends.
        ("P1D", ["2024-03-30T08:00:00+01:00", "2024-03-31T08:00:00+02:00", "2024-04-01T08:00:00+02:00"], []),
        ("P1D", ["2024-10-26T08:00:00+02:00", "2024-10-27T08:00:00+01:00", "2024-10-29T08:00:00+01:00"], [2]),
        # A leap day is a day of its own.
        ("P1D", ["2024-02-28T00:00:00Z", "2024-02-29T00:00:00Z", "2024-03-01T00:00:00Z"], []),
        ("P1D", ["2024-02-28T00:00:00Z", "2024-03-01T00:00:00Z"], [1]),
        ("P1D", ["2023-02-28T00:00:00Z", "2023-03-01T00:00:00Z"], []),
        # The ends of months.
        ("P1M", ["2024-01-31T00:00:00Z", "2024-02-29T00:00:00Z", "2024-03-31T00:00:00Z", "2024-04-30T00:00:00Z"], []),
        ("P1M", ["2024-01-31T00:00:00Z", "2024-03-01T00:00:00Z"], [1]),
        ("P1Y", ["2023-02-28T12:00:00Z", "2024-02-29T12:00:00Z", "2025-02-28T12:00:00Z", "2027-02-28T12:00:00Z"], [3]),
        ("PT0.5S", ["2024-01-01T00:00:00.25Z", "2024-01-01T00:00:00.75Z", "2024-01-01T00:00:01.5Z"], [2]),
        ("P1W", ["2024-01-01T00:00:00Z", "2024-01-08T00:00:00Z", "2024-01-16T00:00:00Z"], [2]),
    ],
)
def test_clocks_and_calendars(every: str, times: list[str], gaps: list[int], tmp_path: Path) -> None:
    layer = layer_of(tmp_path)
    table = {"dev": ["a"] * len(times), "time": times}
    report = held(deliver(tmp_path, table, layer), layer, rules=[cadence(every=every, tolerance=0)])
    assert rows(report, "observation.gap") == gaps


def test_dates_are_times_and_typed_times_too(tmp_path: Path) -> None:
    layer = layer_of(tmp_path, time={"type": "string", "format": "date"})
    for times in (
        pa.array(["2024-02-28", "2024-02-29", "2024-03-02"]),
        pa.array([dt.date(2024, 2, 28), dt.date(2024, 2, 29), dt.date(2024, 3, 2)]),
        pa.array([dt.datetime(2024, 2, 28), dt.datetime(2024, 2, 29), dt.datetime(2024, 3, 2)]),
    ):
        mapped = deliver(tmp_path, {"dev": pa.array(["a"] * 3), "time": times}, layer)
        assert rows(held(mapped, layer, rules=[cadence(every="P1D")]), "observation.gap") == [2]


def test_a_gap_of_an_hour_in_times_without_a_zone_may_be_the_clock(tmp_path: Path) -> None:
    layer = layer_of(tmp_path)
    times = ["2024-03-31T01:00:00", "2024-03-31T03:00:00", "2024-03-31T04:00:00"]
    report = held(deliver(tmp_path, {"dev": ["a"] * 3, "time": times}, layer), layer, rules=[cadence()], formats=False)
    assert [f.hint for f in report.findings if f.code == "observation.gap"] == [
        "The times name no zone: a change to summer time looks like a gap."
    ]


@pytest.mark.parametrize("every", ["1 hour", "P", "PT", "P0.5M", "-PT1H", ""])
def test_a_duration_that_is_none_is_the_standards_fault(every: str, tmp_path: Path) -> None:
    layer = layer_of(tmp_path)
    mapped = deliver(tmp_path, {"dev": ["a"], "time": ["2024-01-01T00:00:00Z"]}, layer)
    with pytest.raises(StandardError, match=r"o\.every"):
        held(mapped, layer, rules=[cadence(every=every)])


def test_numbers_are_no_times(tmp_path: Path) -> None:
    layer = layer_of(tmp_path, time={"type": "integer"})
    report = held(deliver(tmp_path, {"dev": ["a"], "time": [1700000000]}, layer), layer, rules=[cadence(), stuck()])
    why = "the field 'time' of the layer 'o' holds no dates or times"
    assert {(s.rule, s.why) for s in report.coverage.rules.skipped} >= {("o.every", why), ("o.moves", why)}


def test_fields_that_were_not_delivered_claim_nothing(tmp_path: Path) -> None:
    layer = layer_of(tmp_path)
    report = held(deliver(tmp_path, {"dev": ["a"]}, layer), layer, rules=[cadence(), stuck()])
    assert not report.findings
    assert counts(report)["o.every"] == counts(report)["o.moves"] == (0, 0)


# ---- stuck ------------------------------------------------------------------------------------

VALUES = st.one_of(st.none(), st.sampled_from([0.0, 1.0, 2.5]))
READINGS = st.lists(st.tuples(st.sampled_from("ab"), st.integers(0, 40), VALUES), min_size=1, max_size=60)


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(READINGS, st.integers(2, 4), st.sampled_from([[], [0]]))
def test_runs_are_those_that_walking_through_each_series_finds(
    tmp_path: Path, readings: list[tuple[str, int, float | None]], run: int, allow: list[int]
) -> None:
    layer = layer_of(tmp_path)
    table = {
        "dev": pa.array([dev for dev, _, _ in readings]),
        "time": texts(*(START + hour * HOUR for _, hour, _ in readings)),
        "value": pa.array([value for _, _, value in readings], pa.float64()),
    }
    report = held(deliver(tmp_path, table, layer), layer, rules=[stuck(run=run, allow=allow)])
    expected = {}
    for device in "ab":
        mine = sorted((hour, n, v) for n, (dev, hour, v) in enumerate(readings) if dev == device and v is not None)
        at = 0
        while at < len(mine):
            end = at
            while end + 1 < len(mine) and mine[end + 1][2] == mine[at][2]:
                end += 1
            hours = {hour for hour, _, _ in mine[at : end + 1]}
            if len(hours) >= run and mine[at][2] not in allow:
                expected[mine[at][1]] = len(hours)
            at = end + 1
    told = {f.row: int(f.message.split(" times in a row")[0].split()[-1]) for f in report.findings}
    assert told == expected
    assert counts(report)["o.moves"] == (sum(v is not None for _, _, v in readings), len(expected))


def test_a_run_is_told_with_its_length_and_times(tmp_path: Path) -> None:
    layer = layer_of(tmp_path)
    table = {
        "dev": ["WS-1"] * 5,
        "time": texts(*(START + n * HOUR for n in (3, 1, 0, 2, 4))),
        "value": [7.5, 7.5, 7.5, None, 8.0],
    }
    (finding,) = held(deliver(tmp_path, table, layer), layer, rules=[stuck()]).findings
    assert (finding.row, finding.field, finding.value) == (2, "value", 7.5)
    assert finding.message == "WS-1: value is 7.5 3 times in a row, from 2024-02-28 to 2024-02-28T03:00:00Z."


def test_texts_and_truth_values_may_stand_still_too(tmp_path: Path) -> None:
    times = texts(*(START + n * HOUR for n in range(4)))
    for kind, values, allow, failing in (
        ("string", ["open", "open", "open", "shut"], ["shut"], [0]),
        ("string", ["open", "open", "open", "shut"], ["open"], []),
        ("boolean", [True, True, True, False], [False], [0]),
        ("boolean", [True, True, True, False], [True], []),
        ("integer", [3, 3, 3, 3], [3], []),
        ("integer", [3, 3, 3, 3], ["3"], [0]),
    ):
        layer = layer_of(tmp_path, value={"type": kind})
        mapped = deliver(tmp_path, {"dev": ["a"] * 4, "time": times, "value": values}, layer)
        assert failures(held(mapped, layer, rules=[stuck(allow=allow)])).get("o.moves", []) == failing


def test_a_stream_of_many_devices_as_pandas_sees_it(tmp_path: Path) -> None:
    """Half a year of hours of twenty devices, shuffled, with holes and a few that stand still."""
    random = np.random.default_rng(9)
    hours = pd.date_range("2024-01-01", periods=500, freq="h", tz="UTC")
    frame = pd.DataFrame([(f"d{n}", hour) for n in range(20) for hour in hours], columns=["dev", "time"])
    frame["value"] = random.integers(0, 30, len(frame)).astype(float)
    frame.loc[(frame.dev == "d3") & frame.time.between("2024-01-05", "2024-01-06"), "value"] = 4.0
    frame = frame.sample(frac=0.97, random_state=3).reset_index(drop=True)
    layer = layer_of(tmp_path)
    mapped = deliver(tmp_path, pa.Table.from_pandas(frame, preserve_index=False), layer)
    report = held(mapped, layer, rules=[cadence(), stuck(run=5)], samples=None)
    ordered = frame.sort_values(["dev", "time"])
    apart = ordered.groupby("dev").time.diff()
    assert rows(report, "observation.gap") == sorted(ordered.index[apart > pd.Timedelta("1.5h")])
    changes = (ordered.value != ordered.groupby("dev").value.shift()).cumsum()
    runs = ordered.groupby(changes)
    long = {group.index[0] for _, group in runs if len(group) >= 5}
    assert set(rows(report, "observation.stuck")) == long
    assert len(long) >= 1
