"""GeoParquet into every writable format and back: what differs is what the report tells, and nothing else does.

The formats are those of the registry, so one that is added is tried by itself.
"""

from __future__ import annotations

import datetime
import tempfile
from decimal import Decimal
from pathlib import Path
from typing import Any

import fiona
import pyarrow as pa
import pytest
import shapely
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from round_trip import KEY, judge, single, told, write_source

import cimkit
from cimkit.errors import SourceError
from cimkit.formats.registry import FORMATS
from cimkit.model import LossReport

WRITABLE = sorted((name, format.writes[0]) for name, format in FORMATS.items() if format.writes)
#: What fiona's own GDAL opens of them.
FIONA = {"ESRI Shapefile": "ESRI Shapefile", "GPKG": "GPKG", "GeoJSON": "GeoJSON", "GeoJSONSeq": "GeoJSONSeq",
         "FlatGeobuf": "FlatGeobuf", "MapInfo TAB": "MapInfo File", "MapInfo MIF": "MapInfo File"}  # fmt: skip
UTC = datetime.UTC

NAMES = st.sampled_from(
    ["building_height", "building_height_m", "BUILDING", "名称", "建筑物名称", "建筑物高度", "名称x", "select", "a'b",
     'a"b', "x; DROP TABLE y", "with space", "trailing ", "fid", "geom", "ogc_fid", "id", "WKT", "name", "description",
     "a" * 80, "字" * 40, "é", "1st", "a.b", "a-b", "n"]
)  # fmt: skip
TEXTS = st.one_of(
    st.none(),
    st.sampled_from(
        ["", " ", " x ", "010001", "NULL", "null", "true", "1.50", "2024-05-01", "{}", '{"a": 1}', "[1]", "a,b", 'q"q',
         "it's", "line\nbreak", "tab\tx", "中" * 85, "x" * 254, "x" * 255, "é" * 200, "𬱖" * 64, "a" + "中" * 85,
         "\u3000", "<b>&amp;", "=1+1", "-", "\\", "#N/A"]
    ),
    st.text(st.characters(min_codepoint=32, exclude_categories=["Cs", "Cn", "Co", "Cc"]), max_size=12),
)  # fmt: skip
INT64 = st.one_of(st.none(), st.sampled_from([0, -1, 2**53 + 1, 2**63 - 1, -(2**63), 10**18, -(10**17), 518000]))
REAL = st.one_of(
    st.none(), st.sampled_from([0.1 + 0.2, 0.34349071000000003, 1e22, 1e300, -1.5e-7, 5e-324, 123456789.123456789,
                                float("nan"), float("inf"), -0.0]),
    st.floats(-1e6, 1e6),
)  # fmt: skip
MOMENTS = st.one_of(
    st.none(), st.datetimes(datetime.datetime(1900, 1, 1), datetime.datetime(2100, 1, 1)),
    st.sampled_from([datetime.datetime(2024, 5, 1), datetime.datetime(2024, 5, 1, 12, 30, 15, 120000)]),
)  # fmt: skip
COLUMNS: dict[str, tuple[pa.DataType, st.SearchStrategy[Any]]] = {
    "text": (pa.string(), TEXTS),
    "bool": (pa.bool_(), st.one_of(st.none(), st.booleans())),
    "int8": (pa.int8(), st.one_of(st.none(), st.integers(-128, 127))),
    "int32": (pa.int32(), st.one_of(st.none(), st.integers(-(2**31), 2**31 - 1))),
    "int64": (pa.int64(), INT64),
    "uint32": (pa.uint32(), st.one_of(st.none(), st.integers(0, 2**32 - 1))),
    "uint64": (pa.uint64(), st.one_of(st.none(), st.sampled_from([0, 7, 2**53 + 1, 2**64 - 1]))),
    "real": (pa.float64(), REAL),
    "single": (pa.float32(), st.one_of(st.none(), st.floats(width=32, allow_nan=False, allow_infinity=False))),
    "decimal": (pa.decimal128(19, 2), st.one_of(st.none(), st.sampled_from([Decimal("1.10"), Decimal("-0.01"),
                                                                           Decimal("12345678901234567.89")]))),
    "date": (pa.date32(), st.one_of(st.none(), st.dates(datetime.date(1600, 1, 1)))),
    "time": (pa.time64("us"), st.one_of(st.none(), st.times())),
    "moment": (pa.timestamp("us"), MOMENTS),
    "instant": (pa.timestamp("us", "UTC"), MOMENTS.map(lambda m: m and m.replace(tzinfo=UTC))),
    "binary": (pa.binary(), st.one_of(st.none(), st.binary(max_size=4), st.just(b"\xff" * 130))),
    "list": (pa.list_(pa.int64()), st.one_of(st.none(), st.lists(st.integers(-5, 5), max_size=3))),
    "record": (pa.struct([("a", pa.float64()), ("b", pa.string())]),
               st.one_of(st.none(), st.fixed_dictionaries({"a": st.sampled_from([1.5, None]), "b": st.just("文")}))),
}  # fmt: skip


