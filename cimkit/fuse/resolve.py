"""From the claims of an entity's records to one value each, and where it came from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from cimkit.fuse.records import Attribute, Roster
from cimkit.fuse.strategies import Strategy

if TYPE_CHECKING:
    import duckdb

    from cimkit.model import Progress

#: Columns of the roles that say when a record was true, best first.
_TIME_ROLES = ("updated_at", "updated", "as_of")


def resolve(
    con: duckdb.DuckDBPyConnection, roster: Roster, strategies: Mapping[str, Strategy], progress: Progress
) -> None:
    """Make a table ``value_<column>(entity, value, …)`` for each attribute, and ``form(entity, rid)``.

    The value tables also hold ``rid``, the record whose claim was taken (null for a value made
    of all claims), ``confidence``, and ``rivals``: the claims that differ by more than the
    tolerance, best first, as a list of (source, source_id, value as text).

    ``confidence`` is the chance that not all agreeing sources are wrong, given how far each
    is trusted, times their share of the trust of all sources that claim a value.

    ``form`` names the record whose geometry the entity has: its founder's, or the best
    ranked one where the founder has none.
    """
    _claimants(con, roster)
    for done, attribute in enumerate(roster.attributes):
        progress("resolve", done, len(roster.attributes))
        con.execute(_value_table(attribute, strategies[attribute.name]))
    con.execute(
        """
        CREATE TABLE form AS
        SELECT entity, arg_min(rid, CASE WHEN rid = entity THEN 0 ELSE place END) AS rid
        FROM claimant SEMI JOIN shape USING (rid) GROUP BY entity;
        DROP TABLE claimant; DROP TABLE said
        """
    )


def _claimants(con: duckdb.DuckDBPyConnection, roster: Roster) -> None:
    """Make ``claimant(entity, rid, source, name, place, founder, by_time, by_fill)``: every record of every entity.

    ``place`` is its rank within the entity by source and closeness; ``founder`` marks the one
    that the entity was founded on; ``by_time`` is less for the newer record, ``by_fill`` for
    the one with more attributes. And ``said(source, trust, doubt)``: how far each source is
    trusted, in millionths, and the logarithm of the chance that it is wrong, in billionths.
    Whole numbers, since their sums do not depend on order.
    """
    times = [attribute for role in _TIME_ROLES for attribute in roster.role(role)]
    told = "".join(f"TRY_CAST(CAST({attribute.column} AS VARCHAR) AS TIMESTAMPTZ), " for attribute in times)
    con.execute(
        f"""
        CREATE TEMP TABLE said AS
        SELECT source, CAST(round(trust * 1e6) AS BIGINT) AS trust,
            CAST(round(ln(greatest(1 - trust, 1e-9)) * 1e9) AS BIGINT) AS doubt
        FROM origin;
        CREATE TEMP TABLE claimant AS
        SELECT entity, rid, source, name,
            row_number() OVER (PARTITION BY entity ORDER BY rank, closeness DESC, rid) AS place,
            rid = entity AS founder,
            coalesce(-epoch_us(coalesce({told}TRY_CAST(as_of AS TIMESTAMPTZ))) // 1000000, 1000000000000) AS by_time,
            -filled AS by_fill
        FROM member JOIN record USING (rid) JOIN origin USING (source) JOIN attribute USING (rid)
        """
    )


def _value_table(attribute: Attribute, strategy: Strategy) -> str:
    votes = ", count(DISTINCT source) OVER (PARTITION BY entity, value) AS votes" if strategy.name == "vote" else ""
    if strategy.is_made:
        # Over a list in a fixed order: a running sum would depend on which thread came first.
        function = "avg" if strategy.name == "mean" else "median"
        won, taken = f"list_aggregate(list(value ORDER BY key), '{function}')", "CAST(NULL AS INTEGER)"
    else:
        won, taken = "arg_min(value, key)", "arg_min(rid, key)"
    return f"""
        CREATE TABLE value_{attribute.column} AS
        WITH claimed AS (
            SELECT claimant.*, {attribute.column} AS value
            FROM claimant JOIN attribute USING (rid) WHERE {attribute.column} IS NOT NULL {strategy.claims}
        ), counted AS (SELECT *{votes} FROM claimed),
        claim AS (SELECT entity, rid, source, value, {strategy.key()} AS key FROM counted),
        winner AS (SELECT entity, {won} AS won, {taken} AS rid FROM claim GROUP BY entity),
        judged AS (
            SELECT claim.*, won, {strategy.agrees(attribute)} AS agrees FROM claim JOIN winner USING (entity)
        ), weighed AS (
            SELECT entity, bool_or(agrees) AS agrees, any_value(trust) AS trust, any_value(doubt) AS doubt
            FROM judged JOIN said USING (source) GROUP BY entity, source
        ), supported AS (
            SELECT entity, round(
                (1 - exp(coalesce(sum(doubt) FILTER (agrees), 0) / 1e9))
                * coalesce(sum(trust) FILTER (agrees), 0) / greatest(sum(trust), 1), 4
            ) AS confidence
            FROM weighed GROUP BY entity
        ), differing AS (
            SELECT entity, list(
                {{'source': name, 'source_id': id, 'value': CAST(value AS VARCHAR)}} ORDER BY key
            ) AS rivals
            FROM judged JOIN record USING (rid, source) JOIN origin USING (source) WHERE NOT agrees GROUP BY entity
        )
        SELECT entity, won AS value, winner.rid, confidence, coalesce(rivals, []) AS rivals
        FROM winner JOIN supported USING (entity) LEFT JOIN differing USING (entity)
    """
