"""``cimkit check --fix``: mend what can be mended safely, after showing what that would change."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from cimkit.cli.terminal import Terminal, print_text
from cimkit.errors import UsageError


def mend(
    terminal: Terminal,
    source: Path,
    *,
    target: Path | None,
    record: Path | None,
    format: str,
    fail_on: str,
    **asked: Any,
) -> int:
    """Shows what would be mended; with a ``target`` also writes it, in the format of its suffix.

    Returns:
        0 where the findings that are left (now, without a ``target``) do not fail; else 1.
    """
    from cimkit.check import fix
    from cimkit.convert import convert
    from cimkit.report.about import render_losses
    from cimkit.report.repairs import render_repairs

    if record is not None and record.suffix.lower() != ".parquet":
        raise UsageError(f"{record}: the record of repairs is Parquet.", hint="End its name in .parquet.")
    if target is not None and target.resolve() == source.resolve():
        raise UsageError(f"{source} is never written to.", hint="Name a new file.")
    with tempfile.TemporaryDirectory(prefix="cimkit-fix-") as work, terminal.working() as progress:
        # Formats with layers call the layer as this file.
        name = Path(asked.get("layer") or source.stem).name
        mended = None if target is None else Path(work) / f"{name}.parquet"
        report = fix(source, target=mended, record=record, lang=terminal.lang, progress=progress, **asked)
        losses = None
        if target is not None and mended is not None:
            losses = convert(mended, target, lang=terminal.lang, progress=progress)
            report = replace(report, target=str(target))
    colour = terminal.out().is_terminal and not terminal.out().no_color
    print_text(render_repairs(report, format, terminal.lang, color=colour))
    if losses is not None:
        terminal.err().print(render_losses(losses, "text", terminal.lang))
    return 1 if _fails(report.after if target else report.before, fail_on) else 0


def _fails(totals: Mapping[str, int], fail_on: str) -> bool:
    reached = {"error": ("error",), "warning": ("error", "warning"), "never": ()}[fail_on]
    return any(totals[severity] for severity in reached)
