"""``cimkit standard``: which standards there are and what is in them."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from cimkit.cli import options
from cimkit.cli.terminal import Terminal, print_text

app = typer.Typer(help="Find and read standards.", no_args_is_help=True)


def list_(terminal: Terminal, format: options.Format = options.TextOrJson.text) -> None:
    """List the standards that come with cimkit."""
    from cimkit.report.tables import records
    from cimkit.standard import available

    known = available()
    if format is options.TextOrJson.json:
        print_text(json.dumps(known, ensure_ascii=False, indent=2))
    else:
        terminal.out().print(records(known, ("id", "version", "status"), terminal.lang))


def show(
    terminal: Terminal,
    reference: Annotated[str, typer.Argument(help="ID, ID@VERSION or a folder; /LAYER for one layer.")],
    format: options.Format = options.TextOrJson.text,
) -> None:
    """Show the layers of a standard, or the fields of one layer."""
    from cimkit.report.about import render_standard
    from cimkit.standard import Standard, split_reference

    name, layer = split_reference(reference)
    description = Standard.load(name).describe(layer)
    if format is options.TextOrJson.json:
        print_text(json.dumps(description, ensure_ascii=False, indent=2))
    else:
        terminal.out().print(render_standard(description, terminal.lang))


options.command(app, "list")(list_)
options.command(app)(show)
