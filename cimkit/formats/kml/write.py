"""KML and KMZ, written batch by batch: one placemark a record, its columns as SchemaData.

Not by GDAL, whose LIBKML driver adds Z = 0, drops empty texts, keeps times of day out of
columns and holds everything in memory. The column called name (whatever the case) is also the
placemark's label, and description its description, as viewers show them.
"""

from __future__ import annotations

import shutil
import zipfile
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any
from xml.sax.saxutils import escape, quoteattr

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from cimkit.formats.profile import (
    HUGE,
    NUMBERS,
    TIMES,
    WORDS,
    Change,
    Column,
    Held,
    Order,
    Profile,
    as_double,
    finite,
    hexadecimal,
    iso_time,
    json_as_text,
    plain_text,
)

_GEOMETRY = "geometry"
_LABELS = {"name": "name", "description": "description"}
#: Google Earth and GDAL read an ``int`` of KML in 32 bits.
_INT = range(-(2**31), 2**31)
#: What XML 1.0 has no place for (section 2.2).
_NO_XML = "[\\x00-\\x08\\x0B\\x0C\\x0E-\\x1F\\x{FFFE}\\x{FFFF}]"
_ZIP_TIME = (1980, 1, 1, 0, 0, 0)


def xml_text(column: Column) -> Held:
    """Text; control characters, for which XML has no place, become U+FFFD."""
    sql = f"regexp_replace({column.sql}, '{_NO_XML}', chr(65533), 'g')"
    return Held(sql, (Change("text.characters", "no_xml", f"regexp_matches({column.sql}, '{_NO_XML}')", sql),))


def whole_number(column: Column) -> Held:
    """A number that is declared as text where KML's ``int`` is too small for one of the column."""
    beyond = f"NOT ({column.sql} BETWEEN {_INT[0]} AND {_INT[-1]})"
    return Held(column.sql, (Change("type.dropped", "as_text", beyond, column.sql, {"kind": column.base}),))


def _nested(column: Column) -> Held:
    held = json_as_text(column)
    clean = f"regexp_replace({held.sql}, '{_NO_XML}', chr(65533), 'g')"
    return Held(clean, (*held.changes, Change("text.characters", "no_xml", f"{clean} <> {held.sql}", clean)))


PROFILE = Profile(
    columns={
        **dict.fromkeys(TIMES, iso_time),
        **dict.fromkeys(NUMBERS, finite),
        **dict.fromkeys(("BIGINT", "UINTEGER"), whole_number),
        **dict.fromkeys((*HUGE, *WORDS, "DATE", "TIME"), plain_text),
        "DECIMAL": as_double,
        "BLOB": hexadecimal,
        "VARCHAR": xml_text,
    },
    nested=_nested,
    measures=False,
    empty_geometry=False,
    finite_only=True,
    flat_collections=True,
    open_rings=False,
    crs="wgs84",
    usual_crs="EPSG:4326",
)


def write(reader: pa.RecordBatchReader, path: Path, order: Order) -> None:
    """A KML document of the stream's records, or a KMZ with it.

    Coordinates are WGS 84, longitude first, with every digit. M is left out, and a geometry
    that GEOS does not read is none. Records are written aside first, since the range of the
    numbers decides how the schema before them can declare them.
    """
    aside = path.with_name("records")
    with aside.open("wb") as file:
        wide = _write_records(reader, file)
    head = _head(reader.schema, wide, order.layer).encode()
    with aside.open("rb") as records, _document(path, aside.stat().st_size + len(head)) as document:
        document.write(head)
        shutil.copyfileobj(records, document)
        document.write(b"</Document>\n</kml>\n")
    aside.unlink()


@contextmanager
def _document(path: Path, size: int) -> Iterator[IO[bytes]]:
    """The KML document to write, in a zip where the file is a KMZ; of the size depends how the zip is laid out."""
    if path.suffix.lower() == ".kml":
        with path.open("wb") as document:
            yield document
        return
    info = zipfile.ZipInfo("doc.kml", _ZIP_TIME)
    info.compress_type = zipfile.ZIP_DEFLATED
    info.file_size = size  # below 2 GB no Zip64, which viewers of KMZ do not know
    with zipfile.ZipFile(path, "w") as archive, archive.open(info, "w") as document:
        yield document


def _write_records(reader: pa.RecordBatchReader, file: IO[bytes]) -> set[str]:
    """Write the placemarks; which columns hold whole numbers beyond 32 bits."""
    names = [name for name in reader.schema.names if name != _GEOMETRY]
    labels: dict[str, str] = {}
    for name in names:
        if name.lower() in _LABELS and pa.types.is_string(reader.schema.field(name).type):
            labels.setdefault(_LABELS[name.lower()], name)
    wide: set[str] = set()
    for batch in reader:
        if batch.num_rows:
            wide |= _wide(batch)
            file.write("".join(_placemarks(batch, names, labels)).encode())
    return wide


