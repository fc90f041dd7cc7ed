"""XML from strangers, read element by element: nothing is expanded, loaded or fetched, and nothing is kept."""

from __future__ import annotations

from typing import IO, Any

from lxml import etree

from cimkit.errors import SourceError

Element = Any  # lxml's elements are not typed here


def events(raw: IO[bytes], encoding: str | None = None, *, long_texts: bool = False) -> Any:
    """The parser's events of the beginnings and ends of elements.

    Depth and the length of a text are what libxml2 allows (256 levels, 10 MB), unless
    ``long_texts`` are meant to come, as the million corners of a polygon are one.
    """
    return etree.iterparse(
        raw,
        events=("start", "end"),
        encoding=encoding,
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        dtd_validation=False,
        huge_tree=long_texts,
        remove_comments=True,
        remove_pis=True,
    )


def refuse_doctype(root: Element, shown: object, format: str) -> None:
    """Raise SourceError where a document has a DOCTYPE; ``format`` has none, and entities could hide in it."""
    info = root.getroottree().docinfo
    if info.internalDTD is not None or info.doctype:
        raise SourceError(
            f"{shown} has a DOCTYPE, which can declare entities; {format} has none.",
            hint="Remove the <!DOCTYPE …> if you trust the file.",
        )


def cleared(element: Element) -> None:
    """Free an element, and those before it."""
    parent = element.getparent()
    element.clear()
    if parent is not None:
        while element.getprevious() is not None:
            del parent[0]
