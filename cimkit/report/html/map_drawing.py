"""The map of findings as SVG: layers' extents, points by severity, a graticule and a scale bar, no background.

Plate carrée with the middle's parallel at true scale: good for a district, fair for a
country, and the same few lines of arithmetic in the page's script, which draws it again when
it is moved.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from cimkit.model import SEVERITIES, BBox
from cimkit.report.html.chosen import Broken
from cimkit.report.html.map_frame import Frame

WIDTH, HEIGHT = 960, 540
_CELL = 30  # pixels within which points become one
_COVER = 0.8  # of the sum of radii: nearer markers cover each other
_METRES_A_DEGREE = 111_320  # at the equator; a scale bar needs no more
_LINES = 6


@dataclass(frozen=True)
class Line:
    """A line of the graticule, its label's words, and where it is drawn."""

    upright: bool
    at: float
    label: str


@dataclass(frozen=True)
class Box:
    """The extent of a layer."""

    x: float
    y: float
    width: float
    height: float
    name: str


@dataclass(frozen=True)
class Marker:
    """One place or several near each other, coloured by the worst; ``rule`` is that one's number."""

    x: float
    y: float
    radius: float
    severity: str
    count: int
    rule: int


@dataclass(frozen=True)
class Drawing:
    """Everything on the map, in pixels."""

    lines: Sequence[Line]
    boxes: Sequence[Box]
    markers: Sequence[Marker]
    scale_width: float
    scale_label: str


class View:
    """From longitude and latitude to pixels."""

    def __init__(self, frame: Frame, box: BBox) -> None:
        self.frame = frame
        self.x, self.y = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2
        self.squeeze = max(math.cos(math.radians(self.y)), 0.05)
        self.scale = min(WIDTH / ((box[2] - box[0]) * self.squeeze), HEIGHT / (box[3] - box[1]))

    def place(self, longitude: float, latitude: float) -> tuple[float, float]:
        x = WIDTH / 2 + (self.frame.unrolled(longitude) - self.x) * self.squeeze * self.scale
        return x, HEIGHT / 2 - (latitude - self.y) * self.scale


def drawing(frame: Frame, broken: Sequence[Broken], layers: Sequence[tuple[str, BBox]]) -> Drawing:
    """The map as it opens."""
    view = View(frame, frame.most)
    metres = 100 * _METRES_A_DEGREE / view.scale
    length = nice(metres)
    label = f"{length / 1000:g} km" if length >= 1000 else f"{length:g} m"
    return Drawing(_graticule(view), _boxes(view, layers), _markers(view, broken), 100 * length / metres, label)


def nice(number: float) -> float:
    """The largest of 1, 2 and 5 times a power of ten that is not above ``number``."""
    power = 10.0 ** math.floor(math.log10(number))
    return float(max(step * power for step in (1, 2, 5) if step * power <= number * (1 + 1e-9)))


def _graticule(view: View) -> list[Line]:
    lines = []
    for upright, size, middle, squeeze in (
        (True, WIDTH, view.x, view.squeeze),
        (False, HEIGHT, view.y, 1.0),
    ):
        degrees = size / view.scale / squeeze
        step = nice(degrees / (_LINES if upright else _LINES / 2))
        first = math.ceil((middle - degrees / 2) / step)
        for number in range(first, math.floor((middle + degrees / 2) / step) + 1):
            at = number * step
            x, y = view.place(at, at)
            if upright and abs(at) <= 360:
                lines.append(Line(True, x, degree(at, step, "EW")))
            elif not upright and abs(at) <= 90:
                lines.append(Line(False, y, degree(at, step, "NS")))
    return lines


def degree(value: float, step: float, sides: str) -> str:
    """A longitude or latitude with as many decimals as tell lines ``step`` apart."""
    if sides == "EW" and value > 180:
        value -= 360
    decimals = max(0, -math.floor(math.log10(step) + 1e-9))
    side = sides[0] if value > 0 else sides[1] if value < 0 else ""
    return f"{abs(value):.{decimals}f}°{side}"


def _boxes(view: View, layers: Sequence[tuple[str, BBox]]) -> list[Box]:
    boxes = []
    # The greatest first, so that none hides a smaller one.
    for name, (west, south, east, north) in sorted(layers, key=_area, reverse=True):
        left, top = view.place(west, north)
        right, bottom = view.place(east, south)
        # An edge beyond the view is drawn just outside of it.
        left, right = max(left, -9.0), min(right, WIDTH + 9.0)
        top, bottom = max(top, -9.0), min(bottom, HEIGHT + 9.0)
        if left < right and top < bottom:
            boxes.append(Box(left, top, right - left, bottom - top, name))
    return boxes


def _area(layer: tuple[str, BBox]) -> float:
    west, south, east, north = layer[1]
    return (east - west) * (north - south)


def _markers(view: View, broken: Sequence[Broken]) -> list[Marker]:
    """Points in the same cell of a grid become one marker."""
    cells: dict[tuple[int, int], list[tuple[float, float, int]]] = {}
    for rule in broken:
        for example in rule.examples:
            if "p" in example.record:
                x, y = view.place(*example.record["p"])
                if 0 <= x <= WIDTH and 0 <= y <= HEIGHT:
                    cells.setdefault((int(x // _CELL), int(y // _CELL)), []).append((x, y, rule.number))
    severities = {rule.number: rule.result.severity for rule in broken}
    markers = []
    for x, y, rules in _apart(list(cells.values())):
        worst = min(rules, key=lambda number: (SEVERITIES.index(severities[number]), number))
        markers.append(Marker(x, y, radius(len(rules)), severities[worst], len(rules), worst))
    return markers


def _apart(cells: Sequence[Sequence[tuple[float, float, int]]]) -> list[tuple[float, float, list[int]]]:
    """Markers that would cover each other become one; the greatest stand first, so that none hides a smaller one."""
    apart: list[tuple[float, float, list[int]]] = []
    for points in sorted(cells, key=lambda points: (-len(points), points[0])):
        count = len(points)
        x, y = sum(p[0] for p in points) / count, sum(p[1] for p in points) / count
        rules = [point[2] for point in points]
        for other in apart:
            if math.hypot(other[0] - x, other[1] - y) < _COVER * (radius(len(other[2])) + radius(count)):
                other[2].extend(rules)
                break
        else:
            apart.append((x, y, rules))
    return apart


def radius(count: int) -> float:
    return 5.5 if count == 1 else min(8 + 2 * math.log2(count), 24)
