"""One small, whole file of every format that is read, made by another library than cimkit's own readers."""

from __future__ import annotations

import json
import struct
import tarfile
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path

import geopandas
import numpy as np
import pandas as pd
import pyarrow as pa
import pyogrio
from formats_archives import TABLE, tar_of
from formats_sources import dbf_bytes
from shapely.geometry import Point, Polygon

ROWS = 12


def frame() -> geopandas.GeoDataFrame:
    places = [Point(121.4 + i / 100, 31.2 + i / 100).buffer(0.001) for i in range(ROWS)]
    columns = {
        "code": [f"0{i:02}" for i in range(ROWS)],
        "name": [f"建筑{i}" for i in range(ROWS)],
        "height": np.arange(ROWS) / 2,
    }
    return geopandas.GeoDataFrame(columns, geometry=places, crs=4326)


def _gdal(driver: str, **options: object) -> Callable[[Path], None]:
    def make(path: Path) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            pyogrio.write_dataframe(frame(), path, driver=driver, **options)

    return make


def _sheet(driver: str) -> Callable[[Path], None]:
    def make(path: Path) -> None:
        pyogrio.write_dataframe(pd.DataFrame(frame().drop(columns="geometry")), path, driver=driver)

    return make


def _ods(path: Path) -> None:
    rows = [["code", "name"], *([f"0{i}", f"建筑{i}"] for i in range(ROWS))]
    cells = "".join(
        "<table:table-row>"
        + "".join(f'<table:table-cell office:value-type="string"><text:p>{c}</text:p></table:table-cell>' for c in row)
        + "</table:table-row>"
        for row in rows
    )
    names = "".join(f' xmlns:{n}="urn:oasis:names:tc:opendocument:xmlns:{n}:1.0"' for n in ("office", "table", "text"))
    content = (
        f'<?xml version="1.0" encoding="UTF-8"?><office:document-content{names} office:version="1.2"><office:body>'
        f'<office:spreadsheet><table:table table:name="表">{cells}</table:table></office:spreadsheet></office:body>'
        "</office:document-content>"
    )
    kind = "application/vnd.oasis.opendocument.spreadsheet"
    manifest = (
        '<manifest:manifest xmlns:manifest="urn:oasis:names:tc:opendocument:xmlns:manifest:1.0">'
        f'<manifest:file-entry manifest:full-path="/" manifest:media-type="{kind}"/></manifest:manifest>'
    )
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("mimetype", kind)
        archive.writestr("META-INF/manifest.xml", manifest)
        archive.writestr("content.xml", content)


def _text(text: str, encoding: str = "utf-8") -> Callable[[Path], None]:
    return lambda path: path.write_text(text, encoding=encoding) and None


def _json(value: object) -> Callable[[Path], None]:
    return _text(json.dumps(value, ensure_ascii=False))


def _jsonl(values: list[object]) -> Callable[[Path], None]:
    return _text("".join(json.dumps(value, ensure_ascii=False) + "\n" for value in values))


def _kmz(path: Path) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("doc.kml", KML)


def _gtfs(path: Path) -> None:
    files = {
        "agency.txt": "agency_id,agency_name,agency_url,agency_timezone\n1,A,http://a,Asia/Shanghai\n",
        "stops.txt": "stop_id,stop_name,stop_lat,stop_lon\ns1,站,31.2,121.4\ns2,B,31.3,121.5\n",
        "routes.txt": "route_id,agency_id,route_short_name,route_long_name,route_type\nr1,1,1,One,3\n",
        "trips.txt": "route_id,service_id,trip_id\nr1,c1,t1\n",
        "stop_times.txt": "trip_id,arrival_time,departure_time,stop_id,stop_sequence\n"
        "t1,08:00:00,08:00:00,s1,1\nt1,08:10:00,08:10:00,s2,2\n",
        "calendar.txt": "service_id,monday,tuesday,wednesday,thursday,friday,saturday,sunday,start_date,end_date\n"
        "c1,1,1,1,1,1,0,0,20240101,20241231\n",
    }
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in files.items():
            archive.writestr(name, text)


def _parquet(path: Path) -> None:
    frame().to_parquet(path)


def _arrow(path: Path) -> None:
    table = pa.table(frame().to_arrow(geometry_encoding="WKB"))
    with pa.ipc.new_file(path, table.schema) as writer:
        writer.write_table(table)


