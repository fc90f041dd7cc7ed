"""A folder as it was delivered: which of its files stand for themselves, and which belong to another.

A shapefile is five files or more, a raster has its world file, a GML its schema. What hides
(``.DS_Store``), locks or caches is left out, and links are followed only where they stay inside.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from cimkit.errors import SourceError
from cimkit.formats.dataset import Dataset
from cimkit.formats.probe import MOST_FILES, Probe
from cimkit.formats.registry import Wishes

_LEFT_OUT = {"__macosx", "thumbs.db", "desktop.ini", "$recycle.bin", "@eadir", "system volume information"}
_LEFT_OUT_STARTS = (".", "~$")
_LEFT_OUT_ENDS = (".lock", "~")

_WORLD = (".wld", ".prj", ".ovr", ".rrd", ".aux", ".hdr", ".clr", ".stx")
#: Suffix of a main file -> what may stand for its suffix in files that belong to it.
_SIDECARS: dict[str, tuple[str, ...]] = {
    ".shp": (
        ".shx", ".dbf", ".prj", ".cpg", ".qpj", ".sbn", ".sbx", ".qix", ".fix", ".fbn", ".fbx", ".ain", ".aih",
        ".ixs", ".mxs", ".idm", ".ind", ".cst",
    ),
    ".tab": (".dat", ".map", ".id", ".ind"),
    ".mif": (".mid",),
    ".dxf": (".prj",),
    ".gml": (".xsd", ".gfs"),
    ".tif": (".tfw", ".tifw", *_WORLD),
    ".tiff": (".tfw", ".tifw", ".tiffw", *_WORLD),
    ".jpg": (".jgw", ".jpgw", *_WORLD),
    ".jpeg": (".jgw", ".jpegw", *_WORLD),
    ".png": (".pgw", ".pngw", *_WORLD),
    ".jp2": (".j2w", *_WORLD),
    ".bmp": (".bpw", ".bmpw", *_WORLD),
    ".img": (".ige", *_WORLD),
    ".asc": (".prj",),
    ".bil": _WORLD,
    ".csv": (".csvt", ".prj"),
    ".las": (".lax", ".prj"),
    ".laz": (".lax", ".prj"),
    ".obj": (".mtl",),
}  # fmt: skip
#: What is put behind the whole name of any file.
_APPENDED = (".xml", ".aux.xml", ".ovr", ".msk", "-wal", "-shm", "-journal")
_ATTRIBUTE_INDEX = ".atx"


@dataclass(frozen=True)
class Entry:
    """A file that stands for itself, or a folder (``is_folder``); ``path`` is relative, with "/" between folders."""

    path: str
    is_folder: bool = False
    sidecars: tuple[str, ...] = ()


@dataclass
class Walk:
    """What a walk over a folder has met besides its entries: files left out, and links that lead out of it."""

    root: Path
    left_out: list[str] = field(default_factory=list)
    links: list[str] = field(default_factory=list)
    files: int = 0

    def entries(self, folder: str = "") -> Iterator[Entry]:
        """The folders and then the files of one folder, sorted by name; ``folder`` is "" or ends with "/".

        Raises:
            SourceError: there are too many files in all.
        """
        folders: list[str] = []
        files: list[str] = []
        for name, is_folder in self._listed(folder):
            path = folder + name
            if self._is_left_out(name):
                self.left_out.append(path)
            elif self._leads_out(path, is_folder):
                self.links.append(path)
            else:
                (folders if is_folder else files).append(name)
        self.files += len(files)
        if self.files > MOST_FILES:
            raise SourceError(f"{self.root} holds more than {MOST_FILES:,} files.", hint="Name a folder in it.")
        yield from (Entry(folder + name, is_folder=True) for name in folders)
        mains = _owners(files)
        for name in files:
            if name in mains:
                yield Entry(folder + name, sidecars=tuple(mains[name]))

    def _listed(self, folder: str) -> list[tuple[str, bool]]:
        try:
            with os.scandir(self.root / folder) as found:
                return sorted((each.name, each.is_dir()) for each in found)
        except OSError as error:
            raise SourceError(f"{self.root / folder} cannot be read: {error.strerror}.") from error

    def _is_left_out(self, name: str) -> bool:
        plain = name.casefold()
        return plain in _LEFT_OUT or plain.startswith(_LEFT_OUT_STARTS) or plain.endswith(_LEFT_OUT_ENDS)

    def _leads_out(self, path: str, is_folder: bool) -> bool:
        """Whether it is a link out of the folder, into nothing, or to a folder, which may be a loop."""
        full = self.root / path
        if not full.is_symlink():
            return False
        return is_folder or not full.exists() or not full.resolve().is_relative_to(self.root.resolve())


def _owners(files: list[str]) -> dict[str, list[str]]:
    """The files of one folder that stand for themselves, each with those that belong to it."""
    known = {name.casefold(): name for name in files}
    owned = {name: owner for name in files if (owner := _owner(name.casefold(), known)) is not None}
    mains: dict[str, list[str]] = {name: [] for name in files if name not in owned}
    for name, owner in owned.items():
        while owner in owned:  # x.shp.xml.ovr belongs to x.shp
            owner = owned[owner]
        mains[owner].append(name)
    return mains


def _owner(name: str, known: dict[str, str]) -> str | None:
    for at, character in enumerate(name):
        if character not in ".-" or not at:
            continue
        before, rest = name[:at], name[at:]
        if rest in _APPENDED and before in known:
            return known[before]
        for suffix, sidecars in _SIDECARS.items():
            index = suffix == ".shp" and rest.endswith(_ATTRIBUTE_INDEX)
            if (rest in sidecars or index) and before + suffix in known:
                return known[before + suffix]
    return None


def layers(probe: Probe, format: str, wishes: Wishes) -> Dataset:
    """What is in a folder: every file that a reader knows, and the rest by its name."""
    from cimkit.formats.collection import Place, collect  # which walks over folders

    return collect(Place(probe.path, str(probe.path)), format, wishes)
