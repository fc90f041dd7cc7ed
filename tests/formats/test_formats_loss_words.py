"""Every loss that a profile can tell has its words, in both languages."""

from __future__ import annotations

import pytest

from cimkit.formats.matrix import KINDS
from cimkit.formats.profile import Column
from cimkit.formats.registry import FORMATS
from cimkit.messages import TEMPLATES

WRITERS = sorted(name for name, format in FORMATS.items() if format.writer)


@pytest.mark.parametrize("name", WRITERS)
def test_every_change_of_a_profile_has_its_words(name: str) -> None:
    profile = FORMATS[name].writing().PROFILE
    kinds = [*(kind for _, kind in KINDS), "FLOAT", "HUGEINT", "UUID", "TIMESTAMP_NS", "UBIGINT"]
    whys = {change.why for kind in kinds for change in profile.held(Column("x", kind, longest=10)).changes}
    assert {why for why in whys if f"loss.{why}" not in TEMPLATES} == set()
