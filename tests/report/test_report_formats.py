"""Reports as text, JSON and annotations: right at 80 columns, in both languages, the same every time."""

from __future__ import annotations

import csv
import io
import json
import re
import sqlite3
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from string import Formatter
from xml.etree import ElementTree

import jsonschema
import openpyxl
import pyarrow.parquet as pq
import pytest
from report_samples import failing, hostile, passing
from rich.cells import cell_len

from cimkit import report as reports
from cimkit.errors import UsageError
from cimkit.messages import TEMPLATES, say, shown
from cimkit.model import RuleCoverage, Skipped


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_text_fits_80_columns_of_a_terminal(lang: str) -> None:
    for report in (failing(), passing()):
        lines = reports.render(report, "text", lang).splitlines()
        assert max(map(cell_len, lines)) <= 80
        assert all(line == line.rstrip() for line in lines)


def test_the_verdict_comes_first_and_the_worst_next() -> None:
    text = reports.render(failing(), "text", "en")
    assert text.startswith("FAIL  against cim-core 0.1.0\n  1,247 errors · 501 warnings\n")
    worst = re.findall(r"^  [123]\. .+\n +(\S+)$", text, re.MULTILINE)
    assert worst == ["building.height_m#exclusiveMinimum", "building.geometry#kind", "building.function#codelist"]
    assert "1,234 of 2,000 records" in text
    assert reports.render(passing(), "text", "en").startswith("PASS  against urn:x\n")


def test_every_failing_rule_has_its_exact_count() -> None:
    text = reports.render(failing(), "text", "en")
    table = dict(re.findall(r"^(?:error|warning) +(\S+(?: crs\.\w+)?) +([\d,]+) ", text, re.MULTILINE))
    assert table == {
        "building.height_m#exclusiveMinimum": "1,234",
        "building.geometry#kind": "12",
        "building.function#codelist": "1",
        "building.storey_height": "500",
        "building#crs crs.not_allowed": "1",
    }
    assert "building.parcel_code#ref" in text


def test_examples_stand_at_their_place() -> None:
    text = " ".join(reports.render(failing(), "text", "en", width=200).split())
    assert "建筑 2024/buildings.shp:建筑物[0, 1, 2, 3, 4, 5, 6, 7] JZGD: 高度（JZGD）为 -3，应大于 0。" in text
    assert "… 1,226 more in all" in text
    assert "other/buildings.shp:建筑物[7] 用途|JZGN: function is '[bold]housing[/bold]'" in text
    assert "(Did you mean 'residential'?)" in text


def test_colour_is_only_where_it_is_asked_for() -> None:
    assert "\x1b[" not in reports.render(failing(), "text", "zh")
    coloured = reports.render(failing(), "text", "zh", color=True)
    assert "\x1b[" in coloured
    assert re.sub(r"\x1b\[[\d;]*m", "", coloured).split() == reports.render(failing(), "text", "zh").split()


def test_json_has_its_published_shape(root: Path) -> None:
    schema = json.loads((root / "schemas/report.schema.json").read_text("utf-8"))
    for report in (failing(), passing(), hostile()):
        document = json.loads(reports.render(report, "json", "en"))
        jsonschema.validate(document, schema)
        assert document == json.loads(json.dumps(report.to_dict()))


def test_annotations() -> None:
    lines = reports.render(failing(), "github", "en").splitlines()
    assert len(lines) == 6
    assert lines[0].startswith("::error file=survey/建筑 2024/buildings.shp,title=building.height_m#exclusiveMinimum::")
    assert "[1,234 of 2,000 records]" in lines[0]
    assert [line.split(" ")[0] for line in lines] == ["::error"] * 3 + ["::warning"] * 2 + ["::notice"]
    assert "100 %25 of 3%0Afloors" in lines[3]
    assert lines[-1] == "::notice title=cimkit::FAIL: 1,247 errors, 501 warnings, 0 remarks"


