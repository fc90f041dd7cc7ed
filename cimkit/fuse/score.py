"""From features to a probability, and from a probability to a band.

A score is a logistic function of a weighted sum, so that each feature's part in it can be
read off: that is a pair's evidence. Weights are learned from labelled pairs
(``benchmarks/train_weights.py``) and shipped as JSON.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from cimkit import duck
from cimkit.fuse import batches
from cimkit.fuse.arrays import Floats
from cimkit.fuse.features import Batch

if TYPE_CHECKING:
    import duckdb

#: Scores are rounded, so that they are the same on every machine.
_DIGITS = 6


@dataclass(frozen=True, slots=True)
class Weights:
    """One logistic function: the score of a pair with all features 0, and each feature's weight."""

    intercept: float
    weights: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Model:
    """How a profile scores, as ``weights/<profile>.json`` has it.

    Attributes:
        variants: weights by variant of the pair ("spaced" and "unspaced" names, or "all").
        auto: from this score on a pair is accepted without review.
        match: from this score on a pair counts as a match if nobody reviews it.
        review: below this score a pair is rejected.
        keep: below this score a candidate is forgotten: it appears in no result.
        rival_odds: two pairs whose odds differ by less than this factor are equally good.
    """

    variants: Mapping[str, Weights]
    auto: float
    match: float
    review: float
    keep: float
    rival_odds: float

    @property
    def features(self) -> tuple[str, ...]:
        return tuple(next(iter(self.variants.values())).weights)

    def scores(self, batch: Batch) -> Floats:
        """The probability that the records of each pair are the same thing."""
        logits = np.zeros(len(batch.a))
        for name, variant in self.variants.items():
            rows = batch.variant == name
            if rows.any():
                logits[rows] = variant.intercept + sum(
                    weight * batch.features[feature][rows] for feature, weight in variant.weights.items()
                )
        return np.round(1 / (1 + np.exp(-np.clip(logits, -30, 30))), _DIGITS)


@cache
def model(profile: str) -> Model:
    """The shipped model of a profile."""
    document = json.loads((Path(__file__).parent / "weights" / f"{profile}.json").read_text(encoding="utf-8"))
    variants = {
        name: Weights(float(variant["intercept"]), {k: float(v) for k, v in variant["weights"].items()})
        for name, variant in document["variants"].items()
    }
    return Model(variants, **{key: float(value) for key, value in document["bands"].items()})


def score(con: duckdb.DuckDBPyConnection, found: Iterable[Batch], model: Model) -> int:
    """Make ``pair(a, b, variant, <features>, score)`` of the pairs worth keeping; how many."""
    columns = "".join(f", {duck.identifier(name)} DOUBLE" for name in model.features)
    con.execute(f"CREATE TABLE pair (a INTEGER, b INTEGER, variant VARCHAR{columns}, score DOUBLE)")
    count = 0
    for batch in found:
        scores = model.scores(batch)
        kept = scores >= model.keep
        table: dict[str, Any] = {
            "a": batch.a[kept],
            "b": batch.b[kept],
            "variant": pa.array(batch.variant[kept], pa.string()),
        }
        table |= {name: batch.features[name][kept] for name in model.features}
        batches.append(con, "pair", pa.table({**table, "score": scores[kept]}))
        count += int(kept.sum())
    return count


def log_odds(scores: Floats) -> Floats:
    """ln(p / (1 - p)), finite also for scores that are rounded to 0 or 1."""
    safe = np.clip(np.asarray(scores, dtype=np.float64), 10.0**-_DIGITS / 2, 1 - 10.0**-_DIGITS / 2)
    return np.log(safe) - np.log1p(-safe)


def evidence(model: Model) -> str:
    """SQL over the table ``pair``: a JSON object of each feature's value and of what it adds to the log-odds."""
    parts = []
    for feature in model.features:
        column = duck.identifier(feature)
        weight = " ".join(
            f"WHEN {duck.literal(name)} THEN {variant.weights[feature]!r}" for name, variant in model.variants.items()
        )
        adds = f"round({column} * CASE variant {weight} END, 3)"
        parts.append(f"{duck.literal(feature)}: {{'value': round({column}, 3), 'adds': {adds}}}")
    return f"CAST(to_json({{{', '.join(parts)}}}) AS VARCHAR)"
