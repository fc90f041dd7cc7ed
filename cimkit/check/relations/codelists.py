"""Codes against their lists: unknown ones, ones that should no longer be used, and ones that were not valid then."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from cimkit.check.columns import Table
from cimkit.check.instants import has_times, wall_clock
from cimkit.check.json_schema.sql import is_in
from cimkit.check.rules import Rule
from cimkit.duck import literal
from cimkit.messages import Plain, say
from cimkit.model import Skipped
from cimkit.standard import Codelist, LayerSchema


def codelist_rules(
    layer: LayerSchema, table: Table, codelists: Mapping[str, Codelist], lang: str
) -> Iterator[Rule | Skipped]:
    """The rules of a layer's ``cim:codelist`` keywords.

    An unknown code is an error where the list is closed and a warning where it is open; a
    deprecated one is a warning. A code that the list says is valid from or to some day is judged
    at the record's own day: when it was last changed (the field of the role or name
    ``updated_at``), as its codes were chosen then, or, where it does not say so, since when it is
    valid (``valid_from``). If it was not valid on that day, it is as if it were unknown; if it
    was, it is not deprecated for that record. The last day of a code is the one before ``valid_to``.
    """
    day = _day(layer, table)
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
        not_then = _not_valid_then(codelist, value, day) if column is not None and day is not None else None
        if any(code.valid_from or code.valid_to for code in codelist.codes.values()):
            yield Rule(
                rule=f"{layer.name}.{field.name}#codelist.not_valid_then",
                code="codelist.not_valid_then",
                layer=layer.name,
                field=field.name,
                column=field.name,
                bad=not_then or "FALSE",
                applies=f"({applies} AND {day} IS NOT NULL)" if day is not None else "FALSE",
                severity="warning" if codelist.open else "error",
                expected=Plain(field.codelist),
                pointer=f"/properties/{field.name}/cim:codelist",
                says=says,
            )
        deprecated = [code for code in codelist.codes.values() if code.status == "deprecated"]
        if deprecated:
            always = [
                literal(code.code) for code in deprecated if day is None or not (code.valid_from or code.valid_to)
            ]
            at_times = [literal(code.code) for code in deprecated if literal(code.code) not in always]
            bad = is_in(value, always)
            if at_times:
                bad = f"({bad} OR ({is_in(value, at_times)} AND {day} IS NULL))"
            yield Rule(
                rule=f"{layer.name}.{field.name}#codelist.deprecated",
                code="codelist.deprecated",
                layer=layer.name,
                field=field.name,
                column=field.name,
                bad="FALSE" if column is None else bad,
                applies=applies,
                severity="warning",
                expected=field.codelist,
                pointer=f"/properties/{field.name}/cim:codelist",
                says=says,
            )


def _day(layer: LayerSchema, table: Table) -> str | None:
    """SQL over the view: the day at which a record's codes are judged, in microseconds; None where there is none."""
    by_role = [spec.name for spec in layer.fields.values() if spec.role == "updated_at"]
    names = dict.fromkeys([*by_role, "updated_at", "valid_from"])
    columns = [column for name in names if has_times(column := table.columns.get(name)) and column is not None]
    return f"coalesce({', '.join(wall_clock(column) for column in columns)})" if columns else None


def _not_valid_then(codelist: Codelist, value: str, day: str) -> str:
    """SQL over the view: the code is one of the list, and was not valid on the record's day."""
    periods: dict[tuple[str | None, str | None], list[str]] = {}
    for code in codelist.codes.values():
        if code.valid_from or code.valid_to:
            periods.setdefault((code.valid_from, code.valid_to), []).append(literal(code.code))
    tests = []
    for (start, end), codes in periods.items():
        outside = [f"{day} < {_midnight(start)}"] if start else []
        outside += [f"{day} >= {_midnight(end)}"] if end else []
        tests.append(f"({is_in(value, codes)} AND ({' OR '.join(outside)}))")
    return f"(({' OR '.join(tests)}) IS TRUE)"


def _midnight(day: str) -> str:
    return f"epoch_us(TRY_CAST({literal(day)} AS TIMESTAMPTZ))"
