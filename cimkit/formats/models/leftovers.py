"""Files of a delivery that no reader knows: reports, photographs, archives, drawings. Listed, not read.

What a file is stands in its first bytes; the suffix decides only where they are silent.
"""

from __future__ import annotations

from pathlib import Path, PurePosixPath
from typing import Literal

from cimkit.errors import SourceError
from cimkit.model import Asset, Evidence, Hint

Kind = Literal["image", "document", "archive", "model", "other"]

NO_GEOMETRY = Evidence(None, "no geometry", 1.0)

_HEAD_BYTES = 4096
_PLACE_OF_TAR = 257

#: First bytes -> what the file is. A zip and an OLE file may be many things, which the suffix tells.
_MAGIC: tuple[tuple[bytes, Kind, str], ...] = (
    (b"%PDF-", "document", "PDF document"),
    (b"{\\rtf", "document", "RTF document"),
    (b"\x89PNG\r\n\x1a\n", "image", "PNG image"),
    (b"\xff\xd8\xff", "image", "JPEG image"),
    (b"GIF87a", "image", "GIF image"),
    (b"GIF89a", "image", "GIF image"),
    (b"II*\0", "image", "TIFF image"),
    (b"MM\0*", "image", "TIFF image"),
    (b"II+\0", "image", "TIFF image"),
    (b"MM\0+", "image", "TIFF image"),
    (b"8BPS", "image", "Photoshop image"),
    (b"Rar!\x1a\x07", "archive", "RAR archive"),
    (b"7z\xbc\xaf\x27\x1c", "archive", "7-Zip archive"),
    (b"\x1f\x8b", "archive", "gzip archive"),
    (b"BZh", "archive", "bzip2 archive"),
    (b"\xfd7zXZ\0", "archive", "xz archive"),
    (b"\x28\xb5\x2f\xfd", "archive", "Zstandard archive"),
    (b"Kaydara FBX Binary", "model", "FBX model"),
    (b"glTF", "model", "glTF model"),
    (b"ISO-10303-21", "model", "STEP model"),
    (b"AC10", "model", "DWG drawing"),
    (b"ply\n", "model", "PLY model"),
    (b"ply\r", "model", "PLY model"),
)
_ZIPPED = b"PK\x03\x04"
_EMPTY_ZIP = b"PK\x05\x06"
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"

#: Suffix -> what the file is, for zips, OLE files, and files whose first bytes say nothing.
_SUFFIXES: dict[str, tuple[Kind, str]] = {
    ".docx": ("document", "Word document"),
    ".doc": ("document", "Word document"),
    ".wps": ("document", "WPS document"),
    ".odt": ("document", "OpenDocument text"),
    ".pptx": ("document", "PowerPoint presentation"),
    ".ppt": ("document", "PowerPoint presentation"),
    ".odp": ("document", "OpenDocument presentation"),
    ".xlsx": ("document", "Excel workbook"),
    ".xls": ("document", "Excel workbook"),
    ".vsd": ("document", "Visio drawing"),
    ".vsdx": ("document", "Visio drawing"),
    ".ofd": ("document", "OFD document"),
    ".epub": ("document", "EPUB document"),
    ".txt": ("document", "plain text"),
    ".md": ("document", "Markdown text"),
    ".rst": ("document", "plain text"),
    ".log": ("document", "log file"),
    ".htm": ("document", "HTML document"),
    ".html": ("document", "HTML document"),
    ".xml": ("document", "XML document"),
    ".xsd": ("document", "XML schema"),
    ".xsl": ("document", "XSLT stylesheet"),
    ".sld": ("document", "map style"),
    ".qml": ("document", "map style"),
    ".lyr": ("document", "map style"),
    ".lyrx": ("document", "map style"),
    ".qgs": ("document", "QGIS project"),
    ".qgz": ("document", "QGIS project"),
    ".mxd": ("document", "ArcMap project"),
    ".aprx": ("document", "ArcGIS Pro project"),
    ".svg": ("image", "SVG image"),
    ".bmp": ("image", "BMP image"),
    ".webp": ("image", "WebP image"),
    ".ecw": ("image", "ECW image"),
    ".sid": ("image", "MrSID image"),
    ".tar": ("archive", "tar archive"),
    ".zip": ("archive", "zip archive"),
    ".jar": ("archive", "zip archive"),
    ".obj": ("model", "OBJ model"),
    ".mtl": ("model", "OBJ materials"),
    ".stl": ("model", "STL model"),
    ".dae": ("model", "COLLADA model"),
    ".fbx": ("model", "FBX model"),
    ".3ds": ("model", "3DS model"),
    ".max": ("model", "3ds Max model"),
    ".skp": ("model", "SketchUp model"),
    ".rvt": ("model", "Revit model"),
    ".rfa": ("model", "Revit family"),
    ".dgn": ("model", "DGN drawing"),
    ".dwg": ("model", "DWG drawing"),
    ".dxf": ("model", "DXF drawing"),
    ".ply": ("model", "PLY model"),
    ".osgb": ("model", "OSGB model"),
    ".s3c": ("model", "ContextCapture model"),
    ".nwd": ("model", "Navisworks model"),
}


def leftover(path: Path, shown: str) -> Asset:
    """The asset for a file that no reader knows; only its first bytes are read.

    Args:
        path: where the file is, perhaps unpacked into a temporary folder.
        shown: how the user would call it ("delivery.zip/reports/summary.pdf").

    Raises:
        SourceError: the file cannot be read.
    """
    try:
        size = path.stat().st_size
        with path.open("rb") as handle:
            head = handle.read(_HEAD_BYTES)
    except OSError as error:
        raise SourceError(f"{shown} cannot be read: {error.strerror}.") from error
    kind, what = _what(head, Path(shown).suffix.lower())
    hints = () if size else (Hint("asset.empty", "The file is empty (0 bytes)."),)
    name = PurePosixPath(shown.replace("\\", "/")).name or shown
    return Asset(name, kind, shown, size, NO_GEOMETRY, None, None, {"what": what}, hints)


def _what(head: bytes, suffix: str) -> tuple[Kind, str]:
    for magic, kind, what in _MAGIC:
        if head.startswith(magic):
            return kind, what
    if head[_PLACE_OF_TAR : _PLACE_OF_TAR + 5] == b"ustar":
        return "archive", "tar archive"
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "image", "WebP image"
    if head.startswith(_ZIPPED):
        return _SUFFIXES.get(suffix, ("archive", "zip archive"))
    if head.startswith(_EMPTY_ZIP):
        return "archive", "empty zip archive"
    if head.startswith(_OLE):
        return _SUFFIXES.get(suffix, ("document", "old Office document"))
    if suffix in _SUFFIXES and head:
        return _SUFFIXES[suffix]
    if not head:
        return "other", "empty file"
    return "other", "text of unknown kind" if b"\0" not in head else "binary of unknown kind"
