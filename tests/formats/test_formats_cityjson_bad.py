"""CityJSON that is damaged or wrong: an error that says what and where, or a record set aside."""

from __future__ import annotations

import json
import re
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from city_models import SQUARE, TRANSFORM, Vertices, cityjson, hint_codes, row, rows, save
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import cimkit.formats as formats
from cimkit.errors import CimkitError, SourceError, UsageError


def good() -> dict[str, Any]:
    vertices = Vertices()
    return cityjson({"B1": {"type": "Building", "geometry": [vertices.block(SQUARE, 0, 9)]}}, vertices)


def with_geometry(geometry: Any) -> dict[str, Any]:
    document = good()
    document["CityObjects"]["BAD"] = {"type": "Building", "geometry": geometry}
    return document


def read(path: Path) -> None:
    for layer in formats.open(path).layers:
        layer.arrow()


def features(document: dict[str, Any]) -> list[dict[str, Any]]:
    """A document as a sequence of one feature for each object."""
    header = {**document, "CityObjects": {}, "vertices": []}
    return [header] + [
        {"type": "CityJSONFeature", "id": name, "CityObjects": {name: each}, "vertices": document["vertices"]}
        for name, each in document["CityObjects"].items()
    ]


@pytest.mark.parametrize("share", [0.3, 0.7, 0.99])
def test_a_document_that_is_cut_off(tmp_path: Path, share: float) -> None:
    text = json.dumps(good())
    path = save(tmp_path / "a.json", text[: int(len(text) * share)])
    with pytest.raises(SourceError, match=r"a\.json is not JSON from line 1 on"):
        read(path)
    if share < 0.9:  # no vertex is there
        with pytest.raises(SourceError, match="is not JSON"):
            formats.open(path, salvage=True)
    else:
        assert "the rest of the file" in {reject.place for reject in formats.open(path, salvage=True).unread}


def test_salvage_reads_the_objects_before_the_cut_where_vertices_come_first(tmp_path: Path) -> None:
    document = good()
    document["CityObjects"]["B2"] = document["CityObjects"]["B1"]
    document["CityObjects"] = document.pop("CityObjects")  # now after the vertices
    text = json.dumps(document)
    path = save(tmp_path / "a.json", text[: text.index('"B2"') + 30])
    dataset = formats.open(path, salvage=True)
    assert [each["id"] for each in rows(dataset)] == ["B1"]
    assert [reject.place for reject in dataset.unread] == ["the rest of the file"]


def test_something_behind_the_end(tmp_path: Path) -> None:
    path = save(tmp_path / "a.json", json.dumps(good()) + "}")
    with pytest.raises(SourceError, match="follows the end"):
        read(path)


def test_bytes_that_are_no_utf_8(tmp_path: Path) -> None:
    document = good()
    document["CityObjects"]["B1"]["attributes"] = {"name": "人民路"}
    path = save(tmp_path / "a.json", document, encoding="gb18030")
    with pytest.raises(SourceError, match="not UTF-8"):
        read(path)


def test_an_encoding_cannot_be_given(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="always UTF-8"):
        formats.open(save(tmp_path / "a.json", good()), encoding="GB18030")


@pytest.mark.parametrize("version", ["0.9", "3.0", None])
def test_versions_that_are_not_read(tmp_path: Path, version: str | None) -> None:
    document = {**good(), "version": version}
    if version is None:
        del document["version"]
    with pytest.raises(SourceError, match="version") as raised:
        read(save(tmp_path / "a.json", document))
    assert "cjio" in str(raised.value.hint)


