"""Where a table's header is, seen from its first rows: titles above it, names on several lines, units below it.

What is no name and no record is taken out of the data only where there is hardly a doubt,
and is always told.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from cimkit.formats.tables.units import is_pattern_of_time, is_plain, unit_in
from cimkit.model import Hint

Row = Sequence[str]

#: Field metadata: the unit that a units row gives for a column.
UNIT_MARK = b"cimkit:unit"
#: A header has at most so many lines.
MOST_LEVELS = 3
#: The share of the usual number of filled cells that makes a row the header, and the part of it that still may.
_ENOUGH, _SOME = 0.6, 3
_NUMBER = re.compile(r"[+-]?(?:\d{1,3}(?:[ ,.']\d{3})+|\d+)?(?:[.,]\d+)?(?:[eE][+-]?\d+)?\s*%?")
_TIME = re.compile(
    r"\d{1,4}[-/.年]\d{1,2}(?:[-/.月]\d{1,4}日?)?(?:[T ]\d{1,2}:\d{2}(?::\d{2}(?:\.\d+)?)?)?(?:Z|[+-]\d\d:?\d\d)?"
    r"|\d{1,2}:\d{2}(?::\d{2})?"
)
_TITLE_CHARACTERS = 60


@dataclass(frozen=True)
class Header:
    """The header among the first rows.

    ``first`` is the row where it begins and ``rows`` how many rows it has; records begin at
    ``data``. ``names`` may be empty or repeat; ``units`` lead from a column's position to its unit.
    """

    first: int
    rows: int
    data: int
    names: tuple[str, ...]
    units: Mapping[int, str] = field(default_factory=dict)
    titles: tuple[str, ...] = ()

    def hints(self, names: Sequence[str]) -> list[Hint]:
        """What a person should know of it; ``names`` are those the columns got."""
        hints = []
        if self.titles:
            told = "; ".join(title[:_TITLE_CHARACTERS] for title in self.titles[:3])
            hints.append(Hint("table.title", f"Above the header there is what is no record: {told}."))
        if self.rows > 1:
            example = next((name for name in names if "/" in name), names[0])
            message = f"The header has {self.rows} lines, which are joined to one name for each column ({example})."
            hints.append(Hint("table.header_lines", message))
        if self.data > self.first + self.rows:
            told = ", ".join(f"{names[place]} {unit}" for place, unit in self.units.items())
            hints.append(Hint("table.units_row", f"The row below the header is no record but says units: {told}."))
        return hints


def find(rows: Sequence[Row], spans: Mapping[int, int] | None = None) -> Header | None:
    """The header among a table's first rows, whose blank cells are ""; None where all rows are blank.

    ``spans`` says of how many rows the cells merged in a row are high (a spreadsheet knows);
    without it, several lines are taken for the header only where the cells below bear it out.
    """
    filled = [sum(bool(cell.strip()) for cell in row) for row in rows]
    usual = _usual(filled)
    if not usual:
        return None
    first = next((i for i, row in enumerate(rows) if _is_header(row, filled[i], usual)), None)
    if first is None:
        first = next(i for i, count in enumerate(filled) if count)
    first = _upper_line(rows, first)
    width = max(len(row) for row in rows[first : first + 1])
    levels = _levels(rows, first, spans or {})
    names = _joined([rows[first + level] for level in range(levels)], _width(rows, first, levels, width))
    data = first + levels
    units = _units(rows, data)
    titles = tuple(" ".join(cell.strip() for cell in dict.fromkeys(row) if cell.strip()) for row in rows[:first])
    return Header(
        first, levels, data + (1 if units else 0), names, units or {}, tuple(title for title in titles if title)
    )


def is_value(cell: str) -> bool:
    """Whether a cell is a number, a date or a time rather than a name."""
    text = cell.strip()
    return bool(text) and (bool(_NUMBER.fullmatch(text)) or bool(_TIME.fullmatch(text)))


def is_number(cell: str) -> bool:
    """Whether a cell is a number, be it with a decimal comma or separators of thousands."""
    text = cell.strip()
    return any(character.isdigit() for character in text) and bool(_NUMBER.fullmatch(text))


def _usual(filled: Sequence[int]) -> int:
    """How many cells of a row are usually filled."""
    counts = Counter(count for count in filled if count)
    return max(counts, key=lambda count: (counts[count], count), default=0)


def _is_header(row: Row, filled: int, usual: int) -> bool:
    """Whether a row has enough names; one that says what the table is about has few cells, or pairs (Date: 2024)."""
    if usual == 1:
        return filled >= 1
    if filled < 2 or _distinct(row) < 2:
        return False
    tells = any(is_value(cell) or cell.rstrip().endswith((":", "：")) or "：" in cell for cell in row)
    return filled >= _ENOUGH * usual or (not tells and _SOME * filled > usual)


def _distinct(row: Row) -> int:
    """How many different texts a row holds: a title merged over all columns is one."""
    return len({cell.strip() for cell in row if cell.strip()})


def _width(rows: Sequence[Row], first: int, levels: int, width: int) -> int:
    return max(width, *(len(rows[first + level]) for level in range(levels)))


def _upper_line(rows: Sequence[Row], first: int) -> int:
    """The row above, where it names the columns that the found row leaves blank and groups the others."""
    while first > 0:
        above, row = rows[first - 1], rows[first]
        gaps = [i for i, cell in enumerate(row) if not cell.strip() and i < len(above)]
        named = [i for i in gaps if above[i].strip()]
        groups = _distinct(above) > max(1, len(named))
        if not gaps or len(named) < len(gaps) or not groups or any(is_value(cell) for cell in (*above, *row)):
            return first
        first -= 1
    return first


def _levels(rows: Sequence[Row], first: int, spans: Mapping[int, int]) -> int:
    """Of how many rows the header is."""
    if first in spans:
        return max(1, min(MOST_LEVELS, spans[first], len(rows) - first - 1))
    levels = 1
    while levels < MOST_LEVELS and _continues(rows, first, levels):
        levels += 1
    return levels


def _continues(rows: Sequence[Row], first: int, levels: int) -> bool:
    """Whether the next row belongs to the header too: it names what the rows above leave blank, above numbers."""
    if first + levels + 1 >= len(rows):
        return False
    upper, lower = rows[first + levels - 1], rows[first + levels]
    if any(is_value(cell) for cell in lower) or _units(rows, first + levels):
        return False
    width = max(len(upper), len(lower))
    above, below = _padded(upper, width), _padded(lower, width)
    grouped = [i for i in range(1, width) if not above[i] and below[i]]
    lonely = [i for i in range(width) if above[i] and not below[i]]
    nothing = [i for i in range(width) if not above[i] and not below[i]]
    if not grouped or nothing or not (lonely or first > 0 or levels > 1 or _headed(above, below)):
        return False
    values = rows[first + levels + 1 :]
    numeric = [i for i in range(width) if below[i] and _holds_values(values, i)]
    return 2 * len(numeric) >= sum(bool(cell) for cell in below)


def _headed(above: Sequence[str], below: Sequence[str]) -> bool:
    """Whether every group of the upper row stands over at least two cells."""
    return bool(above[0]) and all(below)


def _padded(row: Row, width: int) -> list[str]:
    return [cell.strip() for cell in row] + [""] * (width - len(row))


def _holds_values(rows: Sequence[Row], column: int) -> bool:
    cells = [row[column] for row in rows if column < len(row) and row[column].strip()]
    return bool(cells) and 10 * sum(is_value(cell) for cell in cells) >= 8 * len(cells)


def _joined(lines: Sequence[Row], width: int) -> tuple[str, ...]:
    """One name for each column: a group's name goes on over the cells beside it, levels are joined with "/"."""
    padded = [[" ".join(cell.split()) for cell in _padded(line, width)] for line in lines]
    parts: list[tuple[str, ...]] = [()] * width
    for level, cells in enumerate(padded):
        upper = list(parts)
        group = ""
        for column, cell in enumerate(cells):
            goes_on = any(padded[lower][column] for lower in range(level + 1, len(padded)))
            if level and column and upper[column] != upper[column - 1]:
                goes_on = False
            group = cell or (group if goes_on else "")
            if group and group not in parts[column]:
                parts[column] = (*parts[column], group)
    return tuple("/".join(part) for part in parts)


