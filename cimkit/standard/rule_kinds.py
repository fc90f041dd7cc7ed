"""Which parameters of a rule name fields, and of which layer: what can be checked before any data is there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

#: Parameters that name one field, or a list of fields, of the rule's own layer.
_OWN = (
    "field",
    "fields",
    "by",
    "start",
    "end",
    "parent",
    "key",
    "level_field",
    "from",
    "until",
    "time",
    "value",
    "unit",
)
#: Parameters that name fields of the other layer.
_OTHER = ("to", "of_from", "of_until")
#: Kinds in which the two are the other way round: records of the other layer refer to the rule's.
_REVERSED = frozenset({"cardinality"})


def fields_named(check: str, parameters: Mapping[str, Any]) -> Iterator[tuple[str, bool]]:
    """(field, whether it is one of the rule's own layer rather than of the layer ``of``)."""
    yield from ((name, True) for name in _expected(parameters.get("expect", {})))
    turned = check in _REVERSED
    for names, own in ((_OWN, True), (_OTHER, False)):
        for name in names:
            if name in parameters:
                for field in _listed(parameters[name]):
                    yield field, own is not (turned and name in ("fields", "to"))


def _expected(expect: Mapping[str, Any]) -> Iterator[str]:
    """The fields that an expectation names."""
    for key in ("column", "column_A", "column_B", "column_list", "column_set"):
        if key in expect:
            yield from _listed(expect[key])


def _listed(value: Any) -> Sequence[str]:
    return [value] if isinstance(value, str) else value
