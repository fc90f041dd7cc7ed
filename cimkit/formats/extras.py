"""Libraries that come with an extra of the package: there, or an error that names the command."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from types import ModuleType

from cimkit.errors import SourceError


def library(module: str, extra: str, path: Path) -> ModuleType:
    """The imported module, which reading ``path`` needs.

    Raises:
        SourceError: it is not installed; the hint is the command that installs it.
    """
    try:
        return import_module(module)
    except ImportError as error:
        raise SourceError(
            f"{path} cannot be read without the package '{module.split('.')[0]}', which is not installed.",
            hint=f"pip install 'cimkit[{extra}]'",
        ) from error
