"""Make every console example of the documentation true again.

A ``console`` block holds commands (lines that start with ``$ ``) and what they print. The
commands of one page run one after the other in a new folder that holds the sample city,
and their output replaces what stood there. ``--check`` changes nothing and fails where a
page would change; the tests call that.

    python docs/generate.py            write
    python docs/generate.py --check    compare
"""

from __future__ import annotations

import argparse
import difflib
import os
import re
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
#: Folders an example may use; they are linked into the folder it runs in.
PROVIDED = ("pipelines", "sample_data", "standards", "schemas")
BLOCK = re.compile(r"^```console\n(.*?)^```$", re.MULTILINE | re.DOTALL)
#: The place of the format matrix on its page.
MATRIX = re.compile(r"(<!-- formats -->)\n.*?(<!-- /formats -->)", re.DOTALL)
#: A command whose output differs from run to run, or is not ours, is shown and not run.
NOT_RUN = ("make test", "pip install", "git clone", "cimkit doctor", "cd ", "make bench")


def main() -> int:
    """Write or compare every page; the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="compare only")
    parser.add_argument("pages", nargs="*", type=lambda text: Path(text).resolve(), help="all where none is named")
    options = parser.parse_args()
    stale = 0
    for page in options.pages or PAGES:
        before = page.read_text(encoding="utf-8")
        after = refreshed(before)
        if before == after:
            continue
        stale += 1
        if options.check:
            sys.stdout.writelines(
                difflib.unified_diff(
                    before.splitlines(True), after.splitlines(True), f"{page.name} as it is", f"{page.name} as it runs"
                )
            )
        else:
            page.write_text(after, encoding="utf-8")
            print(f"wrote {page.relative_to(ROOT)}")
    return int(bool(stale) and options.check)


def refreshed(text: str) -> str:
    """A page with the output of its console examples, and the format matrix, as they are today."""
    with tempfile.TemporaryDirectory(prefix="cimkit-docs-") as folder:
        work = Path(folder)
        for name in PROVIDED:
            (work / name).symlink_to(ROOT / name)
        if MATRIX.search(text):
            table = _run("cimkit formats --format markdown", work)
            text = MATRIX.sub(lambda match: f"{match.group(1)}\n{table}{match.group(2)}", text)
        return BLOCK.sub(lambda match: f"```console\n{_block(match.group(1), work)}```", text)


def _block(body: str, work: Path) -> str:
    lines: list[str] = []
    for command, shown in commands(body):
        lines.append(f"$ {command}\n")
        lines.append(shown if command.startswith(NOT_RUN) else _run(command, work))
    return "".join(lines)


def commands(body: str) -> list[tuple[str, str]]:
    """The commands of a console block, each with what is shown below it."""
    found: list[tuple[str, str]] = []
    for line in body.splitlines(keepends=True):
        if line.startswith("$ "):
            found.append((line[2:].rstrip("\n"), ""))
        elif found:
            command, shown = found[-1]
            # A command may go on behind a backslash.
            found[-1] = (f"{command}\n{line.rstrip()}", shown) if command.endswith("\\") else (command, shown + line)
    return found


def _run(command: str, work: Path) -> str:
    """What a command prints on stdout, then on stderr; a non-zero exit code is told in the last line."""
    if command.startswith("make "):
        command = recipe(command.removeprefix("make "))
    environment = {
        **os.environ,
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "NO_COLOR": "1",
        "COLUMNS": "100",
        "CIMKIT_CLOCK": "2024-06-01T00:00:00Z",
        "LC_ALL": "C.UTF-8",
    }
    done = subprocess.run(
        ["bash", "-c", command], cwd=work, env=environment, capture_output=True, text=True, timeout=300, check=False
    )
    code = f"(exit code {done.returncode})\n" if done.returncode else ""
    output = done.stdout + done.stderr + code
    return "".join(f"{line.rstrip()}\n" for line in output.replace(str(work), ".").splitlines())


def recipe(target: str) -> str:
    """The commands behind a target of the Makefile, in the environment that is active."""
    printed = subprocess.run(
        [
            "make",
            "--silent",
            "--dry-run",
            "--assume-old=.venv/.installed",
            "-C",
            str(ROOT),
            "BIN=.",
            *shlex.split(target),
        ],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    wanted = [line for line in printed.splitlines() if line.startswith("./cimkit")]
    return "\n".join(line.removeprefix("./") for line in wanted)


if __name__ == "__main__":
    sys.exit(main())
