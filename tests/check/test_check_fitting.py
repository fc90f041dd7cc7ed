"""Which delivered layers are checked, and which are told of as left out: with a crosswalk, and beside other data."""

from __future__ import annotations

from pathlib import Path

import openpyxl
import pytest

import cimkit
from cimkit.errors import StandardError
from cimkit.model import Report

WALK = """
crosswalk: haus
to: cim-core@^0.1/facility_poi
geometry: {x: x, y: y, crs: 'EPSG:4490'}
fields:
  id: {from: nr}
  name: {from: haus}
  source: {value: town}
"""
POI = "id,name,category,source,updated_at,lon,lat\np1,Post,public_service,town,2024-05-01,116.3,39.9\n"


@pytest.fixture
def walk(tmp_path: Path) -> Path:
    path = tmp_path / "walk.yaml"
    path.write_text(WALK, encoding="utf-8")
    return path


def workbook(path: Path, *sheets: tuple[str, list[list[str]]]) -> Path:
    book = openpyxl.Workbook()
    book.remove(book.active)
    for name, rows in sheets:
        sheet = book.create_sheet(name)
        for row in rows:
            sheet.append(row)
    book.save(path)
    return path


RECORDS = ("Records", [["nr", "haus", "x", "y"], ["h1", "Rathaus", "116.3", "39.9"]])
NOTES = ("Notes", [["item", "remark"], ["as of", "2024"]])


def skipped(report: Report) -> dict[str, str]:
    return {s.rule.rpartition(":")[2]: s.why for s in report.coverage.rules.skipped if ":" in s.rule}


@pytest.mark.parametrize("sheets", [(RECORDS, NOTES), (NOTES, RECORDS)])
def test_a_sheet_of_notes_beside_the_records(tmp_path: Path, walk: Path, sheets: tuple[tuple[str, list[list[str]]]]):
    book = workbook(tmp_path / "town.xlsx", *sheets)
    report = cimkit.check(book, standard="cim-core", crosswalk=walk)
    assert [layer.name for source in report.sources for layer in source.layers] == ["Records"]
    assert report.coverage.features_checked == 1
    assert "'nr'" in skipped(report)["Notes"] and "crosswalk does not fit" in skipped(report)["Notes"]
    assert "对照表" in skipped(cimkit.check(book, standard="cim-core", crosswalk=walk, lang="zh"))["Notes"]


def test_a_crosswalk_that_fits_nothing_of_a_source_is_an_error(tmp_path: Path, walk: Path) -> None:
    good = workbook(tmp_path / "good.xlsx", RECORDS)
    notes = workbook(tmp_path / "notes.xlsx", NOTES, ("More", NOTES[1]))
    with pytest.raises(StandardError, match="no column 'nr'"):
        cimkit.check(notes, standard="cim-core", crosswalk=walk)
    with pytest.raises(StandardError, match="no column 'nr'"):
        cimkit.check([good, notes], standard="cim-core", crosswalk=walk)


def test_data_beside_that_is_nothing_of_the_standard_is_told(tmp_path: Path) -> None:
    (tmp_path / "facility_poi.csv").write_text(POI, encoding="utf-8")
    (tmp_path / "strange.csv").write_text("a,b\n1,2\n", encoding="utf-8")
    report = cimkit.check(tmp_path / "facility_poi.csv", standard="cim-core", known=tmp_path / "strange.csv")
    assert skipped(report) == {"strange": "cim-core has no such layer"}


def test_data_beside_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    """A reference may fail for nothing but that."""
    (tmp_path / "facility_poi.csv").write_text(POI, encoding="utf-8")
    beside = tmp_path / "beside"
    beside.mkdir()
    (beside / "address.csv").write_text("id,full_address,source\na1,X,town\n", encoding="utf-8")
    (beside / "building.geojson").write_text('{"type": "FeatureCollection", "features": [', encoding="utf-8")
    report = cimkit.check(tmp_path / "facility_poi.csv", standard="cim-core", known=beside)
    assert [Path(f.source).name for f in report.findings if f.code == "source.unreadable"] == ["building.geojson"]
