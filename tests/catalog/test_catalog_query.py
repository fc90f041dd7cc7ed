"""One reading statement over the datasets, whoever wrote it; and the index beside them."""

from __future__ import annotations

import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import duckdb
import geopandas as gpd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import shapely
from catalog_drafts import CLOCK, Drafter, publish

from cimkit import guard, wkb
from cimkit.catalog import Catalog, index
from cimkit.errors import CatalogError, QueryError
from cimkit.model import DatasetDraft


def values(catalog: Catalog, sql: str) -> list[Any]:
    """The first column of a result."""
    return catalog.query(sql).column(0).to_pylist()


# ---- refused --------------------------------------------------------------------------

WRITING = [
    "COPY (SELECT 1) TO 'x.csv'",
    "CREATE TABLE t AS SELECT 1",
    "ATTACH 'x.db'",
    "SET enable_external_access = true",
    "PRAGMA database_list",
    "DROP VIEW building",
    "INSERT INTO building VALUES (1)",
    "SELECT 1; SELECT 2",
    "EXPLAIN ANALYZE COPY (SELECT 1) TO 'x.csv'",
    "",
]


@pytest.mark.parametrize("sql", WRITING)
def test_what_does_not_read_is_refused(catalog: Catalog, sql: str) -> None:
    with pytest.raises(QueryError):
        catalog.query(sql)


@pytest.mark.parametrize(
    "sql", ["FROM read_text('/etc/hostname')", "FROM '/etc/hostname.csv'", "FROM glob('/*')", "FROM secret"]
)
def test_files_and_python_are_out_of_reach(published: Catalog, sql: str) -> None:
    secret = pa.table({"a": [1]})
    with pytest.raises(QueryError):
        published.query(sql)
    assert secret.num_rows == 1


@pytest.mark.parametrize(
    "sql",
    [
        "CREATE TABLE t AS SELECT 1",
        "SELECT 1; SELECT 2",
        "FROM read_text('/etc/hostname')",
        "FROM '{root}/catalog.json'",
        "FROM read_parquet('{outside}')",
        "FROM ST_Read('{outside}')",
        "FROM glob('{root}/*')",
        "FROM secret",
        "COPY (SELECT 1 AS a) TO '{data}' (FORMAT parquet, USE_TMP_FILE false)",
        "EXPLAIN ANALYZE COPY (SELECT 1 AS a) TO '{root}/new.parquet' (FORMAT parquet)",
        "SET lock_configuration = false",
        "SELECT nosuchfunction(1)",
    ],
)
def test_the_walls_behind_the_guard(
    published: Catalog, draft: Drafter, monkeypatch: pytest.MonkeyPatch, sql: str
) -> None:
    """Should the guard ever let something through, the connection still holds."""
    monkeypatch.setattr(guard, "statement", lambda sql: sql)
    secret = pa.table({"a": [1]})
    data = published.data("building")
    before = {path: path.read_bytes() for path in published.root.rglob("*") if path.is_file()}
    with pytest.raises(QueryError):
        published.query(sql.format(root=published.root, outside=draft().data, data=data))
    assert {path: path.read_bytes() for path in published.root.rglob("*") if path.is_file()} == before
    assert secret.num_rows == 1


def test_an_unknown_name_gets_the_nearest(published: Catalog) -> None:
    with pytest.raises(QueryError, match="bulding") as refused:
        published.query("SELECT * FROM bulding")
    assert refused.value.hint == "Did you mean 'building'?"
    with pytest.raises(QueryError, match="heigth"):
        published.query("SELECT heigth_m FROM building")


def test_a_query_that_takes_too_long_is_stopped(published: Catalog) -> None:
    began = time.monotonic()
    with pytest.raises(QueryError, match=r"stopped after 0\.2 seconds"):
        published.query("SELECT count(*) FROM range(1000000000) a(i), range(1000) b(j) WHERE i % 7 = j", timeout=0.2)
    assert time.monotonic() - began < 30


def test_datasets_in_different_crs_are_not_compared(catalog: Catalog, draft: Drafter) -> None:
    publish(catalog, draft(), replace(draft("other"), crs="EPSG:4548"))
    with pytest.raises(QueryError, match="different coordinate reference systems"):
        catalog.query("SELECT count(*) FROM building b, other o WHERE ST_Intersects(b.geometry, o.geometry)")


def test_a_dataset_that_is_damaged_does_not_stop_the_others(published: Catalog) -> None:
    published.data("building").unlink()
    assert values(published, "SELECT count(*) FROM device") == [2]
    assert [hint.code for hint in published.hints] == ["dataset.damaged"]
    with pytest.raises(CatalogError, match="building"):
        published.query("FROM building")


def test_an_empty_catalog_can_be_asked(catalog: Catalog) -> None:
    assert values(catalog, "SELECT count(*) FROM release") == [0]


