"""The start of every rule about a network of lines: its lines, their ground and their ends."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from cimkit.check.delivery import Delivery
from cimkit.check.kinds import Context
from cimkit.check.outcomes import Outcome
from cimkit.check.rules import Rule
from cimkit.check.topology.features import LINES, Features, gather, ground_of
from cimkit.check.topology.ground import Ground
from cimkit.check.topology.nodes import Ends, ends_of
from cimkit.check.topology.told import Failing, outcomes
from cimkit.model import Skipped
from cimkit.standard import Rule as StandardRule

#: Metres within which two places are one node, where the standard does not say.
TOLERANCE_M = 0.01


@dataclass(frozen=True)
class Network:
    """The lines of a layer, with a tolerance for what is one place."""

    rule: Rule
    of: Sequence[Delivery]
    context: Context
    lines: Features
    ground: Ground
    ends: Ends
    tolerance: float

    def outcomes(
        self, failing: Failing, others: Features | None = None, code: str | None = None, nobody: str = "–"
    ) -> Iterator[tuple[Delivery, Outcome]]:
        """The outcome for each delivery; entries of records that are only there to be referred to are left out."""
        keep = self.lines.judged[failing.index]
        says = {name: said[keep] for name, said in failing.says.items()}
        failing = Failing(
            failing.index[keep], failing.value[keep], failing.x[keep], failing.y[keep], failing.other[keep], says
        )
        rule = self.rule if code is None else replace(self.rule, code=code)
        yield from outcomes(self.context, rule, self.of, self.lines, failing, others, nobody=nobody)

    def at_ends(self, ends: np.ndarray, value: np.ndarray, other: np.ndarray) -> Failing:
        """Entries for some ends: their lines fail, there."""
        return Failing(self.ends.line[ends], value, self.ends.x[ends], self.ends.y[ends], other)


def network(
    asked: StandardRule, rule: Rule, of: Sequence[Delivery], context: Context, tolerance: float = TOLERANCE_M
) -> Network | Skipped:
    """The lines that a rule concerns; its tolerance, said or assumed, gets into the rule."""
    tolerance = float(asked.parameters.get("tolerance_m", tolerance))
    rule = replace(rule, parameters={**rule.parameters, "tolerance_m": tolerance})
    lines = gather(context, asked, context.of_layer(asked.layer), kinds=LINES, by=asked.parameters.get("by", ()))
    if isinstance(lines, Skipped):
        return lines
    ground = ground_of(lines)
    return Network(rule, of, context, lines, ground, ends_of(lines, ground), tolerance)