def _pbf(path: Path) -> None:
    import osmium

    writer = osmium.SimpleWriter(str(path))
    try:
        for number in range(1, ROWS + 1):
            place = (121.4 + number / 100, 31.2)
            writer.add_node(osmium.osm.mutable.Node(id=number, location=place, tags={"name": f"点{number}"}))
        writer.add_way(osmium.osm.mutable.Way(id=1, nodes=list(range(1, ROWS + 1)), tags={"highway": "residential"}))
    finally:
        writer.close()


def _las(path: Path) -> None:
    import laspy

    header = laspy.LasHeader(point_format=3, version="1.4")
    header.offsets, header.scales = np.array([0.0, 0.0, 0.0]), np.array([0.01, 0.01, 0.01])
    cloud = laspy.LasData(header)
    cloud.x, cloud.y, cloud.z = np.arange(200) + 350000.0, np.arange(200) + 3450000.0, np.arange(200) / 10
    cloud.write(path)


def _raster(driver: str, kind: str = "uint8", bands: int = 1) -> Callable[[Path], None]:
    def make(path: Path) -> None:
        import rasterio
        from rasterio.transform import from_origin

        values = (np.arange(bands * 64 * 48).reshape(bands, 48, 64) % 251).astype(kind)
        placed = {"crs": "EPSG:4549", "transform": from_origin(350000, 3450000, 2, 2)}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with rasterio.open(
                path, "w", driver=driver, width=64, height=48, count=bands, dtype=kind, **placed
            ) as target:
                target.write(values)

    return make


def _ascii_grid(path: Path) -> None:
    rows = "\n".join(" ".join(str(r * 8 + c) for c in range(8)) for r in range(6))
    path.write_text(f"ncols 8\nnrows 6\nxllcorner 350000\nyllcorner 3450000\ncellsize 2\nNODATA_value -9999\n{rows}\n")


def _dxf(path: Path) -> None:
    import ezdxf

    drawing = ezdxf.new("R2010")
    for number in range(ROWS):
        place = [(number * 10, 0), (number * 10 + 5, 0), (number * 10 + 5, 5)]
        drawing.modelspace().add_lwpolyline(place, close=True, dxfattribs={"layer": "建筑"})
    drawing.saveas(path)


def _ifc(path: Path) -> None:
    import ifcopenshell
    import ifcopenshell.guid

    model = ifcopenshell.file(schema="IFC4")
    project = model.create_entity("IfcProject", GlobalId=ifcopenshell.guid.new(), Name="P")
    site = model.create_entity("IfcSite", GlobalId=ifcopenshell.guid.new(), Name="场地")
    building = model.create_entity("IfcBuilding", GlobalId=ifcopenshell.guid.new(), Name="楼")
    storeys = [
        model.create_entity("IfcBuildingStorey", GlobalId=ifcopenshell.guid.new(), Name=f"{n}F", Elevation=3.0 * n)
        for n in range(4)
    ]
    for whole, parts in ((project, [site]), (site, [building]), (building, storeys)):
        model.create_entity(
            "IfcRelAggregates", GlobalId=ifcopenshell.guid.new(), RelatingObject=whole, RelatedObjects=parts
        )
    model.write(str(path))


def _dbf(path: Path) -> None:
    rows = [(f"0{i}".encode(), f"建筑{i}".encode("gb18030")) for i in range(ROWS)]
    path.write_bytes(dbf_bytes([(b"CODE", 4), (b"NAME", 12)], rows, 0x4D))


def _shapefile_zip(path: Path) -> None:
    folder = path.parent / f"{path.stem}-parts"
    folder.mkdir()
    _gdal("ESRI Shapefile", encoding="UTF-8")(folder / "道路.shp")
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in sorted(folder.iterdir()):
            archive.write(file, file.name)
            file.unlink()
    folder.rmdir()


def _tar(path: Path) -> None:
    tar_of(path, [(f"{n}.csv", TABLE * 20, tarfile.REGTYPE) for n in range(3)], "w:gz")


def _glb() -> bytes:
    body = json.dumps({"asset": {"version": "2.0"}, "scenes": [{"nodes": []}], "scene": 0}).encode()
    body += b" " * (-len(body) % 4)
    return b"glTF" + struct.pack("<III", 2, 12 + 8 + len(body), len(body)) + b"JSON" + body


