"""The command line: it parses, calls the library and prints; nothing else."""

from __future__ import annotations

import errno
import os
import sys
from pathlib import Path

from cimkit.cli import stopping


def main(arguments: list[str] | None = None) -> None:
    """Run the command line and leave with its exit code.

    0 fine · 1 findings · 2 wrong usage, standard or pipeline · 3 a source cannot be read or
    a target not be written · 4 an internal error · 130 interrupted · 143 terminated.
    """
    try:
        stopping.listen()
        code = execute(sys.argv[1:] if arguments is None else arguments)
    except KeyboardInterrupt:  # while the commands themselves were loaded
        code = _interrupted()
    sys.exit(code)


def execute(arguments: list[str]) -> int:
    """Run the command line; its exit code."""
    import typer
    from typer.main import get_command

    from cimkit.cli.app import app
    from cimkit.errors import CimkitError

    if sys.stdout is None or sys.stderr is None:  # closed by whoever started us (`>&-`)
        nowhere = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115
        sys.stdout, sys.stderr = sys.stdout or nowhere, sys.stderr or nowhere
    # A console that cannot print Chinese must not turn a report into a traceback.
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")
    try:
        code = get_command(app).main(arguments, prog_name="cimkit", standalone_mode=False)
        if code == stopping.INTERRUPTED:  # what typer makes of Ctrl-C
            return _interrupted()
        return code if isinstance(code, int) else 0
    except CimkitError as error:
        return _tell(str(error), error.hint, error.exit_code)
    except typer.Exit as stop:
        return stop.exit_code
    except (KeyboardInterrupt, typer.Abort):
        return _interrupted()
    except BrokenPipeError:
        # The reader of our output has gone (`cimkit … | head`): not an error of ours, nor a reason to complain.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except MemoryError:
        return _tell("There is not enough memory for this.", None, 3)
    except Exception as error:
        return _unexpected(error)


def _interrupted() -> int:
    return _tell("Interrupted; nothing was left half-written.", None, stopping.exit_code())


def _unexpected(error: Exception) -> int:
    """The exit code of what is not one of our own errors."""
    if isinstance(error, RuntimeError) and str(error) == "Query interrupted":
        return _interrupted()  # Ctrl-C while DuckDB was at work
    if hasattr(error, "format_message") and hasattr(error, "exit_code"):  # typer's usage errors
        context = getattr(error, "ctx", None)
        command = context.command_path if context is not None else "cimkit"
        return _tell(str(error.format_message()), f"See: {command} --help", 2)
    full = isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT)
    if full or "No space left on device" in str(error):
        return _tell(
            f"The disk is full: {error}. Nothing was left half-written.",
            "Free some space, then run again.",
            3,
        )
    if type(error).__name__ == "OutOfMemoryException":  # DuckDB's, which is not imported here
        return _tell(
            "There is not enough memory for this: one record is too big, or there are too many at once.",
            "Split what is very big, or run it where there is more memory.",
            3,
        )
    if isinstance(error, PermissionError):
        return _tell(f"No permission: {error.filename or error}.", "Check who may read or write there.", 3)
    import traceback

    if os.environ.get("CIMKIT_DEBUG"):
        traceback.print_exception(error)
    return _tell(
        f"Internal error: {type(error).__name__}: {error}",
        "This is a fault of cimkit, not of your data. Please report it with the output of 'cimkit doctor' and of "
        "the same command under CIMKIT_DEBUG=1.",
        4,
    )


def _tell(message: str, hint: str | None, code: int) -> int:
    from rich.console import Console
    from rich.text import Text

    console = Console(file=sys.stderr, highlight=False, soft_wrap=True)
    console.print(Text.assemble(("error: ", "bold red"), message))
    if hint:
        console.print(Text.assemble(("try:   ", "bold cyan"), hint))
    return code
