"""Records that try a writable format's patience, and what its own profile says becomes of them."""

from __future__ import annotations

import datetime as dt
import hashlib
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import shapely

from cimkit import formats
from cimkit.formats.profile import Column, Order, Profile
from cimkit.formats.writing import write

UTC = dt.UTC
LONG_NAME = "建筑物的名称和门牌号码以及其他说明文字"


def values() -> pa.Table:
    """Five records with an edge of every type in them."""
    return pa.table(
        {
            "编号": ["010001", "", None, "x" * 300, "中" * 300],
            "i8": pa.array([1, -128, 127, None, 0], pa.int8()),
            "i16": pa.array([1, -32768, 32767, None, 0], pa.int16()),
            "i32": pa.array([1, -(2**31), 2**31 - 1, None, 0], pa.int32()),
            "i64": pa.array([2**53 + 1, None, 3, -(2**63), 2**63 - 1], pa.int64()),
            "u32": pa.array([1, 2**32 - 1, 3, None, 0], pa.uint32()),
            "u64": pa.array([2**64 - 1, 0, None, 1, 2], pa.uint64()),
            "ja": pa.array([True, False, None, True, False]),
            "f64": pa.array([0.1, 1 / 3, -0.0, 1e300, None], pa.float64()),
            "f32": pa.array([0.1, 1 / 3, 1e30, None, 0], pa.float32()),
            "dec": pa.array([None, 1, 2, 3, 4], pa.decimal128(18, 2)),
            "tag": [dt.date(2020, 2, 29), dt.date(1900, 1, 1), None, dt.date(9999, 12, 31), dt.date(1970, 1, 1)],
            "zeit": pa.array(
                [
                    dt.datetime(2020, 2, 29, 1, 2, 3, 456789),
                    dt.datetime(1950, 6, 9, 0, 0),
                    None,
                    dt.datetime(2020, 1, 1, 0, 0, 59, 999600),
                    dt.datetime(2000, 1, 1),
                ],
                pa.timestamp("us"),
            ),
            "zone": pa.array(
                [dt.datetime(2020, 2, 29, 1, 2, 3, tzinfo=UTC), None, None, dt.datetime(2021, 1, 1, tzinfo=UTC), None],
                pa.timestamp("us", "UTC"),
            ),
            "uhr": pa.array([dt.time(1, 2, 3, 456789), None, dt.time(0), dt.time(23, 59, 59), None], pa.time64("us")),
            "roh": pa.array([b"\x00\x01", b"", None, b"x", None], pa.binary()),
            LONG_NAME: ["1", "2", "3", "4", "5"],
        }
    )


def with_shapes(table: pa.Table, shapes: Sequence[Any]) -> pa.Table:
    """The table with WKB of these: WKT, bytes as they are, or None."""
    return table.append_column("geometry", pa.array([wkb(shape) for shape in shapes], pa.binary()))


def wkb(shape: str | bytes | None) -> bytes | None:
    if shape is None or isinstance(shape, bytes):
        return shape
    return bytes(shapely.to_wkb(shapely.from_wkt(shape), flavor="iso", output_dimension=4))


def points(count: int = 5) -> list[str]:
    return [f"POINT ({500000.5 + i} {2500000.25 + i})" for i in range(count)]


def put(table: pa.Table, path: Path, *, crs: str | None = "EPSG:4547", layer: str = "楼", **order: Any) -> Path:
    """Write a table as it is."""
    write(table.to_reader(), path, Order(crs=crs, layer=layer, **order))
    return path


def held(con: duckdb.DuckDBPyConnection, table: pa.Table, profile: Profile) -> tuple[pa.Table, dict[str, list[str]]]:
    """What the profile says is written of a table, and the codes of what each column loses."""
    con.register("given", table)
    kinds = {row[0]: row[1] for row in con.execute("DESCRIBE given").fetchall()}
    names = [name for name in table.schema.names if name != "geometry"]
    columns = {}
    for name in names:
        longest = con.execute(f'SELECT max(strlen(CAST("{name}" AS VARCHAR))) FROM given').fetchone()
        columns[name] = Column(name, kinds[name], longest=(longest or (None,))[0])
    new = profile.naming.names(names) if profile.naming else {name: name for name in names}
    rules = {name: profile.held(column) for name, column in columns.items()}
    sql = [f'{rule.sql} AS "{new[name]}"' for name, rule in rules.items()]
    geometry = ["geometry"] if "geometry" in table.schema.names else []
    result = con.execute(f"SELECT {', '.join([*sql, *geometry])} FROM given").to_arrow_table()
    losses = {}
    for name, rule in rules.items():
        counted = [
            change.code
            for change in rule.changes
            if con.execute(f"SELECT count(*) FROM given WHERE {change.condition}").fetchone() != (0,)
        ]
        if new[name] != name:
            counted.append("name.changed")
        if counted:
            losses[name] = sorted(counted)
    return result, losses


def read(path: Path, layer: str | None = None) -> pa.Table:
    return formats.open(path).layer(layer).arrow()


def shapes(table: pa.Table) -> list[str | None]:
    """The geometries as WKT; of curves and surfaces the kind's number."""
    result: list[str | None] = []
    for value in table["geometry"].to_pylist():
        if value is None:
            result.append(None)
            continue
        kind = int.from_bytes(value[1:5], "little")
        simple = kind % 1000 < 8
        result.append(shapely.to_wkt(shapely.from_wkb(value), rounding_precision=-1) if simple else str(kind))
    return result


def digests(path: Path) -> dict[str, str]:
    """Each file of a written target by its content."""
    files = path.rglob("*") if path.is_dir() else path.parent.glob(f"{path.stem}.*")
    return {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in files if file.is_file()}


def listing(folder: Path) -> dict[str, tuple[int, int]]:
    """Every file below a folder with its size and time: nothing may change by reading."""
    return {str(p): (p.stat().st_size, p.stat().st_mtime_ns) for p in sorted(folder.rglob("*"))}


def quietly() -> warnings.catch_warnings:
    """pyogrio and fiona as judges warn of what is no matter here."""
    return warnings.catch_warnings(action="ignore")
