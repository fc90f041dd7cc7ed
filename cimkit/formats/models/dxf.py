"""DXF drawings, text or binary: one layer ``entities``, a record for each entity of the model space.

ezdxf reads them, with blocks, attributes, georeference and the encoding found from the bytes.
It needs about ten times the file in memory, so files of more than :data:`BULK_BYTES` go
through GDAL, with the same columns but fewer details (see :mod:`cimkit.formats.models.dxf_bulk`).
Measured on 200,000 entities (41 MB): ezdxf 13.6 s and 393 MB, GDAL 2.0 s and 212 MB.
"""

from __future__ import annotations

import io
import re
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any

import pyarrow as pa

from cimkit import crs as crs_names
from cimkit import text
from cimkit.errors import SourceError
from cimkit.formats.columns import arrange
from cimkit.formats.dataset import Dataset, Delivery, Layer, Stream
from cimkit.formats.extras import library
from cimkit.formats.models.dxf_place import Place, place
from cimkit.formats.models.dxf_table import GEOMETRY, Table, image_file
from cimkit.formats.probe import Probe
from cimkit.formats.registry import Wishes
from cimkit.model import Asset, Evidence, Hint, Reject

BULK_BYTES = 64 << 20
#: What damage raises inside ezdxf beside its own errors.
_DAMAGE = (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError, struct.error)
BINARY = b"AutoCAD Binary DXF\r\n\x1a\0"
LAYER = "entities"

_MOST_VALUES = 20_000
#: From this confidence on, bytes refute what the user says of them.
_CERTAIN = 0.7
_UTF8_FROM = "AC1021"  # R2007
_RELEASES = {
    "AC1009": "R12", "AC1012": "R13", "AC1014": "R14", "AC1015": "2000", "AC1018": "2004", "AC1021": "2007",
    "AC1024": "2010", "AC1027": "2013", "AC1032": "2018",
}  # fmt: skip
#: $INSUNITS (DXF reference, header section), those that drawings of cities come in.
_UNITS = {
    1: "inches", 2: "feet", 3: "miles", 4: "millimetres", 5: "centimetres", 6: "metres", 7: "kilometres",
    10: "yards", 14: "decimetres", 15: "decametres", 16: "hectometres", 21: "US survey feet",
}  # fmt: skip


def layers(probe: Probe, format: str, wishes: Wishes) -> Dataset:
    """The entities of a drawing, and its pictures as assets."""
    path = probe.path
    prj = _beside(path, path.with_suffix(".prj").name)
    delivery = Delivery(path, format, (path, prj) if prj else (path,))
    encoding, hints = _encoding(probe, wishes)
    if path.stat().st_size > BULK_BYTES and not probe.head.startswith(BINARY):
        from cimkit.formats.models.dxf_bulk import BulkLayer

        return Dataset(delivery, (BulkLayer(delivery, wishes, encoding, prj, tuple(hints)),))
    library("ezdxf", "dxf", path)
    doc, rejected = _document(probe, encoding, wishes.salvage)
    found = place(_geodata(doc), _esri_wkt(doc), prj)
    table = Table(doc)
    hints = [*hints, *_header_hints(doc), *found.hints, *table.hints(), *_paper_hints(doc)]
    arrow = table.arrow(found)
    layer = DxfLayer(delivery, wishes, arrow, found.crs, encoding, tuple(hints), rejected)
    return Dataset(delivery, (layer,), assets=tuple(_pictures(doc, path, found)))


class DxfLayer(Layer):
    """The entities of a drawing, which are in memory."""

    def __init__(
        self,
        delivery: Delivery,
        wishes: Wishes,
        table: pa.Table,
        crs: Evidence,
        encoding: Evidence,
        hints: tuple[Hint, ...],
        rejected: list[Reject],
    ) -> None:
        super().__init__(delivery, LAYER, crs=wishes.crs)
        self.text_cells = True
        self._table = table
        self._found_crs, self._found_encoding = crs, encoding
        self._known_hints = hints
        self._rejected = rejected

    @contextmanager
    def _open(self, batch_size: int) -> Iterator[Stream]:
        handles = self._table.column("handle")
        source = self._table.append_column("fid", handles)
        arrangement = arrange(
            source.schema, geometry=source.schema.get_field_index(GEOMETRY), fid=len(source.schema) - 1,
            drop=[len(source.schema) - 1],
        )  # fmt: skip
        yield Stream(
            schema=arrangement.schema,
            batches=(arrangement.apply(batch) for batch in source.to_batches(max_chunksize=batch_size)),
            crs=self._found_crs,
            encoding=self._found_encoding,
            hints=[*self._known_hints, *arrangement.hints],
            total=self._table.num_rows,
            rejected=list(self._rejected),
        )


