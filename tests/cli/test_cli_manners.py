"""Exit codes, streams and messages: how the command line behaves when something is wrong."""

from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from cimkit.cli import execute, main, stopping
from cimkit.cli.terminal import Terminal

SURVEY = "sample_data/survey/buildings.shp"


@pytest.fixture(autouse=True)
def at_root(monkeypatch: pytest.MonkeyPatch, root: Path) -> None:
    monkeypatch.chdir(root)
    monkeypatch.setenv("COLUMNS", "120")


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["chek"], 2, "check"),
        (["check", "a.shp", "--standrd", "x"], 2, "--standard"),
        (["check", "a.shp"], 2, "--standard or --schema"),
        (["check", "a.shp", "--standard", "cim-core", "--schema", "x.json"], 2, "--standard or --schema"),
        (["check", SURVEY, "--standard", "cim-cor"], 2, "cim-core"),
        (["check", SURVEY, "--standard", "cim-core@9"], 2, "cim-core"),
        (["check", SURVEY, "--standard", "cim-core/bilding"], 2, "building"),
        (["check", SURVEY, "--standard", "cim-core", "--samples", "many"], 2, "many"),
        (["check", SURVEY, "--standard", "cim-core", "--samples", "²"], 2, "²"),
        (["check", SURVEY, "--standard", "cim-core", "--registry", "x"], 2, "--registry x"),
        (["check", SURVEY, "--standard", "cim-core", "--report", "x.docx"], 2, ".docx"),
        (["inspect", "no-such-file.gpkg"], 3, "no-such-file.gpkg"),
        (["inspect", SURVEY, "--encoding", "latin-99"], 2, "latin-99"),
        (["convert", SURVEY, "out.docx"], 2, ".docx"),
        (["convert", SURVEY, "out.gpkg", "--to-crs", "EPSG:999999"], 2, "999999"),
        (["convert", SURVEY, "out.gpkg", "--bbox", "1,2,3"], 2, "1,2,3"),
        (["run", "no-such-pipeline"], 2, "no-such-pipeline"),
        (["run", "dmo"], 2, "demo"),
        (["run", "demo", "--set", "x"], 2, "NAME=VALUE"),
        (["run", "demo", "--set", "nothing=1"], 2, "nothing"),
        (["catalog", "list", "no-such-catalog"], 3, "no-such-catalog"),
    ],
)
def test_wrong_use_is_one_clear_message(
    arguments: list[str], code: int, said: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert execute(arguments) == code
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.startswith("error: ")
    assert said in " ".join(printed.err.split())
    assert "Traceback" not in printed.err


def test_an_internal_error_says_where_to_report_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    import cimkit.formats

    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError("oh")

    monkeypatch.setattr(cimkit.formats, "inspect", broken)
    assert execute(["inspect", SURVEY]) == 4
    printed = capsys.readouterr().err
    assert "ZeroDivisionError" in printed
    assert "report" in printed
    assert "Traceback" not in printed


def test_a_full_disk_is_said_plainly(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    from cimkit.pipeline import run  # noqa: F401

    pipeline = sys.modules["cimkit.pipeline.run"]

    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device", "/somewhere/data.parquet")

    monkeypatch.setattr(pipeline.datasets, "build", full)
    assert execute(["run", "demo", "--catalog", "build/never"]) == 3
    assert "disk is full" in capsys.readouterr().err
    assert not Path("build/never").exists()


def test_results_go_to_stdout_and_nothing_else_does(tmp_path: Path, root: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "cimkit", "inspect", SURVEY, "--format", "json"],
        cwd=root,
        capture_output=True,
        text=True,
        check=True,
    )
    assert json.loads(done.stdout)["layers"][0]["name"] == "buildings"
    assert done.stderr == ""


@pytest.mark.parametrize(("sent", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)], ids=["Ctrl-C", "SIGTERM"])
def test_a_run_that_is_stopped_leaves_nothing_behind(tmp_path: Path, root: Path, sent: int, code: int) -> None:
    catalog = tmp_path / "catalog"
    running = subprocess.Popen(
        [sys.executable, "-m", "cimkit", "run", "demo", "--catalog", str(catalog)],
        cwd=root,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, "TMPDIR": str(tmp_path)},
        text=True,
    )
    time.sleep(2.5)
    running.send_signal(sent)
    _, said = running.communicate(timeout=60)
    # Python ends itself by the signal where that struck while code was compiled; to a shell both are the same.
    assert running.returncode in (code, -sent), said
    assert "Interrupted" in said
    assert "Traceback" not in said
    assert not catalog.exists()
    assert list(tmp_path.iterdir()) == []


