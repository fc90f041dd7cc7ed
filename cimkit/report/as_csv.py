"""The stored findings as CSV for a spreadsheet: UTF-8 with a byte order mark, so that Excel shows Chinese.

A text that a spreadsheet would take for a formula gets an apostrophe in front of it
(OWASP, "CSV Injection").
"""

from __future__ import annotations

import csv
import re
from pathlib import Path

from cimkit.model import Report
from cimkit.report.rows import FindingRow, finding_rows, shown

_FORMULA = re.compile(r"[=+\-@＝＋－＠\t\r]")
_NUMBER = re.compile(r"[+-]?\d+(\.\d+)?([eE][+-]?\d+)?")


def write(report: Report, path: Path, lang: str = "en") -> None:
    """One row for each finding under a row of names, which are those of the JSON report."""
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(FindingRow._fields)
        for finding, row in zip(report.findings, finding_rows(report), strict=True):
            cells = row._replace(value=shown(finding))
            writer.writerow([guarded(cell) if isinstance(cell, str) else cell for cell in cells])


def guarded(text: str) -> str:
    """A text as no spreadsheet takes it for a formula."""
    clean = text.replace("\0", "\ufffd")
    if _FORMULA.match(clean) and not _NUMBER.fullmatch(clean):
        return f"'{clean}"
    return clean
