"""Codes that are valid for some time only, judged at the record's own day."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from check_deliveries import counts, deliver, failures, held, standard_layer

from cimkit.standard import Code, Codelist

CODE = {"type": "string", "cim:codelist": "use"}
TIME = {"type": "string", "format": "date-time"}
DATE = {"type": "string", "format": "date"}


def codelist(*, open: bool = False) -> dict[str, Codelist]:
    codes = [
        Code("always", None, {"en": "Always"}),
        Code("old", None, {"en": "Old"}, "deprecated", None, "2020-01-01", ("new",)),
        Code("new", None, {"en": "New"}, "valid", "2020-01-01"),
        Code("gone", None, {"en": "Gone"}, "deprecated"),
    ]
    known = {code.code: code for code in codes}
    return {"use": Codelist("use", "1", open, known, {"en": "Use"}, "published", "official", "test")}


@pytest.mark.parametrize(
    ("code", "day", "rules"),
    [
        ("old", "2019-12-31T23:59:59+08:00", []),
        # In UTC it still is the year before; on the clock of the place it is not.
        ("old", "2020-01-01T00:00:00+08:00", ["b.use#codelist.not_valid_then"]),
        ("old", None, ["b.use#codelist.deprecated"]),
        ("new", "2019-12-31T23:59:59+08:00", ["b.use#codelist.not_valid_then"]),
        ("new", "2020-01-01T00:00:00+08:00", []),
        ("new", None, []),
        ("always", "1900-01-01T00:00:00Z", []),
        ("gone", "1900-01-01T00:00:00Z", ["b.use#codelist.deprecated"]),
        ("nothing", "2020-01-01T00:00:00Z", ["b.use#codelist"]),
    ],
)
def test_a_code_is_judged_when_the_record_was_last_changed(
    code: str, day: str | None, rules: list[str], tmp_path: Path
) -> None:
    layer = standard_layer(tmp_path, "b", {"use": CODE, "updated_at": TIME, "valid_from": DATE})
    # Since when a thing is so in the world says nothing of when its code was chosen.
    table = {"use": [code], "updated_at": [day], "valid_from": [None if day is None else "2015-01-01"]}
    assert sorted(failures(held(deliver(tmp_path, table, layer, text=True), layer, codelists=codelist()))) == rules


@pytest.mark.parametrize(
    "fields",
    [{"valid_from": DATE}, {"changed": {**TIME, "cim:role": "updated_at"}, "valid_from": DATE}],
)
def test_the_day_is_that_of_the_role_or_else_of_the_beginning(fields: dict[str, Any], tmp_path: Path) -> None:
    layer = standard_layer(tmp_path, "b", {"use": CODE, **fields})
    table = {"use": ["old", "old"], "valid_from": ["2019-01-01", "2021-01-01"]}
    report = held(deliver(tmp_path, table, layer), layer, codelists=codelist())
    assert failures(report) == {"b.use#codelist.not_valid_then": [1]}
    assert counts(report)["b.use#codelist.not_valid_then"] == (2, 1)


@pytest.mark.parametrize(("open", "severity"), [(False, "error"), (True, "warning")])
def test_what_is_said_of_it(open: bool, severity: str, tmp_path: Path) -> None:
    layer = standard_layer(tmp_path, "b", {"use": CODE, "updated_at": TIME})
    mapped = deliver(tmp_path, {"use": ["old"], "updated_at": ["2024-01-01T00:00:00Z"]}, layer)
    (finding,) = held(mapped, layer, codelists=codelist(open=open)).findings
    assert finding.message == "use is 'old', a code of use that was not valid at the time of the record."
    assert finding.hint == "It is valid … – 2020-01-01. Use 'new' instead."
    assert finding.severity == severity
    (zh,) = held(mapped, layer, codelists=codelist(open=open), lang="zh").findings
    assert zh.message == "use为 'old'，是代码表 use 中在该记录时点无效的代码。"


def test_without_a_day_a_layer_has_deprecated_codes_alone(tmp_path: Path) -> None:
    layer = standard_layer(tmp_path, "b", {"use": CODE})
    report = held(deliver(tmp_path, {"use": ["old", "new", "gone"]}, layer), layer, codelists=codelist())
    assert failures(report) == {"b.use#codelist.deprecated": [0, 2]}
    assert counts(report)["b.use#codelist.not_valid_then"] == (0, 0)
