"""The error for a file that no reader knows: what it seems to be, and what to do about it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from cimkit.errors import SourceError
from cimkit.formats.json.shape import shape as json_shape
from cimkit.formats.probe import Probe

if TYPE_CHECKING:
    from cimkit.formats.registry import Format

#: What a file may be that no reader here knows, by its first bytes, with what to do about it.
_STRANGERS: tuple[tuple[bytes, str, str], ...] = (
    (b"%PDF", "a PDF document", "Ask for the data behind it."),
    (b"\xd0\xcf\x11\xe0", "an old or password-protected Office file", "Save it as a plain .xlsx."),
    (b"SQLite format 3\0", "an SQLite database that is no GeoPackage", "Export the tables to GeoPackage."),
    (b"AC10", "a DWG drawing", "Convert it to DXF or GeoPackage first."),
    (b"\0\0\x27\x0a", "the index of a shapefile", "Name the .shp file."),
    (b"Rar!", "a RAR archive", "Unpack it first, or ask for a zip."),
    (b"7z\xbc\xaf", "a 7-Zip archive", "Unpack it first, or ask for a zip."),
    (b"\x28\xb5\x2f\xfd", "a Zstandard archive", "Unpack it first, or ask for a zip."),
)

#: What an XML file may be that no reader here knows, by its root element.
_XML: dict[str, tuple[str, str]] = {
    "ifcXML": ("an IFC model as XML", "Export it as .ifc (STEP) from the program that made it."),
    "iso_10303_28": ("an IFC or STEP model as XML", "Export it as .ifc (STEP) from the program that made it."),
    "Dictionary": ("a GML dictionary, as of a code list", "Name the CityGML file that points at it, or the folder."),
    "html": ("a web page", "Was an error page saved in place of the file? Download it again."),
    "VRTDataset": ("a GDAL virtual raster, which only points at other files", "Name the rasters that it points at."),
}


def stranger(probe: Probe, formats: Mapping[str, Format]) -> SourceError:
    """The error for a file that no reader knows, saying what it seems to be."""
    if probe.is_folder:
        return SourceError(f"{probe.path} is a folder in which there is nothing that cimkit reads.")
    for magic, what, advice in _STRANGERS:
        if probe.head.startswith(magic):
            return SourceError(f"{probe.path} is {what}, which cimkit cannot read.", hint=advice)
    if probe.members:
        listed = ", ".join(probe.members[:5]) + (", …" if len(probe.members) > 5 else "")
        return SourceError(
            f"{probe.path} is a document packed as a zip, of {listed}.", hint="Ask for the data behind it."
        )
    if probe.head.startswith(b"PK\x03\x04"):
        return SourceError(f"{probe.path} is a zip archive that is damaged.", hint="Was it copied to the end?")
    if probe.xml_root in _XML:
        what, advice = _XML[probe.xml_root]
        return SourceError(f"{probe.path} is {what}, which cimkit cannot read.", hint=advice)
    if probe.xml_root:
        return SourceError(
            f"{probe.path} is XML with the root <{probe.xml_root}>, which cimkit cannot read.",
            hint="Export it as GML, KML or GeoPackage from the program that made it.",
        )
    document = json_shape(probe)
    if document:
        return SourceError(f"{probe.path} is {document}, which is not read yet.", hint="Convert it to GeoJSON.")
    shape = "a text file" if probe.is_text else "binary"
    promised = [format.title for format in formats.values() if probe.suffix in format.suffixes]
    if promised:
        return SourceError(
            f"{probe.path} is {shape}, and not what its name says ({' or '.join(promised)}).",
            hint="Open it in a text editor, or ask whoever sent it what it is.",
        )
    unknown = "of unknown shape" if probe.is_text else "and nothing cimkit knows"
    return SourceError(
        f"{probe.path} is {shape} {unknown} ({probe.suffix or 'no suffix'}).",
        hint="'cimkit formats' lists what can be read.",
    )
