"""Archives: what is unsafe, damaged or too big is refused or told; the rest is read as if it lay in a folder."""

from __future__ import annotations

import bz2
import gc
import gzip
import io
import lzma
import os
import shutil
import stat
import struct
import tarfile
import tempfile
import zipfile
import zlib
from pathlib import Path

import geopandas
import pyogrio
import pytest
from formats_archives import POINTS, TABLE, overlapping_zip, plain_zip, raw_zip, tar_of
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely.geometry import Point

import cimkit
import cimkit.formats as formats
from cimkit.errors import SourceError
from cimkit.formats import archives
from cimkit.formats.member_names import decoded, refuse_unsafe


@pytest.fixture(autouse=True)
def unpacked(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder that archives are unpacked to in the test; it is empty again at the end."""
    folder = tmp_path_factory.mktemp("unpacked")
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    yield folder
    gc.collect()
    assert list(folder.iterdir()) == []


def refused(path: Path, unpacked: Path) -> str:
    """The error of opening an archive; nothing is left of it, nor was anything written beside it."""
    before = sorted(path.parent.rglob("*"))
    with pytest.raises(SourceError) as caught:
        formats.open(path)
    assert path.name in str(caught.value)
    assert str(unpacked) not in f"{caught.value} {caught.value.hint}"
    assert caught.value.hint
    message = str(caught.value)
    del caught
    assert sorted(path.parent.rglob("*")) == before
    return message


# ---- hostile --------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name", ["../evil.csv", "a/../../evil.csv", "/etc/evil.csv", "C:\\evil.csv", "c:evil.csv", "..\\evil.csv", "a/.."]
)
def test_names_that_lead_out(tmp_path: Path, unpacked: Path, name: str) -> None:
    path = raw_zip(tmp_path / "x.zip", [(b"good.csv", TABLE), (name.encode(), TABLE)])
    assert "outside of the archive's own folder" in refused(path, unpacked)
    path = tar_of(tmp_path / "x.tar", [("good.csv", TABLE, tarfile.REGTYPE), (name, TABLE, tarfile.REGTYPE)])
    assert "outside of the archive's own folder" in refused(path, unpacked)
    assert not (unpacked.parent / "evil.csv").exists()


@given(st.text(st.sampled_from("ab./\\:C\0\n"), min_size=1, max_size=12))
@settings(deadline=None, max_examples=200)
def test_no_name_that_passes_leads_out(name: str) -> None:
    (plain,), _ = decoded([name])
    try:
        refuse_unsafe([plain], "x.zip")
    except SourceError:
        return
    root = Path("/root")
    target = Path(os.path.normpath(root.joinpath(*(p for p in plain.split("/") if p not in ("", ".")))))
    assert target.is_relative_to(root)


@pytest.mark.parametrize(("one", "two"), [("a.csv", "A.CSV"), ("x/é.csv", "x/e\u0301.csv"), ("a.csv", "a.csv")])
def test_names_that_are_one_file_on_some_disk(tmp_path: Path, unpacked: Path, one: str, two: str) -> None:
    path = raw_zip(tmp_path / "x.zip", [(one.encode(), TABLE), (two.encode(), TABLE)], flags=0x800)
    assert "one file on many disks" in refused(path, unpacked)


@pytest.mark.parametrize("name", ["a\x1b[31m.csv", "a\n.csv", "a\u202egpj.csv"])
def test_names_that_cannot_be_seen(tmp_path: Path, unpacked: Path, name: str) -> None:
    path = raw_zip(tmp_path / "x.zip", [(name.encode(), TABLE)], flags=0x800)
    message = refused(path, unpacked)
    assert "cannot be seen" in message
    assert name not in message


@pytest.mark.parametrize("mode", [stat.S_IFLNK | 0o777, stat.S_IFCHR, stat.S_IFIFO])
def test_links_and_devices_are_not_made(tmp_path: Path, unpacked: Path, mode: int) -> None:
    path = raw_zip(tmp_path / "x.zip", [(b"passwd.csv", b"/etc/passwd")], mode=mode)
    assert "link or device" in refused(path, unpacked)


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE])
def test_links_and_devices_of_a_tar_are_not_made(tmp_path: Path, kind: bytes) -> None:
    members = [("points.geojson", POINTS, tarfile.REGTYPE), ("passwd.csv", None, kind), ("d", None, tarfile.DIRTYPE)]
    dataset = formats.open(tar_of(tmp_path / "x.tar", members))
    assert [layer.name for layer in dataset.layers] == ["points"]
    assert [reject.place for reject in dataset.unread] == [str(tmp_path / "x.tar/passwd.csv")]
    assert "link or device" in dataset.unread[0].reason
    assert "files.unread" in {hint.code for hint in dataset.hints}


def test_a_member_that_would_go_through_a_link(tmp_path: Path) -> None:
    members = [("d", None, tarfile.SYMTYPE), ("d/evil.csv", TABLE, tarfile.REGTYPE)]
    dataset = formats.open(tar_of(tmp_path / "x.tar", members))
    assert [reject.place for reject in dataset.unread] == [str(tmp_path / "x.tar/d")]
    assert dataset.layer().arrow().num_rows == 2


def bomb(tmp_path: Path, kind: str) -> Path:
    size = 3 << 20
    zeros = b"\0" * size
    match kind:
        case "zip":
            return plain_zip(tmp_path / "x.zip", {"zeros.csv": zeros})
        case "overlapping":
            return overlapping_zip(tmp_path / "x.zip")
        case "gzip":
            (tmp_path / "x.csv.gz").write_bytes(gzip.compress(zeros))
            return tmp_path / "x.csv.gz"
        case "bzip2":
            (tmp_path / "x.csv.bz2").write_bytes(bz2.compress(zeros))
            return tmp_path / "x.csv.bz2"
        case "xz":
            (tmp_path / "x.csv.xz").write_bytes(lzma.compress(zeros))
            return tmp_path / "x.csv.xz"
        case "tar":
            return tar_of(tmp_path / "x.tgz", [("a.csv", zeros, tarfile.REGTYPE)], "w:gz")
    # Zips in a zip: each within its bounds, all together not.
    inner = {f"{n}.zip": plain_zip(tmp_path / "i", {"zeros.csv": b"\0" * (1 << 20)}).read_bytes() for n in range(3)}
    return plain_zip(tmp_path / "x.zip", inner)


@pytest.mark.parametrize("kind", ["zip", "overlapping", "gzip", "bzip2", "xz", "tar"])
def test_bombs(tmp_path: Path, unpacked: Path, monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    path = bomb(tmp_path, kind)
    monkeypatch.setattr(archives, "ALWAYS_ALLOWED", 2 << 20)
    message = refused(path, unpacked)
    assert ("lie over each other" if kind == "overlapping" else "no honest archive") in message


def test_bombs_in_a_zip_count_together(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = bomb(tmp_path, "nested")
    monkeypatch.setattr(archives, "ALWAYS_ALLOWED", 2 << 20)
    with pytest.raises(SourceError, match=r"Nothing in .*x\.zip can be read.*2\.zip: .*no honest archive"):
        formats.open(path)


def test_a_zip_that_is_packed_well_is_no_bomb(tmp_path: Path) -> None:
    path = plain_zip(tmp_path / "x.zip", {"a.csv": b"code,name\n" + b"01,a\n" * 2_000_000})
    assert formats.open(path).layer().arrow().num_rows == 2_000_000


def test_a_disk_that_is_too_small(tmp_path: Path, unpacked: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = plain_zip(tmp_path / "x.zip", {"a.csv": TABLE})
    monkeypatch.setattr(shutil, "disk_usage", lambda _: os.terminal_size((0, 0)) and FakeUsage())
    assert "of disk" in refused(path, unpacked)


class FakeUsage:
    free = 100


def test_a_header_that_claims_less_than_there_is(tmp_path: Path, unpacked: Path) -> None:
    path = raw_zip(tmp_path / "x.zip", [(b"a.csv", TABLE * 10)], claim=10)
    assert "a.csv" in refused(path, unpacked)


def test_a_header_that_claims_more_than_there_is(tmp_path: Path, unpacked: Path) -> None:
    path = raw_zip(tmp_path / "x.zip", [(b"a.csv", TABLE)], claim=1 << 31)
    assert "no honest archive" in refused(path, unpacked)


def test_too_many_members(tmp_path: Path, unpacked: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = plain_zip(tmp_path / "x.zip", {f"{n}.csv": TABLE for n in range(20)})
    monkeypatch.setattr("cimkit.formats.probe.MOST_FILES", 10)
    assert "more than 10 files" in refused(path, unpacked)


def test_too_many_members_of_a_tar(tmp_path: Path, unpacked: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tar_of(tmp_path / "x.tar", [(f"{n}.csv", TABLE, tarfile.REGTYPE) for n in range(20)])
    monkeypatch.setattr(archives, "MOST_FILES", 10)
    assert "more than 10 files" in refused(path, unpacked)


def test_a_directory_that_says_it_is_endless(tmp_path: Path, unpacked: Path) -> None:
    path = plain_zip(tmp_path / "x.zip", {"a.csv": TABLE})
    data = bytearray(path.read_bytes())
    struct.pack_into("<I", data, len(data) - 10, 0x7FFFFFFF)
    path.write_bytes(data)
    assert "or says so" in refused(path, unpacked)


def test_an_archive_in_an_archive_in_an_archive(tmp_path: Path) -> None:
    inner = plain_zip(tmp_path / "i.zip", {"deep.csv": TABLE}).read_bytes()
    middle = plain_zip(tmp_path / "m.zip", {"i.zip": inner, "middle.csv": TABLE}).read_bytes()
    dataset = formats.open(plain_zip(tmp_path / "o.zip", {"m.zip": middle, "outer.csv": TABLE}))
    assert sorted(layer.name for layer in dataset.layers) == ["middle", "outer"]
    assert [(Path(r.place).name, "in an archive" in r.reason) for r in dataset.unread] == [("i.zip", True)]


# ---- damaged or protected -------------------------------------------------------------


def test_a_wrong_checksum_is_told_with_the_name(tmp_path: Path, unpacked: Path) -> None:
    message = refused(raw_zip(tmp_path / "x.zip", [(b"roads.csv", TABLE)], crc=1), unpacked)
    assert "x.zip/roads.csv" in message and "CRC" in message


def test_one_damaged_member_does_not_stop_the_others(tmp_path: Path) -> None:
    path = plain_zip(tmp_path / "x.zip", {"bad.csv": TABLE * 100, "good.csv": TABLE}, zipfile.ZIP_STORED)
    data = bytearray(path.read_bytes())
    data[60] ^= 1
    path.write_bytes(data)
    dataset = formats.open(path)
    assert [layer.name for layer in dataset.layers] == ["good"]
    assert "CRC" in dataset.unread[0].reason and dataset.unread[0].place.endswith("x.zip/bad.csv")
    assert dataset.delivery.format == "Archive"


def test_a_password(tmp_path: Path, unpacked: Path) -> None:
    path = raw_zip(tmp_path / "x.zip", [(b"a.csv", TABLE)], flags=1)
    assert "protected with a password" in refused(path, unpacked)


@pytest.mark.parametrize(("method", "said"), [(9, "Deflate64"), (98, "PPMd"), (99, "AES"), (77, "method 77")])
def test_methods_that_are_not_known(tmp_path: Path, unpacked: Path, method: int, said: str) -> None:
    path = raw_zip(tmp_path / "x.zip", [(b"a.csv", TABLE)], method=method)
    assert said in refused(path, unpacked)


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_methods_that_are_known(tmp_path: Path, method: int) -> None:
    path = plain_zip(tmp_path / "x.zip", {"a.csv": TABLE}, method)
    assert formats.open(path).layer().arrow()["code"].to_pylist() == ["01", "02"]


@pytest.mark.parametrize("share", [0.1, 0.3, 0.5, 0.7, 0.9, 0.99])
@pytest.mark.parametrize("kind", [".zip", ".tar", ".tgz", ".csv.gz", ".csv.bz2", ".csv.xz"])
def test_an_archive_that_is_cut_off_says_so(tmp_path: Path, kind: str, share: float) -> None:
    members = {f"{n}.csv": b"code,name\n" + os.urandom(2000).hex().encode() + b",x\n" for n in range(4)}
    path = tmp_path / f"x{kind}"
    if kind == ".zip":
        plain_zip(path, members)
    elif kind in (".tar", ".tgz"):
        listed = [(name, content, tarfile.REGTYPE) for name, content in members.items()]
        tar_of(path, listed, "w:gz" if kind == ".tgz" else "w")
    else:
        pack = {".csv.gz": gzip.compress, ".csv.bz2": bz2.compress, ".csv.xz": lzma.compress}[kind]
        path.write_bytes(pack(b"".join(members.values())))
    whole = path.read_bytes()
    assert formats.open(path).unread == ()
    path.write_bytes(whole[: int(len(whole) * share)])
    if kind == ".tar" and whole[len(path.read_bytes()) :].strip(b"\0") == b"" and share > 0.9:
        return  # only zeros behind the end mark are gone
    try:
        dataset = formats.open(path)
    except SourceError:
        return
    assert dataset.unread, "cut off, and nothing is said"


def test_an_empty_zip(tmp_path: Path, unpacked: Path) -> None:
    assert "holds no files" in refused(plain_zip(tmp_path / "x.zip", {}), unpacked)
    assert "holds no files" in refused(plain_zip(tmp_path / "y.zip", {"folder/": b""}), unpacked)


@pytest.mark.parametrize(
    ("magic", "said"),
    [(b"Rar!\x1a\x07\x01\0", "RAR"), (b"7z\xbc\xaf\x27\x1c\0\4", "7-Zip"), (b"\x28\xb5\x2f\xfd", "Zstandard")],
)
def test_archives_that_are_not_unpacked(tmp_path: Path, unpacked: Path, magic: bytes, said: str) -> None:
    (tmp_path / "x.rar").write_bytes(magic + b"\0" * 100)
    assert said in refused(tmp_path / "x.rar", unpacked)


def test_a_document_is_not_unpacked(tmp_path: Path, unpacked: Path) -> None:
    path = plain_zip(tmp_path / "x.docx", {"[Content_Types].xml": b"<a/>", "word/document.xml": b"<b/>"})
    assert "document" in refused(path, unpacked)


# ---- names ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("names", "encoding"),
    [
        (["建筑物.csv", "道路/中心线.csv"], "gb18030"),
        (["建築物.csv", "道路/中心線.csv", "臺北市.csv"], "big5"),
        (["建物/建築物.csv", "道路の中心線.csv", "データ一覧.csv"], "cp932"),
        (["Straße.csv", "Bäume/Höhe.csv"], "cp437"),
        (["建筑物.csv", "道路/中心线.csv"], "utf-8"),
        (["中国.csv"], "gb18030"),
    ],
)
def test_names_that_do_not_say_their_encoding(tmp_path: Path, names: list[str], encoding: str) -> None:
    path = raw_zip(tmp_path / "x.zip", [(name.encode(encoding), TABLE) for name in names])
    dataset = formats.open(path)
    assert sorted(layer.name for layer in dataset.layers) == sorted(Path(name).stem for name in names)
    codes = {hint.code for hint in dataset.hints}
    assert ("names.encoding" in codes) == (encoding != "utf-8")


def test_the_name_in_unicode_beside_the_old_one(tmp_path: Path) -> None:
    raw = b"________\xff.csv"
    extra = b"\x01" + struct.pack("<I", zlib.crc32(raw)) + "建筑物.csv".encode()
    path = raw_zip(tmp_path / "x.zip", [(raw, TABLE)], extra=struct.pack("<HH", 0x7075, len(extra)) + extra)
    assert formats.open(path).layer().name == "建筑物"


def test_names_of_a_tar_in_gb18030(tmp_path: Path) -> None:
    path = tmp_path / "x.tar"
    with tarfile.open(path, "w", format=tarfile.GNU_FORMAT, encoding="gb18030") as archive:
        info = tarfile.TarInfo("建筑物/道路中心线.csv")
        info.size = len(TABLE)
        archive.addfile(info, io.BytesIO(TABLE))
    assert formats.open(path).layer().name == "道路中心线"


def test_windows_folders(tmp_path: Path) -> None:
    path = raw_zip(tmp_path / "x.zip", [(b"a\\b\\roads.csv", TABLE), (b"a\\c\\roads.csv", TABLE)])
    assert [layer.name for layer in formats.open(path).layers] == ["a/b/roads.csv", "a/c/roads.csv"]


# ---- what is read ---------------------------------------------------------------------


def shapefile_zip(path: Path, stems: list[str], *, rows: int = 3) -> Path:
    folder = path.parent / "parts"
    for number, stem in enumerate(stems):
        (folder / stem).parent.mkdir(parents=True, exist_ok=True)
        places = [Point(114 + number, 22 + i / 10) for i in range(rows)]
        frame = geopandas.GeoDataFrame({"名称": ["建筑"] * rows}, geometry=places, crs=4326)
        frame.to_file(folder / f"{stem}.shp", encoding="GB18030")
    with zipfile.ZipFile(path, "w") as archive:
        for file in sorted(folder.rglob("*")):
            archive.write(file, file.relative_to(folder))
    shutil.rmtree(folder)
    return path


def test_several_nested_shapefiles_with_chinese_names(tmp_path: Path) -> None:
    path = shapefile_zip(tmp_path / "交付.zip", ["建筑物", "东区/道路", "西区/道路"])
    dataset = formats.open(path)
    assert [layer.name for layer in dataset.layers] == ["建筑物", "东区/道路.shp", "西区/道路.shp"]
    assert [str(layer.delivery.path) for layer in dataset.layers] == [
        f"{path}/建筑物.shp", f"{path}/东区/道路.shp", f"{path}/西区/道路.shp"
    ]  # fmt: skip
    for layer in dataset.layers:
        table = layer.arrow()
        assert table["名称"].to_pylist() == ["建筑"] * 3
        assert layer.source.path == str(layer.delivery.path)
        assert layer.source.bytes > 0
    assert dataset.source.bytes == path.stat().st_size
    assert all(seen.format == "ESRI Shapefile" and len(seen.sidecars) == 4 for seen in dataset.seen)


def test_one_shapefile_in_a_zip_is_a_shapefile(tmp_path: Path) -> None:
    path = shapefile_zip(tmp_path / "roads.shp.zip", ["roads"])
    about = formats.inspect(path)
    assert (about["format"], about["path"]) == ("ESRI Shapefile", str(path))
    assert about["layers"][0]["features"] == len(pyogrio.read_dataframe(path))
    assert "unpacked" not in str(about)


def test_the_folder_lives_as_long_as_a_layer_of_it(tmp_path: Path, unpacked: Path) -> None:
    path = plain_zip(tmp_path / "x.zip", {"a.csv": TABLE, "b.csv": TABLE})
    layer = formats.open(path).layer("a")  # the dataset itself is gone
    gc.collect()
    assert len(list(unpacked.iterdir())) == 1
    stream = layer.batches()
    del layer
    gc.collect()
    assert next(stream).num_rows == 2
    del stream
    gc.collect()
    assert list(unpacked.iterdir()) == []


def test_messages_speak_of_the_archive(tmp_path: Path, unpacked: Path) -> None:
    path = plain_zip(tmp_path / "x.zip", {"in/a.csv": b"a,b\n1,2\n3\n", "b.csv": TABLE})
    dataset = formats.open(path)
    with pytest.raises(SourceError) as caught:
        dataset.layer("a").arrow()
    assert f"{path}/in/a.csv" in str(caught.value)
    about = formats.inspect(path)
    assert [reject["place"] for reject in about["unread"]] == [f"{path}/in/a.csv"]
    assert [layer["name"] for layer in about["layers"]] == ["b"]
    assert str(unpacked) not in str(about)


@pytest.mark.parametrize("pack", [gzip.compress, bz2.compress, lzma.compress], ids=["gz", "bz2", "xz"])
def test_one_packed_file(tmp_path: Path, pack: object) -> None:
    suffix = {gzip.compress: "gz", bz2.compress: "bz2", lzma.compress: "xz"}[pack]  # type: ignore[index]
    path = tmp_path / f"points.geojson.{suffix}"
    path.write_bytes(pack(POINTS))  # type: ignore[operator]
    dataset = formats.open(path)
    assert dataset.delivery.format == "GeoJSON"
    assert dataset.layer().name == "points"
    assert dataset.layer().arrow().num_rows == 1


@pytest.mark.parametrize("mode", ["w", "w:gz", "w:bz2", "w:xz"])
def test_tars(tmp_path: Path, mode: str) -> None:
    members = [
        ("d", None, tarfile.DIRTYPE),
        ("d/a.csv", TABLE, tarfile.REGTYPE),
        ("p.geojson", POINTS, tarfile.REGTYPE),
    ]
    path = tar_of(tmp_path / f"x.tar{mode[1:].replace(':', '.')}", members, mode)
    dataset = formats.open(path)
    assert [layer.name for layer in dataset.layers] == ["p", "a"]
    assert dataset.unread == ()


def test_data_descriptors_and_zip64(tmp_path: Path) -> None:
    class Pipe(io.RawIOBase):  # what cannot seek makes zipfile write data descriptors
        def __init__(self) -> None:
            self.data = b""

        def writable(self) -> bool:
            return True

        def write(self, data: bytes) -> int:  # type: ignore[override]
            self.data += bytes(data)
            return len(data)

    pipe = Pipe()
    archive = zipfile.ZipFile(pipe, "w", zipfile.ZIP_DEFLATED)  # type: ignore[arg-type]
    with archive, archive.open("a.csv", "w", force_zip64=True) as member:
        member.write(TABLE)
    (tmp_path / "x.zip").write_bytes(pipe.data)
    assert formats.open(tmp_path / "x.zip").layer().arrow().num_rows == 2


def test_converting_from_a_zip(tmp_path: Path) -> None:
    path = plain_zip(tmp_path / "x.zip", {"a.csv": TABLE, "b.csv": TABLE, "报告.pdf": b"%PDF-1.4"})
    assert cimkit.convert(path, tmp_path / "out.parquet", layer="b").rows_written == 2
    assert formats.open(tmp_path / "out.parquet").layer().arrow()["code"].to_pylist() == ["01", "02"]
