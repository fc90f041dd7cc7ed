"""What a check decides: one rule of one layer, as a predicate over a view of the delivered records."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from dataclasses import field as _field
from typing import Any, Literal

from cimkit.check.codes import DOMAIN, LEVELS, MEASURES
from cimkit.model import Level, Severity

Engine = Literal["sql", "record"]
#: The steps from a record, or a schema, to something inside it.
Path = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule, ready to be decided.

    ``bad`` and ``applies`` are SQL over the view: true where a record fails, and where the
    rule has something to say about it. ``field`` is the standard's field (with ``.`` and
    ``[]`` inside objects and arrays), ``column`` the view's column whose value a finding
    shows, ``expected`` what the rule asks for, ``says`` more for its message. ``parameters``
    are what the standard says of it (tolerances and so on), for the report.
    """

    rule: str
    code: str
    layer: str
    field: str | None
    bad: str
    applies: str
    severity: Severity = "error"
    column: str | None = None
    expected: Any = None
    pointer: str | None = None
    engine: Engine = "sql"
    measure: int | None = None
    says: Mapping[str, Any] | None = None
    parameters: Mapping[str, Any] = _field(default_factory=dict)

    @property
    def level(self) -> Level:
        return LEVELS.get(self.code, "L2")

    @property
    def iso19157(self) -> int | None:
        return self.measure or MEASURES.get(self.code, DOMAIN)


def field_name(path: Sequence[str | int]) -> str | None:
    """A place inside a record as rules write it: ``address.street``, ``tags[]``; None for the record."""
    name = ""
    for step in path:
        name += "[]" if isinstance(step, int) else f".{step}" if name else str(step)
    return name or None


def address(layer: str, path: Sequence[str | int], place: Sequence[str | int]) -> str:
    """The stable address of a rule: ``building.height_m#required(/then)``.

    ``path`` is where it stands in the record, ``place`` where in the schema (steps through
    ``$ref`` left out); the last step of ``place`` is the keyword, and what ``path`` does not
    already say of the others is the branch in brackets.
    """
    field = field_name(path)
    branch = _branch(place[:-1])
    where = f"({pointer(branch)})" if branch else ""
    dot = "." if field and not field.startswith("[") else ""
    return f"{layer}{dot}{field or ''}#{place[-1]}{where}"


def _branch(place: Sequence[str | int]) -> list[str | int]:
    kept: list[str | int] = []
    at = 0
    while at < len(place):
        step = place[at]
        if step in ("properties", "patternProperties"):
            at += 2
        elif step == "items" and at + 1 < len(place) and isinstance(place[at + 1], int):
            kept += place[at : at + 2]
            at += 2
        elif step in ("items", "additionalProperties", "unevaluatedProperties", "additionalItems", "unevaluatedItems"):
            at += 1
        elif step in ("dependentSchemas", "dependencies", "allOf", "anyOf", "oneOf", "prefixItems"):
            kept += place[at : at + 2]
            at += 2
        else:
            kept.append(step)
            at += 1
    return kept


def pointer(steps: Sequence[str | int]) -> str:
    """A JSON pointer (RFC 6901)."""
    return "".join("/" + str(step).replace("~", "~0").replace("/", "~1") for step in steps)
