"""DXF drawings too big for ezdxf, read by GDAL as a stream.

The columns are those of a smaller drawing. Colours, text heights and what applications hang on
entities are not read; attributes of blocks stand as JSON in ``attributes``. GDAL knows neither
GEODATA nor (as its wheels are built) any Chinese code page, and recodes the texts of some kinds
of entities only; so it is told to recode nothing, and the bytes are decoded here.
"""

from __future__ import annotations

import json
import mmap
import re
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from cimkit.errors import SourceError
from cimkit.formats.columns import JSON_MARK, arrange
from cimkit.formats.dataset import Delivery, Layer, Stream
from cimkit.formats.gdal.arrow_write import gdal_settings
from cimkit.formats.gdal.layer import gdal_path, told
from cimkit.formats.models.dxf_place import Place, place
from cimkit.formats.models.dxf_table import COLUMNS, GEOMETRY, decoded
from cimkit.formats.registry import Wishes
from cimkit.model import Evidence, Hint

_SETTINGS = {"DXF_ENCODING": "UTF-8", "DXF_INLINE_BLOCKS": "FALSE", "DXF_CLOSED_LINE_AS_POLYGON": "TRUE"}
#: The entity by its last subclass (DXF reference, subclass markers).
_KINDS = {
    "AcDbPolyline": "LWPOLYLINE", "AcDb2dPolyline": "POLYLINE", "AcDb3dPolyline": "POLYLINE",
    "AcDbPolyFaceMesh": "POLYLINE", "AcDbPolygonMesh": "POLYLINE", "AcDbText": "TEXT", "AcDbMText": "MTEXT",
    "AcDbLine": "LINE", "AcDbPoint": "POINT", "AcDbArc": "ARC", "AcDbCircle": "CIRCLE", "AcDbEllipse": "ELLIPSE",
    "AcDbSpline": "SPLINE", "AcDbHatch": "HATCH", "AcDbTrace": "SOLID", "AcDbFace": "3DFACE",
    "AcDbBlockReference": "INSERT", "AcDbAttribute": "ATTRIB", "AcDbAttributeDefinition": "ATTDEF",
    "AcDbLeader": "LEADER", "AcDbMLeader": "MULTILEADER", "AcDbMline": "MLINE", "AcDb3dSolid": "3DSOLID",
}  # fmt: skip
_MOST_DEFINITION = 4 << 20


class BulkLayer(Layer):
    """The entities of a big drawing."""

    def __init__(
        self, delivery: Delivery, wishes: Wishes, encoding: Evidence, prj: Path | None, hints: tuple[Hint, ...]
    ) -> None:
        super().__init__(delivery, "entities", crs=wishes.crs)
        self.text_cells = True
        self._found_encoding = encoding
        self._place = place(_geodata(delivery.path), None, prj)
        _refuse_cut(delivery.path)
        message = "The drawing is big, so colours, text heights and data of applications are not read."
        if encoding.value != "UTF-8":  # GDAL writes what stands for them (%%d, \\U+4E2D) as UTF-8 among other bytes
            message += f" Signs such as ° that are escaped in text may be wrong in {encoding.value}."
        self._known_hints = (*hints, *self._place.hints, Hint("dxf.bulk", message))

    @contextmanager
    def _open(self, batch_size: int) -> Iterator[Stream]:
        from pyogrio.raw import open_arrow

        hints = list(self._known_hints)
        with ExitStack() as stack:
            stack.enter_context(gdal_settings(**_SETTINGS))
            with told(self.delivery, hints):
                path = stack.enter_context(gdal_path(self.delivery))
                opening = open_arrow(path, layer="entities", use_pyarrow=True, batch_size=batch_size)
                _, reader = stack.enter_context(opening)
            arrangement = arrange(_SCHEMA, geometry=_SCHEMA.get_field_index(GEOMETRY), fid=_HANDLE)
            yield Stream(
                schema=arrangement.schema,
                batches=(arrangement.apply(batch) for batch in self._batches(reader, hints)),
                crs=self._place.crs,
                encoding=self._found_encoding,
                hints=hints,
            )

    def _batches(self, reader: pa.RecordBatchReader, hints: list[Hint]) -> Iterator[pa.RecordBatch]:
        paper = 0
        read: Counter[str] = Counter()
        while True:
            with told(self.delivery, hints):
                batch = next(reader, None)
            if batch is None:
                break
            kinds = _kinds(batch.column("SubClasses"))
            read.update({pair["values"]: pair["counts"] for pair in kinds.value_counts().to_pylist()})
            model = pc.invert(pc.fill_null(batch.column("PaperSpace"), False))
            paper += batch.num_rows - pc.sum(model).as_py()
            yield _arranged(batch.filter(model), self._found_encoding.value or "UTF-8", self._place)
        if paper:
            hints.append(Hint("dxf.paper_space", f"{paper} entities on sheets of paper are not read."))
        missing = _entities(self.delivery.path) - read
        if missing:
            listed = ", ".join(f"{count} {kind}" for kind, count in missing.most_common(10))
            hints.append(Hint("dxf.left_out", f"GDAL, which reads big drawings, leaves entities out: {listed}."))


