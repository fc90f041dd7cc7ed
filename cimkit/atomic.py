"""A file that is written is whole or not there: made in a folder beside its target, then moved over it."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from cimkit.errors import SourceError


@contextmanager
def replacing(target: Path, *, sidecars: Sequence[str] = (), folder: bool = False) -> Iterator[Path]:
    """A path to write to, on the same disk and of the same name as ``target``, which it becomes at the end.

    After an exception the target is what it was before. Anything else a driver leaves beside
    the path (a journal, an index) is removed, but for ``sidecars``: files of the target's name
    with these suffixes go with it, and old ones that were not made again go away. ``folder``
    says that the target is a folder, as a File Geodatabase is.

    Raises:
        SourceError: the target's folder is missing or not writable, the target is a folder, or the disk is full.
    """
    if target.is_dir() and not folder:
        raise SourceError(f"{target} cannot be written: it is a folder.", hint="Name a file in it.")
    try:
        aside = Path(tempfile.mkdtemp(dir=target.parent, prefix=".cimkit-"))
    except OSError as error:
        raise SourceError(
            f"{target} cannot be written: {error.strerror}.", hint="Does the folder exist, and may you write there?"
        ) from error
    try:
        path = aside / target.name
        yield path
        if target.is_dir():
            target.replace(aside / "old")
        for suffix in sidecars:
            made, old = path.with_suffix(suffix), target.with_suffix(suffix)
            if made.exists():
                made.replace(old)
            else:
                old.unlink(missing_ok=True)
        path.replace(target)
    except OSError as error:
        # By its number, since libraries put words of their own around what the system says.
        reason = os.strerror(error.errno) if error.errno else str(error)
        raise SourceError(f"{target} cannot be written: {reason}.", hint="Is there enough room on the disk?") from error
    finally:
        shutil.rmtree(aside, ignore_errors=True)
