"""What is wrong: findings, the totals of rules, and the report of a check."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from cimkit.model.delivered import LayerFacts
from cimkit.model.words import SEVERITIES, FailOn, Level, Severity, as_dict

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong, and where.

    ``row`` is 0-based in source order, ``cell`` what people call the place in a sheet (``C12``).
    ``fingerprint`` is the same in every run for the same rule, feature and field.
    """

    rule: str
    code: str
    severity: Severity
    source: str
    layer: str
    message: str
    row: int | None = None
    fid: str | None = None
    id: str | None = None
    field: str | None = None
    value: Any = None
    hint: str | None = None
    point: tuple[float, float] | None = None
    schema_pointer: str | None = None
    cell: str | None = None
    fingerprint: str | None = None


@dataclass(frozen=True, slots=True)
class RuleResult:
    """One rule's exact totals; ``failed`` counts records however many findings are stored.

    Failures that a baseline knows or that are suppressed are counted apart, not in ``failed``.
    ``parameters`` are what the standard says of the rule: tolerances, limits, other layers.
    """

    rule: str
    code: str
    severity: Severity
    level: Level
    layer: str
    field: str | None
    checked: int
    failed: int
    iso19157: int | None = None
    parameters: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    known: int = 0
    suppressed: int = 0


@dataclass(frozen=True, slots=True)
class ClassResult:
    """One conformance class of the standard: whether the data may claim it.

    ``unchecked``: no rule of it failed, but not all of its rules were decided.
    """

    id: str
    title: Mapping[str, str]
    levels: tuple[Level, ...]
    verdict: Literal["pass", "fail", "unchecked"]


@dataclass(frozen=True, slots=True)
class Skipped:
    """A rule that was not decided, and why: never passed over silently."""

    rule: str
    why: str


@dataclass(frozen=True, slots=True)
class Suppressed:
    """Failures that somebody decided to live with: which, why, until when (ISO 8601), and how many there are."""

    rule: str
    reason: str
    until: str
    failures: int


@dataclass(frozen=True, slots=True)
class RuleCoverage:
    """How many rules each engine decided, and those that none did."""

    sql: int = 0
    record: int = 0
    skipped: tuple[Skipped, ...] = ()


@dataclass(frozen=True, slots=True)
class Coverage:
    """What a check looked at."""

    features_checked: int
    features_total: int
    rules: RuleCoverage
    suppressed: tuple[Suppressed, ...] = ()


@dataclass(frozen=True, slots=True)
class CheckedLayer:
    """A delivered layer and the standard's layer it was held against."""

    name: str
    standard_layer: str
    features: int
    facts: LayerFacts


@dataclass(frozen=True, slots=True)
class CheckedSource:
    """A delivered file and its layers that were checked."""

    path: str
    sha256: str
    format: str
    layers: tuple[CheckedLayer, ...]


@dataclass(frozen=True, slots=True)
class Report:
    """The outcome of a check, in the shape of ``schemas/report.schema.json``.

    ``against`` names what was checked: ``{"standard": {...}}`` or ``{"schema": {...}}``.
    """

    cimkit: str
    against: Mapping[str, Mapping[str, str]]
    sources: tuple[CheckedSource, ...]
    coverage: Coverage
    rules: tuple[RuleResult, ...]
    findings: tuple[Finding, ...]
    classes: tuple[ClassResult, ...] = ()

    @property
    def totals(self) -> dict[str, int]:
        """How many rule failures there are of each severity; exact, not the stored samples."""
        return {s: sum(r.failed for r in self.rules if r.severity == s) for s in SEVERITIES}

    @property
    def verdict(self) -> Literal["pass", "fail"]:
        return "fail" if self.totals["error"] else "pass"

    def fails(self, at: FailOn) -> bool:
        """Whether there are findings at or above the severity ``at``."""
        if at == "never":
            return False
        reached = SEVERITIES[: SEVERITIES.index(at) + 1]
        return any(self.totals[severity] for severity in reached)

    def to_dict(self) -> dict[str, Any]:
        return {
            "cimkit": self.cimkit,
            **as_dict(self.against),
            "verdict": self.verdict,
            "sources": as_dict(self.sources),
            "coverage": as_dict(self.coverage),
            "totals": self.totals,
            "classes": as_dict(self.classes),
            "rules": as_dict(self.rules),
            "findings": as_dict(self.findings),
        }

    def to_pandas(self) -> pd.DataFrame:
        """The stored findings, one row each."""
        import pandas as pd

        columns = [f.name for f in dataclasses.fields(Finding)]
        return pd.DataFrame([as_dict(finding) for finding in self.findings], columns=columns)
