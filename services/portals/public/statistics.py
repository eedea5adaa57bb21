"""The public statistics: charts, a table, and the files of the open data."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date
from typing import Final

from fastapi import APIRouter
from frikort_contracts.http.statistics import MonthStatistics, MunicipalityFigures, PublishedYears, YearStatistics
from frikort_contracts.municipalities import MUNICIPALITIES
from starlette.responses import Response

from services.portals import charts, formats
from services.portals.page import OpenPage, Page

router = APIRouter()

_PATH: Final = "/v1/statistics"


@dataclass(frozen=True)
class Totals:
    """The sums of a month's published figures, amounts in øre. What is not published is not in them."""

    month: date
    issued: int
    active: int
    used: int
    exempt: int
    excess: int


@router.get("/statistik")
async def latest_statistics(page: OpenPage) -> Response:
    """The latest month."""
    years = (await page.api.get(_PATH, PublishedYears)).years
    if not years:
        return page.render("public/no_statistics.html")
    return await _month_page(page, years, years[-1], None)


@router.get("/statistik/katalog")
async def catalog(page: OpenPage) -> Response:
    """The description for data portals."""
    return await page.forward(f"{_PATH}/catalog")


@router.get("/statistik/{year}")
async def year_statistics(page: OpenPage, year: int) -> Response:
    """The last published month of a year."""
    return await _month_page(page, (await page.api.get(_PATH, PublishedYears)).years, year, None)


@router.get("/statistik/{year}/csv")
async def download_csv(page: OpenPage, year: int) -> Response:
    """The figures of a year as CSV."""
    return await page.forward(f"{_PATH}/{year}/csv")


@router.get("/statistik/{year}/json")
async def download_json(page: OpenPage, year: int) -> Response:
    """The figures of a year as JSON."""
    return await page.forward(f"{_PATH}/{year}")


@router.get("/statistik/{year}/{month}")
async def month_statistics(page: OpenPage, year: int, month: int) -> Response:
    """One month."""
    return await _month_page(page, (await page.api.get(_PATH, PublishedYears)).years, year, month)


async def _month_page(page: Page, years: list[int], year: int, number: int | None) -> Response:
    found = await page.api.get(f"{_PATH}/{year}", YearStatistics)
    totals = [totals_of(month) for month in found.months]
    shown = next((month for month in found.months if month.month.month == number), found.months[-1])
    series: tuple[tuple[str, Callable[[Totals], int]], ...] = (
        (page.gettext("Antal frikort"), lambda each: each.issued),
        (page.gettext("Aktive frikort"), lambda each: each.active),
        (page.gettext("Brugte frikort i året"), lambda each: each.used),
    )
    lines = charts.lines([(name, [(each.month.month, count(each)) for each in totals]) for name, count in series])
    names = [
        (formats.month_name(each.month.month, page.language, short=True), max(each.exempt, 0), max(each.excess, 0))
        for each in totals
    ]
    return page.render(
        "public/statistics.html",
        years=years,
        year=year,
        totals=totals,
        shown=shown,
        shown_totals=totals_of(shown),
        lines=lines,
        bars=charts.bars(names),
        names=MUNICIPALITIES,
    )


def totals_of(month: MonthStatistics) -> Totals:
    """The sums of the published figures."""
    rows = month.municipalities
    return Totals(
        month=month.month,
        issued=_sum(rows, lambda row: row.issued),
        active=_sum(rows, lambda row: row.active),
        used=_sum(rows, lambda row: row.used),
        exempt=_sum(rows, lambda row: row.exempt_ore) + (month.other_exempt_ore or 0),
        excess=_sum(rows, lambda row: row.excess_ore) + (month.other_excess_ore or 0),
    )


def _sum(rows: Iterable[MunicipalityFigures], value: Callable[[MunicipalityFigures], int | None]) -> int:
    return sum(value(row) or 0 for row in rows)
