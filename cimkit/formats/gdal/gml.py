"""GML 2 and 3 with simple features: every feature type is a layer. CityGML is read elsewhere.

GDAL writes a .gfs file beside its input, believes one that is there, guesses types from
values, and cuts a value that is not of the type its schema says. So it gets the document alone
in a temporary folder and reads every value as text; types come from the .xsd beside the
document, and only where all values have them. Nothing is fetched.
"""

from __future__ import annotations

import codecs
import re
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import shapely

from cimkit import text
from cimkit.errors import SourceError, UsageError
from cimkit.formats.columns import Arrangement, arrange
from cimkit.formats.dataset import Dataset, Delivery, Stream
from cimkit.formats.gdal import gml_axes
from cimkit.formats.gdal.arrow_write import gdal_settings
from cimkit.formats.gdal.gml_scan import Scanned, scan
from cimkit.formats.gdal.kinds import taught
from cimkit.formats.gdal.layer import GdalLayer, told
from cimkit.formats.probe import Probe
from cimkit.formats.registry import Wishes
from cimkit.model import BBox, Evidence, Hint

_OPTIONS = {"WRITE_GFS": "NO", "EMPTY_AS_NULL": "NO", "DOWNLOAD_SCHEMA": "NO", "EXPOSE_GML_ID": "YES"}
#: Code lists stand in xlink:href, units in uom.
_SETTINGS = {"GML_FIELDTYPES": "ALWAYS_STRING", "GML_ATTRIBUTES_TO_OGR_FIELDS": "YES"}
_DECLARED = re.compile(rb'^(<\?xml[^>]*?encoding\s*=\s*["\'])([\w.:-]+)(["\'])')
#: What expat decodes by itself.
_BY_EXPAT = {"UTF-8", "UTF-16", "ISO-8859-1", "ascii"}
_SAMPLE = 1000
#: What GDAL makes columns of though it is of a feature's own box.
_OF_BOX = re.compile(r"(lower|upper)Corner$|(Envelope|Box)_\w+$")


def layers(probe: Probe, format: str, wishes: Wishes) -> Dataset:
    """The feature types of a document."""
    declared = _DECLARED.match(probe.head.removeprefix(codecs.BOM_UTF8).lstrip())
    said = declared.group(2).decode("ascii") if declared else None
    if said and text.named(said) is None:
        raise SourceError(
            f"{probe.path} says that its encoding is '{said}', which there is not.", hint="Mend it in its first line."
        )
    encoding = text.named(said) or "UTF-8"
    if wishes.encoding not in (None, encoding):
        raise UsageError(f"{probe.path} says that it is {encoding}, so it cannot be read as {wishes.encoding}.")
    schema = probe.path.with_suffix(".xsd")
    files = (probe.path, schema) if schema.is_file() else (probe.path,)
    delivery = Delivery(probe.path, format, files)
    evidence = Evidence(encoding, f"declared as {said}" if said else "the format's own", 1.0)
    document = _Document(delivery, evidence)
    found = tuple(GmlLayer(document, name, wishes) for name in document.names())
    return Dataset(delivery, found, () if found else tuple(_incomplete(document.scanned)))


def _incomplete(scanned: Scanned) -> Iterator[Hint]:
    missing = scanned.missing()
    if missing:
        message = f"The delivery is INCOMPLETE: {missing} are not in it. Ask for the rest, or for an export."
        yield Hint("records.incomplete", message)


