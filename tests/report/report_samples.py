"""A report made by hand, with everything that is hard to draw."""

from __future__ import annotations

from cimkit.model import (
    CheckedLayer,
    CheckedSource,
    Coverage,
    Evidence,
    Finding,
    LayerFacts,
    Report,
    RuleCoverage,
    RuleResult,
    Skipped,
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