BAD_GEOMETRIES = [
    ([{"type": "Solid", "lod": "1", "boundaries": [[[[0, 1, 99]]]]}], "uses vertex 99, but there are only 8"),
    ([{"type": "Solid", "lod": "1", "boundaries": [[[[0, 1, -1]]]]}], "uses vertex -1"),
    ([{"type": "Solid", "lod": "1", "boundaries": [[0, 1, 2]]}], "not nested"),
    ([{"type": "MultiSurface", "lod": "1", "boundaries": [[[0, 1, "x"]]]}], "not nested"),
    ([{"type": "MultiSurface", "lod": "1", "boundaries": [[[0, 1, [2]]]]}], "not nested"),
    ([{"type": "MultiSurface", "lod": "1", "boundaries": [[[0, 1, 10**30]]]}], "not nested"),
    ([{"type": "MultiSurface", "lod": "1", "boundaries": 7}], "not nested"),
    ([{"type": "Blob", "lod": "1", "boundaries": []}], "no geometry type 'Blob'"),
    ([{"type": "GeometryInstance", "template": 3, "boundaries": [0]}], "no template 3"),
    (["x"], "a geometry is no object"),
    ({"type": "Solid"}, "its geometry is no list"),
]


@pytest.mark.parametrize(("geometry", "why"), BAD_GEOMETRIES, ids=[why for _, why in BAD_GEOMETRIES])
@pytest.mark.parametrize("lines", [False, True], ids=["document", "sequence"])
def test_geometry_that_cannot_be_read(tmp_path: Path, geometry: Any, why: str, lines: bool) -> None:
    document = with_geometry(geometry)
    path = save(tmp_path / ("a.jsonl" if lines else "a.json"), features(document) if lines else document)
    with pytest.raises(SourceError, match=f"city object BAD.* cannot be read: .*{why}"):
        read(path)
    with formats.open(path, salvage=True).layer().stream() as stream:
        assert [v for batch in stream.batches for v in batch.column("id").to_pylist()] == ["B1"]
        assert len(stream.rejected) == 1
        assert "BAD" in stream.rejected[0].place
        assert why in stream.rejected[0].reason


@pytest.mark.parametrize("vertices", [[[0, 0]], [[0, 0, "x"]], [0, 0, 0], [[0, 0, None]], [[0, 0, 0], [0, 0]]])
def test_vertices_that_are_no_triples(tmp_path: Path, vertices: Any) -> None:
    with pytest.raises(SourceError):
        read(save(tmp_path / "a.json", {**good(), "vertices": vertices}))


@pytest.mark.parametrize("transform", [{}, {"scale": [1, 1], "translate": [0, 0, 0]}, "none", {"scale": 1}])
def test_a_transform_that_is_none(tmp_path: Path, transform: Any) -> None:
    with pytest.raises(SourceError, match="transform"):
        read(save(tmp_path / "a.json", {**good(), "transform": transform}))


def test_vertices_that_are_missing(tmp_path: Path) -> None:
    document = good()
    del document["vertices"]
    with pytest.raises(SourceError, match="there are only 0"):
        read(save(tmp_path / "a.json", document))


def test_a_missing_transform_is_told(tmp_path: Path) -> None:
    document = good()
    del document["transform"]
    assert "transform.missing" in hint_codes(save(tmp_path / "a.json", document))


@pytest.mark.parametrize("lines", [False, True], ids=["document", "sequence"])
def test_parents_that_go_in_a_circle(tmp_path: Path, lines: bool) -> None:
    objects = {
        "A": {"type": "BuildingPart", "parents": ["B"], "children": ["B"]},
        "B": {"type": "BuildingPart", "parents": ["A"], "children": ["A"]},
    }
    document = cityjson(objects, Vertices())
    feature = {"type": "CityJSONFeature", "id": "A", "CityObjects": objects, "vertices": []}
    header = {**document, "CityObjects": {}}
    path = save(tmp_path / ("a.jsonl" if lines else "a.json"), [header, feature] if lines else document)
    with pytest.raises(SourceError, match="inside itself"):
        read(path)
    dataset = formats.open(path, salvage=True)
    assert [("inside itself" in reject.reason) for reject in dataset.unread] == [True]


def test_an_object_that_is_none(tmp_path: Path) -> None:
    document = good()
    document["CityObjects"]["X"] = {"geometry": []}
    path = save(tmp_path / "a.json", document)
    with pytest.raises(SourceError, match="city object X cannot be read: it is no object with a type"):
        read(path)
    assert [each["id"] for each in rows(formats.open(path, salvage=True))] == ["B1"]


