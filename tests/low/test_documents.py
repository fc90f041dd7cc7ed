"""Documents of strangers: what is read, what is refused, and how the refusal reads."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cimkit import documents
from cimkit.errors import CimkitError, PipelineError, StandardError


def written(folder: Path, text: str | bytes, name: str = "d.yaml") -> Path:
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("a: 1\nb: 2\na: 3\n", "line 3: the key 'a' is here twice"),
        ("a:\n  b: 1\n  'b': 2\n", "line 3: the key 'b' is here twice"),
        ("a: &x [1]\nb: *x\n", "line 1: anchors"),
        ("b: *x\n", "line 1: anchors"),
        ("a: 1\nb: !!python/object/apply:os.system [id]\n", "line 2: anchors"),
        ("a: !!str 1\n", "tags (!) are not read"),
        ("a: !env HOME\n", "tags (!) are not read"),
        ("<<: {a: 1}\n", "line 1: a key must be plain text"),
        ("? [a]\n: 1\n", "line 1: a key must be plain text"),
        ("- 1\n", "must be a mapping of keys to values, but is a list"),
        ("plain\n", "but is text"),
        ("", "is empty"),
        ("# only a comment\n", "is empty"),
        ("a: [1\n", "is not YAML"),
        ("a: 1\n\tb: 2\n", "line 2"),
        ("a: 1\n---\nb: 2\n", "is not YAML"),
        ("a: \x07\n", "is not YAML"),
        ("a: 1e999\n", "out of range"),
        (b"a: 1\nb: \xbd\xa8\n", "not UTF-8 at line 2"),
        ("a: " + "[" * 5000, "nested too deeply"),
        ("a: " + "x" * documents.MAX_YAML_BYTES, "larger than 1 MiB"),
    ],
)
def test_a_bad_yaml_document_is_refused_with_its_place(tmp_path: Path, text: str | bytes, says: str) -> None:
    path = written(tmp_path, text)
    with pytest.raises(PipelineError) as caught:
        documents.load_yaml(path, PipelineError)
    assert says in str(caught.value)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('{"a": 1, "a": 2}', "the key 'a' twice"),
        ('{"a": {"b": 1, "b": 1}}', "the key 'b' twice"),
        ('{"a": NaN}', "NaN"),
        ('{"a": -Infinity}', "-Infinity"),
        ('{"a": 1,}', "line 1, column 9"),
        ("[1]", "but is a list"),
        ("null", "is empty"),
        ("[" * 100000, "nested too deeply"),
        ('{"a": ' + "9" * 5000 + "}", "too many digits"),
        (b'{"a": "\xff"}', "not UTF-8"),
    ],
)
def test_a_bad_json_document_is_refused(tmp_path: Path, text: str | bytes, says: str) -> None:
    with pytest.raises(StandardError) as caught:
        documents.load_json(written(tmp_path, text, "d.json"))
    assert says in str(caught.value)


def test_a_missing_file_suggests_its_neighbour_and_a_folder_is_no_document(tmp_path: Path) -> None:
    written(tmp_path, "a: 1", "pipeline.yaml")
    with pytest.raises(CimkitError) as caught:
        documents.load_yaml(tmp_path / "pipelin.yaml")
    assert caught.value.hint == "Did you mean 'pipeline.yaml'?"
    with pytest.raises(CimkitError, match="is a folder"):
        documents.load_yaml(tmp_path)


def test_scalars_are_read_as_json_reads_them_and_all_else_is_text(tmp_path: Path) -> None:
    text = """
yes: no
on: off
010001: 010001
1: 1e-3
date: 2024-05-01
time: 12:30:45
version: 0.1.0
float: -1.50
true: true
quoted: "true"
single: '1'
empty:
tilde: ~
hex: 0x1F
inf: .inf
block: |
  12
