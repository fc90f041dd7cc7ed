"""Strangers' SQL: what gets through computes, what reaches for anything else does not."""

from __future__ import annotations

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cimkit import duck, guard
from cimkit.errors import QueryError, StandardError

COLUMNS = ["a", "b", "name:zh", 'odd"name', "Höhe", "geometry", "t"]

HOSTILE_EXPRESSIONS = [
    "",
    "   ",
    "-- nothing",
    "(SELECT 1)",
    "(SELECT max(x) FROM 'secrets.csv')",
    "EXISTS (SELECT 1)",
    "a = ANY (SELECT b)",
    "a IN (SELECT b)",
    "read_text('/etc/passwd')",
    "read_csv('x.csv')",
    "glob('*')",
    "sniff_csv('x.csv')",
    "getenv('HOME')",
    "getvariable('x')",
    "current_setting('home_directory')",
    "query('SELECT 1')",
    "json_execute_serialized_sql('{}')",
    "json_serialize_sql('SELECT 1')",
    "write_log('x')",
    "sleep_ms(1000)",
    "pg_sleep(10)",
    "nextval('s')",
    "error('x')",
    "random()",
    "uuid()",
    "now()",
    "today()",
    "current_date",
    "current_timestamp",
    "age(b)",
    "version()",
    "st_read('x.shp')",
    "ST_Transform(geometry, 'EPSG:4326', 'EPSG:4490')",
    "sum(a)",
    "count(*)",
    "lower(DISTINCT b)",
    "lower(b ORDER BY b)",
    "row_number() OVER ()",
    "sum(a) OVER ()",
    "unnest([1, 2])",
    "range(1000000000)",
    "repeat('x', 1000000000)",
    "lpad(b, 2000000000, 'x')",
    "lpad(b, a, 'x')",
    "format('{:>1000000000}', b)",
    "a; DROP TABLE t",
    "a); DROP TABLE t; --",
    "a FROM t",
    "a FROM 'file.csv'",
    "a FROM read_text('/etc/passwd') --",
    "a UNION SELECT content FROM read_text('/etc/passwd')",
    "a WHERE true",
    "a LIMIT 1",
    "a GROUP BY ALL",
    "a ORDER BY 1",
    "a USING SAMPLE 10%",
    "DISTINCT a",
    "a, b",
    "a AS x",
    "a x",
    "x: a",
    "*",
    "t.*",
    "COLUMNS('.*')",
    "COLUMNS(*) + 1",
    "#1",
    "$1",
    "?",
    "$name",
    "DEFAULT",
    "GROUPING(a)",
    "x -> x + 1",
    "lambda x: x + 1",
    "a.lower()",
    "system.main.getenv('HOME')",
    "main.getenv('HOME')",
    "\"getenv\"('HOME')",
    "GETENV('HOME')",
    "get/**/env('HOME')",
    "lower(getenv('HOME'))",
    "CASE WHEN true THEN getenv('HOME') END",
    "[getenv('HOME')]",
    "{'x': getenv('HOME')}",
    "a BETWEEN 1 AND getenv('HOME')",
    "CAST(getenv('HOME') AS INTEGER)",
    "COALESCE(a, getenv('HOME'))",
    "b COLLATE nocase || getenv('HOME')",
    "'unclosed",
    "a /* unclosed",
    "a)",
    "(a",
    "a\0; DROP TABLE t",
    "COPY t TO 'x'",
    "PRAGMA version",
    "missing",
    "t2.a",
]

