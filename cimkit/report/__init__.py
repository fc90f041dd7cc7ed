"""A report in every format there is: each is one module, loaded when it is asked for, and one line here."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from types import ModuleType

from cimkit.atomic import replacing
from cimkit.errors import SourceError, UsageError, nearest
from cimkit.model import Report


@dataclass(frozen=True, slots=True)
class Format:
    """A format of reports.

    Its ``module`` has ``render(report, lang, *, color, width)``, which gives a text, or
    ``write(report, path, lang)``, which writes what is no text, or is written piece by piece.
    """

    module: str
    suffix: str | None = None

    def loaded(self) -> ModuleType:
        return import_module(f"cimkit.report.{self.module}")


FORMATS: Mapping[str, Format] = {
    "text": Format("text", ".txt"),
    "json": Format("as_json", ".json"),
    "jsonl": Format("as_jsonl", ".jsonl"),
    "github": Format("github"),
    "markdown": Format("markdown", ".md"),
    "html": Format("html", ".html"),
    "sarif": Format("sarif", ".sarif"),
    "junit": Format("junit", ".junit.xml"),
    "codequality": Format("codequality", ".codequality.json"),
    "quality": Format("quality", ".xml"),
    "xlsx": Format("xlsx", ".xlsx"),
    "csv": Format("as_csv", ".csv"),
    "gpkg": Format("geopackage", ".gpkg"),
    "geojson": Format("geojson", ".geojson"),
    "parquet": Format("parquet", ".parquet"),
}
#: The ending of a file's name -> the format that it asks for.
SUFFIXES: Mapping[str, str] = {format.suffix: name for name, format in FORMATS.items() if format.suffix}


def render(report: Report, format: str, lang: str = "en", color: bool = False, *, width: int = 80) -> str:
    """The report in one of those :data:`FORMATS` that are text.

    Raises:
        UsageError: there is no such format, or it is only written to files.
    """
    if format not in FORMATS:
        raise UsageError(f"There is no report format '{format}'.", hint=nearest(format, FORMATS))
    module = FORMATS[format].loaded()
    if not hasattr(module, "render"):
        raise UsageError(f"A report as {format} is written to a file.", hint=f"Try --report r{FORMATS[format].suffix}.")
    text: str = module.render(report, lang, color=color, width=width)
    return text


def writable(path: str | Path) -> str:
    """The format that a file's name asks for; of two endings that fit, the longer one.

    Raises:
        UsageError: no format has this ending, or the file cannot be written there.
    """
    path = Path(path)
    name = path.name.lower()
    endings = [suffix for suffix in SUFFIXES if name.endswith(suffix) and name != suffix]
    if not endings:
        asked = path.suffix or path.name
        raise UsageError(
            f"{path}: there is no report of the kind '{asked}'.",
            hint=_known() if asked in SUFFIXES else nearest(asked, SUFFIXES) or _known(),
        )
    if not path.parent.is_dir():
        raise UsageError(f"{path} cannot be written: there is no folder {path.parent}.")
    if path.is_dir():
        raise UsageError(f"{path} cannot be written: it is a folder.", hint="Name a file in it.")
    if not os.access(path.parent, os.W_OK):
        raise UsageError(f"{path} cannot be written: you may not write to the folder {path.parent}.")
    return SUFFIXES[max(endings, key=len)]


def all_writable(paths: Iterable[Path], kept: Iterable[Path] = ()) -> None:
    """Refuses reports that could not all be written; ``kept`` are files that none may take the place of.

    Raises:
        UsageError: as :func:`writable`; two reports have one path, or one has that of another file.
    """
    taken = {path.resolve() for path in kept}
    seen: set[Path] = set()
    for path in paths:
        writable(path)
        place = path.resolve()
        if place in seen:
            raise UsageError(f"Two reports are to be written to {path}.", hint="Give each a name of its own.")
        if place in taken:
            raise UsageError(f"The report {path} would take the place of a file that the check uses.")
        seen.add(place)


def write(report: Report, path: str | Path, lang: str = "en") -> None:
    """Writes the report in the format of the file's ending; the file is complete or not there.

    Raises:
        UsageError: no format has this ending.
        SourceError: the file cannot be written.
    """
    format = writable(path)
    module = FORMATS[format].loaded()
    with replacing(Path(path)) as aside:
        if hasattr(module, "write"):
            module.write(report, aside, lang)
        else:
            # A file name or a JSON text may hold half a character, which JSON has an escape for.
            aside.write_text(render(report, format, lang), encoding="utf-8", errors="backslashreplace", newline="\n")


def append_summary(report: Report, path: Path, lang: str = "en") -> None:
    """Adds the report as Markdown to a file that others write to as well: the summary of a step of GitHub Actions.

    Raises:
        SourceError: the file cannot be written.
    """
    from cimkit.report.markdown import summary

    try:
        with path.open("a", encoding="utf-8", errors="backslashreplace", newline="\n") as file:
            file.write(f"{summary(report, lang)}\n")
    except OSError as error:
        raise SourceError(f"The summary cannot be written to {path}: {error.strerror}.") from error


def _known() -> str:
    return f"Known: {', '.join(sorted(SUFFIXES))}."


__all__ = ["FORMATS", "SUFFIXES", "all_writable", "append_summary", "render", "writable", "write"]
