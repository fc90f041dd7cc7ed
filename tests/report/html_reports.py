"""Reports for the page's tests: one with everything on it, small ones, and how to look into a page."""

from __future__ import annotations

import html
import re
from collections.abc import Sequence
from html.parser import HTMLParser
from typing import Any

from lxml import html as lxml_html

from cimkit.model import (
    CheckedLayer,
    CheckedSource,
    ClassResult,
    Coverage,
    Evidence,
    Field,
    Finding,
    Hint,
    LayerFacts,
    Report,
    RuleCoverage,
    RuleResult,
    Skipped,
    Suppressed,
)

UTF8 = Evidence("UTF-8", "strict UTF-8: 12 values with non-ASCII characters", 0.9)
STANDARD = {"standard": {"id": "cim-core", "version": "0.1.0", "digest": "sha256:" + "0f" * 32}}


def facts(box: Any = (116.3, 39.8, 116.5, 40.0), features: int = 1000) -> LayerFacts:
    fields = (Field("BSM", "string", 20), Field("高度", "double"))
    hints = (Hint("codes.leading_zeros", "'JZGN' holds codes with leading zeros (0102): keep it text."),)
    crs = Evidence("EPSG:4490", ".prj", 1.0)
    return LayerFacts(features, fields, {"Polygon": features}, box, box, crs, UTF8, hints)


def rule(address: str, code: str, failed: int, **more: Any) -> RuleResult:
    layer = address.split("#")[0].split(".")[0]
    field = address.partition("#")[0].partition(".")[2] or None
    known = {"severity": "error", "level": "L2", "layer": layer, "field": field, "checked": 1000, "iso19157": 16}
    return RuleResult(rule=address, code=code, failed=failed, **(known | more))


def finding(address: str, code: str, row: int | None = None, message: str = "高度为 -3。", **more: Any) -> Finding:
    known = {"severity": "error", "source": "survey/buildings.shp", "layer": "buildings", "field": "高度"}
    return Finding(rule=address, code=code, row=row, message=message, **(known | more))


def report(
    rules: Sequence[RuleResult], findings: Sequence[Finding] = (), box: Any = (116.3, 39.8, 116.5, 40.0), **more: Any
) -> Report:
    layers = (CheckedLayer("buildings", "building", 1000, facts(box)),)
    known = {
        "cimkit": "0.1.0",
        "against": STANDARD,
        "sources": (CheckedSource("survey/buildings.shp", "ab" * 32, "ESRI Shapefile", layers),),
        "coverage": Coverage(1000, 1000, RuleCoverage(len(rules), 0, ())),
    }
    return Report(rules=tuple(rules), findings=tuple(findings), **(known | more))


def whole() -> Report:
    """A report with something in every part of the page."""
    height, crs, overlap = "building.height_m#exclusiveMinimum", "building#crs", "building.no_overlap"
    placed = [
        finding(height, "exclusiveMinimum", row, value=-3, id=f"B{row}", fid=str(row), fingerprint=f"{row:016x}",
                hint="请核对单位。", point=(116.35 + row % 10 * 0.01, 39.85 + row // 10 * 0.01),
                schema_pointer="/properties/height_m/exclusiveMinimum", cell=f"C{row + 2}")
        for row in range(60)
    ]  # fmt: skip
    far = [finding(overlap, "topology.overlap", row, "两个面重叠。", point=(0.0, 0.0), field=None) for row in (3, 5)]
    return report(
        [
            rule("source.unreadable", "source.unreadable", 1, layer="", field=None, level="L0", checked=3, iso19157=19),
            rule("building.id#required", "required", 0, level="L1", iso19157=6),
            rule(height, "exclusiveMinimum", 600, known=4, suppressed=2),
            rule(overlap, "topology.overlap", 2, level="L4", iso19157=11, parameters={"tolerance_m2": 0.5}),
            rule(crs, "crs.not_allowed", 1, severity="warning", level="L1", checked=1, iso19157=10),
            rule("building.name", "text.blanks", 7, severity="info", level="L1", iso19157=None),
        ],
        [
            finding(
                "source.unreadable", "source.unreadable", None, "文件无法读取。", layer="", source="坏.shp", field=None
            ),
            *placed,
            *far,
            finding(crs, "crs.not_allowed", None, "坐标系不被允许。", severity="warning", field="geometry"),
        ],
        coverage=Coverage(
            900,
            1000,
            RuleCoverage(4, 2, (Skipped("building.parcel_code#ref", "未提供图层“parcel”"),)),
            (Suppressed("building.height_m#maximum", "旧楼", "2027-01-01", 2),),
        ),
        classes=(
            ClassResult("core", {"en": "Core", "zh": "核心"}, ("L0", "L1", "L2", "L3"), "fail"),
            ClassResult("topology", {"en": "Clean topology", "zh": "拓扑正确"}, ("L4",), "unchecked"),
            ClassResult("names", {}, ("L1",), "pass"),
        ),
    )


def passing() -> Report:
    return report([rule("building.id#required", "required", 0)])


_VOID = {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"}


class Tags(HTMLParser):
    """Whether every element that begins ends in its place; ``faults`` says where not."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.faults: list[str] = []
        self.attributes: list[tuple[str, str, str]] = []
        self.ids: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.attributes += [(tag, name, value or "") for name, value in attrs]
        self.ids += [value or "" for name, value in attrs if name == "id"]
        if len({name for name, _ in attrs}) < len(attrs):
            self.faults.append(f"<{tag}> has an attribute twice")
        if tag not in _VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in _VOID:
            self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open.pop() != tag:
            self.faults.append(f"</{tag}> on line {self.getpos()[0]}")


def tags(page: str) -> Tags:
    parser = Tags()
    parser.feed(page)
    parser.close()
    parser.faults += [f"<{tag}> does not end" for tag in parser.open]
    return parser


def own_words(page: str, lang: str) -> str:
    """All that cimkit itself says in a page in one language: texts and what a screen reader reads out.

    Left out: the other language, and what is not cimkit's: names, values, addresses, messages.
    """
    tree = lxml_html.fromstring(page)
    other = "zh" if lang == "en" else "en"
    having = "//*[contains(concat(' ', @class, ' '), ' {} ')]"
    strange = " | ".join(
        [having.format(name) for name in (other, "code", "said")]
        + ["//script", "//style", "//template", "//bdi", "//code", "//td[@lang]", "//option[not(@data-word)]"]
        + ["//*[name()='svg']//*[name()='text' or name()='title']", "//fieldset//label"]
    )
    for element in tree.xpath(strange):
        element.drop_tree()
    attributes = tree.xpath("//@aria-label | //@placeholder | //@data-head | //@title")
    texts = tree.xpath("//body//text()")
    return html.unescape("\n".join([*texts, *attributes]))


#: Names that are the same in every language, and what advice names as people type or read it.
NAMES = re.compile(
    r"\b(cimkit \w+|cimkit|SQL|ISO 19157-3|SHA-256|FID|L[0-5]|UTF-8|ASCII|GIS|zh|en)\b|--?[a-z-]+|GCJ-02|crosswalk|"
    r"GeoPackage|Shapefile|2024-05\S+|translate|identify|\.(?:prj|shp|shx|dbf)"
)
