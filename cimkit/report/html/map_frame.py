"""Which part of the world a map of findings shows: where most places are, with those far off told, not drawn small.

One record without a place lies at (0, 0), one with swapped axes on another continent; a map of
all would be two dots. Longitudes are taken past 180 where that makes a layer across the
antimeridian one piece.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from cimkit.model import BBox

Place = tuple[float, float]

#: Places farther from the middle than this many times the distance within which nine of ten lie are far off.
_FAR = 6.0
_NEAR_NULL = 0.01  # degrees; (0, 0) is in the sea
_LEAST_SPAN = 0.002  # degrees, about 200 m
_MARGIN = 0.08
#: A layer whose extent is more than this many times the places' is not fully in view.
_WIDE = 2.5


@dataclass(frozen=True)
class Frame:
    """What a map shows: ``most`` and ``whole`` as west, south, east, north, and the places beyond ``most``."""

    most: BBox
    whole: BBox
    far: tuple[Place, ...]
    farthest: Place | None
    past_180: bool

    def unrolled(self, longitude: float) -> float:
        """A longitude as the map counts it."""
        return longitude + 360 if self.past_180 and longitude < 0 else longitude


def frame(places: Sequence[Place], extents: Sequence[BBox]) -> Frame | None:
    """The frame of a map of ``places`` on layers of these ``extents``; None without places."""
    places = [place for place in places if _on_earth(place)]
    if not places:
        return None
    past_180 = _span([x for x, _ in places]) > 180 and _span([x % 360 for x, _ in places]) < 180
    if past_180:
        places = [(x + 360 if x < 0 else x, y) for x, y in places]
        extents = []  # min and max of longitudes say nothing of a layer across the antimeridian
    extents = [box for box in extents if _on_earth(box[:2]) and _on_earth(box[2:])]
    near, far, middle = _apart(places, extents)
    most = _padded(_with_layers(_around(near), extents))
    return Frame(most, _padded(_union(most, _around(places))), tuple(far), _farthest(far, middle), past_180)


def _apart(places: Sequence[Place], extents: Sequence[BBox]) -> tuple[list[Place], list[Place], Place]:
    """The places that lie together, and those far from them."""
    null = {place for place in places if abs(place[0]) < _NEAR_NULL and abs(place[1]) < _NEAR_NULL}
    if len(null) == len(set(places)) or any(w > -1 and e < 1 and s > -1 and n < 1 for w, s, e, n in extents):
        null = set()
    rest = [place for place in places if place not in null]
    middle = (median(x for x, _ in rest), median(y for _, y in rest))
    distances = sorted(_distance(place, middle) for place in rest)
    reach = max(distances[math.ceil(0.9 * len(distances)) - 1], _LEAST_SPAN)
    near = [place for place in rest if _distance(place, middle) <= _FAR * reach]
    together = set(near)
    return near, [place for place in places if place not in together], middle


def _with_layers(box: BBox, extents: Sequence[BBox]) -> BBox:
    """The box of the places with the layers they lie in, but for those that would make it a speck."""
    reach = _WIDE * max(_size(box), _LEAST_SPAN)
    meeting = sorted((extent for extent in extents if _meet(box, extent)), key=_size)
    for number, extent in enumerate(meeting):
        # The smallest layer is always shown whole where the places are a single one.
        if _size(extent) <= reach or (number == 0 and not _size(box)):
            box = _union(box, extent)
    return box


def _farthest(far: Sequence[Place], middle: Place) -> Place | None:
    return max(far, key=lambda place: (_distance(place, middle), place)) if far else None


def _on_earth(place: Sequence[float]) -> bool:
    return all(map(math.isfinite, place)) and abs(place[0]) <= 180 and abs(place[1]) <= 90


def _distance(place: Place, other: Place) -> float:
    """In degrees of latitude, near enough to tell near from far."""
    return math.hypot((place[0] - other[0]) * math.cos(math.radians(other[1])), place[1] - other[1])


def _span(numbers: Sequence[float]) -> float:
    return max(numbers) - min(numbers)


def _around(places: Sequence[Place]) -> BBox:
    xs, ys = [x for x, _ in places], [y for _, y in places]
    return min(xs), min(ys), max(xs), max(ys)


def _union(one: BBox, other: BBox) -> BBox:
    return min(one[0], other[0]), min(one[1], other[1]), max(one[2], other[2]), max(one[3], other[3])


def _meet(one: BBox, other: BBox) -> bool:
    return one[0] <= other[2] and other[0] <= one[2] and one[1] <= other[3] and other[1] <= one[3]


def _size(box: BBox) -> float:
    return math.hypot(box[2] - box[0], box[3] - box[1])


def _padded(box: BBox) -> BBox:
    """The box with a margin, and not smaller than what can be told apart."""
    width, height = max(box[2] - box[0], _LEAST_SPAN), max(box[3] - box[1], _LEAST_SPAN)
    x, y = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2
    half_width, half_height = width * (0.5 + _MARGIN), height * (0.5 + _MARGIN)
    return x - half_width, y - half_height, x + half_width, y + half_height
