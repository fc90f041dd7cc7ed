"""An OSM file that breaks off: the whole blocks of PBF, the whole objects of XML."""

from __future__ import annotations

import shutil
from pathlib import Path

from cimkit.errors import SourceError
from cimkit.formats.gdal.osm import whole_blocks
from cimkit.formats.salvage import elements
from cimkit.model import Reject


def mend(source: Path, target: Path, records: tuple[str, ...]) -> list[Reject]:
    """Copy the blocks that are whole; what follows them is left out, for its objects cannot be told apart.

    Raises:
        SourceError: not one block is whole.
    """
    with source.open("rb") as handle:
        if handle.read(64).lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<"):
            return elements.mend(source, target, records)
    size, whole = source.stat().st_size, whole_blocks(source)
    if whole == size:
        return []
    if not whole:
        raise SourceError(f"{source} holds no block that is whole.", hint="Copy or download it again.")
    with source.open("rb") as handle, target.open("wb") as copy:
        shutil.copyfileobj(handle, copy)
        copy.truncate(whole)
    return [Reject(None, f"byte {whole}", f"The file breaks off within a block; {size - whole} bytes cannot be read.")]
