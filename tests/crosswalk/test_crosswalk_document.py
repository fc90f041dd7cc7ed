"""Crosswalks that are wrong are refused with the place and a way out; those that are right say what they do."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from crosswalk.conftest import BUILDING, Run, Stage, losses, values

from cimkit.crosswalk import Crosswalk, apply
from cimkit.errors import StandardError


def document(**parts: Any) -> dict[str, Any]:
    return {"crosswalk": "test", "to": "cim-core@0.1/building", "fields": {"id": {"from": "a"}}, **parts}


@pytest.mark.parametrize(
    ("wrong", "message", "hint"),
    [
        (document(fields={"hight_m": {"from": "a"}}), "'hight_m', which is not a field of building", "'height_m'"),
        (document(fields={"id": {"from": "A B"}}), "field 'id'.*no column 'A B'", None),
        (document(fields={"id": {"from": "hoehe"}}), "no column 'hoehe'", "'hoehen'"),
        (document(fields={"id": {"sql": "getenv('HOME')"}}), "field 'id'.*calls 'getenv'", None),
        (document(fields={"id": {"sql": "lower(hoehe)"}}), "unknown column 'hoehe'", "'hoehen'"),
        (document(fields={"id": {"sql": "lower(a, b)"}}), "field 'id'.*makes no sense.*lower", None),
        (document(fields={"height_m": {"from": "a", "unit": "feets"}}), "unit 'feets' is not known", None),
        (document(fields={"height_m": {"from": "a", "unit": "kg"}}), "'kg' measures mass and cannot become 'm'", None),
        (document(where="a FROM 'x.csv'"), "'where'.*is a query", None),
        (document(where="(SELECT true)"), "'where'.*a subquery", None),
        (document(where="hoehe > 1"), "'where'.*unknown column 'hoehe'", "'hoehen'"),
        (document(where="a"), "'where'.*gives VARCHAR, not true or false", None),
        (document(geometry={"wkt": "shape"}), "'geometry'.*no column 'shape'", None),
        (document(geometry={"x": "lon", "y": "lat"}), "'geometry'.*no column 'lon'", None),
        (document(to="cim-core@0.1/parcel"), "leads to 'cim-core@0.1/parcel', not to 'building'", None),
    ],
)
def test_a_crosswalk_that_does_not_fit_is_refused(
    stage: Stage, tmp_path: Path, wrong: dict[str, Any], message: str, hint: str | None
) -> None:
    staged = stage({"a": ["x"], "b": [1], "hoehen": [2]})
    with pytest.raises(StandardError, match=message) as refused:
        apply(Crosswalk.load(wrong), staged, BUILDING, tmp_path)
    assert hint is None or hint in (refused.value.hint or "")
    assert list(tmp_path.iterdir()) == [staged.path]


def test_an_unknown_crs_is_refused_before_anything_is_written(stage: Stage, tmp_path: Path) -> None:
    staged = stage({"a": ["x"]}, points=[(0, 0)])
    with pytest.raises(Exception, match="999999"):
        apply(Crosswalk.load(document(geometry={"crs": "EPSG:999999"})), staged, BUILDING, tmp_path)
    assert list(tmp_path.iterdir()) == [staged.path]


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ({"from": "a", "value": 1}, "id"),
        ({}, "id"),
        ({"fron": "a"}, "fron"),
        ({"from": "a", "else": "x"}, "codes"),
        ({"from": "a", "parse": "numbr"}, "numbr"),
        ({"value": "x", "prefix": "y"}, "constant value and also says 'prefix'"),
    ],
)
def test_a_document_in_the_wrong_shape_is_refused(entry: dict[str, Any], message: str) -> None:
    with pytest.raises(StandardError, match=message):
        Crosswalk.load(document(fields={"id": entry}))


def test_a_file_is_read_with_codes_as_they_are_written(tmp_path: Path) -> None:
    path = tmp_path / "test.yaml"
    path.write_text(
        "crosswalk: test\nto: cim-core@0.1/building\nwhere: a <> ''\n"
        "fields:\n  function: {from: use, codes: {010: a, yes: b, 1: 2}, else: null}\n  id: {first: [x, y]}\n",
        "utf-8",
    )
    crosswalk = Crosswalk.load(path)
    assert crosswalk.layer == "building" and crosswalk.where == "a <> ''"
    rule = crosswalk.fields["function"]
    assert rule.codes == {"010": "a", "yes": "b", "1": 2}
    assert not rule.keeps and rule.otherwise is None
    assert crosswalk.fields["id"].optional and crosswalk.fields["id"].columns == ("x", "y")


def test_columns_that_reach_no_field_are_dropped_and_said(run: Run) -> None:
    columns = {"a": ["x", "y"], "b": ["z", None], "name": ["own", "own"], "empty": [None, None]}
    mapped = run(columns, {"id": {"from": "a"}})
    assert pq.read_schema(mapped.path).names == ["id", "_row", "_fid"]
    assert mapped.unmapped == ("b", "name", "empty")
    assert losses(mapped) == {"column.unmapped b": 1, "column.unmapped name": 2}


def test_fields_come_in_the_standards_order_and_rows_in_the_sources(run: Run) -> None:
    mapped = run({"a": ["x", "y"]}, {"source": {"value": "s"}, "id": {"from": "A"}}, points=[(1, 2), None])
    assert pq.read_schema(mapped.path).names == ["id", "source", "geometry", "_row", "_fid"]
    assert values(mapped, "_row") == [0, 1] and values(mapped, "_fid") == ["1", "2"]
    assert mapped.origins == {"id": ("a",), "source": ()}


def test_the_same_input_gives_the_same_bytes(run: Run) -> None:
    columns = {"a": [str(n) for n in range(5000)], "h": ["12 m"] * 5000}
    fields = {"id": {"from": "a", "prefix": "x:"}, "height_m": {"from": "h", "unit": "ft"}}
    once = run(columns, fields).path.read_bytes()
    assert run(columns, fields).path.read_bytes() == once


def test_an_empty_layer_is_mapped_to_an_empty_layer(run: Run) -> None:
    import pyarrow as pa

    columns = {"a": pa.array([], pa.string()), "h": pa.array([], pa.string())}
    mapped = run(columns, {"id": {"from": "a"}, "height_m": {"from": "h", "unit": "ft"}}, points=[])
    assert values(mapped, "id") == []
    assert mapped.losses == ()


def test_rows_where_the_filter_cannot_be_decided_are_left_out_and_counted(run: Run) -> None:
    mapped = run(
        {"h": ["5", "tall", None, "20"]}, {"where": "CAST(h AS INTEGER) > 10", "fields": {"id": {"from": "h"}}}
    )
    assert values(mapped, "id") == ["20"]
    assert losses(mapped) == {"rows.filtered": 3}
