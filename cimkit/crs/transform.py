"""The way of coordinates from one CRS to another, and what is known of its accuracy."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import pyarrow as pa
import pyproj
from numpy.typing import ArrayLike, NDArray
from pyproj.exceptions import ProjError

from cimkit import offsets, wkb
from cimkit.crs.names import BD09, GCJ02, WGS84, canonical, pyproj_crs, title
from cimkit.errors import SourceError
from cimkit.messages import say
from cimkit.model import Lang

Floats = NDArray[np.float64]
Step = Callable[[Floats, Floats, Floats | None], tuple[Floats, Floats, Floats | None]]
#: What is to be said of the accuracy: the name of a message (``crs_note.<name>``), and what is set into it.
Remark = tuple[str, dict[str, str]]

#: PROJ's names of the two datums that agree to about a metre because both follow the ITRF.
_CGCS2000 = "China 2000"
_WGS84 = "World Geodetic System 1984"
_EQUAL: Remark = ("equal", {})
#: Datums whose shift is a state secret; EPSG has one for a few oil fields only, which PROJ would use anywhere.
_UNPUBLISHED = {"Beijing 1954", "Xian 1980", "New Beijing"}


@dataclass(frozen=True)
class Transform:
    """The way from one CRS to another; ``remarks`` are on its accuracy, none where it is exact.

    ``equated`` says that CGCS2000 and WGS 84 were taken as one datum.
    """

    source: str
    target: str
    remarks: tuple[Remark, ...]
    steps: tuple[Step, ...]
    equated: bool = False

    @property
    def note(self) -> str | None:
        """The remarks in English, None where there are none."""
        return self.noted("en")

    def noted(self, lang: Lang) -> str | None:
        """The remarks in a language, None where there are none."""
        between = "" if lang == "zh" else " "
        return between.join(say(f"crs_note.{name}", lang, **values) for name, values in self.remarks) or None

    def points(self, x: ArrayLike, y: ArrayLike) -> tuple[Floats, Floats]:
        """Coordinates in the target CRS; ``inf`` where the target has no such place, NaN stays NaN."""
        there_x, there_y, _ = self._go(np.array(x, dtype=np.float64), np.array(y, dtype=np.float64), None)
        return there_x, there_y

    def wkb(self, array: pa.Array) -> pa.Array:
        """WKB geometries (binary or large_binary) reprojected, Z by PROJ and M as it is; as ISO WKB.

        A geometry whose bytes are no WKB, or which has no place in the target CRS, becomes
        null. So ``result.null_count - array.null_count`` is how many were lost that way.
        """
        if not self.steps or len(array) == array.null_count:
            return array
        kind, has_z, has_m = wkb.heads(array)
        values = array.to_numpy(zero_copy_only=False)
        result = np.full(len(values), None, dtype=object)
        simple = (kind >= 1) & (kind <= 6) & ~has_m
        for rows in (np.flatnonzero(simple & ~has_z), np.flatnonzero(simple & has_z)):
            self._through_geos(values, rows, result, with_z=bool(len(rows) and has_z[rows[0]]))
        left = np.flatnonzero((kind != 0) & np.array([shape is None for shape in result]))
        self._through_bytes(values, left, result)
        return pa.array(result, type=array.type, from_pandas=True)

    def _go(self, x: Floats, y: Floats, z: Floats | None) -> tuple[Floats, Floats, Floats | None]:
        for step in self.steps:
            x, y, z = step(x, y, z)
        return x, y, z

    def _through_geos(self, values: Any, rows: NDArray[np.intp], result: Any, *, with_z: bool) -> None:
        """The plain kinds, all rows at once. What GEOS does not read stays None in ``result``."""
        import shapely

        if not len(rows):
            return
        try:
            with np.errstate(invalid="ignore"):
                shapes = shapely.from_wkb(values[rows], on_invalid="ignore")
        except NotImplementedError:  # a curve within a multi-geometry
            return
        points, owner = shapely.get_coordinates(shapes, include_z=with_z, return_index=True)
        before = points.copy()
        x, y, z = self._go(points[:, 0], points[:, 1], points[:, 2] if with_z else None)
        points[:, 0], points[:, 1] = x, y
        if z is not None:
            points[:, 2] = z
        lost = np.unique(owner[_lost(before, points)])
        written = shapely.to_wkb(shapely.set_coordinates(shapes, points), flavor="iso", byte_order=1)
        written[lost] = None
        result[rows] = written

    def _through_bytes(self, values: Any, rows: NDArray[np.intp], result: Any) -> None:
        """Curves, surfaces, collections, M and unclosed rings: the coordinates are rewritten in place."""
        for row in rows:
            geometry = bytearray(values[row])
            try:
                parts = list(wkb.coordinates(geometry))
            except ValueError:
                continue
            whole = True
            for points, has_z in parts:
                before = points.copy()
                native = points.astype(np.float64)
                x, y, z = self._go(native[:, 0], native[:, 1], native[:, 2] if has_z else None)
                points[:, 0], points[:, 1] = x, y
                if z is not None:
                    points[:, 2] = z
                whole = whole and not _lost(before, points).any()
            if whole:
                result[row] = bytes(geometry)


def _lost(before: Floats, after: Floats) -> NDArray[np.bool_]:
    """Points that had a place and have none after (an empty point is NaN before and after)."""
    return _placed(before) & ~_placed(after)


def _placed(points: Floats) -> NDArray[np.bool_]:
    return np.isfinite(points[:, 0]) & np.isfinite(points[:, 1])


@lru_cache(maxsize=256)
def plan(source: str, target: str, *, allow_ballpark: bool = False) -> Transform:
    """The way from one CRS to another; cached, so ask as often as you like.

    CGCS2000 and WGS 84 are taken as one datum, with a note: both follow the ITRF, to about a
    metre. Any other pair between which PROJ knows no transformation (Beijing 1954, Xian 1980
    to anything else) is refused, because PROJ would silently leave the coordinates as they
    are ("ballpark"), tens to hundreds of metres off.

    Raises:
        UsageError: one of the names is unknown.
        SourceError: no transformation is known and ``allow_ballpark`` is not given.
    """
    start, end = canonical(source), canonical(target)
    if start == end:
        return Transform(start, end, (), ())
    notes: list[Remark] = []
    steps = [*_out_of_offset(start, notes)]
    steps += _between(start, end, allow_ballpark, notes)
    steps += _into_offset(end, notes)
    once = tuple(remark for i, remark in enumerate(notes) if remark not in notes[:i])
    return Transform(start, end, once, tuple(steps), _EQUAL in notes)


def _out_of_offset(name: str, notes: list[Remark]) -> list[Step]:
    steps = {BD09: [offsets.bd09_to_gcj02, offsets.gcj02_to_wgs84], GCJ02: [offsets.gcj02_to_wgs84]}
    return [_level(step) for step in _noted(steps.get(name, []), name, notes)]


def _into_offset(name: str, notes: list[Remark]) -> list[Step]:
    steps = {BD09: [offsets.wgs84_to_gcj02, offsets.gcj02_to_bd09], GCJ02: [offsets.wgs84_to_gcj02]}
    return [_level(step) for step in _noted(steps.get(name, []), name, notes)]


def _noted(steps: list[Any], name: str, notes: list[Remark]) -> list[Any]:
    if steps:
        notes.append(("formula", {"crs": name}))
    return steps


def _level(move: Callable[[Floats, Floats], tuple[Floats, Floats]]) -> Step:
    def step(x: Floats, y: Floats, z: Floats | None) -> tuple[Floats, Floats, Floats | None]:
        there_x, there_y = move(x, y)
        return there_x, there_y, z

    return step


def _between(source: str, target: str, allow_ballpark: bool, notes: list[Remark]) -> list[Step]:
    start, end = pyproj_crs(source), pyproj_crs(target)
    if start.equals(end, ignore_axis_order=True):
        return []
    datums = (_datum(start), _datum(end))
    secret = not (start.is_bound or end.is_bound) and datums[0] != datums[1] and _UNPUBLISHED & set(datums)
    exact = None if secret else _transformer(start, end, allow_ballpark=False)
    if exact is not None:
        remark = _accuracy(start, end)
        if remark:
            notes.append(remark)
        return [_projected(exact)]
    if datums in ((_CGCS2000, _WGS84), (_WGS84, _CGCS2000)):
        notes.append(_EQUAL)
        return [_projected(_transformer(start, end, allow_ballpark=True))]
    if _CGCS2000 in datums and not secret:
        # Through WGS 84, to which PROJ knows the way from far more datums.
        far = end if datums[0] == _CGCS2000 else start
        if _transformer(far, pyproj_crs(WGS84), allow_ballpark=False) is not None:
            return [*_between(source, WGS84, False, notes), *_between(WGS84, target, False, notes)]
    if not allow_ballpark:
        raise SourceError(
            f"No transformation is known from {title(source)} to {title(target)}: their datums differ and the "
            "shift between them is not published, so the result could be off by a hundred metres.",
            hint="Give the source CRS as a PROJ string with +towgs84 and the surveying authority's seven "
            "parameters, or deliver the data in a CRS of a known datum.",
        )
    notes.append(("ballpark", {"source": title(source), "target": title(target)}))
    return [_projected(_transformer(start, end, allow_ballpark=True))]


def _transformer(start: pyproj.CRS, end: pyproj.CRS, *, allow_ballpark: bool) -> pyproj.Transformer | None:
    try:
        return pyproj.Transformer.from_crs(start, end, always_xy=True, allow_ballpark=allow_ballpark)
    except ProjError:
        return None


def _projected(transformer: pyproj.Transformer | None) -> Step:
    if transformer is None:
        raise SourceError("PROJ finds no way between these coordinate reference systems.")

    def step(x: Floats, y: Floats, z: Floats | None) -> tuple[Floats, Floats, Floats | None]:
        if z is None:
            there_x, there_y = transformer.transform(x, y)
            return there_x, there_y, None
        # PROJ gives a point without a height no place at all.
        height = np.where(np.isnan(z), 0.0, z)
        there_x, there_y, there_z = transformer.transform(x, y, height)
        return there_x, there_y, np.where(np.isnan(z), np.nan, there_z)

    return step


def _datum(crs: pyproj.CRS) -> str | None:
    geodetic = crs.geodetic_crs
    name = geodetic.datum.name if geodetic is not None and geodetic.datum is not None else None
    return name.removesuffix(" ensemble") if name else None


def _accuracy(start: pyproj.CRS, end: pyproj.CRS) -> Remark | None:
    if _datum(start) == _datum(end):
        return None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # the missing grid is told in the note
        group = pyproj.transformer.TransformerGroup(start, end, always_xy=True, allow_ballpark=False)
    metres = sorted(max(1, round(way.accuracy)) for way in group.transformers if way.accuracy > 0)
    if not metres:
        return None
    span = f"{metres[0]}" if metres[0] == metres[-1] else f"{metres[0]}-{metres[-1]}"
    return ("accuracy" if group.best_available else "accuracy_no_grid", {"metres": span})
