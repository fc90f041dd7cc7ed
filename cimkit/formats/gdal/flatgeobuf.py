"""FlatGeobuf. GDAL reads a file that is cut off in its index as an empty layer, so the header's count is compared.

Its driver's own Arrow stream gives a null geometry offsets that point outside its buffer, so
the general stream is used instead.
"""

from __future__ import annotations

from cimkit.errors import SourceError
from cimkit.formats.dataset import Dataset, Delivery
from cimkit.formats.gdal.layer import GdalLayer, gdal_layers, gdal_path, refuse_encoding, told
from cimkit.formats.probe import Probe
from cimkit.formats.registry import Wishes


def layers(probe: Probe, format: str, wishes: Wishes) -> Dataset:
    """The one layer of a FlatGeobuf file."""
    import pyogrio

    refuse_encoding(probe, format, wishes)
    delivery = Delivery(probe.path, format, (probe.path,))
    pyogrio.set_gdal_config_options({"OGR_FLATGEOBUF_STREAM_BASE_IMPL": True})
    names = gdal_layers(delivery)
    if not names:
        raise SourceError(f"{probe.path} is damaged: no layer can be read from it.", hint="Copy or export it again.")
    with told(delivery, []), gdal_path(delivery) as path:
        promised = int(pyogrio.read_info(path)["features"])
    # A writer that streams does not know the count and writes 0, which GDAL gives as -1.
    return Dataset(delivery, (GdalLayer(delivery, names[0], wishes, promised=promised if promised > 0 else None),))
