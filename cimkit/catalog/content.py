"""What a Parquet file says, whatever bytes it says it with: the identity of a dataset's content.

Two files with the same columns and the same records have the same digest, in whatever order
the records stand and whichever version of a library compressed them. Only then can a second
run find that nothing has changed. It proves no absence of tampering; the SHA-256 of the files
does that.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cimkit import duck
from cimkit.errors import CatalogError

if TYPE_CHECKING:
    import duckdb

GEOMETRY = "geometry"


@dataclass(frozen=True, slots=True)
class Content:
    """One Parquet file, read once.

    ``columns`` are the file's without the covering, which only repeats the geometry;
    ``nulls`` counts the records without a value in each; ``digest`` is SHA-256 in hex.
    """

    columns: tuple[str, ...]
    rows: int
    nulls: dict[str, int]
    digest: str

    @property
    def has_geometry(self) -> bool:
        return GEOMETRY in self.columns


def read(con: duckdb.DuckDBPyConnection, path: Path) -> Content:
    """The content of a Parquet file of any size.

    Each record is the MD5 of its cells' texts, and the digest covers the sum of these (two
    64-bit halves, summed apart) with the columns' names and types. DuckDB prints numbers with
    the fewest digits that read back the same, and times in UTC.

    Raises:
        CatalogError: it is not Parquet.
    """
    import duckdb

    table = duck.parquet(path)
    try:
        covering = covering_column(path)
        described = con.execute(f"DESCRIBE SELECT * FROM {table}").fetchall()
        columns = [(name, kind) for name, kind, *_ in described if name != covering]
        names = [duck.identifier(name) for name, _ in columns]
        cells = [_cell(name, kind) for name, (_, kind) in zip(names, columns, strict=True)]
        counts = "".join(f", count({name})" for name in names)
        row = con.execute(f"""
            SELECT count(*), sum((hash & 18446744073709551615)::HUGEINT)::VARCHAR, sum((hash >> 64)::HUGEINT)::VARCHAR
                   {counts}
            FROM (SELECT *, md5_number(concat({", ".join(cells) or "''"})) AS hash FROM {table})
        """).fetchone()
    except (duckdb.Error, OSError, ValueError) as error:
        raise CatalogError(f"{path} cannot be read as Parquet: {first_line(error)}") from error
    assert row is not None
    rows, low, high, *present = row
    identity = json.dumps([columns, rows, low, high], ensure_ascii=False)
    return Content(
        columns=tuple(name for name, _ in columns),
        rows=rows,
        nulls={name: rows - count for (name, _), count in zip(columns, present, strict=True)},
        digest=hashlib.sha256(identity.encode()).hexdigest(),
    )


def _cell(name: str, kind: str) -> str:
    """A cell as text that begins with its own length, so that no two rows of cells read the same."""
    text = f"md5({name})" if kind == "BLOB" else f"CAST({name} AS VARCHAR)"
    return f"coalesce(strlen({text}) || ':' || {text}, '-')"


def geometry_metadata(path: Path) -> dict[str, Any]:
    """What a GeoParquet file says of its geometry column; empty where it has none.

    Raises:
        OSError, ValueError: the file is not Parquet (pyarrow's errors are ValueErrors).
    """
    import pyarrow.parquet as pq

    text = (pq.read_metadata(path).metadata or {}).get(b"geo", b"{}")
    try:
        column = _member(json.loads(text), "columns", GEOMETRY)
    except RecursionError as error:
        raise ValueError("its metadata is nested too deeply") from error
    return column if isinstance(column, dict) else {}


def own_crs(path: Path) -> str | None:
    """The CRS in a GeoParquet file's own words, as PROJJSON text; None where it has or knows none."""
    column = geometry_metadata(path)
    if "crs" not in column:
        return "OGC:CRS84" if column else None  # what the format means by silence
    return json.dumps(column["crs"]) if column["crs"] else None


def covering_column(path: Path) -> str | None:
    """The column in which a GeoParquet file repeats the bounding box of each geometry, if it has one."""
    corner = _member(geometry_metadata(path), "covering", "bbox", "xmin")
    return corner[0] if isinstance(corner, list) and corner and isinstance(corner[0], str) else None


def _member(document: Any, *keys: str) -> Any:
    """A member of nested objects; None where there is no such."""
    for key in keys:
        document = document.get(key) if isinstance(document, dict) else None
    return document


def first_line(error: Exception) -> str:
    """What went wrong, without the plan and the caret that DuckDB draws below it."""
    return str(error).strip().partition("\n")[0]
