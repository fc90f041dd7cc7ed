"""From any readable format to any writable one, with an account of what was lost on the way."""

from cimkit.convert.conversion import convert

__all__ = ["convert"]
