"""Points, lines and areas: which of them a layer mixes, and which one is kept where the format holds one."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from cimkit import wkb
from cimkit.convert.records import BATCH_ROWS, GEOMETRY, Records, filtered
from cimkit.convert.shapes import Shapes
from cimkit.convert.straight import part_kinds
from cimkit.errors import UsageError
from cimkit.formats.profile import Profile
from cimkit.messages import say
from cimkit.model import Lang, Loss

FAMILIES = ("point", "line", "polygon")
COLLECTION = 7
#: The family of each OGC kind; a collection's is that of its parts, where they are of one.
FAMILY = {
    1: "point", 4: "point", 2: "line", 5: "line", 8: "line", 9: "line", 11: "line",
    3: "polygon", 6: "polygon", 10: "polygon", 12: "polygon", 15: "polygon", 16: "polygon", 17: "polygon",
}  # fmt: skip
MIXED = "collection"


def of_one_family(
    records: Records,
    found: Shapes,
    profile: Profile,
    kept: str | None,
    target: str,
    folder: Path,
    lang: Lang,
) -> tuple[Records, list[Loss]]:
    """The records, of which those of the family ``kept`` alone where one is named, and what that leaves out.

    Records without geometry are of no family and stay.

    Raises:
        UsageError: the format holds one family in a layer, and there are several and none is named.
    """
    if kept is None and (profile.one_kind == "any" or not records.has_geometry):
        return records, []
    families = _families(records, found)
    if kept is None:
        if len(families) > 1:
            listed = _listed(families, "en")
            raise UsageError(
                f"{target} holds geometries of one kind only, but there are {listed}.",
                hint=f"Keep one with --geometry-kind {'|'.join(FAMILIES)}, or write a GeoPackage, which holds all.",
            )
        return records, []
    others = Counter({family: count for family, count in families.items() if family != kept})
    if not others:
        return records, []
    path = filtered(
        records.path, folder / "family.parquet", lambda batch: np.isin(family_of(batch.column(GEOMETRY)), ("", kept))
    )
    count = sum(others.values())
    message = say("loss.left_out", lang, kind=say(f"word.{kept}", lang), others=_listed(others, lang))
    return replace(records, path=path, rows=records.rows - count), [Loss("rows.left_out", None, count, message)]


def _families(records: Records, found: Shapes) -> Counter[str]:
    families: Counter[str] = Counter()
    if found.of(frozenset({COLLECTION})):
        with pq.ParquetFile(records.path, pre_buffer=False) as file:
            for batch in file.iter_batches(BATCH_ROWS, columns=[GEOMETRY]):
                families.update(str(family) for family in family_of(batch.column(0)) if family)
        return families
    for (kind, _, _), count in found.kinds.items():
        families[FAMILY.get(kind, MIXED)] += count
    return families


def family_of(array: pa.Array) -> NDArray[np.str_]:
    """The family of each WKB value; "" where there is none, because it is null or damaged."""
    kind, _, _ = wkb.heads(array)
    names = np.array([FAMILY.get(number, "") for number in range(18)])
    result = names[np.clip(kind, 0, 17)].astype("U10")
    for row in np.flatnonzero(kind == COLLECTION):
        result[row] = family_of_collection(array[int(row)].as_py())
    return result


def family_of_collection(geometry: bytes) -> str:
    """The one family of a collection's parts, whatever their depth; of none, or of several, it is mixed."""
    try:
        kinds = set(part_kinds(geometry))
    except ValueError:
        return ""
    families = {FAMILY[kind] for kind in kinds if kind != COLLECTION}
    return families.pop() if len(families) == 1 else MIXED if families else ""


def _listed(families: Counter[str], lang: Lang) -> str:
    between = "、" if lang == "zh" else ", "
    unit = "个" if lang == "zh" else " "
    parts = [f"{count:,}{unit}{_plural(name, count, lang)}" for name, count in families.most_common()]
    return between.join(parts)


def _plural(name: str, count: int, lang: Lang) -> str:
    word = say(f"word.{name}", lang)
    return word if lang == "zh" or count == 1 else f"{word}s"
