"""cimkit against the ledger: it finds every planted defect, and calls nothing else an error."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pyarrow.parquet as pq
import pytest
import yaml
from sample_readers import read_ledger

from cimkit import formats
from cimkit.check import run_check
from cimkit.crosswalk import Crosswalk, apply
from cimkit.model import Report
from cimkit.standard import Standard

Defect = tuple[str, int, str, str]  # file, row, field, kind


@pytest.fixture(scope="module")
def rejects(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("rejects") / "rejects.parquet"


@pytest.fixture(scope="module")
def report(root: Path, rejects: Path, tmp_path_factory: pytest.TempPathFactory) -> Report:
    """The whole delivery held against cim-core at once, every finding kept."""
    standard = Standard.load(root / "standards" / "cim-core" / "0.1.0")
    pipelines = root / "pipelines"
    inputs = []
    for name, source in yaml.safe_load((pipelines / "demo.yaml").read_text("utf-8"))["sources"].items():
        folder = tmp_path_factory.mktemp(name)
        staged = formats.stage(formats.open(pipelines / source["path"]).layer(source.get("source_layer")), folder)
        layer = standard.layers[source["layer"]]
        inputs.append((apply(Crosswalk.load(pipelines / source["crosswalk"]), staged, layer, folder), layer))
    return run_check(
        inputs,
        against={"standard": {"id": standard.id, "version": standard.version, "digest": standard.digest}},
        codelists=standard.codelists,
        rules=standard.rules,
        crs_policy=standard.crs,
        samples=None,
        rejects=rejects,
    )


def planted(root: Path) -> set[Defect]:
    return {(d["file"], d["row"], d["field"], d["kind"]) for d in read_ledger(root / "sample_data/ledger", "defects")}


def found(root: Path, report: Report) -> list[Defect]:
    """The errors in the ledger's terms: the last of several columns, and 'geometry' for coordinates."""
    base = (root / "sample_data").resolve()
    told = []
    for finding in (f for f in report.findings if f.severity == "error"):
        file = Path(finding.source).resolve().relative_to(base).as_posix()
        field = "geometry" if finding.code.startswith("geometry.") else (finding.field or "").split("|")[-1]
        told.append((file, finding.row, field, finding.code))
    return told


def test_every_planted_defect_is_found(root: Path, report: Report) -> None:
    assert sorted(planted(root) - set(found(root, report))) == []


def test_nothing_else_is_an_error(root: Path, report: Report) -> None:
    assert sorted(set(found(root, report)) - planted(root)) == []
    assert report.totals["error"] == len(planted(root))


def test_the_totals_of_the_rules_are_those_of_the_ledger(root: Path, report: Report) -> None:
    failed: Counter[str] = Counter()
    for rule in report.rules:
        if rule.severity == "error":
            failed[rule.code] += rule.failed
    assert +failed == Counter(kind for *_, kind in planted(root))


def test_the_records_set_aside_are_those_of_the_ledger(root: Path, report: Report, rejects: Path) -> None:
    rows = pq.read_table(rejects, columns=["layer", "source", "_row"]).to_pylist()
    aside = Counter((row["source"], row["_row"]) for row in rows)
    assert len(aside) == len({(file, row) for file, row, *_ in planted(root)})


def test_no_rule_is_passed_over_unseen(report: Report) -> None:
    """Only the parcels are not delivered; everything else is decided."""
    skipped = [each.rule for each in report.coverage.rules.skipped]
    assert skipped == ["building.parcel_code#ref", "building.in_parcel"]
