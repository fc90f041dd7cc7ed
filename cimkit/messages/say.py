"""What findings say, in English and Chinese: one template for each code, in the field's own words.

A template's ``{label}`` is the field as people call it, ``{value}`` what was delivered,
``{expected}`` what the rule asks for; other names are the code's own. Values are written as
JSON writes them, shortened where they are long.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from cimkit.messages.geometry import GEOMETRY
from cimkit.messages.hints import HINTS
from cimkit.messages.hygiene import HYGIENE
from cimkit.messages.losses import LOSSES
from cimkit.messages.observations import OBSERVATIONS
from cimkit.messages.relations import RELATIONS
from cimkit.messages.statistics import STATISTICS
from cimkit.messages.topology import TOPOLOGY
from cimkit.messages.values import VALUES

_LONGEST = 60
_MOST_LISTED = 8

#: Code -> (English, Chinese).
TEMPLATES: Mapping[str, tuple[str, str]] = {
    **VALUES,
    **RELATIONS,
    **GEOMETRY,
    **TOPOLOGY,
    **HYGIENE,
    **OBSERVATIONS,
    **STATISTICS,
    **HINTS,
    **LOSSES,
}


def say(code: str, lang: str, /, **values: Any) -> str:
    """The text of a code in a language, with values set in.

    Texts among ``values`` are set in as they are, but for ``value`` and ``expected``, which are
    written by :func:`shown`. A code without a template (a rare JSON Schema keyword) gets a
    general one.
    """
    template = TEMPLATES.get(code)
    if template is None:
        template = TEMPLATES["word.other"]
        values = {"label": "", "value": None, **values, "code": code}
    written = {key: shown(value) if key in ("value", "expected") else value for key, value in values.items()}
    return template[1 if lang == "zh" else 0].format_map(written)


class Plain(str):
    """A text that is set in as it is, without quotes."""


def shown(value: Any) -> str:
    """A value as a message shows it: texts in quotes, lists and long texts shortened."""
    if isinstance(value, Plain):
        return str(value)
    if isinstance(value, (list, tuple)) and not any(isinstance(item, (list, tuple, dict)) for item in value):
        listed = ", ".join(shown(item) for item in value[:_MOST_LISTED])
        return f"{listed}, … ({len(value)})" if len(value) > _MOST_LISTED else listed
    if isinstance(value, str):
        text = "'" + value.replace("\n", "\\n").replace("\r", "\\r").replace("\t", "\\t") + "'"
    else:
        text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"


def types(names: Any, lang: str) -> Plain:
    """JSON Schema's types in words: 'a text or a number'."""
    listed = [names] if isinstance(names, str) else list(names)
    return Plain(
        say("word.or", lang).join(say(f"word.{name}", lang) for name in listed if name != "null" or len(listed) == 1)
    )
