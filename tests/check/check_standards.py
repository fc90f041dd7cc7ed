"""A standard of one layer, ``thing``, made by hand for the tests of check."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml


def standard_of_things(
    folder: Path, properties: Mapping[str, Any], rules: Sequence[Mapping[str, Any]] = (), **layer: Any
) -> Path:
    """The package, in ``folder/std``; ``layer`` are more keywords of the layer's schema."""
    package = folder / "std"
    (package / "layers").mkdir(parents=True, exist_ok=True)
    manifest = {
        "standard": "things", "version": "0.1.0", "status": "draft", "title": {"en": "T"}, "publisher": {"en": "P"},
        "licence": "CC0-1.0", "layers": ["thing"],
    }  # fmt: skip
    schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "urn:test:thing",
        "title": "Thing",
        "type": "object",
        "properties": dict(properties),
        **layer,
    }
    (package / "standard.yaml").write_text(yaml.safe_dump(manifest), encoding="utf-8")
    (package / "layers" / "thing.schema.json").write_text(json.dumps(schema), encoding="utf-8")
    (package / "rules.yaml").write_text(yaml.safe_dump([dict(rule) for rule in rules]), encoding="utf-8")
    return package