def _head(schema: pa.Schema, wide: Collection[str], layer: str) -> str:
    fields = [
        f"<SimpleField name={_attribute(field.name)} type={quoteattr(_declared(field.type, field.name in wide))}/>\n"
        for field in schema
        if field.name != _GEOMETRY
    ]
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n<kml xmlns="http://www.opengis.net/kml/2.2">\n'
        f'<Document id="layer"><name>{escape(_legal(layer))}</name>\n'
        f'<Schema name="fields" id="fields">\n{"".join(fields)}</Schema>\n'
    )


def _declared(kind: pa.DataType, wide: bool) -> str:
    if pa.types.is_boolean(kind):
        return "bool"
    if pa.types.is_integer(kind):
        return "string" if wide else "int"
    if pa.types.is_floating(kind):
        return "float" if kind.bit_width == 32 else "double"
    return "string"


def _wide(batch: pa.RecordBatch) -> set[str]:
    """The columns of whole numbers beyond 32 bits."""
    found = set()
    for field, array in zip(batch.schema, batch.columns, strict=True):
        if pa.types.is_integer(field.type) and len(array) > array.null_count:
            ends = pc.min_max(array).as_py()
            if ends["min"] not in _INT or ends["max"] not in _INT:
                found.add(field.name)
    return found


def _placemarks(batch: pa.RecordBatch, names: Sequence[str], labels: dict[str, str]) -> list[str]:
    texts = {name: _escaped(batch.column(name)) for name in names}
    pieces = ["<Placemark>"]
    pieces += [_element(f"<{tag}>", texts[name], f"</{tag}>") for tag, name in labels.items()]
    if names:
        pieces.append('<ExtendedData><SchemaData schemaUrl="#fields">')
        pieces += [_element(f"<SimpleData name={_attribute(name)}>", texts[name], "</SimpleData>") for name in names]
        pieces.append("</SchemaData></ExtendedData>")
    if _GEOMETRY in batch.schema.names:
        pieces.append(_geometries(batch.column(_GEOMETRY)))
    pieces.append("</Placemark>\n")
    rows = len(batch)
    arrays = [pa.array([piece] * rows, pa.string()) if isinstance(piece, str) else piece for piece in pieces]
    joined: list[str] = pc.binary_join_element_wise(*arrays, "").to_pylist()
    return joined


def _element(start: str, texts: pa.Array, end: str) -> pa.Array:
    """Each text in its element; nothing where it is null."""
    return pc.fill_null(pc.binary_join_element_wise(start, texts, end, ""), "")


def _escaped(array: pa.Array) -> pa.Array:
    """Values as XML text. A carriage return would be read as a line feed, so it is written as what it is."""
    texts = array if pa.types.is_string(array.type) else array.cast(pa.string())
    if pa.types.is_string(array.type):
        for plain, written in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"), ("\r", "&#13;")):
            texts = pc.replace_substring(texts, plain, written)
    return texts


def _attribute(name: str) -> str:
    return quoteattr(_legal(name), {"\n": "&#10;", "\r": "&#13;", "\t": "&#9;"})


def _legal(text: str) -> str:
    return "".join(c if c >= " " or c in "\t\n\r" else "\ufffd" for c in text)


# ---- geometry ---------------------------------------------------------------------------


def _geometries(array: pa.Array) -> pa.Array:
    import shapely

    with np.errstate(invalid="ignore"):
        shapes = shapely.from_wkb(array.to_numpy(zero_copy_only=False), on_invalid="ignore")
    measured = shapely.has_m(shapes)
    if measured.any():
        flat = measured & ~shapely.has_z(shapes)
        shapes[flat] = shapely.force_2d(shapes[flat])
        high = measured & shapely.has_z(shapes)
        shapes[high] = shapely.from_wkb(shapely.to_wkb(shapes[high], output_dimension=3))
    shapes[shapely.is_empty(shapes)] = None
    return pa.array(["" if shape is None else _shape(shape) for shape in shapes], pa.string())


def _shape(shape: Any) -> str:
    kind = shape.geom_type
    if kind == "Polygon":
        holes = "".join(f"<innerBoundaryIs>{_line(ring, 'LinearRing')}</innerBoundaryIs>" for ring in shape.interiors)
        outer = f"<outerBoundaryIs>{_line(shape.exterior, 'LinearRing')}</outerBoundaryIs>"
        return f"<Polygon>{outer}{holes}</Polygon>"
    if kind in ("Point", "LineString"):
        return _line(shape, kind)
    whole = f"<MultiGeometry>{''.join(_shape(part) for part in shape.geoms if not part.is_empty)}</MultiGeometry>"
    # A collection of one kind would be read as a multi-kind.
    alike = kind == "GeometryCollection" and len({part.geom_type for part in shape.geoms}) == 1
    return f"<MultiGeometry>{whole}</MultiGeometry>" if alike else whole


def _line(shape: Any, kind: str) -> str:
    import shapely

    points = shapely.get_coordinates(shape, include_z=shape.has_z).tolist()
    positions = " ".join(",".join(map(repr, point)) for point in points)
    return f"<{kind}><coordinates>{positions}</coordinates></{kind}>"
