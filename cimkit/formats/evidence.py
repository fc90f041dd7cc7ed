"""What in a file shows its format, in words: the "why" of ``cimkit inspect``."""

from __future__ import annotations

import re

from cimkit.formats.json.shape import shape as json_shape
from cimkit.formats.probe import Probe

_LISTED = 3
_MAGIC_BYTES = 16


def evidence(probe: Probe) -> str:
    """What the first look at a file or folder shows."""
    if probe.is_folder:
        return f"folder of {_some(probe.entries)}"
    if probe.members:
        return f"zip of {_some(probe.members)}"
    if probe.xml_root:
        return f"XML, root <{probe.xml_root}>"
    shape = json_shape(probe)
    if shape:
        return f"JSON, {shape}"
    if probe.is_text and not probe.head.startswith((b"%PDF", b"ISO-10303-21")):
        return f"text, named {probe.suffix}" if probe.suffix else "text"
    return f"begins with {_magic(probe.head)}"


def _magic(head: bytes) -> str:
    """The readable part of the first bytes, or where there is none, the bytes."""
    readable = re.match(rb"[\x20-\x7e]{3,}", head[:_MAGIC_BYTES])
    return f'"{readable.group().decode("ascii")}"' if readable else head[:4].hex(" ")


def _some(names: tuple[str, ...]) -> str:
    files = [name for name in names if not name.endswith("/")]
    listed = ", ".join(files[:_LISTED])
    return f"{len(files)} files ({listed}{', …' if len(files) > _LISTED else ''})" if len(files) != 1 else files[0]