def test_nesting_without_end(tmp_path: Path) -> None:
    deep = "[" * 100_000 + "]" * 100_000
    text = json.dumps(good()).replace('"Building",', f'"Building", "attributes": {{"deep": {deep}}},', 1)
    with pytest.raises(SourceError, match="nested too deeply"):
        read(save(tmp_path / "a.json", text))


@pytest.mark.parametrize("number", ["NaN", "Infinity", "1e999"])
def test_numbers_that_are_none(tmp_path: Path, number: str) -> None:
    text = json.dumps(good()).replace('"vertices": [[0', f'"vertices": [[{number}')
    assert number in text
    with pytest.raises(SourceError):
        read(save(tmp_path / "a.json", text))


# ---- sequences ------------------------------------------------------------------------------


def test_a_sequence_without_its_header(tmp_path: Path) -> None:
    path = save(tmp_path / "a.city.jsonl", features(good())[1:])
    with pytest.raises(SourceError, match="first line is no CityJSON object"):
        read(path)


def test_a_broken_line_of_a_sequence(tmp_path: Path) -> None:
    header, feature = features(good())
    lines = [json.dumps(each) for each in (header, feature)]
    path = save(tmp_path / "a.city.jsonl", "\n".join([lines[0], lines[1][:50], lines[1]]) + "\n")
    with pytest.raises(SourceError, match="line 2 cannot be read: it is no JSON"):
        read(path)
    dataset = formats.open(path, salvage=True)
    assert [each["id"] for each in rows(dataset)] == ["B1"]
    assert "line 2" in {reject.place for reject in dataset.unread}


def test_a_line_that_is_no_feature(tmp_path: Path) -> None:
    header, feature = features(good())
    path = save(tmp_path / "a.city.jsonl", [header, {"type": "Feature"}, feature])
    with pytest.raises(SourceError, match="line 2 cannot be read: it is no CityJSONFeature"):
        read(path)


@pytest.mark.parametrize("vertices", [7, "x", {"a": 1}])
def test_a_line_whose_vertices_are_no_list(tmp_path: Path, vertices: Any) -> None:
    header, feature = features(good())
    path = save(tmp_path / "a.city.jsonl", [header, {**feature, "vertices": vertices}])
    with pytest.raises(SourceError, match="line 2 cannot be read: its vertices are no list"):
        read(path)


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_whatever_is_changed_it_is_read_or_refused(tmp_path: Path, data: st.DataObject) -> None:
    text = json.dumps(good())
    spans = [match.span() for match in re.finditer(r'-?\d+(?:\.\d+)?|"[^"]*"|\[[^\[\]]*\]', text)]
    start, end = data.draw(st.sampled_from(spans))
    new = data.draw(st.sampled_from(["null", "[]", "{}", "-1", "1e9", '"x"', "true", "[[[]]]", "0.5", "9" * 20, ""]))
    path = save(tmp_path / "a.json", text[:start] + new + text[end:])
    for salvage in (False, True):
        with suppress(CimkitError):
            for layer in formats.open(path, salvage=salvage).layers:
                layer.arrow()


def test_half_of_a_surrogate_pair(tmp_path: Path) -> None:
    text = json.dumps(good()).replace('"Building",', '"Building", "attributes": {"name": "\\ud800"},', 1)
    with pytest.raises(SourceError, match="surrogate"):
        read(save(tmp_path / "a.json", text))


def test_attributes_that_bear_the_names_of_columns(tmp_path: Path) -> None:
    document = good()
    names = {"ID": "x", "geometry": "y", "_fid": "z", "": "w", "LoD": "v", 'a"; DROP TABLE x; --': 1}
    document["CityObjects"]["B1"]["attributes"] = names
    path = save(tmp_path / "a.json", document)
    found = row(path)
    assert set(names.values()) <= {value for value in found.values() if isinstance(value, str | int)}
    assert found["id"] == "B1"
    assert {"names.duplicate", "names.reserved", "names.empty"} <= hint_codes(path)


def test_the_transform_is_not_applied_twice(tmp_path: Path) -> None:
    document = good()
    assert document["transform"] == TRANSFORM
    path = save(tmp_path / "a.json", document)
    layer = formats.open(path).layer()
    assert layer.arrow().equals(layer.arrow())
