"""A crosswalk document: where each field of a standard's layer comes from, and how its values are read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from cimkit.documents import load_yaml, validate
from cimkit.errors import StandardError
from cimkit.model import Loss

Scalar = str | int | float | bool | None
Parse = Literal["number", "date", "datetime"]


@dataclass(frozen=True, slots=True)
class FieldRule:
    """Where one field comes from, and the steps its value then takes, in this order:
    strip, codes (``otherwise`` where ``keeps`` is false), unit and parse, prefix.

    Exactly one of ``columns``, ``sql`` and a constant ``value`` says where it comes from.
    ``optional`` columns (``first``) may be missing from a source; others must be there.
    """

    columns: tuple[str, ...] = ()
    optional: bool = False
    value: Scalar = None
    sql: str | None = None
    strip: bool = False
    codes: Mapping[str, Scalar] | None = None
    keeps: bool = True
    otherwise: Scalar = None
    unit: str | None = None
    parse: Parse | None = None
    prefix: str | None = None

    @property
    def constant(self) -> bool:
        return not self.columns and self.sql is None


@dataclass(frozen=True, slots=True)
class GeometryRule:
    """The geometry's columns (x and y, or WKT), where the source has no geometry, and its CRS.

    ``wkb`` is a column of hexadecimal WKB; ``keeps`` says that the columns stay attributes as well.
    """

    crs: str | None = None
    x: str | None = None
    y: str | None = None
    wkt: str | None = None
    wkb: str | None = None
    keeps: bool = False


@dataclass(frozen=True, slots=True)
class Crosswalk:
    """One kind of source as one layer of a standard.

    ``implicit`` is true of the crosswalk that column names alone suggest: it casts no typed
    column and carries unknown columns along. ``notes`` are things it has to say for itself.
    """

    name: str
    to: str
    fields: Mapping[str, FieldRule]
    geometry: GeometryRule = field(default_factory=GeometryRule)
    where: str | None = None
    implicit: bool = False
    notes: tuple[Loss, ...] = ()

    @property
    def layer(self) -> str:
        """The target layer's name."""
        return self.to.rpartition("/")[2]

    @staticmethod
    def load(source: str | Path | Mapping[str, Any]) -> Crosswalk:
        """A crosswalk from its YAML file, or from the mapping such a file holds.

        Raises:
            StandardError: it is missing or not in the shape of ``schemas/crosswalk.schema.json``.
        """
        if isinstance(source, Mapping):
            document, where = dict(source), str(source.get("crosswalk", "crosswalk"))
        else:
            document, where = load_yaml(source), str(source)
        validate(document, "crosswalk", where)
        geometry = document.get("geometry", {})
        if "wkt" in geometry and "x" in geometry:
            raise StandardError(f"{where} takes the geometry from WKT and from x and y.", hint="Keep one of the two.")
        return Crosswalk(
            name=document["crosswalk"],
            to=document["to"],
            fields={name: _rule(name, entry, where) for name, entry in document["fields"].items()},
            geometry=GeometryRule(**geometry),
            where=document.get("where"),
        )


def _rule(name: str, entry: Mapping[str, Any], where: str) -> FieldRule:
    steps = [key for key in ("strip", "codes", "unit", "parse", "prefix") if key in entry]
    if "value" in entry and steps:
        raise StandardError(
            f"{where} gives '{name}' a constant value and also says '{steps[0]}'.",
            hint="Write the value as it should be.",
        )
    codes = entry.get("codes")
    otherwise = entry.get("else", "keep")
    return FieldRule(
        columns=(entry["from"],) if "from" in entry else tuple(entry.get("first", ())),
        optional="first" in entry,
        value=entry.get("value"),
        sql=entry.get("sql"),
        strip=entry.get("strip", False),
        codes=None if codes is None else {str(code): target for code, target in codes.items()},
        keeps=otherwise == "keep",
        otherwise=None if otherwise == "keep" else otherwise,
        unit=entry.get("unit"),
        parse=entry.get("parse"),
        prefix=entry.get("prefix"),
    )
