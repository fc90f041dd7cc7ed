"""A damaged SQLite database (GeoPackage, SpatiaLite): the rows of each table that can be read, in a new one.

Indexes, triggers and the tables of spatial indexes are left out; readers need none of them.
"""

from __future__ import annotations

import shutil
import sqlite3
import struct
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

from cimkit.duck import identifier
from cimkit.errors import SourceError
from cimkit.model import Reject

_STEP = 4096
#: Rows are looked for up to here where the end of a table is lost, and no further than so many that fail in a row.
_FARTHEST = 1 << 62
_GIVEN_UP = 5000
_CODES = ("application_id", "user_version", "encoding", "page_size")


def mend(source: Path, target: Path, records: tuple[str, ...]) -> list[Reject]:
    """Copy every row that can be read; the others are told by table and row number.

    Raises:
        SourceError: the list of tables itself cannot be read.
    """
    try:
        with closing(_opened(_filled(source, target))) as damaged:
            if _is_whole(damaged):
                return []
            with closing(sqlite3.connect(target)) as copy:
                rejected = _copied(damaged, copy)
                copy.commit()
    except sqlite3.DatabaseError as error:
        raise SourceError(
            f"{source} is damaged where it lists its tables: {error}.", hint="Copy or export it again."
        ) from error
    return rejected


def _filled(source: Path, target: Path) -> Path:
    """The database, or where it breaks off a copy of the length its header promises, for SQLite opens no shorter one.

    The header has the size of a page at byte 16 and their number at byte 28 (SQLite file format, 1.3).
    """
    with source.open("rb") as handle:
        head = handle.read(100)
    page, pages = struct.unpack_from(">H", head, 16)[0], struct.unpack_from(">I", head, 28)[0]
    promised = (65536 if page == 1 else page) * pages
    if source.stat().st_size >= promised:
        return source
    filled = target.with_name(f"filled-{target.name}")
    shutil.copyfile(source, filled)
    with filled.open("r+b") as handle:
        handle.truncate(promised)
    return filled


def _opened(path: Path) -> sqlite3.Connection:
    database = sqlite3.connect(path.absolute().as_uri() + "?mode=ro&immutable=1", uri=True)
    # The schema counts as read as far as it can be, although pages of it are lost.
    database.execute("PRAGMA writable_schema = ON")
    database.text_factory = lambda raw: raw.decode("utf-8", "replace")
    return database


def _is_whole(database: sqlite3.Connection) -> bool:
    try:
        return bool(database.execute("PRAGMA quick_check(1)").fetchall() == [("ok",)])
    except sqlite3.DatabaseError:
        return False


def _copied(damaged: sqlite3.Connection, copy: sqlite3.Connection) -> list[Reject]:
    for code in _CODES:
        value = damaged.execute(f"PRAGMA {code}").fetchone()[0]
        copy.execute(f"PRAGMA {code} = {identifier(value) if isinstance(value, str) else int(value)}")
    rejected: list[Reject] = []
    for name, sql in list(_read(damaged, "sqlite_master", "name, sql", "type = 'table'", rejected)):
        if name.startswith(("sqlite_", "rtree_", "idx_")) or sql.lstrip().upper().startswith("CREATE VIRTUAL"):
            continue
        copy.execute(sql)
        columns = len(copy.execute(f"PRAGMA table_info({identifier(name)})").fetchall())
        into = f"INSERT OR IGNORE INTO {identifier(name)} VALUES ({', '.join('?' * columns)})"
        copy.executemany(into, _read(damaged, name, "*", "TRUE", rejected))
    copy.commit()
    _forget_indexes(copy)
    return rejected or [Reject(None, "the database", "Its indexes are damaged; no row is lost.")]


def _read(
    damaged: sqlite3.Connection, name: str, columns: str, wanted: str, rejected: list[Reject]
) -> Iterator[tuple[Any, ...]]:
    """The rows of a table that can be read, asked for in ever smaller ranges where some cannot."""
    last, failed = _last(damaged, name), 0
    at, step = 0, _STEP
    while at <= last:
        end = min(at + step, last + 1)
        query = f"SELECT {columns} FROM {identifier(name)} WHERE rowid >= ? AND rowid < ? AND {wanted}"
        try:
            found = damaged.execute(query, (at, end)).fetchall()
            failed = 0
        except sqlite3.DatabaseError as error:
            if end - at > 1:
                step = (end - at) // 2
                continue
            found, failed = [], failed + 1
            if failed > _GIVEN_UP:
                rejected.append(Reject(None, f"table {name}, what follows row {at}", f"It cannot be read: {error}."))
                return
            rejected.append(Reject(None, f"table {name}, row {at}", f"It cannot be read: {error}."))
        yield from found
        at, step = end, min(2 * step, _STEP)


def _last(damaged: sqlite3.Connection, name: str) -> int:
    """The largest row number; a very large one where the end of the table cannot be read."""
    try:
        return int(damaged.execute(f"SELECT max(rowid) FROM {identifier(name)}").fetchone()[0] or 0)
    except sqlite3.DatabaseError:
        return _FARTHEST


def _forget_indexes(copy: sqlite3.Connection) -> None:
    """GeoPackage lists its spatial indexes, and GDAL the number of rows: what is no longer so is taken away."""
    known = {name for (name,) in copy.execute("SELECT name FROM sqlite_master")}
    if "gpkg_extensions" in known:
        copy.execute("DELETE FROM gpkg_extensions WHERE extension_name = 'gpkg_rtree_index'")
    copy.execute("DROP TABLE IF EXISTS gpkg_ogr_contents")
