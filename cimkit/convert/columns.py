"""The columns as the target takes them: their names in it, their exact widths, and what each value becomes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from cimkit import duck
from cimkit.convert.records import Records
from cimkit.errors import SourceError
from cimkit.formats.profile import Column, Held, Profile, Widths

if TYPE_CHECKING:
    import duckdb

_WHOLE = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT", "HUGEINT")
_REAL = ("DOUBLE", "FLOAT", "DECIMAL")
_BARE = ("BOOLEAN", "DATE")
_MOST_DECIMALS = 15


@dataclass(frozen=True)
class Written:
    """A column as it is written: under which name, and what of its values is kept."""

    column: Column
    name: str
    held: Held

    @property
    def sql(self) -> str:
        return f"{self.held.sql} AS {duck.identifier(self.name)}"


def planned(
    con: duckdb.DuckDBPyConnection, records: Records, profile: Profile, encoding: str, *, exactly: bool
) -> tuple[list[Written], Widths]:
    """Every column with its name in the target; and the widths, where they are to be exact."""
    from duckdb.func import ARROW

    for function in profile.functions:
        con.create_function(function.name, function.call, list(function.takes), function.gives, type=ARROW)
    columns = _measured(con, records, profile)
    widths = Widths()
    if exactly and profile.exact is not None:
        widths = _widths(con, records, columns, profile)
        profile = profile.exact(encoding, widths)
    names = _names(records, profile)
    return [Written(column, names[column.name], profile.held(column)) for column in columns], widths


def _names(records: Records, profile: Profile) -> Mapping[str, str]:
    given = [column.name for column in records.columns]
    if profile.naming is None:
        return {name: name for name in given}
    fields = records.layer.fields if records.layer else {}
    short = {name: spec.names["short"] for name, spec in fields.items() if "short" in spec.names}
    return profile.naming.names(given, short)


def _measured(con: duckdb.DuckDBPyConnection, records: Records, profile: Profile) -> list[Column]:
    """The columns with their longest values, where the profile asks for them."""
    asked = [column for column in records.columns if column.base in profile.measured or _is_text(column, profile)]
    if not asked:
        return list(records.columns)
    wanted = ", ".join(f"max({profile.text_bytes.format(f'CAST({column.sql} AS VARCHAR)')})" for column in asked)
    found = con.execute(f"SELECT {wanted} FROM {duck.parquet(records.path)}").fetchone() or ()
    longest = {column.name: value or 0 for column, value in zip(asked, found, strict=True)}
    return [replace(column, longest=longest.get(column.name)) for column in records.columns]


def _is_text(column: Column, profile: Profile) -> bool:
    """Whether a column of no type that a format has is measured too, since it becomes text."""
    return bool(profile.measured) and column.base not in (*_WHOLE, *_REAL, *_BARE)


# ---- exact widths ---------------------------------------------------------------------


def _widths(con: duckdb.DuckDBPyConnection, records: Records, columns: Sequence[Column], profile: Profile) -> Widths:
    """Widths as the standard gives them, else as wide as the data needs."""
    properties = records.layer.schema.get("properties", {}) if records.layer else {}
    texts: dict[str, int] = {}
    numbers: dict[str, tuple[int, int]] = {}
    for column in columns:
        said = properties.get(column.name, {})
        if column.base in _BARE:
            continue
        if column.base in _WHOLE and (column.longest or 0) <= 18:
            numbers[column.name] = (_whole_width(said) or max(1, column.longest or 1), 0)
        elif column.base in (*_WHOLE, *_REAL) and column.base not in ("UBIGINT", "HUGEINT"):
            numbers[column.name] = _real_width(con, records, column, said)
        else:
            texts[column.name] = max(1, min(254, said.get("maxLength") or _text_width(con, records, column, profile)))
    return Widths(texts, numbers)


def _whole_width(said: Mapping[str, Any]) -> int | None:
    """As many columns as the largest number has digits, and the sign of the smallest."""
    limits = [said.get(key) for key in ("minimum", "maximum")]
    if not all(isinstance(limit, (int, float)) for limit in limits):
        return None
    return min(18, max(len(str(int(limit))) for limit in limits if limit is not None))


def _real_width(
    con: duckdb.DuckDBPyConnection, records: Records, column: Column, said: Mapping[str, Any]
) -> tuple[int, int]:
    number = f"CAST({column.sql} AS DOUBLE)"
    table = f"(SELECT printf('%.{_MOST_DECIMALS}f', {number}) AS t FROM {duck.parquet(records.path)} " \
            f"WHERE isfinite({number}))"  # fmt: skip
    row = con.execute(
        f"SELECT max(length(split_part(t, '.', 1))), max(length(rtrim(split_part(t, '.', 2), '0'))) FROM {table}"
    ).fetchone()
    whole, decimals = (row[0] or 1, row[1] or 0) if row else (1, 0)
    step = said.get("multipleOf")
    if isinstance(step, (int, float)) and step > 0:
        decimals = len(f"{step:.{_MOST_DECIMALS}f}".rstrip("0").partition(".")[2])
    whole = max(whole, _whole_width(said) or 1)
    # Rounding may carry into one digit more.
    return min(32, whole + 1 + decimals + (1 if decimals else 0)), decimals


def _text_width(con: duckdb.DuckDBPyConnection, records: Records, column: Column, profile: Profile) -> int:
    text = profile.held(column).sql
    row = con.execute(f"SELECT max({profile.text_bytes.format(text)}) FROM {duck.parquet(records.path)}").fetchone()
    return int(row[0] or 1) if row else 1


# ---- limits ---------------------------------------------------------------------------


def refuse_beyond(
    con: duckdb.DuckDBPyConnection, records: Records, written: Sequence[Written], profile: Profile, target: str
) -> None:
    """Raise SourceError where the target has no room for so many rows, columns or bytes."""
    if profile.most_rows is not None and records.rows > profile.most_rows:
        raise SourceError(
            f"{target} cannot be written: it holds at most {profile.most_rows:,} records, but there are "
            f"{records.rows:,}.",
            hint="Choose some with --where or --bbox, or write GeoParquet, which has no such limit.",
        )
    if profile.most_columns is not None and len(written) > profile.most_columns:
        raise SourceError(
            f"{target} cannot be written: it holds at most {profile.most_columns} columns, but there are "
            f"{len(written)}.",
            hint="Choose some with --select, or write GeoParquet, which has no such limit.",
        )
    if profile.most_bytes is None:
        return
    cells = 1 + sum(profile.cell_bytes(column.column) for column in written) if profile.cell_bytes else 0
    sizes = [cells * records.rows]
    if records.has_geometry:
        # A record has a head of 8 bytes in the file, and its box, kind and counts are about as long as those of WKB.
        row = con.execute(f"SELECT sum(octet_length(geometry) + 48) FROM {duck.parquet(records.path)}").fetchone()
        sizes.append(int(row[0] or 0) if row else 0)
    if max(sizes) > profile.most_bytes:
        raise SourceError(
            f"{target} cannot be written: it would have about {max(sizes) / 1e9:.1f} GB, and no file of its format "
            f"may have more than {profile.most_bytes / 1e9:.1f} GB.",
            hint="Choose columns with --select or records with --where, or write GeoParquet or GeoPackage.",
        )
