"""Versions and releases on disk, and an index over them."""

from cimkit.catalog.catalog import Catalog
from cimkit.catalog.verify import Damage

__all__ = ["Catalog", "Damage"]
