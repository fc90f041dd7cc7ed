"""``cimkit check``: hold a dataset against a standard or a JSON Schema."""

from __future__ import annotations

import os
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from cimkit.cli import options
from cimkit.cli.terminal import Terminal, print_text
from cimkit.errors import UsageError

_MOST_SAMPLES = 1_000_000_000
#: Columns of a report on a terminal at most, and where there is none.
_WIDEST, _PIPED = 120, 80


#: The panels of the help.
_HOW, _RESULT, _STAYS, _MENDING = "How it is checked", "What comes out", "What may stay", "Mending"


class Output(StrEnum):
    """Formats of a report on stdout."""

    text = "text"
    json = "json"
    github = "github"


class Engine(StrEnum):
    """Who decides the rules: DuckDB where it can (auto), only DuckDB, or jsonschema for every record."""

    auto = "auto"
    sql = "sql"
    record = "record"


class Level(StrEnum):
    """How deep to check: readable, structure, values, relations, geometry, completeness."""

    L0 = "L0"
    L1 = "L1"
    L2 = "L2"
    L3 = "L3"
    L4 = "L4"
    L5 = "L5"


def check(
    terminal: Terminal,
    sources: Annotated[list[Path], typer.Argument(help="The files to check, together.", show_default=False)],
    standard: options.Standard = None,
    schema: Annotated[
        Path | None, typer.Option(help="A JSON Schema instead of a standard.", show_default=False)
    ] = None,
    layer: options.Layer = None,
    crosswalk: options.CrosswalkFile = None,
    encoding: options.Encoding = None,
    from_crs: options.FromCrs = None,
    level: Annotated[
        Level | None,
        typer.Option(help="Check up to this level only; with --schema: L3.", show_default=False, rich_help_panel=_HOW),
    ] = None,
    engine: Annotated[Engine, typer.Option(help="Who decides the rules.", rich_help_panel=_HOW)] = Engine.auto,
    assert_formats: Annotated[
        bool, typer.Option("--assert-formats", help="Formats are rules with --schema too.", rich_help_panel=_HOW)
    ] = False,
    clock: Annotated[
        str | None,
        typer.Option(
            help="The time that rules about time go by, instead of now.", show_default=False, rich_help_panel=_HOW
        ),
    ] = None,
    known: Annotated[
        list[Path] | None,
        typer.Option(
            "--with",
            help="Data that records may refer to, not checked itself.",
            show_default=False,
            rich_help_panel=_HOW,
        ),
    ] = None,
    registry: Annotated[
        list[str] | None,
        typer.Option(metavar="PREFIX=DIR", help="Where $refs lead.", show_default=False, rich_help_panel=_HOW),
    ] = None,
    fail_on: Annotated[
        options.Severity, typer.Option(help="Exit with 1 from this severity on.", rich_help_panel=_RESULT)
    ] = options.Severity.error,
    format: Annotated[Output, typer.Option(help="How to print the report.", rich_help_panel=_RESULT)] = Output.text,
    report: Annotated[
        list[Path] | None,
        typer.Option(
            help="Also write the report here, as its ending says: .html .xlsx .md .json .sarif .junit.xml …",
            show_default=False,
            rich_help_panel=_RESULT,
        ),
    ] = None,
    samples: Annotated[
        str, typer.Option(help="Findings to keep for each rule, or 'all'.", rich_help_panel=_RESULT)
    ] = "100",
    rejects: Annotated[
        Path | None,
        typer.Option(
            help="Write every (record, broken rule) pair to this Parquet file.",
            show_default=False,
            rich_help_panel=_RESULT,
        ),
    ] = None,
    data_docs: Annotated[
        Path | None,
        typer.Option(
            help="A folder for Great Expectations' Data Docs; they open offline.",
            show_default=False,
            rich_help_panel=_RESULT,
        ),
    ] = None,
    baseline: Annotated[
        Path | None,
        typer.Option(
            help="Findings that were there before; only new ones count.", show_default=False, rich_help_panel=_STAYS
        ),
    ] = None,
    write_baseline: Annotated[
        Path | None,
        typer.Option(
            help="Write a baseline of everything that is found now.", show_default=False, rich_help_panel=_STAYS
        ),
    ] = None,
    suppressions: Annotated[
        Path | None,
        typer.Option(
            help="A YAML file of findings to live with: rule, reason, until.",
            show_default=False,
            rich_help_panel=_STAYS,
        ),
    ] = None,
    fix: Annotated[
        bool, typer.Option("--fix", help="Show what can be mended safely; write nothing.", rich_help_panel=_MENDING)
    ] = False,
    fix_to: Annotated[
        Path | None,
        typer.Option(
            help="Write the mended layer here, in the suffix's format.", show_default=False, rich_help_panel=_MENDING
        ),
    ] = None,
    fix_record: Annotated[
        Path | None,
        typer.Option(
            help="Write every change of a cell to this Parquet file.", show_default=False, rich_help_panel=_MENDING
        ),
    ] = None,
) -> int:
    """Check datasets against a standard, or against any JSON Schema.

    Exit code 0: nothing at or above --fail-on. 1: there is. 2: the standard, schema or
    command is wrong. 3: a source cannot be read.
    """
    if (standard is None) == (schema is None):
        raise UsageError("Say what to check against: either --standard or --schema.")
    from cimkit import report as reports
    from cimkit.check import check as run_check

    registries = options.settings("--registry", registry or [])
    if fix or fix_to or fix_record:
        beside = {"--report": report, "--rejects": rejects, "--with": known, "--clock": clock, "--baseline": baseline}
        beside |= {"--write-baseline": write_baseline, "--suppressions": suppressions, "--data-docs": data_docs}
        for option, given in beside.items():
            if given:
                raise UsageError(f"{option} does not go with --fix.", hint="Mend first, then check the mended file.")
        return _fix(
            terminal,
            sources,
            standard,
            target=fix_to,
            record=fix_record,
            format=format.value,
            fail_on=fail_on.value,
            layer=layer,
            crosswalk=crosswalk,
            level=level.value if level else None,
            registry={prefix: Path(folder) for prefix, folder in registries.items()},
            encoding=encoding,
            crs=from_crs,
        )
    others = [path for path in (schema, crosswalk, rejects, baseline, write_baseline, suppressions) if path]
    reports.all_writable(report or [], kept=[*sources, *(known or ()), *others])
    with terminal.working() as progress:
        result = run_check(
            list(sources),
            standard=standard,
            schema=schema,
            layer=layer,
            crosswalk=crosswalk,
            level=level.value if level else None,
            samples=_samples(samples),
            engine=engine.value,
            lang=terminal.lang,
            registry={prefix: Path(folder) for prefix, folder in registries.items()},
            formats=assert_formats,
            encoding=encoding,
            crs=from_crs,
            rejects=rejects,
            known=known or (),
            clock=clock,
            baseline=baseline,
            write_baseline=write_baseline,
            suppressions=suppressions,
            data_docs=data_docs,
            progress=progress,
        )
    if data_docs:
        written = (data_docs / "index.html").is_file()
        terminal.say(f"data docs: {data_docs}" if written else "data docs: none, since no expectation was checked")
    if write_baseline:
        terminal.say(f"baseline: {write_baseline}")
    for path in report or []:
        reports.write(result, path, terminal.lang)
        terminal.say(f"report: {path}")
    step_summary = os.environ.get("GITHUB_STEP_SUMMARY")
    if format is Output.github and step_summary:
        reports.append_summary(result, Path(step_summary), terminal.lang)
    out = terminal.out()
    colour = out.is_terminal and not out.no_color
    width = min(out.width, _WIDEST) if out.is_terminal else _PIPED
    print_text(reports.render(result, format.value, terminal.lang, color=colour, width=width))
    return 1 if result.fails(fail_on.value) else 0


def _fix(terminal: Terminal, sources: list[Path], standard: str | None, **asked: Any) -> int:
    from cimkit.cli.fix import mend

    if standard is None or len(sources) != 1:
        raise UsageError("--fix mends one file by a standard.", hint="Give one file, and --standard.")
    return mend(terminal, sources[0], standard=standard, **asked)


def _samples(text: str) -> int | None:
    if text == "all":
        return None
    if text.isdecimal():
        return min(int(text), _MOST_SAMPLES)
    raise UsageError(f"'--samples {text}' is neither a number nor 'all'.")


def register(app: typer.Typer) -> None:
    """Add the command to the tree."""
    options.command(app)(check)
