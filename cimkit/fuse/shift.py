"""How far two sources lie off each other, cell by cell: some metres that differ from place to place.

Footprints traced from different images disagree by a shift that is nearly the same for all
buildings of a neighbourhood. It is estimated as the median offset of buildings that are each
other's nearest, and taken off before anything is compared. (Method of the EUBUCCO
conflation, there on H3 cells.)
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import duckdb

#: About the size of the H3 cells of resolution 9 the method was published with.
CELL_M = 350.0
#: Buildings farther apart, or more different in size, are not the same one.
_FARTHEST_M = 25.0
_LEAST_AREA_RATIO = 0.5
_LEAST_PAIRS = 5


def estimate(con: duckdb.DuckDBPyConnection, left: int, right: int) -> int:
    """Make ``shift(cell_x, cell_y, dx, dy)``: what to add to ``right`` to lie on ``left``; how many cells.

    A cell with fewer than five buildings that have a partner takes the shift of itself and
    the eight cells around it; where these have too few as well there is none.
    """
    con.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE near_left AS
            SELECT rid, x, y, area, ST_Point(x, y) AS centre FROM place WHERE source = {left};
        CREATE OR REPLACE TEMP TABLE near_right AS
            SELECT rid, x, y, area, ST_Point(x, y) AS centre FROM place WHERE source = {right};
        CREATE OR REPLACE TEMP TABLE near AS
            SELECT a.rid AS a, b.rid AS b, a.area AS a_area, b.area AS b_area, b.x, b.y,
                a.x - b.x AS dx, a.y - b.y AS dy
            FROM near_left a JOIN near_right b ON ST_DWithin(a.centre, b.centre, {_FARTHEST_M});
        CREATE OR REPLACE TEMP TABLE mutual AS
            SELECT floor(x / {CELL_M})::INTEGER AS cell_x, floor(y / {CELL_M})::INTEGER AS cell_y, dx, dy
            FROM near
            WHERE least(a_area, b_area) >= {_LEAST_AREA_RATIO} * greatest(a_area, b_area)
            QUALIFY row_number() OVER (PARTITION BY a ORDER BY dx * dx + dy * dy, b) = 1
                AND row_number() OVER (PARTITION BY b ORDER BY dx * dx + dy * dy, a) = 1;
        CREATE OR REPLACE TEMP TABLE shift AS
            WITH own AS (
                SELECT cell_x, cell_y, median(dx) AS dx, median(dy) AS dy, count(*) AS pairs
                FROM mutual GROUP BY ALL
            ), around AS (
                SELECT cell_x + i AS cell_x, cell_y + j AS cell_y, median(dx) AS dx, median(dy) AS dy
                FROM mutual, range(-1, 2) east(i), range(-1, 2) north(j)
                GROUP BY ALL HAVING count(*) >= {_LEAST_PAIRS}
            )
            SELECT cell_x, cell_y,
                CASE WHEN own.pairs >= {_LEAST_PAIRS} THEN own.dx ELSE around.dx END AS dx,
                CASE WHEN own.pairs >= {_LEAST_PAIRS} THEN own.dy ELSE around.dy END AS dy
            FROM around LEFT JOIN own USING (cell_x, cell_y);
        DROP TABLE near; DROP TABLE near_left; DROP TABLE near_right; DROP TABLE mutual
        """
    )
    row = con.execute("SELECT count(*) FROM shift").fetchone()
    return int(row[0]) if row else 0
