"""What one pass over a layer shows: counts, kinds of geometry, extent, and hints."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pyarrow as pa

from cimkit import crs as crs_names
from cimkit import wkb
from cimkit.formats.columns import FID, GEOMETRY, JSON_MARK, leading_zeros
from cimkit.formats.dataset import Stream
from cimkit.model import BBox, Field, Hint, LayerFacts

#: OGC 06-103r4, table 7 (the part cimkit's :mod:`wkb` knows too).
KINDS = {
    1: "Point",
    2: "LineString",
    3: "Polygon",
    4: "MultiPoint",
    5: "MultiLineString",
    6: "MultiPolygon",
    7: "GeometryCollection",
    8: "CircularString",
    9: "CompoundCurve",
    10: "CurvePolygon",
    11: "MultiCurve",
    12: "MultiSurface",
    15: "PolyhedralSurface",
    16: "TIN",
    17: "Triangle",
}
SIMPLE_KINDS = frozenset(range(1, 8))
_COLLECTION = 7


class FactGatherer:
    """Adds up a layer's facts batch by batch."""

    def __init__(self, stream: Stream) -> None:
        self._stream = stream
        self._features = 0
        self._kinds: Counter[tuple[int, bool, bool]] = Counter()
        self._low = np.array([np.inf, np.inf])
        self._high = np.array([-np.inf, -np.inf])
        self._null = self._empty = self._broken = self._odd = 0
        self._codes: dict[str, str] = {}
        self.text_columns = [f.name for f in stream.schema if pa.types.is_string(f.type) and f.name != FID]

    def add(self, batch: pa.RecordBatch) -> bool:
        """Take one batch in the layer's shape into account.

        Whether its geometries were all built, and none is a collection, whose parts may be anything.
        """
        self.count(batch.num_rows)
        for name in self.text_columns:
            self.text(name, batch.column(name))
        return GEOMETRY not in batch.schema.names or self.geometry(batch.column(GEOMETRY))

    def count(self, records: int) -> None:
        """So many more records."""
        self._features += records

    def text(self, name: str, array: pa.Array) -> bool:
        """Cells of a text column; whether all is known of it that there is to know."""
        if name not in self._codes:
            code = leading_zeros(array)
            if code:
                self._codes[name] = code
        return name in self._codes

    def geometry(self, array: pa.Array) -> bool:
        """Geometries; whether they were all built, and none is a collection."""
        found = wkb.extents(array)
        kind = found.kind
        code = kind * 4 + found.has_z * 2 + found.has_m
        counts = np.bincount(code[kind > 0])
        for value in np.flatnonzero(counts).tolist():
            self._kinds[value // 4, bool(value & 2), bool(value & 1)] += int(counts[value])
        bounds = found.bounds
        unbuilt = np.flatnonzero((kind != 0) & ~found.built)
        for index in unbuilt:
            bounds[index], sound = wkb.outline(array[int(index)].as_py())
            self._broken += not sound or kind[index] in SIMPLE_KINDS
        self._null += array.null_count
        self._empty += int(found.empty.sum())
        finite = np.isfinite(bounds)
        if not finite.all():
            self._odd += int((~finite.all(axis=1) & found.built & ~found.empty).sum())
            bounds[~finite] = np.nan
        if finite.any():
            self._low = np.fmin(self._low, np.nanmin(bounds[:, :2], axis=0, initial=np.inf))
            self._high = np.fmax(self._high, np.nanmax(bounds[:, 2:], axis=0, initial=-np.inf))
        return not len(unbuilt) and not np.any(kind == _COLLECTION)

    @property
    def bbox(self) -> BBox | None:
        """Min x, min y, max x, max y of all finite coordinates."""
        if not (np.isfinite(self._low).all() and np.isfinite(self._high).all()):
            return None
        return (float(self._low[0]), float(self._low[1]), float(self._high[0]), float(self._high[1]))

    @property
    def simple(self) -> bool:
        """Whether every geometry is one that GeoParquet may hold: of a simple kind, without M."""
        return not self._broken and all(base in SIMPLE_KINDS and not m for base, _, m in self._kinds)

    @property
    def kinds(self) -> dict[str, int]:
        """Kinds as GeoParquet writes them ("Polygon", "Polygon Z") and how many there are of each.

        A layer with a geometry column but no geometry in it has its declared kind with 0.
        """
        named = {_kind_name(*kind): count for kind, count in sorted(self._kinds.items())}
        if not named and GEOMETRY in self._stream.schema.names:
            return {self._stream.declared_kind or "Unknown": 0}
        return named

    def facts(self) -> LayerFacts:
        """All of it, once the last batch was added."""
        stream = self._stream
        fields = tuple(
            Field(f.name, _type_name(f), stream.widths.get(f.name))
            for f in stream.schema
            if f.name not in (GEOMETRY, FID)
        )
        crs, bbox = stream.crs.value, self.bbox
        return LayerFacts(
            features=self._features,
            fields=fields,
            geometry_kinds=self.kinds,
            bbox=bbox,
            bbox_crs84=crs_names.bbox_crs84(bbox, crs) if crs and bbox else None,
            crs=stream.crs,
            encoding=stream.encoding,
            hints=(*stream.hints, *self._hints()),
        )

    def _hints(self) -> list[Hint]:
        hints = []
        rejected = self._stream.rejected
        if rejected:
            message = f"{len(rejected)} records or parts of the file cannot be read; the first is"
            hints.append(Hint("record.unreadable", f"{message} {rejected[0].place}: {rejected[0].reason}"))
        for name, code in self._codes.items():
            hints.append(
                Hint("codes.leading_zeros", f"'{name}' holds codes with leading zeros ({code}): keep it text.")
            )
        if GEOMETRY not in self._stream.schema.names:
            return hints
        for code_, count, what in (
            ("geometry.missing", self._null, "no geometry"),
            ("geometry.empty", self._empty, "an empty geometry"),
            ("geometry.unreadable", self._broken, "a geometry that cannot be built"),
            ("geometry.coordinates", self._odd, "coordinates that are no finite numbers"),
        ):
            if count:
                hints.append(Hint(code_, f"{count} of {self._features} records have {what}."))
        crs = self._stream.crs.value
        if any(hint.code == "crs.local" for hint in self._stream.hints):
            return hints  # a model's own coordinates, whose numbers say nothing
        if crs is None and self.bbox is None:
            hints.append(Hint("crs.missing", "No coordinate reference system is declared."))
        return hints + crs_names.suspicions(self.bbox, crs)


def _kind_name(base: int, has_z: bool, has_m: bool) -> str:
    suffix = " ZM" if has_z and has_m else " Z" if has_z else " M" if has_m else ""
    return KINDS.get(base, f"WKB type {base}") + suffix


def _type_name(field: pa.Field) -> str:
    return "json" if JSON_MARK in (field.metadata or {}) else str(field.type)
