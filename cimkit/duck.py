"""The one place that opens DuckDB: its extension, settings and limits, and safe SQL text.

DuckDB never opens users' files here: it reads the Parquet that cimkit staged. The spatial
extension is loaded from its wheel's own folder, so nothing is fetched and nothing is
written to the home folder.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from cimkit.errors import CimkitError

if TYPE_CHECKING:
    import duckdb

#: Extension files whose signature DuckDB has checked in this process. Checking takes a few tenths of a second,
#: loading a few thousandths, and a run opens dozens of connections.
_verified: set[tuple[Path, int]] = set()

#: Leaves room for Python, Arrow and GEOS beside DuckDB's own buffers.
MEMORY_LIMIT = "1GB"


def spatial_extension() -> Path:
    """The spatial extension's file inside its wheel.

    Raises:
        CimkitError: the wheel is missing or does not fit the installed DuckDB.
    """
    import duckdb

    install = "pip install 'duckdb==1.5.5' 'duckdb-extension-spatial==1.5.5'"
    try:
        import duckdb_extension_spatial
    except ImportError as error:
        raise CimkitError("The package duckdb-extension-spatial is not installed.", hint=install) from error
    root = Path(duckdb_extension_spatial.__file__).parent
    path = root / "extensions" / f"v{duckdb.__version__}" / "spatial.duckdb_extension"
    if not path.exists():
        raise CimkitError(f"duckdb {duckdb.__version__} has no matching spatial extension in {root}.", hint=install)
    return path


@contextmanager
def connect(
    database: str | Path = ":memory:", *, memory_limit: str = MEMORY_LIMIT, read_only: bool = False
) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection with spatial loaded, x/y axis order, bounded memory and its own spill folder.

    Geometry columns of Parquet files stay WKB blobs (``enable_geoparquet_conversion`` off),
    so that a broken or curved geometry is one record's finding and not the whole query's
    failure: :mod:`cimkit.wkb` says how to hand them to DuckDB.
    """
    import duckdb

    extension = spatial_extension()
    checked = (extension, extension.stat().st_mtime_ns)
    with tempfile.TemporaryDirectory(prefix="cimkit-duck-") as spill:
        con = duckdb.connect(
            str(database),
            read_only=read_only,
            config={
                "autoinstall_known_extensions": False,
                "autoload_known_extensions": False,
                "allow_community_extensions": False,
                "allow_unsigned_extensions": checked in _verified,
                "memory_limit": memory_limit,
                "temp_directory": spill,
            },
        )
        try:
            con.execute(f"LOAD {literal(str(extension))}")
            _verified.add(checked)
            # GLOBAL: a plain SET is not inherited by con.cursor(), and a cursor without it swaps axes.
            con.execute("SET GLOBAL geometry_always_xy = true")
            con.execute("SET GLOBAL enable_geoparquet_conversion = false")
            con.execute("SET enable_progress_bar = false")
            con.execute("SET GLOBAL TimeZone = 'UTC'")
            yield con
        finally:
            con.close()


def identifier(name: str) -> str:
    """A name quoted for SQL, whatever is in it; field names of strangers pass through here."""
    return '"' + name.replace('"', '""') + '"'


def literal(value: object) -> str:
    """A value as an SQL literal: None, bool, int, float, str; anything else as its text."""
    if value is None:
        return "NULL"
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        return f"CAST('{value!r}' AS DOUBLE)"
    text = str(value).replace("\0", "")
    return "'" + text.replace("'", "''") + "'"


def parquet(path: Path | str) -> str:
    """A table expression that reads one of cimkit's own Parquet files."""
    return f"read_parquet({literal(str(path))})"
