"""A generated city of N buildings, as a GeoPackage by the field names of cim-core, and a shifted second copy."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

CRS = "EPSG:4546"
FUNCTIONS = np.array(["residential", "commercial", "industrial", "education", "civic"])


def footprints(count: int, seed: int, shift: float = 0.0) -> np.ndarray:
    """``count`` rotated rectangles on a loose grid of 25 m, in metres of :data:`CRS`, all moved by ``shift``."""
    import shapely

    rng = np.random.default_rng(seed)
    side = int(np.ceil(np.sqrt(count)))
    column, row = np.divmod(np.arange(count), side)
    centre = np.stack([500_000 + column * 25.0, 4_500_000 + row * 25.0], axis=1) + rng.uniform(-3, 3, (count, 2))
    half = rng.uniform(4, 9, (count, 2))
    angle = rng.uniform(0, np.pi, count)
    centre += shift
    corners = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1], [-1, -1]])[None] * half[:, None]
    cos, sin = np.cos(angle)[:, None], np.sin(angle)[:, None]
    x = corners[..., 0] * cos - corners[..., 1] * sin + centre[:, :1]
    y = corners[..., 0] * sin + corners[..., 1] * cos + centre[:, 1:]
    return shapely.polygons(np.stack([x, y], axis=2))


def attributes(count: int, source: str, seed: int) -> dict[str, np.ndarray]:
    """Attributes that pass cim-core; heights carry noise, so that sources differ."""
    rng = np.random.default_rng(seed)
    floors = rng.integers(1, 30, count)
    number = np.arange(count)
    return {
        "id": np.char.add(f"{source}-", number.astype(str)).astype(object),
        "name": np.char.add("Building ", (number % 5000).astype(str)).astype(object),
        "function": FUNCTIONS[rng.integers(0, len(FUNCTIONS), count)].astype(object),
        "height_m": np.round(floors * 3.1 + rng.uniform(-0.5, 0.5, count), 2),
        "floors_above": floors,
        "year_built": rng.integers(1950, 2024, count),
        "source": np.full(count, source, dtype=object),
        "updated_at": np.full(count, "2024-05-01T00:00:00Z", dtype=object),
    }


def files(folder: Path, count: int) -> tuple[Path, Path]:
    """The paths of the two copies of a city."""
    return folder / f"survey-{count}.gpkg", folder / f"machine-{count}.gpkg"


def make(folder: Path, count: int) -> None:
    """Write both copies unless they are there."""
    import geopandas as gpd
    import pyogrio

    folder.mkdir(parents=True, exist_ok=True)
    for path, source, shift in zip(files(folder, count), ("survey", "machine"), (0.0, 1.2), strict=True):
        if not path.exists():
            shapes = footprints(count, seed=1, shift=shift)
            frame = gpd.GeoDataFrame(attributes(count, source, seed=3), geometry=shapes, crs=CRS)
            pyogrio.write_dataframe(frame, path, layer="building")


if __name__ == "__main__":
    make(Path(sys.argv[1]), int(sys.argv[2]))
