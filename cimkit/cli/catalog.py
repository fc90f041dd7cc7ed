"""``cimkit catalog``: look after what was published."""

from __future__ import annotations

import json
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from cimkit.cli import options
from cimkit.cli.terminal import Terminal, print_text
from cimkit.model import as_dict

app = typer.Typer(help="Look after a catalog: list, show, query, verify.", no_args_is_help=True)

Folder = Annotated[Path, typer.Argument(help="The catalog's folder.", show_default=False)]


class TableFormat(StrEnum):
    """Formats of a query's result."""

    text = "text"
    json = "json"
    csv = "csv"


def init(
    terminal: Terminal,
    folder: Folder,
    id: Annotated[str, typer.Option(help="A short name for the catalog.")] = "catalog",
    title: Annotated[str | None, typer.Option(help="What the catalog is called.", show_default=False)] = None,
) -> None:
    """Make an empty catalog."""
    from cimkit.catalog import Catalog

    Catalog.init(folder, id, {"en": title or id})
    terminal.say(f"catalog: {folder}")


def list_(terminal: Terminal, folder: Folder, format: options.Format = options.TextOrJson.text) -> None:
    """List the datasets of the current release."""
    from cimkit.catalog import Catalog
    from cimkit.report.catalog import render_datasets

    catalog = Catalog.open(folder)
    manifests = {name: catalog.show(name) for name in catalog.datasets()}
    if format is options.TextOrJson.json:
        print_text(json.dumps(list(manifests.values()), ensure_ascii=False, indent=2))
    else:
        terminal.out().print(render_datasets(manifests, catalog.head, terminal.lang))


def show(
    terminal: Terminal,
    folder: Folder,
    dataset: Annotated[str, typer.Argument(help="The dataset.", show_default=False)],
    version: Annotated[
        int | None, typer.Option(help="A version, instead of the current one.", show_default=False)
    ] = None,
    format: options.Format = options.TextOrJson.text,
) -> None:
    """Show what is known of one dataset: fields, sources, verdict, files."""
    from cimkit.catalog import Catalog
    from cimkit.report.catalog import render_dataset

    manifest = Catalog.open(folder).show(dataset, version)
    if format is options.TextOrJson.json:
        print_text(json.dumps(manifest, ensure_ascii=False, indent=2))
    else:
        terminal.out().print(render_dataset(manifest, terminal.lang))


def history(terminal: Terminal, folder: Folder, format: options.Format = options.TextOrJson.text) -> None:
    """List the releases, newest first."""
    from cimkit.catalog import Catalog
    from cimkit.report.catalog import render_history

    releases = Catalog.open(folder).releases()
    if format is options.TextOrJson.json:
        print_text(json.dumps(as_dict(releases), ensure_ascii=False, indent=2))
    else:
        terminal.out().print(render_history(releases, terminal.lang))


def query(
    terminal: Terminal,
    folder: Folder,
    sql: Annotated[str, typer.Argument(help="One reading statement; the datasets are its tables.", show_default=False)],
    format: Annotated[TableFormat, typer.Option(help="How to print the result.")] = TableFormat.text,
    limit: Annotated[int, typer.Option(help="Rows to print as text.")] = 100,
) -> None:
    """Ask the catalog in SQL: its datasets, and catalog.* about them."""
    from cimkit.catalog import Catalog
    from cimkit.report.catalog import render_rows, rows_as

    result = Catalog.open(folder).query(sql)
    if format is TableFormat.text:
        terminal.out().print(render_rows(result, limit, terminal.lang))
    else:
        print_text(rows_as(result, format.value))


def verify(terminal: Terminal, folder: Folder, format: options.Format = options.TextOrJson.text) -> int:
    """Check every file of the catalog against its manifest. Exit code 1 where something is damaged."""
    from cimkit.catalog import Catalog

    with terminal.working() as progress:
        damages = Catalog.open(folder).verify(progress=progress)
    if format is options.TextOrJson.json:
        print_text(json.dumps(as_dict(damages), ensure_ascii=False, indent=2))
    else:
        for damage in damages:
            print_text(str(damage))
        terminal.say("nothing is damaged" if not damages else f"{len(damages)} damaged")
    return 1 if damages else 0


def rebuild(terminal: Terminal, folder: Folder) -> None:
    """Make the index catalog.duckdb again from the manifests."""
    from cimkit.catalog import Catalog

    Catalog.open(folder).rebuild()
    terminal.say("catalog.duckdb was made again")


options.command(app)(init)
options.command(app, "list")(list_)
options.command(app)(show)
options.command(app)(history)
options.command(app)(query)
options.command(app)(verify)
options.command(app)(rebuild)
