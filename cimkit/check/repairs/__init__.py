"""Safe repairs of what a check finds: blanks, spellings, codes, encodings, geometry. A dry run first."""

from cimkit.check.repairs.repair import Repaired, repair, write_plain

__all__ = ["Repaired", "repair", "write_plain"]
