"""A report made by hand, with everything that is hard to draw."""

from __future__ import annotations

from dataclasses import replace

from cimkit.model import (
    CheckedLayer,
    CheckedSource,
    ClassResult,
    Coverage,
    Evidence,
    Finding,
    LayerFacts,
    Report,
    RuleCoverage,
    RuleResult,
    Skipped,
    Suppressed,
)

FACTS = LayerFacts(1000, (), {"Polygon": 1000}, None, None, Evidence("EPSG:4547", ".prj", 1.0), Evidence(None, "", 0.0))


def rule(
    address: str, code: str, failed: int, checked: int = 1000, severity: str = "error", level: str = "L2"
) -> RuleResult:
    field = address.partition("#")[0].partition(".")[2] or None
    return RuleResult(address, code, severity, level, "building", field, checked, failed, 16)  # type: ignore[arg-type]


def finding(address: str, code: str, row: int | None, message: str, **more: object) -> Finding:
    known = {"severity": "error", "source": "survey/建筑 2024/buildings.shp", "layer": "建筑物", "field": "JZGD"}
    return Finding(rule=address, code=code, row=row, message=message, **(known | more))  # type: ignore[arg-type]


def failing() -> Report:
    height, use, kind = "building.height_m#exclusiveMinimum", "building.function#codelist", "building.geometry#kind"
    return Report(
        cimkit="0.1.0",
        against={"standard": {"id": "cim-core", "version": "0.1.0", "digest": "sha256:0"}},
        sources=(
            CheckedSource(
                "survey/建筑 2024/buildings.shp", "0", "Shapefile", (CheckedLayer("建筑物", "building", 1000, FACTS),)
            ),
            CheckedSource(
                "other/buildings.shp", "1", "Shapefile", (CheckedLayer("buildings", "building", 1000, FACTS),)
            ),
        ),
        coverage=Coverage(
            2000, 2000, RuleCoverage(40, 2, (Skipped("building.parcel_code#ref", "未提供图层“parcel”"),))
        ),
        rules=(
            rule("building.id#required", "required", 0),
            rule(height, "exclusiveMinimum", 1234, 2000),
            rule(use, "codelist", 1, 2000),
            rule(kind, "geometry.kind", 12, 2000, level="L4"),
            rule("building.storey_height", "expression", 500, severity="warning"),
            rule("building#crs", "crs.not_allowed", 1, 1, severity="warning", level="L1"),
        ),
        findings=(
            *(finding(height, "exclusiveMinimum", row, "高度（JZGD）为 -3，应大于 0。", value=-3) for row in range(12)),
            finding(
                use,
                "codelist",
                7,
                "function is '[bold]housing[/bold]', which is no code of building-function.",
                hint="Did you mean 'residential'?",
                field="用途|JZGN",
                source="other/buildings.shp",
            ),
            finding("building.storey_height", "expression", 3, "100 % of 3\nfloors", severity="warning", field=None),
            finding(
                "building#crs",
                "crs.not_allowed",
                None,
                "图层坐标系为 EPSG:4326。",
                severity="warning",
                field="geometry",
            ),
        ),
    )


def passing() -> Report:
    return Report(
        cimkit="0.1.0",
        against={"schema": {"id": "urn:x", "digest": "sha256:0"}},
        sources=(CheckedSource("a.csv", "0", "CSV", (CheckedLayer("a", "x", 1, FACTS),)),),
        coverage=Coverage(1, 1, RuleCoverage(1, 0, ())),
        rules=(rule("x.a#type", "type", 0),),
        findings=(),
    )


#: What must come out as it went in: markup of every format, formulas, control characters, half a character.
HOSTILE = (
    "=1+1", "+86 21", "@SUM(A1)", "-cmd|' /C calc'!A0", "<script>alert(1)</script>", "a|b`c`*d*_e_~f~",
    "]]>&amp;\x00\x0b\ufffe",
    "\ud800 half", "::error::x%0A", "[link](http://evil.example)", "_x0041_", "二\r\n行\t\u2028", "https://evil.example",
    "# heading", "- item", "1. item", "<!-- -->", "&lt;b&gt;", "\\|", "😀" * 3,
)  # fmt: skip


def hostile() -> Report:
    """A report in which strangers chose every text, with all that a report can hold."""
    rules = tuple(
        replace(
            rule(f"layer.{text}#pattern", "pattern", 2, severity=("error", "warning", "info")[number % 3]),
            layer="layer",
            field=text,
            parameters={"tolerance": 0.01, text: [text]},
            known=1,
        )
        for number, text in enumerate(HOSTILE)
    )
    findings = tuple(
        finding(
            each.rule,
            each.code,
            row,
            f"{text} is not right",
            severity=each.severity,
            source=f"dir/{text.replace('/', '_')}.csv",
            layer=text,
            fid=text,
            id=text,
            field=text,
            value=text if row else {text: [text, 1.5, None]},
            hint=text,
            point=(121.4 + row / 1000, 31.2) if number % 2 else None,
            schema_pointer=f"#/{text}",
            cell=f"C{row + 2}" if number % 5 == 0 else None,
            fingerprint=f"{number:08x}{row:08x}",
        )
        for number, (text, each) in enumerate(zip(HOSTILE, rules, strict=True))
        for row in range(2)
    )
    sources = tuple(
        CheckedSource(f"dir/{text.replace('/', '_')}.csv", "0" * 64, "CSV", (CheckedLayer(text, "layer", 1000, FACTS),))
        for text in HOSTILE
    )
    return Report(
        cimkit="0.1.0",
        against={"standard": {"id": "<b>|std", "version": "1.0.0", "digest": "sha256:0"}},
        sources=sources,
        coverage=Coverage(
            1000, 1000, RuleCoverage(20, 0, tuple(Skipped(f"layer.{text}#ref", text) for text in HOSTILE)),
            (Suppressed("layer.a#pattern", "=known|<i>", "2030-01-01", 3),),
        ),
        rules=rules,
        findings=findings,
        classes=(
            ClassResult("core", {"en": "Core <b>", "zh": "核心"}, ("L0", "L1", "L2"), "fail"),
            ClassResult("topology", {"en": "Topology"}, ("L4",), "unchecked"),
            ClassResult("all", {}, ("L5",), "pass"),
        ),
    )  # fmt: skip
