"""The page: the template filled with what the report says, its styles and script inline and named by their digest."""

from __future__ import annotations

import base64
import functools
import hashlib
import json
import math
from collections.abc import Sequence
from pathlib import Path, PurePath
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from cimkit.model import SEVERITIES, BBox, ClassResult, Evidence, Report
from cimkit.report.advice import advice
from cimkit.report.html import map_drawing
from cimkit.report.html.charts import charts, percent, share_bar
from cimkit.report.html.chosen import MOST_RULES, Broken, by_weight, chosen
from cimkit.report.html.how_known import in_chinese
from cimkit.report.html.map_frame import Frame, frame
from cimkit.report.html.strangers import address, isolated, seen, value
from cimkit.report.html.wording import PHRASES, both, phrase, spoken
from cimkit.report.measures import MEASURES
from cimkit.report.titles import TITLES, title

_TEMPLATES = Path(__file__).parent / "templates"
_WORST = 3
_MOST_LAYERS = 60
#: How many of each the page lists; it says how many there are beyond. Examples beyond come out of the data.
_LIMITS = {"examples": 3, "skipped": 200, "held": 1000, "layers": _MOST_LAYERS, "fields": 80, "hints": 20}


def page(report: Report, lang: str) -> str:
    """The report as one HTML page that opens in ``lang``; the same bytes for the same report."""
    files = list(dict.fromkeys([*(source.path for source in report.sources), *(f.source for f in report.findings)]))
    broken = chosen(report, files)
    places = [tuple(ex.record["p"]) for rule in broken for ex in rule.examples if "p" in ex.record]
    layers = _extents(report)
    area = frame(places, [box for _, box in layers])
    if area is None or area.past_180:
        layers = []  # the least and greatest longitude of a layer across the antimeridian say nothing
    against = next(iter(report.against.values()))
    style, script = _asset("style.css"), _asset("page.js") + _asset("map.js")
    text = _environment().get_template("page.html.j2").render(
        report=report,
        lang=lang,
        policy=_policy(style, script),
        style=Markup(style),
        script=Markup(script),
        data=_data(files, broken, layers, area, report),
        standard="standard" in report.against,
        against=against["id"],
        version=against.get("version"),
        digest=against.get("digest"),
        name=_name(report),
        broken=broken,
        worst=broken[:_WORST],
        unread=sum(rule.failed for rule in report.rules if rule.code == "source.unreadable"),
        unshown=max(len(by_weight(report.rules)) - MOST_RULES, 0),
        rules_broken=sum(bool(rule.failed) for rule in report.rules),
        held=[rule for rule in report.rules if not rule.failed],
        short=_short_names(files),
        charts=charts(report, broken),
        frame=area,
        drawing=map_drawing.drawing(area, broken, layers) if area else None,
        placed=len(places),
        kept=sum(len(rule.examples) for rule in broken),
        severities=SEVERITIES,
        limits=_LIMITS,
    )  # fmt: skip
    return text if text.endswith("\n") else text + "\n"


@functools.cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals.update(
        t=both,
        word=phrase,
        bar=share_bar,
        percent=percent,
        where=_where,
        evidence=_evidence,
        measures=MEASURES,
        title_of=_title,
        class_title=_class_title,
        advice_of=_advice,
        bold=lambda number: Markup("<b>{}</b>").format(f"{number:,}"),
        size=(map_drawing.WIDTH, map_drawing.HEIGHT),
    )
    environment.filters.update(name=isolated, address=address, seen=seen, value=value, n=lambda number: f"{number:,}")
    return environment


@functools.cache
def _asset(name: str) -> str:
    return (_TEMPLATES / name).read_text(encoding="utf-8")


def _policy(style: str, script: str) -> str:
    """What the browser may do with the page: run its own script, show its own styles, and nothing else."""
    digests = [base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() for text in (style, script)]
    return (
        f"default-src 'none'; style-src 'sha256-{digests[0]}'; script-src 'sha256-{digests[1]}'; img-src data:; "
        "base-uri 'none'; form-action 'none'"
    )


