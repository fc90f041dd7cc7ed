"""How fast a check is, beside its rivals on the same GeoParquet file in the same run.

    python benchmarks/check_speed.py [SIZE ...] [--only WAY]

Ten columns and an outline, twenty rules, one cell in a thousand wrong. Each way runs in a process of its
own, three times after a warm-up, of which the cheapest counts: seconds, CPU seconds, peak memory, and the
CPU beside the hand-written DuckDB query of the same predicates, which only counts and keeps no samples. The
rivals that take records see the first 20,000 (jsonschema) or 200,000 (jsonschema-rs), and their times
are scaled. Reading is included everywhere. ``check_none`` and ``check_all`` are files in which no record and
every record fails, with the JSON report written.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import multiprocessing
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from check_file import FUNCTIONS

SCHEMA: dict[str, Any] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "$id": "urn:bench:building",
    "type": "object",
    "required": ["id", "function", "floors", "updated"],
    "properties": {
        "id": {"type": "string", "pattern": "^b[0-9]{8}$", "maxLength": 9},
        "function": {"type": "string", "enum": FUNCTIONS},
        "height": {"type": "number", "exclusiveMinimum": 0, "maximum": 1000},
        "floors": {"type": "integer", "minimum": 1, "maximum": 200},
        "level": {"type": "integer", "minimum": 1, "maximum": 7},
        "year": {"type": "integer", "minimum": 1000, "maximum": 2100},
        "area": {"type": "number", "exclusiveMinimum": 0},
        "name": {"type": "string", "minLength": 1, "maxLength": 40},
        "updated": {"type": "string", "format": "date"},
        "source": {"const": "survey"},
    },
    "if": {"properties": {"level": {"minimum": 2}}, "required": ["level"]},
    "then": {"required": ["height"]},
}
BY_HAND = """
    SELECT count(*), count_if(id IS NULL), count_if("function" IS NULL), count_if(floors IS NULL),
        count_if(updated IS NULL), count_if(NOT regexp_matches(id, '^b[0-9]{{8}}$')), count_if(length(id) > 9),
        count_if("function" NOT IN ('residential', 'commercial', 'industrial', 'education', 'medical')),
        count_if(height <= 0), count_if(height > 1000), count_if(floors < 1), count_if(floors > 200),
        count_if(level < 1), count_if(level > 7), count_if(year < 1000), count_if(year > 2100), count_if(area <= 0),
        count_if(length(name) < 1), count_if(length(name) > 40),
        count_if(TRY_CAST(updated AS DATE) IS NULL AND updated IS NOT NULL),
        count_if(source <> 'survey'), count_if(level >= 2 AND height IS NULL)
    FROM read_parquet('{path}')
