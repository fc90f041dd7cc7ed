"""Shapefiles: names and text in bytes, numbers, one kind, exact widths; pyogrio, fiona and the bytes are the judges."""

from __future__ import annotations

import datetime
import hashlib
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import fiona
import pyarrow as pa
import pyogrio
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

import cimkit
from cimkit.convert import conversion
from cimkit.errors import SourceError, UsageError
from cimkit.formats.gdal.shapefile_write import PROFILE
from cimkit.model import LossReport

POINTS = shapely.to_wkb([shapely.Point(111, 40), shapely.Point(112, 41)]).tolist()


def told(report: LossReport) -> dict[tuple[str, str | None], int]:
    return {(loss.code, loss.field): loss.count for loss in report.losses}


def dbf_fields(path: Path) -> dict[str, tuple[str, int, int]]:
    """Name, type letter, width and decimals of each column, from the header's bytes."""
    data = path.with_suffix(".dbf").read_bytes()
    fields = {}
    for at in range(32, struct.unpack_from("<H", data, 8)[0] - 1, 32):
        name = data[at : at + 11].split(b"\0")[0].decode("utf-8")
        fields[name] = (chr(data[at + 11]), data[at + 16], data[at + 17])
    return fields


@given(st.lists(st.text(min_size=1, max_size=15), min_size=1, max_size=8, unique_by=str.lower),
       st.sampled_from(["UTF-8", "GB18030", "GBK"]))  # fmt: skip
def test_names_fit_and_differ_and_stay_whole(given_names: list[str], encoding: str) -> None:
    assert PROFILE.encoded is not None
    naming = PROFILE.encoded(encoding).naming
    assert naming is not None
    names = [name.encode("utf-8", "ignore").decode() for name in given_names]
    names = list({name.lower(): name for name in names if name}.values())
    result = naming.names(names)
    assert len({new.lower() for new in result.values()}) == len(names)
    for name, new in result.items():
        assert len(new.encode(encoding)) <= 10 and new == new.rstrip(" ") and new
        if len(name.encode(encoding, "replace")) <= 10 and name.encode(encoding, "replace").decode(encoding) == name:
            assert new == name or name != name.rstrip(" ")


@pytest.mark.parametrize(("encoding", "longest"), [("UTF-8", 84), ("GB18030", 127), ("GBK", 127)])
def test_text_is_cut_in_bytes_of_the_files_encoding(
    parquet: Callable[..., Path], tmp_path: Path, encoding: str, longest: int
) -> None:
    source = parquet(POINTS, 建筑物名称=["中" * 200, "短"])
    report = cimkit.convert(source, tmp_path / "out.shp", dest_encoding=encoding, verify=True)
    assert report.verified is True
    shortened = next(loss for loss in report.losses if loss.code == "name.shortened" or loss.code == "text.cut")
    assert told(report)["text.cut", "建筑物名称"] == 1 and shortened.example is not None
    assert (tmp_path / "out.cpg").read_text() == encoding
    frame = pyogrio.read_dataframe(tmp_path / "out.shp")
    name = "建筑物" if encoding == "UTF-8" else "建筑物名称"
    assert frame[name].tolist() == ["中" * longest, "短"]
    with fiona.open(tmp_path / "out.shp") as collection:
        assert [record.properties[name] for record in collection] == ["中" * longest, "短"]


def test_characters_that_an_encoding_lacks_are_told(parquet: Callable[..., Path], tmp_path: Path) -> None:
    report = cimkit.convert(parquet(POINTS, a=["䶮", "中"]), tmp_path / "out.shp", dest_encoding="GBK", verify=True)
    assert report.verified is True and told(report) == {("text.cut", "a"): 1}
    report = cimkit.convert(parquet(POINTS, a=["䶮", "中"]), tmp_path / "out.shp", dest_encoding="gb18030", verify=True)
    assert report.verified is True and report.losses == ()


def test_an_encoding_that_a_format_has_not_is_refused(parquet: Callable[..., Path], tmp_path: Path) -> None:
    for target, encoding in (("out.shp", "Big5"), ("out.gpkg", "GBK")):
        with pytest.raises(UsageError, match="encoding") as raised:
            cimkit.convert(parquet(POINTS, a=["x", "y"]), tmp_path / target, dest_encoding=encoding)
        assert "UTF-8" in (raised.value.hint or "")


