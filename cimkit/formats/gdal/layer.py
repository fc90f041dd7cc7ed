"""Layers that GDAL reads, as an Arrow stream through pyogrio; each format says in its own file what GDAL gets wrong."""

from __future__ import annotations

import re
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa

from cimkit import crs as crs_names
from cimkit.errors import SourceError, UsageError
from cimkit.formats.columns import Arrangement, arrange
from cimkit.formats.dataset import Delivery, Layer, Stream
from cimkit.formats.gdal.kinds import taught
from cimkit.formats.probe import Probe
from cimkit.formats.registry import Wishes
from cimkit.model import Evidence, Hint, Reject

#: How a format says its CRS, and how sure that is.
_CRS_HOW = {
    "GPKG": ("gpkg_spatial_ref_sys", 1.0),
    "FlatGeobuf": ("declared in the header", 1.0),
    "OSM": ("OpenStreetMap is always WGS 84", 1.0),
    "FileGDB": ("declared in the geodatabase", 1.0),
    "SQLite": ("spatial_ref_sys", 1.0),
}
_TEXT_CELLS = {"OSM"}
_PLAIN_FIDS = {"fid", "ogc_fid", "objectid", ""}
_MOST_WARNINGS = 10
UTF8_BY_FORMAT = Evidence("UTF-8", "the format's own", 1.0)


def refuse_encoding(probe: Probe, format: str, wishes: Wishes) -> None:
    """Refuse an encoding for a format that is always UTF-8."""
    if wishes.encoding not in (None, "UTF-8"):
        raise UsageError(
            f"{probe.path} is {format}, which is always UTF-8, so it cannot be read as {wishes.encoding}.",
            hint="An encoding can be given for Shapefile, MapInfo and CSV.",
        )


def gdal_layers(delivery: Delivery) -> list[str]:
    """The names of all layers, in file order."""
    import pyogrio

    taught()
    with told(delivery, []), gdal_path(delivery) as path:
        listed: Any = pyogrio.list_layers(path)
    return [str(name) for name, _ in listed]


@contextmanager
def gdal_path(delivery: Delivery) -> Iterator[Path]:
    """The path by which pyogrio finds the file.

    It takes "!" for the way into an archive and drops what follows a ";", SQLite reads the
    marks of an address in the name of an immutable file, and a geodatabase must be called one;
    other names get an alias in a temporary folder.
    """
    path = delivery.path.absolute()
    named = not path.is_dir() or path.suffix.lower() == ".gdb"
    if named and not set("!;?#%") & set(str(path)):
        yield path
        return
    with tempfile.TemporaryDirectory(prefix="cimkit-alias-") as folder:
        if path.is_dir():
            Path(folder, "source.gdb").symlink_to(path)
            yield Path(folder, "source.gdb")
            return
        for file in delivery.files:
            Path(folder, "source" + file.name[len(delivery.path.stem) :]).symlink_to(file.absolute())
        yield Path(folder, "source" + delivery.path.suffix)


