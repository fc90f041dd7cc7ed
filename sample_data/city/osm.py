"""What volunteers mapped: GeoJSON with OSM's tags, in EPSG:4326, incomplete."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from shapely import affinity
from shapely.geometry import LineString, MultiPolygon, Point, Polygon
from shapely.ops import unary_union

from .buildings import Building
from .files import write_geojson
from .ledger import Delivery, Ledger, Record
from .plan import lonlat, rng
from .survey import bow_tie

FILE = "osm/buildings.geojson"
TAGS = {
    "residential": ("apartments", "residential", "house"),
    "commercial": ("retail", "commercial", "office"),
    "industrial": ("industrial", "warehouse"),
    "education": ("school",),
    "medical": ("hospital",),
    "civic": ("civic", "government"),
    "religious": ("temple",),
    "entertainment": ("sports_hall",),
    "service": ("toilets", "service"),
    "transportation": ("train_station",),
    "agricultural": ("greenhouse",),
}


def mapped_id(osm_id: str) -> str:
    """The id that the crosswalk makes of OSM's: an id in the standard has no slash."""
    return "osm:" + osm_id.replace("/", ":")


def deliver(out: Path, buildings: list[Building], ledger: Ledger) -> None:
    """Write the buildings that volunteers have mapped, and a few that are gone by now."""
    random = rng("osm")
    known = {building.key: building for building in buildings}
    records: list[Record] = []
    done: set[str] = set()
    next_id = 210_000_000
    for building in buildings:
        if building.key in done or random.random() < 0.29:
            continue
        parts = [building]
        if building.neighbour and building.neighbour not in done and random.random() < 0.25:
            parts.append(known[building.neighbour])  # a terrace drawn as one house
        done |= {part.key for part in parts}
        next_id += random.randint(7, 4000)
        shape = _drawn(random, unary_union([part.shape for part in parts]))
        records.append(_record(random, building, next_id, shape, tuple(part.key for part in parts)))
    for n in range(12):  # torn down since they were mapped
        building = random.choice(buildings)
        next_id += random.randint(7, 4000)
        shape = affinity.scale(affinity.translate(building.shape, 0, 4000 + 40 * n), 0.5, 0.5)
        records.append(_record(random, building, next_id, shape, (f"gone{n + 1:02d}",)))
        records[-1].update({"name": None, "name:zh": None, "addr:street": None, "addr:housenumber": None})
    random.shuffle(records)
    delivery = Delivery(FILE, "buildings", records, random, ledger)
    _spoil(delivery)
    delivery.tell("building", "@id")
    write_geojson(out / FILE, delivery.rows(), [g and lonlat(g) for g in delivery.geometries()])


def _drawn(random: Any, shape: Polygon) -> Polygon | MultiPolygon:
    """The outline as drawn over an image that lies about a metre off, each house a little differently."""
    return affinity.translate(shape, 0.5 + random.gauss(0, 0.5), -0.4 + random.gauss(0, 0.5))


def _record(random: Any, building: Building, number: int, shape: Any, entities: tuple[str, ...]) -> Record:
    tag = "yes" if random.random() < 0.3 else random.choice(TAGS[building.function])
    height = None
    if random.random() < 0.6:
        metres = round(building.height + random.gauss(0, 0.8), 1)
        form = random.random()
        height = f"{metres:g} m" if form < 0.35 else f"{metres / 0.3048:.0f} ft" if form < 0.45 else f"{metres:g}"
    osm_id = f"way/{number}"
    name = building.name if random.random() < 0.5 else None
    return {
        "@id": osm_id,
        "@timestamp": f"20{random.randint(19, 23)}-{random.randint(1, 12):02d}-{random.randint(1, 28):02d}"
        f"T{random.randint(0, 23):02d}:{random.randint(0, 59):02d}:{random.randint(0, 59):02d}Z",
        "building": tag,
        "name": name,
        "name:zh": name if random.random() < 0.4 else None,
        "height": height,
        "building:levels": str(building.floors) if random.random() < 0.55 else None,
        "start_date": str(building.year) if random.random() < 0.2 else None,
        "roof:shape": random.choice(["flat", "gabled"]) if random.random() < 0.15 else None,
        "addr:street": building.street if random.random() < 0.2 else None,
        "addr:housenumber": str(building.number) if random.random() < 0.2 else None,
        "geometry": MultiPolygon([shape]) if random.random() < 0.02 else shape,
        "_entities": entities,
        "_id": mapped_id(osm_id),
    }


def _spoil(delivery: Delivery) -> None:
    def outline(record: Record) -> bool:
        return record["geometry"].geom_type == "Polygon" and not record["geometry"].interiors

    delivery.spoil("required", "@timestamp", [None] * 3, "edited nobody knows when")
    delivery.spoil("format", "@timestamp", ["2021-13-04T00:00:00Z", "yesterday"], "not a date and time")
    delivery.spoil("type", "height", ["ca. 12", "two storeys", "12,5"], "no number can be read from it")
    delivery.spoil("maximum", "height", ["18000", "1800 m"], "higher than any building")
    delivery.spoil("exclusiveMinimum", "height", ["0", "-4 m"], "no height at all")
    delivery.spoil("type", "building:levels", ["2.5", "4;6"], "not one whole number")
    delivery.spoil("minimum", "building:levels", ["-1"], "fewer floors than none")
    delivery.spoil("maximum", "building:levels", ["305"], "more floors than any building has")
    delivery.spoil(
        "maxLength",
        "name",
        ["便民服务点" * 41] * 2,
        "a text of 205 characters in the place of a name",
        lambda r: not r["name:zh"],
    )
    delivery.spoil("codelist", "roof:shape", ["many", "yes"], "a shape that the list does not know")
    delivery.spoil(
        "geometry.invalid", "geometry", [lambda r: bow_tie(r["geometry"])] * 4, "the way crosses itself", outline
    )
    delivery.spoil("geometry.missing", "geometry", [None] * 2, "a way whose nodes are gone")
    delivery.spoil(
        "geometry.kind",
        "geometry",
        [lambda r: LineString(r["geometry"].exterior.coords[:-1])] * 3,
        "a way that was not closed",
        outline,
    )
    delivery.spoil(
        "geometry.kind", "geometry", [lambda r: Point(r["geometry"].centroid)] * 2, "a house mapped as a node"
    )
    delivery.twice("@id", 2)
