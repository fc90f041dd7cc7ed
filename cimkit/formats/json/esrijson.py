"""ESRI JSON: the answers of ArcGIS feature services (ArcGIS REST API, "featureSet object"), read feature by feature.

Not by GDAL, which says nothing of an answer that the service cut, nor of domains and aliases,
and reads no curves. Columns have the types the service declares, where the values keep to
them; dates are UTC, as the service has them.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from itertools import islice
from typing import Any

import pyarrow as pa

from cimkit.errors import SourceError
from cimkit.formats.columns import arrange
from cimkit.formats.dataset import Dataset, Delivery, Layer, Stream
from cimkit.formats.gdal.layer import UTF8_BY_FORMAT, declared_crs, refuse_encoding
from cimkit.formats.json import stream as json_stream
from cimkit.formats.json import table
from cimkit.formats.json.esri_shapes import EsriShapes
from cimkit.formats.probe import Probe
from cimkit.formats.registry import Wishes
from cimkit.model import Evidence, Hint

_GEOMETRY = "geometry"
_MOST_LISTED = 8
_OID = "esriFieldTypeOID"
_DATE = "esriFieldTypeDate"
_WHOLE = pa.int64()
#: The Arrow type of a declared one, and the types of the values it may have.
_TYPES: dict[str, tuple[pa.DataType, tuple[pa.DataType, ...]]] = {
    **dict.fromkeys(
        (_OID, "esriFieldTypeSmallInteger", "esriFieldTypeInteger", "esriFieldTypeBigInteger"), (_WHOLE, (_WHOLE,))
    ),
    **dict.fromkeys(("esriFieldTypeSingle", "esriFieldTypeDouble"), (pa.float64(), (pa.float64(), _WHOLE))),
    _DATE: (pa.timestamp("ms", "UTC"), (_WHOLE,)),
}


@dataclass
class _Header:
    """What stands around the features, and what their values are."""

    about: dict[str, Any] = field(default_factory=dict)
    members: table.Members = field(default_factory=table.Members)
    features: int = 0
    spatial: bool = False


def layers(probe: Probe, format: str, wishes: Wishes) -> Dataset:
    """The one layer of a feature set."""
    refuse_encoding(probe, format, wishes)
    delivery = Delivery(probe.path, format, (probe.path,))
    layer = EsriJsonLayer(delivery, probe.path.stem, wishes)
    return Dataset(delivery, (layer,))


class EsriJsonLayer(Layer):
    """The features of a feature set."""

    @cached_property
    def _header(self) -> _Header:
        found = _Header()
        for member, _, value in json_stream.members(self.delivery.path, items=("features",)):
            if member != "features":
                found.about[member] = value
                continue
            feature = self._checked(value, found.features)
            found.features += 1
            found.members.add(feature.get("attributes") or {})
            found.spatial = found.spatial or "geometry" in feature
        found.spatial = found.spatial or "geometryType" in found.about
        return found

    def __init__(self, delivery: Delivery, name: str, wishes: Wishes) -> None:
        super().__init__(delivery, name, crs=wishes.crs)

    def _features(self) -> Iterator[dict[str, Any]]:
        found = json_stream.members(self.delivery.path, items=("features",))
        features = (value for member, _, value in found if member == "features")
        return (self._checked(value, number) for number, value in enumerate(features))

    def _checked(self, value: Any, number: int) -> dict[str, Any]:
        parts = [value.get(part) for part in ("attributes", "geometry")] if isinstance(value, dict) else [value]
        if not isinstance(value, dict) or not all(isinstance(part, dict | None) for part in parts):
            raise SourceError(
                f"Feature {number} of {self.delivery.path} is no object with attributes and geometry.",
                hint="Was it exported by an ArcGIS service?",
            )
        return value

    @contextmanager
    def _open(self, batch_size: int) -> Iterator[Stream]:
        with json_stream.characters_only(self.delivery.path):
            columns, hints = self._columns()
        header = self._header
        tail = [pa.field("fid", pa.string())]
        if header.spatial:
            tail.append(pa.field(_GEOMETRY, pa.binary()))
        source = pa.schema([*columns, *tail])
        at = len(columns)
        arrangement = arrange(source, geometry=at + 1 if header.spatial else None, fid=at, drop=[at])
        hints += [*arrangement.hints, *self._remarks()]
        yield Stream(
            schema=arrangement.schema,
            batches=map(arrangement.apply, self._batches(source, columns, batch_size, hints)),
            crs=self._crs() if header.spatial else Evidence(None, "no geometry", 1.0),
            encoding=UTF8_BY_FORMAT,
            hints=hints,
            total=header.features,
        )

    def _columns(self) -> tuple[list[pa.Field], list[Hint]]:
        """The declared fields in their order, then members that no field declares."""
        found = {f.name: f for f in self._header.members.fields()}
        columns, hints = [], []
        for name, declared in self._fields.items():
            actual = found.pop(name, None)
            known = _TYPES.get(str(declared.get("type")))
            if known is None:
                columns.append(actual if actual is not None else pa.field(name, pa.string()))
            elif actual is None or not self._header.members.kinds[name] or actual.type in known[1]:
                columns.append(pa.field(name, known[0]))
            else:
                columns.append(actual)
                message = f"'{name}' is declared {declared['type']}, but holds other values."
                hints.append(Hint("values.other_type", message))
        return columns + list(found.values()), hints

    @cached_property
    def _fields(self) -> dict[str, dict[str, Any]]:
        listed = self._header.about.get("fields")
        fields = [each for each in listed if isinstance(each, dict)] if isinstance(listed, list) else []
        return {str(each["name"]): each for each in fields if each.get("name")}

    @cached_property
    def _oid(self) -> str | None:
        """The field whose values number the records."""
        said = self._header.about.get("objectIdFieldName")
        declared = [name for name, each in self._fields.items() if each.get("type") == _OID]
        return str(said) if said in self._header.members.kinds else declared[0] if declared else None

    def _batches(
        self, schema: pa.Schema, columns: list[pa.Field], batch_size: int, hints: list[Hint]
    ) -> Iterator[pa.RecordBatch]:
        features = self._features()
        shapes = EsriShapes()
        while rows := list(islice(features, batch_size)):
            records = [row.get("attributes") or {} for row in rows]
            ids = [record.get(self._oid) if self._oid else None for record in records]
            with json_stream.characters_only(self.delivery.path):
                arrays = [self._array(records, column) for column in columns]
                arrays.append(pa.array([None if each is None else str(each) for each in ids], pa.string()))
            if self._header.spatial:
                arrays.append(shapes.wkb(row.get("geometry") for row in rows))
            yield pa.RecordBatch.from_arrays(arrays, schema=schema)
        hints.extend(shapes.hints())

    def _array(self, records: list[dict[str, Any]], column: pa.Field) -> pa.Array:
        if not pa.types.is_timestamp(column.type):
            return table.array(records, column)
        return pa.array([record.get(column.name) for record in records], pa.int64()).cast(column.type)

    # ---- what it says of itself -------------------------------------------------------------

    def _remarks(self) -> Iterator[Hint]:
        about = self._header.about
        properties = about.get("properties")
        if about.get("exceededTransferLimit") or (
            isinstance(properties, dict) and properties.get("exceededTransferLimit")
        ):
            message = (
                "The delivery is INCOMPLETE: the service has more records than it gave (exceededTransferLimit). "
                "Ask for the rest with resultOffset, or for an export."
            )
            yield Hint("records.incomplete", message)
        aliases = about.get("fieldAliases")
        said = {n: a for n, a in aliases.items() if isinstance(a, str)} if isinstance(aliases, dict) else {}
        said |= {name: each["alias"] for name, each in self._fields.items() if isinstance(each.get("alias"), str)}
        other = [f"'{name}' is '{alias}'" for name, alias in said.items() if alias and alias != name]
        if other:
            yield Hint("fields.aliases", f"Fields have other names for people: {_listed(other)}.")
        for name, each in self._fields.items():
            domain = each.get("domain")
            if isinstance(domain, dict):
                yield Hint("fields.domain", f"'{name}' has the domain '{domain.get('name')}': {_values_of(domain)}.")

    def _crs(self) -> Evidence:
        said = self._header.about.get("spatialReference")
        if not isinstance(said, dict) or not said:
            return Evidence(None, "there is no spatialReference", 1.0)
        vertical = said.get("latestVcsWkid") or said.get("vcsWkid")
        for member in ("latestWkid", "wkid"):
            code = said.get(member)
            if not isinstance(code, int) or code <= 0:
                continue
            for name in (f"EPSG:{code}+{vertical}", f"EPSG:{code}", f"ESRI:{code}"):
                if "+" in name and not vertical:
                    continue
                found = declared_crs(name, f"spatialReference {member} {code}", 1.0)
                if found.value is not None:
                    return found
        wkt = said.get("wkt2") or said.get("wkt")
        if isinstance(wkt, str) and wkt:
            return declared_crs(wkt, "spatialReference wkt", 1.0)
        return Evidence(None, f"spatialReference, but unknown: {table.text(said)[:60]}", 0.5)


def _values_of(domain: dict[str, Any]) -> str:
    if isinstance(domain.get("codedValues"), list):
        pairs = [each for each in domain["codedValues"] if isinstance(each, dict)]
        return _listed([f"{each.get('code')} = {each.get('name')}" for each in pairs])
    if isinstance(domain.get("range"), list):
        return f"from {domain['range'][0]} to {domain['range'][-1]}" if domain["range"] else "a range"
    return str(domain.get("type"))


def _listed(texts: list[str]) -> str:
    return ", ".join(texts[:_MOST_LISTED]) + (f", … ({len(texts)})" if len(texts) > _MOST_LISTED else "")
