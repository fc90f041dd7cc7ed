"""A crosswalk carried out: a staged layer under the standard's field names.

Where columns only get other names nothing is written; else it is one DuckDB COPY.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from cimkit import crs, duck, guard
from cimkit.atomic import replacing
from cimkit.crosswalk import staged as staging
from cimkit.crosswalk import typing
from cimkit.crosswalk.document import Crosswalk
from cimkit.crosswalk.expression import MappedColumn, Probe, Source, filled, mapped_column, spelt_for
from cimkit.duck import identifier, literal
from cimkit.errors import StandardError, nearest
from cimkit.model import Loss, Mapped, Staged

if TYPE_CHECKING:
    import duckdb

    from cimkit.standard import LayerSchema

#: How many distinct untranslated codes a loss names.
_CODES_NAMED = 5


def apply(crosswalk: Crosswalk, staged: Staged, layer: LayerSchema, folder: Path) -> Mapped:
    """The staged layer as records of ``layer``; what is computed is written to a Parquet file in ``folder``.

    Values stay as delivered unless the crosswalk says how to read them; what it cannot
    read or translate stays as it is written, so that the check finds it. Everything that was
    left out or changed on the way is counted in ``losses``. A crosswalk that was written says
    which column is which field, so text is a cell for the standard to type, and a number is
    text where the field is text; source columns that reach no field are dropped. An implicit
    one leaves types alone and carries such columns along under their own names.

    Raises:
        StandardError: the crosswalk names fields, columns or units that do not exist, or an
            expression that cannot be.
    """
    _hold_against(crosswalk, layer)
    system = _crs(crosswalk, staged)
    with duck.connect() as con:
        plan = _plan(con, crosswalk, staged, layer)
        columns, path = plan.renamed(staged), staged.path
        if columns is None:
            path = folder / f"{staged.path.stem}.{layer.name}.mapped.parquet"
            with replacing(path) as partial:
                # It is read a few times and thrown away: LZ4 costs little.
                how = "FORMAT parquet, COMPRESSION lz4_raw, ROW_GROUP_SIZE 65536"
                con.execute(f"COPY ({plan.query}) TO {literal(str(partial))} ({how})")
        losses = (*crosswalk.notes, *_crs_losses(staged, system), *_losses(con, plan))
    return Mapped(
        path=path,
        staged=staged,
        layer=layer.name,
        crs=system if plan.has_geometry else None,
        origins=plan.origins,
        text_fields=frozenset(
            name
            for name, column in plan.fields.items()
            if column.kind == "VARCHAR" and (staged.text_cells or not crosswalk.implicit)
        ),
        unmapped=plan.unmapped,
        losses=losses,
        columns=columns,
        numbered=columns is None or staged.numbered,
    )


@dataclass(frozen=True, slots=True)
class _Plan:
    """The SQL of one application. ``kept`` is the condition that records pass, over ``table``."""

    table: str
    kept: str
    query: str
    fields: Mapping[str, MappedColumn]
    origins: Mapping[str, tuple[str, ...]]
    probes: tuple[Probe, ...]
    unmapped: tuple[str, ...]
    dropped: tuple[str, ...]
    taken: Mapping[str, str] | None
    has_geometry: bool

    def renamed(self, staged: Staged) -> dict[str, str] | None:
        """Name -> column of the staged file, where the crosswalk gives columns names and does nothing else."""
        if self.taken is None:
            return None
        return {name: (staged.columns or {}).get(column, column) for name, column in self.taken.items()}


def _hold_against(crosswalk: Crosswalk, layer: LayerSchema) -> None:
    if crosswalk.layer != layer.name:
        raise StandardError(f"The crosswalk '{crosswalk.name}' leads to '{crosswalk.to}', not to '{layer.name}'.")
    for name in crosswalk.fields:
        if name not in layer.fields:
            raise StandardError(
                f"The crosswalk '{crosswalk.name}' fills '{name}', which is not a field of {layer.name}.",
                hint=nearest(name, layer.fields),
            )


def _plan(con: duckdb.DuckDBPyConnection, crosswalk: Crosswalk, staged: Staged, layer: LayerSchema) -> _Plan:
    where = f"crosswalk '{crosswalk.name}' on {staged.source.path}"
    table = staging.table(staged, cells=not crosswalk.implicit)
    source = Source(staging.kinds(con, table), lambda sql: _kind(con, sql, table))
    fields: dict[str, MappedColumn] = {}
    try:
        for name in (name for name in layer.fields if name in crosswalk.fields):
            place = f"field '{name}' of {where}"
            column = mapped_column(name, crosswalk.fields[name], layer.fields[name], source)
            fields[name] = column if crosswalk.implicit else spelt_for(column, layer.fields[name])
        place = f"'geometry' of {where}"
        geometry = _geometry(crosswalk, staged, source)
        place = f"'where' of {where}"
        kept = _condition(crosswalk, source)
    except StandardError as error:
        raise StandardError(f"In {place}: {error}", hint=error.hint) from error

    origins = {name: column.origins for name, column in fields.items()}
    if geometry is not None and geometry.origins:
        origins["geometry"] = geometry.origins
    used = {
        column for name, columns in origins.items() for column in columns
        if name != "geometry" or not crosswalk.geometry.keeps
    }  # fmt: skip
    unmapped = tuple(column for column in staging.columns(staged) if column not in used)
    carried = [column for column in unmapped if crosswalk.implicit and column not in layer.fields]
    output = [f"{column.sql} AS {identifier(name)}" for name, column in fields.items()]
    output += [identifier(column) for column in carried]
    output += [f"{geometry.sql} AS geometry"] if geometry is not None else []
    query = f"SELECT {', '.join([*output, '_row', '_fid'])} FROM {table} WHERE {kept}"
    taken = None
    if crosswalk.implicit and crosswalk.where is None and (geometry is None or geometry.sql == staging.WKB):
        taken = {name: columns[0] for name, columns in origins.items()} | {name: name for name in carried}
        taken |= {} if geometry is None else {"geometry": "geometry"}
    asked = [*fields.values(), *([geometry] if geometry is not None else [])]
    return _Plan(
        table=table,
        kept=kept,
        query=query,
        fields=fields,
        origins=origins,
        probes=tuple(probe for column in asked for probe in column.probes),
        unmapped=unmapped,
        dropped=tuple(column for column in unmapped if column not in carried),
        taken=taken,
        has_geometry=geometry is not None,
    )


def _kind(con: duckdb.DuckDBPyConnection, sql: str, table: str) -> str:
    """The DuckDB type of a guarded expression over a table."""
    import duckdb

    try:
        row = con.execute(f"DESCRIBE SELECT {sql} AS value FROM {table}").fetchone()
    except duckdb.Error as error:
        reason = str(error).split("\n")[0].strip()
        raise StandardError(f"The expression {sql} makes no sense: {reason}") from error
    assert row is not None
    return str(row[1])


def _condition(crosswalk: Crosswalk, source: Source) -> str:
    if crosswalk.where is None:
        return "TRUE"
    expression = guard.expression(crosswalk.where, source.columns)
    kind = source.kind_of(expression)
    if kind != "BOOLEAN":
        hint = f"Compare it with something: {crosswalk.where} = 1."
        raise StandardError(f"The condition gives {kind}, not true or false: {crosswalk.where}", hint=hint)
    return f"COALESCE(TRY({expression}), FALSE)"


# ---- geometry -------------------------------------------------------------------------


def _geometry(crosswalk: Crosswalk, staged: Staged, source: Source) -> MappedColumn | None:
    """The geometry as WKB: of the columns the crosswalk names, else the source's own."""
    rule = crosswalk.geometry
    wrapped = staging.json_columns(staged) if crosswalk.implicit else frozenset()

    def cell(column: str) -> str:
        name = identifier(column)
        return f"CAST({staging.unwrapped(name) if column in wrapped else name} AS VARCHAR)"

    if rule.wkt is not None:
        column = source.column(rule.wkt)
        text = filled(cell(column))
        # PostGIS writes its CRS before the text: SRID=4326;POINT(1 2).
        bare = f"regexp_replace({text}, '^\\s*(?i:SRID)=[0-9]+;', '')"
        return _placed(f"TRY(ST_GeomFromText({bare}))", (column,), text, "WKT")
    if rule.wkb is not None:
        column = source.column(rule.wkb)
        text = filled(cell(column))
        return _placed(f"TRY(ST_GeomFromHEXEWKB(trim({text})))", (column,), text, "hexadecimal WKB")
    if rule.x is not None and rule.y is not None:
        columns = source.column(rule.x), source.column(rule.y)
        texts = [cell(column) for column in columns]
        x, y = map(typing.number, texts)
        given = f"concat_ws(', ', {', '.join(map(filled, texts))})"
        return _placed(f"ST_Point({x}, {y})", columns, f"NULLIF({given}, '')", "a pair of numbers")
    if staging.has_wkb(staged):
        return MappedColumn(staging.WKB, "BLOB")
    return None


