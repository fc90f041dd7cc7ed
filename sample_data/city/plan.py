"""Streets, blocks and townships: the district's plan, in metres of EPSG:4546 (easting, northing)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from random import Random
from typing import Any

import pyproj
import shapely
from shapely.geometry import LineString, Polygon

SEED = "qingliu-2024"
METRIC = "EPSG:4546"  # CGCS2000, 3-degree, central meridian 111 E, no zone prefix
ORIGIN = (558_400.0, 4_517_000.0)  # the plan's south-west corner, near 111.69 E 40.79 N
TURN = math.radians(6.0)  # the street grid against north

COUNTY = "150199"
COUNTY_NAME = "青柳区"
#: Streets run west-east (街), listed from the south; roads run south-north (路), listed from the west.
STREETS = [
    "南环街",
    "沙河街",
    "晓月街",
    "南屏街",
    "云岭街",
    "青柳大街",
    "鼓楼街",
    "书院街",
    "望湖街",
    "长亭街",
    "北环街",
]
ROADS = [
    "西环路",
    "枫桥路",
    "杏林路",
    "白鹭路",
    "石榴路",
    "槐荫路",
    "中柳路",
    "丁香路",
    "海棠路",
    "银杏路",
    "松涛路",
    "铁西路",
    "东环路",
]
ARTERIALS = {"青柳大街", "中柳路"}
RINGS = {"南环街", "北环街", "西环路", "东环路"}
COLLECTORS = {"沙河街", "书院街", "长亭街", "白鹭路", "海棠路"}
#: Code, name, block columns and block rows of each township.
TOWNSHIPS = (
    ("150199001", "柳北街道", range(3), range(5, 10)),
    ("150199002", "书院街道", range(3, 6), range(5, 10)),
    ("150199003", "鼓楼街道", range(6, 9), range(5, 10)),
    ("150199004", "松涛街道", range(9, 12), range(5, 10)),
    ("150199005", "西环街道", range(3), range(5)),
    ("150199006", "沙河街道", range(3, 6), range(5)),
    ("150199007", "南屏街道", range(6, 9), range(5)),
    ("150199100", "东园镇", range(9, 12), range(5)),
)

_lonlat = pyproj.Transformer.from_crs(METRIC, "EPSG:4490", always_xy=True)


def rng(part: str) -> Random:
    """The random numbers of one part of the script, so that a change in one part leaves the others alone."""
    return Random(f"{SEED}:{part}")


def place(u: float, v: float) -> tuple[float, float]:
    """Plan coordinates (metres along the grid) as easting and northing, to the millimetre."""
    x = ORIGIN[0] + u * math.cos(TURN) - v * math.sin(TURN)
    y = ORIGIN[1] + u * math.sin(TURN) + v * math.cos(TURN)
    return round(x, 3), round(y, 3)


def lonlat(geometry: Any, digits: int = 7) -> Any:
    """A metric geometry in degrees of CGCS2000 (to a centimetre the same as WGS84), rounded."""

    def project(points: Any) -> Any:
        lon, lat = _lonlat.transform(points[:, 0], points[:, 1])
        points[:, 0], points[:, 1] = lon.round(digits), lat.round(digits)
        return points

    return shapely.transform(geometry, project)


@dataclass(frozen=True)
class Block:
    """The land between four streets, in plan coordinates, inside its pavements."""

    column: int
    row: int
    west: float
    south: float
    east: float
    north: float

    @property
    def township(self) -> str:
        return next(code for code, _, columns, rows in TOWNSHIPS if self.column in columns and self.row in rows)

    def sides(self) -> tuple[tuple[str, float], ...]:
        """The street on each side and the plan coordinate of that side: south, north, west, east."""
        return (
            (STREETS[self.row], self.south),
            (STREETS[self.row + 1], self.north),
            (ROADS[self.column], self.west),
            (ROADS[self.column + 1], self.east),
        )


def width(street: str) -> float:
    """The width between a street's kerbs in metres."""
    if street in ARTERIALS:
        return 40.0
    return 30.0 if street in RINGS else 24.0 if street in COLLECTORS else 18.0


@dataclass(frozen=True)
class Plan:
    """The grid: where each road (u) and street (v) runs, and the blocks between them."""

    u: tuple[float, ...]
    v: tuple[float, ...]
    blocks: tuple[Block, ...]

    def outline(self, columns: range, rows: range) -> Polygon:
        """The land between four street centre lines; shared corners are shared exactly."""
        west, east = columns.start, columns.stop
        ring = [(i, rows.start) for i in range(west, east + 1)]
        ring += [(east, j) for j in range(rows.start + 1, rows.stop + 1)]
        ring += [(i, rows.stop) for i in range(east - 1, west - 1, -1)]
        ring += [(west, j) for j in range(rows.stop - 1, rows.start, -1)]
        return Polygon([place(self.u[i], self.v[j]) for i, j in ring])

    def segments(self) -> list[tuple[str, LineString]]:
        """Every street from crossing to crossing."""
        found = []
        for j, street in enumerate(STREETS):
            for i in range(len(ROADS) - 1):
                ends = [place(self.u[i], self.v[j]), place(self.u[i + 1], self.v[j])]
                found.append((street, LineString(ends)))
        for i, road in enumerate(ROADS):
            for j in range(len(STREETS) - 1):
                ends = [place(self.u[i], self.v[j]), place(self.u[i], self.v[j + 1])]
                found.append((road, LineString(ends)))
        return found


def make_plan() -> Plan:
    """The same plan every time."""
    random = rng("plan")
    u, v = [0.0], [0.0]
    for _ in ROADS[1:]:
        u.append(u[-1] + random.randint(215, 275))
    for _ in STREETS[1:]:
        v.append(v[-1] + random.randint(200, 250))
    blocks = []
    for row in range(len(STREETS) - 1):
        for column in range(len(ROADS) - 1):
            pavement = 5.0
            blocks.append(
                Block(
                    column,
                    row,
                    u[column] + width(ROADS[column]) / 2 + pavement,
                    v[row] + width(STREETS[row]) / 2 + pavement,
                    u[column + 1] - width(ROADS[column + 1]) / 2 - pavement,
                    v[row + 1] - width(STREETS[row + 1]) / 2 - pavement,
                )
            )
    return Plan(tuple(u), tuple(v), tuple(blocks))
