"""Which coordinate comes first in a GML document: by the form of its srsName, and by the area of use.

``urn:ogc:def:crs:EPSG::4326`` and ``http://www.opengis.net/def/crs/EPSG/0/4326`` mean the axes
as the authority has them, latitude or northing first (OGC 07-092r3, OGC 09-048r5);
``EPSG:4326`` and ``http://www.opengis.net/gml/srs/epsg.xml#4326`` mean x, y as WFS 1.0 wrote them.
Many writers do otherwise, so both orders are held against the area in which the CRS is used.
"""

from __future__ import annotations

from dataclasses import dataclass

from cimkit import crs as reference_systems
from cimkit.formats.srs_names import axes_as_defined, named_crs
from cimkit.model import BBox, Evidence, Hint


@dataclass(frozen=True)
class Axes:
    """The CRS of a layer, whether its coordinates are to be swapped into x, y, and what was odd about it."""

    crs: Evidence
    swap: bool
    hints: tuple[Hint, ...] = ()


def decide(srs: str | None, raw: BBox | None, labels: str | None = None, crs: str | None = None) -> Axes:
    """The axes of coordinates with this srsName whose extent, first by second coordinate, is ``raw``.

    ``crs`` is one that the user gives where there is no srsName.
    """
    if srs is None and crs is None:
        return Axes(Evidence(None, "no srsName", 1.0), False)
    known, by_authority = (named_crs(srs), axes_as_defined(srs)) if srs is not None else (crs, False)
    if known is None:
        return Axes(Evidence(None, f"srsName {srs}, but unknown", 0.5), False)
    said = f"srsName {srs}" if srs is not None else "given"
    northing = _northing_first(known)
    by_rule = by_authority and northing
    if raw is None:
        return Axes(Evidence(known, said, 1.0), by_rule)
    turned = (raw[1], raw[0], raw[3], raw[2])
    straight_fits = not reference_systems.suspicions(raw, known)
    turned_fits = not reference_systems.suspicions(turned, known)
    order = {True: "latitude or northing first", False: "x, y"}
    fits, other_fits = (turned_fits, straight_fits) if by_rule else (straight_fits, turned_fits)
    if fits and not other_fits:
        return Axes(Evidence(known, f"{said}: {order[by_rule]}, as the area of use bears out", 1.0), by_rule)
    if other_fits and not fits:
        message = (
            f"{said} means {order[by_rule]}, but only {order[not by_rule]} puts the coordinates into the area of "
            f"{known}; so they are read."
        )
        evidence = Evidence(known, f"{said}, with {order[not by_rule]} against its form", 0.7)
        return Axes(evidence, not by_rule, (Hint("crs.axis_order", message),))
    if not fits:
        return Axes(Evidence(known, f"{said}: {order[by_rule]}, though outside the area of use", 0.5), by_rule)
    return _either(known, said, by_authority, by_rule, northing, labels)


def _either(known: str, said: str, by_authority: bool, by_rule: bool, northing: bool, labels: str | None) -> Axes:
    """Where both orders are possible, what axisLabels or else the form say."""
    first = (labels or "").split()[:1]
    if first and first[0].lower().startswith(("lat", "lon")):
        swap = first[0].lower().startswith("lat")
        return Axes(Evidence(known, f"{said}, axisLabels {labels}", 0.9), swap)
    if by_authority or not northing:
        return Axes(Evidence(known, said, 0.9), by_rule)
    message = (
        f"{said} has a form that means x, y, and so it is read; latitude or northing first would also lie in the "
        f"area of {known}."
    )
    return Axes(Evidence(known, f"{said}, x, y by its form alone", 0.5), by_rule, (Hint("crs.axis_order", message),))


def _northing_first(crs: str) -> bool:
    axes = reference_systems.pyproj_crs(crs).axis_info
    return bool(axes) and axes[0].direction.lower() == "north"
