"""Rasters: GeoTIFF and what else GDAL reads through rasterio, as one asset and one row with its outline.

No pixel is read, so a file of any size costs the same; that the pixels are all there is held
against the file's size first, which GDAL does not do. Statistics are told where they are
stored, never computed. Nothing is written beside the file.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cimkit import crs as crs_names
from cimkit.errors import SourceError
from cimkit.formats.dataset import Dataset, Delivery
from cimkit.formats.extras import library
from cimkit.formats.gdal.layer import declared_crs
from cimkit.formats.models import image, tiff
from cimkit.formats.models.index import index
from cimkit.formats.probe import Probe
from cimkit.formats.registry import Wishes
from cimkit.model import Asset, BBox, Evidence, Hint

#: Format -> GDAL's driver; no other driver is let at the file.
_DRIVERS = {
    "GeoTIFF": "GTiff",
    "PNG": "PNG",
    "JPEG": "JPEG",
    "JPEG 2000": "JP2OpenJPEG",
    "ASCII grid": "AAIGrid",
    "Erdas Imagine": "HFA",
}
#: What is a photograph or a drawing until something says where it lies.
_IMAGES = {"PNG", "JPEG"}
_MOST_BANDS_TOLD = 16
_STATISTICS = ("MINIMUM", "MAXIMUM", "MEAN", "STDDEV")


def layers(probe: Probe, format: str, wishes: Wishes) -> Dataset:
    """A raster as an asset, and its outline as the one record of the layer ``raster``."""
    beside = _Beside.of(probe.path)
    layout = tiff.read(probe.path) if format == "GeoTIFF" else None
    image.refuse_cut(probe.path, format)
    delivery = Delivery(probe.path, format, tuple(sorted({probe.path, *beside.files})))
    with _opened(probe.path, format, beside) as opened:
        asset = _asset(probe, format, wishes, opened, beside, layout)
    return Dataset(delivery, index(delivery, [asset]), assets=(asset,))


@dataclass(frozen=True)
class _Beside:
    """The files beside a raster that speak of it; None where there is none."""

    world: Path | None
    prj: Path | None
    aux: Path | None
    others: tuple[Path, ...]

    @property
    def files(self) -> list[Path]:
        return [path for path in (self.world, self.prj, self.aux, *self.others) if path is not None]

    @classmethod
    def of(cls, path: Path) -> _Beside:
        suffix = path.suffix
        short = suffix[:2] + suffix[-1:] + "w"  # .tif -> .tfw
        worlds = [path.with_suffix(s) for s in (short, suffix + "w", ".wld") if suffix]

        def there(*candidates: Path) -> Path | None:
            for candidate in candidates:
                for each in (candidate, candidate.with_suffix(candidate.suffix.upper())):
                    if each.is_file():
                        return each
            return None

        overviews, mask = path.with_name(path.name + ".ovr"), path.with_name(path.name + ".msk")
        return cls(
            there(*worlds),
            there(path.with_suffix(".prj")),
            there(path.with_name(path.name + ".aux.xml")),
            tuple(each for each in (overviews, mask) if each.is_file()),
        )


@contextmanager
def _opened(path: Path, format: str, beside: _Beside) -> Iterator[Any]:
    """The raster opened by rasterio; what fails in it becomes a SourceError."""
    rasterio = library("rasterio", "raster", path)
    # With PAM, GDAL may write an .aux.xml; it is on only where there is one to be read.
    pam = "YES" if beside.aux is not None else "NO"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # NotGeoreferencedWarning; the asset says so itself
        try:
            # A Path, since a string may be taken for an address; absolute, since GDAL has names of its own.
            with (
                rasterio.Env(GDAL_PAM_ENABLED=pam, GTIFF_REPORT_COMPD_CS=True),
                rasterio.open(path.absolute(), driver=_DRIVERS[format]) as opened,
            ):
                yield opened
        except (rasterio.errors.RasterioError, OSError, ValueError) as error:
            if isinstance(error, SourceError):
                raise
            reason = str(error).replace(str(path.absolute()), path.name).strip() or type(error).__name__
            raise SourceError(
                f"{path} cannot be read as {format}: {reason.rstrip('.')}.", hint="Copy or download it again."
            ) from error


def _asset(probe: Probe, format: str, wishes: Wishes, opened: Any, beside: _Beside, layout: tiff.Tiff | None) -> Asset:
    hints: list[Hint] = []
    placed_by = _placed_by(opened, beside, layout)
    crs = _crs(opened, beside, wishes, format)
    outline = _outline(opened) if placed_by else None
    about: dict[str, Any] = {"format": format, **_size(opened, layout)}
    bbox: BBox | None = None
    if outline is not None:
        xs, ys = [x for x, _ in outline], [y for _, y in outline]
        if all(map(math.isfinite, (*xs, *ys))):
            bbox = (min(xs), min(ys), max(xs), max(ys))
            about |= _resolution(opened, crs.value)
            if opened.transform.b or opened.transform.d:
                about["outline"] = [*outline, outline[0]]
    about["placed_by"] = placed_by
    about["area_or_point"] = opened.tags().get("AREA_OR_POINT")
    about |= _bands(opened)
    vertical = _vertical_unit(opened, crs.value)
    if vertical:
        about["vertical_unit"] = vertical
    if layout is not None:
        cog, reasons = layout.cog()
        about |= {"cog": cog, "cog_reasons": reasons, "bigtiff": layout.big}
        if len(layout.images) > 1:
            about["pages"] = len(layout.images)
            hints.append(Hint("raster.pages", f"The file holds {len(layout.images)} images; the first is described."))
    hints += _place_hints(opened, format, bbox, crs, placed_by)
    return Asset(
        name=probe.path.name,
        kind="image" if format in _IMAGES and not placed_by else "raster",
        path=str(probe.path),
        bytes=probe.path.stat().st_size,
        crs=crs,
        bbox=bbox,
        bbox_crs84=crs_names.bbox_crs84(bbox, crs.value) if bbox and crs.value else None,
        about={key: value for key, value in about.items() if value not in (None, [], {})},
        hints=tuple(hints),
    )


def _placed_by(opened: Any, beside: _Beside, layout: tiff.Tiff | None) -> str | None:
    """What says where the pixels lie; None where nothing does."""
    if opened.transform.is_identity:
        return None
    if layout is not None and any(tags <= layout.directories[0].tags for tags in tiff.PLACED):
        return "tags of the TIFF"
    if beside.world is not None:
        return f"world file {beside.world.name}"
    return beside.aux.name if beside.aux is not None else "the file's own header"


def _crs(opened: Any, beside: _Beside, wishes: Wishes, format: str) -> Evidence:
    if wishes.crs:
        return Evidence(wishes.crs, "given", 1.0)
    if opened.crs is not None:
        how = "GeoKeys" if format == "GeoTIFF" else "declared in the file"
        if format == "ASCII grid" and beside.prj is not None:
            how = ".prj"
        elif format != "GeoTIFF" and beside.aux is not None:
            how = ".aux.xml"
        return declared_crs(opened.crs.to_wkt(version="WKT2_2019"), how, 1.0)
    if beside.prj is not None:
        text = beside.prj.read_bytes()[: 1 << 16].decode("utf-8", "replace").strip()
        return declared_crs(text, ".prj", 1.0)
    if beside.world is not None:
        return Evidence(None, "only a world file, which names no CRS", 1.0)
    return Evidence(None, "not declared", 1.0)


def _outline(opened: Any) -> list[tuple[float, float]]:
    corners = ((0, 0), (opened.width, 0), (opened.width, opened.height), (0, opened.height))
    return [tuple(opened.transform * corner) for corner in corners]


def _size(opened: Any, layout: tiff.Tiff | None) -> dict[str, Any]:
    types = list(dict.fromkeys(opened.dtypes))
    structure = opened.tags(ns="IMAGE_STRUCTURE")
    across, down = opened.block_shapes[0][1], opened.block_shapes[0][0]
    return {
        "width": opened.width,
        "height": opened.height,
        "bands": opened.count,
        "type": ", ".join(types[:_MOST_BANDS_TOLD]),
        "compression": structure.get("COMPRESSION", "none" if layout is not None else None),
        "interleaving": structure.get("INTERLEAVE"),
        "block": [across, down],
        "tiled": layout.directories[0].tiled if layout is not None else None,
        "overviews": opened.overviews(1) if opened.count else [],
    }


def _resolution(opened: Any, crs: str | None) -> dict[str, Any]:
    t = opened.transform
    x, y = math.hypot(t.a, t.d), math.hypot(t.b, t.e)
    unit = crs_names.pyproj_crs(crs).axis_info[0].unit_name if crs else None
    return {"resolution_x": x, "resolution_y": y, "unit": unit}


def _bands(opened: Any) -> dict[str, Any]:
    """What is said of the bands: all in common, and each where they differ."""
    told: dict[str, Any] = {"nodata": _number(opened.nodatavals[0]) if opened.count else None}
    bands = []
    for number in list(opened.indexes)[:_MOST_BANDS_TOLD]:
        tags = opened.tags(number)
        stored = {name.lower(): _number(tags[f"STATISTICS_{name}"]) for name in _STATISTICS
                  if f"STATISTICS_{name}" in tags}  # fmt: skip
        band = {
            "band": number,
            "type": opened.dtypes[number - 1],
            "nodata": _number(opened.nodatavals[number - 1]),
            "colour": opened.colorinterp[number - 1].name,
            "unit": opened.units[number - 1],
            "description": opened.descriptions[number - 1],
            "scale": opened.scales[number - 1] if opened.scales[number - 1] != 1.0 else None,
            "offset": opened.offsets[number - 1] or None,
            "statistics": stored or None,
        }
        bands.append({key: value for key, value in band.items() if value not in (None, "")})
    whole = opened.tags()
    if opened.count == 1 and "statistics" not in bands[0] and "STATISTICS_MINIMUM" in whole:
        bands[0]["statistics"] = {name.lower(): _number(whole[f"STATISTICS_{name}"]) for name in _STATISTICS
                                  if f"STATISTICS_{name}" in whole}  # fmt: skip
    told["band_list"] = bands
    return told


def _number(value: Any) -> float | str | None:
    """A number as JSON can hold it: NaN and infinity as text."""
    if value is None:
        return None
    try:
        number = float(value)
    except ValueError:
        return str(value)
    return number if math.isfinite(number) else str(number)


def _vertical_unit(opened: Any, crs: str | None) -> str | None:
    """The unit of heights: of the vertical CRS, else of the only band."""
    if crs and len(crs_names.pyproj_crs(crs).axis_info) > 2:
        return str(crs_names.pyproj_crs(crs).axis_info[2].unit_name)
    units = set(opened.units)
    return units.pop() if len(units) == 1 and opened.count == 1 else None


def _place_hints(opened: Any, format: str, bbox: BBox | None, crs: Evidence, placed_by: str | None) -> list[Hint]:
    if bbox is not None:
        return crs_names.suspicions(bbox, crs.value)
    if placed_by:
        return [Hint("raster.no_place", "Its place is said in numbers that are not finite.")]
    if opened.gcps[0]:
        message = f"It is placed by {len(opened.gcps[0])} ground control points only: rectify it to get its extent."
        return [Hint("raster.control_points", message)]
    if opened.rpcs is not None:
        return [Hint("raster.control_points", "It is placed by rational polynomials (RPC) only: rectify it first.")]
    if format in _IMAGES:
        return []
    return [Hint("raster.no_place", "Nothing says where it lies: it has no place of its own and no world file.")]
