"""The record engine against the official JSON Schema test suite."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from cimkit.check.json_schema.oracle import Oracle
from cimkit.check.json_schema.plain_schema import load_schema
from cimkit.check.json_schema.scope import Scope
from cimkit.errors import StandardError

#: A metaschema's $vocabulary is not looked at.
KNOWN = {"schema that uses custom metaschema with with no validation vocabulary"}


@pytest.mark.shared
def test_the_required_part_of_the_official_suite(shared: Path) -> None:
    suite = shared / "suites/json-schema-test-suite"
    prefixes = {"http://localhost:1234/": suite / "remotes"}
    wrong, cases = [], 0
    for path in sorted((suite / "tests/draft2020-12").glob("*.json")):
        for group in json.loads(path.read_text("utf-8")):
            schema = group["schema"] if isinstance(group["schema"], dict) else {"allOf": [group["schema"]]}
            opened, scope = Scope.open(schema, load_schema(schema, prefixes).registry)
            oracle = Oracle(opened, scope, formats=False)
            for case in group["tests"]:
                cases += 1
                if (not oracle.problems(case["data"])) != case["valid"]:
                    wrong.append((path.name, group["description"], case["description"]))
    assert cases > 1200
    assert {group for _, group, _ in wrong} <= KNOWN, wrong


def test_a_schema_that_never_ends_is_the_standards_fault() -> None:
    opened, scope = Scope.open({"$ref": "#"})
    with pytest.raises(StandardError, match="without an end"):
        Oracle(opened, scope, formats=False).problems({})


def test_a_missing_member_is_reported_at_its_own_place() -> None:
    opened, scope = Scope.open({"properties": {"a": {"required": ["b"]}}, "dependentRequired": {"a": ["c"]}})
    problems = Oracle(opened, scope, formats=False).problems({"a": {}})
    assert [(p.path, p.place) for p in problems] == [
        (("a", "b"), ("properties", "a", "required")),
        (("c",), ("dependentRequired",)),
    ]
