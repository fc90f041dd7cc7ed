"""The attributes of a CityGML feature: the standard's own, generic ones, and those of ADEs."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from typing import Any

from cimkit.formats.models.city_layer import Details
from cimkit.formats.models.citygml_codes import Codelists
from cimkit.formats.models.citygml_geometry import GEOMETRIES, HREF, in_gml, local, namespace

Element = Any

#: CityGML 1, 2 and 3; the second is that of its first drafts.
_CITYGML = re.compile(r"https?://www\.(?:opengis\.net|citygml\.org)/citygml/")
#: Attributes that the standard says are numbers, whatever namespace its version puts them in.
_FLOATS = {"measuredHeight", "trunkDiameter", "crownDiameter", "averageHeight", "sortKey", "height"}
_INTEGERS = {"storeysAboveGround", "storeysBelowGround"}
_GENERIC = {"stringAttribute", "intAttribute", "doubleAttribute", "dateAttribute", "uriAttribute", "measureAttribute",
            "StringAttribute", "IntAttribute", "DoubleAttribute", "DateAttribute", "UriAttribute", "MeasureAttribute",
            "CodeAttribute"}  # fmt: skip
_GENERIC_SETS = {"genericAttributeSet", "GenericAttributeSet"}
#: Names that belong to the standard or are worked out; a generic attribute of that name keeps apart.
_TAKEN = {
    "id", "name", "description", "class", "function", "usage", "lod", "lods", "geometry", "height", "measuredHeight",
    "creationDate", "terminationDate", "validFrom", "validTo", "roofType", "yearOfConstruction", "storeysAboveGround",
    "storeysBelowGround", "parent_id", "object_class", "height_m",
}  # fmt: skip


def is_citygml(element: Element) -> bool:
    """Whether an element is the standard's own, and no ADE's."""
    return _CITYGML.match(namespace(element)) is not None


def column(element: Element) -> str:
    """The name of an element as a column: bare where it is the standard's, else with its prefix."""
    if is_citygml(element) or in_gml(element):
        return local(element)
    if not element.tag.startswith("{"):  # the prefix has no namespace, and is part of the name
        return str(element.tag)
    return f"{element.prefix}:{local(element)}" if element.prefix else local(element)


