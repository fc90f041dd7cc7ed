"""What topology rules found, as outcomes: each failing record with its place, its measure and the other record."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from cimkit.check.columns import ROW
from cimkit.check.delivery import Delivery
from cimkit.check.kinds import Context
from cimkit.check.outcomes import Outcome
from cimkit.check.relations.key_columns import key_text
from cimkit.check.rules import Rule
from cimkit.check.topology.features import Features
from cimkit.duck import identifier, literal
from cimkit.errors import SourceError
from cimkit.messages import say

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

#: Stands for the name of a record while the words around it are made.
_HERE = "\x00"


@dataclass(frozen=True)
class Failing:
    """Records that fail: their places among the features, and of each a measure, a place and the other record.

    ``x`` and ``y`` are in the features' CRS; ``other`` is a place among the other features, -1 where
    there is none; ``says`` are more words for the message. Of several entries of a record that
    with the greatest measure counts.
    """

    index: Ints
    value: Floats
    x: Floats
    y: Floats
    other: Ints
    says: Mapping[str, NDArray[Any]] = field(default_factory=dict)

    @classmethod
    def none(cls) -> Failing:
        empty, whole = np.zeros(0), np.zeros(0, dtype=np.int64)
        return cls(whole, empty, empty, empty, whole)

    @classmethod
    def of(cls, parts: Sequence[Failing]) -> Failing:
        """Several runs of entries as one; what they say beside the measure is not kept."""
        if not parts:
            return cls.none()
        return cls(
            np.concatenate([part.index for part in parts]),
            np.concatenate([part.value for part in parts]),
            np.concatenate([part.x for part in parts]),
            np.concatenate([part.y for part in parts]),
            np.concatenate([part.other for part in parts]),
        )

    def worst(self) -> Failing:
        """One entry for each record."""
        order = np.lexsort((self.other, -self.value, self.index))
        first = order[np.flatnonzero(np.diff(self.index[order], prepend=-1))]
        says = {name: values[first] for name, values in self.says.items()}
        return Failing(self.index[first], self.value[first], self.x[first], self.y[first], self.other[first], says)


def outcomes(
    context: Context,
    rule: Rule,
    of: Sequence[Delivery],
    features: Features,
    failing: Failing,
    others: Features | None = None,
    checked: NDArray[np.bool_] | None = None,
    nobody: str | None = None,
) -> Iterator[tuple[Delivery, Outcome]]:
    """The outcome of a rule for each checked delivery.

    ``checked``: the features it was asked of (None: all); ``nobody``: what is said for another record where
    there is none.
    """
    failing = failing.worst()
    for delivery in of:
        number = next((n for n, d in enumerate(features.deliveries) if d is delivery), None)
        if number is None:
            yield delivery, context.from_rows(rule, 0, [], {})
            continue
        asked = features.delivery == number
        count = int(np.count_nonzero(asked if checked is None else asked & checked))
        mine = np.flatnonzero(asked[failing.index]) if len(failing.index) else np.zeros(0, dtype=np.int64)
        table = _table(features, number, failing, mine)
        name = context.new_table("found")
        context.con.register(name, table)
        query = f"SELECT {ROW}, value, x, y"
        query += "".join(f", {identifier(column)}" for column in failing.says)
        if others is not None:
            names = _names(context, delivery, others, np.unique(failing.other[mine]))
            query += f", coalesce(name, {literal(nobody)}) AS other FROM {name} LEFT JOIN ({names}) USING (other)"
        else:
            query += f" FROM {name}"
        outcome = context.from_query(rule, delivery, count, query)
        context.con.unregister(name)
        yield delivery, outcome


def _table(features: Features, number: int, failing: Failing, mine: Ints) -> pa.Table:
    x, y = failing.x[mine], failing.y[mine]
    way = features.ways[number]
    if way is not None and len(mine):
        x, y = _back(features.crs, features.deliveries[number].mapped.crs or "", x, y)
    values = np.char.mod("%.6g", failing.value[mine]).astype(np.float64)
    columns = {
        ROW: pa.array(features.row[failing.index[mine]]),
        "value": pa.array(values, from_pandas=True),
        "x": pa.array(x, from_pandas=True),
        "y": pa.array(y, from_pandas=True),
        "other": pa.array(failing.other[mine]),
    }
    return pa.table(columns | {name: pa.array(said[mine]) for name, said in failing.says.items()})


def _back(crs: str, own: str, x: Floats, y: Floats) -> tuple[Floats, Floats]:
    from cimkit import crs as reference_systems

    try:
        return reference_systems.plan(crs, own).points(x, y)
    except SourceError:  # there is a way here, but none back
        return np.full(len(x), np.nan), np.full(len(x), np.nan)


def _names(context: Context, of: Delivery, others: Features, wanted: Ints) -> str:
    """SQL for (other, name): how a finding of a delivery calls other records: by key, else by file and row."""
    wanted = wanted[wanted >= 0]
    parts = ["SELECT NULL::BIGINT AS other, NULL::VARCHAR AS name WHERE FALSE"]
    for number, delivery in enumerate(others.deliveries):
        mine = wanted[others.delivery[wanted] == number] if len(wanted) else wanted
        if not len(mine):
            continue
        table = context.new_table("wanted")
        rows = pa.table({"other": pa.array(mine), ROW: pa.array(others.row[mine])})
        context.con.register("rows_wanted", rows)
        context.con.execute(f"CREATE TABLE {table} AS FROM rows_wanted")
        context.con.unregister("rows_wanted")
        by_key = _around("word.record_named", of, delivery, context.lang)
        by_row = _around("word.record_at", of, delivery, context.lang)
        column = delivery.table.columns.get(delivery.layer.key or "")
        key = key_text(column) if column is not None else "NULL::VARCHAR"
        parts.append(
            f"SELECT other, coalesce({literal(by_key[0])} || {key} || {literal(by_key[1])}, "
            f"{literal(by_row[0])} || {ROW} || {literal(by_row[1])}) AS name "
            f"FROM ({delivery.table.sql}) JOIN {table} USING ({ROW})"
        )
    return " UNION ALL ".join(parts)


def repeated(text: str, count: int) -> NDArray[Any]:
    """The same words for every entry."""
    return np.full(count, text, dtype=object)


def layer_name(context: Context, layer: str) -> str:
    """A layer as people call it."""
    return str(context.of_layer(layer)[0].layer.names.get(context.lang, layer))


def _around(word: str, of: Delivery, other: Delivery, lang: str) -> tuple[str, str]:
    """What stands before and after a record's key or row: its layer and its file, where they are others."""
    text = say(word, lang, name=_HERE)
    if other.layer.name != of.layer.name:
        text = say("word.of_layer", lang, layer=other.layer.names.get(lang, other.layer.name), record=text)
    source, own = other.mapped.staged.source.path, of.mapped.staged.source.path
    if source != own:
        text = say("word.in_file", lang, file=Path(source).name, record=text)
    before, _, after = text.partition(_HERE)
    return before, after
