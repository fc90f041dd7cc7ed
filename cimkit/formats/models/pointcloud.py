"""Point clouds (LAS, LAZ, COPC): one asset, and one row with the outline.

The header is held against the file's size, and then against the points themselves, which are
read once in pieces; of a cloud beyond :data:`MOST_POINTS` only the header is told.
"""

from __future__ import annotations

import math
import struct
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cimkit import crs as crs_names
from cimkit.errors import SourceError
from cimkit.formats.dataset import Dataset, Delivery
from cimkit.formats.extras import library
from cimkit.formats.gdal.layer import declared_crs
from cimkit.formats.models import las_header
from cimkit.formats.models.index import index
from cimkit.formats.probe import Probe
from cimkit.formats.registry import Wishes
from cimkit.model import Asset, BBox, Evidence, Hint

#: A cloud of more points is not read through: packed points take a second for two or three million.
MOST_POINTS = 50_000_000
_CHUNK = 500_000
_MOST_PAGES = 100_000
#: ASPRS LAS 1.4 R15, table 17.
_CLASSES = {
    0: "never classified", 1: "unclassified", 2: "ground", 3: "low vegetation", 4: "medium vegetation",
    5: "high vegetation", 6: "building", 7: "low noise", 8: "model key point", 9: "water", 10: "rail",
    11: "road", 12: "overlap", 13: "wire guard", 14: "wire conductor", 15: "transmission tower",
    16: "wire connector", 17: "bridge deck", 18: "high noise", 19: "overhead structure", 20: "ignored ground",
    21: "snow", 22: "temporal exclusion",
}  # fmt: skip
_USER_DEFINED = 32767
#: Where the spacing stands: the record is the first one behind the header (COPC 1.0).
_COPC_INFO = 375 + 54 + 32


def layers(probe: Probe, format: str, wishes: Wishes) -> Dataset:
    """A point cloud as an asset, and its outline as the one record of the layer ``pointcloud``."""
    head = las_header.read(probe.path)
    delivery = Delivery(probe.path, format, (probe.path,))
    with _opened(probe.path, head) as reader:
        crs = Evidence(wishes.crs, "given", 1.0) if wishes.crs else _crs(reader.header)
        survey = _survey(probe.path, reader, head)
        asset = _asset(probe, format, reader.header, head, crs, survey)
    return Dataset(delivery, index(delivery, [asset]), assets=(asset,))


@contextmanager
def _opened(path: Path, head: las_header.LasHeader) -> Iterator[Any]:
    """The file opened by laspy; what fails in it becomes a SourceError."""
    laspy = library("laspy", "pointcloud", path)
    if head.compressed:
        library("lazrs", "pointcloud", path)
    # lazrs raises RuntimeError, laspy what numpy and struct raise, besides its own.
    failures = (laspy.errors.LaspyException, RuntimeError, ValueError, KeyError, struct.error, EOFError, OSError)
    try:
        # The parallel one asks for as much memory as a damaged table of chunks says, and dies of it.
        with laspy.open(path, laz_backend=laspy.LazBackend.Lazrs) as reader:
            yield reader
    except failures as error:
        raise SourceError(
            f"{path} cannot be read as a point cloud: {str(error).rstrip('.') or type(error).__name__}.",
            hint="Copy or download it again.",
        ) from error


@dataclass
class _Survey:
    """What the points themselves show; nothing where they were not read."""

    points: int = 0
    low: NDArray[np.float64] = field(default_factory=lambda: np.full(3, np.inf))
    high: NDArray[np.float64] = field(default_factory=lambda: np.full(3, -np.inf))
    classes: Counter[int] = field(default_factory=Counter)
    withheld: int = 0


