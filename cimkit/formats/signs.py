"""How a file shows what it is: in its first bytes, in its names or in its root element. Imports nothing heavy."""

from __future__ import annotations

import re
from collections.abc import Callable

from cimkit.formats.json.shape import shape as json_shape
from cimkit.formats.probe import Probe, look

_DXF_OPENING = re.compile(rb"(?:\s*999[ \t]*\r?\n[^\n]*\n)*\s*0[ \t]*\r?\n[ \t]*SECTION\s")
#: A line of OPL is an object: its kind and id, then its version or other attributes (osmium's manual, "OPL format").
_OPL = re.compile(rb"[nwr]-?\d+ v\d+ d[VD] c\d+ ")
#: A DWG file begins with the release that wrote it: AC1015 is 2000, MC0.0 and AC1.2 are of the 1980s.
_DWG_OPENING = re.compile(rb"(?:AC1[0-9.]{3}|MC0\.|AC[12]\.)[0-9A-Za-z.]{0,2}\0*")


def is_geopackage(probe: Probe) -> bool:
    """A GeoPackage, by its application id or, since not all writers set it, its suffix."""
    # The application id stands at byte 68 (GeoPackage 1.3, requirement 2); not all writers set it.
    named = probe.head[68:72] in (b"GPKG", b"GP10", b"GP11") or probe.suffix == ".gpkg"
    return probe.head.startswith(b"SQLite format 3\0") and named


def is_catalog(probe: Probe) -> bool:
    """The folder of a cimkit catalog, by what is at its root; one thing may be missing where it was damaged."""
    names = ("catalog.json", "HEAD", "releases", "datasets")
    return probe.is_folder and sum((probe.path / name).exists() for name in names) >= len(names) - 1


def shaped(*shapes: str) -> Callable[[Probe], bool]:
    """Whether a JSON file has one of these shapes."""

    def sniff(probe: Probe) -> bool:
        return json_shape(probe) in shapes

    return sniff


def begins(*magics: bytes) -> Callable[[Probe], bool]:
    """Whether a file begins with one of these bytes."""
    return lambda probe: probe.head.startswith(magics)


def is_shapefile(probe: Probe) -> bool:
    """The .shp of a shapefile; its .shx begins alike."""
    return probe.head[:4] == b"\0\0\x27\x0a" and probe.suffix != ".shx"


def is_kml(probe: Probe) -> bool:
    """KML, or a zip whose document stands where viewers look for it; other zips with a .kml are archives."""
    if probe.members:
        documents = [name for name in probe.members if name.lower().endswith(".kml")]
        return "doc.kml" in documents or (probe.suffix == ".kmz" and bool(documents))
    return probe.xml_root == "kml"


def is_drawing(probe: Probe) -> bool:
    """A DXF file begins with a group code 0 and the word SECTION; a binary one says what it is."""
    opening = probe.head[:4096].removeprefix(b"\xef\xbb\xbf")
    return opening.startswith(b"AutoCAD Binary DXF\r\n\x1a\0") or _DXF_OPENING.match(opening) is not None


def is_geodatabase(probe: Probe) -> bool:
    return probe.is_folder and (probe.path / "a00000001.gdbtable").is_file()  # the table of tables


def is_gml(probe: Probe) -> bool:
    # CityGML says so in its namespaces, and has a reader of its own.
    if not probe.xml_root or b"opengis.net/gml" not in probe.head or b"opengis.net/citygml" in probe.head:
        return False
    return b"FeatureCollection" in probe.head or b"featureMember" in probe.head


def is_mapinfo_table(probe: Probe) -> bool:
    return probe.head[:64].lstrip().lower().startswith(b"!table")


def is_mapinfo_interchange(probe: Probe) -> bool:
    head = probe.head[:512].lstrip().lower()
    return bool(re.match(rb"version\s+\d+\s", head)) and b"columns" in probe.head[:65536].lower()


def is_citygml(probe: Probe) -> bool:
    """Whether the root element declares CityGML's namespace, whatever its name and prefix."""
    if probe.xml_root is None:
        return False
    text = re.sub(r"<!--.*?-->", "", probe.text, flags=re.DOTALL)
    root = re.search(r"<(?![?!])[^>]*>", text)
    searched = text if root is None or re.match(r"<(\w+:)?CityModel\b", root.group(0)) else root.group(0)
    return re.search(r"=\s*[\"']https?://www\.(?:opengis\.net|citygml\.org)/citygml/", searched) is not None


def is_tileset(probe: Probe) -> bool:
    if probe.is_folder:
        root = probe.path / "tileset.json"
        return root.is_file() and root.stat().st_size > 0 and is_tileset(look(root))
    return probe.text.startswith("{") and '"geometricError"' in probe.text and '"boundingVolume"' in probe.text


def is_gltf(probe: Probe) -> bool:
    if probe.head.startswith(b"glTF"):
        return True
    asset = re.search(r'"asset"\s*:\s*\{[^{}]*"version"', probe.text) if probe.text.startswith("{") else None
    return asset is not None and re.search(r'"(?:meshes|nodes|scenes|buffers)"\s*:\s*\[', probe.text) is not None


def is_osm(probe: Probe) -> bool:
    """OpenStreetMap XML or PBF."""
    return probe.xml_root == "osm" or b"OSMHeader" in probe.head[:64]


def is_o5m(probe: Probe) -> bool:
    """OpenStreetMap o5m or OPL."""
    return probe.head.startswith(b"\xff\xe0\x04o5m2") or _OPL.match(probe.head) is not None


def is_dwg(probe: Probe) -> bool:
    """A DWG drawing of any release."""
    return _DWG_OPENING.match(probe.head) is not None
