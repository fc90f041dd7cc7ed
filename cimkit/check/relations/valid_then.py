"""A record is valid only while what it refers to is (``check: valid_then``)."""

from __future__ import annotations

from collections.abc import Sequence

from cimkit.check.columns import ROW
from cimkit.check.delivery import Delivery
from cimkit.check.instants import ALWAYS_AFTER, ALWAYS_BEFORE
from cimkit.check.kinds import Context, Decided
from cimkit.check.relations.key_columns import claims, has_fields, key_names, listed, shown_key, standing
from cimkit.check.relations.periods import bound, shown_period, with_periods
from cimkit.check.relations.references import no_field
from cimkit.check.rules import Rule
from cimkit.standard import Rule as StandardRule


def decide(asked: StandardRule, rule: Rule, of: Sequence[Delivery], context: Context) -> Decided:
    """``valid_then``: from ``from`` to ``until`` the record that ``fields`` refer to is valid too.

    ``from`` and ``until`` are fields of both layers; where the other one calls its own otherwise,
    ``of_from`` and ``of_until`` say so. Where several records bear the key
    (versions), what they cover together counts. An empty end goes on; of a record without a
    beginning, the beginning is not judged; one that ends when it begins is an instant. What
    refers to nothing there is, is told elsewhere.
    """
    fields, to, start, end = (asked.parameters[name] for name in ("fields", "to", "from", "until"))
    of_start, of_end = asked.parameters.get("of_from", start), asked.parameters.get("of_until", end)
    targets = context.of_layer(asked.parameters["of"])
    needed = [*to, *dict.fromkeys((of_start, of_end))]
    if not any(has_fields(d, needed) for d in targets):
        yield no_field(asked, targets, needed, context.lang)
        return
    names = ", ".join(key_names(fields))
    covered = _covered(context, targets, to, of_start, of_end)
    for each in of:
        concerned = context.concerned(asked, each)
        if not has_fields(each, fields) or not any(field in each.table.columns for field in (start, end)):
            yield each, context.from_query(rule, each, 0, f"SELECT NULL::BIGINT AS {ROW} WHERE FALSE")
            continue
        own = (
            f"SELECT {ROW}, {listed(each, fields)}, {bound(each, start, ALWAYS_BEFORE)} AS start, "
            f"{bound(each, end, ALWAYS_AFTER)} AS stop FROM ({each.table.sql}) "
            f"WHERE {claims(each, fields)} AND {concerned}"
        )
        referring = context.new_table("referring")
        context.con.execute(
            f"CREATE TABLE {referring} AS SELECT *, "
            # Of an untold beginning only the last moment is judged; an instant is as long as one microsecond.
            f"CASE WHEN start = {ALWAYS_BEFORE} THEN stop - 1 ELSE start END AS low, greatest(stop, start + 1) AS high "
            f"FROM (SELECT * FROM ({own}) WHERE start <= stop AND (start, stop) <> ({ALWAYS_BEFORE}, {ALWAYS_AFTER})) "
            f"SEMI JOIN {covered} USING ({names})"
        )
        checked = context.con.execute(f"SELECT count(*) FROM {referring}").fetchone()
        on = " AND ".join(f"r.{name} = c.{name}" for name in key_names(fields))
        outside = f"SELECT * FROM {referring} r ANTI JOIN {covered} c ON {on} AND c.start <= r.low AND r.high <= c.stop"
        whole = f"SELECT {names}, min(start) AS start, max(stop) AS stop FROM {covered} GROUP BY {names}"
        failing = (
            f"SELECT {ROW}, {shown_key(fields)} AS value, {shown_period('r.start', 'r.stop')} AS period, "
            f"{shown_period('c.start', 'c.stop')} AS others FROM ({outside}) r JOIN ({whole}) c USING ({names})"
        )
        yield each, context.from_query(rule, each, int(checked[0]) if checked else 0, failing)


def _covered(context: Context, targets: Sequence[Delivery], to: Sequence[str], start: str, end: str) -> str:
    """A table (k0 …, start, stop) of the periods without a gap in which each key is valid."""
    names = ", ".join(key_names(to))
    where = {d.number: standing(d, context.deliveries) for d in targets}
    table = context.new_table("covered")
    before = f"(PARTITION BY {names} ORDER BY start, stop ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)"
    context.con.execute(
        f"CREATE TABLE {table} AS SELECT {names}, min(start) AS start, max(stop) AS stop FROM ("
        f"SELECT *, sum(opens) OVER (PARTITION BY {names} ORDER BY start, stop ROWS UNBOUNDED PRECEDING) AS part FROM ("
        f"SELECT *, CASE WHEN start <= max(stop) OVER {before} THEN 0 ELSE 1 END AS opens "
        f"FROM ({with_periods(targets, to, start, end, where)}))) GROUP BY {names}, part"
    )
    return table
