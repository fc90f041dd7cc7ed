"""Ctrl-C, and the signal by which a scheduler ends a job: both stop the work, and nothing is left half-written."""

from __future__ import annotations

import signal
import sys
from types import FrameType

#: Exit codes as shells give them: 128 and the signal's number.
INTERRUPTED, TERMINATED = 130, 143

_received: list[int] = []


def listen() -> None:
    """From now on both signals raise KeyboardInterrupt, and :func:`heed` remembers them."""
    _received.clear()
    sys.unraisablehook = _unraisable
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _stop)


def heed() -> None:
    """Raise KeyboardInterrupt again if a signal came: Python drops one that strikes in a finalizer."""
    if _received:
        raise KeyboardInterrupt


def exit_code() -> int:
    """The exit code of what was stopped."""
    return TERMINATED if signal.SIGTERM in _received else INTERRUPTED


def _unraisable(what: sys.UnraisableHookArgs) -> None:
    """Say nothing of a KeyboardInterrupt that Python drops: it is heeded at the next step."""
    if what.exc_type is not KeyboardInterrupt:
        sys.__unraisablehook__(what)


def _stop(number: int, frame: FrameType | None) -> None:
    _received.append(number)
    raise KeyboardInterrupt
