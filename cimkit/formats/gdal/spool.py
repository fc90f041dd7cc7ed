"""A stream kept in a temporary file, for formats whose header must say what all records are."""

from __future__ import annotations

from collections import Counter
from contextlib import suppress
from pathlib import Path

import numpy as np
import pyarrow as pa
import shapely
from numpy.typing import NDArray

from cimkit import wkb
from cimkit.formats.gdal import kinds
from cimkit.model import BBox

_GEOMETRY = "geometry"
_FAMILY = {1: 1, 4: 1, 2: 2, 5: 2, 8: 2, 9: 2, 11: 2, 3: 3, 6: 3, 10: 3, 12: 3, 15: 3, 16: 3, 17: 3}


class Spool:
    """The records of a stream, and what its geometries are: kinds, extent, how many are null or empty."""

    def __init__(self, reader: pa.RecordBatchReader, folder: Path) -> None:
        self._path = folder / "spool.arrow"
        self.schema = reader.schema
        self.kinds: Counter[tuple[int, bool, bool]] = Counter()
        self.null = self.empty = 0
        self._low, self._high = np.full(2, np.inf), np.full(2, -np.inf)
        with pa.OSFile(str(self._path), "wb") as sink, pa.ipc.new_stream(sink, self.schema) as writer:
            for batch in reader:
                writer.write_batch(batch)
                if _GEOMETRY in batch.schema.names:
                    self._look(batch.column(_GEOMETRY).cast(pa.binary()))

    def reader(self) -> pa.RecordBatchReader:
        """The stream again; its file is gone from the folder, and from the disk at its end."""
        source = pa.OSFile(str(self._path), "rb")
        self._path.unlink()
        return pa.ipc.open_stream(source)

    @property
    def bbox(self) -> BBox | None:
        if not (np.isfinite(self._low).all() and np.isfinite(self._high).all()):
            return None
        return (float(self._low[0]), float(self._low[1]), float(self._high[0]), float(self._high[1]))

    @property
    def declared(self) -> str:
        """The one kind there is, else "Unknown"; with Z or M if any geometry has them."""
        only = {kind for kind, _, _ in self.kinds}
        return kinds.name(only.pop() if len(only) == 1 else 0, self._any(1), self._any(2))

    @property
    def family(self) -> str | None:
        """The kind of many that takes all geometries (a point, where all are single); None where none does."""
        found = {kind for kind, _, _ in self.kinds}
        families = {_FAMILY.get(kind) for kind in found}
        if len(families) != 1 or None in families:
            return None
        many = 1 if found == {1} else {1: 4, 2: 5, 3: 6}[next(iter(families)) or 0]
        return kinds.name(many, self._any(1), self._any(2))

    def _any(self, place: int) -> bool:
        return any(kind[place] for kind in self.kinds)

    def _look(self, array: pa.Array) -> None:
        kind, has_z, has_m = wkb.heads(array)
        found = np.stack([kind, has_z, has_m], axis=1)[kind > 0]
        for row, count in zip(*np.unique(found, axis=0, return_counts=True), strict=True):
            self.kinds[int(row[0]), bool(row[1]), bool(row[2])] += int(count)
        self.null += array.null_count
        values = np.array(array.to_numpy(zero_copy_only=False), dtype=object)
        simple = values.copy()
        simple[(kind <= 0) | (kind >= 7)] = None
        with np.errstate(invalid="ignore"):
            built = shapely.from_wkb(simple, on_invalid="ignore")
        bounds = shapely.bounds(built)
        self.empty += int(shapely.is_empty(built).sum())
        for row in np.flatnonzero((kind > 0) & ~shapely.is_geometry(built)):
            with suppress(ValueError):
                for points, _ in wkb.coordinates(bytearray(values[row])):
                    if len(points):
                        self._widen(points[:, :2].min(axis=0), points[:, :2].max(axis=0))
        bounds[~np.isfinite(bounds)] = np.nan
        if not np.isnan(bounds).all():
            self._widen(np.nanmin(bounds[:, :2], axis=0), np.nanmax(bounds[:, 2:], axis=0))

    def _widen(self, low: NDArray[np.float64], high: NDArray[np.float64]) -> None:
        self._low, self._high = np.fmin(self._low, low), np.fmax(self._high, high)
