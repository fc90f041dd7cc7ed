"""Where a finding is, as people, editors and workflows call it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import PurePath
from urllib.parse import quote

from cimkit.model import Finding, Report

#: Formats in which a record is one line -> the lines before the first record.
_LINES = {"CSV": 1, "JSONL": 0, "GeoJSONSeq": 0}


def place(finding: Finding, names: Mapping[str, str] | None = None, alike: Sequence[Finding] = ()) -> str:
    """``file:layer[row] field``; the cell instead of the row where there is one.

    ``names`` are shorter ones of files, ``alike`` are all the findings that are meant.
    """
    called = (str(f.row) if f.cell is None else f.cell for f in alike or [finding])
    rows = ", ".join(name for name in called if name != "None")
    row = f"[{rows}]" if rows else ""
    field = f" {finding.field}" if finding.field else ""
    source = (names or {}).get(finding.source, finding.source)
    return f"{source}:{finding.layer}{row}{field}" if finding.layer else source


def short_names(paths: Sequence[str]) -> dict[str, str]:
    """For each path as much of its end as tells it from the others."""
    parts = {path: PurePath(path).parts for path in paths}
    names = {}
    for path, own in parts.items():
        length = next(
            (n for n in range(1, len(own)) if all(own[-n:] != other[-n:] for p, other in parts.items() if p != path)),
            len(own),
        )
        names[path] = str(PurePath(*own[-length:]))
    return names


def formats(report: Report) -> dict[str, str]:
    """Source -> its format."""
    return {source.path: source.format for source in report.sources}


def line(finding: Finding, format: str | None) -> int | None:
    """The 1-based line of a finding in a text of one record a line; a line break inside a cell is not known of."""
    if finding.row is None or format not in _LINES:
        return None
    return finding.row + _LINES[format] + 1


def uri(path: str) -> str:
    """A file's path as a URI reference: relative where the path is, with everything unusual percent-encoded."""
    plain = path.replace("\\", "/")
    try:
        # As it is on the disk, also where its name is no UTF-8.
        encoded = plain.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        encoded = plain.encode("utf-8", "replace")
    return f"file://{quote(encoded)}" if plain.startswith("/") else quote(encoded.removeprefix(b"./"))
