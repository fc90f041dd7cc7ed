"""The written file read again and held against what was to be written, column by column."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from cimkit import duck, formats, wkb
from cimkit.convert.columns import Written
from cimkit.convert.precision import Precision
from cimkit.convert.records import BATCH_ROWS, GEOMETRY, Records
from cimkit.duck import identifier
from cimkit.formats.columns import JSON_MARK, NAME_MARK
from cimkit.formats.profile import Profile
from cimkit.messages import say
from cimkit.model import Lang, Loss

if TYPE_CHECKING:
    import duckdb

_WKT = "WKT"
#: Text keeps fewer digits of a coordinate than its 53 bits; this share of it is no difference.
_RELATIVE = 1e-14


def verify(
    con: duckdb.DuckDBPyConnection,
    target: Path,
    records: Records,
    written: Sequence[Written],
    profile: Profile,
    precision: Precision | None,
    in_order: bool,
    folder: Path,
    lang: Lang,
) -> list[Loss]:
    """Every column in which the file, read again, differs from what was to be written.

    Rows are compared by their place where the format keeps it, else as a set.

    Raises:
        SourceError: the file cannot be read again.
    """
    again = formats.stage(formats.open(target).layer(), folder)
    schema = pq.read_schema(again.path)
    losses = []
    if again.facts.features != records.rows:
        message = say("loss.verify_rows", lang, expected=records.rows, found=again.facts.features)
        losses.append(Loss("rows.changed", None, abs(records.rows - again.facts.features), message))
    kinds = {str(row[0]): str(row[1]) for row in con.execute(f"DESCRIBE {_all(again.path)}").fetchall()}
    names = _names(written, schema)
    told = profile.names_in_records and not records.rows  # that there are no columns then
    for column in () if told else written:
        there = names.get(column.name)
        if there is None:
            message = say("loss.verify_column", lang, field=column.name)
            losses.append(Loss("column.missing", column.name, records.rows, message))
            continue
        kind = _kind(con, records.path, column.held.sql)
        is_json = JSON_MARK in (schema.field(there).metadata or {})
        pair = _alike(column.held.sql, kind, identifier(there), "JSON" if is_json else kinds[there])
        count = _differing(con, *pair, records.path, again.path, in_order)
        if count:
            message = say("loss.verify_value", lang, field=column.name)
            losses.append(Loss("value.changed", column.name, count, message))
    if records.has_geometry and profile.geometry != "none":
        apart = 0.51 * 10.0**-precision.decimals if precision is not None and profile.snaps else 0.0
        count = _geometries(records.path, again.path, schema, set(names.values()), in_order, apart)
        if count:
            losses.append(Loss("value.changed", GEOMETRY, count, say("loss.verify_geometry", lang)))
    return losses


def _all(path: Path) -> str:
    return f"SELECT * FROM {duck.parquet(path)}"


def _names(written: Sequence[Written], schema: pa.Schema) -> Mapping[str, str]:
    """Each column's name in the file as it is read; a reader may have had to call it something else."""
    found: dict[str, str] = {}
    for column in schema:
        own = (column.metadata or {}).get(NAME_MARK, column.name.encode()).decode()
        found.setdefault(own.lower(), column.name)
    found |= {name.lower(): name for name in schema.names}
    return {c.name: found[c.name.lower()] for c in written if c.name.lower() in found}


def _kind(con: duckdb.DuckDBPyConnection, path: Path, sql: str) -> str:
    row = con.execute(f"DESCRIBE SELECT {sql} AS value FROM {duck.parquet(path)}").fetchone()
    assert row is not None
    return str(row[1])


def _alike(expected: str, kind: str, found: str, read_as: str) -> tuple[str, str]:
    """The two columns so that equal values are equal, whichever of their types the format gave back."""
    if kind.startswith("TIMESTAMP"):
        return f"epoch_us({expected})", f"epoch_us(TRY_CAST({found} AS {kind}))"
    if kind == "JSON" and read_as == "JSON":
        return f"CAST(json({expected}) AS VARCHAR)", f"CAST(json({found}) AS VARCHAR)"
    if kind == "JSON":
        return f"TRY_CAST(({expected} ->> '$') AS {read_as})", found
    if read_as == "JSON":
        # A column of several types, as a reader sees it that looks at the values.
        return f"CAST({expected} AS VARCHAR)", f"({found} ->> '$')"
    found = found if read_as == kind else f"TRY_CAST({found} AS {kind})"
    if kind in ("DOUBLE", "FLOAT"):
        return _one_nan(expected, kind), _one_nan(found, kind)  # there are several, which hash differently
    return expected, found


def _one_nan(number: str, kind: str) -> str:
    return f"CASE WHEN isnan({number}) THEN CAST('nan' AS {kind}) ELSE {number} END"


def _differing(
    con: duckdb.DuckDBPyConnection, expected: str, found: str, source: Path, again: Path, in_order: bool
) -> int:
    """How many values of two columns differ."""
    place = "number AS place, " if in_order else ""
    left = f"SELECT {place}{expected} AS value FROM {_numbered(source)}"
    right = f"SELECT {place}{found} AS value FROM {_numbered(again)}"
    digest = "count(*), sum(hash(t)::HUGEINT), bit_xor(hash(t))"
    sums = {con.execute(f"SELECT {digest} FROM ({query}) AS t").fetchone() for query in (left, right)}
    if len(sums) == 1:
        return 0
    row = con.execute(f"SELECT count(*) FROM ({left} EXCEPT ALL {right})").fetchone()
    return int(row[0]) if row else 0


