"""Fuse sources: from records to entities with ids, values, and the origin of each.

The stages hand each other tables of one DuckDB database, which is a file in a folder of its
own and so may be larger than memory:

    records     record, attribute      every record numbered, ids unique
    texts       text                   folded names and addresses (places only)
    align       place, shape           working copies in metres; delivered geometries
    overlap     block, twin            buildings that touch, or claim the same ground
    candidates  candidate              pairs within reach of each other
    score       pair                   features and the probability of being the same
    decide      verdict                bands; the one-to-one assignment
    entities    member, relation       which records are one thing
    identity    identity, lineage      ids that last
    resolve     value_…, form          one value of each attribute, one geometry
"""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cimkit import crs as reference_systems
from cimkit import duck
from cimkit.errors import SourceError, UsageError, nearest
from cimkit.fuse import (
    align,
    candidates,
    datum,
    decide,
    decisions,
    entities,
    features,
    identity,
    outputs,
    overlap,
    records,
    resolve,
    review,
    score,
    strategies,
    texts,
)
from cimkit.fuse.evaluate import evaluate
from cimkit.fuse.findings import Findings
from cimkit.fuse.profiles import PROFILES, Profile
from cimkit.model import FusionReport, FusionSource, Progress, silent

if TYPE_CHECKING:
    import duckdb

RELATIONS = ("1:1", "1:n", "n:1", "m:n", "single")
BANDS = ("auto", "review", "reject")
#: Strategies by which the geometry of an entity can be chosen.
GEOMETRY_STRATEGIES = ("priority", "newest")


class _Clock:
    """How long each stage took, in the order they ran."""

    def __init__(self) -> None:
        self.timings: list[dict[str, Any]] = []

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        start = time.perf_counter()
        yield
        self.timings.append({"stage": name, "seconds": round(time.perf_counter() - start, 3)})


def fuse(
    sources: Sequence[FusionSource],
    *,
    layer: str,
    profile: str,
    attributes: Mapping[str, Mapping[str, Any]] | None = None,
    geometry: Mapping[str, Any] | None = None,
    fields: Mapping[str, str] | None = None,
    crs: str,
    out: Path | str,
    truth: Path | str | None = None,
    progress: Progress = silent,
) -> FusionReport:
    """Match the records of two and more sources and merge those that are the same thing.

    Writes ``entities.parquet`` (GeoParquet in ``crs``), ``matches.parquet``,
    ``bridge.parquet``, ``provenance.parquet``, ``lineage.parquet``, ``review.csv``,
    ``review.geojson`` and ``report.json`` into ``out``. An earlier result there is the memory
    of this run: entities keep their ids, and the decisions of ``decisions.csv`` hold.

    Args:
        sources: Parquet files in the columns of one layer, with an id and WKB ``geometry``.
        layer: the layer's name; it is part of each entity's id.
        profile: how records are matched, one of :data:`PROFILES`.
        attributes: attribute → ``{strategy, order, tolerance}``; ``priority`` where none is
            given. See :mod:`cimkit.fuse.strategies`.
        geometry: ``{strategy: priority | newest, order}``: which source's geometry an entity
            has, and with it which source decides what one entity is (:mod:`cimkit.fuse.entities`).
        fields: attribute → role (name, address, postcode, phone, updated_at …), in the
            layer's order. An attribute without a role plays the one it is called after.
        crs: the CRS of the result.
        out: a folder; made where it is missing. Files there change only if all goes well.
        truth: true pairs to judge the result by, see :func:`cimkit.fuse.evaluate`.
        progress: told of the stages.

    Raises:
        UsageError: an unknown profile, strategy, source or CRS, or fewer than two sources.
        SourceError: a source, decision file or earlier result cannot be read.
    """
    if profile not in PROFILES:
        raise UsageError(f"There is no fusion profile '{profile}'.", hint=nearest(profile, PROFILES))
    where = strategies.parse("geometry", geometry or {}, [source.name for source in sources], GEOMETRY_STRATEGIES)
    target = Path(out)
    with _folder(target) as aside, duck.connect(aside / "work.duckdb") as con:
        result = aside / "result"
        result.mkdir()
        clock, findings = _Clock(), Findings()
        with clock.stage("read"):
            roster = records.load(con, sources, fields or {}, where, findings)
            chosen = strategies.read(attributes or {}, roster, fields or {})
            decisions.load(con, target, findings)
        model = score.model(profile)
        _match(con, roster, PROFILES[profile], model, reference_systems.canonical(crs), findings, clock, progress)
        with clock.stage("entities"):
            entities.form(con, roster, PROFILES[profile])
            identity.identify(con, layer, target)
        with clock.stage("resolve"):
            resolve.resolve(con, roster, chosen, progress)
        with clock.stage("write"):
            progress("write", 0, None)
            outputs.write_entities(con, roster, crs, result)
            outputs.write_matches(con, model, result)
            outputs.write_bridge(con, result)
            outputs.write_provenance(con, roster, chosen, result)
            outputs.write_lineage(con, result)
            review.write(con, roster, crs, result)
        report = _report(con, roster, layer, profile, findings, clock, result, truth)
        text = json.dumps(report.to_dict(), indent=2, ensure_ascii=False)
        (result / "report.json").write_text(text + "\n", encoding="utf-8")
        for path in sorted(result.iterdir()):
            path.replace(target / path.name)
    return report


