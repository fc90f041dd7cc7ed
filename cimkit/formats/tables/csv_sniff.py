"""Whether a file is a delimited text, seen from its opening bytes."""

from __future__ import annotations

from cimkit import text
from cimkit.formats.probe import Probe
from cimkit.formats.tables.csv_dialect import is_clearly_a_table, is_prose, without_mark

#: Suffixes that say so, and those of text of many kinds, which must then show it.
_TABLES = (".csv", ".tsv", ".tab", ".psv")
_TEXTS = (".txt", ".dat", ".asc", ".data", ".prn", ".out", "")
_MOST_CONTROLS = 0.01
_CONTROLS = bytes(set(range(32)) - set(b"\t\r\n"))


def is_text_table(probe: Probe) -> bool:
    """Whether a file is a table of delimited text, by its suffix or clearly so by its content."""
    if probe.is_folder or probe.members or not _is_text(probe):
        return False
    if probe.suffix in _TABLES:
        return True
    # A suffix may be the end of a name with a dot in it ("2022.12-gent").
    if probe.suffix not in _TEXTS and probe.suffix[1:].isalpha():
        return False
    opening = _opening(probe)
    return is_clearly_a_table(opening) or (probe.suffix == ".txt" and not is_prose(opening))


def _is_text(probe: Probe) -> bool:
    if probe.is_text:
        return True
    if probe.head.startswith(b"%PDF-"):
        return False
    controls = len(probe.head) - len(probe.head.translate(None, _CONTROLS))
    few = controls <= _MOST_CONTROLS * len(probe.head) and b"\n" in probe.head
    return without_mark(probe.head) is not None or (few and probe.suffix in _TABLES)


def _opening(probe: Probe) -> str:
    wide = without_mark(probe.head)
    encoding = wide or text.probe(probe.head).value or text.UTF8
    return probe.head.decode(encoding, errors="replace").lstrip("\ufeff")
