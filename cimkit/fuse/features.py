"""The features of candidate pairs, batch after batch, whatever the profile compares."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from cimkit import duck
from cimkit.fuse import batches, overlap, places
from cimkit.fuse.arrays import Floats, Ints, Texts
from cimkit.fuse.texts import Rarities

if TYPE_CHECKING:
    import duckdb

#: Pairs in memory at once. Texts are repeated over pairs, so the features of a pair cost about a kilobyte.
BATCH_PAIRS = 200_000
_TEXTS = ("full", "name", "branch", "address", "postcode", "phone")


@dataclass(frozen=True, slots=True)
class Batch:
    """Some pairs of records and their features; ``variant`` names the set of weights for each pair."""

    a: Ints
    b: Ints
    variant: Texts
    features: Mapping[str, Floats]


def of_areas(con: duckdb.DuckDBPyConnection) -> Iterator[Batch]:
    """The pairs of the table ``overlap``."""
    for batch in batches.read(con, "FROM overlap ORDER BY a, b", BATCH_PAIRS):
        columns = {name: np.asarray(batch.column(name), dtype=np.float64) for name in overlap.FEATURES}
        a, b = np.asarray(batch.column("a")), np.asarray(batch.column("b"))
        yield Batch(a, b, np.full(len(a), "all", dtype=object), columns)


def of_texts(con: duckdb.DuckDBPyConnection, rarities: Rarities) -> Iterator[Batch]:
    """The pairs of the table ``candidate``, compared by their texts and distance."""
    query = """
        SELECT a, b, sqrt((p.x - q.x - dx)^2 + (p.y - q.y - dy)^2) AS distance
        FROM candidate JOIN place p ON p.rid = a JOIN place q ON q.rid = b
    """
    for batch in batches.read(con, query, BATCH_PAIRS):
        a, b = np.asarray(batch.column("a")), np.asarray(batch.column("b"))
        rids, index = np.unique(np.concatenate([a, b]), return_inverse=True)
        i, j = index[: len(a)], index[len(a) :]
        comparison = places.Comparison(_texts(con, rids), rarities)
        features = comparison.features(i, j, np.asarray(batch.column("distance")))
        yield Batch(a, b, np.where(comparison.unspaced(i, j), "unspaced", "spaced").astype(object), features)


def _texts(con: duckdb.DuckDBPyConnection, rids: Ints) -> places.Places:
    import pyarrow as pa

    con.register("wanted", pa.table({"rid": rids}))
    columns = ", ".join(duck.identifier(name) for name in _TEXTS)
    found = con.execute(f"SELECT {columns} FROM wanted JOIN text USING (rid) ORDER BY rid").to_arrow_table()
    con.unregister("wanted")
    return places.Places(*(found.column(name).to_numpy(zero_copy_only=False) for name in _TEXTS))