@pytest.mark.parametrize("suffix", sorted(reports.SUFFIXES))
@pytest.mark.parametrize("lang", ["en", "zh"])
def test_two_reports_are_the_same_bytes(suffix: str, lang: str, tmp_path: Path) -> None:
    for number, report in enumerate((failing(), passing(), hostile())):
        for name in ("a", "b"):
            reports.write(report, tmp_path / f"{name}{number}{suffix}", lang)
        assert (tmp_path / f"a{number}{suffix}").read_bytes() == (tmp_path / f"b{number}{suffix}").read_bytes()
    assert len(list(tmp_path.iterdir())) == 6  # and nothing beside them


def test_a_report_is_written_by_its_suffix(tmp_path: Path) -> None:
    for name, format in (("r.json", "json"), ("R.TXT", "text"), ("r.JUnit.xml", "junit"), ("r.xml", "quality")):
        reports.write(failing(), tmp_path / name, "zh")
        assert (tmp_path / name).read_text("utf-8") == reports.render(failing(), format, "zh")
    assert len(list(tmp_path.iterdir())) == 4


def test_the_formats_are_loaded_when_they_are_asked_for() -> None:
    """So that 'cimkit --help' and a check without reports import nothing heavy."""
    code = "import sys, cimkit.report; print([m for m in ('rich', 'lxml', 'pyarrow', 'sqlite3') if m in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


def test_reports_that_cannot_all_be_written(tmp_path: Path) -> None:
    data = tmp_path / "data.csv"
    reports.all_writable([tmp_path / "a.json", tmp_path / "b.json"], kept=[data])
    (tmp_path / "x").mkdir()
    with pytest.raises(UsageError, match="Two reports"):
        reports.all_writable([tmp_path / "a.json", tmp_path / "x" / ".." / "a.json"])
    with pytest.raises(UsageError, match="take the place"):
        reports.all_writable([tmp_path / "data.csv"], kept=[data])
    for name, said in (
        ("r.docx", "Known: .codequality.json, .csv"),
        ("r.sarf", "Did you mean '.sarif'?"),
        ("-", "Known"),
        (".json", ""),
    ):
        with pytest.raises(UsageError, match="no report of the kind") as error:
            reports.all_writable([tmp_path / name])
        assert said in (error.value.hint or "")


def test_what_is_no_text_is_not_rendered() -> None:
    with pytest.raises(UsageError, match="written to a file") as error:
        reports.render(passing(), "gpkg")
    assert error.value.hint == "Try --report r.gpkg."


def test_the_text_says_classes_tolerances_cells_and_what_was_let_pass() -> None:
    text = reports.render(hostile(), "text", "en", width=200)
    assert "not met      core: Core <b>" in text
    assert "not decided  topology: Topology" in text
    assert "met          all: all" in text
    assert "tolerance 0.01" in text
    assert "[C2, C3]" in text
    assert "layer.a#pattern: 3 until 2030-01-01: =known|<i>" in text
    assert "20 failures were there before and do not count" in text
    assert "符合" in reports.render(hostile(), "text", "zh")


def test_many_rules_that_were_not_decided_do_not_hide_the_rest() -> None:
    coverage = replace(
        failing().coverage, rules=RuleCoverage(1, 0, tuple(Skipped(f"a.b{n}#c", "why") for n in range(300)))
    )
    text = reports.render(replace(failing(), coverage=coverage), "text", "en")
    assert text.count("Not decided  a.b") == 20
    assert "… 280 more in all" in text


def test_a_text_of_strangers_does_not_steer_the_terminal() -> None:
    spoken = replace(failing().findings[0], message="a\x1b[2Jb\x07c\r\nd", source="\x1b]0;title\x07", field="\x9b1m")
    text = reports.render(replace(failing(), findings=(spoken,)), "text", "en")
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f]", text)
    assert "a\ufffd[2Jb\ufffdc d" in text


