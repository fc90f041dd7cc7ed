"""Candidate pairs of records with their shapes, a bounded number of bytes at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cimkit.check.topology.features import Boxed, Features
from cimkit.check.topology.sweep import Bools, Floats, Ints, Pairs, meeting

#: Pairs, and bytes of geometry, that are compared in one go.
PAIRS, BYTES = 200_000, 48 << 20


@dataclass(frozen=True)
class Shaped:
    """Pairs ``a``, ``b`` of records, and their shapes, each once.

    Those of pair n are ``one[first[n]]`` and ``two[second[n]]``.
    """

    a: Ints
    b: Ints
    one: NDArray[Any]
    two: NDArray[Any]
    first: Ints
    second: Ints

    @property
    def shapes(self) -> tuple[NDArray[Any], NDArray[Any]]:
        """The two shapes of every pair."""
        return self.one[self.first], self.two[self.second]


def pairs_of(
    own: Features,
    others: Features | None,
    *,
    boxes: Floats | None = None,
    open_own: Bools | None = None,
    open_others: Bools | None = None,
    worth: Callable[[Ints, Ints], Bools] | None = None,
) -> Iterator[Shaped]:
    """Pairs of one group whose boxes meet; among ``own`` each once where there are no ``others``.

    ``boxes`` stand for those of ``own`` (wider ones, say); of a pair with both ends not
    ``open`` nothing is promised; ``worth`` says of which pairs the shapes are wanted.
    """
    boxes = own.bounds if boxes is None else boxes
    open_own = np.ones(len(own), dtype=bool) if open_own is None else open_own
    if others is None:
        found = meeting(boxes, None, open_own)
    else:
        open_others = np.zeros(len(others), dtype=bool) if open_others is None else open_others
        found = meeting(boxes, others.bounds, open_own, open_others)
    for a, b in found:
        keep = np.ones(len(a), dtype=bool)
        if own.group is not None and (others is None or others.group is not None):
            keep &= own.group[a] == (own if others is None else others).group[b]  # type: ignore[index]
        if worth is not None:
            keep &= worth(a, b)
        for start in range(0, int(keep.sum()), PAIRS):
            some = np.flatnonzero(keep)[start : start + PAIRS]
            yield from _shaped(own, others, a[some], b[some])


def each_of(own: Boxed, others: Boxed, pairs: Pairs) -> Iterator[Shaped]:
    """Given pairs with their shapes."""
    for start in range(0, len(pairs[0]), PAIRS):
        yield from _shaped(own, others, pairs[0][start : start + PAIRS], pairs[1][start : start + PAIRS])


def _shaped(own: Boxed, others: Boxed | None, a: Ints, b: Ints) -> Iterator[Shaped]:
    if others is None:
        index, place = np.unique(np.concatenate([a, b]), return_inverse=True)
        size = int(own.size[index].sum())
    else:
        (index, first), (index_b, second) = np.unique(a, return_inverse=True), np.unique(b, return_inverse=True)
        size = int(own.size[index].sum() + others.size[index_b].sum())
    if size > BYTES and len(a) > 1:
        half = len(a) // 2
        yield from _shaped(own, others, a[:half], b[:half])
        yield from _shaped(own, others, a[half:], b[half:])
    elif others is None:
        shapes = own.shapes(index)
        yield Shaped(a, b, shapes, shapes, place[: len(a)], place[len(a) :])
    else:
        yield Shaped(a, b, own.shapes(index), others.shapes(index_b), first, second)
