"""A report as JSON, in the shape of ``schemas/report.schema.json``."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

from cimkit.model import Finding, Report
from cimkit.model.words import as_dict

_FIELDS = tuple(field.name for field in fields(Finding))
#: Where the findings go in a report without any.
_EMPTY = '"findings": []\n}'
_ENCODER = json.JSONEncoder(ensure_ascii=False, allow_nan=False, default=str)


def render(report: Report, lang: str = "en", *, color: bool = False, width: int = 80) -> str:
    """The report as one JSON document; the texts in it were written when the check was made."""
    return "".join(_pieces(report))


def write(report: Report, path: Path, lang: str = "en") -> None:
    """The same document, one finding after the other."""
    with path.open("w", encoding="utf-8", errors="backslashreplace", newline="\n") as file:
        file.writelines(_pieces(report))


def members(finding: Finding) -> dict[str, Any]:
    """A finding as plain JSON values."""
    return {name: getattr(finding, name) for name in _FIELDS}


def compact(value: Any) -> str:
    """A value as JSON in one line."""
    return _ENCODER.encode(value)


def _pieces(report: Report) -> Iterator[str]:
    about = as_dict(replace(report, findings=()).to_dict())
    text = json.dumps(about, ensure_ascii=False, indent=2, allow_nan=False, default=str)
    if not report.findings:
        yield f"{text}\n"
        return
    yield f'{text.removesuffix(_EMPTY)}"findings": ['
    separator = "\n"
    for finding in report.findings:
        lines = ",\n".join(f'      "{name}": {compact(getattr(finding, name))}' for name in _FIELDS)
        yield f"{separator}    {{\n{lines}\n    }}"
        separator = ",\n"
    yield "\n  ]\n}\n"
