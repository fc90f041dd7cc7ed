"""Hierarchies: parents that exist, no cycles, levels that follow, codes below their parents."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from check_deliveries import counts, deliver, failures, held, standard_layer
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cimkit.errors import StandardError
from cimkit.model import Report
from cimkit.standard import Code, Codelist, LayerSchema, Rule

TEXT = {"type": "string"}
KEY = {"type": "string", "cim:key": True}
LEVELS = {"type": "string", "enum": ["province", "prefecture", "county"]}


def rule(**parameters: str) -> Rule:
    return Rule("u.tree", "hierarchy", "u", "error", {}, {"parent": "parent", **parameters})


def layer_of(folder: Path, **fields: Any) -> LayerSchema:
    return standard_layer(folder, "u", {"id": KEY, "parent": TEXT, **fields})


def by_code(report: Report) -> dict[str, list[int | None]]:
    found: dict[str, list[int | None]] = {}
    for finding in report.findings:
        found.setdefault(finding.code, []).append(finding.row)
    return found


def test_a_parent_that_is_nobody(tmp_path: Path) -> None:
    layer = layer_of(tmp_path)
    mapped = deliver(tmp_path, {"id": ["A-001", "B-001", None], "parent": [None, "a_001", "A-001"]}, layer)
    report = held(mapped, layer, rules=[rule()])
    assert by_code(report) == {"relation.missing": [1]}
    assert report.findings[0].hint == "Did you mean 'A-001'?"
    assert {r.code: (r.checked, r.failed) for r in report.rules if r.rule == "u.tree"} == {
        "relation.missing": (2, 1),
        "relation.cycle": (2, 0),
    }


def test_a_reference_tells_of_a_missing_parent_once(tmp_path: Path) -> None:
    layer = standard_layer(tmp_path, "u", {"id": KEY, "parent": {"type": "string", "cim:ref": "u.id"}})
    report = held(deliver(tmp_path, {"id": ["a"], "parent": ["z"]}, layer), layer, rules=[rule()])
    assert failures(report) == {"u.parent#ref": [0]}


def test_every_record_of_a_cycle_is_told_and_none_below_it(tmp_path: Path) -> None:
    layer = layer_of(tmp_path, level={"type": "integer"})
    table = {
        "id": ["a", "b", "c", "below", "self", "root"],
        "parent": ["b", "c", "a", "a", "self", None],
        "level": [1, 1, 1, 2, 1, 1],
    }
    report = held(deliver(tmp_path, table, layer), layer, rules=[rule(level_field="level")])
    assert by_code(report) == {"relation.cycle": [0, 1, 2, 4]}
    assert [f.message for f in report.findings] == [
        "parent is 'b': upwards from the record one comes back to it (a → b → c → a).",
        "parent is 'c': upwards from the record one comes back to it (b → c → a → b).",
        "parent is 'a': upwards from the record one comes back to it (c → a → b → c).",
        "parent is 'self': upwards from the record one comes back to it (self → self).",
    ]


def test_a_long_cycle_is_told_in_part(tmp_path: Path) -> None:
    layer = layer_of(tmp_path)
    count = 500
    table = {"id": [f"n{n}" for n in range(count)], "parent": [f"n{(n + 1) % count}" for n in range(count)]}
    report = held(deliver(tmp_path, table, layer), layer, rules=[rule()], samples=1)
    assert counts(report)["u.tree"] == (count, count)
    assert "(n0 → n1 → n2 → n3 → n4 → n5 → n6 → n7 → …)" in report.findings[0].message


def test_a_chain_as_deep_as_the_layer_is_no_cycle(tmp_path: Path) -> None:
    layer = layer_of(tmp_path)
    count = 1000
    table = {"id": [f"n{n}" for n in range(count)], "parent": [None, *(f"n{n}" for n in range(count - 1))]}
    report = held(deliver(tmp_path, table, layer), layer, rules=[rule()])
    assert counts(report)["u.tree"] == (count - 1, 0)


@settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.one_of(st.none(), st.integers(0, 61)), min_size=20, max_size=60))
def test_cycles_are_those_that_walking_up_finds(tmp_path: Path, parents: list[int | None]) -> None:
    """Walking up from each record, one step at a time."""
    layer = layer_of(tmp_path)
    table = {"id": [str(n) for n in range(len(parents))], "parent": [None if p is None else str(p) for p in parents]}
    report = held(deliver(tmp_path, table, layer), layer, rules=[rule()])
    on_cycle, missing = [], []
    for start, parent in enumerate(parents):
        if parent is not None and parent >= len(parents):
            missing.append(start)
        at, steps = parent, 0
        while at is not None and at < len(parents) and at != start and steps <= len(parents):
            at, steps = parents[at], steps + 1
        if at == start:
            on_cycle.append(start)
    found = by_code(report)
    assert found.get("relation.cycle", []) == on_cycle
    assert found.get("relation.missing", []) == missing


@pytest.mark.parametrize(
    ("field", "levels", "failing"),
    [
        ({"type": "integer"}, [1, 2, 4, 3, None], [2]),
        (LEVELS, ["province", "prefecture", "province", "county", None], [2]),
        (LEVELS, ["province", "county", "prefecture", "village", "county"], [1, 4]),
        (TEXT, ["1", "2", "x", "2", "2"], [3, 4]),
    ],
)
def test_a_level_is_one_below_that_of_the_parent(
    field: dict[str, Any], levels: list[Any], failing: list[int], tmp_path: Path
) -> None:
    """Row 1, 2 are below row 0; 3, 4 below row 1. A level that is not known claims nothing."""
    layer = layer_of(tmp_path, level=field)
    table = {"id": list("abcde"), "parent": [None, "a", "a", "b", "b"], "level": levels}
    report = held(deliver(tmp_path, table, layer), layer, rules=[rule(level_field="level")])
    assert by_code(report).get("relation.level") == failing


def test_a_level_is_told_with_that_of_the_parent(tmp_path: Path) -> None:
    layer = layer_of(tmp_path, level=LEVELS)
    table = {"id": ["11", "110101"], "parent": [None, "11"], "level": ["province", "county"]}
    (finding,) = held(deliver(tmp_path, table, layer), layer, rules=[rule(level_field="level")]).findings
    assert finding.message == "level is 'county', but that of its parent 11 is 'province': it is not one below."
    assert finding.field == "level"


def land_use() -> dict[str, Codelist]:
    parents = {"07": None, "0701": "07", "070101": "0701", "08": None, "0801": "08"}
    codes = {code: Code(code, parent, {"en": code}) for code, parent in parents.items()}
    return {"use": Codelist("use", "1", False, codes, {"en": "Use"}, "published", "official", "test")}


def test_codes_of_a_list_with_parents_stand_below_them(tmp_path: Path) -> None:
    """A code further up will do; codes that the list does not know are told elsewhere."""
    layer = standard_layer(tmp_path, "u", {"code": {"type": "string", "cim:codelist": "use"}, "parent": TEXT})
    table = {
        "code": ["0701", "070101", "070101", "0701", "0801", "0801", "99"],
        "parent": ["07", "0701", "07", "08", "0801", None, "07"],
    }
    report = held(deliver(tmp_path, table, layer), layer, rules=[rule(key="code")], codelists=land_use())
    own = {code: rows for code, rows in by_code(report).items() if code.startswith("relation")}
    assert own == {"relation.parent": [3], "relation.cycle": [4]}
    message = next(f.message for f in report.findings if f.code == "relation.parent")
    assert message == "parent is '08', but the code '0701' is not below it in use."


def test_levels_are_as_deep_as_their_list(tmp_path: Path) -> None:
    layer = layer_of(tmp_path, level={"type": "string", "cim:codelist": "use"})
    table = {"id": list("abc"), "parent": [None, "a", "b"], "level": ["07", "0801", "0701"]}
    report = held(deliver(tmp_path, table, layer), layer, rules=[rule(level_field="level")], codelists=land_use())
    assert by_code(report) == {"relation.level": [2]}


def test_records_above_may_be_in_another_file_or_in_data_that_is_only_known(tmp_path: Path) -> None:
    layer = layer_of(tmp_path, level={"type": "integer"})
    first = deliver(tmp_path, {"id": ["b"], "parent": ["a"], "level": [2]}, layer, source="first.csv")
    second = deliver(tmp_path, {"id": ["c"], "parent": ["b"], "level": [4]}, layer, source="second.csv")
    known = deliver(tmp_path, {"id": ["a", "b"], "parent": ["nobody", "c"], "level": [1, 7]}, layer, source="old.csv")
    asked = [rule(level_field="level")]
    report = held([(first, layer), (second, layer)], known=[(known, layer)], rules=asked)
    # What is checked takes the place of what is known: b is below a, and nothing of the old file is told.
    assert [(f.source, f.code) for f in report.findings] == [("second.csv", "relation.level")]


def test_a_hierarchy_without_a_key_is_the_standards_fault(tmp_path: Path) -> None:
    layer = standard_layer(tmp_path, "u", {"parent": TEXT})
    with pytest.raises(StandardError, match=r"u\.tree"):
        held(deliver(tmp_path, {"parent": ["a"]}, layer), layer, rules=[rule()])


def test_fields_that_were_not_delivered_claim_nothing(tmp_path: Path) -> None:
    layer = layer_of(tmp_path, level=LEVELS)
    report = held(deliver(tmp_path, {"id": ["a"]}, layer), layer, rules=[rule(level_field="level")])
    assert not report.findings
    assert counts(report)["u.tree"] == (0, 0)
