"""Markdown: what a stranger wrote is shown letter for letter; a CommonMark parser is the judge."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token
from report_samples import HOSTILE, failing, finding, hostile, passing

from cimkit import report as reports
from cimkit.errors import SourceError
from cimkit.report import markdown
from cimkit.report.markdown import escaped, summary

PARSER = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])


def inline(tokens: list[Token]) -> list[Token]:
    return [child for token in tokens for child in token.children or ()]


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_strangers_make_no_markup(lang: str) -> None:
    tokens = PARSER.parse(reports.render(hostile(), "markdown", lang))
    kinds = {token.type for token in tokens} | {token.type for token in inline(tokens)}
    assert kinds.isdisjoint(
        {"html_block", "html_inline", "link_open", "image", "code_inline", "em_open", "s_open", "fence"}
    )
    headings = [token for token in tokens if token.type == "heading_open"]
    assert len(headings) == 5


def test_every_row_of_a_table_has_its_cells() -> None:
    tokens = PARSER.parse(reports.render(hostile(), "markdown", "en"))
    widths: list[int] = []
    rows = 0
    for token in tokens:
        if token.type == "tr_open":
            widths.append(0)
            rows += 1
        elif token.type in ("th_open", "td_open"):
            widths[-1] += 1
    assert rows > 60
    assert set(widths) <= {2, 3, 5, 8}


@given(st.one_of(st.text(max_size=40), st.sampled_from(HOSTILE)))
def test_a_text_is_shown_as_it_is(text: str) -> None:
    tokens = PARSER.parse(f"| a | b |\n|---|---|\n| {escaped(text)} | x |\n")
    cells = [tokens[at + 1] for at, token in enumerate(tokens) if token.type == "td_open"]
    assert len(cells) == 2
    assert {child.type for child in cells[0].children or ()} <= {"text", "text_special"}
    shown = "".join(child.content for child in cells[0].children or ())
    assert re.sub(r"\W", "", shown) == re.sub(r"\W", "", text)


def test_it_says_what_matters() -> None:
    text = reports.render(failing(), "markdown", "en")
    assert text.startswith("# FAIL\n")
    assert "1,247 errors · 501 warnings" in text
    assert text.index("Worst first") < text.index("Rules that failed") < text.index("Coverage")
    assert "16 number of items not in conformance with their value domain" in text
    assert "… 1,229 more in all" in text
    assert "# 通过" in reports.render(passing(), "markdown", "zh")


def test_a_summary_fits_what_github_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    for report in (failing(), hostile()):
        assert summary(report) == reports.render(report, "markdown")
    monkeypatch.setattr(markdown, "_MOST_BYTES", 3_000)
    many = tuple(finding("building.storey_height", "expression", n, "x" * 900) for n in range(9))
    short = summary(replace(failing(), findings=many))
    assert len(short.encode()) <= 3_000
    assert "Rules that failed" in short
    assert "xxx" not in short.partition("## Rules that failed")[2]


def test_a_summary_is_added_to_what_is_there(tmp_path: Path) -> None:
    (tmp_path / "summary.md").write_text("before\n", encoding="utf-8")
    reports.append_summary(failing(), tmp_path / "summary.md", "zh")
    text = (tmp_path / "summary.md").read_text("utf-8")
    assert text.startswith("before\n# 不通过\n")
    with pytest.raises(SourceError, match="summary cannot be written"):
        reports.append_summary(failing(), tmp_path, "en")
