"""The report as a page: what it says, in both languages; that it is one file, whole, small and the same every time."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from html_reports import NAMES, facts, finding, own_words, passing, report, rule, tags, whole
from lxml import html as lxml_html

from cimkit import report as reports
from cimkit.check.codes import CODES
from cimkit.messages.values import VALUES
from cimkit.model import CheckedLayer, CheckedSource, Coverage, Evidence, Report, RuleCoverage, Skipped
from cimkit.report.html.how_known import in_chinese
from cimkit.report.html.wording import PHRASES

CHINESE = re.compile(r"[\u4e00-\u9fff]")
LATIN = re.compile(r"[A-Za-z]{2,}")


def page(of: Report, lang: str = "en") -> str:
    return reports.render(of, "html", lang)


def text(of: Report | str, lang: str = "en") -> str:
    """What a reader sees, in one line."""
    tree = lxml_html.fromstring(of if isinstance(of, str) else page(of, lang))
    other = "zh" if lang == "en" else "en"
    for element in tree.xpath(f"//*[contains(@class, '{other}')][@lang] | //script | //style | //template"):
        element.drop_tree()
    return " ".join(tree.text_content().split())


def data(of: Report) -> Any:
    return json.loads(lxml_html.fromstring(page(of)).get_element_by_id("data").text)


# what it says


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_the_verdict_and_what_it_is_about(lang: str) -> None:
    said = text(whole(), lang)
    words = {
        "en": ["Does not pass", "900 of 1,000 records in 1 file were held against cim-core 0.1.0",
               "1 file could not be read", "1 rule could not be decided", "not fulfilled", "not fully checked"],
        "zh": ["不通过", "以 cim-core 0.1.0 检查了 1 个文件，共 1,000 条记录中的 900 条", "1 个文件无法读取",
               "1 条规则未能判定", "不符合", "未完全检查"],
    }  # fmt: skip
    for each in (*words[lang], "sha256:" + "0f" * 32, "603", "EPSG:4490", "buildings", "building.parcel_code#ref"):
        assert each in said, each
    good = text(passing(), lang)
    assert ("Passes" if lang == "en" else "通过") in good
    assert ("No rule is broken." if lang == "en" else "没有违反任何规则。") in good


def test_the_three_worst_come_before_everything_else() -> None:
    tree = lxml_html.fromstring(page(whole()))
    worst = [" ".join(each.text_content().split()) for each in tree.xpath("//ol[@class='worst']/li")]
    assert len(worst) == 3
    assert "File that cannot be read" in worst[0] and "1 of 3 files, 33.3 %" in worst[0]
    assert "Number too small" in worst[1] and "600 of 1,000 records in the layer building, 60.0 %" in worst[1]
    assert "高度为 -3。" in worst[1] and "row 0" in worst[1]
    assert "Areas overlap" in worst[2]


def test_a_rule_says_all_that_is_known_of_it() -> None:
    said = text(whole())
    for each in (
        "600 of 1,000 records (60.0 %)", "4 known from the baseline", "2 exempted",
        "/properties/height_m/exclusiveMinimum",
        "measure 16: number of items not in conformance with their value domain", "tolerance_m2 = 0.5",
        "Look at the unit first", "60 of 600 stand in this page.", "survey/buildings.shp", "cell C2", "fid 0", "id B0",
        "请核对单位。", "0000000000000000", "旧楼", "2027-01-01", "No example was stored.",
    ):  # fmt: skip
        assert each in said, each


def test_examples_beyond_the_first_are_in_the_data() -> None:
    found = data(whole())
    assert len(found["findings"]) == 64
    assert [each["rule"] for each in found["rules"]][:2] == ["source.unreadable", "building.height_m#exclusiveMinimum"]
    assert found["findings"][5] == {
        "r": 1, "s": 0, "l": "buildings", "w": "4", "c": "C6", "f": "4", "i": "B4", "d": "高度",
        "v": "-3", "m": "高度为 -3。",
        "h": "请核对单位。", "k": f"{4:016x}", "p": [116.39, 39.85],
    }  # fmt: skip
    shown = [int(n) for n in re.findall(r'data-finding="(\d+)"', page(whole()))]
    assert shown == [0, 1, 2, 3, 61, 62, 63]


def test_an_empty_delivery_is_not_praised() -> None:
    empty = report(
        [rule("building.id#required", "required", 0, checked=0)],
        sources=(CheckedSource("a.csv", "0", "CSV", (CheckedLayer("a", "building", 0, facts(None, 0)),)),),
        coverage=Coverage(0, 0, RuleCoverage(1)),
    )
    assert "There was not a single record to check." in text(empty)
    assert "没有任何可供检查的记录。" in text(empty, "zh")


def test_nothing_could_be_read_at_all() -> None:
    broken = report(
        [rule("source.unreadable", "source.unreadable", 2, layer="", field=None, level="L0", checked=2)],
        [finding("source.unreadable", "source.unreadable", None, "…", source="x.shp", layer="", field=None)],
        sources=(),
        coverage=Coverage(0, 0, RuleCoverage()),
    )
    said = text(broken)
    assert "2 files could not be read." in said and "No layer could be read." in said
    assert "None of the findings has a place on a map." in said


def test_a_standard_with_a_title_in_one_language_alone() -> None:
    one = whole().classes[0]
    said = text(replace(whole(), classes=(replace(one, title={"de": "Kern"}), replace(one, title={}, id="core"))))
    assert "Kern" in said and "core" in said


def test_a_plain_schema_has_no_version() -> None:
    of = replace(passing(), against={"schema": {"id": "urn:x", "digest": "sha256:1"}})
    assert "held against urn:x." in text(of) and "Schema · urn:x" in text(of)


@pytest.mark.parametrize("count", [0, 1, 999, 1000])
def test_shares_are_never_rounded_to_none_or_all(count: int) -> None:
    from cimkit.report.html.charts import percent

    assert percent(count / 1_000_000 if count else 0) == (
        "0.0 %" if not count else "<0.1 %" if count < 500 else "0.1 %"
    )
    assert percent(1.0) == "100.0 %" and percent(0.99999) == ">99.9 %"


# both languages


def test_every_phrase_is_in_both_languages() -> None:
    for key, (en, zh) in PHRASES.items():
        assert not CHINESE.search(en), key
        names = set(re.findall(r"\{(\w+)\}", en))
        assert names == set(re.findall(r"\{(\w+)\}", zh)) or key.endswith(".one"), key
        left = LATIN.sub(lambda word: "" if NAMES.fullmatch(word[0]) else word[0], re.sub(r"\{\w+\}", "", zh))
        assert not LATIN.search(NAMES.sub("", left)), (key, left)


def test_every_phrase_is_used() -> None:
    folder = Path(reports.__file__).parent / "html"
    written = "".join(path.read_text("utf-8") for path in [*folder.glob("*.py"), *folder.glob("templates/*")])
    written = written.replace((folder / "wording.py").read_text("utf-8"), "")
    made = {"class_pass", "class_fail", "class_unchecked", "errors", "warnings", "infos", "pass", "fail"}
    made |= {f"L{level}" for level in range(6)}
    made |= {f"by_{each}" for each in ("severity", "failed", "share", "name", "layer")} | {"error", "warning", "info"}
    unused = [key for key in PHRASES if not re.search(rf"""["']{key.removesuffix(".one")}["']""", written)]
    assert set(unused) - made - {f"{key}.one" for key in made} == set()


def test_the_chinese_page_speaks_chinese_and_the_english_one_english() -> None:
    for of in (whole(), passing()):
        assert LATIN.findall(NAMES.sub("", own_words(page(of, "zh"), "zh"))) == []
        assert CHINESE.findall(own_words(page(of, "en"), "en")) == []


@pytest.mark.parametrize("code", sorted({*CODES, *VALUES}))
def test_every_kind_of_finding_is_told_in_both(code: str) -> None:
    of = report([rule("building.x", code, 3)], [finding("building.x", code, 1)])
    assert (
        LATIN.findall(
            NAMES.sub(
                "",
                re.sub(
                    r"GCJ-02|crosswalk|GeoPackage|Shapefile|cimkit \w+|2024\S+|translate|identify|\.prj|\.sh[px]|\.dbf",
                    "",
                    own_words(page(of, "zh"), "zh"),
                ),
            )
        )
        == []
    )
    assert CHINESE.findall(own_words(page(of, "en"), "en").replace("无", "")) == []


def test_how_a_fact_is_known_is_translated_or_left_as_said() -> None:
    assert in_chinese("declared as GBK, borne out by strict UTF-8: 3 values with non-ASCII characters") == (
        "声明为 GBK，且3 个非 ASCII 值均为合法 UTF-8"
    )
    assert in_chinese(
        "99% common characters in GB18030: 1 value with non-ASCII characters, against the declared UTF-8"
    ) == ("1 个非 ASCII 值按 GB18030 解读，常用字占 99%，与声明的 UTF-8 不符")
    assert in_chinese("gpkg_spatial_ref_sys") == "gpkg_spatial_ref_sys"
    assert in_chinese("who knows what this is") is None
    odd = Evidence("EPSG:4490", "who knows what this is", 0.5)
    layer = CheckedLayer("a", "building", 1, replace(facts(), crs=odd))
    of = report([rule("building.a", "type", 1)], sources=(CheckedSource("a.shp", "0", "ESRI Shapefile", (layer,)),))
    assert "who knows what this is" in text(of, "zh")
    assert "who knows" not in own_words(page(of, "zh"), "zh")


# one file


@pytest.mark.parametrize("of", [whole(), passing()], ids=["whole", "passing"])
@pytest.mark.parametrize("lang", ["en", "zh"])
def test_the_page_is_well_formed(of: Report, lang: str) -> None:
    found = tags(page(of, lang))
    assert found.faults == []
    assert len(set(found.ids)) == len(found.ids)
    anchors = {value[1:] for tag, name, value in found.attributes if name == "href" and value.startswith("#")}
    assert anchors <= set(found.ids)
    labelled = {value for _, name, value in found.attributes if name == "aria-labelledby"}
    assert labelled <= set(found.ids)


def test_nothing_is_loaded_from_anywhere() -> None:
    written = page(whole())
    found = tags(written)
    for tag, name, value in found.attributes:
        if name in ("src", "href", "action", "formaction", "poster", "data", "srcset", "xlink:href"):
            assert value.startswith("#") or (tag == "link" and value == "data:,"), (tag, name, value)
        assert name != "style" and not name.startswith("on"), (tag, name)
    assert not re.search(r"url\(|@import|//[a-z]", "".join(re.findall(r"<style>(.*?)</style>", written, re.DOTALL)))
    assert set(re.findall(r"https?://[^\s\"'<]+", written)) == {"http://www.w3.org/2000/svg"}
    assert not re.search(
        r"fetch\(|XMLHttpRequest|import\(|eval\(|new Function|innerHTML|insertAdjacent|document\.write", written
    )


def test_the_policy_names_the_page_s_own_script_and_styles_and_nothing_else() -> None:
    written = page(whole())
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', written)
    assert policy
    allowed = policy[1].replace("&#39;", "'")
    assert "default-src 'none'" in allowed and "unsafe" not in allowed
    for element in (r"<style>(.*?)</style>", r"<script>(.*?)</script>"):
        (content,) = re.findall(element, written, re.DOTALL)
        assert base64.b64encode(hashlib.sha256(content.encode()).digest()).decode() in allowed


def test_two_pages_of_one_report_are_the_same(tmp_path: Path) -> None:
    for name in ("a.html", "b.html"):
        reports.write(whole(), tmp_path / name, "zh")
    assert (tmp_path / "a.html").read_bytes() == (tmp_path / "b.html").read_bytes() == page(whole(), "zh").encode()
    script = "import sys; sys.path.insert(0, sys.argv[1]); from html_reports import whole; from cimkit import report; "
    script += "sys.stdout.buffer.write(report.render(whole(), 'html', 'zh').encode())"
    for seed in ("1", "2"):
        made = subprocess.run(
            [sys.executable, "-c", script, str(Path(__file__).parent)],
            env={"PYTHONHASHSEED": seed, "PATH": ""}, capture_output=True, check=True,
        )  # fmt: skip
        assert made.stdout == (tmp_path / "a.html").read_bytes()


def test_a_page_stays_small_however_much_is_wrong() -> None:
    long = "长" * 10_000
    rules = [rule(f"building.f{n}", "type", 10**6, checked=10**6, parameters={"expected": long}) for n in range(500)]
    findings = [
        finding(f"building.f{n}", "type", row, long, value=long, hint=long, id=str(row), fingerprint="f" * 16)
        for n in range(500)
        for row in range(20)
    ]
    skipped = tuple(Skipped(f"building.s{n}", long) for n in range(5000))
    of = report(rules, findings, coverage=Coverage(10**6, 10**6, RuleCoverage(500, 0, skipped)))
    written = page(of)
    assert len(written.encode()) < 3_000_000
    said = text(written)
    assert "350 more broken rules are in the other formats of this report." in said
    assert "… and 4,800 more" in said
    assert re.search(r"\d+ of 1,000,000 stand in this page\.", said)


def test_a_million_stored_findings_are_drawn_in_seconds() -> None:
    import time

    one = finding("building.f", "type", 5, "x", point=(116.4, 39.9))
    of = report([rule("building.f", "type", 300_000)], [one] * 300_000)
    start = time.process_time()
    written = page(of)
    assert time.process_time() - start < 5
    assert len(written.encode()) < 3_000_000
    assert "4,000 of 300,000 stand in this page." in text(written)


def test_starting_cimkit_does_not_import_jinja() -> None:
    script = (
        "import sys; import cimkit.cli, cimkit.report; sys.exit('jinja2' in sys.modules or 'markupsafe' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0


def _luminance(colour: str) -> float:
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def test_text_can_be_read_in_both_schemes() -> None:
    """WCAG 2.2, 1.4.3 (text, 4.5 to 1) and 1.4.11 (marks, 3 to 1)."""
    style = (Path(reports.__file__).parent / "html/templates/style.css").read_text("utf-8")
    colours: dict[str, str] = {}
    blocks = re.findall(r":root \{(.*?)\}", style, re.DOTALL)
    assert len(blocks) == 3
    for block in blocks:  # light; dark; paper, which begins from either
        colours |= dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6})", re.sub(r"#(\w)(\w)(\w);", r"#\1\1\2\2\3\3;", block)))

        def contrast(one: str, other: str, known: dict[str, str] = colours) -> float:
            values = sorted((_luminance(known[one]), _luminance(known[other])))
            return (values[1] + 0.05) / (values[0] + 0.05)

        for back in ("paper", "card", "wash"):
            for front in ("ink", "soft", "error", "warning", "info", "pass", "link"):
                assert contrast(front, back) >= 4.5, (front, back)
        assert contrast("on-fill", "error-fill") >= 4.5
        for fill in ("error-fill", "warning-fill", "info-fill"):
            assert contrast(fill, "card") >= 3, fill


# real data


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_the_sample_city_makes_a_page(root: Path, lang: str) -> None:
    import cimkit

    found = cimkit.check(
        root / "sample_data/districts/districts_roads.gpkg",
        standard="cim-core",
        layer="roads",
        crosswalk=root / "pipelines/demo/roads-to-road-centerline.yaml",
        lang=lang,
    )
    written = page(found, lang)
    assert tags(written).faults == []
    assert LATIN.findall(NAMES.sub("", own_words(page(found, "zh"), "zh"))) == []
    assert len(written.encode()) < 1_000_000
    for broken in (each for each in found.rules if each.failed):
        assert broken.rule in text(written, lang)


@pytest.mark.shared
@pytest.mark.parametrize(
    ("file", "layer"),
    [("alexandria_va/buildings.geojson", "building"), ("china_admin/provinces.csv", "admin_division")],
)
def test_real_files_make_a_page(shared: Path, file: str, layer: str) -> None:
    import cimkit

    found = cimkit.check(shared / "data" / file, standard=f"cim-core/{layer}")
    written = page(found)
    assert tags(written).faults == []
    assert f"{found.totals['error']:,}" in text(written)
    assert ('id="chart-map"' in written) is any(each.point for each in found.findings)
