"""Where everything of a catalog is, and the names that may stand there.

::

    catalog.json                 format version, id, title
    HEAD                         the number of the current release, as in its file name
    releases/000007.json         one release
    datasets/<dataset>/v000003/  manifest.json, the data file named by its content, attachments
    catalog.duckdb               the index; derived, never the only copy of anything
    .lock                        held while a release is committed

Names that begin with ``.tmp-`` belong to a writer at work, or to one that was killed; nobody
reads them. A catalog may come from a stranger, so every path that is read is made from checked
names and must lie inside the catalog after symbolic links are followed.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cimkit.documents import load_json, validate
from cimkit.errors import CatalogError, UsageError

#: The version of the layout; a catalog says it in ``catalog.json``.
FORMAT = 1
#: Begins the name of everything a writer has not finished.
TEMPORARY = ".tmp-"
MANIFEST = "manifest.json"

_NAME = re.compile(r"[a-z][a-z0-9_-]{0,62}")
_ID = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,62}")
_NUMBER = re.compile(r"[0-9]{6,12}")
_VERSION = re.compile(r"v([0-9]{6,12})")
# Any script, but nothing that is a separator, a wildcard or a device on some system.
_FILE = re.compile(r'[^\x00-\x20\x7f/\\:*?"<>|.]([^\x00-\x1f\x7f/\\:*?"<>|]{0,78}[^\x00-\x20\x7f/\\:*?"<>|.])?')
_HEAD_BYTES = 64


def checked_name(name: str) -> str:
    """``name``, if a dataset may be called that: ``^[a-z][a-z0-9_-]{0,62}$``.

    Raises:
        UsageError: it may not.
    """
    if not _NAME.fullmatch(name):
        raise UsageError(
            f"'{name}' cannot be the name of a dataset.",
            hint="Use a letter a-z first, then a-z, 0-9, '_' or '-', at most 63 characters in all.",
        )
    return name


def checked_id(name: str) -> str:
    """``name``, if a catalog may be called that: ``^[A-Za-z][A-Za-z0-9_-]{0,62}$``.

    Raises:
        UsageError: it may not.
    """
    if not _ID.fullmatch(name):
        raise UsageError(
            f"'{name}' cannot be the id of a catalog.",
            hint="Use a letter first, then letters, digits, '_' or '-', at most 63 characters in all.",
        )
    return name


def is_file_name(name: str) -> bool:
    """Whether a file of a version may be called ``name``: one plain name, no path, no hidden file."""
    return bool(_FILE.fullmatch(name))


def dump(document: Any) -> bytes:
    """A JSON document as the bytes that go to disk; NaN and infinities are refused (ValueError)."""
    return (json.dumps(document, ensure_ascii=False, indent=2, allow_nan=False) + "\n").encode()


@dataclass(frozen=True, slots=True)
class Layout:
    """The paths of one catalog."""

    root: Path

    @property
    def document(self) -> Path:
        return self.root / "catalog.json"

    @property
    def head(self) -> Path:
        return self.root / "HEAD"

    @property
    def releases(self) -> Path:
        return self.root / "releases"

    @property
    def datasets(self) -> Path:
        return self.root / "datasets"

    @property
    def index(self) -> Path:
        return self.root / "catalog.duckdb"

    @property
    def lock(self) -> Path:
        return self.root / ".lock"

    def release(self, number: int) -> Path:
        return self.releases / f"{number:06d}.json"

    def dataset(self, name: str) -> Path:
        return self.datasets / name

    def version(self, name: str, number: int) -> Path:
        return self.datasets / name / f"v{number:06d}"

    def manifest(self, name: str, number: int) -> Path:
        return self.version(name, number) / MANIFEST

    def relative(self, path: Path) -> str:
        """A path as it is spoken of in releases and messages: from the root, with forward slashes."""
        return path.relative_to(self.root).as_posix()

    def inside(self, path: Path) -> Path:
        """``path``, if it does not lead out of the catalog by a symbolic link or otherwise.

        Raises:
            CatalogError: it does.
        """
        try:
            resolved = path.resolve()
        except (OSError, RuntimeError) as error:
            raise CatalogError(f"{path} cannot be followed: {error}.") from error
        if not resolved.is_relative_to(self.root.resolve()):
            raise CatalogError(
                f"{path} leads out of the catalog, to {resolved}.",
                hint="A catalog holds its own files. Do not trust this one unless you know who made it.",
            )
        return path

    def read_document(self, path: Path, schema: str) -> dict[str, Any]:
        """A JSON document of the catalog that keeps to ``schemas/<schema>.schema.json``.

        Raises:
            CatalogError: it is missing, no plain file, leads outside, or is not such a document.
        """
        if self.inside(path).exists() and not path.is_file():
            raise CatalogError(f"{path} is no file.")
        document = load_json(path, CatalogError)
        try:
            json.dumps(document, ensure_ascii=False).encode()
        except UnicodeEncodeError as error:
            raise CatalogError(f"{path} holds half a character (a lone surrogate).") from error
        validate(document, schema, path, CatalogError)
        return document

    def versions(self, name: str) -> list[int]:
        """The numbers of the version folders of a dataset, committed or not, in order."""
        folder = self.dataset(name)
        if not folder.is_dir():
            return []
        found = (_VERSION.fullmatch(entry.name) for entry in self.inside(folder).iterdir())
        return sorted(int(match[1]) for match in found if match)

    def read_head(self) -> int:
        """The number in ``HEAD``.

        Raises:
            CatalogError: there is no readable number.
        """
        if self.inside(self.head).exists() and not self.head.is_file():
            raise CatalogError(f"{self.head} is no file.", hint=self._newest())
        try:
            with self.head.open("rb") as file:
                text = file.read(_HEAD_BYTES).decode("ascii", "replace").strip()
        except OSError as error:
            raise CatalogError(f"{self.head} cannot be read: {error.strerror}.", hint=self._newest()) from error
        if not _NUMBER.fullmatch(text):
            raise CatalogError(f"{self.head} does not name a release.", hint=self._newest())
        return int(text)

    def _newest(self) -> str:
        numbers = [path.stem for path in self.releases.glob("*.json") if _NUMBER.fullmatch(path.stem)]
        if not numbers:
            return "Restore the catalog from a backup."
        return f"The newest release there is {max(numbers)}. If it is right, write that number into HEAD."
