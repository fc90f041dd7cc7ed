"""How one value is chosen from several claims: the order in which claims are preferred, as SQL.

The vocabulary follows Bleiholder and Naumann, "Data fusion" (ACM Computing Surveys 41, 2008).
A strategy either picks one claim or makes a value of all of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cimkit import duck
from cimkit.errors import UsageError, nearest

if TYPE_CHECKING:
    from cimkit.fuse.records import Attribute, Roster

#: Each as the ORDER BY that puts the claim to take first; equal ones are settled by source and record.
PICKED: Mapping[str, str] = {
    "priority": "",
    "newest": "by_time",
    "most_complete": "by_fill",
    "longest": "length(CAST(value AS VARCHAR)) DESC",
    "vote": "votes DESC",
    "max": "value DESC",
    "min": "value ASC",
    "founder": "",
}
#: No entity has so many records that their places would reach into the digits before them.
_PLACES = 1_000_000
#: What needs no look at the values, and so no sorting for each attribute.
_KNOWN = {
    "priority": "place",
    "founder": "place",
    "newest": f"by_time * {_PLACES} + place",
    "most_complete": f"by_fill * {_PLACES} + place",
}
MADE = ("mean", "median")
STRATEGIES = (*PICKED, *MADE)
_KEYS = {"strategy", "order", "tolerance", "unknown"}
#: What a record says of itself and not of the thing: sources cannot agree on it, and that is no conflict.
ABOUT_THE_RECORD = frozenset({"source", "source_id", "confidence", "updated_at"})
#: Roles that make sense only together, taken from the record that the entity was founded on.
_TOGETHER = frozenset({"source", "source_id", "confidence"})


@dataclass(frozen=True, slots=True)
class Strategy:
    """How the claims of one attribute are resolved.

    Attributes:
        name: one of :data:`STRATEGIES`.
        order: names of sources, best first; sources that are not named come after them, as ranked.
        tolerance: claims that differ from the value by no more than this agree with it.
        unknown: values that say nothing is known: they give way to any other, and are no rivals.
    """

    name: str = "priority"
    order: tuple[str, ...] = ()
    tolerance: float = 0.0
    unknown: tuple[str, ...] = ()

    @property
    def is_made(self) -> bool:
        return self.name in MADE

    @property
    def claims(self) -> str:
        """SQL that says which of the claims count: what follows a WHERE clause, or nothing."""
        if self.name == "founder":
            return "AND founder"
        if not self.unknown:
            return ""
        known = f"CAST(value AS VARCHAR) NOT IN ({', '.join(map(duck.literal, self.unknown))})"
        return f"QUALIFY {known} OR NOT bool_or({known}) OVER (PARTITION BY entity)"

    def key(self) -> str:
        """SQL for an integer that is least for the claim to take; over the columns of :mod:`cimkit.fuse.resolve`."""
        named = " ".join(f"WHEN {duck.literal(name)} THEN {place}" for place, name in enumerate(self.order))
        order = f"CASE name {named} ELSE {len(self.order)} END" if named else ""
        if self.name == "priority" and order:
            return f"({order}) * {_PLACES} + place"
        if self.name in _KNOWN and not order:
            return _KNOWN[self.name]
        preference = ", ".join(part for part in (PICKED.get(self.name, ""), order, "place") if part)
        return f"row_number() OVER (PARTITION BY entity ORDER BY {preference})"

    def agrees(self, attribute: Attribute) -> str:
        """SQL: whether a claim's ``value`` says the same as ``won``."""
        if attribute.is_number and self.tolerance:
            return f"abs(value - won) <= {self.tolerance!r}"
        return "value IS NOT DISTINCT FROM won"


def read(
    attributes: Mapping[str, Mapping[str, Any]], roster: Roster, fields: Iterable[str] = ()
) -> dict[str, Strategy]:
    """The strategy of each attribute, ``priority`` where none is given; ``founder`` for where a record is from.

    ``fields`` are the layer's: they may be named even if no source has them.

    Raises:
        UsageError: an unknown attribute, strategy, key or source, or a mean of what is no number.
    """
    given = {name.casefold(): spec for name, spec in attributes.items()}
    known = {name.casefold() for name in (*fields, *(attribute.name for attribute in roster.attributes))}
    for name in given:
        if name not in known:
            raise UsageError(f"A strategy is given for '{name}', which no source has.", hint=nearest(name, known))
    found = {}
    for attribute in roster.attributes:
        usual = {"strategy": "founder"} if attribute.role in _TOGETHER else {}
        spec = given.get(attribute.name.casefold(), usual)
        strategy = parse(f"attribute '{attribute.name}'", spec, roster.names)
        if strategy.is_made and not attribute.is_number:
            raise UsageError(
                f"The attribute '{attribute.name}' is {attribute.type}: it has no {strategy.name}.",
                hint=f"Take one of {', '.join(PICKED)}.",
            )
        found[attribute.name] = strategy
    return found


def parse(what: str, spec: Mapping[str, Any], sources: Sequence[str], known: Sequence[str] = STRATEGIES) -> Strategy:
    """One strategy from its mapping: ``{strategy, order, tolerance, unknown}``.

    Raises:
        UsageError: an unknown strategy, key or source.
    """
    for key in spec:
        if key not in _KEYS:
            raise UsageError(f"The {what} has an unknown setting '{key}'.", hint=nearest(key, _KEYS))
    name = spec.get("strategy", "priority")
    if name not in known:
        raise UsageError(f"The {what} has an unknown strategy '{name}'.", hint=nearest(str(name), known))
    order = tuple(spec.get("order", ()))
    for source in order:
        if source not in sources:
            raise UsageError(f"The {what} names '{source}', which is no source here.", hint=nearest(source, sources))
    return Strategy(name, order, float(spec.get("tolerance", 0.0)), tuple(map(str, spec.get("unknown", ()))))
