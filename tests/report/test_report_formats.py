"""Reports as text, JSON and annotations: right at 80 columns, in both languages, the same every time."""

from __future__ import annotations

import json
import re
from pathlib import Path
from string import Formatter

import jsonschema
import pytest
from report_samples import failing, passing
from rich.cells import cell_len

from cimkit import report as reports
from cimkit.errors import SourceError, UsageError
from cimkit.messages import TEMPLATES, say, shown


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_text_fits_80_columns_of_a_terminal(lang: str) -> None:
    for report in (failing(), passing()):
        lines = reports.render(report, "text", lang).splitlines()
        assert max(map(cell_len, lines)) <= 80
        assert all(line == line.rstrip() for line in lines)


def test_the_verdict_comes_first_and_the_worst_next() -> None:
    text = reports.render(failing(), "text", "en")
    assert text.startswith("FAIL  against cim-core 0.1.0\n  1,247 errors · 501 warnings\n")
    worst = re.findall(r"^  [123]\. (\S+)", text, re.MULTILINE)
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
    for report in (failing(), passing()):
        document = json.loads(reports.render(report, "json", "en"))
        jsonschema.validate(document, schema)
        assert document == json.loads(json.dumps(report.to_dict()))


def test_annotations() -> None:
    lines = reports.render(failing(), "github", "en").splitlines()
    assert len(lines) == 5
    assert lines[0].startswith("::error file=survey/建筑 2024/buildings.shp,title=building.height_m#exclusiveMinimum::")
    assert "[1,234 of 2,000 records]" in lines[0]
    assert [line.split(" ")[0] for line in lines] == ["::error", "::error", "::warning", "::warning", "::notice"]
    assert "100 %25 of 3%0Afloors" in lines[2]
    assert lines[-1] == "::notice title=cimkit::FAIL: 1,247 errors, 501 warnings, 0 remarks"


@pytest.mark.parametrize("format", sorted(reports.FORMATS))
@pytest.mark.parametrize("lang", ["en", "zh"])
def test_two_renderings_are_the_same(format: str, lang: str) -> None:
    assert reports.render(failing(), format, lang) == reports.render(failing(), format, lang)


def test_a_report_is_written_by_its_suffix(tmp_path: Path) -> None:
    for name, format in (("r.json", "json"), ("R.TXT", "text")):
        reports.write(failing(), tmp_path / name, "zh")
        assert (tmp_path / name).read_text("utf-8") == reports.render(failing(), format, "zh")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["R.TXT", "r.json"]


def test_what_cannot_be_written(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"\.jsn") as error:
        reports.writable(tmp_path / "r.jsn")
    assert error.value.hint == "Did you mean '.json'?"
    with pytest.raises(UsageError, match="no folder"):
        reports.writable(tmp_path / "nowhere" / "r.json")
    with pytest.raises(UsageError, match="no report format 'jsn'"):
        reports.render(passing(), "jsn")
    (tmp_path / "folder.json").mkdir()
    with pytest.raises(SourceError, match="cannot be written"):
        reports.write(passing(), tmp_path / "folder.json")
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
    assert re.search(r"[\u4e00-\u9fff]", chinese)
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
