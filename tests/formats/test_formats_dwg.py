"""DWG: every release but 2000 is named and refused. None of 2000 is at hand, so a DXF stands in for its records."""

from __future__ import annotations

from pathlib import Path

import ezdxf
import fiona
import pytest

import cimkit.formats as formats
from cimkit.errors import SourceError, UsageError
from cimkit.formats.dataset import Delivery
from cimkit.formats.models import dwg
from cimkit.formats.registry import Wishes


@pytest.mark.parametrize(
    ("magic", "said"),
    [
        (b"AC1032", "2018 or later"),
        (b"AC1027", "2013 to 2017"),
        (b"AC1024", "2010 to 2012"),
        (b"AC1021", "2007 to 2009"),
        (b"AC1018", "2004 to 2006"),
        (b"AC1014", "AutoCAD 14"),
        (b"AC1009", "11 or 12"),
        (b"AC1099", "not known (AC1099)"),
        (b"AC2.10", "not known (AC2.10)"),
    ],
)
def test_other_releases_are_named_with_what_to_do(tmp_path: Path, magic: bytes, said: str) -> None:
    (tmp_path / "x.dwg").write_bytes(magic + b"\0\0\0\0\0\1" + bytes(range(256)))
    with pytest.raises(SourceError) as error:
        formats.open(tmp_path / "x.dwg")
    assert said in str(error.value)
    assert "DXF" in (error.value.hint or "") and "dwg2dxf" in (error.value.hint or "")


def test_a_damaged_drawing_of_2000(tmp_path: Path) -> None:
    (tmp_path / "x.dwg").write_bytes(b"AC1015" + bytes(range(256)) * 40)
    with pytest.raises(SourceError, match="cannot be read as DWG") as error:
        formats.open(tmp_path / "x.dwg")
    assert "DXF" in (error.value.hint or "")


def test_an_encoding_cannot_be_given(tmp_path: Path) -> None:
    (tmp_path / "x.dwg").write_bytes(b"AC1015" + b"\0" * 100)
    with pytest.raises(UsageError):
        formats.open(tmp_path / "x.dwg", encoding="gbk")


def test_fiona_has_the_driver() -> None:
    with fiona.Env() as env:
        assert "CAD" in env.drivers()


def test_records_become_a_layer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The way from fiona's records to Arrow, with the DXF driver in place of the CAD driver."""
    doc = ezdxf.new("R2010")
    doc.modelspace().add_line((0, 0), (1, 1), dxfattribs={"layer": "GX"})
    doc.modelspace().add_text("a1", dxfattribs={"insert": (3, 4)})
    doc.saveas(tmp_path / "x.dxf")
    monkeypatch.setattr(dwg, "_DRIVER", "DXF")
    path = tmp_path / "x.dxf"
    layer = dwg.DwgLayer(Delivery(path, "DWG", (path,)), "entities", Wishes())
    with layer.stream(1) as stream:
        batches = list(stream.batches)
        assert stream.hints[0].code == "dwg.limited"
    assert [batch.num_rows for batch in batches] == [1, 1]
    table = layer.arrow()
    assert table["Layer"].to_pylist() == ["GX", "0"] and table["Text"].to_pylist()[1] == "a1"
    assert layer.to_geopandas().geometry.geom_type.tolist() == ["LineString", "Point"]
    assert layer.crs.value is None
