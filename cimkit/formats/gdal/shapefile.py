"""ESRI Shapefile: pyogrio reads it, once its headers were checked and its encoding found from its bytes.

GDAL reads a truncated .shp as records without geometry and a wrong language driver id as
mojibake, both in silence. So lengths are compared with the headers here, and text in any
encoding but clean UTF-8 is fetched byte by byte (as ISO-8859-1) and decoded here.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import pyarrow as pa

from cimkit import text
from cimkit.errors import SourceError
from cimkit.formats.columns import Arrangement
from cimkit.formats.dataset import Dataset, Delivery, Stream
from cimkit.formats.gdal import dbf
from cimkit.formats.gdal.layer import GdalLayer, declared_crs
from cimkit.formats.probe import Probe
from cimkit.formats.registry import Wishes
from cimkit.model import Evidence, Hint

_PARTS = (".shp", ".shx", ".dbf", ".prj", ".cpg")
_MOST_VALUES = 20_000
#: From this confidence on, bytes refute what the user says of them.
_CERTAIN = 0.7


def layers(probe: Probe, format: str, wishes: Wishes) -> Dataset:
    """The one layer of a shapefile."""
    parts = _parts(probe.path)
    for suffix in (".shx", ".dbf"):
        if suffix not in parts:
            raise SourceError(
                f"{probe.path} lies there without its {suffix} file.",
                hint=f"A shapefile is several files of one name; ask for {probe.path.stem}{suffix} too.",
            )
    for suffix in (".shp", ".shx"):
        _refuse_cut(parts[suffix])
    header = dbf.read_header(parts[".dbf"])
    delivery = Delivery(probe.path, format, tuple(sorted(parts.values())))
    encoding, hints = encoding_of(header, parts.get(".cpg"), wishes)
    shapes = (parts[".shx"].stat().st_size - 100) // 8
    if shapes != header.records:
        message = f"There are {shapes} shapes but {header.records} rows of attributes."
        hints.append(Hint("shapefile.counts_differ", message))
    layer = ShapefileLayer(delivery, probe.path.stem, wishes, header, encoding, hints, ".prj" in parts)
    return Dataset(delivery, (layer,))


def _parts(path: Path) -> dict[str, Path]:
    found: dict[str, Path] = {}
    for file in sorted(path.parent.iterdir()):
        if file.stem == path.stem and file.suffix.lower() in _PARTS and file.is_file():
            found.setdefault(file.suffix.lower(), file)
    found[".shp"] = path
    return found


def _refuse_cut(path: Path) -> None:
    """Raise SourceError where the file is shorter than bytes 24..28 of its header say (in 16-bit words)."""
    with path.open("rb") as handle:
        head = handle.read(100)
    size = path.stat().st_size
    promised = 2 * struct.unpack_from(">I", head, 24)[0] if len(head) == 100 else 100
    if size < promised:
        raise SourceError(
            f"{path} is cut off: its header promises {promised} bytes, but only {size} are there.",
            hint="Copy or download it again.",
        )


def encoding_of(header: dbf.DbfHeader, cpg: Path | None, wishes: Wishes) -> tuple[Evidence, list[Hint]]:
    """The encoding of a table's text and names, and what a person should know of them.

    Raises:
        SourceError: they are not in the encoding that is wished for.
    """
    declared = wishes.encoding or _declared(header, cpg)
    names = [field.name for field in header.fields if not field.name.isascii()]
    values = [*names, *islice(dbf.text_values(header), _MOST_VALUES)]
    found = text.probe(iter(values), declared)
    if wishes.encoding:
        if found.value != wishes.encoding and found.confidence >= _CERTAIN:
            raise SourceError(
                f"{header.path} is not {wishes.encoding}: {found.how}.",
                hint=f"Leave the encoding out, or say {found.value}.",
            )
        found = Evidence(wishes.encoding, "given", 1.0)
    fit = dbf.fit(header, found.value or "UTF-8") if len(values) > len(names) else dbf.Fit()
    hints = []
    if fit.wrong:
        message = f"{fit.wrong} cells are not {found.value} (the first is {fit.example})"
        if wishes.encoding:
            raise SourceError(
                f"{header.path}: {message}.", hint="Leave the encoding out, and it is found from the bytes."
            )
        hints.append(Hint("encoding.damaged", f"{message}; what cannot be read of them shows as U+FFFD."))
    if fit.cut:
        hints.append(Hint("text.cut", f"{fit.cut} cells end in the middle of a character, which is left out."))
    full = [dbf.decode(f.name, found.value or "UTF-8") for f in header.fields if len(f.name) >= dbf.NAME_BYTES]
    if full:
        message = f"Names fill the 10 bytes a DBF gives them and may be cut: {', '.join(full)}."
        hints.append(Hint("names.truncated", message))
    return found, hints


def _declared(header: dbf.DbfHeader, cpg: Path | None) -> str | None:
    if cpg is not None:
        declared = cpg.read_bytes()[:64].decode("ascii", "ignore").strip()
        if declared:
            return declared
    return dbf.LANGUAGES.get(header.language)


class ShapefileLayer(GdalLayer):
    """The layer of a shapefile. Its text cells are typed by the standard."""

    def __init__(
        self,
        delivery: Delivery,
        name: str,
        wishes: Wishes,
        header: dbf.DbfHeader,
        encoding: Evidence,
        hints: list[Hint],
        has_prj: bool,
    ) -> None:
        value = encoding.value or "UTF-8"
        names_whole = all(_is_whole(field.name, value) for field in header.fields)
        clean = (
            value == "UTF-8" and names_whole and not any(hint.code.startswith(("encoding", "text")) for hint in hints)
        )
        super().__init__(
            delivery,
            name,
            wishes,
            gdal_name=None,
            encoding="UTF-8" if clean else "ISO-8859-1",
            # By default GDAL looks at the first shape alone to see whether there is M, which may be null.
            options={"ADJUST_GEOM_TYPE": "ALL_SHAPES"},
        )
        self.text_cells = True
        self._header = header
        self._found = encoding
        self._known_hints = hints
        self._recode_from = None if clean else value
        self._has_prj = has_prj

    def _stream(self, meta: dict[str, Any], reader: pa.RecordBatchReader, hints: list[Hint]) -> Stream:
        hints.extend(self._known_hints)
        return super()._stream(meta, reader, hints)

    def _arrange(self, meta: dict[str, Any], schema: pa.Schema) -> Arrangement:
        if self._recode_from is None:
            return super()._arrange(meta, schema)
        last = len(schema) - 1
        fields = [
            f.with_name(dbf.decode(f.name.encode("latin-1"), self._recode_from)) if 0 < i < last else f
            for i, f in enumerate(schema)
        ]
        return super()._arrange(meta, pa.schema(fields))

    def _batches(
        self, reader: pa.RecordBatchReader, arrangement: Arrangement, hints: list[Hint]
    ) -> Iterator[pa.RecordBatch]:
        for batch in super()._batches(reader, arrangement, hints):
            if self._recode_from is None:
                yield batch
                continue
            arrays = [
                dbf.recode(array, self._recode_from) if pa.types.is_string(array.type) else array
                for array in batch.columns
            ]
            yield pa.RecordBatch.from_arrays(arrays, schema=batch.schema)

    def _crs(self, found: str | None) -> Evidence:
        if not self._has_prj:
            return Evidence(None, "there is no .prj", 1.0)
        if not found:
            return Evidence(None, ".prj, but it is empty or cannot be understood", 1.0)
        return declared_crs(found, ".prj", 1.0)

    def _encoding(self) -> Evidence:
        return self._found

    def _widths(self, schema: pa.Schema) -> dict[str, int]:
        own = [dbf.decode(field.name, self._found.value or "UTF-8") for field in self._header.fields]
        return {name: field.width for name, field in zip(own, self._header.fields, strict=True)}


def _is_whole(raw: bytes, encoding: str) -> bool:
    try:
        raw.decode(encoding)
    except UnicodeDecodeError:
        return False
    return True
