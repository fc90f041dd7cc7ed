"""A delivered folder or archive held against the standard's submission layout.

The layout says by patterns which file is which layer or document. Here is which entry a file belongs to,
what is missing, and what nobody asked for.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import PurePath
from typing import Any

from rapidfuzz import fuzz

from cimkit.check.hygiene.severities import severity_of
from cimkit.messages import Plain, say
from cimkit.model import Finding, RuleResult, Seen, Severity

#: How alike a file's name and the fixed part of a pattern must be, of 100, for one to be meant for the other.
_LIKE = 80
_SHORTEST = 4
#: Names that go along with many deliveries and mean no harm are still told, as remarks.
_MISSING, _UNEXPECTED = "source.missing", "source.unexpected"


@dataclass(frozen=True)
class Entry:
    """One line of a layout: the files of a layer, or a document."""

    name: str
    is_layer: bool
    patterns: tuple[str, ...]
    required: bool

    @cached_property
    def expressions(self) -> tuple[re.Pattern[str], ...]:
        return tuple(re.compile(_expression(pattern), re.IGNORECASE | re.DOTALL) for pattern in self.patterns)

    @property
    def told(self) -> str:
        """Its patterns as people read them."""
        return ", ".join(self.patterns)

    def fits(self, path: str) -> int:
        """How many fixed characters the pattern has that a path fits; -1 where none does.

        A pattern without "/" is about the file's name, in whatever folder; any other about the
        path from the delivered folder, or from the one folder that an archive packs all in.
        """
        whole = _plain(path)
        best = -1
        for pattern, expression in zip(self.patterns, self.expressions, strict=True):
            tried = [whole.rpartition("/")[2]] if "/" not in pattern else [whole, whole.partition("/")[2]]
            if any(expression.fullmatch(each) for each in tried):
                best = max(best, len(_fixed(pattern)))
        return best


@dataclass(frozen=True)
class Layout:
    """A standard's submission layout."""

    entries: tuple[Entry, ...]

    @classmethod
    def of(cls, manifest: Mapping[str, Any]) -> Layout | None:
        """The layout that a manifest states; None where it states none."""
        entries = tuple(
            Entry(str(said.get("layer") or said["document"]), "layer" in said, tuple(said["files"]),
                  bool(said.get("required", False)))
            for said in manifest.get("submission", ())
        )  # fmt: skip
        return cls(entries) if entries else None

    def entry_of(self, path: str) -> Entry | None:
        """The entry that a file belongs to: of several the one whose pattern says most, then the first."""
        scored = [(entry.fits(path), -place, entry) for place, entry in enumerate(self.entries)]
        best = max(scored, key=lambda each: each[:2], default=None)
        return best[2] if best is not None and best[0] >= 0 else None

    def nearest(self, path: str) -> tuple[Entry, str] | None:
        """The entry, and its pattern, that a file is perhaps meant for: a misspelt name or another format."""
        stem = _plain(PurePath(path).stem).casefold()
        found: tuple[float, Entry, str] | None = None
        for entry in self.entries:
            for pattern in entry.patterns:
                fixed = _fixed(_plain(PurePath(pattern).name).rpartition(".")[0]).casefold()
                if min(len(fixed), len(stem)) < _SHORTEST:
                    continue
                score = fuzz.ratio(stem[: len(fixed) + 1], fixed) if "*" in pattern else fuzz.ratio(stem, fixed)
                if score >= _LIKE and (found is None or (score, len(fixed)) > (found[0], len(_fixed(found[2])))):
                    found = (score, entry, pattern)
        return None if found is None else found[1:]


@dataclass(frozen=True)
class Submission:
    """One delivered folder or archive: its path as people call it, and its files."""

    root: str
    files: tuple[Seen, ...]
    layout: Layout

    def relative(self, path: str) -> str:
        """A file's path from the delivered folder, with "/" between folders."""
        file = PurePath(path)
        return file.relative_to(self.root).as_posix() if file.is_relative_to(self.root) else file.as_posix()

    def entry_of(self, path: str) -> Entry | None:
        """The entry of the layout that a delivered file belongs to."""
        return self.layout.entry_of(self.relative(path))


