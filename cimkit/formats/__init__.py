"""Reading what was delivered: formats, layers, staging, inspection."""

from cimkit.formats.dataset import Dataset, Layer
from cimkit.formats.registry import FORMATS, open
from cimkit.formats.staging import stage

__all__ = ["FORMATS", "Dataset", "Layer", "open", "stage"]
