"""Read the sources into one numbered table of records and one of their attributes.

Records are numbered by source and id, not by row, so that everything that follows is the same
however a source's rows are shuffled.
"""

from __future__ import annotations

import filecmp
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING

from cimkit import duck
from cimkit.errors import SourceError, UsageError, nearest
from cimkit.fuse.findings import Findings
from cimkit.model import FusionSource

if TYPE_CHECKING:
    import duckdb

    from cimkit.fuse.strategies import Strategy

#: What staging adds to a source's own columns.
_HOUSEKEEPING = {"_row", "_fid"}
_INTEGERS = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT")
_NUMBERS = (*_INTEGERS, "HUGEINT", "UHUGEINT", "FLOAT", "DOUBLE")


@dataclass(frozen=True, slots=True)
class Input:
    """One source as it is used: ``columns`` leads from attribute to the source's column."""

    number: int
    source: FusionSource
    id: str
    geometry: str | None
    columns: Mapping[str, str]
    types: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Attribute:
    """An attribute of the fused layer. ``column`` is its name in the table ``attribute``."""

    name: str
    role: str
    type: str
    column: str

    @property
    def is_number(self) -> bool:
        return self.type in _NUMBERS or self.type.startswith("DECIMAL")


@dataclass(frozen=True, slots=True)
class Roster:
    """All sources and the attributes they have together; ``ranking`` is best source first."""

    inputs: tuple[Input, ...]
    attributes: tuple[Attribute, ...]
    ranking: tuple[int, ...]
    records: Mapping[str, int]

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(item.source.name for item in self.inputs)

    def role(self, role: str) -> tuple[Attribute, ...]:
        """The attributes that play a role, in the layer's order."""
        return tuple(attribute for attribute in self.attributes if attribute.role == role)


def load(
    con: duckdb.DuckDBPyConnection,
    sources: Sequence[FusionSource],
    fields: Mapping[str, str],
    geometry: Strategy,
    findings: Findings,
) -> Roster:
    """Make the tables of records and attributes.

    ``origin(source, name, trust, as_of, rank)``; ``record(rid, source, id, row, filled)``
    with ``rid`` dense from 0 in the order of (source, id), ``row`` 0-based in the file, and
    ``filled`` how many attributes a record has; ``attribute(rid, a0, a1, …)``.

    Args:
        con: a connection of :func:`cimkit.duck.connect`.
        sources: at least two, with different names.
        fields: attribute → role (id, name, address, …), in the order of the layer.
        geometry: how the best source is told: by name, else by date (``newest``), else by trust.
        findings: takes sources that are empty and ids used twice.

    Raises:
        UsageError: fewer than two sources, a name used twice, or an unknown name.
        SourceError: a source cannot be read.
    """
    _check_names([source.name for source in sources])
    inputs = tuple(_input(con, number, source, fields) for number, source in enumerate(sources))
    attributes = _attributes(inputs, fields)
    ranking = ranked(sources, geometry)
    con.execute(
        "CREATE TABLE origin (source INTEGER, name VARCHAR, trust DOUBLE, as_of VARCHAR, rank INTEGER);"
        "CREATE TABLE record (rid INTEGER, source INTEGER, id VARCHAR, row BIGINT, filled INTEGER)"
    )
    columns = "".join(f", {attribute.column} {attribute.type}" for attribute in attributes)
    con.execute(f"CREATE TABLE attribute (rid INTEGER{columns})")
    counts = {}
    for item in inputs:
        source = item.source
        con.execute(
            "INSERT INTO origin VALUES (?, ?, ?, ?, ?)",
            [item.number, source.name, source.trust, source.as_of, ranking.index(item.number)],
        )
        counts[source.name] = _insert(con, item, attributes, findings)
        if not counts[source.name]:
            findings.add("fuse.empty_source", "warning", source.name, "The source has no records.")
    _report_same(sources, findings)
    return Roster(inputs, attributes, ranking, counts)


def _report_same(sources: Sequence[FusionSource], findings: Findings) -> None:
    """Say so where a file was given twice: everything in it will match, and mean nothing."""
    for left, right in combinations(sources, 2):
        if filecmp.cmp(left.path, right.path, shallow=False):
            findings.add("fuse.same_source", "warning", right.name, f"The source is the same file as '{left.name}'.")


def ranked(sources: Sequence[FusionSource], geometry: Strategy) -> tuple[int, ...]:
    """The numbers of the sources, best first: as named, then by date where that counts, by trust, as given."""
    numbers = sorted(range(len(sources)), key=lambda number: (-sources[number].trust, number))
    if geometry.name == "newest":
        numbers.sort(key=lambda number: sources[number].as_of or "", reverse=True)
    order = geometry.order
    numbers.sort(key=lambda number: order.index(sources[number].name) if sources[number].name in order else len(order))
    return tuple(numbers)


def _check_names(names: Sequence[str]) -> None:
    if len(names) < 2:
        raise UsageError("Fusion needs two sources or more.", hint="Name each: NAME=FILE NAME=FILE.")
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise UsageError(f"Two sources have the same name '{twice[0]}'.", hint="Give each source a name of its own.")


def _input(con: duckdb.DuckDBPyConnection, number: int, source: FusionSource, fields: Mapping[str, str]) -> Input:
    types = _columns(con, source.path)
    for role, column in source.roles.items():
        if column not in types:
            raise UsageError(
                f"Source '{source.name}' has no column '{column}' for the role '{role}'.",
                hint=nearest(column, types),
            )
    key = source.roles.get("id") or _key(con, source, types)
    geometry = source.roles.get("geometry") or next((name for name in types if name.lower() == "geometry"), None)
    taken = {key, geometry, *_HOUSEKEEPING, *(name for name, kind in types.items() if _is_covering(kind))}
    named: dict[str, str] = {}
    for name, role in fields.items():
        named.setdefault(role, name)
    renamed = {column: named.get(role, role) for role, column in source.roles.items()}
    # The result has an entity_id of its own: that of an earlier fusion, fused again, stays beside it.
    renamed |= {name: "source_entity_id" for name in types if name.lower() == "entity_id"}
    columns = {renamed.get(name, name): name for name in types if name not in taken}
    return Input(number, source, key, geometry, columns, types)


