"""``cimkit convert``: any readable format to any writable one, with what was lost."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from cimkit.cli import options
from cimkit.cli.terminal import Terminal, print_text
from cimkit.errors import UsageError


class OnLoss(StrEnum):
    """What to do where a conversion loses something."""

    error = "error"
    warn = "warn"
    allow = "allow"


class Kind(StrEnum):
    """Kinds of geometry of which one may be kept."""

    point = "point"
    line = "line"
    polygon = "polygon"


class GeoParquet(StrEnum):
    """Versions of GeoParquet that can be written."""

    v1_1 = "1.1"
    v2_0 = "2.0"


def convert(
    terminal: Terminal,
    source: options.Source,
    dest: Annotated[Path, typer.Argument(help="The file to write; its suffix names the format.", show_default=False)],
    layer: options.Layer = None,
    to_crs: Annotated[str | None, typer.Option(help="Reproject to this CRS.", show_default=False)] = None,
    from_crs: options.FromCrs = None,
    encoding: options.Encoding = None,
    crosswalk: options.CrosswalkFile = None,
    standard: options.Standard = None,
    where: Annotated[
        str | None, typer.Option(help="Keep records for which this SQL is true.", show_default=False)
    ] = None,
    bbox: Annotated[
        str | None,
        typer.Option(
            metavar="X,Y,X,Y",
            help="Keep records that meet this box, in the source's CRS.",
            show_default=False,
        ),
    ] = None,
    select: Annotated[str | None, typer.Option(metavar="A,B", help="Keep these columns.", show_default=False)] = None,
    geometry_kind: Annotated[
        Kind | None,
        typer.Option(help="Keep geometries of this kind, where the layer mixes them.", show_default=False),
    ] = None,
    on_loss: Annotated[OnLoss, typer.Option(help="What to do where something is lost.")] = OnLoss.warn,
    loss_report: Annotated[
        Path | None, typer.Option(help="Write the loss report here (JSON).", show_default=False)
    ] = None,
    verify: Annotated[bool, typer.Option("--verify", help="Read the result again and compare.")] = False,
    geoparquet: Annotated[GeoParquet, typer.Option(help="The version of GeoParquet to write.")] = GeoParquet.v1_1,
    dest_encoding: Annotated[
        str | None,
        typer.Option(help="The encoding of the result, e.g. GB18030 for a Shapefile.", show_default=False),
    ] = None,
    exact_widths: Annotated[
        bool,
        typer.Option("--exact-widths", help="Columns as wide as the standard says, else as the data needs."),
    ] = False,
    allow_ballpark: Annotated[
        bool,
        typer.Option("--allow-ballpark", help="Reproject also where the shift between the datums is not known."),
    ] = False,
    salvage: Annotated[
        bool, typer.Option("--salvage", help="Read what can be read of a damaged source, and tell of the rest.")
    ] = False,
    rejects: Annotated[
        Path | None,
        typer.Option(help="Write the records that salvage could not read here (CSV or JSON).", show_default=False),
    ] = None,
    format: options.Format = options.TextOrJson.text,
) -> None:
    """Convert a layer, and say exactly what was lost.

    Exit code 0: written. 1: it would lose something and --on-loss is error; nothing is
    written. 2: wrong usage. 3: the source cannot be read.
    """
    from cimkit.convert import convert as run_convert
    from cimkit.report.about import render_losses

    with terminal.working() as progress:
        losses = run_convert(
            source,
            dest,
            layer=layer,
            to_crs=to_crs,
            from_crs=from_crs,
            encoding=encoding,
            crosswalk=crosswalk,
            standard=standard,
            where=where,
            bbox=_bbox(bbox),
            select=[name.strip() for name in select.split(",")] if select else None,
            geometry_kind=geometry_kind.value if geometry_kind else None,
            on_loss=on_loss.value,
            loss_report=loss_report,
            verify=verify,
            geoparquet=geoparquet.value,
            dest_encoding=dest_encoding,
            exact_widths=exact_widths,
            allow_ballpark=allow_ballpark,
            salvage=salvage,
            rejects=rejects,
            lang=terminal.lang,
            progress=progress,
        )
    if format is options.TextOrJson.json:
        print_text(str(render_losses(losses, "json", terminal.lang)))
    elif on_loss is OnLoss.allow:
        terminal.say(f"{losses.rows_written:,} records → {dest}")
    else:
        terminal.err().print(render_losses(losses, "text", terminal.lang))


def _bbox(text: str | None) -> tuple[float, float, float, float] | None:
    if text is None:
        return None
    try:
        x0, y0, x1, y1 = (float(part) for part in text.split(","))
    except ValueError:
        raise UsageError(f"'--bbox {text}' is not four numbers: min x, min y, max x, max y.") from None
    return x0, y0, x1, y1


def register(app: typer.Typer) -> None:
    """Add the command to the tree."""
    options.command(app)(convert)
