"""Baselines, suppressions and the fingerprints they go by."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_check_submission import deliver, make_standard

import cimkit
from cimkit.errors import UsageError
from cimkit.model import Report

SCHEMA = {"$id": "urn:t:thing", "required": ["name"], "properties": {"n": {"maximum": 5}, "name": {"type": "string"}}}
CLOCK = "2026-06-01T00:00:00Z"


def jsonl(path: Path, records: list[dict[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(record) + "\n" for record in records), encoding="utf-8")
    return path


def failed(report: Report) -> dict[str, tuple[int, int, int]]:
    return {
        rule.rule: (rule.failed, rule.known, rule.suppressed)
        for rule in report.rules
        if rule.failed or rule.known or rule.suppressed
    }


RECORDS = [{"n": 9, "name": "a"}, {"n": 1, "name": "b"}, {"n": 8}, {"n": 7, "name": "c"}]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "cannot be read"),
        ("{", "is not JSON"),
        ("[]", "no baseline"),
        ('{"baseline": 2, "findings": {}}', "no baseline of this version"),
        ('{"baseline": 1, "findings": {"a b": [1]}}', "damaged: the fingerprints of 'a b'"),
        ('{"baseline": 1, "findings": {"a b": ["0123456789abcde"]}}', "damaged"),
        ('{"baseline": 1, "findings": {"a b": 7}}', "damaged"),
    ],
)
def test_what_is_no_baseline_is_refused(tmp_path: Path, content: str | None, said: str) -> None:
    path = tmp_path / "b.json"
    if content is not None:
        path.write_text(content, encoding="utf-8")
    with pytest.raises(UsageError, match=said):
        cimkit.check(jsonl(tmp_path / "t.jsonl", RECORDS), schema=SCHEMA, baseline=path)


def test_a_baseline_takes_out_what_was_there_and_nothing_else(tmp_path: Path) -> None:
    data, baseline = jsonl(tmp_path / "t.jsonl", RECORDS), tmp_path / "b.json"
    first = cimkit.check(data, schema=SCHEMA, write_baseline=baseline, samples=1)
    assert failed(first) == {"thing.name#required": (1, 0, 0), "thing.n#maximum": (3, 0, 0)}
    again = cimkit.check(data, schema=SCHEMA, baseline=baseline)
    assert again.verdict == "pass"
    assert not again.findings
    assert failed(again) == {"thing.name#required": (0, 1, 0), "thing.n#maximum": (0, 3, 0)}

    jsonl(data, [{"n": 6, "name": "new"}, *RECORDS])
    new = cimkit.check(data, schema=SCHEMA, baseline=baseline, samples=1)
    assert failed(new) == {"thing.name#required": (0, 1, 0), "thing.n#maximum": (1, 3, 0)}
    assert [(f.row, f.value) for f in new.findings] == [(0, 6)]
    assert new.totals["error"] == 1


def test_the_same_failure_once_more_is_new(tmp_path: Path) -> None:
    data, baseline = jsonl(tmp_path / "t.jsonl", RECORDS), tmp_path / "b.json"
    cimkit.check(data, schema=SCHEMA, write_baseline=baseline)
    jsonl(data, [*RECORDS, RECORDS[0]])
    assert failed(cimkit.check(data, schema=SCHEMA, baseline=baseline))["thing.n#maximum"] == (1, 3, 0)


def test_a_finding_about_a_whole_layer_is_known_too(tmp_path: Path) -> None:
    data, baseline = tmp_path / "t.csv", tmp_path / "b.json"
    data.write_text("id,WKT\n1,POINT (1 1)\n", encoding="utf-8")
    standard = {"standard": "cim-core/facility_poi"}
    first = cimkit.check(data, **standard, write_baseline=baseline)
    assert "crs.missing" in {finding.code for finding in first.findings}
    assert all(finding.fingerprint for finding in first.findings)
    (tmp_path / "moved").mkdir()
    moved = data.rename(tmp_path / "moved" / "t.csv")
    assert cimkit.check(moved, **standard, baseline=baseline).totals == {"error": 0, "warning": 0, "info": 0}


@given(seed=st.integers(0, 10_000), more=st.lists(st.integers(0, 5), max_size=4))
def test_order_and_good_records_do_not_matter(
    tmp_path_factory: pytest.TempPathFactory, seed: int, more: list[int]
) -> None:
    folder = tmp_path_factory.mktemp("order")
    baseline = folder / "b.json"
    cimkit.check(jsonl(folder / "t.jsonl", RECORDS), schema=SCHEMA, write_baseline=baseline)
    shuffled = [*RECORDS, *({"n": n, "name": "good"} for n in more)]
    random.Random(seed).shuffle(shuffled)
    report = cimkit.check(jsonl(folder / "t.jsonl", shuffled), schema=SCHEMA, baseline=baseline)
    assert report.verdict == "pass"


def test_a_key_is_the_fingerprint_whatever_else_changes(tmp_path: Path) -> None:
    def poi(**more: Any) -> Report:
        record = {"id": "P-1", "name": "x", **more}
        feature = {"type": "Feature", "properties": record, "geometry": {"type": "Point", "coordinates": [1, 1]}}
        path = tmp_path / "poi.geojson"
        path.write_text(json.dumps({"type": "FeatureCollection", "features": [feature]}), encoding="utf-8")
        return cimkit.check(path, standard="cim-core/facility_poi")

    def prints(report: Report) -> set[str | None]:
        return {f.fingerprint for f in report.findings if f.code == "required"}

    assert prints(poi()) == prints(poi(name="another"))


def test_columns_may_change_places(tmp_path: Path) -> None:
    data, baseline = tmp_path / "t.csv", tmp_path / "b.json"
    data.write_text("n,name\n9,a\n7,b\n", encoding="utf-8")
    schema = {"$id": "urn:t:thing", "properties": {"n": {"type": "integer", "maximum": 5}}}
    assert cimkit.check(data, schema=schema, write_baseline=baseline).verdict == "fail"
    data.write_text("name,n\nb,7\na,9\n", encoding="utf-8")
    assert cimkit.check(data, schema=schema, baseline=baseline).verdict == "pass"


def test_a_baseline_is_shared_by_all_files(tmp_path: Path) -> None:
    files, baseline = [jsonl(tmp_path / name, RECORDS) for name in ("a.jsonl", "b.jsonl")], tmp_path / "b.json"
    cimkit.check(files[0], schema=SCHEMA, write_baseline=baseline)
    both = cimkit.check(files, schema=SCHEMA, baseline=baseline)
    assert failed(both) == {"thing.name#required": (1, 1, 0), "thing.n#maximum": (3, 3, 0)}
    assert {Path(f.source).name for f in both.findings} == {"b.jsonl"}


def test_the_fingerprints_of_a_report_are_those_of_the_baseline(tmp_path: Path) -> None:
    data, baseline = jsonl(tmp_path / "t.jsonl", RECORDS * 300), tmp_path / "b.json"
    report = cimkit.check(data, schema=SCHEMA, write_baseline=baseline, samples=None)
    findings = json.loads(baseline.read_text("utf-8"))["findings"]
    assert sorted(f.fingerprint or "" for f in report.findings if f.code == "maximum") == " ".join(
        findings["thing.n#maximum maximum"]
    ).split(" ")


@pytest.mark.parametrize("name", ["rejects", "write_baseline", "data_docs"])
def test_nothing_is_written_over_what_is_read(tmp_path: Path, name: str) -> None:
    data = jsonl(tmp_path / "t.jsonl", RECORDS).rename(tmp_path / "t.parquet")
    link = tmp_path / "link.parquet"
    link.symlink_to(data)
    before = data.read_bytes()
    for target in (data, link):
        with pytest.raises(UsageError, match="written over"):
            cimkit.check(data, schema=SCHEMA, **{name: target})
    with pytest.raises(UsageError, match="no folder"):
        cimkit.check(data, schema=SCHEMA, **{name: tmp_path / "missing" / "x.parquet"})
    assert data.read_bytes() == before


def test_files_beyond_the_samples_are_known_too(tmp_path: Path) -> None:
    files = {f"strange{number}.txt": "x" for number in range(5)}
    folder = deliver(tmp_path / "delivery", {**files, "roads/main.csv": "id,lanes\nr1,2\n"})
    package, baseline = make_standard(tmp_path / "standard"), tmp_path / "b.json"
    first = cimkit.check(folder, standard=package, write_baseline=baseline, samples=2)
    assert any(rule.failed == 5 for rule in first.rules if rule.code == "source.unexpected")
    assert len([f for f in first.findings if f.code == "source.unexpected"]) == 2
    assert [each.verdict for each in first.classes] == ["fail"]
    again = cimkit.check(folder, standard=package, baseline=baseline, samples=0)
    assert [each.verdict for each in again.classes] == ["pass"]
    assert again.totals == {"error": 0, "warning": 0, "info": 0}


# ---- suppressions -----------------------------------------------------------------------------


def suppressions(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize(
    "text",
    [
        "- {rule: 'thing.n#*', until: 2026-12-31}",
        "- {rule: 'thing.n#*', reason: known}",
        "- {rule: 'thing.n#*', reason: known, until: 2026-02-31}",
        "- {rule: 'thing.n#*', reason: known, until: soon}",
        "- {rule: 'thing.n#*', reason: known, until: 2026-12-31, because: x}",
        "rule: x",
    ],
)
def test_a_suppression_says_why_and_until_when(tmp_path: Path, text: str) -> None:
    with pytest.raises(UsageError):
        cimkit.check(
            jsonl(tmp_path / "t.jsonl", RECORDS), schema=SCHEMA, suppressions=suppressions(tmp_path / "s.yaml", text)
        )


def test_what_is_suppressed_does_not_count_and_is_told(tmp_path: Path) -> None:
    path = suppressions(tmp_path / "s.yaml", "- {rule: 'thing.n#*', reason: old meters, until: 2026-06-01}")
    data = jsonl(tmp_path / "t.jsonl", RECORDS)
    report = cimkit.check(data, schema=SCHEMA, suppressions=path, clock=CLOCK)
    assert failed(report) == {"thing.name#required": (1, 0, 0), "thing.n#maximum": (0, 0, 3)}
    told = report.coverage.suppressed
    assert [(s.rule, s.reason, s.until, s.failures) for s in told] == [("thing.n#*", "old meters", "2026-06-01", 3)]


def test_a_suppression_ends(tmp_path: Path) -> None:
    path = suppressions(tmp_path / "s.yaml", "- {rule: 'thing.n#*', reason: old meters, until: 2026-05-31}")
    report = cimkit.check(jsonl(tmp_path / "t.jsonl", RECORDS), schema=SCHEMA, suppressions=path, clock=CLOCK)
    assert failed(report)["thing.n#maximum"] == (3, 0, 0)
    (expired,) = (f for f in report.findings if f.code == "suppression.expired")
    assert expired.severity == "warning"
    assert "2026-05-31" in expired.message


def test_a_suppression_of_one_finding_leaves_the_others(tmp_path: Path) -> None:
    data = jsonl(tmp_path / "t.jsonl", RECORDS)
    found = cimkit.check(data, schema=SCHEMA).findings
    one = next(f.fingerprint for f in found if f.value == 8)
    entry = f"- {{rule: 'thing.n#maximum', reason: one, until: 2026-12-31, ids: [{one}]}}"
    path = suppressions(tmp_path / "s.yaml", entry)
    report = cimkit.check(data, schema=SCHEMA, suppressions=path, clock=CLOCK)
    assert failed(report)["thing.n#maximum"] == (2, 0, 1)
    assert [f.value for f in report.findings if f.code == "maximum"] == [9, 7]


def test_brackets_in_addresses_and_names_are_brackets(tmp_path: Path) -> None:
    schema = {"$id": "urn:t:thing", "properties": {"tags": {"items": {"maxLength": 1}}}}
    data = jsonl(tmp_path / "t[1].jsonl", [{"tags": ["ab"]}])
    text = "- {rule: 'thing.tags[]#maxLength', reason: old, until: 2026-12-31, source: 't[1].jsonl'}"
    report = cimkit.check(data, schema=schema, suppressions=suppressions(tmp_path / "s.yaml", text), clock=CLOCK)
    assert failed(report) == {"thing.tags[]#maxLength": (0, 0, 1)}


def test_a_key_may_be_a_number(tmp_path: Path) -> None:
    data = tmp_path / "t.csv"
    data.write_text("id,WKT\n17,POINT (1 1)\n18,POINT (2 2)\n", encoding="utf-8")
    path = suppressions(tmp_path / "s.yaml", "- {rule: '*#required', reason: old, until: 2026-12-31, ids: [17]}")
    report = cimkit.check(data, standard="cim-core/facility_poi", suppressions=path, clock=CLOCK)
    assert {counts for rule, counts in failed(report).items() if rule.endswith("#required")} == {(1, 0, 1)}


def test_a_suppression_may_speak_of_one_file(tmp_path: Path) -> None:
    files = [jsonl(tmp_path / name, RECORDS) for name in ("ab.jsonl", "b.jsonl")]
    path = suppressions(tmp_path / "s.yaml", "- {rule: '*', reason: old, until: 2026-12-31, source: 'b.jsonl'}")
    report = cimkit.check(files, schema=SCHEMA, suppressions=path, clock=CLOCK)
    assert failed(report) == {"thing.name#required": (1, 0, 1), "thing.n#maximum": (3, 0, 3)}
    assert {Path(f.source).name for f in report.findings} == {"ab.jsonl"}


def test_a_suppressed_failure_is_not_in_the_baseline(tmp_path: Path) -> None:
    path = suppressions(tmp_path / "s.yaml", "- {rule: 'thing.n#*', reason: old meters, until: 2026-06-01}")
    data, baseline = jsonl(tmp_path / "t.jsonl", RECORDS), tmp_path / "b.json"
    cimkit.check(data, schema=SCHEMA, suppressions=path, write_baseline=baseline, clock=CLOCK)
    assert list(json.loads(baseline.read_text("utf-8"))["findings"]) == ["thing.name#required required"]
