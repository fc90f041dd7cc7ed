"""Reading what was delivered, staging and inspecting it; writing every format that can be written."""

from cimkit.formats.dataset import Dataset, Layer
from cimkit.formats.inspection import inspect
from cimkit.formats.profile import Order
from cimkit.formats.registry import FORMATS, open
from cimkit.formats.staging import stage
from cimkit.formats.tables.geoparquet_write import rewrite_geoparquet, write_geoparquet
from cimkit.formats.writing import write

__all__ = [
    "FORMATS",
    "Dataset",
    "Layer",
    "Order",
    "inspect",
    "open",
    "rewrite_geoparquet",
    "stage",
    "write",
    "write_geoparquet",
]
