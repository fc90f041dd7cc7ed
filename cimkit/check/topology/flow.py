"""flow: water runs downhill along every pipe, and from each pipe into the next."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from cimkit.check.columns import ROW
from cimkit.check.delivery import Delivery
from cimkit.check.kinds import Context
from cimkit.check.outcomes import Outcome
from cimkit.check.rules import Rule
from cimkit.check.topology.lines import Network, network
from cimkit.check.topology.nodes import clusters
from cimkit.check.topology.sweep import Floats
from cimkit.check.topology.told import Failing, repeated
from cimkit.duck import identifier
from cimkit.messages import say
from cimkit.model import Skipped
from cimkit.standard import Rule as StandardRule


def decide(
    asked: StandardRule, rule: Rule, of: Sequence[Delivery], context: Context
) -> Iterator[tuple[Delivery, Outcome] | Skipped]:
    """Pipes that rise from ``start`` to ``end``, or that start above the end of a pipe which flows into them.

    A pipe runs in the order of its points. The value is the rise in metres, where it is more
    than ``vertical_tolerance_m``. Pipes without an elevation are not judged by it.
    """
    net = network(asked, rule, of, context)
    if isinstance(net, Skipped):
        yield net
        return
    tolerance = float(asked.parameters.get("vertical_tolerance_m", 0.0))
    net = replace(net, rule=replace(net.rule, parameters={**net.rule.parameters, "vertical_tolerance_m": tolerance}))
    start, end = _elevations(context, net, asked.parameters["start"], asked.parameters["end"])
    with np.errstate(invalid="ignore"):
        rises = end - start - tolerance > _ROUNDING
    rising = np.flatnonzero(rises)
    along = Failing(
        rising,
        (end - start)[rising],
        net.ends.last[rising, 0],
        net.ends.last[rising, 1],
        np.full(len(rising), -1, dtype=np.int64),
    )
    steps = _steps(net, start, end, tolerance)
    # One finding per cause: a pipe that rises by itself is told as such.
    steps = _without(steps, rises)
    lang = context.lang
    where = np.concatenate(
        [repeated(say("word.along", lang), len(rising)), repeated(say("word.from", lang), len(steps.index))]
    )
    failing = replace(Failing.of([along, steps]), says={"where": where})
    yield from net.outcomes(failing, net.lines, nobody="")


#: Metres by which elevations differ when numbers are rounded.
_ROUNDING = 1e-9


def _elevations(context: Context, net: Network, start: str, end: str) -> tuple[Floats, Floats]:
    """The elevation at the start and the end of each line, NaN where it is not known."""
    found = np.full((2, len(net.lines)), np.nan)
    for number, delivery in enumerate(net.lines.deliveries):
        mine = np.flatnonzero(net.lines.delivery == number)
        order = mine[np.argsort(net.lines.row[mine])]
        values = context.con.execute(
            f"SELECT {ROW}, TRY_CAST({identifier(start)} AS DOUBLE) AS a, TRY_CAST({identifier(end)} AS DOUBLE) AS b "
            f"FROM ({delivery.table.sql}) ORDER BY {ROW}"
        ).fetchnumpy()
        at = np.searchsorted(values[ROW], net.lines.row[order])
        for place, name in enumerate("ab"):
            column = np.ma.filled(np.ma.asarray(values[name], dtype=np.float64), np.nan)
            found[place, order] = np.where(np.isfinite(column), column, np.nan)[at]
    return found[0], found[1]


def _steps(net: Network, start: Floats, end: Floats, tolerance: float) -> Failing:
    """Lines that start above the lowest end of those which end at their start."""
    lines = net.lines
    count = len(lines)
    places = np.concatenate([net.ends.last, net.ends.first])
    known = np.isfinite(places).all(axis=1)
    node = np.full(2 * count, -1, dtype=np.int64)
    node[known] = clusters(net.ground, places[known, 0], places[known, 1], net.tolerance)
    if lines.group is not None and count:
        groups = np.unique(lines.group, return_inverse=True)[1]
        both = np.stack([node, np.concatenate([groups, groups])], axis=1)
        node = np.where(known, np.unique(both, axis=0, return_inverse=True)[1].ravel(), -1)
    into, out = node[:count], node[count:]
    giving = np.flatnonzero((into >= 0) & np.isfinite(end))
    order = giving[np.lexsort((giving, end[giving], into[giving]))]
    first = order[np.flatnonzero(np.diff(into[order], prepend=-1))]  # the lowest of each node
    lowest = np.full(int(node.max(initial=-1)) + 2, -1, dtype=np.int64)
    lowest[into[first]] = first
    taking = np.flatnonzero((out >= 0) & np.isfinite(start) & (lowest[out] >= 0))
    giver = lowest[out[taking]]
    rise = start[taking] - end[giver]
    high = (rise - tolerance > _ROUNDING) & (giver != taking)
    taking, giver = taking[high], giver[high]
    return Failing(taking, rise[high], net.ends.first[taking, 0], net.ends.first[taking, 1], giver)


def _without(failing: Failing, left_out: np.ndarray) -> Failing:
    keep = ~left_out[failing.index] if len(failing.index) else np.zeros(0, dtype=bool)
    return Failing(failing.index[keep], failing.value[keep], failing.x[keep], failing.y[keep], failing.other[keep])
