"""The map of the page: it opens where most places are, for a block as for a country, and tells of the rest."""

from __future__ import annotations

import math
import random

import pytest
from html_reports import finding, report, rule
from hypothesis import given
from hypothesis import strategies as st
from lxml import html as lxml_html

from cimkit import report as reports
from cimkit.model import BBox, Report
from cimkit.report.html.map_drawing import HEIGHT, WIDTH, degree, drawing, nice
from cimkit.report.html.map_frame import Frame, frame

Places = list[tuple[float, float]]


def scattered(x: float, y: float, reach: float, count: int = 100) -> Places:
    dice = random.Random(1)
    return [(x + dice.uniform(-reach, reach), y + dice.uniform(-reach, reach)) for _ in range(count)]


def around(places: Places) -> BBox:
    return min(x for x, _ in places), min(y for _, y in places), max(x for x, _ in places), max(y for _, y in places)


def of_places(places: Places, box: BBox | None = None) -> Report:
    findings = [finding("building.a", "type", row, point=place) for row, place in enumerate(places)]
    return report([rule("building.a", "type", len(places))], findings, box)


def framed(places: Places, *extents: BBox) -> Frame:
    found = frame(places, extents)
    assert found is not None
    return found


@pytest.mark.parametrize("reach", [0.0005, 0.01, 0.5, 20.0])
def test_the_view_is_as_large_as_what_is_in_it(reach: float) -> None:
    places = scattered(104.0, 35.0, reach)
    found = framed(places)
    west, south, east, north = around(places)
    assert found.far == () and found.farthest is None
    assert found.most[0] < west and found.most[1] < south and found.most[2] > east and found.most[3] > north
    assert found.most[2] - found.most[0] < max(1.3 * 2 * reach, 0.003)


@pytest.mark.parametrize("lost", [[(0.0, 0.0)], [(39.9, 80.0)], [(0.0, 0.0), (-60.0, 10.0)]])
def test_the_lost_do_not_make_the_rest_a_speck(lost: Places) -> None:
    city = scattered(116.4, 39.9, 0.1)
    # The layer's extent holds the lost ones too.
    found = framed(city + lost, around(city + lost))
    assert sorted(found.far) == sorted(lost)
    assert found.farthest in lost
    assert found.most[2] - found.most[0] < 0.3
    assert found.whole[0] <= min(x for x, _ in lost) and found.whole[2] >= 116.5


def test_null_island_is_lost_even_beside_a_single_place() -> None:
    assert framed([(0.0, 0.0), (116.4, 39.9)]).far == ((0.0, 0.0),)
    assert framed([(0.0, 0.0), (0.0, 0.0)]).far == ()
    # Data that is really there: its layer lies there.
    assert framed([(0.0, 0.0), (0.5, 0.5)], (-0.5, -0.5, 0.9, 0.9)).far == ()


def test_two_cities_are_both_shown() -> None:
    found = framed(scattered(116.4, 39.9, 0.1, 70) + scattered(121.5, 31.2, 0.1, 30))
    assert found.far == ()
    assert found.most[1] < 31.1 and found.most[3] > 40.0


def test_one_place_is_shown_in_its_layer() -> None:
    assert framed([(116.4, 39.9)], (116.3, 39.8, 116.5, 40.0)).most[0] < 116.3
    alone = framed([(116.4, 39.9)]).most
    assert 0.0005 < alone[2] - alone[0] < 0.01


def test_a_layer_far_larger_than_its_findings_is_not_wholly_in_view() -> None:
    country, block = (73.0, 18.0, 135.0, 54.0), scattered(116.4, 39.9, 0.01)
    assert framed(block, country).most[2] - framed(block, country).most[0] < 0.05


