"""City objects as layers: one pass over a source finds its layers and their columns, one pass each reads them."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Protocol

import pyarrow as pa

from cimkit.errors import SourceError
from cimkit.formats.columns import GEOMETRY, JSON_MARK, arrange
from cimkit.formats.dataset import Delivery, Layer, Stream
from cimkit.formats.models.city_objects import BadShape, CityObject, derived, derived_columns
from cimkit.formats.models.solid_wkb import solid_wkb
from cimkit.model import Evidence, Hint, Reject

#: The kinds a column's values have had, as bits.
_BOOL, _INT, _FLOAT, _TEXT, _OTHER = 1, 2, 4, 8, 16
_KINDS = {type(None): 0, bool: _BOOL, int: _INT, float: _FLOAT, str: _TEXT}
_TYPES = {0: pa.string(), _BOOL: pa.bool_(), _INT: pa.int64(), _FLOAT: pa.float64(), _TEXT: pa.string()}
_TYPES[_INT | _FLOAT] = pa.float64()
_INT64 = range(-(2**63), 2**63)
#: A batch is handed on when its geometry fills this much, whatever its rows.
_BATCH_BYTES = 32 << 20


class Details(list[dict[str, Any]]):
    """The values of a property that is an object with members. Where no object of the layer has two of
    them, the members become columns of their own."""


@dataclass
class Notes:
    """What was noticed during a pass, each with how often; and the records that could not be read."""

    counts: Counter[tuple[str, str]] = field(default_factory=Counter)
    rejected: list[Reject] = field(default_factory=list)

    def add(self, code: str, message: str) -> None:
        """Count something; ``message`` has a place ``{n}`` for how often."""
        self.counts[code, message] += 1

    def hints(self) -> list[Hint]:
        return [Hint(code, message.format(n=n)) for (code, message), n in self.counts.items()]


class CitySource(Protocol):
    """A file of city objects that can be read again and again.

    ``untyped`` says that its text may stand for anything (XML); ``metres_per_z`` scales z.
    """

    untyped: bool
    salvage: bool
    metres_per_z: float

    def objects(self, notes: Notes) -> Iterator[CityObject]:
        """Every object, parts too, each valid until the next; raises SourceError where there is no going on."""
        ...


@dataclass
class Columns:
    """The attributes of a layer's objects, by name: the kinds of their values."""

    count: int = 0
    kinds: dict[str, int] = field(default_factory=dict)
    most: dict[str, int] = field(default_factory=dict)  # how many of a property with members one object has
    members: dict[str, dict[str, int]] = field(default_factory=dict)

    def add(self, thing: CityObject) -> None:
        self.count += 1
        for name, value in thing.attributes.items():
            if isinstance(value, Details):
                self.most[name] = max(self.most.get(name, 0), len(value))
                inside = self.members.setdefault(name, {})
                for member, each in ((member, each) for detail in value for member, each in detail.items()):
                    inside[member] = inside.get(member, 0) | _kind(each)
                self.kinds.setdefault(name, _OTHER)
            else:
                self.kinds[name] = self.kinds.get(name, 0) | _kind(value)

    def flat(self) -> dict[str, tuple[str, str | None, int]]:
        """The columns: where each value is found (attribute, and member of it or None), and its kinds."""
        own = {name for name in self.kinds if name not in self.most}
        clashes = Counter(m for name, most in self.most.items() if most == 1 for m in self.members[name])
        found: dict[str, tuple[str, str | None, int]] = {}
        for name, kind in self.kinds.items():
            if self.most.get(name) != 1:
                found[name] = (name, None, kind)
                continue
            for member, inner in self.members[name].items():
                alone = clashes[member] == 1 and member not in own
                found[member if alone else f"{name}.{member}"] = (name, member, inner)
        return found


def _kind(value: Any) -> int:
    kind = _KINDS.get(type(value), _OTHER)
    return _OTHER if kind == _INT and value not in _INT64 else kind


def survey(source: CitySource, notes: Notes) -> dict[str, Columns]:
    """The columns of each layer, in the order in which the layers first appear."""
    found: dict[str, Columns] = {}
    for thing in source.objects(notes):
        found.setdefault(thing.layer, Columns()).add(thing)
    return found


