"""Solids: closed, looking outwards, with plane faces; hand-made cubes and real city models."""

from __future__ import annotations

import itertools
import json
import struct
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from check_deliveries import counts, failures, held
from geometry_deliveries import delivered, layer_of
from hypothesis import given, settings
from hypothesis import strategies as st

import cimkit

CLOSED, TURNED, PLANE = (f"building.geometry#solid_{name}" for name in ("closed", "orientation", "plane"))
X, Y = 514_000.0, 3_351_000.0  # in EPSG:4549
#: The corners of a cube, and its faces looking outwards.
CORNERS = np.array(list(itertools.product((0, 1), repeat=3)), dtype=float)
FACES = [[0, 2, 6, 4], [1, 5, 7, 3], [0, 4, 5, 1], [2, 3, 7, 6], [0, 1, 3, 2], [4, 6, 7, 5]]

Ring = list[tuple[float, float, float]]


def cube(size: float = 10.0, at: tuple[float, float, float] = (X, Y, 5.0)) -> list[list[Ring]]:
    corners = (CORNERS * size + at).tolist()
    return [[[tuple(corners[i]) for i in face]] for face in FACES]


def ring_bytes(ring: Ring, order: str) -> bytes:
    closed = [*ring, ring[0]]
    return struct.pack(order + "I", len(closed)) + b"".join(struct.pack(order + "ddd", *point) for point in closed)


def surface(faces: list[list[Ring]], *, kind: int = 15, ewkb: bool = False, big: bool = False) -> bytes:
    """A polyhedral surface (15) or TIN (16) with z, in either dialect and byte order."""
    order, first = (">", 0) if big else ("<", 1)
    face_kind = 17 if kind == 16 else 3

    def word(base: int) -> int:
        return base | 0x80000000 if ewkb else base + 1000

    parts = [struct.pack(order + "BII", first, word(kind), len(faces))]
    for rings in faces:
        parts.append(struct.pack(order + "BII", first, word(face_kind), len(rings)))
        parts += [ring_bytes(ring, order) for ring in rings]
    return b"".join(parts)


def collection(*solids: bytes) -> bytes:
    return struct.pack("<BII", 1, 1007, len(solids)) + b"".join(solids)


def judged(
    folder: Path, cells: list[bytes | None], *, crs: str | None = "EPSG:4549", lang: str = "en", **solid: Any
) -> Any:
    kinds = ["PolyhedralSurface", "TIN", "GeometryCollection", "Polygon"]
    layer = layer_of(folder, types=kinds, required=False, solid=solid)
    return held(delivered(folder, layer, cells, crs=crs), layer, lang=lang)


def verdicts(report: Any) -> dict[str, list[int | None]]:
    return {rule: rows for rule, rows in failures(report).items() if "solid" in rule}


def flipped(faces: list[list[Ring]], *which: int) -> list[list[Ring]]:
    return [[ring[::-1] for ring in rings] if i in which else rings for i, rings in enumerate(faces)]


def bent(by: float) -> list[list[Ring]]:
    """A cube with a roof of which one corner is raised, faces around it included."""
    raised = (X + 10, Y + 10, 15.0)
    return [
        [[(x, y, z + by) if (x, y, z) == raised else (x, y, z) for x, y, z in ring] for ring in rings]
        for rings in cube()
    ]


def triangles() -> list[list[Ring]]:
    return [[[ring[0], ring[i], ring[i + 1]]] for rings in cube() for ring in rings for i in (1, 2)]


