"""One pass over a GML document before GDAL reads it: is it whole, and what is in it.

GDAL ends quietly where a document breaks off, and drops what it has no column for. expat says
both. A document type is refused: entities have no business in data.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from xml.parsers import expat

from cimkit.errors import SourceError

_MEMBERS = {"featureMember", "featureMembers", "member"}
_GML = ("http://www.opengis.net/gml", "http://www.opengis.net/gml/3.2", "http://www.opengis.net/gml/3.3")
_XLINK = "http://www.w3.org/1999/xlink}href"
_POSITIONS = {"pos", "posList", "coordinates", "lowerCorner", "upperCorner", "coord"}
_COUNTS = ("numberMatched", "numberReturned", "numberOfFeatures")
_MOST_DEPTH = 200
_CHUNK_BYTES = 1 << 20
_GEOMETRIES = {
    "Point", "LineString", "Curve", "Polygon", "Surface", "MultiPoint", "MultiLineString", "MultiCurve", "MultiPolygon",
    "MultiSurface", "MultiGeometry", "Solid", "MultiSolid", "CompositeCurve", "CompositeSurface", "PolyhedralSurface",
    "TriangulatedSurface", "Tin", "Box", "Envelope", "GeometricComplex", "OrientableCurve", "OrientableSurface",
}  # fmt: skip


@dataclass
class Scanned:
    """What a document holds, by the name of the feature type; ``""`` is what stands above all features."""

    features: Counter[str] = field(default_factory=Counter)
    srs: dict[str, Counter[str]] = field(default_factory=dict)
    labels: dict[str, str] = field(default_factory=dict)
    leaves: dict[str, set[str]] = field(default_factory=dict)
    repeated: dict[str, set[str]] = field(default_factory=dict)
    geometries: dict[str, set[str]] = field(default_factory=dict)
    links: Counter[str] = field(default_factory=Counter)
    matched: int = 0  # records that the service says it has, and those that it says it gave
    returned: int = 0
    goes_on: bool = False  # the service names an address with the next ones

    def missing(self) -> str | None:
        """What says that a service has more records than the document; None where nothing does."""
        given = sum(self.features.values())
        if self.matched > max(given, self.returned):
            return f"{self.matched - given} of the {self.matched} records that the service found (numberMatched)"
        if self.returned > given:
            return f"{self.returned - given} of the {self.returned} records that it promises (numberReturned)"
        return "those that follow the last one (next)" if self.goes_on else None


def scan(path: Path) -> Scanned:
    """Read a whole document.

    Raises:
        SourceError: it is cut off, not well-formed, nested too deep, or has a document type.
    """
    found = Scanned()
    parser = expat.ParserCreate(namespace_separator="}")
    parser.buffer_text = True
    walk = _Walk(found, path)
    parser.StartElementHandler = walk.start
    parser.EndElementHandler = walk.end
    parser.StartDoctypeDeclHandler = walk.doctype
    try:
        with path.open("rb") as handle:
            while chunk := handle.read(_CHUNK_BYTES):
                parser.Parse(chunk, False)
        parser.Parse(b"", True)
    except expat.ExpatError as error:
        what = expat.errors.messages[error.code]
        raise SourceError(
            f"{path} is cut off or damaged: {what} in line {error.lineno}.",
            hint="Was it copied or exported to the end?",
        ) from error
    return found


class _Walk:
    """Where the parser is: the names of the open elements, and the feature it is in."""

    def __init__(self, found: Scanned, path: Path) -> None:
        self._found = found
        self._path = path
        self._open: list[str] = []
        self._feature = ""
        self._feature_depth = 0
        self._geometry_depth = 0
        self._leaf = False
        self._seen: set[str] = set()
        self._promised = False

    def doctype(self, name: str, *_: object) -> None:
        raise SourceError(
            f"{self._path} has a document type (<!DOCTYPE {name}>), which may hold entities and is not read.",
            hint="Take it out: GML needs none.",
        )

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        space, _, name = tag.rpartition("}")
        depth = len(self._open)
        if depth >= _MOST_DEPTH:
            raise SourceError(f"{self._path} is nested more than {_MOST_DEPTH} elements deep.")
        # A member of a WFS answer to several questions is a collection again.
        if not self._feature and depth and self._open[-1] in _MEMBERS and name != "FeatureCollection":
            self._feature, self._feature_depth = name, depth
            self._found.features[name] += 1
            self._seen = set()
        if name == "FeatureCollection" and not self._feature:
            self._promise(attributes, depth)
        self._open.append(name)
        self._leaf = True
        srs = attributes.get("srsName")
        if srs:
            self._found.srs.setdefault(self._feature, Counter())[srs] += 1
            if "axisLabels" in attributes:
                self._found.labels.setdefault(srs, attributes["axisLabels"])
        if self._feature and _XLINK in attributes:
            self._found.links[self._feature] += 1
        if not self._geometry_depth and self._feature and space in _GML and name in _GEOMETRIES and name != "Envelope":
            self._geometry_depth = depth
            if depth - self._feature_depth >= 2:
                self._found.geometries.setdefault(self._feature, set()).add(self._open[depth - 1])

    def _promise(self, attributes: dict[str, str], depth: int) -> None:
        """How many records a WFS says it found and gave (OGC 09-025r2, 7.7.4); 1.1 says only the latter."""
        numbers = [
            int(said) if said.isdecimal() else 0 for said in (attributes.get(name, "").strip()[:18] for name in _COUNTS)
        ]
        if not self._promised:  # that of an outer collection speaks of those inside it too
            self._found.matched += numbers[0]
            self._found.returned += numbers[1] or numbers[2]
            self._found.goes_on |= bool(attributes.get("next"))
        self._promised |= depth == 0 and any(numbers)

    def end(self, tag: str) -> None:
        space, _, _ = tag.rpartition("}")
        name = self._open.pop()
        depth = len(self._open)
        within = self._geometry_depth and depth >= self._geometry_depth
        corner = space in _GML and name in _POSITIONS
        if self._leaf and self._feature and not within and depth > self._feature_depth and not corner:
            self._found.leaves.setdefault(self._feature, set()).add(name)
            if name in self._seen:
                self._found.repeated.setdefault(self._feature, set()).add(name)
            self._seen.add(name)
        self._leaf = False
        if depth == self._geometry_depth:
            self._geometry_depth = 0
        if self._feature and depth == self._feature_depth:
            self._feature = ""
