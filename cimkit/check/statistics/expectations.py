"""Expectations of a standard about a layer as a whole (``rules.yaml``, check: expectation).

The types and keywords are those of Great Expectations. Three keywords are cimkit's own: with
``min_share`` and ``max_share`` the number of records is held against the last version's, with
``compare: previous`` a distribution is, and ``max_age`` (ISO 8601) says how old the newest
record may be. The last version is what the check was given to refer to (``--with``).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from cimkit.check.columns import GEOMETRY, ROW
from cimkit.check.delivery import Delivery
from cimkit.check.outcomes import Detail, Outcome
from cimkit.check.rules import Rule
from cimkit.check.statistics import previous, suite, words
from cimkit.check.statistics.suite import Asked, Result
from cimkit.duck import identifier
from cimkit.errors import StandardError
from cimkit.messages import Plain, say
from cimkit.model import Finding, Skipped
from cimkit.standard import Rule as StandardRule

if TYPE_CHECKING:
    import pandas as pd

    from cimkit.check.kinds import Context

_COLUMNS = ("column", "column_A", "column_B")
#: So that a value that only one version has does not make the divergence infinite.
_HOLDOUT = 0.001


def decide_layer(
    asked: Sequence[tuple[StandardRule, Rule]],
    of: Sequence[Delivery],
    context: Context,
) -> Iterator[tuple[Delivery, Outcome] | Skipped]:
    """The expectations of one layer over all its deliveries together, in one run.

    Raises:
        StandardError: an expectation is unknown, or its keywords are wrong.
        CimkitError: Great Expectations fails.
    """
    layer = of[0].layer.name
    before = [d for d in context.of_layer(layer) if not d.checked]
    ready: list[tuple[Rule, Asked]] = []
    for each, rule in asked:
        keywords = _keywords(each, of[0], before, context)
        if keywords is None:
            yield Skipped(each.id, say("skipped.no_previous", context.lang, layer=layer))
        else:
            ready.append((rule, Asked(each.id, str(each.parameters["expect"]["type"]), keywords)))
    if not ready:
        return
    with suite.quietly():
        frame, parts = _frame(context, of, sorted({name for _, each in ready for name in _columns(each.keywords)}))
    docs = context.data_docs
    results = suite.run(
        frame,
        layer,
        [each for _, each in ready],
        suite=f"{docs.standard}_{layer}" if docs else layer,
        now=context.now,
        project=docs.project if docs else None,
    )
    for (rule, _), result in zip(ready, results, strict=True):
        yield from _outcomes(rule, result, parts, context)


def _keywords(rule: StandardRule, of: Delivery, before: Sequence[Delivery], context: Context) -> dict[str, Any] | None:
    """The keywords that Great Expectations is given; None where they need a last version and there is none."""
    import pandas as pd

    expect = {key: value for key, value in rule.parameters["expect"].items() if key != "type"}
    shares = [key for key in ("min_share", "max_share") if key in expect]
    if (shares or expect.get("compare") == "previous") and not before:
        return None
    for key in shares:
        expect[key.replace("share", "value")] = round(previous.rows(before) * float(expect.pop(key)))
    if expect.pop("compare", None) == "previous":
        partition = previous.partition(context.con, before, str(expect["column"]))
        if partition is None:
            return None
        expect["partition_object"] = partition
        expect.setdefault("tail_weight_holdout", _HOLDOUT)
        if "bins" in partition:
            expect.setdefault("internal_weight_holdout", _HOLDOUT)
    if "max_age" in expect:
        try:
            age = pd.Timedelta(expect.pop("max_age")).to_pytimedelta()
        except ValueError as error:
            raise StandardError(
                f"The rule '{rule.id}' has a 'max_age' that is no duration.", hint="Write it as ISO 8601 does: P30D."
            ) from error
        expect["min_value"] = context.now.replace(tzinfo=None) - age
    field = of.layer.fields.get(str(expect.get("column")))
    if field is not None and field.format in ("date", "date-time"):
        for key in ("min_value", "max_value"):
            if isinstance(expect.get(key), str):
                expect[key] = _time(rule, key, expect[key])
    return expect


def _time(rule: StandardRule, key: str, text: str) -> datetime:
    """A bound of a column of days or times, in UTC as the frame's are."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError as error:
        raise StandardError(
            f"The rule '{rule.id}' has a '{key}' that is no time: {text}.", hint="Write it as 2024-05-01."
        ) from error
    return found if found.tzinfo is None else found.astimezone(UTC).replace(tzinfo=None)