def _units(rows: Sequence[Row], place: int) -> dict[int, str] | None:
    """The units of each column where this row says them; None where it is a record.

    At least one cell is a unit beyond doubt, half of them are units, what stands below a unit
    is a number, and nothing in the row is a value.
    """
    if place >= len(rows):
        return None
    row = [cell.strip() for cell in rows[place]]
    filled = [i for i, cell in enumerate(row) if cell]
    known = {i: unit for i in filled if (unit := unit_in(row[i]))}
    patterns = {i: row[i] for i in filled if i not in known and is_pattern_of_time(row[i])}
    plain = [i for i in known if is_plain(row[i])]
    if not plain or 2 * (len(known) + len(patterns)) < len(filled) or any(is_number(row[i]) for i in filled):
        return None
    below = rows[place + 1 :]
    for column in known:
        cells = [cells[column] for cells in below if column < len(cells) and cells[column].strip()]
        if not all(is_number(cell) or _stands_for_nothing(cell) for cell in cells):
            return None
    measured = [i for i in plain if any(i < len(cells) and is_number(cells[i]) for cells in below)]
    if not measured:
        return None
    return {i: known.get(i, row[i]) for i in filled}


def _stands_for_nothing(cell: str) -> bool:
    return cell.strip().lower() in {"-", "--", "—", "/", "na", "n/a", "nan", "null", "none", "*", "..", "…", "x"}