_SCHEMA = pa.schema(
    [
        *(pa.field(name, kind) for name, kind in COLUMNS),
        pa.field("attributes", pa.string(), metadata={JSON_MARK: b"true"}),
        pa.field(GEOMETRY, pa.binary()),
    ]
)
_HANDLE = _SCHEMA.get_field_index("handle")


def _arranged(batch: pa.RecordBatch, encoding: str, place: Place) -> pa.RecordBatch:
    import shapely

    with np.errstate(invalid="ignore"):
        values = batch.column("wkb_geometry").to_numpy(zero_copy_only=False)
        shapes = shapely.from_wkb(values, on_invalid="ignore")
    low, high = _heights(shapes)
    level = (low == 0.0) & (high == 0.0)
    kinds = _kinds(batch.column("SubClasses"))
    round_ = pc.is_in(kinds, pa.array(["CIRCLE", "ELLIPSE"])).to_numpy(zero_copy_only=False) & shapely.is_closed(shapes)
    points, owner = shapely.get_coordinates(shapes[round_], return_index=True)
    shapes[round_] = shapely.polygons(shapely.linearrings(points, indices=owner)) if len(points) else []
    shapes[level] = shapely.force_2d(shapes[level])  # GDAL gives every point a height
    shapes = place.moved(shapes)
    low, high = _heights(shapes)
    given = {
        "layer": _decoded(_column(batch, "Layer"), encoding),
        "entity": kinds,
        "block": _decoded(_column(batch, "BlockName"), encoding),
        # Of a hatch it is the name of the pattern.
        "text": pc.if_else(pc.equal(kinds, "HATCH"), None, _decoded(batch.column("Text"), encoding)),
        "linetype": _decoded(_column(batch, "Linetype"), encoding),
        "handle": _column(batch, "EntityHandle"),
        "elevation": pa.array(np.where(low == high, low, np.nan), from_pandas=True),
        "rotation": _column(batch, "BlockAngle"),
        "attributes": _attributes(batch, encoding),
        GEOMETRY: pa.array(shapely.to_wkb(shapes, flavor="iso"), pa.binary()),
    }
    arrays = []
    for field in _SCHEMA:
        array = given.get(field.name)
        arrays.append(pa.nulls(batch.num_rows, field.type) if array is None else array.cast(field.type))
    return pa.RecordBatch.from_arrays(arrays, schema=_SCHEMA)


def _column(batch: pa.RecordBatch, name: str) -> pa.Array | None:
    return batch.column(name) if name in batch.schema.names else None


def _decoded(array: pa.Array | None, encoding: str) -> pa.Array | None:
    """Raw bytes, which Arrow takes for UTF-8, as the text they are; each different one is decoded once."""
    if array is None:
        return None
    words = array.view(pa.binary()).dictionary_encode()
    texts = [decoded(raw.decode(encoding, "replace")) for raw in words.dictionary.to_pylist()]
    return pa.DictionaryArray.from_arrays(words.indices, pa.array(texts, pa.string())).dictionary_decode()


