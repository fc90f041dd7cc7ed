"""WKB as bytes, and the promise that what is sound does not harm DuckDB."""

from __future__ import annotations

import struct
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
import shapely
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cimkit import duck, wkb

POINT = shapely.Point(1, 2).wkb
CURVE = struct.pack("<BII6d", 1, 8, 3, 0, 0, 1, 1, 2, 0)
OPEN_RING = struct.pack("<BIII8d", 1, 3, 1, 4, 0, 0, 1, 0, 1, 1, 0, 1)

UNSOUND = {
    "empty blob": b"",
    "text": b"POINT (1 2)",
    "cut": POINT[:-1],
    "unknown kind": struct.pack("<BI", 1, 99),
    "unknown byte order": b"\x07" + POINT[1:],
    "a count beyond the end": struct.pack("<BII", 1, 2, 2**31),
    "a point in a multipolygon": struct.pack("<BII", 1, 6, 1) + POINT,
    "a polygon in a compound curve": struct.pack("<BII", 1, 9, 1) + OPEN_RING,
    "nested too deep": struct.pack("<BII", 1, 7, 1) * 1000 + POINT,
}
SOUND = {
    "point": POINT,
    "bytes left over": POINT + b"x",
    "curve": CURVE,
    "curve polygon": struct.pack("<BII", 1, 10, 1) + CURVE,
    "surface": struct.pack("<BII", 1, 15, 1) + OPEN_RING,
    "open ring": OPEN_RING,
    "ring without points": struct.pack("<BIII", 1, 3, 1, 0),
    "line of one point": struct.pack("<BII2d", 1, 2, 1, 0, 0),
    "collection with a curve": struct.pack("<BII", 1, 7, 2) + CURVE + POINT,
    "extended with SRID": shapely.to_wkb(shapely.set_srid(shapely.Point(1, 2, 3), 4326), include_srid=True),
    "empty": shapely.to_wkb(shapely.from_wkt("POLYGON EMPTY")),
}


def array(*values: bytes | None) -> pa.Array:
    return pa.array(values, pa.binary())


@pytest.mark.parametrize("what", UNSOUND)
def test_unsound(what: str) -> None:
    assert wkb.sound(array(POINT, UNSOUND[what], None)).tolist() == [True, False, True]
    after, count = wkb.mended(array(POINT, UNSOUND[what], None))
    assert count == 1 and after.to_pylist() == [POINT, wkb.DAMAGED, None]


def test_sound() -> None:
    values = array(*SOUND.values(), None)
    assert wkb.sound(values).all()
    after, count = wkb.mended(values)
    assert count == 0 and after is values


def test_heads_read_kind_and_dimensions_in_every_encoding() -> None:
    wkts = {"POINT (1 2)": (1, False, False), "LINESTRING Z (0 0 1, 1 1 1)": (2, True, False)}
    wkts |= {"POINT M (1 2 3)": (1, False, True), "POINT ZM (1 2 3 4)": (1, True, True)}
    encodings = ({"flavor": "iso"}, {"flavor": "extended"}, {"byte_order": 0}, {"flavor": "iso", "byte_order": 0})
    for wkt, (kind, has_z, has_m) in wkts.items():
        for options in encodings:
            value = shapely.to_wkb(shapely.from_wkt(wkt), **options)
            found = wkb.heads(array(None, value, b"x"))
            assert [part.tolist() for part in found] == [[0, kind, -1], [False, has_z, False], [False, has_m, False]]


def test_heads_of_slices_and_of_nothing() -> None:
    values = array(POINT, CURVE, None, POINT)
    assert wkb.heads(values.slice(1, 2))[0].tolist() == [8, 0]
    assert wkb.heads(values.slice(4))[0].tolist() == []
    assert wkb.heads(pa.array([POINT, None], pa.large_binary()))[0].tolist() == [1, 0]


def test_coordinates_can_be_changed_in_place() -> None:
    geometry = bytearray(
        shapely.to_wkb(shapely.from_wkt("MULTIPOINT Z ((1 2 3), (4 5 6))"), flavor="iso", byte_order=0)
    )
    for points, has_z in wkb.coordinates(geometry):
        assert has_z and points.shape == (1, 3)
        points[:, 0] += 10
    np.testing.assert_array_equal(shapely.get_coordinates(shapely.from_wkb(bytes(geometry)))[:, 0], [11, 14])


#: Structures with random kinds, counts and cuts, the way a broken writer or an attacker makes them.
KIND = st.sampled_from([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 15, 16, 17, 1001, 2002, 3003, 99, 0x80000001])
LEAF = st.builds(
    lambda kind, count, size, order: struct.pack(f"{'><'[order]}BII{size}d", order, kind, count, *range(size)),
    KIND, st.integers(0, 4), st.integers(0, 8), st.integers(0, 1),
)  # fmt: skip
TREE = st.recursive(
    LEAF | st.binary(max_size=30) | st.sampled_from([POINT, OPEN_RING, CURVE]),
    lambda inner: st.builds(
        lambda kind, parts: struct.pack("<BII", 1, kind, len(parts)) + b"".join(parts),
        KIND,
        st.lists(inner, max_size=3),
    ),
    max_leaves=6,
)
JUDGE = """
import sys
from cimkit import duck, wkb
with duck.connect() as con:
    print(con.execute(
        "SELECT count(g), sum(ST_XMin(g)), sum(ST_Area(g)), count(ST_IsValid(g)), sum(ST_NPoints(g)), "
        "count(ST_AsWKB(g)), count(TRY(ST_MakeValid(g))), count(ST_Centroid(g)), count(ST_GeometryType(g)) "
        f"FROM (SELECT {wkb.geometry_sql('geometry')} AS g FROM {duck.parquet(sys.argv[1])})"
    ).fetchone()[0])
"""


def test_duckdb_survives_all_that_is_sound(tmp_path: Path) -> None:
    import pyarrow.parquet as pq

    seen: list[bytes] = [*SOUND.values(), *UNSOUND.values()]

    @settings(max_examples=400, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(TREE)
    def collect(value: bytes) -> None:
        seen.append(value)

    collect()
    after, _ = wkb.mended(array(*seen))
    readable = set()
    for dictionary in (False, True):
        pq.write_table(pa.table({"geometry": after}), tmp_path / "x.parquet", use_dictionary=dictionary)
        judging = [sys.executable, "-c", JUDGE, str(tmp_path / "x.parquet")]
        judged = subprocess.run(judging, capture_output=True, text=True)
        assert judged.returncode == 0, judged.stderr[-500:]
        readable.add(int(judged.stdout))
    assert len(readable) == 1 and readable.pop() >= 5


@pytest.mark.parametrize("bad", [b"", wkb.DAMAGED, POINT[:-1], CURVE])
@pytest.mark.parametrize("dictionary", [True, False])
def test_one_unreadable_geometry_does_not_take_others_with_it(tmp_path: Path, bad: bytes, dictionary: bool) -> None:
    import pyarrow.parquet as pq

    values = [POINT, shapely.box(0, 0, 1, 1).wkb] * 1000 + [bad, None] * 3
    pq.write_table(pa.table({"geometry": array(*values)}), tmp_path / "x.parquet", use_dictionary=dictionary)
    with duck.connect() as con:
        query = f"SELECT count(g), sum(ST_XMax(g)) FROM (SELECT {wkb.geometry_sql('geometry')} AS g FROM "
        assert con.execute(query + f"{duck.parquet(tmp_path / 'x.parquet')})").fetchone() == (2000, 2000.0)
