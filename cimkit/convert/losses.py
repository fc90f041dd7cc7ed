"""What will be lost: known from the columns and the target, confirmed by counting.

Codes, never reused, the worst first as in every report: see :data:`WORST_FIRST`; and those of
the crosswalk and of readers' hints.
"""

from __future__ import annotations

import datetime
import math
import re
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from cimkit import crs as reference_systems
from cimkit import duck
from cimkit.convert.bent import Bent
from cimkit.convert.columns import Written
from cimkit.convert.records import ROW, Records
from cimkit.convert.shapes import Shapes
from cimkit.crs import Transform
from cimkit.crs.names import title as title_of
from cimkit.formats.profile import Change, Profile
from cimkit.messages import say
from cimkit.model import Hint, Lang, Loss, Reject

if TYPE_CHECKING:
    import duckdb

_GEOMETRY = "geometry"

WORST_FIRST = (
    # found on reading again: nobody had announced it
    "rows.changed", "column.missing", "value.changed",
    # records and geometries that are gone
    "record.unreadable", "rows.left_out", "geometry.dropped", "geometry.nulled",
    # values that are gone or others
    "value.unreadable", "text.damaged", "text.cut", "text.characters", "number.range", "number.not_finite",
    "time.range", "number.precision",
    # coordinates that mean something else
    "crs.accuracy", "crs.dropped", "geometry.flattened", "geometry.curve", "geometry.dimension",
    # values in another form
    "type.dropped", "time.zone", "time.fraction", "null.merged", "text.trimmed", "geometry.multi",
    "crs.reprojected", "crs.relabelled", "geometry.rounded",
    # names and order
    "name.shortened", "name.changed", "column.added", "rows.filtered", "rows.reordered",
)  # fmt: skip
_RANK = {code: rank for rank, code in enumerate(WORST_FIRST)}
_OTHERS = _RANK["type.dropped"]
#: Hints of these kinds tell of something that was lost on reading, under this code or their own.
_LOST_ON_READING = re.compile(
    r"^(geometry|values?|text|encoding|record|cells?|records)\.|^(xlsx\.cells_outside|codes\.digits_lost)$"
)
_HARMLESS = {
    "geometry.missing", "geometry.empty", "geometry.more", "geometry.unreadable", "geometry.coordinates",
    "values.other_type", "record.unreadable",  # the last of them is told with the rejected records themselves
}  # fmt: skip
_CALLED = {"encoding.damaged": "text.damaged", "codes.digits_lost": "number.precision"}


def worst_first(losses: Iterable[Loss]) -> tuple[Loss, ...]:
    """The losses in the order of :data:`WORST_FIRST`, each once."""
    first: dict[tuple[str, str | None, str], Loss] = {}
    for loss in losses:
        first.setdefault((loss.code, loss.field, loss.message), loss)
    return tuple(sorted(first.values(), key=lambda loss: _RANK.get(loss.code, _OTHERS)))


def of_reading(hints: Sequence[Hint], rejected: Sequence[Reject], lang: Lang) -> list[Loss]:
    """What the reader already left out or could not read."""
    losses = []
    if rejected:
        first = rejected[0]
        example = {"row": first.row, "before": first.place, "after": None}
        message = say("loss.unread_records", lang)
        losses.append(Loss("record.unreadable", None, len(rejected), message, example))
    for hint in hints:
        if _LOST_ON_READING.match(hint.code) and hint.code not in _HARMLESS:
            number = re.search(r"(?<![\w'])\d[\d,]*", hint.message)
            count = int(number.group().replace(",", "")) if number else 1
            losses.append(Loss(_CALLED.get(hint.code, hint.code), None, count, hint.message))
    return losses


def of_names(records: Records, written: Sequence[Written], profile: Profile, lang: Lang) -> list[Loss]:
    """Columns that are called something else than in the source."""
    losses = []
    for column in written:
        before = records.renamed.get(column.column.name, column.column.name)
        if column.name == before:
            continue
        long = profile.naming is not None and profile.naming.is_long(column.column.name)
        code, why = ("name.shortened", "shortened") if long else ("name.changed", "renamed")
        message = say(f"loss.{why}", lang, before=before, after=column.name)
        losses.append(Loss(code, before, 1, message, {"row": None, "before": before, "after": column.name}))
    if profile.names_in_records and written and not records.rows:
        losses.append(Loss("column.missing", None, len(written), say("loss.no_records", lang)))
    if not written and profile.placeholder is not None:
        message = say("loss.added", lang, field=profile.placeholder)
        losses.append(Loss("column.added", profile.placeholder, 1, message))
    return losses


