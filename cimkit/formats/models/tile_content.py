"""What is in a tile of 3D Tiles, from its headers alone: its kind, how many features it has, and their attributes.

The layouts are those of OGC 22-025r4, annexes on legacy tile formats (b3dm, i3dm, pnts, cmpt), and of
glTF 2.0, 4.4 (GLB). No mesh and no point is decoded.
"""

from __future__ import annotations

import json
import struct
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

#: JSON inside a tile is small; a longer one is damage, or a trap.
_MOST_JSON = 64 << 20
_MOST_INNER = 10_000
_DEEPEST = 4
#: Legacy kind -> the bytes of its header, and what its feature table calls the number of its features.
_LEGACY = {b"b3dm": (28, "BATCH_LENGTH"), b"i3dm": (32, "INSTANCES_LENGTH"), b"pnts": (28, "POINTS_LENGTH")}
_JSON_CHUNK = b"JSON"


class DamagedTile(Exception):
    """A tile whose bytes are not what its header says; the message is the reason."""


@dataclass
class Content:
    """What the headers of a tile's content say; ``features`` is None where they do not."""

    kind: str
    features: int | None = None
    attributes: set[str] = field(default_factory=set)


def read(path: Path) -> Content:
    """The content of one file.

    Raises:
        DamagedTile: it is cut off or damaged.
        OSError: it cannot be read.
    """
    size = path.stat().st_size
    with path.open("rb") as handle:
        head = handle.read(4)
        handle.seek(0)
        if head.lstrip()[:1] == b"{":
            return _of_gltf(_json(handle.read(_MOST_JSON)), "gltf")
        return _tile(handle, size, 0)


def gltf_document(path: Path) -> dict[str, Any]:
    """The JSON of a glTF or GLB file.

    Raises:
        DamagedTile: it is cut off or damaged.
    """
    size = path.stat().st_size
    with path.open("rb") as handle:
        if handle.read(4) == b"glTF":
            handle.seek(0)
            return _glb(handle, size)
        handle.seek(0)
        if size > _MOST_JSON:
            raise DamagedTile(f"its JSON is longer than {_MOST_JSON >> 20} MiB")
        return _json(handle.read())


def _tile(handle: IO[bytes], room: int, depth: int) -> Content:
    """The tile that begins here, for which there is so much room; the handle is at its end afterwards."""
    at = handle.tell()
    magic = handle.read(4)
    handle.seek(at)
    if magic == b"glTF":
        return _of_gltf(_glb(handle, room), "glb")
    if magic == b"cmpt":
        return _composite(handle, room, depth)
    if magic not in _LEGACY:
        raise DamagedTile("it is none of b3dm, i3dm, pnts, cmpt, glTF")
    length, counter = _LEGACY[magic]
    header = handle.read(length)
    if len(header) < length:
        raise DamagedTile("its header is cut off")
    total, feature_json, feature_binary, batch_json = struct.unpack_from("<4I", header, 8)
    if total > room:
        raise DamagedTile(f"it says that it has {total:,} bytes, but only {room:,} are there")
    if length + feature_json + feature_binary + batch_json > total:
        raise DamagedTile("its tables are longer than itself")
    features = _json(_piece(handle, feature_json))
    handle.seek(feature_binary, 1)
    batch = _json(_piece(handle, batch_json))
    handle.seek(at + total)
    count = features.get(counter)
    names = {name for name in batch if name not in ("extensions", "extras")}
    return Content(magic.decode(), count if isinstance(count, int) else None, names)


def _composite(handle: IO[bytes], room: int, depth: int) -> Content:
    start = handle.tell()
    header = handle.read(16)
    if len(header) < 16 or depth >= _DEEPEST:
        raise DamagedTile("its header is cut off, or composites are nested too deeply")
    total, count = struct.unpack_from("<2I", header, 8)
    if total > room or count > _MOST_INNER:
        raise DamagedTile(f"it says that it has {total:,} bytes and {count:,} tiles, but {room:,} bytes are there")
    whole = Content("cmpt", 0)
    for _ in range(count):
        inner = _tile(handle, start + total - handle.tell(), depth + 1)
        whole.attributes |= inner.attributes
        known = whole.features is not None and inner.features is not None
        whole.features = (whole.features or 0) + (inner.features or 0) if known else None
    handle.seek(start + total)
    return whole


def _glb(handle: IO[bytes], room: int) -> dict[str, Any]:
    start = handle.tell()
    header = handle.read(12)
    if len(header) < 12:
        raise DamagedTile("its header is cut off")
    version, total = struct.unpack_from("<2I", header, 4)
    if total > room:
        raise DamagedTile(f"it says that it has {total:,} bytes, but only {room:,} are there")
    if version == 1:  # the JSON comes first, after its length and its format
        length, _ = struct.unpack("<2I", _piece(handle, 8))
    else:
        length, kind = struct.unpack("<I4s", _piece(handle, 8))
        if kind != _JSON_CHUNK:
            raise DamagedTile("its first chunk is no JSON")
    if length > total:
        raise DamagedTile("its JSON is longer than itself")
    document = _json(_piece(handle, length))
    handle.seek(start + total)
    return document


def _of_gltf(document: dict[str, Any], kind: str) -> Content:
    """Features and attributes of EXT_structural_metadata, as 3D Tiles 1.1 has them."""
    metadata = member(member(document, "extensions"), "EXT_structural_metadata")
    tables = metadata.get("propertyTables")
    known = [one for one in tables if isinstance(one, dict)] if isinstance(tables, list) else []
    counts = [one["count"] for one in known if isinstance(one.get("count"), int)]
    names = {name for table in known for name in member(table, "properties")}
    return Content(kind, sum(counts) if counts else None, names)


def _piece(handle: IO[bytes], length: int) -> bytes:
    if length > _MOST_JSON:
        raise DamagedTile(f"a table in it is longer than {_MOST_JSON >> 20} MiB")
    data = handle.read(length)
    if len(data) < length:
        raise DamagedTile("it is cut off")
    return data


def _json(data: bytes) -> dict[str, Any]:
    text = data.strip(b" \t\r\n\0")
    if not text:
        return {}
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise DamagedTile("JSON in it is damaged") from error
    if not isinstance(document, dict):
        raise DamagedTile("JSON in it is no object")
    return document


def member(document: dict[str, Any], name: str) -> dict[str, Any]:
    """The object under a name; an empty one where there is none."""
    value = document.get(name)
    return value if isinstance(value, dict) else {}
