"""What becomes of values in formats that GDAL writes, where :mod:`cimkit.formats.profile` has no rule.

Measured with GDAL 3.12: its Arrow import carries milliseconds, and takes a time before 1970
with a fraction for a later one (1950-06-09 20:28:59.857 becomes 20:29:00). So fractions are
cut off here, exactly and counted.
"""

from __future__ import annotations

from cimkit.formats.profile import Change, Column, Held, beyond_milliseconds


def as_number(column: Column) -> Held:
    """True and false as 1 and 0."""
    sql = f"CAST({column.sql} AS INTEGER)"
    return Held(sql, (Change("type.dropped", "as_number", f"{column.sql} IS NOT NULL", sql),))


def no_null_number(column: Column) -> Held:
    """A null of a number becomes 0."""
    sql = f"coalesce({column.sql}, 0)"
    return Held(sql, (Change("null.merged", "null_as_zero", f"{column.sql} IS NULL", "0"),))


def no_null_boolean(column: Column) -> Held:
    """A null of a boolean becomes false."""
    sql = f"coalesce({column.sql}, FALSE)"
    return Held(sql, (Change("null.merged", "null_as_false", f"{column.sql} IS NULL", "FALSE"),))


def milliseconds(column: Column) -> Held:
    """To the millisecond, before 1970 to the second; a time with a zone as UTC without one."""
    whole = _whole(column)
    changes = [_fraction(column, whole)]
    if "TIME ZONE" in column.kind:
        utc = f"make_timestamp(epoch_us({column.sql}))"
        changes.append(Change("time.zone", "as_utc", f"{column.sql} IS NOT NULL", f"CAST({utc} AS VARCHAR)"))
    return Held(whole, tuple(changes))


def milliseconds_with_zone(column: Column) -> Held:
    """To the millisecond, before 1970 to the second; a zone stays."""
    whole = _whole(column)
    if "TIME ZONE" not in column.kind:
        return Held(whole, (_fraction(column, whole),))
    # Back by text, as a cast from a time without a zone would take it for one of this machine.
    zoned = f"CAST(strftime({whole}, '%Y-%m-%dT%H:%M:%S.%f') || '+00:00' AS TIMESTAMPTZ)"
    return Held(zoned, (_fraction(column, zoned),))


def utc_milliseconds(column: Column) -> Held:
    """To the millisecond, before 1970 to the second; a time without a zone is one of UTC."""
    held = milliseconds_with_zone(column)
    if "TIME ZONE" in column.kind:
        return held
    utc = f"CAST({held.sql} AS VARCHAR) || ' UTC'"
    return Held(held.sql, (*held.changes, Change("time.zone", "utc_only", f"{column.sql} IS NOT NULL", utc)))


def _whole(column: Column) -> str:
    micro = f"epoch_us({column.sql})"
    late, early = f"{micro} - {micro} % 1000", f"{micro} - ({micro} % 1000000 + 1000000) % 1000000"
    return f"make_timestamp(CASE WHEN {micro} < 0 THEN {early} ELSE {late} END)"


def _fraction(column: Column, after: str) -> Change:
    early = f"(epoch_us({column.sql}) < 0 AND epoch_us({column.sql}) % 1000000 <> 0)"
    return Change("time.fraction", "since_1970", f"({beyond_milliseconds(column)} OR {early})", after)


def fifteen_digits(column: Column) -> Held:
    """A 64-bit float, or a decimal as one, with the 15 digits that text keeps of it; NaN and infinity as they are."""
    number = f"CAST({column.sql} AS DOUBLE)"
    read = f"coalesce(TRY_CAST(printf('%.15g', {number}) AS DOUBLE), {number})"
    again = f"CAST({read} AS {column.kind})" if column.base == "DECIMAL" else read
    changed = f"{again} IS DISTINCT FROM {column.sql}"
    return Held(read, (Change("number.precision", "fifteen_digits", changed, read),))