def test_values_of_every_type(everything: Path, tmp_path: Path) -> None:
    report = cimkit.convert(everything, tmp_path / "out.shp", verify=True)
    assert report.verified is True
    assert told(report) == {
        ("null.merged", "编号"): 1,
        ("type.dropped", "unsigned"): 2,
        ("number.precision", "exact"): 1,
        ("number.precision", "real"): 1,
        ("number.not_finite", "real"): 2,
        ("type.dropped", "clock"): 1,
        ("type.dropped", "moment"): 2,
        ("type.dropped", "instant"): 2,
        ("type.dropped", "raw"): 2,
        ("null.merged", "raw"): 1,
        ("type.dropped", "list"): 2,
        ("type.dropped", "record"): 2,
    }
    rows = pyogrio.read_arrow(tmp_path / "out.shp")[1].to_pylist()
    assert [row["编号"] for row in rows] == ["010001", None, None]
    assert [row["big"] for row in rows] == [2**53 + 1, None, -1]
    assert [row["flag"] for row in rows] == [True, None, False]
    assert rows[0]["day"] == datetime.date(2024, 5, 1)


def test_whole_numbers_of_19_digits_become_floats_and_that_is_told(
    parquet: Callable[..., Path], tmp_path: Path
) -> None:
    report = cimkit.convert(
        parquet(POINTS, n=pa.array([2**53 + 1, 2**62], pa.int64())), tmp_path / "o.shp", verify=True
    )
    assert report.verified is True and told(report) == {("number.precision", "n"): 1}
    report = cimkit.convert(parquet(POINTS, n=pa.array([2**53 + 1, 1], pa.int64())), tmp_path / "o.shp", verify=True)
    assert report.verified is True and report.losses == ()


def test_two_runs_give_the_same_bytes(everything: Path, tmp_path: Path) -> None:
    seen = set()
    for _ in range(2):
        cimkit.convert(everything, tmp_path / "out.shp")
        seen.add(hashlib.sha256(b"".join(p.read_bytes() for p in sorted(tmp_path.glob("out.*")))).hexdigest())
    assert len(seen) == 1
    assert {p.suffix for p in tmp_path.glob("out.*")} == {".shp", ".shx", ".dbf", ".prj", ".cpg"}


def test_an_old_prj_does_not_outlive_the_crs(parquet: Callable[..., Path], tmp_path: Path) -> None:
    cimkit.convert(parquet(POINTS, a=[1, 2]), tmp_path / "out.shp")
    assert pyogrio.read_info(tmp_path / "out.shp")["crs"] == "EPSG:4490"
    cimkit.convert(parquet(POINTS, crs=None, a=[1, 2]), tmp_path / "out.shp")
    assert not (tmp_path / "out.prj").exists()