def _extents(report: Report) -> list[tuple[str, BBox]]:
    """The extents of layers, in degrees, where they are known."""
    boxes = [(layer.name, layer.facts.bbox_crs84) for source in report.sources for layer in source.layers]
    return [(name, box) for name, box in boxes if box is not None and all(map(math.isfinite, box))][:_MOST_LAYERS]


def _name(report: Report) -> str:
    """What the data was held against, in a few words."""
    against = next(iter(report.against.values()))
    return seen(" ".join(against[key] for key in ("id", "version") if key in against), 120)


def _data(
    files: Sequence[str],
    broken: Sequence[Broken],
    layers: Sequence[tuple[str, BBox]],
    area: Frame | None,
    report: Report,
) -> Markup:
    """What the script reads: JSON in which nothing can end the element or begin a comment."""
    short = _short_names(files)
    data: dict[str, Any] = {
        "files": [seen(short[path], 120) for path in files],
        "rules": [
            {
                "rule": seen(each.result.rule),
                "severity": each.result.severity,
                "level": each.result.level,
                "layer": seen(each.result.layer),
                "failed": each.result.failed,
                "share": round(each.share, 6),
                "title": [seen(title(each.result.code, lang)) for lang in ("en", "zh")],
            }
            for each in broken
        ],
        "findings": [example.record for each in broken for example in each.examples],
        "layers": [{"name": seen(name, 60), "box": box} for name, box in layers],
        "frame": area and {"most": area.most, "whole": area.whole, "past": area.past_180},
        "words": PHRASES,
        "titles": [
            phrase("page_title", lang, verdict=phrase(report.verdict, lang), what=_name(report))
            for lang in ("en", "zh")
        ],
    }
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return Markup(text)


def _how(evidence: Evidence) -> Markup:
    """How a fact was found: in both languages where the wording is known, else in the reader's own words."""
    chinese = in_chinese(evidence.how)
    if chinese is None:
        return Markup('<span class="said" lang="en">{}</span>').format(isolated(evidence.how))
    return spoken(lambda lang: isolated(chinese if lang == "zh" else evidence.how))


def _evidence(evidence: Evidence) -> Markup:
    """A fact, and how it is known."""
    known = evidence.value is not None or evidence.how == "no geometry"
    found = isolated(evidence.value or "–", 120) if known else both("unknown")
    if not evidence.how:
        return Markup("{}").format(found)
    how = _how(evidence)
    if evidence.confidence < 1:
        how = both("sure", how=how, percent=f"{evidence.confidence:.0%}")
    return Markup('{} <span class="how">{}</span>').format(found, how)


def _title(code: str) -> Markup:
    """What findings of a code are called; a keyword that is none of ours is a stranger's word."""
    return spoken(lambda lang: title(code, lang)) if code in TITLES else isolated(code)


def _advice(code: str) -> Markup | None:
    """How to mend findings of a code, where there is something to say."""
    return spoken(lambda lang: advice(code, lang) or "") if advice(code, "en") else None


def _class_title(found: ClassResult) -> Markup:
    """What a standard calls a conformance class, as far as it says; its id where it says nothing."""
    any_title = next(iter(found.title.values()), found.id)
    return spoken(lambda lang: isolated(found.title.get(lang) or any_title, 120))


def _where(place: tuple[float, float]) -> str:
    """A place as people write it."""
    longitude, latitude = place
    return f"{map_drawing.degree(latitude, 1e-4, 'NS')} {map_drawing.degree(longitude, 1e-4, 'EW')}"


def _short_names(paths: Sequence[str]) -> dict[str, str]:
    """For each path as much of its end as tells it from the others, and at least the file's name."""
    parts = {path: PurePath(path).parts or (path,) for path in paths}
    ends: dict[tuple[str, ...], int] = {}
    for own in parts.values():
        for length in range(1, len(own) + 1):
            ends[own[-length:]] = ends.get(own[-length:], 0) + 1
    return {
        path: "/".join(own[-next((n for n in range(1, len(own)) if ends[own[-n:]] == 1), len(own)) :])
        for path, own in parts.items()
    }
