"""What a value that fails a rule looks like, for the hint: the words of hygiene for findings of any code."""

from __future__ import annotations

from typing import Any

from cimkit.check.hygiene import blanks, full_width, mojibake, placeholders
from cimkit.messages import say


def advice(value: Any, lang: str) -> str | None:
    """What to do about a value that is garbled, stands for nothing, is full-width or padded; None for any other."""
    if isinstance(value, str):
        repaired = mojibake.repaired(value)
        if repaired is not None:
            return say("hint.mojibake", lang, value=repaired)
        if "\ufffd" in value:
            return say("hint.lost_characters", lang)
    if placeholders.told(value):
        return say("hint.placeholder", lang, value=value)
    if isinstance(value, str):
        if full_width.has_wide(value):
            return say("hint.full_width", lang, value=full_width.narrowed(value))
        if value and blanks.without(value) != value:
            bare = blanks.without(value)
            return say("hint.blanks", lang, value=bare) if bare else say("hint.only_blanks", lang)
    return None
