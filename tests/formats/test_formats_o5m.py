"""OpenStreetMap data that GDAL does not know: o5m and OPL, read through osmium."""

from __future__ import annotations

import sys
from pathlib import Path

import osmium
import pytest
import shapely

from cimkit import formats
from cimkit.errors import SourceError


def signed(number: int) -> bytes:
    """A number as o5m writes it: seven bits a byte, the sign last (OSM wiki, "O5m")."""
    value = number << 1 if number >= 0 else (-number << 1) - 1
    out = b""
    while value > 0x7F:
        out += bytes([value & 0x7F | 0x80])
        value >>= 7
    return out + bytes([value])


def node(number: int, lon: float, lat: float, name: str) -> bytes:
    body = signed(number) + b"\0" + signed(round(lon * 1e7)) + signed(round(lat * 1e7))
    body += b"\0name\0" + name.encode() + b"\0"
    return b"\x10" + bytes([len(body)]) + body


O5M = b"\xff\xe0\x04o5m2" + node(1, 121.6, 31.2, "楼") + b"\xfe"


def test_o5m(tmp_path: Path) -> None:
    path = tmp_path / "x.o5m"
    path.write_bytes(O5M)
    dataset = formats.open(path)
    assert dataset.delivery.format == "OSM o5m" and dataset.source.path == str(path)
    table = dataset.layer("points").arrow()
    assert table["name"].to_pylist() == ["楼"]
    assert shapely.from_wkb(table["geometry"][0].as_py()).equals_exact(shapely.Point(121.6, 31.2), 1e-9)


def test_opl(tmp_path: Path) -> None:
    (tmp_path / "x.o5m").write_bytes(O5M)
    path = tmp_path / "x.opl"
    with osmium.SimpleWriter(str(path)) as writer:
        for thing in osmium.FileProcessor(str(tmp_path / "x.o5m")):
            writer.add(thing)
    assert formats.open(path).layer("points").arrow()["name"].to_pylist() == ["楼"]


def test_a_file_that_breaks_off_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.o5m"
    path.write_bytes(O5M[:20])
    with pytest.raises(SourceError, match=r"x\.o5m cannot be read"):
        formats.open(path)


def test_without_osmium_the_command_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "x.o5m"
    path.write_bytes(O5M)
    monkeypatch.setitem(sys.modules, "osmium", None)
    with pytest.raises(SourceError) as error:
        formats.open(path)
    assert error.value.hint == "pip install 'cimkit[osm]'"
