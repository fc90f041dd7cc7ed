"""Which layer of a standard a delivered one is: by its name, the file's name, or its columns."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from cimkit import crosswalk as crosswalks
from cimkit.errors import UsageError, nearest
from cimkit.model import Staged
from cimkit.standard import LayerSchema, Standard

#: The least share of a layer's mandatory fields that a file must have to be taken for that layer.
_ENOUGH = 0.5


def fitting(standard: Standard, staged: Staged) -> LayerSchema | None:
    """The layer of the standard that a delivered one is: by its name, the file's name, or its columns."""
    known = {
        name.casefold(): layer for layer in standard.layers.values() for name in (layer.name, *layer.names.values())
    }
    for name in (staged.layer, Path(staged.source.path).stem):
        if name.casefold() in known:
            return known[name.casefold()]
    return _by_columns(standard, staged)


def _by_columns(standard: Standard, staged: Staged) -> LayerSchema | None:
    """The one layer that most columns fit; None where none has enough, or two are as good."""
    scores: dict[str, tuple[int, int]] = {}
    for layer in standard.layers.values():
        found = crosswalks.identity(layer, staged).fields.keys()
        mandatory = [field.name for field in layer.fields.values() if field.obligation == "M"]
        had = sum(name in found for name in mandatory)
        if found and had >= _ENOUGH * len(mandatory):
            scores[layer.name] = (had - len(mandatory), len(found))
    best = sorted(scores, key=lambda name: scores[name], reverse=True)[:2]
    if not best or (len(best) == 2 and scores[best[0]] == scores[best[1]]):
        return None
    return standard.layers[best[0]]


def refuse_unknown(standard: Standard, left: Sequence[tuple[Staged, bool]], taken: Sequence[Staged]) -> None:
    """A source of which no layer is known is a mistake; one of which some are is not."""
    known = {staged.path.parent for staged in taken}  # each source is staged into a folder of its own
    for staged, alone in left:
        if staged.path.parent not in known:
            what = staged.source.path if alone else f"the layer '{staged.layer}' of {staged.source.path}"
            raise UsageError(
                f"It is not clear which layer of {standard.id} {standard.version} {what} is: neither its name nor "
                "its columns say so.",
                hint=nearest(staged.layer, standard.layers)
                or f"Say it: --standard {standard.id}/LAYER, or give a crosswalk.",
            )
