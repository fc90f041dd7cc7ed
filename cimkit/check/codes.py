"""The codes of findings: the level at which each is checked, and the ISO 19157-3 measure that counts it.

A code is never reused once published. Measures are numbers of ISO 19157-3's register (draft of
2025), chosen by way of ISO 19157's elements; keywords about values that are not named here are of
level L2 and domain consistency.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from cimkit.model import Level

DOMAIN = 16
_DUPLICATES, _OMISSION, _CONCEPTUAL, _OVERLAPS, _FORMAT = 4, 6, 10, 11, 19
_NODES, _UNDERSHOOTS, _OVERSHOOTS, _SLIVERS, _LOOPS, _KICKBACKS = 21, 23, 24, 25, 26, 27
_ORDER, _TESSELLATION, _TEMPORAL_COVERAGE, _SPECIFICATION = 159, 204, 210, 102


@dataclass(frozen=True, slots=True)
class Code:
    """One kind of finding."""

    level: Level
    measure: int


CODES: Mapping[str, Code] = {
    # files
    "source.unreadable": Code("L0", _FORMAT),
    "source.missing": Code("L0", _OMISSION),
    "source.unexpected": Code("L0", 2),
    "source.incomplete": Code("L0", _FORMAT),
    "suppression.expired": Code("L0", _SPECIFICATION),
    # structure of a record
    "type": Code("L1", _CONCEPTUAL),
    "required": Code("L1", _OMISSION),
    "dependentRequired": Code("L1", _OMISSION),
    "additionalProperties": Code("L1", _CONCEPTUAL),
    "unevaluatedProperties": Code("L1", _CONCEPTUAL),
    "minProperties": Code("L1", _CONCEPTUAL),
    "maxProperties": Code("L1", _CONCEPTUAL),
    "propertyNames": Code("L1", _CONCEPTUAL),
    "false": Code("L1", _CONCEPTUAL),
    # reference systems
    "crs.missing": Code("L1", _FORMAT),
    "crs.not_allowed": Code("L1", _CONCEPTUAL),
    "crs.swapped_axes": Code("L1", _CONCEPTUAL),
    "crs.outside_area": Code("L1", _CONCEPTUAL),
    "crs.gcj02_suspected": Code("L1", _CONCEPTUAL),
    "crs.zone_prefix": Code("L1", _CONCEPTUAL),
    "crs.not_degrees": Code("L1", _CONCEPTUAL),
    "crs.degrees": Code("L1", _CONCEPTUAL),
    # hygiene
    "name.cut": Code("L1", _FORMAT),
    "name.duplicate": Code("L1", _FORMAT),
    "table.units_row": Code("L1", _FORMAT),
    "text.mojibake": Code("L1", _FORMAT),
    "text.cut": Code("L1", _FORMAT),
    "text.full_width": Code("L1", _FORMAT),
    "text.blanks": Code("L1", _FORMAT),
    "text.placeholder": Code("L1", _OMISSION),
    # values
    "expression": Code("L2", _CONCEPTUAL),
    "observation.gap": Code("L2", _TEMPORAL_COVERAGE),
    "observation.duplicate": Code("L2", _DUPLICATES),
    "observation.stuck": Code("L2", DOMAIN),
    "observation.range": Code("L2", DOMAIN),
    "observation.unit": Code("L2", DOMAIN),
    "time.no_zone": Code("L2", _FORMAT),
    "time.future": Code("L2", DOMAIN),
    # relations
    "codelist.not_valid_then": Code("L2", DOMAIN),
    "key.duplicate": Code("L3", _CONCEPTUAL),
    "relation.missing": Code("L3", _CONCEPTUAL),
    "relation.cardinality": Code("L3", _CONCEPTUAL),
    "relation.cycle": Code("L3", _CONCEPTUAL),
    "relation.parent": Code("L3", _CONCEPTUAL),
    "relation.level": Code("L3", _CONCEPTUAL),
    "relation.not_valid_then": Code("L3", _CONCEPTUAL),
    "time.overlap": Code("L3", _ORDER),
    # one record's geometry
    "geometry.missing": Code("L4", _OMISSION),
    "geometry.empty": Code("L4", _OMISSION),
    "geometry.kind": Code("L4", _CONCEPTUAL),
    "geometry.coordinates": Code("L4", _FORMAT),
    "geometry.invalid": Code("L4", _LOOPS),
    "geometry.small": Code("L4", _CONCEPTUAL),
    "geometry.short": Code("L4", _CONCEPTUAL),
    "geometry.sliver": Code("L4", _SLIVERS),
    "geometry.spike": Code("L4", _KICKBACKS),
    "geometry.ring_direction": Code("L4", _CONCEPTUAL),
    "geometry.repeated_points": Code("L4", _FORMAT),
    "geometry.precision": Code("L4", _FORMAT),
    "geometry.duplicate": Code("L4", _DUPLICATES),
    "geometry.outside_territory": Code("L4", _CONCEPTUAL),
    "geometry.measure": Code("L4", _CONCEPTUAL),
    "solid.not_closed": Code("L4", _CONCEPTUAL),
    "solid.orientation": Code("L4", _CONCEPTUAL),
    "solid.not_planar": Code("L4", _CONCEPTUAL),
    # records beside each other
    "topology.overlap": Code("L4", _OVERLAPS),
    "topology.gap": Code("L4", _TESSELLATION),
    "topology.outside": Code("L4", _CONCEPTUAL),
    "topology.count": Code("L4", _CONCEPTUAL),
    "topology.not_touching": Code("L4", _CONCEPTUAL),
    "topology.line_end": Code("L4", _NODES),
    "topology.undershoot": Code("L4", _UNDERSHOOTS),
    "topology.overshoot": Code("L4", _OVERSHOOTS),
    "topology.dangle": Code("L4", _NODES),
    "topology.pseudo_node": Code("L4", _NODES),
    "topology.too_near": Code("L4", _CONCEPTUAL),
    "network.disconnected": Code("L4", _CONCEPTUAL),
    "network.uphill": Code("L4", _CONCEPTUAL),
    # the layer as a whole
    "expectation": Code("L5", _SPECIFICATION),
}

#: Finding code -> level of checking.
LEVELS: Mapping[str, Level] = {name: code.level for name, code in CODES.items()}
#: Finding code -> the measure of ISO 19157-3 that counts it.
MEASURES: Mapping[str, int] = {name: code.measure for name, code in CODES.items()}
