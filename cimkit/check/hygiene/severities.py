"""How grave a matter of hygiene is: warnings by themselves, unless a standard says otherwise."""

from __future__ import annotations

from collections.abc import Mapping

from cimkit.model import Severity

#: What makes data unusable by a standard that asks for it; the rest are warnings.
_ERRORS = frozenset({"crs.missing", "crs.not_allowed", "source.missing", "source.unreadable"})
_INFOS = frozenset({"source.unexpected"})


def severity_of(code: str, said: Mapping[str, str], *, asked: bool = True) -> Severity | None:
    """The severity of a code; None where the standard turns it off.

    ``said`` is the standard's ``hygiene``: code -> ``off``, ``info``, ``warning`` or ``error``.
    ``asked``: a standard asks for what the code is about; a plain JSON Schema does not, and then
    it is at most a warning.
    """
    for severity in ("error", "warning", "info"):
        if said.get(code) == severity:
            return severity
    if said.get(code) == "off":
        return None
    if code in _INFOS:
        return "info"
    return "error" if code in _ERRORS and asked else "warning"
