"""no_gap: the areas of a layer leave nothing free between them, or nothing of another layer's areas."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import shapely

from cimkit.check.delivery import Delivery
from cimkit.check.kinds import Context
from cimkit.check.outcomes import Outcome
from cimkit.check.rules import Rule
from cimkit.check.topology.features import AREAS, Features, gather, ground_of
from cimkit.check.topology.free_space import CLOSED_M, free_space
from cimkit.check.topology.ground import Ground, Shapes
from cimkit.check.topology.sweep import Bools, Ints
from cimkit.check.topology.told import Failing, outcomes, repeated
from cimkit.messages import say
from cimkit.model import Skipped
from cimkit.standard import Rule as StandardRule

#: Square metres up to which a gap is none, where the standard does not say.
TOLERANCE_M2 = 0.01


def decide(
    asked: StandardRule, rule: Rule, of: Sequence[Delivery], context: Context
) -> Iterator[tuple[Delivery, Outcome] | Skipped]:
    """Holes between the areas that are larger than ``tolerance_m2`` and nowhere wider than ``max_width_m``.

    With ``of``, instead, the parts of that layer's areas that are not covered. Areas that are two
    millimetres apart touch. Each gap is told once, at a record beside it where that has no
    other gap; the value is its area.
    """
    said = asked.parameters
    tolerance = float(said.get("tolerance_m2", TOLERANCE_M2))
    rule = replace(rule, parameters={**rule.parameters, "tolerance_m2": tolerance, "closed_m": CLOSED_M})
    own = gather(context, asked, context.of_layer(asked.layer), kinds=AREAS, by=said.get("by", ()))
    if isinstance(own, Skipped):
        yield own
        return
    others = None
    if said.get("of", asked.layer) != asked.layer:
        found = gather(context, asked, context.of_layer(said["of"]), kinds=AREAS, crs=own.crs, own=False)
        if isinstance(found, Skipped):
            yield found
            return
        others = found
    ground = ground_of(own) if others is None else ground_of(own, others)
    search = _Search(ground, own, tolerance, said.get("max_width_m"))
    groups = np.zeros(len(own), dtype=np.int64)
    if own.group is not None:
        groups = np.unique(own.group, return_inverse=True)[1]
    used = np.zeros(len(own), dtype=bool)
    parts: list[Failing] = []
    for group in range(int(groups.max(initial=-1)) + 1):
        index = np.flatnonzero(groups == group)
        if others is None:
            parts += search.between(index, used)
        else:
            parts += search.of_others(index, others, used)
    lang = context.lang
    where = say("word.beside_it" if others is None else "word.beside_it_in", lang)
    failing = Failing.of(parts)
    failing = replace(failing, says={"where": repeated(where, len(failing.index))})
    yield from outcomes(
        context, rule, of, own, failing, own if others is None else others, nobody=say("word.itself", lang)
    )


@dataclass(frozen=True)
class _Search:
    """The search for gaps among areas; ``widest`` is the most they may measure across, None for any."""

    ground: Ground
    own: Features
    tolerance: float
    widest: float | None

    def between(self, index: Ints, used: Bools) -> Iterator[Failing]:
        """The holes of some areas, each at a record beside it."""
        bounds = self.own.bounds[index]
        low, high = bounds[:, :2].min(axis=0), bounds[:, 2:].max(axis=0)
        margin = (high - low).max() * 0.01 + 1e-9
        frame = shapely.box(*(low - margin), *(high + margin))
        for gap, area in self._counting(free_space(self.ground, self.own, index, frame, open_outside=True)):
            yield self._told(gap, area, index, used, None)

    def of_others(self, index: Ints, others: Features, used: Bools) -> Iterator[Failing]:
        """What some areas leave free of each of the others."""
        for at in range(len(others)):
            region = others.shapes(np.array([at]))[0]
            if region is None or not len(index):
                continue
            free = free_space(self.ground, self.own, index, region, open_outside=False)
            for gap, area in self._counting(free):
                yield self._told(gap, area, index, used, at)

    def _counting(self, gaps: Shapes) -> Iterator[tuple[Any, float]]:
        """The gaps that are large and narrow enough to count, the largest first."""
        if not len(gaps):
            return
        area = self.ground.areas(gaps)
        keep = area > np.maximum(self.tolerance, self.ground.noise(gaps))
        gaps, area = gaps[keep], area[keep]
        bounds = shapely.bounds(gaps)
        flat = self.ground.laid_flat(gaps, (bounds[:, 0] + bounds[:, 2]) / 2, (bounds[:, 1] + bounds[:, 3]) / 2)
        # Where nothing is left of a gap when it shrinks from all sides, it was nowhere wider.
        keep = ~shapely.is_empty(shapely.buffer(flat, -CLOSED_M))
        if self.widest is not None:
            keep &= shapely.is_empty(shapely.buffer(flat, -self.widest / 2))
        gaps, area = gaps[keep], area[keep]
        for at in np.lexsort((*shapely.bounds(gaps).T, -area)):
            yield gaps[at], float(area[at])

    def _told(self, gap: Any, area: float, index: Ints, used: Bools, other: int | None) -> Failing:
        beside = self._beside(gap, index)
        judged = beside[self.own.judged[beside]]
        if not len(judged):
            return Failing.none()
        free = judged[~used[judged]]
        record = int(free[0] if len(free) else judged[0])
        used[record] = True
        if other is None:
            other = next((int(each) for each in beside if each != record), -1)
        place = gap.point_on_surface()
        return Failing(
            np.array([record]), np.array([area]), np.array([place.x]), np.array([place.y]), np.array([other])
        )

    def _beside(self, gap: Any, index: Ints) -> Ints:
        """The records at the edge of a gap, or the nearest to it, by their box where there is none at all."""
        box = self.ground.widened(np.array([gap.bounds]), 2 * CLOSED_M)[0]
        bounds = self.own.bounds[index]
        away = np.maximum(np.maximum(bounds[:, :2] - box[2:], box[:2] - bounds[:, 2:]).max(axis=1), 0.0)
        near = index[away <= 0]
        if len(near):
            apart = shapely.distance(self.own.shapes(near), gap)
            reach = 4 * CLOSED_M / float(self.ground.per_unit(box[[0]], box[[1]]).min())
            touching = near[apart <= reach]
            if len(touching):
                return np.asarray(touching)
        return np.asarray(index[np.argmin(away, keepdims=True)])
