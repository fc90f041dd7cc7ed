"""How a delimited text is written, found from its content: encoding, delimiter, header, units, comments."""

from __future__ import annotations

import csv as python_csv
import io
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice

from cimkit import text
from cimkit.errors import SourceError
from cimkit.formats.tables import headers
from cimkit.formats.tables.content import Content
from cimkit.formats.tables.headers import Header, is_number, is_value
from cimkit.model import Evidence, Hint

_COMMON = ",;\t|"
_NEVER = set("\"'.-_/()[]{}<>+@#%&=\\ \r\n\ufeff\ufffd\0")
_MOST_LINES = 20_000
_SAMPLE_ROWS = 100
_OPENING_BYTES = 1 << 18
#: So long may the first line be; beyond it a file is no table.
_LONGEST_LINE = 32 << 20
#: More columns no spreadsheet has, and each costs memory in every step.
MOST_COLUMNS = 16_384
#: From this confidence on, bytes refute what the user says of them.
_CERTAIN = 0.7
_HIGH = re.compile(rb"[\x80-\xff]")
_DECIMAL_COMMA = re.compile(r"\s*[+-]?\d+,\d+\s*")


@dataclass(frozen=True)
class Dialect:
    """How a file separates cells, its header, the lines before its first record, and whether there is any.

    ``sample`` are the first records; ``comment`` is what a line of comment begins with.
    """

    delimiter: str
    header: Header
    lines_above: int
    any_rows: bool
    sample: tuple[tuple[str, ...], ...] = ()
    comment: str | None = None
    longest_line: int = 0

    def hints(self, names: Sequence[str]) -> list[Hint]:
        """What a person should know of it; ``names`` are those the columns got."""
        hints = self.header.hints(names)
        if self.delimiter not in _COMMON:
            hints.append(Hint("table.delimiter", f"Cells are separated by {self.delimiter!r}."))
        if self.comment:
            message = f"Lines that begin with {self.comment} above the records are comments and left out."
            hints.append(Hint("table.comments", message))
        commas = [name for i, name in enumerate(names) if self.delimiter != "," and self._has_decimal_commas(i)]
        if commas:
            message = f"Numbers have decimal commas in {', '.join(commas[:10])}: say so in a crosswalk to use them."
            hints.append(Hint("numbers.decimal_comma", message))
        return hints

    def _has_decimal_commas(self, column: int) -> bool:
        cells = [row[column] for row in self.sample if column < len(row) and row[column].strip()]
        with_comma = sum(bool(_DECIMAL_COMMA.fullmatch(cell)) for cell in cells)
        return with_comma > 0 and all(is_number(cell) for cell in cells)


# ---- the encoding ---------------------------------------------------------------------


def encoding_of(content: Content, wanted: str | None) -> Evidence:
    """The encoding, by its mark or by its bytes.

    Raises:
        SourceError: the bytes are not in the encoding that is wanted.
    """
    head = content.head(_OPENING_BYTES)
    wide = without_mark(head)
    if head[:4] in (b"\xff\xfe\0\0", b"\0\0\xfe\xff") or head[:2] in (b"\xff\xfe", b"\xfe\xff"):
        found = text.probe(head)
    elif wide is not None:
        found = Evidence(wide, "every other byte is NUL, and there is no byte order mark", 0.9)
    else:
        lines = (line.rstrip(b"\r\n") for line in content.lines() if _HIGH.search(line))
        found = text.probe(islice(lines, _MOST_LINES), wanted)
        if head.startswith(b"\xef\xbb\xbf") and found.value == text.UTF8:
            found = Evidence(text.UTF8, "byte order mark", 1.0)
    if wanted is None:
        return found
    if text.named(found.value) != wanted and found.confidence >= _CERTAIN and not _is_same_width(found.value, wanted):
        raise SourceError(
            f"{content.shown} is not {wanted}: {found.how}.",
            hint=f"Leave the encoding out, or say {found.value}.",
        )
    return Evidence(wanted, "given", 1.0)


def _is_same_width(found: str | None, wanted: str) -> bool:
    return (found or "").lower().startswith("utf-16") and wanted.lower().replace("_", "-").startswith("utf-16")


