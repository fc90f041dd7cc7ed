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
from cimkit import crs as reference_systems
from cimkit.convert import columns as plan
from cimkit.convert import losses as lost
from cimkit.convert import rejects as rejected_records
from cimkit.convert import shapes
from cimkit.convert.kinds import FAMILIES, of_one_family
from cimkit.convert.precision import kept
from cimkit.convert.records import BATCH_ROWS, GEOMETRY, Records, selected, wanted
from cimkit.convert.reshape import reshaped
from cimkit.convert.source import records_of
from cimkit.convert.verification import verify as read_again
from cimkit.crosswalk import Crosswalk
from cimkit.crs import Transform
from cimkit.errors import LossError, SourceError, UsageError, nearest
from cimkit.formats.profile import Order, Profile
from cimkit.formats.writing import format_of
from cimkit.model import BBox, Lang, Loss, LossReport, Progress, Rejected, silent

if TYPE_CHECKING:
    import duckdb

#: For the sort along the Hilbert curve, which spills beyond it; reading and reprojecting need little.
MEMORY_LIMIT = "512MB"
ON_LOSS = ("error", "warn", "allow")
#: The one format that DuckDB writes itself, sorted and out of core.
GEOPARQUET = "Parquet"
#: So many rejected records stand in the report; the file of rejects has them all.
MOST_EXAMPLES = 100


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
    geometry_kind: str | None = None,
    on_loss: str = "warn",
    loss_report: str | Path | None = None,
    verify: bool = False,
    geoparquet: str = "1.1",
    dest_encoding: str | None = None,
    exact_widths: bool = False,
    allow_ballpark: bool = False,
    salvage: bool = False,
    rejects: str | Path | None = None,
    lang: Lang = "en",
    progress: Progress = silent,
) -> LossReport:
    """Write a layer in another format, and say exactly what was lost.

    Args:
        source: a file that :func:`cimkit.open` reads. It is never written to, nor beside.
        dest: the file to write; its suffix names the format (.parquet .gpkg .geojson .shp .csv …).
        layer: which layer, where the source has several.
        to_crs: reproject to this CRS. GeoJSON is in WGS 84 unless this says otherwise.
        from_crs: the CRS of the source, against what it says.
        encoding: the character encoding of the source, against what it says.
        crosswalk: a crosswalk's file, mapping or object; its ``to`` names the standard's layer.
        standard: ``id[@version]/layer``: columns get the names and types of this layer, and its
            short names where the format cuts names.
        where: keep records for which this SQL over the source's columns is true.
        bbox: keep records that meet this box (min x, min y, max x, max y, in the source's CRS).
        select: keep these columns, and the geometry.
        geometry_kind: keep "point", "line" or "polygon" geometries, where the layer mixes them.
        on_loss: "error" writes nothing if anything would be lost, and keeps the records' order in
            GeoParquet, which is sorted otherwise; "warn" and "allow" write.
        loss_report: a JSON file to write the report to, also where ``on_loss`` is "error".
        verify: read the result again and compare it with what was to be written.
        geoparquet: the version of GeoParquet, "1.1" or "2.0".
        dest_encoding: the character encoding of the result, where its format has several.
        exact_widths: columns as wide as the standard says, else as the data needs (Shapefile).
        allow_ballpark: reproject also where no transformation between the datums is known; the
            coordinates can be off by a hundred metres, and the report says so.
        salvage: read what can be read of a damaged source; the report tells of the rest.
        rejects: a CSV or JSON file for the records that salvage could not read.
        lang: the language of the report, "en" or "zh".
        progress: told of long work.

    Raises:
        UsageError: an argument makes no sense.
        SourceError: the source cannot be read, or the target cannot be written.
        StandardError: the standard, the crosswalk or the condition is broken.
        LossError: something would be lost and ``on_loss`` is "error".
    """
    target = Path(dest)
    format = format_of(target)
    written_encoding, profile = _profile(format, geoparquet, dest_encoding, exact_widths)
    for name, value, known in (("on_loss", on_loss, ON_LOSS), ("geometry_kind", geometry_kind, (None, *FAMILIES))):
        if value not in known:
            raise UsageError(f"{name} cannot be '{value}'.", hint=nearest(str(value), [k for k in known if k]))
    if rejects is not None:
        rejected_records.refuse_suffix(Path(rejects))
    asked = reference_systems.canonical(to_crs) if to_crs else None
    dataset = formats.open(source, encoding=encoding, crs=from_crs, salvage=salvage)
    beside = [Path(path) for path in (loss_report, rejects) if path]
    _keep_apart(dataset.delivery.files, [target, *beside])
    delivered = dataset.layer(layer)
    with (
        tempfile.TemporaryDirectory(prefix="cimkit-convert-") as folder,
        duck.connect(memory_limit=MEMORY_LIMIT) as con,
    ):
        work = Path(folder)
        staged = formats.stage(delivered, work, progress)
        records, own_crs = records_of(
            con,
            wanted(con, staged, where, bbox, work),
            crosswalk,
            standard,
            from_crs,
            work,
            lang,
            places=profile.geometry == "column",
        )
        records = selected(records, select)
        suspect = any(hint.code == "geometry.unreadable" for hint in staged.facts.hints)
        as_staged = shapes.known(staged.facts) if records.path == staged.path and records.has_geometry else None
        found = as_staged or shapes.look(records, suspect=suspect)
        _refuse_unfit(records, profile, asked, format, target)
        records, left_out = of_one_family(records, found, profile, geometry_kind, str(target), work, lang)
        found = shapes.look(records, suspect=suspect) if left_out else found
        way = _way(con, records, own_crs, asked, profile, format, str(source), allow_ballpark)
        written, widths = plan.planned(con, records, profile, written_encoding, exactly=exact_widths)
        plan.refuse_beyond(con, records, written, profile, target.name)
        precision = kept(con, records, way, profile)
        placed, shaped, bent = reshaped(records, found, way, profile, precision, work)
        # Whoever wants nothing lost wants the order too, and gives the faster map for it.
        sort = format == GEOPARQUET and records.has_geometry and on_loss != "error"
        keeps_order = profile.keeps_order or (format == GEOPARQUET and not sort)
        report = LossReport(
            source=str(source),
            target=str(dest),
            format="GeoParquet" if format == GEOPARQUET and records.has_geometry else format,
            rows_read=staged.facts.features,
            rows_written=0,
            losses=lost.worst_first(
                (
                    *lost.of_reading(staged.facts.hints, staged.rejected, lang),
                    *records.losses,
                    *left_out,
                    *lost.of_crs(own_crs, asked, way, found, profile, _title(format), lang),
                    *lost.of_rows(placed.rows, keeps_order, format == GEOPARQUET, lang),
                    *lost.of_names(records, written, profile, lang),
                    *lost.of_values(con, placed, written, lang),
                    *lost.of_geometry(found, bent, profile, lang),
                )
            ),
            rejected=Rejected(len(staged.rejected), staged.rejected[:MOST_EXAMPLES]),
        )
        if rejects is not None:
            rejected_records.save(staged.rejected, Path(rejects))
        if report.losses and on_loss == "error":
            _save(report, loss_report)
            raise _refusal(report)
        order = Order(
            crs=way.target or None,
            layer=staged.layer,
            geometry_type=shaped.declared(as_multi=profile.one_kind == "one", with_m=profile.one_dimension),
            widths={column.name: widths.texts[own] for own, column in _by_name(written) if own in widths.texts},
            con=con,
            has_m=shaped.has_m,
            numbers={column.name: widths.numbers[own] for own, column in _by_name(written) if own in widths.numbers},
            encoding=written_encoding,
            in_order=on_loss == "error",
        )
        rows = _write(con, placed, written, target, format, order, geoparquet, sort)
        progress(f"write {target.name}", rows, rows)
        report = replace(report, rows_written=rows)
        if verify:
            differing = read_again(con, target, placed, written, profile, precision, keeps_order, work / "again", lang)
            report = replace(report, losses=lost.worst_first((*differing, *report.losses)), verified=not differing)
    _save(report, loss_report)
    return report


