"""Look at a source without doing anything with it: what is in it, and how that was found."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from cimkit.errors import SourceError
from cimkit.formats.against import offset_hint
from cimkit.formats.collection import UNREAD, nothing_readable, reason_of, unread_hints
from cimkit.formats.dataset import Layer
from cimkit.formats.facts import FactGatherer
from cimkit.formats.registry import open
from cimkit.model import Hint, LayerFacts, Progress, Reject, as_dict, silent


def inspect(
    source: str | Path,
    *,
    layer: str | None = None,
    encoding: str | None = None,
    crs: str | None = None,
    reference: str | Path | None = None,
    salvage: bool = False,
    progress: Progress = silent,
) -> dict[str, Any]:
    """What a source holds, as plain JSON values (the shape of ``cimkit inspect --format json``).

    Reads every record once and writes nothing. ``bbox`` is in the layer's own CRS,
    ``bbox_crs84`` in longitude and latitude, null where the CRS is unknown. ``reference`` is a
    file of the same place that is known to lie right: a layer that lies hundreds of metres
    off it, as GCJ-02 under the name of WGS 84 does, gets the hint ``crs.offset_suspected``.
    ``salvage`` reads what can be read of a damaged file. ``files`` says what each file was taken
    for, and by what; ``unread`` are the files of a folder or archive that cannot be read, and why.

    Raises:
        SourceError: the source cannot be read.
        UsageError: there is no such layer, encoding or CRS.
    """
    dataset = open(source, encoding=encoding, crs=crs, salvage=salvage)
    against = open(reference).layer() if reference is not None else None
    chosen = (dataset.layer(layer),) if layer is not None else dataset.layers
    layers, unread = [], list(dataset.unread)
    for each in chosen:
        try:
            layers.append({"name": each.name, **as_dict(_facts(each, against, progress))})
        except SourceError as error:
            if layer is not None or not dataset.is_collection:
                raise
            # One broken file of a delivery hides none of the others.
            unread.append(Reject(None, str(each.delivery.path), reason_of(error)))
    read = [seen for seen in dataset.seen if seen.format is not None and seen.assets]
    if chosen and unread and not layers and not read:
        raise nothing_readable(str(dataset.delivery.path), unread)
    about = dataset.source
    hints = [hint for hint in dataset.hints if hint.code != UNREAD] + unread_hints(unread)
    if not (layers or dataset.assets or unread or hints):
        hints = [Hint("source.nothing", f"A whole {about.format} file, in which there are no records.")]
    return {
        "path": about.path,
        "format": about.format,
        "sha256": about.sha256,
        "bytes": about.bytes,
        "hints": as_dict(hints),
        "files": as_dict(dataset.seen),
        "layers": layers,
        "assets": as_dict(dataset.assets),
        "unread": as_dict(unread),
    }


def _facts(layer: Layer, reference: Layer | None, progress: Progress) -> LayerFacts:
    with layer.stream() as stream:
        gatherer = FactGatherer(stream)
        rows = 0
        for batch in stream.batches:
            gatherer.add(batch)
            rows += batch.num_rows
            progress(f"read {layer.name}", rows, stream.total)
        facts = gatherer.facts()
    if reference is None:
        return facts
    return replace(facts, hints=(*facts.hints, offset_hint(layer, facts.bbox_crs84, reference)))
