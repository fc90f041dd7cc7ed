"""What is delivered, as the records to be written: under its own names, or in a standard's columns and types."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cimkit import crosswalk as crosswalks
from cimkit import crs as reference_systems
from cimkit.convert.records import Records, from_mapped, from_staged
from cimkit.crosswalk import Crosswalk
from cimkit.errors import UsageError
from cimkit.model import Lang, Staged
from cimkit.standard import GeometrySpec, LayerSchema, Standard, split_reference

if TYPE_CHECKING:
    import duckdb


def records_of(
    con: duckdb.DuckDBPyConnection,
    staged: Staged,
    crosswalk: str | Path | Mapping[str, Any] | Crosswalk | None,
    standard: str | None,
    from_crs: str | None,
    folder: Path,
    lang: Lang,
    places: bool = False,
) -> tuple[Records, str | None]:
    """The records and their CRS, in the standard's columns where one is asked for.

    ``places`` turns columns of coordinates into points, where they can be nothing else.

    Raises:
        UsageError: the standard's layer is not named.
        StandardError: the standard or the crosswalk is broken or unknown.
    """
    given = reference_systems.canonical(from_crs) if from_crs else None
    if crosswalk is None and standard is None:
        found = _with_geometry_column(con, staged, given, folder, lang, places)
        records, said = found or (from_staged(con, staged), None)
        return records, staged.facts.crs.value or given or said
    if crosswalk is None:
        schema = _layer(str(standard))
        rules = crosswalks.identity(schema, staged)
    else:
        rules = _rules(crosswalk, standard)
        schema = _layer(standard if standard is not None and "/" in standard else rules.to)
    mapped = crosswalks.apply(rules, staged, schema, folder)
    return from_mapped(con, mapped, schema, folder, lang), mapped.crs or given


def _rules(crosswalk: str | Path | Mapping[str, Any] | Crosswalk, standard: str | None) -> Crosswalk:
    """The crosswalk; where a standard is named, it may be one of that standard's own and must lead to it."""
    if isinstance(crosswalk, Crosswalk):
        return crosswalk
    if standard is None or isinstance(crosswalk, Mapping):
        return Crosswalk.load(crosswalk)
    return crosswalks.find(crosswalk, Standard.load(split_reference(standard)[0]))


def _with_geometry_column(
    con: duckdb.DuckDBPyConnection, staged: Staged, given: str | None, folder: Path, lang: Lang, places: bool
) -> tuple[Records, str | None] | None:
    """A table with its geometry, and the CRS that this says; None for one of which no column is unmistakable.

    A column of WKT or WKB of which every cell is that or nothing, as cimkit and GDAL write CSV;
    or pairs of numbers that are degrees by name and value, or whose CRS the user gives.
    """
    if staged.has_geometry or not staged.text_cells:
        return None
    nothing = LayerSchema(staged.layer, {}, {}, {}, GeometrySpec((), False, None), None, None)
    rules = crosswalks.identity(nothing, staged)
    geometry = rules.geometry
    if geometry.wkt is None and geometry.wkb is None:
        if geometry.x is None or not places or (geometry.crs is None and given is None):
            return None
        # Where they came from, the coordinates stay: text says them exactly.
        geometry = replace(geometry, keeps=True)
    notes = tuple(note for note in rules.notes if note.code == "crs.assumed" and given is None)
    geometry = replace(geometry, crs=given or geometry.crs)
    mapped = crosswalks.apply(replace(rules, geometry=geometry, notes=notes), staged, nothing, folder)
    if any(loss.code != "crs.assumed" for loss in mapped.losses):
        return None
    return from_mapped(con, mapped, nothing, folder, lang), mapped.crs


def _layer(reference: str) -> LayerSchema:
    name, layer = split_reference(reference)
    standard = Standard.load(name)
    if layer is None:
        known = ", ".join(standard.layers)
        raise UsageError(f"'{reference}' names no layer.", hint=f"Say {standard.id}/LAYER with one of: {known}.")
    return standard.layer(layer)