class Finalized:
    """Something in whose finalizer Ctrl-C strikes: Python drops the KeyboardInterrupt."""

    def __del__(self) -> None:
        signal.raise_signal(signal.SIGINT)


def test_an_interrupt_that_python_drops_is_heeded_at_the_next_step(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "unraisablehook", sys.unraisablehook)
    stopping.listen()
    try:
        Finalized()
        assert capsys.readouterr().err == ""
        with pytest.raises(KeyboardInterrupt), Terminal("en", True, False).working() as progress:
            progress("read", 1, None)
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        stopping._received.clear()


def test_ctrl_c_while_the_commands_are_loaded(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(arguments: list[str]) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr("cimkit.cli.execute", interrupted)
    monkeypatch.setattr("cimkit.cli.stopping.listen", lambda: None)
    with pytest.raises(SystemExit) as left:
        main(["doctor"])
    assert left.value.code == 130
    assert "Interrupted" in capsys.readouterr().err


def test_a_closed_pipe_is_no_error(root: Path) -> None:
    done = subprocess.run(
        f"{sys.executable} -m cimkit inspect {SURVEY} --format json | head -1",
        shell=True,
        cwd=root,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout == "{\n"
    assert done.stderr == ""


@pytest.mark.parametrize("end", ["| true", "| head -c 5 >/dev/null", ">&-"])
def test_the_verdict_does_not_depend_on_who_reads(root: Path, tmp_path: Path, end: str) -> None:
    (tmp_path / "numbers.csv").write_text("a\n" + "x\n" * 20_000)
    (tmp_path / "s.json").write_text('{"properties": {"a": {"type": "integer"}}}')
    check = f"{sys.executable} -m cimkit check {tmp_path}/numbers.csv --schema {tmp_path}/s.json --format json"
    command = f"set -o pipefail; {check} --samples all {end}"
    done = subprocess.run(["bash", "-c", command], cwd=root, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (1, "")


def test_help_needs_nothing_heavy(root: Path) -> None:
    heavy = [
        "duckdb",
        "pandas",
        "geopandas",
        "pyogrio",
        "pyarrow",
        "shapely",
        "pyproj",
        "jsonschema",
        "numpy",
        "great_expectations",
        "scipy",
        "fiona",
    ]
    program = (
        "import sys; from cimkit.cli import execute; execute(['--help']);"
        f"sys.stderr.write(','.join(m for m in {heavy} if m in sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=root, capture_output=True, text=True, check=True)
    assert done.stderr == ""
    for command in ("inspect", "check", "convert", "run", "catalog", "formats", "doctor"):
        assert command in done.stdout


@pytest.mark.parametrize(
    "command", ["inspect", "check", "convert", "run", "formats", "doctor", "catalog list", "catalog query"]
)
def test_every_command_has_the_same_manners(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert execute([*command.split(), "--help"]) == 0
    text = capsys.readouterr().out
    for option in ("--lang", "--quiet", "--no-progress"):
        assert option in text


def test_doctor_finds_the_installation_whole(capsys: pytest.CaptureFixture[str]) -> None:
    assert execute(["doctor", "--format", "json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert all(check["ok"] for check in found["checks"])
    assert {extra["name"] for extra in found["extras"]} == {
        "ifc",
        "pointcloud",
        "raster",
        "osm",
        "dxf",
        "dask",
        "splink",
    }


def test_a_row_of_many_columns_is_shown_one_below_the_other(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    import pyarrow as pa
    from rich.console import Console

    from cimkit.report.catalog import render_rows

    wide = pa.table({f"column_{number:02d}": [number, number + 100] for number in range(12)})
    Console(width=60).print(render_rows(wide, 1, "en"))
    lines = capsys.readouterr().out.splitlines()
    assert [line.split() for line in lines[:2]] == [["column_00", "0"], ["column_01", "1"]]
    assert "1 more rows" in lines[-1]


def test_convert_finds_a_crosswalk_of_the_standard(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    said = ["convert", "sample_data/osm/buildings.geojson", str(tmp_path / "x.gpkg"), "--standard", "cim-core/building"]
    assert execute([*said, "--crosswalk", "osm-bulding"]) == 2
    assert "osm-building" in capsys.readouterr().err
    assert execute([*said, "--crosswalk", "osm-building"]) == 0
    assert (tmp_path / "x.gpkg").exists()