def _placed(geometry: str, columns: tuple[str, ...], text: str, what: str) -> MappedColumn:
    condition = f"{text} IS NOT NULL AND {geometry} IS NULL"
    message = f"What is not {what} gives no geometry."
    probe = Probe("geometry.unreadable", "geometry", condition, text, "NULL", message)
    return MappedColumn(f"ST_AsWKB({geometry})", "BLOB", columns, (probe,))


def _crs(crosswalk: Crosswalk, staged: Staged) -> str | None:
    return crs.canonical(crosswalk.geometry.crs) if crosswalk.geometry.crs else staged.facts.crs.value


def _crs_losses(staged: Staged, meant: str | None) -> list[Loss]:
    said = staged.facts.crs.value
    if said is None or said == meant:
        return []
    message = f"The source says {said}; the crosswalk says that its coordinates are {meant}."
    return [Loss("crs.relabelled", None, staged.facts.features, message)]


# ---- what was lost --------------------------------------------------------------------


def _losses(con: duckdb.DuckDBPyConnection, plan: _Plan) -> list[Loss]:
    """Every probe with its exact count and its first record, by one scan; then the dropped columns."""
    if plan.kept == "TRUE" and not plan.probes and not plan.dropped:
        return []
    counts = [f"count(*) FILTER (WHERE NOT {plan.kept})"]
    for probe in plan.probes:
        met = f"FILTER (WHERE {plan.kept} AND ({probe.condition}))"
        counts += [f"count(*) {met}", f"min(_row) {met}"]
    counts += [f"count({identifier(column)}) FILTER (WHERE {plan.kept})" for column in plan.dropped]
    found = con.execute(f"SELECT {', '.join(counts)} FROM {plan.table}").fetchone()
    assert found is not None
    losses = []
    if found[0]:
        losses.append(Loss("rows.filtered", None, found[0], "Records for which 'where' is not true are left out."))
    pairs: Sequence[tuple[int, int | None]] = list(zip(found[1::2], found[2::2], strict=False))
    for probe, (count, row) in zip(plan.probes, pairs, strict=False):
        if count and row is not None:
            losses.append(_loss(con, plan, probe, count, row))
    for column, count in zip(plan.dropped, found[len(found) - len(plan.dropped) :], strict=True):
        if count:
            message = f"The column '{column}' goes into no field."
            losses.append(Loss("column.unmapped", column, count, message))
    return losses


