"""Code lists that lie beside a CityGML file as GML dictionaries: what a code means.

A codeSpace is looked for where it leads from the file; where the folders were delivered in
another arrangement, its last part is looked for in the folders above the file, no higher than
the codeSpace climbs. Nothing outside those folders is opened, and nothing is fetched.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from urllib.parse import unquote

from lxml import etree

from cimkit.formats.models.citygml_geometry import local
from cimkit.formats.xml_events import events
from cimkit.model import Hint

_MOST_BYTES = 32 << 20
_MOST_CLIMBS = 4


class Codelists:
    """The dictionaries of one file, each read when its first code is met."""

    def __init__(self, path: Path) -> None:
        self._folder = path.absolute().parent
        self._lists: dict[str, dict[str, str] | None] = {}
        self._missing: Counter[str] = Counter()
        self._unknown: dict[tuple[str, str], int] = {}
        self.files: set[Path] = set()

    def label(self, code_space: str, code: str) -> str | None:
        """What a code means; None where its list is not there or does not have it."""
        if code_space not in self._lists:
            self._lists[code_space] = self._read(code_space)
        codes = self._lists[code_space]
        if codes is None:
            self._missing[code_space] += 1
            return None
        if code not in codes:
            key = (code_space, code)
            self._unknown[key] = self._unknown.get(key, 0) + 1
        return codes.get(code)

    def hints(self) -> list[Hint]:
        """The lists that were not found, and the codes that are not in theirs."""
        hints = []
        if self._missing:
            listed = ", ".join(sorted(self._missing)[:5]) + (", …" if len(self._missing) > 5 else "")
            message = f"Code lists that are not beside the file leave codes without labels: {listed}."
            hints.append(Hint("codes.list_missing", message))
        if self._unknown:
            named = [f"{code} ({PurePosixPath(space).name})" for space, code in sorted(self._unknown)[:5]]
            more = ", …" if len(self._unknown) > 5 else ""
            hints.append(Hint("codes.unknown", f"Codes that are not in their lists: {', '.join(named)}{more}."))
        return hints

    def _read(self, code_space: str) -> dict[str, str] | None:
        for path in self._places(code_space):
            codes = _dictionary(path)
            if codes:
                self.files.add(path)
                return codes
        return None

    def _places(self, code_space: str) -> Iterator[Path]:
        """The files that a codeSpace may mean, the likeliest first; all within the folders it climbs to."""
        said = unquote(code_space.partition("#")[0]).strip().replace("\\", "/")
        if not said or re.match(r"[a-z][a-z0-9+.-]*:|/", said, re.IGNORECASE) or "\0" in said:
            return
        parts = [part for part in said.split("/") if part not in ("", ".")]
        climbs = next((i for i, part in enumerate(parts) if part != ".."), len(parts))
        rest = parts[climbs:]
        if not rest or ".." in rest or climbs > _MOST_CLIMBS:
            return
        folders = [self._folder, *self._folder.parents][: climbs + 1]
        for folder in reversed(folders):
            path = folder.joinpath(*rest)
            try:
                whole = path.resolve()
                inside = whole.is_relative_to(folders[-1].resolve())
                if inside and whole.is_file() and whole.stat().st_size <= _MOST_BYTES:
                    yield path
            except (OSError, RuntimeError):  # a name the system refuses, or links that go in circles
                continue


def _dictionary(path: Path) -> dict[str, str]:
    """The codes of a GML dictionary: an entry's identifier or name, and its description or other name."""
    codes: dict[str, str] = {}
    try:
        with path.open("rb") as raw:
            for event, element in events(raw):
                if event == "start" and element.getparent() is None:
                    if local(element) not in ("Dictionary", "CodeListDictionary", "DefinitionCollection"):
                        return {}
                    if element.getroottree().docinfo.internalDTD is not None:
                        return {}
                if event == "end" and local(element) in ("Definition", "CodeDefinition"):
                    codes |= _entry(element)
                    element.clear()
    except (etree.XMLSyntaxError, OSError):
        return codes
    return codes


def _entry(element: object) -> dict[str, str]:
    texts: dict[str, list[str]] = {}
    for child in element:  # type: ignore[attr-defined]
        text = " ".join((child.text or "").split())
        if text:
            texts.setdefault(local(child), []).append(text)
    names, descriptions = texts.get("name", []), texts.get("description", [])
    keys = [*texts.get("identifier", []), *names[:1]]
    if not keys:
        return {}
    labels = [text for text in (*descriptions, *names) if text != keys[0]]
    # With an identifier the name is the label; without one the name is the code itself.
    if texts.get("identifier") and names and names[0] != keys[0]:
        return {keys[0]: names[0]}
    return {keys[0]: labels[0] if labels else keys[0]}
