"""The official JSON Schema test suite, as users run it: a file of records against a schema."""

from __future__ import annotations

from pathlib import Path

import pytest
from suite import run, told

#: Cases that SQL decides alone (of all the required ones): recursion and late references fall back.
LEAST_IN_SQL = 0.9


@pytest.mark.shared
def test_the_required_part_is_right_and_mostly_decided_in_sql(shared: Path) -> None:
    tallies = run(shared / "suites/json-schema-test-suite", "draft2020-12")
    assert not [case for tally in tallies for case in tally.wrong], told("wrong", tallies)
    cases = sum(tally.cases for tally in tallies)
    assert cases > 1200
    assert sum(tally.in_sql for tally in tallies) > LEAST_IN_SQL * cases


@pytest.mark.shared
def test_sql_alone_never_finds_what_is_not_there(shared: Path) -> None:
    only = ("unevaluatedProperties", "contains", "dynamicRef", "multipleOf")
    for tally in run(shared / "suites/json-schema-test-suite", "draft2020-12", only=only, engine="sql"):
        assert not [case for case in tally.wrong if case[-1] == "found invalid"], tally
