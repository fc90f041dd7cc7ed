"""Refuses models in which a placement or a shape is made of itself: ifcopenshell ends the process over them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from cimkit.errors import SourceError

#: Class -> the attributes by which such a thing can be made of others of its kind, or of itself.
_MADE_OF = {
    "IfcLocalPlacement": ("PlacementRelTo",),
    "IfcGeometricRepresentationSubContext": ("ParentContext",),
    "IfcRepresentation": ("Items",),
    "IfcMappedItem": ("MappingSource",),
    "IfcRepresentationMap": ("MappedRepresentation",),
    "IfcBooleanResult": ("FirstOperand", "SecondOperand"),
    "IfcCsgSolid": ("TreeRootExpression",),
    "IfcCompositeCurve": ("Segments",),
    "IfcCompositeCurveSegment": ("ParentCurve",),
    "IfcTrimmedCurve": ("BasisCurve",),
    "IfcOffsetCurve2D": ("BasisCurve",),
    "IfcOffsetCurve3D": ("BasisCurve",),
    "IfcRectangularTrimmedSurface": ("BasisSurface",),
    "IfcCompositeProfileDef": ("Profiles",),
    "IfcDerivedProfileDef": ("ParentProfile",),
}
#: Honest models nest these things some dozens deep at most; the library calls itself once for each level.
_DEEPEST = 500


def refuse_circles(path: Path, file: Any) -> None:
    """Raise SourceError where something is made of itself, or nested so deep that it may as well be."""
    depth: dict[int, int] = {}
    for kind in _MADE_OF:
        try:
            things = file.by_type(kind)
        except RuntimeError:  # the schema has no such class
            continue
        for thing in things:
            if thing.id() not in depth:
                _measure(path, thing, depth)


def _measure(path: Path, thing: Any, depth: dict[int, int]) -> None:
    """Fill in how deep a thing and its parts are nested, without calling itself."""
    open_: dict[int, tuple[Any, Iterator[Any]]] = {thing.id(): (thing, _parts(thing))}
    order = [thing.id()]
    while order:
        here = order[-1]
        part = next(open_[here][1], None)
        if part is None:
            order.pop()
            below = [depth[one.id()] for one in _parts(open_.pop(here)[0])]
            depth[here] = 1 + max(below, default=0)
            if depth[here] <= _DEEPEST:
                continue
        elif part.id() in open_:
            what = f"{part.is_a()} #{part.id()} is made of itself"
            raise SourceError(f"{path} is damaged: {what}.", hint="Export it again.")
        elif part.id() not in depth:
            open_[part.id()] = (part, _parts(part))
            order.append(part.id())
            continue
        else:
            continue
        raise SourceError(f"{path} is damaged: #{here} is nested more than {_DEEPEST} deep.", hint="Export it again.")


def _parts(thing: Any) -> Iterator[Any]:
    for kind, names in _MADE_OF.items():
        if not thing.is_a(kind):
            continue
        for name in names:
            value = getattr(thing, name, None)
            for part in value if isinstance(value, tuple) else (value,):
                if hasattr(part, "is_a") and part.id() and any(part.is_a(each) for each in _MADE_OF):
                    yield part
