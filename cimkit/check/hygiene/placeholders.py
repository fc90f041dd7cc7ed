"""Values that stand for no value: ``-``, ``无``, ``N/A``, 999 among storeys, 1900-01-01 among dates.

A word that may be an answer too (``无`` for a lift, ``none`` for a roof) counts only in a column that is no
short list of answers. A number or a date counts only where the column's other values bear it out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cimkit.check.json_schema.sql import NEVER
from cimkit.duck import literal

if TYPE_CHECKING:
    import duckdb

#: Never an answer. In lower case.
_SIGNS = (
    "-", "--", "---", "----", "—", "——", "–", "－", "-;", "--;", "/", "//", "／", "\\", "\\n", "?", "？",
    "null", "(null)", "<null>", "#null!", "n/a", "#n/a", "(n/a)", "nan", "#nan", "undefined", "<空>", "（空）", "(空)",
)  # fmt: skip
#: May be an answer, where the column is a list of answers.
_WORDS = (
    "无", "空", "未知", "未知?", "未知？", "不详", "暂无", "待定", "未填", "未填写", "none", "nil", "unknown",
    "tbd", "na",
)  # fmt: skip
_LONGEST = max(len(word.encode()) for word in (*_SIGNS, *_WORDS)) + 4
#: More different values than this are no list of answers; nor are they where most values differ.
_MOST_ANSWERS = 20

#: What people and programs write where a number is not known.
NUMBERS = (99, 999, 9999, 99999, 999999, 9999999, -99, -999, -9999, -99999, -999999, -9999999, -32768, -2147483648)
#: Between these there is none of them.
_INSIDE = (max(number for number in NUMBERS if number < 0), min(number for number in NUMBERS if number > 0))
#: So few are compared one by one.
_FEW = 3
#: No quantity is beyond it: the least number of C's float stands for no data.
_BEYOND = "1e30"
_FEWEST_OTHERS = 5
#: How far off a stand-in lies, in widths of the range that most of the other values keep to; and one that is alone.
_FAR, _VERY_FAR = 1.5, 5.0
#: Day -> the year from which on the other dates must be for it to stand out.
_DAYS = {"1899-12-30": 1915, "1899-12-31": 1915, "1900-01-01": 1915, "1970-01-01": 1985}


def told(value: object) -> bool:
    """Whether a value is one that people write where they have none."""
    if isinstance(value, str):
        return value.strip().lower() in (*_SIGNS, *_WORDS)
    return isinstance(value, int | float) and not isinstance(value, bool) and (value in NUMBERS or abs(value) > 1e30)


# ---- texts ----------------------------------------------------------------------------


def short_text(value: str) -> str:
    """SQL: the text may be a word for nothing; cheap, and true of all that are."""
    return _among((*_SIGNS, *_WORDS), value)


def written_number(value: str) -> str:
    """SQL: the text is one of the numbers that often stand for none; cheap, and true of all that are."""
    return _among([f"{number}{rest}" for number in NUMBERS for rest in ("", ".0", ".00", ".000")], value)


def _among(words: Sequence[str], value: str) -> str:
    # No IN, which DuckDB would turn into a join for which the left side is computed of every record.
    found = f"list_contains([{_listed(words)}], lower(trim({value})))"
    return f"(CASE WHEN strlen({value}) <= {_LONGEST} THEN {found} ELSE FALSE END)"


def word(con: duckdb.DuckDBPyConnection, view: str, value: str, *, free: bool) -> str:
    """SQL: the text stands for no value. ``free``: the column is known to be no list of answers."""
    plain = f"lower(trim({value}))"
    answers = f"{plain} IN ({_listed(_SIGNS)})"
    if free or not _is_list(con, view, value):
        answers = f"{plain} IN ({_listed((*_SIGNS, *_words(con, view, value)))})"
    # Na is a name, and sodium.
    return f"(strlen({value}) <= {_LONGEST} AND {answers} AND trim({value}) <> 'Na')"


def _is_list(con: duckdb.DuckDBPyConnection, view: str, value: str) -> bool:
    """Whether a column is a short list of answers: few different values, each often, or a yes beside a no.

    Of a handful of values nobody can say.
    """
    row = con.execute(
        f"SELECT count({value}), count(DISTINCT {value}), count(*) FILTER (WHERE {value} IN ('有', '是', '否'))"
        f" FROM ({view})"
    ).fetchone()
    filled, different, answers = row or (0, 0, 0)
    return bool(answers) or filled < _FEWEST_OTHERS or (different <= _MOST_ANSWERS and 2 * different <= filled)


def _words(con: duckdb.DuckDBPyConnection, view: str, value: str) -> tuple[str, ...]:
    """The words that count in a column: NA is a country among codes of two letters."""
    row = con.execute(
        f"SELECT 5 * count(*) FILTER (WHERE regexp_full_match({value}, '[A-Z][A-Z]') AND {value} <> 'NA')"
        f" >= count({value}) FROM ({view})"
    ).fetchone()
    return tuple(w for w in _WORDS if w != "na") if row and row[0] else _WORDS


def _listed(words: Sequence[str]) -> str:
    return ", ".join(literal(word) for word in words)


# ---- numbers --------------------------------------------------------------------------


def candidate(value: str, low: float | None = None, high: float | None = None) -> str:
    """SQL: the number is one that often stands for none, and lies between the limits that its schema sets anyway."""
    listed = [n for n in NUMBERS if (low is None or n >= low) and (high is None or n <= high)]
    if len(listed) <= _FEW and high is not None and low is not None:
        return f"({' OR '.join(f'{value} = {number}' for number in listed)})" if listed else NEVER
    beyond = ([f"{value} > {_BEYOND}"] if high is None else []) + ([f"{value} < -{_BEYOND}"] if low is None else [])
    found = " OR ".join(([f"{value} IN ({', '.join(map(str, listed))})"] if listed else []) + beyond)
    # Of a CASE DuckDB computes only the branch that is needed, of an OR everything.
    return f"(CASE WHEN {value} > {_INSIDE[0]} AND {value} < {_INSIDE[1]} THEN FALSE ELSE {found} END)"


def written_stand_ins(con: duckdb.DuckDBPyConnection, view: str, cells: str, value: str) -> str | None:
    """As :func:`stand_ins` of texts, where nearly all of them are numbers."""
    number = f"TRY_CAST({value} AS DOUBLE)"
    row = con.execute(f"SELECT 10 * count({number}) >= 9 * count({value}) FROM ({view})").fetchone()
    return stand_ins(con, view, cells, number) if row and row[0] else None


@dataclass(frozen=True)
class _Others:
    """The other values of a column: how many, how different, and the range that most keep to."""

    count: int
    different: int
    least: float
    low: float
    high: float

    def far(self, number: float) -> float:
        """How many widths of their range a number lies beyond it; negative inside."""
        width = max(self.high - self.low, abs(self.high), abs(self.low)) if self.high == self.low else 0.0
        return max(number - self.high, self.low - number) / (width or self.high - self.low or 1.0)


def stand_ins(con: duckdb.DuckDBPyConnection, view: str, cells: str, value: str) -> str | None:
    """SQL: the number stands for no value, by what the other values are; None where none does.

    ``cells`` is a table of the candidates among the numbers of ``view``.
    """
    candidates = f"SELECT CAST({value} AS DOUBLE) AS number FROM {cells} WHERE {candidate(value)}"
    found = con.execute(f"SELECT number, count(*) FROM ({candidates}) GROUP BY number ORDER BY number").fetchall()
    rest = f"FROM ({view}) WHERE NOT {candidate(value)}"
    found = _outermost(con, rest, value, found)
    if not found:
        return None
    row = con.execute(
        f"SELECT count({value}), count(DISTINCT {value}), min({value}), quantile_cont(CAST({value} AS DOUBLE), 0.01),"
        f" quantile_cont(CAST({value} AS DOUBLE), 0.99) {rest}"
    ).fetchone()
    if row is None or row[0] < _FEWEST_OTHERS:
        return None
    others = _Others(row[0], row[1], *map(float, row[2:]))
    chosen = [number for number, times in found if _stands_in(con, rest, value, others, number, times)]
    return f"({value} IN ({', '.join(f'{number!r}' for number in chosen)}))" if chosen else None


def _outermost(
    con: duckdb.DuckDBPyConnection, rest: str, value: str, found: Sequence[tuple[float, int]]
) -> list[tuple[float, int]]:
    """Those of the numbers that have hardly another value beyond them; the others need no close look."""
    sides = [
        f"least(count(*) FILTER (WHERE {value} > {number!r}), count(*) FILTER (WHERE {value} < {number!r}))"
        for number, _ in found
    ]
    row = con.execute(f"SELECT {', '.join(['count(*)', *sides])} {rest}").fetchone() or (0,)
    return [each for each, beyond in zip(found, row[1:], strict=True) if beyond <= max(each[1], row[0] // 100_000)]


def _stands_in(
    con: duckdb.DuckDBPyConnection, rest: str, value: str, others: _Others, number: float, times: int
) -> bool:
    if abs(number) > float(_BEYOND):
        return True
    far = others.far(number)
    if number < 0 and others.least >= 0:
        return True
    if others.different < _FEWEST_OTHERS or far < (_FAR if times > 1 else _VERY_FAR):
        return False
    # Where other values lie out there too, the column has a long tail, and the number may be one of it.
    middle = (number + (others.high if number > others.high else others.low)) / 2
    side = f"{value} >= {middle!r}" if number > others.high else f"{value} <= {middle!r}"
    row = con.execute(f"SELECT count(*) {rest} AND {side}").fetchone()
    return row is not None and row[0] <= max(times - 1, others.count // 1000)


# ---- dates ----------------------------------------------------------------------------


def early_day(value: str) -> str:
    """SQL: the date, in text, is one of the days that stand for none."""
    return f"({' OR '.join(f'prefix({value}, {literal(day)})' for day in _DAYS)})"


def days(con: duckdb.DuckDBPyConnection, view: str, value: str) -> str | None:
    """SQL: the date stands for none, since the others are much later; None where none does."""
    year = f"TRY_CAST(substr({value}, 1, 4) AS INTEGER)"
    row = con.execute(
        f"SELECT count({year}), quantile_disc({year}, 0.01) FROM ({view}) WHERE NOT {early_day(value)}"
    ).fetchone()
    if row is None or row[0] < _FEWEST_OTHERS:
        return None
    chosen = tuple(day for day, since in _DAYS.items() if row[1] >= since)
    return f"(substr({value}, 1, 10) IN ({_listed(chosen)}))" if chosen else None
