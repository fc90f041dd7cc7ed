"""Expectations in words: what is measured, and what is expected of it."""

from __future__ import annotations

import re
from typing import Any

from cimkit.check.statistics.suite import Asked
from cimkit.messages import TEMPLATES, Plain, say, shown

NOT_NULL = "expect_column_values_to_not_be_null"


def what(asked: Asked, label: str, lang: str) -> str:
    """What an expectation about a layer or column as a whole measures."""
    if "_table_row_count_" in asked.type:
        return say("what.rows", lang, label=label)
    found = re.fullmatch(r"expect_column_(.+)_to_be_(?:between|less_than)", asked.type)
    code = f"what.{found.group(1)}" if found else ""
    return say(code if code in TEMPLATES else "what.other", lang, label=label, type=asked.type)


def expected(asked: Asked, lang: str) -> Plain:
    """What an expectation asks for."""
    keywords = asked.keywords
    low, high = keywords.get("min_value"), keywords.get("max_value", keywords.get("threshold"))
    parts = []
    if low is not None and high is not None:
        parts.append(say("expected.between", lang, low=_shown(low), high=_shown(high)))
    elif low is not None or high is not None:
        code = "expected.most" if low is None else "expected.least"
        parts.append(say(code, lang, low=_shown(low), high=_shown(high)))
    if "value_set" in keywords:
        parts.append(say("expected.one_of", lang, values=shown(list(keywords["value_set"]))))
    if keywords.get("mostly", 1) < 1:
        parts.append(say("expected.share", lang, share=share(keywords["mostly"])))
    elif not parts:
        parts.append(say("expected.all", lang))
    return Plain(("；" if lang == "zh" else "; ").join(parts))


def share(part: float) -> str:
    """A share as people write it."""
    return f"{100 * part:.3g} %"


def _shown(value: Any) -> str:
    return value.isoformat(sep=" ", timespec="seconds") if hasattr(value, "isoformat") else shown(value).strip("'")
