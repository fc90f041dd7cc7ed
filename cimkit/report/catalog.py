"""A catalog's datasets, releases and query results, for a person or the next program."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from rich.console import Group, RenderableType
from rich.text import Text

from cimkit.model import Lang, Release
from cimkit.report.labels import label
from cimkit.report.run import short_crs
from cimkit.report.tables import facts, heading, table, verdict

if TYPE_CHECKING:
    import pyarrow as pa

#: A cell longer than this is cut on a terminal; JSON and CSV have it whole.
_CELL = 60
#: A table of more columns than this is unreadable on a terminal.
_COLUMNS = 10


def render_datasets(manifests: Mapping[str, Mapping[str, Any]], head: Release, lang: Lang) -> RenderableType:
    """The datasets of a release."""
    columns = ("dataset", "dataset_title", "version", "features", "crs", "verdict")
    result = table(lang, columns, right=("features",), title=f"{label('release', lang)} {head.number}")
    for name, manifest in manifests.items():
        result.add_row(
            name,
            _title(manifest, lang),
            f"v{manifest['version']}",
            f"{manifest['rows']:,}",
            short_crs(manifest.get("crs")),
            verdict((manifest.get("check") or {}).get("verdict"), lang),
        )
    return result


def render_dataset(manifest: Mapping[str, Any], lang: Lang) -> RenderableType:
    """One dataset: what it is, its fields, its sources, its files."""
    said = facts()
    standard = manifest.get("standard") or {}
    check = manifest.get("check") or {}
    said.add_row(label("dataset", lang), f"{manifest['name']} v{manifest['version']}  {_title(manifest, lang)}")
    said.add_row(label("features", lang), f"{manifest['rows']:,}")
    said.add_row(label("crs", lang), short_crs(manifest.get("crs")))
    if manifest.get("bbox_crs84"):
        said.add_row(label("extent", lang), ", ".join(f"{value:.5f}" for value in manifest["bbox_crs84"]))
    if standard:
        said.add_row(label("standard", lang), f"{standard['id']} {standard['version']} / {standard.get('layer', '')}")
        said.add_row(label("verdict", lang), verdict(check.get("verdict"), lang))
    parts: list[RenderableType] = [said]
    fields = table(lang, ("field", "type", "nulls"), right=("nulls",))
    for field in manifest["fields"]:
        fields.add_row(field["name"], field["type"], f"{field['nulls']:,}")
    parts += [heading(label("fields", lang)), fields]
    if manifest.get("sources"):
        sources = table(lang, ("source", "file", "licence", "records", "quarantined"), right=("records", "quarantined"))
        for source in manifest["sources"]:
            sources.add_row(
                source["name"],
                source["file"],
                source.get("licence") or "–",
                f"{source['records']:,}",
                f"{source['quarantined']:,}",
            )
        parts += [heading(label("sources", lang)), sources]
    files = table(lang, ("file", "bytes"), right=("bytes",))
    for file in manifest["files"]:
        files.add_row(file["path"], f"{file['bytes']:,}")
    return Group(*parts, Text(""), files)


def render_history(releases: Sequence[Release], lang: Lang) -> RenderableType:
    """The releases, newest first."""
    result = table(lang, ("release", "when", "message", "dataset"), right=("release",))
    for release in sorted(releases, key=lambda item: item.number, reverse=True):
        members = ", ".join(f"{name} v{version}" for name, version in release.datasets.items())
        result.add_row(str(release.number), release.created_at, release.message, members)
    return result


def render_rows(result: pa.Table, limit: int, lang: Lang) -> RenderableType:
    """A query's result as a table of at most ``limit`` rows; one row below the other where there are many columns."""
    from rich import box
    from rich.table import Table

    if result.num_columns > _COLUMNS:
        return _records(result, limit, lang)
    drawn = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False)
    for field in result.schema:
        drawn.add_column(field.name, justify="right" if _is_number(field.type) else "left", overflow="fold")
    for row in _named_apart(result.slice(0, limit)).to_pylist():
        drawn.add_row(*(_shown(value) for value in row.values()))
    if result.num_rows > limit:
        return Group(drawn, Text(label("more_rows", lang, count=result.num_rows - limit), style="dim"))
    return drawn


def _records(result: pa.Table, limit: int, lang: Lang) -> RenderableType:
    parts: list[RenderableType] = []
    for number, row in enumerate(_named_apart(result.slice(0, limit)).to_pylist()):
        said = facts()
        for name, value in row.items():
            said.add_row(name, _shown(value))
        parts += [Text(""), said] if number else [said]
    if result.num_rows > limit:
        parts.append(Text(label("more_rows", lang, count=result.num_rows - limit), style="dim"))
    return Group(*parts)


def rows_as(result: pa.Table, format: str) -> str:
    """A query's result as ``json`` or ``csv``; geometry and other bytes as WKT or hexadecimal."""
    result = _named_apart(result)
    rows = [{key: _plain(value) for key, value in row.items()} for row in result.to_pylist()]
    if format == "json":
        return json.dumps(_finite(rows), ensure_ascii=False, indent=2, default=str) + "\n"
    stream = io.StringIO()
    writer = csv.DictWriter(stream, fieldnames=result.schema.names, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return stream.getvalue()


def _named_apart(result: pa.Table) -> pa.Table:
    """The result, a column whose name another one has too as ``name_1``, ``name_2`` …, as DuckDB would say."""
    names: list[str] = []
    for name in result.schema.names:
        tries = [name, *(f"{name}_{number}" for number in range(1, len(names) + 1))]
        names.append(next(free for free in tries if free not in names))
    return result.rename_columns(names)


def _finite(value: Any) -> Any:
    """``value`` as JSON knows it: NaN and the infinities are null."""
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _title(manifest: Mapping[str, Any], lang: Lang) -> str:
    title = manifest.get("title") or {}
    return title.get(lang) or title.get("en") or next(iter(title.values()), "")


def _is_number(kind: pa.DataType) -> bool:
    import pyarrow as pa

    return pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind)


def _plain(value: Any) -> Any:
    if isinstance(value, (date, datetime)):
        return value.isoformat()
    if isinstance(value, bytes):
        import shapely

        geometry = shapely.from_wkb(value, on_invalid="ignore")
        return value.hex() if geometry is None else shapely.to_wkt(geometry, rounding_precision=8)
    return value


def _shown(value: Any) -> Text:
    if value is None:
        return Text("–", style="dim")
    plain = _plain(value)
    text = f"{plain:,.6g}" if isinstance(plain, float) and plain % 1 else str(plain)
    return Text(text if len(text) <= _CELL else text[: _CELL - 1] + "…")
