"""How fast a check is, beside a hand-written DuckDB query of the same predicates on the same file.

    python benchmarks/check_speed.py [ROWS] [SHARE_OF_BAD_CELLS]

Makes a Parquet file of ten columns, holds it against twenty rules, and prints for each way
its seconds, CPU seconds and peak memory; each runs in a process of its own, after a warm-up. The
hand-written query only counts; ``jsonschema`` sees the first 20,000 records, and its times are scaled.
"""

from __future__ import annotations

import multiprocessing
import pickle
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from jsonschema import Draft202012Validator

import cimkit
from cimkit import duck
from cimkit.check import run_check
from cimkit.check.json_schema.plain_schema import load_schema
from cimkit.check.staging import as_delivered
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
        count_if(length(name) < 1), count_if(length(name) > 40),
        count_if(TRY_CAST(updated AS DATE) IS NULL AND updated IS NOT NULL),
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


def by_hand(path: Path, folder: Path) -> None:
    """The predicates, written by hand: counts only."""
    with duck.connect() as con:
        con.execute(BY_HAND.format(path=path)).fetchall()


def check(path: Path, folder: Path) -> None:
    """The whole of ``cimkit.check``: reading, staging, counts, samples, messages."""
    report = cimkit.check(path, schema=SCHEMA, formats=True)
    assert report.coverage.rules.record == 0, "every rule here is SQL's"


def check_staged(path: Path, folder: Path) -> None:
    """Checking alone, on a file staged before (see :data:`BEFORE`)."""
    schema = load_schema(SCHEMA, {})
    run_check(
        [(as_delivered(pickle.loads((folder / "staged").read_bytes()), schema.layer.name), schema.layer)],
        against={"schema": schema.reference},
        codelists={},
        rules=(),
        formats=True,
    )


def stage_before(path: Path, folder: Path) -> None:
    (folder / "staged").write_bytes(pickle.dumps(stage(open_source(path).layer(), folder)))


def jsonschema_records(path: Path, folder: Path) -> None:
    """``jsonschema`` on every record; only the first 20,000."""
    validator = Draft202012Validator(SCHEMA, format_checker=Draft202012Validator.FORMAT_CHECKER)
    for record in next(pq.ParquetFile(path).iter_batches(RECORDS)).to_pylist():
        list(validator.iter_errors(record))


RECORDS = 20_000
WAYS = (by_hand, check_staged, check, jsonschema_records)
BEFORE = {"check_staged": stage_before}


def measured(name: str, path: str) -> tuple[float, float, float]:
    """(seconds, CPU seconds, peak MB), the best of three after a warm-up, in this process."""
    times = []
    with tempfile.TemporaryDirectory() as folder:
        if name in BEFORE:
            BEFORE[name](Path(path), Path(folder))
        for _ in range(4):
            wall, cpu = time.perf_counter(), time.process_time()
            globals()[name](Path(path), Path(folder))
            times.append((time.perf_counter() - wall, time.process_time() - cpu))
    peak = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM"))
    return (*min(times[1:], key=lambda each: each[1]), int(peak.split()[1]) / 1024)


def main() -> None:
    rows = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    bad = float(sys.argv[2]) if len(sys.argv) > 2 else 0.001
    context = multiprocessing.get_context("spawn")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "buildings.parquet"
        make(path, rows, bad)
        base = 0.0
        print(f"{rows:,} records, {bad:.1%} of cells bad\n{'':20} wall s    CPU s  CPU ratio  peak MB")
        for way in WAYS:
            with context.Pool(1, maxtasksperchild=1) as pool:
                wall, cpu, peak = pool.apply(measured, (way.__name__, str(path)))
            scale = rows / RECORDS if way is jsonschema_records else 1
            base = base or cpu
            print(f"{way.__name__:20} {wall * scale:6.2f}  {cpu * scale:7.2f}  {cpu * scale / base:9.1f}  {peak:7.0f}")


if __name__ == "__main__":
    main()
