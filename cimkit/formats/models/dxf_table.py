"""The entities of a DXF drawing as one table: what ezdxf has loaded, in columns.

A block's insertion is a point with the block's name and its attributes as columns, as symbols
are drawn (valves, trees, survey points). A block that lies in the drawing as it was drawn (at
the origin, neither turned nor scaled) is a part of the drawing: its entities are read instead.
"""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

import numpy as np
import pyarrow as pa

from cimkit.formats.columns import JSON_MARK
from cimkit.formats.models.dxf_place import Place
from cimkit.formats.models.dxf_shapes import drawn
from cimkit.model import Hint

#: Columns that every drawing has, in the order in which they stand.
COLUMNS: tuple[tuple[str, pa.DataType], ...] = (
    ("layer", pa.string()),
    ("entity", pa.string()),
    ("block", pa.string()),
    ("text", pa.string()),
    ("colour", pa.int64()),
    ("linetype", pa.string()),
    ("handle", pa.string()),
    ("elevation", pa.float64()),
    ("text_height", pa.float64()),
    ("rotation", pa.float64()),
    ("scale", pa.float64()),
)
EXTRA_COLUMNS = (
    ("file", pa.field("file", pa.string())),
    ("rgb", pa.field("rgb", pa.string())),
    ("xdata", pa.field("xdata", pa.string(), metadata={JSON_MARK: b"true"})),
    ("attributes", pa.field("attributes", pa.string(), metadata={JSON_MARK: b"true"})),
)
GEOMETRY = "geometry"

_MOST_ATTRIBUTES = 200
#: Blocks inside blocks may make so many entities, or so many times those of the file.
_ALWAYS_TAKEN_APART = 100_000
_MOST_TIMES = 4
_DEEPEST = 16
_MOST_COPIES = 10_000
_BY_BLOCK, _BY_LAYER = 0, 256
_NO_DATA = {"VIEWPORT", "SEQEND", "VERTEX", "ATTRIB"}
_MARKERS = {1000, 1003, 1005, 1010, 1011, 1012, 1013, 1040, 1041, 1042, 1070, 1071}


