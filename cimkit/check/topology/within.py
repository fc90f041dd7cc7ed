"""within: each record lies inside a record of another layer, or inside the one that it refers to."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import shapely

from cimkit.check.columns import ROW
from cimkit.check.delivery import Delivery
from cimkit.check.kinds import Context
from cimkit.check.outcomes import Outcome
from cimkit.check.rules import Rule
from cimkit.check.topology.distances import apart
from cimkit.check.topology.features import ANY, AREAS, Features, gather, ground_of
from cimkit.check.topology.overlay import Overlay
from cimkit.check.topology.pairs import Shaped, each_of, pairs_of
from cimkit.check.topology.sweep import Bools, Floats, Ints
from cimkit.check.topology.told import Failing, layer_name, outcomes
from cimkit.duck import identifier
from cimkit.messages import Plain, say
from cimkit.model import Skipped
from cimkit.standard import Rule as StandardRule


def decide(
    asked: StandardRule, rule: Rule, of: Sequence[Delivery], context: Context
) -> Iterator[tuple[Delivery, Outcome] | Skipped]:
    """Records of which less than ``share`` lies inside; the value is the share that does.

    A place within ``tolerance_m`` of the other record is inside. With ``together`` the parts that
    lie in several records count together. With ``fields`` and ``to`` only the record that
    is referred to counts, and records without one are not asked.
    """
    said = asked.parameters
    share, tolerance = float(said.get("share", 1.0)), float(said.get("tolerance_m", 0.0))
    together = bool(said.get("together", False))
    settled = {"share": share, "tolerance_m": tolerance, "together": together}
    rule = replace(rule, parameters={**rule.parameters, **settled}, expected=Plain(f"{share * 100:.4g}"))
    own = gather(context, asked, context.of_layer(asked.layer), kinds=ANY)
    if isinstance(own, Skipped):
        yield own
        return
    others = gather(context, asked, context.of_layer(said["of"]), kinds=AREAS, crs=own.crs, own=False)
    if isinstance(others, Skipped):
        yield others
        return
    overlay = Overlay(ground_of(own, others))
    insides = _Insides(own, overlay, tolerance, together)
    checked = None
    if "fields" in said:
        pairs = referring(context, own, others, said["fields"], said["to"])
        checked = np.zeros(len(own), dtype=bool)
        checked[pairs[0]] = True
        for portion in each_of(own, others, pairs):
            insides.add(portion)
    else:
        # A record that is wholly inside one needs no other.
        boxes = overlay.ground.widened(own.bounds, tolerance)
        for portion in pairs_of(own, others, boxes=boxes, open_own=insides.open):
            insides.add(portion)
    failing = insides.failing(share, own.judged if checked is None else own.judged & checked)
    failing = _with_places(overlay, own, others, failing)
    nobody = say("word.no_other", context.lang, layer=layer_name(context, said["of"]))
    yield from outcomes(context, rule, of, own, failing, others, checked, nobody=nobody)
    if overlay.lost:
        yield Skipped(asked.id, say("skipped.lost_pairs", context.lang, n=overlay.lost))


@dataclass
class _Insides:
    """Of each record how much lies inside, and inside which other record most of it does."""

    own: Features
    overlay: Overlay
    tolerance: float
    together: bool

    def __post_init__(self) -> None:
        count = len(self.own)
        self.share, self.most = np.zeros(count), np.zeros(count)
        self.other = np.full(count, -1, dtype=np.int64)
        self.open = np.ones(count, dtype=bool)

    def add(self, pairs: Shaped) -> None:
        """Takes some pairs into account."""
        share = self._shares(pairs)
        # Of several pairs of one record the best is written last.
        order = np.lexsort((pairs.b, -share))[::-1]
        better = order[share[order] > self.most[pairs.a[order]]]
        self.most[pairs.a[better]], self.other[pairs.a[better]] = share[better], pairs.b[better]
        if self.together:
            np.add.at(self.share, pairs.a, share)
        else:
            np.maximum.at(self.share, pairs.a, share)
        self.open[pairs.a[share >= 1]] = False

    def failing(self, least: float, judged: Bools) -> Failing:
        index = np.flatnonzero(judged & (self.share < least))
        share = np.clip(self.share[index], 0.0, 1.0)
        nowhere = np.full(len(index), np.nan)
        percent = np.char.mod("%.4g", 100 * share).astype(object)
        return Failing(index, share, nowhere, nowhere, self.other[index], {"percent": percent})

    def _shares(self, pairs: Shaped) -> Floats:
        two = pairs.two
        shapely.prepare(two)
        share = np.zeros(len(pairs.a))
        share[_covers(two, pairs)] = 1.0
        left = np.flatnonzero(share == 0)
        if len(left) and self.tolerance:
            metres = apart(self.overlay.ground, *(shapes[left] for shapes in pairs.shapes))[0]
            left = left[metres <= self.tolerance]
        if not len(left):
            return share
        one = pairs.one[pairs.first[left]]
        dimension = shapely.get_dimensions(one)
        if self.tolerance:
            share[left] = self._widened(one, two[pairs.second[left]])
            return share
        areas, lines = left[dimension == 2], left[dimension == 1]
        if len(areas):
            common = self.overlay.common(pairs.one, two, pairs.first[areas], pairs.second[areas])[0]
            shapes = pairs.one[pairs.first[areas]]
            share[areas] = (common + self.overlay.ground.noise(shapes)) / self.overlay.ground.areas(shapes)
            share[areas[common == 0]] = 0.0
        if len(lines):
            shapes = pairs.one[pairs.first[lines]]
            inside = self.overlay.intersections(shapes, two[pairs.second[lines]])
            share[lines] = np.nan_to_num(shapely.length(inside)) / shapely.length(shapes) * (1 + _ROUNDING)
        return share

    def _widened(self, one: Any, two: Any) -> Floats:
        bounds = shapely.bounds(one)
        x, y = (bounds[:, 0] + bounds[:, 2]) / 2, (bounds[:, 1] + bounds[:, 3]) / 2
        ground = self.overlay.ground
        one, two = ground.laid_flat(one, x, y), shapely.buffer(ground.laid_flat(two, x, y), self.tolerance)
        inside = self.overlay.intersections(one, two)
        dimension = shapely.get_dimensions(one)
        whole = np.where(dimension == 2, shapely.area(one), shapely.length(one))
        part = np.where(dimension == 2, shapely.area(inside), shapely.length(inside))
        # A point that has got so far is within the tolerance.
        return np.where(whole > 0, np.nan_to_num(part) / np.where(whole > 0, whole, 1) * (1 + _ROUNDING), 1.0)


#: The share of a line or an area that may be missing by rounding.
_ROUNDING = 1e-9


def _covers(two: Any, pairs: Shaped) -> Bools:
    try:
        return np.asarray(shapely.covers(two[pairs.second], pairs.one[pairs.first]))
    except shapely.errors.GEOSException:
        return np.zeros(len(pairs.a), dtype=bool)


def _with_places(overlay: Overlay, own: Features, others: Features, failing: Failing) -> Failing:
    """A place outside for each record that lies partly inside."""
    x, y = failing.x.copy(), failing.y.copy()
    partly = np.flatnonzero(failing.other >= 0)
    at = np.full(len(own), -1, dtype=np.int64)
    at[failing.index] = np.arange(len(failing.index))
    for pairs in each_of(own, others, (failing.index[partly], failing.other[partly])):
        outside = overlay.differences(*pairs.shapes)
        place = shapely.point_on_surface(outside)
        x[at[pairs.a]], y[at[pairs.a]] = shapely.get_x(place), shapely.get_y(place)
    return replace(failing, x=x, y=y)


def referring(
    context: Context, own: Features, others: Features, fields: Sequence[str], to: Sequence[str]
) -> tuple[Ints, Ints]:
    """Pairs (record, the record it refers to) by equal values of fields."""
    first, second = [np.zeros(0, dtype=np.int64)], [np.zeros(0, dtype=np.int64)]
    for number, delivery in enumerate(own.deliveries):
        for other_number, other in enumerate(others.deliveries):
            equal = " AND ".join(
                f"CAST(a.{identifier(field)} AS VARCHAR) = CAST(b.{identifier(target)} AS VARCHAR)"
                for field, target in zip(fields, to, strict=True)
            )
            found = context.con.execute(
                f"SELECT a.{ROW} AS a, b.{ROW} AS b FROM ({delivery.table.sql}) a "
                f"JOIN ({other.table.sql}) b ON {equal} ORDER BY 1, 2"
            ).fetchnumpy()
            a, b = _places(own, number, found["a"]), _places(others, other_number, found["b"])
            there = (a >= 0) & (b >= 0)
            first.append(a[there])
            second.append(b[there])
    return np.concatenate(first), np.concatenate(second)


def _places(features: Features, number: int, rows: Any) -> Ints:
    """Where the rows of a delivery stand among the features, -1 where they do not."""
    mine = np.flatnonzero(features.delivery == number)
    if not len(mine):
        return np.full(len(rows), -1, dtype=np.int64)
    order = np.argsort(features.row[mine])
    at = np.minimum(np.searchsorted(features.row[mine][order], rows), len(mine) - 1)
    found = mine[order[at]]
    return np.where(features.row[found] == rows, found, -1)
