"""Every kind of finding has a name, and a word on how to mend it, in both languages."""

from __future__ import annotations

import re

import pytest

from cimkit.check.codes import CODES, MEASURES
from cimkit.messages.values import VALUES
from cimkit.report.advice import ADVICE, advice
from cimkit.report.measures import MEASURES as NAMED
from cimkit.report.titles import TITLES, title

CODES_OF_ALL_KINDS = sorted({*CODES, *VALUES})
#: Names that are the same in every language: what people type or read on a screen.
NAMES = re.compile(
    r"cimkit [a-z]+|--[a-z-]+|\.[a-z]{3}\b|GCJ-02|GIS|GeoPackage|Shapefile|UTF-8|crosswalk|translate|identify|"
    r"2024-05-01T12:00:00\+08:00|\bx\b|\by\b"
)


@pytest.mark.parametrize("code", CODES_OF_ALL_KINDS)
def test_a_code_has_a_name_and_advice(code: str) -> None:
    assert title(code, "en") != title(code, "zh"), f"{code} has no title in cimkit/report/titles.py"
    assert advice(code, "en") and advice(code, "zh"), f"{code} has no advice in cimkit/report/advice.py"


@pytest.mark.parametrize("code", sorted(ADVICE))
def test_advice_is_sentences_in_its_own_language(code: str) -> None:
    en, zh = ADVICE[code]
    assert re.fullmatch(r"[A-Z].*\.", en) and not re.search(r"[\u4e00-\u9fff]", en.replace("'无'", ""))
    assert zh.endswith("。") and not re.search(r"[A-Za-z]", NAMES.sub("", zh)), zh
    assert len(en) < 320


@pytest.mark.parametrize("code", sorted(TITLES))
def test_titles_are_short_and_no_sentences(code: str) -> None:
    en, zh = TITLES[code]
    assert len(en) <= 48 and len(zh) <= 16
    assert not en.endswith(".") and not zh.endswith("。")
    assert re.search(r"[\u4e00-\u9fff]", zh)


def test_nothing_is_said_of_codes_that_are_not_there() -> None:
    assert advice("no.such.code", "en") is None
    assert title("no.such.code", "zh") == "no.such.code"


def test_every_measure_that_counts_has_a_name() -> None:
    assert set(MEASURES.values()) <= set(NAMED)
    assert all(re.search(r"[\u4e00-\u9fff]", measure.zh) for measure in NAMED.values())


@pytest.mark.shared
def test_measures_are_those_of_the_register(shared) -> None:  # type: ignore[no-untyped-def]
    import csv

    with (shared / "domain/iso19157-3-measures.csv").open(encoding="utf-8") as file:
        register = {int(row["id"]): row for row in csv.DictReader(file)}
    for number, measure in NAMED.items():
        assert register[number]["name"] == measure.en
        assert register[number]["element"] == re.sub(r"(?<=.)([A-Z])", r" \1", measure.element).lower()
