"""The public page of statistics."""

from __future__ import annotations

from datetime import date
from typing import Final

from frikort_contracts.http.statistics import MonthStatistics, MunicipalityFigures, PublishedYears, YearStatistics

from tests.portals.conftest import OpenTab
from tests.portals.reading import page_text
from tests.portals.resources import NOON
from tests.portals.site import Site

FIGURES: Final = {"101": (1500, 1200, 640, 2_100_000_00), "147": (60, 45, 20, 90_000_00), "825": (0, 0, 0, None)}


def month(number: int) -> MonthStatistics:
    return MonthStatistics(
        month=date(2025, number, 1),
        published_at=NOON,
        employers=150,
        municipalities=[
            MunicipalityFigures(
                municipality=code,
                issued=issued + 5 * number * (issued > 0),
                active=active,
                used=used,
                employers=used // 10 * 5,
                exempt_ore=exempt,
                excess_ore=None,
            )
            for code, (issued, active, used, exempt) in FIGURES.items()
        ],
        other_exempt_ore=12_000_00,
        other_excess_ore=None,
    )


def answer_statistics(site: Site) -> None:
    site.answer("GET", "/v1/statistics", PublishedYears(years=[2024, 2025]))
    site.answer("GET", "/v1/statistics/2025", YearStatistics(year=2025, months=[month(1), month(2), month(3)]))


async def test_the_page_shows_the_last_month_and_the_totals_of_what_is_shown(site: Site) -> None:
    answer_statistics(site)
    async with site.client() as browser:
        text = page_text(await browser.get("/statistik"))

    assert "Kommunerne i marts 2025" in text
    assert "København 1515 1200 640 320 2.100.000 vises ikke" in text
    assert "Læsø under 5 under 5 under 5 under 5 vises ikke vises ikke" in text
    assert "Øvrige kommuner tilsammen 12.000 vises ikke" in text
    assert "Hele landet 1590 1245 660 150 2.202.000 vises ikke" in text


async def test_a_month_can_be_chosen_and_the_page_is_in_english_too(site: Site) -> None:
    answer_statistics(site)
    async with site.client() as browser:
        text = page_text(await browser.get("/statistik/2025/1", headers={"cookie": "sprog=en"}))

    assert "København 1505" in text
    assert "The municipalities in January 2025" in text


async def test_without_statistics_the_page_says_when_they_come(site: Site) -> None:
    site.answer("GET", "/v1/statistics", PublishedYears(years=[]))
    async with site.client() as browser:
        assert "ikke offentliggjort statistik endnu" in page_text(await browser.get("/statistik"))


async def test_the_page_is_accessible_and_valid(open_tab: OpenTab, site: Site, address: str, width: int) -> None:
    answer_statistics(site)
    tab = await open_tab(width=width)
    await tab.open(f"{address}/statistik")
    await tab.check()
    await tab.screenshot("statistik")
