"""What a finding says of one record's geometry: the measured value, the reason, the place."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from cimkit.check.geometry import form, reasons, size
from cimkit.check.geometry.ground import Ground
from cimkit.check.outcomes import Detail
from cimkit.check.rules import Rule
from cimkit.messages import say


def explained(rule: Rule, shape: Any, cell: bytes | None, crs: str | None, lang: str) -> Detail | None:
    """What is to be said of a geometry (its bytes, where GEOS reads none) that fails a rule; None where nothing is."""
    if rule.code == "geometry.invalid":
        return _invalid(shape, cell, lang)
    if shape is None:
        return None
    if rule.code == "geometry.ring_direction":
        point, outer = form.wrong_direction_at(shape, rule.expected)
        runs = "word.clockwise" if outer == (rule.expected == "ccw") else "word.counter_clockwise"
        ring = say("word.outer_ring" if outer else "word.hole", lang)
        return Detail(says={"ring": ring, "runs": say(runs, lang)}, point=point)
    if rule.code == "geometry.precision":
        return Detail(says={"step": f"{rule.expected:.10g}"}, point=form.off_grid_at(shape, rule.expected))
    if crs is not None and rule.code in _MEASURED:
        return _MEASURED[rule.code](rule, shape, Ground(crs))
    return None


def _invalid(shape: Any, cell: bytes | None, lang: str) -> Detail:
    if shape is None:
        code, at = reasons.why_unread(cell or b"")
        return Detail(says={"reason": say(code, lang)}, point=at)
    reason, at = reasons.why_invalid(shape)
    return Detail(value=reason, says={"reason": reasons.spoken(reason, lang)}, point=at)


def _small(rule: Rule, shape: Any, ground: Ground) -> Detail:
    return Detail(value=_short(ground.areas(np.array([shape]))[0]))


def _too_short(rule: Rule, shape: Any, ground: Ground) -> Detail:
    return Detail(value=_short(ground.lengths(np.array([shape]))[0]))


def _sliver(rule: Rule, shape: Any, ground: Ground) -> Detail:
    width, point = size.narrowest(shape, ground, rule.expected)
    return Detail(value=_short(width), point=point)


def _spike(rule: Rule, shape: Any, ground: Ground) -> Detail:
    point, angle, side = form.spiked_at(shape, ground, rule.expected, rule.parameters["min_spike_m"])
    return Detail(value=_short(angle), says={"length": f"{side:.3g}"}, point=point)


def _repeated(rule: Rule, shape: Any, ground: Ground) -> Detail:
    point, distance = form.repeated_at(shape, ground, rule.expected)
    return Detail(value=_short(distance), point=point)


def _short(value: float) -> float:
    """Three digits are enough for people, and two machines agree on them."""
    return float(f"{value:.3g}")


_MEASURED: Mapping[str, Callable[[Rule, Any, Ground], Detail]] = {
    "geometry.small": _small,
    "geometry.short": _too_short,
    "geometry.sliver": _sliver,
    "geometry.spike": _spike,
    "geometry.repeated_points": _repeated,
}