REFUSED_STATEMENTS = [
    "",
    ";",
    "-- nothing",
    "SELECT 1; SELECT 2",
    "SELECT 1; DROP TABLE building",
    "DROP TABLE building",
    "CREATE TABLE x AS SELECT 1",
    "CREATE OR REPLACE VIEW building AS SELECT 1",
    "INSERT INTO building VALUES (1)",
    "UPDATE building SET a = 1",
    "DELETE FROM building",
    "COPY building TO 'x.csv'",
    "COPY (SELECT 1) TO 'x.csv'",
    "EXPORT DATABASE 'x'",
    "IMPORT DATABASE 'x'",
    "ATTACH 'x.db'",
    "DETACH x",
    "USE x",
    "INSTALL httpfs",
    "LOAD httpfs",
    "SET threads = 1",
    "RESET threads",
    "PRAGMA version",
    "PRAGMA show_tables",
    "CALL pragma_version()",
    "CHECKPOINT",
    "VACUUM",
    "BEGIN",
    "PREPARE x AS SELECT 1",
    "EXECUTE x",
    "SHOW TABLES",
    "SHOW DATABASES",
    "EXPLAIN COPY building TO 'x.csv'",
    "EXPLAIN ANALYZE COPY building TO 'x.csv'",
    "EXPLAIN ANALYZE DELETE FROM building",
    "EXPLAIN",
    "DESCRIBE 'x.csv'",
    "SUMMARIZE 'x.csv'",
    "SUMMARIZE SELECT * FROM 'x.csv'",
    "FROM 'file.csv'",
    'FROM "file.csv"',
    "SELECT * FROM 'https://example.org/x.parquet'",
    "SELECT * FROM '/etc/passwd'",
    "SELECT * FROM '../x.parquet'",
    "SELECT * FROM read_text('/etc/passwd')",
    "SELECT * FROM read_csv_auto('x.csv')",
    "SELECT * FROM parquet_scan('x.parquet')",
    "SELECT * FROM glob('*')",
    "SELECT * FROM sniff_csv('x.csv')",
    "SELECT * FROM ST_Read('x.shp')",
    "SELECT * FROM query('SELECT 1')",
    "SELECT * FROM query_table('building')",
    "SELECT * FROM duckdb_settings()",
    "SELECT * FROM duckdb_secrets()",
    "SELECT * FROM duckdb_views",
    "SELECT * FROM pragma_database_list",
    "SELECT * FROM sqlite_master",
    "SELECT * FROM information_schema.tables",
    "SELECT * FROM pg_catalog.pg_tables",
    "SELECT * FROM other.building",
    "SELECT * FROM a.b.building",
    "WITH x AS (SELECT * FROM read_text('/etc/passwd')) SELECT * FROM x",
    "SELECT (SELECT content FROM read_text('/etc/passwd'))",
    "SELECT * FROM building WHERE id IN (FROM 'ids.csv')",
    "SELECT * FROM building JOIN 'x.csv' USING (id)",
    "SELECT * FROM building, LATERAL (SELECT * FROM read_text(building.path))",
    "FROM (PIVOT 'x.csv' ON a USING sum(b))",
    "(SELECT 1) UNION (SELECT content FROM read_text('x'))",
    "WITH RECURSIVE r AS (SELECT 1 UNION ALL SELECT content FROM read_text('x')) FROM r",
    "SELECT getenv('HOME')",
    "SELECT current_setting('home_directory')",
    "SELECT sum(length(getenv('HOME'))) OVER () FROM building",
    "SELECT * FROM building ORDER BY getenv('HOME')",
    "SELECT * FROM building LIMIT (SELECT length(getenv('HOME')))",
    "SELECT * REPLACE (getenv('HOME') AS a) FROM building",
    "VALUES (getenv('HOME'))",
    "SELECT list_transform([1], x -> getenv('HOME'))",
    "SELECT nextval('s')",
    "SELECT setseed(0.5)",
    "SELECT $1",
    "SELECT * FROM building; -- \n ATTACH 'x'",
    "SELECT 1 /* ; */ ; ATTACH 'x'",
    "SELECT 1\0",
]


@pytest.mark.parametrize("sql", HOSTILE_EXPRESSIONS)
def test_a_hostile_expression_is_refused(sql: str) -> None:
    with pytest.raises(StandardError) as refused:
        guard.expression(sql, COLUMNS)
    assert str(refused.value).startswith("The expression ")


@pytest.mark.parametrize("sql", REFUSED_STATEMENTS)
def test_a_statement_that_does_more_than_read_is_refused(sql: str) -> None:
    with pytest.raises(QueryError) as refused:
        guard.statement(sql)
    assert str(refused.value).startswith("The query ")


