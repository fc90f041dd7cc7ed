"""The ``format`` keyword: what each named format of JSON Schema accepts, for both engines.

A format is a pattern (so that DuckDB can decide it), and a refinement where a pattern
cannot: an expression over the value for SQL and a function for Python, which say the same.
Grammars: RFC 3339 (dates and times, durations of appendix A), RFC 3986 and 3987 (URIs and
IRIs), RFC 5321 and 6531 (mailboxes), RFC 6570 (URI templates), RFC 1123 (host names), RFC 4291 (IPv6),
RFC 4122 (UUIDs), RFC 6901 (JSON pointers).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from cimkit.check.json_schema.pattern import compile_pattern
from cimkit.errors import StandardError


@dataclass(frozen=True, slots=True)
class StringFormat:
    """One format. ``refuses_sql`` and ``refuses`` are the refinement; without a pattern only Python decides.

    ``surely_sql`` is a quicker expression, true for texts that are surely right: most are.
    """

    pattern: str | None
    refuses: Callable[[str], bool] | None = None
    refuses_sql: Callable[[str], str] | None = None
    surely_sql: Callable[[str], str] | None = None

    def accepts(self, text: str) -> bool:
        if self.pattern is not None and not compile_pattern(self.pattern).search(text):
            return False
        return self.refuses is None or not self.refuses(text)


# ---- dates and times ------------------------------------------------------------------

_LEAP_YEAR = "(?:[0-9]{2}(?:0[48]|[2468][048]|[13579][26])|(?:[02468][048]|[13579][26])00)"
_DATE = (
    "(?:[0-9]{4}-(?:(?:0[13578]|1[02])-(?:0[1-9]|[12][0-9]|3[01])"
    "|(?:0[469]|11)-(?:0[1-9]|[12][0-9]|30)"
    f"|02-(?:0[1-9]|1[0-9]|2[0-8]))|{_LEAP_YEAR}-02-29)"
)
_TIME = "(?:[01][0-9]|2[0-3]):[0-5][0-9]:(?:[0-5][0-9]|60)(?:\\.[0-9]+)?(?:[Zz]|[+-](?:[01][0-9]|2[0-3]):[0-5][0-9])"
_LEAP_SECOND = re.compile(r"([0-9]{2}):([0-9]{2}):60[^+-]*(?:([+-])([0-9]{2}):([0-9]{2}))?\Z")


def _wrong_leap_second(text: str) -> bool:
    """A 60th second that is not the last one of a day in UTC."""
    found = _LEAP_SECOND.search(text)
    if not found:
        return False
    hour, minute, sign, off_hour, off_minute = found.groups()
    offset = 0 if sign is None else (int(off_hour) * 60 + int(off_minute)) * (-1 if sign == "-" else 1)
    return (int(hour) * 60 + int(minute) - offset) % 1440 != 1439


def _wrong_leap_second_sql(value: str) -> str:
    def part(group: int) -> str:
        return f"TRY_CAST(regexp_extract({value}, '{_LEAP_SECOND.pattern[:-2]}$', {group}) AS INTEGER)"

    sign = f"CASE WHEN regexp_matches({value}, '-[0-9]{{2}}:[0-9]{{2}}$') THEN -1 ELSE 1 END"
    offset = f"coalesce({part(4)} * 60 + {part(5)}, 0) * {sign}"
    minutes = f"(({part(1)} * 60 + {part(2)} - {offset}) % 1440 + 1440) % 1440"
    return f"CASE WHEN contains({value}, ':60') THEN coalesce({minutes} <> 1439, FALSE) ELSE FALSE END"


def _surely_date_sql(value: str) -> str:
    """What DuckDB reads as a date and writes the same way again (ten characters: no year beyond 9999)."""
    return f"(length({value}) = 10 AND CAST(TRY_CAST({value} AS DATE) AS VARCHAR) = {value})"


_DURATION_TIME = "T(?:[0-9]+H(?:[0-9]+M(?:[0-9]+S)?)?|[0-9]+M(?:[0-9]+S)?|[0-9]+S)"
_DURATION_DATE = "(?:[0-9]+D|[0-9]+M(?:[0-9]+D)?|[0-9]+Y(?:[0-9]+M(?:[0-9]+D)?)?)"
_DURATION = f"P(?:{_DURATION_DATE}(?:{_DURATION_TIME})?|{_DURATION_TIME}|[0-9]+W)"

# ---- addresses ------------------------------------------------------------------------

_OCTET = "(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])"
_IPV4 = rf"{_OCTET}(?:\.{_OCTET}){{3}}"
_H16 = "[0-9A-Fa-f]{1,4}"
_LS32 = f"(?:{_H16}:{_H16}|{_IPV4})"


def _ipv6() -> str:
    """Every place where the one '::' of an address may stand (RFC 3986, IPv6address)."""
    forms = [f"(?:{_H16}:){{6}}{_LS32}"]
    for before in range(8):
        head = "" if before == 0 else f"(?:(?:{_H16}:){{0,{before - 1}}}{_H16})?"
        after = 5 - before
        if after > 0:
            forms.append(f"{head}::(?:{_H16}:){{{after}}}{_LS32}")
        else:
            forms.append(f"{head}::" + {0: _LS32, -1: _H16, -2: ""}[after])
    return f"(?:{'|'.join(forms)})"


_IPV6 = _ipv6()
_LABEL = "[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_HOST = rf"{_LABEL}(?:\.{_LABEL})*"
_ATEXT = "[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]"
_LOCAL = rf'(?:{_ATEXT}+(?:\.{_ATEXT}+)*|"(?:[ !#-\[\]-~]|\\[ -~])*")'
_WIDE = r"\u{80}-\u{10FFFF}"
_WIDE_LABEL = f"[A-Za-z0-9{_WIDE}](?:[A-Za-z0-9{_WIDE}-]{{0,61}}[A-Za-z0-9{_WIDE}])?"
_WIDE_LOCAL = _LOCAL.replace("~-]", f"~{_WIDE}-]").replace(r"\]-~]", rf"\]-~{_WIDE}]")
_IDN_EMAIL = rf"{_WIDE_LOCAL}@(?:{_WIDE_LABEL}(?:\.{_WIDE_LABEL})*|\[(?:{_IPV4}|IPv6:{_IPV6})\])"
_EMAIL = rf"{_LOCAL}@(?:{_HOST}|\[(?:{_IPV4}|IPv6:{_IPV6})\])"


def _uri(more: str, private: str = "", *, relative: bool) -> str:
    """RFC 3986 (``more`` empty) or RFC 3987 (the characters beyond ASCII; ``private``: those of queries alone)."""
    unreserved, delims, escape = rf"A-Za-z0-9\-._~{more}", r"!$&'()*+,;=", "%[0-9A-Fa-f]{2}"
    pchar = f"(?:[{unreserved}{delims}:@]|{escape})"
    literal = rf"\[(?:{_IPV6}|[vV][0-9A-Fa-f]+\.[{unreserved}{delims}:]+)\]"
    host = f"(?:{literal}|(?:[{unreserved}{delims}]|{escape})*)"
    authority = f"(?:(?:[{unreserved}{delims}:]|{escape})*@)?{host}(?::[0-9]*)?"
    rooted = f"/(?:{pchar}+(?:/{pchar}*)*)?"
    behind = rf"(?:\?(?:{pchar}|[/?{private}])*)?(?:#(?:{pchar}|[/?])*)?"
    absolute = f"[A-Za-z][A-Za-z0-9+.-]*:(?://{authority}(?:/{pchar}*)*|{rooted}|{pchar}+(?:/{pchar}*)*|)"
    if not relative:
        return f"(?:{absolute}){behind}"
    first = f"(?:[{unreserved}{delims}@]|{escape})+"
    return f"(?:{absolute}|//{authority}(?:/{pchar}*)*|{rooted}|{first}(?:/{pchar}*)*|){behind}"


_PRIVATE = r"\u{E000}-\u{F8FF}\u{F0000}-\u{FFFFD}\u{100000}-\u{10FFFD}"
_UCSCHAR = r"\u{A0}-\u{D7FF}\u{E000}-\u{FDCF}\u{FDF0}-\u{FFEF}\u{10000}-\u{EFFFD}"


def _uri_template() -> str:
    """RFC 6570, section 2."""
    escape = "%[0-9A-Fa-f]{2}"
    plain = rf"[!#$&'(-;=?-\[\]_a-z~{_UCSCHAR}{_PRIVATE}]"
    letter = f"(?:[A-Za-z0-9_]|{escape})"
    variable = rf"{letter}(?:\.?{letter})*(?::[1-9][0-9]{{0,3}}|\*)?"
    return rf"(?:{plain}|{escape}|\{{[+#./;?&=,!@|]?{variable}(?:,{variable})*\}})*"


def _no_pattern(text: str) -> bool:
    try:
        why = compile_pattern(text).why
    except StandardError:
        return True
    return why is not None and why.startswith("it is no ECMA-262 pattern")


def _no_idn_hostname(text: str) -> bool:
    """RFC 5890 and its neighbours, as the package idna has them; a dot at the end names the root, not a host."""
    import idna

    try:
        labels = idna.decode(idna.encode(text)).split(".")
        if any(unicodedata.bidirectional(character) in ("R", "AL", "AN") for character in text):
            for label in labels:  # one label from right to left makes a rule for all (RFC 5893, section 2)
                idna.check_bidi(label, check_ltr=True)
    except (idna.IDNAError, UnicodeError):
        return True
    return text.endswith((".", "\u3002", "\uff0e", "\uff61"))


def _whole(pattern: str) -> StringFormat:
    return StringFormat(f"^(?:{pattern})$")


STRING_FORMATS: Mapping[str, StringFormat] = {
    "date": StringFormat(f"^{_DATE}$", surely_sql=_surely_date_sql),
    "time": StringFormat(f"^{_TIME}$", _wrong_leap_second, _wrong_leap_second_sql),
    "date-time": StringFormat(f"^{_DATE}[Tt]{_TIME}$", _wrong_leap_second, _wrong_leap_second_sql),
    "duration": _whole(_DURATION),
    "email": _whole(_EMAIL),
    "idn-email": _whole(_IDN_EMAIL),
    "hostname": StringFormat(f"^{_HOST}$", lambda text: len(text) > 253, lambda value: f"length({value}) > 253"),
    "idn-hostname": StringFormat(None, _no_idn_hostname),
    "ipv4": _whole(_IPV4),
    "ipv6": _whole(_IPV6),
    "uri": _whole(_uri("", relative=False)),
    "uri-reference": _whole(_uri("", relative=True)),
    "iri": _whole(_uri(_UCSCHAR, _PRIVATE, relative=False)),
    "iri-reference": _whole(_uri(_UCSCHAR, _PRIVATE, relative=True)),
    "uri-template": _whole(_uri_template()),
    "uuid": _whole("[0-9A-Fa-f]{8}-(?:[0-9A-Fa-f]{4}-){3}[0-9A-Fa-f]{12}"),
    "json-pointer": _whole("(?:/(?:[^/~]|~[01])*)*"),
    "relative-json-pointer": _whole("(?:0|[1-9][0-9]*)(?:#|(?:/(?:[^/~]|~[01])*)*)"),
    "regex": StringFormat(None, _no_pattern),
}
