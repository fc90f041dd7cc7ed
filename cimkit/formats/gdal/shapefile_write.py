"""ESRI Shapefile: pyogrio writes it; fiona does where the widths of the columns are given.

What GDAL would do to names and values in silence, or with a warning for a whole column, is
done here beforehand and told: names of 10 bytes and text of 254, never cut within a
character; no difference between the empty text and nothing; times as text. Layout: dBase III
and ESRI's shapefile white paper (July 1998).
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa

from cimkit import crs as reference_systems
from cimkit.errors import SourceError
from cimkit.formats.naming import Naming
from cimkit.formats.profile import (
    HUGE,
    NUMBERS,
    TIMES,
    WORDS,
    Cells,
    Change,
    Column,
    Function,
    Held,
    Order,
    Profile,
    Rule,
    Widths,
    as_text,
    hexadecimal,
    iso_time,
    json_as_text,
    plain_text,
)

_GEOMETRY = "geometry"
_NAME_BYTES, _TEXT_BYTES = 10, 254
#: GDAL writes a real number in 24 columns with 15 decimals, and a whole one of up to 18 digits as such.
_REAL_WIDTH, _REAL_DECIMALS, _WHOLE_WIDTH = 24, 15, 18
#: Offsets of .shp and .shx are signed 32-bit numbers; many readers stop at 2 GB of bytes in the .dbf too.
_MOST_BYTES = (1 << 31) - 1
_SMALL = ("TINYINT", "UTINYINT", "SMALLINT", "USMALLINT", "INTEGER")
_SHAPES = {"Point": "POINT", "MultiPoint": "MULTIPOINT", "LineString": "ARC", "MultiLineString": "ARC",
           "Polygon": "POLYGON", "MultiPolygon": "POLYGON"}  # fmt: skip


class _Rules:
    """How a shapefile in an encoding holds values, in columns of given widths or GDAL's own."""

    def __init__(self, encoding: str, widths: Widths) -> None:
        self._widths = widths
        self._cut = None if encoding == "UTF-8" else f"cimkit_cut_{encoding.lower()}"

    def text(self, rule: Rule | None = None) -> Rule:
        def held(column: Column) -> Held:
            longest = self._widths.texts.get(column.name, _TEXT_BYTES)
            return Cells(longest, self._cut, trims=True, empties=False).rule(rule)(column)

        return held

    def whole(self, column: Column) -> Held:
        """Whole numbers; a column with one of more than 18 characters is read as floats by GDAL and its kin."""
        if _is_short(column):
            return self._in_width(column, f"CAST({column.sql} AS BIGINT)")
        return self.text(as_text)(column) if column.base in HUGE else self.real(column)

    def _in_width(self, column: Column, sql: str) -> Held:
        width, _ = self._widths.numbers.get(column.name, (_WHOLE_WIDTH, 0))
        if width >= _WHOLE_WIDTH:
            return Held(sql)
        inside = f"length(CAST({column.sql} AS VARCHAR)) <= {width}"
        return Held(
            f"CASE WHEN {inside} THEN {sql} END", (Change("number.range", "too_big", f"NOT ({inside})", "NULL"),)
        )

    def small(self, column: Column) -> Held:
        """Whole numbers of 32 bits and fewer."""
        return self._in_width(column, column.sql)

    def real(self, column: Column) -> Held:
        """As much of a number with so many decimals as the column is wide."""
        width, decimals = self._widths.numbers.get(column.name, (_REAL_WIDTH, _REAL_DECIMALS))
        number = f"CAST({column.sql} AS DOUBLE)"
        text = f"printf('%.{decimals}f', {number})"
        before_point = f"length(split_part({text}, '.', 1))"
        inside = f"(isfinite({number}) AND {before_point} <= {width})"
        sql = f"CASE WHEN {inside} THEN CAST(left({text}, {width}) AS DOUBLE) END"
        same = f"TRY_CAST({sql} AS {column.kind}) IS NOT DISTINCT FROM {column.sql}"
        changes = [
            Change("number.range", "too_big", f"isfinite({number}) AND NOT {inside}", "NULL"),
            Change("number.precision", "decimals", f"{inside} AND NOT ({same})", sql, {"decimals": decimals}),
        ]
        if column.base in NUMBERS:
            changes.append(Change("number.not_finite", "not_finite", f"NOT isfinite({number})", "NULL"))
        return Held(sql, tuple(changes))