def _survey(path: Path, reader: Any, head: las_header.LasHeader) -> _Survey | None:
    if head.points > MOST_POINTS:
        return None
    survey = _Survey()
    scales, offsets = np.asarray(reader.header.scales), np.asarray(reader.header.offsets)
    for chunk in reader.chunk_iterator(_CHUNK):
        if not len(chunk):
            break
        raw = np.stack([np.asarray(chunk.X), np.asarray(chunk.Y), np.asarray(chunk.Z)])
        # What a double adds to the stored whole numbers is noise; a scale may be damaged, and lead to no number.
        with np.errstate(over="ignore", invalid="ignore"):
            low = np.round(raw.min(axis=1) * scales + offsets, 10)
            high = np.round(raw.max(axis=1) * scales + offsets, 10)
        survey.low, survey.high = np.fmin(survey.low, low), np.fmax(survey.high, high)
        counts = np.bincount(np.asarray(chunk.classification))
        survey.classes.update({int(code): int(counts[code]) for code in np.flatnonzero(counts)})
        survey.withheld += int(np.count_nonzero(np.asarray(chunk.withheld)))
        survey.points += len(chunk)
    if survey.points != head.points:
        raise SourceError(
            f"{path} is cut off or damaged: its header promises {head.points:,} points,"
            f" but only {survey.points:,} are there.",
            hint="Copy or download it again.",
        )
    return survey


def _asset(
    probe: Probe, format: str, header: Any, head: las_header.LasHeader, crs: Evidence, survey: _Survey | None
) -> Asset:
    low, high = np.asarray(header.mins, dtype=float), np.asarray(header.maxs, dtype=float)
    hints: list[Hint] = []
    if survey is None:
        message = f"It has more than {MOST_POINTS:,} points, so only its header is told."
        hints.append(Hint("pointcloud.header_only", message))
    elif survey.points:
        if not _agree(low, high, survey, np.asarray(header.scales)):
            shown = ", ".join(f"{value:.10g}" for value in (*low, *high))
            message = f"The extent in the header ({shown}) is not that of the points, which is given instead."
            hints.append(Hint("pointcloud.header_extent", message))
        low, high = survey.low, survey.high
    bbox = _bbox(low, high) if head.points else None
    if bbox is None:
        hints.append(Hint("pointcloud.empty", "It holds no points." if not head.points else "It has no extent."))
    hints += crs_names.suspicions(bbox, crs.value)
    copc = _copc(header, probe.path)
    about: dict[str, Any] = {
        "format": "COPC" if copc else "LAZ" if head.compressed else format,
        "points": head.points,
        "version": head.version,
        "point_format": head.point_format,
        "compressed": head.compressed,
        "copc": copc is not None,
        "dimensions": list(header.point_format.dimension_names),
        "scales": [_plain(value) for value in header.scales],
        "offsets": [_plain(value) for value in header.offsets],
    }
    if bbox is not None:
        about |= {"bbox_3d": [*map(float, (*low, *high))], "z_min": float(low[2]), "z_max": float(high[2])}
        about["density_m2"] = _density(head.points, bbox, crs.value)
    returns = [int(count) for count in header.number_of_points_by_return]
    while returns and not returns[-1]:
        returns.pop()
    about["returns"] = returns
    if survey is not None:
        about["classes"] = {_class(code): survey.classes[code] for code in sorted(survey.classes)}
        about["withheld"] = survey.withheld
    if "gps_time" in about["dimensions"]:
        standard = bool(int(header.global_encoding.gps_time_type))
        about["gps_time"] = "adjusted standard time" if standard else "seconds of the week"
    about |= {
        "created": header.creation_date.isoformat() if header.creation_date else None,
        "software": str(header.generating_software).strip("\0 ") or None,
        "system": str(header.system_identifier).strip("\0 ") or None,
        "hierarchy": copc,
    }
    return Asset(
        name=probe.path.name,
        kind="pointcloud",
        path=str(probe.path),
        bytes=probe.path.stat().st_size,
        crs=crs,
        bbox=bbox,
        bbox_crs84=crs_names.bbox_crs84(bbox, crs.value) if bbox and crs.value else None,
        about={key: value for key, value in about.items() if value is not None},
        hints=tuple(hints),
    )


def _agree(low: NDArray[np.float64], high: NDArray[np.float64], survey: _Survey, scales: NDArray[np.float64]) -> bool:
    """Whether the header's extent is that of the points, to the precision they are stored in."""
    with np.errstate(over="ignore", invalid="ignore"):
        step = np.abs(scales) + 1e-9 * np.maximum(np.abs(survey.low), np.abs(survey.high))
        return bool((np.abs(low - survey.low) <= step).all() and (np.abs(high - survey.high) <= step).all())


