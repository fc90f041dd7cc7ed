"""The measured tasks: one function each, run in a process of its own by ``run.py``.

    python benchmarks/tasks.py TASK FIRST SECOND OUT

FIRST and SECOND are the two copies of the generated city (GeoPackage), OUT an empty folder.
"""

from __future__ import annotations

import sys
from pathlib import Path


def copy(first: Path, second: Path, out: Path) -> None:
    """The yardstick: records read and written, and nothing else."""
    import pyarrow as pa
    import pyarrow.parquet as pq
    import pyogrio

    with pyogrio.open_arrow(first, use_pyarrow=True, batch_size=65_536) as (_, reader):
        schema = pa.schema([field.remove_metadata() for field in reader.schema])
        with pq.ParquetWriter(out / "copy.parquet", schema, compression="zstd") as writer:
            for batch in reader:
                writer.write_batch(pa.RecordBatch.from_arrays(batch.columns, schema=schema))


def convert(first: Path, second: Path, out: Path) -> None:
    """GeoPackage to GeoParquet 1.1 with covering, Hilbert-sorted, with a loss report."""
    import cimkit

    cimkit.convert(first, out / "buildings.parquet")


def convert_geopandas(first: Path, second: Path, out: Path) -> None:
    """The same without sorting and without a loss report."""
    import geopandas as gpd

    gpd.read_file(first).to_parquet(out / "buildings.parquet", write_covering_bbox=True)


def check(first: Path, second: Path, out: Path) -> None:
    """Every rule of cim-core's building layer, geometry and keys included."""
    import cimkit

    report = cimkit.check([first], standard="cim-core/building")
    assert report.coverage.features_checked == report.coverage.features_total > 0


def check_jsonschema(first: Path, second: Path, out: Path) -> None:
    """The layer's JSON Schema by the jsonschema library, record by record; no geometry, no keys."""
    import geopandas as gpd
    from jsonschema import Draft202012Validator

    from cimkit import Standard

    validator = Draft202012Validator(Standard.load("cim-core").layers["building"].schema)
    frame = gpd.read_file(first, ignore_geometry=True)
    for record in frame.to_dict("records"):
        for _ in validator.iter_errors({key: value for key, value in record.items() if value is not None}):
            pass


def fuse(first: Path, second: Path, out: Path) -> None:
    """Two sources to entities, with bridge, provenance and matches (reading included)."""
    from cimkit import formats
    from cimkit.fuse import fuse as run
    from cimkit.model import FusionSource

    sources = []
    for name, path, trust in (("survey", first, 0.9), ("machine", second, 0.3)):
        folder = out / name
        folder.mkdir()
        staged = formats.stage(formats.open(path).layer(), folder)
        sources.append(FusionSource(name, staged.path, staged.facts.crs.value, trust=trust, as_of="2024-05-01"))
    report = run(
        sources,
        layer="building",
        profile="building",
        attributes={"height_m": {"strategy": "priority", "tolerance": 1.0}},
        geometry={"strategy": "priority"},
        fields={"name": "name", "function": "category", "height_m": "height"},
        crs="EPSG:4546",
        out=out / "fused",
    )
    assert report.entities > 0


def fuse_geopandas(first: Path, second: Path, out: Path) -> None:
    """The intersecting pairs and their IoU by geopandas; no decision, no attributes, no provenance."""
    import geopandas as gpd

    a, b = gpd.read_file(first), gpd.read_file(second)
    pairs = gpd.sjoin(a, b, predicate="intersects")
    left = a.geometry.loc[pairs.index].reset_index(drop=True)
    right = b.geometry.loc[pairs["index_right"]].reset_index(drop=True)
    common = left.intersection(right).area
    (common / (left.area + right.area - common)).to_frame("iou").to_parquet(out / "pairs.parquet")


TASKS = {
    function.__name__: function
    for function in (copy, convert, convert_geopandas, check, check_jsonschema, fuse, fuse_geopandas)
}

if __name__ == "__main__":
    TASKS[sys.argv[1]](*(Path(argument) for argument in sys.argv[2:5]))
