"""The plain records that travel between rooms.

Every record is frozen and knows how to become JSON through :func:`as_dict`; none holds a
handle (a connection, an open file) into the room that made it. Coordinates are x, y
(easting/longitude first) whatever the axis order of the CRS; ``point`` and
``bbox_crs84`` are longitude, latitude in degrees (OGC:CRS84).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    import pandas as pd

Severity = Literal["error", "warning", "info"]
SEVERITIES: tuple[Severity, ...] = ("error", "warning", "info")
FailOn = Literal["error", "warning", "never"]
Level = Literal["L0", "L1", "L2", "L3", "L4", "L5"]
Lang = Literal["en", "zh"]
BBox = tuple[float, float, float, float]

#: Told of long work: (stage, units done, units in all or None where unknown).
Progress = Callable[[str, int, int | None], None]


def silent(stage: str, done: int, total: int | None) -> None:
    """The :data:`Progress` that tells nobody."""


def as_dict(record: Any) -> Any:
    """A record, or a container of records, as plain JSON values."""
    if dataclasses.is_dataclass(record) and not isinstance(record, type):
        return {f.name: as_dict(getattr(record, f.name)) for f in dataclasses.fields(record)}
    if isinstance(record, Mapping):
        return {str(key): as_dict(value) for key, value in record.items()}
    if isinstance(record, (list, tuple)):
        return [as_dict(item) for item in record]
    return str(record) if isinstance(record, Path) else record


# ---- what was delivered ---------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Evidence:
    """A fact that was found rather than given: its value, how it was found, how sure (0..1)."""

    value: str | None
    how: str
    confidence: float


@dataclass(frozen=True, slots=True)
class Hint:
    """Something a person should know about a source; ``code`` is stable."""

    code: str
    message: str


@dataclass(frozen=True, slots=True)
class Field:
    """A column as delivered. ``type`` is an Arrow type's name; ``width`` is in the format's own unit."""

    name: str
    type: str
    width: int | None = None


@dataclass(frozen=True, slots=True)
class LayerFacts:
    """What one full read of a layer showed; bounding boxes are min x, min y, max x, max y."""

    features: int
    fields: tuple[Field, ...]
    geometry_kinds: Mapping[str, int]
    bbox: BBox | None
    bbox_crs84: BBox | None
    crs: Evidence
    encoding: Evidence
    hints: tuple[Hint, ...] = ()


@dataclass(frozen=True, slots=True)
class Source:
    """The file (or folder) a layer came from; ``sha256`` covers every byte that was read."""

    path: str
    format: str
    sha256: str
    bytes: int


@dataclass(frozen=True, slots=True)
class Staged:
    """One layer, read once into a Parquet file that every later step reads.

    ``path`` holds the source's columns under their own names, ``geometry`` (WKB in the
    layer's own CRS; absent where the layer has none), ``_row`` (int64, 0-based, source
    order) and ``_fid`` (the source's own feature id as text, or null). ``text_cells`` says
    that string columns are cells whose type the standard decides (CSV, XLSX, DBF text).
    """

    path: Path
    source: Source
    layer: str
    facts: LayerFacts
    text_cells: bool

    @property
    def has_geometry(self) -> bool:
        return bool(self.facts.geometry_kinds)


@dataclass(frozen=True, slots=True)
class Mapped:
    """A staged layer under a standard layer's field names, values still as delivered.

    ``path`` is Parquet: one column per mapped field (the source's own type; text where
    the source is text), columns the standard does not know under their own names,
    ``geometry`` (WKB in ``crs``), ``_row``, ``_fid``. ``origins`` leads from a field back to the source
    columns it came from (empty for a constant). ``text_fields`` are string columns whose
    type the standard decides. ``unmapped`` source columns were not carried into any field.
    """

    path: Path
    staged: Staged
    layer: str
    crs: str | None
    origins: Mapping[str, tuple[str, ...]]
    text_fields: frozenset[str] = frozenset()
    unmapped: tuple[str, ...] = ()
    losses: tuple[Loss, ...] = ()

    def spoken(self, name: str) -> str:
        """The name a finding uses for a field: the source's own column where there is one."""
        return "|".join(self.origins.get(name, ())) or name


# ---- what is wrong --------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong, and where. ``row`` is 0-based in source order."""

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


@dataclass(frozen=True, slots=True)
class RuleResult:
    """One rule's exact totals; ``failed`` counts records however many findings are stored."""

    rule: str
    code: str
    severity: Severity
    level: Level
    layer: str
    field: str | None
    checked: int
    failed: int
    iso19157: int | None = None


@dataclass(frozen=True, slots=True)
class Skipped:
    """A rule that was not decided, and why: never passed over silently."""

    rule: str
    why: str


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
            "rules": as_dict(self.rules),
            "findings": as_dict(self.findings),
        }

    def to_pandas(self) -> pd.DataFrame:
        """The stored findings, one row each."""
        import pandas as pd

        columns = [f.name for f in dataclasses.fields(Finding)]
        return pd.DataFrame([as_dict(finding) for finding in self.findings], columns=columns)


