"""The terminal: what a person sees on stderr while a command works, and how results are printed.

``stdout`` carries results and nothing else; progress, warnings and hints go to ``stderr``.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cimkit.cli import stopping
from cimkit.model import Lang, Progress, silent

if TYPE_CHECKING:
    from rich.console import Console


@dataclass(frozen=True, slots=True)
class Terminal:
    """How this command talks: set by the options that every command has."""

    lang: Lang = "en"
    quiet: bool = False
    progress: bool = True

    def out(self) -> Console:
        """Where results go; wide when piped, so that no table is cut for a machine."""
        from rich.console import Console

        wide = None if sys.stdout.isatty() else 100
        return Console(file=sys.stdout, width=wide, highlight=False, markup=False, emoji=False, soft_wrap=False)

    def err(self) -> Console:
        """Where everything else goes."""
        from rich.console import Console

        return Console(file=sys.stderr, highlight=False, markup=False, emoji=False, quiet=self.quiet)

    def say(self, text: str) -> None:
        """A remark on stderr, unless ``--quiet``."""
        self.err().print(text)

    @contextmanager
    def working(self) -> Iterator[Progress]:
        """A progress callback: a bar on a terminal, nothing elsewhere; it heeds a Ctrl-C that Python dropped."""
        if self.quiet or not self.progress or not sys.stderr.isatty():
            yield _heeding(silent)
            return
        from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

        columns = (
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(bar_width=24),
            TextColumn("{task.fields[count]}"),
            TimeElapsedColumn(),
        )
        with Progress(*columns, console=self.err(), transient=True) as bar:
            tasks: dict[str, Any] = {}

            def tell(stage: str, done: int, total: int | None) -> None:
                for name, task in tasks.items():
                    if name != stage:
                        bar.update(task, visible=False)
                if stage not in tasks:
                    tasks[stage] = bar.add_task(stage, total=total, count="")
                count = f"{done:,}" + (f" / {total:,}" if total else "") if done else ""
                bar.update(tasks[stage], completed=done, total=total, count=count, visible=True)

            yield _heeding(tell)


def _heeding(progress: Progress) -> Progress:
    def tell(stage: str, done: int, total: int | None) -> None:
        stopping.heed()
        progress(stage, done, total)

    return tell


def print_text(text: str) -> None:
    """A finished text on stdout, ending in exactly one newline.

    Where its reader has gone (``cimkit … | head``) the rest is dropped, and the exit code stays what it is.
    """
    try:
        sys.stdout.write(text.rstrip("\n") + "\n")
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
