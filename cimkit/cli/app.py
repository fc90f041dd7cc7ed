"""The tree of commands. Each command's file is imported at once, but imports nothing heavy itself."""

from __future__ import annotations

from typing import Annotated

import typer

from cimkit import __version__

app = typer.Typer(
    name="cimkit",
    help="Check city data against published standards, convert it, and fuse it into one versioned catalog.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Exit codes: 0 fine · 1 findings · 2 wrong usage · 3 unreadable source · 4 internal error",
)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"cimkit {__version__}")
        raise typer.Exit


@app.callback()
def root(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version.", callback=_version, is_eager=True)
    ] = False,
) -> None:
    """The options before the command."""


def _register() -> None:
    from cimkit.cli import catalog, check, convert, doctor, formats, inspect, run, standard

    for module in (inspect, check, convert, run, formats, doctor):
        module.register(app)
    app.add_typer(catalog.app, name="catalog")
    app.add_typer(standard.app, name="standard")


_register()
