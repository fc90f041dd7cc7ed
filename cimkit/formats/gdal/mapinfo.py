"""MapInfo: TAB (.tab with .dat, .map, .id) and MIF (.mif with .mid), read by pyogrio.

GDAL believes the charset that is declared and has no option against it; "Neutral" text reaches
pyogrio as it is and fails. So the encoding is found from the bytes here, and where it is not
plain UTF-8 a copy of the header declares ISO-8859-1, which keeps every byte, and text is
decoded afterwards. GDAL also reads a set that lacks a file, or the end of one, in silence: the
files are held against each other first.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

import pyarrow as pa

from cimkit import crs as reference_systems
from cimkit import text
from cimkit.errors import SourceError
from cimkit.formats.columns import Arrangement
from cimkit.formats.dataset import Dataset, Delivery, Stream
from cimkit.formats.gdal import dbf
from cimkit.formats.gdal.layer import GdalLayer, declared_crs, gdal_path
from cimkit.formats.gdal.mapinfo_header import (
    Header,
    read_mif,
    read_tab,
    refuse_torn_tab,
    rows_of_mid,
    shapes_of_mif,
    texts_of_mid,
)
from cimkit.formats.probe import Probe
from cimkit.formats.registry import Wishes
from cimkit.model import Evidence, Hint

_MOST_VALUES = 20_000
#: From this confidence on, bytes refute what the user says of them.
_CERTAIN = 0.7
#: Characters that pyogrio reads as more than a part of a name.
_PLAIN = str.maketrans("!;?#%.", "______")
_PARTS = {".tab": (".dat", ".dbf", ".map", ".id", ".ind"), ".mif": (".mid",)}


def layers(probe: Probe, format: str, wishes: Wishes) -> Dataset:
    """The one layer of a MapInfo file."""
    suffix = ".mif" if format == "MapInfo MIF" else ".tab"
    parts = _parts(probe.path, _PARTS[suffix])
    header = read_mif(probe.path) if suffix == ".mif" else read_tab(probe.path)
    hints: list[Hint] = []
    if suffix == ".mif":
        values, rows = _mif(header, parts)
    else:
        values, rows = _tab(header, parts, hints, wishes.salvage)
    delivery = Delivery(probe.path, format, (probe.path, *sorted(parts.values())))
    names = [name for name in header.names if not name.isascii()]
    encoding = _encoding(header, [*names, *islice(values, _MOST_VALUES)], wishes)
    return Dataset(delivery, (MapInfoLayer(delivery, probe.path.stem, wishes, header, encoding, rows, hints),))


def _parts(path: Path, suffixes: tuple[str, ...]) -> dict[str, Path]:
    """The other files of the set, whatever the case of their suffixes."""
    found: dict[str, Path] = {}
    for file in sorted(path.parent.iterdir()):
        if file.stem == path.stem and file.suffix.lower() in suffixes and file.is_file():
            found.setdefault(file.suffix.lower(), file)
    return found


def _missing(path: Path, suffix: str) -> SourceError:
    return SourceError(
        f"{path} lies there without its {suffix} file.",
        hint=f"A MapInfo table is several files of one name; ask for {path.stem}{suffix} too.",
    )


def _mif(header: Header, parts: dict[str, Path]) -> tuple[Iterator[bytes], int | None]:
    if not header.names:
        return iter(()), None
    if ".mid" not in parts:
        raise _missing(header.path, ".mid")
    return texts_of_mid(parts[".mid"]), rows_of_mid(parts[".mid"])


def _tab(
    header: Header, parts: dict[str, Path], hints: list[Hint], salvage: bool
) -> tuple[Iterator[bytes], int | None]:
    if header.kind not in ("NATIVE", "DBF"):
        return iter(()), None
    table_suffix = ".dat" if header.kind == "NATIVE" else ".dbf"
    if table_suffix not in parts:
        raise _missing(header.path, table_suffix)
    for one, other in ((".map", ".id"), (".id", ".map")):
        if one in parts and other not in parts:
            raise _missing(header.path, other)
    table = dbf.read_header(parts[table_suffix], cut=salvage)
    if ".map" in parts and not salvage:
        refuse_torn_tab(parts[".map"], parts[".id"], table.records)
    if ".map" not in parts:
        message = "There is no .map file: either it is a table without geometry, or that was not delivered."
        hints.append(Hint("mapinfo.no_map", message))
    if header.kind == "NATIVE":  # its .dat calls numbers text too
        kinds = [kind == "CHAR" for kind in header.kinds]
        fields = [replace(f, kind="C" if char else "N") for f, char in zip(table.fields, kinds, strict=False)]
        table = replace(table, fields=tuple(fields))
    return dbf.text_values(table), dbf.living(table)


def _encoding(header: Header, values: list[bytes], wishes: Wishes) -> Evidence:
    found = text.probe(iter(values), wishes.encoding or header.encoding)
    if not wishes.encoding:
        neutral = f"; the file's charset is {header.charset}" if header.charset and not header.encoding else ""
        return Evidence(found.value, found.how + neutral, found.confidence)
    if found.value != wishes.encoding and found.confidence >= _CERTAIN:
        raise SourceError(
            f"{header.path} is not {wishes.encoding}: {found.how}.",
            hint=f"Leave the encoding out, or say {found.value}.",
        )
    return Evidence(wishes.encoding, "given", 1.0)


class MapInfoLayer(GdalLayer):
    """The layer of a MapInfo file."""

    def __init__(
        self,
        delivery: Delivery,
        name: str,
        wishes: Wishes,
        header: Header,
        encoding: Evidence,
        rows: int | None,
        hints: list[Hint],
    ) -> None:
        is_mif = delivery.format == "MapInfo MIF"
        super().__init__(delivery, name, wishes, gdal_name=None, promised=None if is_mif else rows)
        self._header = header
        self._found = encoding
        self._rows = rows if is_mif else None
        self._known_hints = hints
        # Bytes that GDAL need not decode, or that it decodes as they are.
        plain = encoding.how.endswith("only ASCII") and header.encoding is not None
        self._recode_from = None if plain else encoding.value or "UTF-8"

    @contextmanager
    def _path(self) -> Iterator[Path]:
        """The file, or a copy whose charset is to be believed."""
        if self._recode_from is None:
            with gdal_path(self.delivery) as path:
                yield path
            return
        with tempfile.TemporaryDirectory(prefix="cimkit-mapinfo-") as folder:
            copy = Path(folder, self.delivery.path.stem.translate(_PLAIN) + self._header.path.suffix.lower())
            with copy.open("wb") as target, self._header.path.open("rb") as source:
                target.write(self._header.as_bytes())
                source.seek(self._header.size)
                shutil.copyfileobj(source, target)
            for file in self.delivery.files[1:]:
                copy.with_suffix(file.suffix.lower()).symlink_to(file.absolute())
            yield copy

    def _stream(self, meta: dict[str, Any], reader: pa.RecordBatchReader, hints: list[Hint]) -> Stream:
        hints.extend(self._known_hints)
        stream = super()._stream(meta, reader, hints)
        zone = _cgcs2000(stream.crs.value)
        if zone:
            message = f"The projection is that of {zone}, with WGS 84 since MapInfo has no CGCS2000; is it meant?"
            hints.append(Hint("crs.cgcs2000_suspected", message))
        return stream

    def _arrange(self, meta: dict[str, Any], schema: pa.Schema) -> Arrangement:
        if self._recode_from is None:
            return super()._arrange(meta, schema)
        last = len(schema) - 1
        has_geometry = meta.get("geometry_type") is not None
        fields = []
        for place, field in enumerate(schema):
            own = place > 0 and not (has_geometry and place == last)
            fields.append(field.with_name(_again(field.name, self._recode_from)) if own else field)
        return super()._arrange(meta, pa.schema(fields))

    def _batches(
        self, reader: pa.RecordBatchReader, arrangement: Arrangement, hints: list[Hint]
    ) -> Iterator[pa.RecordBatch]:
        rows = 0
        for batch in super()._batches(reader, arrangement, hints):
            rows += batch.num_rows
            if self._recode_from is None:
                yield batch
                continue
            try:
                arrays = [
                    dbf.recode(array, self._recode_from) if pa.types.is_string(array.type) else array
                    for array in batch.columns
                ]
            except UnicodeEncodeError as error:  # GDAL found a charset where none was taken for one
                raise SourceError(
                    f"{self.delivery.path} has a damaged line that names its charset.", hint="Mend the line '!charset'."
                ) from error
            yield pa.RecordBatch.from_arrays(arrays, schema=batch.schema)
        if self._rows is not None:
            there = shapes_of_mif(self._header)
            if rows != self._rows or (there is not None and there != rows):
                raise SourceError(
                    f"{self.delivery.path} is cut off or damaged: it has not as many whole shapes as "
                    f"its .mid file has records ({self._rows}).",
                    hint="Copy or export both again.",
                )

    def _crs(self, found: str | None) -> Evidence:
        if not found or "nonearth" in found[:60].lower():
            return Evidence(None, "CoordSys NonEarth" if found else "not declared", 1.0)
        return declared_crs(found, "CoordSys, which has no name for CGCS2000", 0.9)

    def _encoding(self) -> Evidence:
        return self._found

    def _widths(self, schema: pa.Schema) -> dict[str, int]:
        widths = super()._widths(schema)
        encoding = self._recode_from
        return {_again(name, encoding) if encoding else name: width for name, width in widths.items()}


def _cgcs2000(crs: str | None) -> str | None:
    """The CGCS2000 zone of three degrees that has the same projection on another datum, if there is one.

    EPSG: 4513..4533 are zones 25..45 with their number in the easting, 4534..4554 (75..135 degrees) without.
    """
    if crs is None or not crs.startswith("PROJCRS"):
        return None
    conversion = reference_systems.pyproj_crs(crs).to_json_dict()["conversion"]
    given = {parameter["name"]: parameter["value"] for parameter in conversion["parameters"]}
    meridian, east = given.get("Longitude of natural origin", 0.0), given.get("False easting")
    same = conversion["method"]["name"] == "Transverse Mercator" and given.get("Scale factor at natural origin") == 1
    if not same or meridian not in range(75, 136, 3) or given.get("False northing") != 0:
        return None
    place = (round(float(meridian)) - 75) // 3
    codes = {500_000.0: 4534 + place, (25 + place) * 1e6 + 500_000.0: 4513 + place}
    return f"EPSG:{codes[east]}" if east in codes else None


def _again(name: str, encoding: str) -> str:
    """A name that was read as ISO-8859-1 in its own encoding."""
    return dbf.decode(name.encode("latin-1"), encoding)
