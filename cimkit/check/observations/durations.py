"""Durations as ISO 8601 writes them (8601-1:2019, 5.5.2): read from a standard, and written in SQL for findings."""

from __future__ import annotations

import re
from dataclasses import dataclass

from cimkit.check.instants import DAY
from cimkit.errors import StandardError

_HOUR, _MINUTE, _SECOND = 3_600_000_000, 60_000_000, 1_000_000
_NUMBER = r"([0-9]+(?:[.,][0-9]+)?)"
_DURATION = re.compile(
    rf"P(?=.)(?:{_NUMBER}Y)?(?:{_NUMBER}M)?(?:{_NUMBER}W)?(?:{_NUMBER}D)?"
    rf"(?:T(?=.)(?:{_NUMBER}H)?(?:{_NUMBER}M)?(?:{_NUMBER}S)?)?"
)


@dataclass(frozen=True, slots=True)
class Duration:
    """A duration: whole months, whole days, and microseconds. Months and days are those of a calendar."""

    months: int
    days: int
    microseconds: int

    @property
    def by_calendar(self) -> bool:
        """Whether how long it is depends on the day it begins."""
        return bool(self.months or self.days)

    def after(self, at: str) -> str:
        """SQL: the moment so much later than ``at`` (microseconds, on the clock of the place).

        A month after the last day of a month is the last day of the next one.
        """
        rest = self.days * DAY + self.microseconds
        if not self.months:
            return f"({at} + {rest})"
        start = f"make_timestamp({at})"
        later = f"epoch_us({start} + to_months({self.months}))"
        last = f"epoch_us(CAST(last_day({start} + to_months({self.months})) AS TIMESTAMP)) + {at} % {DAY}"
        return f"(CASE WHEN last_day({start}) = CAST({start} AS DATE) THEN {last} ELSE {later} END + {rest})"


def read_duration(text: str, rule: str) -> Duration:
    """The duration in a parameter of a rule.

    Raises:
        StandardError: it is none; the message names the rule.
    """
    match = _DURATION.fullmatch(text)
    parts = [float((part or "0").replace(",", ".")) for part in match.groups()] if match else []
    if not match or any(part % 1 for part in parts[:2]):
        raise StandardError(
            f"The rule '{rule}' has the duration '{text}', which is none.", hint="Write PT1H, PT15M, P1D or P1M."
        )
    years, months, weeks, days, hours, minutes, seconds = parts
    whole, part = divmod(weeks * 7 + days, 1)
    clock = part * DAY + hours * _HOUR + minutes * _MINUTE + seconds * _SECOND
    return Duration(int(years * 12 + months), int(whole), round(clock))


def shown_duration(microseconds: str) -> str:
    """SQL: a length of time as ISO 8601 writes it, in days, hours, minutes and seconds."""

    def part(size: int, within: int | None, letter: str) -> str:
        count = f"{microseconds} // {size}" if within is None else f"{microseconds} % {within} // {size}"
        return f"CASE WHEN {count} > 0 THEN ({count}) || '{letter}' ELSE '' END"

    seconds = f"rtrim(rtrim(printf('%.6f', {microseconds} % {_MINUTE} / 1e6), '0'), '.') || 'S'"
    clock = f"{part(_HOUR, DAY, 'H')} || {part(_MINUTE, _HOUR, 'M')} || "
    clock += f"CASE WHEN {microseconds} % {_MINUTE} > 0 THEN {seconds} ELSE '' END"
    return (
        f"CASE WHEN {microseconds} = 0 THEN 'PT0S' ELSE 'P' || {part(DAY, None, 'D')} || "
        f"CASE WHEN {microseconds} % {DAY} > 0 THEN 'T' || {clock} ELSE '' END END"
    )
