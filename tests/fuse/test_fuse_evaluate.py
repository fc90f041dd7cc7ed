"""Precision, recall and F1 where the truth is known."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from cimkit.errors import SourceError
from cimkit.fuse import evaluate

MATCHES = [
    ("a", "1", "b", "1", True),
    ("a", "2", "b", "2", True),
    ("a", "3", "b", "3", False),
    ("a", "4", "c", "4", True),
]


@pytest.fixture
def matches(tmp_path: Path) -> Path:
    names = ["left_source", "left_id", "right_source", "right_id", "match"]
    pd.DataFrame(MATCHES, columns=names).to_parquet(tmp_path / "matches.parquet")
    return tmp_path / "matches.parquet"


def truth(tmp_path: Path, text: str) -> Path:
    (tmp_path / "truth.csv").write_text(text, encoding="utf-8-sig")
    return tmp_path / "truth.csv"


def test_a_complete_list_of_true_pairs(tmp_path: Path, matches: Path) -> None:
    found = evaluate(matches, truth(tmp_path, "left_id,right_id\n1,1\n3,3\n4,4\n"))
    assert found == {
        "precision": pytest.approx(2 / 3),
        "recall": pytest.approx(2 / 3),
        "f1": pytest.approx(2 / 3),
        "pairs": 3,
    }


def test_labelled_pairs_only_count_where_they_are_listed(tmp_path: Path, matches: Path) -> None:
    found = evaluate(matches, truth(tmp_path, "left_id,right_id,label\n1,1,1\n2,2,0\n3,3,True\n"))
    assert (found["precision"], found["recall"], found["pairs"]) == (0.5, 0.5, 2)


def test_sources_may_be_named_from_either_side(tmp_path: Path, matches: Path) -> None:
    text = "left_source,left_id,right_source,right_id\nb,1,a,1\na,2,b,2\na,4,c,4\n"
    assert evaluate(matches, truth(tmp_path, text))["f1"] == 1.0
    assert evaluate(matches, truth(tmp_path, text.replace("c,4", "b,4")))["f1"] == pytest.approx(2 / 3)


def test_nothing_found_and_nothing_to_find(tmp_path: Path, matches: Path) -> None:
    assert evaluate(matches, truth(tmp_path, "left_id,right_id\n9,9\n"))["f1"] == 0.0
    assert evaluate(matches, truth(tmp_path, "left_id,right_id\n"))["recall"] == 0.0


def test_a_truth_as_parquet(tmp_path: Path, matches: Path) -> None:
    table = pd.DataFrame({"left_id": [1, 2, 4], "right_id": [1, 2, 4], "match": [True, True, True]})
    table.to_parquet(tmp_path / "truth.parquet")
    assert evaluate(matches, tmp_path / "truth.parquet")["f1"] == 1.0


@pytest.mark.parametrize("text", ["left_id,right\n1,1\n", "", "\x00\x01"])
def test_a_truth_that_is_none(tmp_path: Path, matches: Path, text: str) -> None:
    with pytest.raises(SourceError, match=r"truth\.csv"):
        evaluate(matches, truth(tmp_path, text))
    with pytest.raises(SourceError, match=r"missing\.csv"):
        evaluate(matches, tmp_path / "missing.csv")
