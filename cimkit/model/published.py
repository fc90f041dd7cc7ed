"""What is published: drafts, releases, and what a run of a pipeline did."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from cimkit.model.found import Report
from cimkit.model.fused import FusionReport
from cimkit.model.words import as_dict


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
            **{f.name: as_dict(getattr(self, f.name)) for f in fields(self) if f.name != "reports"},
            "reports": {name: report.to_dict() for name, report in self.reports.items()},
        }
