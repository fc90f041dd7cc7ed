"""A report as text, JSON and workflow annotations: each format one module with ``render``, and one line here."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

from cimkit.atomic import replacing
from cimkit.errors import UsageError, nearest
from cimkit.model import Report
from cimkit.report import as_json, github, text


class Format(Protocol):
    """What a format's module has: texts in ``lang``, drawn in ``color`` and ``width`` where it has these."""

    def render(self, report: Report, lang: str = "en", *, color: bool = False, width: int = 80) -> str: ...


FORMATS: Mapping[str, Format] = {"text": text, "json": as_json, "github": github}
SUFFIXES: Mapping[str, str] = {".txt": "text", ".json": "json"}


def render(report: Report, format: str, lang: str = "en", color: bool = False, *, width: int = 80) -> str:
    """The report in one of :data:`FORMATS`.

    Raises:
        UsageError: there is no such format.
    """
    if format not in FORMATS:
        raise UsageError(f"There is no report format '{format}'.", hint=nearest(format, FORMATS))
    return FORMATS[format].render(report, lang, color=color, width=width)


def writable(path: str | Path) -> str:
    """The format that a file's suffix asks for.

    Raises:
        UsageError: no format has this suffix, or the folder is missing.
    """
    path = Path(path)
    if path.suffix.lower() not in SUFFIXES:
        raise UsageError(
            f"{path}: there is no report of the kind '{path.suffix or path.name}'.", hint=nearest(path.suffix, SUFFIXES)
        )
    if not path.parent.is_dir():
        raise UsageError(f"{path} cannot be written: there is no folder {path.parent}.")
    return SUFFIXES[path.suffix.lower()]


def write(report: Report, path: str | Path, lang: str = "en") -> None:
    """Writes the report in the format of the file's suffix; the file is complete or not there.

    Raises:
        UsageError: no format has this suffix.
        SourceError: the file cannot be written.
    """
    written = render(report, writable(path), lang)
    with replacing(Path(path)) as aside:
        aside.write_text(written, encoding="utf-8", newline="\n")


__all__ = ["FORMATS", "SUFFIXES", "render", "writable", "write"]
