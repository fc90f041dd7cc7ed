"""The true buildings: what a perfect survey would know of each."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from random import Random

from shapely.geometry import Polygon

from .plan import Block, Plan, place, rng

#: What stands on a block: building function, cell width and depth, share of the cell that is built on,
#: floors, share of L shapes. Metres.
USES: dict[str, tuple[str, float, float, float, tuple[int, int], float]] = {
    "slabs": ("residential", 49.0, 23.0, 0.60, (5, 7), 0.05),
    "towers": ("residential", 42.0, 38.0, 0.62, (11, 28), 0.25),
    "village": ("residential", 11.0, 19.0, 1.0, (1, 3), 0.0),
    "shops": ("commercial", 46.0, 42.0, 0.80, (2, 6), 0.45),
    "offices": ("commercial", 60.0, 50.0, 0.75, (8, 24), 0.30),
    "works": ("industrial", 66.0, 46.0, 0.85, (1, 3), 0.15),
    "school": ("education", 70.0, 48.0, 0.70, (3, 5), 0.50),
    "hospital": ("medical", 70.0, 60.0, 0.75, (4, 12), 0.50),
    "civic": ("civic", 70.0, 60.0, 0.70, (3, 9), 0.50),
    "temple": ("religious", 44.0, 40.0, 0.60, (1, 2), 0.0),
    "station": ("transportation", 90.0, 60.0, 0.80, (1, 3), 0.0),
    "hall": ("entertainment", 88.0, 80.0, 0.70, (2, 4), 0.4),
    "glass": ("agricultural", 70.0, 16.0, 0.75, (1, 1), 0.0),
    "park": ("service", 110.0, 100.0, 0.12, (1, 1), 0.0),
}
#: Blocks with a use of their own: (column, row) -> use.
PLACED = {
    **dict.fromkeys([(1, 2), (4, 8), (7, 1), (9, 6), (2, 6)], "school"),
    **dict.fromkeys([(3, 3), (8, 8)], "hospital"),
    **dict.fromkeys([(5, 5), (6, 5)], "civic"),
    **dict.fromkeys([(0, 0), (1, 0)], "glass"),
    **dict.fromkeys([(3, 7), (7, 6), (2, 3), (9, 2)], "park"),
    **dict.fromkeys([(0, 7), (0, 8), (1, 8), (1, 7), (0, 6)], "village"),
    (4, 6): "temple",
    (9, 0): "station",
    (5, 3): "hall",
}


@dataclass
class Building:
    """One real building. Heights in metres above ground, ``shape`` in metres of EPSG:4546."""

    key: str
    shape: Polygon
    block: Block
    use: str
    function: str
    floors: int
    floors_below: int
    height: float
    base: float
    year: int
    name: str | None = None
    street: str = ""
    number: int = 0
    #: The building in the same terrace whose wall this one shares (to the east).
    neighbour: str | None = None
    corners: list[tuple[float, float]] = field(default_factory=list)


def use_of(block: Block) -> str:
    place_ = (block.column, block.row)
    if place_ in PLACED:
        return PLACED[place_]
    if block.column >= 10:
        return "works"
    if 4 <= block.column <= 7 and 3 <= block.row <= 6:
        return "offices" if (block.column + block.row) % 2 else "shops"
    return "towers" if (block.column * 3 + block.row) % 4 == 0 else "slabs"


def _shape(random: Random, u: float, v: float, w: float, d: float, ell: bool, turn: float) -> list[tuple[float, float]]:
    """A rectangle or L around plan point u, v as plan coordinates, counter-clockwise."""
    x0, x1, y0, y1 = -w / 2, w / 2, -d / 2, d / 2
    if ell:
        cut_x, cut_y = w * random.uniform(0.35, 0.6), d * random.uniform(0.35, 0.6)
        ring = [(x0, y0), (x1, y0), (x1, y1 - cut_y), (x1 - cut_x, y1 - cut_y), (x1 - cut_x, y1), (x0, y1)]
        if random.random() < 0.5:
            ring = [(-x, y) for x, y in reversed(ring)]
    else:
        ring = [(x0, y0), (x1, y0), (x1, y1), (x0, y1)]
    cos, sin = math.cos(turn), math.sin(turn)
    return [(u + x * cos - y * sin, v + x * sin + y * cos) for x, y in ring]


def _cells(block: Block, width: float, depth: float) -> list[tuple[int, int, float, float, float, float]]:
    """The block cut into equal cells near the wished size: column, row, centre u, centre v, width, depth."""
    columns = max(1, int((block.east - block.west) // width))
    rows = max(1, int((block.north - block.south) // depth))
    w, d = (block.east - block.west) / columns, (block.north - block.south) / rows
    return [
        (i, j, block.west + (i + 0.5) * w, block.south + (j + 0.5) * d, w, d)
        for j in range(rows)
        for i in range(columns)
    ]


def _terrace(cell: tuple[int, int, float, float, float, float], previous: Building | None) -> list[tuple[float, float]]:
    """A house that shares its west wall with the one before it in the row."""
    _, _, u, v, w, d = cell
    half = d * 0.21
    west = previous.corners[1:3] if previous else [(u - w / 2, v - half), (u - w / 2, v + half)]
    return [west[0], (u + w / 2, v - half), (u + w / 2, v + half), west[1]]


def make_buildings(plan: Plan) -> list[Building]:
    """All buildings, in the order of their blocks."""
    random = rng("buildings")
    found: list[Building] = []
    for block in plan.blocks:
        use = use_of(block)
        function, wish_w, wish_d, share, floors, ells = USES[use]
        year = random.choice([1978, 1986, 1993, 1999, 2004, 2009, 2014, 2018])
        previous: Building | None = None  # the house to the west, in a terrace
        for cell in _cells(block, wish_w, wish_d):
            _, _, u, v, w, d = cell
            if use == "village":
                previous = None if cell[0] == 0 else previous
                if cell[0] % 6 == 5:  # an alley
                    previous = None
                    continue
                ring = _terrace(cell, previous)
            else:
                if random.random() < 0.06:
                    continue  # a yard
                side = math.sqrt(share)
                width = min(w - 7, w * side * random.uniform(0.85, 1.1))
                depth = min(d - 7, d * side * random.uniform(0.80, 1.1)) if use != "slabs" else random.uniform(11, 14)
                turn = math.radians(random.uniform(-1.2, 1.2))
                ring = _shape(random, u, v, width, depth, random.random() < ells, turn)
            storeys = random.randint(*floors)
            low = function in ("industrial", "agricultural", "transportation", "religious", "entertainment")
            building = Building(
                key=f"b{len(found) + 1:04d}",
                shape=Polygon([place(a, b) for a, b in ring]),
                block=block,
                use=use,
                function=function,
                floors=storeys,
                floors_below=random.choice([0, 1, 2]) if storeys > 7 else 0,
                height=round(storeys * random.uniform(4.2, 5.9) + 0.6, 1)
                if low
                else round(storeys * random.uniform(2.85, 3.4) + 0.8, 1),
                base=round(1040 + v / 200 + random.uniform(-0.4, 0.4), 2),
                year=year + random.randint(0, 5),
                corners=ring,
            )
            if use == "village":
                if previous is not None:
                    previous.neighbour = building.key
                previous = building
            found.append(building)
    _name(found)
    _number(found)
    return found


def _name(buildings: list[Building]) -> None:
    """Names of housing estates with block numbers, of schools, hospitals and offices."""
    random = rng("names")
    first, second = "柳翠云锦书香湖畔春晓金桂松涛晴川", "苑园庭居里湾坊邸"
    taken: set[str] = set()
    estates: dict[tuple[int, int], str] = {}
    counts: dict[tuple[int, int], int] = {}
    schools = 0
    for building in buildings:
        at = (building.block.column, building.block.row)
        counts[at] = counts.get(at, 0) + 1
        if at not in estates:
            while True:
                estate = random.choice(first) + random.choice(first) + random.choice(second)
                if estate not in taken and estate[0] != estate[1]:
                    break
            taken.add(estate)
            estates[at] = estate
            schools += building.use == "school"
        n = counts[at]
        if building.use in ("slabs", "towers"):
            building.name = f"{estates[at]}{n}号楼"
        elif building.use == "school":
            building.name = f"青柳区第{'一二三四五'[schools - 1]}中学" + ("教学楼" if n == 1 else f"{n}号楼")
        elif building.use == "hospital":
            building.name = f"青柳区{'人民医院' if at == (3, 3) else '中医院'}{n}号楼"
        elif building.use == "offices":
            building.name = f"{estates[at][:2]}大厦{'ABCDEFGHIJKLMNOPQRSTUVWXYZ'[n - 1]}座"
        elif building.use == "civic":
            building.name = f"青柳区{'行政中心' if at == (5, 5) else '政务服务中心'}{n}号楼"
        elif building.use == "station":
            building.name = "青柳南站" if n == 1 else f"青柳南站{n}号楼"
        elif building.use == "temple":
            building.name = "柳荫寺" if n == 1 else None


def _number(buildings: list[Building]) -> None:
    """Each building's street is the one nearest to it; numbers rise along it, odd on one side."""
    sides: dict[tuple[str, int], list[tuple[float, Building]]] = {}
    for building in buildings:
        u = sum(c[0] for c in building.corners) / len(building.corners)
        v = sum(c[1] for c in building.corners) / len(building.corners)
        (south, north, west, east) = building.block.sides()
        options = [
            (v - south[1], south[0], 0, u),
            (north[1] - v, north[0], 1, u),
            (u - west[1], west[0], 0, v),
            (east[1] - u, east[0], 1, v),
        ]
        _, street, side, along = min(options)
        building.street = street
        sides.setdefault((street, side), []).append((along, building))
    for (_, side), members in sides.items():
        for n, (_, building) in enumerate(sorted(members, key=lambda m: (m[0], m[1].key))):
            building.number = 2 * n + 1 + side