class Table:
    """Takes the entities of a model space, one by one."""

    def __init__(self, doc: Any) -> None:
        self._doc = doc
        self._rows: list[dict[str, Any]] = []
        self._shapes: list[Any] = []
        self._tags: dict[str, None] = {}
        self._unread: Counter[str] = Counter()
        self._symbols: Counter[str] = Counter()
        self._apart: Counter[str] = Counter()
        self._xrefs: dict[str, str] = {}
        self._bent = self._no_numbers = self._copies = 0
        self._most = max(_ALWAYS_TAKEN_APART, _MOST_TIMES * len(doc.entitydb))
        self._layers = {layer.dxf.name.lower(): layer for layer in doc.layers}
        for entity, block, owner in self._entities(doc.modelspace(), None, None, 0):
            self._add(entity, block, owner)

    def _entities(self, space: Any, block: str | None, owner: Any, depth: int) -> Iterator[tuple[Any, str | None, Any]]:
        for entity in space:
            kind = entity.dxftype()
            if kind in _NO_DATA:
                continue
            inner = self._part_of_drawing(entity, depth) if kind == "INSERT" else None
            if inner is None:
                yield entity, block, owner
                continue
            self._apart[entity.dxf.name] += 1
            yield from self._entities(inner, _block_name(entity), entity, depth + 1)

    def _part_of_drawing(self, insert: Any, depth: int) -> Any:
        """The block of an insertion that lies as it was drawn, or None."""
        name = insert.dxf.get("name", "")
        block = self._doc.blocks.get(name)
        if block is None or block.block is None:
            return None
        if block.block.is_xref or block.block.is_xref_overlay:
            self._xrefs[name] = str(block.block.dxf.get("xref_path", ""))
            return None
        dxf = insert.dxf
        turned = dxf.rotation or (dxf.xscale, dxf.yscale, dxf.zscale) != (1, 1, 1) or insert.mcount > 1
        moved = not dxf.insert.isclose((0, 0, 0)) or not block.block.dxf.base_point.isclose((0, 0, 0))
        tilted = insert.dxf.hasattr("extrusion") and not dxf.extrusion.isclose((0, 0, 1))
        full = depth >= _DEEPEST or len(self._rows) + len(block) > self._most
        return None if turned or moved or tilted or insert.attribs or full or not len(block) else block

    # ---- one entity ---------------------------------------------------------------------

    def _add(self, entity: Any, block: str | None, owner: Any) -> None:
        kind = entity.dxftype()
        dxf = entity.dxf
        layer = dxf.get("layer", "0")
        if layer == "0" and owner is not None:
            layer = owner.dxf.get("layer", "0")
        row: dict[str, Any] = {
            "layer": decoded(layer),
            "entity": kind,
            "block": block,
            "text": _text(entity, kind),
            "colour": self._colour(dxf, layer, owner),
            "linetype": self._linetype(dxf, layer),
            "handle": dxf.get("handle"),
            "rgb": _rgb(dxf.get("true_color")),
            "xdata": _xdata(entity),
        }
        if kind in ("TEXT", "ATTDEF", "MTEXT", "SHAPE"):
            row["text_height"] = dxf.get("char_height" if kind == "MTEXT" else "size" if kind == "SHAPE" else "height")
            row["rotation"] = entity.get_rotation() if kind == "MTEXT" else dxf.get("rotation", 0.0)
        elif kind == "INSERT":
            self._insert(entity, row)
        elif kind in ("IMAGE", "WIPEOUT"):
            row["file"] = image_file(entity)
        shape = self._shape(entity, kind, row)
        row["elevation"] = _elevation(shape)
        self._rows.append(row)
        self._shapes.append(shape)

    def _insert(self, insert: Any, row: dict[str, Any]) -> None:
        row["block"] = _block_name(insert)
        row["rotation"] = insert.dxf.get("rotation", 0.0)
        row["scale"] = insert.dxf.get("xscale", 1.0)
        self._symbols[row["block"]] += 1
        for attribute in insert.attribs:
            tag = decoded(attribute.dxf.get("tag", ""))
            self._tags.setdefault(tag)
            row.setdefault("tags", {}).setdefault(tag, _text(attribute, "ATTRIB"))

    def _shape(self, entity: Any, kind: str, row: dict[str, Any]) -> Any:
        import shapely

        made = drawn(entity)
        if made is None:
            self._unread[kind] += 1
            return None
        self._bent += made.bent
        if made.shape is not None and not np.isfinite(shapely.bounds(made.shape)).all():
            made = type(made)(None)
        if made.shape is None:
            self._no_numbers += 1
            return None
        if kind == "INSERT" and entity.mcount > 1:
            return self._array_of(entity, made.shape)
        return made.shape

    def _array_of(self, insert: Any, first: Any) -> Any:
        """The places of a block that is inserted in rows and columns."""
        import shapely

        if insert.mcount > _MOST_COPIES:
            self._copies += 1
            return first
        from cimkit.formats.models.dxf_shapes import point

        return shapely.MultiPoint([point(copy.ocs().to_wcs(copy.dxf.insert)) for copy in insert.multi_insert()])

    def _colour(self, dxf: Any, layer: str, owner: Any) -> int | None:
        colour = dxf.get("color", _BY_LAYER)
        if colour == _BY_BLOCK and owner is not None:
            colour = owner.dxf.get("color", _BY_LAYER)
        if colour == _BY_LAYER:
            known = self._layers.get(layer.lower())
            return abs(int(known.dxf.color)) if known is not None else None
        return int(colour)

    def _linetype(self, dxf: Any, layer: str) -> str | None:
        name = str(dxf.get("linetype", "BYLAYER"))
        if name.upper() == "BYLAYER":
            known = self._layers.get(layer.lower())
            name = known.dxf.get("linetype", "Continuous") if known is not None else "Continuous"
        return decoded(name)

    # ---- the table ------------------------------------------------------------------------

    def arrow(self, place: Place) -> pa.Table:
        """The columns, and the geometry as WKB in the CRS of the place."""
        import shapely

        fields = [pa.field(name, kind) for name, kind in COLUMNS]
        arrays = [pa.array([row.get(f.name) for row in self._rows], f.type) for f in fields]
        as_columns = len(self._tags) <= _MOST_ATTRIBUTES
        for name, field in EXTRA_COLUMNS:
            values = [row.get(name) for row in self._rows]
            if name == "attributes" and not as_columns:
                values = [_json(row["tags"]) if "tags" in row else None for row in self._rows]
            if any(value is not None for value in values):
                fields.append(field)
                arrays.append(pa.array(values, field.type))
        for tag in self._tags if as_columns else ():
            fields.append(pa.field(tag, pa.string()))
            arrays.append(pa.array([row.get("tags", {}).get(tag) for row in self._rows], pa.string()))
        shapes = place.moved(np.array(self._shapes, dtype=object).reshape(len(self._shapes)))
        fields.append(pa.field(GEOMETRY, pa.binary()))
        arrays.append(pa.array(shapely.to_wkb(shapes, flavor="iso"), pa.binary()))
        return pa.Table.from_arrays(arrays, schema=pa.schema(fields))

    def hints(self) -> list[Hint]:
        """What of the drawing is not, or not exactly, in the table."""
        hints = []
        if self._unread:
            kinds = ", ".join(f"{count} {kind}" for kind, count in self._unread.most_common(10))
            hints.append(Hint("geometry.unread", f"Entities of these kinds have no geometry that is read: {kinds}."))
        if self._no_numbers:
            hints.append(Hint("geometry.unbuilt", f"{self._no_numbers} entities have no points that make a geometry."))
        if self._bent:
            message = f"Curves of {self._bent} entities are read as lines of chords of at most 4 degrees."
            hints.append(Hint("geometry.linearised", message))
        if self._symbols:
            listed = ", ".join(f"'{name}' {count} times" for name, count in self._symbols.most_common(5))
            hints.append(Hint("dxf.blocks", f"Blocks are read as points where they are inserted: {listed}."))
        if self._apart:
            listed = ", ".join(f"'{decoded(name)}'" for name, _ in self._apart.most_common(5))
            hints.append(Hint("dxf.blocks_apart", f"Blocks that lie as they were drawn are taken apart: {listed}."))
        if self._copies:
            message = f"{self._copies} insertions in rows and columns are so many that only their first place is read."
            hints.append(Hint("dxf.copies", message))
        for name, path in self._xrefs.items():
            message = (
                f"The drawing refers to '{decoded(path)}' ('{decoded(name)}'), which is another file and not read."
            )
            hints.append(Hint("dxf.external", message))
        return hints


