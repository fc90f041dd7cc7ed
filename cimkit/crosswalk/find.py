"""A crosswalk by the name people give it, held against the standard it is used with."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from cimkit.crosswalk.document import Crosswalk
from cimkit.errors import StandardError, nearest
from cimkit.standard.reference import Version, best, parse_id

if TYPE_CHECKING:
    from cimkit.standard import Standard


def find(asked: str | Path, standard: Standard, folder: Path = Path()) -> Crosswalk:
    """The crosswalk in a file (a relative path starts at ``folder``), or the standard's own of that name.

    Raises:
        StandardError: there is neither, the document is broken, or it leads to another standard
            or to another version of this one.
    """
    path = folder / asked
    if not path.is_file() and str(asked) in standard.crosswalks:
        path = standard.crosswalks[str(asked)]
    elif not path.is_file():
        known = [*standard.crosswalks, *(file.name for file in path.parent.glob("*.yaml"))]
        raise StandardError(
            f"The crosswalk '{asked}' is neither a file nor one of {standard.id}'s.", hint=nearest(str(asked), known)
        )
    crosswalk = Crosswalk.load(path)
    _hold_against(crosswalk, standard)
    return crosswalk


def _hold_against(crosswalk: Crosswalk, standard: Standard) -> None:
    meant = parse_id(crosswalk.to.rpartition("/")[0])
    version = Version.parse(standard.version)
    if meant is None or version is None:
        return
    name, admitted = meant
    if name != standard.id or best(admitted, [version]) is None:
        raise StandardError(
            f"The crosswalk '{crosswalk.name}' leads to '{crosswalk.to}', not to {standard.id} {standard.version}.",
            hint="Use the standard it was written for, or write another crosswalk.",
        )
