"""One delivered layer as the rules between records see it."""

from __future__ import annotations

from dataclasses import dataclass

from cimkit.check.columns import ROW, Table
from cimkit.model import Mapped
from cimkit.standard import LayerSchema

#: Room for the rows of one delivered layer, so that (delivery, row) is one ordered integer.
ROWS = 1 << 40


@dataclass(frozen=True, slots=True)
class Delivery:
    """One delivered layer in a check: its place among them, its layer, its view.

    ``checked``: False for data that is only there to be referred to. ``broken`` is a table of the
    connection with the rows (``_row``) whose geometry is missing or known to be unsound.
    """

    number: int
    layer: LayerSchema
    table: Table
    mapped: Mapped
    checked: bool = True
    broken: str | None = None

    @property
    def sound(self) -> str:
        """SQL over the view: the record's geometry is not known to be broken."""
        return "TRUE" if self.broken is None else f"({ROW} NOT IN (SELECT {ROW} FROM {self.broken}))"
