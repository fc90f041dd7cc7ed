"""Names of columns that are there twice, or that a format cut."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass

from cimkit.formats import stored
from cimkit.formats.columns import FID, GEOMETRY, NAME_MARK, ROW
from cimkit.formats.tables.cell_names import HEADER_MARK
from cimkit.model import Mapped, Staged
from cimkit.standard import LayerSchema

#: Formats whose names have ten bytes.
_SHORT = frozenset({"ESRI Shapefile", "dBase"})
_BYTES = 10
#: What writers put at the end of a cut name that is there already: ``residenti`` and ``residen_1``.
_NUMBERED = re.compile(r"_?\d{1,2}$")
#: A common beginning of fewer bytes says nothing.
_COMMON = 6


@dataclass(frozen=True, slots=True)
class Named:
    """A column's name at fault, the column it clashes with ("" for none), and what it may be meant for."""

    column: str
    other: str = ""
    meant: str = ""


def repeated_names(staged: Staged) -> Iterator[Named]:
    """Columns whose names differ from an earlier one's in nothing but case, blanks and width."""
    seen: dict[str, str] = {}
    for name in _given(staged):
        folded = re.sub(r"[\s\u200b\u2060\ufeff]+", "", unicodedata.normalize("NFKC", name)).casefold()
        if not folded:
            continue
        if folded in seen:
            yield Named(name, seen[folded])
        else:
            seen[folded] = name


def _given(staged: Staged) -> list[str]:
    """The columns' names as the source has them."""
    marked = {}
    for field in stored.schema(staged):
        marks = field.metadata or {}
        given = marks.get(HEADER_MARK, marks.get(NAME_MARK))
        if given:
            marked[field.name] = given.decode()
    names = [field.name for field in staged.facts.fields if field.name not in (ROW, FID, GEOMETRY)]
    return [marked.get(name, name) for name in names]


def cut_names(mapped: Mapped, layer: LayerSchema) -> Iterator[Named]:
    """Columns of a format with short names that are the beginning of a field's name, or of each other's."""
    staged = mapped.staged
    if staged.source.format not in _SHORT:
        return
    encoding = staged.facts.encoding.value or "UTF-8"
    columns = _given(staged)
    full = [name for name in columns if _length(name, encoding) >= _BYTES - 1]
    known = {column for field in layer.fields for column in mapped.origins.get(field, ())}
    for name in full:
        meant = _meant(name, layer, mapped) if name not in known else ""
        other = _sibling(name, full, encoding)
        if meant or other:
            yield Named(name, other, meant)


def _meant(name: str, layer: LayerSchema, mapped: Mapped) -> str:
    """The one field without a column whose name begins like this."""
    found = [
        field.name
        for field in layer.fields.values()
        if field.name not in mapped.origins
        and any(
            spelt.casefold().startswith(name.casefold()) and len(spelt) > len(name)
            for spelt in (field.name, *field.names.values())
        )
    ]
    return found[0] if len(found) == 1 else ""


def _sibling(name: str, full: list[str], encoding: str) -> str:
    """The column whose name was cut to the same bytes, so that this one got a number."""
    stem = _NUMBERED.sub("", name)
    if stem == name or _length(stem, encoding) < _COMMON:
        return ""
    return next(
        (other for other in full if other != name and other.startswith(stem) and _NUMBERED.sub("", other) == other), ""
    )


def _length(name: str, encoding: str) -> int:
    try:
        return len(name.encode(encoding))
    except (UnicodeEncodeError, LookupError):
        return len(name.encode())
