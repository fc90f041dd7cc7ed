"""Names of standards: versions, ranges, folders."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cimkit.errors import StandardError
from cimkit.standard import split_reference
from cimkit.standard.reference import Version, best, parse_id

NAMES = ("0.0.3", "0.0.4", "0.1.0", "0.1.2", "0.2.0", "1.0.0", "1.2.0", "1.10.0", "2.0.0-rc.1")
THERE = [Version.parse(name) for name in NAMES]


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        (None, "1.10.0"), ("0.1.0", "0.1.0"), ("0.1", "0.1.2"), ("0", "0.2.0"), ("1", "1.10.0"), ("1.2", "1.2.0"),
        ("^0.1", "0.1.2"), ("^0.1.1", "0.1.2"), ("^0.0.3", "0.0.3"), ("^0.0", "0.0.4"), ("^0", "0.2.0"),
        ("^1.2", "1.10.0"), ("~1.2", "1.2.0"), ("~0.1.1", "0.1.2"), ("2.0.0-rc.1", "2.0.0-rc.1"),
        ("2", None), ("^2", None), ("0.1.1", None), ("^1.11", None), ("3.0.0", None),
    ],
)  # fmt: skip
def test_the_newest_version_in_a_range(asked: str | None, found: str | None) -> None:
    version = best(asked, [v for v in THERE if v])
    assert (str(version) if version else None) == found


@pytest.mark.parametrize("asked", ["", "latest", "v1", "01.2", ">=1", "1.2.3.4", "^", "1.x", "^1.0.0-rc"])
def test_what_is_no_version_is_refused(asked: str) -> None:
    with pytest.raises(StandardError, match="is not a version"):
        best(asked, [])


def test_the_order_of_versions_is_that_of_semver() -> None:
    ordered = (
        "1.0.0-alpha 1.0.0-alpha.1 1.0.0-alpha.beta 1.0.0-beta.2 1.0.0-beta.11 1.0.0-rc.1 1.0.0 1.0.1 1.10.0 2.0.0"
    )
    versions = [Version.parse(text) for text in ordered.split()]
    assert sorted([v for v in versions if v]) == versions


_numbers = st.tuples(*[st.integers(0, 30)] * 3)


@given(asked=_numbers, there=st.lists(_numbers, max_size=20))
def test_a_caret_range_never_leaves_its_leftmost_number(
    asked: tuple[int, int, int], there: list[tuple[int, int, int]]
) -> None:
    found = best("^" + ".".join(map(str, asked)), [Version(*numbers) for numbers in there])
    if found is not None:
        numbers = (found.major, found.minor, found.patch)
        fixed = next((i for i, number in enumerate(asked) if number), 2) + 1
        assert numbers >= asked
        assert numbers[:fixed] == asked[:fixed]


@pytest.mark.parametrize(
    ("text", "standard", "layer"),
    [
        ("cim-core", "cim-core", None),
        ("cim-core/building", "cim-core", "building"),
        ("cim-core@0.1.0", "cim-core@0.1.0", None),
        ("cim-core@^0.1/road_centerline", "cim-core@^0.1", "road_centerline"),
        ("./no/such/folder", "./no/such/folder", None),
    ],
)
def test_a_reference_is_a_standard_and_perhaps_a_layer(text: str, standard: str, layer: str | None) -> None:
    assert split_reference(text) == (standard, layer)


def test_a_folder_is_a_reference_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "mine" / "building"
    package.mkdir(parents=True)
    (package / "standard.yaml").touch()
    assert split_reference(str(package)) == (str(package), None)
    assert split_reference(f"{package}/parcel") == (str(package), "parcel")
    monkeypatch.chdir(tmp_path)
    assert split_reference("mine/building") == ("mine/building", None)


def test_what_is_not_an_id() -> None:
    assert parse_id("cim-core@^0.1") == ("cim-core", "^0.1")
    for text in ("cim-core/building", "../cim", "CIM", "", "a b"):
        assert parse_id(text) is None