# ---- encoding ---------------------------------------------------------------------------


def _encoding(probe: Probe, wishes: Wishes) -> tuple[Evidence, list[Hint]]:
    """UTF-8 from R2007 on, before that the header's code page; the bytes have the last word."""
    version = header_value(probe.head, "ACADVER") or "AC1009"
    declared = "UTF-8" if version >= _UTF8_FROM else header_value(probe.head, "DWGCODEPAGE")
    if probe.head.startswith(BINARY):  # where its texts begin only its own reader knows
        if wishes.encoding:
            return Evidence(wishes.encoding, "given", 1.0), []
        named = text.named(declared)
        return Evidence(named or text.CP1252, f"declared as {declared}" if named else "not declared", 0.8), []
    with probe.path.open("rb") as handle:
        values = list(islice((line for line in handle if not line.isascii()), _MOST_VALUES))
    found = text.probe(iter(values), wishes.encoding or declared)
    if wishes.encoding:
        if found.value != wishes.encoding and found.confidence >= _CERTAIN:
            raise SourceError(
                f"{probe.path} is not {wishes.encoding}: {found.how}.",
                hint=f"Leave the encoding out, or say {found.value}.",
            )
        found = Evidence(wishes.encoding, "given", 1.0)
    wrong = sum(not _decodes(value, found.value or text.UTF8) for value in values)
    if not wrong:
        return found, []
    message = f"{wrong} lines of text are not {found.value}; what cannot be read of them shows as U+FFFD."
    return found, [Hint("encoding.damaged", message)]


def header_value(head: bytes, name: str) -> str | None:
    """A text variable of the header, as it stands in a text or a binary file."""
    found = re.search(rb"\$" + name.encode() + rb"(?:\s+[13]\s+|\0+[\x01\x03]\0?)([\w-]+)", head)
    return found.group(1).decode("ascii", "replace") if found else None


def _decodes(value: bytes, encoding: str) -> bool:
    try:
        value.decode(encoding)
    except UnicodeDecodeError:
        return False
    return True


# ---- loading ----------------------------------------------------------------------------


def _document(probe: Probe, encoding: Evidence, salvage: bool) -> tuple[Any, list[Reject]]:
    """The drawing as ezdxf loads it, and with salvage what its repair had to give up."""
    import ezdxf
    from ezdxf.document import Drawing
    from ezdxf.lldxf.tagger import binary_tags_loader

    path = probe.path
    try:
        if salvage:
            return _salvaged(path, encoding.value or text.UTF8)
        if probe.head.startswith(BINARY):
            return Drawing.load(binary_tags_loader(_in_code_page(path.read_bytes(), encoding), errors="replace")), []
        with path.open(encoding=encoding.value or text.UTF8, errors="replace") as stream:
            return ezdxf.read(stream), []
    except (ezdxf.DXFError, *_DAMAGE) as error:
        reason = re.sub(r"^(DXFStructureError: )+", "", str(error)).strip().rstrip(".") or type(error).__name__
        raise SourceError(
            f"{path} cannot be read as DXF: {reason}.",
            hint="Was it copied or exported to the end? --salvage reads what can be read.",
        ) from error


def _salvaged(path: Path, encoding: str) -> tuple[Any, list[Reject]]:
    from ezdxf import recover

    data = path.read_bytes()
    rejected = []
    if not data.startswith(BINARY):
        # The repair takes the code page for granted, so the text is brought into one that holds all of it.
        data = re.sub(rb"(\$ACADVER\s+1\s+)AC10(?:09|12|14|15|18)", rb"\1AC1021", data, count=1)
        data = data.decode(encoding, "replace").encode("utf-8")
        if not re.search(rb"\n\s*0\s*\n\s*EOF\s*$", data[-4096:]):
            # It drops a section that does not end.
            *_, last = re.finditer(rb"\n[ ]*0\r?\n\d?[A-Z]", data)
            data = data[: last.start()] + b"\n  0\nENDSEC\n  0\nEOF\n"
            rejected.append(Reject(None, f"byte {last.start()}", "The file breaks off in or behind this entity."))
    doc, auditor = recover.read(io.BytesIO(data), errors="ignore")
    for entry in [*auditor.errors, *auditor.fixes]:
        handle = entry.entity.dxf.get("handle") if entry.entity is not None and entry.entity.is_alive else None
        rejected.append(Reject(None, f"entity {handle}" if handle else "the drawing", entry.message))
    return doc, rejected


