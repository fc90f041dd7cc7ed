"""What docs/ci.md promises: the workflow's steps run, the hook runs, exit codes and summaries are as it says."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from report_samples import failing, hostile, passing

from cimkit import report as reports
from cimkit.cli import execute

ADDRESSES = "sample_data/addresses/west.csv"


@pytest.fixture
def place(tmp_path: Path, root: Path) -> Path:
    """A checkout with the sample city in it."""
    (tmp_path / "sample_data").symlink_to(root / "sample_data")
    return tmp_path


@pytest.fixture(scope="module")
def documents(root: Path) -> list[Any]:
    """The YAML documents of the page: the workflow, GitLab's job, the pre-commit configuration."""
    page = (root / "docs/ci.md").read_text("utf-8")
    return [yaml.safe_load(block) for block in re.findall(r"^```yaml\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)]


def shell(command: str, place: Path, **env: str) -> subprocess.CompletedProcess[str]:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = {**os.environ, "PATH": path, "NO_COLOR": "1", **env}
    return subprocess.run(
        ["bash", "-e", "-c", command], cwd=place, env=environment, capture_output=True, text=True, check=False
    )


def test_the_steps_of_the_workflow_run(place: Path, documents: list[Any]) -> None:
    workflow = documents[0]
    job = workflow["jobs"]["check"]
    steps = [step["run"] for step in job["steps"] if "run" in step and "pip install" not in step["run"]]
    uploaded = next(step for step in job["steps"] if "upload-sarif" in step.get("uses", ""))["with"]["sarif_file"]
    summary = place / "summary.md"
    for step in steps:
        done = shell(step, place, **workflow["env"], GITHUB_STEP_SUMMARY=str(summary))
        assert done.returncode == 1, done.stderr  # the sample city has planted defects
    assert all(line.startswith("::") for line in done.stdout.splitlines())
    assert f"::error file={ADDRESSES},line=" in done.stdout
    assert summary.read_text("utf-8").startswith("# FAIL\n")
    sarif = json.loads((place / uploaded).read_text("utf-8"))
    here = sarif["runs"][0]["results"][0]["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]
    assert here == ADDRESSES
    assert sarif["runs"][0]["results"][0]["partialFingerprints"]
    assert (place / "cimkit.html").is_file()

    baseline = "cimkit check $DATA --standard $STANDARD --write-baseline cimkit-baseline.json --fail-on never"
    assert shell(baseline, place, **workflow["env"]).returncode == 0
    assert all(shell(step, place, **workflow["env"]).returncode == 0 for step in steps)


def test_gitlab_finds_the_reports_that_its_job_names(documents: list[Any], place: Path) -> None:
    job = documents[1]["data"]
    command = next(line for line in job["script"] if line.startswith("cimkit"))
    command = command.replace("check data --standard cim-core", f"check {ADDRESSES} --standard cim-core/address")
    assert shell(command, place).returncode == 1
    for path in job["artifacts"]["reports"].values():
        assert (place / path).stat().st_size > 100


def test_the_hook_runs_as_pre_commit_runs_it(
    place: Path, root: Path, documents: list[Any], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    hooks = {hook["id"]: hook for hook in yaml.safe_load((root / ".pre-commit-hooks.yaml").read_text("utf-8"))}
    used = documents[2]["repos"][0]["hooks"][0]
    hook = hooks[used["id"]]
    assert {"name", "entry", "language", "files"} <= hook.keys()
    pattern = re.compile(hook["files"])
    assert all(pattern.search(name) for name in ("a.geojson", "a/B.GPKG", "c.shp"))
    assert not any(pattern.search(name) for name in ("a.dbf", "README.md", "gpkg"))
    assert re.search(used["files"], "data/x.geojson")
    called = [*shlex.split(hook["entry"]), "--standard", "cim-core/address", ADDRESSES]
    assert called[0] == "cimkit"
    monkeypatch.chdir(place)
    assert execute(called[1:]) == 1
    assert capsys.readouterr().out.startswith("FAIL")


@pytest.mark.parametrize(
    ("command", "code"),
    [
        (f"check {ADDRESSES} --standard cim-core/address --fail-on never", 0),
        (f"check {ADDRESSES} --standard no-such", 2),
        (f"check {ADDRESSES} --standard cim-core/address --report r.docx", 2),
        (f"check {ADDRESSES} --standard cim-core/address --report missing/r.json", 2),
        (f"check {ADDRESSES} --standard cim-core/address --report r.json --report ./r.json", 2),
        (f"check {ADDRESSES} --standard cim-core/address --report {ADDRESSES}", 2),
        (f"check {ADDRESSES} --standard cim-core/address --report -", 2),
        ("check missing.csv --standard cim-core/address", 3),
    ],
)
def test_exit_codes(
    command: str, code: int, place: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(place)
    before = (place / ADDRESSES).read_bytes()
    assert execute(shlex.split(command)) == code
    assert capsys.readouterr().err.startswith("error: ") == (code > 1)
    assert (place / ADDRESSES).read_bytes() == before
    assert list(place.glob("r.*")) == []


def test_a_report_that_cannot_be_written_is_told_before_the_check_runs(
    place: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(place)
    assert execute(["check", "missing.csv", "--standard", "cim-core/address", "--report", "nowhere/r.json"]) == 2
    assert "no folder nowhere" in capsys.readouterr().err


def test_a_file_whose_name_is_no_utf8(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    name = os.fsdecode(b"\xb5\xd8\xbf\xe9.csv")
    (tmp_path / name).write_text("id,h\n1,-1\n", encoding="utf-8")
    (tmp_path / "h.schema.json").write_text('{"properties": {"h": {"type": "number", "minimum": 0}}}', encoding="utf-8")
    wanted = [part for number, suffix in enumerate(reports.SUFFIXES) for part in ("--report", f"r{number}{suffix}")]
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", "summary.md")
    assert execute(["check", name, "--schema", "h.schema.json", "--format", "github", *wanted]) == 1
    assert len(list(tmp_path.glob("r*"))) == len(reports.SUFFIXES)
    uris = re.findall(r'"uri": "(.*)"', next(tmp_path.glob("*.sarif")).read_text("utf-8"))
    assert set(uris) == {"%B5%D8%BF%E9.csv"}


CODE_QUALITY = {
    "type": "array",
    "items": {
        "type": "object",
        "required": ["description", "check_name", "fingerprint", "severity", "location"],
        "additionalProperties": False,
        "properties": {
            "description": {"type": "string"}, "check_name": {"type": "string"}, "fingerprint": {"type": "string"},
            "severity": {"enum": ["info", "minor", "major", "critical", "blocker"]},
            "location": {
                "type": "object",
                "required": ["path", "lines"],
                "properties": {
                    "path": {"type": "string", "not": {"pattern": r"^\./"}},
                    "lines": {"type": "object", "required": ["begin"],
                              "properties": {"begin": {"type": "integer", "minimum": 1}}},
                },
            },
        },
    },
}  # fmt: skip


def test_code_quality() -> None:
    for report in (failing(), passing(), hostile()):
        entries = json.loads(reports.render(report, "codequality", "en"))
        jsonschema.validate(entries, CODE_QUALITY)
        assert len({entry["fingerprint"] for entry in entries}) == len(entries)
    entries = json.loads(reports.render(failing(), "codequality", "en"))
    assert [entry["severity"] for entry in entries] == ["major"] * 14 + ["minor"] * 2
    assert entries[12]["description"] == "Geometry of the wrong kind: 12 of 2,000 records"