def _columns(keywords: Mapping[str, Any]) -> list[str]:
    named = [keywords[key] for key in _COLUMNS if key in keywords]
    for key in ("column_list", "column_set"):
        named += keywords.get(key) or ()
    return [str(name) for name in named]


@dataclass(frozen=True, slots=True)
class _Part:
    """Where the records of one delivery stand in the frame: its first position, and their rows."""

    delivery: Delivery
    start: int
    rows: Sequence[int]


def _frame(context: Context, of: Sequence[Delivery], columns: Sequence[str]) -> tuple[pd.DataFrame, list[_Part]]:
    """The needed columns, in the standard's types, of all deliveries under each other; times are in UTC."""
    import pandas as pd

    frames: list[pd.DataFrame] = []
    parts: list[_Part] = []
    start = 0
    for delivery in of:
        unknown = next((name for name in columns if name not in delivery.layer.fields), None)
        if unknown is not None:
            raise StandardError(f"An expectation names the field '{unknown}', which {delivery.layer.name} has not.")
        listed = ", ".join([ROW, *(identifier(name) for name in columns)])
        frame = context.con.execute(f"SELECT {listed} FROM ({delivery.table.sql})").df()
        parts.append(_Part(delivery, start, frame.pop(ROW).to_numpy()))
        for name in frame.columns:
            if isinstance(frame[name].dtype, pd.DatetimeTZDtype):
                frame[name] = frame[name].dt.tz_convert("UTC").dt.tz_localize(None)
        frames.append(frame)
        start += len(frame)
    return pd.concat(frames, ignore_index=True), parts


def _outcomes(
    rule: Rule, result: Result, parts: Sequence[_Part], context: Context
) -> Iterator[tuple[Delivery, Outcome]]:
    rule = replace(rule, engine="record", parameters=rule.parameters["expect"])
    if result.rows is None:
        yield parts[0].delivery, _about_layer(rule, result, parts[0].delivery, context.lang)
        return
    failing = [] if result.met else sorted(result.rows)
    share = words.share(len(failing) / result.checked) if result.checked else "0 %"
    detail = Detail(says={"share": share, "expected": words.expected(result.asked, context.lang)})
    if result.asked.type == words.NOT_NULL:
        rule = replace(rule, says={**(rule.says or {}), "template": "expectation.null"})
    for number, part in enumerate(parts):
        rows = [int(part.rows[at - part.start]) for at in failing if part.start <= at < part.start + len(part.rows)]
        # What was checked is known of all deliveries together: the first one is told of it.
        checked = result.checked if number == 0 else 0
        yield part.delivery, context.from_rows(rule, checked, rows, dict.fromkeys(rows[: context.samples], detail))


def _about_layer(rule: Rule, result: Result, of: Delivery, lang: str) -> Outcome:
    """One finding about the layer."""
    outcome = Outcome(rule, 1, int(not result.met), ())
    if result.met:
        return outcome
    template = dict((rule.says or {}).get("message") or {})
    text = template.get(lang) or template.get("en")
    spec = of.layer.fields.get(rule.column or "")
    label = (
        spec.names.get(lang, spec.names.get("en", spec.name))
        if spec
        else of.layer.names.get(lang, of.layer.names["en"])
    )
    value = Plain(result.observed) if isinstance(result.observed, str) else result.observed
    message = text or say(
        "expectation.whole",
        lang,
        what=words.what(result.asked, label, lang),
        value=value,
        expected=words.expected(result.asked, lang),
    )
    finding = Finding(
        rule=rule.rule,
        code=rule.code,
        severity=rule.severity,
        source=of.mapped.staged.source.path,
        layer=of.mapped.staged.layer,
        field=None if rule.field in (None, GEOMETRY) else of.mapped.spoken(str(rule.field)),
        value=result.observed,
        message=message,
    )
    return replace(outcome, about=(finding,))
