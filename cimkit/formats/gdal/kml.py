"""KML: every folder with placemarks is a layer, always in WGS 84."""

from __future__ import annotations

from cimkit.formats.dataset import Dataset, Delivery
from cimkit.formats.gdal.layer import GdalLayer, gdal_layers, refuse_encoding
from cimkit.formats.probe import Probe
from cimkit.formats.registry import Wishes


def layers(probe: Probe, format: str, wishes: Wishes) -> Dataset:
    """The layers of a KML file that hold anything; GDAL counts folders without placemarks too."""
    refuse_encoding(probe, format, wishes)
    delivery = Delivery(probe.path, format, (probe.path,))
    found = [GdalLayer(delivery, name, wishes) for name in gdal_layers(delivery)]
    return Dataset(delivery, tuple(layer for layer in found if layer.any_records()))
