"""What members of CityJSON say: vertices, the reference system, addresses, heights."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from cimkit.formats.models.city_objects import in_metres
from cimkit.formats.models.solids import BadShape, Points


def triples(vertices: Any) -> Points:
    """Vertices as numbers.

    Raises:
        BadShape: they are no list of three numbers each.
    """
    if not isinstance(vertices, list | np.ndarray):
        raise BadShape("its vertices are no list")
    if not len(vertices):
        return np.empty((0, 3))
    try:
        points = np.array(vertices, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise BadShape("a vertex is no list of three numbers") from error
    if points.ndim != 2 or points.shape[1] != 3:
        raise BadShape("a vertex is no list of three numbers")
    if not np.isfinite(points).all():
        raise BadShape("a vertex holds a number that is not finite")
    return points


def reference_system(metadata: Mapping[str, Any]) -> tuple[str | None, str]:
    """The name of the CRS, and where it stands: drafts of 1.0 had a member of their own for it."""
    name = metadata.get("referenceSystem")
    if isinstance(name, str):
        return name, "metadata.referenceSystem"
    old = metadata.get("crs")
    code = old.get("epsg") if isinstance(old, dict) else None
    return (f"EPSG:{code}" if code else None), "metadata.crs.epsg"


def address(value: Any) -> dict[str, Any]:
    """Addresses without their places: the words of the first as one text, and all as they stand."""
    listed = value if isinstance(value, list) else [value] if isinstance(value, dict) else []
    plain = [{k: v for k, v in each.items() if k != "location"} for each in listed if isinstance(each, dict)]
    plain = [each for each in plain if each]
    if not plain:
        return {}
    words = [str(word) for word in plain[0].values() if isinstance(word, str | int | float)]
    return {"address": " ".join(words), "address_members": plain}


def heights(attributes: Mapping[str, Any]) -> list[tuple[str, float]]:
    """What the attributes say of the height, in metres, the measured one first."""
    found = []
    for name in ("measuredHeight", "height", "averageHeight"):
        value = attributes.get(name)
        several = value if isinstance(value, list) else [value]
        for each in several:
            unit = each.get("uom") if isinstance(each, dict) else None
            metres = in_metres(each.get("value") if isinstance(each, dict) else each, unit)
            if metres is not None and not isinstance(each, bool):
                found.append((name, metres))
    return found