class _Document:
    """A document as GDAL is given it."""

    def __init__(self, delivery: Delivery, encoding: Evidence) -> None:
        self.delivery = delivery
        self.encoding = encoding
        with self.alone() as path:
            try:
                self.scanned: Scanned = scan(path)
            except SourceError as error:
                raise SourceError(str(error).replace(str(path), str(delivery.path)), hint=error.hint) from error

    @contextmanager
    def alone(self, *, schema: bool = False) -> Iterator[Path]:
        """A path to the document in a folder of its own, or with its schema; in an encoding that expat knows."""
        with tempfile.TemporaryDirectory(prefix="cimkit-gml-") as folder:
            path = Path(folder, "source.gml")
            if self.encoding.value in _BY_EXPAT:
                path.symlink_to(self.delivery.path.absolute())
            else:
                self._recoded(path)
            if schema:
                path.with_suffix(".xsd").symlink_to(self.delivery.files[1].absolute())
            yield path

    def _recoded(self, path: Path) -> None:
        encoding = self.encoding.value or "UTF-8"
        try:
            with self.delivery.path.open("rb") as source, path.open("wb") as target:
                head = source.read(1 << 12)
                head = _DECLARED.sub(rb"\1UTF-8\3", head.lstrip())
                decoder = codecs.getincrementaldecoder(encoding)()
                target.write(decoder.decode(head).encode())
                while chunk := source.read(1 << 20):
                    target.write(decoder.decode(chunk).encode())
                target.write(decoder.decode(b"", final=True).encode())
        except UnicodeDecodeError as error:
            raise SourceError(
                f"{self.delivery.path} says that it is {encoding}, but its bytes are not.",
                hint="Mend the encoding in its first line.",
            ) from error

    def names(self) -> list[str]:
        import pyogrio

        taught()
        with told(self.delivery, []), self.alone() as path, gdal_settings(**_SETTINGS):
            listed: Any = pyogrio.list_layers(path)
        return [str(name) for name, _ in listed]

    def types(self, layer: str) -> dict[str, pa.DataType]:
        """The types of columns as the schema beside the document has them."""
        from pyogrio.raw import open_arrow

        if len(self.delivery.files) == 1:
            return {}
        wanted: dict[str, Any] = {"layer": layer, "use_pyarrow": True, "read_geometry": False, **_OPTIONS}
        try:
            with (
                self.alone(schema=True) as path,
                told(self.delivery, []),
                open_arrow(path, **wanted) as (_, reader),
            ):
                return {field.name: field.type for field in reader.schema}
        except SourceError:  # a schema that is broken, or of another document, types nothing
            return {}