@pytest.mark.parametrize(
    "sql",
    [
        "NOT " * 5000 + "a",
        "NOT " * 800 + "a",
        "(" * 100_000 + "a" + ")" * 100_000,
        "abs(" * 900 + "a" + ")" * 900,
        "a" + "+a" * 950,
        "[" * 900 + "]" * 900,
        "a" + " AND a" * 100_000,
    ],
)
def test_deep_or_endless_nesting_is_refused_and_harmless(sql: str) -> None:
    with pytest.raises(StandardError):
        guard.expression(sql, COLUMNS)
    with pytest.raises(QueryError):
        guard.statement("SELECT " + sql)


def test_errors_name_the_part_the_place_and_a_way_out() -> None:
    with pytest.raises(StandardError, match=r"unknown column 'hoehe' at character 5") as unknown:
        guard.expression("a + hoehe", ["a", "hoehen"])
    assert unknown.value.hint == "Did you mean 'hoehen'?"
    with pytest.raises(StandardError, match=r"calls 'lwer' at character 1,") as misspelt:
        guard.expression("lwer(b)", COLUMNS)
    assert misspelt.value.hint == "Did you mean 'lower'?"
    with pytest.raises(StandardError, match="at character 11"):
        guard.expression("\"Höhe\" || getenv('HOME')", COLUMNS)
    with pytest.raises(StandardError) as clock:
        guard.expression("now()", COLUMNS)
    assert "same result" in (clock.value.hint or "")
    with pytest.raises(QueryError, match=r"reads 'x\.csv'") as file:
        guard.statement("FROM 'x.csv'")
    assert "by name" in (file.value.hint or "")


# Every expression is evaluated as written and as returned; both must say the same.
MEANINGS = [
    "a + 1",
    "-a",
    "a - -1",
    "2 ** 3 - a // 2 + a % 2",
    'b || "name:zh"',
    '"odd""name"',
    "A",
    "'it''s'",
    "$$it's$$",
    "E'\\n' || b",
    "'中文'",
    "CASE a WHEN 1 THEN 'x' WHEN 2 THEN 'y' END",
    "CASE WHEN a > 1 AND NOT (b = 'x' OR a IS NULL) THEN 1 ELSE 2 END",
    "a BETWEEN 1 AND 2",
    "a NOT BETWEEN 1 AND 2",
    "a IN (1, 2)",
    "b NOT IN ('x')",
    "b LIKE 'x%'",
    "b NOT ILIKE '%Y'",
    "b SIMILAR TO 'x.*'",
    "b ~ 'x.*'",
    "a IS DISTINCT FROM 1",
    "b IS NOT NULL",
    "COALESCE(NULLIF(b, ''), 'none')",
    "IF(a > 1, 'big', 'small')",
    "TRY_CAST(b AS INTEGER)",
    "TRY(b::INTEGER)",
    "b::VARCHAR(3)",
    "a::DECIMAL(10,2)",
    "'2024-05-01'::DATE + INTERVAL '1 day'",
    "DATE '2024-05-01'",
    "TIMESTAMPTZ '2024-05-01 10:00:00+08'",
    "TIMESTAMP '2024-05-01 10:00:00' AT TIME ZONE 'Asia/Shanghai'",
    "strptime('2024/05/01', '%Y/%m/%d')",
    "EXTRACT(year FROM DATE '2024-05-01')",
    "date_diff('day', DATE '2024-05-01', DATE '2024-06-01')",
    "TRIM(BOTH 'x' FROM b)",
    "SUBSTRING(b FROM 1 FOR 2)",
    "POSITION('x' IN b)",
    "lpad(b, 6, '0')",
    "regexp_replace(b, '[^0-9]', '', 'g')",
    "b[1:2]",
    "[a, 2][1]",
    "{'x': a}.x",
    "b COLLATE nocase = 'X'",
    "round(a * 0.3048, 2)",
    "1e3 + .5",
    "TRUE AND NULL",
    "ST_AsText(ST_Point(a, 2))",
    "ST_X(ST_GeomFromText('POINT(1 2)'))",
    "a /* comment */ + -- another\n 1",
]