def test_cubes(tmp_path: Path) -> None:
    cells: list[bytes | None] = [
        surface(cube()),
        surface(cube()[:-1]),  # open
        surface(flipped(cube(), 2)),  # one face looks inwards
        surface(flipped(cube(), *range(6))),  # all do
        surface(bent(0.5)),
        surface([*cube(), cube()[0]]),  # a face twice
        surface(triangles(), kind=16),
        None,
        surface(cube(), ewkb=True),
        surface(flipped(cube(), *range(6)), big=True),
    ]
    report = judged(tmp_path, cells)
    assert verdicts(report) == {CLOSED: [1, 5], TURNED: [2, 3, 9], PLANE: [4]}
    assert {rule: counts(report)[rule] for rule in (CLOSED, TURNED, PLANE)} == {
        CLOSED: (9, 2),
        TURNED: (7, 3),
        PLANE: (9, 1),
    }
    messages = {(f.rule, f.row): f.message for f in report.findings}
    assert messages[CLOSED, 1] == (
        "The solid is not closed: 4 of its edges do not join exactly two faces (the one here has 1)."
    )
    assert "(the one here has 3)" in messages[CLOSED, 5]
    assert "4 edges are run twice in one direction" in messages[TURNED, 2]
    assert messages[TURNED, 3] == "The solid does not look outwards: all its faces look inwards."
    off = next(f for f in report.findings if f.rule == PLANE)
    assert off.value == pytest.approx(0.125, abs=0.01)  # a quarter of half a metre, off the plane that fits best
    assert report.findings[0].point == pytest.approx((120.146, 30.28), abs=0.01)
    codes = {r.rule: (r.code, dict(r.parameters)) for r in report.rules if "solid" in r.rule}
    assert codes[CLOSED] == ("solid.not_closed", {"solid": {"snap_m": 0.001}})
    assert codes[PLANE] == ("solid.not_planar", {"solid": {"planarity_m": 0.01}})


def test_tolerances(tmp_path: Path) -> None:
    gap = cube()
    gap[0] = [[(x + 0.004, y, z) for x, y, z in gap[0][0]]]
    assert verdicts(judged(tmp_path, [surface(gap)])) == {CLOSED: [0]}
    assert verdicts(judged(tmp_path, [surface(gap)], snap_m=0.005, planarity_m=0.1)) == {}
    assert verdicts(judged(tmp_path, [surface(bent(0.5))], planarity_m=0.2)) == {}
    # Two corners on both sides of a line of a grid are near each other all the same.
    for shift in np.linspace(0, 0.001, 7):
        near = cube(at=(X + shift, Y + shift, 5 + shift))
        near[3] = [[(x + 0.0004, y - 0.0004, z + 0.0004) for x, y, z in near[3][0]]]
        assert verdicts(judged(tmp_path, [surface(near)])) == {}


def test_several_solids_and_a_cavity_in_one_record(tmp_path: Path) -> None:
    cavity = flipped(cube(2, (X + 4, Y + 4, 9.0)), *range(6))
    beside = cube(10, (X + 10, Y, 5.0))  # shares a face with the first
    cells = [
        collection(surface(cube()), surface(beside)),
        collection(surface(cube()), surface(beside[:-1])),
        surface([*cube(), *cavity]),
        surface([*cube(), *beside]),  # as one solid its common face is no boundary
        collection(),
    ]
    report = judged(tmp_path, cells)
    assert verdicts(report) == {CLOSED: [1, 3]}
    assert counts(report)[CLOSED] == (4, 2)


def test_faces_with_holes(tmp_path: Path) -> None:
    shaft = cube(4, (X + 3, Y + 3, 5.0))
    tall = [[[(x, y, 15.0 if z > 5 else 5.0) for x, y, z in ring] for ring in rings] for rings in shaft]
    walls = flipped([rings for i, rings in enumerate(tall) if i not in (0, 1)], *range(6))
    sides = [i for i in range(6) if len({z for _, _, z in tall[i][0]}) > 1]
    walls = flipped([tall[i] for i in sides], *range(4))
    block = cube()
    flat = [i for i in range(6) if i not in sides]
    for i in flat:
        block[i] = [block[i][0], tall[i][0][::-1]]
    through = [*block, *walls]
    report = judged(tmp_path, [surface(through), surface([*cube(), *walls])])
    assert verdicts(report) == {CLOSED: [1]}


def test_in_degrees_and_without_a_crs(tmp_path: Path) -> None:
    degrees = [
        [[(120 + (x - X) / 96_000, 30 + (y - Y) / 110_900, z) for x, y, z in ring] for ring in rings]
        for rings in cube()
    ]
    cells = [surface(degrees), surface(degrees[1:]), surface(flipped(degrees, *range(6)))]
    assert verdicts(judged(tmp_path, cells, crs="EPSG:4326")) == {CLOSED: [1], TURNED: [2]}
    assert verdicts(judged(tmp_path, [surface(bent(0.5))], crs=None)) == {PLANE: [0]}


