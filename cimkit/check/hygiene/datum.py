"""GCJ-02 under the name of WGS 84: a layer held against others of the same check that show the same things.

The evidence is that of ``inspect --reference`` (:mod:`cimkit.crs.displacement`): how far the one lies off the
other, and whether an offset datum moves places of that region just so.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations

import numpy as np

from cimkit import crs as reference_systems
from cimkit import offsets
from cimkit.check.columns import GEOMETRY
from cimkit.check.delivery import Delivery
from cimkit.check.hygiene.crs import extent
from cimkit.check.hygiene.severities import severity_of
from cimkit.check.outcomes import Outcome
from cimkit.check.rules import Rule
from cimkit.crs.displacement import FARTHEST_M, Displacement, Places, displacement, explained
from cimkit.formats import stored
from cimkit.formats.against import places
from cimkit.messages import Plain, say
from cimkit.model import BBox, Finding

_CODE = "crs.gcj02_suspected"
#: What longitudes and latitudes of web maps are taken for.
_DECLARED = frozenset({"EPSG:4326", "EPSG:4490"})
#: Pairs of layers that are compared, the places read of each, and those around one place that are compared.
_MOST_PAIRS, _MOST_READ = 20, 200_000
_COMPARED, _AROUND = 2_000, 20_000


def suspected(deliveries: Sequence[Delivery], said: Mapping[str, str], lang: str) -> Iterator[tuple[Delivery, Outcome]]:
    """Layers that are checked and seem to be in GCJ-02 or BD-09, by another one of the same layer of the standard.

    ``said`` are the severities that the standard gives to matters of hygiene. Layers that are
    declared to be in an offset datum, or in a projection, are not asked.
    """
    severity = severity_of(_CODE, said)
    if severity is None:
        return
    told: set[int] = set()
    for one, other in _pairs(deliveries):
        found = _compared(one, other)
        if found is None:
            continue
        shift, is_other, datum = found
        of, by = (other, one) if is_other else (one, other)
        if of.checked and of.number not in told:
            told.add(of.number)
            rule = Rule(f"{of.layer.name}#crs", _CODE, of.layer.name, GEOMETRY, "FALSE", "FALSE", severity=severity)
            staged, declared = of.mapped.staged, str(of.mapped.crs)
            words = {"shift": round(shift.length), "other": by.mapped.staged.source.path, "datum": datum}
            finding = Finding(
                rule=rule.rule,
                code=_CODE,
                severity=severity,
                source=staged.source.path,
                layer=staged.layer,
                field=GEOMETRY,
                value=declared,
                message=say(_CODE, lang, value=Plain(declared), **{k: Plain(v) for k, v in words.items()}),
                hint=say("hint.from_crs", lang),
            )
            yield of, Outcome(rule, 1, 1, (), about=(finding,))


def _pairs(deliveries: Sequence[Delivery]) -> Iterator[tuple[Delivery, Delivery]]:
    """The first pairs of layers that may show the same things, one of them checked: each the same of the standard."""
    asked = [d for d in deliveries if d.table.has_geometry and _is_declared(d)]
    left = _MOST_PAIRS
    for one, other in combinations(asked, 2):
        if one.layer.name == other.layer.name and (one.checked or other.checked) and left:
            left -= 1
            yield one, other


def _is_declared(of: Delivery) -> bool:
    return of.mapped.crs is not None and reference_systems.horizontal(of.mapped.crs) in _DECLARED


def _compared(one: Delivery, other: Delivery) -> tuple[Displacement, bool, str] | None:
    """How far the second lies off the first, whether the second is the one that is off, and its datum."""
    shared = _shared(*(d.mapped.staged.facts.bbox or extent(d.mapped) for d in (one, other)))
    if shared is None:
        return None
    working = reference_systems.local_metric(shared)
    theirs = _places(other, working, _window(working, shared))
    if not len(theirs.x):
        return None
    middle = float(np.median(theirs.x)), float(np.median(theirs.y))
    theirs = _nearest(theirs, middle, _COMPARED)
    far = 2 * FARTHEST_M
    window = (
        float(theirs.x.min()) - far, float(theirs.y.min()) - far,
        float(theirs.x.max()) + far, float(theirs.y.max()) + far,
    )  # fmt: skip
    ours = _nearest(_places(one, working, window), middle, _AROUND)
    found = displacement(ours, theirs) if len(ours.x) else None
    if found is None:
        return None
    cause = explained(found, *middle, working, reference_systems.WGS84, reference_systems.WGS84)
    return (found, *cause) if cause is not None else None


def _shared(one: BBox | None, other: BBox | None) -> BBox | None:
    """Where both layers are, and the datums shift; a little is added, since one of them may be off."""
    if one is None or other is None:
        return None
    margin = 0.02  # degrees: more than any shift
    west, south = (max(one[i] - margin, other[i] - margin, offsets.BOX[i]) for i in (0, 1))
    east, north = (min(one[i] + margin, other[i] + margin, offsets.BOX[i]) for i in (2, 3))
    return (west, south, east, north) if west < east and south < north else None


def _window(working: str, box: BBox) -> BBox:
    west, south, east, north = box
    way = reference_systems.plan(reference_systems.WGS84, working)
    x, y = way.points([west, west, east, east], [south, north, south, north])
    return float(x.min()), float(y.min()), float(x.max()), float(y.max())


def _places(of: Delivery, working: str, near: BBox) -> Places:
    cells = (batch.column(0) for batch in stored.batches(of.mapped, [GEOMETRY]))
    return places(cells, reference_systems.WGS84, working, near, _MOST_READ)


def _nearest(found: Places, middle: tuple[float, float], most: int) -> Places:
    """The places that are nearest to one."""
    if len(found.x) <= most:
        return found
    chosen = np.argsort(np.hypot(found.x - middle[0], found.y - middle[1]), kind="stable")[:most]
    return Places(found.x[chosen], found.y[chosen], found.key[chosen])
