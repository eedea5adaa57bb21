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
    """The sums of a month's published figures, amounts in øre; None: no amount is published."""

    month: date
    issued: int
    active: int
    used: int
    exempt: int | None
    excess: int | None


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
    if not found.months:
        return page.render("public/no_statistics.html")
    totals = [totals_of(month) for month in found.months]
    shown = next((month for month in found.months if month.month.month == number), found.months[-1])
    series: tuple[tuple[str, Callable[[Totals], int]], ...] = (
        (page.gettext("Antal frikort"), lambda each: each.issued),
        (page.gettext("Aktive frikort"), lambda each: each.active),
        (page.gettext("Brugte frikort i året"), lambda each: each.used),
    )
    lines = charts.lines([(name, [(each.month.month, count(each)) for each in totals]) for name, count in series])
    bars = charts.bars([(_short_name(page, each), *_drawn(each)) for each in totals])
    return page.render(
        "public/statistics.html",
        years=years,
        year=year,
        totals=totals,
        shown=shown,
        shown_totals=totals_of(shown),
        lines=lines,
        bars=bars,
        names=MUNICIPALITIES,
    )


def _short_name(page: Page, totals: Totals) -> str:
    return formats.month_name(totals.month.month, page.language, short=True)


def _drawn(totals: Totals) -> tuple[int, int]:
    """The amounts of a bar: corrections can make an amount negative."""
    return max(totals.exempt or 0, 0), max(totals.excess or 0, 0)


def totals_of(month: MonthStatistics) -> Totals:
    """The sums of the published figures."""
    rows = month.municipalities
    return Totals(
        month=month.month,
        issued=_sum(rows, lambda row: row.issued),
        active=_sum(rows, lambda row: row.active),
        used=_sum(rows, lambda row: row.used),
        exempt=_amount([*(row.exempt_ore for row in rows), month.other_exempt_ore]),
        excess=_amount([*(row.excess_ore for row in rows), month.other_excess_ore]),
    )


def _sum(rows: Iterable[MunicipalityFigures], value: Callable[[MunicipalityFigures], int]) -> int:
    return sum(value(row) for row in rows)


def _amount(published: Iterable[int | None]) -> int | None:
    shown = [amount for amount in published if amount is not None]
    return sum(shown) if shown else None