def test_what_is_no_solid_is_not_asked(tmp_path: Path) -> None:
    flat = (
        struct.pack("<BII", 1, 15, 1) + struct.pack("<BIII", 1, 3, 1, 4) + struct.pack("<8d", *[0, 0, 1, 0, 1, 1, 0, 0])
    )
    report = judged(tmp_path, [flat, None, surface(cube())[:-40]])
    skipped = {s.rule for s in report.coverage.rules.skipped}
    assert skipped >= {CLOSED, TURNED, PLANE}
    assert failures(report)["building.geometry#valid"] == [2]


def test_a_solid_that_has_collapsed(tmp_path: Path) -> None:
    point = [[[(X, Y, 0.0)] * 4]]
    nan = [[[(X, Y, float("nan")), (X + 1, Y, 0.0), (X, Y + 1, 0.0)]]]
    assert verdicts(judged(tmp_path, [surface(point), surface(nan), surface([])])) == {CLOSED: [0, 1]}


def test_chinese(tmp_path: Path) -> None:
    report = judged(tmp_path, [surface(flipped(cube(), *range(6)))], lang="zh")
    assert [f.message for f in report.findings] == ["实体未朝外：所有面均朝内。"]


@settings(max_examples=15)
@given(data=st.data())
def test_no_bytes_stop_the_check_of_solids(data: Any, tmp_path_factory: Any) -> None:
    whole = collection(surface(cube()))
    cut = st.integers(0, len(whole)).map(lambda n: whole[:n])
    broken = st.tuples(st.integers(0, len(whole) - 1), st.integers(0, 255)).map(
        lambda change: whole[: change[0]] + bytes([change[1]]) + whole[change[0] + 1 :]
    )
    cells = data.draw(st.lists(st.one_of(cut, broken), min_size=4, max_size=4))
    judged(tmp_path_factory.mktemp("solids"), cells)


@settings(max_examples=15)
@given(
    order=st.permutations(range(6)),
    turns=st.lists(st.integers(0, 3), min_size=6, max_size=6),
    missing=st.integers(0, 6),
)
def test_neither_the_order_of_faces_nor_where_rings_begin_matters(
    order: list[int], turns: list[int], missing: int, tmp_path_factory: Any
) -> None:
    faces = cube()
    mixed = [[faces[i][0][turns[i] :] + faces[i][0][: turns[i]]] for i in order if i != missing]
    report = judged(tmp_path_factory.mktemp("order"), [surface(mixed), surface(flipped(mixed, *range(6)))])
    assert verdicts(report) == ({TURNED: [1]} if missing == 6 else {CLOSED: [0, 1]})


# ---- city models --------------------------------------------------------------------------------


def package(folder: Path, *layers: str) -> Path:
    (folder / "layers").mkdir(parents=True)
    (folder / "standard.yaml").write_text(
        "standard: t\nversion: 0.1.0\nstatus: draft\ntitle: {en: T}\npublisher: {en: N}\nlicence: CC0-1.0\n"
        f"layers: [{', '.join(layers)}]\n"
    )
    for name in layers:
        schema = {
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "$id": f"urn:t:{name}",
            "title": name,
            "type": "object",
            "properties": {"id": {"type": "string", "cim:key": True}},
            "cim:geometry": {"types": ["Polygon", "MultiPolygon"], "required": False, "solid": {}},
        }
        (folder / "layers" / f"{name}.schema.json").write_text(json.dumps(schema))
    return folder


