"""JSON texts that DuckDB and Python read alike; the others are judged record by record.

DuckDB reads an integer beyond 64 bits as a double, takes NaN for a number, and keeps a member
that an object has twice. So a text is *sound* if its integers have at most 18 digits and its
exponents at most two, and if no escape hides a character (a NUL, say) from SQL.
"""

from __future__ import annotations

from cimkit.duck import literal

#: Strings without ``\\u`` escapes; numbers of bounded size; no NaN, no Infinity.
_SOUND = (
    r'\A(?:[^"0-9NI]|"(?:[^"\\]|\\[^u])*"|'
    r"[0-9]{1,18}(?:\.[0-9]+)?(?:[eE][+-]?[0-9]{1,2})?(?:[^0-9.eE]|\z))*\z"
)
_KEY = r'"(?:[^"\\]|\\.)*"\s*:'


def unsound(text: str, *, once: bool) -> str:
    """SQL: a JSON text that SQL and Python may read differently.

    ``once``: no object in it has two members of one name, since it was written by ourselves.
    """
    wrong = f"(NOT regexp_matches({text}, {literal(_SOUND)}, 's'))"
    if once:
        return wrong
    keys = f"regexp_extract_all({text}, {literal(_KEY)})"
    return f"({wrong} OR len({keys}) <> len(list_distinct({keys})))"
