"""Source columns and codes into a standard's layer; types by the standard."""

from cimkit.crosswalk.apply import apply
from cimkit.crosswalk.document import Crosswalk, FieldRule, GeometryRule
from cimkit.crosswalk.find import find
from cimkit.crosswalk.identity import identity
from cimkit.crosswalk.typing import TypedColumn, duckdb_type, typed

__all__ = [
    "Crosswalk",
    "FieldRule",
    "GeometryRule",
    "TypedColumn",
    "apply",
    "duckdb_type",
    "find",
    "identity",
    "typed",
]
