"""Rules between records by plain Python, one record after the other: an independent judge of a standard's examples."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from itertools import groupby
from typing import Any

from cimkit.standard import Rule

Record = dict[str, Any]


def kind_findings(
    rules: Sequence[Rule], layer: str, rows: Sequence[Record], known: Mapping[str, Sequence[Record]]
) -> Iterator[str]:
    """The rules of a layer that its records break, of the kinds that need no geometry; ``known`` are other layers."""
    for rule in rules:
        if rule.layer != layer or rule.check not in (*JUDGES, "cardinality"):
            continue
        about = [row for row in rows if _concerned(rule, row)]
        if rule.check == "cardinality":
            others = known.get(rule.parameters["of"])
            broken = others is not None and _cardinality(rule.parameters, about, others)
        else:
            broken = JUDGES[rule.check](rule.parameters, about)
        if broken:
            yield rule.id


def _concerned(rule: Rule, row: Record) -> bool:
    """The conditions that the core has, as they are written there."""
    when = rule.parameters.get("when")
    if when is None:
        return True
    if when == "status IS NULL OR status = 'ok'":
        return row.get("status", "ok") == "ok"
    field, _, rest = when.partition(" ")
    if rest.startswith("IN ("):
        return row.get(field) in [code.strip("' ") for code in rest[4:-1].split(",")]
    assert rest == "IS NOT NULL", f"the judge does not know the condition {when}"
    return row.get(field) is not None


def _range(asked: Record, rows: Sequence[Record]) -> bool:
    for row in rows:
        about = asked["ranges"].get(row.get(asked["by"][0]))
        value, unit = row.get(asked["value"]), row.get(asked["unit"])
        if about is None or value is None:
            continue
        if "unit" in about and unit is not None and unit != about["unit"]:
            return True
        if not about.get("min", value) <= value <= about.get("max", value):
            return True
    return False


def _stuck(asked: Record, rows: Sequence[Record]) -> bool:
    def series(row: Record) -> tuple[Any, ...]:
        return tuple(row.get(field) for field in asked["by"])

    whole = [row for row in rows if None not in series(row) and row.get(asked["value"]) is not None]
    ordered = sorted(whole, key=lambda row: (series(row), _time(row[asked["time"]])))
    for (_, value), run in groupby(ordered, key=lambda row: (series(row), row[asked["value"]])):
        if value not in asked["allow"] and len({row[asked["time"]] for row in run}) >= asked["run"]:
            return True
    return False


def _times(asked: Record, rows: Sequence[Record]) -> bool:
    latest = datetime.now(UTC) + timedelta(hours=1)
    assert (asked["future"], asked["zone"]) == ("PT1H", False)
    times = [_time(row[field]) for row in rows for field in asked["fields"] if field in row]
    return any(time > latest for time in times)


def _hierarchy(asked: Record, rows: Sequence[Record]) -> bool:
    above = {row[asked["key"]]: row.get(asked["parent"]) for row in rows if asked["key"] in row}
    for start in above:
        at = above[start]
        for _ in above:
            if at == start:
                return True
            at = above.get(at)
    return False


def _no_time_overlap(asked: Record, rows: Sequence[Record]) -> bool:
    def period(row: Record) -> tuple[str, str]:
        return row.get(asked["from"]) or "0000", row.get(asked["until"]) or "9999"

    for number, one in enumerate(rows):
        for other in rows[number + 1 :]:
            same = all(one.get(field) == other.get(field) is not None for field in asked["by"])
            (a, b), (c, d) = period(one), period(other)
            if same and a < b and c < d and a < d and c < b:
                return True
    return False


def _cardinality(asked: Record, rows: Sequence[Record], others: Sequence[Record]) -> bool:
    (field,), (to,) = asked["fields"], asked["to"]
    return any(sum(other.get(field) == row[to] for other in others) < asked["min"] for row in rows if to in row)


def _time(text: str) -> datetime:
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        return datetime.min.replace(tzinfo=UTC)
    return time if time.tzinfo else time.replace(tzinfo=UTC)


JUDGES = {
    "range": _range,
    "stuck": _stuck,
    "times": _times,
    "hierarchy": _hierarchy,
    "no_time_overlap": _no_time_overlap,
}