def decoded(text: str) -> str:
    r"""Text with the characters that R2004 and older write as \U+4E2D or, by code page, as \M+5D6D0."""
    if "\\" not in text:
        return text
    text = re.sub(r"\\[Uu]\+([0-9A-Fa-f]{4})", lambda found: chr(int(found.group(1), 16)), text)
    return re.sub(r"\\[Mm]\+([1-5])([0-9A-Fa-f]{4})", _by_code_page, text)


_CODE_PAGES = {"1": "cp932", "2": "cp950", "3": "cp949", "4": "johab", "5": "gb18030"}


def _by_code_page(found: re.Match[str]) -> str:
    try:
        return bytes.fromhex(found.group(2)).decode(_CODE_PAGES[found.group(1)])
    except UnicodeDecodeError:
        return found.group(0)


def image_file(image: Any) -> str | None:
    """The file of a picture, as the drawing names it."""
    definition = image.image_def
    return decoded(definition.dxf.get("filename", "")) or None if definition is not None else None


def _block_name(insert: Any) -> str:
    """The name of a block; of a dynamic block that of its definition, since its variants have none."""
    from ezdxf.dynblkhelper import get_dynamic_block_definition

    name = insert.dxf.get("name", "")
    if name.startswith("*"):
        definition = get_dynamic_block_definition(insert)
        name = definition.name if definition is not None else name
    return decoded(name)


def _text(entity: Any, kind: str) -> str | None:
    if kind in ("TEXT", "ATTRIB"):
        return _spoken(entity.plain_text())
    if kind == "ATTDEF":
        return _spoken(entity.plain_text()) or _spoken(entity.dxf.get("tag", ""))
    if kind == "MTEXT":
        return _spoken(entity.plain_text())
    if kind in ("MULTILEADER", "MLEADER"):
        return _spoken(entity.get_mtext_content()) or None
    if kind == "TOLERANCE":
        return _spoken(entity.dxf.get("content", ""))
    if kind in ("DIMENSION", "ARC_DIMENSION"):
        return _measured(entity)
    return None


def _spoken(text: str) -> str:
    return decoded(text).encode("utf-8", "replace").decode("utf-8")


def _measured(dimension: Any) -> str | None:
    text = _spoken(dimension.dxf.get("text", ""))
    value = dimension.dxf.get("actual_measurement")
    if text and "<>" not in text:
        return text
    if value is None or not math.isfinite(value):
        return text or None
    return (text or "<>").replace("<>", f"{value:.12g}")


def _rgb(colour: int | None) -> str | None:
    return None if colour is None else f"#{colour & 0xFFFFFF:06x}"


def _xdata(entity: Any) -> str | None:
    """What applications have hung on an entity (survey programs keep feature codes there), as JSON by application."""
    if not entity.xdata:
        return None
    found = {}
    for application, tags in entity.xdata.data.items():
        values = [_plain(tag.value) for tag in tags if tag.code in _MARKERS]
        if values and application != "ACAD":
            found[decoded(application)] = values
    return _json(found) if found else None


def _plain(value: Any) -> Any:
    if isinstance(value, str):
        return _spoken(value)
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value if isinstance(value, int) else [_plain(float(part)) for part in value]


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _elevation(shape: Any) -> float | None:
    """The one height of all points of a geometry, or None."""
    import shapely

    if shape is None or not shape.has_z:
        return None
    heights = shapely.get_coordinates(shape, include_z=True)[:, 2]
    return float(heights[0]) if np.ptp(heights) == 0 else None