def without_mark(head: bytes) -> str | None:
    """UTF-16 without its byte order mark: which of its two orders; None for any other bytes."""
    if b"\0" not in head or head[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return None
    whole = head[: len(head) & ~1]
    for name, high in (("utf-16-le", 1), ("utf-16-be", 0)):
        zeros, others = whole[high::2].count(0), whole[1 - high :: 2].count(0)
        if others or not zeros:
            continue
        try:
            decoded = whole.decode(name, errors="strict" if len(head) < _OPENING_BYTES else "ignore")
        except UnicodeDecodeError:
            continue
        if decoded and all(c.isprintable() or c in "\r\n\t" for c in decoded[:1000]):
            return name
    return None


# ---- the delimiter and the header -----------------------------------------------------


@dataclass(frozen=True)
class Record:
    line: int  # the physical line on which it begins, 0-based
    end: int
    cells: tuple[str, ...]


def dialect_of(content: Content, encoding: str) -> Dialect:
    """How the text is written.

    Raises:
        SourceError: there is no header, or too many columns, or no line ends.
    """
    opening, whole = _opening(content, encoding)
    # Excel's own first line, which says the delimiter.
    said = re.match(r"sep=(.)\r?\n", opening)
    if said:
        opening = opening[said.end() :]
    delimiter = said.group(1) if said else delimiter_of(opening) or ","
    first = list(islice(records_of(opening, delimiter), _SAMPLE_ROWS + 20))
    records = [record for record in first if any(record.cells)]
    if not records:
        raise SourceError(f"{content.shown} holds no header line.", hint="The first line must name the columns.")
    above = bool(said)
    comment, records = _without_comments(records)
    header = headers.find([record.cells for record in records])
    if header is None:
        raise SourceError(f"{content.shown} holds no header line.", hint="The first line must name the columns.")
    header = _as_wide_as_records(header, records)
    if len(header.names) > MOST_COLUMNS:
        raise SourceError(
            f"{content.shown} has {len(header.names):,} columns, more than {MOST_COLUMNS:,}.",
            hint="Is it transposed? Records must be rows.",
        )
    last = records[header.data - 1]
    rows = [r for r in first if r.line >= last.end and (r.cells or len(header.names) == 1)]
    return Dialect(
        delimiter,
        replace(header, names=tuple(name.strip() for name in header.names)),
        last.end + above,
        any_rows=bool(rows) or not whole,
        sample=tuple(record.cells for record in rows[:_SAMPLE_ROWS]),
        comment=comment,
        longest_line=max((len(line) for line in opening.splitlines()), default=0),
    )


def _opening(content: Content, encoding: str) -> tuple[str, bool]:
    """The first whole lines as text, and whether they are all there are."""
    size = _OPENING_BYTES
    while True:
        head = content.head(size)
        whole = len(head) < size or len(head) == content.size()
        opening = head.decode(encoding, errors="replace").lstrip("\ufeff")
        if whole:
            return opening, True
        end = max(opening.rfind("\n"), opening.rfind("\r")) + 1
        if end and opening[:end].strip():
            return opening[:end], False
        if size >= _LONGEST_LINE:
            raise SourceError(
                f"{content.shown} has no line end in its first {size >> 20} MB, so it is no table.",
                hint="Which program wrote it, and with which line ends?",
            )
        size = min(8 * size, _LONGEST_LINE)


def delimiter_of(opening: str) -> str | None:
    """The character that separates the cells of most lines alike; None where there is none."""
    best = max(_COMMON, key=lambda delimiter: regularity(opening, delimiter))
    if regularity(opening, best)[0]:
        return best
    lines = [line for line in islice(io.StringIO(opening, newline=""), 20) if line.strip()]
    if len(lines) < 2:
        return None
    rare = [c for c, _ in Counter(lines[-1]).most_common() if not c.isalnum() and c not in _NEVER]
    for delimiter in [*rare, " "]:
        share, cells = regularity(opening, delimiter)
        if share == 1.0 and cells >= 2 and (delimiter not in " :" or _is_of_numbers(opening, delimiter)):
            return delimiter
    return None


def regularity(opening: str, delimiter: str) -> tuple[float, int]:
    """The share of rows that have as many cells as most, and how many; one cell counts for nothing.

    Where the first row is a single cell it must be a title: the rows below begin with names
    above numbers, or it is a header of one column whose cells hold the delimiter.
    """
    rows = [r.cells for r in islice(records_of(opening, delimiter), _SAMPLE_ROWS) if r.cells]
    rows = [row for row in rows if any(row)]
    if not rows:
        return 0.0, 0
    counts = Counter(map(len, rows))
    cells = len(rows[0])
    if cells < 2:
        cells = max(counts, key=lambda count: (counts[count], count))
        titled = next((i for i, row in enumerate(rows) if len(row) == cells), 0)
        names, values = rows[titled], rows[titled + 1 : titled + 4]
        if cells < 2 or any(map(is_value, names)) or not any(is_value(cell) for row in values for cell in row):
            return 0.0, 0
        rows = rows[titled:]
    return sum(len(row) == cells for row in rows) / len(rows), cells


def _is_of_numbers(opening: str, delimiter: str) -> bool:
    """Whether the first line has names and the others mostly numbers, as only a table has."""
    first, *rest = [r.cells for r in islice(records_of(opening, delimiter), _SAMPLE_ROWS) if r.cells]
    cells = [cell for row in rest for cell in row]
    return not any(map(is_number, first)) and 2 * sum(map(is_number, cells)) > len(cells) and len(set(first)) > 1


def records_of(opening: str, delimiter: str) -> Iterator[Record]:
    reader = python_csv.reader(io.StringIO(opening, newline=""), delimiter=delimiter)
    line = 0
    limit = python_csv.field_size_limit(_LONGEST_LINE)
    try:
        for row in reader:
            yield Record(line, reader.line_num, tuple(row))
            line = reader.line_num
    except python_csv.Error:
        return
    finally:
        python_csv.field_size_limit(limit)


def _without_comments(records: list[Record]) -> tuple[str | None, list[Record]]:
    """The records without the comments above them; the last of them may be the header (#id,x,y)."""
    above = 0
    while above < len(records) and records[above].cells[0].lstrip().startswith("#"):
        above += 1
    if not above or above == len(records):
        return None, records
    last, following = records[above - 1], records[above]
    names = (last.cells[0].lstrip().lstrip("#").strip(), *last.cells[1:])
    if len(names) == len(following.cells) and any(map(is_value, following.cells)) and not any(map(is_value, names)):
        return ("#" if above > 1 else None), [replace(last, cells=names), *records[above:]]
    return "#", records[above:]


def _as_wide_as_records(header: Header, records: list[Record]) -> Header:
    """The header with one nameless column more or less, where all records end with a delimiter and it does not."""
    rows = [record.cells for record in records[header.data :]]
    widths = {len(row) for row in rows}
    cells = len(header.names)
    if widths == {cells + 1} and all(not row[-1] for row in rows):
        return replace(header, names=(*header.names, ""))
    if widths == {cells - 1} and not header.names[-1]:
        return replace(header, names=header.names[:-1])
    return header


# ---- whether a file is a table at all ----------------------------------------------------


def is_clearly_a_table(opening: str) -> bool:
    """Whether text of unknown kind is a table: all rows have as many cells, under a header of different names."""
    opening = opening[: opening.rfind("\n") + 1] or opening
    delimiter = delimiter_of(opening)
    if delimiter is None or re.search(r"[\x00-\x08\x0e-\x1f]", opening.replace(delimiter, "")):
        return False
    rows = [r.cells for r in islice(records_of(opening, delimiter), _SAMPLE_ROWS) if any(r.cells)]
    first = next((i for i, row in enumerate(rows) if len(row) > 1), None)
    if first is None or len(rows) - first < 3:
        return False
    names = [name.strip().lower() for name in rows[first] if name.strip()]
    named = len(set(names)) == len(names) > 1 and not any(map(is_value, rows[first]))
    return named and all(len(row) == len(rows[first]) for row in rows[first:])


def is_prose(opening: str) -> bool:
    """Whether text is sentences rather than a column of values."""
    lines = [line for line in opening.splitlines()[:_SAMPLE_ROWS] if line.strip()]
    return delimiter_of(opening) is None and any(len(line.split()) > 6 for line in lines)
