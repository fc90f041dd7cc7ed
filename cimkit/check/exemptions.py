"""What of a rule's failures does not count: what a baseline knows, and what is suppressed.

Both work on every failing record, not on the samples, so that the totals of what is left are
exact. Suppressions come first, so that a baseline is not spent on what is suppressed anyway.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import PurePath
from typing import TYPE_CHECKING

import pyarrow as pa

from cimkit.check.baseline import Known, name_of
from cimkit.check.columns import ROW
from cimkit.check.fingerprints import features_sql, fingerprint_of, fingerprint_sql
from cimkit.check.outcomes import Outcome, details_of
from cimkit.check.suppressions import Suppression, split
from cimkit.duck import literal
from cimkit.messages import Plain, say
from cimkit.model import Finding, Report, RuleResult, Suppressed

if TYPE_CHECKING:
    from cimkit.check.layer_check import LayerCheck

EXPIRED = "suppression.expired"


@dataclass
class Exemptions:
    """The exemptions of one check, and what became of them. ``path`` is the file of the suppressions.

    ``found`` gathers the fingerprints of every failure, where a baseline is to be written.
    """

    known: Known
    suppressions: Sequence[Suppression]
    now: datetime
    samples: int | None
    path: str = ""
    gather: bool = False
    found: dict[str, list[str]] = field(default_factory=dict)
    _used: Counter[int] = field(default_factory=Counter)
    _tables: int = 0

    def apply(self, check: LayerCheck, outcomes: Sequence[Outcome]) -> list[Outcome]:
        """The outcomes of one delivered layer without the failures that do not count."""
        return [self._applied(check, outcome) for outcome in outcomes]

    def _applied(self, check: LayerCheck, outcome: Outcome) -> Outcome:
        rule = outcome.rule
        holding, _ = split(self.suppressions, self.now)
        source = check.mapped.staged.source.path
        covering = [s for s in holding if s.covers(rule.rule, rule.code, source)]
        known = self.known.get(name_of(rule), Counter())
        if not outcome.failed or rule.bad == "FALSE" or not (covering or known or self.gather):
            return outcome
        table = self._failures(check, outcome)
        suppressed = sum(self._suppress(check, table, each) for each in covering)
        if self.gather:
            rows = check.con.execute(f"SELECT fingerprint FROM {table}").fetchall()
            self.found.setdefault(name_of(rule), []).extend(row[0] for row in rows)
        told = self._forget_known(check, table, known) if known else 0
        if not suppressed and not told:
            return outcome
        return self._left(check, outcome, table, told, suppressed)

    def _failures(self, check: LayerCheck, outcome: Outcome) -> str:
        """A table of the failing rows: _row, feature, fingerprint."""
        self._tables += 1
        table = f"exempt_{self._tables}"
        rows = f"SELECT {ROW} FROM ({check.table.sql}) WHERE {outcome.rule.bad}"
        features = features_sql(check.layer, check.table, rows)
        check.con.execute(
            f"CREATE TABLE {table} AS SELECT {ROW}, feature, {fingerprint_sql(outcome.rule, 'feature')} AS fingerprint "
            f"FROM ({features})"
        )
        return table

    def _suppress(self, check: LayerCheck, table: str, suppression: Suppression) -> int:
        """Takes out what is suppressed; how many records that was."""
        listed = ", ".join(literal(each) for each in suppression.ids)
        which = f"substr(feature, 4) IN ({listed}) OR fingerprint IN ({listed})" if suppression.ids else "TRUE"
        taken = len(check.con.execute(f"DELETE FROM {table} WHERE {which} RETURNING {ROW}").fetchall())
        self._used[id(suppression)] += taken
        return taken

    def _forget_known(self, check: LayerCheck, table: str, known: Counter[str]) -> int:
        """Takes out what the baseline knows, each as often as it knows it; how many records that was."""
        check.con.register("baseline", pa.table({"fingerprint": list(known), "times": list(known.values())}))
        taken = check.con.execute(
            f"DELETE FROM {table} WHERE {ROW} IN (SELECT {ROW} FROM (SELECT {ROW}, times, row_number() OVER "
            f"(PARTITION BY fingerprint ORDER BY {ROW}) AS nth FROM {table} JOIN baseline USING (fingerprint)) "
            f"WHERE nth <= times) RETURNING fingerprint"
        ).fetchall()
        check.con.unregister("baseline")
        known.subtract(row[0] for row in taken)
        return len(taken)

    def _left(self, check: LayerCheck, outcome: Outcome, table: str, known: int, suppressed: int) -> Outcome:
        limit = "" if self.samples is None else f" LIMIT {self.samples}"
        rows = check.con.execute(f"SELECT {ROW} FROM {table} ORDER BY {ROW}{limit}").fetchall()
        kept = tuple(row[0] for row in rows)
        return replace(
            outcome,
            rule=replace(outcome.rule, bad=f"({ROW} IN (SELECT {ROW} FROM {table}))"),
            failed=outcome.failed - known - suppressed,
            rows=kept,
            details=details_of(check.con, outcome.table, kept) if outcome.table else outcome.details,
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
        for finding in report.findings:
            if finding.row is not None or finding.fingerprint is not None:
                kept.append(finding)
                continue
            marked = replace(finding, fingerprint=_whole(finding))
            by_baseline = self._exempts(marked)
            if by_baseline is None:
                kept.append(marked)
            else:
                gone.setdefault((finding.rule, finding.code), []).append(by_baseline)
        rules = [_reduced(result, gone.get((result.rule, result.code), [])) for result in report.rules]
        expired = list(self._expired(lang))
        if expired:
            rules.append(RuleResult("suppression", EXPIRED, "warning", "L0", "", None, len(expired), len(expired)))
        coverage = replace(report.coverage, suppressed=self._told())
        return replace(report, coverage=coverage, rules=tuple(rules), findings=(*kept, *expired))

    def _exempts(self, finding: Finding) -> bool | None:
        """Whether a baseline (True) or a suppression (False) exempts a finding; None where neither does."""
        name, fingerprint = f"{finding.rule} {finding.code}", str(finding.fingerprint)
        for suppression in split(self.suppressions, self.now)[0]:
            listed = not suppression.ids or fingerprint in suppression.ids
            if listed and suppression.covers(finding.rule, finding.code, finding.source):
                self._used[id(suppression)] += 1
                return False
        if self.gather:
            self.found.setdefault(name, []).append(fingerprint)
        known = self.known.get(name, Counter())
        if not known[fingerprint]:
            return None
        known[fingerprint] -= 1
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


def _whole(finding: Finding) -> str:
    """The fingerprint of a finding about a whole layer or file, wherever the file lies."""
    place = "/".join(("whole", PurePath(finding.source).name, finding.layer))
    return fingerprint_of(finding.rule, finding.code, finding.field, place)


def _reduced(result: RuleResult, gone: Sequence[bool]) -> RuleResult:
    known = sum(gone)
    suppressed = len(gone) - known
    return replace(
        result,
        failed=result.failed - len(gone),
        known=result.known + known,
        suppressed=result.suppressed + suppressed,
    )
