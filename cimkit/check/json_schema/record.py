"""The record engine: ``jsonschema`` on one record at a time, for what SQL cannot decide.

Records stream out of the view in batches, and what fails goes into a table of (rule, row)
pairs, so that nothing in Python grows with the input. A fragment about one column of plain
values looks at each distinct value of a batch once.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from cimkit.check.columns import ROW, Column, Table
from cimkit.check.json_schema.fragments import Fragment
from cimkit.check.json_schema.json_values import reader
from cimkit.check.json_schema.nulls import members
from cimkit.check.json_schema.oracle import MISSING, Oracle, Problem
from cimkit.check.json_schema.ways import ANY
from cimkit.check.rules import Path, address

if TYPE_CHECKING:
    import duckdb

_BATCH = 65_536
#: Steps through a schema: those with a step of their own behind them, and those that lead into a value.
_TWO_STEPS = frozenset(
    ("properties", "patternProperties", "prefixItems", "allOf", "anyOf", "oneOf", "dependentSchemas", "dependencies")
)
_TO_ANY = frozenset(("patternProperties", "additionalProperties", "unevaluatedProperties"))
_TO_NAMED = frozenset(("properties", "items", "prefixItems", "additionalItems", "unevaluatedItems"))

#: (a rule's address, the row, what is wrong)
Failure = tuple[str, int, Problem]


class RecordEngine:
    """The fragments of one layer, over its view. ``nullable`` are the fields that admit null."""

    def __init__(
        self, layer: str, table: Table, fragments: Sequence[Fragment], nullable: Collection[str], *, formats: bool
    ) -> None:
        self.layer = layer
        self.table = table
        self.nullable = nullable
        self.parts = [_Part(part, formats) for part in fragments]
        needed = {column.name for part in fragments for column in self._needed(part)}
        self.columns = [column for name, column in table.columns.items() if name in needed]

    def _needed(self, part: Fragment) -> list[Column]:
        """The columns a fragment needs, of those that were delivered."""
        return [c for name, c in self.table.columns.items() if part.columns is None or name in part.columns]

    def run(self, con: duckdb.DuckDBPyConnection, failures: str, number: Callable[[str], int | None]) -> None:
        """Writes what fails into the table ``failures`` (rule, _row); ``number`` numbers the addresses that count."""
        for rows, batch in self._batches(con, self.table.sql):
            numbered = ((number(rule), row) for rule, row, _ in self._failures(rows, batch))
            found = sorted({(rule, row) for rule, row in numbered if rule is not None})
            if found:
                rules, failing = zip(*found, strict=True)
                con.register(
                    "found", pa.table([pa.array(rules, pa.int32()), pa.array(failing, pa.int64())], ["a", "b"])
                )
                con.execute(f"INSERT INTO {failures} FROM found")
                con.unregister("found")

    def explain(self, con: duckdb.DuckDBPyConnection, rows: str) -> Iterator[Failure]:
        """What is wrong with the rows in the table ``rows``, in full."""
        sql = f"SELECT * FROM ({self.table.sql}) SEMI JOIN {rows} USING ({ROW}) ORDER BY {ROW}"
        for numbers, batch in self._batches(con, sql):
            yield from self._failures(numbers, batch)

    def _batches(self, con: duckdb.DuckDBPyConnection, sql: str) -> Iterator[tuple[list[int], Mapping[str, _Values]]]:
        flagged = [column for column in self.columns if column.unread]
        selected = [ROW, *(c.value for c in self.columns), *(c.unread for c in flagged if c.unread)]
        # A cursor of its own, since failures are written while rows are read.
        reading = con.cursor()
        try:
            for batch in reading.execute(f"SELECT {', '.join(selected)} FROM ({sql})").to_arrow_reader(_BATCH):
                rows: list[int] = batch.column(0).to_pylist()
                readable = [False] * len(rows)
                behind = batch.columns[1 + len(self.columns) :]
                unread = {c.name: array.to_pylist() for c, array in zip(flagged, behind, strict=True)}
                yield (
                    rows,
                    {
                        column.name: _Values(column, array, unread.get(column.name, readable))
                        for column, array in zip(self.columns, batch.columns[1:], strict=False)
                    },
                )
        finally:
            reading.close()

    def _failures(self, rows: list[int], values: Mapping[str, _Values]) -> Iterator[Failure]:
        for part in self.parts:
            if self.table.whole:
                found = self._of_whole(part, values[self.table.whole])
            elif part.fragment.path:
                found = self._of_column(part, values.get(str(part.fragment.path[0])))
            else:
                found = self._of_records(part, values, len(rows))
            for index, problem in found:
                path = (*part.fragment.path, *problem.path)
                place = (*part.fragment.place, *problem.place)
                named = 0 if self.table.whole else 1  # the columns of a table are known by their names
                yield address(self.layer, general(path, place, named), place), rows[index], problem

    def suspects(self, con: duckdb.DuckDBPyConnection) -> Iterator[list[int]]:
        """The records in whose documents a fragment that leads into them (``ways``) finds something wrong."""
        for rows, batch in self._batches(con, self.table.sql):
            found: set[int] = set()
            for part in self.parts:
                values = batch[next(iter(part.fragment.columns or ()))]
                found |= {row for row, text in zip(rows, part.read(values), strict=True) if part.is_wrong_inside(text)}
            if found:
                yield sorted(found)

    def _of_whole(self, part: _Part, values: _Values) -> Iterator[tuple[int, Problem]]:
        """Records that are any JSON value."""
        for index, value in enumerate(part.read(values)):
            for problem in part.problems(value):
                yield index, problem

    def _of_column(self, part: _Part, values: _Values | None) -> Iterator[tuple[int, Problem]]:
        if values is None:
            return
        if values.column.kind == "nested":
            for index, (value, there) in enumerate(zip(part.read(values), values.there(), strict=True)):
                for problem in part.problems(value) if there else ():
                    yield index, problem
            return
        encoded = values.array.dictionary_encode()
        known = [part.problems(value) for value in part.read(replace(values, array=encoded.dictionary))]
        of_null = part.problems(None) if values.column.nullable else []
        if not of_null and not any(known):
            return
        for index, code in enumerate(encoded.indices.to_pylist()):
            problems = known[code] if code is not None else of_null if values.is_null(index) else []
            for problem in problems:
                yield index, problem

    def _of_records(self, part: _Part, values: Mapping[str, _Values], count: int) -> Iterator[tuple[int, Problem]]:
        columns = {column.name: values[column.name] for column in self._needed(part.fragment)}
        plain = {name: part.read(column) for name, column in columns.items()}
        there = {name: column.there() for name, column in columns.items()}
        wanted = part.fragment.columns
        undelivered = sorted(n for n in self.nullable if n not in columns and (wanted is None or n in wanted))
        for index in range(count):
            record = dict.fromkeys(undelivered)
            for name, cells in plain.items():
                if there[name][index]:
                    record[name] = cells[index]
            for problem in part.problems(record):
                # What was delivered but cannot be read has its finding already.
                if problem.place[-1] in MISSING and len(problem.path) == 1:
                    column = columns.get(str(problem.path[0]))
                    if column is not None and column.unread[index]:
                        continue
                yield index, problem


@dataclass(frozen=True)
class _Values:
    """The cells of one column in one batch, and which of them cannot be read."""

    column: Column
    array: pa.Array
    unread: list[bool]

    def is_null(self, index: int) -> bool:
        """Whether an empty cell is JSON's null."""
        return self.column.nullable and not self.unread[index]

    def there(self) -> list[bool]:
        """Of which records the value is a member: all but empty cells that are no null. JSON text may be a null."""
        filled = self.array.is_valid().to_pylist()
        return [full or self.is_null(index) for index, full in enumerate(filled)]


