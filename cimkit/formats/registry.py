"""Which formats there are, and how a file shows that it is one: one entry per family.

The format matrix of the documentation is made from :data:`FORMATS` and from the profiles of
its writers, so it cannot say what is not so.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from importlib import import_module
from pathlib import Path
from typing import Protocol

import pyarrow as pa

from cimkit import crs as crs_names
from cimkit import text
from cimkit.errors import UsageError
from cimkit.formats.dataset import Dataset
from cimkit.formats.evidence import evidence
from cimkit.formats.json.sensors import is_ngsi, is_sensorthings
from cimkit.formats.probe import Probe, look
from cimkit.formats.profile import Order, Profile
from cimkit.formats.salvage import Mend, salvaged
from cimkit.formats.signs import (
    begins,
    is_catalog,
    is_citygml,
    is_drawing,
    is_dwg,
    is_geodatabase,
    is_geopackage,
    is_gltf,
    is_gml,
    is_kml,
    is_mapinfo_interchange,
    is_mapinfo_table,
    is_o5m,
    is_osm,
    is_shapefile,
    is_tileset,
    shaped,
)
from cimkit.formats.strangers import stranger
from cimkit.formats.tables.arrow_sniff import is_arrow
from cimkit.formats.tables.csv_sniff import is_text_table
from cimkit.formats.tables.dbase_sniff import is_dbase
from cimkit.formats.tables.gtfs_reference import is_gtfs
from cimkit.formats.tables.workbook import is_ods, is_xls, is_xlsb
from cimkit.model import Seen


@dataclass(frozen=True)
class Wishes:
    """What the user said about a source, against what the file says: canonical names, or None.

    ``salvage`` asks for every readable record of a damaged file; what cannot be read is then
    told in ``Stream.rejected`` instead of ending the reading. ``records`` asks for JSON as it is
    written, where a null is not the same as nothing.
    """

    encoding: str | None = None
    crs: str | None = None
    salvage: bool = False
    records: bool = False


class Reader(Protocol):
    """What the module offers that reads a format."""

    def layers(self, probe: Probe, format: str, wishes: Wishes) -> Dataset: ...


class Writer(Protocol):
    """What the module offers that writes a format: what it can hold, and the writing of one layer."""

    PROFILE: Profile

    def write(self, reader: pa.RecordBatchReader, path: Path, order: Order) -> None: ...


@dataclass(frozen=True)
class Format:
    """One format: how it is recognised, and the modules that read and write it (imported when needed).

    ``module`` and ``writer`` are modules below :mod:`cimkit.formats`; ``writes`` the suffixes
    a target may have; ``extra`` the extra of the package that reading needs; ``mend`` says how
    a damaged file is mended, where the module does not salvage by itself.
    """

    title: str
    suffixes: tuple[str, ...]
    module: str | None = None
    sniff: Callable[[Probe], bool] | None = None
    writer: str | None = None
    writes: tuple[str, ...] = ()
    extra: str | None = None
    mend: Mend | None = None

    def read(self, probe: Probe, name: str, wishes: Wishes) -> Dataset:
        reader: Reader = import_module(f"cimkit.formats.{self.module}")
        if wishes.salvage and self.mend is not None:
            return salvaged(self.mend, probe, lambda each: reader.layers(each, name, wishes))
        return reader.layers(probe, name, wishes)

    def writing(self) -> Writer:
        writer: Writer = import_module(f"cimkit.formats.{self.writer}")
        return writer


#: Every format by name. Order matters only where two could take the same bytes.
FORMATS: dict[str, Format] = {
    "ESRI Shapefile": Format(
        "Shapefile",
        (".shp",),
        "gdal.shapefile",
        is_shapefile,
        "gdal.shapefile_write",
        (".shp",),
        mend=Mend("shapes"),
    ),
    "GPKG": Format(
        "GeoPackage",
        (".gpkg",),
        "gdal.geopackage",
        is_geopackage,
        "gdal.geopackage_write",
        (".gpkg",),
        mend=Mend("sqlite"),
    ),
    "FlatGeobuf": Format(
        "FlatGeobuf",
        (".fgb",),
        "gdal.flatgeobuf",
        lambda p: p.head.startswith(b"fgb"),
        "gdal.flatgeobuf_write",
        (".fgb",),
    ),
    "FileGDB": Format(
        "ESRI File Geodatabase",
        (".gdb",),
        "gdal.filegdb",
        is_geodatabase,
        "gdal.filegdb_write",
        (".gdb",),
    ),
    "SQLite": Format(
        "SpatiaLite, SQLite",
        (".sqlite", ".db", ".sqlite3", ".spatialite"),
        "gdal.spatialite",
        lambda p: p.head.startswith(b"SQLite format 3\0"),
        "gdal.spatialite_write",
        (".sqlite", ".spatialite"),
    ),
    "GML": Format(
        "GML 2, GML 3",
        (".gml", ".xml"),
        "gdal.gml",
        is_gml,
        "gdal.gml_write",
        (".gml",),
        mend=Mend("elements", ("featureMember", "member")),
    ),
    "MapInfo TAB": Format("MapInfo TAB", (".tab",), "gdal.mapinfo", is_mapinfo_table, "gdal.mapinfo_write", (".tab",)),
    "MapInfo MIF": Format(
        "MapInfo MIF/MID", (".mif",), "gdal.mapinfo", is_mapinfo_interchange, "gdal.mif_write", (".mif",)
    ),
    "KML": Format("KML, KMZ", (".kml", ".kmz"), "kml.read", is_kml, "kml.write", (".kml", ".kmz")),
    "OSM": Format(
        "OpenStreetMap XML, PBF",
        (".osm", ".pbf"),
        "gdal.osm",
        is_osm,
        mend=Mend("osm", ("node", "way", "relation")),
    ),
    "OSM o5m": Format(
        "OpenStreetMap o5m, OPL",
        (".o5m", ".opl"),
        "gdal.o5m",
        is_o5m,
        extra="osm",
    ),
    "Parquet": Format(
        "GeoParquet, Parquet",
        (".parquet", ".geoparquet"),
        "tables.geoparquet",
        lambda p: p.head.startswith(b"PAR1"),
        "tables.geoparquet_write",
        (".parquet", ".geoparquet"),
    ),
    "Arrow": Format(
        "Arrow IPC, Feather",
        (".arrow", ".feather", ".arrows", ".ipc"),
        "tables.arrow_ipc",
        is_arrow,
        "tables.arrow_ipc_write",
        (".arrow", ".feather", ".arrows"),
    ),
    "GTFS": Format("GTFS timetable", (".zip",), "tables.gtfs", is_gtfs),
    "dBase": Format("dBase table", (".dbf",), "tables.dbase", is_dbase),
    "XLSX": Format(
        "Excel workbook",
        (".xlsx", ".xlsm"),
        "tables.xlsx",
        lambda p: "xl/workbook.xml" in p.members,
        "tables.xlsx_write",
        (".xlsx",),
    ),
    "XLS": Format("Excel 97–2003 workbook", (".xls",), "tables.xls_ods", is_xls),
    "XLSB": Format("Excel binary workbook", (".xlsb",), "tables.xls_ods", is_xlsb),
    "ODS": Format("OpenDocument spreadsheet", (".ods",), "tables.xls_ods", is_ods),
    "3D Tiles": Format("3D Tiles", (), "models.tiles3d", is_tileset),
    "glTF": Format("glTF, GLB model", (".gltf", ".glb"), "models.gltf", is_gltf),
    "GeoJSON": Format(
        "GeoJSON",
        (".geojson",),
        "json.geojson",
        shaped("geojson"),
        "json.geojson_write",
        (".geojson", ".json"),
        mend=Mend("json_values"),
    ),
    "GeoJSONSeq": Format(
        "GeoJSON text sequence",
        (".geojsonl", ".geojsons"),
        "json.geojson",
        shaped("geojson lines"),
        "json.geojsonseq_write",
        (".geojsonl", ".geojsons"),
        mend=Mend("json_values"),
    ),
    "TopoJSON": Format("TopoJSON", (".topojson", ".json"), "json.topojson", shaped("TopoJSON")),
    "ESRI JSON": Format("ESRI JSON (feature service)", (".json",), "json.esrijson", shaped("ESRI JSON")),
    "SensorThings": Format("OGC SensorThings answer", (".json",), "json.sensorthings", is_sensorthings),
    "NGSI": Format("NGSI-LD, NGSI v2 entities", (".jsonld", ".json"), "json.ngsi_ld", is_ngsi),
    "JSON": Format("JSON records", (".json",), "json.records", shaped("array", "value"), mend=Mend("json_values")),
    "JSONL": Format("JSON lines", (".jsonl", ".ndjson"), "json.records", shaped("lines"), mend=Mend("json_values")),
    "CityGML": Format("CityGML 1, 2, 3", (".gml", ".xml"), "models.citygml", is_citygml),
    "CityJSON": Format("CityJSON 1.0, 1.1, 2.0", (".json",), "models.cityjson", shaped("CityJSON")),
    "CityJSONSeq": Format("CityJSON text sequence", (".jsonl",), "models.cityjson", shaped("CityJSON lines")),
    "IFC": Format("IFC building model", (".ifc",), "models.ifc", begins(b"ISO-10303-21"), extra="ifc"),
    "LAS": Format(
        "LAS, LAZ, COPC point cloud", (".las", ".laz"), "models.pointcloud", begins(b"LASF"), extra="pointcloud"
    ),
    "GeoTIFF": Format(
        "GeoTIFF, COG",
        (".tif", ".tiff"),
        "models.raster",
        begins(b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"),
        extra="raster",
    ),
    "PNG": Format("PNG image", (".png",), "models.raster", begins(b"\x89PNG\r\n\x1a\n"), extra="raster"),
    "JPEG": Format("JPEG image", (".jpg", ".jpeg"), "models.raster", begins(b"\xff\xd8\xff"), extra="raster"),
    "JPEG 2000": Format(
        "JPEG 2000", (".jp2", ".j2k"), "models.raster", begins(b"\0\0\0\x0cjP  ", b"\xff\x4f\xff\x51"), extra="raster"
    ),
    "ASCII grid": Format(
        "Arc/Info ASCII grid",
        (".asc",),
        "models.raster",
        lambda p: p.text[:6].lower().split() == ["ncols"],
        extra="raster",
    ),
    "Erdas Imagine": Format("Erdas Imagine", (".img",), "models.raster", begins(b"EHFA_HEADER_TAG"), extra="raster"),
    "CSV": Format(
        "Delimited text",
        (".csv", ".tsv", ".tab", ".psv", ".txt", ".dat"),
        "tables.csv",
        is_text_table,
        "tables.csv_write",
        (".csv",),
    ),
    "DXF": Format("AutoCAD DXF, text or binary", (".dxf",), "models.dxf", is_drawing, extra="dxf"),
    "DWG": Format("AutoCAD DWG (2000)", (".dwg",), "models.dwg", is_dwg),
    "Catalog": Format("cimkit catalog", (), "catalog_folder", is_catalog),
    # What no other format claims; these two come last.
    "Archive": Format(
        "Zip, tar, gzip of files",
        (".zip", ".tar", ".tgz", ".gz", ".bz2", ".xz"),
        "archives",
        lambda p: p.archive is not None,
    ),
    "Folder": Format("Folder of files", (), "folders", lambda p: p.is_folder),
}


#: JSON that is read for what it describes rather than record by record.
_DESCRIBED = ("SensorThings", "NGSI")


def writable() -> dict[str, str]:
    """The name of the format that each suffix of a target names."""
    return {suffix: name for name, format in FORMATS.items() for suffix in format.writes}


def open(
    source: str | Path,
    *,
    encoding: str | None = None,
    crs: str | None = None,
    salvage: bool = False,
    records: bool = False,
) -> Dataset:
    """Open a file, folder or zip, finding its format by its content.

    Args:
        source: the path of a file or folder. It is only read, and nothing is written beside it.
        encoding: the character encoding, against what the file says (Shapefile, CSV, DXF, MapInfo).
        crs: the CRS, against what the file says ("EPSG:4547", WKT, "GCJ-02").
        salvage: read what can be read of a damaged file, and say what cannot.
        records: take JSON for the records it holds, not for the devices and observations they describe.

    Raises:
        SourceError: the file cannot be read; the message says why and the hint what to try.
        UsageError: the encoding or the CRS is unknown.
    """
    wishes = Wishes(_known_encoding(encoding), crs_names.canonical(crs) if crs else None, salvage, records)
    among = tuple(name for name in FORMATS if name not in _DESCRIBED) if records else None
    return read(look(Path(source)), wishes, among)


def read(probe: Probe, wishes: Wishes, among: Sequence[str] | None = None) -> Dataset:
    """The dataset that a probe shows, read by the first format that knows it.

    Raises:
        SourceError: no format knows it, or the one that does cannot read it.
    """
    name = recognised(probe, among)
    if name is None:
        raise stranger(probe, FORMATS)
    dataset = FORMATS[name].read(probe, name, wishes)
    return dataset if dataset.seen else replace(dataset, seen=(_seen(probe, name, dataset),))


def _seen(probe: Probe, name: str, dataset: Dataset) -> Seen:
    """What a file was taken for, and why."""
    layers = tuple(layer.name for layer in dataset.layers)
    return Seen(str(probe.path), name, evidence(probe), layers, tuple(asset.name for asset in dataset.assets))


def recognised(probe: Probe, among: Sequence[str] | None = None) -> str | None:
    """The name of the first format that knows what a probe shows; None where none does."""
    for name in among or FORMATS:
        sniff = FORMATS[name].sniff
        if sniff is not None and sniff(probe):
            return name
    return None


def _known_encoding(encoding: str | None) -> str | None:
    if encoding is None:
        return None
    known = text.named(encoding.removesuffix("-sig"))  # Python's name for UTF-8 with a byte order mark
    if known is None:
        raise UsageError(
            f"There is no character encoding '{encoding}'.", hint="For example UTF-8, GB18030, Big5, windows-1252."
        )
    return known
