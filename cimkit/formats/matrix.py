"""The format matrix: what is read, what is written, and what each written format has no place for.

Every cell is asked of the registry and of the profiles that conversion itself uses.
"""

from __future__ import annotations

from typing import Any

from cimkit.formats.profile import Column, Profile
from cimkit.formats.registry import FORMATS

#: A column of each type that tells formats apart: its heading, and its type in DuckDB.
KINDS = (
    ("boolean", "BOOLEAN"),
    ("int64", "BIGINT"),
    ("float64", "DOUBLE"),
    ("decimal", "DECIMAL(18,2)"),
    ("text", "VARCHAR"),
    ("date", "DATE"),
    ("time", "TIME"),
    ("timestamp", "TIMESTAMP"),
    ("timestamptz", "TIMESTAMP WITH TIME ZONE"),
    ("binary", "BLOB"),
    ("nested", "VARCHAR[]"),
)


def matrix() -> list[dict[str, Any]]:
    """One entry for each format: name, title, suffixes, whether it is read, the extra that takes, and

    ``writes``: null, or ``suffixes``, ``types`` (heading -> codes of the losses values of that
    type can suffer) and ``limits``: geometry, one_kind, curves, surfaces, measures, heights,
    null_geometry, crs, longest_name, keeps_order.
    """
    return [
        {
            "name": name,
            "title": format.title,
            "suffixes": list(format.suffixes),
            "reads": format.module is not None,
            "extra": format.extra,
            "writes": {
                "suffixes": list(format.writes),
                "types": types(format.writing().PROFILE),
                "limits": _limits(format.writing().PROFILE),
            }
            if format.writer
            else None,
        }
        for name, format in FORMATS.items()
    ]


def types(profile: Profile) -> dict[str, list[str]]:
    """For each kind of column the codes of the losses its values can suffer."""
    held = {heading: profile.held(Column("x", kind)) for heading, kind in KINDS}
    return {heading: sorted({change.code for change in column.changes}) for heading, column in held.items()}


def _limits(profile: Profile) -> dict[str, Any]:
    return {
        "geometry": profile.geometry,
        "one_kind": profile.one_kind,
        "curves": profile.curves,
        "surfaces": profile.surfaces,
        "measures": profile.measures,
        "heights": profile.heights,
        "null_geometry": profile.null_geometry,
        "crs": profile.crs,
        "longest_name": profile.naming.longest if profile.naming else None,
        "keeps_order": profile.keeps_order,
    }
