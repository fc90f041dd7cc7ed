"""The official JSON Schema test suite through ``cimkit.check``: what is right, and who decided it.

    python tests/check/suite.py SUITE_DIR [DRAFT…]

prints a table for each draft: for each keyword's file the cases, those judged right, those that
SQL decided alone, and those for which the record engine was asked. Every case is a line of a
``.jsonl`` file, held against its schema as a user would do it.
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cimkit
from cimkit.errors import CimkitError

DRAFTS = ("draft2020-12", "draft2019-09", "draft7")
DIALECTS = {
    "draft2020-12": "https://json-schema.org/draft/2020-12/schema",
    "draft2019-09": "https://json-schema.org/draft/2019-09/schema",
    "draft7": "http://json-schema.org/draft-07/schema#",
}


@dataclass
class Tally:
    """The cases of one file of the suite, and those judged wrong: (group, case, what came of it)."""

    name: str
    cases: int = 0
    right: int = 0
    in_sql: int = 0
    wrong: list[tuple[str, str, str]] = field(default_factory=list)


def groups(suite: Path, draft: str, *, formats: bool = False) -> Iterator[tuple[str, dict[str, Any]]]:
    """(file, group) of the required tests, or of those of ``format``."""
    folder = suite / "tests" / draft / ("optional/format" if formats else "")
    for path in sorted(folder.glob("*.json")):
        for group in json.loads(path.read_text("utf-8")):
            yield path.stem, group


def judged(group: dict[str, Any], suite: Path, draft: str, work: Path, **more: Any) -> tuple[set[int | None], bool]:
    """The cases of a group that are found wrong, and whether SQL decided them alone."""
    data = work / "cases.jsonl"
    data.write_text("".join(json.dumps(case["data"]) + "\n" for case in group["tests"]), encoding="utf-8")
    schema = group["schema"]
    if not isinstance(schema, dict):
        schema = {"allOf": [schema]}
    if "$schema" not in schema:
        schema = {"$schema": DIALECTS[draft], **schema}
    registry = {"http://localhost:1234/": suite / "remotes"}
    report = cimkit.check(data, schema=schema, samples=None, registry=registry, **more)
    rules = report.coverage.rules
    return {finding.row for finding in report.findings if finding.code in report_codes(report)}, not rules.record


def report_codes(report: cimkit.Report) -> set[str]:
    """The codes of JSON Schema's own rules: a plain schema's report also warns of other things."""
    return {rule.code for rule in report.rules if rule.severity == "error"}


def run(suite: Path, draft: str, *, formats: bool = False, only: Sequence[str] = (), **more: Any) -> list[Tally]:
    """The tallies of a draft's files."""
    tallies: dict[str, Tally] = {}
    with tempfile.TemporaryDirectory() as work:
        for name, group in groups(suite, draft, formats=formats):
            if only and name not in only:
                continue
            tally = tallies.setdefault(name, Tally(name))
            tally.cases += len(group["tests"])
            try:
                failing, in_sql = judged(group, suite, draft, Path(work), formats=formats, **more)
            except CimkitError as error:
                tally.wrong += [(group["description"], case["description"], str(error)) for case in group["tests"]]
                continue
            tally.in_sql += len(group["tests"]) if in_sql else 0
            for row, case in enumerate(group["tests"]):
                if (row not in failing) == case["valid"]:
                    tally.right += 1
                else:
                    said = "found valid" if row not in failing else "found invalid"
                    tally.wrong.append((group["description"], case["description"], said))
    return list(tallies.values())


def told(title: str, tallies: Sequence[Tally]) -> str:
    """The tallies as a table."""
    total = Tally("total", *(sum(getattr(t, what) for t in tallies) for what in ("cases", "right", "in_sql")))
    lines = [title, f"{'keyword':28}{'cases':>7}{'right':>7}{'by SQL':>8}{'fell back':>11}"]
    lines += [f"{t.name:28}{t.cases:7}{t.right:7}{t.in_sql:8}{t.cases - t.in_sql:11}" for t in (*tallies, total)]
    if total.cases:
        share = f"right {total.right / total.cases:.2%}, decided by SQL alone {total.in_sql / total.cases:.1%}"
        lines.append(share)
    lines += [f"wrong: {t.name}: {' / '.join(case)}" for t in tallies for case in t.wrong]
    return "\n".join(lines)


def main(arguments: Sequence[str]) -> int:
    """Prints the tables; 1 where a case of the newest draft is judged wrong."""
    if not arguments:
        sys.stderr.write(f"{__doc__}\n")
        return 2
    suite, drafts = Path(arguments[0]), arguments[1:] or DRAFTS
    failed = False
    for draft in drafts:
        tallies = run(suite, draft)
        if not tallies:
            sys.stdout.write(f"{draft}: not in {suite}\n\n")
            continue
        failed |= draft == DRAFTS[0] and any(tally.wrong for tally in tallies)
        sys.stdout.write(told(f"{draft}, required", tallies) + "\n\n")
        tallies = run(suite, draft, formats=True)
        if tallies:
            failed |= draft == DRAFTS[0] and any(tally.wrong for tally in tallies)
            sys.stdout.write(told(f"{draft}, optional/format with formats asserted", tallies) + "\n\n")
    return int(failed)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
