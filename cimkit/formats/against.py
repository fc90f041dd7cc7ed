"""A layer held against a reference layer: whether it lies hundreds of metres off, and in which datum it may be."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
import pyarrow as pa
import shapely

from cimkit import crs as crs_names
from cimkit.crs.displacement import FARTHEST_M, Places, displacement, explained
from cimkit.errors import UsageError
from cimkit.formats.columns import GEOMETRY
from cimkit.formats.dataset import Layer
from cimkit.model import BBox, Hint
from cimkit.wkb import built

#: Steps per factor e of area and perimeter within which two outlines count as alike.
_FINENESS = 8
_MOST_PLACES = 2_000_000


def offset_hint(layer: Layer, bbox_crs84: BBox | None, reference: Layer) -> Hint:
    """What a reference layer of the same place says of where a layer lies.

    Codes: ``crs.offset_suspected`` where it lies more than 150 m off, with the datum that
    explains it (GCJ-02, BD-09) where one does; ``crs.offset_none`` where no such displacement
    is seen, which also happens where the layers show different things.

    Raises:
        UsageError: one of the layers has no geometry or no known CRS.
        SourceError: one of them cannot be read.
    """
    for each in (layer, reference):
        lacks = "geometry" if GEOMETRY not in each.schema.names else "known CRS" if each.crs.value is None else None
        if lacks:
            raise UsageError(
                f"Layer '{each.name}' of {each.delivery.path} has no {lacks}, so nothing can be held against it.",
                hint="Say its CRS with --from-crs." if lacks == "known CRS" else None,
            )
    if bbox_crs84 is None:
        raise UsageError(f"Layer '{layer.name}' of {layer.delivery.path} lies nowhere, so nothing can be told of it.")
    working = crs_names.local_metric(bbox_crs84)
    ours, theirs = _places(layer, working), _places(reference, working, near=_extent(working, bbox_crs84))
    about = f"layer '{reference.name}' of {reference.delivery.path}"
    found = displacement(theirs, ours) if len(ours.x) and len(theirs.x) else None
    if found is None:
        message = (
            f"No displacement against {about} is seen ({len(ours.x):,} places, {len(theirs.x):,} near them there)."
        )
        return Hint("crs.offset_none", message)
    x, y = float(np.median(ours.x)), float(np.median(ours.y))
    cause = explained(found, x, y, working, str(reference.crs.value), str(layer.crs.value))
    message = f"The coordinates lie about {found.length:.0f} m off {about}"
    if cause is None:
        return Hint("crs.offset_suspected", f"{message}; no datum that is known explains it.")
    whose = "they look like" if cause[0] else "that layer looks like"
    declared = layer.crs.value if cause[0] else reference.crs.value
    advice = f" Say --from-crs {cause[1]} if that is right." if cause[0] else ""
    return Hint("crs.offset_suspected", f"{message}: {whose} {cause[1]}, not {declared}.{advice}")


def _extent(working: str, bbox_crs84: BBox) -> BBox:
    west, south, east, north = bbox_crs84
    x, y = crs_names.plan(crs_names.WGS84, working).points([west, west, east, east], [south, north, south, north])
    far = 2 * FARTHEST_M
    return (float(x.min()) - far, float(y.min()) - far, float(x.max()) + far, float(y.max()) + far)


def _places(layer: Layer, working: str, near: BBox | None = None) -> Places:
    with layer.stream() as stream:
        cells = (batch.column(GEOMETRY) for batch in stream.batches)
        return places(cells, str(layer.crs.value), working, near)


def places(
    cells: Iterable[pa.Array], crs: str, working: str, near: BBox | None = None, most: int = _MOST_PLACES
) -> Places:
    """The middle of each geometry (WKB), with a key made of size and outline, by which areas are told apart.

    ``near`` is a box in ``working``; of what lies in it about ``most`` are read.
    """
    parts = list(_parts(cells, crs, working, near, most))
    if not parts:
        return Places(np.empty(0), np.empty(0), np.empty(0, np.int64))
    return Places(*(np.concatenate(each) for each in zip(*parts, strict=True)))


def _parts(
    cells: Iterable[pa.Array], crs: str, working: str, near: BBox | None, most: int
) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    way = crs_names.plan(crs, working, allow_ballpark=True)
    taken = 0
    for cell in cells:
        array = way.wkb(cell)
        shapes = built(np.array(array.to_numpy(zero_copy_only=False), dtype=object))
        x0, y0, x1, y1 = shapely.bounds(shapes).T
        x, y = (x0 + x1) / 2, (y0 + y1) / 2
        placed = np.isfinite(x) & np.isfinite(y)
        if near is not None:
            placed &= (x >= near[0]) & (x <= near[2]) & (y >= near[1]) & (y <= near[3])
        area, length = shapely.area(shapes[placed]), shapely.length(shapes[placed])
        with np.errstate(divide="ignore"):
            steps = [np.where(of > 0, np.rint(_FINENESS * np.log(of)), -1000) for of in (area, length)]
        key = (steps[0] * 10_000 + steps[1]).astype(np.int64)
        yield x[placed], y[placed], key
        taken += len(key)
        if taken >= most:
            return
