"""Reading what was delivered: formats, layers, staging, inspection."""

from cimkit.formats.dataset import Dataset, Layer
from cimkit.formats.inspection import inspect
from cimkit.formats.registry import FORMATS, open
from cimkit.formats.staging import stage

__all__ = ["FORMATS", "Dataset", "Layer", "inspect", "open", "stage"]
