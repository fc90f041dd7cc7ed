"""The plain records that travel between rooms.

Every record is frozen and knows how to become JSON through :func:`as_dict`; none holds a
handle (a connection, an open file) into the room that made it. Coordinates are x, y
(easting/longitude first) whatever the axis order of the CRS; ``point`` and
``bbox_crs84`` are longitude, latitude in degrees (OGC:CRS84).
"""

from cimkit.model.delivered import Asset, Evidence, Field, Hint, LayerFacts, Mapped, Reject, Seen, Source, Staged
from cimkit.model.found import (
    CheckedLayer,
    CheckedSource,
    ClassResult,
    Coverage,
    Finding,
    Report,
    RuleCoverage,
    RuleResult,
    Skipped,
    Suppressed,
)
from cimkit.model.fused import FusionReport, FusionSource
from cimkit.model.lost import Loss, LossReport, Rejected
from cimkit.model.published import DatasetDraft, Release, Run
from cimkit.model.repaired import Repair, RepairReport
from cimkit.model.words import SEVERITIES, BBox, FailOn, Lang, Level, Progress, Severity, as_dict, silent

__all__ = [
    "SEVERITIES",
    "Asset",
    "BBox",
    "CheckedLayer",
    "CheckedSource",
    "ClassResult",
    "Coverage",
    "DatasetDraft",
    "Evidence",
    "FailOn",
    "Field",
    "Finding",
    "FusionReport",
    "FusionSource",
    "Hint",
    "Lang",
    "LayerFacts",
    "Level",
    "Loss",
    "LossReport",
    "Mapped",
    "Progress",
    "Reject",
    "Rejected",
    "Release",
    "Repair",
    "RepairReport",
    "Report",
    "RuleCoverage",
    "RuleResult",
    "Run",
    "Seen",
    "Severity",
    "Skipped",
    "Source",
    "Staged",
    "Suppressed",
    "as_dict",
    "silent",
]