"""
    assert documents.load_yaml(written(tmp_path, "\ufeff" + text)) == {
        "yes": "no", "on": "off", "010001": "010001", "1": 0.001, "date": "2024-05-01", "time": "12:30:45",
        "version": "0.1.0", "float": -1.5, "true": True, "quoted": "true", "single": "1", "empty": None,
        "tilde": None, "hex": "0x1F", "inf": ".inf", "block": "12\n",
    }  # fmt: skip


_TEXT = st.text(
    st.characters(codec="utf-8", exclude_categories=("Cc", "Cs"), exclude_characters="\ufeff\ufffe\uffff"),
    max_size=20,
)
_NUMBERS = st.integers(-(10**15), 10**15) | st.floats(allow_nan=False, allow_infinity=False)
_JSON = st.recursive(
    st.none() | st.booleans() | _NUMBERS | _TEXT,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text("abcdefgé建_1", min_size=1, max_size=6), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(value=_JSON)
def test_json_reads_the_same_as_yaml_and_as_json(value: object, tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.getbasetemp()
    path = written(folder, json.dumps({"v": value}, ensure_ascii=False))
    assert documents.load_yaml(path) == {"v": value} == documents.load_json(path)


def test_a_list_document(tmp_path: Path) -> None:
    assert documents.load_yaml_list(written(tmp_path, "- {id: a}\n- 2\n")) == [{"id": "a"}, 2]
    assert documents.load_yaml_list(written(tmp_path, "# none yet\n")) == []
    with pytest.raises(StandardError, match="must be a list, but is a mapping"):
        documents.load_yaml_list(written(tmp_path, "a: 1\n"))


PIPELINE = """\
pipeline: demo
standard: cim-core@^0.1
sources:
  survey:
    path: survey.shp
    layer: building
"""


@pytest.mark.parametrize(
    ("old", "new", "says", "hint"),
    [
        ("sources:", "sorces:", "unknown key 'sorces' in {path}, line 3, at /", "Did you mean 'sources'?"),
        (
            "layer:",
            "layr:",
            "unknown key 'layr' in {path}, line 6, at /sources/survey",
            "Did you mean 'layer'?",
        ),
        ("    path: survey.shp\n", "", "missing key 'path' in {path}, line 4, at /sources/survey", None),
        ("building", "[building]", "is a list where string is expected in {path}, line 6", None),
        ("building", "Building", '"Building" does not look as expected in {path}, line 6', "lower case"),
        ("  survey:", "  我的 源:", "does not look as expected", "A letter"),
        (
            "building",
            "building\n    as_of: 2024-13-01",
            "does not look as expected in {path}, line 7",
            "YYYY-MM-DD",
        ),
        ("building", "building\n    trust: 2", "2 is greater than the maximum of 1", "0 to 1"),
        ("pipeline: demo", "pipeline: demo\ngate: {fail_on: eror}", '"eror" is not one of', "'error'"),
    ],
)
def test_a_document_is_held_against_its_schema(tmp_path: Path, old: str, new: str, says: str, hint: str | None) -> None:
    path = written(tmp_path, PIPELINE.replace(old, new), "pipeline.yaml")
    with pytest.raises(PipelineError) as caught:
        documents.validate(documents.load_yaml(path, PipelineError), "pipeline", path, PipelineError)
    assert says.format(path=path) in str(caught.value)
    assert (hint or "") in (caught.value.hint or "")


def test_a_good_document_is_not_complained_about(tmp_path: Path) -> None:
    path = written(tmp_path, PIPELINE, "pipeline.yaml")
    documents.validate(documents.load_yaml(path), "pipeline", path)


def test_the_place_is_told_also_where_there_is_no_file() -> None:
    with pytest.raises(StandardError, match=r"unknown key 'x' in <memory> at /"):
        documents.validate({"pipeline": "a", "standard": "b", "sources": {}, "x": 1}, "pipeline", "<memory>")


def test_an_unknown_schema_is_our_own_mistake() -> None:
    with pytest.raises(CimkitError, match="no schema 'pipelin'") as caught:
        documents.validate({}, "pipelin", "x")
    assert caught.value.exit_code == 4
