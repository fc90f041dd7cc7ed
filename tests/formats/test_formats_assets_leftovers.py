"""Files that no reader knows: what they are is told from their bytes, and nothing of them is guessed."""

from __future__ import annotations

import io
import tarfile
import zipfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cimkit.errors import SourceError
from cimkit.formats.models.leftovers import leftover


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"d\.zip/report\.pdf cannot be read: No such file"):
        leftover(tmp_path / "gone", "d.zip/report.pdf")


def test_an_empty_file_is_nothing_whatever_its_name(tmp_path: Path) -> None:
    path = tmp_path / "x.pdf"
    path.write_bytes(b"")
    asset = leftover(path, "x.pdf")
    assert (asset.kind, asset.bytes, asset.about) == ("other", 0, {"what": "empty file"})
    assert [hint.code for hint in asset.hints] == ["asset.empty"]


def _zip() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("word/document.xml", "<w/>")
    return buffer.getvalue()


def _tar() -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        archive.addfile(tarfile.TarInfo("a.txt"))
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("name", "data", "kind", "what"),
    [
        ("验收报告.pdf", b"%PDF-1.7\n", "document", "PDF document"),
        ("photo.dat", b"\xff\xd8\xff\xe0\0\x10JFIF", "image", "JPEG image"),
        ("named.pdf", b"\x89PNG\r\n\x1a\n\0\0", "image", "PNG image"),  # the bytes, not the name
        ("a.docx", _zip(), "document", "Word document"),
        ("a.bin", _zip(), "archive", "zip archive"),
        ("a.doc", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 99, "document", "Word document"),
        ("a.x", _tar(), "archive", "tar archive"),
        ("a.rar", b"Rar!\x1a\x07\x01\0", "archive", "RAR archive"),
        ("building.xsd", b"<xs:schema/>", "document", "XML schema"),
        ("house.rvt", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "model", "Revit model"),
        ("tile.osgb", b"\x91\x92\0\0", "model", "OSGB model"),
        ("README", b"hello\n", "other", "text of unknown kind"),
        ("x.dat", b"\x01\0\x02", "other", "binary of unknown kind"),
    ],
)
def test_kinds(tmp_path: Path, name: str, data: bytes, kind: str, what: str) -> None:
    path = tmp_path / "unpacked"
    path.write_bytes(data)
    asset = leftover(path, f"delivery.zip/资料/{name}")
    assert (asset.kind, asset.about["what"]) == (kind, what)
    assert (asset.name, asset.path, asset.bytes) == (name, f"delivery.zip/资料/{name}", len(data))
    assert (asset.crs.value, asset.crs.how, asset.bbox, asset.bbox_crs84) == (None, "no geometry", None, None)


@given(data=st.binary(max_size=300), name=st.text(min_size=1, max_size=20))
def test_any_bytes_under_any_name(tmp_path_factory: pytest.TempPathFactory, data: bytes, name: str) -> None:
    path = tmp_path_factory.getbasetemp() / "leftover-of-any-bytes"
    path.write_bytes(data)
    asset = leftover(path, name)
    assert asset.bytes == len(data) and asset.name and asset.about["what"]
