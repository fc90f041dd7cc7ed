"""A pipeline document: what is delivered, against which standard, and what becomes of it.

The document is checked against ``schemas/pipeline.schema.json`` before anything runs.
Relative paths start at the document's own folder, so a pipeline and its crosswalks can be
moved together.
"""

from __future__ import annotations

import datetime
import hashlib
import json
import os
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from cimkit import crs as reference_systems
from cimkit import resources
from cimkit.documents import load_yaml, validate
from cimkit.errors import PipelineError, UsageError, nearest
from cimkit.model import FailOn
from cimkit.standard.reference import MANIFEST

_VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")


@dataclass(frozen=True, slots=True)
class SourceSpec:
    """One delivered layer and how it is to be read; ``layer`` is the standard's, ``source_layer`` the file's."""

    name: str
    path: Path
    layer: str
    source_layer: str | None = None
    crosswalk: str | None = None
    trust: float = 0.5
    as_of: str | None = None
    licence: str | None = None
    encoding: str | None = None
    crs: str | None = None


@dataclass(frozen=True, slots=True)
class Gate:
    """What stops a run: findings at ``fail_on``; bad records are set aside (``quarantine``) or ``stop`` it."""

    fail_on: FailOn = "error"
    rejected: Literal["quarantine", "stop"] = "quarantine"


@dataclass(frozen=True, slots=True)
class Pipeline:
    """A pipeline document, resolved; ``digest`` is that of its text after ``--set``."""

    name: str
    title: Mapping[str, str]
    standard: str
    crs: str | None
    sources: Mapping[str, SourceSpec]
    gate: Gate
    fuse: Mapping[str, Mapping[str, Any]]
    check_after_fusion: bool
    samples: int
    datasets: Mapping[str, Mapping[str, Any]]
    message: str
    author: str
    folder: Path
    digest: str

    def plan(self) -> str:
        """What a run would do, as lines of text."""
        lines = [f"{self.name}: {len(self.sources)} sources against {self.standard}"]
        for source in self.sources.values():
            how = f" through {source.crosswalk}" if source.crosswalk else ""
            missing = "" if source.path.exists() else "  (there is no such file)"
            path = os.path.relpath(source.path, self.folder)  # as a reader of the document knows it
            lines.append(f"  read     {source.name}: {path} as {source.layer}{how}{missing}")
        lines.append(f"  gate     fail on {self.gate.fail_on}; bad records: {self.gate.rejected}")
        for layer in self.fuse:
            names = [source.name for source in self.sources.values() if source.layer == layer]
            lines.append(f"  fuse     {layer} from {', '.join(names)}")
        datasets = dict.fromkeys(source.layer for source in self.sources.values())
        lines.append(f"  publish  {', '.join(datasets)}")
        return "\n".join(lines)

    @staticmethod
    def load(reference: str | Path, settings: Mapping[str, str] | None = None) -> Pipeline:
        """A pipeline by path, or by the name of a shipped one.

        ``settings`` fill the document's ``variables`` (``${name}``) or replace a value at a
        dotted path (``publish.message``).

        Raises:
            PipelineError: the document is missing or broken; the message names the place.
        """
        path = locate(reference)
        document = load_yaml(path, error=PipelineError)
        validate(document, "pipeline", path, error=PipelineError)
        document = _with_settings(document, dict(settings or {}), path)
        validate(document, "pipeline", path, error=PipelineError)
        return _resolved(document, path)


def shipped() -> dict[str, Path]:
    """The pipelines that come with cimkit, by name."""
    return {path.stem: path for path in sorted(resources.folder("pipelines").glob("*.yaml"))}


def locate(reference: str | Path) -> Path:
    """The file of a pipeline given by path or by a shipped name; a file wins over a name."""
    path = Path(reference)
    if path.is_file():
        return path
    known = shipped()
    if str(reference) in known:
        return known[str(reference)]
    if path.is_dir():
        raise PipelineError(f"'{path}' is a folder, not a pipeline document.", hint="Name the .yaml file in it.")
    hint = nearest(str(reference), known)
    raise PipelineError(
        f"There is no pipeline '{reference}': neither a file nor the name of a shipped pipeline.", hint=hint
    )


def _with_settings(document: dict[str, Any], settings: dict[str, str], path: Path) -> dict[str, Any]:
    variables = document.setdefault("variables", {})
    for name, value in settings.items():
        if name in variables:
            variables[name] = value
        elif "." in name or name in _keys():
            _replace(document, name.split("."), _value(value), path)
        else:
            hint = nearest(name, variables) or "Declare it under 'variables:' in the pipeline."
            raise PipelineError(f"{path} has no variable '{name}' to set.", hint=hint)
    del document["variables"]
    filled: dict[str, Any] = _filled(document, variables, path)
    return filled


