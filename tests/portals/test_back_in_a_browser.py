"""D9 in a browser: Back and reload after a form."""

from __future__ import annotations

import pytest
from frikort_contracts.http.reports import DryRunResource
from frikort_contracts.http.roles import Role
from playwright.async_api import expect

from tests.portals.browser import Tab
from tests.portals.conftest import OpenTab
from tests.portals.employer.resources import EMPLOYMENT, employment, has_employments, has_reports, report
from tests.portals.site import Site


@pytest.fixture
def site(site: Site) -> Site:
    site.sign_in(Role.EMPLOYER)
    has_employments(site, employment())
    has_reports(site, report())
    tried = DryRunResource(
        employment_id=EMPLOYMENT,
        reference="x",
        year=2026,
        total_ore=250_000,
        exempt_at_least_ore=250_000,
        excess_at_most_ore=0,
        allowance_ore=4_276_600,
        provisional=False,
        remaining_before_ore=4_200_000,
        remaining_after_ore=3_900_000,
        already_reported=False,
        advice=[],
    )
    site.answer("POST", "/v1/reports/dry-run", tried)
    site.answer("POST", "/v1/reports", report(), status=201)
    return site


async def go_to_summary(tab: Tab, address: str) -> None:
    """Type a wage and go on to the summary."""
    await tab.open(f"{address}/virksomhed/indberet/{EMPLOYMENT}")
    await tab.page.get_by_label("Løn i kroner").fill("2.500,00")
    await tab.page.get_by_role("button", name="Se, hvad det betyder").click()
    await expect(tab.page.get_by_role("heading", name="Er det rigtigt?")).to_be_visible()


async def test_back_from_receipt_and_summary_shows_the_pages_as_they_were(
    open_tab: OpenTab, site: Site, address: str
) -> None:
    tab = await open_tab()
    page = tab.page
    await go_to_summary(tab, address)

    await page.go_back()
    await expect(page.get_by_label("Løn i kroner")).to_have_value("2.500,00")
    await page.get_by_role("button", name="Se, hvad det betyder").click()
    await expect(page.get_by_role("heading", name="Er det rigtigt?")).to_be_visible()
    await page.reload()
    await page.get_by_role("button", name="Indberet", exact=True).click()
    await expect(page.get_by_role("heading", name="Lønnen er indberettet")).to_be_visible()

    await page.go_back()
    await expect(page.get_by_role("heading", name="Er det rigtigt?")).to_be_visible()
    await expect(page.get_by_text("2.500,00 kr.").first).to_be_visible()
    await tab.check()


async def test_without_javascript_back_shows_what_was_typed_and_offers_an_empty_form(
    open_tab: OpenTab, site: Site, address: str
) -> None:
    tab = await open_tab(javascript=False)
    page = tab.page
    await go_to_summary(tab, address)

    await page.go_back()
    await expect(page.get_by_label("Løn i kroner")).to_have_value("2.500,00")
    await tab.check()

    await page.get_by_role("link", name="Begynd forfra med en tom formular").click()
    await expect(page.get_by_label("Løn i kroner")).to_have_value("")
