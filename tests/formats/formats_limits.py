"""The command line in a process of its own, with limits of memory, disk and time.

The process lives on from command to command, since starting it takes longer than most of them.
"""

from __future__ import annotations

import json
import select
import subprocess
import sys

_CHILD = """
import contextlib, io, json, os, resource, sys
resource.setrlimit(resource.RLIMIT_AS, (int(sys.argv[1]) << 30, int(sys.argv[1]) << 30))
resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 30, 1 << 30))
from cimkit.cli import execute
answers = os.fdopen(os.dup(1), "w")
for line in sys.stdin:
    said = io.StringIO()
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
        code = execute(json.loads(line))
    answers.write(json.dumps([code, said.getvalue()]) + "\\n")
    answers.flush()
"""


class Limited:
    """Runs commands under limits; ``gigabytes`` of address space, of which libraries alone take one."""

    def __init__(self, gigabytes: int = 3) -> None:
        self._gigabytes = gigabytes
        self._process: subprocess.Popen[str] | None = None

    def run(self, *arguments: str, seconds: float = 60) -> tuple[int, str]:
        """The exit code and what was said; a negative code is the signal that ended the process."""
        if self._process is None or self._process.poll() is not None:
            self._process = subprocess.Popen(
                [sys.executable, "-c", _CHILD, str(self._gigabytes)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                text=True,
            )
        process = self._process
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(json.dumps(arguments) + "\n")
        process.stdin.flush()
        ready, _, _ = select.select([process.stdout], [], [], seconds)
        answer = process.stdout.readline() if ready else ""
        if not ready:
            self.close()
            raise TimeoutError(f"{arguments} took longer than {seconds} s")
        if not answer:
            return process.wait(), "the process died"
        code, said = json.loads(answer)
        assert "Traceback" not in said, said[-2000:]
        return int(code), str(said)

    def close(self) -> None:
        """End the process."""
        if self._process is not None:
            self._process.kill()
            self._process.communicate()
            self._process = None
