"""A standard's own expressions over the fields of one record (``rules.yaml``, check: expression)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from cimkit import guard
from cimkit.check.columns import Table
from cimkit.check.rules import Rule
from cimkit.errors import StandardError
from cimkit.standard import LayerSchema
from cimkit.standard import Rule as StandardRule

if TYPE_CHECKING:
    import duckdb


def expression_rules(
    con: duckdb.DuckDBPyConnection, layer: LayerSchema, table: Table, rules: Iterable[StandardRule]
) -> Iterator[Rule]:
    """The rules of one layer. Where an expression is unknown, since a field is missing, nothing is claimed.

    Raises:
        StandardError: an expression is not allowed or does not fit its fields' types; the
            message names the rule.
    """
    for rule in rules:
        if rule.layer != layer.name or rule.check != "expression":
            continue
        asserted, fields = _expression(con, rule, "assert", layer, table)
        applies = condition(con, rule, layer, table)
        yield Rule(
            rule=rule.id,
            code="expression",
            layer=layer.name,
            field="|".join(fields) or None,
            bad=f"({applies} AND {asserted} IS FALSE)",
            applies=applies,
            severity=rule.severity,
            expected=rule.parameters["assert"],
            measure=rule.iso19157,
            says={"message": rule.message},
        )


def condition(con: duckdb.DuckDBPyConnection, rule: StandardRule, layer: LayerSchema, table: Table) -> str:
    """SQL over the view: the record is one that the rule concerns; always, where it has no ``when``."""
    if "when" not in rule.parameters:
        return "TRUE"
    return f"({_expression(con, rule, 'when', layer, table)[0]} IS TRUE)"


def _expression(
    con: duckdb.DuckDBPyConnection, rule: StandardRule, part: str, layer: LayerSchema, table: Table
) -> tuple[str, tuple[str, ...]]:
    """The guarded expression, unknown where it cannot be computed, and the fields it uses."""
    import duckdb

    text = str(rule.parameters[part])
    try:
        safe = guard.expression(text, layer.fields)
        found = con.execute(f"DESCRIBE SELECT {safe} FROM ({table.sql})").fetchall()[0][1]
    except StandardError as error:
        raise StandardError(f"The rule '{rule.id}' has a broken '{part}': {error}", hint=error.hint) from error
    except duckdb.Error as error:
        reason = str(error).splitlines()[0]
        raise StandardError(f"The rule '{rule.id}' has a '{part}' that does not fit its fields: {reason}") from error
    if found != "BOOLEAN":
        raise StandardError(
            f"The rule '{rule.id}' has a '{part}' that is no condition: its value is a {found}.",
            hint="Compare it with something.",
        )
    return f"TRY({safe})", guard.references(text, layer.fields)
