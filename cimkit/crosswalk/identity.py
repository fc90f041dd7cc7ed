"""The crosswalk that a source's own column names suggest, for data that already speaks the standard."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Literal

from cimkit import crs, duck
from cimkit.crosswalk import staged as staging
from cimkit.crosswalk import typing
from cimkit.crosswalk.document import Crosswalk, FieldRule, GeometryRule
from cimkit.errors import UsageError
from cimkit.formats.tables.places import DEGREE_NAMES, PLANE_NAMES, WKB_NAMES, WKT_NAMES, folded
from cimkit.model import Loss, Staged

if TYPE_CHECKING:
    from cimkit.standard import FieldSpec, LayerSchema


def identity(layer: LayerSchema, staged: Staged) -> Crosswalk:
    """Columns by the layer's own field names, then short (DBF), Chinese and English names, without
    regard to case; WKT, hexadecimal WKB or lon/lat columns as the geometry where the source has none.

    lon/lat columns are EPSG:4326 where all their values are degrees; of x/y columns and WKT the
    CRS is not guessed. Columns that are nearly a field's name are left alone and said in ``notes``.
    """
    columns = staging.columns(staged)
    found = _matches(layer.fields.values(), columns)
    notes = [_near(column, layer, found, staged) for column in columns if column not in found.values()]
    geometry, evidence = GeometryRule(), None
    if layer.geometry is not None and not staging.has_wkb(staged):
        geometry, evidence = _geometry(columns, staged)
    taken = {geometry.x, geometry.y, geometry.wkt, geometry.wkb}
    return Crosswalk(
        name="identity",
        to=layer.name,
        fields={field: FieldRule(columns=(column,)) for field, column in found.items()},
        geometry=geometry,
        implicit=True,
        notes=(
            *((evidence,) if evidence is not None else ()),
            *(note for note in notes if note is not None and note.field not in taken),
        ),
    )


def _matches(fields: Collection[FieldSpec], columns: Sequence[str]) -> dict[str, str]:
    """The column of each field that has one; a better kind of name goes first, each column goes once."""
    free = {folded(column): column for column in reversed(columns)}
    found: dict[str, str] = {}
    for kind in ("own", "short", "zh", "en"):
        for field in fields:
            name = field.name if kind == "own" else field.names.get(kind)
            if name is not None and field.name not in found and folded(name) in free:
                found[field.name] = free.pop(folded(name))
    return {field.name: found[field.name] for field in fields if field.name in found}


def _near(column: str, layer: LayerSchema, found: Mapping[str, str], staged: Staged) -> Loss | None:
    missing = {field.name: field for field in layer.fields.values() if field.name not in found}
    spelt = {folded(name): field for field in missing.values() for name in (field.name, *field.names.values())}
    close = difflib.get_close_matches(folded(column), spelt, n=1, cutoff=0.8)
    if not close:
        return None
    message = f"The column '{column}' is not a field of {layer.name}. Did you mean '{spelt[close[0]].name}'?"
    return Loss("column.near", column, staged.facts.features, message)


def _geometry(columns: Sequence[str], staged: Staged) -> tuple[GeometryRule, Loss | None]:
    by_name = {folded(column): column for column in reversed(columns)}
    for name in dict.fromkeys((*WKT_NAMES, *WKB_NAMES)):
        if name in by_name:
            return _well_known(by_name[name], staged)
    for x, y in DEGREE_NAMES:
        if x in by_name and y in by_name:
            pair = by_name[x], by_name[y]
            return _lon_lat(*pair, staged)
    for x, y in PLANE_NAMES:
        if x in by_name and y in by_name:
            return GeometryRule(x=by_name[x], y=by_name[y]), None
    return GeometryRule(), None


def _well_known(column: str, staged: Staged) -> tuple[GeometryRule, Loss | None]:
    """WKT, or WKB in hexadecimal digits; the CRS by the SRID that all of them have (EWKT, EWKB)."""
    cell = f"trim(CAST({duck.identifier(column)} AS VARCHAR))"
    query = f"""
        SELECT bool_and(regexp_full_match({cell}, '0[01]([0-9A-Fa-f]{{2}}){{8,}}')),
            count(DISTINCT substr({cell}, 1, 18)), min(substr({cell}, 1, 18)),
            count(DISTINCT regexp_extract({cell}, '^(?i:SRID)=([0-9]+);', 1)),
            min(regexp_extract({cell}, '^(?i:SRID)=([0-9]+);', 1))
        FROM {staging.table(staged, cells=True)} WHERE {cell} <> ''
    """
    with duck.connect() as con:
        hexadecimal, openings, opening, srids, srid = con.execute(query).fetchone() or (None, 0, "", 0, "")
    if hexadecimal:
        srid = _srid(opening) if openings == 1 else ""
    elif srids != 1:
        srid = ""
    known = staged.facts.crs.value is not None
    crs = f"EPSG:{srid}" if srid and srid != "0" and not known and _is_crs(f"EPSG:{srid}") else None
    rule = GeometryRule(crs, wkb=column) if hexadecimal else GeometryRule(crs, wkt=column)
    if crs is None:
        return rule, None
    message = f"The geometries of '{column}' have the SRID {srid}, which is taken for {crs}."
    return rule, Loss("crs.assumed", column, staged.facts.features, message)


def _srid(opening: str) -> str:
    """The SRID in the first nine bytes of EWKB; "" where there is none."""
    raw = bytes.fromhex(opening)
    order: Literal["little", "big"] = "little" if raw[0] else "big"
    has_srid = len(raw) == 9 and int.from_bytes(raw[1:5], order) & 0x20000000
    return str(int.from_bytes(raw[5:9], order)) if has_srid else ""


def _is_crs(name: str) -> bool:
    try:
        crs.canonical(name)
    except UsageError:
        return False
    return True


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
