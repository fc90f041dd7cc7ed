"""OpenStreetMap data as o5m or OPL, which GDAL does not know: osmium writes it again as PBF, which it does."""

from __future__ import annotations

import shutil
import tempfile
import weakref
from dataclasses import replace
from pathlib import Path

from cimkit.errors import SourceError
from cimkit.formats.collection import MemberLayer
from cimkit.formats.dataset import Dataset, Delivery
from cimkit.formats.extras import library
from cimkit.formats.gdal import osm
from cimkit.formats.probe import Probe, look
from cimkit.formats.registry import Wishes


def layers(probe: Probe, format: str, wishes: Wishes) -> Dataset:
    """The layers of the file, as :mod:`cimkit.formats.gdal.osm` has them.

    Raises:
        SourceError: osmium is not installed, or cannot read the file to its end.
    """
    copy = _Copy(probe.path)
    read = osm.layers(look(copy.path), "OSM", wishes)
    delivery = Delivery(probe.path, format, (probe.path,), copy)
    layers = tuple(MemberLayer(layer, delivery, layer.name, copy.said) for layer in read.layers)
    return replace(read, delivery=delivery, layers=layers)


class _Copy:
    """The same objects as PBF in a temporary folder, which lives as long as this."""

    def __init__(self, source: Path) -> None:
        osmium = library("osmium", "osm", source)
        self.source = source
        folder = Path(tempfile.mkdtemp(prefix="cimkit-osm-"))
        weakref.finalize(self, shutil.rmtree, folder, ignore_errors=True)
        self.path = folder / "copy.osm.pbf"
        try:
            with osmium.SimpleWriter(str(self.path)) as writer:
                for thing in osmium.FileProcessor(str(source)):
                    writer.add(thing)
        except (RuntimeError, UnicodeDecodeError) as error:
            raise SourceError(
                f"{source} cannot be read as OpenStreetMap data: {error}.", hint="Was it copied to the end?"
            ) from error

    def said(self, text: str) -> str:
        """A message about the copy as one about the file."""
        return text.replace(str(self.path), str(self.source))