def _wkts(*texts: str) -> list[bytes]:
    return [shapely.to_wkb(shapely.from_wkt(text), flavor="iso") for text in texts]


SHAPES = {
    "point": _wkts("POINT (111.5 40.25)", "MULTIPOINT ((111 40))", "MULTIPOINT ((111 40), (112 41))",
                   "POINT Z (111 40 5)", "POINT M (111 40 7)", "POINT ZM (111 40 5 7)", "POINT EMPTY",
                   "POINT (111.1234567890123 40.1)", "GEOMETRYCOLLECTION (POINT (1 2))"),
    "line": _wkts("LINESTRING (111 40, 112 41)", "MULTILINESTRING ((111 40, 112 41))",
                  "MULTILINESTRING ((111 40, 112 41), (1 2, 3 4, 5 6))", "LINESTRING Z (111 40 1, 112 41 2)",
                  "LINESTRING M (111 40 1, 112 41 2)", "LINESTRING EMPTY"),
    "polygon": _wkts("POLYGON ((111 40, 112 40, 112 41, 111 40))",
                     "POLYGON ((0 0, 0 9, 9 9, 9 0, 0 0), (1 1, 2 1, 2 2, 1 1))",
                     "MULTIPOLYGON (((111 40, 112 40, 112 41, 111 40)))",
                     "MULTIPOLYGON (((0 0, 1 0, 1 1, 0 0)), ((5 5, 6 5, 6 6, 5 5)))",
                     "POLYGON Z ((111 40 1, 112 40 2, 112 41 3, 111 40 1))", "POLYGON EMPTY",
                     "MULTIPOLYGON EMPTY"),
}  # fmt: skip


@st.composite
def sources(draw: st.DrawFn) -> tuple[pa.Table, list[bytes | None] | None]:
    """A table of a few columns with nasty names and values, and geometries of one family, or none at all."""
    rows = draw(st.integers(1, 5))
    names = draw(st.lists(NAMES, min_size=1, max_size=5, unique_by=str.lower))
    columns = {}
    for name in names:
        kind, values = COLUMNS[draw(st.sampled_from(sorted(COLUMNS)))]
        columns[name] = pa.array(draw(st.lists(values, min_size=rows, max_size=rows)), kind)
    family = draw(st.sampled_from(sorted(SHAPES)))
    shapes = st.one_of(st.none(), st.sampled_from(SHAPES[family]))
    return pa.table(columns), draw(st.lists(shapes, min_size=rows, max_size=rows))


def convert_and_judge(name: str, suffix: str, table: pa.Table, geometry: list[bytes | None] | None) -> None:
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder, "in.parquet"), Path(folder, f"out{suffix}")
        write_source(source, table, geometry)
        try:
            report = cimkit.convert(source, target, verify=True)
        except SourceError as error:
            # A limit of the format, in words of our own; and nothing is left of the attempt.
            assert "cannot be written" in str(error) and "OGR" not in str(error), error
            assert [path.name for path in Path(folder).iterdir()] == [source.name]
            return
        assert report.verified is True, report.losses
        assert report.rows_read == table.num_rows
        left_out = sum(loss.count for loss in report.losses if loss.code == "rows.left_out")
        assert report.rows_written == table.num_rows - left_out
        layer = cimkit.open(target).layer()
        judged(report, table, geometry, layer.arrow())
        if name in FIONA:
            by_fiona(report, table, target)


