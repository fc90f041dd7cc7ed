"""Keys and references of several fields, how many records refer to one, and data that is only known."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from check_deliveries import counts, deliver, failures, held, standard_layer

from cimkit.standard import LayerSchema, Rule

TEXT = {"type": "string"}
KEY = {"type": "string", "cim:key": True}
UNIQUE = Rule("s.once", "unique", "s", "error", {}, {"fields": ["trip", "stop"]})
REFERENCE = Rule(
    "t.ref", "reference", "t", "error", {}, {"fields": ["trip", "stop"], "of": "s", "to": ["trip", "stop"]}
)


def cardinality(**parameters: Any) -> Rule:
    return Rule("d.seen", "cardinality", "d", "warning", {}, {"of": "o", "fields": ["dev"], "to": ["id"], **parameters})


def stops(folder: Path, stop: Any = TEXT) -> LayerSchema:
    return standard_layer(folder, "s", {"trip": TEXT, "stop": stop})


# ---- unique -----------------------------------------------------------------------------------


def test_a_key_of_two_fields_may_occur_once(tmp_path: Path) -> None:
    layer = stops(tmp_path, {"type": "integer", "cim:names": {"zh": "序号"}})
    table = {"trip": ["a", "a", "a", "b", None, None], "stop": [1, 2, 1, 1, 1, 1]}
    mapped = deliver(tmp_path, table, layer, origins={"trip": ("TRIP",)})
    report = held(mapped, layer, rules=[UNIQUE])
    assert failures(report) == {"s.once": [0, 2]}
    assert counts(report)["s.once"] == (4, 2)
    first = report.findings[0]
    assert (first.field, first.value, first.hint) == ("TRIP|stop", ["a", "1"], "Row 2 has it too.")
    assert first.message == "TRIP, stop is 'a', '1', which another record has too."
    zh = held(mapped, layer, rules=[UNIQUE], lang="zh").findings[0]
    assert zh.message == "TRIP, 序号（stop）为 'a', '1'，与其他记录重复。"


def test_parts_are_not_run_together(tmp_path: Path) -> None:
    layer = stops(tmp_path)
    table = {"trip": ["a", "a|b", "a, b"], "stop": ["b|c", "c", "c"]}
    assert not failures(held(deliver(tmp_path, table, layer), layer, rules=[UNIQUE]))


def test_a_condition_says_which_records_count(tmp_path: Path) -> None:
    layer = stops(tmp_path)
    asked = Rule("s.once", "unique", "s", "error", {}, {"fields": ["trip"], "when": "stop IS NOT NULL"})
    report = held(deliver(tmp_path, {"trip": ["a", "a", "a"], "stop": ["1", None, "2"]}, layer), layer, rules=[asked])
    assert failures(report) == {"s.once": [0, 2]}
    assert counts(report)["s.once"] == (2, 2)


def test_files_together_have_a_key_once_unless_each_numbers_by_itself(tmp_path: Path) -> None:
    layer = stops(tmp_path)
    inputs = [
        (deliver(tmp_path, {"trip": ["a", "b"], "stop": ["1", "1"]}, layer, source=f"{n}.csv"), layer) for n in (1, 2)
    ]
    assert counts(held(inputs, rules=[UNIQUE]))["s.once"] == (4, 4)
    assert counts(held(inputs, rules=[UNIQUE], own_keys={"s"}))["s.once"] == (4, 0)


def test_what_is_only_known_has_keys_again(tmp_path: Path) -> None:
    """A new delivery takes the place of the old one: neither cim:key nor unique counts the known records."""
    layer = standard_layer(tmp_path, "s", {"id": KEY, "trip": TEXT, "stop": TEXT})
    table = {"id": ["1"], "trip": ["a"], "stop": ["1"]}
    new, old = deliver(tmp_path, table, layer), deliver(tmp_path, table, layer, source="old.csv")
    report = held([(new, layer)], known=[(old, layer)], rules=[UNIQUE])
    assert not report.findings
    assert counts(report)["s.once"] == (1, 0)


def test_all_duplicates_are_in_the_rejects(tmp_path: Path) -> None:
    layer = stops(tmp_path)
    random = np.random.default_rng(4)
    frame = pd.DataFrame(
        {"trip": random.integers(0, 60, 3000).astype(str), "stop": random.integers(0, 60, 3000).astype(str)}
    )
    target = tmp_path / "rejects.parquet"
    report = held(
        deliver(tmp_path, pa.Table.from_pandas(frame, preserve_index=False), layer),
        layer,
        rules=[UNIQUE],
        samples=5,
        rejects=target,
    )
    again = frame.index[frame.duplicated(keep=False)].tolist()
    assert pq.read_table(target)["_row"].to_pylist() == again
    assert counts(report)["s.once"] == (3000, len(again))
    assert failures(report)["s.once"] == again[:5]


# ---- reference --------------------------------------------------------------------------------


def test_a_reference_of_two_fields_needs_one_record_that_has_both(tmp_path: Path) -> None:
    layer, times = stops(tmp_path), standard_layer(tmp_path, "t", {"trip": TEXT, "stop": {"type": "integer"}})
    there = deliver(tmp_path, {"trip": ["trip-a", "trip-b"], "stop": ["1", "2"]}, layer)
    table = {"trip": ["trip-a", "trip-a", "TRIP A", None, "x"], "stop": [1, 2, 1, 9, None]}
    report = held([(deliver(tmp_path, table, times), times), (there, layer)], rules=[REFERENCE])
    assert failures(report) == {"t.ref": [1, 2]}
    assert counts(report)["t.ref"] == (3, 2)
    assert [(f.value, f.hint) for f in report.findings] == [
        (["trip-a", "2"], "Did you mean 'trip-a, 1'?"),
        (["TRIP A", "1"], "Did you mean 'trip-a, 1'?"),
    ]
    assert report.findings[0].message == "trip, stop is 'trip-a', '2', which does not occur in s.trip, s.stop."


def test_known_data_may_be_referred_to(tmp_path: Path) -> None:
    layer, times = stops(tmp_path), standard_layer(tmp_path, "t", {"trip": TEXT, "stop": TEXT})
    own = deliver(tmp_path, {"trip": ["a"], "stop": ["1"]}, times)
    there = deliver(tmp_path, {"trip": ["a"], "stop": ["1"]}, layer)
    assert not held([(own, times)], known=[(there, layer)], rules=[REFERENCE]).findings
    without = held([(own, times)], rules=[REFERENCE])
    assert [(s.rule, s.why) for s in without.coverage.rules.skipped] == [("t.ref", "the layer 's' was not given")]


def test_a_field_that_the_other_layer_lacks_is_said(tmp_path: Path) -> None:
    layer, times = stops(tmp_path), standard_layer(tmp_path, "t", {"trip": TEXT, "stop": TEXT})
    inputs = [
        (deliver(tmp_path, {"trip": ["a"], "stop": ["1"]}, times), times),
        (deliver(tmp_path, {"trip": ["a"]}, layer), layer),
    ]
    report = held(inputs, rules=[REFERENCE], lang="zh")
    assert [(s.rule, s.why) for s in report.coverage.rules.skipped] == [("t.ref", "图层“s”没有字段“stop”")]


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("bld-0017", "BLD-0017"),
        ("BLD 17", None),
        ("ＢＬＤ－００１７", "BLD-0017"),
        ("BLD-O017", "BLD-0017"),
        ("road", None),
    ],
)
def test_the_key_that_is_meant_is_offered(written: str, meant: str | None, tmp_path: Path) -> None:
    layer = standard_layer(tmp_path, "b", {"id": KEY, "part_of": {"type": "string", "cim:ref": "b.id"}})
    table = {"id": ["BLD-0017", "BLD-0203", "SHOP-1"], "part_of": [written, None, None]}
    (finding,) = held(deliver(tmp_path, table, layer), layer).findings
    assert finding.hint == (None if meant is None else f"Did you mean '{meant}'?")


def test_among_very_many_keys_only_those_written_otherwise_are_offered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from cimkit.check.relations import nearest_key

    monkeypatch.setattr(nearest_key, "_MOST_PAIRS", 2)
    layer = standard_layer(tmp_path, "b", {"id": KEY, "part_of": {"type": "string", "cim:ref": "b.id"}})
    table = {"id": ["BLD-0017", "x", "y"], "part_of": ["bld 0017", "BLD-O017", None]}
    report = held(deliver(tmp_path, table, layer), layer)
    assert [f.hint for f in report.findings] == ["Did you mean 'BLD-0017'?", None]


# ---- cardinality ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("limits", "failing", "asked"),
    [
        ({}, [2], "at least 1"),
        ({"min": 2}, [1, 2], "at least 2"),
        ({"max": 1}, [0], "at most 1"),
        ({"min": 1, "max": 2}, [0, 2], "from 1 to 2"),
        ({"min": 1, "max": 1}, [0, 2], "1"),
    ],
)
def test_how_many_records_refer_to_one(limits: dict[str, int], failing: list[int], asked: str, tmp_path: Path) -> None:
    devices, layer = standard_layer(tmp_path, "d", {"id": TEXT}), standard_layer(tmp_path, "o", {"dev": TEXT})
    inputs = [
        (deliver(tmp_path, {"id": ["a", "b", "c", None]}, devices), devices),
        (deliver(tmp_path, {"dev": ["a", "a", None, "b"]}, layer), layer),
        (deliver(tmp_path, {"dev": ["a", "elsewhere"]}, layer), layer),
    ]
    report = held(inputs, rules=[cardinality(**limits)])
    assert failures(report) == {"d.seen": failing}
    assert counts(report)["d.seen"] == (3, len(failing))
    assert report.findings[0].message.endswith(f"but there must be {asked}.")
    parameters = next(r.parameters for r in report.rules if r.rule == "d.seen")
    assert parameters["min"] == limits.get("min", 0 if "max" in limits else 1)


def test_known_records_count_but_for_those_delivered_anew(tmp_path: Path) -> None:
    devices = standard_layer(tmp_path, "d", {"id": TEXT})
    layer = standard_layer(tmp_path, "o", {"id": KEY, "dev": TEXT})
    inputs = [
        (deliver(tmp_path, {"id": ["a", "b", "c"]}, devices), devices),
        (deliver(tmp_path, {"id": ["1"], "dev": ["a"]}, layer), layer),
    ]
    old = deliver(tmp_path, {"id": ["1", "2", None], "dev": ["b", "a", "c"]}, layer)
    report = held(inputs, known=[(old, layer)], rules=[cardinality(min=1, max=1)])
    assert [(f.row, f.message) for f in report.findings] == [
        (0, "id is 'a'; records of o that refer to it: 2, but there must be 1."),
        (1, "id is 'b'; records of o that refer to it: 0, but there must be 1."),
    ]
