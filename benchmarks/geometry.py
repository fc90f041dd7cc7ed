"""How fast the validity of polygons is checked, beside a bare vectorised shapely pass over the same file.

    python benchmarks/geometry.py [POLYGONS] [SHARE_OF_INVALID_ONES]

Makes a GeoParquet file of building footprints, and prints for each way its seconds, CPU seconds
and peak memory; each runs in a process of its own, after a warm-up. The bare pass reads the
geometry column, makes geometries of it and asks GEOS which are valid: it tells no row, reason or place.
"""

from __future__ import annotations

import json
import multiprocessing
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import shapely
from city import CRS, footprints

import cimkit
from cimkit.check import run_check
from cimkit.check.staging import as_delivered
from cimkit.formats import open as open_source
from cimkit.formats import stage
from cimkit.standard.layer import load_layer

LAYER = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "$id": "urn:bench:building",
    "title": "Building",
    "type": "object",
    "properties": {"id": {"type": "string"}},
    "cim:geometry": {"types": ["Polygon", "MultiPolygon"]},
}
STANDARD = """
standard: bench
version: 0.1.0
status: draft
title: {en: Benchmark}
publisher: {en: Nobody}
licence: CC0-1.0
layers: [building]
crs: {allowed: ["%s"]}
"""
ALL = {
    "ring_direction": "ccw",
    "min_area_m2": 1,
    "min_width_m": 0.5,
    "max_spike_degrees": 1,
    "min_segment_m": 0.01,
    "precision_m": 0.001,
    "unique": True,
    "territory": [100, 20, 130, 50],
}
BATCH = 65_536


def make(path: Path, count: int, bad: float) -> None:
    """The file: footprints, a share of whose rings cross themselves."""
    import geopandas as gpd

    shapes = footprints(count, seed=1)
    wrong = np.flatnonzero(np.random.default_rng(5).random(count) < bad)
    shapes[wrong] = [shapely.Polygon(np.asarray(s.exterior.coords)[[0, 2, 1, 3, 0]]) for s in shapes[wrong]]
    frame = gpd.GeoDataFrame({"id": [f"b{n}" for n in range(count)]}, geometry=shapes, crs=CRS)
    frame.to_parquet(path, row_group_size=BATCH, compression="zstd")


def package(folder: Path, **more: object) -> Path:
    """A standard of one layer."""
    (folder / "layers").mkdir(parents=True, exist_ok=True)
    (folder / "standard.yaml").write_text(STANDARD % CRS)
    layer = {**LAYER, "cim:geometry": {**LAYER["cim:geometry"], **more}}
    (folder / "layers" / "building.schema.json").write_text(json.dumps(layer))
    return folder


def shapely_alone(path: Path, folder: Path) -> None:
    """The bare pass: ``from_wkb`` and ``is_valid``."""
    with pq.ParquetFile(path) as file:
        for batch in file.iter_batches(BATCH, columns=["geometry"]):
            cells = batch.column(0).to_numpy(zero_copy_only=False)
            shapely.is_valid(shapely.from_wkb(cells, on_invalid="ignore"))


def check(path: Path, folder: Path) -> None:
    """The whole of ``cimkit.check``: reading, facts, verdicts, samples with reason and place."""
    cimkit.check(path, standard=f"{package(folder / 'standard')}/building", level="L4")


def check_staged(path: Path, folder: Path) -> None:
    """Checking alone, once the file is staged (see :func:`measured`)."""
    layer = load_layer(package(folder / "standard") / "layers" / "building.schema.json", "building")
    mapped = as_delivered(STAGED[0], "building")
    run_check([(mapped, layer)], against={"schema": {"id": "bench"}}, codelists={}, rules=())


def check_everything(path: Path, folder: Path) -> None:
    """Every geometry option asked for."""
    cimkit.check(path, standard=f"{package(folder / 'all', **ALL)}/building", level="L4")


STAGED: list = []
WAYS = (shapely_alone, check_staged, check, check_everything)


def measured(name: str, path: str) -> tuple[float, float, float]:
    """(seconds, CPU seconds, peak MB), the best of three after a warm-up, in this process."""
    times = []
    with tempfile.TemporaryDirectory() as folder:
        if name == "check_staged":
            STAGED[:] = [stage(open_source(Path(path)).layer(), Path(folder))]
        for _ in range(4):
            wall, cpu = time.perf_counter(), time.process_time()
            globals()[name](Path(path), Path(folder))
            times.append((time.perf_counter() - wall, time.process_time() - cpu))
    peak = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM"))
    return (*min(times[1:], key=lambda each: each[1]), int(peak.split()[1]) / 1024)


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    bad = float(sys.argv[2]) if len(sys.argv) > 2 else 0.001
    context = multiprocessing.get_context("spawn")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "buildings.parquet"
        make(path, count, bad)
        base = 0.0
        print(f"{count:,} polygons, {bad:.1%} of them invalid\n{'':20} wall s    CPU s  CPU ratio  peak MB")
        for way in WAYS:
            with context.Pool(1, maxtasksperchild=1) as pool:
                wall, cpu, peak = pool.apply(measured, (way.__name__, str(path)))
            base = base or cpu
            print(f"{way.__name__:20} {wall:6.2f}  {cpu:7.2f}  {cpu / base:9.2f}  {peak:7.0f}")


if __name__ == "__main__":
    main()