class Attributes:
    """The attributes of one object, gathered property by property."""

    def __init__(self, codelists: Codelists) -> None:
        self.values: dict[str, Any] = {}
        self.measures: list[tuple[str, str | None, str]] = []  # name, unit, number of what measures a height
        self.left_out = 0  # geometries inside members
        self._codelists = codelists

    def add(self, element: Element) -> None:
        """A property with a simple value, or one whose value is an object with members."""
        name = column(element)
        if local(element) in _GENERIC or local(element) in _GENERIC_SETS:
            self._generic(element)
        elif local(element) == "genericAttribute":
            for inner in element:
                self._generic(inner)
        elif len(element):
            self._object(name, element)
        else:
            self._simple(name, element)

    def reference(self, element: Element) -> None:
        """A property that is only a link."""
        self._put(column(element), element.get(HREF))

    def _simple(self, name: str, element: Element) -> None:
        text = " ".join((element.text or "").split())
        if not text:
            return
        unit = element.get("uom")
        if name in _FLOATS:
            self.measures.append((name, unit, text))
        self._put(name, _typed(name, text))
        if unit:
            self.values.setdefault(f"{name}_uom", unit)
        label = self._label(element, text)
        if label is not None:
            self.values.setdefault(f"{name}_label", label)

    def _put(self, name: str, value: Any) -> None:
        """Set a value; of several the first, and all of them under ``<name>_all``."""
        if name not in self.values:
            self.values[name] = value
            return
        self.values.setdefault(f"{name}_all", [self.values[name]]).append(value)

    def _label(self, element: Element, code: str) -> str | None:
        space = element.get("codeSpace")
        return self._codelists.label(space, code) if space else None

    # ---- objects with members ---------------------------------------------------------------

    def _object(self, name: str, element: Element) -> None:
        """The members of the objects in a property; the hooks of ADEs in CityGML 3 are looked through."""
        if local(element).startswith("adeOf"):
            for hook in element:
                for inner in hook:
                    self.add(inner)
            return
        for inner in element:
            if _is_geometry(inner):
                self.left_out += 1
                continue
            members = self._members(inner) if len(inner) else self._leaf(inner)
            if local(inner) == "Height" and is_citygml(inner):
                found = {local(e): e for e in inner}
                if "value" in found:
                    value = found["value"]
                    self.measures.append((name, value.get("uom"), (value.text or "").strip()))
            if members:
                kept = self.values.setdefault(name, [] if is_citygml(element) else Details())
                if isinstance(kept, list):
                    kept.append(members)

    def _leaf(self, element: Element) -> dict[str, Any]:
        text = " ".join((element.text or "").split())
        return {column(element): text} if text else {}

    def _members(self, element: Element) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for name, value in self._each_member(element):
            if name in found and name.endswith(("_label", "_uom")):
                continue
            if name in found:
                several = found[name] if isinstance(found[name], list) else [found[name]]
                found[name] = [*several, value]
            else:
                found[name] = value
        return found

    def _each_member(self, element: Element) -> Iterator[tuple[str, Any]]:
        for child in element:
            name, text = column(child), " ".join((child.text or "").split())
            if _is_geometry(child) or (len(child) and _is_geometry(child[0])):
                self.left_out += 1
            elif len(child):
                inner = child[0] if len(child) == 1 and len(child[0]) and local(child[0])[:1].isupper() else child
                found = self._members(inner)
                if found:
                    yield name, found
            elif text:
                yield name, text
                if child.get("uom"):
                    yield f"{name}_uom", child.get("uom")
                label = self._label(child, text)
                if label is not None:
                    yield f"{name}_label", label
            elif child.get(HREF):
                yield name, child.get(HREF)

    # ---- generic attributes -----------------------------------------------------------------

    def _generic(self, element: Element) -> None:
        name, value, unit, label = self._generic_value(element)
        if name is None or value is None:
            return
        name = f"gen:{name}" if name in _TAKEN else name
        self._put(name, value)
        if unit:
            self.values.setdefault(f"{name}_uom", unit)
        if label:
            self.values.setdefault(f"{name}_label", label)

    def _generic_value(self, element: Element) -> tuple[str | None, Any, str | None, str | None]:
        """Name, value, unit and label of a generic attribute in the form of CityGML 2 or 3."""
        name: str | None = element.get("name")
        kind = local(element).lower()
        members: dict[str, Any] = {}
        value: Any = None
        unit = label = None
        for child in element:
            inner = local(child)
            text = " ".join((child.text or "").split())
            if inner == "name" and name is None:
                name = text or None
            elif inner == "value":
                value, unit, label = _of_kind(kind, text), child.get("uom"), self._label(child, text)
            elif inner == "genericAttribute" or inner in _GENERIC or inner in _GENERIC_SETS:
                for part in child if inner == "genericAttribute" else [child]:
                    inside, found, uom, meaning = self._generic_value(part)
                    if inside is not None and found is not None:
                        members[inside] = found
                        members |= {f"{inside}_uom": uom} if uom else {}
                        members |= {f"{inside}_label": meaning} if meaning else {}
        if kind == "genericattributeset":
            return name, members or None, None, None
        return name, value, unit, label


def _is_geometry(element: Element) -> bool:
    return in_gml(element) and local(element) in GEOMETRIES


def _of_kind(kind: str, text: str) -> Any:
    if not text:
        return None
    if kind == "intattribute":
        return _number(text, whole=True)
    return _number(text) if kind in ("doubleattribute", "measureattribute") else text


def _typed(name: str, text: str) -> Any:
    if name in _INTEGERS:
        return _number(text, whole=True)
    return _number(text) if name in _FLOATS else text


def _number(text: str, *, whole: bool = False) -> Any:
    """The number a text says; the text itself where it says none."""
    try:
        number = int(text) if whole else float(text)
    except ValueError:
        return text
    return number if math.isfinite(number) else text
