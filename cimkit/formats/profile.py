"""What a writable format can hold, and what becomes of a value it cannot.

A format's module says it in a :class:`Profile`: for each type of column the SQL of what is
written (:class:`Held`), with the conditions that count the values this changes
(:class:`Change`); for names, geometry, CRS and row order what it has no place for. The
format matrix of the documentation and every loss report come from it. The rules here were
measured with GDAL 3.12 and pyarrow.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal

from cimkit.duck import identifier

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

    from cimkit.formats.naming import Naming


@dataclass(frozen=True, slots=True)
class Column:
    """A column to be written: its DuckDB type, and whether its text is JSON.

    ``longest`` is the length of its longest value as text, in bytes, where the profile asks for
    it (:attr:`Profile.measured`).
    """

    name: str
    kind: str
    json: bool = False
    longest: int | None = None

    @property
    def sql(self) -> str:
        return identifier(self.name)

    @property
    def nested(self) -> bool:
        return self.kind.endswith("]") or self.kind.startswith(("STRUCT(", "MAP(", "UNION("))

    @property
    def base(self) -> str:
        """The type without its parameters: DECIMAL of DECIMAL(10,2)."""
        return re.sub(r"\(.*", "", self.kind)


@dataclass(frozen=True, slots=True)
class Change:
    """One loss a column may suffer: counted where ``condition`` is true; ``after`` is what is left (SQL both).

    ``code`` is the loss's; ``why`` names its message (``loss.<why>`` in :mod:`cimkit.messages`),
    into which ``{field}`` and ``values`` are set.
    """

    code: str
    why: str
    condition: str
    after: str
    values: Mapping[str, str | int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Held:
    """A column as a format holds it."""

    sql: str
    changes: tuple[Change, ...] = ()


Rule = Callable[[Column], Held]


@dataclass(frozen=True, slots=True)
class Function:
    """A function of Arrow arrays under its name in SQL, with the SQL types it takes and gives."""

    name: str
    call: Callable[..., pa.Array]
    takes: tuple[str, ...]
    gives: str


@dataclass(frozen=True, slots=True)
class Widths:
    """Exact widths by column: of text in bytes, of numbers with their decimals."""

    texts: Mapping[str, int] = field(default_factory=dict)
    numbers: Mapping[str, tuple[int, int]] = field(default_factory=dict)


@dataclass(frozen=True)
class Profile:
    """What a format can hold.

    ``columns`` has a rule for each type of DuckDB (without parameters) that is not written as
    it is; ``nested`` is that of lists, objects and JSON, and ``measured`` the types whose rules
    want :attr:`Column.longest`, counted by the SQL of ``text_bytes``. ``functions`` are what this
    SQL calls by name. ``naming`` says which column names it takes, None for any. ``placeholder``
    is the column it adds where there is no other; with ``names_in_records`` a layer without
    records has no columns. ``sidecars`` are suffixes of files that belong to the target,
    ``folder`` says that the target is a folder.

    Geometry: ``one_kind``: "any" kinds of geometry in one layer, "family" if single and multi
    may mix but points, lines and areas may not, "one" if all must be of one kind. ``unwraps``
    are the OGC numbers of multi-kinds (4, 5, 6) that come back single where they have one part,
    ``wraps`` those of single kinds (1, 2, 3) that always come back as multi-kinds.
    ``one_dimension``: Z or M of one geometry is Z or M of all; ``adds_heights``: every geometry
    gets a Z; ``flat_collections``: those of one kind come back as the multi-geometry of it;
    ``finite_only``: no coordinate may be infinite or NaN; ``open_rings``: polygons
    may have rings that GEOS does not build, open or too short; ``damaged``: bytes that are no
    geometry are kept as they are. ``decimals`` are those of coordinates that are degrees, and
    of others; ``snaps``: the last of them may differ anywhere, as coordinates go onto a grid, and
    ``steps`` are those of the grid across all coordinates, where it is laid around them.

    ``crs``: "any" CRS can be said, "codes" only such as have an EPSG code, "wgs84" there is no
    other, "none" nothing is said. ``said_crs`` gives the name under which a CRS comes back where
    the format has words of its own, None where it does not. ``usual_crs`` is the one coordinates
    are brought into unless another is asked for.

    ``encodings`` are those of its text, the usual one first, and ``encoded`` makes the profile
    for another of them; ``exact`` makes the one for an encoding and given widths of columns.
    Limits: ``most_rows``, ``most_columns``, ``longest_wkt`` of one geometry in characters, and
    ``most_bytes`` of any of its files, for which ``cell_bytes`` says how wide a column's cells are.
    """

    columns: Mapping[str, Rule] = field(default_factory=dict)
    nested: Rule | None = None
    naming: Naming | None = None
    geometry: Literal["column", "wkt", "none"] = "column"
    one_kind: Literal["any", "family", "one"] = "any"
    curves: bool = False
    surfaces: bool = False
    collections: bool = True
    heights: bool = True
    measures: bool = True
    null_geometry: bool = True
    empty_geometry: bool = True
    crs: Literal["any", "codes", "wgs84", "none"] = "any"
    keeps_order: bool = True
    decimals: tuple[int, int] | None = None  # of coordinates that are degrees, and of others
    most_rows: int | None = None
    sidecars: tuple[str, ...] = ()
    folder: bool = False
    needs_geometry: bool = False
    unwraps: frozenset[int] = frozenset()
    wraps: frozenset[int] = frozenset()
    said_crs: Callable[[str], str | None] | None = None
    one_dimension: bool = False
    adds_heights: bool = False
    flat_collections: bool = False
    snaps: bool = False
    steps: int | None = None
    finite_only: bool = False
    open_rings: bool = True
    damaged: bool = False
    usual_crs: str | None = None
    placeholder: str | None = None
    measured: frozenset[str] = frozenset()
    functions: tuple[Function, ...] = ()
    text_bytes: str = "strlen({})"
    encodings: tuple[str, ...] = ("UTF-8",)
    encoded: Callable[[str], Profile] | None = None
    exact: Callable[[str, Widths], Profile] | None = None
    names_in_records: bool = False
    most_columns: int | None = None
    longest_wkt: int | None = None
    most_bytes: int | None = None
    cell_bytes: Callable[[Column], int] | None = None

    def held(self, column: Column) -> Held:
        """What is written for a column, and what may be lost by it."""
        if column.json or column.nested:
            return self.nested(column) if self.nested else Held(column.sql)
        rule = self.columns.get(column.base)
        return rule(column) if rule else Held(column.sql)


@dataclass(frozen=True)
class Order:
    """What a writer is told beside the stream of records.

    ``geometry_type`` is the one kind all geometries are of ("Polygon", "Point Z" …) or
    "Unknown"; ``has_m`` says that all have M, which the kind does not name. ``widths`` are exact
    widths of text columns, in the unit of the format, and ``numbers`` widths and decimals of
    number columns, where they were asked for. ``encoding`` is that of the text, None for the
    usual one; ``in_order`` asks for the rows' order where the writer has the choice; ``con`` is a
    connection to compute with, other than the stream's.
    """

    crs: str | None
    layer: str
    geometry_type: str = "Unknown"
    widths: Mapping[str, int] = field(default_factory=dict)
    con: duckdb.DuckDBPyConnection | None = None
    has_m: bool = False
    numbers: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    encoding: str | None = None
    in_order: bool = False


# ---- rules that formats share ----------------------------------------------------------

TIMES = ("TIMESTAMP", "TIMESTAMP WITH TIME ZONE", "TIMESTAMP_S", "TIMESTAMP_MS", "TIMESTAMP_NS")
NUMBERS = ("DOUBLE", "FLOAT")
HUGE = ("UBIGINT", "HUGEINT", "UHUGEINT")
WORDS = ("UUID", "ENUM", "INTERVAL", "BIT")


def as_text(column: Column) -> Held:
    """Values of a type the format lacks, as text."""
    sql = f"CAST({column.sql} AS VARCHAR)"
    return Held(sql, (Change("type.dropped", "as_text", f"{column.sql} IS NOT NULL", sql, {"kind": column.base}),))


def plain_text(column: Column) -> Held:
    """Values that are text for every reader anyway."""
    return Held(f"CAST({column.sql} AS VARCHAR)")


def hexadecimal(column: Column) -> Held:
    """Binary values as text."""
    sql = f"lower(hex({column.sql}))"
    return Held(sql, (Change("type.dropped", "as_hexadecimal", f"{column.sql} IS NOT NULL", sql),))


@dataclass(frozen=True)
class Cells:
    """Text as a format's cells hold it: what becomes of text that is empty, padded, long or strange.

    ``longest`` is counted in bytes of UTF-8, or by the SQL function ``cut`` of another encoding,
    which takes a text and gives what of it fits. ``trims``: spaces at both ends are lost;
    ``empties``: the empty text differs from null; ``nul``: a NUL does not end the text.
    """

    longest: int | None = None
    cut: str | None = None
    trims: bool = False
    empties: bool = True
    nul: bool = False

    def of(self, held: Held) -> Held:
        """Text that is held so, in cells of this sort."""
        before = sql = held.sql
        conditions = []
        if not self.nul:
            sql = f"split_part({sql}, chr(0), 1)"
            conditions.append(("text.cut", "nul", f"contains({before}, chr(0))"))
        if self.longest is not None:
            whole = sql
            sql = f"{self.cut}({sql}, {self.longest})" if self.cut else cut_text(sql, self.longest)
            values = {"longest": self.longest}
            conditions.append(("text.cut", "cut", f"{sql} <> {whole}"))
        else:
            values = {}
        if self.trims:
            sql, whole = f"trim({sql}, ' ')", sql
            conditions.append(("text.trimmed", "trimmed", f"{sql} <> {whole}"))
        if not self.empties:
            sql = f"nullif({sql}, '')"
            conditions.append(("null.merged", "empty", f"{before} = ''"))
        changes = [Change(code, why, condition, sql, values) for code, why, condition in conditions]
        return Held(sql, (*(replace(change, after=sql) for change in held.changes), *changes))

    def rule(self, rule: Rule | None = None) -> Rule:
        """The rule of a column whose values another rule turns into text, or which is text."""
        return lambda column: self.of(rule(column) if rule else Held(column.sql))


def cut_text(sql: str, longest: int) -> str:
    """As many whole characters of a text as fit into so many bytes of UTF-8."""
    lengths = f"range({longest // 4}, {longest + 1})"
    fits = f"list_max(list_filter({lengths}, lambda n: strlen(left({sql}, n)) <= {longest}))"
    return f"CASE WHEN strlen({sql}) > {longest} THEN left({sql}, {fits}) ELSE {sql} END"


def as_double(column: Column) -> Held:
    """A decimal as a float; counted is what does not come back as it was."""
    sql = f"CAST({column.sql} AS DOUBLE)"
    changed = f"TRY_CAST({sql} AS {column.kind}) IS DISTINCT FROM {column.sql}"
    return Held(sql, (Change("number.precision", "as_double", changed, sql),))


def finite(column: Column) -> Held:
    """NaN and infinity become null."""
    sql = f"CASE WHEN isfinite({column.sql}) THEN {column.sql} END"
    return Held(sql, (Change("number.not_finite", "not_finite", f"NOT isfinite({column.sql})", "NULL"),))


def no_nan(column: Column) -> Held:
    """SQLite keeps infinity and takes NaN for NULL."""
    sql = f"CASE WHEN NOT isnan({column.sql}) THEN {column.sql} END"
    return Held(sql, (Change("number.not_finite", "nan", f"isnan({column.sql})", "NULL"),))


def iso_time(column: Column) -> Held:
    """A time as RFC 3339 text with every digit, without the zeros at the end of its fraction."""
    zone = "Z" if "TIME ZONE" in column.kind else ""
    text = f"strftime({column.sql}, '%Y-%m-%dT%H:%M:%S.%f')"
    return Held(f"regexp_replace({text}, '\\.?0{{1,6}}$', '') || '{zone}'")


def beyond_milliseconds(column: Column) -> str:
    """The condition that a time is finer than milliseconds; only such as have nanoseconds are asked for them."""
    if column.base == "TIMESTAMP_NS":
        return f"epoch_ns({column.sql}) % 1000000 <> 0"
    return f"epoch_us({column.sql}) % 1000 <> 0"


def json_as_text(column: Column) -> Held:
    """Lists and objects as JSON text, single JSON values as the text they are."""
    as_json = column.sql if column.json else f"to_json({column.sql})"
    # ->> takes a word out of its quotes and leaves lists and objects JSON text.
    text = f"({as_json} ->> '$')"
    nested = f"json_type({as_json}) IN ('ARRAY', 'OBJECT')"
    return Held(text, (Change("type.dropped", "json_text", nested, text),))


def json_in_text_column(column: Column) -> Held:
    """JSON where a text column can say that it is JSON, nested values as JSON text."""
    return Held(f"TRY_CAST({column.sql} AS JSON)") if column.json else json_as_text(column)


def json_value(column: Column) -> Held:
    """Nested values as the JSON they are."""
    if column.json:
        return Held(f"TRY_CAST({column.sql} AS JSON)")
    return Held(f"CAST(to_json({column.sql}) AS JSON)")
