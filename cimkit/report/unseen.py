"""Characters that a stranger may put into a name and that no reader sees, or that steer what shows them."""

from __future__ import annotations

import re

#: Controls but for line feed and tab, marks of direction (Unicode TR 9), zero-width and line separators,
#: halves of surrogate pairs, and code points that are no characters.
UNSEEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"
    "\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff]"
)
_BREAKS = re.compile(r"[\t\n\v\f\r\x85\u2028\u2029]+")


def one_line(text: str) -> str:
    """A text in one line, with a replacement character for what is not seen."""
    return UNSEEN.sub("\ufffd", _BREAKS.sub(" ", text))
