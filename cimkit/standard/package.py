"""A standard package, loaded and resolved: everything that checking, mapping and fusing need of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from cimkit.errors import StandardError, UsageError, nearest
from cimkit.model import as_dict
from cimkit.standard import registry
from cimkit.standard.codelist import MANIFEST as CODELISTS
from cimkit.standard.codelist import Codelist, Codelists, load_codelists
from cimkit.standard.crs_policy import CrsPolicy
from cimkit.standard.layer import LayerSchema, load_layer
from cimkit.standard.reference import MANIFEST
from cimkit.standard.rules import FUSION, RULES, Rule, check_fusion, check_rule, load_fusion, load_rules

LAYERS = "layers"
CROSSWALKS = "crosswalks"
SUFFIX = ".schema.json"
_INHERITED = ("submission", "classes", "hygiene")


@dataclass(frozen=True)
class Standard:
    """A standard package. What it ``extends`` is already merged in.

    ``digest`` covers every file of the package, and the digests of what it extends.
    ``codelists`` are by ``id`` or ``id@version``; ``crosswalks`` lead from a name to its file;
    ``manifest`` is ``standard.yaml`` as written, with the submission layout, conformance classes and
    hygiene of what it extends where it says nothing of its own.
    """

    id: str
    version: str
    status: str
    title: Mapping[str, str]
    path: Path
    digest: str
    layers: Mapping[str, LayerSchema]
    codelists: Mapping[str, Codelist]
    rules: tuple[Rule, ...]
    crosswalks: Mapping[str, Path]
    fusion: Mapping[str, Mapping[str, Any]]
    crs: CrsPolicy
    manifest: Mapping[str, Any]

    @classmethod
    def load(cls, reference: str | Path, registries: Mapping[str, Path] | None = None) -> Standard:
        """The standard that ``reference`` names: an id, ``id@version``, ``id@range``, or a folder.

        ``registries`` are folders of ``<id>/<version>/`` packages that are looked into before
        those that ship with cimkit.

        Raises:
            StandardError: it cannot be found, or the package is broken; one sentence says
                which file, what in it, and what to try.
        """
        return _load(reference, registries or {}, ())

    def layer(self, name: str) -> LayerSchema:
        """One of the layers.

        Raises:
            UsageError: the standard has no layer of that name.
        """
        if name not in self.layers:
            raise UsageError(f"{self.id} {self.version} has no layer '{name}'.", hint=nearest(name, self.layers))
        return self.layers[name]

    def reference(self) -> dict[str, str]:
        """What names exactly this package in a report or a manifest: id, version, digest."""
        return {"id": self.id, "version": self.version, "digest": self.digest}

    def describe(self, layer: str | None = None) -> dict[str, Any]:
        """The standard's layers, code lists, rules and crosswalks, or one layer's fields, as JSON values.

        Raises:
            UsageError: the standard has no layer of that name.
        """
        about = {"id": self.id, "version": self.version, "status": self.status, "path": str(self.path)}
        if layer is not None:
            return {**about, "layer": layer, **_layer(self.layer(layer)), "fields": _fields(self.layer(layer))}
        return {
            **about,
            "digest": self.digest,
            "title": dict(self.title),
            "layers": [
                {"name": name, **_layer(described), "fields": len(described.fields)}
                for name, described in self.layers.items()
            ],
            "codelists": [
                {**_without_codes(codelist), "codes": len(codelist.codes)} for codelist in self.codelists.values()
            ],
            "rules": [as_dict(rule) for rule in self.rules],
            "crosswalks": sorted(self.crosswalks),
            "fusion": as_dict(self.fusion),
        }


def _layer(layer: LayerSchema) -> dict[str, Any]:
    return {
        "names": dict(layer.names),
        "class": layer.cim_class,
        "geometry": list(layer.geometry.types) if layer.geometry else [],
        "key": layer.key,
    }


def _fields(layer: LayerSchema) -> list[dict[str, Any]]:
    return [as_dict(field) for field in layer.fields.values()]


def _without_codes(codelist: Codelist) -> dict[str, Any]:
    return {f.name: as_dict(getattr(codelist, f.name)) for f in fields(codelist) if f.name != "codes"}


def _load(reference: str | Path, registries: Mapping[str, Path], below: tuple[Path, ...]) -> Standard:
    path = registry.find(reference, registries)
    if path.resolve() in below:
        raise StandardError(f"{path / MANIFEST} extends itself.", hint="Remove the circle from 'extends'.")
    digest = registry.digest(path)
    manifest = registry.read_manifest(path)
    bases = [_load(base, registries, (*below, path.resolve())) for base in manifest.get("extends", ())]

    layers: dict[str, LayerSchema] = {}
    codelists: list[Codelist] = []
    rules: dict[str, Rule] = {}
    crosswalks: dict[str, Path] = {}
    fusion: dict[str, Mapping[str, Any]] = {}
    for base in bases:
        layers |= base.layers
        codelists += base.codelists.values()
        rules |= {rule.id: rule for rule in base.rules}
        crosswalks |= base.crosswalks
        fusion |= base.fusion
    layers |= {name: load_layer(_layer_file(path, name), name) for name in manifest["layers"]}
    codelists += load_codelists(path)
    rules |= {rule.id: rule for rule in load_rules(path)}
    crosswalks |= {file.stem: file for file in sorted((path / CROSSWALKS).glob("*.yaml"))}
    fusion |= load_fusion(path)

    standard = Standard(
        id=manifest["standard"],
        version=manifest["version"],
        status=manifest["status"],
        title=manifest["title"],
        path=path,
        digest=registry.combined([digest, *(base.digest for base in bases)]),
        layers=layers,
        codelists=Codelists(codelists),
        rules=tuple(rules.values()),
        crosswalks=crosswalks,
        fusion=fusion,
        crs=CrsPolicy.of(manifest) if "crs" in manifest or not bases else bases[-1].crs,
        manifest={**_inherited(bases), **manifest},
    )
    _check(standard)
    return standard


def _inherited(bases: Sequence[Standard]) -> dict[str, Any]:
    """What of the manifests of the standards that one extends is its own too."""
    return {name: base.manifest[name] for base in bases for name in _INHERITED if name in base.manifest}


def _layer_file(package: Path, name: str) -> Path:
    path = package / LAYERS / f"{name}{SUFFIX}"
    if not path.is_file():
        there = [file.name.removesuffix(SUFFIX) for file in (package / LAYERS).glob(f"*{SUFFIX}")]
        raise StandardError(
            f"{package / MANIFEST} lists the layer '{name}', but there is no {path}.", hint=nearest(name, there)
        )
    return path


def _check(standard: Standard) -> None:
    """Everything in the package that speaks of something else in it."""
    path = standard.path
    for layer in standard.layers.values():
        for field in layer.fields.values():
            where = f"{path / LAYERS / layer.name}{SUFFIX}, field '{field.name}',"
            if field.codelist:
                _check_codelist(field.codelist, standard.codelists, where)
            if field.ref:
                _check_ref(field.ref, standard.layers, where)
        if layer.geometry:
            _check_territory(layer.geometry.territory, standard.layers, f"{path / LAYERS / layer.name}{SUFFIX}")
    for entry in standard.manifest.get("submission", ()):
        if "layer" in entry and entry["layer"] not in standard.layers:
            raise StandardError(
                f"{path / MANIFEST} has files of the layer '{entry['layer']}', which is unknown.",
                hint=nearest(entry["layer"], standard.layers),
            )
    for rule in standard.rules:
        check_rule(rule, standard.layers, path / RULES)
    check_fusion(standard.fusion, standard.layers, path / FUSION)


def _check_codelist(name: str, codelists: Mapping[str, Codelist], where: str) -> None:
    if name not in codelists:
        raise StandardError(
            f"{where} names the code list '{name}', which {CODELISTS} does not have (or only with other versions).",
            hint=nearest(name, codelists) or f"Add it to {CODELISTS} and codelists/.",
        )


def _check_territory(territory: tuple[float, ...] | str | None, layers: Mapping[str, LayerSchema], where: str) -> None:
    if isinstance(territory, str) and territory not in layers:
        raise StandardError(
            f"{where} has the territory '{territory}', a layer that is unknown.", hint=nearest(territory, layers)
        )
    if isinstance(territory, tuple) and not -90 <= territory[1] < territory[3] <= 90:
        raise StandardError(
            f"{where} has a territory from {territory[1]:g} to {territory[3]:g} degrees of latitude.",
            hint="A territory is west, south, east, north: south first, both from -90 to 90.",
        )


def _check_ref(ref: str, layers: Mapping[str, LayerSchema], where: str) -> None:
    layer, field = ref.split(".")
    if layer not in layers:
        raise StandardError(f"{where} refers to the layer '{layer}', which is unknown.", hint=nearest(layer, layers))
    if field not in layers[layer].fields:
        raise StandardError(
            f"{where} refers to '{ref}', a field that layer does not have.", hint=nearest(field, layers[layer].fields)
        )