class _Part:
    """A fragment with its oracle, and the schemas of the members it is about."""

    def __init__(self, fragment: Fragment, formats: bool) -> None:
        self.fragment = fragment
        self._oracle = Oracle(fragment.schema, fragment.scope, formats=formats)
        self._members = {name: (schema, scope) for name, schema, scope in members(fragment.schema, fragment.scope)}
        if fragment.path:
            self._members = {str(fragment.path[0]): (fragment.schema, fragment.scope)}

    def problems(self, value: Any) -> list[Problem]:
        return self._oracle.problems(value, self.fragment.accept)

    def is_wrong_inside(self, document: Any) -> bool:
        """Whether some value that the fragment's ways lead to is wrong."""
        values = [document]
        for way in self.fragment.ways or ():
            values = [inner for value in values for inner in way.values(value)]
        return any(self.problems(value) for value in values)

    def read(self, values: _Values) -> list[Any]:
        """Cells as JSON values, None where they are empty."""
        schema, scope = self._members.get(values.column.name, ({}, self.fragment.scope))
        read = reader(values.array.type, schema, scope, json_text=values.column.json)
        return [None if cell is None else read(cell) for cell in values.array.to_pylist()]


def general(path: Path, place: Path, named: int = 0) -> Path:
    """A path into a document as rules have it: members that the schema does not name are ``*``.

    ``place`` is where the rule stands in the schema (keyword last), which says of each step of the
    path what led there; the first ``named`` steps keep their names.
    """
    steps: list[str | int] = []
    at = 0
    while at < len(place) - 1 and len(steps) < len(path):
        step, following = place[at], place[at + 1]
        at += 2 if step in _TWO_STEPS or (step == "items" and isinstance(following, int)) else 1
        if step in _TO_ANY:
            steps.append(path[len(steps)] if len(steps) < named else ANY)
        elif step in _TO_NAMED:
            steps.append(path[len(steps)])
    return (*steps, *path[len(steps) :])
