"""GeoJSON: attributes as the file says them, the CRS by RFC 7946, feature ids, text sequences."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import geopandas
import pytest
from formats_sources import feature
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import cimkit.formats as formats

Maker = Callable[..., Path]


def column(path: Path, name: str = "a") -> tuple[str, list[Any]]:
    """The type of a column, "json" where it is marked so, and its values, JSON decoded."""
    layer = formats.open(path).layer()
    field = layer.schema.field(name)
    values = layer.arrow()[name].to_pylist()
    if b"cimkit:json" in (field.metadata or {}):
        return "json", [None if value is None else json.loads(value) for value in values]
    return str(field.type), values


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ([1, "1"], "json"),
        ([True, 1], "json"),
        ([True, 1.5], "json"),
        ([True, "x"], "json"),
        ([{"x": [1, 2.0]}, None], "json"),
        ([{"x": 1}, "s"], "json"),
        ([[1, None]], "json"),
        ([["a"], []], "list<item: string>"),
        (["2020-01-01", "2020-01-02"], "string"),
        (["2020-01-01T10:00:00+08:00", None], "string"),
        (["010001", "10001"], "string"),
        (["", None], "string"),
        ([1, 2.5], "double"),
        ([2**53 + 1, 1], "int64"),
        ([True, False, None], "bool"),
        (["名称", "😀"], "string"),
    ],
)
def test_values_are_what_the_file_says(geojson: Maker, values: list[Any], kind: str) -> None:
    path = geojson([feature({"a": value}) for value in values])
    assert column(path) == (kind, values)


def test_properties_called_like_our_own_columns(geojson: Maker) -> None:
    names = ["geometry", "_row", "_fid", "OGC_FID", "wkb_geometry", "a", "A"]
    layer = formats.open(geojson([feature({"geometry": 1}), feature(dict.fromkeys(names, "x"))])).layer()
    rows = layer.arrow().drop_columns("geometry").to_pylist()
    assert rows[0]["geometry_2"] == "1" and rows[1]["geometry_2"] == '"x"'
    assert [rows[1][n] for n in ("_row_2", "_fid_2", "OGC_FID", "wkb_geometry", "a", "A_2")] == ["x"] * 6
    assert rows[1]["_fid"] == "1"
    assert layer.to_geopandas().geometry.iloc[1].x == 114


def test_names_written_with_escapes(tmp_path: Path) -> None:
    document = {"type": "FeatureCollection", "features": [feature({"名": value}) for value in (True, 1)]}
    (tmp_path / "x.geojson").write_text(json.dumps(document))
    assert column(tmp_path / "x.geojson", "名") == ("json", [True, 1])


def test_other_columns_stand_beside_one_of_mixed_values(geojson: Maker) -> None:
    path = geojson([feature({"n": i, "a": value, "z": str(i)}) for i, value in enumerate([1, "1", None])])
    rows = formats.open(path).layer().arrow().drop_columns("geometry").to_pylist()
    assert rows[0] == {"n": 0, "a": "1", "z": "0", "_fid": "0"}
    assert rows[1] == {"n": 1, "a": '"1"', "z": "1", "_fid": "1"}


def test_mixed_values_over_many_batches(geojson: Maker) -> None:
    values = [i if i % 3 else str(i) for i in range(500)]
    layer = formats.open(geojson([feature({"a": value}) for value in values])).layer()
    assert [json.loads(v.as_py()) for batch in layer.batches(7) for v in batch.column("a")] == values


scalars = st.one_of(
    st.none(), st.booleans(), st.integers(-(2**53), 2**53), st.floats(allow_nan=False, allow_infinity=False, width=32),
    st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=5),
)  # fmt: skip


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(values=st.lists(scalars, min_size=1, max_size=6))
def test_any_scalars_survive(tmp_path_factory: pytest.TempPathFactory, values: list[Any]) -> None:
    path = tmp_path_factory.mktemp("any") / "x.geojson"
    path.write_text(json.dumps({"type": "FeatureCollection", "features": [feature({"a": v}) for v in values]}))
    kind, read = column(path)
    assert read == values
    # Python takes True for 1; JSON does not.
    assert [isinstance(v, bool) for v in read] == [isinstance(v, bool) for v in values]
    assert kind in ("json", "string", "bool", "double", "int32", "int64")


def test_text_cells_are_typed(geojson: Maker) -> None:
    assert formats.open(geojson([feature({"a": "1"})])).layer().text_cells is False


@pytest.mark.parametrize(
    ("members", "value", "how"),
    [
        ({}, "EPSG:4326", "RFC 7946 default"),
        ({"crs": None}, "EPSG:4326", "RFC 7946 default; the file says null"),
        (
            {"crs": {"type": "name", "properties": {"name": "urn:ogc:def:crs:OGC:1.3:CRS84"}}},
            "EPSG:4326",
            "crs member (GeoJSON 2008)",
        ),
        (
            {"crs": {"type": "name", "properties": {"name": "urn:ogc:def:crs:EPSG::4547"}}},
            "EPSG:4547",
            "crs member (GeoJSON 2008)",
        ),
    ],
)
def test_the_crs_and_how_sure_it_is(geojson: Maker, members: dict[str, Any], value: str, how: str) -> None:
    layer = formats.open(geojson([feature({})], **members)).layer()
    assert (layer.crs.value, layer.crs.how) == (value, how)
    assert (layer.crs.confidence == 1.0) == how.startswith("crs member")
    assert layer.to_geopandas().crs.to_epsg() == int(value.removeprefix("EPSG:"))


def test_projected_coordinates_without_a_crs_raise_a_hint(geojson: Maker) -> None:
    place = {"type": "Point", "coordinates": [505000, 2500000]}
    about = formats.inspect(geojson([feature({}, place)]))["layers"][0]
    assert "crs.not_degrees" in [hint["code"] for hint in about["hints"]]


def test_the_name_is_the_files_own_or_the_stem(geojson: Maker) -> None:
    crs = {"type": "name", "properties": {"name": "urn:ogc:def:crs:OGC:1.3:CRS84"}}
    assert formats.open(geojson([feature({"name": "no"})])).layer().name == "x"
    assert formats.open(geojson([feature({})], crs=crs)).layer().name == "x"
    assert formats.open(geojson([feature({})], crs=crs, name='a "b"')).layer('a "b"').name == 'a "b"'


@pytest.mark.parametrize(
    ("ids", "fids"),
    [(["way/1", "way/2"], ["way/1", "way/2"]), ([17, 3], ["17", "3"]), ([None, None], ["0", "1"])],
)
def test_feature_ids(geojson: Maker, ids: list[Any], fids: list[str]) -> None:
    features = [feature({"a": 1}, **({} if i is None else {"id": i})) for i in ids]
    assert formats.open(geojson(features)).layer().arrow()["_fid"].to_pylist() == fids


def test_a_property_called_id_stays_a_column(geojson: Maker) -> None:
    for own in ("x", 7):
        layer = formats.open(geojson([feature({"id": own}, id="w/1")])).layer()
        assert layer.arrow()["id"].to_pylist() == [own]


@pytest.mark.parametrize("separator", ["", "\x1e"])
@pytest.mark.parametrize("name", ["x.geojsonl", "x.jsonl", "x.geojsons"])
def test_text_sequences(tmp_path: Path, name: str, separator: str) -> None:
    path = tmp_path / name
    lines = (separator + json.dumps(feature({"a": value})) for value in (1, "1", None))
    path.write_text("\n".join(lines) + "\n")
    dataset = formats.open(path)
    assert dataset.source.format == "GeoJSONSeq"
    assert column(path) == ("json", [1, "1", None])
    assert dataset.layer().to_geopandas().crs.to_epsg() == 4326


def test_a_single_feature_and_a_bare_geometry(tmp_path: Path) -> None:
    (tmp_path / "f.geojson").write_text(json.dumps(feature({"a": {"b": 1}})))
    assert column(tmp_path / "f.geojson") == ("json", [{"b": 1}])
    (tmp_path / "g.json").write_text('{"type": "Point", "coordinates": [1, 2]}')
    assert formats.open(tmp_path / "g.json").layer().arrow().num_rows == 1


def test_content_decides_not_the_suffix(tmp_path: Path) -> None:
    document = {"type": "FeatureCollection", "features": [feature({"a": 1})]}
    for name in ("x.json", "x.txt.json", "x.js", "x"):
        (tmp_path / name).write_text(json.dumps(document))
        assert formats.open(tmp_path / name).source.format == "GeoJSON"
    (tmp_path / "y.geojson").write_text('[{"a": 1}]')
    assert formats.open(tmp_path / "y.geojson").source.format == "JSON"


def test_a_byte_order_mark_is_no_text(tmp_path: Path) -> None:
    document = {"type": "FeatureCollection", "features": [feature({"a": 1})]}
    (tmp_path / "x.geojson").write_text(json.dumps(document), encoding="utf-8-sig")
    assert column(tmp_path / "x.geojson") == ("int32", [1])


def test_members_behind_the_features(tmp_path: Path) -> None:
    crs = {"type": "name", "properties": {"name": "urn:ogc:def:crs:EPSG::4547"}}
    (tmp_path / "x.geojson").write_text(
        json.dumps({"features": [feature({"a": 1})] * 2000, "type": "FeatureCollection", "crs": crs})
    )
    layer = formats.open(tmp_path / "x.geojson").layer()
    assert (layer.crs.value, layer.crs.confidence) == ("EPSG:4547", 1.0)


def test_no_features(geojson: Maker) -> None:
    about = formats.inspect(geojson([]))["layers"][0]
    assert (about["features"], about["fields"], about["geometry_kinds"]) == (0, [], {"Unknown": 0})


def test_geometry_as_geopandas_reads_it(geojson: Maker) -> None:
    shapes = [
        {"type": "Point", "coordinates": [1, 2, 3]},
        {"type": "Polygon", "coordinates": [[[0, 0], [1, 0], [1, 1], [0, 0]]]},
        {"type": "MultiLineString", "coordinates": [[[0, 0], [1, 0]], [[2, 2], [3, 3]]]},
        {"type": "GeometryCollection", "geometries": [{"type": "Point", "coordinates": [5, 6]}]},
    ]
    path = geojson([feature({"a": i}, shape) for i, shape in enumerate(shapes)])
    frame = formats.open(path).layer().to_geopandas()
    judge = geopandas.read_file(path)
    assert frame.geometry.to_wkb().tolist() == judge.geometry.to_wkb().tolist()
    kinds = formats.inspect(path)["layers"][0]["geometry_kinds"]
    assert kinds == {"Point Z": 1, "Polygon": 1, "MultiLineString": 1, "GeometryCollection": 1}
