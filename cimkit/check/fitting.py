"""Which layer of a standard a delivered one is: by the submission layout, by its name, or by its columns."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from cimkit import crosswalk as crosswalks
from cimkit.check.staging import Delivered
from cimkit.crosswalk import Crosswalk
from cimkit.errors import StandardError, UsageError, nearest
from cimkit.messages import say
from cimkit.model import Mapped, Skipped, Staged
from cimkit.standard import LayerSchema, Standard

#: The least share of a layer's mandatory fields that a file must have to be taken for that layer.
_ENOUGH = 0.5
#: Formats of files that hold several layers by their names.
_CONTAINERS = frozenset({"GPKG", "FileGDB", "SQLite", "XLSX", "XLS", "XLSB", "ODS"})


@dataclass(frozen=True)
class Fitted:
    """Delivered layers under the standard's names; those that are none of it; those a crosswalk does not fit."""

    inputs: list[tuple[Mapped, LayerSchema]]
    left: list[Delivered]
    unfit: list[Skipped]


def mapped(
    standard: Standard,
    wanted: LayerSchema | None,
    walk: Crosswalk | None,
    delivered: Sequence[Delivered],
    lang: str,
) -> Fitted:
    """The delivered layers under the names of the standard: by a crosswalk, or by the names they have.

    Of a source with several layers a crosswalk need fit one only: beside the records lies a sheet of notes.

    Raises:
        StandardError: a crosswalk fits no layer of a source.
        UsageError: see :func:`fitted`.
    """
    found = Fitted([], [], [])
    if walk is not None and wanted is not None:
        # The columns that a crosswalk is about say nothing of the standard.
        found.left.extend(each for each in delivered if not may_be(each, wanted))
        for of_source in _by_source([each for each in delivered if may_be(each, wanted)]):
            _walked(walk, wanted, of_source, lang, found)
        return found
    for each, layer in fitted(standard, wanted, delivered):
        if layer is None:
            found.left.append(each)
        else:
            rules = crosswalks.identity(layer, each.staged)
            found.inputs.append((crosswalks.apply(rules, each.staged, layer, each.folder), layer))
    return found


def _walked(walk: Crosswalk, wanted: LayerSchema, of_source: Sequence[Delivered], lang: str, found: Fitted) -> None:
    """The layers of one source by a crosswalk."""
    refused: list[tuple[Delivered, StandardError]] = []
    for each in of_source:
        try:
            found.inputs.append((crosswalks.apply(walk, each.staged, wanted, each.folder), wanted))
        except StandardError as error:
            refused.append((each, error))
    if len(refused) == len(of_source):
        raise refused[0][1]
    for each, why in refused:
        found.unfit.append(each.skipped(say("skipped.crosswalk", lang, reason=str(why).rstrip("."))))


def fitted(
    standard: Standard, wanted: LayerSchema | None, delivered: Sequence[Delivered]
) -> Iterator[tuple[Delivered, LayerSchema | None]]:
    """Each delivered layer with the layer of the standard that it is; None where none is known.

    ``wanted`` is the one layer that is asked for: a source of one layer is taken for it, of several
    only those that fit.

    Raises:
        UsageError: a source has several layers, and none of them is known to be the one that is asked for.
    """
    for of_source in _by_source(delivered):
        if wanted is not None and len(of_source) == 1 and of_source[0].alone and may_be(of_source[0], wanted):
            yield of_source[0], wanted
            continue
        pairs = [(each, layer) for file in _by_file(of_source) for each, layer in _of_file(standard, file)]
        if wanted is None:
            yield from pairs
            continue
        if not any(layer is wanted for _, layer in pairs) and of_source[0].submission is None:
            raise _nothing_wanted(wanted, of_source, of_source[0].staged.source.path)
        for each, layer in pairs:
            yield each, layer if layer is wanted else None


def _nothing_wanted(wanted: LayerSchema, of_source: Sequence[Delivered], path: str) -> UsageError:
    which = "The one layer" if len(of_source) == 1 else f"Of the {len(of_source)} layers"
    none = "is not" if len(of_source) == 1 else "none is"
    return UsageError(
        f"{which} of {path} {none} known to be '{wanted.name}': neither names nor columns say so.",
        hint="Say which one with --layer.",
    )


def may_be(each: Delivered, wanted: LayerSchema) -> bool:
    """Whether the layout lets a delivered layer be the one that is asked for."""
    entry = each.submission.entry_of(each.staged.source.path) if each.submission else None
    return entry is None or entry.name == wanted.name


