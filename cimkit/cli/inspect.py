"""``cimkit inspect``: what a source is, and how we know."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from cimkit.cli import options
from cimkit.cli.terminal import Terminal, print_text


def inspect(
    terminal: Terminal,
    source: options.Source,
    layer: options.Layer = None,
    encoding: options.Encoding = None,
    from_crs: options.FromCrs = None,
    reference: Annotated[
        Path | None,
        typer.Option(help="A layer of the same place that lies right, to find GCJ-02.", show_default=False),
    ] = None,
    salvage: options.Salvage = False,
    format: options.Format = options.TextOrJson.text,
) -> None:
    """Show layers, fields, counts, extent, CRS and encoding, each with its evidence.

    Exit code 0: read. 2: wrong usage. 3: the source cannot be read.
    """
    from cimkit.formats import inspect as run_inspect
    from cimkit.report.about import render_inspection

    with terminal.working() as progress:
        progress("read", 0, None)
        found = run_inspect(source, layer=layer, encoding=encoding, crs=from_crs, reference=reference, salvage=salvage)
    if format is options.TextOrJson.json:
        print_text(json.dumps(found, ensure_ascii=False, indent=2))
    else:
        terminal.out().print(render_inspection(found, terminal.lang))


def register(app: typer.Typer) -> None:
    """Add the command to the tree."""
    options.command(app)(inspect)
