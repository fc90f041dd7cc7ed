"""An IFC model opened by ifcopenshell, after a look at the bytes that it does not take.

ifcopenshell reads a file that breaks off as if it ended there, reads text that is not escaped
as empty, and knows no schema by the names of its corrigenda. So the end of the file is looked
for first, and such a file is handed over as an escaped copy.
"""

from __future__ import annotations

import math
import re
import shutil
import tempfile
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import Any

from cimkit import text
from cimkit.errors import SourceError
from cimkit.formats.extras import library
from cimkit.formats.models.ifc_circles import refuse_circles
from cimkit.formats.models.ifc_tessellate import errors
from cimkit.formats.probe import Probe
from cimkit.formats.registry import Wishes
from cimkit.model import Evidence, Hint, Reject

#: A model lies in memory as a whole, at about eight times the size of its file.
MOST_BYTES = 1 << 30
_TAIL_BYTES = 1 << 16
_MOST_TOLD = 100
_SCHEMA = re.compile(rb"FILE_SCHEMA\s*\(\s*\(\s*'([^']*)'", re.IGNORECASE)
_READ = ("IFC2X3", "IFC4", "IFC4X3_ADD2")
#: Schemas that are one of these but for corrections.
_SAME = {
    **dict.fromkeys(("IFC2X3_TC1", "IFC2X3_FINAL"), "IFC2X3"),
    **dict.fromkeys(("IFC4_ADD1", "IFC4_ADD2", "IFC4_ADD2_TC1"), "IFC4"),
    **dict.fromkeys(("IFC4X3", "IFC4X3_TC1", "IFC4X3_ADD1"), "IFC4X3_ADD2"),
}
_ENTITY = re.compile(rb";\s*#\d+\s*=")
_HIGH = re.compile(rb"[\x80-\xff]")
_FOREIGN = re.compile(r"[^\x00-\x7e]+")
_OFFSET = re.compile(r" at offset (\d+)$")


@dataclass(eq=False)
class IfcModel:
    """An open model: its entities, its units in metres, and what was lost in opening it."""

    path: Path
    file: Any
    schema: str
    encoding: Evidence
    hints: list[Hint] = field(default_factory=list)
    rejected: list[Reject] = field(default_factory=list)
    #: The file that ifcopenshell can read: the model itself, or an escaped copy that lives as long as this.
    readable: Path = field(default_factory=Path)
    #: Why the first shape could not be made, of those that could not.
    failure: str | None = None
    #: How many shapes were left out because there are too many.
    skipped: int = 0

    @cached_property
    def metres(self) -> float:
        """Metres in the model's unit of length."""
        return self._unit("LENGTHUNIT")

    @cached_property
    def square_metres(self) -> float:
        """Square metres in the model's unit of area."""
        return self._unit("AREAUNIT")

    @cached_property
    def cubic_metres(self) -> float:
        """Cubic metres in the model's unit of volume."""
        return self._unit("VOLUMEUNIT")

    def _unit(self, kind: str) -> float:
        from ifcopenshell.util.unit import calculate_unit_scale

        with self._sound("its units"):
            scale = float(calculate_unit_scale(self.file, kind))
            return scale if math.isfinite(scale) and scale > 0 else 1.0

    def of(self, kind: str) -> list[Any]:
        """The entities of a class and its subclasses, in the order of the file; none where the schema has no such."""
        try:
            return sorted(self.file.by_type(kind), key=lambda one: one.id())
        except RuntimeError:
            return []

    @cached_property
    def parents(self) -> dict[int, Any]:
        """What each thing is part of, lies in, or is cut into, by number."""
        found: dict[int, Any] = {}
        # The later ones win: what is part of an assembly need not be said to lie in a storey.
        for relation, whole, parts in (
            ("IfcRelContainedInSpatialStructure", "RelatingStructure", "RelatedElements"),
            ("IfcRelVoidsElement", "RelatingBuildingElement", "RelatedOpeningElement"),
            ("IfcRelNests", "RelatingObject", "RelatedObjects"),
            ("IfcRelAggregates", "RelatingObject", "RelatedObjects"),
        ):
            for one in self.of(relation):
                parent, children = getattr(one, whole, None), getattr(one, parts, None)
                for child in children if isinstance(children, tuple) else (children,):
                    if parent is not None and child is not None:
                        found[child.id()] = parent
        return found

    def above(self, entity: Any, kind: str) -> Any | None:
        """The nearest thing of a class that an entity is part of."""
        seen = set()
        parent = self.parents.get(entity.id())
        while parent is not None and parent.id() not in seen:
            if parent.is_a(kind):
                return parent
            seen.add(parent.id())
            parent = self.parents.get(parent.id())
        return None

    def properties(self, entity: Any) -> dict[str, dict[str, Any]]:
        """Property and quantity sets, those of its type among them, as the file has them."""
        from ifcopenshell.util.element import get_psets

        with self._sound(f"the properties of #{entity.id()}"):
            sets = get_psets(entity)
        return {name: {key: value for key, value in one.items() if key != "id"} for name, one in sets.items()}

    def placement(self, entity: Any) -> Any | None:
        """The 4 x 4 matrix of an entity's place in the model, in metres; None where it has none."""
        from ifcopenshell.util.placement import get_local_placement

        place = getattr(entity, "ObjectPlacement", None)
        if place is None:
            return None
        try:
            with self._sound(f"the placement of #{entity.id()}"):
                matrix = get_local_placement(place)
        except SourceError as error:
            if not any(hint.code == "ifc.placement" for hint in self.hints):
                self.hints.append(Hint("ifc.placement", f"Placements cannot be read; the first: {error}"))
            return None
        matrix[:3, 3] *= self.metres
        return matrix

    @contextmanager
    def _sound(self, what: str) -> Iterator[None]:
        """Turn what references to the wrong kind of thing raise into a SourceError."""
        try:
            yield
        except (AttributeError, TypeError, ValueError, IndexError, AssertionError, RuntimeError) as error:
            reason = (
                "it refers to itself" if isinstance(error, RecursionError) else str(error) or "it is of a wrong kind"
            )
            raise SourceError(
                f"{self.path} is damaged: {what} cannot be read: {reason.rstrip('.')}.", hint="Export it again."
            ) from error


