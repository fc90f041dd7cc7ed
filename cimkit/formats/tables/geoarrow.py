"""GeoArrow (specification 0.2): which column of an Arrow table is geometry, in which CRS, and its values as WKB."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from cimkit.formats.gdal.layer import declared_crs
from cimkit.model import Evidence, Hint

_NAME, _METADATA = b"ARROW:extension:name", b"ARROW:extension:metadata"
#: How many lists the coordinates of each kind lie in.
_DEPTHS = {
    "geoarrow.point": 0, "geoarrow.linestring": 1, "geoarrow.multipoint": 1, "geoarrow.polygon": 2,
    "geoarrow.multilinestring": 2, "geoarrow.multipolygon": 3,
}  # fmt: skip
_KINDS = {
    "geoarrow.point": "POINT", "geoarrow.linestring": "LINESTRING", "geoarrow.multipoint": "MULTIPOINT",
    "geoarrow.polygon": "POLYGON", "geoarrow.multilinestring": "MULTILINESTRING",
    "geoarrow.multipolygon": "MULTIPOLYGON",
}  # fmt: skip
_WKB = {"geoarrow.wkb", "ogc.wkb"}
_USUAL_NAMES = ("geometry", "geom", "wkb_geometry", "the_geom", "wkb")


@dataclass(frozen=True)
class GeoColumn:
    """A column of geometry: its place, its encoding ("geoarrow.wkb", "geoarrow.point" …), and its CRS."""

    place: int
    encoding: str
    crs: Evidence
    hints: tuple[Hint, ...] = ()


def geometry_of(schema: pa.Schema) -> GeoColumn | None:
    """The geometry column, by the extension types of the fields, by a ``geo`` key, or by name and type."""
    extensions = [(place, *_extension(field)) for place, field in enumerate(schema)]
    found = [(place, name, about) for place, name, about in extensions if name in _WKB or name.startswith("geoarrow.")]
    if found:
        # A column of the usual name is the main one, where there are several.
        place, name, about = next((each for each in found if schema.field(each[0]).name in _USUAL_NAMES), found[0])
        others = [schema.field(each[0]).name for each in found if each[0] != place]
        hints = []
        if others:
            message = f"Only '{schema.field(place).name}' is read as geometry, not {', '.join(others)}."
            hints.append(Hint("geometry.more", message))
        if about.get("edges") not in (None, "planar"):
            hints.append(Hint("geometry.edges", f"Edges are {about['edges']}; they are taken as straight lines."))
        return GeoColumn(place, name, _crs(about), tuple(hints))
    return _by_geo_key(schema) or _by_name(schema)


def _extension(field: pa.Field) -> tuple[str, dict[str, Any]]:
    if isinstance(field.type, pa.BaseExtensionType):
        name = field.type.extension_name
        raw = field.type.__arrow_ext_serialize__() if isinstance(field.type, pa.ExtensionType) else b""
    else:
        metadata = field.metadata or {}
        name, raw = metadata.get(_NAME, b"").decode(), metadata.get(_METADATA, b"")
    try:
        about = json.loads(raw) if raw else {}
    except ValueError:
        about = {}
    return name, about if isinstance(about, dict) else {}


def _crs(about: dict[str, Any]) -> Evidence:
    crs = about.get("crs")
    if not crs:
        return Evidence(None, "GeoArrow metadata declares none", 1.0)
    if about.get("crs_type") == "srid":
        return declared_crs(f"EPSG:{crs}", "GeoArrow metadata, an SRID taken for EPSG", 0.7)
    text = crs if isinstance(crs, str) else json.dumps(crs)
    return declared_crs(text, "GeoArrow metadata", 1.0)


def _by_geo_key(schema: pa.Schema) -> GeoColumn | None:
    """What geopandas writes into Feather: the metadata of GeoParquet."""
    try:
        geo = json.loads((schema.metadata or {})[b"geo"])
        name = geo["primary_column"]
        about = geo["columns"][name]
    except (KeyError, ValueError, TypeError):
        return None
    if name not in schema.names or about.get("encoding", "WKB") != "WKB":
        return None
    if "crs" not in about:
        crs = Evidence("EPSG:4326", "GeoParquet default (OGC:CRS84)", 1.0)
    elif about["crs"] is None:
        crs = Evidence(None, "declared unknown (null)", 1.0)
    else:
        text = about["crs"] if isinstance(about["crs"], str) else json.dumps(about["crs"])
        crs = declared_crs(text, "geo key", 1.0)
    return GeoColumn(schema.get_field_index(name), "geoarrow.wkb", crs)


def _by_name(schema: pa.Schema) -> GeoColumn | None:
    for place, field in enumerate(schema):
        if field.name in _USUAL_NAMES and (pa.types.is_binary(field.type) or pa.types.is_large_binary(field.type)):
            return GeoColumn(place, "geoarrow.wkb", Evidence(None, "Arrow declares none", 1.0))
    return None


# ---- values -------------------------------------------------------------------------------


def is_read(encoding: str) -> bool:
    """Whether values of an encoding can be turned into WKB."""
    return encoding in _WKB or encoding == "geoarrow.wkt" or encoding in _DEPTHS


def to_wkb(array: pa.Array, encoding: str) -> pa.Array:
    """Geometries as WKB.

    Raises:
        ValueError: the array is not built as its encoding says.
    """
    if isinstance(array, pa.ExtensionArray):
        array = array.storage
    if encoding in _WKB:
        return array.cast(pa.binary())
    import shapely

    if encoding == "geoarrow.wkt":
        shapes = shapely.from_wkt(array.to_numpy(zero_copy_only=False), on_invalid="ignore")
    else:
        shapes = _shapes(array, encoding)
    return pa.array(shapely.to_wkb(shapes, flavor="iso", output_dimension=4), pa.binary(), from_pandas=True)


def _shapes(array: pa.Array, encoding: str) -> NDArray[np.object_]:
    import shapely

    whole = array.drop_null()
    offsets: list[NDArray[np.int64]] = []
    inner = whole
    for _ in range(_DEPTHS[encoding]):
        if not (pa.types.is_list(inner.type) or pa.types.is_large_list(inner.type)):
            raise ValueError(f"{encoding} holds {inner.type} where a list should be")
        starts = inner.offsets.to_numpy()
        offsets.append(starts - starts[0])
        inner = inner.values.slice(starts[0], starts[-1] - starts[0])
    points = _points(inner)
    shapes = np.full(len(array), None, dtype=object)
    if len(whole):
        kind = getattr(shapely.GeometryType, _KINDS[encoding])
        made = shapely.from_ragged_array(kind, points, tuple(reversed(offsets)) or None)
        shapes[np.asarray(array.is_valid())] = made
    return shapes


def _points(array: pa.Array) -> NDArray[np.float64]:
    """Coordinates, one row each: x, y and z where there is one; a measure has no place in them."""
    if pa.types.is_fixed_size_list(array.type):
        size = array.type.list_size
        names = array.type.value_field.name
        flat = array.flatten().to_numpy(zero_copy_only=False).reshape(-1, size)
        return flat[:, : 3 if size > 2 and names != "xym" else 2]
    if pa.types.is_struct(array.type):
        names = [f.name for f in array.type]
        if names[:2] == ["x", "y"]:
            kept = [name for name in ("x", "y", "z") if name in names]
            return np.stack([array.field(name).to_numpy(zero_copy_only=False) for name in kept], axis=1)
    raise ValueError(f"coordinates are {array.type}")


def has_measures(kind: pa.DataType) -> bool:
    """Whether the coordinates of a native encoding have M."""
    while pa.types.is_list(kind) or pa.types.is_large_list(kind):
        kind = kind.value_type
    if pa.types.is_fixed_size_list(kind):
        return kind.list_size == 4 or kind.value_field.name == "xym"
    return pa.types.is_struct(kind) and "m" in [f.name for f in kind]
