"""Texts of strangers made fit to be shown: nothing in them hides, turns the line round or fills the page.

Escaping is the template's work; this is about what escaping leaves: characters that no
reader can see, that reverse the text after them, or that no file in UTF-8 may hold.
"""

from __future__ import annotations

import json
import re
from typing import Any

from markupsafe import Markup

from cimkit.report.unseen import UNSEEN

LONGEST = 300


def seen(text: Any, longest: int = LONGEST) -> str:
    """A text with what is invisible written as ``[U+202E]``, cut after ``longest`` characters."""
    whole = str(text)
    shown = UNSEEN.sub(lambda found: f"[U+{ord(found.group()):04X}]", whole[:longest])
    return f"{shown}… ({len(whole):,})" if len(whole) > longest else shown


def value(found: Any) -> str:
    """An offending value as JSON writes it, so that '1' and 1 and a blank can be told apart."""
    if isinstance(found, str):
        found = found[: LONGEST + 1] + ("…" if len(found) > LONGEST + 1 else "")
    return seen(json.dumps(found, ensure_ascii=False, default=str))


def isolated(text: Any, longest: int = LONGEST) -> Markup:
    """A stranger's text as an element of its own, so that a name in Arabic leaves the words around it in place."""
    return Markup("<bdi>{}</bdi>").format(seen(text, longest))


def address(text: Any, longest: int = LONGEST) -> Markup:
    """A rule's address, which may be broken after the marks that join its parts rather than within a word."""
    parts = re.split(r"(?<=[.#/_\])])(?=.)", seen(text, longest))
    return Markup("<bdi>{}</bdi>").format(Markup("<wbr>").join(parts))
