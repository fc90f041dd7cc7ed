"""``catalog.duckdb``: the manifests as tables, for anyone with DuckDB and for ``catalog query``.

It is derived from the manifests of all releases, written aside and put in place in one step,
and made again whenever it does not fit the current release. Removing it loses nothing. It
holds no geometry and no R-tree (DuckDB 1.5 can leave a file with one unreadable).
"""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cimkit import duck
from cimkit.catalog import content, durable, releases
from cimkit.catalog.layout import FORMAT, Layout
from cimkit.catalog.manifest import Manifest, load
from cimkit.errors import CatalogError
from cimkit.model import Hint, Release

if TYPE_CHECKING:
    import duckdb

#: Tables and columns follow PostgreSQL's types too, so that one server can hold many catalogs.
TABLES = {
    "built_from": "format INTEGER, release_no INTEGER, release_sha256 VARCHAR",
    "release": "release_no INTEGER, created_at TIMESTAMPTZ, author VARCHAR, message VARCHAR, parent_no INTEGER",
    "release_member": "release_no INTEGER, dataset_id VARCHAR, version_no INTEGER",
    "dataset": "dataset_id VARCHAR, title_zh VARCHAR, title_en VARCHAR, licence VARCHAR, version_no INTEGER",
    "dataset_version": """
        dataset_id VARCHAR, version_no INTEGER, previous_no INTEGER, created_at TIMESTAMPTZ, message VARCHAR,
        crs VARCHAR, bbox_native DOUBLE[], bbox_crs84 DOUBLE[], row_count BIGINT, geometry_types VARCHAR[],
        digest VARCHAR, manifest_sha256 VARCHAR""",
    "field": """
        dataset_id VARCHAR, version_no INTEGER, ordinal INTEGER, name VARCHAR, type VARCHAR, null_count BIGINT""",
    "asset": """
        dataset_id VARCHAR, version_no INTEGER, role VARCHAR, uri VARCHAR, sha256 VARCHAR, bytes BIGINT,
        rows BIGINT""",
    "conformance": """
        dataset_id VARCHAR, version_no INTEGER, standard_id VARCHAR, standard_version VARCHAR, verdict VARCHAR,
        errors BIGINT, warnings BIGINT, infos BIGINT""",
    "check_result": """
        dataset_id VARCHAR, version_no INTEGER, rule_id VARCHAR, code VARCHAR, severity VARCHAR, level VARCHAR,
        field VARCHAR, checked_count BIGINT, failed_count BIGINT""",
    "source": """
        dataset_id VARCHAR, version_no INTEGER, ordinal INTEGER, name VARCHAR, file VARCHAR, format VARCHAR,
        sha256 VARCHAR, crs VARCHAR, licence VARCHAR, as_of VARCHAR, facts JSON""",
}


@dataclass(slots=True)
class _Rows:
    """What goes into the tables, and what could not be read."""

    tables: dict[str, list[dict[str, Any]]] = field(default_factory=lambda: {name: [] for name in TABLES})
    hints: list[Hint] = field(default_factory=list)

    def add(self, table: str, **row: Any) -> None:
        self.tables[table].append(row)


def rebuild(con: duckdb.DuckDBPyConnection, layout: Layout) -> list[Hint]:
    """Makes ``catalog.duckdb`` again from the manifests, through any connection.

    Returns:
        What was left out because its manifest is missing or damaged.

    Raises:
        CatalogError: the chain of releases is broken, or the folder cannot be written.
    """
    import duckdb

    rows = _collect(layout)
    aside = durable.temporary(layout.root)
    with durable.writing(layout.root):
        try:
            con.execute(f"ATTACH {duck.literal(str(aside))} AS written")
            try:
                _fill(con, "written.main", rows)
                con.execute("CHECKPOINT written")
            finally:
                con.execute("DETACH written")
            aside.replace(layout.index)
        except duckdb.Error as error:
            reason = "no space is left" if durable.FULL in str(error) else content.first_line(error)
            raise CatalogError(f"The index {layout.index} cannot be written: {reason}.") from error
        finally:
            for leftover in (aside, aside.with_name(aside.name + ".wal")):
                leftover.unlink(missing_ok=True)
    return rows.hints


def attach(con: duckdb.DuckDBPyConnection, layout: Layout) -> list[Hint]:
    """Puts the index into a connection as the database ``catalog``, read only; made again where needed.

    Returns:
        What a person should know: that the index was made again and why, what is damaged.
    """
    why = _unfit(con, layout)
    if why is None:
        return []
    hints = [Hint("index.rebuilt", f"The index was made again from the manifests: {why}.")]
    try:
        hints += rebuild(con, layout)
        con.execute(_attach(layout.index))
    except CatalogError as error:
        # Nobody has to be able to write to a catalog in order to query it.
        rows = _collect(layout)
        con.execute("ATTACH ':memory:' AS catalog")
        _fill(con, "catalog.main", rows)
        hints = [Hint("index.not_written", f"The index could not be made again ({why}). {error}"), *rows.hints]
    return hints


def _attach(path: Path) -> str:
    return f"ATTACH {duck.literal(str(path))} AS catalog (READ_ONLY)"


