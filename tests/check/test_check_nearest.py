"""anyOf and oneOf are explained by the branch that was meant."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import cimkit

SHAPES = [
    {"title": "Circle", "properties": {"kind": {"const": "circle"}, "r": {"minimum": 0}}, "required": ["kind", "r"]},
    {"title": "Square", "properties": {"kind": {"const": "square"}, "a": {"minimum": 0}}, "required": ["kind", "a"]},
]


def said(tmp_path: Path, schema: Any, value: Any, lang: str = "en", engine: str = "auto") -> list[str]:
    path = tmp_path / "t.jsonl"
    path.write_text(json.dumps({"v": value}) + "\n", encoding="utf-8")
    report = cimkit.check(path, schema={"$id": "urn:t:t", "properties": {"v": schema}}, lang=lang, engine=engine)
    return [finding.message for finding in report.findings]


@pytest.mark.parametrize("engine", ["auto", "record"])
@pytest.mark.parametrize(
    ("value", "nearest"),
    [
        ({"kind": "circle", "r": -1}, "form 1 of 2 (Circle): r is -1, but must be at least 0."),
        ({"kind": "square"}, "form 2 of 2 (Square): a is missing."),
        ({"kind": "square", "a": -2, "r": -1}, "form 2 of 2 (Square): a is -2, but must be at least 0."),
    ],
)
def test_the_telling_member_chooses_the_branch(tmp_path: Path, value: Any, nearest: str, engine: str) -> None:
    (message,) = said(tmp_path, {"oneOf": SHAPES}, value, engine=engine)
    assert message.endswith(f"The nearest is {nearest}")


def test_the_right_type_is_nearer_than_fewer_problems(tmp_path: Path) -> None:
    schema = {"anyOf": [{"type": "integer"}, {"type": "string", "minLength": 3, "pattern": "^x"}]}
    (message,) = said(tmp_path, schema, "ab")
    assert "form 2 of 2" in message
    assert "shorter than 3 characters" in message


def test_a_form_that_nothing_fits_is_never_the_nearest(tmp_path: Path) -> None:
    (message,) = said(tmp_path, {"anyOf": [False, {"type": "integer", "maximum": 3}]}, "x")
    assert "form 2 of 2" in message


def test_a_constant_tells_from_deep_inside(tmp_path: Path) -> None:
    forms = [
        {"properties": {"geometry": {"properties": {"type": {"const": "Point"}}}}},
        {
            "properties": {
                "geometry": {"properties": {"type": {"const": "Line"}, "at": {"minItems": 2, "contains": {}}}}
            }
        },
    ]
    (message,) = said(tmp_path, {"anyOf": forms}, {"geometry": {"type": "Line", "at": []}})
    assert "form 2 of 2" in message


def test_alternatives_inside_alternatives_are_led_to_their_own(tmp_path: Path) -> None:
    schema = {"anyOf": [{"oneOf": [{"type": "integer", "maximum": 3}, {"type": "boolean"}]}, {"type": "array"}]}
    (message,) = said(tmp_path, schema, 7)
    assert "at most 3" in message


def test_several_forms_at_once_have_no_nearest(tmp_path: Path) -> None:
    (message,) = said(tmp_path, {"oneOf": [{"minimum": 1}, {"maximum": 9}]}, 5)
    assert "nearest" not in message


def test_in_chinese(tmp_path: Path) -> None:
    (message,) = said(tmp_path, {"oneOf": SHAPES}, {"kind": "square"}, lang="zh")
    assert message.endswith("最接近的是第 2 种形式“Square”（共 2 种）：缺少a。")


def test_many_problems_are_cut(tmp_path: Path) -> None:
    names = [f"m{i}" for i in range(9)]
    (message,) = said(tmp_path, {"anyOf": [{"required": names}]}, {})
    assert message.endswith("m2 is missing. … and 6 more.")