class GmlLayer(GdalLayer):
    """One feature type. Its cells are text unless a schema says their types."""

    def __init__(self, document: _Document, name: str, wishes: Wishes) -> None:
        super().__init__(document.delivery, name, wishes, options=dict(_OPTIONS))
        self._document = document
        self._plain = name.rpartition(":")[2]
        self._wished = wishes.crs
        self.text_cells = len(document.delivery.files) == 1
        self._features = document.scanned.features.get(self._plain)

    @contextmanager
    def _open(self, batch_size: int) -> Iterator[Stream]:
        self._options["SWAP_COORDINATES"] = "YES" if self._axes.swap else "NO"
        _ = self._types  # looked at before GDAL's settings change for good
        with gdal_settings(**_SETTINGS), super()._open(batch_size) as stream:
            yield stream

    @contextmanager
    def _path(self) -> Iterator[Path]:
        with self._document.alone() as path:
            yield path

    # ---- the CRS

    @cached_property
    def _axes(self) -> gml_axes.Axes:
        scanned = self._document.scanned
        counted = scanned.srs.get(self._plain) or scanned.srs.get("") or Counter[str]()
        names = list(counted)
        if len(names) > 1:
            decided = [gml_axes.decide(name, None) for name in names]
            if len({(axes.crs.value, axes.swap) for axes in decided}) > 1:
                message = f"Geometries have several srsNames ({', '.join(names[:5])}); all are read as the commonest."
                commonest = max(counted, key=lambda name: counted[name])
                axes = gml_axes.decide(commonest, self._raw())
                low = replace(axes.crs, confidence=min(0.3, axes.crs.confidence))
                return replace(axes, crs=low, hints=(*axes.hints, Hint("crs.mixed", message)))
        srs = names[0] if names else None
        return gml_axes.decide(srs, self._raw(), scanned.labels.get(srs or ""), self._wished)

    def _raw(self) -> BBox | None:
        """The extent of the first features, in the order in which their coordinates are written."""
        from pyogrio.raw import open_arrow

        options = {**_OPTIONS, "SWAP_COORDINATES": "NO"}
        low, high = np.full(2, np.inf), np.full(2, -np.inf)
        with told(self.delivery, []), gdal_settings(**_SETTINGS), self._document.alone() as path:
            wanted: dict[str, Any] = {"layer": self.name, "columns": [], "batch_size": _SAMPLE, "use_pyarrow": True}
            with open_arrow(path, **wanted, **options) as (meta, reader):
                if meta.get("geometry_type") is None:
                    return None
                for batch in reader:
                    with suppress(NotImplementedError):
                        values = batch.column(batch.num_columns - 1).to_numpy(zero_copy_only=False)
                        bounds = shapely.bounds(shapely.from_wkb(values, on_invalid="ignore"))
                        bounds[~np.isfinite(bounds)] = np.nan
                        if not np.isnan(bounds).all():
                            low = np.fmin(low, np.nanmin(bounds[:, :2], axis=0))
                            high = np.fmax(high, np.nanmax(bounds[:, 2:], axis=0))
                            break
        if not (np.isfinite(low).all() and np.isfinite(high).all()):
            return None
        return (float(low[0]), float(low[1]), float(high[0]), float(high[1]))

    def _crs(self, found: str | None) -> Evidence:
        return self._axes.crs

    def _encoding(self) -> Evidence:
        return self._document.encoding

    def _widths(self, schema: pa.Schema) -> dict[str, int]:
        """None: those that GDAL gives are of the longest values."""
        return {}

    # ---- columns

    @cached_property
    def _types(self) -> dict[str, pa.DataType]:
        """The schema's types of the columns whose values all have them; the others stay text."""
        from pyogrio.raw import open_arrow

        wanted = {name: kind for name, kind in self._document.types(self.name).items() if not pa.types.is_string(kind)}
        if not wanted:
            return {}
        failed: set[str] = set()
        with (
            told(self.delivery, []),
            gdal_settings(**_SETTINGS),
            self._document.alone() as path,
            open_arrow(path, layer=self.name, use_pyarrow=True, read_geometry=False, **_OPTIONS) as (_, given),
        ):
            reader = _single_valued(given, self._single(given.schema))
            strings = {f.name for f in reader.schema if pa.types.is_string(f.type)}
            wanted = {name: kind for name, kind in wanted.items() if name in strings}
            zoned = {name for name, kind in wanted.items() if pa.types.is_timestamp(kind)}
            for batch in reader:
                for name, kind in wanted.items():
                    column = batch.column(batch.schema.get_field_index(name))
                    if name in zoned and not _all_zoned(column):
                        zoned.discard(name)
                    try:
                        _cast(column, kind)
                    except pa.ArrowInvalid:
                        failed.add(name)
        zoned &= failed
        plain = {name: kind for name, kind in wanted.items() if name not in failed}
        return {**plain, **dict.fromkeys(zoned, pa.timestamp("us", "UTC"))}

    def _stream(self, meta: dict[str, Any], reader: pa.RecordBatchReader, hints: list[Hint]) -> Stream:
        hints.extend(self._axes.hints)
        hints.extend(self._left_out(set(reader.schema.names)))
        return super()._stream(meta, _single_valued(reader, self._single(reader.schema)), hints)

    def _left_out(self, names: set[str]) -> Iterator[Hint]:
        scanned = self._document.scanned
        read = {part for name in names for part in _parts(name)}
        several = sorted(scanned.geometries.get(self._plain, set()))
        lost = sorted(scanned.leaves.get(self._plain, set()) - read - set(several))
        if lost:
            listed = ", ".join(lost[:12]) + (", …" if len(lost) > 12 else "")
            yield Hint("values.left_out", f"{len(lost)} elements are not read: {listed}.")
        if len(several) > 1:
            message = f"Features have several geometries ({', '.join(several)}); one of them is read."
            yield Hint("geometry.left_out", message)
        yield from _incomplete(scanned)
        if scanned.links[self._plain]:
            yield Hint("gml.links", f"{scanned.links[self._plain]} references (xlink:href) are not followed.")

    def _arrange(self, meta: dict[str, Any], schema: pa.Schema) -> Arrangement:
        spatial = meta.get("geometry_type") is not None
        fields = [pa.field(f.name, self._types.get(f.name, f.type)) for f in schema]
        key = schema.get_field_index("gml_id")
        scanned = self._document.scanned
        known, shapes = (each.get(self._plain, set()) for each in (scanned.leaves, scanned.geometries))
        # The property of a geometry is a column too where it is empty in some feature.
        drop = [0, *(place for place, field in enumerate(fields[: len(fields) - spatial])
                     if field.name in shapes or (_OF_BOX.match(field.name) and field.name not in known))]  # fmt: skip
        arranged = arrange(pa.schema(fields), geometry=len(schema) - 1 if spatial else None, fid=0, drop=drop)
        return replace(arranged, fid=key if key > 0 else 0)

    def _batches(
        self, reader: pa.RecordBatchReader, arrangement: Arrangement, hints: list[Hint]
    ) -> Iterator[pa.RecordBatch]:
        rows = 0
        for batch in super()._batches(_typed(reader, self._types), arrangement, hints):
            rows += batch.num_rows
            yield batch
        if self._features is not None and rows < self._features:
            raise SourceError(
                f"Only {rows} of the {self._features} features '{self.name}' of {self.delivery.path} can be read.",
                hint="The next one may have a geometry that is damaged, or of a kind GDAL does not know.",
            )

    def _single(self, schema: pa.Schema) -> set[str]:
        """Columns that GDAL makes lists of although no feature has their element twice: where one is nil."""
        repeated = self._document.scanned.repeated.get(self._plain, set())
        return {f.name for f in schema if pa.types.is_list(f.type) and not _parts(f.name) & repeated}