def _keys() -> Collection[str]:
    """What may stand at the top of a pipeline, and so be set where the document says nothing of it."""
    schema = json.loads((resources.folder("schemas") / "pipeline.schema.json").read_text(encoding="utf-8"))
    return set(schema["properties"]) - {"variables"}


def _value(text: str) -> Any:
    """What a ``--set`` value means: a number, true, null or a list where it is written so in JSON; else text."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text


def _replace(document: dict[str, Any], keys: list[str], value: Any, path: Path) -> None:
    place: Any = document
    for key in keys[:-1]:
        place = place.setdefault(key, {}) if isinstance(place, dict) else None
    if not isinstance(place, dict):
        raise PipelineError(f"{path} has no place '{'.'.join(keys)}' to set.")
    place[keys[-1]] = value


def _filled(value: Any, variables: Mapping[str, Any], path: Path) -> Any:
    if isinstance(value, dict):
        return {key: _filled(item, variables, path) for key, item in value.items()}
    if isinstance(value, list):
        return [_filled(item, variables, path) for item in value]
    if not isinstance(value, str):
        return value
    if "\0" in value:
        raise PipelineError(f"{path} holds the character NUL, which no name and no path may hold: {value!r}.")

    def put(match: re.Match[str]) -> str:
        name = match.group(1)
        if name not in variables:
            hint = nearest(name, variables) or "Declare it under 'variables:'."
            raise PipelineError(f"{path} uses the variable '{name}', which it does not declare.", hint=hint)
        if variables[name] is None:
            raise PipelineError(f"{path} needs a value for '{name}'.", hint=f"Give one with --set {name}=VALUE.")
        return str(variables[name])

    return _VARIABLE.sub(put, value)


def _resolved(document: dict[str, Any], path: Path) -> Pipeline:
    folder = path.resolve().parent
    sources = {
        name: SourceSpec(
            name=name,
            path=folder / spec["path"],
            layer=spec["layer"],
            source_layer=spec.get("source_layer"),
            crosswalk=spec.get("crosswalk"),
            trust=float(spec.get("trust", 0.5)),
            as_of=_day(name, spec.get("as_of"), path),
            licence=spec.get("licence"),
            encoding=spec.get("encoding"),
            crs=spec.get("crs"),
        )
        for name, spec in document["sources"].items()
    }
    delivered = {source.layer for source in sources.values()}
    for dataset in document.get("datasets") or {}:
        if dataset not in delivered:
            raise PipelineError(
                f"{path} describes the dataset '{dataset}', which no source delivers.", hint=nearest(dataset, delivered)
            )
    for name in document.get("fuse") or {}:
        _check_fused(name, [source.name for source in sources.values() if source.layer == name], delivered, path)
    checks = document.get("checks") or {}
    publish = document.get("publish") or {}
    return Pipeline(
        name=document["pipeline"],
        title=document.get("title") or {"en": document["pipeline"]},
        standard=_standard(document["standard"], folder),
        crs=_crs(document.get("crs"), path),
        sources=sources,
        gate=Gate(**(document.get("gate") or {})),
        fuse=document.get("fuse") or {},
        check_after_fusion=checks.get("after_fusion", True),
        samples=checks.get("samples", 100),
        datasets=document.get("datasets") or {},
        message=publish.get("message", ""),
        author=publish.get("author", ""),
        folder=folder,
        digest=hashlib.sha256(json.dumps(document, sort_keys=True).encode()).hexdigest(),
    )


def _check_fused(layer: str, sources: Sequence[str], delivered: Collection[str], path: Path) -> None:
    if not sources:
        raise PipelineError(
            f"{path} fuses the layer '{layer}', which no source delivers.", hint=nearest(layer, delivered)
        )
    if len(sources) == 1:
        raise PipelineError(
            f"{path} fuses the layer '{layer}', which only the source '{sources[0]}' delivers.",
            hint="Fusion needs two sources or more. Name another, or take the layer out of 'fuse:'.",
        )


def _crs(text: str | None, path: Path) -> str | None:
    if text is None:
        return None
    try:
        return reference_systems.canonical(text)
    except UsageError as error:
        raise PipelineError(f"{path}, at /crs: {error}", hint=error.hint) from error


def _day(source: str, text: str | None, path: Path) -> str | None:
    """A day that is in the calendar."""
    if text is None:
        return None
    try:
        return datetime.date.fromisoformat(text).isoformat()
    except ValueError as error:
        raise PipelineError(f"{path}: the source '{source}' is as of {text}, a day that does not exist.") from error


def _standard(reference: str, folder: Path) -> str:
    """A standard's reference; one that is a folder beside the pipeline by its whole path."""
    return str(folder / reference) if (folder / reference / MANIFEST).is_file() else reference