def _kinds(subclasses: pa.Array) -> pa.Array:
    words = subclasses.dictionary_encode()
    names = [_KINDS.get(text.rpartition(":")[2], text.rpartition(":")[2]) for text in words.dictionary.to_pylist()]
    return pa.DictionaryArray.from_arrays(words.indices, pa.array(names, pa.string())).dictionary_decode()


def _attributes(batch: pa.RecordBatch, encoding: str) -> pa.Array | None:
    """Attributes of blocks ("TAG value") as JSON objects."""
    lists = _column(batch, "BlockAttributes")
    if lists is None or lists.null_count == len(lists):
        return None
    texts = _decoded(lists.values, encoding)
    assert texts is not None
    flat = [text.partition(" ") for text in texts.to_pylist()]
    ends = lists.offsets.to_pylist()
    there = lists.is_valid().to_pylist()
    return pa.array(
        [
            json.dumps({tag: value for tag, _, value in flat[start:end]}, ensure_ascii=False, separators=(",", ":"))
            if given and end > start
            else None
            for given, start, end in zip(there, ends[:-1], ends[1:], strict=True)
        ],
        pa.string(),
    )


def _heights(shapes: Any) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The lowest and the highest Z of each geometry; NaN where it has none."""
    import shapely

    points, owner = shapely.get_coordinates(shapes, include_z=True, return_index=True)
    low, high = np.full(len(shapes), np.nan), np.full(len(shapes), np.nan)
    np.fmin.at(low, owner, points[:, 2])
    np.fmax.at(high, owner, points[:, 2])
    return low, high


def _geodata(path: Path) -> Any:
    """The GEODATA object of a drawing, found from the end, where objects stand."""
    from ezdxf.entities import factory
    from ezdxf.lldxf.extendedtags import ExtendedTags

    with path.open("rb") as handle, mmap.mmap(handle.fileno(), 0, access=mmap.ACCESS_READ) as data:
        at = len(data)
        while (at := data.rfind(b"GEODATA", 0, at)) >= 0:
            before = bytes(data[max(0, at - 8) : at])
            if re.search(rb"\n\s*0\r?\n$", before):
                text = bytes(data[at : at + _MOST_DEFINITION]).decode("utf-8", "replace")
                return factory.load(ExtendedTags.from_text(_object(text.replace("\r\n", "\n").split("\n"))))
    return None


def _entities(path: Path) -> Counter[str]:
    """How many entities of each kind stand in the section ENTITIES."""
    with path.open("rb") as handle, mmap.mmap(handle.fileno(), 0, access=mmap.ACCESS_READ) as data:
        start = re.search(rb"\n\s*2\r?\nENTITIES\r?\n", data)
        end = data.find(b"\nENDSEC", start.end()) if start else -1
        if start is None or end < 0:
            return Counter()
        # A group code is a number, so a name behind a line of 0 begins an entity.
        found = re.compile(rb"\n[ ]*0\r?\n(\d?[A-Z][A-Z0-9_]*)(?=\r?\n)").finditer(data, start.end() - 2, end)
        counts = Counter(match.group(1).decode() for match in found)
    for part in ("VERTEX", "SEQEND", "ATTRIB", "VIEWPORT"):
        del counts[part]
    return Counter({"SOLID" if kind == "TRACE" else kind: count for kind, count in counts.items()})


def _object(lines: list[str]) -> str:
    """The lines of one object, which ends where the next has its group code 0."""
    end = next((at for at in range(1, len(lines) - 1, 2) if lines[at].strip() == "0"), len(lines) // 2 * 2 - 1)
    return "\n".join(["0", *lines[:end]]) + "\n"


def _refuse_cut(path: Path) -> None:
    """Raise SourceError where a text file does not end as a DXF file does; GDAL reads on in silence."""
    with path.open("rb") as handle:
        handle.seek(max(0, path.stat().st_size - 4096))
        tail = handle.read()
    if not re.search(rb"\n\s*0\s*\n\s*EOF\s*", tail):
        raise SourceError(f"{path} is cut off: it does not end with EOF.", hint="Copy or export it again.")