def _parts(name: str) -> set[str]:
    """The elements whose path GDAL made a column's name of."""
    return set(name.split("|"))


def _single_valued(reader: pa.RecordBatchReader, names: set[str]) -> pa.RecordBatchReader:
    """The stream with the only value of these lists in their place."""
    if not names:
        return reader
    schema = pa.schema([pa.field(f.name, pa.string()) if f.name in names else f for f in reader.schema])

    def batches() -> Iterator[pa.RecordBatch]:
        for batch in reader:
            columns = [_first(column) if f.name in names else column
                       for f, column in zip(reader.schema, batch.columns, strict=True)]  # fmt: skip
            yield pa.RecordBatch.from_arrays(columns, schema=schema)

    return pa.RecordBatchReader.from_batches(schema, batches())


def _first(lists: pa.Array) -> pa.Array:
    filled = pc.if_else(pc.greater(pc.list_value_length(lists), 0), lists, pa.scalar([None], lists.type))
    return pc.list_element(pc.fill_null(filled, pa.scalar([None], lists.type)), 0).cast(pa.string())


def _typed(reader: pa.RecordBatchReader, types: dict[str, pa.DataType]) -> pa.RecordBatchReader:
    """The stream with columns of text in their true types."""
    if not types:
        return reader
    schema = pa.schema([pa.field(f.name, types.get(f.name, f.type), metadata=f.metadata) for f in reader.schema])

    def batches() -> Iterator[pa.RecordBatch]:
        for batch in reader:
            columns = [_cast(column, types[f.name]) if f.name in types else column
                       for f, column in zip(reader.schema, batch.columns, strict=True)]  # fmt: skip
            yield pa.RecordBatch.from_arrays(columns, schema=schema)

    return pa.RecordBatchReader.from_batches(schema, batches())


def _cast(column: pa.Array, kind: pa.DataType) -> pa.Array:
    """Text as a type; the empty text as null."""
    filled = pc.if_else(pc.equal(column, ""), pa.scalar(None, pa.string()), column)
    if pa.types.is_timestamp(kind):
        kind = pa.timestamp("us", kind.tz)
    return filled.cast(kind)


def _all_zoned(column: pa.Array) -> bool:
    zoned = pc.match_substring_regex(column, r"T.*(Z|[+-]\d\d:?\d\d)$")
    return pc.all(zoned).as_py() in (True, None)