# ---- answered -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("SELECT sum(height_m) FROM building", [3.5]),
        ("WITH t AS (FROM device) SELECT id FROM t ORDER BY id", ["010001", "010002"]),
        ("VALUES (1), (2)", [1, 2]),
        ("DESCRIBE device", ["id", "value"]),
        ("SUMMARIZE device", ["id", "value"]),
        ("SELECT entity_id FROM building__provenance", ["b0000"]),
        ("SELECT ST_Area(geometry) FROM building LIMIT 1", [9.0]),
        ("SELECT id FROM building WHERE bbox.xmin > 500008", ["b0002"]),
        ("SELECT rows FROM asset WHERE role = 'data' ORDER BY dataset_id", [3, 2]),
        ('SELECT b.id FROM "building" b JOIN device d ON true LIMIT 0', []),
    ],
)
def test_reading_statements(published: Catalog, sql: str, expected: list[Any]) -> None:
    assert values(published, sql) == expected


def test_the_index_is_the_database_catalog(published: Catalog, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guard, "statement", lambda sql: sql)
    assert values(published, "SELECT release_no FROM catalog.release") == [1]


def test_explain(published: Catalog) -> None:
    assert "PARQUET" in "".join(map(str, published.query("EXPLAIN SELECT id FROM building").to_pylist())).upper()


def test_geometry_comes_as_wkb_with_its_crs(published: Catalog) -> None:
    result = published.query("SELECT id, geometry FROM building ORDER BY id")
    assert result.schema.field("geometry").type == pa.binary()
    assert shapely.from_wkb(result.column("geometry")[0].as_py()).equals(
        shapely.box(500_000, 4_000_000, 500_003, 4_000_003)
    )
    assert gpd.GeoDataFrame.from_arrow(result).crs.to_epsg() == 4547


def test_one_damaged_geometry_costs_no_other(catalog: Catalog, tmp_path: Path) -> None:
    path = tmp_path / "places.parquet"
    places = [shapely.Point(1, 2).wkb] * 5 + [wkb.DAMAGED]
    pq.write_table(pa.table({"id": [str(i) for i in range(6)], "geometry": places}), path)
    publish(catalog, DatasetDraft("poi", path, "EPSG:4490", {}, {}))
    assert values(catalog, "SELECT count(geometry) FROM poi") == [5]


def test_a_name_with_a_hyphen_is_quoted(catalog: Catalog, table_draft: DatasetDraft) -> None:
    publish(catalog, replace(table_draft, name="order-by_2"))
    assert values(catalog, 'SELECT count(*) FROM "order-by_2"') == [2]


def test_a_dataset_may_be_called_like_an_index_table(catalog: Catalog, table_draft: DatasetDraft) -> None:
    publish(catalog, replace(table_draft, name="release"), replace(table_draft, name="catalog"))
    assert values(catalog, "SELECT count(*) FROM release") == [2]
    assert values(catalog, "SELECT count(*) FROM catalog") == [2]
    assert values(catalog, "SELECT count(*) FROM release_member") == [2]


def test_a_geometry_attachment_has_its_own_crs(catalog: Catalog, draft: Drafter, tmp_path: Path) -> None:
    aside = tmp_path / "quarantine-osm.parquet"
    gpd.GeoDataFrame({"id": ["x"]}, geometry=[shapely.Point(114, 30)], crs=4326).to_parquet(aside)
    publish(catalog, replace(draft(), attachments={aside.name: aside}))
    result = catalog.query('SELECT geometry FROM "building__quarantine-osm"')
    assert gpd.GeoDataFrame.from_arrow(result).crs.to_epsg() == 4326


