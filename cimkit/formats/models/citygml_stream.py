"""A CityGML file read feature by feature: safe against what a stranger may have put into it, in bounded memory.

lxml builds the tree of one feature at a time, which is cleared when the next begins. A DOCTYPE
is refused, so there are no entities; nothing is fetched; depth and the length of a text are
what libxml2 allows without its "huge" option (256 levels, 10 MB).
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lxml import etree

from cimkit.errors import SourceError
from cimkit.formats import xml_events
from cimkit.formats.xml_events import Element

_HREF = "{http://www.w3.org/1999/xlink}href"
_GML = "{http://www.opengis.net/gml"
#: A triangle in space: four positions of three numbers, the last like the first.
_TRIANGLE = 12


@dataclass
class Feature:
    """One member of the file: its element, which is cleared when the next one is asked for.

    ``triangles`` holds those of a terrain by their parent, as numbers only: trees of them fill memory.
    """

    element: Element
    line: int
    triangles: dict[Element, array[float]] = field(default_factory=dict)


@dataclass
class Document:
    """A CityGML file; what is None is learnt by reading it. ``undeclared``: a prefix was used without a namespace."""

    path: Path
    encoding: str | None = None
    envelope: Element | None = None
    undeclared: str | None = None
    elsewhere: int = 0  # members that are only links

    def features(self) -> Iterator[Feature]:
        """The features of the file in order.

        Raises:
            SourceError: it is no well-formed XML, or has a DOCTYPE; what came before was sound.
        """
        with self.path.open("rb") as raw:
            events = xml_events.events(raw, self.encoding)
            try:
                yield from self._walk(events)
            except etree.XMLSyntaxError as error:
                # The error's own log has the errors of other files too.
                log = list(events.error_log)
                if not log or any(entry.level_name == "FATAL" for entry in log):
                    raise broken(self.path, error, log) from error
                # A prefix without a namespace is told only at the end, and what bears it is named by it.
                self.undeclared = log[0].message

    def _walk(self, events: Any) -> Iterator[Feature]:
        depth = 0
        triangles: dict[Element, array[float]] = {}
        for event, element in events:
            if event == "start":
                if depth == 0:
                    xml_events.refuse_doctype(element, self.path, "CityGML")
                depth += 1
                continue
            depth -= 1
            if depth > 2:
                if element.tag.endswith("}Triangle"):
                    _compact(element, triangles)
            elif depth == 2:
                if element.tag.startswith(_GML) and element.tag.endswith("}Envelope"):
                    if self.envelope is None:
                        self.envelope = deepcopy(element)
                else:
                    yield Feature(element, element.sourceline or 0, triangles)
                triangles = {}
                xml_events.cleared(element)
            elif depth == 1:
                self.elsewhere += element.get(_HREF) is not None
                xml_events.cleared(element)


def broken(path: Path, error: etree.XMLSyntaxError, log: list[Any]) -> SourceError:
    """The error for a file that is no well-formed XML: the first thing that stopped the parser."""
    fatal = next((entry for entry in log if entry.level_name == "FATAL"), None)
    reason = (fatal.message if fatal else str(error)).strip().rstrip(".") or "it is empty"
    line = fatal.line if fatal else error.lineno
    where = f" (line {line})" if line else ""
    hint = "Was it copied or exported to the end?"
    if "encoding" in reason.lower() or "not proper UTF-8" in reason:
        hint = "Say the encoding with --encoding."
    elif "huge" in reason.lower() or "depth" in reason.lower():
        hint = "It is deeper or has longer texts than a city model needs."
    return SourceError(f"{path} is not well-formed XML{where}: {reason}.", hint=hint)


def _compact(triangle: Element, triangles: dict[Element, array[float]]) -> None:
    """Keep a triangle as its numbers and drop its tree; one in another form stays."""
    parent = triangle.getparent()
    texts = [found.text for found in triangle.iter("{*}posList")]
    try:
        numbers = [float(number) for number in (texts[0] or "").split()] if len(texts) == 1 else []
    except ValueError:
        return
    if len(numbers) == _TRIANGLE and numbers[:3] == numbers[9:]:
        triangles.setdefault(parent, array("d")).extend(numbers)
        parent.remove(triangle)
