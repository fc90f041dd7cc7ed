"""OpenStreetMap data, as XML or PBF: GDAL's layers points, lines, multilinestrings, multipolygons, other_relations.

Tags without a column of their own stand in ``other_tags`` as hstore text.
"""

from __future__ import annotations

import tempfile

from cimkit.formats.dataset import Dataset, Delivery
from cimkit.formats.gdal import GdalLayer, gdal_layers, refuse_encoding
from cimkit.formats.probe import Probe
from cimkit.formats.registry import Wishes

#: GDAL's own index takes no negative ids, which editors give to what is not uploaded yet.
_OPTIONS = {"USE_CUSTOM_INDEXING": "NO"}


def layers(probe: Probe, format: str, wishes: Wishes) -> Dataset:
    """The layers of an OSM file that hold anything."""
    import pyogrio

    refuse_encoding(probe, format, wishes)
    # GDAL puts its index of big files into the working folder otherwise.
    pyogrio.set_gdal_config_options({"CPL_TMPDIR": tempfile.gettempdir()})
    delivery = Delivery(probe.path, format, (probe.path,))
    found = [GdalLayer(delivery, name, wishes, options=_OPTIONS) for name in gdal_layers(delivery)]
    return Dataset(delivery, tuple(layer for layer in found if layer.any_records()))