def test_several_ask_at_once(published: Catalog) -> None:
    found: list[Any] = []
    threads = [
        threading.Thread(target=lambda: found.append(values(published, "SELECT count(*) FROM building")))
        for _ in range(3)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [[3]] * 3


# ---- the index ------------------------------------------------------------------------


def opened(catalog: Catalog, sql: str) -> list[tuple[Any, ...]]:
    """What anyone with DuckDB reads from the index, without cimkit."""
    with duckdb.connect(str(catalog.layout.index), read_only=True) as con:
        return con.execute(sql).fetchall()


def test_the_index_tells_what_the_manifests_say(published: Catalog, draft: Drafter) -> None:
    publish(published, draft("building", 7.0))
    assert opened(published, "SELECT release_no, parent_no, epoch(created_at)::BIGINT FROM release ORDER BY 1") == [
        (1, None, 1714521600),
        (2, 1, 1714521600),
    ]
    members = opened(published, "FROM release_member ORDER BY release_no, dataset_id")
    assert members == [(1, "building", 1), (1, "device", 1), (2, "building", 2), (2, "device", 1)]
    assert opened(published, "SELECT title_zh, version_no FROM dataset ORDER BY dataset_id") == [("建筑", 2), (None, 1)]
    versions = "SELECT row_count, crs, geometry_types, bbox_native[1] FROM dataset_version ORDER BY ALL"
    assert opened(published, versions) == [
        (1, "EPSG:4547", ["Polygon"], 500_000.0),
        (2, None, None, None),
        (3, "EPSG:4547", ["Polygon"], 500_000.0),
    ]
    assert opened(
        published, "SELECT name, null_count FROM field WHERE version_no = 1 ORDER BY dataset_id, ordinal"
    ) == [
        ("id", 0),
        ("height_m", 1),
        ("id", 0),
        ("value", 1),
    ]
    verdicts = opened(published, "SELECT standard_id, standard_version, verdict, warnings FROM conformance")
    assert verdicts == [("cim-core", "0.1.0", "pass", 2)] * 2
    assert opened(published, "SELECT DISTINCT rule_id, failed_count FROM check_result") == [
        ("building.storey_height", 2)
    ]
    assert opened(published, "SELECT DISTINCT name, file, licence FROM source") == [
        ("survey", "survey.shp", "CC-BY-4.0")
    ]
    uris = [uri for (uri,) in opened(published, "SELECT uri FROM asset")]
    assert all((published.root / uri).is_file() for uri in uris)
    manifest = published.show("building")
    assert opened(published, "SELECT digest FROM dataset_version WHERE version_no = 2") == [(manifest["digest"],)]


@pytest.mark.parametrize("damage", ["missing", "cut", "noise", "empty", "stale", "foreign", "folder", "view"])
def test_an_index_that_does_not_fit_is_made_again_and_said(
    published: Catalog, draft: Drafter, tmp_path: Path, damage: str
) -> None:
    path = published.layout.index
    stale = path.read_bytes()
    publish(published, draft("building", 7.0))
    path.unlink()
    if damage == "cut":
        path.write_bytes(stale[: len(stale) // 3])
    elif damage == "noise":
        path.write_bytes(b"no database" * 999)
    elif damage == "empty":
        path.touch()
    elif damage == "stale":
        path.write_bytes(stale)
    elif damage == "foreign":
        with duckdb.connect(str(path)) as con:
            con.execute("CREATE TABLE mine AS SELECT 1 AS a")
    elif damage == "view":
        with duckdb.connect(str(path)) as con:
            con.execute("CREATE VIEW built_from AS SELECT content FROM read_text('/etc/hostname')")
    elif damage == "folder":
        path.mkdir()
        (path / "x").touch()
    assert values(published, "SELECT max(release_no) FROM release") == [2]
    assert len(published.hints) == 1
    assert published.hints[0].code == ("index.not_written" if damage == "folder" else "index.rebuilt")
    if damage != "folder":
        assert opened(published, "SELECT max(release_no) FROM release") == [(2,)]
        published.hints.clear()
        assert values(published, "SELECT max(release_no) FROM release") == [2]
        assert published.hints == []


def test_rebuild_leaves_out_what_is_damaged_and_says_so(published: Catalog, draft: Drafter) -> None:
    publish(published, draft("building", 7.0))
    published.layout.manifest("building", 1).write_text("{")
    published.layout.index.unlink()
    assert [hint.code for hint in published.rebuild()] == ["index.left_out"]
    assert opened(published, "SELECT dataset_id, version_no FROM dataset_version ORDER BY ALL") == [
        ("building", 2),
        ("device", 1),
    ]
    assert not list(published.root.glob(".tmp-*"))


def test_rebuild_without_a_chain_of_releases(published: Catalog) -> None:
    published.layout.head.unlink()
    with pytest.raises(CatalogError, match="HEAD cannot be read"):
        published.rebuild()
    assert published.layout.index.is_file(), "the old one is better than none"


def test_every_table_is_documented_by_its_columns(published: Catalog) -> None:
    tables = {name for (name,) in opened(published, "SELECT table_name FROM duckdb_tables()")}
    assert tables == set(index.TABLES)


def test_large_integers_and_odd_types_survive(catalog: Catalog, tmp_path: Path) -> None:
    path = tmp_path / "odd.parquet"
    table = pa.table(
        {
            "big": pa.array([2**63 - 1], pa.int64()),
            "list": pa.array([[1, 2]]),
            "when": pa.array([0], pa.timestamp("us", "UTC")),
            "select": ["a keyword"],
            'quote"d': [True],
        }
    )
    pq.write_table(table, path)
    draft = DatasetDraft("odd", path, None, {}, {})
    publish(catalog, draft)
    assert publish(catalog, draft, clock=CLOCK) is None
    row = catalog.query('SELECT big, list, "select", "quote""d" FROM odd').to_pylist()[0]
    assert row == {"big": 2**63 - 1, "list": [1, 2], "select": "a keyword", 'quote"d': True}
