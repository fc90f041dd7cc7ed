"""Encodings found by looking: what declarations get wrong is the rule, not the exception."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cimkit import text

CHINESE = ["浙江省杭州市西湖区", "文三路", "人民医院", "南京东路", "中国银行(西湖支行)"]
TAIWAN = ["臺北市大安區和平東路", "新竹縣竹北市光明六路", "國立臺灣大學"]
LATIN = ["médiathèque", "Straße", "São Paulo", "Kröte", "Ångström"]


def encoded(values: list[str], encoding: str) -> list[bytes]:
    return [value.encode(encoding) for value in values]


@pytest.mark.parametrize(
    ("values", "encoding", "found"),
    [
        (CHINESE, "utf-8", "UTF-8"),
        (CHINESE, "gb18030", "GB18030"),
        (CHINESE, "gbk", "GB18030"),
        (TAIWAN, "big5", "Big5"),
        (TAIWAN, "utf-8", "UTF-8"),
        (LATIN, "cp1252", "windows-1252"),
        (LATIN, "utf-8", "UTF-8"),
    ],
)
@pytest.mark.parametrize("declared", [None, "ISO-8859-1", "UTF-8", "no such thing"])
def test_the_bytes_decide_whatever_is_declared(values, encoding, found, declared) -> None:  # type: ignore[no-untyped-def]
    if encoding == "cp1252" and declared == "ISO-8859-1":
        found = declared  # both decode; the declaration may choose
    assert text.probe(encoded(values, encoding), declared).value == found


def test_an_overruled_declaration_is_told() -> None:
    evidence = text.probe(encoded(CHINESE, "gbk"), "UTF-8")
    assert evidence.value == "GB18030"
    assert "against the declared UTF-8" in evidence.how


def test_only_ascii_is_certain_and_keeps_the_declaration() -> None:
    assert text.probe([b"abc", b""]).value == "UTF-8"
    assert text.probe([b"abc"], "936").value == "GB18030"
    assert text.probe(b"").confidence == 1.0


def test_one_value_is_less_sure_than_many() -> None:
    one, many = text.probe(["中国".encode()]), text.probe(["中国".encode()] * 50)
    assert one.value == many.value == "UTF-8"
    assert one.confidence < many.confidence


def test_rare_characters_of_names_need_gb18030() -> None:
    values = encoded([*CHINESE, "䶮家村", "𬱖公馆"], "gb18030")
    assert text.probe(values).value == "GB18030"


def test_a_character_cut_at_the_end_of_a_full_cell_is_forgiven() -> None:
    assert text.probe([value.encode()[:-1] for value in CHINESE]).value == "UTF-8"
    assert text.probe([value.encode("gbk")[:-1] for value in CHINESE]).value == "GB18030"
    assert text.probe([b"caf\xe9"]).value == "windows-1252"


def test_bytes_of_a_whole_file_and_their_marks() -> None:
    lines = "编号,名称\n1,文三路\n2,人民医院\n"
    assert text.probe(lines.encode()).value == "UTF-8"
    assert text.probe(lines.encode("gbk")).value == "GB18030"
    assert text.probe(lines.encode("utf-8-sig")).how == "byte order mark"
    assert text.probe(lines.encode("utf-16")).value == "UTF-16"


@pytest.mark.parametrize(
    ("declared", "name"),
    [("UTF8", "UTF-8"), ("65001", "UTF-8"), ("ANSI 936", "GB18030"), ("CP936", "GB18030"), ("GB2312", "GB18030"),
     ("950", "Big5"), ("88591", "ISO-8859-1"), ("1252", "windows-1252"), ("1250", "cp1250"), ("nonsense", None),
     ("", None), (None, None)],
)  # fmt: skip
def test_names_of_encodings(declared: str | None, name: str | None) -> None:
    assert text.named(declared) == name


def test_mojibake_is_undone() -> None:
    assert text.mojibake("中国".encode().decode("latin-1")) == "中国"
    assert text.mojibake("文三路".encode("gbk").decode("latin-1")) == "文三路"
    assert text.mojibake("médiathèque") is None
    assert text.mojibake("文三路") is None
    assert text.mojibake("plain") is None


@given(st.lists(st.binary(max_size=40), max_size=20), st.sampled_from([None, "UTF-8", "GBK", "x"]))
def test_any_bytes_get_an_answer(values: list[bytes], declared: str | None) -> None:
    evidence = text.probe(values, declared)
    assert evidence.value and 0 < evidence.confidence <= 1
    b"".join(values).decode(evidence.value, errors="replace")


@given(st.lists(st.text(min_size=1), min_size=1, max_size=20))
def test_utf8_is_never_mistaken(values: list[str]) -> None:
    raw = [value.encode(errors="ignore") for value in values]
    assert text.probe(raw).value == "UTF-8"
