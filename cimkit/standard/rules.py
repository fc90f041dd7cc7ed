"""A standard's rules and fusion defaults: what its ``rules.yaml`` and ``fusion.yaml`` say about its layers."""

from __future__ import annotations

import string
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cimkit import documents
from cimkit.errors import StandardError, nearest
from cimkit.model import Severity
from cimkit.standard.layer import LayerSchema
from cimkit.standard.rule_kinds import fields_named

RULES = "rules.yaml"
FUSION = "fusion.yaml"
_OWN = ("id", "check", "layer", "severity", "message", "iso19157")


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule. ``parameters`` are those of its ``check``: ``when`` and ``assert`` of an expression, and so on.

    ``message`` is by language and may be empty; ``{field}`` in it stands for the record's value.
    """

    id: str
    check: str
    layer: str
    severity: Severity
    message: Mapping[str, str]
    parameters: Mapping[str, Any]
    iso19157: int | None = None


def load_rules(package: Path) -> list[Rule]:
    """The rules of a package; none where it has no ``rules.yaml``.

    Raises:
        StandardError: the file is broken, or an id is there twice.
    """
    path = package / RULES
    if not path.is_file():
        return []
    entries = documents.load_yaml_list(path)
    documents.validate(entries, "rules", path)
    rules: dict[str, Rule] = {}
    for entry in entries:
        if entry["id"] in rules:
            raise StandardError(
                f"{path} has the rule '{entry['id']}' twice.", hint="A rule's id is its address: rename one."
            )
        rules[entry["id"]] = Rule(
            id=entry["id"],
            check=entry["check"],
            layer=entry["layer"],
            severity=entry.get("severity", "error"),
            message=entry.get("message", {}),
            parameters={key: value for key, value in entry.items() if key not in _OWN},
            iso19157=entry.get("iso19157"),
        )
    return list(rules.values())


def check_rule(rule: Rule, layers: Mapping[str, LayerSchema], path: Path) -> None:
    """Raises StandardError where a rule speaks of a layer or field that the standard does not have."""
    for layer in (rule.layer, rule.parameters.get("of", rule.layer)):
        _known(layer, layers, f"{path}: the rule '{rule.id}' is about the layer")
    fields = layers[rule.layer].fields
    others = layers[rule.parameters.get("of", rule.layer)].fields
    for name, own in fields_named(rule.check, rule.parameters):
        _known(name, fields if own else others, f"{path}: the rule '{rule.id}' names the field")
    for lang, text in rule.message.items():
        try:
            named = [name for _, name, _, _ in string.Formatter().parse(text) if name is not None]
        except ValueError as error:
            raise StandardError(f"{path}: the {lang} message of the rule '{rule.id}' is broken: {error}.") from error
        for name in named:
            _known(name, fields, f"{path}: the {lang} message of the rule '{rule.id}' names the field")


def load_fusion(package: Path) -> dict[str, Any]:
    """Layer -> how it is fused; empty where the package has no ``fusion.yaml``.

    Raises:
        StandardError: the file is broken.
    """
    path = package / FUSION
    if not path.is_file():
        return {}
    fusion = documents.load_yaml(path)
    documents.validate(fusion, "fusion", path)
    return fusion


def check_fusion(fusion: Mapping[str, Any], layers: Mapping[str, LayerSchema], path: Path) -> None:
    """Raises StandardError where the defaults speak of a layer or field that the standard does not have."""
    for layer, how in fusion.items():
        _known(layer, layers, f"{path} is about the layer")
        for field in how.get("attributes", {}):
            _known(field, layers[layer].fields, f"{path} names, for '{layer}', the field")


def _known(name: str, known: Mapping[str, object], message: str) -> None:
    if name not in known:
        raise StandardError(f"{message} '{name}', which the standard does not have.", hint=nearest(name, known))