def _columns(con: duckdb.DuckDBPyConnection, path: Path) -> dict[str, str]:
    import duckdb

    try:
        rows = con.execute(f"DESCRIBE SELECT * FROM {duck.parquet(path)}").fetchall()
    except duckdb.Error as error:
        reason = str(error).splitlines()[0]
        raise SourceError(f"{path} cannot be read as Parquet: {reason}", hint="Convert it first.") from error
    return {str(name): str(kind) for name, kind, *_ in rows}


def _key(con: duckdb.DuckDBPyConnection, source: FusionSource, types: Mapping[str, str]) -> str:
    """The id column: ``id``, else the only column called ``…id`` whose values are all there and different."""
    by_name = {name.lower(): name for name in types}
    if "id" in by_name:
        return by_name["id"]
    candidates = [name for name in types if name.lower().endswith("id") and name not in _HOUSEKEEPING]
    unique = [
        name
        for name in candidates
        if con.execute(
            f"SELECT count(DISTINCT {duck.identifier(name)}) = count(*) FROM {duck.parquet(source.path)}"
        ).fetchone()
        == (True,)
    ]
    if len(unique) != 1:
        raise UsageError(
            f"Source '{source.name}' has no column 'id', and {len(unique)} other columns could be it.",
            hint=f"Say which: --role {source.name}.id=COLUMN. Columns: {', '.join(types)}.",
        )
    return unique[0]


def _is_covering(kind: str) -> bool:
    return kind.startswith("STRUCT(") and all(corner in kind for corner in ("xmin", "ymin", "xmax", "ymax"))


def _attributes(inputs: Sequence[Input], fields: Mapping[str, str]) -> tuple[Attribute, ...]:
    """Every attribute of any source, in the layer's order, then as the sources have them; case does not matter."""
    spelled: dict[str, str] = {}
    for name in [*fields, *(name for item in inputs for name in item.columns)]:
        spelled.setdefault(name.casefold(), name)
    result: list[Attribute] = []
    for key, name in spelled.items():
        types = {item.types[column] for item in inputs for own, column in item.columns.items() if own.casefold() == key}
        if types:
            role = fields.get(name, "") or name
            result.append(Attribute(name, role, _common_type(types), f"a{len(result)}"))
    return tuple(result)


def _common_type(types: set[str]) -> str:
    """The type that holds the values of all sources: their own where they agree, else a wider number, else text."""
    if len(types) == 1:
        return next(iter(types))
    if types <= set(_INTEGERS):
        return "BIGINT" if "UBIGINT" not in types else "HUGEINT"
    if all(kind in _NUMBERS or kind.startswith("DECIMAL") for kind in types):
        return "DOUBLE"
    return "VARCHAR"


def _insert(con: duckdb.DuckDBPyConnection, item: Input, attributes: Sequence[Attribute], findings: Findings) -> int:
    by_key = {name.casefold(): column for name, column in item.columns.items()}
    values = {a.column: by_key.get(a.name.casefold()) for a in attributes}
    listed = "".join(
        f", CAST({duck.identifier(column)} AS {a.type}) AS {a.column}"
        for a in attributes
        if (column := values[a.column]) is not None
    )
    con.execute(
        f"CREATE OR REPLACE TEMP TABLE delivered AS "
        f"SELECT file_row_number AS row, CAST({duck.identifier(item.id)} AS VARCHAR) AS id{listed} "
        f"FROM read_parquet({duck.literal(str(item.source.path))}, file_row_number = true)"
    )
    _make_ids_unique(con, item, findings)
    present = [column for column, source_column in values.items() if source_column is not None]
    filled = " + ".join(f"({column} IS NOT NULL)::INTEGER" for column in present) or "0"
    con.execute(
        f"INSERT INTO record SELECT (SELECT count(*) FROM record) + row_number() OVER (ORDER BY id) - 1, "
        f"{item.number}, id, row, {filled} FROM delivered"
    )
    con.execute(
        f"INSERT INTO attribute BY NAME SELECT rid{''.join(f', {c}' for c in present)} "
        f"FROM record JOIN delivered USING (row) WHERE source = {item.number}"
    )
    con.execute("DROP TABLE delivered")
    row = con.execute(f"SELECT count(*) FROM record WHERE source = {item.number}").fetchone()
    return int(row[0]) if row else 0


def _make_ids_unique(con: duckdb.DuckDBPyConnection, item: Input, findings: Findings) -> None:
    """An id that is missing or used twice becomes ``id#row``, for all records that have it."""
    doubtful = "id IS NULL OR id IN (SELECT id FROM delivered GROUP BY id HAVING count(*) > 1)"
    row = con.execute(f"SELECT count(*), min(id) FROM delivered WHERE {doubtful}").fetchone()
    count, example = row if row else (0, None)
    if not count:
        return
    findings.add(
        "fuse.duplicate_id",
        "warning",
        item.source.name,
        f"{count} records have no id, or one that another record has too"
        + (f", as '{example}'" if example is not None else "")
        + "; each is called id#row here.",
    )
    # Again, should a record's own id look like the new one of another.
    while con.execute(f"SELECT count(*) FROM delivered WHERE {doubtful}").fetchone() != (0,):
        con.execute(f"UPDATE delivered SET id = coalesce(id, '') || '#' || row WHERE {doubtful}")