class GdalLayer(Layer):
    """A layer that GDAL reads.

    ``options`` are open options of its driver, ``promised`` the records its header speaks of.
    ``gdal_name`` is None where GDAL is to take the only layer there is.
    """

    def __init__(
        self,
        delivery: Delivery,
        name: str,
        wishes: Wishes,
        *,
        gdal_name: str | None = "",
        encoding: str | None = None,
        options: dict[str, str] | None = None,
        promised: int | None = None,
    ) -> None:
        super().__init__(delivery, name, crs=wishes.crs)
        self.text_cells = delivery.format in _TEXT_CELLS
        self._gdal_name = name if gdal_name == "" else gdal_name
        self._gdal_encoding = encoding
        self._options = options or {}
        self._promised = promised
        self._salvage = wishes.salvage

    def _path(self) -> AbstractContextManager[Path]:
        """Where GDAL finds what it is to read."""
        return gdal_path(self.delivery)

    def any_records(self) -> bool:
        """Whether the layer holds a record; reads no further than the first."""
        with self.stream(1) as opened:
            return any(batch.num_rows for batch in opened.batches)

    @contextmanager
    def _open(self, batch_size: int) -> Iterator[Stream]:
        with self._opened_at(0, batch_size) as stream:
            yield replace(stream, batches=self._salvaged(stream)) if self._salvage else stream

    @contextmanager
    def _opened_at(self, row: int, batch_size: int) -> Iterator[Stream]:
        from pyogrio.raw import open_arrow

        taught()
        hints: list[Hint] = []
        with ExitStack() as stack:
            with told(self.delivery, hints):
                path = stack.enter_context(self._path())
                opening = open_arrow(
                    path,
                    layer=self._gdal_name,
                    encoding=self._gdal_encoding,
                    return_fids=True,
                    use_pyarrow=True,
                    batch_size=batch_size,
                    skip_features=row,
                    **self._options,
                )
                meta, reader = stack.enter_context(opening)
            yield self._stream(meta, reader, hints)

    def _salvaged(self, stream: Stream) -> Iterator[pa.RecordBatch]:
        """All records up to the first that GDAL cannot read; behind it GDAL finds none."""
        rows = 0
        try:
            for batch in stream.batches:
                rows += batch.num_rows
                yield batch
        except SourceError:
            # The batch that failed may begin with good records.
            start = rows
            with self._opened_at(start, 1) as rest:
                try:
                    for batch in rest.batches:
                        rows += batch.num_rows
                        yield batch
                except SourceError as error:
                    # One that counts has counted from the start of this reading.
                    counted = str(error) == str(self._cut_off(rows - start))
                    reason = str(self._cut_off(rows) if counted else error)
                    stream.rejected.append(Reject(rows, f"record {rows + 1} and all that follow", reason))

    def _stream(self, meta: dict[str, Any], reader: pa.RecordBatchReader, hints: list[Hint]) -> Stream:
        arrangement = self._arrange(meta, reader.schema)
        hints.extend(arrangement.hints)
        has_geometry = arrangement.geometry is not None
        return Stream(
            schema=arrangement.schema,
            batches=self._batches(reader, arrangement, hints),
            crs=self._crs(meta.get("crs")) if has_geometry else Evidence(None, "no geometry", 1.0),
            encoding=self._encoding(),
            widths=self._widths(reader.schema),
            hints=hints,
            declared_kind=meta.get("geometry_type") if has_geometry else None,
        )

    def _arrange(self, meta: dict[str, Any], schema: pa.Schema) -> Arrangement:
        # The feature id is the first column, whatever its name: a field may be called the same.
        geometry_name = meta.get("geometry_name") or "wkb_geometry"
        last = len(schema) - 1
        has_geometry = meta.get("geometry_type") is not None and schema.field(last).name == geometry_name
        # A key with a name of its own is data; one that GDAL calls fid is not.
        drop = [0] if schema.field(0).name.lower() in _PLAIN_FIDS or self.delivery.format != "GPKG" else []
        return arrange(schema, geometry=last if has_geometry else None, fid=0, drop=drop)

    def _batches(
        self, reader: pa.RecordBatchReader, arrangement: Arrangement, hints: list[Hint]
    ) -> Iterator[pa.RecordBatch]:
        rows = 0
        while True:
            with told(self.delivery, hints):
                batch = next(reader, None)
                if batch is None:
                    break
                arranged = arrangement.apply(batch)
            rows += batch.num_rows
            yield arranged
        if self._promised is not None and rows < self._promised:
            raise self._cut_off(rows)

    def _cut_off(self, rows: int) -> SourceError:
        return SourceError(
            f"{self.delivery.path} is cut off: it promises {self._promised} records, but only {rows} are there.",
            hint="Copy or download it again.",
        )

    def _crs(self, found: str | None) -> Evidence:
        how, confidence = _CRS_HOW[self.delivery.format]
        return declared_crs(found, how, confidence)

    def _encoding(self) -> Evidence:
        return UTF8_BY_FORMAT

    def _widths(self, schema: pa.Schema) -> dict[str, int]:
        widths = {f.name: (f.metadata or {}).get(b"GDAL:OGR:width") for f in schema}
        return {name: int(width) for name, width in widths.items() if width}


def declared_crs(found: str | None, how: str, confidence: float) -> Evidence:
    """Evidence for a CRS that a file declares, under its canonical name."""
    # GeoPackage's srs_id -1 and 0 (OGC 12-128r18, requirement 11), also as other writers pass them on.
    if not found or re.match(r'\w+\["Undefined (Cartesian|geographic) SRS"', found):
        return Evidence(None, f"{how}, as undefined" if found else "not declared", 1.0)
    try:
        return Evidence(crs_names.canonical(found), how, confidence)
    except UsageError:
        return Evidence(None, f"{how}, but unknown: {found[:60]}", 0.5)


@contextmanager
def told(delivery: Delivery, hints: list[Hint]) -> Iterator[None]:
    """Turn what GDAL raises into a SourceError, and what it warns of into hints."""
    from pyogrio.errors import CRSError, DataLayerError, DataSourceError, FeatureError, GeometryError

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        # Only the name of the kind loses its M; the records keep theirs.
        warnings.filterwarnings("ignore", r"Measured \(M\) geometry types are not supported")
        try:
            yield
        except CRSError as error:
            raise SourceError(
                f"{delivery.path} declares a CRS that cannot be understood: {error}.",
                hint="Repair or remove the declaration.",
            ) from error
        except (DataSourceError, DataLayerError, FeatureError, GeometryError, OSError, pa.ArrowInvalid) as error:
            raise SourceError(
                f"{delivery.path} cannot be read as {delivery.format}: {_reason(error, delivery.path)}",
                hint="Was it copied or exported to the end?",
            ) from error
        except UnicodeDecodeError as error:
            raise SourceError(
                f"{delivery.path} holds names or text that are not {error.encoding.upper()}.",
                hint="Say the encoding with --encoding.",
            ) from error
    known = {hint.message for hint in hints if hint.code == "source.warning"}
    for message in dict.fromkeys(str(warning.message) for warning in caught):
        if message not in known and len(known) < _MOST_WARNINGS:
            known.add(message)
            hints.append(Hint("source.warning", message))


def _reason(error: Exception, path: Path) -> str:
    reason = str(error).replace(str(path.absolute()), path.name).strip() or type(error).__name__
    return reason if reason.endswith(".") else reason + "."
