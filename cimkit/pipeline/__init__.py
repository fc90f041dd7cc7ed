"""A YAML document in, a published release out."""

from cimkit.pipeline.document import Pipeline, shipped
from cimkit.pipeline.run import run

__all__ = ["Pipeline", "run", "shipped"]
