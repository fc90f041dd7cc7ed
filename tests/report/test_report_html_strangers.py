"""File names, values and messages come from strangers: nothing in them becomes markup, runs, or hides."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from html_reports import facts, finding, report, rule, tags
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import html as lxml_html

from cimkit import report as reports
from cimkit.model import (
    CheckedLayer,
    CheckedSource,
    ClassResult,
    Coverage,
    Evidence,
    Field,
    Hint,
    LayerFacts,
    Report,
    RuleCoverage,
    Skipped,
    Suppressed,
)
from cimkit.report.html.strangers import address, seen, value

NASTY = (
    "</script><script>alert(1)</script>",
    "<!--<script>",
    "--><img src=x onerror=alert(1)>",
    "' onmouseover='alert(1)' x='",
    '" autofocus onfocus="alert(1)',
    "</title></style></template></svg><b>",
    "]]><a href='javascript:alert(1)'>",
    "{{ 7 * 7 }}{% raw %}",
    "\u202egnp.exe\u202c \u2066x\u2069 \u200f\u061c",
    "\x00\x07\x1b[31m\x7f\x9f",
    "\ud800 half",
    "\u2028\u2029",
    "שלום مرحبا",
    "&lt;b&gt; &amp;amp; &#60;",
    "长" * 10_000,
    "a" * 10_000,
    "../../etc/passwd",
    "$& $1 \\u003c",
    "",
)


def everywhere(text: str) -> Report:
    """A report in which every text that may be a stranger's is this one."""
    code = f"no.{text}"  # never one that cimkit has words for
    shown = LayerFacts(
        3,
        (Field(text, text, 3),),
        {text: 3},
        (0.0, 0.0, 1.0, 1.0),
        (0.0, 0.0, 1.0, 1.0),
        Evidence(text, f"so said {text}", 0.5),
        Evidence(text, f"so said {text}", 1.0),
        (Hint(text, text),),
    )
    at: dict[str, Any] = {"source": text, "layer": text, "field": text, "id": text, "fid": text, "hint": text}
    return report(
        [
            rule(f"x.{text}", code, 3, layer=text, field=text, checked=9, parameters={text or "p": text}),
            rule(f"y.{text}", "type", 0, layer=text, field=text),
        ],
        [
            finding(f"x.{text}", code, 1, text, value=text, schema_pointer=text, cell=text, fingerprint=text, **at),
            finding(f"x.{text}", code, 2, text, value={text: [text, None]}, point=(0.5, 0.5), **at),
        ],
        cimkit=text,
        against={"standard": {"id": text, "version": text, "digest": text}},
        sources=(CheckedSource(text, text, text, (CheckedLayer(text, text, 3, shown),)),),
        coverage=Coverage(3, 3, RuleCoverage(1, 1, (Skipped(text, text),)), (Suppressed(text, text, text, 1),)),
        classes=(ClassResult(text, {"en": text, "zh": text}, ("L0",), "fail"),),
    )


def structure(page: str) -> list[tuple[str, str]]:
    """The page's elements and their attributes, without what those say."""
    found = tags(page)
    assert found.faults == []
    return [(tag, name) for tag, name, _ in found.attributes]


@pytest.mark.parametrize("text", NASTY, ids=range(len(NASTY)))
@pytest.mark.parametrize("lang", ["en", "zh"])
def test_a_text_never_becomes_markup(text: str, lang: str) -> None:
    page = reports.render(everywhere(text), "html", lang)
    assert page.encode("utf-8")
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]", page)
    # One page has the same elements as that of a harmless text, but for those that an empty one has no need of.
    if text:
        assert structure(page) == structure(reports.render(everywhere("name"), "html", lang))
    data = lxml_html.fromstring(page).get_element_by_id("data").text
    assert not set("<>&\u2028\u2029") & set(data)
    assert json.loads(data)["findings"][0]["m"] == seen(text, 600)


@settings(max_examples=40)
@given(st.text(st.characters(exclude_categories=()), max_size=80))
def test_no_text_at_all_does(text: str) -> None:
    page = reports.render(everywhere(text), "html", "zh")
    page.encode("utf-8")
    if text:
        assert structure(page) == structure(PLAIN)


PLAIN = reports.render(everywhere("name"), "html", "zh")
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@settings(max_examples=40)
@given(JSON, st.floats(allow_nan=True) | st.just(0.0), st.floats(), st.integers(0, 2**62), st.integers(0, 2**62))
def test_no_value_place_or_count_breaks_the_page(found: Any, x: float, y: float, failed: int, checked: int) -> None:
    of = report(
        [rule("x.a", "type", failed, checked=checked, parameters={"limit": found})],
        [finding("x.a", "type", 0, "m", value=found, point=(x, y))],
        box=(x, y, x, y),
    )
    page = reports.render(of, "html", "en")
    assert tags(page).faults == []
    json.loads(lxml_html.fromstring(page).get_element_by_id("data").text, parse_constant=pytest.fail)


def test_what_hides_is_shown() -> None:
    assert seen("a\u202eb\x00c\ud800") == "a[U+202E]b[U+0000]c[U+D800]"
    assert seen("é 你好\tשלום 👩‍🏫") == "é 你好\tשלום 👩‍🏫"
    assert seen("x" * 301) == "x" * 300 + "… (301)"
    assert value("5") == '"5"' and value(5) == "5" and value(" ") == '" "' and value("\u202e") == '"[U+202E]"'
    assert len(value("长" * 10_000)) < 330 and len(value(["长" * 10_000] * 3)) < 330


def test_names_stand_apart_from_the_words_around_them() -> None:
    """A name in Arabic must not carry the number after it to its other side."""
    page = reports.render(everywhere("مرحبا"), "html", "en")
    tree = lxml_html.fromstring(page)
    for element in tree.xpath("//main//*[text()[contains(., 'مرحبا')]]"):
        # (libxml2 takes what follows a <wbr> for its content.)
        assert element.tag in ("bdi", "wbr", "option", "code", "title"), element.tag


def test_an_address_breaks_between_its_parts() -> None:
    assert address("a.b_c#d<") == "<bdi>a.<wbr>b_<wbr>c#<wbr>d&lt;</bdi>"


def test_files_of_one_name_are_told_apart() -> None:
    paths = ["a/b/roads.shp", "a/c/roads.shp", "d/c/roads.shp", "other.csv", "/"]
    layers = (CheckedLayer("roads", "road", 1, facts()),)
    of = report(
        [rule("road.x", "type", 1)],
        [finding("road.x", "type", 0, source=path) for path in paths],
        sources=tuple(CheckedSource(path, str(n), "CSV", layers) for n, path in enumerate(paths)),
    )
    page = reports.render(of, "html", "en")
    files = json.loads(lxml_html.fromstring(page).get_element_by_id("data").text)["files"]
    assert files == ["b/roads.shp", "a/c/roads.shp", "d/c/roads.shp", "other.csv", "/"]