def test_across_the_antimeridian_is_one_place() -> None:
    fiji = [(179.5, -17.0), (-179.5, -17.5), (178.0, -18.0), (-179.9, -16.5)]
    found = framed(fiji, (-179.9, -18.0, 179.5, -16.5))
    assert found.past_180 and found.far == ()
    assert 177 < found.most[0] < 178 and 180 < found.most[2] < 182
    assert found.unrolled(-179.5) == 180.5
    tree = lxml_html.fromstring(reports.render(of_places(fiji, (-179.9, -18.0, 179.5, -16.5)), "html", "en"))
    assert tree.xpath("//*[@class='grid']/*[name()='text'][contains(., '°W')]")
    assert tree.xpath("//*[@class='grid']/*[name()='text'][contains(., '°E')]")
    assert not tree.xpath("//*[@class='extents']/*")


def test_places_that_are_nowhere_are_left_out() -> None:
    assert frame([], []) is None
    assert frame([(math.nan, 1.0), (math.inf, 2.0), (181.0, 0.0), (500_000.0, 4_000_000.0)], []) is None
    tree = lxml_html.fromstring(reports.render(of_places([(500_000.0, 4e6)]), "html", "en"))
    assert not tree.xpath("//*[@id='chart-map']")


@given(
    st.lists(st.tuples(st.floats(-180, 180), st.floats(-90, 90)), min_size=1, max_size=30),
    st.lists(st.tuples(st.floats(-180, 180), st.floats(-90, 90), st.floats(-180, 180), st.floats(-90, 90)), max_size=3),
)
def test_any_places_can_be_framed(places: Places, extents: list[BBox]) -> None:
    found = framed(places, *extents)
    west, south, east, north = found.most
    assert east > west and north > south and all(map(math.isfinite, found.whole))
    inside = [(x, y) for x, y in places if west <= found.unrolled(x) <= east and south <= y <= north]
    assert len(inside) >= len(places) - len(found.far) >= 1
    for x, y in places:
        assert found.whole[0] <= found.unrolled(x) <= found.whole[2] and found.whole[1] <= y <= found.whole[3]
    drawing(found, (), [("a", box) for box in extents])


def test_every_place_in_view_is_in_a_marker() -> None:
    places = scattered(116.4, 39.9, 0.1, 500)
    tree = lxml_html.fromstring(reports.render(of_places(places), "html", "en"))
    markers = tree.xpath("//*[@class='markers']/a")
    counts = [int(each.xpath("string(*[name()='text'])") or 1) for each in markers]
    assert sum(counts) == 500 and 20 < len(markers) < 300
    circles = [tuple(float(c.get(k)) for k in ("cx", "cy", "r")) for c in tree.xpath("//*[@class='markers']//circle")]
    assert all(0 <= x <= WIDTH and 0 <= y <= HEIGHT for x, y, _ in circles)
    covered = [
        (a, b)
        for i, a in enumerate(circles)
        for b in circles[:i]
        if math.hypot(a[0] - b[0], a[1] - b[1]) < 0.75 * (a[2] + b[2])
    ]
    assert covered == []


def test_the_scale_bar_is_right() -> None:
    """Held against the length of a degree on the sphere, at the latitude of the map."""
    found = framed([(116.0, 39.5), (117.0, 40.5)])
    drawn = drawing(found, (), [])
    length = float(drawn.scale_label.removesuffix(" km"))
    degrees_of_latitude = (found.most[3] - found.most[1]) * drawn.scale_width / HEIGHT
    assert abs(degrees_of_latitude * 111.32 - length) / length < 0.01


def test_numbers_of_the_graticule() -> None:
    assert [nice(x) for x in (0.9, 1.0, 3.0, 7.0, 0.03, 1234.0)] == [0.5, 1.0, 2.0, 5.0, 0.02, 1000.0]
    assert degree(116.4, 0.1, "EW") == "116.4°E"
    assert degree(-33.25, 0.05, "NS") == "33.25°S"
    assert degree(181.0, 1.0, "EW") == "179°W"
    assert degree(0.0, 10.0, "NS") == "0°"