def number(value: Any) -> float | None:
    """A finite number; None for all else that an attribute may hold."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    return float(value) if math.isfinite(value) else None


def open_model(probe: Probe, wishes: Wishes) -> IfcModel:
    """Open a model.

    Raises:
        SourceError: it is no IFC, cut off, damaged, too big, or of a schema that is not read.
    """
    path = probe.path
    schema = _schema(probe)
    size = path.stat().st_size
    if size > MOST_BYTES:
        raise SourceError(
            f"{path} is a model of {size:,} bytes, which would need about eight times as much memory.",
            hint="Export it in parts, by storey or by discipline.",
        )
    whole = _is_whole(path)
    if not whole and not wishes.salvage:
        raise SourceError(
            f"{path} is cut off: it does not end with END-ISO-10303-21.",
            hint="Copy or export it again, or read what is there with --salvage.",
        )
    ifcopenshell = library("ifcopenshell", "ifc", path)
    encoding = _encoding(path, wishes)
    readable, folder = _readable(path, schema, encoding)
    ifcopenshell.get_log()  # what an earlier file left
    try:
        opened = ifcopenshell.open(readable)
    except (ifcopenshell.Error, OSError, RuntimeError, UnicodeDecodeError) as error:
        _remove(folder)
        raise SourceError(
            f"{path} cannot be read as IFC: {str(error).rstrip('.')}.", hint="Export it again."
        ) from error
    refuse_circles(path, opened)
    model = IfcModel(path, opened, schema, encoding, readable=readable)
    weakref.finalize(model, _remove, folder)
    if not whole:
        model.rejected.append(Reject(None, f"byte {size}", "the file is cut off"))
    _tell(model, ifcopenshell.get_log(), wishes.salvage)
    if schema not in _READ:
        model.hints.append(Hint("ifc.schema", f"{schema} is read as {_SAME[schema]}, from which it hardly differs."))
    return model


def _schema(probe: Probe) -> str:
    found = _SCHEMA.search(probe.head)
    schema = found.group(1).decode("latin-1").strip().upper() if found else ""
    if not schema.startswith("IFC"):
        said = f"STEP of the schema {schema[:40]}" if schema else "STEP without a schema"
        raise SourceError(
            f"{probe.path} is {said}, no IFC model.", hint="Export the model as IFC from the program that made it."
        )
    if schema not in (*_READ, *_SAME):
        raise SourceError(
            f"{probe.path} is of the schema {schema[:40]}, which is not read.",
            hint="Export it as IFC2x3, IFC4 or IFC4x3.",
        )
    return schema


def _is_whole(path: Path) -> bool:
    with path.open("rb") as handle:
        handle.seek(max(0, path.stat().st_size - _TAIL_BYTES))
        return b"END-ISO-10303-21" in handle.read().upper()


def _encoding(path: Path, wishes: Wishes) -> Evidence:
    """The encoding of the text that is not escaped, as ISO 10303-21 asks it to be."""
    with path.open("rb") as handle:
        foreign = (line for line in iter(lambda: handle.readline(1 << 20), b"") if _HIGH.search(line))
        some = list(islice(foreign, 20_000))
    if not some:
        return Evidence("UTF-8", "text is escaped as ISO 10303-21 asks", 1.0)
    if wishes.encoding:
        return Evidence(wishes.encoding, "given", 1.0)
    return text.probe(some)


def _readable(path: Path, schema: str, encoding: Evidence) -> tuple[Path, Path | None]:
    """The file itself, or a copy with its text escaped and its schema under the name that is known, and its folder."""
    escaped = encoding.how.startswith("text is escaped")
    if escaped and schema in _READ:
        return path.absolute(), None
    folder = Path(tempfile.mkdtemp(prefix="cimkit-ifc-"))
    renamed = schema in _READ
    with (
        path.open(encoding=encoding.value or "latin-1", errors="replace", newline="") as source,
        (folder / "model.ifc").open("w", encoding="ascii", newline="") as target,
    ):
        while lines := source.readlines(1 << 20):
            chunk = _FOREIGN.sub(_escaped, "".join(lines))
            if not renamed:
                named = re.sub(f"'{re.escape(schema)}'", f"'{_SAME[schema]}'", chunk, count=1, flags=re.IGNORECASE)
                chunk, renamed = named, named != chunk
            target.write(chunk)
    return folder / "model.ifc", folder


def _remove(folder: Path | None) -> None:
    if folder is not None:
        shutil.rmtree(folder, ignore_errors=True)


def _escaped(found: re.Match[str]) -> str:
    r"""Characters as ISO 10303-21 writes them: \X2\ with four hexadecimal digits each, \X4\ with eight."""
    characters = found.group()
    wide = any(ord(character) > 0xFFFF for character in characters)
    digits = "".join(f"{ord(character):0{8 if wide else 4}X}" for character in characters)
    return f"\\X{4 if wide else 2}\\{digits}\\X0\\"


def _tell(model: IfcModel, log: str, salvage: bool) -> None:
    """Make a hint, and rejects where they are asked for, of what ifcopenshell drops and only logs.

    Raises:
        SourceError: entities are lost of which not even the log knows: it lost its way in the file.
    """
    reasons = list(errors(log))
    written = _entities(model.path)
    lost = written - sum(1 for _ in model.file)
    known = log.count("not found in schema") + log.count("Overwriting instance")
    if lost > known and not salvage:
        raise SourceError(
            f"{model.path} is damaged: {lost:,} of {written:,} entities cannot be read.",
            hint="Export it again, or read what can be read with --salvage.",
        )
    if lost > 0 or reasons:
        first = f"; the first: {reasons[0]}" if reasons else ": they have the numbers of others"
        references = sum(reason.startswith("Instance reference") for reason in reasons)
        message = f"{max(lost, 0):,} of {written:,} entities and {references:,} references cannot be read{first}."
        model.hints.append(Hint("ifc.dropped", message))
    for reason in reasons[:_MOST_TOLD] if salvage else ():
        place = _OFFSET.search(reason)
        model.rejected.append(Reject(None, f"byte {place.group(1)}" if place else "", _OFFSET.sub("", reason)))


def _entities(path: Path) -> int:
    """How many entities the file is written as: each begins with its number, behind the end of another."""
    count, rest = 0, b""
    with path.open("rb") as handle:
        while chunk := handle.read(1 << 20):
            data = rest + chunk
            found = list(_ENTITY.finditer(data))
            count += len(found)
            rest = data[max(found[-1].end() if found else 0, len(data) - 64) :]
    return count
