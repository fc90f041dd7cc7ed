"""The arguments of :func:`cimkit.check`, looked at before any work: each of its kind, each path where it must be."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from cimkit.errors import UsageError, nearest
from cimkit.standard import Standard

_CHOICES = {
    "level": ("L0", "L1", "L2", "L3", "L4", "L5"),
    "engine": ("auto", "sql", "record"),
    "lang": ("en", "zh"),
}
_TEXTS = ("layer", "encoding", "crs", "clock")
_PATHS = ("crosswalk", "rejects", "baseline", "write_baseline", "suppressions", "data_docs")


def refuse_wrong(given: Mapping[str, Any]) -> None:
    """Holds arguments, by name, against what they may be.

    Raises:
        UsageError: one of them is of the wrong kind, or names a folder that is not there.
    """
    for name in ("sources", "known"):
        _paths(name, given[name])
    _of(given, "standard", (str, Path, Standard), "an id, a folder or a Standard")
    _of(given, "schema", (str, Path, Mapping), "a path, an id or a mapping")
    for name in _TEXTS:
        _of(given, name, (str,), "a text")
    for name in _PATHS:
        _of(given, name, (str, Path), "a path")
    for name, known in _CHOICES.items():
        _choice(name, given[name], known)
    samples = given["samples"]
    if samples is not None and (isinstance(samples, bool) or not isinstance(samples, int) or samples < 0):
        raise UsageError(f"samples={samples!r} is no count.", hint="Give a whole number from 0, or None for all.")
    _of(given, "formats", (bool,), "True or False")
    if not callable(given["progress"]):
        raise UsageError(f"progress={given['progress']!r} cannot be called.")
    _registry(given["registry"])
    _places(given)
    if given["rejects"] is not None and Path(given["rejects"]).suffix.lower() != ".parquet":
        raise UsageError(f"Rejects are written as Parquet, not to {given['rejects']}.", hint="Name it rejects.parquet.")


def _paths(name: str, value: Any) -> None:
    listed = [value] if isinstance(value, str | Path) else value
    if not isinstance(listed, Sequence) or not all(isinstance(each, str | Path) for each in listed):
        raise UsageError(f"{name}={value!r} is neither a path nor several.", hint="Give a path, or a list of paths.")
    if any(each == "" for each in listed):
        raise UsageError(f"{name} has an empty path.")


def _places(given: Mapping[str, Any]) -> None:
    """Files that are written: each in a folder that is there, none in the place of one that is read."""
    several = (given[name] for name in ("sources", "known"))
    read = [each for value in several for each in ([value] if isinstance(value, str | Path) else value)]
    read += [given[name] for name in ("schema", "standard", "crosswalk", "suppressions")]
    taken = {Path(each).resolve() for each in read if isinstance(each, str | Path)}
    for name in ("rejects", "write_baseline", "data_docs"):
        if given[name] is None:
            continue
        place = Path(given[name]).resolve()
        if place in taken or (name == "rejects" and given["baseline"] and place == Path(given["baseline"]).resolve()):
            raise UsageError(f"{given[name]} would be written over, but it is what is read.", hint="Name a new file.")
        if not place.parent.is_dir():
            raise UsageError(f"{given[name]} cannot be written: there is no folder {place.parent}.")
        taken.add(place)


def _of(given: Mapping[str, Any], name: str, kinds: tuple[type, ...], told: str) -> None:
    value = given[name]
    if value is not None and not isinstance(value, kinds):
        raise UsageError(f"{name}={value!r} is not {told}.")


def _choice(name: str, value: Any, known: Sequence[str]) -> None:
    if value is None and name == "level":
        return
    if value not in known:
        raise UsageError(f"There is no {name} '{value}'.", hint=nearest(str(value), known))


def _registry(value: Any) -> None:
    if value is None:
        return
    if not isinstance(value, Mapping) or not all(
        isinstance(prefix, str) and isinstance(folder, str | Path) for prefix, folder in value.items()
    ):
        raise UsageError(f"registry={value!r} does not lead from prefixes to folders.")
    for prefix, folder in value.items():
        if not Path(folder).is_dir():
            raise UsageError(f"The registry of '{prefix}' is not there: {folder} is no folder.")
