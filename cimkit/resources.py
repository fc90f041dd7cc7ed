"""Where the files that ship with cimkit are: in the wheel, or in the checkout beside the package."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

Kind = Literal["schemas", "standards", "pipelines", "sample_data"]

_PACKAGE = Path(__file__).parent


def folder(kind: Kind) -> Path:
    """The folder of one kind of shipped file; it exists in an installation that is whole."""
    packed = _PACKAGE / "_shipped" / kind
    return packed if packed.is_dir() else _PACKAGE.parent / kind
