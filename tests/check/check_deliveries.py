"""Deliveries made by hand for the tests of check: an Arrow table as a mapped layer, a dict as a layer's schema."""

from __future__ import annotations

import itertools
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from cimkit.check import run_check
from cimkit.check.json_schema.plain_schema import load_schema
from cimkit.model import Evidence, Field, LayerFacts, Mapped, Report, Source, Staged
from cimkit.standard import LayerSchema
from cimkit.standard.layer import load_layer

_numbers = itertools.count()
AGAINST = {"schema": {"id": "urn:test", "digest": "sha256:0"}}


def plain(schema: Any, name: str = "t") -> LayerSchema:
    """Any JSON Schema as a layer called ``name``."""
    found = load_schema(schema, {}).layer if isinstance(schema, Mapping) else load_schema({"allOf": [schema]}, {}).layer
    return LayerSchema(name, schema, found.names, found.fields, None, None, None)


def standard_layer(folder: Path, name: str, properties: Mapping[str, Any], **more: Any) -> LayerSchema:
    """A layer of a standard, with its ``cim:`` keywords."""
    schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"urn:test:{name}",
        "title": name.title(),
        "type": "object",
        "properties": properties,
        **more,
    }
    path = folder / f"{name}.schema.json"
    path.write_text(json.dumps(schema), encoding="utf-8")
    return load_layer(path, name)


def deliver(
    folder: Path,
    table: pa.Table | Mapping[str, Any],
    layer: LayerSchema,
    *,
    text: bool = False,
    crs: str | None = "EPSG:4326",
    source: str = "delivered.csv",
    origins: Mapping[str, tuple[str, ...]] | None = None,
    unmapped: tuple[str, ...] = (),
    row_group_size: int = 65_536,
) -> Mapped:
    """A table as a mapped layer; ``text``: its strings are cells that the schema types."""
    table = table if isinstance(table, pa.Table) else pa.table(dict(table))
    rows = table.num_rows
    table = table.append_column("_row", pa.array(range(rows), pa.int64()))
    table = table.append_column("_fid", pa.array([str(i) for i in range(rows)], pa.string()))
    path = folder / f"delivery-{next(_numbers)}.parquet"
    pq.write_table(table, path, row_group_size=row_group_size)
    names = [name for name in table.column_names if name not in ("_row", "_fid", "geometry")]
    has_geometry = "geometry" in table.column_names
    facts = LayerFacts(
        features=rows,
        fields=tuple(Field(name, str(table.schema.field(name).type)) for name in names),
        geometry_kinds={"Polygon": rows} if has_geometry else {},
        bbox=None,
        bbox_crs84=None,
        crs=Evidence(crs, "given", 1.0),
        encoding=Evidence("UTF-8", "given", 1.0),
    )
    staged = Staged(path, Source(source, "CSV", "0" * 64, 1), "delivered", facts, text)
    strings = {name for name in names if pa.types.is_string(table.schema.field(name).type)}
    return Mapped(
        path=path,
        staged=staged,
        layer=layer.name,
        crs=crs if has_geometry else None,
        origins={name: (name,) for name in names} | dict(origins or {}),
        text_fields=frozenset(strings) if text else frozenset(),
        unmapped=unmapped,
    )


def held(mapped: Mapped | list[tuple[Mapped, LayerSchema]], layer: LayerSchema | None = None, **more: Any) -> Report:
    """The report of a check of hand-made deliveries."""
    inputs = [(mapped, layer)] if isinstance(mapped, Mapped) and layer else mapped
    settings = {"against": AGAINST, "codelists": {}, "rules": (), **more}
    return run_check(inputs, **settings)  # type: ignore[arg-type]


def failures(report: Report) -> dict[str, list[int | None]]:
    """Rule -> the rows that fail it."""
    found: dict[str, list[int | None]] = {}
    for finding in report.findings:
        found.setdefault(finding.rule, []).append(finding.row)
    return found


def counts(report: Report) -> dict[str, tuple[int, int]]:
    """Rule -> (checked, failed)."""
    return {rule.rule: (rule.checked, rule.failed) for rule in report.rules}
