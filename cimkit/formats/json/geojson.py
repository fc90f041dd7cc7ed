"""GeoJSON and GeoJSON text sequences (RFC 7946, RFC 8142), read by GDAL and set right where it guesses.

GDAL turns date-like text into dates, merges true with 1, writes mixed values as bare text,
and skips lines that are not JSON. Text stays text here; columns of mixed or nested values
are JSON text taken from the file itself; a line that is not JSON is an error.
"""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import pyarrow as pa

from cimkit.errors import SourceError
from cimkit.formats.columns import FID, GEOMETRY, JSON_MARK, NAME_MARK, Arrangement, arrange
from cimkit.formats.dataset import Dataset, Delivery, Stream
from cimkit.formats.gdal.layer import UTF8_BY_FORMAT, GdalLayer, declared_crs, refuse_encoding
from cimkit.formats.json import stream as json_stream
from cimkit.formats.probe import Probe
from cimkit.formats.registry import Wishes
from cimkit.model import Evidence, Hint
from cimkit.text import probe as probe_encoding

_TAIL_BYTES = 4096
_NAME_BYTES = 256
_ABSENT = object()
_NULL_GEOMETRY = re.compile(rb'"geometry"\s*:\s*null')
#: An escaped character of U+nD800..nDFFF outside the first plane, which GDAL 3.11 reads as U+FFFD.
_MISREAD = re.compile(rb"\\u[dD][89abAB][37bfBF][67]\\u")


def layers(probe: Probe, format: str, wishes: Wishes) -> Dataset:
    """The one layer of a GeoJSON file."""
    refuse_encoding(probe, format, wishes)
    delivery = Delivery(probe.path, format, (probe.path,))
    survey = _survey(probe)
    layer = GeoJsonLayer(delivery, survey.name or probe.path.stem, wishes, survey)
    return Dataset(delivery, (layer,))


@dataclass(frozen=True)
class _Survey:
    """What the bytes of a GeoJSON file show before it is parsed."""

    name: str | None
    crs: Any  # the member of GeoJSON 2008; _ABSENT where there is none
    text_ids: bool
    flags: frozenset[str]  # members that hold true or false somewhere, at any depth
    misread: bool  # whether GDAL misreads an escaped character
    records: int  # lines that are not blank


