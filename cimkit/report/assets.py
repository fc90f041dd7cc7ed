"""The assets of a source, for a person: rasters, point clouds, tilesets and models one by one, the rest as a list."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from rich.console import RenderableType
from rich.text import Text

from cimkit.model import Lang
from cimkit.report.labels import label
from cimkit.report.run import short_crs
from cimkit.report.tables import facts, heading, table

About = Mapping[str, Any]

#: Kinds that are worth a description of their own; of more than so many, a list is easier to read.
_DESCRIBED = ("raster", "pointcloud", "tiles3d", "model")
_MOST_DESCRIBED = 5
_MOST_LISTED = 60
_MOST_NAMES = 8


def assets_shown(found: Mapping[str, Any], lang: Lang) -> list[RenderableType]:
    """What an inspection found besides layers."""
    assets: Sequence[Mapping[str, Any]] = found["assets"]
    described = [asset for asset in assets if asset["kind"] in _DESCRIBED]
    listed = [asset for asset in assets if asset["kind"] not in _DESCRIBED]
    if len(described) > _MOST_DESCRIBED:
        described, listed = [], list(assets)
    parts: list[RenderableType] = []
    for asset in described:
        parts += [heading(f"{_kind(asset, lang)} {asset['name']}"), _described(asset, lang)]
        parts += [Text.assemble((f"! {hint['code']} ", "yellow"), hint["message"]) for hint in asset["hints"]]
    return parts + _listed(listed, lang)


def _kind(asset: Mapping[str, Any], lang: Lang) -> str:
    return label(f"kind_{asset['kind']}", lang)


def _described(asset: Mapping[str, Any], lang: Lang) -> RenderableType:
    result = facts()
    about: About = asset["about"]
    for key, value in _LINES[asset["kind"]](about, lang):
        if value:
            result.add_row(label(key, lang), value, "")
    if asset["bbox"]:
        result.add_row(
            label("extent", lang), ", ".join(f"{value:.10g}" for value in asset["bbox"]), about.get("extent_of", "")
        )
    crs = asset["crs"]
    sure = f"{crs['how']} ({crs['confidence']:.0%})"
    result.add_row(label("crs", lang), short_crs(crs["value"]), sure)
    return result


def _listed(assets: Sequence[Mapping[str, Any]], lang: Lang) -> list[RenderableType]:
    if not assets:
        return []
    result = table(lang, ("file", "kind", "type", "bytes", "crs"), right=("bytes",))
    for asset in assets[:_MOST_LISTED]:
        about: About = asset["about"]
        what = about.get("what") or about.get("format") or about.get("schema") or ""
        result.add_row(
            asset["name"], _kind(asset, lang), str(what), f"{asset['bytes']:,}", short_crs(asset["crs"]["value"])
        )
    parts: list[RenderableType] = [heading(label("assets", lang)), result]
    if len(assets) > _MOST_LISTED:
        parts.append(Text(label("more_files", lang, count=len(assets) - _MOST_LISTED)))
    return parts


Lines = Iterator[tuple[str, str]]


def _raster(about: About, lang: Lang) -> Lines:
    bands = label("bands", lang, count=about["bands"])
    yield "size", f"{about['width']:,} × {about['height']:,}, {bands}, {about['type']}"
    if "resolution_x" in about:
        step = " × ".join(f"{about[key]:.6g}" for key in ("resolution_x", "resolution_y"))
        yield "resolution", f"{step} {about.get('unit', '')}".strip()
    yield "placed_by", about.get("placed_by", "")
    yield "nodata", str(about.get("nodata", ""))
    yield "heights", about.get("vertical_unit", "")
    for band in about.get("band_list", ()):
        stored = band.get("statistics", {})
        if "minimum" in stored and "maximum" in stored:
            yield "statistics", label("stored_range", lang, band=band["band"], **stored)
    packed = [str(about.get("compression", "")), "BigTIFF" if about.get("bigtiff") else ""]
    yield "compression", ", ".join(filter(None, packed))
    if "cog" in about:
        yield "cog", f"{label('yes' if about['cog'] else 'no', lang)}: {', '.join(about['cog_reasons'])}"


def _pointcloud(about: About, lang: Lang) -> Lines:
    density = f", {about['density_m2']:.3g} / m²" if "density_m2" in about else ""
    yield "points", f"{about['points']:,}{density}"
    yield "format", f"{about['format']} {about['version']}, {label('point_format', lang, number=about['point_format'])}"
    if "z_min" in about:
        yield "heights", f"{about['z_min']:.6g} – {about['z_max']:.6g}"
    yield "classes", _counts(about.get("classes", {}))
    yield "returns", ", ".join(f"{count:,}" for count in about["returns"])
    yield "gps_time", about.get("gps_time", "")
    yield "when", about.get("created", "")
    yield "software", about.get("software", "")


def _tiles3d(about: About, lang: Lang) -> Lines:
    yield "version", str(about.get("version", ""))
    yield "tiles", f"{about['tiles']:,}"
    yield "contents", _counts(about.get("contents", {}))
    yield "features", f"{about['features']:,}" if "features" in about else ""
    yield "fields", _names(about.get("attributes", ()))
    if "bbox_3d" in about:
        yield "heights", f"{about['bbox_3d'][2]:.6g} – {about['bbox_3d'][5]:.6g}"


def _model(about: About, lang: Lang) -> Lines:
    yield "format", str(about.get("schema") or about.get("what") or f"glTF {about.get('version', '')}".strip())
    yield "project", about.get("project", "")
    yield "software", about.get("application") or about.get("generator") or ""
    yield "when", about.get("exported", "")
    yield "placed_by", about.get("placed_by", "")
    yield "classes", _counts(about.get("classes", {}))
    counted = [(key, about[key]) for key in ("meshes", "vertices") if key in about]
    for key, count in counted:
        yield key, f"{count:,}"


_LINES: Mapping[str, Callable[[About, Lang], Lines]] = {
    "raster": _raster,
    "pointcloud": _pointcloud,
    "tiles3d": _tiles3d,
    "model": _model,
}


def _counts(counts: Mapping[str, int]) -> str:
    return _names([f"{name} {count:,}" for name, count in counts.items()])


def _names(names: Sequence[str]) -> str:
    return ", ".join(names[:_MOST_NAMES]) + (", …" if len(names) > _MOST_NAMES else "")