def _numbered(path: Path) -> str:
    return f"(SELECT *, file_row_number AS number FROM read_parquet({duck.literal(str(path))}, file_row_number = true))"


# ---- geometry -------------------------------------------------------------------------


def _geometries(source: Path, again: Path, schema: pa.Schema, taken: set[str], in_order: bool, apart: float) -> int:
    """How many geometries differ by more than ``apart``, whatever the direction of rings and the order of parts."""
    there = GEOMETRY
    if GEOMETRY not in schema.names:
        there = next((name for name in schema.names if name.upper().endswith(_WKT) and name not in taken), "")
    left, right = _column(source, GEOMETRY), _column(again, there)
    if in_order:
        return sum(_unlike(*pair, apart) for pair in zip(_even(left), _even(right), strict=False))
    before, after = (np.sort(np.concatenate([_digests(some) for some in many])) for many in (left, right))
    only = np.setdiff1d(before, after).size
    return only or abs(len(before) - len(after))


def _column(path: Path, name: str) -> Iterator[NDArray[np.object_]]:
    """The geometries of a file, in batches: WKB, WKT, or none where there is no such column."""
    with pq.ParquetFile(path, pre_buffer=False) as file:
        if not name:
            yield np.full(file.metadata.num_rows, None, dtype=object)
            return
        for batch in file.iter_batches(BATCH_ROWS, columns=[name]):
            yield _values(batch.column(0))
        if not file.metadata.num_rows:
            yield np.zeros(0, dtype=object)


def _values(array: pa.Array) -> NDArray[np.object_]:
    import shapely

    values: NDArray[np.object_] = array.to_numpy(zero_copy_only=False)
    if pa.types.is_string(array.type):
        shapes = shapely.from_wkt(values, on_invalid="ignore")
        return np.asarray(shapely.to_wkb(shapes, flavor="iso", output_dimension=4), dtype=object)
    return values


def _even(batches: Iterator[NDArray[np.object_]]) -> Iterator[NDArray[np.object_]]:
    """The same values in batches of one size, so that two files come in step."""
    left = np.zeros(0, dtype=object)
    for batch in batches:
        left = np.concatenate([left, batch])
        while len(left) >= BATCH_ROWS:
            yield left[:BATCH_ROWS]
            left = left[BATCH_ROWS:]
    yield left


def _unlike(left: NDArray[np.object_], right: NDArray[np.object_], apart: float) -> int:
    """How many of two runs of WKB values differ by more than ``apart``."""
    import shapely

    number = min(len(left), len(right))
    left, right = left[:number], right[:number]
    null = np.array([(a is None) != (b is None) for a, b in zip(left, right, strict=True)], dtype=bool)
    different = np.array([a != b for a, b in zip(left, right, strict=True)], dtype=bool) & ~null
    rows = np.flatnonzero(different)
    if len(rows):
        a, b = wkb.built(left[rows]), wkb.built(right[rows])
        both = shapely.is_geometry(a) & shapely.is_geometry(b)
        scale = np.nan_to_num(np.abs(shapely.bounds(a)).max(axis=1, initial=0.0))
        same = np.zeros(len(rows), dtype=bool)
        near = np.maximum(np.maximum(scale[both], 1.0) * _RELATIVE, apart)
        same[both] = _near(shapely.normalize(a[both]), shapely.normalize(b[both]), near)
        # What GEOS does not read (curves) is compared as bytes in one byte order and dialect.
        for place in np.flatnonzero(~both):
            same[place] = _canonical(left[rows[place]]) == _canonical(right[rows[place]])
        different[rows] = ~same
    return int(null.sum() + different.sum())


def _near(a: Any, b: Any, near: NDArray[np.float64]) -> NDArray[np.bool_]:
    import shapely

    empty = shapely.is_empty(a) & shapely.is_empty(b)  # of no dimension that anybody could tell
    dimensions = empty | ((shapely.has_z(a) == shapely.has_z(b)) & (shapely.has_m(a) == shapely.has_m(b)))
    same: NDArray[np.bool_] = dimensions & shapely.equals_exact(a, b, tolerance=near)
    for row in np.flatnonzero(same & (shapely.has_z(a) | shapely.has_m(a))):
        left, right = (shapely.get_coordinates(shape, include_z=True, include_m=True) for shape in (a[row], b[row]))
        same[row] = np.allclose(left, right, rtol=_RELATIVE, atol=near[row], equal_nan=True)
    return same


def _digests(values: NDArray[np.object_]) -> NDArray[np.int64]:
    """A number for each geometry, the same for equal ones."""
    import shapely

    shapes = wkb.built(values)
    normal = shapely.to_wkb(shapely.normalize(shapes), flavor="iso", byte_order=1, output_dimension=4)
    pairs = zip(values, normal, strict=True)
    return np.array([hash(_canonical(raw) if text is None else text) for raw, text in pairs], dtype=np.int64)


def _canonical(value: bytes | None) -> Any:
    """The bytes of a geometry's points and kinds, whatever their byte order; the bytes themselves where it is none."""
    if value is None:
        return None
    kind, has_z, has_m = wkb.heads(pa.array([value], pa.binary()))
    try:
        points = [view.astype("<f8").tobytes() for view, _ in wkb.coordinates(bytearray(value))]
    except ValueError:
        return value
    return (int(kind[0]), bool(has_z[0]), bool(has_m[0]), tuple(points))
