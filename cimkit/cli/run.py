"""``cimkit run``: a pipeline from delivered files to a published release."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cimkit.cli import options
from cimkit.cli.terminal import Terminal, print_text


def run(
    terminal: Terminal,
    pipeline: Annotated[str, typer.Argument(help="A pipeline file, or the name of a shipped one.", show_default=False)],
    catalog: Annotated[Path, typer.Option(help="The catalog to publish to; made where there is none.")] = Path(
        "catalog"
    ),
    set: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=VALUE", help="Set a variable or a dotted path of the pipeline.", show_default=False),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Check the pipeline and say what would run.")] = False,
    report: Annotated[
        list[Path] | None,
        typer.Option(help="Also write the report here: .md, .txt or .json.", show_default=False),
    ] = None,
    clock: Annotated[
        str | None,
        typer.Option(help="The time to write into manifests, RFC 3339.", envvar="CIMKIT_CLOCK", show_default=False),
    ] = None,
    format: options.Format = options.TextOrJson.text,
) -> int:
    """Read, check, convert, fuse and publish, as a pipeline document says.

    Exit code 0: published, or nothing had changed; records set aside are counted and
    reported. 1: the gate stopped the run and nothing was published. 2: the pipeline,
    standard or a crosswalk is broken. 3: a source cannot be read.
    """
    from cimkit.pipeline import Pipeline
    from cimkit.pipeline import run as run_pipeline
    from cimkit.report.run import render_run, run_format, write_run

    settings = options.settings("--set", set or [])
    if dry_run:
        print_text(Pipeline.load(pipeline, settings).plan())
        return 0
    for path in report or []:
        run_format(path)
    with terminal.working() as progress:
        done = run_pipeline(
            pipeline, catalog=catalog, settings=settings, clock=clock, lang=terminal.lang, progress=progress
        )
    for path in report or []:
        write_run(done, path, terminal.lang)
    if format is options.TextOrJson.json:
        print_text(render_run(done, "json", terminal.lang))
    else:
        out = terminal.out()
        print_text(render_run(done, "text", terminal.lang, color=out.is_terminal and not out.no_color, width=out.width))
    return 1 if done.stopped else 0


def register(app: typer.Typer) -> None:
    """Add the command to the tree."""
    options.command(app)(run)
