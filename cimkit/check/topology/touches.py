"""touches: each record meets a record of another layer."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from cimkit.check.delivery import Delivery
from cimkit.check.kinds import Context
from cimkit.check.outcomes import Outcome
from cimkit.check.rules import Rule
from cimkit.check.topology.distances import apart, nearest
from cimkit.check.topology.features import ANY, gather, ground_of
from cimkit.check.topology.pairs import pairs_of
from cimkit.check.topology.told import Failing, layer_name, outcomes, repeated
from cimkit.messages import say
from cimkit.model import Skipped
from cimkit.standard import Rule as StandardRule

#: Metres within which two places are one, where the standard does not say.
TOLERANCE_M = 0.01


def decide(
    asked: StandardRule, rule: Rule, of: Sequence[Delivery], context: Context
) -> Iterator[tuple[Delivery, Outcome] | Skipped]:
    """Records with no other within ``tolerance_m``; the value is the distance to the nearest."""
    said = asked.parameters
    tolerance = float(said.get("tolerance_m", TOLERANCE_M))
    rule = replace(rule, parameters={**rule.parameters, "tolerance_m": tolerance})
    own = gather(context, asked, context.of_layer(asked.layer), kinds=ANY)
    if isinstance(own, Skipped):
        yield own
        return
    alone = said["of"] == asked.layer
    others = own if alone else gather(context, asked, context.of_layer(said["of"]), kinds=ANY, crs=own.crs, own=False)
    if isinstance(others, Skipped):
        yield others
        return
    ground = ground_of(own, others)
    met = np.zeros(len(own), dtype=bool)
    open_own = np.ones(len(own), dtype=bool)
    boxes = ground.widened(own.bounds, tolerance)
    for pairs in pairs_of(own, None if alone else others, boxes=boxes, open_own=open_own):
        left = ~met[pairs.a] | (~met[pairs.b] if alone else False)
        one, two = pairs.shapes
        near = apart(ground, one[left], two[left])[0] <= tolerance
        met[pairs.a[left][near]] = True
        if alone:
            met[pairs.b[left][near]] = True
        open_own[met] = False
    index = np.flatnonzero(~met & own.judged)
    other, metres, x, y = nearest(ground, own, index, others)
    layer = layer_name(context, said["of"])
    failing = Failing(index, metres, x, y, other, {"layer": repeated(layer, len(index))})
    nobody = say("word.no_other", context.lang, layer=layer)
    yield from outcomes(context, rule, of, own, failing, others, nobody=nobody)