def judged(report: LossReport, table: pa.Table, geometry: list[bytes | None] | None, again: pa.Table) -> None:
    lowered = {column.lower(): column for column in again.column_names}
    keys = [int(key) for key in again[lowered[told(report, KEY).name.lower()]].to_pylist()]
    assert len(set(keys)) == len(keys)
    for name in table.column_names:
        there = again[lowered[told(report, name).name.lower()]].to_pylist()
        if table.schema.field(name).type == pa.float32():  # the shortest text of one means another 64-bit number
            there = [value if value is None else single(float(value)) for value in there]
        before = table[name].to_pylist()
        judge(report, [before[key] for key in keys], there, name)
    if geometry is None:
        return
    column = "geometry" if "geometry" in lowered else next((n for n in again.column_names if n.endswith("WKT")), None)
    shapes = again[column].to_pylist() if column else [None] * len(keys)
    judge(report, [geometry[key] for key in keys], shapes, "geometry")


def by_fiona(report: LossReport, table: pa.Table, target: Path) -> None:
    with fiona.open(target) as collection:
        records = [{name.lower(): value for name, value in record.properties.items()} for record in collection]
    assert len(records) == report.rows_written
    keys = [record[told(report, KEY).name.lower()] for record in records]
    for column in table.schema:
        if column.type in (pa.string(), pa.int32(), pa.float64(), pa.date32()):  # of others fiona 1.10 knows not all
            there = [record[told(report, column.name).name.lower()] for record in records]
            before = table[column.name].to_pylist()
            judge(report, [before[int(key)] for key in keys], there, column.name)


@pytest.mark.parametrize(("name", "suffix"), WRITABLE)
@given(made=sources())
@settings(
    max_examples=6,
    phases=[Phase.generate],  # shrinking would convert hundreds of times
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
def test_there_and_back(name: str, suffix: str, made: tuple[pa.Table, list[bytes | None] | None]) -> None:
    convert_and_judge(name, suffix, *made)


def everything() -> pa.Table:
    """Every type at once."""
    moment = datetime.datetime(2024, 5, 1, 12, 30, 15, 123456)
    return pa.table(
        {
            "建筑物名称一二三": ["010001", "", None, " x ", "中" * 200],
            "building_height_a": pa.array([2**53 + 1, None, -1, 0, 2**63 - 1], pa.int64()),
            "building_height_b": [0.34349071000000003, float("nan"), None, 1e300, 2.5],
            "flag": [True, None, False, True, True],
            "day": pa.array([datetime.date(2024, 5, 1), None, datetime.date(1900, 1, 1), None, None], pa.date32()),
            "moment": pa.array([moment, None, moment.replace(microsecond=0), None, None], pa.timestamp("us")),
            "instant": pa.array([moment.replace(tzinfo=UTC), None, None, None, None], pa.timestamp("us", "UTC")),
            "exact": pa.array([Decimal("1.10"), Decimal("12345678901234567.89"), None, None, None],
                              pa.decimal128(19, 2)),
            "raw": [b"\x00\xff", None, b"", b"\xff" * 130, b"x"],
            "list": pa.array([[1, 2], [], None, None, [3]], pa.list_(pa.int64())),
        }
    )  # fmt: skip


@pytest.mark.parametrize("family", sorted(SHAPES))
@pytest.mark.parametrize(("name", "suffix"), WRITABLE)
def test_every_type_and_every_shape(name: str, suffix: str, family: str) -> None:
    shapes: list[bytes | None] = [None, *SHAPES[family]]
    table = everything()
    rows = [i % table.num_rows for i in range(len(shapes))]
    convert_and_judge(name, suffix, table.take(rows), shapes)
