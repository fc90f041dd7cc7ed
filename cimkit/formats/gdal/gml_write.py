"""GML 3.2, written by GDAL from an Arrow stream with its schema beside it (.xsd; measured with GDAL 3.12).

The axes are as the authority has them (srsName as a URN). Numbers are text of 15 digits. A CRS
without an EPSG code of its own, a compound one among them, cannot be said.
"""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pyarrow as pa

from cimkit.formats.gdal.arrow_write import write_layer
from cimkit.formats.gdal.rules import fifteen_digits, milliseconds_with_zone
from cimkit.formats.naming import Naming
from cimkit.formats.profile import (
    HUGE,
    TIMES,
    WORDS,
    Change,
    Column,
    Held,
    Order,
    Profile,
    Rule,
    as_text,
    hexadecimal,
    json_as_text,
    plain_text,
)

#: What XML 1.0 has no place for (2.2), and the carriage return, which its readers turn into a line feed.
_STRANGE = r"[\x00-\x08\x0B-\x1F\x{FFFE}\x{FFFF}]"


def _text(rule: Rule | None = None) -> Rule:
    """Text without the characters that XML has no place for."""

    def held(column: Column) -> Held:
        there = rule(column) if rule else Held(column.sql)
        whole = f"regexp_replace({there.sql}, '{_STRANGE}', '', 'g')"
        sql = f"ltrim({whole}, ' ')"  # GDAL leaves out what stands before the first other character
        cut = Change("text.cut", "not_in_xml", f"regexp_matches({there.sql}, '{_STRANGE}')", sql)
        trimmed = Change("text.trimmed", "trimmed", f"{sql} <> {whole}", sql)
        return Held(sql, (*there.changes, cut, trimmed))

    return held


def clean(name: str) -> str:
    """A name as GDAL writes it: letters, digits, _ and ., beginning with a letter or _. Of - it would make a _."""
    plain = re.sub(r"[^\w.]", "_", name)
    return plain if plain[:1].isalpha() or plain.startswith("_") else f"_{plain}"


PROFILE = Profile(
    columns={
        **dict.fromkeys(TIMES, milliseconds_with_zone),
        **dict.fromkeys((*HUGE, "TIME"), as_text),
        **dict.fromkeys(WORDS, _text(plain_text)),
        "VARCHAR": _text(),
        "BLOB": hexadecimal,
        "DOUBLE": fifteen_digits,
        "DECIMAL": fifteen_digits,
    },
    nested=_text(json_as_text),
    # GDAL makes the identifier of a feature of a column called gml_id, and of one called fid in GML 2.
    naming=Naming(clean=clean, reserved=frozenset({"gml_id", "fid"})),
    curves=True,
    surfaces=True,
    measures=False,
    flat_collections=True,  # beside a collection GDAL reads every multi-geometry as one
    one_dimension=True,  # GDAL does not read on where a layer's heights begin or end
    empty_geometry=False,
    crs="codes",
    decimals=(12, 7),
    sidecars=(".xsd",),
)


def write(reader: pa.RecordBatchReader, path: Path, order: Order) -> None:
    """One layer in a new document and its schema.

    Raises:
        SourceError: GDAL refuses.
    """
    known = order.crs if order.crs and re.fullmatch(r"EPSG:\d+", order.crs) else None
    said = replace(order, crs=known, layer=clean(order.layer))
    write_layer(reader, path, said, "GML", "GML", dataset_options={"FORMAT": "GML3.2"})
