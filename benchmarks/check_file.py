"""The file that the checks are measured on: ten attributes of generated buildings and their outlines, as GeoParquet.

python benchmarks/check_file.py FILE ROWS SHARE_OF_BAD_CELLS
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import shapely
from city import CRS, footprints

from cimkit import crs

FUNCTIONS = ["residential", "commercial", "industrial", "education", "medical"]
ROWS_AT_ONCE = 1_000_000


def make(path: Path, rows: int, bad: float) -> None:
    """Plausible buildings, a share of whose cells break their rule; with 1 every record fails one rule."""
    column = {"encoding": "WKB", "geometry_types": ["Polygon"], "crs": crs.projjson(CRS)}
    about = {"version": "1.1.0", "primary_column": "geometry", "columns": {"geometry": column}}
    schema = pa.schema(_part(0, 1, bad).schema, metadata={"geo": json.dumps(about)})
    path.parent.mkdir(parents=True, exist_ok=True)
    with pq.ParquetWriter(path, schema, compression="zstd") as writer:
        for start in range(0, rows, ROWS_AT_ONCE):
            part = _part(start, min(ROWS_AT_ONCE, rows - start), bad)
            writer.write_table(part.cast(schema), row_group_size=65_536)


def _part(start: int, rows: int, bad: float) -> pa.Table:
    random = np.random.default_rng([7, start])

    def sometimes(good: np.ndarray, wrong: object) -> np.ndarray:
        return np.where(random.random(rows) < bad, wrong, good) if bad < 1 else good

    numbers = np.arange(start, start + rows)
    days = np.datetime64("2020-01-01") + random.integers(0, 1500, rows)
    columns = {
        "id": sometimes(np.char.add("b", np.char.zfill(numbers.astype(str), 8)), "?"),
        "function": sometimes(random.choice(FUNCTIONS, rows), "hut"),
        "height": sometimes(random.random(rows) * 100 + 1, -1.0),
        "floors": random.integers(1, 40, rows) if bad < 1 else np.zeros(rows, dtype=np.int64),
        "level": sometimes(random.integers(1, 8, rows), 9),
        "year": sometimes(random.integers(1900, 2024, rows), 1),
        "area": sometimes(random.random(rows) * 1000 + 1, 0.0),
        "name": sometimes(np.char.add("Building ", numbers.astype(str)), ""),
        "updated": sometimes(np.datetime_as_string(days), "2020-13-01"),
        "source": sometimes(np.full(rows, "survey"), "guess"),
    }
    outlines = shapely.to_wkb(footprints(rows, seed=start))
    return pa.table({**columns, "geometry": pa.array(outlines, pa.binary())})


if __name__ == "__main__":
    make(Path(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3]))