def _bbox(low: NDArray[np.float64], high: NDArray[np.float64]) -> BBox | None:
    if not (np.isfinite(low).all() and np.isfinite(high).all() and (low <= high).all()):
        return None
    return (float(low[0]), float(low[1]), float(high[0]), float(high[1]))


def _density(points: int, bbox: BBox, crs: str | None) -> float | None:
    """Points per square metre of the extent; None where its unit is unknown."""
    if crs is None:
        return None
    width, height = bbox[2] - bbox[0], bbox[3] - bbox[1]
    per_unit = crs_names.metres_per_unit(crs)
    across = math.cos(math.radians((bbox[1] + bbox[3]) / 2)) if crs_names.is_geographic(crs) else 1.0
    area = float(width * height * per_unit**2 * across)
    return round(points / area, 3) if area > 0 and math.isfinite(area) else None


def _plain(value: float) -> float | None:
    """A number as JSON can hold it."""
    return float(value) if math.isfinite(value) else None


def _class(code: int) -> str:
    name = _CLASSES.get(code, "reserved" if code < 64 else "user defined")
    return f"{code} {name}"


def _crs(header: Any) -> Evidence:
    """The CRS of the WKT record, else of the GeoKeys, with its heights where they are said."""
    vlrs = [*header.vlrs, *(header.evlrs or [])]
    for vlr in vlrs:
        if _is(vlr, "LASF_Projection", 2112):
            text = getattr(vlr, "string", None) or vlr.record_data_bytes().decode("utf-8", "replace")
            text = text.rstrip("\0 \n")
            if text:
                return declared_crs(text, "WKT record", 1.0)
    for vlr in vlrs:
        if _is(vlr, "LASF_Projection", 34735):
            return _geo_keys(vlr.record_data_bytes())
    return Evidence(None, "not declared", 1.0)


def _is(vlr: Any, user: str, record: int) -> bool:
    return str(vlr.user_id).rstrip("\0 ") == user and int(vlr.record_id) == record


def _geo_keys(data: bytes) -> Evidence:
    """GeoKeys that stand in the directory itself (OGC 19-008r4): the CRS by its code, and that of the heights."""
    values = np.frombuffer(data[: len(data) // 8 * 8], dtype="<u2").reshape(-1, 4)[1:]
    keys = {int(key): int(value) for key, place, _, value in values if place == 0}
    horizontal = keys.get(3072) or keys.get(2048)
    vertical = keys.get(4096)
    if not horizontal:
        return Evidence(None, "GeoKeys without a code", 1.0)
    if horizontal == _USER_DEFINED:
        return Evidence(None, "GeoKeys of a CRS of its own, without a code", 1.0)
    code = f"EPSG:{horizontal}"
    if vertical and vertical != _USER_DEFINED:
        compound = declared_crs(f"{code}+{vertical}", "GeoKeys", 1.0)
        if compound.value:
            return compound
    return declared_crs(code, "GeoKeys", 1.0)


def _copc(header: Any, path: Path) -> dict[str, Any] | None:
    """The hierarchy of a COPC file (COPC 1.0): nodes, depth and points; None where it is none."""
    if not any(_is(vlr, "copc", 1) for vlr in header.vlrs):
        return None
    nodes = points = depth = read = 0
    size = path.stat().st_size
    with path.open("rb") as handle:
        handle.seek(_COPC_INFO)
        spacing, offset, length = struct.unpack("<dQQ", handle.read(24))
        pages = [(offset, length)]
        while pages:
            at, length = pages.pop()
            read += 1
            if at + length > size or length % 32 or read > _MOST_PAGES:
                raise SourceError(f"{path} is damaged: a page of its COPC hierarchy leads out of the file.")
            handle.seek(at)
            for level, _, _, _, place, size_of, count in struct.iter_unpack("<iiiiQii", handle.read(length)):
                if count == -1:
                    pages.append((place, size_of))
                    continue
                nodes, points, depth = nodes + 1, points + count, max(depth, level)
    return {"nodes": nodes, "depth": depth, "points": points, "spacing": _plain(spacing)}
