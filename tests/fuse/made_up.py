"""Made-up sources for the fusion tests: small, deterministic, with the truth known by construction."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import shapely
from shapely.geometry.base import BaseGeometry

from cimkit.model import FusionSource

#: A corner of the CGCS2000 zone that most tests are in (EPSG:4547: metres, 114° E).
ORIGIN = (500_000.0, 3_300_000.0)
CRS = "EPSG:4547"


def house(column: int, row: int, *, dx: float = 0.0, dy: float = 0.0, width: float = 12.0) -> BaseGeometry:
    """A house of a town in which no two houses have the same size, 40 m from the next."""
    x, y = ORIGIN[0] + 40 * column + dx, ORIGIN[1] + 40 * row + dy
    return shapely.box(x, y, x + width + (7 * column + 3 * row) % 9, y + 9 + (5 * column + row) % 7)


def source(
    folder: Path,
    name: str,
    records: Iterable[Mapping[str, Any]],
    *,
    crs: str | None = CRS,
    trust: float = 0.5,
    as_of: str | None = None,
    schema: Mapping[str, pa.DataType] | None = None,
) -> FusionSource:
    """A Parquet file of the records; ``geometry`` may be a shape, WKB, or None."""
    rows = [dict(record) for record in records]
    names = list(dict.fromkeys(["id", *(schema or {}), *(key for row in rows for key in row), "geometry"]))
    columns: dict[str, pa.Array] = {}
    for column in names:
        values: Sequence[Any] = [row.get(column) for row in rows]
        if column == "geometry":
            columns[column] = pa.array([_wkb(value) for value in values], pa.binary())
        elif column == "id":
            columns[column] = pa.array(values, pa.string())
        else:
            columns[column] = pa.array(values, (schema or {}).get(column))
    path = folder / f"{name}.parquet"
    pq.write_table(pa.table(columns), path)
    return FusionSource(name, path, crs, trust=trust, as_of=as_of)


def _wkb(value: Any) -> bytes | None:
    return shapely.to_wkb(value) if isinstance(value, BaseGeometry) else value


def rows(path: Path) -> list[dict[str, Any]]:
    return pq.read_table(path).to_pylist()


def groups(out: Path) -> set[frozenset[tuple[str, str]]]:
    """The entities of a result as sets of (source, id)."""
    found: dict[str, set[tuple[str, str]]] = {}
    for row in rows(out / "bridge.parquet"):
        found.setdefault(row["entity_id"], set()).add((row["source"], row["source_id"]))
    return {frozenset(members) for members in found.values()}


def group(*members: str) -> frozenset[tuple[str, str]]:
    """``group("a/1", "b/2")`` as :func:`groups` has it."""
    return frozenset((name, record) for name, _, record in (member.partition("/") for member in members))