"""
#: Records that a slow rival sees.
RECORDS = {"jsonschema_records": 20_000, "jsonschema_rs_records": 200_000}
#: Shares of bad cells of the files.
SHARES = {"some": 0.001, "none": 0.0, "all": 1.0}


def by_hand(files: dict[str, Path], folder: Path) -> None:
    """The predicates, written by hand: counts only."""
    from cimkit import duck

    with duck.connect() as con:
        con.execute(BY_HAND.format(path=files["some"])).fetchall()


def check(files: dict[str, Path], folder: Path) -> None:
    """The whole of ``cimkit.check``: reading, facts, hygiene, counts, samples, messages."""
    _check(files["some"])


def check_geometry(files: dict[str, Path], folder: Path) -> None:
    """The same with the validity of the geometry, which a plain schema is asked for."""
    _check(files["some"], level="L4")


def check_none(files: dict[str, Path], folder: Path) -> None:
    """A file without a fault; the JSON report is written."""
    _written(files["none"], folder)


def check_all(files: dict[str, Path], folder: Path) -> None:
    """A file in which every record fails a rule; the JSON report is written."""
    _written(files["all"], folder)


def _check(path: Path, **more: Any) -> Any:
    import cimkit

    report = cimkit.check(path, schema=SCHEMA, formats=True, **more)
    assert report.coverage.rules.record == 0, "every rule here is SQL's"
    return report


def _written(path: Path, folder: Path) -> None:
    (folder / "report.json").write_text(json.dumps(_check(path).to_dict()))


def jsonschema_records(files: dict[str, Path], folder: Path) -> None:
    """``jsonschema`` on every record."""
    from jsonschema import Draft202012Validator

    validator = Draft202012Validator(SCHEMA, format_checker=Draft202012Validator.FORMAT_CHECKER)
    for record in _records(files["some"], RECORDS["jsonschema_records"]):
        list(validator.iter_errors(record))


def jsonschema_rs_records(files: dict[str, Path], folder: Path) -> None:
    """``jsonschema-rs`` on every record."""
    import jsonschema_rs

    validator = jsonschema_rs.Draft202012Validator(SCHEMA, validate_formats=True)
    for record in _records(files["some"], RECORDS["jsonschema_rs_records"]):
        list(validator.iter_errors(record))


def _records(path: Path, count: int) -> Iterator[dict[str, Any]]:
    import pyarrow.parquet as pq

    with pq.ParquetFile(path) as file:
        names = [name for name in file.schema_arrow.names if name != "geometry"]
        for batch in file.iter_batches(20_000, columns=names):
            yield from batch.to_pylist()
            count -= batch.num_rows
            if count <= 0:
                return


WAYS = (by_hand, check, check_geometry, check_none, check_all, jsonschema_records, jsonschema_rs_records)


def measured(name: str, files: dict[str, Path]) -> tuple[float, float, float]:
    """(seconds, CPU seconds, peak MB), the best of three after a warm-up, in this process."""
    times = []
    with tempfile.TemporaryDirectory() as folder:
        for _ in range(4):
            wall, cpu = time.perf_counter(), time.process_time()
            globals()[name](files, Path(folder))
            times.append((time.perf_counter() - wall, time.process_time() - cpu))
    peak = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM"))
    return (*min(times[1:], key=lambda each: each[1]), int(peak.split()[1]) / 1024)


def main() -> None:
    """The table of each size."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("sizes", nargs="*", type=int, default=[1_000_000])
    parser.add_argument("--only", action="append", choices=[way.__name__ for way in WAYS])
    parser.add_argument("--data", type=Path, default=Path("build/bench"))
    options = parser.parse_args()
    context = multiprocessing.get_context("spawn")
    for rows in options.sizes or [1_000_000]:
        asked = options.only or [way.__name__ for way in WAYS]
        kinds = ["some", *(name for name in SHARES if f"check_{name}" in asked)]
        files = {name: options.data / f"check-{name}-{rows}.parquet" for name in kinds}
        for name, path in files.items():
            if not path.exists():
                program = [sys.executable, Path(__file__).with_name("check_file.py"), path, str(rows)]
                subprocess.run([*program, str(SHARES[name])], check=True)
        base = 0.0
        print(f"{rows:,} records\n{'':22} wall s    CPU s  x by hand  peak MB")
        for way in WAYS:
            name = way.__name__
            if name not in (*asked, "by_hand"):
                continue
            if way is jsonschema_rs_records and importlib.util.find_spec("jsonschema_rs") is None:
                print(f"{name:22} is not installed: pip install jsonschema-rs")
                continue
            with context.Pool(1, maxtasksperchild=1) as pool:
                wall, cpu, peak = pool.apply(measured, (name, files))
            scale = max(rows / RECORDS[name], 1.0) if name in RECORDS else 1.0
            wall, cpu = wall * scale, cpu * scale
            base = base or cpu
            print(f"{name:22} {wall:6.2f}  {cpu:7.2f}  {cpu / base:9.1f}  {peak:7.0f}", flush=True)


if __name__ == "__main__":
    main()
