"""Records with nasty values, and a judge that compares them with what was read back and with what was told."""

from __future__ import annotations

import datetime
import json
import math
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

import geopandas
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import shapely

from cimkit.model import LossReport

KEY = "key_"
#: Losses of which every counted value must be seen to differ; of the others it may look the same.
SEEN = {
    "text.cut", "text.trimmed", "null.merged", "number.range", "number.precision", "number.not_finite",
    "time.range", "time.fraction", "time.zone", "geometry.dropped", "geometry.dimension", "geometry.multi",
    "geometry.flattened", "geometry.curve",
}  # fmt: skip


def write_source(path: Path, table: pa.Table, geometry: Sequence[bytes | None] | None) -> None:
    """A GeoParquet file of the records, in WGS 84; a plain one without geometry."""
    keyed = table.append_column(KEY, pa.array(range(table.num_rows), pa.int32()))
    if geometry is None:
        pq.write_table(keyed, path)
        return
    frame = geopandas.GeoDataFrame({"n": [1]}, geometry=[shapely.Point(111, 40)], crs="EPSG:4326")
    frame.to_parquet(path)
    geo = json.loads(pq.read_schema(path).metadata[b"geo"])
    geo["columns"]["geometry"] |= {"geometry_types": []}
    geo["columns"]["geometry"].pop("bbox", None)
    keyed = keyed.append_column("geometry", pa.array(geometry, pa.binary()))
    pq.write_table(keyed.replace_schema_metadata({b"geo": json.dumps(geo).encode()}), path)


@dataclass(frozen=True)
class Told:
    """What a report says of a column: under which name it is in the file, and how many values changed."""

    name: str
    counts: Sequence[tuple[str, int]]


def told(report: LossReport, name: str) -> Told:
    there = name
    counts = []
    for loss in report.losses:
        if loss.field != name:
            continue
        if loss.code in ("name.shortened", "name.changed"):
            assert loss.example is not None and loss.example["before"] == name
            there = str(loss.example["after"])
        else:
            counts.append((loss.code, loss.count))
    return Told(there, counts)


def judge(report: LossReport, before: Sequence[Any], after: Sequence[Any], name: str) -> None:
    """Values differ where the report says so, as often as it says, and nowhere else."""
    what = told(report, name)
    same = geometry_is_same if name == "geometry" else is_same
    apart = [(a, b) for a, b in zip(before, after, strict=True) if not same(a, b)]
    most = sum(count for _, count in what.counts)
    least = max((count for code, count in what.counts if code in SEEN), default=0)
    assert least <= len(apart) <= most, (name, what, apart[:3])


def is_same(a: Any, b: Any) -> bool:
    """Whether a value came back as what it was, be it in another type that says the same."""
    if a is None or b is None:
        return a is None and b is None
    if isinstance(a, bool):
        return b == a if not isinstance(b, str) else b.lower() in ({"true", "1"} if a else {"false", "0"})
    if isinstance(a, (int, float, Decimal)):
        return _same_number(a, b)
    if isinstance(a, datetime.datetime):
        return _same_moment(a, b)
    if isinstance(a, datetime.time):
        return bool(b == a) or str(b).rstrip("0").rstrip(".") == a.isoformat().rstrip("0").rstrip(".")
    if isinstance(a, datetime.date):
        return bool(b == a) or str(b).removesuffix("T00:00:00").removesuffix(" 00:00:00") == a.isoformat()
    if isinstance(a, bytes):
        return bool(b == a) or (isinstance(b, str) and b.lower() == a.hex())
    if isinstance(a, (list, dict)):
        try:
            return bool(b == a) or json.loads(b) == a
        except (TypeError, ValueError):
            return False
    return bool(b == a)


def _same_number(a: Any, b: Any) -> bool:
    if isinstance(b, bool):
        return False
    try:
        if isinstance(a, float) and not isinstance(b, float):
            b = float(b)
        exact = Decimal(str(b)) if isinstance(b, str) else b
        if isinstance(a, float):
            return a == b or (math.isnan(a) and math.isnan(b))
        if isinstance(b, float) and isinstance(a, Decimal):
            return Decimal(repr(b)) == a or (float(a) == b and abs(a) < 2**53 and len(a.as_tuple().digits) <= 15)
        return bool(exact == a)
    except (InvalidOperation, ValueError, TypeError):
        return False


def _same_moment(a: datetime.datetime, b: Any) -> bool:
    if isinstance(b, str):
        try:
            b = datetime.datetime.fromisoformat(b.replace("/", "-"))
        except ValueError:
            return False
    if not isinstance(b, datetime.datetime) or (a.tzinfo is None) != (b.tzinfo is None):
        return False
    return a == b


def geometry_is_same(a: bytes | None, b: Any) -> bool:
    """The same points in the same kind, whatever the direction of rings and the order of parts."""
    if a is None or b is None:
        return a is None and b is None
    left = shapely.from_wkb(a)
    right = shapely.from_wkt(b) if isinstance(b, str) else shapely.from_wkb(b)
    if left.is_empty or right.is_empty:
        return bool(left.is_empty and right.is_empty and left.geom_type == right.geom_type)
    if left.geom_type != right.geom_type or left.has_z != right.has_z or left.has_m != right.has_m:
        return False
    left, right = shapely.normalize(left), shapely.normalize(right)
    points = [shapely.get_coordinates(shape, include_z=True, include_m=True) for shape in (left, right)]
    return points[0].shape == points[1].shape and np.allclose(*points, rtol=0, atol=2e-11, equal_nan=True)


def single(value: float) -> float:
    """A number as 32 bits hold it."""
    return float(struct.unpack("<f", struct.pack("<f", value))[0])
