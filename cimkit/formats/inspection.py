"""Look at a source without doing anything with it: what is in it, and how that was found."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from cimkit.formats.dataset import Layer
from cimkit.formats.facts import FactGatherer
from cimkit.formats.registry import open
from cimkit.model import LayerFacts, Progress, as_dict, silent


def inspect(
    source: str | Path,
    *,
    layer: str | None = None,
    encoding: str | None = None,
    crs: str | None = None,
    progress: Progress = silent,
) -> dict[str, Any]:
    """What a source holds, as plain JSON values (the shape of ``cimkit inspect --format json``).

    Reads every record once and writes nothing. ``bbox`` is in the layer's own CRS,
    ``bbox_crs84`` in longitude and latitude, null where the CRS is unknown.

    Raises:
        SourceError: the source cannot be read.
        UsageError: there is no such layer, encoding or CRS.
    """
    dataset = open(source, encoding=encoding, crs=crs)
    chosen = (dataset.layer(layer),) if layer is not None else dataset.layers
    layers = [{"name": each.name, **as_dict(_facts(each, progress))} for each in chosen]
    about = dataset.source
    return {
        "path": about.path,
        "format": about.format,
        "sha256": about.sha256,
        "bytes": about.bytes,
        "hints": as_dict(dataset.hints),
        "layers": layers,
        "assets": as_dict(dataset.assets),
        "unread": as_dict(dataset.unread),
    }


def _facts(layer: Layer, progress: Progress) -> LayerFacts:
    with layer.stream() as stream:
        gatherer = FactGatherer(stream)
        rows = 0
        for batch in stream.batches:
            gatherer.add(batch)
            rows += batch.num_rows
            progress(f"read {layer.name}", rows, stream.total)
        return gatherer.facts()