class CityLayer(Layer):
    """The objects of one class, wherever in the file they stand."""

    def __init__(
        self,
        delivery: Delivery,
        name: str,
        source: CitySource,
        columns: Columns,
        evidence: tuple[Evidence, Evidence],
        given_crs: str | None,
    ) -> None:
        super().__init__(delivery, name, crs=given_crs)
        self.text_cells = source.untyped
        self._source = source
        self._columns = columns
        self._evidence = evidence

    @contextmanager
    def _open(self, batch_size: int) -> Iterator[Stream]:
        worked_out = derived_columns(self.name)
        flat = self._columns.flat()
        fields = [pa.field(name, kind) for name, kind in worked_out.items()]
        fields += [_field(name, kind, untyped=self._source.untyped) for name, (_, _, kind) in flat.items()]
        given = pa.schema([*fields, pa.field(GEOMETRY, pa.binary()), pa.field("_id", pa.string())])
        arrangement = arrange(given, geometry=len(fields), fid=len(fields) + 1, drop=[len(fields) + 1])
        notes = Notes()
        hints = list(arrangement.hints)

        def batches() -> Iterator[pa.RecordBatch]:
            rows: list[list[Any]] = []
            size = 0
            for row in self._rows(list(worked_out), flat, notes):
                rows.append(row)
                size += len(row[-2] or b"")
                if len(rows) >= batch_size or size >= _BATCH_BYTES:
                    yield arrangement.apply(_batch(rows, given, self.delivery))
                    rows, size = [], 0
            if rows:
                yield arrangement.apply(_batch(rows, given, self.delivery))
            hints.extend(notes.hints())

        yield Stream(
            schema=arrangement.schema,
            batches=batches(),
            crs=self._evidence[0],
            encoding=self._evidence[1],
            hints=hints,
            total=self._columns.count,
            rejected=notes.rejected,
        )

    def solids(self) -> Iterator[tuple[int, bytes]]:
        row = -1
        for thing in self._source.objects(Notes()):
            if thing.layer == self.name:
                row += 1
                found = [shape for shape in thing.shapes if shape.form == "solid" and shape.surfaces]
                if found:
                    yield row, solid_wkb(found)

    def _rows(
        self, worked_out: list[str], flat: dict[str, tuple[str, str | None, int]], notes: Notes
    ) -> Iterator[list[Any]]:
        number = 0
        for thing in self._source.objects(notes):
            if thing.layer != self.name:
                continue
            number += 1
            try:
                found, geometry = derived(thing, self._source.metres_per_z)
            except BadShape as error:
                if not self._source.salvage:
                    raise SourceError(
                        f"{self.delivery.path}: the geometry of {thing.place} cannot be read: {error}.",
                        hint="Mend it, or read what can be read with --salvage.",
                    ) from error
                notes.rejected.append(Reject(number - 1, thing.place, f"its geometry cannot be read: {error}"))
                continue
            row = [found[name] for name in worked_out]
            row += [_value(thing.attributes.get(name), member) for name, member, _ in flat.values()]
            yield [*row, geometry, thing.id]


def _field(name: str, kind: int, *, untyped: bool) -> pa.Field:
    if kind in _TYPES:
        return pa.field(name, _TYPES[kind])
    if untyped and not kind & _OTHER:  # numbers and text mixed in XML are text
        return pa.field(name, pa.string())
    return pa.field(name, pa.string(), metadata={JSON_MARK: b"true"})


def _value(value: Any, member: str | None) -> Any:
    if member is None:
        return value
    return value[0].get(member) if isinstance(value, Details) and value else None


def _batch(rows: list[list[Any]], schema: pa.Schema, delivery: Delivery) -> pa.RecordBatch:
    arrays = []
    for index, target in enumerate(schema):
        column = [row[index] for row in rows]
        if JSON_MARK in (target.metadata or {}):
            column = [None if value is None else _json(value) for value in column]
        elif pa.types.is_string(target.type):
            column = [value if value is None or isinstance(value, str) else str(value) for value in column]
        elif pa.types.is_floating(target.type):
            column = [None if value is None else float(value) for value in column]
        try:
            arrays.append(pa.array(column, target.type))
        except UnicodeEncodeError as error:
            raise SourceError(
                f"{delivery.path}: a value of '{target.name}' holds half of a surrogate pair, which is no character.",
                hint="Export it as UTF-8 again.",
            ) from error
    return pa.RecordBatch.from_arrays(arrays, schema=schema)


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