def _survey(probe: Probe) -> _Survey:
    """Read the file once as bytes; raises SourceError where it is not UTF-8."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    flags: set[bytes] = set()
    tail = b""
    misread = False
    with probe.path.open("rb") as handle:
        while chunk := handle.read(1 << 20):
            try:
                decoder.decode(chunk)
            except UnicodeDecodeError as error:
                raise _not_utf8(probe.path) from error
            flags.update(_flag_names(tail[-_NAME_BYTES:] + chunk))
            misread = misread or _MISREAD.search(tail[-_NAME_BYTES:] + chunk) is not None
            tail = (tail + chunk)[-_TAIL_BYTES:]
        handle.seek(0)
        records = sum(1 for line in handle if line.strip(b" \t\r\n\x1e")) if _is_lines(probe) else 0
    before = probe.text.split('"features"', 1)[0]
    named = re.search(r'"name"\s*:\s*("(?:[^"\\]|\\.)*")', _shallow(before)) if not _is_lines(probe) else None
    ends = tail.decode("utf-8", "replace")
    return _Survey(
        name=json.loads(named.group(1)) if named else None,
        crs=_crs_member(before, ends.rpartition("]")[2]),
        text_ids=_has_text_id(probe),
        flags=frozenset(name.decode("utf-8", "replace") for name in flags),
        misread=misread,
        records=records,
    )


def _shallow(text: str) -> str:
    """A piece of an object without what stands in the objects inside it."""
    return re.sub(r"\{[^{}]*\}", "", re.sub(r"\{[^{}]*\}", "", text.lstrip().removeprefix("{")))


def _crs_member(*places: str) -> Any:
    """The value of the first crs member that stands in one of these pieces of a file."""
    for text in places:
        found = re.search(r'"crs"\s*:\s*', text)
        if found and '"crs"' in _shallow(text):
            with suppress(ValueError, RecursionError):
                value, _ = json.JSONDecoder().raw_decode(text, found.end())
                return value
    return _ABSENT


def _flag_names(data: bytes) -> Iterator[bytes]:
    """The names of members whose value is true or false; bytes.find is far quicker here than a pattern."""
    for word in (b"true", b"false"):
        at = data.find(word)
        while at >= 0:
            before = data[max(0, at - _NAME_BYTES) : at].rstrip()
            if before.endswith(b":"):
                name = before[:-1].rstrip()
                yield name[name.rfind(b'"', 0, -1) + 1 : -1]
            at = data.find(word, at + 4)


def _is_lines(probe: Probe) -> bool:
    from cimkit.formats.json.shape import shape

    return shape(probe) == "geojson lines"


def _has_text_id(probe: Probe) -> bool:
    """Whether the first feature has an id of its own that is text, and no property of that name."""
    text = probe.text.lstrip("\x1e")
    if not _is_lines(probe):
        array = re.search(r'"features"\s*:\s*\[\s*', text)
        text = text[array.end() :] if array else text
    try:
        feature, _ = json.JSONDecoder().raw_decode(text)
    except (ValueError, RecursionError):
        return False
    if not isinstance(feature, dict):
        return False
    return isinstance(feature.get("id"), str) and "id" not in (feature.get("properties") or {})


def _not_utf8(path: Path) -> SourceError:
    with path.open("rb") as handle:
        found = probe_encoding(islice(handle, 20_000))
    guess = f" It seems to be {found.value}." if found.value not in (None, "UTF-8") else ""
    return SourceError(
        f"{path} is not UTF-8, as GeoJSON must be (RFC 8259).{guess}",
        hint=f"Convert it: iconv -f {found.value or '…'} -t UTF-8.",
    )


class GeoJsonLayer(GdalLayer):
    """The layer of a GeoJSON file."""

    def __init__(self, delivery: Delivery, name: str, wishes: Wishes, survey: _Survey) -> None:
        super().__init__(delivery, name, wishes, gdal_name=None, options={"DATE_AS_STRING": "YES"})
        self._survey = survey
        self._exact: tuple[str, ...] | None = None
        self._texts: tuple[str, ...] = ()

    def _stream(self, meta: dict[str, Any], reader: pa.RecordBatchReader, hints: list[Hint]) -> Stream:
        if self._exact is None:
            self._exact = self._columns_to_set_right(reader.schema)
            # The driver of sequences has no DATE_AS_STRING.
            names = [f.name for f in reader.schema if pa.types.is_temporal(f.type)]
            if self._survey.misread:
                names += [f.name for f in reader.schema if pa.types.is_string(f.type)]
            self._texts = tuple(name for name in names if name not in self._exact)
        return super()._stream(meta, reader, hints)

    def _columns_to_set_right(self, schema: pa.Schema) -> tuple[str, ...]:
        """Properties whose values GDAL does not tell apart."""
        own = [schema.field(i) for i in range(1, len(schema) - 1)]
        nested = {f.name for f in own if getattr(f.type, "extension_name", None) == "arrow.json"}
        numbers = {f.name for f in own if pa.types.is_integer(f.type) or pa.types.is_floating(f.type)}
        # A name may be written with escapes, which the survey does not resolve.
        escaped = any("\\" in name for name in self._survey.flags)
        doubtful = numbers if escaped else numbers & self._survey.flags
        if doubtful:
            for feature in self._features():
                properties = feature.get("properties") or {}
                nested |= {name for name in doubtful if isinstance(properties.get(name), bool)}
        return tuple(f.name for f in own if f.name in nested)

    def _features(self) -> Iterator[dict[str, Any]]:
        path = self.delivery.path
        if self.delivery.format == "GeoJSONSeq":
            yield from json_stream.lines(path)
            return
        try:
            yield from json_stream.items(path, "features")
        except SourceError:
            # A single feature, which GDAL reads too.
            document = json_stream.document(path)
            if not (isinstance(document, dict) and document.get("type") == "Feature"):
                raise
            yield document

    def _arrange(self, meta: dict[str, Any], schema: pa.Schema) -> Arrangement:
        last = len(schema) - 1
        exact = self._exact or ()
        fields = [
            pa.field(f.name, pa.string(), metadata={JSON_MARK: b"true"})
            if 0 < i < last and f.name in exact
            else f.with_type(pa.string())
            if 0 < i < last and pa.types.is_temporal(f.type)
            else f
            for i, f in enumerate(schema)
        ]
        ids = [i for i in range(1, last) if schema.field(i).name == "id"]
        fid = ids[0] if ids and self._survey.text_ids else 0
        return arrange(pa.schema(fields), geometry=last, fid=fid, drop=[0])

    def _batches(
        self, reader: pa.RecordBatchReader, arrangement: Arrangement, hints: list[Hint]
    ) -> Iterator[pa.RecordBatch]:
        wrong = self._exact or self._texts
        features = self._features() if wrong else iter(())
        rows = nulls = 0
        for batch in super()._batches(reader, arrangement, hints):
            rows += batch.num_rows
            nulls += batch.column(GEOMETRY).null_count
            yield self._set_right(batch, features) if wrong else batch
        if self.delivery.format == "GeoJSONSeq" and rows != self._survey.records:
            self._name_broken_line(rows)
        if nulls > self._null_members():
            self._tell_nulled(rows - nulls, hints)

    def _null_members(self) -> int:
        """How often the file says that a geometry is null, read as bytes, which is quick."""
        count, tail = 0, b""
        with self.delivery.path.open("rb") as handle:
            while chunk := handle.read(1 << 20):
                found = list(_NULL_GEOMETRY.finditer(tail + chunk))
                count += len(found)
                tail = (tail + chunk)[found[-1].end() if found else 0 :][-_NAME_BYTES:]
        return count

    def _tell_nulled(self, read: int, hints: list[Hint]) -> None:
        """GDAL makes null of a geometry that it cannot read, and says so of the first at most."""
        given = (feature.get("geometry") for feature in self._features())
        lost = sum(isinstance(shape, dict) and shape.get("coordinates") != [] for shape in given) - read
        if lost > 0:
            hints.append(Hint("geometry.nulled", f"{lost} geometries cannot be read and are taken for null."))

    def _set_right(self, batch: pa.RecordBatch, features: Iterator[dict[str, Any]]) -> pa.RecordBatch:
        properties = [feature.get("properties") or {} for feature in islice(features, batch.num_rows)]
        if len(properties) != batch.num_rows:
            raise SourceError(f"{self.delivery.path} holds features that are no objects.")
        for index, field in enumerate(batch.schema):
            name = (field.metadata or {}).get(NAME_MARK, field.name.encode()).decode()
            if field.name in (GEOMETRY, FID) or name not in (*(self._exact or ()), *self._texts):
                continue
            values = [p.get(name) for p in properties]
            with json_stream.characters_only(self.delivery.path):
                texts = pa.array(values if name in self._texts else map(_json_text, values), pa.string())
            batch = batch.set_column(index, field, texts)
        return batch

    def _name_broken_line(self, rows: int) -> None:
        for value in json_stream.lines(self.delivery.path):
            if not isinstance(value, dict) or value.get("type") != "Feature":
                break
        raise SourceError(
            f"{self.delivery.path} has {self._survey.records} lines, but only {rows} of them are features.",
            hint="Every line must be one GeoJSON Feature.",
        )

    def _crs(self, found: str | None) -> Evidence:
        member = self._survey.crs
        if member is _ABSENT:
            return Evidence("EPSG:4326", "RFC 7946 default", 0.9)
        if member is None:
            return Evidence("EPSG:4326", "RFC 7946 default; the file says null", 0.8)
        # Not what GDAL found: it takes EPSG:4326 for whatever it does not understand.
        about = member.get("properties") if isinstance(member, dict) else {"name": member}
        about = about if isinstance(about, dict) else {}
        code = f"EPSG:{about['code']}" if "code" in about else json.dumps(member)
        name = about.get("name")
        return declared_crs(name if isinstance(name, str) else code, "crs member (GeoJSON 2008)", 1.0)

    def _encoding(self) -> Evidence:
        return UTF8_BY_FORMAT


def _json_text(value: Any) -> str | None:
    return None if value is None else json.dumps(value, ensure_ascii=False, separators=(",", ":"))
