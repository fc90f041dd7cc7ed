"""Codes against their lists: unknown ones, and ones that should no longer be used."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from cimkit.check.columns import Table
from cimkit.check.json_schema.sql import is_in
from cimkit.check.rules import Rule
from cimkit.duck import literal
from cimkit.messages import say
from cimkit.model import Skipped
from cimkit.standard import Codelist, LayerSchema


def codelist_rules(
    layer: LayerSchema, table: Table, codelists: Mapping[str, Codelist], lang: str
) -> Iterator[Rule | Skipped]:
    """The rules of a layer's ``cim:codelist`` keywords.

    An unknown code is an error where the list is closed and a warning where it is open; a
    deprecated one is a warning.
    """
    for field in layer.fields.values():
        if field.codelist is None:
            continue
        address = f"{layer.name}.{field.name}#codelist"
        if field.codelist not in codelists:
            yield Skipped(address, say("skipped.codelist", lang, name=field.codelist))
            continue
        codelist = codelists[field.codelist]
        column = table.columns.get(field.name)
        value, applies = "NULL", "FALSE"
        if column is not None and column.kind == "string":
            value, applies = column.value, column.filled
        says = {"list": codelist}
        yield Rule(
            rule=address,
            code="codelist",
            layer=layer.name,
            field=field.name,
            column=field.name,
            bad="FALSE" if column is None else f"(NOT {is_in(value, [literal(code) for code in codelist.codes])})",
            applies=applies,
            severity="warning" if codelist.open else "error",
            expected=field.codelist,
            pointer=f"/properties/{field.name}/cim:codelist",
            says=says,
        )
        deprecated = [literal(code.code) for code in codelist.codes.values() if code.status == "deprecated"]
        if deprecated:
            yield Rule(
                rule=f"{layer.name}.{field.name}#codelist.deprecated",
                code="codelist.deprecated",
                layer=layer.name,
                field=field.name,
                column=field.name,
                bad="FALSE" if column is None else is_in(value, deprecated),
                applies=applies,
                severity="warning",
                expected=field.codelist,
                pointer=f"/properties/{field.name}/cim:codelist",
                says=says,
            )
