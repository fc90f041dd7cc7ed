"""Measure every task on generated cities and print one table.

python benchmarks/run.py [SIZE ...] [--only TASK] [--data FOLDER]
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from city import files
from tasks import TASKS

#: Rivals that would take hours: their largest size.
LARGEST = {"check_jsonschema": 100_000}


@dataclass(frozen=True)
class Measured:
    """One task's cost: seconds of CPU and of the clock, and the peak of resident memory in MB."""

    cpu: float
    wall: float
    peak_mb: float
    ok: bool


def measured(script: str, task: str, *arguments: str) -> Measured:
    """Run a task of a script beside this one, in a process of its own, with an empty folder as the last argument."""
    with tempfile.TemporaryDirectory(prefix="cimkit-bench-") as out:
        program = [sys.executable, str(Path(__file__).with_name(script)), task, *arguments, out]
        began = time.perf_counter()
        child = os.posix_spawn(sys.executable, program, dict(os.environ))
        _, status, usage = os.wait4(child, 0)
        wall = time.perf_counter() - began
    return Measured(usage.ru_utime + usage.ru_stime, wall, usage.ru_maxrss / 1024, status == 0)


def main() -> int:
    """The whole table; exit code 1 where a task failed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("sizes", nargs="*", type=int, default=[10_000, 100_000, 1_000_000])
    parser.add_argument("--only", action="append", choices=sorted(TASKS))
    parser.add_argument("--data", type=Path, default=Path("build/bench"))
    options = parser.parse_args()
    print(f"{'features':>10}  {'task':<18} {'CPU s':>8} {'wall s':>8} {'peak MB':>8} {'x copy':>7}")
    failed = 0
    for size in options.sizes or [10_000, 100_000, 1_000_000]:
        # In a process of its own: a child's peak memory begins with that of the process it was spawned from.
        subprocess.run([sys.executable, Path(__file__).with_name("city.py"), options.data, str(size)], check=True)
        first, second = files(options.data, size)
        yardstick: float | None = None
        for task in TASKS:
            if options.only and task not in (*options.only, "copy"):
                continue
            if size > LARGEST.get(task, size):
                continue
            cost = measured("tasks.py", task, str(first), str(second))
            yardstick = cost.cpu if yardstick is None else yardstick
            failed += not cost.ok
            ratio = f"{cost.cpu / yardstick:7.1f}" if cost.ok else " failed"
            print(f"{size:>10,}  {task:<18} {cost.cpu:8.2f} {cost.wall:8.2f} {cost.peak_mb:8.0f} {ratio}", flush=True)
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main())
