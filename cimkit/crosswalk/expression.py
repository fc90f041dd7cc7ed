"""One field of a crosswalk as SQL: its value, and the questions that count what it lost on the way.

The rule throughout: a value that cannot be translated or read stays as it is written, so
that the check finds it and names the source's own column; nothing becomes NULL unseen.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from cimkit import guard
from cimkit.crosswalk import dates, units
from cimkit.crosswalk.document import FieldRule, Scalar
from cimkit.duck import identifier, literal
from cimkit.errors import StandardError, nearest

if TYPE_CHECKING:
    from cimkit.standard import FieldSpec

#: Blank to people: white space of any script, or nothing.
_BLANK = r"[\s\p{Z}]*"
_INTEGERS = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT")
_NUMBERS = frozenset((*_INTEGERS, *(f"U{kind}" for kind in _INTEGERS), "FLOAT", "DOUBLE"))
_EDGES = r"^[\s\p{Z}]+|[\s\p{Z}]+$"


@dataclass(frozen=True, slots=True)
class Probe:
    """A question to every record: where ``condition`` holds, ``before`` became ``after``."""

    code: str
    field: str
    condition: str
    before: str
    after: str
    message: str


@dataclass(frozen=True, slots=True)
class Source:
    """The columns of a staged source, each with its DuckDB type, and a way to ask an expression's type."""

    columns: Mapping[str, str]
    kind_of: Callable[[str], str]

    def column(self, name: str) -> str:
        """The column of that name as the source spells it, found without regard to case.

        Raises:
            StandardError: there is none.
        """
        found = self.find(name)
        if found is None:
            hint = nearest(name, self.columns)
            raise StandardError(f"The source has no column '{name}'.", hint=hint)
        return found

    def find(self, name: str) -> str | None:
        if name in self.columns:
            return name
        return next((column for column in self.columns if column.lower() == name.lower()), None)


@dataclass(frozen=True, slots=True)
class MappedColumn:
    """A field as SQL over the source's columns: its DuckDB type, the columns it came from, its probes."""

    sql: str
    kind: str
    origins: tuple[str, ...] = ()
    probes: tuple[Probe, ...] = ()


def mapped_column(name: str, rule: FieldRule, field: FieldSpec, source: Source) -> MappedColumn:
    """The field ``name`` by its rule.

    Raises:
        StandardError: a column is missing, or a unit or an expression is wrong.
    """
    if rule.constant:
        constant = literal(rule.value)
        return MappedColumn(constant, "VARCHAR" if isinstance(rule.value, str) else source.kind_of(constant))
    column = _computed(name, rule.sql, source) if rule.sql is not None else _taken(name, rule, source)
    if rule.strip:
        column = replace(column, sql=stripped(text_of(column.sql, column.kind)), kind="VARCHAR")
    if rule.codes is not None:
        column = _translated(name, column, rule.codes, rule)
    if rule.parse == "date":
        column = _dated(name, column, "DATE")
    elif rule.parse == "datetime":
        column = _dated(name, column, "TIMESTAMP WITH TIME ZONE")
    elif rule.parse == "number" or rule.unit is not None:
        column = _measured(name, column, rule.unit, field.unit)
    if rule.prefix is not None:
        text = filled(text_of(column.sql, column.kind))
        column = replace(column, sql=f"{literal(rule.prefix)} || ({text})", kind="VARCHAR")
    return column


def spelt_for(column: MappedColumn, field: FieldSpec) -> MappedColumn:
    """A number or a truth value as text, where the field is text: an identifier counted by a database."""
    counted = column.kind in _NUMBERS or column.kind.startswith("DECIMAL") or column.kind == "BOOLEAN"
    if not counted or set(field.types) != {"string"}:
        return column
    return replace(column, sql=text_of(column.sql, column.kind), kind="VARCHAR")


def text_of(column_sql: str, kind: str) -> str:
    """A column of a DuckDB type as text; a whole floating-point number without its ``.0``."""
    if kind == "VARCHAR":
        return column_sql
    if kind in ("DOUBLE", "FLOAT"):
        whole = f"{column_sql} = trunc({column_sql}) AND abs({column_sql}) < 1e15"
        plain = f"CAST(CAST({column_sql} AS BIGINT) AS VARCHAR)"
        return f"CASE WHEN {whole} THEN {plain} ELSE CAST({column_sql} AS VARCHAR) END"
    return f"CAST({column_sql} AS VARCHAR)"


def stripped(text_sql: str) -> str:
    """The text without white space at its ends; NULL where nothing is left."""
    return f"NULLIF({_trimmed(text_sql)}, '')"


def filled(text_sql: str) -> str:
    """The text as it is; NULL where it is blank."""
    return f"CASE WHEN NOT regexp_full_match({text_sql}, '{_BLANK}') THEN {text_sql} END"


def _trimmed(text_sql: str) -> str:
    return f"regexp_replace({text_sql}, '{_EDGES}', '', 'g')"


# ---- where a value comes from ---------------------------------------------------------