def judged(
    submissions: Sequence[Submission],
    layers: Mapping[str, set[str]],
    only: str | None,
    said: Mapping[str, str],
    lang: str,
) -> tuple[list[RuleResult], list[Finding]]:
    """The rules about the files of submissions, and what is found.

    ``layers`` are the layers that files were known by their layers' names to hold, by path. ``only``
    is the one layer that is asked for, and then only its files are.
    """
    delivered = {entry for each in submissions for file in each.files if (entry := each.entry_of(file.path))}
    inside = {name for names in layers.values() for name in names}
    rules: list[RuleResult] = []
    findings: list[Finding] = []
    layouts = {id(each.layout): each.layout for each in submissions}.values()
    for entry in (entry for layout in layouts for entry in layout.entries if entry.required):
        severity = severity_of(_MISSING, said)
        if severity is None or (only is not None and entry.name != only):
            continue
        missing = entry not in delivered and not (entry.is_layer and entry.name in inside)
        rule = _rule(f"submission.{entry.name}#required", _MISSING, severity, entry, 1, int(missing))
        rules.append(rule)
        if missing:
            pattern = "hint.file_pattern" if entry.is_layer else "hint.document_pattern"
            hint = say(pattern, lang, layer=entry.name, value=Plain(entry.told))
            message = say(_MISSING, lang, label=entry.name)
            findings.append(Finding(rule.rule, _MISSING, severity, submissions[0].root, entry.name, message, hint=hint))
    if only is None:
        _unexpected(submissions, layers, said, lang, rules, findings)
    return rules, findings


def _unexpected(
    submissions: Sequence[Submission],
    layers: Mapping[str, set[str]],
    said: Mapping[str, str],
    lang: str,
    rules: list[RuleResult],
    findings: list[Finding],
) -> None:
    """Files that no entry of the layout names: remarks, or warnings where one is nearly called as asked."""
    severity = severity_of(_UNEXPECTED, said)
    if severity is None:
        return
    files = [(each, file) for each in submissions for file in each.files]
    strange = [(each, file) for each, file in files if not each.entry_of(file.path) and not layers.get(file.path)]
    near = {file.path: found for each, file in strange if (found := each.layout.nearest(file.path))}
    graver: Severity = "warning" if _UNEXPECTED not in said else severity
    for rule_name, grave, chosen in (
        ("submission#name", graver, [file for _, file in strange if file.path in near]),
        ("submission#unexpected", severity, [file for _, file in strange if file.path not in near]),
    ):
        rules.append(_rule(rule_name, _UNEXPECTED, grave, None, len(files), len(chosen)))
        for file in chosen:
            found = near.get(file.path)
            findings.append(
                Finding(
                    rule=rule_name,
                    code=_UNEXPECTED,
                    severity=grave,
                    source=file.path,
                    layer=found[0].name if found and found[0].is_layer else "",
                    message=say(_UNEXPECTED, lang, value=PurePath(file.path).name),
                    hint=say("hint.file_near", lang, value=found[1]) if found else None,
                )
            )


def _rule(name: str, code: str, severity: Severity, entry: Entry | None, checked: int, failed: int) -> RuleResult:
    layer = entry.name if entry is not None and entry.is_layer else ""
    parameters = {"files": list(entry.patterns)} if entry is not None else {}
    return RuleResult(name, code, severity, "L0", layer, None, checked, failed, parameters=parameters)


# ---- patterns -------------------------------------------------------------------------


def _plain(text: str) -> str:
    """Archives made on a Mac write é as two characters."""
    return unicodedata.normalize("NFC", text)


def _fixed(pattern: str) -> str:
    """The characters of a pattern that are as they are in every name: not its signs, nor what is in braces."""
    return re.sub(r"\{[^{}]*\}|\[[^\]]*\]|[*?]", "", pattern)


def _expression(pattern: str) -> str:
    """A file pattern as a regular expression: ``*``, ``**``, ``?``, ``[abc]`` and ``{shp,gpkg}``."""
    parts: list[str] = []
    depth = 0
    for token in _tokens(_plain(pattern)):
        if token == "{":
            parts.append("(?:")
            depth += 1
        elif token == "}" and depth:
            parts.append(")")
            depth -= 1
        elif token == "," and depth:
            parts.append("|")
        elif token in ("**/", "**"):
            parts.append("(?:.*/)?" if token == "**/" else ".*")
        elif token in ("*", "?"):
            parts.append("[^/]" + ("*" if token == "*" else ""))
        elif token.startswith("[") and len(token) > 1:
            inside = token[1:-1].replace("\\", r"\\")
            parts.append(f"[{'^' + inside[1:] if inside.startswith('!') else inside}]")
        else:
            parts.append(re.escape(token))
    return "".join(parts) + ")" * depth


def _tokens(pattern: str) -> Iterable[str]:
    return re.findall(r"\*\*/|\*\*|\[!?[^\[\]]+\]|.", pattern, re.DOTALL)
