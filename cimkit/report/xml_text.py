"""Text that XML can hold."""

from __future__ import annotations

import re

#: What XML 1.0 has no place for, and what it advises against (https://www.w3.org/TR/xml/#charsets).
_NO_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff]")


def clean(text: str) -> str:
    """A text with a replacement character for each that XML has no place for."""
    return _NO_XML.sub("\ufffd", text)
