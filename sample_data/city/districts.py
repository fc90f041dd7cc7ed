"""Divisions and road centre lines: two layers of one GeoPackage, in EPSG:4490."""

from __future__ import annotations

from pathlib import Path

from shapely.geometry import MultiPolygon, Point, Polygon
from shapely.ops import unary_union

from .files import write_gpkg
from .ledger import Delivery, Ledger, Record
from .plan import ARTERIALS, COLLECTORS, COUNTY, COUNTY_NAME, RINGS, TOWNSHIPS, Plan, lonlat, rng, width

FILE = "districts/districts_roads.gpkg"


def deliver(out: Path, plan: Plan, ledger: Ledger) -> None:
    """Write ``districts`` and ``roads``."""
    (out / FILE).unlink(missing_ok=True)
    _districts(out, plan, ledger)
    _roads(out, plan, ledger)


def _districts(out: Path, plan: Plan, ledger: Ledger) -> None:
    random = rng("districts")
    shapes = {code: plan.outline(columns, rows) for code, _, columns, rows in TOWNSHIPS}
    county = unary_union(list(shapes.values()))
    records = [
        _division("15", "柳原省（虚构）", "province", None, _around(county, 6000)),
        _division("1501", "柳原市（虚构）", "prefecture", "15", _around(county, 3000)),
        _division(COUNTY, COUNTY_NAME, "county", "1501", county),
    ]
    for code, name, columns, rows in TOWNSHIPS:
        records.append(_division(code, name, "township", COUNTY, shapes[code]))
        halves = (rows[:2], rows[2:])
        for n, (column, half) in enumerate(((c, h) for c in columns for h in halves), start=1):
            land = plan.outline(range(column, column + 1), half)
            title = f"{name[:2]}第{'一二三四五六'[n - 1]}社区"
            records.append(_division(f"{code}{n:03d}", title, "village", code, land))
    delivery = Delivery(FILE, "districts", records, random, ledger)

    def community(record: Record) -> bool:
        return record["level"] == "village"

    delivery.spoil("enum", "level", ["community", "社区"], "a level that is not in the list", community)
    delivery.spoil("required", "name", [None, None], "no name", community)
    delivery.spoil("required", "parent_code", [None], "below a province, without a parent (if/then)", community)
    for n, town in enumerate(("150199066", "150199067")):
        row = delivery.pick(community)
        records[row] |= {"code": f"{town}00{n}", "parent_code": town, "_id": f"div:{town}00{n}"}
        delivery.note(row, "parent_code", "relation.missing", "no such division")
    other = lambda record: "150199001" if record["parent_code"] != "150199001" else "150199002"  # noqa: E731
    delivery.spoil("expression", "parent_code", [other] * 2, "the code of another township", community)
    delivery.spoil("exclusiveMinimum", "area_m2", [0.0, -1.0], "no area at all", community)
    row = delivery.pick(community)
    shape = records[row]["geometry"].geoms[0]
    ring = list(shape.exterior.coords)
    tip = (ring[0][0] - 300, ring[0][1] - 300)
    records[row]["geometry"] = MultiPolygon([Polygon([*ring[:-1], (ring[1][0] + 40, ring[1][1] + 40), tip])])
    delivery.note(row, "geometry", "geometry.invalid", "the outline crosses itself")
    geometries = [lonlat(g) for g in delivery.geometries()]
    write_gpkg(out / FILE, "districts", delivery.rows(), geometries, "MultiPolygon", "EPSG:4490")


def _around(shape: Polygon, metres: float) -> Polygon:
    """A generalised outline: the shape's box, widened and rounded off."""
    return shape.envelope.buffer(metres, quad_segs=2)


def _division(code: str, name: str, level: str, parent: str | None, shape: Polygon) -> Record:
    return {
        "code": code,
        "name": name,
        "level": level,
        "parent_code": parent,
        "area_m2": round(shape.area, 1),
        "source": "民政2024",
        "updated_at": "2024-01-15T00:00:00Z",
        "geometry": MultiPolygon([shape]),
        "_entities": (),
        "_id": f"div:{code}",
    }


def _roads(out: Path, plan: Plan, ledger: Ledger) -> None:
    random = rng("roads")
    records: list[Record] = []
    for n, (name, line) in enumerate(plan.segments(), start=1):
        grade = (
            "主干路" if name in ARTERIALS else "快速路" if name in RINGS else "次干路" if name in COLLECTORS else "支路"
        )
        records.append(
            {
                "id": f"RD-{n:04d}",
                "name": name,
                "grade": grade,
                "lanes": {"快速路": 6, "主干路": 6, "次干路": 4, "支路": 2}[grade],
                "oneway": random.choice(["F", "T"]) if grade == "支路" and random.random() < 0.1 else "B",
                "width_m": width(name) - 4.0,
                "limit_kmh": {"快速路": 80, "主干路": 60, "次干路": 50, "支路": 30}[grade],
                "surface": "paved" if random.random() < 0.9 else None,
                "updated": f"2024-02-{random.randint(1, 28):02d}T00:00:00Z",
                "geometry": line,
                "_entities": (),
                "_id": f"RD-{n:04d}",
            }
        )
    delivery = Delivery(FILE, "roads", records, random, ledger)
    delivery.spoil("codelist", "grade", ["国道", "?"], "a class that is not in the list")
    delivery.spoil("required", "grade", [None, None], "no class")
    delivery.spoil("minimum", "lanes", [0, -2], "fewer lanes than one")
    delivery.spoil("maximum", "lanes", [60], "more lanes than a road has")
    delivery.spoil("exclusiveMinimum", "width_m", [0.0], "no width at all")
    delivery.spoil("maximum", "width_m", [2400.0], "centimetres in the place of metres")
    delivery.spoil("maximum", "limit_kmh", [600, 310], "faster than any road allows")
    delivery.spoil("minimum", "limit_kmh", [0], "no speed at all")
    delivery.spoil("enum", "oneway", ["X"], "a direction that is not in the list")
    delivery.spoil("codelist", "surface", ["lava"], "a surface that the list does not know")
    delivery.spoil("format", "updated", ["2024-02-31T00:00:00Z"], "not a date and time")
    delivery.spoil("geometry.missing", "geometry", [None, None], "a row without a line")
    delivery.spoil(
        "geometry.kind", "geometry", [lambda r: Point(r["geometry"].coords[0])] * 2, "a crossing among the lines"
    )
    delivery.spoil(
        "geometry.kind", "geometry", [lambda r: r["geometry"].buffer(6, cap_style="flat")], "a road drawn as an area"
    )
    delivery.twice("id", 2)
    geometries = [g and lonlat(g) for g in delivery.geometries()]
    write_gpkg(out / FILE, "roads", delivery.rows(), geometries, "Unknown", "EPSG:4490")
