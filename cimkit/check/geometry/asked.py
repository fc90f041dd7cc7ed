"""What a layer's ``cim:geometry`` asks of one record's geometry, as rules and tests of sound geometries."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from numpy.typing import NDArray

from cimkit import crs as reference_systems
from cimkit.check.columns import GEOMETRY
from cimkit.check.geometry import form, size
from cimkit.check.geometry.ground import Ground
from cimkit.check.geometry.validity import (
    COORDINATES,
    EMPTY,
    INVALID,
    KIND,
    KINDS,
    MISSING,
    UNJUDGED,
    UNREADABLE,
)
from cimkit.check.geometry.vertices import Flags
from cimkit.check.rules import Rule
from cimkit.messages import say
from cimkit.model import Severity, Skipped
from cimkit.standard import GeometrySpec, LayerSchema

_AREAS, _LINES = (3, 6), (2, 5)
_EVERY = (1, 2, 3, 4, 5, 6, 7)
_FORMED = (*_LINES, *_AREAS)
#: What is asked of geometry of which a schema says nothing: that it is sound.
UNSAID = GeometrySpec(tuple(KINDS.values()), False, None)


@dataclass(frozen=True, slots=True)
class Soundness:
    """A rule about soundness: the verdicts that fail it, and those for which it was not asked."""

    rule: Rule
    fails: tuple[int, ...]
    unasked: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Test:
    """A rule about sound geometries of some WKB kinds: which fail it. ``unless`` names codes a record must not have."""

    rule: Rule
    kinds: tuple[int, ...]
    fails: Callable[[NDArray[Any]], Flags]
    unless: tuple[str, ...] = ()


def geometry_rule(
    layer: LayerSchema,
    name: str,
    code: str,
    parameters: Mapping[str, Any] | None = None,
    expected: Any = None,
    severity: Severity = "error",
) -> Rule:
    """A rule of ``cim:geometry``; ``parameters`` are what the standard says of it."""
    said = dict(parameters or {})
    asked = next(iter(said), None)
    return Rule(
        rule=f"{layer.name}.{GEOMETRY}#{name}",
        code=code,
        layer=layer.name,
        field=GEOMETRY,
        bad="FALSE",
        applies="FALSE",
        severity=severity,
        expected=expected,
        pointer="/cim:geometry" if asked is None else f"/cim:geometry/{asked}",
        parameters=said,
    )


def soundness(layer: LayerSchema) -> list[Soundness]:
    """The rules about soundness; of a geometry that the schema is silent about, those that no standard can waive."""
    before = (MISSING, UNREADABLE, EMPTY, KIND, UNJUDGED)
    valid_unasked = (MISSING, *before[2:], COORDINATES)
    spec = layer.geometry
    if spec is None:
        warned: Severity = "warning"
        return [
            Soundness(geometry_rule(layer, "finite", "geometry.coordinates", severity=warned), (COORDINATES,), before),
            Soundness(
                geometry_rule(layer, "valid", "geometry.invalid", severity=warned), (INVALID, UNREADABLE), valid_unasked
            ),
        ]
    kinds = list(spec.types)
    found = [
        Soundness(geometry_rule(layer, "kind", "geometry.kind", {"types": kinds}, kinds), (KIND,), before[:3]),
        Soundness(geometry_rule(layer, "empty", "geometry.empty"), (EMPTY,), before[:2]),
        Soundness(geometry_rule(layer, "finite", "geometry.coordinates"), (COORDINATES,), before),
        Soundness(geometry_rule(layer, "valid", "geometry.invalid"), (INVALID, UNREADABLE), valid_unasked),
    ]
    if spec.required:
        found.insert(0, Soundness(geometry_rule(layer, "missing", "geometry.missing"), (MISSING,), ()))
    return found


def tests(layer: LayerSchema, crs: str | None, lang: str) -> Iterator[Test | Skipped]:
    """The tests of sound geometries that the layer asks for; those in metres are skipped without a CRS."""
    spec = layer.geometry
    if spec is None:
        return
    if spec.ring_direction is not None:
        parameters = {"ring_direction": spec.ring_direction}
        rule = geometry_rule(layer, "ring_direction", "geometry.ring_direction", parameters, spec.ring_direction)
        yield Test(rule, _AREAS, partial(form.wrong_direction, asked=spec.ring_direction))
    # Where metres mean nothing only the names of the tests matter.
    for test in _in_metres(layer, spec, Ground(crs or reference_systems.WGS84)):
        yield test if crs is not None else Skipped(test.rule.rule, say("skipped.no_unit", lang))
    step = grid(spec, crs)
    if step is not None:
        rule = geometry_rule(layer, "precision", "geometry.precision", precision(spec), step)
        yield Test(rule, _EVERY, partial(form.off_grid, step=step))
    elif spec.precision_m is not None:
        yield Skipped(f"{layer.name}.{GEOMETRY}#precision", say("skipped.no_unit", lang))


def _in_metres(layer: LayerSchema, spec: GeometrySpec, ground: Ground) -> Iterator[Test]:
    """The tests that measure."""
    small, sliver = "geometry.small", "geometry.sliver"
    if (least := spec.min_area_m2) is not None:
        rule = geometry_rule(layer, "min_area", small, {"min_area_m2": least}, least)
        yield Test(rule, _AREAS, partial(size.too_small, ground=ground, least=least))
    if (least := spec.min_length_m) is not None:
        rule = geometry_rule(layer, "min_length", "geometry.short", {"min_length_m": least}, least)
        yield Test(rule, _LINES, partial(size.too_short, ground=ground, least=least))
    if (least := spec.min_width_m) is not None:
        rule = geometry_rule(layer, "min_width", sliver, {"min_width_m": least}, least)
        yield Test(rule, _AREAS, partial(size.too_narrow, ground=ground, least=least), (small,))
    if (sharpest := spec.max_spike_degrees) is not None:
        parameters = {"max_spike_degrees": sharpest, "min_spike_m": spec.min_spike_m}
        rule = geometry_rule(layer, "spike", "geometry.spike", parameters, sharpest)
        fails = partial(form.spiked, ground=ground, sharpest=sharpest, shortest=spec.min_spike_m)
        yield Test(rule, _FORMED, fails, (small, sliver, "geometry.short"))
    if (least := spec.min_segment_m) is not None:
        rule = geometry_rule(layer, "min_segment", "geometry.repeated_points", {"min_segment_m": least}, least)
        yield Test(rule, _FORMED, partial(form.repeated, ground=ground, least=least))


def precision(spec: GeometrySpec) -> dict[str, Any]:
    """The declared precision as the standard says it."""
    return {"decimals": spec.decimals} if spec.decimals is not None else {"precision_m": spec.precision_m}


def grid(spec: GeometrySpec, crs: str | None) -> float | None:
    """The step of the declared grid in units of the CRS; None where none is declared, or metres mean nothing.

    In units other than metres coordinates are given in decimals: as many as the precision takes.
    """
    if spec.decimals is not None:
        return float(10.0**-spec.decimals)
    if spec.precision_m is None or crs is None:
        return None
    unit = Ground(crs).metres_per_unit
    return spec.precision_m if unit == 1 else float(10.0 ** -math.ceil(-math.log10(spec.precision_m / unit)))
