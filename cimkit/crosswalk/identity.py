"""The crosswalk that a source's own column names suggest, for data that already speaks the standard."""

from __future__ import annotations

import difflib
import re
import unicodedata
from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING

from cimkit import duck
from cimkit.crosswalk import staged as staging
from cimkit.crosswalk import typing
from cimkit.crosswalk.document import Crosswalk, FieldRule, GeometryRule
from cimkit.model import Loss, Staged

if TYPE_CHECKING:
    from cimkit.standard import FieldSpec, LayerSchema

_WKT = ("wkt", "geom", "geometry", "the_geom")
#: Names that say degrees of longitude and latitude, then names that only say x and y.
_DEGREES = (("lon", "lat"), ("lng", "lat"), ("long", "lat"), ("longitude", "latitude"), ("经度", "纬度"))
_PLANE = (("x", "y"),)


def identity(layer: LayerSchema, staged: Staged) -> Crosswalk:
    """Columns by the layer's own field names, then short (DBF), Chinese and English names, without
    regard to case; WKT text or lon/lat columns as the geometry where the source has none.

    lon/lat columns are EPSG:4326 where all their values are degrees; of x/y columns and WKT the
    CRS is not guessed. Columns that are nearly a field's name are left alone and said in ``notes``.
    """
    columns = staging.columns(staged)
    found = _matches(layer.fields.values(), columns)
    notes = [_near(column, layer, found, staged) for column in columns if column not in found.values()]
    geometry, evidence = GeometryRule(), None
    if layer.geometry is not None and not staging.has_wkb(staged):
        geometry, evidence = _geometry(columns, staged)
    taken = {geometry.x, geometry.y, geometry.wkt}
    return Crosswalk(
        name="identity",
        to=layer.name,
        fields={field: FieldRule(columns=(column,)) for field, column in found.items()},
        geometry=geometry,
        implicit=True,
        notes=tuple(n for n in (evidence, *notes) if n is not None and n.field not in taken),
    )


def _matches(fields: Collection[FieldSpec], columns: Sequence[str]) -> dict[str, str]:
    """The column of each field that has one; a better kind of name goes first, each column goes once."""
    free = {_folded(column): column for column in reversed(columns)}
    found: dict[str, str] = {}
    for kind in ("own", "short", "zh", "en"):
        for field in fields:
            name = field.name if kind == "own" else field.names.get(kind)
            if name is not None and field.name not in found and _folded(name) in free:
                found[field.name] = free.pop(_folded(name))
    return {field.name: found[field.name] for field in fields if field.name in found}


def _folded(name: str) -> str:
    return re.sub(r"[\s_-]+", "_", unicodedata.normalize("NFKC", name).strip().casefold())


def _near(column: str, layer: LayerSchema, found: Mapping[str, str], staged: Staged) -> Loss | None:
    missing = {field.name: field for field in layer.fields.values() if field.name not in found}
    spelt = {_folded(name): field for field in missing.values() for name in (field.name, *field.names.values())}
    close = difflib.get_close_matches(_folded(column), spelt, n=1, cutoff=0.8)
    if not close:
        return None
    message = f"The column '{column}' is not a field of {layer.name}. Did you mean '{spelt[close[0]].name}'?"
    return Loss("column.near", column, staged.facts.features, message)


def _geometry(columns: Sequence[str], staged: Staged) -> tuple[GeometryRule, Loss | None]:
    by_name = {_folded(column): column for column in reversed(columns)}
    for wkt in _WKT:
        if wkt in by_name:
            return GeometryRule(wkt=by_name[wkt]), None
    for x, y in _DEGREES:
        if x in by_name and y in by_name:
            pair = by_name[x], by_name[y]
            return _lon_lat(*pair, staged)
    for x, y in _PLANE:
        if x in by_name and y in by_name:
            return GeometryRule(x=by_name[x], y=by_name[y]), None
    return GeometryRule(), None


def _lon_lat(lon: str, lat: str, staged: Staged) -> tuple[GeometryRule, Loss | None]:
    if staged.facts.crs.value is not None:
        return GeometryRule(x=lon, y=lat), None
    x, y = (typing.number(f"CAST({duck.identifier(name)} AS VARCHAR)") for name in (lon, lat))
    query = f"SELECT max(abs({x})) <= 180 AND max(abs({y})) <= 90 FROM {staging.table(staged, cells=True)}"
    with duck.connect() as con:
        row = con.execute(query).fetchone()
    where = f"{lon}|{lat}"
    if row is not None and row[0]:
        message = f"The columns '{lon}' and '{lat}' hold degrees and are taken as EPSG:4326."
        return GeometryRule("EPSG:4326", lon, lat), Loss("crs.assumed", where, staged.facts.features, message)
    message = f"The columns '{lon}' and '{lat}' are named like degrees and hold other values; their CRS is not known."
    return GeometryRule(x=lon, y=lat), Loss("crs.unknown", where, staged.facts.features, message)