# ---- what was lost --------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Loss:
    """One way in which a conversion changed the data; ``field`` is None for a whole layer."""

    code: str
    field: str | None
    count: int
    message: str
    example: Mapping[str, Any] | None = None  # {"row", "before", "after"}


@dataclass(frozen=True, slots=True)
class LossReport:
    """Everything a conversion lost; ``verified`` is None where the result was not re-read."""

    source: str
    target: str
    format: str
    rows_read: int
    rows_written: int
    losses: tuple[Loss, ...] = ()
    verified: bool | None = None

    def to_dict(self) -> dict[str, Any]:
        result: dict[str, Any] = as_dict(self)
        return result


# ---- what was fused -------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class FusionSource:
    """One source of a fusion: a Parquet file in the standard's columns with its geometry in ``crs``.

    ``trust`` is 0..1; ``as_of`` an ISO date; ``roles`` maps a role (id, name, height …) to a column.
    """

    name: str
    path: Path
    crs: str | None
    trust: float = 0.5
    as_of: str | None = None
    roles: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class FusionReport:
    """Counts of one fusion, in the shape of its ``report.json``."""

    layer: str
    profile: str
    records: Mapping[str, int]  # source -> records that came in
    entities: int
    relations: Mapping[str, int]  # "1:1", "1:n", "n:1", "m:n", "single" -> entities
    bands: Mapping[str, int]  # auto | review | reject -> candidate pairs
    match_rates: Mapping[str, float]  # source -> share of its records fused with another source's
    conflicts: Mapping[str, int]  # attribute -> entities with a differing claim
    findings: tuple[Mapping[str, str], ...] = ()
    timings: tuple[Mapping[str, Any], ...] = ()
    truth: Mapping[str, float] | None = None

    def to_dict(self) -> dict[str, Any]:
        result: dict[str, Any] = as_dict(self)
        return result


# ---- what was published ---------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class DatasetDraft:
    """A dataset about to be published: its data file and what is known of it.

    ``data`` is a Parquet file (geometry as WKB in ``crs``); ``attachments`` are files that
    belong to the run (findings, bridge, provenance, losses), kept beside the data under
    their given names. ``manifest`` holds facts that go into the manifest as they are.
    """

    name: str
    data: Path
    crs: str | None
    title: Mapping[str, str]
    manifest: Mapping[str, Any]
    attachments: Mapping[str, Path] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Release:
    """A committed set of dataset versions. ``number`` 0 means the empty catalog."""

    number: int
    created_at: str
    author: str
    message: str
    parents: tuple[int, ...]
    datasets: Mapping[str, int]  # dataset -> version


@dataclass(frozen=True, slots=True)
class Run:
    """What a pipeline run did.

    ``stopped`` says why the gate let nothing through, or is None; then ``release`` is the
    catalog's newest and ``published`` says whether this run made it or nothing had changed.
    """

    pipeline: str
    title: Mapping[str, str]
    catalog: Path
    stopped: str | None
    published: bool
    release: Release | None
    reports: Mapping[str, Report]  # "delivery": what came in; "catalog": what goes out
    sources: Mapping[str, Mapping[str, Any]]  # source -> layer, records, accepted, quarantined …
    fusions: Mapping[str, FusionReport]  # layer -> its fusion
    datasets: Mapping[str, Mapping[str, Any]]  # dataset -> its manifest

    def to_dict(self) -> dict[str, Any]:
        return {
            **{f.name: as_dict(getattr(self, f.name)) for f in dataclasses.fields(self) if f.name != "reports"},
            "reports": {name: report.to_dict() for name, report in self.reports.items()},
        }
