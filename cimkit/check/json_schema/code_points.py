"""Sets of Unicode code points, as sorted ranges: what character classes of patterns stand for."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

Ranges = tuple[tuple[int, int], ...]

LAST = 0x10FFFF
_SURROGATES = (0xD800, 0xDFFF)
DIGIT: Ranges = ((0x30, 0x39),)
WORD: Ranges = ((0x30, 0x39), (0x41, 0x5A), (0x5F, 0x5F), (0x61, 0x7A))
# ECMA-262 WhiteSpace and LineTerminator.
SPACE: Ranges = (
    (0x09, 0x0D), (0x20, 0x20), (0xA0, 0xA0), (0x1680, 0x1680), (0x2000, 0x200A),
    (0x2028, 0x2029), (0x202F, 0x202F), (0x205F, 0x205F), (0x3000, 0x3000), (0xFEFF, 0xFEFF),
)  # fmt: skip
LINE_ENDS: Ranges = ((0x0A, 0x0A), (0x0D, 0x0D), (0x2028, 0x2029))

# Long names of the general categories (UAX #44), which ECMA-262 allows beside the short ones.
_CATEGORIES = {
    "Letter": "L", "Cased_Letter": "LC", "Uppercase_Letter": "Lu", "Lowercase_Letter": "Ll",
    "Titlecase_Letter": "Lt", "Modifier_Letter": "Lm", "Other_Letter": "Lo", "Mark": "M",
    "Combining_Mark": "M", "Nonspacing_Mark": "Mn", "Spacing_Mark": "Mc", "Enclosing_Mark": "Me",
    "Number": "N", "Decimal_Number": "Nd", "digit": "Nd", "Letter_Number": "Nl", "Other_Number": "No",
    "Punctuation": "P", "punct": "P", "Connector_Punctuation": "Pc", "Dash_Punctuation": "Pd",
    "Open_Punctuation": "Ps", "Close_Punctuation": "Pe", "Initial_Punctuation": "Pi",
    "Final_Punctuation": "Pf", "Other_Punctuation": "Po", "Symbol": "S", "Math_Symbol": "Sm",
    "Currency_Symbol": "Sc", "Modifier_Symbol": "Sk", "Other_Symbol": "So", "Separator": "Z",
    "Space_Separator": "Zs", "Line_Separator": "Zl", "Paragraph_Separator": "Zp", "Other": "C",
    "Control": "Cc", "cntrl": "Cc", "Format": "Cf", "Private_Use": "Co",
}  # fmt: skip
_SCRIPT_KEYS = {"Script", "sc", "Script_Extensions", "scx"}
_CATEGORY_KEYS = {"General_Category", "gc"}


def union(ranges: list[tuple[int, int]]) -> Ranges:
    """The ranges sorted and merged."""
    merged: list[tuple[int, int]] = []
    for low, high in sorted(ranges):
        if merged and low <= merged[-1][1] + 1:
            merged[-1] = (merged[-1][0], max(merged[-1][1], high))
        else:
            merged.append((low, high))
    return tuple(merged)


def negated(ranges: Ranges) -> Ranges:
    """All other code points."""
    result, start = [], 0
    for low, high in ranges:
        if start < low:
            result.append((start, low - 1))
        start = high + 1
    if start <= LAST:
        result.append((start, LAST))
    return tuple(result)


def without_surrogates(ranges: Ranges) -> Ranges:
    """No text has a lone surrogate, and RE2 takes none."""
    low, high = _SURROGATES
    parts: list[tuple[int, int]] = []
    for first, last in ranges:
        parts += [(a, b) for a, b in ((first, min(last, low - 1)), (max(first, high + 1), last)) if a <= b]
    return tuple(parts)


@lru_cache(maxsize=64)
def with_property(key: str | None, value: str) -> Ranges:
    """The code points with a Unicode property, as RE2's own tables have them.

    Raises:
        LookupError: there is no such property.
    """
    if key is None and value == "Any":
        return ((0, LAST),)
    if key is None and value == "ASCII":
        return ((0, 0x7F),)
    if key is not None and key not in _SCRIPT_KEYS | _CATEGORY_KEYS:
        raise LookupError(f"there is no property '{key}'")
    name = value if key in _SCRIPT_KEYS else _CATEGORIES.get(value, value)
    if key is None and name not in _CATEGORIES.values():
        raise LookupError(f"there is no general category '{value}'")
    members = r"\p{Lu}\p{Ll}\p{Lt}" if name == "LC" else rf"\p{{{name}}}"
    codes = np.concatenate([np.arange(_SURROGATES[0]), np.arange(_SURROGATES[1] + 1, LAST + 1)])
    try:
        has = pc.match_substring_regex(pa.array([chr(code) for code in codes]), rf"\A[{members}]\z")
    except pa.ArrowInvalid as error:
        raise LookupError(f"there is no property '{value}'") from error
    inside = codes[has.to_numpy(zero_copy_only=False)]
    if not len(inside):
        return ()
    breaks = np.flatnonzero(np.diff(inside) != 1)
    starts, ends = np.append(0, breaks + 1), np.append(breaks, len(inside) - 1)
    return tuple((int(inside[a]), int(inside[b])) for a, b in zip(starts, ends, strict=True))
