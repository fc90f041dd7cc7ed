"""A report as one HTML page that needs nothing else: no network, no other file, and no script to be read."""

from __future__ import annotations

from cimkit.model import Report


def render(report: Report, lang: str = "en", *, color: bool = False, width: int = 80) -> str:
    """The page; ``lang`` is the language it opens in, and readers can switch to the other one."""
    from cimkit.report.html.page import page  # Jinja is slow to import, and most runs write no page

    return page(report, lang)
