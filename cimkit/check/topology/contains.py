"""contains: how many records of another layer lie inside each record."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
import shapely

from cimkit.check.delivery import Delivery
from cimkit.check.kinds import Context
from cimkit.check.outcomes import Outcome
from cimkit.check.rules import Rule
from cimkit.check.topology.features import ANY, AREAS, gather, ground_of
from cimkit.check.topology.overlay import Overlay
from cimkit.check.topology.pairs import Shaped, pairs_of
from cimkit.check.topology.sweep import Bools
from cimkit.check.topology.told import Failing, layer_name, outcomes, repeated
from cimkit.messages import Plain, say
from cimkit.model import Skipped
from cimkit.standard import Rule as StandardRule

#: An area is inside if this much of it is: borders that two surveys share differ by rounding.
SHARE = 0.99


def decide(
    asked: StandardRule, rule: Rule, of: Sequence[Delivery], context: Context
) -> Iterator[tuple[Delivery, Outcome] | Skipped]:
    """Areas with fewer than ``min`` or more than ``max`` records inside (``min`` is 1 where neither is said)."""
    said = asked.parameters
    least = int(said.get("min", 0 if "max" in said else 1))
    most = int(said["max"]) if "max" in said else None
    expected = Plain(_wanted(least, most, context.lang))
    rule = replace(rule, parameters={**rule.parameters, "min": least, "share": SHARE}, expected=expected)
    own = gather(context, asked, context.of_layer(asked.layer), kinds=AREAS)
    if isinstance(own, Skipped):
        yield own
        return
    others = gather(context, asked, context.of_layer(said["of"]), kinds=ANY, crs=own.crs, own=False)
    if isinstance(others, Skipped):
        yield others
        return
    overlay = Overlay(ground_of(own, others))
    count = np.zeros(len(own), dtype=np.int64)
    for pairs in pairs_of(own, others):
        inside = pairs.a[_inside(overlay, pairs)]
        count += np.bincount(inside, minlength=len(own))
    wrong = (count < least) | (count > most if most is not None else np.zeros(len(own), dtype=bool))
    index = np.flatnonzero(wrong & own.judged)
    nowhere, nobody = np.full(len(index), np.nan), np.full(len(index), -1, dtype=np.int64)
    layer = layer_name(context, said["of"])
    failing = Failing(
        index, count[index].astype(float), nowhere, nowhere, nobody, {"layer": repeated(layer, len(index))}
    )
    yield from outcomes(context, rule, of, own, failing)


def _inside(overlay: Overlay, pairs: Shaped) -> Bools:
    shapely.prepare(pairs.one)
    inside = np.asarray(shapely.covers(pairs.one[pairs.first], pairs.two[pairs.second]))
    left = np.flatnonzero(~inside & (shapely.get_dimensions(pairs.two) == 2)[pairs.second])
    if len(left):
        common = overlay.common(pairs.one, pairs.two, pairs.first[left], pairs.second[left])[0]
        inside[left] = common > SHARE * overlay.ground.areas(pairs.two)[pairs.second[left]]
    return inside


def _wanted(least: int, most: int | None, lang: str) -> str:
    if most is None:
        return say("word.count_at_least", lang, n=least)
    return say("word.between", lang, least=least, most=most) if least else say("word.count_at_most", lang, n=most)
