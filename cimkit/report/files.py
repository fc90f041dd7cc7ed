"""The files of a folder or archive: what each was taken for, by what, and which could not be read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.console import RenderableType
from rich.text import Text

from cimkit.model import Lang
from cimkit.report.labels import label
from cimkit.report.tables import heading, table

_MOST_FILES = 60
_MOST_UNREAD = 20


def files_seen(found: Mapping[str, Any], lang: Lang) -> list[RenderableType]:
    """What an inspection saw, file by file; nothing where the source is a single file."""
    seen, unread = found["files"], found["unread"]
    parts: list[RenderableType] = []
    if len(seen) > 1 or unread or any(each["path"] != found["path"] for each in seen):
        result = table(lang, ("file", "format", "seen_by", "gave"))
        broken = {reject["place"] for reject in unread}
        for each in seen[:_MOST_FILES]:
            gave = label("unread", lang) if each["path"] in broken else _gave(each, lang)
            result.add_row(_name(each, found["path"]), each["format"] or label("no_reader", lang), each["how"], gave)
        parts += [heading(label("files", lang)), result, *_more(len(seen) - _MOST_FILES, lang)]
    if unread:
        parts.append(heading(label("unread", lang)))
        for reject in unread[:_MOST_UNREAD]:
            place = _inside(reject["place"], found["path"])
            reason = reject["reason"].removeprefix(reject["place"]).removeprefix(":").lstrip()
            parts.append(Text.assemble((f"✗ {place} ", "red"), reason))
        parts += _more(len(unread) - _MOST_UNREAD, lang)
    return parts


def _name(seen: Mapping[str, Any], path: str) -> str:
    sidecars = len(seen["sidecars"])
    return _inside(seen["path"], path) + (f" +{sidecars}" if sidecars else "")


def _inside(path: str, container: str) -> str:
    """The path of a file from the container on."""
    return path.removeprefix(container.rstrip("/") + "/")


def _gave(seen: Mapping[str, Any], lang: Lang) -> str:
    parts = []
    for what in ("layer", "asset"):
        count = len(seen[f"{what}s"])
        if count:
            parts.append(label(f"{what}_of" if count == 1 else f"{what}s_of", lang, count=count))
    return ", ".join(parts) or "–"


def _more(count: int, lang: Lang) -> list[RenderableType]:
    return [Text(label("more_files", lang, count=count))] if count > 0 else []
