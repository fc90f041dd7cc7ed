"""Read, map, choose, reproject, count what is lost, write, and read again: the verb ``convert``."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from cimkit import atomic, duck, formats
from cimkit import crosswalk as crosswalks
from cimkit import crs as reference_systems
from cimkit.convert import losses as lost
from cimkit.convert import shapes
from cimkit.convert.records import BATCH_ROWS, GEOMETRY, Records, chosen, from_mapped, from_staged, kept_rows
from cimkit.convert.verification import verify as read_again
from cimkit.crosswalk import Crosswalk
from cimkit.crs import Transform
from cimkit.errors import LossError, SourceError, UsageError, nearest
from cimkit.formats.profile import Held, Order
from cimkit.formats.writing import format_of
from cimkit.model import BBox, Loss, LossReport, Progress, Staged, silent
from cimkit.standard import GeometrySpec, LayerSchema, Standard, split_reference

if TYPE_CHECKING:
    import duckdb

#: For the sort along the Hilbert curve, which spills beyond it; reading and reprojecting need little.
MEMORY_LIMIT = "512MB"
ON_LOSS = ("error", "warn", "allow")
GEOPARQUET, GEOJSON = "Parquet", "GeoJSON"


def convert(
    source: str | Path,
    dest: str | Path,
    *,
    layer: str | None = None,
    to_crs: str | None = None,
    from_crs: str | None = None,
    encoding: str | None = None,
    crosswalk: str | Path | Mapping[str, Any] | Crosswalk | None = None,
    standard: str | None = None,
    where: str | None = None,
    bbox: BBox | None = None,
    select: Sequence[str] | None = None,
    on_loss: str = "warn",
    loss_report: str | Path | None = None,
    verify: bool = False,
    geoparquet: str = "1.1",
    progress: Progress = silent,
) -> LossReport:
    """Write a layer in another format, and say exactly what was lost.

    Args:
        source: a file that :func:`cimkit.open` reads. It is never written to, nor beside.
        dest: the file to write; its suffix names the format (.parquet .gpkg .geojson .csv).
        layer: which layer, where the source has several.
        to_crs: reproject to this CRS. GeoJSON is in WGS 84 unless this says otherwise.
        from_crs: the CRS of the source, against what it says.
        encoding: the character encoding of the source, against what it says.
        crosswalk: a crosswalk's file, mapping or object; its ``to`` names the standard's layer.
        standard: ``id[@version]/layer``: columns get the names and types of this layer.
        where: keep records for which this SQL over the source's columns is true.
        bbox: keep records that meet this box (min x, min y, max x, max y, in the source's CRS).
        select: keep these columns, and the geometry.
        on_loss: "error" writes nothing if anything would be lost, and keeps the records' order in
            GeoParquet, which is sorted otherwise; "warn" and "allow" write.
        loss_report: a JSON file to write the report to, also where ``on_loss`` is "error".
        verify: read the result again and compare it with what was to be written.
        geoparquet: the version of GeoParquet, "1.1" or "2.0".
        progress: told of long work.

    Raises:
        UsageError: an argument makes no sense.
        SourceError: the source cannot be read, or the target cannot be written.
        StandardError: the standard, the crosswalk or the condition is broken.
        LossError: something would be lost and ``on_loss`` is "error".
    """
    target = Path(dest)
    format = format_of(target)
    profile = formats.FORMATS[format].writing().PROFILE
    if on_loss not in ON_LOSS:
        raise UsageError(f"on_loss cannot be '{on_loss}'.", hint=nearest(on_loss, ON_LOSS))
    asked = reference_systems.canonical(to_crs) if to_crs else None
    dataset = formats.open(source, encoding=encoding, crs=from_crs)
    _keep_apart(dataset.delivery.files, [target, *([Path(loss_report)] if loss_report else [])])
    delivered = dataset.layer(layer)
    with (
        tempfile.TemporaryDirectory(prefix="cimkit-convert-") as folder,
        duck.connect(memory_limit=MEMORY_LIMIT) as con,
    ):
        work = Path(folder)
        staged = formats.stage(delivered, work, progress)
        records, own_crs = _records(con, staged, crosswalk, standard, from_crs, work)
        records = chosen(con, records, kept_rows(staged, where, bbox), select, work)
        way = _way(con, records, own_crs, asked, format, str(source))
        suspect = any(hint.code == "geometry.unreadable" for hint in staged.facts.hints)
        found = shapes.look(records, suspect=suspect)
        records, unplaced = shapes.shaped(records, found, way, format, work)
        # Whoever wants nothing lost wants the order too, and gives the faster map for it.
        sort = format == GEOPARQUET and records.has_geometry and on_loss != "error"
        written = [profile.held(column) for column in records.columns]
        report = LossReport(
            source=str(source),
            target=str(dest),
            format="GeoParquet" if format == GEOPARQUET and records.has_geometry else format,
            rows_read=staged.facts.features,
            rows_written=0,
            losses=(
                *records.losses,
                *lost.of_crs(own_crs, asked, way, found, format),
                *lost.of_rows(records.rows, sort),
                *lost.of_columns(con, records, written),
                *lost.of_geometry(found, unplaced, way, format, geoparquet),
            ),
        )
        if report.losses and on_loss == "error":
            _save(report, loss_report)
            raise _refusal(report)
        rows = _write(con, records, written, target, format, way.target or None, staged.layer, found, geoparquet, sort)
        progress(f"write {target.name}", rows, rows)
        report = replace(report, rows_written=rows)
        if verify:
            near = 2e-9 if not way.target or reference_systems.is_geographic(way.target) else 2e-6
            again = work / "again"
            differing = read_again(con, target, records, written, format=format, near=near, folder=again)
            report = replace(report, losses=(*report.losses, *differing), verified=not differing)
    _save(report, loss_report)
    return report


def _keep_apart(sources: Sequence[Path], targets: Sequence[Path]) -> None:
    """Refuse to write over what is read, or one target over the other, or where there is no folder."""
    taken = {path.resolve(): path for path in sources}
    for target in targets:
        if not target.parent.is_dir():
            raise SourceError(f"{target} cannot be written: there is no folder {target.parent}.")
        if target.resolve() in taken:
            raise UsageError(f"{target} is read and cannot also be written.", hint="Give the target another name.")
        taken[target.resolve()] = target


# ---- what is to be written ------------------------------------------------------------


def _records(
    con: duckdb.DuckDBPyConnection,
    staged: Staged,
    crosswalk: str | Path | Mapping[str, Any] | Crosswalk | None,
    standard: str | None,
    from_crs: str | None,
    folder: Path,
) -> tuple[Records, str | None]:
    """The records and their CRS, in the standard's columns where one is asked for."""
    given = reference_systems.canonical(from_crs) if from_crs else None
    if crosswalk is None and standard is None:
        return _with_wkt(con, staged, folder) or from_staged(con, staged), staged.facts.crs.value or given
    if crosswalk is None:
        schema = _layer(str(standard))
        rules = crosswalks.identity(schema, staged)
    else:
        rules = _rules(crosswalk, standard)
        schema = _layer(standard if standard is not None and "/" in standard else rules.to)
    mapped = crosswalks.apply(rules, staged, schema, folder)
    return from_mapped(con, mapped, schema, folder), mapped.crs or given


def _rules(crosswalk: str | Path | Mapping[str, Any] | Crosswalk, standard: str | None) -> Crosswalk:
    """The crosswalk; where a standard is named, it may be one of that standard's own and must lead to it."""
    if isinstance(crosswalk, Crosswalk):
        return crosswalk
    if standard is None or isinstance(crosswalk, Mapping):
        return Crosswalk.load(crosswalk)
    return crosswalks.find(crosswalk, Standard.load(split_reference(standard)[0]))


def _with_wkt(con: duckdb.DuckDBPyConnection, staged: Staged, folder: Path) -> Records | None:
    """A table whose WKT column is its geometry, as cimkit and GDAL write CSV; None for any other.

    Every cell of the column must be WKT or nothing.
    """
    if staged.has_geometry or not staged.text_cells:
        return None
    nothing = LayerSchema(staged.layer, {}, {}, {}, GeometrySpec((), False, None), None, None)
    rules = crosswalks.identity(nothing, staged)
    if rules.geometry.wkt is None:
        return None
    mapped = crosswalks.apply(rules, staged, nothing, folder)
    return None if mapped.losses else from_mapped(con, mapped, nothing, folder)


def _layer(reference: str) -> LayerSchema:
    name, layer = split_reference(reference)
    standard = Standard.load(name)
    if layer is None:
        known = ", ".join(standard.layers)
        raise UsageError(f"'{reference}' names no layer.", hint=f"Say {standard.id}/LAYER with one of: {known}.")
    return standard.layer(layer)


def _way(
    con: duckdb.DuckDBPyConnection, records: Records, own: str | None, asked: str | None, format: str, source: str
) -> Transform:
    """From the CRS of the records to that of the target; an unknown CRS stays as it is."""
    if asked is not None and not records.has_geometry:
        raise UsageError(f"{source} has no geometry that could be reprojected.")
    if asked is not None and own is None:
        raise UsageError(
            f"The CRS of {source} is not known, so it cannot be reprojected to {asked}.", hint="Say it with --from-crs."
        )
    if own is None and format == GEOJSON and not shapes.like_degrees(con, records):
        raise UsageError(
            f"The CRS of {source} is not known and its coordinates are not degrees, so they cannot become GeoJSON, "
            "which is in WGS 84.",
            hint="Say the CRS with --from-crs.",
        )
    wanted = asked or (reference_systems.WGS84 if format == GEOJSON and records.has_geometry else own)
    if wanted is None:
        return Transform("", "", None, ())
    return reference_systems.plan(own or wanted, wanted)


# ---- writing --------------------------------------------------------------------------


def _write(
    con: duckdb.DuckDBPyConnection,
    records: Records,
    written: Sequence[Held],
    target: Path,
    format: str,
    crs: str | None,
    layer: str,
    found: shapes.Shapes,
    geoparquet: str,
    sort: bool,
) -> int:
    columns = [f"{held.sql} AS {column.sql}" for held, column in zip(written, records.columns, strict=True)]
    if records.has_geometry:
        columns.append(GEOMETRY)
    query = f"SELECT {', '.join(columns) or 'NULL AS nothing'} FROM {duck.parquet(records.path)}"
    if format == GEOPARQUET:
        return formats.write_geoparquet(con, query, target, crs=crs, version=geoparquet, sort=sort)
    kinds = {str(row[0]): str(row[1]) for row in con.execute(f"DESCRIBE {query}").fetchall()}
    reader = _marked(con.cursor().execute(query).to_arrow_reader(BATCH_ROWS), kinds)
    return formats.write(reader, target, Order(crs, layer, found.declared, con=con))


def _marked(reader: pa.RecordBatchReader, kinds: Mapping[str, str]) -> pa.RecordBatchReader:
    """The stream with its JSON columns marked as such, which DuckDB hands out as mere text."""
    mark = {"ARROW:extension:name": "arrow.json", "ARROW:extension:metadata": ""}
    schema = pa.schema([f.with_metadata(mark) if kinds[f.name] == "JSON" else f for f in reader.schema])
    batches = (pa.RecordBatch.from_arrays(batch.columns, schema=schema) for batch in reader)
    return pa.RecordBatchReader.from_batches(schema, batches)


def _refusal(report: LossReport) -> LossError:
    named = "; ".join(_named(loss) for loss in report.losses[:8])
    more = f"; and {len(report.losses) - 8} more" if len(report.losses) > 8 else ""
    return LossError(
        f"{report.source} cannot become {report.target} without loss, so nothing was written: {named}{more}.",
        hint="'--on-loss warn' writes it all the same; '--select' leaves columns out.",
    )


def _named(loss: Loss) -> str:
    where = f" of '{loss.field}'" if loss.field else ""
    return f"{loss.code}{where} ({loss.count})"


def _save(report: LossReport, path: str | Path | None) -> None:
    if path is None:
        return
    with atomic.replacing(Path(path)) as partial:
        partial.write_text(json.dumps(report.to_dict(), ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
