"""A catalog, and drafts for it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from catalog_drafts import FACTS, Drafter, publish, write_buildings

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
    """Makes a draft of buildings, with a provenance table beside it."""

    def make(name: str = "building", *heights: float | None, facts: Mapping[str, Any] = FACTS) -> DatasetDraft:
        heights = heights or (1.0, 2.5, None)
        data = write_buildings(tmp_path / "drafts" / f"{name}.parquet", heights)
        provenance = data.with_name(f"{name}-provenance.parquet")
        pq.write_table(pa.table({"entity_id": ["b0000"], "attribute": ["height_m"]}), provenance)
        report = data.with_name(f"{name}-report.json")
        report.write_text('{"seconds": 1.5}')
        attached = {"provenance.parquet": provenance, "report.json": report}
        return DatasetDraft(name, data, "EPSG:4547", {"en": "Buildings", "zh": "建筑"}, facts, attached)

    return make


@pytest.fixture
def table_draft(tmp_path: Path) -> DatasetDraft:
    """A dataset without geometry."""
    path = tmp_path / "drafts" / "device.parquet"
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.table({"id": ["010001", "010002"], "value": [1.5, None]}), path)
    return DatasetDraft("device", path, None, {"en": "Devices"}, {})


@pytest.fixture
def published(catalog: Catalog, draft: Drafter, table_draft: DatasetDraft) -> Catalog:
    """A catalog with one release of two datasets."""
    publish(catalog, draft(), table_draft)
    return catalog
