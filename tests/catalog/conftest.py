"""A catalog, and drafts for it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from catalog_drafts import FACTS, Drafter, buildings, devices, publish

from cimkit import duck
from cimkit.catalog import Catalog
from cimkit.model import DatasetDraft


@pytest.fixture(scope="session")
def connection() -> Iterator[Any]:
    with duck.connect() as con:
        yield con


@pytest.fixture(autouse=True)
def one_connection(connection: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Publishes through one connection: loading the spatial extension takes longer than most tests."""

    @contextmanager
    def connect() -> Iterator[Any]:
        yield connection

    monkeypatch.setattr("cimkit.catalog.catalog.duck", SimpleNamespace(connect=connect))


@pytest.fixture
def catalog(tmp_path: Path) -> Catalog:
    return Catalog.init(tmp_path / "catalog", "city", {"en": "A city", "zh": "城市"})


@pytest.fixture
def draft(tmp_path: Path) -> Drafter:
    """Makes a draft of buildings, with a provenance table and a report beside it."""
    return lambda name="building", *heights, facts=FACTS: buildings(tmp_path / "drafts", name, *heights, facts=facts)


@pytest.fixture
def table_draft(tmp_path: Path) -> DatasetDraft:
    """A dataset without geometry."""
    return devices(tmp_path / "drafts")


@pytest.fixture(scope="session")
def pattern(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A catalog with one release of two datasets, to be copied."""
    folder = tmp_path_factory.mktemp("pattern")
    catalog = Catalog.init(folder / "catalog", "city", {"en": "A city", "zh": "城市"})
    publish(catalog, buildings(folder, "building"), devices(folder))
    return catalog.root


@pytest.fixture
def published(pattern: Path, tmp_path: Path) -> Catalog:
    """A catalog with one release of two datasets: building (with a geometry) and device (without)."""
    return Catalog.open(shutil.copytree(pattern, tmp_path / "catalog"))
