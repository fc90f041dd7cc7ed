"""A report as JSON, in the shape of ``schemas/report.schema.json``."""

from __future__ import annotations

import json

from cimkit.model import Report


def render(report: Report, lang: str = "en", *, color: bool = False, width: int = 80) -> str:
    """The report as one JSON document; the texts in it were written when the check was made."""
    return json.dumps(report.to_dict(), ensure_ascii=False, indent=2, allow_nan=False) + "\n"