def _in_code_page(data: bytes, encoding: Evidence) -> bytes:
    """A binary file that declares the code page given by the user."""
    if encoding.how != "given":
        return data
    from ezdxf.tools.codepage import tocodepage

    page = tocodepage({"GB18030": "gbk"}.get(encoding.value or "", (encoding.value or "").lower()))
    return re.sub(rb"(\$DWGCODEPAGE\0+\x03\0?)[\w-]+", rb"\g<1>" + page.encode(), data, count=1)


def _geodata(doc: Any) -> Any:
    found = doc.modelspace().get_geodata()
    return found if found is not None else next(iter(doc.objects.query("GEODATA")), None)


def _esri_wkt(doc: Any) -> str | None:
    """The WKT that ArcGIS keeps in a drawing, in the record ESRI_PRJ of the root dictionary."""
    record = doc.rootdict.get("ESRI_PRJ") if doc.rootdict is not None else None
    if record is None or isinstance(record, str) or record.dxftype() != "XRECORD":
        return None
    return "".join(str(tag.value) for tag in record.tags if tag.code == 1) or None


# ---- what else there is -------------------------------------------------------------------


def _header_hints(doc: Any) -> list[Hint]:
    version = str(doc.loaded_dxfversion if hasattr(doc, "loaded_dxfversion") else doc.dxfversion)
    unit = doc.header.get("$INSUNITS", 0)
    said = f"in {_UNITS[unit]}" if unit in _UNITS else "in a unit that it does not say"
    release = f"AutoCAD {_RELEASES[version]}" if version in _RELEASES else version
    return [Hint("dxf.units", f"The drawing ({release}) says that it is {said} ($INSUNITS {unit}).")]


def _paper_hints(doc: Any) -> list[Hint]:
    counts = {
        layout.name: sum(e.dxftype() != "VIEWPORT" for e in layout)
        for layout in doc.layouts
        if layout.is_any_paperspace
    }
    drawn = {name: count for name, count in counts.items() if count}
    if not drawn:
        return []
    listed = ", ".join(f"'{name}' ({count})" for name, count in drawn.items())
    return [Hint("dxf.paper_space", f"Entities on sheets of paper are not read: {listed}.")]


def _pictures(doc: Any, path: Path, found: Place) -> Iterator[Asset]:
    """The pictures of a drawing; a file beside it is looked for by its bare name alone."""
    import numpy as np
    import shapely

    from cimkit.formats.models.dxf_shapes import drawn

    for image in doc.modelspace().query("IMAGE"):
        named = image_file(image) or f"image {image.dxf.handle}"
        file = _beside(path, re.split(r"[\\/]", named)[-1])
        made = drawn(image)
        shapes = np.array([made.shape if made else None], dtype=object)
        bounds = shapely.bounds(found.moved(shapes))[0]
        low_x, low_y, high_x, high_y = (float(value) for value in bounds)
        bbox = (low_x, low_y, high_x, high_y) if np.isfinite(bounds).all() else None
        size = image.dxf.get("image_size")
        hints = () if file else (Hint("asset.missing", f"The file '{named}' was not delivered with the drawing."),)
        yield Asset(
            name=re.split(r"[\\/]", named)[-1],
            kind="image",
            path=str(file or named),
            bytes=file.stat().st_size if file else 0,
            crs=found.crs,
            bbox=bbox,
            bbox_crs84=crs_names.bbox_crs84(bbox, found.crs.value) if bbox and found.crs.value else None,
            about={"handle": image.dxf.handle, "width": int(size[0]), "height": int(size[1]), "delivered": bool(file)},
            hints=hints,
        )


def _beside(path: Path, name: str) -> Path | None:
    """The file of that name in the drawing's folder, whatever the case."""
    return next((p for p in sorted(path.parent.iterdir()) if p.name.lower() == name.lower() and p.is_file()), None)
