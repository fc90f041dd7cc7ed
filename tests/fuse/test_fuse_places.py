"""Places: matched by name, address, phone and distance, one to one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from made_up import ORIGIN, group, groups, rows, source
from shapely.geometry import Point

from cimkit.fuse import fuse
from cimkit.model import FusionReport, FusionSource

ROLES = {"id": "id", "name": "name", "address": "address", "phone": "phone", "postcode": "postcode"}


def run(given: list[FusionSource], out: Path, **more: Any) -> FusionReport:
    return fuse(given, **{"layer": "poi", "profile": "poi", "crs": "EPSG:4490", "fields": ROLES, "out": out, **more})


def place(key: str, name: str | None, east: float = 0, north: float = 0, **more: Any) -> dict[str, Any]:
    return {"id": key, "name": name, **more, "geometry": Point(ORIGIN[0] + east, ORIGIN[1] + north)}


NAMES = [
    "肯德基(江陵路店)",
    "鸿伟大排档",
    "丰二村卫生服务站",
    "汇文书店",
    "诺德财富中心停车场",
    "赛维健康洗衣",
    "巴比馒头",
    "颜·烘焙",
]


def street(prefix: str, names: list[str] = NAMES, **offset: float) -> list[dict[str, Any]]:
    east = offset.get("east", 0.0)
    return [place(f"{prefix}{i}", name, 35 * i + east, address=f"民和路{480 + i}号") for i, name in enumerate(names)]


def test_the_same_places(tmp_path: Path) -> None:
    given = [source(tmp_path, "a", street("a")), source(tmp_path, "b", street("b", east=8))]
    report = run(given, tmp_path / "out")
    assert groups(tmp_path / "out") == {group(f"a/a{i}", f"b/b{i}") for i in range(len(NAMES))}
    assert report.bands["auto"] == len(NAMES)
    assert {timing["stage"] for timing in report.timings} >= {"candidates", "overlap", "score"}


def test_spellings_differ(tmp_path: Path) -> None:
    others = [
        "KFC肯德基（江陵路店）",
        "鸿伟大排挡",
        "丰二村社区卫生服务站",
        "汇文书店(文明路店)",
        "诺德财富中心-停车场",
    ]
    given = [
        source(tmp_path, "a", street("a", NAMES[:5])),
        source(tmp_path, "b", street("b", others, east=12)),
    ]
    run(given, tmp_path / "out")
    assert groups(tmp_path / "out") == {group(f"a/a{i}", f"b/b{i}") for i in range(5)}


def test_a_place_of_another_name_at_the_same_spot_is_another_place(tmp_path: Path) -> None:
    given = [source(tmp_path, "a", [place("a", "鸿伟大排档")]), source(tmp_path, "b", [place("b", "赛维健康洗衣")])]
    assert run(given, tmp_path / "out").relations["single"] == 2


def test_latin_names(tmp_path: Path) -> None:
    left = ["The Café Zoë", "St. Mary's Church", "Joe's Pizza", "7-Eleven"]
    right = ["Cafe Zoe", "Saint Marys Church", "Joes Pizza", "7 Eleven"]
    given = [
        source(tmp_path, "a", [place(f"a{i}", name, 60 * i) for i, name in enumerate(left)]),
        source(tmp_path, "b", [place(f"b{i}", name, 60 * i + 5) for i, name in enumerate(right)]),
    ]
    run(given, tmp_path / "out")
    assert groups(tmp_path / "out") == {group(f"a/a{i}", f"b/b{i}") for i in range(4)}


def test_branches_of_a_chain_are_told_apart_by_where_they_are(tmp_path: Path) -> None:
    given = [
        source(tmp_path, "a", [place(f"a{i}", "巴比馒头", 150 * i) for i in range(4)]),
        source(tmp_path, "b", [place(f"b{i}", "巴比馒头", 150 * i + 10) for i in range(4)]),
    ]
    run(given, tmp_path / "out")
    assert groups(tmp_path / "out") == {group(f"a/a{i}", f"b/b{i}") for i in range(4)}


def test_an_equally_good_rival_is_never_automatic(tmp_path: Path) -> None:
    given = [
        source(tmp_path, "a", [place("a", "汇文书店", address="民和路1号", phone="82815935")]),
        source(tmp_path, "b", [place(key, "汇文书店", 3, address="民和路1号", phone="82815935") for key in ("x", "y")]),
    ]
    report = run(given, tmp_path / "out")
    matches = rows(tmp_path / "out" / "matches.parquet")
    assert [(row["right_id"], row["band"], row["match"]) for row in matches] == [
        ("x", "review", True),
        ("y", "review", False),
    ]
    assert ("fuse.ambiguous", "b") in {(finding["code"], finding["source"]) for finding in report.findings}


def test_three_sources_have_one_record_each_in_an_entity(tmp_path: Path) -> None:
    given = [source(tmp_path, name, street(name, east=7 * i)) for i, name in enumerate("abc")]
    run(given, tmp_path / "out")
    assert groups(tmp_path / "out") == {group(f"a/a{i}", f"b/b{i}", f"c/c{i}") for i in range(len(NAMES))}


def test_two_places_without_a_name(tmp_path: Path) -> None:
    given = [source(tmp_path, "a", [place("a", None)]), source(tmp_path, "b", [place("b", None), place("c", "")])]
    assert run(given, tmp_path / "out").relations["single"] == 3


def test_no_texts_at_all(tmp_path: Path) -> None:
    bare = [{"id": "1", "geometry": Point(*ORIGIN)}]
    given = [source(tmp_path, name, bare) for name in ("a", "b")]
    assert run(given, tmp_path / "out").entities == 2


@pytest.mark.parametrize("declared", ["a", "b"])
def test_a_source_in_gcj02_that_does_not_say_so(tmp_path: Path, declared: str) -> None:
    """Some 500 m off: found, named, and matched with nothing."""
    import numpy as np

    from cimkit import offsets

    names = [f"{first}{second}店" for first in "鸿伟汇文赛维" for second in "东西南北"]
    lon, lat = 120.25 + np.arange(24) * 0.0007 % 0.004, 30.23 + np.arange(24) * 0.0004 % 0.003
    gcj = offsets.wgs84_to_gcj02(lon, lat)
    places = {
        name: [
            {"id": f"{name}{i}", "name": text, "geometry": Point(x, y)}
            for i, (text, x, y) in enumerate(zip(names, *(gcj if name == declared else (lon, lat)), strict=True))
        ]
        for name in ("a", "b")
    }
    given = [source(tmp_path, name, places[name], crs="EPSG:4326") for name in ("a", "b")]
    report = run(given, tmp_path / "wrong")
    [finding] = report.findings
    assert (finding["code"], finding["severity"], finding["source"]) == ("fuse.datum", "error", declared)
    assert "look like GCJ-02, not EPSG:4326" in finding["message"]
    assert report.relations["single"] == 48

    honest = [source(tmp_path, n, places[n], crs="GCJ-02" if n == declared else "EPSG:4326") for n in ("a", "b")]
    report = run(honest, tmp_path / "right")
    assert report.findings == ()
    assert report.relations["1:1"] == 24


def test_a_datum_is_found_by_buildings_too(tmp_path: Path) -> None:
    import geopandas
    import numpy as np
    import shapely

    from cimkit import offsets

    rng = np.random.default_rng(3)
    x, y = 500_000 + rng.uniform(0, 1500, 400), 3_400_000 + rng.uniform(0, 1500, 400)
    boxes = shapely.box(x, y, x + rng.uniform(6, 40, 400), y + rng.uniform(6, 40, 400))
    degrees = geopandas.GeoSeries(boxes, crs="EPSG:4547").to_crs("EPSG:4326").to_numpy()
    moved = shapely.transform(degrees, lambda c: np.column_stack(offsets.wgs84_to_gcj02(c[:, 0], c[:, 1])))
    given = [
        source(tmp_path, name, [{"id": f"{name}{i}", "geometry": g} for i, g in enumerate(shapes)], crs="EPSG:4326")
        for name, shapes in (("a", degrees), ("b", moved))
    ]
    report = run(given, tmp_path / "out", profile="building")
    assert [(f["code"], f["source"]) for f in report.findings] == [("fuse.datum", "b")]
    assert report.relations["single"] == 800