def _day(column: Column) -> Held:
    inside = f"year({column.sql}) BETWEEN 1 AND 9999"
    sql = f"CASE WHEN {inside} THEN {column.sql} END"
    return Held(sql, (Change("time.range", "no_such_year", f"NOT ({inside})", "NULL"),))


def _time(column: Column) -> Held:
    sql = iso_time(column).sql
    return Held(sql, (Change("type.dropped", "as_text", f"{column.sql} IS NOT NULL", sql, {"kind": column.base}),))


def _cell_bytes(column: Column) -> int:
    """How wide GDAL makes a column; text is at least 80 wide, and as wide as its longest value."""
    fixed = {"BOOLEAN": 1, "DATE": 8, "DOUBLE": _REAL_WIDTH, "FLOAT": _REAL_WIDTH, "DECIMAL": _REAL_WIDTH,
             **dict.fromkeys(_SMALL, 9)}  # fmt: skip
    if column.base in fixed:
        return fixed[column.base]
    if column.base in ("BIGINT", "UINTEGER"):
        return max(_WHOLE_WIDTH, column.longest or 0)
    return min(max(80, column.longest or 0), _TEXT_BYTES)


def _profile(encoding: str, widths: Widths | None = None) -> Profile:
    """What a shapefile holds whose text is in this encoding, and whose columns are of these widths."""
    rules = _Rules(encoding, widths or Widths())
    text = rules.text

    def measure(name: str) -> int:
        return len(name.encode(encoding, "replace"))

    def clean(name: str) -> str:
        return name.encode(encoding, "replace").decode(encoding).rstrip(" ")

    return Profile(
        columns={
            "VARCHAR": text(),
            **dict.fromkeys(TIMES, text(_time)),
            "TIME": text(as_text),
            "DATE": _day,
            **dict.fromkeys((*NUMBERS, "DECIMAL"), rules.real),
            **dict.fromkeys(_SMALL, rules.small),
            **dict.fromkeys(("BIGINT", "UINTEGER", *HUGE), rules.whole),
            **dict.fromkeys(WORDS, text(plain_text)),
            "BLOB": text(hexadecimal),
        },
        nested=text(json_as_text),
        measured=frozenset({"VARCHAR", *_SMALL, "BIGINT", "UINTEGER", *HUGE}),
        functions=_functions(encoding),
        text_bytes="strlen({})" if encoding == "UTF-8" else f"cimkit_bytes_{encoding.lower()}({{}})",
        naming=Naming(_NAME_BYTES, measure, clean),
        placeholder="FID",
        one_kind="one",
        unwraps=frozenset({5, 6}),
        one_dimension=True,
        collections=False,
        # fiona knows no M.
        measures=widths is None,
        empty_geometry=False,
        finite_only=True,
        open_rings=False,
        needs_geometry=True,
        sidecars=(".shx", ".dbf", ".prj", ".cpg"),
        encodings=("UTF-8", "GB18030", "GBK"),
        encoded=_profile,
        exact=_profile,
        most_columns=255,
        most_bytes=_MOST_BYTES,
        cell_bytes=_cell_bytes,
    )


def _is_short(column: Column) -> bool:
    return column.longest is None or column.longest <= _WHOLE_WIDTH


def _functions(encoding: str) -> tuple[Function, ...]:
    """For SQL: what of each text fits into so many bytes of an encoding, with ? for what it has not; and how many."""
    if encoding == "UTF-8":
        return ()

    def cut(texts: pa.Array, longest: pa.Array) -> pa.Array:
        most = longest[0].as_py() if len(longest) else 0
        return pa.array([text and _fitting(text, encoding, most) for text in texts.to_pylist()], pa.string())

    def count(texts: pa.Array) -> pa.Array:
        return pa.array([len(text.encode(encoding, "replace")) for text in texts.to_pylist()], pa.int64())

    name = encoding.lower()
    return (
        Function(f"cimkit_cut_{name}", cut, ("VARCHAR", "BIGINT"), "VARCHAR"),
        Function(f"cimkit_bytes_{name}", count, ("VARCHAR",), "BIGINT"),
    )


def _fitting(text: str, encoding: str, longest: int) -> str:
    raw = text.encode(encoding, "replace")
    return raw.decode(encoding) if len(raw) <= longest else raw[:longest].decode(encoding, "ignore")


