"""Fixtures of the whole suite."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import settings

# How long an example takes says nothing on a machine that does other things too. A run of the
# suite tries the same examples each time; `pytest --hypothesis-profile=search` looks for new ones.
settings.register_profile("cimkit", deadline=None, derandomize=True)
settings.register_profile("search", deadline=None)
settings.load_profile("cimkit")

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def root() -> Path:
    """The checkout's top folder."""
    return ROOT


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of real city files beside the checkout; the test is skipped where it is missing."""
    folder = ROOT.parent / "shared"
    if not folder.is_dir():
        pytest.skip(f"the real city files are not here: {folder} is missing")
    return folder
