"""Text whose bytes were read in the wrong encoding: how it looks, and what it was.

Three mistakes leave a pattern that honest text does not have: bytes of UTF-8 read as Latin-1 or
windows-1252 (``åŒ—äº¬``), as GBK (``鍖椾含``), and bytes of GBK read as Latin (``±±¾©``). Besides, U+FFFD
stands where a reader gave up, and question marks alone where a writer did. A text counts only as a
whole: a stray sign among words is none of it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from functools import cache

from cimkit import text
from cimkit.duck import literal

_ASCII = r"\x00-\x7f"
#: What windows-1252 has for the bytes 0x80 to 0x9F; the others are as in Latin-1.
_HIGH_1252 = "".join(bytes([byte]).decode("cp1252", "ignore") for byte in range(0x80, 0xA0))
_FOLLOWS = rf"[\x{{80}}-\x{{bf}}{_HIGH_1252}]"
# The first bytes of letters of European scripts, of CJK and of signs, as Latin letters.
_LATIN_SEQUENCE = f"(?:[ÂÃÄÅÎÏÐÑ]{_FOLLOWS}|[â-íï]{_FOLLOWS}{{2}}|ð{_FOLLOWS}{{3}})"
_LATIN_WHOLE = f"^(?:[{_ASCII}]|{_LATIN_SEQUENCE})*(?:[Â-ô]{_FOLLOWS}{{0,2}})?$"
# Two common characters of GB 2312 (first level: first bytes B0 to D7), as Latin letters.
_PAIRS = "(?:[°-×][¡-þ]){2}"
_PAIRS_WHOLE = f"^(?:[{_ASCII}]|[¡-÷][¡-þ])*[¡-÷]?$"
_SAME_SIGN = rf"^[{_ASCII}]*(?:{'|'.join(f'{chr(point)}+' for point in range(0xB0, 0xD8))})[{_ASCII}]*$"
#: U+FFFD, U+FFFD read once more as GBK or Latin, and control characters that no text has.
_TRACES = r"\x{fffd}|锟斤拷|ï¿½|[\x{80}-\x{84}\x{86}-\x{9f}]"
_LOST = r"^\?{2,}$"

_FIRST = (*range(0xE3, 0xEA), 0xEF)  # first bytes of UTF-8's CJK
_NEXT = range(0x80, 0xC0)  # its second and third bytes


def _read_as_gbk(firsts: Iterable[int], seconds: Iterable[int]) -> str:
    """The characters that GBK has for pairs of bytes, as a class of a regular expression."""
    found = set()
    for first in firsts:
        for second in seconds:
            if (first, second) == (0xEF, second) and second not in (0xBC, 0xBD):
                continue
            pair = bytes([first, second]).decode("gbk", "ignore")
            if len(pair) == 1 and not pair.isascii():
                found.add(ord(pair))
    runs: list[list[int]] = []
    for point in sorted(found):
        if runs and point == runs[-1][1] + 1:
            runs[-1][1] = point
        else:
            runs.append([point, point])
    return "[" + "".join(chr(low) if low == high else f"{chr(low)}-{chr(high)}" for low, high in runs) + "]"


@cache
def _gbk() -> tuple[str, str]:
    """Two CJK characters of UTF-8 as the three that GBK has for their bytes; and a whole text of such."""
    opening = _read_as_gbk(_FIRST, _NEXT)
    two = opening + _read_as_gbk(_NEXT, _FIRST) + _read_as_gbk(_NEXT, _NEXT)
    # A character before ASCII, or at the end, leaves its third byte over.
    single = f"{opening}(?:[�?]|{_read_as_gbk(_NEXT, range(0x40, 0x7F))})"
    return two, f"^(?:[{_ASCII}�]|{two}|{single})*{opening}?$"


@cache
def _opening() -> str:
    """What every text of the third kind begins with, somewhere; quick to compile, and true of some honest texts."""
    return _read_as_gbk(_FIRST, _NEXT) + "[^\\x00-\\x7f]{2}"


#: The kinds of traces, cheapest first.
KINDS = ("traces", "lost", "latin", "pairs", "gbk")


def _signs() -> dict[str, str]:
    return {"traces": _TRACES, "lost": _LOST, "latin": _LATIN_SEQUENCE, "pairs": _PAIRS, "gbk": _opening()}


def suspicion() -> str:
    """A regular expression (RE2) that finds something in every text for which :func:`wrong` is true."""
    return "|".join(_signs().values())


def sign(kind: str, value_sql: str) -> str:
    """SQL: the text may be wrong in this way."""
    return _matches(value_sql, _signs()[kind])


def wrong(value_sql: str, kinds: Sequence[str] = KINDS) -> str | None:
    """SQL: the text was read in the wrong encoding, in one of these ways; None where there are none."""
    two, whole = _gbk()
    tests = {
        "traces": _matches(value_sql, _TRACES),
        "lost": _matches(value_sql, _LOST),
        "latin": f"({_matches(value_sql, _LATIN_SEQUENCE)} AND {_matches(value_sql, _LATIN_WHOLE)})",
        "pairs": f"({_matches(value_sql, _PAIRS)} AND {_matches(value_sql, _PAIRS_WHOLE)}"
        f" AND NOT {_matches(value_sql, _SAME_SIGN)})",
        "gbk": f"({_matches(value_sql, two)} AND {_matches(value_sql, whole)})",
    }
    return f"({' OR '.join(tests[kind] for kind in kinds)})" if kinds else None


def _matches(value_sql: str, pattern: str) -> str:
    return f"regexp_matches({value_sql}, {literal(pattern)})"


def repaired(value: str) -> str | None:
    """What a text was before it was read in the wrong encoding; None where it looks right, or some of it is lost.

    What was read so twice is repaired twice.
    """
    found = _repaired(value)
    while found is not None and (before := _repaired(found)) is not None:
        found = before
    return found


def _repaired(value: str) -> str | None:
    if value.isascii() or "\ufffd" in value:
        return None
    latin = _holds(_LATIN_SEQUENCE, value) and _holds(_LATIN_WHOLE, value)
    pairs = _holds(_PAIRS, value) and _holds(_PAIRS_WHOLE, value) and not _holds(_SAME_SIGN, value)
    if latin or pairs:
        return text.mojibake(value)
    return _from_gbk(value) if all(_holds(pattern, value) for pattern in _gbk()) else None


def _holds(pattern: str, value: str) -> bool:
    """Whether a pattern, written for RE2, is found in a text."""
    return re.search(re.sub(r"\\x\{(..)\}", r"\\x\1", pattern), value) is not None


def _from_gbk(value: str) -> str | None:
    """Bytes of UTF-8 that were read as GBK, read again; a last character that was cut is left out."""
    try:
        raw = value.encode("gbk")
    except UnicodeEncodeError:
        return None
    found = raw.decode("utf-8", "ignore")
    return found if found and len(found.encode()) >= len(raw) - 2 else None