def test_a_table_has_no_place_in_a_shapefile(parquet: Callable[..., Path], tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no geometry") as raised:
        cimkit.convert(parquet(None, a=[1]), tmp_path / "out.shp")
    assert "CSV" in (raised.value.hint or "")


# ---- kinds


MIXED = shapely.to_wkb(
    shapely.from_wkt(["POINT (1 2)", "LINESTRING (0 0, 1 1)", "POLYGON ((0 0, 1 0, 1 1, 0 0))", "MULTIPOINT (1 1, 2 2)",
                      "GEOMETRYCOLLECTION (POINT (1 2), LINESTRING (0 0, 1 1))"])
).tolist()  # fmt: skip


def test_mixed_kinds_are_refused_with_their_counts(parquet: Callable[..., Path], tmp_path: Path) -> None:
    source = parquet([*MIXED, None], n=list(range(6)))
    with pytest.raises(UsageError) as raised:
        cimkit.convert(source, tmp_path / "out.shp")
    for part in ("2 points", "1 line", "1 polygon", "1 mixed collection"):
        assert part in str(raised.value)
    assert "--geometry-kind" in (raised.value.hint or "")
    assert [path.name for path in tmp_path.iterdir()] == ["in"]


@pytest.mark.parametrize(("kind", "kept"), [("point", [0, 3, 5]), ("line", [1, 5]), ("polygon", [2, 5])])
@pytest.mark.parametrize("suffix", [".shp", ".gpkg"])
def test_one_kind_is_kept_and_the_others_are_counted(
    parquet: Callable[..., Path], tmp_path: Path, kind: str, kept: list[int], suffix: str
) -> None:
    source = parquet([*MIXED, None], n=list(range(6)))
    report = cimkit.convert(source, tmp_path / f"out{suffix}", geometry_kind=kind, verify=True)
    assert report.verified is True
    assert told(report)["rows.left_out", None] == 6 - len(kept)
    assert (report.rows_read, report.rows_written) == (6, len(kept))
    assert pyogrio.read_arrow(tmp_path / f"out{suffix}")[1]["n"].to_pylist() == kept


def test_an_unknown_kind_is_refused(parquet: Callable[..., Path], tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="areas"):
        cimkit.convert(parquet(POINTS, n=[1, 2]), tmp_path / "out.shp", geometry_kind="areas")


# ---- widths


def test_the_standards_short_names_and_widths(tmp_path: Path, root: Path) -> None:
    source = root / "sample_data" / "survey" / "buildings.shp"
    report = cimkit.convert(source, tmp_path / "out.shp", standard="cim-core/building", exact_widths=True, verify=True)
    assert report.verified is True
    fields = dbf_fields(tmp_path / "out.shp")
    layer = cimkit.Standard.load("cim-core").layer("building")
    for name, spec in layer.fields.items():
        longest = layer.schema["properties"][name].get("maxLength")
        short = spec.names.get("short", name)
        if longest and short in fields:
            assert fields[short] == ("C", longest, 0), name
    renamed = {loss.field: loss.example for loss in report.losses if loss.code == "name.shortened"}
    assert all(len(str(example and example["after"]).encode()) <= 10 for example in renamed.values())


def test_widths_as_the_data_needs(parquet: Callable[..., Path], tmp_path: Path) -> None:
    source = parquet(
        POINTS, t=["中文", "ab"], n=pa.array([-12, 345], pa.int64()), w=pa.array([123456789012, 1], pa.int64()),
        x=[1.25, -100.5], flag=[True, None], day=[datetime.date(2024, 5, 1), None],
    )  # fmt: skip
    report = cimkit.convert(source, tmp_path / "out.shp", exact_widths=True, verify=True)
    assert report.verified is True and report.losses == ()
    fields = dbf_fields(tmp_path / "out.shp")
    assert fields["t"] == ("C", 6, 0) and fields["n"] == ("N", 3, 0) and fields["w"] == ("N", 12, 0)
    assert fields["x"][0] == "N" and fields["x"][2] == 2
    assert (fields["flag"][0], fields["day"][0]) == ("L", "D")
    frame = pyogrio.read_dataframe(tmp_path / "out.shp")
    assert frame["x"].tolist() == [1.25, -100.5] and frame["w"].tolist() == [123456789012, 1]


def test_exact_widths_are_for_shapefiles(parquet: Callable[..., Path], tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="widths"):
        cimkit.convert(parquet(POINTS, n=[1, 2]), tmp_path / "out.gpkg", exact_widths=True)


# ---- limits


def test_limits_are_refused_before_anything_is_written(
    parquet: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from dataclasses import replace

    source = parquet(POINTS, n=[1, 2], m=[3, 4])
    honest = conversion._profile
    for limit, says in (
        ({"most_bytes": 50}, "GB"),
        ({"most_rows": 1}, "at most 1 records"),
        ({"most_columns": 1}, "at most 1 columns"),
    ):

        def limited(*given: Any, limit: Any = limit) -> Any:
            encoding, profile = honest(*given)
            return encoding, replace(profile, **limit)

        monkeypatch.setattr(conversion, "_profile", limited)
        with pytest.raises(SourceError, match=says):
            cimkit.convert(source, tmp_path / "out.shp")
        assert [path.name for path in tmp_path.iterdir()] == ["in"]


def test_the_size_of_the_files_is_foreseen(
    parquet: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from dataclasses import replace

    source = parquet([POINTS[0]] * 500, text=["x" * (n % 200) for n in range(500)], n=list(range(500)), x=[0.5] * 500)
    cimkit.convert(source, tmp_path / "out.shp")
    size = max(path.stat().st_size for path in tmp_path.glob("out.*"))
    honest = conversion._profile
    for most, fits in ((size - 1000, False), (size * 1.1, True)):
        monkeypatch.setattr(
            conversion,
            "_profile",
            lambda *given, most=most: (honest(*given)[0], replace(honest(*given)[1], most_bytes=most)),
        )
        if fits:
            cimkit.convert(source, tmp_path / "out.shp")
        else:
            with pytest.raises(SourceError, match="GB"):
                cimkit.convert(source, tmp_path / "out.shp")
