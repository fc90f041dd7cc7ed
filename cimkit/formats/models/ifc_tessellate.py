"""Makes footprints of the shapes of an IFC model, as a process of its own: the geometry kernels end it on some damage.

``python ifc_tessellate.py MODEL`` reads the numbers of entities from stdin, one a line, and
writes a frame for each footprint to stdout: :data:`FRAME` and the WKB. A last frame of number 0
holds the first error of the kernel's log. It imports nothing of cimkit, so that it starts soon.
"""

from __future__ import annotations

import re
import struct
import sys
from collections.abc import Iterator
from typing import Any, Literal

import numpy as np
import shapely
from numpy.typing import NDArray

#: Number of the entity, lowest and highest point, whether the shape is a convex hull, bytes of WKB.
FRAME = struct.Struct("<qdd?I")
#: A shape of more triangles than this (a terrain, a tree) is given by the hull of its points.
MOST_TRIANGLES = 20_000
#: Points closer than this are one: a tenth of a millimetre.
GRID = 1e-4
_KERNEL: Literal["hybrid-cgal-simple-opencascade"] = "hybrid-cgal-simple-opencascade"
_UPRIGHT = 1e-9
_STAMP = re.compile(r"^\[(\w+)\](?: \[\w+\])? \[[^\]]*\] ")


def errors(log: str) -> Iterator[str]:
    """The errors in ifcopenshell's log, without their times."""
    for line in log.splitlines():
        found = _STAMP.match(line)
        if found is not None and found.group(1) == "error":
            yield line[found.end() :].strip()


def main(path: str) -> None:
    """Read the model and the numbers, write the frames."""
    import ifcopenshell

    model = ifcopenshell.open(path)
    entities = [model.by_id(int(line)) for line in sys.stdin if line.strip()]
    ifcopenshell.get_log()
    out = sys.stdout.buffer
    for number, points, faces in _tessellated(model, entities):
        made = projected(points, faces)
        if made is not None:
            shape, is_hull = made
            data = shapely.to_wkb(shape, flavor="iso", byte_order=1)
            low, high = float(points[:, 2].min()), float(points[:, 2].max())
            out.write(FRAME.pack(number, low, high, is_hull, len(data)) + data)
            out.flush()  # what is made stays made, whatever the next shape does
    reason = next(errors(ifcopenshell.get_log()), "").encode()
    out.write(FRAME.pack(0, 0.0, 0.0, False, len(reason)) + reason)
    out.flush()


def _tessellated(model: Any, entities: list[Any]) -> Iterator[tuple[int, NDArray[np.float64], NDArray[np.int64]]]:
    from ifcopenshell import geom

    settings = geom.settings()
    settings.set("use-world-coords", True)
    settings.set("disable-opening-subtractions", True)
    iterator = geom.iterator(settings, model, 1, include=entities, geometry_library=_KERNEL)
    if not iterator.initialize():
        return
    while True:
        made = iterator.get()
        points = np.array(made.geometry.verts, dtype=np.float64).reshape(-1, 3)
        yield int(made.id), points, np.array(made.geometry.faces, dtype=np.int64).reshape(-1, 3)
        if not iterator.next():
            return


def projected(points: NDArray[np.float64], faces: NDArray[np.int64]) -> tuple[shapely.Geometry, bool] | None:
    """What triangles cover on the ground, and whether that is only the hull of their points; None for nothing."""
    if not len(faces) or not np.isfinite(points).all():
        return None
    corners = points[faces][:, :, :2]
    first, second = corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]
    area = first[:, 0] * second[:, 1] - first[:, 1] * second[:, 0]
    lying = corners[np.abs(area) > _UPRIGHT]
    if not len(lying):
        return None
    if len(lying) > MOST_TRIANGLES:
        return shapely.convex_hull(shapely.multipoints(points[:, :2])), True
    try:
        shape = shapely.set_precision(shapely.union_all(shapely.polygons(lying)), GRID)
    except shapely.errors.GEOSException:  # coordinates so large that a grid has no meaning
        return None
    return None if shape.is_empty else (shape, False)


if __name__ == "__main__":
    main(sys.argv[1])