@pytest.mark.parametrize("sql", MEANINGS)
def test_what_comes_back_means_what_was_written(sql: str) -> None:
    table = (
        "(VALUES (1, 'x1', 'zh', 'o'), (2, '22', NULL, ''), (NULL, NULL, 'b', 'c'))"
        ' AS t(a, b, "name:zh", "odd""name")'
    )
    guarded = guard.expression(sql, COLUMNS)
    assert guard.expression(guarded, COLUMNS)  # and is itself harmless
    assert "--" not in guarded and "/*" not in guarded
    with duck.connect() as con:
        written = con.execute(f"SELECT {sql}\n FROM {table}").fetchall()
        returned = con.execute(f"SELECT [{guarded}], 1 FROM {table}").fetchall()
    assert [row[0] for row in written] == [row[0][0] for row in returned]


def test_references_lists_each_column_once_in_the_source_spelling() -> None:
    assert guard.references('B || a || b || "NAME:ZH" || t.x', COLUMNS) == ("b", "a", "name:zh", "t")
    assert guard.references("1 + 1", COLUMNS) == ()


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT 1",
        "  SELECT 1 ;  ",
        "select * from building",
        "FROM building",
        "TABLE building",
        "SELECT function, count(*) AS n FROM building GROUP BY ALL HAVING n > 1 ORDER BY n DESC LIMIT 5 OFFSET 1",
        "SELECT DISTINCT ON (function) * EXCLUDE (geometry) FROM main.building",
        "WITH x AS (FROM building) SELECT x.*, row_number() OVER (PARTITION BY function ORDER BY id) FROM x",
        "WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r WHERE n < 3) FROM r",
        "SELECT * FROM building b LEFT JOIN road AS r ON ST_DWithin(b.geometry, r.geometry, 5)",
        "VALUES (1, 'x'), (2, 'y')",
        "DESCRIBE",
        "DESCRIBE building",
        "DESCRIBE SELECT 1",
        "SUMMARIZE building",
        "EXPLAIN SELECT * FROM building",
        "explain  analyze  FROM building",
        "SELECT * FROM range(3) AS t(i), unnest([1, 2])",
        "SELECT list_transform([1, 2], x -> x + 1), {'a': 1}, DECIMAL '1.5'",
        "SELECT string_agg(id, ', ' ORDER BY id) FILTER (WHERE id <> '') FROM building",
        "FROM (PIVOT building ON function IN ('a', 'b') USING count(*))",
        "SELECT COLUMNS(c -> c LIKE 'n%') FROM building",
        "SELECT * FROM building TABLESAMPLE 10%",
        "SELECT id FROM building UNION ALL BY NAME SELECT id FROM road",
        'SELECT * FROM "road-centerline"',
        "SELECT * FROM 建筑",
        "SELECT 1 -- a comment",
    ],
)
def test_a_reading_statement_is_returned_as_it_is(sql: str) -> None:
    assert guard.statement(sql) == sql.strip()


@settings(max_examples=150, deadline=None)
@given(st.text(max_size=60))
def test_any_text_is_accepted_or_refused_but_never_crashes(sql: str) -> None:
    try:
        guarded = guard.expression(sql, COLUMNS)
    except StandardError:
        return
    parsed = duckdb.extract_statements(f"SELECT {guarded}")
    assert len(parsed) == 1


HARMFUL = [sql for sql in HOSTILE_EXPRESSIONS if "getenv" in sql or sql.startswith("(SELECT")]
AROUND = ["a + {}", "lower({})", "({})", "CASE WHEN {} THEN 1 END", "[1, {}]", "a IN (1, {})", "b || ({})\n"]


@settings(max_examples=100, deadline=None)
@given(st.sampled_from(HARMFUL), st.lists(st.sampled_from(AROUND), min_size=1, max_size=5))
def test_a_hostile_part_is_found_however_deep_it_sits(sql: str, around: list[str]) -> None:
    for shell in around:
        sql = shell.format(sql)
    with pytest.raises(StandardError, match=r"not allowed|not SQL"):
        guard.expression(sql, COLUMNS)
