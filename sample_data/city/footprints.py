"""Footprints that a machine found in an image: GeoParquet, complete, a metre off, without names."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
from shapely import affinity
from shapely.geometry import Polygon, box
from shapely.ops import unary_union

from .buildings import Building
from .files import write_geoparquet
from .ledger import Delivery, Ledger, Record
from .plan import lonlat, rng
from .survey import bow_tie

FILE = "ml/footprints.parquet"
SHIFT = (0.72, -0.78)  # the image lies 1.06 m to the south-east
SCHEMA = pa.schema(
    [
        ("id", pa.string()),
        ("confidence", pa.float64()),
        ("height", pa.float64()),  # metres; -1 where the machine could not tell
        ("area_in_meters", pa.float64()),
        ("image_date", pa.date32()),
    ]
)


def deliver(out: Path, buildings: list[Building], ledger: Ledger) -> None:
    """Write what the machine saw: some houses split in two, some walls not seen, some cars taken for houses."""
    random = rng("footprints")
    known = {building.key: building for building in buildings}
    found: list[tuple[Polygon, tuple[str, ...], float]] = []
    done: set[str] = set()
    for building in buildings:
        if building.key in done or random.random() < 0.02:
            continue
        done.add(building.key)
        if building.neighbour and building.neighbour not in done and random.random() < 0.35:
            done.add(building.neighbour)
            both = unary_union([building.shape, known[building.neighbour].shape])
            found.append((both, (building.key, building.neighbour), building.height))
        elif building.use in ("slabs", "works") and random.random() < 0.03:
            found += [(half, (building.key,), building.height) for half in _halves(building.shape)]
        else:
            found.append((building.shape, (building.key,), building.height))
    for n in range(18):
        street = random.choice(buildings)
        x, y = street.shape.centroid.x, street.shape.bounds[3] + 3000 + 25 * n
        found.append((box(x, y, x + random.uniform(5, 9), y + random.uniform(3, 5)), (f"seen{n + 1:02d}",), 2.5))
    random.shuffle(found)
    records: list[Record] = []
    for n, (shape, keys, height) in enumerate(found):
        seen = _seen(random, shape)
        own = f"{n + 1:06d}"
        records.append(
            {
                "id": own,
                "confidence": round(random.uniform(0.62, 0.99), 3),
                "height": round(max(2.0, height + random.gauss(0, 2.0)), 2) if random.random() < 0.85 else -1.0,
                "area_in_meters": round(seen.area, 2),
                "image_date": date(2023, 6, 14) if shape.centroid.x % 2000 < 1000 else date(2023, 9, 2),
                "geometry": seen,
                "_entities": keys,
                "_id": f"ml:{own}",
            }
        )
    delivery = Delivery(FILE, "footprints", records, random, ledger)
    _spoil(delivery)
    delivery.tell("building", "id")
    table = pa.Table.from_pylist(delivery.rows(), schema=SCHEMA)
    geometries = [g if g is None or g.is_empty else lonlat(g) for g in delivery.geometries()]
    write_geoparquet(out / FILE, table, geometries, "EPSG:4326")


def _halves(shape: Polygon) -> list[Polygon]:
    """A rectangle cut across its long side, with half a metre lost at the cut."""
    a, b, c, d = list(shape.minimum_rotated_rectangle.exterior.coords)[:4]
    if (a[0] - b[0]) ** 2 + (a[1] - b[1]) ** 2 < (b[0] - c[0]) ** 2 + (b[1] - c[1]) ** 2:
        a, b, c, d = b, c, d, a
    halves = []
    for start, stop in ((0.0, 0.49), (0.51, 1.0)):
        ring = [_between(a, b, start), _between(a, b, stop), _between(d, c, stop), _between(d, c, start)]
        halves.append(Polygon(ring).intersection(shape))
    return halves


def _between(a: tuple[float, ...], b: tuple[float, ...], share: float) -> tuple[float, float]:
    return a[0] + (b[0] - a[0]) * share, a[1] + (b[1] - a[1]) * share


def _seen(random: Any, shape: Polygon) -> Polygon:
    """The outline as the machine draws it: shifted, corners off by some decimetres, sometimes only a box."""
    if len(shape.exterior.coords) > 5 and random.random() < 0.3:
        shape = shape.minimum_rotated_rectangle
    ring = [
        (x + random.gauss(0, 0.25), y + random.gauss(0, 0.25)) for x, y in shape.simplify(0.05).exterior.coords[:-1]
    ]
    return affinity.translate(Polygon(ring), SHIFT[0] + random.gauss(0, 0.15), SHIFT[1] + random.gauss(0, 0.15))


def _spoil(delivery: Delivery) -> None:
    delivery.spoil("maximum", "confidence", [1.02, 97.0], "not a share of one")
    delivery.spoil("minimum", "confidence", [-0.1], "not a share of one")
    delivery.spoil("exclusiveMinimum", "height", [-2.4, 0.0], "no height at all")
    delivery.spoil("maximum", "height", [9999.0, 1204.5], "higher than any building")
    delivery.spoil("required", "image_date", [None] * 3, "from an image of unknown date")
    for bad in ("", None):
        row = delivery.pick()
        delivery.records[row] |= {"id": bad, "_id": None}
        delivery.note(row, "id", "required", "without an id")
    delivery.spoil("geometry.invalid", "geometry", [lambda r: bow_tie(r["geometry"])] * 4, "the outline crosses itself")
    delivery.spoil("geometry.missing", "geometry", [None] * 2, "a row without an outline")
    delivery.spoil("geometry.empty", "geometry", [lambda _: Polygon()] * 2, "an outline without a corner")
    small = [lambda r: affinity.scale(r["geometry"], 0.5 / r["geometry"].length, 0.5 / r["geometry"].length)] * 2
    delivery.spoil("geometry.small", "geometry", small, "a speck of the image")
    delivery.twice("id", 2)