def of_values(con: duckdb.DuckDBPyConnection, records: Records, written: Sequence[Written], lang: Lang) -> list[Loss]:
    """Values that change, each kind of change with its exact count and its first record."""
    asked = [(column, change) for column in written for change in column.held.changes]
    if not asked:
        return []
    table = duck.parquet(records.path)
    counts = ", ".join(f"count(*) FILTER ({c.condition}), min({ROW}) FILTER ({c.condition})" for _, c in asked)
    found = con.execute(f"SELECT {counts} FROM {table}").fetchone() or ()
    losses = []
    for (column, change), count, row in zip(asked, found[0::2], found[1::2], strict=True):
        if count:
            name = records.renamed.get(column.column.name, column.column.name)
            example = _example(con, table, column.column.sql, change, row)
            message = say(f"loss.{change.why}", lang, field=name, **change.values)
            losses.append(Loss(change.code, name, count, message, example))
    return losses


def _example(con: duckdb.DuckDBPyConnection, table: str, column: str, change: Change, row: int) -> dict[str, Any]:
    pair = con.execute(f"SELECT {column}, {change.after} FROM {table} WHERE {ROW} = {row}").fetchone()
    assert pair is not None
    return {"row": row, "before": _plain(pair[0]), "after": _plain(pair[1])}


def _plain(value: Any) -> Any:
    """A value as JSON can say it."""
    if isinstance(value, (datetime.datetime, datetime.date, datetime.time)):
        return value.isoformat()
    if isinstance(value, bytes):
        return value[:40].hex()
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    return value if value is None or isinstance(value, (bool, int, float, str)) else str(value)


def of_geometry(found: Shapes, bent: Sequence[Bent], profile: Profile, lang: Lang) -> list[Loss]:
    """Kinds, dimensions and geometries that the format has no place for."""
    if profile.geometry == "none":
        count = found.placed + found.damaged
        return [Loss("geometry.dropped", _GEOMETRY, count, say("loss.no_column", lang))] if count else []
    losses = []
    for change in bent:
        field = None if change.code.startswith("rows.") else _GEOMETRY
        message = say(f"loss.{change.why}", lang, **change.values)
        losses.append(Loss(change.code, field, change.count, message, change.example))
    return losses


def of_rows(rows: int, keeps_order: bool, sorts: bool, lang: Lang) -> list[Loss]:
    """What happens to their order; ``sorts`` says that they are sorted along a curve."""
    if rows < 2 or keeps_order:
        return []
    return [Loss("rows.reordered", None, rows, say("loss.reordered" if sorts else "loss.rearranged", lang))]


def of_crs(
    source: str | None, asked: str | None, way: Transform, found: Shapes, profile: Profile, title: str, lang: Lang
) -> list[Loss]:
    """What happens to the coordinates' meaning. ``asked`` is the CRS the user wants, or None."""
    if not found.placed or profile.geometry == "none":
        return []
    losses = []
    note = way.noted(lang)
    unshifted = any(name == "ballpark" for name, _ in way.remarks)
    usually = asked is None and usual_crs(profile) is not None
    if usually:
        losses += _into_usual(source, way, found.placed, title, None if unshifted else note, lang)
    if note and (unshifted or not usually):
        code = "crs.relabelled" if way.equated and not unshifted else "crs.accuracy"
        losses.append(Loss(code, None, found.placed, note))
    if way.target:
        losses += _as_said(way.target, found.placed, profile, title, lang)
    return losses


def _as_said(crs: str, count: int, profile: Profile, title: str, lang: Lang) -> list[Loss]:
    """What the format's own words for a CRS leave of it."""
    said = profile.said_crs(crs) if profile.said_crs is not None else crs
    if said is None or profile.crs == "none" or (profile.crs == "codes" and not _has_code(crs)):
        message = say("loss.crs_dropped", lang, format=title, crs=title_of(crs))
        return [Loss("crs.dropped", None, count, message)]
    if said == crs:
        return []
    message = say("loss.crs_renamed", lang, format=title, crs=title_of(crs), said=title_of(said))
    return [Loss("crs.relabelled", None, count, message)]


def usual_crs(profile: Profile) -> str | None:
    """The CRS that a format is in unless another is asked for."""
    return reference_systems.WGS84 if profile.crs == "wgs84" else profile.usual_crs


def _into_usual(source: str | None, way: Transform, count: int, title: str, note: str | None, lang: Lang) -> list[Loss]:
    said = {"format": title, "target": "WGS 84" if way.target == reference_systems.WGS84 else way.target}
    if source is None:
        return [Loss("crs.relabelled", None, count, say("loss.crs_assumed", lang, **said))]
    if source == way.target:
        return []
    said["crs"] = title_of(source)
    told = f"{'' if lang == 'zh' else ' '}{note}" if note else ""
    if way.equated and reference_systems.is_geographic(source):
        return [Loss("crs.relabelled", None, count, say("loss.crs_relabelled", lang, **said) + told)]
    return [Loss("crs.reprojected", None, count, say("loss.crs_reprojected", lang, **said) + told)]


def _has_code(crs: str) -> bool:
    return crs.startswith("EPSG:") and "+" not in crs
