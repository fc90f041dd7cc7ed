"""Digits and letters as wide as Chinese characters (１２３, ＡＢＣ) where a code, a number or a telephone is meant.

In names and in running text they are a matter of style, and punctuation is so everywhere.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import duckdb

WIDE = "[０-９Ａ-Ｚａ-ｚ]"
# Signs of ASCII and their wide forms with a digit among them, and at most two characters of Chinese: 12号.
_CODE = r"[ -~！-～　]*[0-9０-９][ -~！-～　]*\p{Han}{0,2}"
_NARROW = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)} | {0x3000: 0x20}


def narrowed(value: str) -> str:
    """A text with ordinary signs in the place of wide ones."""
    return value.translate(_NARROW)


def has_wide(value: str) -> bool:
    """Whether a text holds wide digits or letters."""
    return any("０" <= c <= "９" or "Ａ" <= c <= "Ｚ" or "ａ" <= c <= "ｚ" for c in value)


def predicate(con: duckdb.DuckDBPyConnection, view: str, value: str, *, code: bool) -> str | None:
    """SQL: the text holds wide signs, in a column of codes; None in any other.

    ``code``: the standard says that the column holds codes; else most of its values must look like one.
    """
    if not code:
        row = con.execute(
            f"SELECT 10 * count(*) FILTER (WHERE regexp_full_match({value}, '{_CODE}')) >= 7 * count({value})"
            f" FROM ({view})"
        ).fetchone()
        if row is None or not row[0]:
            return None
    return f"regexp_matches({value}, '{WIDE}')"
