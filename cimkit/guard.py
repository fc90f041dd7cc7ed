"""Lets strangers' SQL through only where it computes, and never where it reaches for anything.

Standards, crosswalks and ``--where`` carry SQL expressions, and ``catalog query`` carries
statements. Both are parsed by DuckDB's own parser (so that there is no second opinion on
what a text means), the syntax tree is walked against an allow-list, and an
expression comes back printed from that tree: comments and odd quoting are gone. A node or
function that is not listed is refused, so a newer DuckDB opens no new door.

The guard decides what a text may say, not what a connection may do: a connection that runs
a guarded statement should also have ``python_enable_replacements`` off, or a plain name that
is no view is looked up among Python's variables.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from cimkit.errors import CimkitError, QueryError, StandardError, nearest

if TYPE_CHECKING:
    import duckdb

#: Longest texts that are parsed at all, in characters.
MAX_EXPRESSION = 10_000
MAX_STATEMENT = 50_000

#: Deepest syntax tree, in nested JSON values (two or three for each level of an expression);
#: DuckDB parses more than Python's json can follow.
MAX_DEPTH = 500


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


# Scalar functions of DuckDB 1.5 and its spatial extension that compute from their arguments
# alone: no clock, no randomness, no settings, no files, no output larger than its input by
# an argument's value (repeat, format, printf, range). ST_Transform is left out since it
# ignores Z; reprojection is `crs` in a crosswalk or `--to-crs`.
_SCALAR = _words(
    """
    + - * / // % ** ^ & | << >> ~ ! || ->> ~~ !~~ ~~* !~~* ~~~ ^@ @ xor like_escape not_like_escape
    ilike_escape not_ilike_escape abs acos acosh asin asinh atan atan2 atanh cbrt ceil ceiling cos cosh
    cot degrees even exp fdiv floor fmod gcd greatest isfinite isinf isnan lcm least ln log log10 log2
    mod pi pow power radians round round_even sign sin sinh sqrt tan tanh trunc bit_count ascii base64
    bin char_length character_length chr concat concat_ws contains damerau_levenshtein ends_with
    from_base64 from_hex hamming hex instr jaccard jaro_similarity jaro_winkler_similarity lcase left
    left_grapheme len length length_grapheme levenshtein lower lpad ltrim md5 nfc_normalize octet_length
    ord position prefix regexp_escape regexp_extract regexp_extract_all regexp_full_match regexp_matches
    regexp_replace regexp_split_to_array replace reverse right right_grapheme rpad rtrim sha1 sha256
    split split_part starts_with str_split str_split_regex string_split string_split_regex strip_accents
    strlen strpos substr substring substring_grapheme suffix to_base64 to_hex translate trim ucase unhex
    unicode upper url_decode url_encode century date_add date_diff date_part date_sub date_trunc datediff
    datepart datesub datetrunc day dayname dayofmonth dayofweek dayofyear days_in_month decade epoch
    epoch_ms epoch_ns epoch_us era hour isodow isoyear julian last_day make_date make_time make_timestamp
    make_timestamp_ms make_timestamptz millennium millisecond minute microsecond month monthname
    nanosecond quarter second strftime strptime time_bucket timezone timezone_hour timezone_minute
    to_centuries to_days to_decades to_hours to_microseconds to_milliseconds to_minutes to_months
    to_quarters to_seconds to_timestamp to_weeks to_years try_strptime week weekday weekofyear year
    yearweek array_contains array_distinct array_extract array_has array_has_all array_has_any
    array_length array_position array_slice array_sort array_to_string list_any_value list_concat
    list_contains list_distinct list_element list_extract list_has list_has_all list_has_any list_max
    list_min list_position list_reverse list_slice list_sort list_sum list_unique list_value list_avg
    element_at flatten row struct_extract struct_extract_at struct_pack map map_contains map_extract
    map_extract_value map_keys map_values map_entries map_from_entries from_json json json_array
    json_array_length json_contains json_exists json_extract json_extract_path json_extract_path_text
    json_extract_string json_keys json_object json_quote json_type json_valid json_value to_json
    constant_or_null hash if ifnull nullif typeof st_affine st_area st_area_spheroid st_asgeojson
    st_asbinary st_ashexwkb st_astext st_aswkb st_aswkt st_azimuth st_boundary st_buildarea st_centroid
    st_closestpoint st_collect st_collectionextract st_contains st_containsproperly st_convexhull
    st_coveredby st_covers st_crosses st_difference st_dimension st_disjoint st_distance
    st_distance_sphere st_distance_spheroid st_dump st_dwithin st_dwithin_spheroid st_endpoint
    st_envelope st_equals st_expand st_extent st_exteriorring st_flipcoordinates st_force2d st_force3dm
    st_force3dz st_force4d st_geometrytype st_geomfromgeojson st_geomfromhexewkb st_geomfromhexwkb
    st_geomfromtext st_geomfromwkb st_hasm st_hasz st_hilbert st_interiorringn st_intersection
    st_intersects st_isclosed st_isempty st_isring st_issimple st_isvalid st_length st_length_spheroid
    st_lineinterpolatepoint st_linelocatepoint st_linemerge st_linesubstring st_m st_makebox2d
    st_makeenvelope st_makeline st_makepoint st_makepolygon st_makevalid st_minimumrotatedrectangle
    st_multi st_ngeometries st_ninteriorrings st_node st_normalize st_npoints st_numgeometries
    st_numinteriorrings st_numpoints st_overlaps st_perimeter st_perimeter_spheroid st_point st_pointn
    st_pointonsurface st_points st_polygonize st_quadkey st_reduceprecision st_removerepeatedpoints
    st_reverse st_shortestline st_simplify st_simplifypreservetopology st_snap st_startpoint
    st_symdifference st_touches st_union st_within st_x st_xmax st_xmin st_y st_ymax st_ymin st_z st_zmax
    st_zmin st_zmflag
    """
)

# What a query over tables needs besides: aggregates, window functions, lists and lambdas.
_QUERY = _SCALAR | _words(
    """
    any_value approx_count_distinct approx_quantile approx_top_k arbitrary arg_max arg_max_null arg_min
    arg_min_null argmax argmin array_agg avg bit_and bit_or bit_xor bool_and bool_or corr count count_if
    count_star countif covar_pop covar_samp entropy favg first fsum geomean group_concat histogram
    kurtosis last list listagg mad max max_by mean median min min_by mode product quantile quantile_cont
    quantile_disc regr_avgx regr_avgy regr_count regr_intercept regr_r2 regr_slope regr_sxx regr_sxy
    regr_syy sem skewness stddev stddev_pop stddev_samp string_agg sum sumkahan kahan_sum var_pop
    var_samp variance weighted_avg json_group_array json_group_object cume_dist dense_rank fill
    first_value lag last_value lead nth_value ntile percent_rank rank rank_dense row_number apply
    array_apply array_filter array_transform filter list_apply list_filter list_reduce list_transform
    list_zip reduce unnest format printf st_buffer st_concavehull now today repeat range generate_series
    st_coverageunion_agg st_envelope_agg st_extent_agg st_intersection_agg st_memunion_agg st_union_agg
    """
)

_TABLE_FUNCTIONS = frozenset({"range", "generate_series", "unnest"})
_VALUES = frozenset({"CONSTANT", "COLUMN_REF", "FUNCTION", "OPERATOR", "CONJUNCTION", "COMPARISON"})
_EXPRESSION_CLASSES = _VALUES | {"CASE", "CAST", "BETWEEN", "COLLATE"}
_OPERATORS = _words(
    """
    OPERATOR_NOT OPERATOR_IS_NULL OPERATOR_IS_NOT_NULL OPERATOR_COALESCE OPERATOR_NULLIF OPERATOR_TRY
    COMPARE_IN COMPARE_NOT_IN ARRAY_EXTRACT ARRAY_SLICE ARRAY_CONSTRUCTOR STRUCT_EXTRACT
    """
)
_QUERY_CLASSES = _EXPRESSION_CLASSES | {"SUBQUERY", "WINDOW", "STAR", "LAMBDA", "POSITIONAL_REFERENCE"}
_QUERY_NODES = _words(
    """
    SELECT_NODE SET_OPERATION_NODE RECURSIVE_CTE_NODE CTE_NODE EMPTY BASE_TABLE SUBQUERY JOIN
    TABLE_FUNCTION EXPRESSION_LIST PIVOT SHOW_REF ORDER_MODIFIER LIMIT_MODIFIER LIMIT_PERCENT_MODIFIER
    DISTINCT_MODIFIER ORDER_DEFAULT ASCENDING DESCENDING
    """
)
#: What the tables of a query may be called: no dot or slash, so that no name is taken for a file.
_PLAIN_NAME = re.compile(r"[^\W\d][\w-]*")
#: DuckDB's own views, which tell of paths, settings and secrets.
_SYSTEM_NAME = re.compile(r"duckdb_|pragma_|sqlite_|pg_|__", re.IGNORECASE)

_LONGEST_PADDING = 1000
_REASONS = {
    "SUBQUERY": "a subquery",
    "WINDOW": "a window function",
    "STAR": "'*' or COLUMNS",
    "PARAMETER": "a parameter",
    "LAMBDA": "a lambda or '->'",
    "POSITIONAL_REFERENCE": "a column by its number",
    "DEFAULT": "DEFAULT",
}
#: What a bare DESCRIBE reads.
_TABLES = "__show_tables_expanded"
_DATASETS_ONLY = "A query reads the catalog's own datasets by name; files go through cimkit convert or run."
_NO_CLOCK = "Two runs must give the same result, so the clock is out of reach; write the date."
_CLOCK = _words(
    """
    now today age current_date current_time current_timestamp get_current_time get_current_timestamp
    localtime localtimestamp transaction_timestamp
    """
)


def expression(sql: str, columns: Collection[str]) -> str:
    """The scalar expression ``sql`` over ``columns``, safe to set into a query between commas.

    Column names match as DuckDB matches them, without regard to case.

    Raises:
        StandardError: it is not one expression, or it uses an unknown column, a subquery,
            an aggregate, or a function that is not allowed; the message says at which character.
    """
    return _expression(sql, columns).sql


def references(sql: str, columns: Collection[str]) -> tuple[str, ...]:
    """Which of ``columns`` the expression ``sql`` uses, in order; raises as :func:`expression`."""
    return _expression(sql, columns).columns


def statement(sql: str) -> str:
    """The one reading statement ``sql``: SELECT, WITH, VALUES, DESCRIBE, SUMMARIZE or EXPLAIN of these.

    Tables are plain names (the views of the connection that will run it); the only table
    functions are range, generate_series and unnest.

    Raises:
        QueryError: it is anything else, or more than one statement.
    """
    sql = sql.strip()
    explain = re.match(r"EXPLAIN\s+(ANALYZE\s+)?", sql, re.IGNORECASE)
    prefix = explain.group(0) if explain else ""
    guard = _Guard("query", QueryError, "Write one SELECT, WITH, VALUES, DESCRIBE, SUMMARIZE or EXPLAIN.")
    tree = guard.parse(sql[len(prefix) :], "", MAX_STATEMENT)
    for node in _nodes(tree):
        guard.query_node(node)
    return sql


# ---- one expression -------------------------------------------------------------------


@dataclass(frozen=True)
class _Expression:
    sql: str
    columns: tuple[str, ...]


def _expression(sql: str, columns: Collection[str]) -> _Expression:
    select = "SELECT "
    guard = _Guard(
        "expression",
        StandardError,
        "Write one value computed from the columns; names with other signs than letters, digits and _ go in "
        'double quotes: "name:zh".',
    )
    tree = guard.parse(sql, select, MAX_EXPRESSION)
    query = tree["statements"][0]["node"]
    alone = set(query) == {"type", "select_list", "from_table", "aggregate_handling"}
    if not alone or query["from_table"]["type"] != "EMPTY" or query["aggregate_handling"] != "STANDARD_HANDLING":
        raise guard.refusal("is a query", hint="Write one value, without SELECT, FROM, WHERE or LIMIT.")
    root = query["select_list"][0]
    if len(query["select_list"]) != 1:
        raise guard.refusal("is a list of several expressions", hint="Write one expression.")
    if "alias" in root:
        raise guard.refusal(f"gives itself the name '{root['alias']}'", hint="Leave the name out.")
    used: dict[str, None] = {}
    known = {column.lower(): column for column in columns}
    for node in _nodes(root):
        guard.expression_node(node)
        if node.get("class") == "COLUMN_REF":
            used[guard.column(node, known)] = None
    return _Expression(guard.render().removeprefix(select), tuple(used))


# ---- the walk -------------------------------------------------------------------------


def _nodes(tree: Any) -> Iterator[Mapping[str, Any]]:
    """Every object of a syntax tree in reading order, except what is inside a constant."""
    stack = [tree]
    while stack:
        item = stack.pop()
        if isinstance(item, dict):
            yield item
            if item.get("class") != "CONSTANT":
                stack.extend(reversed(item.values()))
        elif isinstance(item, list):
            stack.extend(reversed(item))


class _Guard:
    """Parses, judges and prints one text."""

    def __init__(self, noun: str, error: type[CimkitError], advice: str) -> None:
        self.noun, self.error, self.advice = noun, error, advice
        self.text = self.before = ""

    def refusal(self, what: str, why: str = "", hint: str | None = None, at: int | None = None) -> CimkitError:
        """An error saying what the text does at the parser's byte position ``at``."""
        place = ""
        if at is not None:
            before = (self.before + self.text).encode()[:at].decode(errors="ignore")
            place = f" at character {max(0, len(before) - len(self.before)) + 1}"
        text = self.text if len(self.text) <= 200 else self.text[:200] + " …"
        return self.error(f"The {self.noun} {what}{place}{why}: {text}", hint=hint)

    def parse(self, sql: str, before: str, longest: int) -> Any:
        """The tree of exactly one SELECT statement (VALUES, DESCRIBE and SUMMARIZE are such to DuckDB)."""
        self.text, self.before = sql, before
        if len(sql) > longest:
            raise self.refusal(f"is {len(sql)} characters long; at most {longest} are read")
        if not sql.strip():
            raise self.refusal("is empty")
        if "\0" in sql:
            raise self.refusal("contains a NUL character")
        tree = _serialise(before + sql)
        if tree is None or "expression depth" in (why := tree.get("error_message", "")) or "exhausted" in why:
            raise self.refusal("is nested too deeply")
        if tree["error"] and tree.get("error_type") == "not implemented":
            raise self.refusal("does something else than read", hint=self.advice)
        if tree["error"]:
            at = tree.get("position")
            raise self.refusal("is not SQL", f" ({why})", self.advice, None if at is None else int(at))
        if len(tree["statements"]) != 1:
            raise self.refusal(f"holds {len(tree['statements'])} statements", hint="Write one, without ';'.")
        return tree

    def render(self) -> str:
        """The parsed text printed by DuckDB, without comments and semicolons."""
        call = "SELECT json_deserialize_sql(json_serialize_sql(?::VARCHAR))"
        row = _parser().cursor().execute(call, [self.before + self.text]).fetchone()
        assert row is not None
        return str(row[0])

    def expression_node(self, node: Mapping[str, Any]) -> None:
        kind = node.get("class")
        if kind is None:
            return
        if kind not in _EXPRESSION_CLASSES or (kind == "OPERATOR" and node["type"] not in _OPERATORS):
            raise self._not_allowed(f"uses {_REASONS.get(kind, node['type'])}", node)
        if kind == "FUNCTION":
            self._function(node, _SCALAR)
            if node["function_name"].lower() in ("lpad", "rpad"):
                self._padding(node)
            if node.get("distinct") or "filter" in node or "orders" in node["order_bys"]:
                raise self._not_allowed("uses an aggregate", node)

    def _padding(self, node: Mapping[str, Any]) -> None:
        """A text is padded to a length that stands in the expression, or one cell could fill the memory."""
        length = node["children"][1] if len(node["children"]) > 1 else {}
        value = length.get("value", {}).get("value")
        if not isinstance(value, int) or value > _LONGEST_PADDING:
            hint = f"Write the length as a number of at most {_LONGEST_PADDING}."
            raise self._not_allowed(f"calls '{node['function_name']}' with a length of its own", node, hint)

    def query_node(self, node: Mapping[str, Any]) -> None:
        kind, table = node.get("class"), node.get("type")
        if kind is not None:
            if kind not in _QUERY_CLASSES:
                raise self._not_allowed(f"uses {_REASONS.get(kind, kind)}", node)
            if "function_name" in node:
                self._function(node, _QUERY)
        elif isinstance(table, str) and table not in _QUERY_NODES and not table.endswith("_TYPE_INFO"):
            raise self._not_allowed(f"uses {table}", node)
        elif table == "TABLE_FUNCTION":
            name = node["function"].get("function_name", "")
            if name not in _TABLE_FUNCTIONS:
                raise self._not_allowed(f"calls the table function '{name}'", node, _DATASETS_ONLY)
        elif table == "BASE_TABLE":
            self._table(node)
        elif table == "SHOW_REF" and "query" not in node and node.get("table_name") != "__show_tables_expanded":
            raise self._not_allowed("shows something else than tables", node, "DESCRIBE lists the datasets.")

    def _not_allowed(self, what: str, node: Mapping[str, Any], hint: str | None = None) -> CimkitError:
        at = node.get("query_location")
        placed = isinstance(at, int) and at < 2**63  # the parser's "nowhere" is the largest number
        return self.refusal(what, ", which is not allowed", hint, at if placed else None)

    def _table(self, node: Mapping[str, Any]) -> None:
        name = node["table_name"]
        # Besides the datasets there is one schema, with what a catalog knows about them.
        plain = "catalog_name" not in node and node.get("schema_name", "main") in ("main", "catalog")
        if not plain or not _PLAIN_NAME.fullmatch(name) or _SYSTEM_NAME.match(name):
            full = ".".join(node[k] for k in ("catalog_name", "schema_name", "table_name") if k in node)
            raise self._not_allowed(f"reads '{full}', which is no dataset's name,", node, _DATASETS_ONLY)

    def _function(self, node: Mapping[str, Any], allowed: frozenset[str]) -> None:
        name = node["function_name"]
        if node.get("schema", "main") != "main" or "catalog" in node:
            owner = node.get("schema", node.get("catalog"))
            raise self._not_allowed(f"calls '{owner}.{name}'", node, f"Write {name}({owner}).")
        if name.lower() in allowed:
            return
        if name.lower() in _CLOCK:
            hint: str | None = _NO_CLOCK
        elif name.lower() in _QUERY:
            hint = "Only functions of one row's values are allowed: no aggregates, no windows."
        elif name.lower() == "st_transform":
            hint = "It ignores heights; give the CRS under 'geometry', or use --to-crs."
        else:
            hint = nearest(name, (n for n in allowed if n[0].isalpha()))
        raise self._not_allowed(f"calls '{name}'", node, hint)

    def column(self, node: Mapping[str, Any], known: Mapping[str, str]) -> str:
        """The column a reference means; the names after the first are fields inside a struct."""
        name = node["column_names"][0]
        column = known.get(name.lower())
        if column is None:
            hint = _NO_CLOCK if name.lower() in _CLOCK else nearest(name, known.values())
            raise self.refusal(f"uses the unknown column '{name}'", "", hint, node.get("query_location"))
        return column


def _serialise(sql: str) -> Any | None:
    """DuckDB's syntax tree of ``sql`` without empty members; None where it is too deep."""
    call = "SELECT json_serialize_sql(?::VARCHAR, skip_null := true, skip_empty := true)"
    row = _parser().cursor().execute(call, [sql]).fetchone()
    assert row is not None
    try:
        tree = json.loads(row[0])
    except RecursionError:
        return None
    level = [tree]
    for _ in range(MAX_DEPTH):
        level = [child for item in level for child in _children(item)]
        if not level:
            return tree
    return None


def _children(item: Any) -> list[Any]:
    values = item.values() if isinstance(item, dict) else item
    return [value for value in values if isinstance(value, (dict, list))]


@lru_cache(maxsize=1)
def _parser() -> duckdb.DuckDBPyConnection:
    """A connection that only parses: no data, no files, one thread. Use it through a cursor."""
    import duckdb

    return duckdb.connect(
        ":memory:",
        config={
            "enable_external_access": False,
            "autoinstall_known_extensions": False,
            "autoload_known_extensions": False,
            "threads": 1,
        },
    )