def _unfit(con: duckdb.DuckDBPyConnection, layout: Layout) -> str | None:
    """Attaches the index if it fits the current release; else says why it does not."""
    import duckdb

    if layout.index.is_symlink() or not layout.index.is_file():
        return "there was none"
    number = layout.read_head()
    wanted = (FORMAT, number, releases.digest(layout, number))
    try:
        con.execute(_attach(layout.index))
    except duckdb.Error:
        return "it could not be read"
    found = None
    # Ours has tables only. The view of a stranger would run here, before the connection is locked.
    views = con.execute("SELECT count(*) FROM duckdb_views() WHERE database_name = 'catalog'").fetchone()
    if views == (0,):
        with suppress(duckdb.Error):
            found = con.execute("SELECT format, release_no, release_sha256 FROM catalog.main.built_from").fetchone()
    if found == wanted:
        return None
    con.execute("DETACH catalog")
    return "it was that of another release"


def _collect(layout: Layout) -> _Rows:
    rows = _Rows()
    history = releases.chain(layout)
    head = history[-1] if history else releases.EMPTY
    rows.add(
        "built_from",
        format=FORMAT,
        release_no=head.number,
        release_sha256=releases.digest(layout, head.number),
    )
    for release in history:
        _release(rows, release)
    versions = sorted({member for release in history for member in release.datasets.items()})
    for name, number in versions:
        try:
            manifest = load(layout, name, number)
            sha256, _ = durable.sha256(layout.manifest(name, number))
        except CatalogError as error:
            rows.hints.append(Hint("index.left_out", f"{name} version {number} is damaged: {error}"))
            continue
        _version(rows, manifest, sha256, layout)
        if head.datasets.get(name) == number:
            rows.add(
                "dataset",
                dataset_id=name,
                title_zh=manifest.title.get("zh"),
                title_en=manifest.title.get("en"),
                licence=manifest.licence,
                version_no=number,
            )
    return rows


def _release(rows: _Rows, release: Release) -> None:
    rows.add(
        "release",
        release_no=release.number,
        created_at=release.created_at,
        author=release.author,
        message=release.message,
        parent_no=release.parents[0] if release.parents else None,
    )
    for name, number in release.datasets.items():
        rows.add("release_member", release_no=release.number, dataset_id=name, version_no=number)


def _version(rows: _Rows, manifest: Manifest, sha256: str, layout: Layout) -> None:
    key = {"dataset_id": manifest.name, "version_no": manifest.version}
    geometry, check, standard = manifest.geometry or {}, manifest.check, manifest.standard or {}
    rows.add(
        "dataset_version",
        **key,
        previous_no=manifest.previous,
        created_at=manifest.created_at,
        message=manifest.message,
        crs=manifest.crs,
        bbox_native=manifest.bbox,
        bbox_crs84=manifest.bbox_crs84,
        row_count=manifest.rows,
        geometry_types=geometry.get("types"),
        digest=manifest.digest,
        manifest_sha256=sha256,
    )
    for ordinal, column in enumerate(manifest.columns):
        rows.add("field", **key, ordinal=ordinal, name=column["name"], type=column["type"], null_count=column["nulls"])
    folder = layout.version(manifest.name, manifest.version)
    for file in manifest.files:
        rows.add(
            "asset",
            **key,
            role=file.role,
            uri=layout.relative(folder / file.path),
            sha256=file.sha256,
            bytes=file.bytes,
            rows=file.rows,
        )
    for ordinal, source in enumerate(manifest.sources):
        named = {k: source.get(k) for k in ("name", "file", "format", "sha256", "crs", "licence", "as_of")}
        rows.add("source", **key, ordinal=ordinal, **named, facts=json.dumps(source, ensure_ascii=False))
    if check is None:
        return
    totals = check.get("totals", {})
    rows.add(
        "conformance",
        **key,
        standard_id=standard.get("id"),
        standard_version=standard.get("version"),
        verdict=check.get("verdict"),
        errors=totals.get("error"),
        warnings=totals.get("warning"),
        infos=totals.get("info"),
    )
    for rule in check.get("rules", ()):
        named = {k: rule.get(k) for k in ("code", "severity", "level", "field")}
        counts = {"checked_count": rule.get("checked"), "failed_count": rule.get("failed")}
        rows.add("check_result", **key, rule_id=rule["rule"], **named, **counts)


def _fill(con: duckdb.DuckDBPyConnection, schema: str, rows: _Rows) -> None:
    """Creates and fills the tables; ``schema`` is one of this module's own words.

    Raises:
        CatalogError: a manifest holds a value that no column can, or the disk is full.
    """
    import duckdb
    import pyarrow as pa

    try:
        for table, columns in TABLES.items():
            con.execute(f"CREATE TABLE {schema}.{table} ({columns})")
            if rows.tables[table]:
                con.register("incoming", pa.Table.from_pylist(rows.tables[table]))
                # A time that is in no calendar (a manifest may be anybody's) is no reason to have no index.
                timed = (
                    " REPLACE (TRY_CAST(created_at AS TIMESTAMPTZ) AS created_at)" if "created_at" in columns else ""
                )
                con.execute(f"INSERT INTO {schema}.{table} BY NAME SELECT *{timed} FROM incoming")
                con.unregister("incoming")
    except (duckdb.Error, pa.ArrowException, OverflowError) as error:
        reason = "no space is left" if durable.FULL in str(error) else content.first_line(error)
        raise CatalogError(f"The tables of the index cannot be made: {reason}") from error
