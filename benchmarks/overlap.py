"""How fast no_overlap is, beside the bare DuckDB spatial join of the same file.

    python benchmarks/overlap.py [BUILDINGS]

Makes a GeoParquet file of a city (see :mod:`city`): rotated footprints of which a few overlap. The
join reads the file and counts the pairs that intersect. ``rule`` is the time that the rule
adds to a check of a staged file; ``check`` is the whole of ``cimkit.check`` with that one rule. Each
way runs in a process of its own, three times, after a warm-up.
"""

from __future__ import annotations

import multiprocessing
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import city

STANDARD = "standard: bench\nversion: 0.1.0\nstatus: draft\ntitle: {en: Bench}\nlicence: CC0-1.0\nlayers: [building]\n"
LAYER = """{"$schema": "https://json-schema.org/draft/2020-12/schema", "$id": "urn:cim:bench:0.1.0:building",
"title": "Building", "type": "object", "properties": {"id": {"type": "string"}},
"cim:geometry": {"types": ["Polygon"], "required": true}}"""
RULES = "- {id: building.no_overlap, check: no_overlap, layer: building, tolerance_m2: 0, severity: error}\n"
JOIN = "SELECT count(*) FROM (FROM shapes) a JOIN (FROM shapes) b ON ST_Intersects(a.g, b.g) WHERE a.id < b.id"


def make(folder: Path, count: int) -> None:
    """The city as GeoParquet, and a standard with the one rule."""
    import geopandas as gpd
    import numpy as np

    number = np.arange(count)
    frame = gpd.GeoDataFrame(
        {"id": np.char.add("b", number.astype(str)).astype(object)}, geometry=city.footprints(count, 1), crs=city.CRS
    )
    frame.to_parquet(folder / "building.parquet", row_group_size=65_536)
    standard = folder / "standard"
    (standard / "layers").mkdir(parents=True)
    (standard / "standard.yaml").write_text(STANDARD, encoding="utf-8")
    (standard / "layers" / "building.schema.json").write_text(LAYER, encoding="utf-8")
    (standard / "rules.yaml").write_text(RULES, encoding="utf-8")


def join(folder: Path) -> Any:
    from cimkit import duck

    with duck.connect() as con:
        source = duck.parquet(folder / "building.parquet")
        con.execute(f"CREATE TEMP TABLE shapes AS SELECT id, ST_GeomFromWKB(geometry) AS g FROM {source}")
        return con.execute(JOIN).fetchone()


def _staged(folder: Path, rules: bool) -> Any:
    from cimkit.check import run_check
    from cimkit.check.staging import as_delivered
    from cimkit.formats import open as open_source
    from cimkit.formats import stage
    from cimkit.standard import Standard

    standard = Standard.load(folder / "standard")
    work = folder / f"staged-{rules}"
    if "inputs" not in _KEPT:
        work.mkdir()
        staged = stage(open_source(folder / "building.parquet").layer(), work)
        _KEPT["inputs"] = [(as_delivered(staged, "building"), standard.layers["building"])]
    asked = standard.rules if rules else ()
    report = run_check(_KEPT["inputs"], against={"standard": standard.reference()}, codelists={}, rules=asked)
    return [(rule.checked, rule.failed) for rule in report.rules if rule.code == "topology.overlap"]


_KEPT: dict[str, Any] = {}


def without(folder: Path) -> Any:
    return _staged(folder, rules=False)


def with_rule(folder: Path) -> Any:
    return _staged(folder, rules=True)


def check(folder: Path) -> Any:
    import cimkit

    report = cimkit.check(folder / "building.parquet", standard=folder / "standard")
    return [(rule.checked, rule.failed) for rule in report.rules if rule.code == "topology.overlap"]


WAYS = (join, without, with_rule, check)


def measured(name: str, folder: str) -> tuple[float, float, float, Any]:
    """(seconds, CPU seconds, peak MB, result), the best of three after a warm-up, in this process."""
    times = []
    for _ in range(4):
        wall, cpu = time.perf_counter(), time.process_time()
        result = globals()[name](Path(folder))
        times.append((time.perf_counter() - wall, time.process_time() - cpu))
    peak = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM"))
    return (*min(times[1:], key=lambda each: each[1]), int(peak.split()[1]) / 1024, result)


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    context = multiprocessing.get_context("spawn")
    with tempfile.TemporaryDirectory() as folder:
        make(Path(folder), count)
        cpu: dict[str, float] = {}
        print(f"{count:,} buildings\n{'':12} wall s    CPU s  CPU ratio  peak MB")
        for way in WAYS:
            with context.Pool(1, maxtasksperchild=1) as pool:
                wall, cpu[way.__name__], peak, result = pool.apply(measured, (way.__name__, folder))
            ratio = cpu[way.__name__] / cpu["join"]
            print(f"{way.__name__:12} {wall:6.2f}  {cpu[way.__name__]:7.2f}  {ratio:9.2f}  {peak:7.0f}  {result}")
        rule = cpu["with_rule"] - cpu["without"]
        print(f"{'rule':12} {'':6}  {rule:7.2f}  {rule / cpu['join']:9.2f}")


if __name__ == "__main__":
    main()
