"""Loading a package: what is broken in it is said in one sentence, with the file and what to try."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cimkit.errors import StandardError, UsageError
from cimkit.standard import Standard, available

MANIFEST = """\
standard: town
version: 0.1.0
status: draft
title: {en: Town}
licence: CC0-1.0
layers: [house, tree]
crs: {allowed: ["EPSG:4513..4554", "EPSG:4326"]}
"""
CODELISTS = """\
- {id: use, version: "1", title: {en: Uses}, open: false, verification: proposal, source: us}
"""
USE = """\
code,parent,label_en,label_zh,definition_en,definition_zh,status,valid_from,valid_to,replaced_by,source
01,,Living,,,,,,,,
0101,01,House,,,,,,,,
02,,Work,,,,deprecated,2020-01-01,2023-12-31,01|0101,
"""
HOUSE: dict[str, Any] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "$id": "urn:cim:town:0.1.0:house",
    "title": "House",
    "cim:names": {"zh": "房屋"},
    "type": "object",
    "required": ["id"],
    "if": {"required": ["floors"]},
    "then": {"required": ["height_m"]},
    "dependentRequired": {"tree_id": ["note"]},
    "properties": {
        "id": {"title": "Identifier", "type": "string", "cim:key": True, "cim:names": {"zh": "标识码", "short": "BSM"}},
        "use": {"type": ["string", "null"], "cim:codelist": "use"},
        "height_m": {"type": "number", "cim:unit": "m", "cim:role": "height"},
        "floors": {"type": "integer"},
        "tree_id": {"type": "string", "cim:ref": "tree.id"},
        "note": {"type": "string"},
        "seen": {"type": "string", "format": "date"},
    },
    "cim:geometry": {"types": ["Polygon"], "min_area_m2": 4},
}
TREE: dict[str, Any] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "$id": "urn:cim:town:0.1.0:tree",
    "title": "Tree",
    "type": "object",
    "properties": {"id": {"type": "string", "cim:key": True}},
}
RULES = """\
- {id: house.floor_height, check: expression, layer: house, assert: height_m > 2 * floors,
   message: {en: "{height_m} m"}}
