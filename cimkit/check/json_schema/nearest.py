"""Which branch of ``anyOf`` or ``oneOf`` a value was meant to be, and what keeps it from being that.

A branch that nothing fits (``false``) comes last. The one whose telling members fit (its ``const``
and ``enum``, its type) comes first, then the one with the fewest problems, then the one whose
problems lie deepest.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from jsonschema import ValidationError

from cimkit.check.rules import field_name
from cimkit.messages import Plain, say, types

_MOST_TOLD = 3
_ALTERNATIVES = frozenset({"anyOf", "oneOf"})


@dataclass(frozen=True, slots=True)
class Nearest:
    """The branch that is nearest: its place, what it is called, its problems; ``branches`` is how many there are."""

    index: int
    branches: int
    title: str | None
    problems: tuple[ValidationError, ...]


def nearest_branch(error: ValidationError) -> Nearest | None:
    """The nearest branch of an error of ``anyOf`` or ``oneOf``; None where several branches fit at once."""
    if error.validator not in _ALTERNATIVES or not error.context:
        return None
    branches: dict[int, list[ValidationError]] = {}
    for problem in error.context:
        branches.setdefault(int(problem.relative_schema_path[0]), []).append(problem)
    index = min(branches, key=lambda number: (_distance(branches[number]), number))
    schemas: Sequence[Any] = error.validator_value if isinstance(error.validator_value, list) else ()
    return Nearest(
        index, len(schemas), _title(schemas[index] if index < len(schemas) else None), _told(branches[index])
    )


def _distance(problems: Sequence[ValidationError]) -> tuple[int, int, int, int, int]:
    closed = sum(problem.validator in (None, "false") and not problem.relative_path for problem in problems)
    at_root = sum(problem.validator == "type" and not problem.relative_path for problem in problems)
    telling = sum(_is_telling(problem) for problem in problems)
    deepest = max(len(problem.relative_path) for problem in problems)
    return closed, at_root, telling, len(problems), -deepest


def _is_telling(problem: ValidationError) -> bool:
    """Whether a problem says that another form was meant: a constant, how deep ever, or a choice near the root."""
    return problem.validator == "const" or (problem.validator == "enum" and len(problem.relative_path) <= 1)


def _told(problems: Sequence[ValidationError]) -> tuple[ValidationError, ...]:
    """The problems themselves: alternatives inside the branch are led to their own nearest branch."""
    told: list[ValidationError] = []
    for problem in problems:
        inner = nearest_branch(problem)
        told += inner.problems if inner else [problem]
    return tuple(told)


def _title(schema: Any) -> str | None:
    if not isinstance(schema, Mapping):
        return None
    if isinstance(schema.get("title"), str):
        return str(schema["title"])
    reference = schema.get("$ref")
    return reference.rstrip("/").rpartition("/")[2] or None if isinstance(reference, str) else None


def said_of(nearest: Nearest, lang: str) -> str:
    """The sentence that a message gains: which form is nearest, and what is wrong with the value as that form."""
    title = "" if nearest.title is None else f"“{nearest.title}”" if lang == "zh" else f" ({nearest.title})"
    form = say("word.form", lang, number=nearest.index + 1, of=nearest.branches, title=title)
    told = list(dict.fromkeys(_sentence(problem, lang) for problem in nearest.problems))
    more = say("word.more_problems", lang, n=len(told) - _MOST_TOLD) if len(told) > _MOST_TOLD else ""
    between = "" if lang == "zh" else " "
    return between + say("word.nearest_form", lang, form=form, problems=between.join(told[:_MOST_TOLD]) + more)


def _sentence(problem: ValidationError, lang: str) -> str:
    keyword = "false" if problem.validator is None else str(problem.validator)
    label = field_name(tuple(problem.relative_path)) or say("word.value", lang)
    expected = problem.validator_value
    if keyword == "type":
        expected = types(expected, lang)
    elif keyword in ("format", "pattern"):
        expected = Plain(expected)
    return say(keyword, lang, label=label, value=problem.instance, expected=expected)
