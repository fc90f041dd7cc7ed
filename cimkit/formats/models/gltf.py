"""A glTF or GLB model by itself: an asset without a place, since glTF has no CRS."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from cimkit.errors import SourceError
from cimkit.formats.dataset import Dataset, Delivery
from cimkit.formats.models.leftovers import NO_GEOMETRY
from cimkit.formats.models.tile_content import DamagedTile, gltf_document, member
from cimkit.formats.probe import Probe
from cimkit.formats.registry import Wishes
from cimkit.model import Asset, Hint

_MOST_TOLD = 5


def layers(probe: Probe, format: str, wishes: Wishes) -> Dataset:
    """A model as an asset; it has no layers."""
    try:
        document = gltf_document(probe.path)
    except DamagedTile as error:
        raise SourceError(f"{probe.path} is cut off or damaged: {error}.", hint="Copy or export it again.") from error
    beside, missing, elsewhere = _files(probe.path, document)
    hints = [
        Hint("model.no_place", "glTF says nothing of where a model stands: give its place in a tileset, or an index.")
    ]
    for code, what, names in (
        ("model.missing", "files that it needs are missing", missing),
        ("model.elsewhere", "files that it needs are not in its folder, and are not read", elsewhere),
    ):
        if names:
            hints.append(Hint(code, f"{len(names):,} {what}: {', '.join(names[:_MOST_TOLD])}."))
    about = {key: value for key, value in _about(document).items() if value not in (None, [], {}, 0)}
    size = sum(path.stat().st_size for path in (probe.path, *beside))
    asset = Asset(probe.path.name, "model", str(probe.path), size, NO_GEOMETRY, None, None, about, tuple(hints))
    return Dataset(Delivery(probe.path, format, (probe.path, *beside)), (), assets=(asset,))


def _about(document: dict[str, Any]) -> dict[str, Any]:
    accessors = _dicts(document.get("accessors"))
    primitives = [one for mesh in _dicts(document.get("meshes")) for one in _dicts(mesh.get("primitives"))]
    vertices = 0
    for primitive in primitives:
        place = member(primitive, "attributes").get("POSITION")
        if isinstance(place, int) and 0 <= place < len(accessors):
            count = accessors[place].get("count")
            vertices += count if isinstance(count, int) else 0
    head = member(document, "asset")
    return {
        "version": head.get("version"),
        "generator": head.get("generator"),
        "copyright": head.get("copyright"),
        "meshes": len(_dicts(document.get("meshes"))),
        "primitives": len(primitives),
        "vertices": vertices,
        "nodes": len(_dicts(document.get("nodes"))),
        "materials": len(_dicts(document.get("materials"))),
        "images": len(_dicts(document.get("images"))),
        "animations": len(_dicts(document.get("animations"))),
        "extensions": [str(one) for one in document.get("extensionsUsed") or []],
        "extras": sorted({*map(str, member(document, "extras")), *map(str, member(head, "extras"))}),
    }


def _files(path: Path, document: dict[str, Any]) -> tuple[list[Path], list[str], list[str]]:
    """The files beside a model that it needs, and the addresses that are missing, or lead elsewhere."""
    folder = path.parent.resolve()
    beside: dict[Path, None] = {}
    missing, elsewhere = [], []
    for one in (*_dicts(document.get("buffers")), *_dicts(document.get("images"))):
        address = one.get("uri")
        if not isinstance(address, str) or address.startswith("data:"):
            continue
        try:
            parts = urlsplit(address)
            file = (folder / unquote(parts.path)).resolve()
            if parts.scheme or parts.netloc or not file.is_relative_to(folder):
                elsewhere.append(address[:100])
            elif file.is_file():
                beside[file] = None
            else:
                missing.append(address[:100])
        except (ValueError, OSError):
            missing.append(address[:100])
    return sorted(beside), missing, elsewhere


def _dicts(value: Any) -> list[dict[str, Any]]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []
