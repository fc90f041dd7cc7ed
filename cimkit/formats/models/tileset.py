"""The tiles of a tileset, one after the other, those of tilesets inside it among them.

Addresses come from strangers: what leads out of the tileset's folder or to another host is
not followed but counted, a tileset that contains itself is read once, and there is a bound.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import numpy as np
from numpy.typing import NDArray

from cimkit.errors import SourceError
from cimkit.formats.json import stream as json_stream
from cimkit.formats.models import tile_content
from cimkit.formats.models.tile_content import member
from cimkit.formats.models.tile_volume import Volume, matrix, volume

MOST_TILES = 1_000_000
#: Contents of more tiles than this are counted, not opened.
MOST_OPENED = 20_000
_MOST_BYTES = 256 << 20
_MOST_TOLD = 5
_KINDS = {"b3dm", "i3dm", "pnts", "cmpt", "glb", "gltf", "vctr", "geom", "subtree", "json"}


@dataclass(frozen=True)
class Tile:
    """One tile: where it hangs in the tree, where it lies, and what is in it."""

    id: str
    parent_id: str | None
    level: int
    tileset: str
    geometric_error: float | None
    refine: str | None
    volume: Volume | None
    contents: tuple[str, ...]
    kinds: tuple[str, ...]
    bytes: int
    features: int | None
    implicit: bool


@dataclass(frozen=True)
class _Waiting:
    """A tile whose turn is still to come; ``raw`` is None for the root of a tileset that is not read yet."""

    raw: Any
    path: Path
    parent: str | None
    name: str
    level: int
    transform: NDArray[np.float64]
    refine: str | None


@dataclass
class Trouble:
    """Addresses that were not followed, by reason: the first few, and how many there are."""

    counts: dict[str, int] = field(default_factory=dict)
    examples: dict[str, list[str]] = field(default_factory=dict)

    def add(self, reason: str, what: str) -> None:
        self.counts[reason] = self.counts.get(reason, 0) + 1
        listed = self.examples.setdefault(reason, [])
        if len(listed) < _MOST_TOLD:
            listed.append(what)


def document(path: Path) -> dict[str, Any]:
    """A tileset's JSON.

    Raises:
        SourceError: it is too long, no JSON, or no tileset.
    """
    if path.stat().st_size > _MOST_BYTES:
        raise SourceError(f"{path} is a tileset of more than {_MOST_BYTES >> 20} MiB in one file.")
    found = json_stream.document(path)
    if not isinstance(found, dict) or not isinstance(found.get("root"), dict):
        raise SourceError(f"{path} is no tileset: it has no root tile.")
    return found


class Walk:
    """One way through all tiles. After it, ``files`` are those that belong to it, ``trouble`` what is missing."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._root = path.parent.resolve()
        self.files: dict[Path, None] = {}
        self.attributes: set[str] = set()
        self.trouble = Trouble()
        self.tilesets: list[dict[str, Any]] = []
        self._opened = 0

    def tiles(self) -> Iterator[Tile]:
        """Every tile, a parent before its children.

        Raises:
            SourceError: a tileset cannot be read, or there are too many tiles.
        """
        count = 0
        seen = {self._path.resolve()}
        stack = [_Waiting(self._tree(self._path), self._path, None, "0", 0, np.eye(4), None)]
        while stack:
            one = stack.pop()
            raw = one.raw
            if raw is None:  # a tileset inside, read when it is its turn
                try:
                    raw = self._tree(one.path)
                except SourceError as error:
                    self.trouble.add("damaged", f"{self._name(one.path)}: {error}")
                    continue
            if not isinstance(raw, dict):
                self.trouble.add("damaged", f"tile {one.name} of {self._name(one.path)} is no object")
                continue
            count += 1
            if count > MOST_TILES:
                raise SourceError(
                    f"{self._path} has more than {MOST_TILES:,} tiles.", hint="Name one of the tilesets inside it."
                )
            own = matrix(raw.get("transform"))
            here = one.transform @ own if own is not None else one.transform
            refine = raw["refine"].upper() if isinstance(raw.get("refine"), str) else one.refine
            contents, inner = self._contents(raw, one.path)
            yield self._tile(raw, one, refine, here, contents)
            below = []
            for number, file in enumerate(inner):
                if file not in seen:
                    seen.add(file)
                    below.append(_Waiting(None, file, one.name, f"{one.name}/t{number}", one.level + 1, here, refine))
            children = raw.get("children")
            for number, child in enumerate(children if isinstance(children, list) else []):
                raw_child = child if child is not None else False
                name = f"{one.name}/{number}"
                below.append(_Waiting(raw_child, one.path, one.name, name, one.level + 1, here, refine))
            stack += reversed(below)

    def _tree(self, path: Path) -> dict[str, Any]:
        """The root tile of a tileset; what else the tileset says goes to ``tilesets``."""
        found = document(path)
        self.tilesets.append({key: value for key, value in found.items() if key != "root"})
        self.files[path.resolve()] = None
        root: dict[str, Any] = found["root"]
        return root

    def _tile(
        self,
        raw: dict[str, Any],
        one: _Waiting,
        refine: str | None,
        transform: NDArray[np.float64],
        contents: list[tuple[str, Path | None]],
    ) -> Tile:
        kinds, size = [], 0
        features: int | None = None
        for address, file in contents:
            kind = Path(urlsplit(address).path).suffix.lower().lstrip(".")
            if file is not None:
                self.files[file] = None
                size += file.stat().st_size
                made = self._open(file) if kind != "json" else None
                if made is not None:
                    kind = made.kind
                    self.attributes |= made.attributes
                    if made.features is not None:
                        features = (features or 0) + made.features
            kinds.append(kind if kind in _KINDS else "other")
        error = raw.get("geometricError")
        return Tile(
            id=one.name,
            parent_id=one.parent,
            level=one.level,
            tileset=self._name(one.path),
            geometric_error=float(error) if isinstance(error, (int, float)) else None,
            refine=refine,
            volume=volume(raw.get("boundingVolume"), transform),
            contents=tuple(address for address, _ in contents),
            kinds=tuple(kinds),
            bytes=size,
            features=features,
            implicit="implicitTiling" in raw or "3DTILES_implicit_tiling" in member(raw, "extensions"),
        )

    def _open(self, file: Path) -> tile_content.Content | None:
        self._opened += 1
        if self._opened > MOST_OPENED:
            return None
        try:
            return tile_content.read(file)
        except (tile_content.DamagedTile, OSError) as error:
            self.trouble.add("damaged", f"{self._name(file)}: {error}")
            return None

    def _contents(self, raw: dict[str, Any], path: Path) -> tuple[list[tuple[str, Path | None]], list[Path]]:
        """The addresses of a tile's contents with their files, and which of those are tilesets."""
        given = [raw.get("content"), *(raw["contents"] if isinstance(raw.get("contents"), list) else [])]
        contents: list[tuple[str, Path | None]] = []
        inner = []
        for one in given:
            address = (one.get("uri") or one.get("url")) if isinstance(one, dict) else None
            if not isinstance(address, str) or not address:
                continue
            file = None if "{" in address else self._file(address, path)
            contents.append((address, file))
            if file is not None and file.suffix.lower() == ".json":
                inner.append(file)
        return contents, inner

    def _file(self, address: str, path: Path) -> Path | None:
        """The file of an address inside the tileset's folder; None, and noted, where it is none."""
        try:
            parts = urlsplit(address)
            if parts.scheme or parts.netloc:
                self.trouble.add("elsewhere", address[:100])
                return None
            file = (path.parent / unquote(parts.path)).resolve()
            if not file.is_relative_to(self._root):
                self.trouble.add("outside", address[:100])
                return None
            if not file.is_file():
                self.trouble.add("missing", address[:100])
                return None
        except (ValueError, OSError):
            self.trouble.add("missing", address[:100])
            return None
        return file

    def _name(self, path: Path) -> str:
        resolved = path.resolve()
        return resolved.relative_to(self._root).as_posix() if resolved.is_relative_to(self._root) else path.name
