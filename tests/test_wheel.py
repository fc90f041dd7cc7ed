"""The wheel works outside the checkout: schemas, standards, pipelines and sample data are in it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest


def run(*command: str | Path, folder: Path, **environment: str) -> str:
    clean = {key: value for key, value in os.environ.items() if not key.startswith(("PYTHON", "VIRTUAL_ENV"))}
    done = subprocess.run(
        [str(part) for part in command],
        cwd=folder,
        env={**clean, **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=900,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return done.stdout


@pytest.fixture(scope="module")
def installed(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The ``cimkit`` program of an environment that holds nothing but the wheel and what it needs."""
    folder = tmp_path_factory.mktemp("wheel")
    run(sys.executable, "-m", "build", "--wheel", "--outdir", folder / "dist", root, folder=folder)
    wheel = next((folder / "dist").glob("*.whl"))
    run(sys.executable, "-m", "venv", folder / "venv", folder=folder)
    python = folder / "venv" / "bin" / "python"
    quiet = ("--quiet", "--disable-pip-version-check")
    run(python, "-m", "pip", "install", *quiet, "--constraint", root / "constraints.txt", wheel, folder=folder)
    return python.with_name("cimkit")


def test_the_demo_runs_in_any_folder(installed: Path, tmp_path: Path) -> None:
    said = run(installed, "run", "demo", "--catalog", "city", folder=tmp_path, COLUMNS="100")
    assert "building" in said
    assert (tmp_path / "city" / "HEAD").exists()
    assert [path.name for path in tmp_path.iterdir()] == ["city"]


def test_nothing_is_read_from_the_checkout(installed: Path, root: Path, tmp_path: Path) -> None:
    listed = run(installed, "standard", "list", "--format", "json", folder=tmp_path)
    assert "cim-core" in listed
    assert str(root) not in listed


def test_the_base_install_is_whole(installed: Path, tmp_path: Path) -> None:
    run(installed, "doctor", folder=tmp_path)
