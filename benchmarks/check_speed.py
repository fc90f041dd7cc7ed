"""How fast a check is, beside a hand-written DuckDB query of the same predicates on the same file.

    python benchmarks/check_speed.py [ROWS] [SHARE_OF_BAD_CELLS]

Makes a Parquet file of ten columns, holds it against twenty rules, and prints for each way
its seconds, CPU seconds and peak memory; each runs in a process of its own, after a warm-up.
"""

from __future__ import annotations

import json
import multiprocessing
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from cimkit import duck
from cimkit.check import run_check
from cimkit.check.check import _as_delivered
from cimkit.check.plain_schema import load_schema
from cimkit.formats import open as open_source
from cimkit.formats import stage

FUNCTIONS = ["residential", "commercial", "industrial", "education", "medical"]
SCHEMA = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "$id": "urn:bench:building",
    "type": "object",
    "required": ["id", "function", "floors", "updated"],
    "properties": {
        "id": {"type": "string", "pattern": "^b[0-9]{7}$", "maxLength": 8},
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
        count_if(updated IS NULL), count_if(NOT regexp_matches(id, '^b[0-9]{{7}}$')), count_if(length(id) > 8),
        count_if("function" NOT IN ('residential', 'commercial', 'industrial', 'education', 'medical')),
        count_if(height <= 0), count_if(height > 1000), count_if(floors < 1), count_if(floors > 200),
        count_if(level < 1), count_if(level > 7), count_if(year < 1000), count_if(year > 2100), count_if(area <= 0),
        count_if(length(name) < 1), count_if(length(name) > 40), count_if(TRY_CAST(updated AS DATE) IS NULL AND updated IS NOT NULL),
        count_if(source <> 'survey'), count_if(level >= 2 AND height IS NULL)
    FROM read_parquet('{path}')
"""


def make(path: Path, rows: int, bad: float) -> None:
    """The file: plausible buildings, a share of whose cells break their rule."""
    random = np.random.default_rng(7)

    def sometimes(good: np.ndarray, wrong: object) -> np.ndarray:
        return np.where(random.random(rows) < bad, wrong, good)

    numbers = np.arange(rows)
    days = np.datetime64("2020-01-01") + random.integers(0, 1500, rows)
    columns = {
        "id": sometimes(np.char.add("b", np.char.zfill(numbers.astype(str), 7)), "?"),
        "function": sometimes(random.choice(FUNCTIONS, rows), "hut"),
        "height": sometimes(random.random(rows) * 100 + 1, -1.0),
        "floors": sometimes(random.integers(1, 40, rows), 0),
        "level": sometimes(random.integers(1, 8, rows), 9),
        "year": sometimes(random.integers(1900, 2024, rows), 1),
        "area": sometimes(random.random(rows) * 1000 + 1, 0.0),
        "name": sometimes(np.char.add("Building ", numbers.astype(str)), ""),
        "updated": sometimes(np.datetime_as_string(days), "2020-13-01"),
        "source": sometimes(np.full(rows, "survey"), "guess"),
    }
    pq.write_table(pa.table(columns), path, row_group_size=65_536, compression="zstd")


def by_hand(path: Path, folder: Path) -> float:
    """The predicates, written by hand: counts only."""
    with duck.connect() as con:
        started = time.perf_counter()
        con.execute(BY_HAND.format(path=path)).fetchall()
        return time.perf_counter() - started


def checked(path: Path, folder: Path) -> float:
    """cimkit on the staged file: counts, samples, messages."""
    schema = load_schema(SCHEMA, {})
    staged = stage(open_source(path).layer(), folder)
    mapped = _as_delivered(staged, schema.layer.name)
    started = time.perf_counter()
    report = run_check(
        [(mapped, schema.layer)], against={"schema": schema.reference}, codelists={}, rules=(), formats=True
    )
    seconds = time.perf_counter() - started
    assert report.coverage.rules.record == 0, "every rule here is SQL's"
    return seconds


def from_file(path: Path, folder: Path) -> float:
    """The whole of ``cimkit.check``: reading, staging, checking."""
    from cimkit.check import check

    started = time.perf_counter()
    check(path, schema=SCHEMA, formats=True)
    return time.perf_counter() - started


def by_record(path: Path, folder: Path) -> float:
    """``jsonschema`` on every record, read by pyarrow; on the first 20,000 rows, scaled up."""
    from jsonschema import Draft202012Validator

    validator = Draft202012Validator(SCHEMA, format_checker=Draft202012Validator.FORMAT_CHECKER)
    started = time.perf_counter()
    batch = next(pq.ParquetFile(path).iter_batches(20_000))
    for record in batch.to_pylist():
        list(validator.iter_errors(record))
    return (time.perf_counter() - started) * pq.read_metadata(path).num_rows / batch.num_rows


def measure(way: Callable[[Path, Path], float], path: Path) -> dict[str, float]:
    """Best of three after a warm-up, in a fresh process."""
    context = multiprocessing.get_context("spawn")
    with context.Pool(1) as pool:
        return pool.apply(_measured, (way.__name__, str(path)))


def _measured(name: str, path: str) -> dict[str, float]:
    way: Callable[[Path, Path], float] = globals()[name]
    times = []
    for _ in range(4):
        with tempfile.TemporaryDirectory() as folder:
            cpu = time.process_time()
            seconds = way(Path(path), Path(folder))
            times.append((seconds, time.process_time() - cpu))
    seconds, cpu = min(times[1:])
    return {"s": seconds, "cpu": cpu, "mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}


def main() -> None:
    rows = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    bad = float(sys.argv[2]) if len(sys.argv) > 2 else 0.001
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "buildings.parquet"
        make(path, rows, bad)
        found = {way.__name__: measure(way, path) for way in (by_hand, checked, from_file, by_record)}
    base = found["by_hand"]["s"]
    for name, each in found.items():
        print(f"{name:10} {each['s']:8.3f} s  {each['s'] / base:7.1f} x  peak {each['mb']:6.0f} MB")
    print(json.dumps({"rows": rows, "bad": bad, **found}))


if __name__ == "__main__":
    main()
