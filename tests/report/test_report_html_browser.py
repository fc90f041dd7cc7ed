"""The page in a headless Chromium, where there is one: no errors, no requests, nothing too wide, all of it works."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from headless_chromium import Browser, browser, executable
from html_reports import NAMES, own_words, passing, whole
from test_report_html_strangers import NASTY, everywhere

from cimkit import report as reports

PROGRAM = executable()
pytestmark = pytest.mark.skipif(PROGRAM is None, reason="there is no Chromium here")

WIDTHS = (360, 390, 768, 1280)
RULES = "[...document.querySelectorAll('#rules > .rule')]"
NAMED = ("button", "link", "textbox", "searchbox", "combobox", "radio", "heading")
CHINESE, LATIN = re.compile(r"[\u4e00-\u9fff]"), re.compile(r"[A-Za-z]{2,}")


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    assert PROGRAM
    with browser(PROGRAM) as opened:
        yield opened


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pages")
    nasty = "".join(text[:300] for text in NASTY)
    for name, of in (("whole", whole()), ("passing", passing()), ("nasty", everywhere(nasty))):
        reports.write(of, folder / f"{name}.html", "en")
    reports.write(whole(), folder / "chinese.html", "zh")
    return folder


@pytest.fixture
def opened(chromium: Browser, pages: Path) -> Browser:
    """The page with everything on it, wide, in English."""
    chromium.messages.clear()
    chromium.open(pages / "whole.html")
    return chromium


def middle(of: Browser, selector: str) -> tuple[float, float]:
    """The middle of an element, moved into the window."""
    x, y = of.run(
        f"(() => {{ const e = document.querySelector({selector!r}); e.scrollIntoView({{block: 'center'}});"
        "const r = e.getBoundingClientRect(); return [r.left + r.width / 2, r.top + r.height / 2]; })()"
    )
    return x, y


def press(of: Browser, selector: str) -> None:
    of.click(*middle(of, selector))
    of.settle()


def shown(of: Browser, selector: str) -> int:
    """How many of some elements can be seen."""
    return int(of.run(f"[...document.querySelectorAll({selector!r})].filter(e => e.getClientRects().length).length"))


def choose(of: Browser, field: str, value: str) -> None:
    of.run(f"(e => {{ e.value = {value!r}; e.dispatchEvent(new Event('input')); }})(document.querySelector({field!r}))")
    of.settle()


@pytest.mark.parametrize("name", ["whole", "chinese", "passing", "nasty"])
def test_no_error_no_request_nothing_wider_than_the_window(chromium: Browser, pages: Path, name: str) -> None:
    chromium.messages.clear()
    for dark in (False, True):
        chromium.requests.clear()
        chromium.open(pages / f"{name}.html", dark=dark)
        for width in WIDTHS:
            chromium.resize(width)
            chromium.run("for (const each of document.querySelectorAll('details')) each.open = true")
            chromium.settle()
            assert chromium.run("document.documentElement.scrollWidth") <= width, (name, width)
        assert chromium.requests == [(pages / f"{name}.html").as_uri()]
    assert chromium.messages == []


def test_it_can_be_read_without_a_script(chromium: Browser, pages: Path) -> None:
    chromium.open(pages / "whole.html", script=False)
    chromium._ask("Emulation.setScriptExecutionDisabled", value=False)
    assert shown(chromium, "#rules > .rule") == 5
    assert shown(chromium, "#chart-map .markers circle") > 5
    assert shown(chromium, ".filter, .map-tools, .languages, .copy") == 0
    press(chromium, "#rule-1 > summary")
    assert shown(chromium, "#rule-1 .example") == 3


def test_the_language_switches(opened: Browser) -> None:
    for lang, other, wrong in (("zh", "en", LATIN), ("en", "zh", CHINESE)):
        opened.run(f"document.querySelector('input[value={lang}]').click()")
        opened.settle()
        assert opened.run("document.documentElement.lang") == {"zh": "zh-CN", "en": "en"}[lang]
        assert shown(opened, f".{other}") == 0 and shown(opened, f".{lang}") > 50
        said = own_words(opened.run("document.documentElement.outerHTML"), lang)
        assert wrong.findall(NAMES.sub("", said)) == []
        assert ("不通过" if lang == "zh" else "Does not pass") in opened.run("document.title")
        assert opened.run("document.querySelector('#shown').textContent").startswith(
            "5 of 5" if lang == "en" else "显示 5"
        )


def test_rules_are_filtered_and_sorted(opened: Browser) -> None:
    choose(opened, "#severity", "warning")
    assert shown(opened, "#rules > .rule") == 1
    assert opened.run("document.querySelector('#shown').textContent") == "1 of 5 broken rules shown"
    choose(opened, "#search", "no such thing")
    assert shown(opened, "#rules > .rule") == 0 and shown(opened, "#none") == 1
    choose(opened, "#severity", "")
    choose(opened, "#search", "b17 HEIGHT 核对")
    assert shown(opened, "#rules > .rule") == 1
    choose(opened, "#search", "")
    choose(opened, "#level", "L1")
    assert shown(opened, "#rules > .rule") == 2
    choose(opened, "#level", "")
    opened.run("document.querySelector('#layer').selectedIndex = 1")
    choose(opened, "#sort", "share")
    shares = opened.run(
        "[...document.querySelectorAll('#rules > .rule:not([hidden])')].map(e => data.rules[e.dataset.rule].share)"
    )
    assert shares == sorted(shares, reverse=True)


def test_more_examples_can_be_had_and_copied(opened: Browser) -> None:
    press(opened, "#rule-1 > summary")
    assert shown(opened, "#rule-1 .example") == 3
    assert opened.run("document.querySelector('#rule-1 .more').textContent") == "Show 20 more"
    parts = ", ".join(["one('.message', e).textContent", "all('dd', e).length", "all('.place > *', e).length"])
    same = f"(e => [{parts}])"
    for count in (23, 43, 60):
        press(opened, "#rule-1 .more")
        assert shown(opened, "#rule-1 .example") == count
    assert shown(opened, "#rule-1 .more") == 0
    # Examples that the script made look like those that stood in the page.
    examples = "document.querySelectorAll('#rule-1 .example')"
    assert opened.run(f"{same}({examples}[0])") == opened.run(f"{same}({examples}[59])")
    opened.run("window.copied = ''; copy = async text => { window.copied = text; }")
    press(opened, "#rule-1 .example:last-child .copy")
    copied = opened.run("window.copied")
    assert copied.startswith("buildings.shp · buildings · row 59 · cell C61 · fid 59 · id B59: 高度为 -3。")
    assert copied.endswith(f"building.height_m#exclusiveMinimum {59:016x}")


def test_a_click_on_the_map_leads_to_the_finding_and_back(opened: Browser) -> None:
    assert shown(opened, "#chart-map .markers g") > 5
    before = opened.run("document.querySelector('.scale text').textContent")
    for _ in range(6):
        press(opened, "[data-zoom=in]")
    assert opened.run("document.querySelector('.scale text').textContent") != before
    press(opened, "[data-zoom=most]")
    # A cluster opens; a single finding tells what it is.
    press(opened, "#chart-map .markers g:last-child circle")
    assert shown(opened, "#here") == 1
    assert "高度为 -3。" in opened.run("document.querySelector('#here').textContent")
    press(opened, "#here a")
    assert shown(opened, ".example.lit") == 1
    assert opened.run("document.querySelector('#rule-1').open") is True
    press(opened, "#rule-1 .locate")
    assert shown(opened, "#only") == 1
    counted = "[...document.querySelectorAll('.markers g')].reduce((n, g) => n + g.members.length, 0)"
    assert opened.run(counted) == 60
    press(opened, "#only button")
    press(opened, "[data-zoom=whole]")
    assert opened.run(counted) == 62
    choose(opened, "#severity", "warning")
    assert opened.run(counted) == 0
    assert opened.messages == []


def test_the_map_obeys_keys_and_wheel_once_it_is_chosen(opened: Browser) -> None:
    x, y = middle(opened, "#chart-map")
    scale = "document.querySelector('.scale text').textContent"
    before = opened.run(scale)
    wheel = {"type": "mouseWheel", "x": x, "y": y, "deltaX": 0, "deltaY": -400}
    opened._ask("Input.dispatchMouseEvent", **wheel)
    opened.settle()
    assert opened.run(scale) == before
    opened.run("document.querySelector('#chart-map').focus({preventScroll: true})")
    for key in ("+", "+", "+", "ArrowLeft"):
        opened._ask("Input.dispatchKeyEvent", type="keyDown", key=key)
    opened.settle()
    assert opened.run(scale) != before
    opened._ask("Input.dispatchKeyEvent", type="keyDown", key="0")
    opened.settle()
    assert opened.run(scale) == before


def test_two_fingers_zoom_and_one_moves_once_the_map_is_chosen(chromium: Browser, pages: Path) -> None:
    chromium.open(pages / "whole.html", 390, 844)
    x, y = middle(chromium, "#chart-map")
    chromium.run("document.querySelector('#chart-map').focus({preventScroll: true})")
    chromium.settle()

    def touch(kind: str, *points: tuple[float, float]) -> None:
        at = [{"x": px, "y": py, "id": n} for n, (px, py) in enumerate(points)]
        chromium._ask("Input.dispatchTouchEvent", type=kind, touchPoints=at)

    def metres_a_pixel() -> float:
        chromium.settle()
        number, unit = chromium.run("document.querySelector('.scale text').textContent").split()
        width = chromium.run("document.querySelector('.scale path').getBBox().width")
        return float(number) * {"m": 1, "km": 1000}[unit] / float(width)

    grid = "document.querySelector('.grid').innerHTML"
    scale, scrolled = metres_a_pixel(), chromium.run("scrollY")
    touch("touchStart", (x - 20, y), (x + 20, y))
    for apart in (40, 60, 80):
        touch("touchMove", (x - apart, y), (x + apart, y))
    touch("touchEnd")
    assert 1.8 < scale / metres_a_pixel() < 5
    before = chromium.run(grid)
    touch("touchStart", (x, y))
    for step in (10, 40, 80):
        touch("touchMove", (x - step, y - step))
    touch("touchEnd")
    chromium.settle()
    assert chromium.run(grid) != before
    assert chromium.run("scrollY") == scrolled


def test_on_paper_everything_is_open_and_no_control_is_left(opened: Browser, tmp_path: Path) -> None:
    opened.pdf(tmp_path / "r.pdf")
    assert (tmp_path / "r.pdf").read_bytes().startswith(b"%PDF")
    assert opened.run("document.querySelectorAll('details[open]').length") == 1, "what print opened is closed again"
    opened._ask("Emulation.setEmulatedMedia", media="print")
    assert shown(opened, "button, select, input, nav, .filter") == 0
    opened.run("dispatchEvent(new Event('beforeprint'))")
    assert shown(opened, ".example") == 7
    opened._ask("Emulation.setEmulatedMedia", media="")
    found = subprocess.run(["which", "pdftotext"], capture_output=True, check=False)
    if found.returncode == 0:
        text = subprocess.run(
            ["pdftotext", "-layout", tmp_path / "r.pdf", "-"], capture_output=True, text=True, check=True
        ).stdout
        assert "Look at the unit first" in text and "BSM" in text


def test_every_control_has_a_name(opened: Browser) -> None:
    tree = opened._ask("Accessibility.getFullAXTree")["nodes"]
    for node in tree:
        role = node.get("role", {}).get("value")
        if role in ("button", "link", "textbox", "searchbox", "combobox", "radio", "heading") and not node.get(
            "ignored"
        ):
            assert node.get("name", {}).get("value", "").strip(), node
