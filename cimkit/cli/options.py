"""The options that several commands share, and those that every command has."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from cimkit.cli.terminal import Terminal
from cimkit.errors import UsageError


class Language(StrEnum):
    """Languages of messages and reports."""

    en = "en"
    zh = "zh"


class Severity(StrEnum):
    """The severity from which findings make a command fail."""

    error = "error"
    warning = "warning"
    never = "never"


class TextOrJson(StrEnum):
    """Formats of a result on stdout."""

    text = "text"
    json = "json"


Source = Annotated[Path, typer.Argument(help="The file, folder or zip to read.", show_default=False)]
Layer = Annotated[str | None, typer.Option(help="The layer to read, where there are several.", show_default=False)]
Encoding = Annotated[
    str | None, typer.Option(help="The encoding of the text, instead of the one found.", show_default=False)
]
FromCrs = Annotated[
    str | None,
    typer.Option(help="The CRS of the coordinates, where none is declared. GCJ-02 and BD-09 too.", show_default=False),
]
Salvage = Annotated[bool, typer.Option("--salvage", help="Read what can be read of a damaged file, and list the rest.")]
Format = Annotated[TextOrJson, typer.Option(help="How to print the result.")]
Standard = Annotated[
    str | None,
    typer.Option(help="A standard: ID, ID@VERSION, a folder; with /LAYER where needed.", show_default=False),
]
CrosswalkFile = Annotated[
    Path | None,
    typer.Option(help="A crosswalk from the source's fields to the standard's.", show_default=False),
]

_EVERYWHERE = {
    "lang": Annotated[
        Language,
        typer.Option(help="Language of messages and reports.", envvar="CIMKIT_LANG", rich_help_panel="Manners"),
    ],
    "quiet": Annotated[bool, typer.Option("--quiet", "-q", help="No progress, no remarks.", rich_help_panel="Manners")],
    "no_progress": Annotated[bool, typer.Option("--no-progress", help="No progress bar.", rich_help_panel="Manners")],
}
_DEFAULTS: dict[str, Any] = {"lang": Language.en, "quiet": False, "no_progress": False}


def command(app: typer.Typer, name: str | None = None, **settings: Any) -> Callable[[Callable[..., Any]], Any]:
    """Register a command that takes a :class:`Terminal` first and has the options every command has."""

    def register(function: Callable[..., Any]) -> Callable[..., Any]:
        own = list(inspect.signature(function, eval_str=True).parameters.values())[1:]
        shared = [
            inspect.Parameter(key, inspect.Parameter.KEYWORD_ONLY, default=_DEFAULTS[key], annotation=kind)
            for key, kind in _EVERYWHERE.items()
        ]

        @functools.wraps(function)
        def run(*args: Any, lang: Language, quiet: bool, no_progress: bool, **values: Any) -> Any:
            return function(Terminal(lang.value, quiet, not no_progress), *args, **values)

        run.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
            [p.replace(kind=inspect.Parameter.KEYWORD_ONLY) for p in own] + shared
        )
        run.__annotations__ = {p.name: p.annotation for p in [*own, *shared]}
        del run.__wrapped__
        app.command(name, **settings)(run)
        return function

    return register


def settings(option: str, pairs: list[str]) -> dict[str, str]:
    """The ``k=v`` values of an option as a mapping.

    Raises:
        UsageError: one of them has no ``=``.
    """
    result = {}
    for pair in pairs:
        key, equals, value = pair.partition("=")
        if not equals or not key:
            raise UsageError(f"'{option} {pair}' is not of the form NAME=VALUE.")
        result[key] = value
    return result


def existing(path: Path, what: str = "file") -> Path:
    """``path`` if it exists.

    Raises:
        UsageError: it does not; with the nearest name in the same folder.
    """
    if path.exists():
        return path
    from cimkit.errors import nearest

    folder = path.parent
    names = [item.name for item in folder.iterdir()] if folder.is_dir() else []
    raise UsageError(f"There is no {what} {path}.", hint=nearest(path.name, names))
