"""The one-to-one assignment against trying everything, and groups of many sources."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cimkit.fuse import assign

PAIRS = st.dictionaries(st.tuples(st.integers(0, 4), st.integers(10, 14)), st.integers(1, 50), min_size=1, max_size=9)


def arrays(pairs: dict[tuple[int, int], int]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    ordered = sorted(pairs)
    a, b = np.array([p[0] for p in ordered]), np.array([p[1] for p in ordered])
    return a, b, np.array([pairs[p] for p in ordered], dtype=float)


def best_by_trying_all(a: np.ndarray, b: np.ndarray, gain: np.ndarray) -> float:
    best = 0.0
    for size in range(1, len(a) + 1):
        for rows in combinations(range(len(a)), size):
            chosen = list(rows)
            if len(set(a[chosen])) == len(set(b[chosen])) == size:
                best = max(best, float(gain[chosen].sum()))
    return best


@settings(max_examples=150, deadline=None)
@given(PAIRS)
def test_the_assignment_is_the_best_there_is(pairs: dict[tuple[int, int], int]) -> None:
    a, b, gain = arrays(pairs)
    chosen = assign.one_to_one(a, b, gain)
    assert len(set(a[chosen])) == len(set(b[chosen])) == chosen.sum()
    assert gain[chosen].sum() == best_by_trying_all(a, b, gain)


@settings(max_examples=100, deadline=None)
@given(PAIRS)
def test_beyond_the_size_limit_it_is_one_to_one_and_maximal(pairs: dict[tuple[int, int], int]) -> None:
    a, b, gain = arrays(pairs)
    chosen = assign.one_to_one(a, b, gain, largest_table=0)
    assert len(set(a[chosen])) == len(set(b[chosen])) == chosen.sum()
    for row in np.flatnonzero(~chosen):
        stronger = chosen & ((a == a[row]) | (b == b[row])) & (gain >= gain[row])
        assert stronger.any()


def test_no_pairs() -> None:
    none = np.array([], dtype=np.int64)
    assert assign.one_to_one(none, none, np.array([])).tolist() == []
    assert assign.components(none, none) == []


@settings(max_examples=150, deadline=None)
@given(st.dictionaries(st.tuples(st.integers(0, 11), st.integers(0, 11)), st.integers(1, 9), max_size=20))
def test_groups_have_one_record_of_each_source(pairs: dict[tuple[int, int], int]) -> None:
    source = np.arange(12) // 4
    pairs = {(i, j): g for (i, j), g in pairs.items() if source[i] < source[j]}
    a, b, gain = arrays(pairs) if pairs else (np.array([], dtype=int),) * 2 + (np.array([]),)
    kept = assign.one_of_each_source(a, b, gain, source, np.zeros(len(a), dtype=bool))
    for rows in assign.components(a[kept], b[kept]):
        members = np.unique(np.concatenate([a[kept][rows], b[kept][rows]]))
        assert len(set(source[members])) == len(members)


def test_the_best_link_is_followed_first_and_a_must_before_it() -> None:
    # 0 and 1 of one source, 4 of a second, 8 of a third: 0-4-8-1 would bring 0 and 1 together.
    source = np.arange(12) // 4
    a, b = np.array([0, 1, 4]), np.array([4, 8, 8])
    gain = np.array([3.0, 1.0, 2.0])
    free = np.zeros(3, dtype=bool)
    assert assign.one_of_each_source(a, b, gain, source, free).tolist() == [True, False, True]
    must = np.array([False, True, False])
    assert assign.one_of_each_source(a, b, gain, source, must).tolist() == [True, True, False]


@pytest.mark.parametrize("size", [1, 40])
def test_ties_are_settled_the_same_way_every_time(size: int) -> None:
    a, b = np.repeat(np.arange(size), size), np.tile(np.arange(100, 100 + size), size)
    first = assign.one_to_one(a, b, np.ones(size * size))
    assert first.sum() == size
    assert (assign.one_to_one(a, b, np.ones(size * size)) == first).all()
