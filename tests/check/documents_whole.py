"""Records that are any JSON value, as they are staged, and what both engines make of them."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
from check_deliveries import deliver

from cimkit import duck
from cimkit.check.execute import prepare
from cimkit.check.layer_check import LayerCheck, Settings
from cimkit.formats.columns import JSON_MARK
from cimkit.formats.json.records import RECORD_MARK
from cimkit.model import Mapped
from cimkit.standard import LayerSchema

_numbers = itertools.count()


@contextmanager
def connection() -> Iterator[duckdb.DuckDBPyConnection]:
    with duck.connect() as con:
        prepare(con)
        yield con


def whole(folder: Path, values: Sequence[Any], layer: LayerSchema) -> Mapped:
    """Records that are any JSON value."""
    return whole_texts(folder, [json.dumps(v, ensure_ascii=False, separators=(",", ":")) for v in values], layer)


def whole_texts(folder: Path, texts: Sequence[str], layer: LayerSchema) -> Mapped:
    """Records as JSON texts."""
    mapped = deliver(folder, {"value": pa.array(texts, pa.string())}, layer)
    table = pq.read_table(mapped.path)
    field = table.schema.field("value").with_metadata({JSON_MARK: b"true"})
    pq.write_table(table.cast(table.schema.set(0, field).with_metadata({RECORD_MARK: b"value"})), mapped.path)
    source = replace(mapped.staged.source, format="JSONL")
    return replace(mapped, staged=replace(mapped.staged, source=source))


def outcome(
    con: duckdb.DuckDBPyConnection, mapped: Mapped, layer: LayerSchema, engine: str, **more: Any
) -> tuple[dict[str, tuple[int, ...]], int]:
    """Rule -> failing rows, of the rules that fail; and how many rules the record engine decided."""
    check = LayerCheck(con, next(_numbers), mapped, layer, Settings(engine=engine, samples=None, **more))
    check.prepare([check.delivery])
    outcomes, _ = check.decide()
    found = {one.rule.rule: one.rows for one in outcomes if one.failed and one.rule.severity == "error"}
    return found, sum(one.rule.engine == "record" for one in outcomes)


def judged_both(mapped: Mapped, layer: LayerSchema, registry: Any = None) -> tuple[set[int], int]:
    """The failing rows, which both engines find for the same rules; and the rules not decided in SQL."""
    with connection() as con:
        compiled, in_records = outcome(con, mapped, layer, "auto", formats=False, registry=registry)
        judged, _ = outcome(con, mapped, layer, "record", formats=False, registry=registry)
    assert compiled == judged
    return {row for rows in judged.values() for row in rows}, in_records