def city_json(path: Path, solids: list[list[list[Ring]]]) -> Path:
    vertices: list[list[float]] = []
    objects = {}
    for number, faces in enumerate(solids):
        shell = []
        for rings in faces:
            listed = []
            for ring in rings:
                listed.append(list(range(len(vertices), len(vertices) + len(ring))))
                vertices += [list(point) for point in ring]
            shell.append(listed)
        objects[f"b{number}"] = {
            "type": "Building",
            "geometry": [{"type": "Solid", "lod": "2", "boundaries": [shell]}],
        }
    flat = np.array(vertices)
    document = {
        "type": "CityJSON",
        "version": "2.0",
        "transform": {"scale": [0.001] * 3, "translate": [X, Y, 0.0]},
        "metadata": {"referenceSystem": "https://www.opengis.net/def/crs/EPSG/0/4549"},
        "CityObjects": objects,
        "vertices": np.rint((flat - [X, Y, 0]) * 1000).astype(int).tolist(),
    }
    path.write_text(json.dumps(document))
    return path


def test_solids_of_a_city_model_come_with_their_rows(tmp_path: Path) -> None:
    solids = [cube(), cube()[:-1], flipped(cube(), *range(6)), bent(0.5), flipped(cube(), 4)]
    path = city_json(tmp_path / "city.json", solids)
    report = cimkit.check(path, standard=package(tmp_path / "t", "building"))
    assert verdicts(report) == {CLOSED: [1], TURNED: [2, 4], PLANE: [3]}
    assert {f.row: f.id for f in report.findings if "solid" in f.rule} == {1: "b1", 2: "b2", 3: "b3", 4: "b4"}


def test_a_pipeline_judges_the_solids_of_a_city_model(tmp_path: Path) -> None:
    city_json(tmp_path / "city.json", [cube(), cube()[:-1]])
    package(tmp_path / "t", "building")
    document = tmp_path / "city.yaml"
    document.write_text(
        "pipeline: city\nstandard: ./t\nsources:\n  model: {path: city.json, layer: building}\n", encoding="utf-8"
    )
    done = cimkit.run(document, catalog=tmp_path / "catalog", clock="2024-06-01T00:00:00Z")
    assert verdicts(done.reports["delivery"]) == {CLOSED: [1]}


def open_by_hand(path: Path) -> tuple[int, set[str]]:
    """How many objects have solids, and whose edges do not all have two opposite uses, by the indices of CityJSON."""
    document = json.loads(path.read_text())
    with_solids, wrong = 0, set()
    places = [tuple(vertex) for vertex in document["vertices"]]
    for name, thing in document["CityObjects"].items():
        solids = [g for g in thing.get("geometry", ()) if g["type"] == "Solid"]
        with_solids += bool(solids)
        for solid in solids:
            edges: Counter[Any] = Counter()
            for ring in (ring for shell in solid["boundaries"] for face in shell for ring in face):
                corners = [places[i] for i in ring]
                edges.update((a, b) for a, b in zip(corners, corners[1:] + corners[:1], strict=True) if a != b)
            if any(count != 1 or edges[b, a] != 1 for (a, b), count in edges.items()):
                wrong.add(name)
    return with_solids, wrong


@pytest.mark.shared
@pytest.mark.parametrize(
    "name", ["delft/data/delft_1b.json", "citygml_misc/lod2_buildings_v2.json", "delft/output/testarea.json"]
)
def test_real_cityjson_is_judged_as_by_its_indices(tmp_path: Path, shared: Path, name: str) -> None:
    path = shared / "data" / name
    with_solids, wrong = open_by_hand(path)
    report = cimkit.check(path, standard=package(tmp_path / "t", "building", "bridge"), samples=None)
    assert counts(report)[CLOSED][0] == with_solids
    assert {f.id for f in report.findings if f.rule in (CLOSED, TURNED)} == wrong


@pytest.mark.shared
def test_real_citygml(tmp_path: Path, shared: Path) -> None:
    standard = package(tmp_path / "t", "building")
    plateau = cimkit.check(shared / "data/citygml_plateau/bldg/53392642_bldg_6697_op2.gml", standard=standard)
    assert [counts(plateau)[rule] for rule in (CLOSED, TURNED, PLANE)] == [(8, 0)] * 3
    made = cimkit.check(shared / "data/citygml_misc/lod2_buildings_v3.gml", standard=standard)
    assert [counts(made)[rule] for rule in (CLOSED, TURNED, PLANE)] == [(100, 0)] * 3