def _by_name(written: Sequence[plan.Written]) -> list[tuple[str, plan.Written]]:
    return [(column.column.name, column) for column in written]


def _title(format: str) -> str:
    """What people call a format, its first name where it has several."""
    return formats.FORMATS[format].title.split(",")[0]


def _profile(format: str, geoparquet: str, encoding: str | None, exact_widths: bool) -> tuple[str, Profile]:
    """The encoding of the result, and what its format holds in it."""
    profile = formats.FORMATS[format].writing().PROFILE
    if exact_widths and profile.exact is None:
        raise UsageError(f"{_title(format)} has no widths of columns.", hint="A Shapefile has.")
    if format == GEOPARQUET and geoparquet == "2.0":
        profile = replace(profile, damaged=False)  # Parquet's own geometry type is typed
    if encoding is None:
        return profile.encodings[0], profile
    known = {name.replace("-", "").lower(): name for name in profile.encodings}
    name = known.get(encoding.replace("-", "").lower())
    if name is None:
        raise UsageError(
            f"{_title(format)} cannot be written in the encoding '{encoding}'.",
            hint=f"It can be in: {', '.join(profile.encodings)}.",
        )
    return name, profile.encoded(name) if profile.encoded else profile


def _keep_apart(sources: Sequence[Path], targets: Sequence[Path]) -> None:
    """Refuse to write over what is read, or one target over the other, or where there is no folder."""
    taken = {path.resolve(): path for path in sources}
    for target in targets:
        if not target.parent.is_dir():
            raise SourceError(f"{target} cannot be written: there is no folder {target.parent}.")
        if target.resolve() in taken:
            raise UsageError(f"{target} is read and cannot also be written.", hint="Give the target another name.")
        taken[target.resolve()] = target


