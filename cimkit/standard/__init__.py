"""Standard packages: finding, loading and resolving them."""

from cimkit.standard.codelist import Code, Codelist
from cimkit.standard.crs_policy import CrsPolicy
from cimkit.standard.layer import FieldSpec, GeometrySpec, LayerSchema, SolidSpec
from cimkit.standard.package import Standard
from cimkit.standard.reference import split_reference
from cimkit.standard.registry import available
from cimkit.standard.rules import Rule

__all__ = [
    "Code",
    "Codelist",
    "CrsPolicy",
    "FieldSpec",
    "GeometrySpec",
    "LayerSchema",
    "Rule",
    "SolidSpec",
    "Standard",
    "available",
    "split_reference",
]
