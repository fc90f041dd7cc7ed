"""Is a layer's coordinate reference system known, allowed, and believable? Findings about layers, not records."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
import shapely

from cimkit import crs as reference_systems
from cimkit.check.columns import GEOMETRY
from cimkit.check.geometry.validity import read
from cimkit.check.outcomes import Outcome
from cimkit.check.rules import Rule
from cimkit.formats import stored
from cimkit.messages import TEMPLATES, Plain, say
from cimkit.model import BBox, Finding, Mapped
from cimkit.standard import LayerSchema

if TYPE_CHECKING:
    from cimkit.standard import CrsPolicy

#: Suspicions that a report speaks of; other hints about a CRS stay in the layer's facts.
_SUSPICIONS = tuple(
    code for code in TEMPLATES if code.startswith("crs.") and code not in ("crs.missing", "crs.not_allowed")
)


def crs_outcomes(
    mapped: Mapped, layer: LayerSchema, policy: CrsPolicy | None, *, lang: str
) -> Iterator[tuple[Outcome, list[Finding]]]:
    """The rules about the CRS of a layer that has geometry; none where it has none."""
    if GEOMETRY not in stored.schema(mapped).names:
        return
    crs = mapped.crs
    # A plain JSON Schema asks for no CRS; then it is a matter of hygiene.
    asked = layer.geometry is not None
    yield _outcome(mapped, layer, "crs.missing", crs is None, lang, severity="error" if asked else "warning")
    if crs is None:
        return
    if policy is not None and policy.allowed and asked:
        allowed = policy.allows(crs) or policy.allows(reference_systems.horizontal(crs))
        yield _outcome(mapped, layer, "crs.not_allowed", not allowed, lang, expected=list(policy.allowed))
    bbox = mapped.staged.facts.bbox or _extent(mapped)
    hints = {hint.code: hint.message for hint in mapped.staged.facts.hints}
    hints |= {hint.code: hint.message for hint in reference_systems.suspicions(bbox, crs)}
    for code in _SUSPICIONS:
        if code in hints:
            yield _outcome(mapped, layer, code, True, lang)


def _outcome(
    mapped: Mapped,
    layer: LayerSchema,
    code: str,
    failed: bool,
    lang: str,
    *,
    severity: str = "warning",
    expected: list[str] | None = None,
) -> tuple[Outcome, list[Finding]]:
    rule = Rule(
        rule=f"{layer.name}#crs",
        code=code,
        layer=layer.name,
        field=GEOMETRY,
        bad="FALSE",
        applies="FALSE",
        severity="error" if severity == "error" else "warning",
        expected=expected,
    )
    outcome = Outcome(rule, 1, int(failed), ())
    if not failed:
        return outcome, []
    finding = Finding(
        rule=rule.rule,
        code=code,
        severity=rule.severity,
        source=mapped.staged.source.path,
        layer=mapped.staged.layer,
        field=GEOMETRY,
        value=mapped.crs,
        message=say(code, lang, value=Plain(mapped.crs), expected=[Plain(e) for e in expected or ()]),
        hint=say("hint.from_crs", lang),
    )
    return outcome, [finding]


def _extent(mapped: Mapped) -> BBox | None:
    """The extent of a geometry that a crosswalk made."""
    batches = stored.batches(mapped, [GEOMETRY])
    bounds = np.array([shapely.total_bounds(read(batch.column(0))) for batch in batches]).reshape(-1, 4)
    bounds = bounds[np.isfinite(bounds).all(axis=1)]
    if not len(bounds):
        return None
    west, south = bounds[:, :2].min(axis=0).tolist()
    east, north = bounds[:, 2:].max(axis=0).tolist()
    return west, south, east, north
