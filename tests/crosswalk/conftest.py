"""Staged layers and standard layers made in a line, for the crosswalk's tests."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import shapely

from cimkit.crosswalk import Crosswalk, apply
from cimkit.formats import stored
from cimkit.model import Evidence, Field, LayerFacts, Mapped, Source, Staged
from cimkit.standard import FieldSpec, GeometrySpec, LayerSchema

Stage = Callable[..., Staged]
Run = Callable[..., Mapped]


def field(name: str, *types: str, **more: Any) -> FieldSpec:
    """A field of the types; anything else as FieldSpec has it."""
    given: dict[str, Any] = {
        "format": None,
        "obligation": "O",
        "codelist": None,
        "key": False,
        "ref": None,
        "unit": None,
        "role": None,
        "names": {},
        "nullable": False,
        **more,
    }
    return FieldSpec(name=name, types=types or ("string",), **given)


BUILDING = LayerSchema(
    name="building",
    schema={},
    names={"en": "Building"},
    fields={
        spec.name: spec
        for spec in (
            field("id", obligation="M", key=True, names={"zh": "标识码", "short": "BSM"}),
            field("name", names={"zh": "名称", "short": "MC", "en": "Name"}),
            field("function", names={"zh": "建筑功能", "short": "JZGN", "en": "Building function"}),
            field("height_m", "number", unit="m", names={"zh": "建筑高度", "short": "JZGD"}),
            field("floors_above", "integer", names={"zh": "地上层数", "short": "DSCS"}),
            field("area_m2", "number", unit="m2"),
            field("listed", "boolean"),
            field("built_on", format="date"),
            field("updated_at", format="date-time", names={"short": "GXSJ"}),
            field("source"),
        )
    },
    geometry=GeometrySpec(("Point", "Polygon"), True, None),
    key="id",
    cim_class=None,
)


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    """Stages columns of values; ``points`` become the geometry."""

    def make(
        columns: dict[str, Any] | pa.Table,
        *,
        text_cells: bool = False,
        crs: str | None = None,
        points: list[tuple[float, float] | None] | None = None,
        name: str = "source",
    ) -> Staged:
        table = columns if isinstance(columns, pa.Table) else pa.table(columns)
        fields = tuple(Field(f.name, str(f.type)) for f in table.schema)
        if points is not None:
            wkb = [None if point is None else shapely.to_wkb(shapely.Point(point)) for point in points]
            table = table.append_column("geometry", pa.array(wkb, pa.binary()))
        rows = len(table)
        table = table.append_column("_row", pa.array(range(rows), pa.int64()))
        table = table.append_column("_fid", pa.array([str(i + 1) for i in range(rows)], pa.string()))
        path = tmp_path / f"{name}.parquet"
        pq.write_table(table, path)
        facts = LayerFacts(
            features=rows,
            fields=fields,
            geometry_kinds={} if points is None else {"Point": rows},
            bbox=None,
            bbox_crs84=None,
            crs=Evidence(crs, "given", 1.0),
            encoding=Evidence("UTF-8", "format", 1.0),
        )
        return Staged(path, Source(f"{name}.csv", "CSV", "0" * 64, 0), name, facts, text_cells)

    return make


@pytest.fixture
def run(stage: Stage, tmp_path: Path) -> Run:
    """Applies field rules (or a whole document) to columns of values."""

    def make(columns: Any, document: dict[str, Any], **staging: Any) -> Mapped:
        if "fields" not in document:
            document = {"fields": document}
        crosswalk = Crosswalk.load({"crosswalk": "test", "to": "cim-core@0.1/building", **document})
        return apply(crosswalk, stage(columns, **staging), BUILDING, tmp_path)

    return make


def values(mapped: Mapped, name: str) -> list[Any]:
    """One column of the result."""
    return [value for batch in stored.batches(mapped, [name]) for value in batch.column(0).to_pylist()]


def losses(mapped: Mapped) -> dict[str, int]:
    """The counts by code and field."""
    return {f"{loss.code} {loss.field}" if loss.field else loss.code: loss.count for loss in mapped.losses}
