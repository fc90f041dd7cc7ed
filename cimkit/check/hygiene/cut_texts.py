"""Texts that were cut because their column is too narrow.

A text that fills its column may simply be that long, as codes are. It counts as cut where more texts
pile up at the width than lie just below it, or where the file itself holds halves of characters.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from cimkit.model import Staged

if TYPE_CHECKING:
    import duckdb

#: Formats whose widths count bytes; elsewhere they count characters.
_BYTES = frozenset({"ESRI Shapefile", "dBase", "MapInfo TAB", "MapInfo MIF"})
#: Where a format has no widths: the most that dBASE, and many programs, keep of a text.
_USUAL = (254, 255)
_NARROWEST = 8
#: So wide that no code fills it.
_PROSE = 80
_FEWEST = 3
#: Texts this much shorter than the width are compared with those that fill it.
_BELOW = 8


@dataclass(frozen=True)
class Width:
    """How wide a text column is; None where the format does not say. ``halves``: the file has cut characters."""

    width: int | None
    bytes: bool
    encoding: str
    halves: bool

    @classmethod
    def of(cls, staged: Staged, column: str) -> Width:
        """The width of a column of a delivered layer."""
        width = next((field.width for field in staged.facts.fields if field.name == column), None)
        halves = any(hint.code == "text.cut" for hint in staged.facts.hints)
        return cls(width, staged.source.format in _BYTES, staged.facts.encoding.value or "UTF-8", halves)

    @property
    def may_cut(self) -> bool:
        return self.width is None or self.width >= _NARROWEST

    def suspicion(self, value: str) -> str:
        """SQL: the text may fill its column; cheap, and true of all that do."""
        return f"(strlen({value}) >= {min(self.width or _USUAL[0], _USUAL[0]) - 3})"

    def predicate(self, con: duckdb.DuckDBPyConnection, view: str, value: str) -> str | None:
        """SQL: the text was cut; None where none was."""
        size = self._size(value)
        if self.width is None:
            return self._usual(con, view, value, size)
        # A character of several bytes that did not fit leaves some of them blank.
        narrower = f"{size} >= {self.width} - (CASE WHEN {_ends_wide(value)} THEN {self._widest - 1} ELSE 0 END)"
        full = f"({size} <= {self.width} AND {narrower})"
        if self.halves and self.bytes:
            halved = f"({size} < {self.width} AND {narrower})"
            return f"({full} OR {halved})" if self._piles_up(con, view, value, size, full) else halved
        return full if self._piles_up(con, view, value, size, full) else None

    def _usual(self, con: duckdb.DuckDBPyConnection, view: str, value: str, size: str) -> str | None:
        """Several texts that end at the same of the usual limits, and none that is longer."""
        for unit in (f"strlen({value})", f"length({value})"):
            row = con.execute(
                f"SELECT max({unit}), count(DISTINCT {value}) FILTER (WHERE {unit} = {_USUAL[0]}),"
                f" count(DISTINCT {value}) FILTER (WHERE {unit} = {_USUAL[1]}),"
                f" count(*) FILTER (WHERE {unit} BETWEEN {_USUAL[0] - _BELOW} AND {_USUAL[0] - 1}) FROM ({view})"
            ).fetchone()
            if row is None or row[0] not in _USUAL:
                continue
            times = row[1 + _USUAL.index(row[0])]
            if times >= _FEWEST and times > row[3]:
                return f"({unit} = {row[0]})"
        return None

    def _piles_up(self, con: duckdb.DuckDBPyConnection, view: str, value: str, size: str, full: str) -> bool:
        """Whether more texts fill the column than lie just below, and they are no codes of one length."""
        assert self.width is not None
        row = con.execute(
            f"SELECT count({value}), count(*) FILTER (WHERE {full}), count(DISTINCT {value}) FILTER (WHERE {full}),"
            f" count(*) FILTER (WHERE NOT {full} AND {size} >= {self.width - _BELOW}),"
            f" count(*) FILTER (WHERE {full} AND regexp_matches({value}, '[^!-~]')) FROM ({view})"
        ).fetchone()
        filled, times, different, below, worded = row or (0, 0, 0, 0, 0)
        if different < _FEWEST:
            return False
        if self.width >= _PROSE:
            return bool(times > below)
        # Codes have no blanks, and names as long as that are few.
        return bool(2 * worded > times and times > below and 2 * times < filled)

    @property
    def _widest(self) -> int:
        return 1 if not self.bytes else 3 if self.encoding == "UTF-8" else 2

    def _size(self, value: str) -> str:
        """SQL: the length of a text in the format's own unit."""
        if not self.bytes:
            return f"length({value})"
        if self.encoding == "UTF-8":
            return f"strlen({value})"
        # Characters beyond Latin have three bytes in UTF-8 and two in GBK and Big5.
        return f"(length({value}) + (strlen({value}) - length({value}) + 1) // 2)"


def _ends_wide(value: str) -> str:
    return f"(right({value}, 1) > '\x7f')"
