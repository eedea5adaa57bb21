"""An analyst orders extracts and downloads their files."""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import sha256

import pytest
from playwright.async_api import Page, expect

from deploy.local.system import LocalSystem
from tests.integration.scene import TODAY, Job, World
from tests.portals.conftest import OpenTab
from tests.portals.journeys.steps import download, expect_heading, log_in
from tests.waiting import eventually


@pytest.fixture(scope="module")
def job(system: LocalSystem) -> Iterator[Job]:
    """A card of Jammerbugt with a report."""
    world = World(system)
    job = world.job(world.card(municipality="849"))
    job.report(750_000)
    yield job
    world.reset_clock()


@pytest.fixture(autouse=True)
def _today(job: Job, system: LocalSystem) -> None:
    World(system).on(TODAY)


async def test_an_analyst_orders_an_extract_watches_its_progress_and_downloads_the_file_of_its_manifest(
    system: LocalSystem, job: Job, open_tab: OpenTab
) -> None:
    tab = await open_tab()
    page = tab.page
    await log_in(tab, system, "/myndighed", "Testmyndighed Skat")
    await expect_heading(page, "Dataudtræk")
    await tab.check()
    await page.get_by_role("link", name="Bestil et udtræk").click()
    await tab.check()
    await page.get_by_role("button", name="Bestil udtræk").click()
    await expect(
        page.get_by_role("link", name="Vælg enten et år, eller skriv den første og den sidste måned.")
    ).to_be_visible()
    await tab.check()
    await page.get_by_label("År").select_option("2025")
    await page.get_by_role("button", name="Bestil udtræk").click()

    await expect_heading(page, "Udtræk for 2025")
    await expect(page.get_by_role("heading", name="Udtrækket er færdigt")).to_be_visible(timeout=30_000)
    await expect(page.get_by_role("progressbar")).to_have_count(0)
    await tab.check()
    await tab.screenshot("myndighed-udtraek")
    checksum = await page.locator(".checksum").first.inner_text()
    file = await download(page, "Hent CSV")
    assert sha256(file).hexdigest() == checksum
    assert job.card.id in file.decode("utf-8-sig")
    await page.get_by_role("link", name="Dataudtræk").first.click()
    await expect(page.get_by_role("row", name="2025 Hele landet Færdigt").first).to_be_visible()
    await tab.check()
    await tab.screenshot("myndighed")


async def test_an_analyst_orders_an_extract_with_the_keyboard_on_a_phone_without_javascript(
    system: LocalSystem, job: Job, open_tab: OpenTab
) -> None:
    tab = await open_tab(width=390, javascript=False)
    page, keys = tab.page, tab.keys
    await log_in(tab, system, "/myndighed/nyt-udtraek", "Testmyndighed STAR")
    await keys.tab_to(page.get_by_label("År"))
    await keys.type("2025")
    await keys.tab_to(page.get_by_label("Kommune"))
    await keys.type("Jammerbugt")
    await tab.check()
    await keys.tab_to(page.get_by_role("button", name="Bestil udtræk"))
    await keys.press("Enter")

    await expect_heading(page, "Udtræk for 2025")
    await eventually(lambda: done_after_a_reload(page))
    await expect(page.get_by_role("cell", name="Jammerbugt")).to_be_visible()
    await tab.check()
    file = (await download(page, "Hent JSON")).decode()
    assert job.card.id in file
    assert job.card.citizen.cpr not in file

    await tab.open(f"{system.portals_url}/myndighed")
    await tab.check()


async def done_after_a_reload(page: Page) -> bool:
    """Whether the page shows the completed extract after a reload."""
    await page.reload()
    return await page.get_by_role("heading", name="Udtrækket er færdigt").count() == 1
