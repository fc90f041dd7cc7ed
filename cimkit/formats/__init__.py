"""Reading what was delivered, staging and inspecting it; writing GeoParquet and the classic formats."""

from cimkit.formats.dataset import Dataset, Layer
from cimkit.formats.geoparquet_write import write_geoparquet
from cimkit.formats.inspection import inspect
from cimkit.formats.registry import FORMATS, open
from cimkit.formats.staging import stage
from cimkit.formats.vector_write import write

__all__ = ["FORMATS", "Dataset", "Layer", "inspect", "open", "stage", "write", "write_geoparquet"]