def _tiles(path: Path) -> None:
    path.mkdir()
    box = {"region": [2.11, 0.54, 2.12, 0.55, 0, 50]}
    root = {"boundingVolume": box, "geometricError": 0, "refine": "ADD", "content": {"uri": "0.glb"}}
    document = {"asset": {"version": "1.1"}, "geometricError": 10, "root": root}
    (path / "tileset.json").write_text(json.dumps(document))
    (path / "0.glb").write_bytes(_glb())


KML = (
    '<?xml version="1.0" encoding="UTF-8"?>\n<kml xmlns="http://www.opengis.net/kml/2.2"><Document><Folder><name>点</name>'
    + "".join(
        f"<Placemark><name>点{i}</name><Point><coordinates>{121 + i / 10},31.2</coordinates></Point></Placemark>"
        for i in range(ROWS)
    )
    + "</Folder></Document></kml>\n"
)
OSM = (
    '<?xml version="1.0" encoding="UTF-8"?>\n<osm version="0.6">'
    + "".join(
        f'<node id="{i}" lat="31.2" lon="{121 + i / 10}" version="1"><tag k="name" v="点{i}"/></node>'
        for i in range(1, ROWS)
    )
    + '<way id="1" version="1"><nd ref="1"/><nd ref="2"/><tag k="highway" v="residential"/></way></osm>\n'
)
SQUARE = "31.2 121.4 0 31.2 121.5 0 31.3 121.5 0 31.3 121.4 0 31.2 121.4 0"
CITYGML = (
    '<?xml version="1.0" encoding="UTF-8"?>\n'
    '<CityModel xmlns="http://www.opengis.net/citygml/2.0" xmlns:gml="http://www.opengis.net/gml" '
    'xmlns:bldg="http://www.opengis.net/citygml/building/2.0">'
    + "".join(
        f'<cityObjectMember><bldg:Building gml:id="b{i}"><gml:name>楼{i}</gml:name>'
        f'<bldg:measuredHeight uom="m">{i}</bldg:measuredHeight><bldg:lod0FootPrint>'
        f'<gml:MultiSurface srsName="http://www.opengis.net/def/crs/EPSG/0/4979" srsDimension="3"><gml:surfaceMember>'
        f"<gml:Polygon><gml:exterior><gml:LinearRing><gml:posList>{SQUARE}</gml:posList></gml:LinearRing></gml:exterior>"
        "</gml:Polygon></gml:surfaceMember></gml:MultiSurface></bldg:lod0FootPrint></bldg:Building></cityObjectMember>"
        for i in range(ROWS)
    )
    + "</CityModel>\n"
)
SOLID = {
    "type": "MultiSurface",
    "lod": "1",
    "boundaries": [[[0, 1, 2, 3]]],
}
CITYJSON = {
    "type": "CityJSON",
    "version": "2.0",
    "transform": {"scale": [0.001, 0.001, 0.001], "translate": [350000, 3450000, 0]},
    "metadata": {"referenceSystem": "https://www.opengis.net/def/crs/EPSG/0/7415"},
    "CityObjects": {
        f"b{i}": {"type": "Building", "attributes": {"name": f"楼{i}"}, "geometry": [SOLID]} for i in range(ROWS)
    },
    "vertices": [[0, 0, 0], [1000, 0, 0], [1000, 1000, 0], [0, 1000, 0]],
}
_FEATURES = [
    {"type": "CityJSONFeature", "id": name, "CityObjects": {name: value}, "vertices": CITYJSON["vertices"]}
    for name, value in CITYJSON["CityObjects"].items()  # type: ignore[attr-defined]
]
TOPOLOGY = {
    "type": "Topology",
    "objects": {
        "places": {
            "type": "GeometryCollection",
            "geometries": [
                {"type": "Point", "coordinates": [121 + i / 10, 31], "properties": {"name": f"点{i}"}}
                for i in range(ROWS)
            ],
        }
    },
    "arcs": [],
}
ESRI_JSON = {
    "displayFieldName": "name",
    "geometryType": "esriGeometryPoint",
    "spatialReference": {"wkid": 4326},
    "fields": [{"name": "name", "type": "esriFieldTypeString", "alias": "name", "length": 20}],
    "features": [{"attributes": {"name": f"点{i}"}, "geometry": {"x": 121 + i / 10, "y": 31}} for i in range(ROWS)],
}
NGSI = [
    {
        "id": f"urn:ngsi-ld:AirQualityObserved:{i}",
        "type": "AirQualityObserved",
        "location": {"type": "GeoProperty", "value": {"type": "Point", "coordinates": [121.4, 31.2 + i / 10]}},
        "pm25": {"type": "Property", "value": i},
    }
    for i in range(ROWS)
]
THINGS = {
    "value": [
        {
            "@iot.id": i,
            "@iot.selfLink": f"http://example.org/v1.1/Things({i})",
            "name": f"站{i}",
            "description": "d",
            "properties": {},
            "Locations": [
                {
                    "@iot.id": i,
                    "name": "l",
                    "description": "d",
                    "encodingType": "application/geo+json",
                    "location": {"type": "Point", "coordinates": [121.4, 31.2]},
                }
            ],
        }
        for i in range(ROWS)
    ]
}