def _refuse_unfit(records: Records, profile: Profile, asked: str | None, format: str, target: Path) -> None:
    """Refuse a table for a format of geometries, and a CRS for a format of tables or of one CRS."""
    title = _title(format)
    if profile.needs_geometry and not records.has_geometry:
        raise UsageError(
            f"The records have no geometry, so they cannot become {target.name}: a {title} needs one.",
            hint="Write CSV, Parquet or GeoPackage, or say with a crosswalk which columns are coordinates.",
        )
    if asked is not None and profile.geometry == "none":
        raise UsageError(f"{title} holds no geometry that could be in {asked}.")
    if asked is not None and profile.crs == "wgs84" and asked != reference_systems.WGS84:
        raise UsageError(f"{title} is always in WGS 84 and cannot be in {asked}.", hint="Leave --to-crs out.")


def _way(
    con: duckdb.DuckDBPyConnection,
    records: Records,
    own: str | None,
    asked: str | None,
    profile: Profile,
    format: str,
    source: str,
    allow_ballpark: bool,
) -> Transform:
    """From the CRS of the records to that of the target; an unknown CRS stays as it is."""
    if asked is not None and not records.has_geometry:
        raise UsageError(f"{source} has no geometry that could be reprojected.")
    if asked is not None and own is None:
        raise UsageError(
            f"The CRS of {source} is not known, so it cannot be reprojected to {asked}.", hint="Say it with --from-crs."
        )
    usual = lost.usual_crs(profile) if records.has_geometry else None
    if own is None and usual is not None and not shapes.are_degrees(shapes.extent(con, records)):
        raise UsageError(
            f"The CRS of {source} is not known and its coordinates are not degrees, so they cannot become "
            f"{_title(format)}, which is in WGS 84.",
            hint="Say the CRS with --from-crs.",
        )
    end = asked or usual or own
    if end is None or (profile.geometry == "none" and records.has_geometry):
        return Transform("", "", (), ())
    return reference_systems.plan(own or end, end, allow_ballpark=allow_ballpark)


# ---- writing --------------------------------------------------------------------------


def _write(
    con: duckdb.DuckDBPyConnection,
    records: Records,
    written: Sequence[plan.Written],
    target: Path,
    format: str,
    order: Order,
    geoparquet: str,
    sort: bool,
) -> int:
    names = [column.sql for column in written]
    if records.has_geometry and formats.FORMATS[format].writing().PROFILE.geometry != "none":
        names.append(GEOMETRY)
    if format == GEOPARQUET and names:  # which holds every value as it is
        columns = {column.column.name: column.name for column in written}
        columns |= {GEOMETRY: GEOMETRY} if records.has_geometry else {}
        return formats.rewrite_geoparquet(records.path, columns, target, crs=order.crs, version=geoparquet, sort=sort)
    query = f"SELECT {', '.join(names) or 'NULL AS nothing'} FROM {duck.parquet(records.path)}"
    if format == GEOPARQUET:
        return formats.write_geoparquet(con, query, target, crs=None)
    kinds = {str(row[0]): str(row[1]) for row in con.execute(f"DESCRIBE {query}").fetchall()}
    reader = _marked(con.cursor().execute(query).to_arrow_reader(BATCH_ROWS), kinds)
    return formats.write(reader, target, order)


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
