"""What of a rule's failures does not count: what a baseline knows, and what is suppressed.

Both work on every failing record, not on the samples, so that the totals of what is left are
exact. Suppressions come first, so that a baseline is not spent on what is suppressed anyway.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cached_property
from pathlib import PurePath
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from cimkit.check.baseline import Known, name_of
from cimkit.check.classes import judged_again
from cimkit.check.columns import ROW
from cimkit.check.fingerprints import KEYED, as_number, features_sql, fingerprint_of, number_sql
from cimkit.check.json_schema.sql import NEVER
from cimkit.check.outcomes import Outcome, details_of
from cimkit.check.suppressions import Suppression, split
from cimkit.duck import literal
from cimkit.messages import Plain, say
from cimkit.model import Finding, Report, RuleResult, Suppressed

if TYPE_CHECKING:
    import duckdb

    from cimkit.check.layer_check import LayerCheck

EXPIRED = "suppression.expired"


@dataclass(frozen=True, slots=True)
class _Failing:
    """An outcome with failures that may be exempt: its place among all outcomes, its number among these."""

    check: LayerCheck
    place: tuple[int, int]
    outcome: Outcome
    number: int

    @property
    def name(self) -> str:
        return name_of(self.outcome.rule)


@dataclass
class Exemptions:
    """The exemptions of one check, and what became of them. ``path`` is the file of the suppressions.

    ``found`` gathers the fingerprints of every failure, where a baseline is to be written.
    """

    known: Known
    suppressions: Sequence[Suppression]
    now: datetime
    samples: int | None
    level: str = "L5"
    path: str = ""
    gather: bool = False
    found: Known = field(default_factory=dict)
    _used: Counter[int] = field(default_factory=Counter)

    @cached_property
    def _holding(self) -> list[Suppression]:
        return split(self.suppressions, self.now)[0]

    def apply(
        self, con: duckdb.DuckDBPyConnection, checks: Sequence[LayerCheck], outcomes: Sequence[Sequence[Outcome]]
    ) -> list[list[Outcome]]:
        """The outcomes of the delivered layers without the failures that do not count."""
        left = [list(decided) for decided in outcomes]
        failing: list[_Failing] = []
        for at, (check, decided) in enumerate(zip(checks, outcomes, strict=True)):
            for position, outcome in enumerate(decided):
                if outcome.failed and outcome.rule.bad != NEVER and self._concerns(check, outcome):
                    failing.append(_Failing(check, (at, position), outcome, len(failing)))
        if not failing:
            return left
        _note(con, failing)
        every = _counts(con)
        for suppression in self._holding:
            self._suppress(con, suppression, failing)
        unsuppressed = _counts(con)
        if self.gather:
            for each in failing:
                numbers = con.execute(f"SELECT fingerprint FROM failures WHERE number = {each.number}").fetchnumpy()
                self._add_found(each.name, numbers["fingerprint"])
        if self.known:
            _forget(con, failing, self.known)
        new = _counts(con)
        for each in failing:
            suppressed = every[each.number] - unsuppressed[each.number]
            known = unsuppressed[each.number] - new[each.number]
            if suppressed or known:
                at, position = each.place
                left[at][position] = self._left(con, each, known, suppressed)
        return left

    def _concerns(self, check: LayerCheck, outcome: Outcome) -> bool:
        covered = any(_covers(each, check, outcome) for each in self._holding)
        return self.gather or covered or name_of(outcome.rule) in self.known

    def _suppress(self, con: duckdb.DuckDBPyConnection, suppression: Suppression, failing: Sequence[_Failing]) -> None:
        """Takes out what is suppressed."""
        covered = [str(each.number) for each in failing if _covers(suppression, each.check, each.outcome)]
        if not covered:
            return
        which = f"number IN ({', '.join(covered)})"
        if suppression.ids:
            keys = ", ".join(literal(KEYED + each) for each in suppression.ids)
            numbers = [str(number) for each in suppression.ids if (number := as_number(each)) is not None]
            which += (
                f" AND (fingerprint IN ({', '.join(numbers) or 'NULL'}) OR (delivery, {ROW}) IN "
                f"(SELECT (delivery, {ROW}) FROM failing_features WHERE feature IN ({keys})))"
            )
        taken = con.execute(f"DELETE FROM failures WHERE {which}").fetchone()
        self._used[id(suppression)] += int(taken[0]) if taken else 0

    def _add_found(self, name: str, numbers: NDArray[np.uint64]) -> None:
        self.found[name] = np.concatenate([self.found.get(name, np.empty(0, np.uint64)), numbers])

    def _left(self, con: duckdb.DuckDBPyConnection, each: _Failing, known: int, suppressed: int) -> Outcome:
        outcome, table = each.outcome, f"SELECT {ROW} FROM failures WHERE number = {each.number}"
        limit = "" if self.samples is None else f" LIMIT {self.samples}"
        kept = tuple(row[0] for row in con.execute(f"{table} ORDER BY {ROW}{limit}").fetchall())
        return replace(
            outcome,
            rule=replace(outcome.rule, bad=f"({ROW} IN ({table}))"),
            failed=outcome.failed - known - suppressed,
            rows=kept,
            details=details_of(con, outcome.table, kept) if outcome.table else outcome.details,
            known=outcome.known + known,
            suppressed=outcome.suppressed + suppressed,
        )

    # ---- about layers and files, which have no rows

    def about_wholes(self, report: Report, lang: str) -> Report:
        """The report with fingerprints of the findings about whole layers and files, without those that do not count.

        Suppressions whose last day is over are findings themselves.
        """
        kept: list[Finding] = []
        gone: dict[tuple[str, str], list[bool]] = {}
        known = {name: Counter(numbers.tolist()) for name, numbers in self.known.items() if name in _wholes(report)}
        for finding in report.findings:
            if finding.row is not None or finding.fingerprint is not None:
                kept.append(finding)
                continue
            marked = replace(finding, fingerprint=_whole(finding))
            by_baseline = self._exempts(marked, known)
            if by_baseline is None:
                kept.append(marked)
            else:
                gone.setdefault((finding.rule, finding.code), []).append(by_baseline)
        rules = [_reduced(result, gone.get((result.rule, result.code), [])) for result in report.rules]
        expired = list(self._expired(lang))
        if expired:
            rules.append(RuleResult("suppression", EXPIRED, "warning", "L0", "", None, len(expired), len(expired)))
        coverage = replace(report.coverage, suppressed=self._told())
        return replace(
            report,
            coverage=coverage,
            rules=tuple(rules),
            findings=tuple(_bounded([*kept, *expired], self.samples)),
            classes=judged_again(report.classes, rules, coverage.rules.skipped, self.level),
        )

    def _exempts(self, finding: Finding, known: dict[str, Counter[int]]) -> bool | None:
        """Whether a baseline (True) or a suppression (False) exempts a finding; None where neither does."""
        name, fingerprint = _name(finding), str(finding.fingerprint)
        for suppression in self._holding:
            listed = not suppression.ids or fingerprint in suppression.ids
            if listed and suppression.covers(finding.rule, finding.code, finding.source):
                self._used[id(suppression)] += 1
                return False
        number = int(fingerprint, 16)
        if self.gather:
            self._add_found(name, np.array([number], np.uint64))
        if not known.get(name, Counter())[number]:
            return None
        known[name][number] -= 1
        return True

    def _told(self) -> tuple[Suppressed, ...]:
        """The suppressions that took something out."""
        return tuple(
            Suppressed(each.rule, each.reason, each.until.isoformat(), self._used[id(each)])
            for each in self.suppressions
            if self._used[id(each)]
        )

    def _expired(self, lang: str) -> Iterator[Finding]:
        for each in split(self.suppressions, self.now)[1]:
            text = say(EXPIRED, lang, value=Plain(each.rule), until=each.until.isoformat(), reason=each.reason)
            yield Finding("suppression", EXPIRED, "warning", self.path, "", text, hint=say("hint.expired", lang))


def _covers(suppression: Suppression, check: LayerCheck, outcome: Outcome) -> bool:
    return suppression.covers(outcome.rule.rule, outcome.rule.code, check.mapped.staged.source.path)


def _note(con: duckdb.DuckDBPyConnection, failing: Sequence[_Failing]) -> None:
    """Makes the table of all failures, in one pass over each delivered layer; and that of their features."""
    con.execute(f"CREATE TABLE failures (delivery INTEGER, number INTEGER, {ROW} BIGINT, fingerprint UBIGINT)")
    con.execute(f"CREATE TABLE failing_features (delivery INTEGER, {ROW} BIGINT, feature VARCHAR)")
    for delivery in dict.fromkeys(each.check.number for each in failing):
        here = [each for each in failing if each.check.number == delivery]
        check, rules = here[0].check, [each.outcome.rule for each in here]
        tests = ", ".join(f"CASE WHEN {rule.bad} THEN {nth} END" for nth, rule in enumerate(rules, start=1))
        con.execute(
            f"CREATE OR REPLACE TEMP TABLE failing AS SELECT {ROW}, nth FROM "
            f"(SELECT {ROW}, unnest([{tests}]) AS nth FROM ({check.table.sql})) WHERE nth IS NOT NULL"
        )
        features = features_sql(check.layer, check.table, f"SELECT DISTINCT {ROW} FROM failing")
        con.execute(f"INSERT INTO failing_features SELECT {delivery}, {ROW}, feature FROM ({features})")
        con.execute(
            f"INSERT INTO failures SELECT {delivery}, nth - 1 + {here[0].number}, {ROW}, "
            f"{number_sql(rules, 'nth', 'feature')} "
            f"FROM failing JOIN (SELECT * FROM failing_features WHERE delivery = {delivery}) USING ({ROW})"
        )
    con.execute("DROP TABLE failing")


def _counts(con: duckdb.DuckDBPyConnection) -> Counter[int]:
    """The number of an outcome -> how many failures it has left."""
    return Counter(dict(con.execute("SELECT number, count(*) FROM failures GROUP BY number").fetchall()))


def _forget(con: duckdb.DuckDBPyConnection, failing: Sequence[_Failing], known: Known) -> None:
    """Takes out what the baseline knows, each as often as it knows it, the first of all files first."""
    names = list(dict.fromkeys(each.name for each in failing))
    con.execute("CREATE TEMP TABLE baseline (name INTEGER, fingerprint UBIGINT, times BIGINT)")
    for number, name in enumerate(names):
        fingerprints, times = np.unique(known.get(name, np.empty(0, np.uint64)), return_counts=True)
        con.register("given", pa.table({"fingerprint": fingerprints, "times": times}))
        con.execute(f"INSERT INTO baseline SELECT {number}, fingerprint, times FROM given")
        con.unregister("given")
    named = ", ".join(str(names.index(each.name)) for each in failing)
    numbered = f"SELECT *, list_extract([{named}], number + 1) AS name FROM failures"
    nth = f"row_number() OVER (PARTITION BY name, fingerprint ORDER BY number, {ROW})"
    con.execute(
        f"CREATE TABLE new_failures AS SELECT delivery, number, {ROW}, fingerprint FROM "
        f"(SELECT *, {nth} AS nth FROM ({numbered})) LEFT JOIN baseline USING (name, fingerprint) "
        f"WHERE nth > coalesce(times, 0)"
    )
    con.execute("DROP TABLE baseline")
    con.execute("DROP TABLE failures")
    con.execute("ALTER TABLE new_failures RENAME TO failures")


def _name(finding: Finding) -> str:
    return f"{finding.rule} {finding.code}"


def _wholes(report: Report) -> set[str]:
    """The rules, as a baseline calls them, with findings about whole layers and files."""
    return {_name(finding) for finding in report.findings if finding.row is None}


def _whole(finding: Finding) -> str:
    """The fingerprint of a finding about a whole layer or file, wherever the file lies."""
    place = "/".join(("whole", PurePath(finding.source).name, finding.layer))
    return fingerprint_of(finding.rule, finding.code, finding.field, place)


def _bounded(findings: Sequence[Finding], samples: int | None) -> Iterator[Finding]:
    """At most so many findings of each rule."""
    seen: Counter[tuple[str, str]] = Counter()
    for finding in findings:
        key = (finding.rule, finding.code)
        seen[key] += 1
        if samples is None or seen[key] <= samples:
            yield finding


def _reduced(result: RuleResult, gone: Sequence[bool]) -> RuleResult:
    known = sum(gone)
    suppressed = len(gone) - known
    return replace(
        result,
        failed=result.failed - len(gone),
        known=result.known + known,
        suppressed=result.suppressed + suppressed,
    )
