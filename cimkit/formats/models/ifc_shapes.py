"""What the things of a model cover on the ground: their solids, tessellated and projected, in metres of the model.

Tessellating is what takes time. The kernel that CGAL and Open CASCADE share gives the same
footprints as Open CASCADE alone at a third of the time, and the one that is faster still gives
some wrong ones (measured on two models, 340 shapes). Openings are not cut out: they change no
footprint. It is done in a process of its own, since a damaged shape may end it.
"""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import shapely

from cimkit.formats.models import ifc_tessellate
from cimkit.formats.models.ifc_model import IfcModel
from cimkit.formats.models.ifc_tessellate import FRAME, GRID

#: Of more shapes than this, structure and other elements apart, the rest has no footprint: a second makes hundreds.
MOST_SHAPES = 20_000
#: A kernel that works on one model for longer than this is in a loop without end.
_MOST_SECONDS = 1800


@dataclass(frozen=True)
class Footprint:
    """The area a thing covers, in metres of the model, how it was made, and from which height to which."""

    shape: shapely.Geometry
    how: str
    low: float
    high: float


def footprints(model: IfcModel, entities: Sequence[Any]) -> dict[int, Footprint]:
    """The footprints of those entities that have a shape, by number; why there are others is told in ``failure``."""
    wanted = [one.id() for one in entities if getattr(one, "Representation", None) is not None]
    model.skipped += len(wanted[MOST_SHAPES:])
    wanted = wanted[:MOST_SHAPES]
    if not wanted:
        return {}
    found: dict[int, Footprint] = {}
    # Without -P a file beside the program could pass for a module.
    command = [sys.executable, "-P", str(Path(ifc_tessellate.__file__)), str(model.readable)]
    quiet = subprocess.DEVNULL
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=quiet) as child:
        timer = threading.Timer(_MOST_SECONDS, child.kill)
        timer.start()
        try:
            assert child.stdin is not None and child.stdout is not None
            with child.stdin as target:
                target.write("\n".join(map(str, wanted)).encode())
            whole = False
            for number, low, high, is_hull, data in _frames(child.stdout):
                if number:
                    how = "convex hull" if is_hull else "projection"
                    found[number] = Footprint(shapely.from_wkb(data), how, low, high)
                else:
                    whole = True
                    model.failure = model.failure or data.decode("utf-8", "replace") or None
        except BrokenPipeError:
            whole = False
        finally:
            timer.cancel()
            child.kill()
    if not whole:
        model.failure = f"the geometry kernel ended on one of them; {len(found):,} of {len(wanted):,} were made before"
    return found


def _frames(source: IO[bytes]) -> Iterator[tuple[int, float, float, bool, bytes]]:
    while len(head := source.read(FRAME.size)) == FRAME.size:
        number, low, high, is_hull, length = FRAME.unpack(head)
        data = source.read(length)
        if len(data) < length:
            return
        yield number, low, high, is_hull, data


def united(parts: Iterable[Footprint], how: str) -> Footprint | None:
    """Several footprints as one; None where there are none."""
    there = list(parts)
    if not there:
        return None
    shape = shapely.set_precision(shapely.union_all([part.shape for part in there]), GRID)
    return Footprint(shape, how, min(part.low for part in there), max(part.high for part in there))
