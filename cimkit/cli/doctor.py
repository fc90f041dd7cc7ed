"""``cimkit doctor``: what is installed, what is missing, and how to get it."""

from __future__ import annotations

import json
from typing import Any

import typer

from cimkit import __version__
from cimkit.cli import options
from cimkit.cli.terminal import Terminal, print_text

#: Distributions whose versions explain most reports of trouble.
_CORE = (
    "duckdb",
    "duckdb-extension-spatial",
    "pyarrow",
    "pyogrio",
    "fiona",
    "geopandas",
    "pandas",
    "shapely",
    "pyproj",
    "jsonschema",
    "great-expectations",
)
#: Extra -> the distributions that it brings, and what it is for besides the formats that ask for it.
_EXTRAS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "ifc": (("ifcopenshell",), ()),
    "pointcloud": (("laspy", "lazrs"), ()),
    "raster": (("rasterio",), ()),
    "osm": (("osmium",), ()),
    "dxf": (("ezdxf",), ()),
    "dask": (("dask", "distributed"), ("runs on many machines",)),
    "splink": (("splink",), ("matching of tables without geometry",)),
}


def doctor(terminal: Terminal, format: options.Format = options.TextOrJson.text) -> int:
    """Show versions, drivers and extensions, and how to get what is missing.

    Exit code 0: everything that the base install needs works. 4: something does not.
    """
    found = examine()
    if format is options.TextOrJson.json:
        print_text(json.dumps(found, ensure_ascii=False, indent=2))
    else:
        from cimkit.report.about import render_doctor

        terminal.out().print(render_doctor(found, terminal.lang))
    return 0 if all(check["ok"] for check in found["checks"]) else 4


def examine() -> dict[str, Any]:
    """Versions, and each thing that must work, tried."""
    import platform

    return {
        "cimkit": __version__,
        "python": platform.python_version(),
        "platform": platform.platform(),
        "packages": {name: _version(name) for name in _CORE},
        "checks": [_spatial(), _drivers(), _shipped()],
        "extras": [_extra(name) for name in _EXTRAS],
    }


def _extra(name: str) -> dict[str, Any]:
    """Whether an extra is there, whole, and what can be read with it."""
    from cimkit.formats.registry import FORMATS

    distributions, purposes = _EXTRAS[name]
    versions = [_version(each) for each in distributions]
    return {
        "name": name,
        "installed": None not in versions,
        "version": versions[0],
        "for": [*(format.title for format in FORMATS.values() if format.extra == name), *purposes],
        "install": f"pip install 'cimkit[{name}]'",
    }


def _version(name: str) -> str | None:
    from importlib import metadata

    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def _spatial() -> dict[str, Any]:
    from cimkit import duck
    from cimkit.errors import CimkitError

    try:
        with duck.connect() as con:
            con.execute("SELECT ST_Area(ST_MakeEnvelope(0, 0, 1, 1))").fetchone()
    except CimkitError as error:
        return {"name": "DuckDB spatial", "ok": False, "detail": str(error), "try": error.hint}
    return {"name": "DuckDB spatial", "ok": True, "detail": "loaded from its wheel", "try": None}


def _drivers() -> dict[str, Any]:
    import pyogrio

    needed = ("ESRI Shapefile", "GPKG", "GeoJSON", "FlatGeobuf", "LIBKML", "OSM")
    drivers = pyogrio.list_drivers()
    missing = [name for name in needed if name not in drivers]
    return {
        "name": "GDAL drivers",
        "ok": not missing,
        "detail": f"GDAL {pyogrio.__gdal_version_string__}, {len(drivers)} drivers"
        + (f"; missing: {', '.join(missing)}" if missing else ""),
        "try": "pip install --force-reinstall pyogrio" if missing else None,
    }


def _shipped() -> dict[str, Any]:
    from cimkit import resources
    from cimkit.pipeline import shipped

    missing = [
        kind for kind in ("schemas", "standards", "pipelines", "sample_data") if not resources.folder(kind).is_dir()
    ]
    return {
        "name": "Shipped files",
        "ok": not missing,
        "detail": f"missing: {', '.join(missing)}" if missing else f"pipelines: {', '.join(shipped())}",
        "try": "pip install --force-reinstall cimkit" if missing else None,
    }


def register(app: typer.Typer) -> None:
    """Add the command to the tree."""
    options.command(app)(doctor)
