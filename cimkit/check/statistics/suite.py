"""Great Expectations Core, run on one table: expectations by name in, counts and failing rows out.

It is slow to import and runs on pandas alone (its DuckDB support fails), so it sees a frame of
just the columns that are needed. What it cannot compute is an error of cimkit or of the
standard, never of the data: Great Expectations itself reports such a thing as a failure.
"""

from __future__ import annotations

import logging
import os
import re
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cimkit.errors import CimkitError, StandardError, nearest

if TYPE_CHECKING:
    import pandas as pd

#: The hottest loop of Great Expectations' own messages, and its telephone home.
_QUIET = {"GX_ANALYTICS_ENABLED": "False", "TQDM_DISABLE": "1"}
#: Expectations about the table's columns: it is given those that others name, and no more.
_ABOUT_COLUMNS = ("expect_table_column", "expect_column_to_exist")


@dataclass(frozen=True, slots=True)
class Asked:
    """One expectation: the rule that asks for it, its type and its keywords."""

    rule: str
    type: str
    keywords: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Result:
    """What became of one expectation.

    ``rows`` are positions in the frame of the records that fail, None where the expectation is
    about the table or a column as a whole; then ``observed`` is what was found.
    """

    asked: Asked
    met: bool
    checked: int
    rows: Sequence[int] | None
    observed: Any


@contextmanager
def quietly() -> Iterator[None]:
    """Great Expectations without its progress bars, warnings and analytics."""
    before = {name: os.environ.get(name) for name in _QUIET}
    os.environ.update(_QUIET)
    logger = logging.getLogger("great_expectations")
    level = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def run(
    frame: pd.DataFrame, layer: str, asked: Sequence[Asked], *, suite: str, now: datetime, project: Path | None = None
) -> list[Result]:
    """The results of expectations about a frame, in their order.

    ``project`` is a folder of a Great Expectations project that keeps the results for its Data Docs.

    Raises:
        StandardError: there is no such expectation, or it does not take these keywords.
        CimkitError: Great Expectations fails.
    """
    with quietly():
        import great_expectations as gx
        from great_expectations.core.run_identifier import RunIdentifier

        context: Any = gx.get_context(mode="ephemeral")
        if project:
            project.mkdir(exist_ok=True)
            context = gx.get_context(mode="file", project_root_dir=project)
        context.variables.progress_bars = {"globally": False}
        source = context.data_sources.add_or_update_pandas(safe_name(layer))
        batch = source.add_dataframe_asset(layer).add_batch_definition_whole_dataframe("all")
        expectations = gx.ExpectationSuite(name=safe_name(suite))
        for number, each in enumerate(asked):
            expectations.add_expectation(_expectation(each, number))
        context.suites.add(expectations)
        validation = gx.ValidationDefinition(name=safe_name(layer), data=batch, suite=expectations)
        checkpoint = gx.Checkpoint(
            name=safe_name(f"{suite}_{layer}"),
            validation_definitions=[context.validation_definitions.add(validation)],
            result_format={"result_format": "COMPLETE"},
        )
        outcome = context.checkpoints.add(checkpoint).run(
            batch_parameters={"dataframe": frame}, run_id=RunIdentifier(run_name=safe_name(layer), run_time=now)
        )
    (validated,) = outcome.run_results.values()
    found = {result.expectation_config.meta["number"]: result for result in validated.results}
    return [_result(each, found[number], len(frame)) for number, each in enumerate(asked)]


def safe_name(text: str) -> str:
    """A name without dots and slashes, which Great Expectations turns into folders."""
    return re.sub(r"[^A-Za-z0-9]+", "_", text).strip("_") or "layer"


def _expectation(asked: Asked, number: int) -> Any:
    import great_expectations.expectations as known
    from pydantic.v1 import ValidationError

    if asked.type.startswith(_ABOUT_COLUMNS) or "row_condition" in asked.keywords:
        raise StandardError(
            f"The rule '{asked.rule}' cannot be decided: it asks for the table's columns, or for some records only.",
            hint="Which fields there are, the layer's JSON Schema says.",
        )
    _refuse_patterns(asked)
    classes = {_snake(name): name for name in dir(known) if name.startswith("Expect")}
    if asked.type not in classes:
        raise StandardError(
            f"The rule '{asked.rule}' asks for '{asked.type}', which Great Expectations does not have.",
            hint=nearest(asked.type, classes),
        )
    try:
        return getattr(known, classes[asked.type])(
            **asked.keywords, meta={"rule": asked.rule, "number": number}, notes=asked.rule
        )
    except ValidationError as error:
        problem = error.errors()[0]
        place = ".".join(str(step) for step in problem["loc"])
        raise StandardError(
            f"The rule '{asked.rule}' has a broken expectation: {place}: {problem['msg']}.",
            hint=f"See the arguments of {asked.type} in the gallery of Great Expectations.",
        ) from error


def _refuse_patterns(asked: Asked) -> None:
    """Refuses a regular expression that is none, which Great Expectations would fail on."""
    for pattern in (asked.keywords.get("regex"), *(asked.keywords.get("regex_list") or ())):
        try:
            re.compile(pattern or "")
        except (re.error, TypeError) as error:
            raise StandardError(f"The rule '{asked.rule}' has a broken regular expression: {pattern}") from error


def _snake(name: str) -> str:
    """``ExpectColumnKLDivergenceToBeLessThan`` as ``expect_column_kl_divergence_to_be_less_than``."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name).lower()


def _result(asked: Asked, result: Any, count: int) -> Result:
    failures = [result.exception_info, *result.exception_info.values()]
    for failure in failures:
        if isinstance(failure, Mapping) and failure.get("raised_exception"):
            raise CimkitError(
                f"Great Expectations failed on the rule '{asked.rule}' ({asked.type}): {failure['exception_message']}"
            )
    told = result.result
    if "element_count" not in told:  # about the table, or about the set of a column's values
        named = ("observed_value", "partial_unexpected_list", "partial_missing_list")
        observed = next((told[name] for name in named if told.get(name) is not None), None)
        return Result(asked, bool(result.success), 1, None, _plain(observed))
    missing = told.get("missing_count") or 0
    rows = [int(row) for row in told.get("unexpected_index_list") or ()]
    return Result(asked, bool(result.success), int(told.get("element_count", count)) - missing, rows, None)


def _plain(value: Any) -> Any:
    """A value of numpy or pandas, or a list of such, as Python has it."""
    if isinstance(value, list):
        return [_plain(each) for each in value]
    if value is None or value != value:  # NaN and NaT, of no values
        return None
    if hasattr(value, "isoformat"):
        return value.isoformat()
    return value.item() if hasattr(value, "item") else value
