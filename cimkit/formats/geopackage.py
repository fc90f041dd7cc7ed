"""GeoPackage (OGC 12-128r18): GDAL reads the layers, SQLite says which there are.

A database in WAL mode gets -wal and -shm files beside it from any plain reader, so it is
opened as immutable, unless changes still wait in a -wal file of its own.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from cimkit.errors import SourceError
from cimkit.formats.dataset import Dataset, Delivery
from cimkit.formats.gdal import GdalLayer, refuse_encoding
from cimkit.formats.probe import Probe
from cimkit.formats.registry import Wishes

#: Tables that QGIS keeps in a GeoPackage for itself.
_BOOKKEEPING = {"layer_styles", "qgis_projects"}


def layers(probe: Probe, format: str, wishes: Wishes) -> Dataset:
    """The feature layers and attribute tables of a GeoPackage."""
    refuse_encoding(probe, format, wishes)
    wal = probe.path.with_name(probe.path.name + "-wal")
    pending = wal.exists() and wal.stat().st_size > 0
    delivery = Delivery(probe.path, format, (probe.path, wal) if pending else (probe.path,))
    options = {} if pending else {"IMMUTABLE": "YES"}
    names = [name for name in _tables(probe.path, immutable=not pending) if name not in _BOOKKEEPING]
    return Dataset(delivery, tuple(GdalLayer(delivery, name, wishes, options=options) for name in names))


def _tables(path: Path, *, immutable: bool) -> list[str]:
    address = path.absolute().as_uri() + "?mode=ro" + ("&immutable=1" if immutable else "")
    question = "SELECT table_name FROM gpkg_contents WHERE data_type IN ('features', 'attributes') ORDER BY rowid"
    try:
        with closing(sqlite3.connect(address, uri=True)) as database:
            return [str(name) for (name,) in database.execute(question)]
    except sqlite3.DatabaseError as error:
        raise SourceError(
            f"{path} cannot be read as GPKG: {error}.", hint="Was it copied or exported to the end?"
        ) from error
