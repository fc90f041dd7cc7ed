"""What a person is asked to look at: pairs in the review band with both records beside each other."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.csv

from cimkit import crs as reference_systems
from cimkit import duck
from cimkit.fuse import batches
from cimkit.fuse.records import Roster

if TYPE_CHECKING:
    import duckdb

_BATCH_ROWS = 4096
_DEGREE_DIGITS = 1e-8


def write(con: duckdb.DuckDBPyConnection, roster: Roster, crs: str, folder: Path) -> int:
    """``review.csv`` and ``review.geojson``: the least certain pairs first; how many.

    Both have the pair, its score and evidence, each attribute as ``left_…`` and ``right_…``,
    and an empty ``decision`` to fill with ``same`` or ``different``. In the GeoJSON both
    geometries stand in one collection, in longitude and latitude.
    """
    sides = "".join(
        f", CAST({side}.{a.column} AS VARCHAR) AS {duck.identifier(f'{name}_{_own(a.name)}')}"
        for a in roster.attributes
        for side, name in (("l", "left"), ("r", "right"))
    )
    con.execute(
        f"""
        CREATE TABLE review AS
        SELECT left_source, left_id, right_source, right_id, '' AS decision, round(score, 3) AS score, match{sides},
            evidence, u.wkb AS left_wkb, v.wkb AS right_wkb
        FROM match
        JOIN origin o ON o.name = left_source JOIN record p ON p.source = o.source AND p.id = left_id
        JOIN origin s ON s.name = right_source JOIN record q ON q.source = s.source AND q.id = right_id
        JOIN attribute l ON l.rid = p.rid JOIN attribute r ON r.rid = q.rid
        LEFT JOIN shape u ON u.rid = p.rid LEFT JOIN shape v ON v.rid = q.rid
        WHERE band = 'review'
        """
    )
    order = "abs(score - 0.5), left_source, left_id, right_source, right_id"
    table = con.execute(f"SELECT * EXCLUDE (left_wkb, right_wkb) FROM review ORDER BY {order}")
    with pa.csv.CSVWriter(folder / "review.csv", _schema(con)) as out:
        for batch in table.fetch_record_batch(_BATCH_ROWS):
            out.write_batch(batch)
    count = 0
    with (folder / "review.geojson").open("w", encoding="utf-8") as file:
        file.write('{"type": "FeatureCollection", "features": [')
        for feature in _features(con, order, crs):
            file.write((",\n" if count else "\n") + json.dumps(feature, ensure_ascii=False))
            count += 1
        file.write("\n]}\n")
    return count


def _own(attribute: str) -> str:
    """An attribute's name in the review: not ``source`` or ``id``, which tell the record itself."""
    return f"{attribute}_field" if attribute.lower() in ("source", "id") else attribute


def _schema(con: duckdb.DuckDBPyConnection) -> pa.Schema:
    return con.cursor().execute("SELECT * EXCLUDE (left_wkb, right_wkb) FROM review LIMIT 0").to_arrow_table().schema


def _features(con: duckdb.DuckDBPyConnection, order: str, crs: str) -> Iterator[dict[str, Any]]:
    import shapely

    way = reference_systems.plan(crs, reference_systems.WGS84, allow_ballpark=True)
    for batch in batches.read(con, f"FROM review ORDER BY {order}", _BATCH_ROWS):
        sides = []
        for name in ("left_wkb", "right_wkb"):
            shapes = shapely.force_2d(
                shapely.from_wkb(way.wkb(batch.column(name)).to_numpy(zero_copy_only=False), on_invalid="ignore")
            )
            sides.append(shapely.to_geojson(shapely.set_precision(shapes, _DEGREE_DIGITS, mode="pointwise")))
        rows = batch.drop_columns(["left_wkb", "right_wkb"]).to_pylist()
        for row, left, right in zip(rows, *sides, strict=True):
            row["evidence"] = json.loads(row["evidence"])
            parts = [json.loads(side) for side in (left, right) if side is not None]
            geometry = {"type": "GeometryCollection", "geometries": parts} if parts else None
            yield {"type": "Feature", "properties": row, "geometry": geometry}
