"""Measure the ways from a file of polygons to GeoParquet and print one table.

python benchmarks/formats.py [SIZE ...] [--format gpkg|shp|geojson] [--only TASK] [--data FOLDER]
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections.abc import Collection
from pathlib import Path

from format_tasks import FIONA_RECORDS, TASKS
from polygons import FORMATS, source
from run import measured


def main() -> int:
    """The whole table; exit code 1 where a task failed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("sizes", nargs="*", type=int)
    parser.add_argument("--format", action="append", choices=sorted(FORMATS), dest="formats")
    parser.add_argument("--only", action="append", choices=sorted(TASKS))
    parser.add_argument("--data", type=Path, default=Path("build/bench"))
    options = parser.parse_args()
    print(f"{'features':>10}  {'format':<8} {'task':<10} {'CPU s':>8} {'wall s':>8} {'peak MB':>8} {'x copy+sort':>11}")
    failed = 0
    for size in options.sizes or [1_000_000]:
        for suffix in options.formats or FORMATS:
            # In a process of its own: a child's peak memory begins with that of the process it was spawned from.
            program = [sys.executable, Path(__file__).with_name("polygons.py"), options.data, str(size), suffix]
            subprocess.run(program, check=True)
            failed += table(source(options.data, size, suffix), size, suffix, options.only or TASKS)
    return int(failed > 0)


def table(path: Path, size: int, suffix: str, tasks: Collection[str]) -> int:
    """The lines of one file; how many tasks failed."""
    costs = {}
    for task in TASKS:
        if task not in (*tasks, "copy_sort"):
            continue
        costs[task] = measured("format_tasks.py", task, str(path))
    for task, cost in costs.items():
        share = max(size / FIONA_RECORDS, 1.0) if task == "fiona" else 1.0
        ratio = f"{cost.cpu * share / costs['copy_sort'].cpu:11.2f}" if cost.ok else "     failed"
        note = f"  ({FIONA_RECORDS:,} records, seconds scaled)" if share > 1 else ""
        figures = f"{cost.cpu * share:8.2f} {cost.wall * share:8.2f} {cost.peak_mb:8.0f} {ratio}"
        print(f"{size:>10,}  {suffix:<8} {task:<10} {figures}{note}", flush=True)
    return sum(not cost.ok for cost in costs.values())


if __name__ == "__main__":
    sys.exit(main())