#: File name -> how it is made. The key is also the name of a test's case.
SAMPLES: dict[str, Callable[[Path], None]] = {
    "s.shp": _gdal("ESRI Shapefile", encoding="UTF-8"),
    "s.gpkg": _gdal("GPKG"),
    "s.fgb": _gdal("FlatGeobuf"),
    "s.gdb": _gdal("OpenFileGDB"),
    "t.tab": _gdal("MapInfo File", ENCODING="UTF-8"),
    "m.mif": _gdal("MapInfo File", FORMAT="MIF", ENCODING="UTF-8"),
    "s.kml": _text(KML),
    "s.kmz": _kmz,
    "s.osm": _text(OSM),
    "s.osm.pbf": _pbf,
    "s.opl": _text("n1 v1 dV c1 t2024-01-01T00:00:00Z i1 u Tname=a x121.4 y31.2\n"),
    "g.gml": _gdal("GML", FORMAT="GML3"),
    "s.sqlite": _gdal("SQLite"),
    "s.parquet": _parquet,
    "s.arrow": _arrow,
    "s.xlsx": _sheet("XLSX"),
    "s.ods": _ods,
    "s.geojson": _gdal("GeoJSON"),
    "s.geojsonl": _gdal("GeoJSONSeq"),
    "records.json": _json([{"code": f"0{i}", "name": "名", "n": i} for i in range(ROWS)]),
    "records.jsonl": _jsonl([{"code": f"0{i}", "name": "名", "n": i} for i in range(ROWS)]),
    "topology.json": _json(TOPOLOGY),
    "esri.json": _json(ESRI_JSON),
    "ngsi.json": _json(NGSI),
    "things.json": _json(THINGS),
    "city.gml": _text(CITYGML),
    "city.json": _json(CITYJSON),
    "city.city.jsonl": _jsonl([{**CITYJSON, "CityObjects": {}, "vertices": []}, *_FEATURES]),
    "s.ifc": _ifc,
    "s.las": _las,
    "s.laz": _las,
    "s.tif": _raster("GTiff"),
    "s.png": _raster("PNG", bands=3),
    "s.jpg": _raster("JPEG", bands=3),
    "s.jp2": _raster("JP2OpenJPEG"),
    "s.asc": _ascii_grid,
    "s.img": _raster("HFA"),
    "s.csv": _text("code,name,height\n" + "".join(f"0{i},建筑{i},{i}.5\n" for i in range(ROWS))),
    "gbk.csv": _text("编号,名称\n" + "".join(f"0{i},建筑物{i}\n" for i in range(ROWS)), "gb18030"),
    "s.dxf": _dxf,
    "gtfs.zip": _gtfs,
    "roads.shp.zip": _shapefile_zip,
    "tables.tgz": _tar,
    "table.dbf": _dbf,
    "model.glb": lambda path: path.write_bytes(_glb()) and None,
    "tiles": _tiles,
}


def make(folder: Path, name: str) -> Path:
    """The sample of that name in a folder."""
    path = folder / name
    SAMPLES[name](path)
    return path


def square(size: float = 1.0) -> Polygon:
    return Polygon([(114, 22), (114 + size, 22), (114 + size, 22 + size), (114, 22)])