def _by_source(delivered: Sequence[Delivered]) -> list[list[Delivered]]:
    sources: dict[Path, list[Delivered]] = {}
    for each in delivered:
        sources.setdefault(each.folder, []).append(each)
    return list(sources.values())


def _by_file(delivered: Sequence[Delivered]) -> list[list[Delivered]]:
    files: dict[str, list[Delivered]] = {}
    for each in delivered:
        files.setdefault(each.staged.source.path, []).append(each)
    return list(files.values())


def _of_file(standard: Standard, file: Sequence[Delivered]) -> Iterator[tuple[Delivered, LayerSchema | None]]:
    """The layers of one file: those of a file that the layout names are what it says, unless their own names differ."""
    first = file[0]
    entry = first.submission.entry_of(first.staged.source.path) if first.submission else None
    said = standard.layers.get(entry.name) if entry is not None and entry.is_layer else None
    if said is None:
        for each in file:
            yield each, fitting(standard, each.staged)
    elif len(file) == 1:
        yield first, said
    else:
        named = [(each, by_name(standard, own_name(each.staged))) for each in file]
        fit = [layer or (said if _score(said, each.staged) is not None else None) for each, layer in named]
        # Names win over columns: of a file that is called so, something is the layer.
        if not any(fit):
            fit = [said] * len(file)
        yield from zip(file, fit, strict=True)


def inside(standard: Standard, delivered: Sequence[Delivered]) -> dict[str, set[str]]:
    """The layers of the standard that files hold by the names of the layers in them, by path."""
    found: dict[str, set[str]] = {}
    for each in delivered:
        name = own_name(each.staged)
        layer = by_name(standard, name)
        container = each.staged.source.format in _CONTAINERS or name != Path(each.staged.source.path).stem
        if layer is not None and container:
            found.setdefault(each.staged.source.path, set()).add(layer.name)
    return found


def fitting(standard: Standard, staged: Staged) -> LayerSchema | None:
    """The layer of the standard that a delivered one is: by its name, the file's name, or its columns."""
    for name in (staged.layer, own_name(staged), Path(staged.source.path).stem):
        found = by_name(standard, name)
        if found is not None:
            return found
    return _by_columns(standard, staged)


def own_name(staged: Staged) -> str:
    """A layer's name in its own file: in a folder where two files have one of that name, the path stands before it."""
    return staged.layer.rpartition("/")[2]


def by_name(standard: Standard, name: str) -> LayerSchema | None:
    """The layer of the standard that is called so, in any language."""
    return names_of(standard).get(name.casefold())


def names_of(standard: Standard) -> Mapping[str, LayerSchema]:
    """Every name of every layer, in lower case."""
    return {
        name.casefold(): layer for layer in standard.layers.values() for name in (layer.name, *layer.names.values())
    }


def _by_columns(standard: Standard, staged: Staged) -> LayerSchema | None:
    """The one layer that most columns fit; None where none has enough, or two are as good."""
    scores = {layer.name: score for layer in standard.layers.values() if (score := _score(layer, staged)) is not None}
    best = sorted(scores, key=lambda name: scores[name], reverse=True)[:2]
    if not best or (len(best) == 2 and scores[best[0]] == scores[best[1]]):
        return None
    return standard.layers[best[0]]


def _score(layer: LayerSchema, staged: Staged) -> tuple[int, int] | None:
    """How well columns fit a layer: mandatory fields that lack, and fields that are there; None where too few are."""
    found = crosswalks.identity(layer, staged).fields.keys()
    mandatory = [field.name for field in layer.fields.values() if field.obligation == "M"]
    had = sum(name in found for name in mandatory)
    return (had - len(mandatory), len(found)) if found and had >= _ENOUGH * len(mandatory) else None


def refuse_unknown(
    standard: Standard, wanted: LayerSchema | None, left: Sequence[Delivered], taken: Sequence[Delivered]
) -> None:
    """A source of which no layer is known is a mistake; one of which some are is not."""
    known = {each.folder for each in taken}  # each source is staged into a folder of its own
    for each in left:
        if each.folder not in known:
            staged = each.staged
            if wanted is not None and each.submission is not None:
                of_source = [other for other in left if other.folder == each.folder]
                raise _nothing_wanted(wanted, of_source, each.submission.root)
            what = staged.source.path if each.alone else f"the layer '{staged.layer}' of {staged.source.path}"
            raise UsageError(
                f"It is not clear which layer of {standard.id} {standard.version} {what} is: neither its name nor "
                "its columns say so.",
                hint=nearest(staged.layer, standard.layers)
                or f"Say it: --standard {standard.id}/LAYER, or give a crosswalk.",
            )
