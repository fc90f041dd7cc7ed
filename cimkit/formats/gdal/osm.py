"""OpenStreetMap data, as XML or PBF: GDAL's layers points, lines, multilinestrings, multipolygons, other_relations.

Tags without a column of their own stand in ``other_tags`` as hstore text. GDAL ends a layer
quietly where the file breaks off, so the file's end is looked at first.
"""

from __future__ import annotations

import os
import re
import struct
import tempfile
from pathlib import Path

from cimkit.errors import SourceError
from cimkit.formats.dataset import Dataset, Delivery
from cimkit.formats.gdal.layer import GdalLayer, gdal_layers, refuse_encoding
from cimkit.formats.probe import Probe
from cimkit.formats.registry import Wishes

#: GDAL's own index takes no negative ids, which editors give to what is not uploaded yet.
_OPTIONS = {"USE_CUSTOM_INDEXING": "NO"}


def layers(probe: Probe, format: str, wishes: Wishes) -> Dataset:
    """The layers of an OSM file that hold anything."""
    import pyogrio

    refuse_encoding(probe, format, wishes)
    if b"<!DOCTYPE" in probe.head and probe.xml_root:
        raise SourceError(
            f"{probe.path} has a DOCTYPE, which may declare entities; OpenStreetMap data has none.",
            hint="Take the DOCTYPE out, if you trust the file.",
        )
    if not (_xml_ends(probe.path) if probe.xml_root else whole_blocks(probe.path) == probe.path.stat().st_size):
        raise SourceError(f"{probe.path} is cut off or damaged.", hint="Copy or download it again.")
    # GDAL puts its index of big files into the working folder otherwise.
    pyogrio.set_gdal_config_options({"CPL_TMPDIR": tempfile.gettempdir()})
    delivery = Delivery(probe.path, format, (probe.path,))
    found = [GdalLayer(delivery, name, wishes, options=_OPTIONS) for name in gdal_layers(delivery)]
    return Dataset(delivery, tuple(layer for layer in found if layer.any_records()))


def _xml_ends(path: Path) -> bool:
    """Whether an XML file ends with the end of its root element."""
    with path.open("rb") as handle:
        handle.seek(max(0, path.stat().st_size - 4096))
        tail = handle.read()
    return re.search(rb"</osm\s*>|<osm\b[^<>]*/>", tail) is not None


def whole_blocks(path: Path) -> int:
    """How many bytes of a PBF file are blocks that follow each other whole; all of them in a sound file.

    Each is a length (4 bytes), a header of that length whose field 3 is the size of the body,
    and the body (OSM wiki, "PBF Format", file format).
    """
    size = path.stat().st_size
    whole = 0
    with path.open("rb") as handle:
        while whole < size:
            length = handle.read(4)
            # A header has at most 64 KiB (the same page).
            header = handle.read(min(struct.unpack(">I", length)[0], 1 << 16)) if len(length) == 4 else b""
            body = _body_size(header)
            if body is None or handle.tell() + body > size:
                break
            handle.seek(body, os.SEEK_CUR)
            whole = handle.tell()
    return whole


def _body_size(header: bytes) -> int | None:
    """Field 3 of a block's header, after the text of field 1 and the bytes of field 2; None where there is none."""
    at = 0
    while at < len(header):
        key, at = header[at], at + 1
        value = shift = 0
        while at < len(header):
            value |= (header[at] & 0x7F) << shift
            shift, at = shift + 7, at + 1
            if header[at - 1] < 0x80:
                break
        if key == 0x18:
            return value
        if key not in (0x0A, 0x12):
            return None
        at += value
    return None
