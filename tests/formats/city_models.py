"""Makers of small city models: parts of CityGML as text, CityJSON as values."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import shapely

import cimkit.formats as formats
from cimkit.formats.dataset import Dataset

NAMESPACES_2 = {
    "core": "http://www.opengis.net/citygml/2.0",
    "bldg": "http://www.opengis.net/citygml/building/2.0",
    "brid": "http://www.opengis.net/citygml/bridge/2.0",
    "tran": "http://www.opengis.net/citygml/transportation/2.0",
    "veg": "http://www.opengis.net/citygml/vegetation/2.0",
    "dem": "http://www.opengis.net/citygml/relief/2.0",
    "gen": "http://www.opengis.net/citygml/generics/2.0",
    "app": "http://www.opengis.net/citygml/appearance/2.0",
    "grp": "http://www.opengis.net/citygml/cityobjectgroup/2.0",
    "gml": "http://www.opengis.net/gml",
    "xAL": "urn:oasis:names:tc:ciq:xsdschema:xAL:2.0",
    "xlink": "http://www.w3.org/1999/xlink",
    "uro": "https://www.geospatial.jp/iur/uro/3.1",
}
NAMESPACES_3 = {
    "core": "http://www.opengis.net/citygml/3.0",
    "bldg": "http://www.opengis.net/citygml/building/3.0",
    "con": "http://www.opengis.net/citygml/construction/3.0",
    "gen": "http://www.opengis.net/citygml/generics/3.0",
    "tran": "http://www.opengis.net/citygml/transportation/3.0",
    "gml": "http://www.opengis.net/gml/3.2",
    "xAL": "urn:oasis:names:tc:ciq:xal:3",
    "xlink": "http://www.w3.org/1999/xlink",
}
UTM = "urn:ogc:def:crs,crs:EPSG::25832,crs:EPSG::7837"
Corner = tuple[float, ...]
#: A rectangle of 10 by 8 at a place in UTM zone 32.
X, Y = 400000.0, 5700000.0
SQUARE: tuple[Corner, ...] = ((X, Y), (X + 10, Y), (X + 10, Y + 8), (X, Y + 8))


def citygml(
    *members: str,
    srs: str | None = UTM,
    namespaces: dict[str, str] = NAMESPACES_2,
    root: str = "core:CityModel",
    member: str = "core:cityObjectMember",
    declaration: str = '<?xml version="1.0" encoding="UTF-8"?>',
    dimension: str = ' srsDimension="3"',
    corner: str = "0 0 0",
) -> str:
    """A CityGML document of these features."""
    declared = " ".join(f'xmlns:{prefix}="{uri}"' for prefix, uri in namespaces.items())
    named = f' srsName="{srs}"' if srs else ""
    envelope = f"<gml:Envelope{named}{dimension}><gml:lowerCorner>{corner}</gml:lowerCorner></gml:Envelope>"
    body = "".join(f"<{member}>{each}</{member}>\n" for each in members)
    return f"{declaration}\n<{root} {declared}>\n<gml:boundedBy>{envelope}</gml:boundedBy>\n{body}</{root}>\n"


def polygon(corners: Sequence[Corner], *holes: Sequence[Corner], attributes: str = "", close: bool = True) -> str:
    """A gml:Polygon; rings are closed unless ``close`` is false."""
    rings = []
    for name, ring in (("exterior", corners), *(("interior", hole) for hole in holes)):
        points = [*ring, ring[0]] if close else ring
        numbers = " ".join(" ".join(map(repr, point)) for point in points)
        listed = f"<gml:LinearRing><gml:posList>{numbers}</gml:posList></gml:LinearRing>"
        rings.append(f"<gml:{name}>{listed}</gml:{name}>")
    return f"<gml:Polygon{attributes}>{''.join(rings)}</gml:Polygon>"


def multi_surface(*surfaces: str) -> str:
    return f"<gml:MultiSurface>{_members(surfaces)}</gml:MultiSurface>"


def solid(*surfaces: str) -> str:
    """A gml:Solid of surfaces, each a polygon or "#id" for a link to one."""
    shell = f"<gml:CompositeSurface>{_members(surfaces)}</gml:CompositeSurface>"
    return f"<gml:Solid><gml:exterior>{shell}</gml:exterior></gml:Solid>"


def _members(surfaces: Iterable[str]) -> str:
    return "".join(
        f'<gml:surfaceMember xlink:href="{each}"/>'
        if each.startswith("#")
        else f"<gml:surfaceMember>{each}</gml:surfaceMember>"
        for each in surfaces
    )


def raised(corners: Sequence[Corner], z: float) -> list[Corner]:
    return [(*corner, z) for corner in corners]


def block(corners: Sequence[Corner], low: float, high: float) -> list[list[Corner]]:
    """The faces of a block: floor, roof, walls."""
    floor, roof = raised(corners, low), raised(corners, high)
    count = len(corners)
    walls = [[floor[i], floor[(i + 1) % count], roof[(i + 1) % count], roof[i]] for i in range(count)]
    return [floor[::-1], roof, *walls]


def building(content: str, id: str = "B1", kind: str = "bldg:Building") -> str:
    return f'<{kind} gml:id="{id}">{content}</{kind}>'


def block_building(id: str = "B1", corners: Sequence[Corner] = SQUARE, low: float = 5.0, high: float = 14.0) -> str:
    """A building that is a block of LoD 1."""
    return building(f"<bldg:lod1Solid>{solid(*map(polygon, block(corners, low, high)))}</bldg:lod1Solid>", id)


def save(path: Path, document: str | dict[str, Any] | list[dict[str, Any]], encoding: str = "utf-8") -> Path:
    """Write XML text, a JSON value, or JSON values as lines."""
    if isinstance(document, dict):
        document = json.dumps(document, ensure_ascii=False)
    elif isinstance(document, list):
        document = "".join(json.dumps(each, ensure_ascii=False) + "\n" for each in document)
    path.write_text(document, encoding=encoding)
    return path


# ---- CityJSON -------------------------------------------------------------------------------


class Vertices:
    """Vertices of a CityJSON file, in millimetres from a corner."""

    def __init__(self) -> None:
        self.listed: list[list[int]] = []

    def of(self, corners: Iterable[Corner]) -> list[int]:
        indices = []
        for x, y, z in corners:
            vertex = [round((x - X) * 1000), round((y - Y) * 1000), round(z * 1000)]
            if vertex not in self.listed:
                self.listed.append(vertex)
            indices.append(self.listed.index(vertex))
        return indices

    def block(self, corners: Sequence[Corner], low: float, high: float, lod: str = "1") -> dict[str, Any]:
        """A Solid."""
        shell = [[self.of(face)] for face in block(corners, low, high)]
        return {"type": "Solid", "lod": lod, "boundaries": [shell]}

    def surface(self, *polygons: Sequence[Corner], lod: str = "1", kind: str = "MultiSurface") -> dict[str, Any]:
        return {"type": kind, "lod": lod, "boundaries": [[self.of(corners)] for corners in polygons]}


TRANSFORM = {"scale": [0.001, 0.001, 0.001], "translate": [X, Y, 0.0]}


def cityjson(objects: dict[str, Any], vertices: Vertices, **members: Any) -> dict[str, Any]:
    """A CityJSON 2.0 document in UTM zone 32."""
    return {
        "type": "CityJSON",
        "version": "2.0",
        "transform": TRANSFORM,
        "metadata": {"referenceSystem": "https://www.opengis.net/def/crs/EPSG/0/25832"},
        "CityObjects": objects,
        "vertices": vertices.listed,
        **members,
    }


# ---- what was read --------------------------------------------------------------------------


def rows(dataset: Dataset, layer: str | None = None) -> list[dict[str, Any]]:
    """The records of a layer, ``geometry`` as a shapely geometry."""
    table: pa.Table = dataset.layer(layer).arrow()
    found: list[dict[str, Any]] = table.to_pylist()
    for row in found:
        row["geometry"] = None if row["geometry"] is None else shapely.from_wkb(row["geometry"])
    return found


def row(path: Path, layer: str | None = None) -> dict[str, Any]:
    """The only record of a layer."""
    (found,) = rows(formats.open(path), layer)
    return found


def layer_names(path: Path) -> list[str]:
    return [layer.name for layer in formats.open(path).layers]


def hint_codes(path: Path, layer: str | None = None) -> set[str]:
    """The codes of all hints of a file and of one pass over a layer."""
    dataset = formats.open(path)
    with dataset.layer(layer).stream() as stream:
        for _ in stream.batches:
            pass
        return {hint.code for hint in (*dataset.hints, *stream.hints)}
