"""Charts: every bar and step has the size of its amount to the øre, and stays inside the drawing area."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from datetime import date, timedelta
from fractions import Fraction
from typing import Final
from xml.etree import ElementTree

from hypothesis import given
from hypothesis import strategies as st

from services.portals import charts
from services.portals.formats import Language
from services.portals.rendering import environment

AMOUNTS: Final = st.integers(0, 100_000_000_00)
NAMES: Final = st.text(st.characters(codec="utf-8", exclude_categories=["C"]), max_size=20)
ROWS: Final = st.lists(st.tuples(NAMES, AMOUNTS, AMOUNTS), max_size=12)
DAYS: Final = st.integers(0, 365).map(
    lambda day: date(2024, 1, 1) + timedelta(days=day)
)  # a leap year has the most days
REPORTS: Final = st.lists(st.tuples(DAYS, AMOUNTS), max_size=30)
ALLOWANCES: Final = st.integers(0, 1_000_000_00)

SVG: Final = "{http://www.w3.org/2000/svg}"
_ACROSS: Final = ("x", "x1", "x2", "cx")
_DOWN: Final = ("y", "y1", "y2", "cy")


def svg_of(macro: str, *arguments: object) -> ElementTree.Element:
    """The chart of a page as an XML element."""
    module = environment(Language.DANISH).get_template("charts.html").module
    svg = str(getattr(module, macro)("it", *arguments)).replace("<svg ", '<svg xmlns="http://www.w3.org/2000/svg" ', 1)
    return ElementTree.fromstring(svg)  # noqa: S314 - from our own template


def svg_of_bars(chart: charts.Bars) -> ElementTree.Element:
    return svg_of("bars", chart, "Title", "Said")


def svg_of_steps(chart: charts.Steps) -> ElementTree.Element:
    return svg_of("steps", chart, "Title", "Said", "Limit")


def coordinates(svg: ElementTree.Element) -> Iterator[tuple[float, float, str]]:
    """Every coordinate of the chart, with its upper limit and the element."""
    _, _, width, height = (float(number) for number in svg.attrib["viewBox"].split())
    for element in svg:
        if element.tag == f"{SVG}defs":
            continue
        for names, size, most in ((_ACROSS, "width", width), (_DOWN, "height", height)):
            for name in names:
                if name in element.attrib:
                    yield float(element.attrib[name]), most, element.tag
            if size in element.attrib:
                yield float(element.attrib[names[0]]) + float(element.attrib[size]), most, element.tag
        for letter, number in re.findall(r"([HV])([-0-9.]+)", element.attrib.get("d", "")):
            yield float(number), width if letter == "H" else height, "path"


def assert_inside(svg: ElementTree.Element) -> None:
    for place, most, tag in coordinates(svg):
        assert 0 <= place <= most, f"a {tag} at {place} of {most}"


@given(ROWS)
def test_every_bar_is_as_long_as_its_amounts_to_the_oere(rows: list[tuple[str, int, int]]) -> None:
    chart = charts.bars(rows)

    for bar, (name, exempt, excess) in zip(chart.bars, rows, strict=True):
        assert (bar.name, bar.total) == (name, exempt + excess)
        assert (bar.exempt.width, bar.excess.width) == (exempt * chart.scale, excess * chart.scale)
        assert bar.excess.x == bar.exempt.x + bar.exempt.width, "the parts are adjacent"


@given(ROWS)
def test_the_longest_bar_fills_the_drawing_area_and_none_exceeds_it(rows: list[tuple[str, int, int]]) -> None:
    chart = charts.bars(rows)

    lengths = [bar.end - bar.exempt.x for bar in chart.bars]
    if any(bar.total for bar in chart.bars):
        assert max(lengths) == Fraction(charts.WIDTH - charts._NAMES - charts._AMOUNTS)
    assert_inside(svg_of_bars(chart))


@given(ROWS)
def test_bars_do_not_touch(rows: list[tuple[str, int, int]]) -> None:
    chart = charts.bars(rows)

    tops = [bar.y for bar in chart.bars]
    assert all(below - above > chart.thickness for above, below in itertools.pairwise(tops))


def test_a_bar_is_labelled_with_its_name_and_total() -> None:
    svg = svg_of_bars(charts.bars([("maj", 750_000, 125_050), ("juni", 0, 0)]))

    texts = [text.text for text in svg.iter(f"{SVG}text")]
    assert texts == ["maj", "8.750,50\N{NO-BREAK SPACE}kr.", "juni", "0,00\N{NO-BREAK SPACE}kr."]
    assert [part.attrib["data-ore"] for part in svg.findall(f"{SVG}rect")] == ["750000", "125050"]


def test_exempt_and_excess_differ_by_more_than_colour() -> None:
    exempt, excess = svg_of_bars(charts.bars([("maj", 1, 1)])).findall(f"{SVG}rect")

    assert "fill" not in exempt.attrib
    assert excess.attrib["fill"] == "url(#it-stripes)"


def test_a_name_is_escaped() -> None:
    svg = svg_of_bars(charts.bars([("<script>alert(1)</script>", 1, 0)]))

    assert next(text.text for text in svg.iter(f"{SVG}text")) == "<script>alert(1)</script>"


@given(ALLOWANCES, REPORTS)
def test_every_step_is_as_high_as_its_report_to_the_oere(allowance: int, reports: list[tuple[date, int]]) -> None:
    chart = charts.steps(2024, allowance, reports)

    so_far = 0
    for step, (day, amount) in zip(chart.steps, sorted(reports), strict=True):
        so_far += amount
        assert (step.day, step.amount, step.total) == (day, amount, so_far)
        assert step.below - step.y == amount * chart.scale
        assert chart.bottom - step.y == so_far * chart.scale
    assert chart.bottom - chart.allowance.at == allowance * chart.scale


@given(ALLOWANCES, REPORTS)
def test_each_step_begins_where_the_previous_one_ends(allowance: int, reports: list[tuple[date, int]]) -> None:
    chart = charts.steps(2024, allowance, reports)

    below = Fraction(chart.bottom)
    for step in chart.steps:
        assert step.below == below
        below = step.y
    assert [step.x for step in chart.steps] == sorted(step.x for step in chart.steps)


@given(ALLOWANCES, REPORTS)
def test_no_step_leaves_the_drawing_area(allowance: int, reports: list[tuple[date, int]]) -> None:
    chart = charts.steps(2024, allowance, reports)

    assert all(chart.left <= step.x <= chart.right for step in chart.steps)
    assert all(0 < step.y <= chart.bottom for step in chart.steps)
    assert_inside(svg_of_steps(chart))


@given(ALLOWANCES, REPORTS)
def test_the_axis_has_few_round_amounts_in_the_right_places(allowance: int, reports: list[tuple[date, int]]) -> None:
    chart = charts.steps(2024, allowance, reports)

    assert 2 <= len(chart.amounts) <= 6
    for mark in chart.amounts:
        assert mark.value % 100 == 0, "whole kroner, as the axis writes them"
        assert chart.bottom - mark.at == mark.value * chart.scale
    assert chart.amounts[-1].value >= max([allowance, *(step.total for step in chart.steps)])


def test_the_chart_of_a_year_without_reports_shows_only_the_allowance() -> None:
    svg = svg_of_steps(charts.steps(2025, 4_276_600, []))

    assert svg.findall(f"{SVG}path") == []
    assert [line.attrib["data-ore"] for line in svg.findall(f"{SVG}line") if "data-ore" in line.attrib] == ["4276600"]


def test_the_first_and_the_last_day_of_a_year_are_at_the_ends_of_the_axis() -> None:
    chart = charts.steps(2025, 100, [(date(2025, 1, 1), 1), (date(2025, 12, 31), 1)])

    assert [step.x for step in chart.steps] == [chart.left, chart.right]


def test_a_chart_has_an_accessible_name_and_description() -> None:
    for svg in (svg_of_bars(charts.bars([("maj", 1, 0)])), svg_of_steps(charts.steps(2025, 1, []))):
        named = {element.attrib["id"]: element.text for element in svg if "id" in element.attrib}
        assert svg.attrib["role"] == "img"
        assert named[svg.attrib["aria-labelledby"]] == "Title"
        assert named[svg.attrib["aria-describedby"]] == "Said"
