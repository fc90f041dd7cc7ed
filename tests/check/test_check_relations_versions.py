"""Validity in time: versions that follow each other, and references to what was valid then."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pytest
from check_deliveries import counts, deliver, failures, held, standard_layer
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cimkit.standard import Rule

TEXT = {"type": "string"}
DATE = {"type": "string", "format": "date"}
FIELDS = {"code": TEXT, "part": TEXT, "begin": DATE, "end": DATE}
OVERLAP = Rule("v.once", "no_time_overlap", "v", "error", {}, {"by": ["code"], "from": "begin", "until": "end"})

ENDS = st.one_of(st.none(), st.integers(1, 12).map(lambda month: f"2024-{month:02d}-01"))


def valid(begin: str | None, end: str | None) -> tuple[str, str]:
    """A period as texts that sort: an end that is not told is never reached."""
    return begin or "0000", end or "9999"


@settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.sampled_from([*"abcdefghij", None]), ENDS, ENDS), min_size=20, max_size=40))
def test_overlaps_are_those_that_comparing_all_pairs_finds(
    tmp_path: Path, rows: list[tuple[str | None, str | None, str | None]]
) -> None:
    layer = standard_layer(tmp_path, "v", FIELDS)
    columns = {name: pa.array([row[n] for row in rows], pa.string()) for n, name in enumerate(("code", "begin", "end"))}
    report = held(deliver(tmp_path, columns, layer), layer, rules=[OVERLAP])
    expected = []
    for number, (code, *period) in enumerate(rows):
        start, stop = valid(*period)
        others = [
            valid(*other)
            for n, (same, *other) in enumerate(rows)
            if n != number and same == code and code is not None and valid(*other)[0] < valid(*other)[1]
        ]
        if start < stop and any(begin < stop and start < end for begin, end in others):
            expected.append(number)
    assert failures(report).get("v.once", []) == expected


def test_an_overlap_names_the_other_version(tmp_path: Path) -> None:
    layer = standard_layer(tmp_path, "v", FIELDS)
    one = {"code": ["a", "a"], "begin": ["2020-01-01", "2021-01-01"], "end": ["2021-01-01", None]}
    two = {"code": ["a"], "begin": ["2022-06-01"], "end": ["2023-01-01"]}
    inputs = [
        (deliver(tmp_path, one, layer, source="one.csv"), layer),
        (deliver(tmp_path, two, layer, source="two.csv"), layer),
    ]
    report = held(inputs, rules=[OVERLAP])
    assert [(f.source, f.row, f.message, f.hint) for f in report.findings] == [
        (
            "one.csv",
            1,
            "code is 'a', valid 2021-01-01 – …; another record of it is valid 2022-06-01 – 2023-01-01.",
            "Row 0 of two.csv has it too.",
        ),
        (
            "two.csv",
            0,
            "code is 'a', valid 2022-06-01 – 2023-01-01; another record of it is valid 2021-01-01 – ….",
            "Row 1 of one.csv has it too.",
        ),
    ]


def test_a_time_that_is_none_claims_nothing(tmp_path: Path) -> None:
    layer = standard_layer(tmp_path, "v", FIELDS)
    table = {"code": ["a"] * 3, "begin": ["2020-01-01", "soon", "2020-02-30"], "end": [None, None, None]}
    report = held(deliver(tmp_path, table, layer, text=True), layer, rules=[OVERLAP])
    assert failures(report) == {"v.begin#format": [1, 2]}


def test_versions_may_be_delivered_as_dates_or_times(tmp_path: Path) -> None:
    layer = standard_layer(tmp_path, "v", FIELDS)
    table = {
        "code": pa.array(["a", "a"]),
        "begin": pa.array([dt.date(2020, 1, 1), dt.date(2020, 6, 1)]),
        "end": pa.array([dt.datetime(2020, 6, 1, 0, 0, 1), None], pa.timestamp("us", "UTC")),
    }
    assert failures(held(deliver(tmp_path, table, layer), layer, rules=[OVERLAP]))["v.once"] == [0, 1]


def test_a_new_delivery_takes_the_place_of_the_known_record(tmp_path: Path) -> None:
    layer = standard_layer(tmp_path, "v", {**FIELDS, "id": {"type": "string", "cim:key": True}})
    new = {"id": ["1", "3"], "code": ["a", "b"], "begin": ["2020-01-01", "2020-01-01"]}
    old = {"id": ["1", "2"], "code": ["a", "b"], "begin": ["2019-01-01", "2019-01-01"]}
    report = held(
        [(deliver(tmp_path, new, layer), layer)],
        known=[(deliver(tmp_path, old, layer, source="old.csv"), layer)],
        rules=[OVERLAP],
    )
    assert failures(report) == {"v.once": [1]}
    assert report.findings[0].hint == "Row 1 of old.csv has it too."


# ---- references to what was valid then --------------------------------------------------------

THEN = Rule(
    "v.then",
    "valid_then",
    "v",
    "error",
    {},
    {"fields": ["part"], "of": "d", "to": ["code"], "from": "begin", "until": "end"},
)


Rows = list[tuple[str, str | None, str | None]]
PERIODS = st.lists(st.tuples(st.sampled_from("abcdef"), ENDS, ENDS), min_size=10, max_size=25)


@settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(PERIODS, PERIODS)
def test_what_is_covered_is_what_covers_every_month(tmp_path: Path, own: Rows, targets: Rows) -> None:
    """Month by month, with one before the first and one behind the last for ends that are not told."""
    layer, other = standard_layer(tmp_path, "v", FIELDS), standard_layer(tmp_path, "d", FIELDS)

    def columns(rows: Rows, *names: str) -> dict[str, pa.Array]:
        return {name: pa.array([row[n] for row in rows], pa.string()) for n, name in enumerate(names)}

    inputs = [
        (deliver(tmp_path, columns(own, "part", "begin", "end"), layer), layer),
        (deliver(tmp_path, columns(targets, "code", "begin", "end"), other), other),
    ]
    report = held(inputs, rules=[THEN])

    def months(begin: str | None, end: str | None) -> set[int]:
        return set(range(int(begin[5:7]) if begin else 0, int(end[5:7]) if end else 14))

    expected, judged = [], 0
    for number, (key, begin, end) in enumerate(own):
        covered = set().union(*(months(*period) for code, *period in targets if code == key))
        if not covered or (begin is None and end is None) or (begin and end and begin > end):
            continue
        judged += 1
        asked = {int(begin[5:7])} if begin and begin == end else months(begin, end)
        if begin is None:
            asked = {max(asked)}  # of an untold beginning, only the end is judged
        if asked - covered:
            expected.append(number)
    assert failures(report).get("v.then", []) == expected
    assert counts(report)["v.then"] == (judged, len(expected))


def test_the_message_says_both_periods(tmp_path: Path) -> None:
    layer, other = standard_layer(tmp_path, "v", FIELDS), standard_layer(tmp_path, "d", FIELDS)
    own = {"part": ["a", "z", None], "begin": ["2019-12-31"] * 3, "end": ["2020-02-01", None, None]}
    target = {"code": ["a", "a"], "begin": ["2020-01-01", "2021-01-01"], "end": ["2021-01-01", None]}
    inputs = [(deliver(tmp_path, own, layer), layer), (deliver(tmp_path, target, other), other)]
    (finding,) = held(inputs, rules=[THEN]).findings
    assert (finding.row, finding.code, finding.value) == (0, "relation.not_valid_then", "a")
    assert finding.message == (
        "part is 'a', which is valid 2020-01-01 – …; the record itself is valid 2019-12-31 – 2020-02-01."
    )


def test_the_other_layer_may_call_its_ends_otherwise(tmp_path: Path) -> None:
    layer = standard_layer(tmp_path, "v", FIELDS)
    other = standard_layer(tmp_path, "d", dict.fromkeys(("opened", "closed"), FIELDS["begin"]) | FIELDS)
    own = {"part": ["a", "a"], "begin": ["2019-12-31", "2020-02-01"], "end": ["2020-02-01", "2020-03-01"]}
    # Its fields of the same names say something else.
    target = {"code": ["a"], "opened": ["2020-01-01"], "closed": ["2021-01-01"], "begin": ["1999-01-01"], "end": [None]}
    inputs = [(deliver(tmp_path, own, layer), layer), (deliver(tmp_path, target, other), other)]
    named = {"of_from": "opened", "of_until": "closed"}
    report = held(inputs, rules=[replace(THEN, parameters={**THEN.parameters, **named})])
    assert failures(report) == {"v.then": [0]} and counts(report)["v.then"] == (2, 1)
    assert [rule.parameters["of_from"] for rule in report.rules if rule.rule == "v.then"] == ["opened"]
    inputs[1] = (deliver(tmp_path, {"code": ["a"], "begin": ["1999-01-01"], "end": [None]}, other), other)
    report = held(inputs, rules=[replace(THEN, parameters={**THEN.parameters, **named})])
    assert [s.why for s in report.coverage.rules.skipped] == ["the layer 'd' has no field 'opened'"]


@pytest.mark.parametrize("missing", ["code", "end"])
def test_a_field_that_the_other_layer_lacks_is_said(missing: str, tmp_path: Path) -> None:
    layer, other = standard_layer(tmp_path, "v", FIELDS), standard_layer(tmp_path, "d", FIELDS)
    table = {name: ["2020-01-01"] for name in ("code", "begin", "end") if name != missing}
    inputs = [
        (deliver(tmp_path, {"part": ["x"], "begin": ["2020-01-01"]}, layer), layer),
        (deliver(tmp_path, table, other), other),
    ]
    report = held(inputs, rules=[THEN])
    assert [(s.rule, s.why) for s in report.coverage.rules.skipped] == [
        ("v.then", f"the layer 'd' has no field '{missing}'")
    ]
