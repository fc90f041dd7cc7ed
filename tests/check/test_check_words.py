"""Words of findings that are said by one family of rules alone, and that read well."""

from __future__ import annotations

from pathlib import Path

import pytest
from check_deliveries import deliver, held, standard_layer

from cimkit.check.observations.ucum import alike
from cimkit.check.topology.contains import _wanted
from cimkit.messages import say
from cimkit.messages.geometry import GEOMETRY
from cimkit.messages.hints import HINTS
from cimkit.messages.hygiene import HYGIENE
from cimkit.messages.observations import OBSERVATIONS
from cimkit.messages.relations import RELATIONS
from cimkit.messages.statistics import STATISTICS
from cimkit.messages.topology import TOPOLOGY
from cimkit.messages.values import VALUES
from cimkit.standard import Rule

FAMILIES = (VALUES, RELATIONS, GEOMETRY, TOPOLOGY, HYGIENE, OBSERVATIONS, STATISTICS, HINTS)


def test_no_word_is_said_by_two_families() -> None:
    """The last would silence the others."""
    every = [code for family in FAMILIES for code in family]
    assert sorted(code for code in set(every) if every.count(code) > 1) == []


def test_how_many_lie_in_each() -> None:
    assert (_wanted(1, None, "en"), _wanted(0, 2, "en"), _wanted(1, 2, "en")) == ("at least 1", "at most 2", "1 to 2")
    assert (_wanted(1, None, "zh"), _wanted(0, 2, "zh")) == ("至少 1 个", "至多 2 个")


@pytest.mark.parametrize(
    ("limits", "english", "chinese"),
    [
        ({"min": 1}, "there must be at least 1", "应不少于 1 条"),
        ({"max": 0, "min": 0}, "there must be 0", "应为 0 条"),
        ({"min": 2, "max": 3}, "there must be from 2 to 3", "应为 2 至 3 条"),
    ],
)
def test_how_many_refer_to_each(tmp_path: Path, limits: dict[str, int], english: str, chinese: str) -> None:
    text = {"type": "string"}
    layers = [standard_layer(tmp_path, name, {"id": text, "of": text}) for name in ("d", "o")]
    others = ["x"] if limits.get("max") == 0 else []
    tables = [{"id": ["x"], "of": ["-"]}, {"id": ["1"], "of": others or ["y"]}]
    inputs = [(deliver(tmp_path, table, layer), layer) for table, layer in zip(tables, layers, strict=True)]
    asked = Rule("d.seen", "cardinality", "d", "error", {}, {"of": "o", "fields": ["of"], "to": ["id"], **limits})
    for lang, words in (("en", english), ("zh", chinese)):
        report = held(inputs, rules=[asked], lang=lang)
        (message,) = [finding.message for finding in report.findings if finding.rule == "d.seen"]
        assert words in message


def test_nobody_means_parts_per_million_by_a_percentage() -> None:
    assert list(alike("%")) == ["1"]
    assert set(alike("[ppm]")) == {"[ppb]", "[ppth]", "%", "1"}
    assert say("word.exactly", "en", least=2) == "2"
