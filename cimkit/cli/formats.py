"""``cimkit formats``: what can be read and written, and what each format has no place for."""

from __future__ import annotations

import json
from enum import StrEnum
from typing import Annotated

import typer

from cimkit.cli import options
from cimkit.cli.terminal import Terminal, print_text


class Form(StrEnum):
    """How to print the matrix."""

    text = "text"
    json = "json"
    markdown = "markdown"


def formats(
    terminal: Terminal, format: Annotated[Form, typer.Option(help="How to print the result.")] = Form.text
) -> None:
    """Show the formats that are read and written, and what each has no place for."""
    from cimkit.formats.matrix import matrix
    from cimkit.report.formats import markdown, render_formats

    if format is Form.json:
        print_text(json.dumps(matrix(), ensure_ascii=False, indent=2))
    elif format is Form.markdown:
        print_text(markdown(matrix()))
    else:
        terminal.out().print(render_formats(matrix(), terminal.lang))


def register(app: typer.Typer) -> None:
    """Add the command to the tree."""
    options.command(app)(formats)
