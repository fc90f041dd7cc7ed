"""One reading statement over the datasets of the current release.

The statement may be a stranger's, and so may the catalog. Four walls stand around it: the
guard lets only reading statements over plain names through; the connection may open no file
but those of the datasets, its settings are locked, and Python's variables are out of sight;
DuckDB parses the guarded text again and must find one SELECT or EXPLAIN; and a clock runs.
(In DuckDB 1.5.5 ``allowed_paths`` grants writing too, so that the guard is what keeps a COPY
out.)
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from cimkit import duck, guard, wkb
from cimkit.catalog import content, index, releases
from cimkit.catalog.layout import Layout
from cimkit.catalog.manifest import Manifest, file_path, load
from cimkit.errors import CatalogError, QueryError, nearest
from cimkit.model import Hint

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

#: Seconds after which a statement is stopped unless the caller says otherwise.
TIMEOUT = 300.0


def query(layout: Layout, sql: str, *, timeout: float | None = TIMEOUT) -> tuple[pa.Table, list[Hint]]:
    """The result of one SELECT, WITH, VALUES, DESCRIBE, SUMMARIZE or EXPLAIN, and what to know of it.

    Each dataset is a view of its name, its geometry as GEOMETRY with its CRS; each Parquet
    attachment is the view ``<dataset>__<attachment>``; the index is the database ``catalog``,
    whose tables also answer to their plain names where no dataset has the same. Geometry
    comes back as WKB (Arrow type geoarrow.wkb).

    Args:
        layout: the catalog.
        sql: the statement.
        timeout: seconds until it is stopped; None: never.

    Raises:
        QueryError: the statement is refused, wrong, or ran too long.
        CatalogError: the catalog is damaged, or a dataset that the statement asks for.
    """
    import duckdb

    statement = guard.statement(sql)
    with duck.connect() as con:
        hints = index.attach(con, layout)
        views, damaged = _views(con, layout)
        hints += damaged.values()
        _lock(con, views.values())
        try:
            _judge(con, statement)
            with _stopped_after(con, timeout):
                return con.execute(statement).to_arrow_table(), hints
        except duckdb.InterruptException as error:
            raise QueryError(
                f"The query was stopped after {timeout:g} seconds.",
                hint="Ask for less, or allow more time.",
            ) from error
        except duckdb.CatalogException as error:
            if damage := damaged.get(_unknown(error).split("__")[0]):
                hint = f"See what is damaged: cimkit catalog verify {layout.root}"
                raise CatalogError(damage.message, hint=hint) from error
            known = nearest(_unknown(error), views)
            raise QueryError(f"The query cannot run: {content.first_line(error)}", hint=known) from error
        except duckdb.Error as error:
            raise QueryError(f"The query failed: {content.first_line(error)}", hint=_hint(damaged.values())) from error


def _views(con: duckdb.DuckDBPyConnection, layout: Layout) -> tuple[dict[str, Path], dict[str, Hint]]:
    """Creates the views; which file each reads, and what is wrong with the datasets that cannot be read."""
    import duckdb

    found: dict[str, Path] = {}
    damaged: dict[str, Hint] = {}
    for name, number in releases.current(layout).datasets.items():
        try:
            manifest = load(layout, name, number)
            for view, path, crs in _tables(layout, manifest):
                con.execute(f"CREATE VIEW {duck.identifier(view)} AS {_select(path, crs)}")
                found[view] = path
        except (CatalogError, duckdb.Error, OSError, ValueError) as error:
            damaged[name] = Hint("dataset.damaged", f"{name} cannot be queried: {content.first_line(error)}")
    return found, damaged


def _tables(layout: Layout, manifest: Manifest) -> Iterator[tuple[str, Path, str | None]]:
    """The Parquet files of a version: what the view is called, where the file is, and its CRS."""
    yield manifest.name, file_path(layout, manifest, manifest.data), manifest.crs
    for file in manifest.attachments:
        if file.rows is not None:
            path = file_path(layout, manifest, file)
            yield f"{manifest.name}__{file.role}", path, content.own_crs(path)


def _select(path: Path, crs: str | None) -> str:
    """The query of a view; ``crs`` is a code, WKT or PROJJSON."""
    table = duck.parquet(path)
    if not content.geometry_metadata(path):
        return f"FROM {table}"
    geometry = wkb.geometry_sql(content.GEOMETRY)
    if crs is not None:
        # With its CRS in the type, DuckDB refuses to compare datasets in different ones.
        geometry = f"ST_SetCRS({geometry}, {duck.literal(crs)})"
    return f"SELECT * REPLACE ({geometry} AS {content.GEOMETRY}) FROM {table}"


def _lock(con: duckdb.DuckDBPyConnection, paths: Iterable[Path]) -> None:
    """From here on the connection reads these files and no others, and no setting can be changed."""
    listed = ", ".join(duck.literal(str(path)) for path in paths)
    for setting in (
        # Names are looked up in this order, so that a dataset comes before an index table.
        "search_path = 'memory.main,catalog.main'",
        "GLOBAL python_enable_replacements = false",
        f"GLOBAL allowed_paths = [{listed}]",
        "GLOBAL enable_external_access = false",
        "GLOBAL lock_configuration = true",
    ):
        con.execute(f"SET {setting}")


def _judge(con: duckdb.DuckDBPyConnection, statement: str) -> None:
    """A second opinion on what the guard let through, by the parser that will run it."""
    import duckdb

    kinds = [parsed.type for parsed in con.extract_statements(statement)]
    if kinds not in ([duckdb.StatementType.SELECT], [duckdb.StatementType.EXPLAIN]):
        raise QueryError("The query does something else than read.", hint="Write one SELECT.")


@contextmanager
def _stopped_after(con: duckdb.DuckDBPyConnection, seconds: float | None) -> Iterator[None]:
    if seconds is None:
        yield
        return
    clock = threading.Timer(seconds, con.interrupt)
    clock.daemon = True
    clock.start()
    try:
        yield
    finally:
        clock.cancel()


def _unknown(error: Exception) -> str:
    """The name that DuckDB did not find, out of its message."""
    words = str(error).split("name ", 1)
    return words[1].split(" ", 1)[0] if len(words) == 2 else ""


def _hint(damaged: Iterable[Hint]) -> str | None:
    return next((f"{hint.message} See 'cimkit catalog verify'." for hint in damaged), None)
