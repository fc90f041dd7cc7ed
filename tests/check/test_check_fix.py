"""``check --fix``: what is mended, what is left alone, and that nothing is written unasked."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import geopandas
import pandas as pd
import pyarrow.parquet as pq
import pytest
import shapely
import yaml
from check_standards import standard_of_things
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import cimkit
from cimkit.check.repairs.texts import TextRepairs
from cimkit.errors import UsageError
from cimkit.model import RepairReport
from cimkit.standard import FieldSpec

FIELDS: dict[str, Any] = {
    "id": {"type": "string", "cim:key": True},
    "name": {"type": "string"},
    "height": {"type": "number", "cim:unit": "m"},
    "floors": {"type": "integer"},
    "day": {"type": "string", "format": "date"},
    "use": {"type": "string", "cim:codelist": "use"},
}
CODES = "code,parent,label_en,label_zh,definition_en,definition_zh,status,valid_from,valid_to,replaced_by,source\n"
CODES += "res,,Residential,住宅,,,valid,,,,\ncom,,Commercial,商业,,,valid,,,,\nold,,Old one,旧,,,deprecated,,,com,\n"


@pytest.fixture
def standard(tmp_path: Path) -> Path:
    geometry = {"types": ["Polygon", "MultiPolygon"], "required": False}
    package = standard_of_things(tmp_path, FIELDS, **{"cim:geometry": geometry})
    (package / "codelists").mkdir()
    entry = {
        "id": "use", "version": "0.1.0", "title": {"en": "Use"}, "open": False, "status": "draft",
        "verification": "proposal", "source": "made up",
    }  # fmt: skip
    (package / "codelists" / "use.csv").write_text(CODES, encoding="utf-8")
    (package / "codelists.yaml").write_text(yaml.safe_dump([entry]), encoding="utf-8")
    return package


def csv(path: Path, *rows: str) -> Path:
    path.write_text("\n".join(["id,name,height,floors,day,use", *rows]) + "\n", encoding="utf-8")
    return path


def told(report: RepairReport) -> dict[tuple[str, str], tuple[int, Any, Any]]:
    return {(r.code.removeprefix("repair."), r.field): (r.count, r.before, r.after) for r in report.repairs}


def test_a_dry_run_writes_nothing(tmp_path: Path, standard: Path) -> None:
    data = csv(tmp_path / "thing.csv", 'a1," x ",1,1,2024-01-01,res')
    before = sorted(tmp_path.rglob("*")), data.read_bytes()
    report = cimkit.fix(data, standard=standard)
    assert report.target is None
    assert told(report) == {("blanks", "name"): (1, " x ", "x")}
    assert (sorted(tmp_path.rglob("*")), data.read_bytes()) == before


def test_every_kind_of_cell(tmp_path: Path, standard: Path) -> None:
    data = csv(
        tmp_path / "thing.csv",
        "a1,ok,１２.5,3.0,2024/5/1,住宅",
        "a2,åŒ—äº¬,12 m,3,2024年5月1日,OLD",
        'a3,x\u200b,"1,200.5",3.5,20240230,old',
        "a4,１２,-,2,01/05/2024,Commercial",
    )
    target, record = tmp_path / "out.parquet", tmp_path / "changes.parquet"
    report = cimkit.fix(data, standard=standard, target=target, record=record)
    mended = pq.read_table(target).to_pydict()
    assert mended["name"] == ["ok", "北京", "x", "１２"]  # a name may be as wide as it likes
    assert mended["height"] == ["12.5", "12", "1200.5", "-"]
    assert mended["floors"] == ["3", "3", "3.5", "2"]
    assert mended["day"] == ["2024-05-01", "2024-05-01", "20240230", "01/05/2024"]
    assert mended["use"] == ["res", "com", "com", "com"]
    assert report.rows_changed == 4
    assert report.after["error"] < report.before["error"]
    changes = pd.read_parquet(record)
    assert len(changes) == sum(count for count, _, _ in told(report).values())
    assert set(changes.columns) == {"_row", "field", "repairs", "before", "after"}
    assert list(pq.read_schema(target).names) == ["id", "name", "height", "floors", "day", "use"]


def test_columns_may_be_called_anything(tmp_path: Path, standard: Path) -> None:
    names = ["id", "before", "after", "repairs", "_row", "geometry", 'quo""te', "source", "mended_0", "Before"]
    data = tmp_path / "thing.csv"
    data.write_text(",".join(f'"{name}"' for name in names) + "\n" + ",".join('" x"' for _ in names) + "\n")
    target = tmp_path / "out.parquet"
    report = cimkit.fix(data, standard=f"{standard}/thing", target=target)
    assert sum(repair.count for repair in report.repairs) == len(names)
    assert set(pq.read_table(target).to_pylist()[0].values()) == {"x"}


def test_the_source_is_never_written_to(tmp_path: Path, standard: Path) -> None:
    data = csv(tmp_path / "thing.csv", "a1, x,1,1,2024-01-01,res")
    before, hard, soft = data.read_bytes(), tmp_path / "hard.csv", tmp_path / "soft.csv"
    hard.hardlink_to(data)
    soft.symlink_to(data)
    for path in (data, hard, soft):
        for name in ("target", "record"):
            with pytest.raises(UsageError, match="never written to"):
                cimkit.fix(data, standard=standard, **{name: path})
    with pytest.raises(UsageError, match="cannot both be"):
        cimkit.fix(data, standard=standard, target=tmp_path / "o.parquet", record=tmp_path / "o.parquet")
    assert data.read_bytes() == before


def test_what_can_be_read_two_ways_is_left_alone(tmp_path: Path, standard: Path) -> None:
    data = csv(
        tmp_path / "thing.csv",
        'a1,"   ","1,234","3,000",2024-01-01,',  # blanks alone; a decimal comma, or thousands
        '"a2 ",x,12 ft,3.5,,hut',
        "a2,x,12 mm,1,,",  # trimmed, the key of the second would be that of the third
        '" a4",x,1,1,,',
        '"a4 ",x,1,1,,',
    )
    report = cimkit.fix(data, standard=standard)
    assert told(report) == {}
    assert report.before == report.after


def test_a_unit_that_is_a_digit_is_no_part_of_a_number() -> None:
    spec = FieldSpec("x", ("number",), None, "O", None, False, None, "1", None, {}, False)
    assert list(TextRepairs(spec, None).of("121")) == []


def test_columns_that_a_crosswalk_reads_are_left_to_it(tmp_path: Path, standard: Path) -> None:
    data = tmp_path / "source.csv"
    data.write_text('A,B,C,D,E\n"a1 ",12 m,住宅 ,2024/5/1,Commercial\na2,3,x,20240501,Residential\n', encoding="utf-8")
    walk = tmp_path / "walk.yaml"
    rules = {
        "id": {"from": "A"},
        "name": {"from": "E"},
        "height": {"from": "B", "unit": "[ft_i]", "parse": "number"},
        "use": {"from": "C", "codes": {"住宅 ": "res"}},
        "day": {"from": "D", "parse": "date"},
    }
    crosswalk = {"crosswalk": "walk", "to": "things@^0.1/thing", "where": "A <> 'a2'", "fields": rules}
    walk.write_text(yaml.safe_dump(crosswalk, allow_unicode=True), encoding="utf-8")
    target = tmp_path / "out.csv.parquet"
    report = cimkit.fix(data, standard=standard, crosswalk=walk, target=target)
    assert told(report) == {("blanks", "A"): (1, "a1 ", "a1")}
    assert pq.read_table(target).to_pydict() == {
        "A": ["a1", "a2"], "B": ["12 m", "3"], "C": ["住宅 ", "x"], "D": ["2024/5/1", "20240501"],
        "E": ["Commercial", "Residential"],
    }  # fmt: skip


CELLS = {
    "id": st.sampled_from(["a1", "a1 ", "\u3000a1", "a2", "Ａ2", "", " "]),
    "name": st.sampled_from(["x", " x", "  ", "åŒ—äº¬", "１"]),
    "height": st.sampled_from(["1", "1 m", "1,5", "1,234", "1,234.5", "１２米", "-", "3.0", "nan", "12m m"]),
    "floors": st.sampled_from(["1", "3.0", "1 000", "1,000,000", "٣", "2.5"]),
    "day": st.sampled_from(["2024-01-01", "2024/1/1", "20240230", "2024年2月30日", "20240228", "1/2/2024"]),
    "use": st.sampled_from(["res", "RES", "住宅", "Old one", "old", "hut", " res"]),
}


@given(st.lists(st.fixed_dictionaries(CELLS), min_size=1, max_size=6))
@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_mending_makes_nothing_worse_and_is_done_once(
    tmp_path: Path, standard: Path, records: list[dict[str, str]]
) -> None:
    data, mended, again = tmp_path / "thing.csv", tmp_path / "o1.parquet", tmp_path / "o2.parquet"
    pd.DataFrame(records).to_csv(data, index=False)
    report = cimkit.fix(data, standard=standard, target=mended)
    assert report.after["error"] <= report.before["error"]
    assert report.after["warning"] <= report.before["warning"]
    pd.read_parquet(mended).to_csv(data, index=False)
    assert not cimkit.fix(data, standard=standard, target=again).repairs
    assert pq.read_table(mended).equals(pq.read_table(again))


def test_what_is_sound_is_left_alone(tmp_path: Path, standard: Path) -> None:
    data = csv(tmp_path / "thing.csv", "a1,Rue de l'Église 5,12.5,3,2024-05-01,res", "a2,青柳 路,1e3,-1,,")
    report = cimkit.fix(data, standard=standard)
    assert not report.repairs
    assert report.rows_changed == 0


def polygons(path: Path, *wkts: str, crs: str = "EPSG:4326") -> Path:
    shapes = [shapely.from_wkt(wkt) for wkt in wkts]
    frame = geopandas.GeoDataFrame({"id": [f"a{i:02}" for i in range(len(wkts))]}, geometry=shapes, crs=crs)
    frame.to_parquet(path)
    return path


def test_shapes_are_made_valid_and_keep_their_kind(tmp_path: Path, standard: Path) -> None:
    bowtie = "POLYGON ((0 0, 2 2, 2 0, 0 2, 0 0))"
    twice = "POLYGON ((0 0, 4 0, 4 4, 0 4, 0 0), (1 1, 1 6, 2 6, 2 1, 1 1))"
    flat = "POLYGON ((0 0, 1 1, 2 2, 0 0))"
    good = "POLYGON ((10 10, 11 10, 11 11, 10 10))"
    data = polygons(tmp_path / "thing.parquet", bowtie, good, twice, flat)
    target = tmp_path / "out.parquet"
    report = cimkit.fix(data, standard=standard, target=target)
    assert told(report)["valid", "geometry"][0] == 2
    mended = geopandas.read_parquet(target)
    assert mended.crs == "EPSG:4326"
    assert mended.geometry.is_valid.tolist() == [True, True, True, False]  # a line is no polygon: left as it was
    assert mended.geometry[1].equals_exact(shapely.from_wkt(good), 0)
    assert set(mended.geometry.geom_type) <= {"Polygon", "MultiPolygon"}


def test_open_rings_are_closed(tmp_path: Path, standard: Path) -> None:
    ring = [[0, 0], [1, 0], [1, 1], [0, 1]]
    feature = {
        "type": "Feature",
        "properties": {"id": "a01"},
        "geometry": {"type": "Polygon", "coordinates": [ring]},
    }
    data = tmp_path / "thing.geojson"
    data.write_text(json.dumps({"type": "FeatureCollection", "features": [feature]}), encoding="utf-8")
    target = tmp_path / "out.parquet"
    report = cimkit.fix(data, standard=standard, target=target)
    assert {code for code, _ in told(report)} <= {"ring", "valid"}
    assert geopandas.read_parquet(target).geometry[0].area == 1


def test_swapped_axes_are_swapped_back(tmp_path: Path, standard: Path) -> None:
    data = tmp_path / "thing.parquet"
    frame = geopandas.GeoDataFrame({"id": ["a01"]}, geometry=[shapely.box(4400000, 500000, 4400010, 500020)])
    frame.set_crs("EPSG:4546").to_parquet(data)
    target = tmp_path / "out.parquet"
    report = cimkit.fix(data, standard=standard, target=target)
    assert told(report)["axes", "geometry"][0] == 1
    assert geopandas.read_parquet(target).total_bounds.tolist() == [500000, 4400000, 500020, 4400010]
    assert (report.before["warning"], report.after["warning"]) == (1, 0)
    assert (report.repairs[0].before, report.repairs[0].after) == ("4400010 500000", "500000 4400010")


def test_heights_stay_and_measures_are_left_alone(tmp_path: Path, standard: Path) -> None:
    ring = "(4400000 500000 1, 4400010 500000 2, 4400010 500020 3, 4400000 500000 1)"
    target = tmp_path / "out.parquet"
    cimkit.fix(polygons(tmp_path / "thing.parquet", f"POLYGON Z ({ring})", crs="EPSG:4546"), standard=standard,
               target=target)  # fmt: skip
    (shape,) = geopandas.read_parquet(target).geometry
    assert shape.wkt == "POLYGON Z ((500000 4400000 1, 500000 4400010 2, 500020 4400010 3, 500000 4400000 1))"
    bowtie = "((0 0 1, 2 2 2, 2 0 3, 0 2 4, 0 0 1))"
    data = polygons(tmp_path / "thing.parquet", f"POLYGON Z {bowtie}", f"POLYGON M {bowtie}")
    report = cimkit.fix(data, standard=standard, target=target)
    assert told(report)["valid", "geometry"][0] == 1
    mended = geopandas.read_parquet(target).geometry
    assert mended.has_z.tolist() == [True, False]
    assert mended[1].wkt == shapely.from_wkt(f"POLYGON M {bowtie}").wkt


def test_one_layer_at_a_time(tmp_path: Path, standard: Path) -> None:
    data = tmp_path / "two.gpkg"
    frame = geopandas.GeoDataFrame({"id": ["a01"]}, geometry=[shapely.Point(0, 0)], crs="EPSG:4326")
    for layer in ("one", "two"):
        frame.to_file(data, layer=layer, driver="GPKG")
    with pytest.raises(UsageError, match="several layers"):
        cimkit.fix(data, standard=standard)


SPEC = FieldSpec("x", ("number",), None, "O", None, False, None, "m", None, {}, False)


@given(st.text(max_size=12))
def test_mending_twice_is_mending_once(value: str) -> None:
    for spec in (None, SPEC, FieldSpec("d", ("string",), "date", "O", None, False, None, None, None, {}, False)):
        repairs = TextRepairs(spec, None)
        once = ([value] + [after for _, after in repairs.of(value)])[-1]
        assert list(repairs.of(once)) == []


@given(st.floats(allow_nan=False, allow_infinity=False), st.sampled_from(["", "m", " m", "米", " "]))
def test_a_number_keeps_its_value(value: float, unit: str) -> None:
    written = f"{value!r}{unit}"
    mended = ([written] + [after for _, after in TextRepairs(SPEC, None).of(written)])[-1]
    assert float(mended) == value


def test_the_same_bytes_twice(tmp_path: Path, standard: Path) -> None:
    data = csv(tmp_path / "thing.csv", *(f"a{i},x{i}\u00a0,{i} m,1,2024/1/1,住宅" for i in range(50)))
    digests = set()
    for number in range(2):
        target, record = tmp_path / f"o{number}.parquet", tmp_path / f"r{number}.parquet"
        cimkit.fix(data, standard=standard, target=target, record=record)
        digests.add(tuple(hashlib.sha256(path.read_bytes()).hexdigest() for path in (target, record)))
    assert len(digests) == 1


def test_on_the_command_line(tmp_path: Path, standard: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from cimkit.cli import execute

    def run(*arguments: str | Path) -> tuple[int, str]:
        code = execute(["check", *map(str, arguments)])
        return code, capsys.readouterr().out

    data = csv(tmp_path / "thing.csv", "a1,' x',12 m,1,2024/1/1,住宅", "a2,b,1,1,2024-01-01,hut")
    code, text = run(data, "--standard", standard, "--fix")
    assert code == 1
    assert "Would mend 3 places in 1 of 2 records" in text
    assert "2024/1/1" in text
    target = tmp_path / "thing.gpkg"
    code, text = run(data, "--standard", standard, "--fix-to", target, "--format", "json", "--fail-on", "never")
    assert code == 0
    assert geopandas.list_layers(target)["name"].tolist() == ["thing"]
    assert geopandas.read_file(target)["day"].tolist() == ["2024-01-01", "2024-01-01"]
    assert run(data, "--fix")[0] == 2
    assert run(data, "--standard", standard, "--fix", "--report", tmp_path / "r.html")[0] == 2
    assert run(data, data, "--standard", standard, "--fix")[0] == 2
    assert run(data, "--standard", standard, "--fix-to", data)[0] == 2
    assert run(data, "--standard", standard, "--fix-record", tmp_path / "r.csv")[0] == 2
