"""The polygons of a generated city as one file in each of several formats.

python benchmarks/polygons.py FOLDER COUNT SUFFIX
"""

from __future__ import annotations

import sys
from pathlib import Path

from city import CRS, attributes, footprints

FORMATS = {"gpkg": "GPKG", "shp": "ESRI Shapefile", "geojson": "GeoJSON"}
#: A Shapefile cuts names at ten bytes.
SHORT = {"floors_above": "floors"}
ROWS_AT_ONCE = 500_000


def source(folder: Path, count: int, suffix: str) -> Path:
    """The path of a city in one of the formats."""
    return folder / f"polygons-{count}.{suffix}"


def make(folder: Path, count: int, suffix: str) -> None:
    """Write a city, unless it is there; GeoJSON in longitude and latitude."""
    import geopandas as gpd
    import pyogrio

    folder.mkdir(parents=True, exist_ok=True)
    path = source(folder, count, suffix)
    if path.exists():
        return
    shapes, columns = footprints(count, seed=1), attributes(count, "survey", seed=3)
    for start in range(0, count, ROWS_AT_ONCE):
        rows = slice(start, start + ROWS_AT_ONCE)
        frame = gpd.GeoDataFrame({k: v[rows] for k, v in columns.items()}, geometry=shapes[rows], crs=CRS)
        frame = frame.to_crs(4326) if suffix == "geojson" else frame.rename(columns=SHORT)
        pyogrio.write_dataframe(frame, path, driver=FORMATS[suffix], append=start > 0)


if __name__ == "__main__":
    make(Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3])
