"""The stored findings as a GeoPackage 1.3 (OGC 12-128r18): a layer of points for a GIS, and the rules as a table.

Written with SQLite alone. The times that the format demands are all 1970, so that two reports of
the same findings are the same bytes.
"""

from __future__ import annotations

import sqlite3
import struct
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from cimkit.model import Report
from cimkit.report.rows import FindingRow, RuleRow, finding_rows, rule_rows

_TIME = "1970-01-01T00:00:00.000Z"
_WGS84 = (
    'GEOGCS["WGS 84",DATUM["WGS_1984",SPHEROID["WGS 84",6378137,298.257223563,AUTHORITY["EPSG","7030"]],'
    'AUTHORITY["EPSG","6326"]],PRIMEM["Greenwich",0,AUTHORITY["EPSG","8901"]],'
    'UNIT["degree",0.0174532925199433,AUTHORITY["EPSG","9122"]],AUTHORITY["EPSG","4326"]]'
)
_TABLES = """
CREATE TABLE gpkg_spatial_ref_sys (
  srs_name TEXT NOT NULL, srs_id INTEGER NOT NULL PRIMARY KEY, organization TEXT NOT NULL,
  organization_coordsys_id INTEGER NOT NULL, definition TEXT NOT NULL, description TEXT);
CREATE TABLE gpkg_contents (
  table_name TEXT NOT NULL PRIMARY KEY, data_type TEXT NOT NULL, identifier TEXT UNIQUE, description TEXT DEFAULT '',
  last_change DATETIME NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ','now')), min_x DOUBLE, min_y DOUBLE,
  max_x DOUBLE, max_y DOUBLE, srs_id INTEGER,
  CONSTRAINT fk_gc_r_srs_id FOREIGN KEY (srs_id) REFERENCES gpkg_spatial_ref_sys(srs_id));
CREATE TABLE gpkg_geometry_columns (
  table_name TEXT NOT NULL, column_name TEXT NOT NULL, geometry_type_name TEXT NOT NULL, srs_id INTEGER NOT NULL,
  z TINYINT NOT NULL, m TINYINT NOT NULL,
  CONSTRAINT pk_geom_cols PRIMARY KEY (table_name, column_name),
  CONSTRAINT uk_gc_table_name UNIQUE (table_name),
  CONSTRAINT fk_gc_tn FOREIGN KEY (table_name) REFERENCES gpkg_contents(table_name),
  CONSTRAINT fk_gc_srs FOREIGN KEY (srs_id) REFERENCES gpkg_spatial_ref_sys(srs_id));
"""
#: A reader takes a column "fid" for the key of the table.
_RENAMED = {"fid": "source_fid"}
_TYPES = {"row": "INTEGER", "iso19157": "INTEGER", "longitude": "DOUBLE", "latitude": "DOUBLE"}
_COUNTS = ("checked", "failed", "known", "suppressed")
#: Magic, version 0, little-endian without an envelope, EPSG:4326; then little-endian WKB of a point.
_POINT = struct.Struct("<2sBBiBIdd")


def write(report: Report, path: Path, lang: str = "en") -> None:
    """Layer ``findings`` (EPSG:4326; without geometry where a finding has no place) and table ``rules``."""
    con = sqlite3.connect(path, isolation_level=None)
    try:
        con.execute("PRAGMA application_id = 0x47504B47")
        con.execute("PRAGMA user_version = 10300")
        con.execute("PRAGMA journal_mode = OFF")
        con.execute("PRAGMA synchronous = OFF")
        con.execute("BEGIN")
        for statement in filter(str.strip, _TABLES.split(";")):
            con.execute(statement)
        con.executemany("INSERT INTO gpkg_spatial_ref_sys VALUES (?, ?, ?, ?, ?, ?)", _reference_systems())
        _table(con, "findings", FindingRow._fields, "geom POINT")
        _insert(con, "findings", len(FindingRow._fields) + 1, _features(report))
        _table(con, "rules", RuleRow._fields)
        _insert(con, "rules", len(RuleRow._fields), rule_rows(report))
        _register(con, report)
        con.execute("COMMIT")
    finally:
        con.close()


def _reference_systems() -> Iterator[tuple[Any, ...]]:
    yield "Undefined Cartesian SRS", -1, "NONE", -1, "undefined", None
    yield "Undefined geographic SRS", 0, "NONE", 0, "undefined", None
    yield "WGS 84 geodetic", 4326, "EPSG", 4326, _WGS84, None


def _table(con: sqlite3.Connection, name: str, fields: Iterable[str], *more: str) -> None:
    types = {**_TYPES, **dict.fromkeys(_COUNTS, "INTEGER")}
    columns = [f'"{_RENAMED.get(field, field)}" {types.get(field, "TEXT")}' for field in fields]
    con.execute(f"CREATE TABLE {name} ({', '.join(['number INTEGER PRIMARY KEY AUTOINCREMENT', *more, *columns])})")


def _insert(con: sqlite3.Connection, name: str, width: int, rows: Iterable[tuple[Any, ...]]) -> None:
    con.executemany(f"INSERT INTO {name} VALUES (NULL{', ?' * width})", rows)


def _features(report: Report) -> Iterator[tuple[Any, ...]]:
    for row in finding_rows(report):
        if row.longitude is None or row.latitude is None:
            yield None, *row
        else:
            yield _POINT.pack(b"GP", 0, 1, 4326, 1, 1, row.longitude, row.latitude), *row


def _register(con: sqlite3.Connection, report: Report) -> None:
    extent: tuple[float | None, ...] = con.execute(
        "SELECT min(longitude), min(latitude), max(longitude), max(latitude) FROM findings"
    ).fetchone()
    contents = [
        ("findings", "features", "findings", "cimkit check", _TIME, *extent, 4326),
        ("rules", "attributes", "rules", "cimkit check", _TIME, None, None, None, None, None),
    ]
    con.executemany("INSERT INTO gpkg_contents VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", contents)
    con.execute("INSERT INTO gpkg_geometry_columns VALUES ('findings', 'geom', 'POINT', 4326, 0, 0)")
