"""What ``cim:geometry`` asks of a record beside others: no other has its geometry, and it lies in the territory."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from cimkit.check.delivery import Delivery
from cimkit.check.geometry.duplicates import decide_unique
from cimkit.check.geometry.territory import decide_territory
from cimkit.check.outcomes import Outcome
from cimkit.model import Skipped

if TYPE_CHECKING:
    from cimkit.check.kinds import Context


def decide(context: Context, level: str) -> Iterator[tuple[Delivery, Outcome] | Skipped]:
    """The rules of every layer that asks for them, once the soundness of all its geometry is known."""
    layers = {d.layer.name: d.layer for d in context.deliveries if d.checked}
    for name, layer in layers.items():
        spec = layer.geometry
        of = [d for d in context.of_layer(name) if d.checked and d.table.has_geometry]
        if spec is None or level < "L4" or not of:
            continue
        if spec.unique:
            yield from decide_unique(layer, of, context)
        if spec.territory is not None:
            yield from decide_territory(layer, of, context)
