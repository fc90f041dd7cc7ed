"""Names in any script: folding, tokens, branches, numbers, and how alike two of them are."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cimkit.fuse.names import (
    Bags,
    Rarity,
    containment,
    fold,
    is_unspaced,
    jaccard,
    marks,
    numbers,
    split_branch,
    subscribers,
    tokens,
)


@pytest.mark.parametrize(
    ("text", "folded"),
    [
        ("ＫＦＣ　肯德基（江陵路店）", "kfc 肯德基(江陵路店)"),
        ("Café Zoë", "cafe zoe"),
        ("STRASSE", "strasse"),
        ("Straße", "strasse"),
        ("ガスト", "ガスト"),
        ("ｶﾞｽﾄ", "ガスト"),
        ("한국관", "한국관"),
        ("  x ", "x"),
        ("", ""),
    ],
)
def test_fold(text: str, folded: str) -> None:
    assert fold(text) == folded


@given(st.text())
def test_folding_twice_is_folding_once(text: str) -> None:
    assert fold(fold(text)) == fold(text)


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("肯德基(江陵路店)", ("肯德基", "江陵路店")),
        ("停车场[东门](地下)", ("停车场", "东门 地下")),
        ("肯德基(江陵路店", ("肯德基", "江陵路店")),
        ("(江陵路店)", ("江陵路店", "")),
        ("plain", ("plain", "")),
        ("", ("", "")),
    ],
)
def test_split_branch(name: str, parts: tuple[str, str]) -> None:
    assert split_branch(name) == parts


def test_tokens() -> None:
    assert tokens("kfc 肯德基2店") == ["kfc", "肯", "德", "基", "肯德", "德基", "2", "店"]
    assert tokens("st. mary's 24-hour") == ["st", "mary", "s", "24", "hour"]
    assert tokens("한국관 서울") == ["한국관", "서울"]
    assert tokens("") == []


def test_marks_are_what_two_spellings_share() -> None:
    assert marks(fold("McDonald's")) & marks(fold("McDonalds"))
    assert marks("肯德基") == {"肯德", "德基"}
    assert marks("店") == {"店"}


def test_numbers_and_phones() -> None:
    assert numbers("民和路0481号2幢") == ["481", "2"]
    assert numbers("000") == ["0"]
    assert subscribers("0571-82578899;+86 136 1520 8033") == ["82578899", "15208033"]
    assert subscribers("[]") == []
    assert subscribers("110") == []


def test_unspaced() -> None:
    assert is_unspaced("a肯")
    assert is_unspaced("ラーメン")
    assert not is_unspaced("한국관 cafe")


WORDS = st.lists(st.sampled_from(["肯德基", "饭店", "road", "7", "江陵"]), max_size=4).map(" ".join)


@given(st.lists(WORDS, min_size=2, max_size=6))
def test_likeness_is_a_symmetric_share(texts: list[str]) -> None:
    rarity = Rarity()
    rarity.count(texts)
    bags = Bags(np.array(texts, dtype=object), rarity)
    i, j = (index.ravel() for index in np.indices((len(texts), len(texts))))
    shared = bags.shared(i, j)
    assert np.allclose(shared, bags.shared(j, i))
    for share in (jaccard(shared, bags.total[i], bags.total[j]), containment(shared, bags.total[i], bags.total[j])):
        assert ((share >= 0) & (share <= 1 + 1e-9)).all()
    same = bags.total > 0
    assert np.allclose(jaccard(bags.total, bags.total, bags.total)[same], 1)


def test_rare_tokens_weigh_more() -> None:
    rarity = Rarity()
    rarity.count(["饭店", "饭店", "饭店", "鸿伟饭店"])
    assert rarity.of("鸿伟") > rarity.of("饭店") > 0
    assert rarity.of("never seen") > rarity.of("鸿伟")