PROFILE = _profile("UTF-8")


def write(reader: pa.RecordBatchReader, path: Path, order: Order) -> None:
    """One layer in the four or five files of a shapefile, rows in the order of the stream.

    Raises:
        SourceError: GDAL refuses.
    """
    encoding = order.encoding or PROFILE.encodings[0]
    if order.widths or order.numbers:
        _write_exactly(reader, path, order, encoding)
    else:
        _write_stream(reader, path, order, encoding)
    # GDAL writes no .cpg for ASCII, and what it writes for the others is its own spelling.
    path.with_suffix(".cpg").write_text(encoding, encoding="ascii")


def _write_stream(reader: pa.RecordBatchReader, path: Path, order: Order, encoding: str) -> None:
    from pyogrio import write_arrow
    from pyogrio.errors import DataLayerError, DataSourceError, FeatureError, FieldError, GeometryError

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            write_arrow(
                reader,
                path,
                driver="ESRI Shapefile",
                geometry_name=_GEOMETRY,
                geometry_type=order.geometry_type,
                crs=reference_systems.written(order.crs).to_wkt() if order.crs else None,
                encoding=encoding,
                layer_options={"SHPT": _shape(order), "DBF_DATE_LAST_UPDATE": _NO_DAY},
            )
        except (DataLayerError, DataSourceError, FeatureError, FieldError, GeometryError, RuntimeError) as error:
            raise _refusal(path, error) from error


#: A .dbf says when it was last written. A fixed day, so that the same content is the same file.
_NO_DAY = "1970-01-01"


def _shape(order: Order) -> str:
    """The shape type in GDAL's words; a layer without any geometry holds points."""
    name, _, dimension = order.geometry_type.partition(" ")
    return _SHAPES.get(name, "POINT") + (
        "ZM" if dimension and order.has_m else dimension or ("M" if order.has_m else "")
    )


def _refusal(path: Path, error: Exception) -> SourceError:
    reason = str(error).replace(str(path), path.name).rstrip(".")
    return SourceError(
        f"{path.name} cannot be written as Shapefile: {reason}.", hint="Is there enough room on the disk?"
    )


def _write_exactly(reader: pa.RecordBatchReader, path: Path, order: Order, encoding: str) -> None:
    import fiona

    names = [name for name in reader.schema.names if name != _GEOMETRY]
    name, _, dimension = order.geometry_type.partition(" ")
    kinds = {name: _fiona_type(reader.schema.field(name), order) for name in names}
    kind = f"{'3D ' if dimension else ''}{name if name in _SHAPES else 'Point'}"
    schema = {"geometry": kind, "properties": kinds}
    crs = reference_systems.written(order.crs).to_wkt() if order.crs else None
    try:
        with fiona.open(
            path, "w", driver="ESRI Shapefile", schema=schema, crs_wkt=crs, encoding=encoding,
            DBF_DATE_LAST_UPDATE=_NO_DAY,
        ) as target:  # fmt: skip
            for batch in reader:
                target.writerecords(_records(batch, names, kinds))
    except (fiona.errors.FionaError, RuntimeError, OSError) as error:
        raise _refusal(path, error) from error


def _fiona_type(column: pa.Field, order: Order) -> str:
    if column.name in order.widths:
        return f"str:{order.widths[column.name]}"
    if column.name in order.numbers:
        width, decimals = order.numbers[column.name]
        # fiona 1.10 writes every whole number by the width of the first: int32 next to int64 overflows.
        return f"int64:{width}" if decimals == 0 and 10 <= width <= _WHOLE_WIDTH else f"float:{width}.{decimals}"
    return "bool" if pa.types.is_boolean(column.type) else "date" if pa.types.is_date(column.type) else "str"


def _records(batch: pa.RecordBatch, names: Sequence[str], kinds: Mapping[str, str]) -> Iterator[dict[str, Any]]:
    import shapely

    shapes = shapely.from_wkb(batch.column(_GEOMETRY).to_numpy(zero_copy_only=False))
    columns = []
    for name in names:
        column = batch.column(name)
        columns.append(column.cast(pa.float64() if kinds[name].startswith("float") else column.type).to_pylist())
    for shape, *values in zip(shapes, *columns, strict=True):
        yield {
            "type": "Feature",
            "properties": dict(zip(names, values, strict=True)),
            "geometry": None if shape is None else shape.__geo_interface__,
        }
