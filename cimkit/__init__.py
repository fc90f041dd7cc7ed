"""cimkit: check city data against published standards, convert it, and fuse it into one catalog.

The names below are the whole public surface; the command line is a thin layer over them.
They are imported on first use, so that ``import cimkit`` costs nothing.
"""

from __future__ import annotations

import sys
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cimkit.catalog import Catalog
    from cimkit.check import check, fix  # type: ignore[no-redef]
    from cimkit.convert import convert
    from cimkit.errors import CimkitError
    from cimkit.formats import inspect, open
    from cimkit.pipeline import run  # type: ignore[no-redef]
    from cimkit.standard import Standard

__version__ = "0.1.0"
__all__ = ["Catalog", "CimkitError", "Standard", "check", "convert", "fix", "inspect", "open", "run"]

_HOME = {
    "Catalog": "cimkit.catalog",
    "CimkitError": "cimkit.errors",
    "Standard": "cimkit.standard",
    "check": "cimkit.check",
    "convert": "cimkit.convert",
    "fix": "cimkit.check",
    "inspect": "cimkit.formats",
    "open": "cimkit.formats",
    "run": "cimkit.pipeline",
}


class _Package(ModuleType):
    """Keeps ``cimkit.check`` and ``cimkit.convert`` the functions, though modules have these names too.

    Python binds a submodule in its package once it is imported, which would put the module in
    the function's place as soon as anything imported it.
    """

    def __setattr__(self, name: str, value: Any) -> None:
        if not (name in _HOME and isinstance(value, ModuleType)):
            super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Package


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'cimkit' has no attribute '{name}'")
    return getattr(import_module(_HOME[name]), name)


def __dir__() -> list[str]:
    return sorted([*__all__, "__version__"])