def _taken(name: str, rule: FieldRule, source: Source) -> MappedColumn:
    if not rule.optional:
        column = source.column(rule.columns[0])
        return MappedColumn(identifier(column), source.columns[column], (column,))
    there = [column for column in map(source.find, rule.columns) if column is not None]
    if not there:
        wanted = " or ".join(f"'{column}'" for column in rule.columns)
        missing = Probe("column.missing", name, "TRUE", "NULL", "NULL", f"The source has no column {wanted}.")
        return MappedColumn("CAST(NULL AS VARCHAR)", "VARCHAR", rule.columns, (missing,))
    kinds = {source.columns[column] for column in there}
    kind = kinds.pop() if len(kinds) == 1 else "VARCHAR"
    parts = [identifier(column) for column in there]
    if kind == "VARCHAR":
        parts = [filled(text_of(identifier(column), source.columns[column])) for column in there]
    return MappedColumn(f"COALESCE({', '.join(parts)})", kind, tuple(there))


def _computed(name: str, sql: str, source: Source) -> MappedColumn:
    expression = guard.expression(sql, source.columns)
    used = guard.references(sql, source.columns)
    kind = source.kind_of(expression)
    before = f"CAST(to_json({{{', '.join(f'{literal(c)}: {identifier(c)}' for c in used)}}}) AS VARCHAR)"
    # TRY gives NULL for an error and for a NULL alike; inside a list the two differ.
    failed = Probe(
        "expression.failed",
        name,
        f"TRY([{expression}]) IS NULL",
        before if used else "NULL",
        "NULL",
        f"The expression {sql} cannot be computed.",
    )
    return MappedColumn(f"TRY({expression})", kind, used, (failed,))


# ---- the steps it takes ---------------------------------------------------------------


def _translated(name: str, column: MappedColumn, codes: Mapping[str, Scalar], rule: FieldRule) -> MappedColumn:
    """The value by the code table; a code is its text without white space around, '' stands for none."""
    text = text_of(column.sql, column.kind)
    key = _trimmed(text)
    if "" in codes:
        key = f"COALESCE({key}, '')"
    otherwise = text if rule.keeps else _code(rule.otherwise)
    cases = [f"WHEN {literal(code)} THEN {_code(target)}" for code, target in codes.items()]
    blank = "" if "" in codes else f"WHEN '' THEN {text} "
    translated = f"CASE WHEN {key} IS NOT NULL THEN CASE {key} {' '.join(cases)} {blank}ELSE {otherwise} END END"
    known = ", ".join(literal(code) for code in (*codes, ""))
    what = "stay as they are" if rule.keeps else f"become {otherwise}"
    probes = [
        Probe(
            "code.unmapped",
            name,
            f"{key} NOT IN ({known})",
            text,
            otherwise,
            f"Codes without a translation {what}.",
        )
    ]
    dropped = [literal(code) for code, target in codes.items() if target is None and code != ""]
    if dropped:
        condition = f"{key} IN ({', '.join(dropped)})"
        message = "Codes that the crosswalk says have no counterpart become empty."
        probes.append(Probe("code.dropped", name, condition, text, "NULL", message))
    return replace(column, sql=translated, kind="VARCHAR", probes=(*column.probes, *probes))


def _code(target: Scalar) -> str:
    """A translated code as the text cell that the standard's type is then read from."""
    if target is None:
        return "CAST(NULL AS VARCHAR)"
    return literal(str(target).lower() if isinstance(target, bool) else str(target))


def _measured(name: str, column: MappedColumn, unit: str | None, target: str | None) -> MappedColumn:
    if target is not None and (unit == target or unit is None) and not units.known(target):
        unit = target = None  # a unit nobody writes behind a number, such as ug/m3
    if column.kind in _NUMBERS or column.kind.startswith("DECIMAL"):
        scale = units.factor(unit, target) if unit and target else 1.0
        return replace(column, sql=units.scaled(column.sql, scale), kind=column.kind if scale == 1 else "DOUBLE")
    text = filled(text_of(column.sql, column.kind))
    number = units.measure(text, unit, target)
    what = f"a number in {unit or target} or another unit of its kind" if unit or target else "a number"
    probe = _unread("number.unreadable", name, text, number, f"What is not {what} stays as it is.")
    return replace(column, sql=f"COALESCE({number}, {text})", kind="VARCHAR", probes=(*column.probes, probe))


def _dated(name: str, column: MappedColumn, target: str) -> MappedColumn:
    if column.kind == "DATE" or column.kind.startswith("TIMESTAMP"):
        return replace(column, sql=f"CAST({column.sql} AS {target})", kind=target)
    text = filled(text_of(column.sql, column.kind))
    message = "What is not a date with the year first stays as it is."
    if target == "DATE":
        read = f"CAST({dates.date(text)} AS VARCHAR)"
        probes = [_unread("date.unreadable", name, text, read, message)]
    else:
        moment = dates.date_time(text)
        read = dates.rfc3339(moment)
        condition = f"{moment} IS NOT NULL AND NOT {dates.zoned(text)}"
        assumed = "Times that name no time zone are taken as UTC."
        probes = [
            _unread("date.unreadable", name, text, read, message),
            Probe("time.zone", name, condition, text, read, assumed),
        ]
    return replace(column, sql=f"COALESCE({read}, {text})", kind="VARCHAR", probes=(*column.probes, *probes))


def _unread(code: str, name: str, text: str, read: str, message: str) -> Probe:
    return Probe(code, name, f"{text} IS NOT NULL AND {read} IS NULL", text, text, message)