"""
FUSION = "house: {profile: building, attributes: {height_m: {strategy: max}}}\n"


@pytest.fixture
def package(tmp_path: Path) -> Path:
    return make(tmp_path / "town" / "0.1.0")


def make(folder: Path) -> Path:
    files = {
        "standard.yaml": MANIFEST,
        "codelists.yaml": CODELISTS,
        "codelists/use.csv": USE,
        "layers/house.schema.json": json.dumps(HOUSE, ensure_ascii=False),
        "layers/tree.schema.json": json.dumps(TREE),
        "rules.yaml": RULES,
        "fusion.yaml": FUSION,
        "crosswalks/osm.yaml": "crosswalk: osm\n",
    }
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, "utf-8")
    return folder


def test_a_package_is_loaded_with_all_it_says(package: Path) -> None:
    standard = Standard.load(package)
    assert (standard.id, standard.version, standard.status, standard.title) == (
        "town",
        "0.1.0",
        "draft",
        {"en": "Town"},
    )
    assert list(standard.layers) == ["house", "tree"]
    house = standard.layers["house"]
    assert house.names == {"en": "House", "zh": "房屋"}
    assert house.key == "id"
    assert house.geometry is not None
    assert (house.geometry.types, house.geometry.required, house.geometry.min_area_m2) == (("Polygon",), True, 4)
    assert standard.layers["tree"].geometry is None
    assert {name: field.obligation for name, field in house.fields.items()} == {
        "id": "M", "use": "O", "height_m": "C", "floors": "O", "tree_id": "O", "note": "C", "seen": "O",
    }  # fmt: skip
    use = house.fields["use"]
    assert (use.types, use.nullable, use.codelist) == (("string",), True, "use")
    assert (house.fields["height_m"].unit, house.fields["height_m"].role) == ("m", "height")
    assert house.fields["id"].names == {"en": "Identifier", "zh": "标识码", "short": "BSM"}
    assert house.fields["tree_id"].ref == "tree.id"
    assert house.fields["seen"].format == "date"
    codes = standard.codelists["use"].codes
    assert list(codes) == ["01", "0101", "02"]
    assert (codes["0101"].parent, codes["02"].replaced_by, codes["02"].status) == ("01", ("01", "0101"), "deprecated")
    assert standard.codelists["use@1"] is standard.codelists["use"]
    assert "use@2" not in standard.codelists
    rule = standard.rules[0]
    assert (rule.id, rule.check, rule.layer, rule.severity) == ("house.floor_height", "expression", "house", "error")
    assert rule.parameters == {"assert": "height_m > 2 * floors"}
    assert standard.crosswalks == {"osm": package / "crosswalks/osm.yaml"}
    assert standard.fusion["house"]["profile"] == "building"


def test_the_crs_policy_knows_codes_and_ranges(package: Path) -> None:
    crs = Standard.load(package).crs
    allowed = [code for code in ("EPSG:4326", "EPSG:4513", "EPSG:4554") if crs.allows(code)]
    assert len(allowed) == 3
    for code in ("EPSG:4512", "EPSG:4555", "EPSG:43260", "ESRI:4520", "GCJ-02", "EPSG:4520x", 'PROJCRS["x"]', ""):
        assert not crs.allows(code)
    (package / "standard.yaml").write_text(MANIFEST.replace('crs: {allowed: ["EPSG:4513..4554", "EPSG:4326"]}\n', ""))
    assert Standard.load(package).crs.allows("EPSG:2056")


def test_the_digest_is_what_sha256sum_says_of_the_files(package: Path, tmp_path: Path) -> None:
    listed = subprocess.run(
        "find . -type f -printf '%P\\n' | LC_ALL=C sort | xargs sha256sum | sha256sum",
        shell=True, cwd=package, capture_output=True, text=True, check=True,
    )  # fmt: skip
    digest = Standard.load(package).digest
    assert digest == f"sha256:{listed.stdout.split()[0]}"
    assert Standard.load(make(tmp_path / "elsewhere")).digest == digest
    (package / ".DS_Store").write_text("x")
    assert Standard.load(package).digest == digest
    (package / "CHANGELOG.md").write_text("x")
    assert Standard.load(package).digest != digest


def replaced(name: str, old: str, new: str) -> Callable[[Path], None]:
    def change(package: Path) -> None:
        text = (package / name).read_text("utf-8")
        assert old in text
        (package / name).write_text(text.replace(old, new), "utf-8")

    return change


def removed(name: str) -> Callable[[Path], None]:
    return lambda package: (package / name).unlink()


def linked(name: str) -> Callable[[Path], None]:
    return lambda package: (package / name).symlink_to("/etc/hostname")


def in_gbk(name: str) -> Callable[[Path], None]:
    def change(package: Path) -> None:
        (package / name).write_bytes((package / name).read_text("utf-8").replace("Living", "居").encode("gbk"))

    return change


def house(**changes: Any) -> Callable[[Path], None]:
    def change(package: Path) -> None:
        (package / "layers/house.schema.json").write_text(json.dumps({**HOUSE, **changes}), "utf-8")

    return change


def field(**schema: Any) -> Callable[[Path], None]:
    return house(properties={**HOUSE["properties"], "extra": {"type": "string", **schema}})


@pytest.mark.parametrize(
    ("breaking", "says", "hint"),
    [
        (replaced("standard.yaml", "tree]", "tre]"), "lists the layer 'tre', but there is no", "'tree'"),
        (replaced("standard.yaml", "status: draft", "status: daft"), '"daft" is not one of', "'draft'"),
        (replaced("standard.yaml", "licence", "license"), "unknown key 'license'", "'licence'"),
        (replaced("standard.yaml", "0.1.0", "0.1"), "line 2", "MAJOR.MINOR.PATCH"),
        (replaced("standard.yaml", "4513..", "4513-"), "does not look as expected", "range of codes"),
        (removed("layers/house.schema.json"), "but there is no", None),
        (linked("layers/link.schema.json"), "is a symbolic link", "Copy the file"),
        (replaced("layers/tree.schema.json", "{", "["), "is not JSON", None),
        (house(required=["id", "hight_m"]), "requires the field 'hight_m'", "'height_m'"),
        (house(then={"required": ["floor"]}), "requires the field 'floor'", "'floors'"),
        (field(**{"cim:codelist": "uses"}), "names the code list 'uses'", "'use'"),
        (field(**{"cim:codelist": "use@2"}), "names the code list 'use@2'", None),
        (field(**{"cim:codelist": "use", "type": "integer"}), "its type must be string", None),
        (field(**{"cim:ref": "tre.id"}), "refers to the layer 'tre'", "'tree'"),
        (field(**{"cim:ref": "tree.ide"}), "refers to 'tree.ide'", "'id'"),
        (field(**{"cim:names": {"short": "BSM"}}), "'id' and 'extra' are both called 'BSM'", None),
        (field(title="FLOORS"), "'floors' and 'extra' are both called 'FLOORS'", None),
        (field(**{"cim:role": "height"}), "'height_m' and 'extra' both have the role 'height'", None),
        (field(**{"$ref": "https://example.org/x.json"}), "refers to 'https://example.org/x.json'", "self-contained"),
        (field(**{"$ref": "#/$defs/none"}), "refers to '#/$defs/none'", "self-contained"),
        (field(pattern="[a"), "broken pattern '[a'", None),
        (house(then={"properties": {"use": {"cim:codelist": "use"}}}), "'cim:codelist', which is said", None),
        (replaced("codelists.yaml", "id: use,", "id: use, file: usage.csv,"), "there is no", "'use.csv'"),
        (replaced("codelists.yaml", "id: use,", "id: use, file: ../use.csv,"), "does not look as expected", None),
        (replaced("codelists.yaml", CODELISTS, CODELISTS * 2), "has use@1 twice", None),
        (replaced("codelists/use.csv", "0101,01", "01,01"), "line 3 has the code '01' again, first", None),
        (replaced("codelists/use.csv", "0101,01", "0101,1"), "refers to the code '1'", "'01'"),
        (replaced("codelists/use.csv", "01,,L", "01,0101,L"), "is among its own parents", None),
        (replaced("codelists/use.csv", "01|0101", "07"), "refers to the code '07'", None),
        (replaced("codelists/use.csv", "Living", ""), "the code '01' has no label", None),
        (replaced("codelists/use.csv", "02,,", " 02,,"), "spaces around it", None),
        (replaced("codelists/use.csv", "deprecated", "depreciated"), "'depreciated' is unknown", "'deprecated'"),
        (replaced("codelists/use.csv", "2020-01-01", "2020"), "valid_from is '2020'", "YYYY-MM-DD"),
        (replaced("codelists/use.csv", "label_en", "lable_en"), "unknown column 'lable_en'", "'label_en'"),
        (replaced("codelists/use.csv", ",source", ""), "lacks the column 'source'", "The first line is"),
        (replaced("codelists/use.csv", "Living,", "Living"), "has 10 cells instead of 11", None),
        (in_gbk("codelists/use.csv"), "not UTF-8", "UTF-8"),
        (replaced("rules.yaml", "assert:", "asert:"), "unknown key 'asert'", "'assert'"),
        (replaced("rules.yaml", " assert: height_m > 2 * floors,", ""), "missing key 'assert'", None),
        (replaced("rules.yaml", "check: expression", "check: no_overlaps"), '"no_overlaps"', "'no_overlap'"),
        (replaced("rules.yaml", "layer: house", "layer: hous"), "is about the layer 'hous'", "'house'"),
        (replaced("rules.yaml", "{height_m} m", "{hight_m} m"), "names the field 'hight_m'", "'height_m'"),
        (replaced("rules.yaml", "{height_m} m", "{height_m.__class__}"), "names the field", None),
        (replaced("rules.yaml", "{height_m} m", "{height_m"), "the rule 'house.floor_height' is broken", None),
        (replaced("rules.yaml", RULES, RULES * 2), "has the rule 'house.floor_height' twice", None),
        (replaced("fusion.yaml", "house:", "hause:"), "is about the layer 'hause'", "'house'"),
        (replaced("fusion.yaml", "height_m:", "hight_m:"), "the field 'hight_m'", "'height_m'"),
        (replaced("fusion.yaml", "strategy: max", "strategy: most"), '"most"', None),
    ],
)  # fmt: skip
def test_a_broken_package_is_one_clear_sentence(
    package: Path, breaking: Callable[[Path], None], says: str, hint: str | None
) -> None:
    breaking(package)
    with pytest.raises(StandardError) as caught:
        Standard.load(package)
    assert says in str(caught.value)
    assert str(package) in str(caught.value)
    assert (hint or "") in (caught.value.hint or "")


def test_a_standard_is_found_in_registries_before_the_shipped_ones(tmp_path: Path) -> None:
    make(tmp_path / "one" / "town" / "0.1.0")
    newer = make(tmp_path / "two" / "town" / "0.2.0")
    replaced("standard.yaml", "version: 0.1.0", "version: 0.2.0")(newer)
    registries = {"a": tmp_path / "one", "b": tmp_path / "two"}
    assert Standard.load("town", registries).version == "0.2.0"
    assert Standard.load("town@^0.1", registries).path == tmp_path / "one" / "town" / "0.1.0"
    assert Standard.load("cim-core", registries).id == "cim-core"
    known = [(entry["id"], entry["version"]) for entry in available(registries)]
    assert known == [("cim-core", "0.1.0"), ("town", "0.2.0"), ("town", "0.1.0")]
    with pytest.raises(StandardError, match="has no version") as caught:
        Standard.load("town@^1.0", registries)
    assert caught.value.hint == "There is: 0.1.0, 0.2.0."


def test_a_folder_that_lies_about_its_version_is_refused(tmp_path: Path) -> None:
    make(tmp_path / "town" / "0.3.0")
    with pytest.raises(StandardError, match=r"says it is town 0.1.0, but its folder says town 0.3.0"):
        Standard.load("town", {"x": tmp_path})


def test_what_is_not_there(tmp_path: Path, package: Path) -> None:
    with pytest.raises(StandardError, match="no standard 'cim-cor'") as caught:
        Standard.load("cim-cor")
    assert caught.value.hint == "Did you mean 'cim-core'?"
    with pytest.raises(StandardError, match="neither an id nor a folder"):
        Standard.load(tmp_path / "nothing")
    with pytest.raises(StandardError, match=r"holds no standard\.yaml") as caught:
        Standard.load(package.parent)
    assert "0.1.0" in (caught.value.hint or "")
    with pytest.raises(UsageError, match="no layer 'hous'") as usage:
        Standard.load(package).layer("hous")
    assert usage.value.hint == "Did you mean 'house'?"


def test_a_profile_adds_to_what_it_extends_and_replaces_it_by_name(tmp_path: Path) -> None:
    registry = {"x": tmp_path}
    base = Standard.load(make(tmp_path / "town" / "0.1.0"))
    profile = tmp_path / "village" / "1.0.0"
    (profile / "layers").mkdir(parents=True)
    (profile / "standard.yaml").write_text(
        "standard: village\nversion: 1.0.0\nstatus: draft\ntitle: {en: Village}\nlicence: CC0-1.0\n"
        'extends: ["town@^0.1"]\nlayers: [tree, barn]\n'
    )
    barn = {
        **TREE,
        "title": "Barn",
        "properties": {"id": {"type": "string"}, "house_id": {"type": "string", "cim:ref": "house.id"}},
    }
    (profile / "layers/barn.schema.json").write_text(json.dumps(barn))
    (profile / "layers/tree.schema.json").write_text(json.dumps({**TREE, "title": "Village tree"}))
    standard = Standard.load("village", registry)
    assert list(standard.layers) == ["house", "tree", "barn"]
    assert standard.layers["tree"].names["en"] == "Village tree"
    assert (standard.crs, standard.rules, list(standard.codelists)) == (base.crs, base.rules, ["use"])
    digest = standard.digest
    (tmp_path / "town/0.1.0/CHANGELOG.md").write_text("changed")
    assert Standard.load("village", registry).digest != digest

    replaced("standard.yaml", "layers:", 'extends: ["village"]\nlayers:')(tmp_path / "town" / "0.1.0")
    with pytest.raises(StandardError, match="extends itself"):
        Standard.load("village", registry)


def test_what_a_standard_says_of_itself_is_json(package: Path) -> None:
    standard = Standard.load(package)
    about = json.loads(json.dumps(standard.describe()))
    assert [(layer["name"], layer["geometry"], layer["fields"]) for layer in about["layers"]] == [
        ("house", ["Polygon"], 7), ("tree", [], 1),
    ]  # fmt: skip
    assert about["codelists"][0] | {"id": "use", "codes": 3, "open": False} == about["codelists"][0]
    fields = json.loads(json.dumps(standard.describe("house")))["fields"]
    assert [field["name"] for field in fields] == list(HOUSE["properties"])
    assert standard.reference() == {"id": "town", "version": "0.1.0", "digest": standard.digest}


@pytest.mark.parametrize(
    ("territory", "says", "hint"),
    [
        ("trees", "the territory 'trees'", "Did you mean 'tree'?"),
        ([100, 40, 101, 39], "from 40 to 39 degrees", "south first"),
        ([39, 100, 40, 101], "from 100 to 101 degrees", "south first"),
    ],
)
def test_a_territory_that_cannot_be(package: Path, territory: Any, says: str, hint: str) -> None:
    geometry = HOUSE["cim:geometry"] | {"territory": territory}
    (package / "layers" / "house.schema.json").write_text(json.dumps(HOUSE | {"cim:geometry": geometry}))
    with pytest.raises(StandardError, match=says) as caught:
        Standard.load(package)
    assert hint in (caught.value.hint or "")