@pytest.mark.parametrize("width", [40, 80, 120])
@pytest.mark.parametrize("lang", ["en", "zh"])
def test_text_fits_any_width(width: int, lang: str) -> None:
    for report in (failing(), passing()):
        assert max(map(cell_len, reports.render(report, "text", lang, width=width).splitlines())) <= width


def test_annotations_know_the_line_of_a_csv_and_speak_of_rules_without_samples() -> None:
    lines = reports.render(hostile(), "github", "en").rstrip("\n").split("\n")
    assert ",line=2," in lines[0]
    assert len(lines) == len(hostile().rules) + 1  # a text of strangers begins no line
    assert all(line.startswith("::") for line in lines)
    bare = replace(failing(), findings=())
    lines = reports.render(bare, "github", "en").splitlines()
    assert len(lines) == 6
    assert lines[0].endswith("::Number too small [1,234 of 2,000 records]")
    assert "file=survey/建筑 2024/buildings.shp" in lines[0]


@pytest.mark.parametrize("format", ["text", "github", "markdown", "html"])
def test_no_name_turns_the_line_round_or_steers_a_terminal(format: str) -> None:
    text = "a\u202egnp.\u2066exe\u200b\x1b[31m\x00\x9b\x07"
    clean, report = failing(), failing()
    named = tuple(replace(found, layer=text, field=text, message=text, hint=text) for found in report.findings)
    skipped = replace(report.coverage.rules, skipped=(Skipped(text, text),))
    hostile_report = replace(report, findings=named, coverage=replace(report.coverage, rules=skipped))
    unseen = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b\u202a-\u202e\u2066-\u2069]")
    assert not unseen.search(reports.render(hostile_report, format, "en"))
    assert "建筑 2024/buildings.shp" in reports.render(clean, format, "en").replace("\\", "").replace("<wbr>", "")


def test_every_format_has_the_same_totals(tmp_path: Path) -> None:
    report = hostile()
    expected = {"error": 14, "warning": 14, "info": 12}
    assert report.totals == expected
    for suffix in reports.SUFFIXES:
        reports.write(report, tmp_path / f"r{suffix}")

    def read(suffix: str) -> str:
        return (tmp_path / f"r{suffix}").read_text(encoding="utf-8-sig")

    assert json.loads(read(".json"))["totals"] == expected
    assert json.loads(read(".sarif"))["runs"][0]["properties"]["totals"] == expected
    said = "14 errors", "14 warnings", "12 remarks"
    for text in (read(".txt"), read(".md"), reports.render(report, "github")):
        assert all(count in text for count in said)
    page = re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", read(".html")))
    assert all(count in page for count in said)
    with sqlite3.connect(tmp_path / "r.gpkg") as con:
        assert dict(con.execute("SELECT severity, sum(failed) FROM rules GROUP BY 1")) == expected
    rules = openpyxl.load_workbook(tmp_path / "r.xlsx")["Rules"]
    head, *rows = rules.iter_rows(values_only=True)
    assert sum(row[head.index("failed")] for row in rows) == sum(expected.values())
    quality = ElementTree.fromstring(read(".xml"))
    records = [each.text for each in quality.iter() if each.tag.endswith("}Record")]
    kinds = [each.text for each in quality.iter() if each.tag.endswith("}RecordType")]
    counted = [int(text or "") for text, kind in zip(records, kinds, strict=True) if kind == "Integer"]
    assert sum(counted) == sum(expected.values())
    stored = len(report.findings)
    assert len(read(".jsonl").splitlines()) >= stored  # a line separator is no end of a record
    assert len(list(csv.reader(io.StringIO(read(".csv"))))) == stored + 1
    assert len(json.loads(read(".geojson"))["features"]) == stored
    assert pq.read_metadata(tmp_path / "r.parquet").num_rows == stored
    failures = [int(suite.get("failures", 0)) for suite in ElementTree.fromstring(read(".junit.xml"))]
    assert sum(failures) == sum(1 for rule in report.rules if rule.failed and rule.severity == "error")


