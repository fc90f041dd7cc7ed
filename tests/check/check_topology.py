"""Makers for the tests of topology: shapes as delivered layers, rules as a standard has them, and where they lie."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyproj
import shapely
from check_deliveries import deliver, held, standard_layer

from cimkit.model import Finding, Report
from cimkit.standard import Rule

KINDS = ("Point", "LineString", "Polygon", "MultiPoint", "MultiLineString", "MultiPolygon")
_numbers = itertools.count()


@dataclass(frozen=True)
class Place:
    """A CRS, and where and how large a shape drawn in metres lies in it."""

    crs: str
    x: float
    y: float
    x_unit: float = 1.0
    y_unit: float = 1.0

    def put(self, shape: Any) -> Any:
        return shapely.transform(shape, lambda xy: xy * [1 / self.x_unit, 1 / self.y_unit] + [self.x, self.y])


def _walked(x: float, y: float, right: int, up: int) -> float:
    """Metres on the ellipsoid in one unit of Web Mercator."""
    away = 50
    way = pyproj.Transformer.from_crs(3857, 4326, always_xy=True)
    (one_lon, two_lon), (one_lat, two_lat) = way.transform([x, x + away * right], [y, y + away * up])
    return float(pyproj.Geod(ellps="WGS84").inv(one_lon, one_lat, two_lon, two_lat)[2]) / away


NEAR_ZERO = Place("EPSG:4547", 0, 0)
CITY = Place("EPSG:4547", 500_000, 3_000_000)
#: A CGCS2000 easting with the number of its zone.
PREFIXED = Place("EPSG:4526", 38_500_000, 4_400_000)
#: Degrees, with their lengths at 29 degrees north (GRS 80).
DEGREES = Place("EPSG:4490", 113.0, 29.0, 97_451.0, 110_853.0)
FEET = Place("EPSG:2263", 980_000, 200_000, 0.3048006096, 0.3048006096)
#: Metres to the east and to the north in one unit at 55 degrees north, where the map is drawn much too large.
MERCATOR = Place(
    "EPSG:3857", 12_580_000, 7_361_866, *(_walked(12_580_000, 7_361_866, *step) for step in ((1, 0), (0, 1)))
)


def rule(check: str, layer: str, /, *, severity: str = "error", **parameters: Any) -> Rule:
    return Rule(
        id=f"{layer}.{check}",
        check=check,
        layer=layer,
        severity=severity,  # type: ignore[arg-type]
        message={},
        iso19157=None,
        parameters=parameters,
    )


def given(
    folder: Path,
    name: str,
    shapes: Sequence[Any],
    place: Place = CITY,
    *,
    spec: bool = True,
    fields: Mapping[str, Sequence[Any]] | None = None,
    source: str | None = None,
) -> tuple[Any, Any]:
    """A delivered layer whose ids are ``<first letter><row>``; without ``spec`` nobody asks for sound geometry."""
    folder = folder / str(next(_numbers))
    folder.mkdir()
    fields = fields or {}
    kinds = {key: "string" if isinstance(values[0], str) else "number" for key, values in fields.items()}
    layer = standard_layer(
        folder,
        name,
        {"id": {"type": "string", "cim:key": True}, **{key: {"type": kind} for key, kind in kinds.items()}},
        **({"cim:geometry": {"types": list(KINDS), "required": False}} if spec else {}),
    )
    cells = [s if s is None or isinstance(s, bytes) else shapely.to_wkb(place.put(s)) for s in shapes]
    ids = [f"{name[0]}{number}" for number in range(len(cells))]
    table = pa.table({"id": ids, **fields, "geometry": pa.array(cells, pa.binary())})
    return deliver(folder, table, layer, crs=place.crs, source=source or f"{name}.gpkg"), layer


def asked(layers: Sequence[tuple[Any, Any]], *rules: Rule, **more: Any) -> Report:
    return held(list(layers), rules=rules, **{"samples": None, **more})


def topology(report: Report) -> list[Finding]:
    return [finding for finding in report.findings if finding.code.startswith(("topology.", "network."))]


def rows(report: Report, code: str | None = None) -> set[int]:
    """The rows that have findings, which must be as many as are counted."""
    found = [finding for finding in topology(report) if code in (None, finding.code)]
    told = sum(each.failed for each in report.rules if each.code in {finding.code for finding in found})
    assert told == len(found)
    return {int(finding.row or 0) for finding in found}


def checked(report: Report, rule_id: str) -> int:
    return next(each.checked for each in report.rules if each.rule == rule_id)


def polygons(numbers: Sequence[Sequence[tuple[int, int]]]) -> list[Any]:
    """The areas among the hulls of some points."""
    hulls = [shapely.convex_hull(shapely.MultiPoint(points)) for points in numbers]
    return [hull for hull in hulls if hull.geom_type == "Polygon"]


def array(shapes: Sequence[Any]) -> Any:
    return np.array(shapes, dtype=object)
