"""The shape every layer's batches have: own columns, then ``geometry`` (WKB), then ``_fid`` (text)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from cimkit.errors import SourceError
from cimkit.model import Hint

GEOMETRY, ROW, FID = "geometry", "_row", "_fid"
RESERVED = (GEOMETRY, ROW, FID)

#: Field metadata: the text is JSON (nested or mixed values); the name the column has in the source.
JSON_MARK = b"cimkit:json"
NAME_MARK = b"cimkit:name"


def unique_names(names: Iterable[str]) -> tuple[list[str], list[Hint]]:
    """Names that differ from each other and from the reserved ones whatever the case, and what was changed.

    Case does not tell columns apart in SQL, so it may not here.
    """
    # SQL text cannot hold a NUL; the source's own spelling stays in the field's metadata.
    given = [name.replace("\0", "") for name in names]
    taken = {name.lower() for name in RESERVED}
    free = {name.lower() for name in given if name}
    result: list[str] = []
    hints: list[Hint] = []
    for position, name in enumerate(given, start=1):
        new = name or f"column_{position}"
        number = 2
        while new.lower() in taken or (new != name and new.lower() in free):
            new = f"{name or 'column'}_{number}"
            number += 1
        taken.add(new.lower())
        result.append(new)
        if new == name:
            continue
        if not name:
            hints.append(Hint("names.empty", f"Column {position} has no name and is read as '{new}'."))
        elif name.lower() in RESERVED:
            hints.append(Hint("names.reserved", f"Column '{name}' is read as '{new}': cimkit uses the name itself."))
        else:
            hints.append(
                Hint("names.duplicate", f"Column {position}, '{name}', is there twice and is read as '{new}'.")
            )
    return result, hints


@dataclass(frozen=True)
class Arrangement:
    """How the batches of one source become batches of the layer's shape.

    ``columns`` are the positions in the source of the layer's own columns; ``geometry`` and
    ``fid`` those of the geometry and the feature id, None where there is none.
    """

    schema: pa.Schema
    columns: tuple[int, ...]
    geometry: int | None
    fid: int | None
    hints: tuple[Hint, ...]

    def apply(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """One batch of the source in the layer's shape.

        Raises:
            SourceError: a text column holds bytes that are not UTF-8.
        """
        arrays = []
        for position, target in zip(self.columns, self.schema, strict=False):
            arrays.append(plain_array(batch.column(position), target, batch.schema.field(position).name))
        if self.geometry is not None:
            arrays.append(plain_array(batch.column(self.geometry), self.schema.field(GEOMETRY), GEOMETRY))
        if self.fid is None:
            arrays.append(pa.nulls(batch.num_rows, pa.string()))
        else:
            arrays.append(batch.column(self.fid).cast(pa.string()))
        return pa.RecordBatch.from_arrays(arrays, schema=self.schema)


def arrange(
    schema: pa.Schema, *, geometry: int | None = None, fid: int | None = None, drop: Iterable[int] = ()
) -> Arrangement:
    """Plan the layer's shape for a source's schema; ``drop`` are positions to leave out."""
    left_out = {geometry, *drop}
    columns = tuple(i for i in range(len(schema)) if i not in left_out)
    own = [schema.field(i) for i in columns]
    names, hints = unique_names(f.name for f in own)
    fields = [plain_field(name, f) for name, f in zip(names, own, strict=True)]
    if geometry is not None:
        fields.append(pa.field(GEOMETRY, pa.binary()))
    fields.append(pa.field(FID, pa.string()))
    return Arrangement(pa.schema(fields), columns, geometry, fid, tuple(hints))


def plain_field(name: str, source: pa.Field) -> pa.Field:
    """A source's field under its new name, with the plain type that DuckDB and Parquet share."""
    metadata = {}
    if name != source.name:
        metadata[NAME_MARK] = source.name.encode()
    if _is_json(source):
        metadata[JSON_MARK] = b"true"
    return pa.field(name, plain_type(source.type), metadata=metadata or None)


def plain_type(kind: pa.DataType) -> pa.DataType:
    """A type without dictionaries, large or view offsets, extensions, half floats, long decimals and the null type."""
    types = pa.types
    if isinstance(kind, pa.BaseExtensionType):
        return plain_type(kind.storage_type)
    if types.is_dictionary(kind):
        return plain_type(kind.value_type)
    if types.is_large_string(kind) or types.is_string_view(kind) or types.is_null(kind):
        return pa.string()
    if types.is_large_binary(kind) or types.is_binary_view(kind) or types.is_fixed_size_binary(kind):
        return pa.binary()
    if types.is_decimal256(kind):  # DuckDB's decimals have up to 38 digits
        return pa.decimal128(kind.precision, kind.scale) if kind.precision <= 38 else pa.float64()
    if types.is_float16(kind):
        return pa.float32()
    if types.is_list(kind) or types.is_large_list(kind) or types.is_fixed_size_list(kind):
        return pa.list_(plain_type(kind.value_type))
    return kind


def _is_json(source: pa.Field) -> bool:
    if isinstance(source.type, pa.BaseExtensionType) and source.type.extension_name == "arrow.json":
        return True
    return JSON_MARK in (source.metadata or {})


def plain_array(array: pa.Array, target: pa.Field, name: str) -> pa.Array:
    """A source's column ``name`` in the plain type of its field.

    Raises:
        SourceError: a text column holds bytes that are not UTF-8.
    """
    if isinstance(array, pa.ExtensionArray):
        array = array.storage
    if pa.types.is_dictionary(array.type):
        array = array.dictionary_decode()
    if array.type != target.type:
        array = array.cast(target.type)
    if pa.types.is_string(array.type):
        try:
            array.validate(full=True)
        except pa.ArrowInvalid as error:
            raise SourceError(
                f"Column '{name}' holds bytes that are not UTF-8.", hint="Say the encoding with --encoding."
            ) from error
    return array


def leading_zeros(array: pa.Array) -> str | None:
    """The first text of digits that begins with a zero and has more than one digit, if there is one."""
    begins = pc.filter(array, pc.starts_with(array, "0"))
    if not len(begins):
        return None
    codes = pc.filter(begins, pc.match_substring_regex(begins, "^0[0-9]+$"))
    return str(codes[0].as_py()) if len(codes) else None