def test_what_does_not_count_is_told_in_every_format_for_people(tmp_path: Path) -> None:
    report = passing()
    quiet = replace(report, rules=(replace(report.rules[0], known=4, suppressed=2),))
    told = "4 failures were there before"
    for format in ("text", "markdown", "junit", "quality"):
        assert told in reports.render(quiet, format), format
        assert told not in reports.render(report, format), format
    assert "2 failures are suppressed" in reports.render(quiet, "junit")
    assert ">4 known from the baseline<" in reports.render(quiet, "html")
    reports.write(quiet, tmp_path / "r.xlsx")
    cells = [cell for sheet in openpyxl.load_workbook(tmp_path / "r.xlsx") for row in sheet.values for cell in row]
    assert any(told in str(cell) for cell in cells)


def test_what_cannot_be_written(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"\.jsn") as error:
        reports.writable(tmp_path / "r.jsn")
    assert error.value.hint == "Did you mean '.json'?"
    with pytest.raises(UsageError, match="no folder"):
        reports.writable(tmp_path / "nowhere" / "r.json")
    with pytest.raises(UsageError, match="no report format 'jsn'"):
        reports.render(passing(), "jsn")
    (tmp_path / "folder.json").mkdir()
    with pytest.raises(UsageError, match="it is a folder"):
        reports.writable(tmp_path / "folder.json")
    with pytest.raises(UsageError) as nameless:
        reports.writable(tmp_path / ".html")
    assert "Known:" in (nameless.value.hint or "")
    assert [path.name for path in tmp_path.iterdir()] == ["folder.json"]


# ---- messages -----------------------------------------------------------------------------

#: What a template may ask for.
VALUES = {
    "label": "Height",
    "value": 3,
    "expected": 5,
    "reason": "Self-intersection",
    "row": 3,
    "source": "a.csv",
    "name": "x",
    "layer": "x",
    "field": "x",
    "kind": "x",
    "why": "x",
    "standard": "x",
    "code": "x",
}


@pytest.mark.parametrize("code", sorted(TEMPLATES))
def test_every_code_speaks_both_languages(code: str) -> None:
    own = {name: "x" for text in TEMPLATES[code] for _, name, _, _ in Formatter().parse(text) if name}
    english, chinese = say(code, "en", **{**own, **VALUES}), say(code, "zh", **{**own, **VALUES})
    assert english and chinese and english != chinese
    assert "{" not in english + chinese
    assert re.search(r"[\u4e00-\u9fff]", chinese) or code.startswith(("word.", "what."))  # parts of a sentence
    assert not re.search(r"[\u4e00-\u9fff]", english)


def test_every_keyword_and_code_has_a_message() -> None:
    from jsonschema import Draft202012Validator

    from cimkit.check.codes import LEVELS, MEASURES
    from cimkit.check.json_schema.sql import KEYWORDS

    structural = {
        "$ref",
        "$dynamicRef",
        "if",
        "allOf",
        "properties",
        "patternProperties",
        "prefixItems",
        "dependentSchemas",
    }
    codes = (Draft202012Validator.VALIDATORS.keys() - structural) | KEYWORDS.keys() | LEVELS.keys() | MEASURES.keys()
    assert codes <= TEMPLATES.keys()


def test_a_rare_keyword_has_a_general_message() -> None:
    assert say("extends", "en", label="x", value=1, expected=2) == "x: 1 does not meet 'extends'."
    assert say("extends", "zh", label="x", value=1, expected=2) == "x：1 不满足“extends”。"


def test_long_values_are_cut_and_line_ends_seen() -> None:
    assert shown("a\nb") == "'a\\nb'"
    assert len(shown("x" * 1000)) == 60
    assert shown(list(range(20))).endswith("… (20)")
    assert shown([{"a": 1}]) == '[{"a": 1}]'
