"""``multipleOf`` as people mean it: in decimal, where 0.07 is a multiple of 0.01.

JSON writes numbers in decimal, but 0.07 / 0.01 of doubles is 7.000000000000001. A double that
is the nearest one to a decimal of at most 15 digits stands for that decimal alone, so below
that size a multiple is recognised exactly; beyond it the doubles themselves decide.
"""

from __future__ import annotations

import math
from decimal import Decimal

#: Multiples of fewer than 16 digits, which doubles tell apart.
SURE_BELOW = 1e15
#: Powers of ten that a double holds exactly; and by which a 64-bit integer fits DuckDB's HUGEINT.
MOST_EXACT_SHIFT, MOST_SHIFT = 22, 18


def as_decimal(step: int | float) -> tuple[int, int]:
    """(whole, shift) with step = whole / 10 ** shift, as the step is written."""
    if isinstance(step, int):
        return step, 0
    _, digits, exponent = Decimal(repr(step)).as_tuple()
    shift = max(-int(exponent), 0)
    return int("".join(map(str, digits))) * 10 ** max(int(exponent), 0), shift


def is_multiple(value: int | float, step: int | float) -> bool:
    """Whether a JSON number is a multiple of a positive one."""
    whole, shift = as_decimal(step)
    if isinstance(value, int):
        multiples: int = value * 10**shift
        return multiples % whole == 0
    if shift <= MOST_EXACT_SHIFT:
        try:
            multiple = float(round(value / step)) * float(whole)
        except OverflowError:
            multiple = math.inf
        if abs(multiple) < SURE_BELOW:
            return bool(value == multiple / 10.0**shift)
    return math.fmod(value, step) == 0
