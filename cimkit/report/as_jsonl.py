"""The stored findings as JSON lines: one a line, with the members that it has in the JSON report, and nothing else."""

from __future__ import annotations

from pathlib import Path

from cimkit.model import Report
from cimkit.report.as_json import compact, members


def write(report: Report, path: Path, lang: str = "en") -> None:
    """The findings; a report without any is an empty file."""
    with path.open("w", encoding="utf-8", errors="backslashreplace", newline="\n") as file:
        file.writelines(f"{compact(members(finding))}\n" for finding in report.findings)
