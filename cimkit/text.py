"""The character encoding of bytes, found by looking at them: UTF-8, GB18030, Big5 or a Latin one.

Rests on two facts. Text that is not UTF-8 hardly ever decodes as UTF-8, and Chinese text is
made almost wholly of common characters, which lie in known byte ranges (GB 2312 and Big5,
first level), where Latin text read as Chinese gives rare ones. GB18030 is used for GBK and
GB 2312 alike, since it holds both and also the rare characters of real names.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Callable, Iterable

from cimkit.model import Evidence

UTF8, GB18030, BIG5, LATIN1, CP1252 = "UTF-8", "GB18030", "Big5", "ISO-8859-1", "windows-1252"

_BOMS = (
    (codecs.BOM_UTF8, UTF8),
    (codecs.BOM_UTF32_LE, "UTF-32"),
    (codecs.BOM_UTF32_BE, "UTF-32"),
    (codecs.BOM_UTF16_LE, "UTF-16"),
    (codecs.BOM_UTF16_BE, "UTF-16"),
)
_HIGH = re.compile(rb"[\x80-\xff]")
#: So many values with non-ASCII characters make a finding certain.
_PLENTY = 20
#: A share of the values above which an encoding holds, the rest being damage.
_MOST = 0.9
#: The share of common characters from which bytes pass for Chinese.
_COMMON = 0.6


def named(declared: str | None) -> str | None:
    """The name cimkit uses for an encoding as a ``.cpg``, a code page or a person calls it; None for unknown.

    GBK, GB2312, CP936 and their like become GB18030.
    """
    plain = re.sub(r"[^a-z0-9]", "", (declared or "").lower())
    plain = re.sub(r"^(ansi|oem|cp|windows|ms|codepage|ibm)(?=\d)", "", plain)
    if plain in {"936", "gbk", "gb2312", "gb18030", "54936", "euccn", "gb231280"}:
        return GB18030
    known = {"65001": UTF8, "utf8": UTF8, "950": BIG5, "big5": BIG5, "1252": CP1252, "88591": LATIN1, "28591": LATIN1}
    if plain in known:
        return known[plain]
    for candidate in (declared or "", f"cp{plain}", plain):
        try:
            return {"utf-8": UTF8, "iso8859-1": LATIN1, "cp1252": CP1252}.get(
                codecs.lookup(candidate.strip()).name, codecs.lookup(candidate.strip()).name
            )
        except (LookupError, ValueError):
            continue
    return None


def probe(data: bytes | Iterable[bytes], declared: str | None = None) -> Evidence:
    """The encoding of some text: whole file contents, or the raw values of a table's text cells.

    A declaration is believed if the bytes bear it out; one that they contradict is overruled,
    and ``how`` says so. A single-byte declaration proves nothing, as any bytes decode. A last
    character that was cut off (a full DBF cell) is forgiven.
    """
    if isinstance(data, bytes):
        for mark, name in _BOMS:
            if data.startswith(mark):
                return Evidence(name, "byte order mark", 1.0)
        values = [line for line in data.splitlines() if _HIGH.search(line)]
    else:
        values = [value for value in data if _HIGH.search(value)]
    said = named(declared)
    if not values:
        return Evidence(said or UTF8, f"declared as {declared}; only ASCII" if said else "only ASCII", 1.0)
    found = _found(values)
    if said is None:
        remark = f"; the declared '{declared}' is unknown" if declared else ""
        return Evidence(found.value, found.how + remark, found.confidence)
    if said == found.value:
        return Evidence(said, f"declared as {declared}, borne out by {found.how}", 1.0)
    if _bears_out(said, found, values):
        return Evidence(said, f"declared as {declared}", 0.9)
    return Evidence(found.value, f"{found.how}, against the declared {declared}", found.confidence)


def mojibake(text: str) -> str | None:
    """What a text was before UTF-8 or GBK bytes of it were read as Latin, or None if it looks right."""
    if text.isascii():
        return None
    for wrong in ("cp1252", "latin-1"):
        try:
            raw = text.encode(wrong)
        except UnicodeEncodeError:
            continue
        evidence = _found([raw])
        if evidence.value in (UTF8, GB18030) and (evidence.value == UTF8 or _runs(raw) >= 4):
            try:
                return raw.decode(evidence.value)
            except UnicodeDecodeError:
                continue
    return None


def _bears_out(said: str, found: Evidence, values: list[bytes]) -> bool:
    """Whether a declaration stands although another encoding was found."""
    if found.value in (CP1252, LATIN1):
        return _share(values, said)[0] >= _MOST
    if said in (GB18030, BIG5):
        # Chinese encodings resemble each other, and a word or two of either can pass for UTF-8.
        few = found.value != UTF8 or len(values) <= 2
        # A dash or an accent in an English text is no common character of either.
        known = _commonness(values, said) >= _COMMON or (found.value != UTF8 and len(values) <= 2)
        return few and _share(values, said)[0] == 1.0 and known
    multibyte = said.lower().replace("-", "_") not in _SINGLE_BYTE and said != UTF8
    return multibyte and found.value != UTF8 and _share(values, said)[0] == 1.0


_SINGLE_BYTE = {
    "iso_8859_1", "windows_1252", "ascii", "latin_1",
    *(f"iso8859_{part}" for part in range(1, 17)), *(f"cp125{page}" for page in range(9)),
    "cp437", "cp850", "cp852", "cp866", "koi8_r",
}  # fmt: skip


def _found(values: list[bytes]) -> Evidence:
    many = f"{len(values)} value{'s' if len(values) > 1 else ''} with non-ASCII characters"
    whole, cut = _share(values, UTF8)
    sure = 0.8 + 0.19 * min(1.0, (len(values) - 1) / (_PLENTY - 1))
    # A cut character at the end of everything is rather a Latin letter there.
    if whole >= _MOST and cut < 0.5:
        most = "" if whole == 1.0 else f" in {whole:.0%} of them"
        return Evidence(UTF8, f"strict UTF-8{most}: {many}", round(sure * whole, 2))
    scores = []
    for order, name in enumerate((GB18030, BIG5)):
        share, _ = _share(values, name)
        common = _commonness(values, name)
        if share >= _MOST and common >= _COMMON:
            scores.append((common, -order, share, name))
    if scores:
        common, _, share, name = max(scores)
        return Evidence(
            name, f"{common:.0%} common characters in {name}: {many}", round((sure - 0.1) * share * common, 2)
        )
    latin = CP1252 if _share(values, CP1252)[0] == 1.0 else LATIN1
    return Evidence(latin, f"neither UTF-8 nor Chinese: {many}", 0.4)


def _share(values: list[bytes], encoding: str) -> tuple[float, float]:
    """The shares of values that decode strictly, and that do so only with their last character cut."""
    good = cut = 0
    make: Callable[[], codecs.IncrementalDecoder] = codecs.getincrementaldecoder(encoding)
    for value in values:
        decoder = make()
        try:
            text = decoder.decode(value, final=False)
        except UnicodeDecodeError:
            continue
        good += 1
        cut += bool(decoder.getstate()[0]) and text.isascii()
    return good / len(values), cut / len(values)


def _commonness(values: list[bytes], encoding: str) -> float:
    """The share of first-level characters and Chinese punctuation among the non-ASCII characters, as read."""
    characters = [c for value in values for c in value.decode(encoding, errors="ignore") if c >= "\x80"]
    common = 0
    for character in characters:
        raw = character.encode(encoding, errors="replace")
        first, second = raw[0], raw[-1]
        if encoding == GB18030:  # rows of GB 2312: 1 and 3 signs, 16 to 55 first level
            common += len(raw) == 2 and second >= 0xA1 and (0xB0 <= first <= 0xD7 or first in (0xA1, 0xA3))
        else:  # Big5: A1 to A3 signs, A4 to C6 first level
            common += len(raw) == 2 and 0xA1 <= first <= 0xC6
    return common / len(characters) if characters else 0.0


def _runs(raw: bytes) -> int:
    """The length of the longest run of non-ASCII bytes."""
    return max((len(run) for run in re.findall(rb"[\x80-\xff]+", raw)), default=0)
