"""Which column names a format takes: cut, cleaned and told apart, and what each name becomes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Naming:
    """The names a format takes.

    ``longest`` is counted by ``measure`` (characters, or bytes in the file's encoding).
    ``clean`` makes a name of characters the format allows; ``reserved`` are names it has taken
    itself. Names differ from each other whatever the case.
    """

    longest: int | None = None
    measure: Callable[[str], int] = len
    clean: Callable[[str], str] | None = None
    reserved: frozenset[str] = frozenset()

    def names(self, given: Sequence[str], short: Mapping[str, str] | None = None) -> dict[str, str]:
        """Each given name and the one it gets; ``short`` are names to use where the given is too long.

        Names that need no change keep theirs; the others get the nearest free name, the same
        in every run.
        """
        taken = {name.lower() for name in given if self._fits(name)} | {name.lower() for name in self.reserved}
        result = {}
        for name in given:
            if self._fits(name):
                result[name] = name
                continue
            new = self._free((short or {}).get(name, name), taken)
            taken.add(new.lower())
            result[name] = new
        return result

    def is_long(self, name: str) -> bool:
        """Whether a name is longer than the format takes."""
        cleaned = self.clean(name) if self.clean else name
        return self.longest is not None and self.measure(cleaned) > self.longest

    def _fits(self, name: str) -> bool:
        return self._cut(name) == name and name.lower() not in self.reserved

    def _free(self, name: str, taken: set[str]) -> str:
        new = self._cut(name) or self._cut("column")
        number = 1
        while new.lower() in taken:
            tail = f"_{number}"
            new = self._cut(name, self.measure(tail)) + tail
            number += 1
        return new

    def _cut(self, name: str, room: int = 0) -> str:
        """The name in allowed characters, short enough to leave ``room``; never cut within a character."""
        cleaned = self.clean(name) if self.clean else name
        if self.longest is not None:
            while self.measure(cleaned) > self.longest - room:
                cleaned = self.clean(cleaned[:-1]) if self.clean else cleaned[:-1]
        return cleaned
