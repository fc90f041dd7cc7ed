"""no_overlap: the areas of a layer lie beside each other, or beside those of another layer."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial

import numpy as np

from cimkit.check.delivery import Delivery
from cimkit.check.kinds import Context
from cimkit.check.outcomes import Outcome
from cimkit.check.rules import Rule
from cimkit.check.topology.features import AREAS, Features, gather, ground_of
from cimkit.check.topology.ground import Ground
from cimkit.check.topology.overlay import Overlay
from cimkit.check.topology.pairs import pairs_of
from cimkit.check.topology.sweep import Bools, Ints
from cimkit.check.topology.told import Failing, outcomes
from cimkit.messages import say
from cimkit.model import Skipped
from cimkit.standard import Rule as StandardRule

#: Square metres up to which an overlap is none, where the standard does not say.
TOLERANCE_M2 = 0.01
#: Of a record that overlaps more others than this, the rest is not measured.
ENOUGH = 16
#: How much larger than measured a box may be on the ground; and how many runs of findings are kept apart.
_MARGIN, _PARTS = 1.05, 64


def decide(
    asked: StandardRule, rule: Rule, of: Sequence[Delivery], context: Context
) -> Iterator[tuple[Delivery, Outcome] | Skipped]:
    """Records whose area has more than ``tolerance_m2`` in common with that of another; its value is the largest."""
    tolerance = float(asked.parameters.get("tolerance_m2", TOLERANCE_M2))
    other_layer = asked.parameters.get("of", asked.layer)
    rule = replace(rule, parameters={**rule.parameters, "tolerance_m2": tolerance, "of": other_layer})
    own = gather(context, asked, context.of_layer(asked.layer), kinds=AREAS, by=asked.parameters.get("by", ()))
    if isinstance(own, Skipped):
        yield own
        return
    others = own
    if other_layer != asked.layer:
        found = gather(context, asked, context.of_layer(other_layer), kinds=AREAS, crs=own.crs, own=False)
        if isinstance(found, Skipped):
            yield found
            return
        others = found
    overlay = Overlay(ground_of(own, others))
    failing = overlaps(own, None if others is own else others, overlay, tolerance)
    yield from outcomes(context, rule, of, own, failing, others)
    if overlay.lost:
        yield Skipped(asked.id, say("skipped.lost_pairs", context.lang, n=overlay.lost))


def overlaps(own: Features, others: Features | None, overlay: Overlay, tolerance: float) -> Failing:
    """Every record that overlaps another, up to :data:`ENOUGH` times each."""
    met = np.zeros(len(own), dtype=np.int64)
    # Another layer's records have no findings, so they ask for no pairs.
    open_own = np.ones(len(own), dtype=bool)
    parts: list[Failing] = []
    worth = partial(_worth, overlay.ground, own, others or own, tolerance)
    for pairs in pairs_of(own, others, open_own=open_own, worth=worth):
        area, x, y = overlay.common(pairs.one, pairs.two, pairs.first, pairs.second)
        hit = np.flatnonzero(area > tolerance)
        a, b, area, x, y = pairs.a[hit], pairs.b[hit], area[hit], x[hit], y[hit]
        for mine, other in ((a, b), (b, a)) if others is None else ((a, b),):
            np.add.at(met, mine, 1)
            open_own[mine] = met[mine] < ENOUGH
            judged = own.judged[mine]
            parts.append(Failing(mine[judged], area[judged], x[judged], y[judged], other[judged]))
        if len(parts) > _PARTS:
            parts = [Failing.of(parts).worst()]
    return Failing.of(parts)


def _worth(ground: Ground, own: Features, others: Features, tolerance: float, a: Ints, b: Ints) -> Bools:
    """Whether the boxes have enough in common for the shapes to overlap by more than the tolerance."""
    one, two = own.bounds[a], others.bounds[b]
    low, high = np.maximum(one[:, :2], two[:, :2]), np.minimum(one[:, 2:], two[:, 2:])
    middle = np.clip(0.0, low[:, 1], high[:, 1])  # the latitude with the longest degrees
    sides = (high - low) * ground.per_unit(low[:, 0], middle)
    return np.asarray(sides.prod(axis=1) * _MARGIN > tolerance)
