"""Is a layer's coordinate reference system known, allowed, and believable? Findings about layers, not records."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import shapely

from cimkit import crs as reference_systems
from cimkit.check.columns import GEOMETRY
from cimkit.check.geometry.validity import read
from cimkit.check.hygiene.severities import severity_of
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
    mapped: Mapped, layer: LayerSchema, policy: CrsPolicy | None, said: Mapping[str, str] | None = None, *, lang: str
) -> Iterator[tuple[Outcome, list[Finding]]]:
    """The rules about the CRS of a layer that has geometry; none where it has none.

    ``said`` are the severities that the standard gives to matters of hygiene.
    """
    if GEOMETRY not in stored.schema(mapped).names:
        return
    about = _About(mapped, layer, said or {}, lang)
    crs = mapped.crs
    yield from about.outcome("crs.missing", crs is None)
    if crs is None:
        return
    if policy is not None and about.asked:
        horizontal = reference_systems.horizontal(crs)
        if policy.allowed:
            wrong = not (policy.allows(crs) or policy.allows(horizontal))
            planned = _is_planned(mapped, crs)
            part = "offset" if planned else ""
            yield from about.outcome(
                "crs.not_allowed", wrong, policy.allowed, value=horizontal, part=part, planned=planned
            )
        vertical = _vertical(crs)
        if policy.vertical and vertical is not None:
            wrong = vertical not in policy.vertical
            yield from about.outcome("crs.not_allowed", wrong, policy.vertical, value=vertical, part="vertical")
    bbox = mapped.staged.facts.bbox or extent(mapped)
    hints = {hint.code: hint.message for hint in mapped.staged.facts.hints}
    hints |= {hint.code: hint.message for hint in reference_systems.suspicions(bbox, crs)}
    for code in _SUSPICIONS:
        if code in hints:
            yield from about.outcome(code, True)


@dataclass(frozen=True)
class _About:
    """What the outcomes of one layer are about."""

    mapped: Mapped
    layer: LayerSchema
    said: Mapping[str, str]
    lang: str

    @property
    def asked(self) -> bool:
        """Whether the standard asks for geometry, and so for its CRS; a plain JSON Schema does not."""
        return self.layer.geometry is not None

    def outcome(
        self,
        code: str,
        failed: bool,
        expected: Sequence[str] = (),
        *,
        value: str | None = None,
        part: str = "",
        planned: bool = False,
    ) -> Iterator[tuple[Outcome, list[Finding]]]:
        """One rule about the CRS, or its ``part``; nothing where the standard has turned it off.

        ``planned``: somebody knows of it and has planned for it, so that it is a warning.
        """
        severity = severity_of(code, self.said, asked=self.asked and not planned)
        if severity is None:
            return
        mapped, value = self.mapped, value or self.mapped.crs
        rule = Rule(
            rule=f"{self.layer.name}#crs" + (f".{part}" if part else ""),
            code=code,
            layer=self.layer.name,
            field=GEOMETRY,
            bad="FALSE",
            applies="FALSE",
            severity=severity,
            expected=list(expected) or None,
        )
        finding = Finding(
            rule=rule.rule,
            code=code,
            severity=severity,
            source=mapped.staged.source.path,
            layer=mapped.staged.layer,
            field=GEOMETRY,
            value=value,
            message=say(code, self.lang, value=Plain(value), expected=[Plain(e) for e in expected]),
            hint=say("hint.from_crs", self.lang),
        )
        yield Outcome(rule, 1, int(failed), ()), [finding] if failed else []


def _is_planned(mapped: Mapped, crs: str) -> bool:
    """Whether a crosswalk says that the coordinates are in an offset datum: then they are to be converted."""
    return crs in (reference_systems.GCJ02, reference_systems.BD09) and crs != mapped.staged.facts.crs.value


def _vertical(crs: str) -> str | None:
    """The code of the height system of a compound CRS; None for any other."""
    system = reference_systems.pyproj_crs(crs)
    if not system.is_compound or len(system.sub_crs_list) < 2:
        return None
    return reference_systems.canonical(system.sub_crs_list[1].to_wkt())


def extent(mapped: Mapped) -> BBox | None:
    """The extent of a geometry that a crosswalk made."""
    batches = stored.batches(mapped, [GEOMETRY])
    bounds = np.array([shapely.total_bounds(read(batch.column(0))) for batch in batches]).reshape(-1, 4)
    bounds = bounds[np.isfinite(bounds).all(axis=1)]
    if not len(bounds):
        return None
    west, south = bounds[:, :2].min(axis=0).tolist()
    east, north = bounds[:, 2:].max(axis=0).tolist()
    return west, south, east, north