def _loss(con: duckdb.DuckDBPyConnection, plan: _Plan, probe: Probe, count: int, row: int) -> Loss:
    one = f"SELECT {probe.before}, {probe.after} FROM {plan.table} WHERE _row = {row}"
    pair = con.execute(one).fetchone()
    assert pair is not None
    message = probe.message
    if probe.code == "code.unmapped":
        message += f" {_most_frequent(con, plan, probe)}"
    field = "|".join(plan.origins.get(probe.field, ())) or probe.field
    return Loss(probe.code, field, count, message, {"row": row, "before": pair[0], "after": pair[1]})


def _most_frequent(con: duckdb.DuckDBPyConnection, plan: _Plan, probe: Probe) -> str:
    """The commonest values a probe met: 'yes' (10), 'shed' (2)."""
    # Materialized: DuckDB 1.5.5 fails to bind a TRY that is grouped and windowed at once.
    query = f"""
        WITH met AS MATERIALIZED (
            SELECT {probe.before} AS value FROM {plan.table} WHERE {plan.kept} AND ({probe.condition})
        )
        SELECT value, count(*) AS n, count(*) OVER () AS distinct_values
        FROM met GROUP BY value ORDER BY n DESC, value LIMIT {_CODES_NAMED}
    """
    rows = con.execute(query).fetchall()
    named = ", ".join(f"'{value}' ({n})" for value, n, _ in rows)
    more = rows[0][2] - len(rows)
    return named + (f" and {more} more" if more else "")