def _match(
    con: duckdb.DuckDBPyConnection,
    roster: records.Roster,
    profile: Profile,
    model: score.Model,
    crs: str,
    findings: Findings,
    clock: _Clock,
    progress: Progress,
) -> None:
    """From records to the verdict on every pair."""
    rarities = None
    if profile.compares == "text":
        with clock.stage("texts"):
            rarities = texts.prepare(con, roster, progress)
    with clock.stage("align"):
        working = align.align(con, roster, profile, crs, findings, progress)
        misplaced = datum.misplaced(con, roster, profile, working, findings)
    with clock.stage("candidates"):
        candidates.find(con, roster, profile, misplaced, progress)
    with clock.stage("overlap"):
        if profile.compares == "area":
            overlap.blocks(con, roster)
            overlap.measure(con)
    with clock.stage("score"):
        progress("score", 0, None)
        found = features.of_texts(con, rarities) if rarities else features.of_areas(con)
        score.score(con, found, model)
    with clock.stage("decide"):
        decide.decide(con, profile, model, findings)


@contextmanager
def _folder(target: Path) -> Iterator[Path]:
    """A folder to work in, inside the target; both are gone after an exception if they were not there before."""
    import duckdb

    made = not target.exists()
    try:
        target.mkdir(parents=True, exist_ok=True)
        aside = tempfile.TemporaryDirectory(dir=target, prefix=".cimkit-fuse-")
    except OSError as error:
        raise SourceError(f"{target} cannot be written: {error.strerror}.", hint="Name another folder.") from error
    try:
        with aside as folder:
            yield Path(folder)
    except BaseException as error:
        if made:
            with suppress(OSError):
                target.rmdir()
        if isinstance(error, (OSError, duckdb.IOException)):
            reason = str(error).splitlines()[0]
            raise SourceError(
                f"The fusion into {target} was stopped: {reason}", hint="Is there enough room on the disk?"
            ) from error
        raise


def _report(
    con: duckdb.DuckDBPyConnection,
    roster: records.Roster,
    layer: str,
    profile: str,
    findings: Findings,
    clock: _Clock,
    result: Path,
    truth: Path | str | None,
) -> FusionReport:
    def counts(query: str) -> dict[str, int]:
        return {str(name): int(count) for name, count in con.execute(query).fetchall()}

    entities = counts("SELECT 'all', count(*) FROM identity")["all"]
    shared = counts(
        """
        SELECT name, count(DISTINCT rid) FROM member JOIN record USING (rid) JOIN origin USING (source)
        WHERE entity IN (
            SELECT entity FROM member JOIN record USING (rid) GROUP BY entity HAVING count(DISTINCT source) > 1
        ) GROUP BY name
        """
    )
    conflicts = {
        a.name: counts(f"SELECT 'all', count(*) FROM value_{a.column} WHERE len(rivals) > 0")["all"]
        for a in roster.attributes
        if a.role not in strategies.ABOUT_THE_RECORD
    }
    return FusionReport(
        layer=layer,
        profile=profile,
        records=dict(roster.records),
        entities=entities,
        relations=_all(RELATIONS, counts("SELECT relation, count(*) FROM relation GROUP BY ALL")),
        bands=_all(BANDS, counts("SELECT band, count(*) FROM verdict GROUP BY ALL")),
        match_rates={
            name: round(shared.get(name, 0) / records, 6) if records else 0.0
            for name, records in roster.records.items()
        },
        conflicts=conflicts,
        findings=findings.all(),
        timings=tuple(clock.timings),
        truth=evaluate(result / "matches.parquet", truth) if truth else None,
    )


def _all(names: Sequence[str], counted: Mapping[str, int]) -> dict[str, int]:
    return {name: counted.get(name, 0) for name in names}
